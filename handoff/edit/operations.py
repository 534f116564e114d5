"""The edits a person asks for: set, add, tick and untick, on the text of a session."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from handoff.base.blanks import is_blank
from handoff.base.problems import KeyPath, nearest
from handoff.session.keys import key_at
from handoff.yaml.edits import add_item, labelled, set_value
from handoff.yaml.paths import (
    NotFound,
    ambiguous,
    at,
    candidates,
    located,
    looseness,
    new_labels,
    places,
    spelled,
)
from handoff.yaml.scalars import Scalar
from handoff.yaml.spans import CannotEdit, Tree, is_flow, tree

FLAGS = {"true": True, "✅": True, "false": False, "❌": False}
"""Words that stand for a boolean."""


class EditResult(Struct, frozen=True):
    """A session's text after one edit, and where that was."""

    text: str
    keys: KeyPath


Change = Callable[[str], EditResult]
"""An edit that is still to be made of a session's text."""


def set_at(
    text: str, path: str, value: Scalar, *, order: tuple[str, ...] = (), new: bool = False
) -> EditResult:
    """`text` with `value` at the place `path` names; labels that are not there are added.

    `None` makes it a blank. `order` are the keys a session may have, in their order; `new`
    says that a label close to another is no slip. Raises NotFound or CannotEdit.
    """
    text, keys = _place_to_set(text, path, order, new=new)
    return put(text, keys, value, order=order)


def put(text: str, keys: KeyPath, value: Scalar, *, order: tuple[str, ...] = ()) -> EditResult:
    """`text` with `value` at `keys`; where only a list may stand, as its first item."""
    kind, inside = _there(tree(text), keys)
    key = key_at(keys)
    takes_items = key is not None and key.shape.takes_items
    is_nothing = not kind or kind.endswith(":null") or (kind == "seq" and not inside)
    if takes_items and isinstance(value, str) and is_nothing:
        return EditResult(add_item(text, keys, value, order=order), (*keys, 0))
    return EditResult(set_value(text, keys, value, order=order), keys)


def add_to(
    text: str, path: str, value: str, *, order: tuple[str, ...] = (), new: bool = False
) -> EditResult:
    """`text` with `value` at the end of the list, or a box at the end of the checklist.

    A list that holds nothing but a blank has that blank filled.
    """
    text, keys = _place_to_add(text, path, order, new=new)
    kind, inside = _there(tree(text), keys)
    if keys[-1] == "checklist" and kind != "seq":
        box = (*keys, value)
        if kind == "map" and value in {label[1] for label, _ in inside}:
            raise CannotEdit(f"'{spelled(keys)}' has a box '{value}' already")
        return EditResult(set_value(text, box, False, order=order), box)
    if (
        kind == "seq"
        and len(inside) == 1
        and (_is_nothing(inside[0]) or _spells_blank(text, keys, inside[0]))
    ):
        return EditResult(set_value(text, (*keys, 0), value), (*keys, 0))
    end = len(inside) if kind == "seq" else 0
    return EditResult(add_item(text, keys, value, order=order), (*keys, end))


def tick(text: str, path: str, *, done: bool, note: str | None = None) -> EditResult:
    """`text` with the box that `path` names ticked or not; `note` is written beside it."""
    read = tree(text)
    keys = _box(read, path)
    if isinstance(keys[-1], int):  # a list of labels has no place for a tick
        text = labelled(text, keys[:-1])
        keys = (*keys[:-1], _label(read, keys))
        read = tree(text)
    if at(read, keys)[0] != "map":
        with_note: dict[str, Scalar] = {"done": done, "note": note}
        return EditResult(set_value(text, keys, done if note is None else with_note), keys)
    text = set_value(text, (*keys, "done"), done)
    if note is not None:
        text = set_value(text, (*keys, "note"), note)
    return EditResult(text, keys)


def boxes(read: Tree) -> tuple[KeyPath, ...]:
    """The place of every checkbox, in the author's order."""
    return tuple(keys for keys in places(read) if len(keys) > 1 and keys[-2] == "checklist")


def _box(read: Tree, path: str) -> KeyPath:
    """By its label alone, else by the way to it."""
    all_boxes = boxes(read)
    by_label = [(looseness(_label(read, keys), path), keys) for keys in all_boxes]
    close = sorted((loose, n) for n, (loose, _) in enumerate(by_label) if loose is not None)
    named = [all_boxes[n] for loose, n in close if loose == close[0][0]]
    named = named or [keys for keys in candidates(read, path) if keys in all_boxes]
    if len(named) == 1:
        return named[0]
    if named:
        raise ambiguous(path, named)
    labels = [_label(read, keys) for keys in all_boxes]
    known = nearest(path, labels) or (f", there are {', '.join(labels)}" if labels else "")
    raise NotFound(f"no box is called '{path}'{known}")


