"""One edit in a YAML text: the place asked for, every other byte as it was.

An edit is a splice at PyYAML's marks. It is proved before it is handed out: the edited text,
read again, must equal the old tree with that one change, or nothing is returned.
"""

from __future__ import annotations

from collections.abc import Callable

import yaml

from handoff.base.problems import KeyPath
from handoff.yaml.candidates import Candidates, as_mapping, with_item, with_key, with_value
from handoff.yaml.scalars import Scalar
from handoff.yaml.spans import (
    NULL,
    CannotEdit,
    Tree,
    composed,
    found_at,
    is_null,
    named,
    newline_of,
    parent_of,
    tree,
)

_BOOL = "tag:yaml.org,2002:bool"
_TEXTS = tuple(f"tag:yaml.org,2002:{kind}" for kind in ("str", "int", "float", "timestamp"))


def set_value(
    text: str,
    keys: KeyPath,
    value: Scalar | dict[str, Scalar],
    *,
    order: tuple[str, ...] = (),
) -> str:
    """`text` with the scalar at `keys` being `value`; a last key that is not there is added.

    A mapping of scalars is written as a flow mapping. A new key goes behind those that stand
    before it in `order`, else to the end.

    Raises CannotEdit where that cannot be done by touching this place alone.
    """
    root = composed(text)
    found = found_at(root, keys)
    if found is None:
        edited = with_key(text, parent_of(root, keys), keys, value, order)
    else:
        edited = with_value(text, found, keys, value)
    return _proved(text, keys, _says(value), edited)


def add_item(text: str, keys: KeyPath, value: Scalar, *, order: tuple[str, ...] = ()) -> str:
    """`text` with `value` at the end of the list at `keys`; nothing there yet becomes a list.

    A key that is not there is added as `set_value` does.

    Raises CannotEdit where something else than a list stands there.
    """
    root = composed(text)
    found = found_at(root, keys)
    if found is None:
        edited = with_key(text, parent_of(root, keys), keys, [value], order)
        return _proved(text, keys, _says_list(value), edited)
    if isinstance(found.node, yaml.SequenceNode):
        end = len(found.node.value)
        return _proved(text, (*keys, end), _says(value), with_item(text, found.node, value))
    if is_null(found.node):
        edited = with_value(text, found, keys, [value])
        return _proved(text, keys, _says_list(value), edited)
    raise CannotEdit(f"'{named(keys)}' is not a list; set it, or name a list in it")


def labelled(text: str, keys: KeyPath) -> str:
    """`text` with the list of texts at `keys` being a mapping of them, each `false`.

    Raises CannotEdit where something else than texts of one line stands there.
    """
    found = found_at(composed(text), keys)
    if found is None or not isinstance(found.node, yaml.SequenceNode):
        raise CannotEdit(f"'{named(keys)}' is not a list")
    if not all(isinstance(item, yaml.ScalarNode) for item in found.node.value):
        raise CannotEdit(f"'{named(keys)}' is no plain list of labels; write it as a mapping")
    labels = [item.value for item in found.node.value]

    def accepts(new: Tree) -> bool:
        return new[0] == "map" and [(k[1], v) for k, v in new[1]] == [
            (label, (_BOOL, "false")) for label in labels
        ]

    return _proved(text, keys, accepts, iter([as_mapping(text, found)]))


Accepts = Callable[[Tree], bool]


def _proved(text: str, keys: KeyPath, accepts: Accepts, candidates: Candidates) -> str:
    old = tree(text)
    for edited in candidates:
        if _reads_as(edited, old, keys, accepts):
            return edited
        if _reads_as(
            edited + newline_of(text), old, keys, accepts
        ):  # a block ends with its line
            return edited + newline_of(text)
    raise CannotEdit(f"'{named(keys)}' cannot be edited without touching what is around it")


def _reads_as(edited: str, old: Tree, keys: KeyPath, accepts: Accepts) -> bool:
    try:
        return _same_but(old, tree(edited), keys, accepts)
    except (yaml.YAMLError, CannotEdit):
        return False


def _same_but(old: Tree, new: Tree, keys: KeyPath, accepts: Accepts) -> bool:
    """Whether `new` is `old` but for the value at `keys`, which `accepts` takes."""
    if not keys:
        return accepts(new)
    if new[0] not in ("map", "seq") or (old[0] != new[0] and old[0] != NULL):
        return False
    before, after = _children(old), _children(new)
    at, was_at = _position(after, keys[0]), _position(before, keys[0])
    if at is None:
        return False
    if was_at is None:  # a new label, or the item behind the last one
        others = before == after[:at] + after[at + 1 :]
        return others and _same_but((NULL, ""), after[at][1], keys[1:], accepts)
    return (
        at == was_at
        and before[:at] + before[at + 1 :] == after[:at] + after[at + 1 :]
        and before[at][0] == after[at][0]
        and _same_but(before[at][1], after[at][1], keys[1:], accepts)
    )


def _children(node: Tree) -> tuple[tuple[Tree, Tree], ...]:
    if node[0] == "map":
        return tuple(node[1])
    return tuple(enumerate(node[1])) if node[0] == "seq" else ()


def _position(children: tuple[tuple[Tree, Tree], ...], key: str | int) -> int | None:
    for at, (label, _) in enumerate(children):
        if label == key or (isinstance(label, tuple) and label[1] == str(key)):
            return at
    return None


def _says(value: Scalar | dict[str, Scalar]) -> Accepts:
    if isinstance(value, dict):
        return lambda new: bool(
            new[0] == "map"
            and [key[1] for key, _ in new[1]] == list(value)
            and all(_says(value[key[1]])(inner) for key, inner in new[1])
        )
    if value is None:
        return lambda new: bool(new[0] == NULL)
    if isinstance(value, bool):
        return lambda new: bool(new[0] == _BOOL and (new[1].lower() == "true") is value)
    return lambda new: bool(new[0] in _TEXTS and new[1] == value)


def _says_list(value: Scalar) -> Accepts:
    says = _says(value)
    return lambda new: bool(new[0] == "seq" and len(new[1]) == 1 and says(new[1][0]))
