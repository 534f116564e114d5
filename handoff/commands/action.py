"""What the GitHub action needs besides the commands: `python -m handoff.commands.action`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from handoff import api
from handoff.base.problems import HandoffError, UsageError
from handoff.commands import console
from handoff.project.project import Project


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