def _label(read: Tree, keys: KeyPath) -> str:
    """Of a box; in a list of labels the item is the label."""
    words = at(read, keys)[1] if isinstance(keys[-1], int) else keys[-1]
    return str(words)


def _place_to_set(
    text: str, path: str, order: tuple[str, ...], *, new: bool
) -> tuple[str, KeyPath]:
    read = tree(text)
    if not candidates(read, path):
        return _with_labels(text, path, order, new=new)
    keys = located(read, path)
    kind, inside = at(read, keys)
    if kind == "map" and keys in boxes(read):
        return text, (*keys, "done")
    labels = {label[1] for label, _ in inside} if kind == "map" else set()
    if "value" in labels and labels <= {"value", "items"}:
        return text, (*keys, "value")
    return text, keys


def _place_to_add(
    text: str, path: str, order: tuple[str, ...], *, new: bool
) -> tuple[str, KeyPath]:
    read = tree(text)
    if not candidates(read, path):
        return _with_labels(text, path, order, new=new)
    keys = located(read, path)
    kind, inside = at(read, keys)
    if kind != "map" or keys[-1] == "checklist":
        return text, keys
    inner = next((label[1] for label, _ in inside if label[1] in _LISTS), None)
    if inner is None:
        raise CannotEdit(f"'{spelled(keys)}' holds labels, not a list; set '{spelled(keys)}.…'")
    return text, (*keys, inner)


_LISTS = ("items", "steps", "checklist")


def _with_labels(
    text: str, path: str, order: tuple[str, ...], *, new: bool
) -> tuple[str, KeyPath]:
    """The place of labels that are not there yet; all but the last of them are made."""
    keys, labels = _outer_and_new(tree(text), path, order)
    _refuse_slip(tree(text), keys, labels[0], order, new=new)
    for label in labels[:-1]:
        keys = (*keys, label)
        text = set_value(text, keys, None, order=order)
    return text, (*keys, labels[-1])


def _outer_and_new(read: Tree, path: str, order: tuple[str, ...]) -> tuple[KeyPath, list[str]]:
    """The mapping that is there, by the longest part of `path` that names one, and the rest."""
    cut = path.rfind(".")
    while cut > 0:
        if path[cut - 1] != "\\" and candidates(read, path[:cut]):
            return located(read, path[:cut]), new_labels(path[cut + 1 :])
        cut = path.rfind(".", 0, cut)
    first, *rest = new_labels(path)
    known = next((key for key in order if key == first.casefold()), None)
    if known is None:
        names = [*map(spelled, places(read)), *order]
        raise NotFound(f"nothing is called '{path}'{nearest(path, names)}")
    return (), [known, *rest]


def _refuse_slip(
    read: Tree, keys: KeyPath, label: str, order: tuple[str, ...], *, new: bool
) -> None:
    """Raises NotFound where `label` is close to one that is there, or cannot be one."""
    kind, inside = at(read, keys)
    if kind == "seq":
        message = f"'{spelled(keys)}' is a list and has no '{label}'; add to it"
        raise NotFound(message)
    if new or not keys:
        return
    close = nearest(label, [name[1] for name, _ in inside] if kind == "map" else [])
    deeper = (
        f", did you mean '{spelled((*keys, *each))}'?"
        for each in places(at(read, keys))
        if isinstance(each[-1], str) and looseness(each[-1], label) is not None
    )
    close = close or next(deeper, "")
    if close:
        raise NotFound(f"nothing is called '{label}' in '{spelled(keys)}'{close}")


def _there(read: Tree, keys: KeyPath) -> Tree:
    return at(read, keys) if keys in set(places(read)) else ("", "")


def _spells_blank(text: str, keys: KeyPath, item: Tree) -> bool:
    """Whether the list at `keys` is a blank without quotes, `[TO BE FILLED]`."""
    return is_flow(text, keys) and item[0] != "map" and is_blank(f"[{item[1]}]")


def _is_nothing(item: Tree) -> bool:
    """Null, or a one-item flow list, which spells a blank."""
    kind, inside = item
    return bool(kind.endswith(":null") or (kind == "seq" and len(inside) == 1))
