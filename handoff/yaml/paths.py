"""Finding a place in a session by the words a person would use for it.

`accomplished.Date Generation SQL.Created` names labels from the outside in. Each may be
written in any case, cut short to a prefix, or as a glob; a list's item is named by its number
from 0, by its text or by its label. `items`, `steps`, `value` and `checklist` may be left out.
A dot inside a label may be written `\\.`, which never separates.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase

from msgspec import Struct

from handoff.base.problems import HandoffError, KeyPath, nearest
from handoff.yaml.spans import Tree

_SEE_THROUGH = ("items", "steps", "value", "checklist")
_DOT = "\0"
"""Stands for `\\.` while a path is split; no label holds it."""


class NotFound(HandoffError):
    """No place, or more than one, goes by that name."""

    exit_code = 2


class PathMatch(Struct, frozen=True):
    """A place and how loosely its name was taken: 0 to the letter, more for each liberty."""

    looseness: int
    keys: KeyPath


def located(tree: Tree, path: str) -> KeyPath:
    """The keys of the one place that `path` names, the closest reading before a looser one.

    Raises NotFound with the candidates where several are equally close, and with the nearest
    label where there is none.
    """
    best = candidates(tree, path)
    if len(best) == 1:
        return best[0]
    if best:
        raise ambiguous(path, best)
    raise NotFound(f"nothing is called '{path}'{nearest(path, map(spelled, places(tree)))}")


def candidates(tree: Tree, path: str) -> tuple[KeyPath, ...]:
    """Every place that `path` names equally closely; none, if nothing goes by that name."""
    found = sorted(_matches(tree, segments(path)), key=lambda match: match.looseness)
    best = (match.keys for match in found if match.looseness == found[0].looseness)
    return tuple(dict.fromkeys(best))


def ambiguous(path: str, found: Iterable[KeyPath]) -> NotFound:
    """The error that lists what `path` could be."""
    listed = "".join(f"\n  {spelled(keys)}" for keys in found)
    return NotFound(f"'{path}' could be any of these; write more of it:{listed}")


def at(tree: Tree, keys: KeyPath) -> Tree:
    """What stands at `keys`, which must be there."""
    for key in keys:
        tree = dict(_children(tree))[key]
    return tree


def segments(path: str) -> list[str]:
    """The labels that `path` names, from the outside in; one with dots may be in several."""
    parts = path.replace("\\.", _DOT).split(".")
    return [part.replace(_DOT, ".") for part in parts]


def new_labels(path: str) -> list[str]:
    """The labels of `path` where none of them is there yet: `Version 1.5` is one of them."""
    parts = _BETWEEN.split(path.replace("\\.", _DOT))
    return [part.replace(_DOT, ".") for part in parts]


def spelled(keys: KeyPath) -> str:
    """The path that names `keys` to the letter."""
    return ".".join(str(key) for key in keys)


def unmistakable(tree: Tree, keys: KeyPath) -> str:
    """The path that means `keys` and nothing else; dots in labels escaped where need be."""
    path = spelled(keys)
    if candidates(tree, path) == (keys,):
        return path
    return ".".join(str(key).replace(".", "\\.") for key in keys)


def places(tree: Tree, above: KeyPath = ()) -> Iterator[KeyPath]:
    """Every place in `tree`, outer before inner, in the author's order."""
    for key, inner in _children(tree):
        yield (*above, key)
        yield from places(inner, (*above, key))


_BETWEEN = re.compile(r"(?<!\d)\.|\.(?!\d)")
"""A dot that separates labels; one between two digits belongs to a number."""


def _matches(tree: Tree, segments: list[str]) -> Iterator[PathMatch]:
    if not segments:
        yield PathMatch(0, ())
        return
    for key, inner in _children(tree):
        for taken in range(1, len(segments) + 1):  # a label may hold dots itself
            liberty = _liberty(key, inner, ".".join(segments[:taken]))
            if liberty is not None:
                yield from _beneath(key, inner, segments[taken:], liberty + taken - 1)
        if key in _SEE_THROUGH:
            yield from _beneath(key, inner, segments, 1)


def _beneath(
    key: str | int, inner: Tree, segments: list[str], looseness: int
) -> Iterator[PathMatch]:
    for match in _matches(inner, segments):
        yield PathMatch(looseness + match.looseness, (key, *match.keys))


def _liberty(key: str | int, inner: Tree, word: str) -> int | None:
    if not isinstance(key, int):
        return looseness(key, word)
    if word == str(key):
        return 0
    found = [looseness(name, word) for name in _names_of_item(inner)]
    # an item's number goes before a text that is the same number
    return min((n + 1 for n in found if n is not None), default=None)


def looseness(name: str, word: str) -> int | None:
    """How loosely `word` stands for `name`: 0 to the letter; `None` where it does not."""
    if name == word:
        return 0
    folded, wanted = name.casefold().strip(), word.casefold().strip()
    if folded == wanted:
        return 10
    if wanted and folded.startswith(wanted) and not word.isdecimal():
        return 100
    return 100 if fnmatchcase(folded, wanted) else None


def _names_of_item(inner: Tree) -> list[str]:
    if inner[0] == "map" and len(inner[1]) == 1:
        return [inner[1][0][0][1]]
    return [inner[1]] if inner[0] not in ("map", "seq") else []


def _children(tree: Tree) -> list[tuple[str | int, Tree]]:
    if tree[0] == "map":
        return [(label[1], inner) for label, inner in tree[1]]
    return list(enumerate(tree[1])) if tree[0] == "seq" else []
