"""The edits set, add, tick, untick and remove on the tree of a session file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

from handoff.base.blanks import blanks, is_blank
from handoff.base.problems import KeyPath, Problem, nearest
from handoff.session.content import PAIRED, PAIRS
from handoff.session.keys import key_at, keys_in
from handoff.session.text import spelled_blank
from handoff.yaml.decode import scalar_value
from handoff.yaml.edits import (
    CannotEdit,
    NewValue,
    add_item,
    is_value,
    list_to_mapping,
    remove_value,
    rename_key,
    replace_list,
    root_of,
    set_value,
)
from handoff.yaml.emitter import PlainValue, value_of
from handoff.yaml.nodes import List, Map, Node, ParsedYAML, Scalar, is_null, parse_yaml
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
    problems: tuple[Problem, ...] = ()
    """Of an edit of many places: what could not be done."""


EditStep = Callable[[ParsedYAML], EditResult]
"""An edit to be made of a session file."""


def set_at(
    parsed: ParsedYAML,
    path: str,
    value: NewValue,
    *,
    order: tuple[str, ...] = (),
    new: bool = False,
    as_text: bool = True,
) -> EditResult:
    """`value` set at the place `path` names; labels that do not exist are added.

    `None` makes it a blank. `order` are the keys a session may have, in their order; `new`
    says that a label close to another one is not a typo. Unless `as_text`, a text that
    spells a mapping is one, where the place takes it. Raises NotFound or CannotEdit.
    """
    root = root_of(parsed)
    if not matching_places(root, path):
        parsed, keys = _with_labels(parsed, path, order, new=new)
    else:
        keys = resolve_path(root, path)
        if is_blank_label(keys) and isinstance(value, str):
            is_same = value == keys[-1]
            return EditResult(parsed, keys) if is_same else rename_label(parsed, keys, value)
        keys = _value_keys(root, keys, value)
    if not as_text:
        value = read_mapping(keys, value)
    return put(parsed, keys, value, order=order, new=new)


def _value_keys(root: Map, keys: KeyPath, value: NewValue) -> KeyPath:
    """Where a scalar goes that is set on a checklist item or on a value with items."""
    node = node_at(root, keys)
    labels = _labels(node)
    if not isinstance(value, PlainValue):
        return keys
    if isinstance(node, Map) and _is_item(keys):
        return (*keys, "done")
    if "value" in labels and labels <= {"value", "items"}:
        return (*keys, "value")
    return keys


def put(
    parsed: ParsedYAML,
    keys: KeyPath,
    value: NewValue,
    *,
    order: tuple[str, ...] = (),
    new: bool = True,
) -> EditResult:
    """`value` set at `keys`; where only a list is allowed, as its first item.

    A mapping is merged: its keys are set, the others stay. What the file says already is
    left as it is spelled.
    """
    node, key = node_at(root_of(parsed), keys), key_at(keys)
    is_spelled = isinstance(node, List) and isinstance(value, str) and node.source == value
    if node is not None and (is_spelled or is_value(node, value)):
        return EditResult(parsed, keys)
    if isinstance(value, Mapping) and value and _is_merged(node, keys, value):
        for name, inner in value.items():
            if inner is None and name not in _labels(node):
                continue  # without a value and absent are both a blank
            parsed = _with_first_key(parsed, keys, name)
            is_new = name not in _labels(node)
            _refuse_typo(node, keys, name, new=new or not is_new)
            parsed = put(parsed, (*keys, name), inner, order=order, new=new).parsed
        return EditResult(parsed, keys)
    is_list = not isinstance(value, PlainValue | Mapping)
    if isinstance(node, List) and is_list and _is_blank_list(node) and not node.is_flow:
        for n, item in enumerate(value if isinstance(value, Sequence) else ()):
            parsed = (
                set_value(parsed, (*keys, 0), item) if n == 0 else add_item(parsed, keys, item)
            )
        return EditResult(parsed, keys)
    is_empty = node is None or is_null(node) or (isinstance(node, List) and not node.nodes)
    takes_item = (isinstance(value, str) and keys[-1] == "steps") or (
        key is not None
        and (
            (key.shape.takes_items and isinstance(value, str))
            or (isinstance(value, Mapping) and (key.has_items or key.shape.inside == "items"))
        )
    )
    if takes_item and is_empty:
        return EditResult(add_item(parsed, keys, value, order=order), (*keys, 0))
    if isinstance(node, List) and len(node.nodes) > 1 and spelled_blank(node):
        # a blank with a comma, `[TO BE FILLED - a, b]`
        replaced = replace_list(parsed, keys, [value] if takes_item else value)
        return EditResult(replaced, (*keys, 0) if takes_item else keys)
    return EditResult(set_value(parsed, keys, value, order=order), keys)


def add_to(
    parsed: ParsedYAML,
    path: str,
    value: NewValue,
    *,
    order: tuple[str, ...] = (),
    new: bool = False,
    as_text: bool = True,
) -> EditResult:
    """`value` at the end of the list or checklist that `path` names.

    In a list that holds nothing but a blank, that blank is filled.
    """
    parsed, keys = _list_to_add_to(parsed, path, order, new=new)
    if not as_text:
        value = read_mapping((*keys, 0), value)
    node = node_at(root_of(parsed), keys)
    if keys[-1] == "checklist" and not isinstance(node, List):
        return _add_checklist_items(parsed, keys, value, order)
    if isinstance(node, List) and len(node.nodes) > 1 and spelled_blank(node):
        return EditResult(replace_list(parsed, keys, [value]), (*keys, 0))
    if isinstance(node, List) and _is_blank_list(node):
        return EditResult(set_value(parsed, (*keys, 0), value), (*keys, 0))
    count = len(node.nodes) if isinstance(node, List) else 0
    return EditResult(add_item(parsed, keys, value, order=order), (*keys, count))


def _add_checklist_items(
    parsed: ParsedYAML, keys: KeyPath, value: NewValue, order: tuple[str, ...]
) -> EditResult:
    """An unchecked item for a label, or the items of a mapping."""
    items = value if isinstance(value, Mapping) else {str(value): False}
    item = keys
    node = node_at(root_of(parsed), keys)
    if node is not None and is_null(node) and _is_in_flow(parsed, keys):
        return EditResult(set_value(parsed, keys, items), (*keys, next(iter(items), "")))
    for label, content in items.items():
        item = (*keys, label)
        if label in _labels(node):
            raise CannotEdit(f"'{format_path(keys)}' already has an item '{label}'")
        parsed = set_value(parsed, item, content, order=order)
    return EditResult(parsed, item)


def remove(parsed: ParsedYAML, keys: KeyPath) -> EditResult:
    """The key or item at `keys` removed. Raises CannotEdit for what a session must have."""
    key = key_at(keys)
    if key and key.required and not isinstance(keys[-1], int):
        name = format_path(keys[:-1]) or "a session"
        raise CannotEdit(f"'{format_path(keys)}' is required in {name}; set it instead")
    return EditResult(remove_value(parsed, keys), keys)


def remove_at(parsed: ParsedYAML, path: str) -> EditResult:
    """The key or item that `path` names removed. Raises NotFound or CannotEdit."""
    return remove(parsed, find_place(root_of(parsed), path))


def find_place(root: Map, path: str) -> KeyPath:
    """The place that `path` names; a checklist item also by its label alone."""
    is_item = not matching_places(root, path) and any(
        looseness(_item_label(root, keys), path) is not None
        for keys, _ in walk(root)
        if _is_item(keys)
    )
    return _find_item(root, path) if is_item else resolve_path(root, path)


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


# --- structured values ---------------------------------------------------------------------


def read_mapping(keys: KeyPath, value: NewValue) -> NewValue:
    """The mapping that a text spells, `{do: Call, owner: Ann}`, where `keys` takes one.

    It must be in braces and have known keys only; every other text stays text.
    """
    text = value.strip() if isinstance(value, str) else ""
    if not text.startswith("{") or text.startswith("{{") or not text.endswith("}"):
        return value
    parsed = parse_yaml(text.encode(), "")
    if not isinstance(parsed.root, Map) or parsed.problems:
        return value
    names, known = [pair.key for pair in parsed.root.pairs], keys_in(keys)
    is_content = known == PAIRED and frozenset(names) not in PAIRS
    if not names or is_content or not {*names} <= {key.name for key in known}:
        return value
    return to_value(parsed.root)


def to_value(node: Node) -> NewValue:
    """A node of an author's document as a value; a blank in brackets stays one."""
    if isinstance(node, Map):
        return {pair.key: to_value(pair.node) for pair in node.pairs}
    if isinstance(node, List):
        return node.source if spelled_blank(node) else [to_value(each) for each in node.nodes]
    return value_of(node)  # type: ignore[return-value]  # of a scalar


