"""`merge-driver`: merge two versions of a generated file for git."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Annotated

import typer

from handoff.base.files import disk
from handoff.base.problems import UsageError
from handoff.commands import console
from handoff.publish.conflicts import merged_file


def merge_driver(
    base: Annotated[str, typer.Argument(metavar="BASE", help="Git's %O.")],
    ours: Annotated[str, typer.Argument(metavar="OURS", help="Git's %A: the result.")],
    theirs: Annotated[str, typer.Argument(metavar="THEIRS", help="Git's %B.")],
    path: Annotated[str, typer.Argument(metavar="PATH", help="Git's %P.")],
) -> int:
    """Configure it in a clone: git config merge.handoff.driver 'handoff merge-driver %O %A
    %B %P'. Files that were edited manually are merged line by line, as without it.
    """
    for each in (base, ours, theirs):
        if not Path(each).is_file():
            raise UsageError(f"no file '{each}'")
    with disk(path, "read"):
        merged = merged_file(Path(ours).read_bytes(), Path(theirs).read_bytes(), path)
    if merged is None:
        command = ("git", "merge-file", "-L", "ours", "-L", "base", "-L", "theirs")
        # a negative or a large number is an error, others count the conflicts
        return (
            1 if subprocess.run((*command, ours, base, theirs), check=False).returncode else 0
        )
    with disk(path, "write"):
        Path(ours).write_bytes(merged)
    if not path.endswith(".json"):
        console.note(f"merged {path}; next: handoff publish")
    return 0
