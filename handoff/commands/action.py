"""Outputs that the GitHub action needs: `python -m handoff.commands.action`."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from html import escape
from pathlib import Path

from handoff.base.characters import revealed
from handoff.base.patterns import lazy_pattern
from handoff.base.problems import HandoffError, UsageError
from handoff.base.report import counted
from handoff.base.secrets import scan
from handoff.commands import console
from handoff.project.project import Project
from handoff.publish import writer
from handoff.publish.signature import INDEX_OWNER, LATEST_OWNER, signature
from handoff.render.content import fence
from handoff.sources.git_history import committed_paths, content_at
from handoff.workspace.build import BuiltDocument, ProjectBuild
from handoff.workspace.load import open_project
from handoff.workspace.paths import facts_path

MAX_LINES, MAX_CHARACTERS = 400, 1_000
"""Lines of one document's diff, and characters of such a line."""
MAX_CHARTS = 20
"""Of one document."""
MAX_BYTES = 600_000
"""Of all diffs; GitHub limits the summary of a step to 1 MiB."""


def files(project: Project) -> str:
    """The paths that a run may have written, relative to the root, each ended by a NUL."""
    output = project.settings.output
    if Path(output) == Path():
        raise UsageError(
            "'output: .' cannot be committed; set it to a folder", place="handoff.yaml"
        )
    recorded = [facts_path(session_id) for session_id in project.session_ids()]
    existing = (path for path in (output, *recorded) if project.path(path).exists())
    return "".join(f"{path}\0" for path in existing)


def folder(project: Project) -> str:
    """The folder of the documents, relative to GitHub's workspace."""
    workspace = os.environ.get("GITHUB_WORKSPACE", ".")
    return os.path.relpath(project.path(project.settings.output), workspace)


def differences(project: Project) -> str:
    """Markdown for the job summary: the diff of each document that a pull request changes.

    From the commit `BASE` in the environment, else from the file, to what is rendered now.
    Lines with a secret are removed. Documents that it deletes are listed.
    """
    shown, size, omitted = list(_deleted(project)), 0, 0
    for built in ProjectBuild(project).documents():
        if built.owner in (INDEX_OWNER, LATEST_OWNER) or built.is_image:
            continue
        part = "\n".join(_difference(project, built))
        size += len(part.encode())
        if size <= MAX_BYTES:
            shown += [part] if part else []
        else:
            omitted += bool(part)
    if omitted:
        shown.append(f"{counted(omitted, 'more diff')} omitted.\n")
    return "\n".join(["\n### Changed documents\n", *shown]) if shown else ""


def _deleted(project: Project) -> Iterator[str]:
    """A line for each document that the commit `BASE` has and the folder has not."""
    base = os.environ.get("BASE")
    if not base:
        return
    folder = f"{project.settings.output}/"
    for path in sorted(committed_paths(project.root, base)):
        if (
            not path.startswith(folder)
            or not path.endswith(".md")
            or project.path(path).exists()
        ):
            continue
        content = content_at(project.root, base, path) or b""
        if signature(content).owner not in (None, INDEX_OWNER, LATEST_OWNER):
            yield f"Deleted: <code>{escape(revealed(path))}</code>\n"


def _difference(project: Project, built: BuiltDocument) -> Iterator[str]:
    path, base = built.path, os.environ.get("BASE")
    there = project.read(path)
    before = content_at(project.root, base, path) if base else there
    text = signature(there or b"").text if built.text is None else built.text
    if signature(before or b"").text == text:
        return
    yield from _charts(project, path, text)
    yield f"<details><summary>{escape(revealed(path))}</summary>\n"
    yield from _masked(project, path, (before or b"").decode("utf-8", "replace"), text)
    yield "\n</details>\n"


_CHART = lazy_pattern(r"^( *)```mermaid\n(.*?)\n\1```$", re.MULTILINE | re.DOTALL)


def _charts(project: Project, path: str, text: str) -> Iterator[str]:
    """The charts of a document that hold no secret, as GitHub draws them."""
    found = [(match[1], match[2]) for match in _CHART.finditer(text)][:MAX_CHARTS]
    drawn = [line for indent, inside in found for line in _fenced(inside, indent)]
    if drawn and not scan("\n".join(drawn), path, project.settings.secrets_allow).findings:
        yield f"**Charts of {escape(revealed(path))}**\n"
        yield from drawn


def _fenced(inside: str, indent: str) -> list[str]:
    lines = [revealed(line.removeprefix(indent)) for line in inside.split("\n")]
    return [*fence("\n".join(lines), "mermaid"), ""]


def _masked(project: Project, path: str, before: str, text: str) -> list[str]:
    allowed = project.settings.secrets_allow
    whole = scan(f"{before}\n{text}", path, allowed).findings
    if any(
        each.rule == "private-key" for each in whole
    ):  # most of its lines do not look secret
        return ["Not shown: the document looks like it holds a secret (private-key)."]
    lines = writer.difference(path, before.encode(), text, most=MAX_LINES).split("\n")
    found = scan("\n".join(line[1:] for line in lines), path, allowed).findings
    for each in found:
        sign = lines[each.line - 1][:1]
        lines[each.line - 1] = f"{sign}(removed: looks like a secret, {each.rule})"
    shown = (line.expandtabs(4) for line in lines)
    return fence("\n".join(revealed(line)[:MAX_CHARACTERS] for line in shown), "diff")


OUTPUTS: Mapping[str, Callable[[Project], str]] = {
    "files": files,
    "folder": folder,
    "differences": differences,
}


def main(words: list[str]) -> int:
    """Print the output `words[0]` for the project at the root `words[1]`."""
    try:
        console.out(OUTPUTS[words[0]](open_project(words[1])))
    except HandoffError as error:
        console.lines(error.lines)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
