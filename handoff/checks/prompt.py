"""The prompt that the next session pastes, and the files it says to read."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase

from handoff.checks.case import Case
from handoff.problems import Problem
from handoff.session import Reading
from handoff.tree import Tree, is_outside


def file_to_read(case: Case) -> Iterator[Problem]:
    """The next session begins by reading these; one in seven was not there.

    A warning, for a file may come with a branch that is not merged yet.

    Fails:

        prompt:
          read:
            - {path: ml/trian.py}
    """
    for reading in case.session.prompt.read if case.session.prompt else ():
        path = _path_read(case, reading)
        if path is None or path == case.document_path:
            continue
        if is_outside(path):
            message = f"file to read '{path}' lies outside the repository"
            yield Problem("P002", message, reading.path.place, "warning")
        elif not _is_there(path, case.tree):
            message = f"file to read '{path}' does not exist{case.tree.nearest(path)}"
            yield Problem("P001", message, reading.path.place, "warning")


_DOCUMENT = re.compile(r"\{\{\s*document\s*\}\}")
_SPOT = re.compile(r"(?:#.*|:\d+(?:-\d+)?)$")


def _path_read(case: Case, reading: Reading) -> str | None:
    """The file that stands to be read, without `#anchor` or `:line`; `None` where undecided."""
    path = _DOCUMENT.sub(lambda _: case.document_path, reading.path.value.strip())
    if not path or path.startswith("[") or "{{" in path or "://" in path:
        return None
    return posixpath.normpath(_SPOT.sub("", path))


def _is_there(path: str, tree: Tree) -> bool:
    return tree.has(path) or ("*" in path and any(fnmatchcase(p, path) for p in tree.paths()))
