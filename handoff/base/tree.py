"""The repository's files, as far as a rule may ask about them."""

from __future__ import annotations

import posixpath
from collections import defaultdict
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from fnmatch import fnmatchcase
from functools import cache, cached_property

_MAX_COMPARED = 300_000
"""Paths compared for suggestions in a run; with thousands of missing files it would not end."""


class FilePaths:
    """Every file under the root; listed once, when a rule first needs it."""

    def __init__(self, paths: Callable[[], Iterable[str]]) -> None:
        self._list = paths
        self._compared = 0
        self.nearest = cache(self._nearest)
        self.matches = cache(self._matches)

    @cached_property
    def all(self) -> tuple[str, ...]:
        return tuple(self._list())

    @cached_property
    def _by_name(self) -> dict[str, list[str]]:
        found = defaultdict(list)
        for path in self.all:
            found[posixpath.basename(path)].append(path)
        return found

    @cached_property
    def extensions(self) -> frozenset[str]:
        """The extensions of the files, `.py`."""
        return frozenset(posixpath.splitext(path)[1] for path in self.all)

    def of_name(self, name: str) -> tuple[str, ...]:
        """The files of a name, wherever they are."""
        return tuple(self._by_name.get(name, ()))

    def _matches(self, pattern: str) -> bool:
        return any(fnmatchcase(path, pattern) for path in self.all)

    def _nearest(self, path: str) -> str | None:
        same_name = self._by_name.get(posixpath.basename(path), [])
        if len(same_name) == 1:
            return same_name[0]
        choices = same_name or self.all
        if self._compared > _MAX_COMPARED:
            return None
        self._compared += len(choices)
        return next(iter(get_close_matches(path, choices, n=1)), None)


class Tree:
    """The files under the root; every path is relative to it, with forward slashes."""

    def __init__(
        self,
        has: Callable[[str], bool],
        paths: FilePaths | Callable[[], Iterable[str]] = tuple,
    ) -> None:
        self.has = has
        """Whether a file or folder exists; true of documents about to be written."""
        self.paths = paths if isinstance(paths, FilePaths) else FilePaths(paths)

    def nearest(self, path: str) -> str:
        """`, did you mean 'x'?`: the only file of that name, else the closest path."""
        found = self.paths.nearest(path)
        return f", did you mean '{found}'?" if found else ""

    def matches(self, pattern: str) -> bool:
        """Whether a file has a path like `pattern`, in which `*` stands for any characters."""
        return self.paths.matches(pattern)


def is_outside(path: str) -> bool:
    """Whether a normalised path is outside the root."""
    return path == ".." or path.startswith(("../", "/", "~"))
