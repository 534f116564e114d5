"""Finding a place in a session by the words a person would use for it.

`accomplished.Date Generation SQL.Created` names labels from the outside in. Each may be
written in any case, cut short to a prefix, or as a glob; an item of a list is named by its
number from 0, by its text or by its label. `items`, `steps`, `value` and `checklist` may be
left out. A dot inside a label may be written `\\.`, which never separates.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase

from msgspec import Struct

from handoff.base.problems import HandoffError, KeyPath, nearest
from handoff.yaml.nodes import List, Map, Node, Scalar, children, is_null

_OPTIONAL = ("items", "steps", "value", "checklist")
_DOT = "\0"
"""Replaces `\\.` while a path is split; no label holds it."""


class NotFound(HandoffError):
    """A path names no place, or more than one."""

    exit_code = 2


def resolve_path(root: Node, path: str) -> KeyPath:
    """The keys of the one place that `path` names, the closest match before a looser one.

    Raises NotFound with the candidates where several are equally close, and with the nearest
    label where there is none.
    """
    best = matching_places(root, path)
    if len(best) == 1:
        return best[0]
    if best:
        raise ambiguity(path, best)
    known = (format_path(keys) for keys, _ in walk(root))
    raise NotFound(f"no field '{path}'{nearest(path, known)}")


def matching_places(root: Node, path: str) -> tuple[KeyPath, ...]:
    """Every place that `path` names equally closely; none where nothing matches."""
    parts = [part.replace(_DOT, ".") for part in path.replace("\\.", _DOT).split(".")]
    found = sorted(_matches(root, parts), key=lambda match: match.looseness)
    best = (match.keys for match in found if match.looseness == found[0].looseness)
    return tuple(dict.fromkeys(best))


def ambiguity(path: str, found: Iterable[KeyPath]) -> NotFound:
    """The error that lists what `path` could be."""
    listed = "".join(f"\n  {format_path(keys)}" for keys in found)
    return NotFound(f"'{path}' is ambiguous; use more of one of these paths:{listed}")


def split_new_path(path: str) -> list[str]:
    """The labels of `path` where none of them exists yet: `Version 1.5` is one of them."""
    parts = _SEPARATOR.split(path.replace("\\.", _DOT))
    return [part.replace(_DOT, ".") for part in parts]


_SEPARATOR = re.compile(r"(?<!\d)\.|\.(?!\d)")
"""A dot that separates labels; one between two digits belongs to a number."""


def format_path(keys: KeyPath) -> str:
    """The path that names `keys` exactly."""
    return ".".join(str(key) for key in keys)


def node_at(root: Node, keys: KeyPath) -> Node | None:
    """The node at `keys`; `None` where there is none."""
    node: Node | None = root
    for key in keys:
        if isinstance(node, List):
            is_index = isinstance(key, int) and key < len(node.nodes)
            node = node.nodes[key] if is_index and isinstance(key, int) else None
        elif isinstance(node, Map):
            node = next((pair.node for pair in node.entries if pair.key == key), None)
        else:
            return None
    return node


def walk(root: Node, above: KeyPath = ()) -> Iterator[tuple[KeyPath, Node]]:
    """Every place below `root` with its node, outer before inner, in the author's order."""
    for key, inner in children(root):
        yield (*above, key), inner
        yield from walk(inner, (*above, key))


def text_of(node: Node | None) -> str | None:
    """The text of a scalar that holds one; `None` for null, lists and mappings."""
    return None if not isinstance(node, Scalar) or is_null(node) else node.text


class PathIndex:
    """The places of a tree by keys and by name, for exact paths to many of them."""

    def __init__(self, root: Node) -> None:
        self._root = root
        self.nodes = dict(walk(root))
        self._names: dict[KeyPath, dict[str, list[_PathMatch]]] = {}
        for keys, node in self.nodes.items():
            names = self._names.setdefault(keys[:-1], {})
            names.setdefault(str(keys[-1]), []).append(_PathMatch(0, keys))
            name = _item_name(node) if isinstance(keys[-1], int) else None
            if name is not None:
                names.setdefault(name, []).append(_PathMatch(1, keys))

    def exact_path(self, keys: KeyPath) -> str:
        """The path that means `keys` and nothing else; dots in labels escaped if necessary."""
        path = format_path(keys)
        spare = path.count(".") - len(keys) + 1  # dots in labels: how loosely `path` matches
        if spare == 0:
            return path
        if spare < 10 and "\\" not in path:
            is_unique = set(self._matches((), path.split("."), spare)) == {keys}
        else:
            is_unique = matching_places(self._root, path) == (keys,)
        return path if is_unique else ".".join(str(key).replace(".", "\\.") for key in keys)

    def _matches(self, above: KeyPath, parts: list[str], spare: int) -> Iterator[KeyPath]:
        """The places that match as closely as `spare` or more so."""
        if not parts:
            yield above
            return
        names = self._names.get(above, {})
        for count in range(1, min(len(parts), spare + 1) + 1):
            for match in names.get(".".join(parts[:count]), ()):
                left = spare - match.looseness - (count - 1)
                if left >= 0:
                    yield from self._matches(match.keys, parts[count:], left)
        for key in _OPTIONAL if spare else ():
            if key in names:
                yield from self._matches((*above, key), parts, spare - 1)


# --- matching ------------------------------------------------------------------------------


class _PathMatch(Struct, frozen=True):
    looseness: int
    """0 for an exact match, more for each liberty taken."""
    keys: KeyPath


def _matches(node: Node, parts: list[str]) -> Iterator[_PathMatch]:
    if not parts:
        yield _PathMatch(0, ())
        return
    for key, inner in children(node):
        for count in range(1, len(parts) + 1):  # a label may hold dots itself
            loose = _looseness_of_child(key, inner, ".".join(parts[:count]))
            if loose is not None:
                yield from _matches_in(key, inner, parts[count:], loose + count - 1)
        if key in _OPTIONAL:
            yield from _matches_in(key, inner, parts, 1)


def _matches_in(
    key: str | int, inner: Node, parts: list[str], loose: int
) -> Iterator[_PathMatch]:
    for match in _matches(inner, parts):
        yield _PathMatch(loose + match.looseness, (key, *match.keys))


def _looseness_of_child(key: str | int, inner: Node, word: str) -> int | None:
    if not isinstance(key, int):
        return looseness(key, word)
    if word == str(key):
        return 0
    name = _item_name(inner)
    loose = None if name is None else looseness(name, word)
    # an item's number goes before a text that is the same number
    return None if loose is None else loose + 1


def _item_name(item: Node) -> str | None:
    """The text of an item of a list, or the only key of a mapping."""
    if isinstance(item, Map):
        return item.entries[0].key if len(item.entries) == 1 else None
    return item.text if isinstance(item, Scalar) else None


def looseness(name: str, word: str) -> int | None:
    """How loosely `word` matches `name`: 0 exactly; `None` where it does not."""
    if name == word:
        return 0
    folded, wanted = name.casefold().strip(), word.casefold().strip()
    if folded == wanted:
        return 10
    if wanted and folded.startswith(wanted) and not word.isdecimal():
        return 100
    return 100 if fnmatchcase(folded, wanted) else None
