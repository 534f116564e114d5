"""The files that the prompt says to read."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

from handoff.base.problems import Problem
from handoff.base.tree import Tree, is_outside
from handoff.check.context import CheckContext
from handoff.session.reading_list import ToRead, to_read

LONG = 2_000
"""Lines that a coding agent's own tools read at once."""


def file_to_read(case: CheckContext) -> Iterator[Problem]:
    """The next session begins by reading these; one in seven was not there.

    A warning, for a file may come with a branch that is not merged yet.

    Fails:

        prompt:
          read:
            - {path: ml/trian.py}
    """
    for each in _files(case):
        if is_outside(each.path):
            message = f"file to read '{each.path}' lies outside the repository"
            yield Problem("P002", message, each.place, "warning")
        elif not _is_there(each.path, case.tree):
            there = case.past.moved(each.path)
            hint = f", it was moved to '{there}'" if there else case.tree.nearest(each.path)
            message = f"file to read '{each.path}' does not exist{hint}"
            yield Problem("P001", message, each.place, "warning")


def uncommitted_file_to_read(case: CheckContext) -> Iterator[Problem]:
    """The next session may start from a clone, which has only what was committed.

    A note, for the commit often follows the handoff.

    Fails: a file that lies in the folder but not in git.
    """
    for each in _files(case):
        if case.tree.has(each.path) and case.past.committed(each.path) is False:
            message = f"file to read '{each.path}' is not committed, a clone does not have it"
            yield Problem("P010", message, each.place, "note")


def lines_to_read(case: CheckContext) -> Iterator[Problem]:
    """A span of lines was right once; the file has become shorter since.

    Fails: `ml/train.py:400-450`, where the file has 300 lines.
    """
    for each in _files(case):
        count = case.lines(each.path) if each.last_line else None
        if count is not None and each.last_line > count:
            message = f"file to read '{each.words}' has only {count:,} lines"
            yield Problem("P004", message, each.place, "warning")


def long_file_to_read(case: CheckContext) -> Iterator[Problem]:
    """A file that no tool reads at once is read in part, and maybe not the part that matters.

    Fails: a file of more than 2,000 lines without `:first-last`.
    """
    for each in _files(case):
        count = None if each.last_line else case.lines(each.path)
        if count is not None and count > LONG:
            message = (
                f"file to read '{each.path}' has {count:,} lines, "
                f"name those that matter: '{each.path}:1-200'"
            )
            yield Problem("P005", message, each.place, "note")


def _files(case: CheckContext) -> Iterator[ToRead]:
    """All but the document itself, which is about to be written."""
    found = to_read(case.session, case.document_path)
    return (each for each in found if each.path != case.document_path)


def _is_there(path: str, tree: Tree) -> bool:
    return tree.has(path) or ("*" in path and any(fnmatchcase(p, path) for p in tree.paths()))
