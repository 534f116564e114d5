"""What the GitHub action asks beside the commands: `python -m handoff.cli.action table .`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from handoff import api
from handoff.cli import console
from handoff.document import Document
from handoff.printing import escaped
from handoff.problems import HandoffError, InvalidInput, UsageError
from handoff.project import Project

MAX_ROWS = 500
"""Of the table: GitHub takes no summary past one MiB."""


def table(project: Project) -> str:
    """Every session, newest first, with its status: Markdown for the job's summary."""
    rows = sorted(_rows(project), reverse=True)
    if not rows:
        return "No sessions.\n"
    lines = ["| Session | Status | Boxes | Blanks | Document |", "|---|---|---|---|---|"]
    lines += [row for _, _, row in rows[:MAX_ROWS]]
    lines += [f"\n{len(rows) - MAX_ROWS} older sessions are left out."] * (len(rows) > MAX_ROWS)
    return "\n".join(lines) + "\n"


def _rows(project: Project) -> Iterator[tuple[str, str, str]]:
    """Day, id and row of each; one that cannot be rendered comes first."""
    for session_id in project.session_ids():
        try:
            loaded = api.load(project, session_id)
            facts = api.recorded(project, session_id)
            document = api.render(project, loaded, facts)
        except InvalidInput as error:
            mistakes = len(error.report.errors)
            words = "1 mistake" if mistakes == 1 else f"{mistakes} mistakes"
            yield "~", session_id, f"| {_cell(session_id)} | ❌ {words} | | | |"
        else:
            session = loaded.session
            name = f"{_cell(session_id)}: {_cell(session.title)}"
            yield str(session.created.day), session_id, _row(name, document)


def _row(name: str, document: Document) -> str:
    cells = (name, _cell(document.status), document.progress, str(len(document.open)))
    return f"| {' | '.join(cells)} | {_cell(document.path)} |"


def _cell(text: str) -> str:
    return escaped(text, "cell")


def files(project: Project) -> str:
    """What a run may have written, relative to the root, each ended by a NUL."""
    output = project.settings.output
    if Path(output) == Path():
        raise UsageError("handoff.yaml: error: 'output: .' cannot be committed, name a folder")
    recorded = [api.facts_path(session_id) for session_id in project.session_ids()]
    there = (path for path in (output, *recorded) if project.path(path).exists())
    return "".join(f"{path}\0" for path in there)


def folder(project: Project) -> str:
    """The documents' folder, taken from the workspace."""
    workspace = os.environ.get("GITHUB_WORKSPACE", ".")
    return os.path.relpath(project.path(project.settings.output), workspace)


ANSWERS: Mapping[str, Callable[[Project], str]] = {
    "table": table,
    "files": files,
    "folder": folder,
}


def main(words: list[str]) -> int:
    """Print the answer about the project at the root that `words` name."""
    try:
        console.out(ANSWERS[words[0]](api.open_project(words[1])))
    except HandoffError as error:
        console.lines(str(error))
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
