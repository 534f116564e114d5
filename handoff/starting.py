"""What `handoff init` puts into a repository: files to start from, none of them overwritten."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

from handoff.files import confined, write_new

_STARTER = Path(__file__).parent / "starter"
_DAY = "1970-01-01"
"""Stands in the starter files where the day of `init` goes."""


def start(root: Path, *, today: date) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Write the starter files under `root`; the paths written, and those that were there.

    Raises WorldError.
    """
    made = {
        path: write_new(confined(root, path), content, place=path)
        for path, content in _files(today)
    }
    return (
        tuple(path for path, is_new in made.items() if is_new),
        tuple(path for path, is_new in made.items() if not is_new),
    )


def _files(today: date) -> Iterator[tuple[str, bytes]]:
    for file in sorted(_STARTER.rglob("*")):
        if file.is_file():
            text = file.read_text("utf-8").replace(_DAY, str(today))
            yield file.relative_to(_STARTER).as_posix(), text.encode()
