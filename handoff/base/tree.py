"""The repository's files, as far as a rule may ask about them."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable
from difflib import get_close_matches

from msgspec import Struct


class Tree(Struct, frozen=True):
    """What stands under the root; every path is relative to it, with forward slashes."""

    has: Callable[[str], bool]
    """Whether a file or folder stands there; true of documents about to be written."""
    paths: Callable[[], Iterable[str]] = tuple
    """Every file, for `did you mean`; asked only where one is missing."""

    def nearest(self, path: str) -> str:
        """`, did you mean 'x'?`: where a file of that name stands, else the closest path."""
        paths = tuple(self.paths())
        name = posixpath.basename(path)
        moved = [other for other in paths if posixpath.basename(other) == name]
        close = moved if len(moved) == 1 else get_close_matches(path, moved or paths, n=1)
        return f", did you mean '{close[0]}'?" if close else ""


def is_outside(path: str) -> bool:
    """Whether a normalised path leads out of the root."""
    return path == ".." or path.startswith(("../", "/", "~"))
