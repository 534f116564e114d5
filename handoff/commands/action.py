"""Outputs that the GitHub action needs: `python -m handoff.commands.action`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from handoff.base.problems import HandoffError, UsageError
from handoff.commands import console
from handoff.project.project import Project
from handoff.workspace.load import open_project
from handoff.workspace.paths import facts_path


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


OUTPUTS: Mapping[str, Callable[[Project], str]] = {
    "files": files,
    "folder": folder,
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