def _is_merged(node: Node | None, keys: KeyPath, value: Mapping[str, NewValue]) -> bool:
    """Whether the keys of `value` are set one by one, so that what is there stays."""
    if isinstance(node, Map):
        return bool(node.entries)
    first, others = _short_form(node, keys)
    return bool(first) and value.keys() <= {*others}


def _with_first_key(parsed: ParsedYAML, keys: KeyPath, name: str) -> ParsedYAML:
    """The text at `keys` as the first key of a mapping that may also have `name`."""
    node = node_at(root_of(parsed), keys)
    first, others = _short_form(node, keys)
    if node is None or not first or (name not in others and keys_in(keys) == PAIRED):
        return parsed
    if name not in others:
        known = (first, *others)
        hint = nearest(name, known) or f", expected {', '.join(known)}"
        raise NotFound(f"no key '{name}' in '{format_path(keys)}'{hint}")
    text = node.source if isinstance(node, List) else to_value(node)
    return set_value(parsed, keys, {first: text})


def _short_form(node: Node | None, keys: KeyPath) -> tuple[str, tuple[str, ...]]:
    """The key whose value the text at `keys` is, and those it may have next to it.

    An action that is text is a short form of `{do: text}`.
    """
    is_blank_text = isinstance(node, List) and spelled_blank(node) is not None
    if not is_blank_text and (not isinstance(node, Scalar) or is_null(node)):
        return "", ()
    known = keys_in(keys)
    if known == PAIRED:
        return "text", ("when", "evidence")
    owner = key_at(keys) or key_at(keys[:-1])
    if not known or owner is None or not owner.shape.takes_first:
        return "", ()
    return known[0].name, tuple(key.name for key in known[1:])


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
    parsed = _with_first_key(parsed, keys, labels[0]) if keys else parsed
    for n, label in enumerate(labels):
        outer = (*keys, *labels[:n])
        key = key_at(outer)
        if key and key.is_added_to and label.isdecimal():
            raise NotFound(f"'{format_path(outer)}' has no item {label}; append with 'add'")
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


def _is_blank_list(node: List) -> bool:
    """Whether the only item is null or a blank, with or without brackets of its own."""
    if len(node.nodes) != 1:
        return False
    item = node.nodes[0]
    if isinstance(item, Scalar):
        is_word = node.is_flow and is_blank(f"[{item.text}]")  # `[TO BE FILLED]`
        return scalar_value(item) is None or is_word
    return isinstance(item, List) and len(item.nodes) == 1
