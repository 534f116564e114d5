"""`publish`: write all documents and the index."""

from __future__ import annotations

from typing import Annotated

import typer

from handoff.base.report import counted
from handoff.commands import console, options
from handoff.workspace import publish as publishing
from handoff.workspace.load import open_project


def publish(
    check: Annotated[
        bool,
        typer.Option("--check", help="Write nothing; exit with 1 if a file would change."),
    ] = False,
    overwrite: options.Overwrite = False,
    prune: Annotated[
        bool,
        typer.Option(
            "--prune",
            help="Delete orphaned documents; those with manual edits are kept.",
        ),
    ] = False,
    root: options.Root = None,
) -> int:
    """Recorded facts are used; no query runs."""
    project = open_project(root)
    if check:
        found = publishing.unpublished(project, progress=console.ProgressLine())
        for each in found:
            console.problems([each.problem])
            console.lines(each.difference)
        return 1 if found else 0
    result = publishing.publish(
        project, overwrite=overwrite, prune=prune, progress=console.ProgressLine()
    )
    for path in result.resolved:
        console.note(f"resolved the merge conflict in {path}")
    for written in result.written:
        if written.changed:
            console.note(f"wrote {written.path}")
        console.note_saved(written)
    for refusal in result.refused:
        console.lines(refusal)
    for path in result.links:
        console.note(f"moved {path}; a link to the new place is left there")
    for path in result.removed:
        console.note(f"removed {path}")
    console.problems([*result.problems, *result.left])
    changed = sum(each.changed for each in result.written)
    console.note(f"{counted(len(result.written), 'document')}, {changed} written")
    return result.exit_code
