"""The edits set, add, tick and untick on the tree of a session file."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from handoff.base.blanks import blanks, is_blank
from handoff.base.problems import KeyPath, nearest
from handoff.session.content import spelled_blank
from handoff.session.keys import key_at
from handoff.yaml.decode import scalar_value
from handoff.yaml.edits import (
    CannotEdit,
    add_item,
    list_to_mapping,
    rename_key,
    replace_list,
    root_of,
    set_value,
)
from handoff.yaml.emitter import PlainValue
from handoff.yaml.nodes import List, Map, Node, ParsedYAML, Scalar, is_null
from handoff.yaml.paths import (
    NotFound,
    ambiguity,
    format_path,
    looseness,
    matching_places,
    node_at,
    resolve_path,
    split_new_path,
    walk,
)

FLAGS = {"true": True, "✅": True, "false": False, "❌": False}
"""Words for a boolean."""


class EditResult(Struct, frozen=True):
    """A session file after one edit, and the place of the edit."""

    parsed: ParsedYAML
    keys: KeyPath
    was: KeyPath | None = None
    """The place before the edit, where a label was replaced."""


Change = Callable[[ParsedYAML], EditResult]
"""An edit to be made of a session file."""


def set_at(
    parsed: ParsedYAML,
    path: str,
    value: PlainValue,
    *,
    order: tuple[str, ...] = (),
    new: bool = False,
) -> EditResult:
    """`value` set at the place `path` names; labels that do not exist are added.

    `None` makes it a blank. `order` are the keys a session may have, in their order; `new`
    says that a label close to another one is not a typo. Raises NotFound or CannotEdit.
    """
    root = root_of(parsed)
    if not matching_places(root, path):
        parsed, keys = _with_labels(parsed, path, order, new=new)
        return put(parsed, keys, value, order=order)
    keys = resolve_path(root, path)
    node = node_at(root, keys)
    labels = _labels(node)
    if is_blank_label(keys) and isinstance(value, str):
        return rename_label(parsed, keys, value)
    if isinstance(node, Map) and _is_item(keys):
        keys = (*keys, "done")
    elif "value" in labels and labels <= {"value", "items"}:
        keys = (*keys, "value")
    return put(parsed, keys, value, order=order)


def put(
    parsed: ParsedYAML, keys: KeyPath, value: PlainValue, *, order: tuple[str, ...] = ()
) -> EditResult:
    """`value` set at `keys`; where only a list is allowed, as its first item."""
    node, key = node_at(root_of(parsed), keys), key_at(keys)
    is_empty = node is None or is_null(node) or (isinstance(node, List) and not node.nodes)
    takes_items = keys[-1] == "steps" or (key is not None and key.shape.takes_items)
    is_item = takes_items and isinstance(value, str)
    if is_item and is_empty:
        return EditResult(add_item(parsed, keys, value, order=order), (*keys, 0))
    if isinstance(node, List) and len(node.nodes) > 1 and spelled_blank(node):
        # a blank with a comma, `[TO BE FILLED - a, b]`
        replaced = replace_list(parsed, keys, [value] if is_item else value)
        return EditResult(replaced, (*keys, 0) if is_item else keys)
    return EditResult(set_value(parsed, keys, value, order=order), keys)


def add_to(
    parsed: ParsedYAML,
    path: str,
    value: str,
    *,
    order: tuple[str, ...] = (),
    new: bool = False,
) -> EditResult:
    """`value` at the end of the list or checklist that `path` names.

    In a list that holds nothing but a blank, that blank is filled.
    """
    parsed, keys = _list_to_add_to(parsed, path, order, new=new)
    node = node_at(root_of(parsed), keys)
    if keys[-1] == "checklist" and not isinstance(node, List):
        if value in _labels(node):
            raise CannotEdit(f"'{format_path(keys)}' already has an item '{value}'")
        item = (*keys, value)
        if node is not None and is_null(node) and _is_in_flow(parsed, keys):
            return EditResult(set_value(parsed, keys, {value: False}), item)
        return EditResult(set_value(parsed, item, False, order=order), item)
    if isinstance(node, List) and len(node.nodes) > 1 and spelled_blank(node):
        return EditResult(replace_list(parsed, keys, [value]), (*keys, 0))
    items = node.nodes if isinstance(node, List) else ()
    if isinstance(node, List) and len(items) == 1 and _is_blank_item(node, items[0]):
        return EditResult(set_value(parsed, (*keys, 0), value), (*keys, 0))
    return EditResult(add_item(parsed, keys, value, order=order), (*keys, len(items)))


def tick(parsed: ParsedYAML, path: str, *, done: bool, note: str | None = None) -> EditResult:
    """The checklist item that `path` names checked or unchecked; `note` is written to it."""
    root = root_of(parsed)
    keys = _find_item(root, path)
    if isinstance(keys[-1], int):  # a list of labels cannot say which are checked
        label = _item_label(root, keys)
        parsed = list_to_mapping(parsed, keys[:-1])
        root, keys = root_of(parsed), (*keys[:-1], label)
    if not isinstance(node_at(root, keys), Map):
        with_note: dict[str, PlainValue] = {"done": done, "note": note}
        return EditResult(set_value(parsed, keys, done if note is None else with_note), keys)
    parsed = set_value(parsed, (*keys, "done"), done)
    if note is not None:
        parsed = set_value(parsed, (*keys, "note"), note)
    return EditResult(parsed, keys)


def _labels(node: Node | None) -> set[str]:
    return {pair.key for pair in node.entries} if isinstance(node, Map) else set()


# --- checklists ----------------------------------------------------------------------------


def is_blank_label(keys: KeyPath) -> bool:
    """Whether `keys` lead to a checklist item whose label has a blank."""
    label = keys[-1] if _is_item(keys) else None
    return isinstance(label, str) and bool(blanks(label, item=True))


def rename_label(parsed: ParsedYAML, keys: KeyPath, label: str) -> EditResult:
    """The checklist item at `keys` with another label. Raises CannotEdit."""
    line = " ".join(label.split())
    return EditResult(rename_key(parsed, keys, line), (*keys[:-1], line), keys)


def _is_in_flow(parsed: ParsedYAML, keys: KeyPath) -> bool:
    around = (node_at(root_of(parsed), keys[:n]) for n in range(len(keys)))
    return any(isinstance(each, Map | List) and each.is_flow for each in around)


def _is_item(keys: KeyPath) -> bool:
    return len(keys) > 1 and keys[-2] == "checklist"


def _find_item(root: Map, path: str) -> KeyPath:
    """The checklist item with that label, else the one at that path."""
    items = [keys for keys, _ in walk(root) if _is_item(keys)]
    labels = [_item_label(root, keys) for keys in items]
    loose = [looseness(label, path) for label in labels]
    closest = min((n for n in loose if n is not None), default=None)
    named = [
        keys for keys, n in zip(items, loose, strict=True) if n is not None and n == closest
    ]
    named = named or [keys for keys in matching_places(root, path) if keys in items]
    if len(named) == 1:
        return named[0]
    if named:
        raise ambiguity(path, named)
    known = nearest(path, labels) or (f", expected {', '.join(labels)}" if labels else "")
    raise NotFound(f"no checklist item '{path}'{known}")


def _item_label(root: Map, keys: KeyPath) -> str:
    """In a list of labels the item itself, else its key."""
    item = node_at(root, keys)
    return (
        item.text if isinstance(keys[-1], int) and isinstance(item, Scalar) else str(keys[-1])
    )


# --- places that do not exist yet ----------------------------------------------------------

_LIST_KEYS = ("items", "steps", "checklist")


def _list_to_add_to(
    parsed: ParsedYAML, path: str, order: tuple[str, ...], *, new: bool
) -> tuple[ParsedYAML, KeyPath]:
    root = root_of(parsed)
    if not matching_places(root, path):
        return _with_labels(parsed, path, order, new=new)
    keys = resolve_path(root, path)
    node = node_at(root, keys)
    if not isinstance(node, Map) or keys[-1] == "checklist":
        return parsed, keys
    inner = next((pair.key for pair in node.entries if pair.key in _LIST_KEYS), None)
    if inner is None:
        name = format_path(keys)
        raise CannotEdit(f"'{name}' is a mapping, not a list; use 'set' with '{name}.<label>'")
    return parsed, (*keys, inner)


def _with_labels(
    parsed: ParsedYAML, path: str, order: tuple[str, ...], *, new: bool
) -> tuple[ParsedYAML, KeyPath]:
    """The place of labels that do not exist; all but the last of them are added."""
    root = root_of(parsed)
    keys, labels = _outer_and_new(root, path, order)
    _refuse_typo(node_at(root, keys), keys, labels[0], new=new)
    for label in labels[:-1]:
        keys = (*keys, label)
        parsed = set_value(parsed, keys, None, order=order)
    return parsed, (*keys, labels[-1])


def _outer_and_new(root: Map, path: str, order: tuple[str, ...]) -> tuple[KeyPath, list[str]]:
    """The place that the longest beginning of `path` names, and the labels after it."""
    cut = path.rfind(".")
    while cut > 0:
        if path[cut - 1] != "\\" and matching_places(root, path[:cut]):
            return resolve_path(root, path[:cut]), split_new_path(path[cut + 1 :])
        cut = path.rfind(".", 0, cut)
    first, *rest = split_new_path(path)
    known = next((key for key in order if key == first.casefold()), None)
    if known is None:
        names = [*(format_path(keys) for keys, _ in walk(root)), *order]
        raise NotFound(f"no field '{path}'{nearest(path, names)}")
    return (), [known, *rest]


def _refuse_typo(node: Node | None, keys: KeyPath, label: str, *, new: bool) -> None:
    """Raises NotFound where `label` is close to one that exists, or `node` takes no labels."""
    if isinstance(node, List):
        message = (
            f"'{format_path(keys)}' is a list without an item '{label}'; append with 'add'"
        )
        raise NotFound(message)
    if new or not keys or node is None:
        return
    close = nearest(label, [pair.key for pair in node.entries] if isinstance(node, Map) else [])
    deeper = (
        f", did you mean '{format_path((*keys, *each))}'?"
        for each, _ in walk(node)
        if isinstance(each[-1], str) and looseness(each[-1], label) is not None
    )
    close = close or next(deeper, "")
    if close:
        raise NotFound(f"no field '{label}' in '{format_path(keys)}'{close}")


def _is_blank_item(node: List, item: Node) -> bool:
    """Whether the only item is null or a blank, with or without brackets of its own."""
    if isinstance(item, Scalar):
        is_word = node.is_flow and is_blank(f"[{item.text}]")  # `[TO BE FILLED]`
        return scalar_value(item) is None or is_word
    return isinstance(item, List) and len(item.nodes) == 1
