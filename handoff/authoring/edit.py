"""The edits a person asks for: set, add, tick and untick, on the text of a session."""

from __future__ import annotations

from dataclasses import dataclass

from handoff.authoring.paths import (
    NotFound,
    ambiguous,
    at,
    candidates,
    located,
    looseness,
    places,
    spelled,
)
from handoff.authoring.scalars import Scalar
from handoff.authoring.splice import CannotEdit, Tree, add_item, set_value, tree
from handoff.problems import KeyPath, nearest

_FLAGS = {"true": True, "✅": True, "false": False, "❌": False}


@dataclass(frozen=True, slots=True)
class Edited:
    """A session's text after one edit, and where that was."""

    text: str
    keys: KeyPath


def set_at(text: str, path: str, value: str) -> Edited:
    """`text` with `value` at the place `path` names; a last label that is new is added.

    `true`, `false`, ✅ and ❌ become booleans. Raises NotFound or CannotEdit.
    """
    read = tree(text)
    keys = _place_to_set(read, path)
    return Edited(set_value(text, keys, _FLAGS.get(value, value)), keys)


def add_to(text: str, path: str, value: str) -> Edited:
    """`text` with `value` at the end of the list, or a box at the end of the checklist.

    A list that holds nothing but a blank has that blank filled.
    """
    read = tree(text)
    keys = _place_to_add(read, path)
    there = at(read, keys) if _is_there(read, keys) else ("", "")
    if keys[-1] == "checklist":
        return Edited(set_value(text, (*keys, value), False), (*keys, value))
    if there[0] == "seq" and len(there[1]) == 1 and _is_nothing(there[1][0]):
        return Edited(set_value(text, (*keys, 0), value), (*keys, 0))
    return Edited(add_item(text, keys, value), keys)


def tick(text: str, path: str, *, done: bool, note: str | None = None) -> Edited:
    """`text` with the box that `path` names ticked or not; `note` is written beside it."""
    read = tree(text)
    keys = _box(read, path)
    if at(read, keys)[0] != "map":
        with_note: dict[str, Scalar] = {"done": done, "note": note}
        return Edited(set_value(text, keys, done if note is None else with_note), keys)
    text = set_value(text, (*keys, "done"), done)
    if note is not None:
        text = set_value(text, (*keys, "note"), note)
    return Edited(text, keys)


def boxes(read: Tree) -> tuple[KeyPath, ...]:
    """The place of every checkbox, in the author's order."""
    return tuple(keys for keys in places(read) if len(keys) > 1 and keys[-2] == "checklist")


def _box(read: Tree, path: str) -> KeyPath:
    """By its label alone, else by the way to it."""
    all_boxes = boxes(read)
    by_label = [(looseness(str(keys[-1]), path), keys) for keys in all_boxes]
    close = sorted((loose, n) for n, (loose, _) in enumerate(by_label) if loose is not None)
    named = [all_boxes[n] for loose, n in close if loose == close[0][0]]
    named = named or [keys for keys in candidates(read, path) if keys in all_boxes]
    if len(named) == 1:
        return named[0]
    if named:
        raise ambiguous(path, named)
    labels = [str(keys[-1]) for keys in all_boxes]
    raise NotFound(f"no box is called '{path}'{nearest(path, labels)}")


def _place_to_set(read: Tree, path: str) -> KeyPath:
    if not candidates(read, path):
        return _new_label(read, path)
    keys = located(read, path)
    kind, inside = at(read, keys)
    labels = {label[1] for label, _ in inside} if kind == "map" else set()
    for inner in ("value", "done"):
        if inner in labels and labels <= {"value", "items", "done", "note"}:
            return (*keys, inner)
    return keys


def _new_label(read: Tree, path: str) -> KeyPath:
    """The place of a label that is not there yet, if the mapping it would stand in is."""
    outer, _, label = path.rpartition(".")
    if not outer or not candidates(read, outer):
        return located(read, path)  # raises, with the nearest
    keys = located(read, outer)
    kind, inside = at(read, keys)
    close = nearest(label, [name[1] for name, _ in inside] if kind == "map" else [])
    if close:
        raise NotFound(f"nothing is called '{label}' in '{spelled(keys)}'{close}")
    return (*keys, label)


def _place_to_add(read: Tree, path: str) -> KeyPath:
    if not candidates(read, path):
        return _new_label(read, path) if "." in path else (path,)
    keys = located(read, path)
    kind, inside = at(read, keys)
    if kind != "map" or keys[-1] == "checklist":
        return keys
    inner = next((label[1] for label, _ in inside if label[1] in _LISTS), None)
    if inner is None:
        raise CannotEdit(f"'{spelled(keys)}' holds labels, not a list; set '{spelled(keys)}.…'")
    return (*keys, inner)


_LISTS = ("items", "steps", "checklist")


def _is_there(read: Tree, keys: KeyPath) -> bool:
    return keys in set(places(read))


def _is_nothing(item: Tree) -> bool:
    """Null, or a one-item flow list, which spells a blank."""
    kind, inside = item
    return bool(kind.endswith(":null") or (kind == "seq" and len(inside) == 1))
