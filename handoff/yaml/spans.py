"""A YAML text at PyYAML's marks: what it says, and where each part of that stands."""

from __future__ import annotations

from typing import Any

import yaml
from msgspec import Struct

from handoff.base.problems import HandoffError, KeyPath

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

NULL = "tag:yaml.org,2002:null"

Tree = Any
"""What a text says: `(tag, text)`, `("map", pairs)` or `("seq", items)`."""


class CannotEdit(HandoffError):
    """The place cannot be edited without touching something else; nothing was changed."""

    exit_code = 1


class Located(Struct, frozen=True):
    """A node and what is around it."""

    node: yaml.Node
    parent: yaml.Node | None
    label: yaml.Node | None
    """The key, where the parent is a mapping."""
    flow: bool
    """Inside `{}` or `[]`."""
    above: Located | None = None
    """The parent with what is around it."""


def tree(text: str) -> Tree:
    """What `text` says, without places, styles or comments."""
    return _tree(composed(text))


def position(text: str, keys: KeyPath) -> tuple[int, int]:
    """Line and column, from 1, of what stands at `keys`; of its key where that is nothing."""
    found = found_at(composed(text), keys)
    if found is None:
        return 0, 0
    empty = found.node.start_mark.index == found.node.end_mark.index
    node = found.label if found.label is not None and empty else found.node
    return node.start_mark.line + 1, node.start_mark.column + 1


def is_flow(text: str, keys: KeyPath) -> bool:
    """Whether a list or mapping in `[]` or `{}` stands at `keys`."""
    found = found_at(composed(text), keys)
    return bool(found and getattr(found.node, "flow_style", False))


def pair_text(text: str, key: str) -> str | None:
    """The lines of a top-level key and what stands beneath it, without the last line's end.

    `None` where there is no such key, or where it has no lines of its own.
    """
    root = composed(text)
    assert isinstance(root, yaml.MappingNode)  # or it would not have been composed
    if root.flow_style:
        return None
    for label, value in root.value:
        if label.value == key and value.end_mark.index >= label.end_mark.index:
            end = value.end_mark
            pair = yaml.MappingNode(root.tag, [(label, value)], label.start_mark, end, False)
            start = span(text, pair)[0]
            return text[start : content_end(text, pair)].rstrip()
    return None


def composed(text: str) -> yaml.Node:
    root = yaml.compose(text.removeprefix("\ufeff"), Loader=_LOADER)
    if not isinstance(root, yaml.MappingNode):
        raise CannotEdit("the file holds no mapping")
    return root


def _tree(node: yaml.Node) -> Tree:
    if isinstance(node, yaml.MappingNode):
        return "map", tuple((_tree(k), _tree(v)) for k, v in node.value)
    if isinstance(node, yaml.SequenceNode):
        return "seq", tuple(_tree(item) for item in node.value)
    return node.tag, node.value


def found_at(root: yaml.Node, keys: KeyPath) -> Located | None:
    found = Located(root, None, None, flow=False)
    for key in keys:
        step = _step(found, key)
        if step is None:
            return None
        if step.node.start_mark.index < found.node.start_mark.index or _is_alias(step):
            raise CannotEdit(f"'{named(keys)}' stands behind an alias; edit its anchor by hand")
        found = step
    return found


def _step(found: Located, key: str | int) -> Located | None:
    node = found.node
    flow = found.flow or bool(getattr(node, "flow_style", False))
    if isinstance(node, yaml.MappingNode):
        for label, value in node.value:
            if label.value == str(key):
                return Located(value, node, label, flow, found)
    if isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
        return Located(node.value[key], node, None, flow, found)
    return None


def _is_alias(found: Located) -> bool:
    """An alias hands out its anchor's node, with the anchor's marks."""
    if found.label is not None:
        return bool(found.node.start_mark.index < found.label.end_mark.index)
    assert isinstance(found.parent, yaml.SequenceNode)
    starts = [item.start_mark.index for item in found.parent.value]
    here = found.parent.value.index(found.node)
    return bool(here > 0 and starts[here] < starts[here - 1])


def parent_of(root: yaml.Node, keys: KeyPath) -> Located:
    parent = found_at(root, keys[:-1])
    if parent is None:
        raise CannotEdit(f"'{named(keys[:-1])}' is not there")
    return parent


def is_null(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag == NULL


def named(keys: KeyPath) -> str:
    return ".".join(str(key) for key in keys)


def content_end(text: str, node: yaml.Node) -> int:
    """The end of the last line that is neither blank nor a comment beneath the collection."""
    start, end = span(text, node)
    last = _last_leaf(node)
    floor = max(start, span(text, last)[0])
    lines = text[floor:end].splitlines(keepends=True)
    literal = getattr(last, "style", None) in ("|", ">")
    column = node.start_mark.column
    while len(lines) > 1 and (
        not lines[-1].strip() or (not literal and _is_comment(lines[-1], column))
    ):
        lines.pop()
    end = floor + sum(map(len, lines))
    return end if text[:end].endswith("\n") else line_end(text, end, keep=True)


def _is_comment(line: str, column: int) -> bool:
    """Whether `line` holds a comment only; one further in belongs to what stands above it."""
    words = line.lstrip(" ")
    return words.startswith("#") and len(line) - len(words) <= column


def _last_leaf(node: yaml.Node) -> yaml.Node:
    while isinstance(node, yaml.CollectionNode) and node.value and not node.flow_style:
        last = node.value[-1]
        following = last[1] if isinstance(last, tuple) else last
        if following.start_mark.index < node.start_mark.index:
            return last[0] if isinstance(last, tuple) else node
        node = following
    return node


def span(text: str, node: yaml.Node) -> tuple[int, int]:
    shift = len(text) - len(text.removeprefix("\ufeff"))
    return node.start_mark.index + shift, node.end_mark.index + shift


def line_end(text: str, index: int, *, keep: bool = False) -> int:
    end = text.find("\n", index)
    if end < 0:
        return len(text)
    if keep:
        return end + 1
    return end - 1 if text[end - 1 : end] == "\r" and end > index else end


def newline_of(text: str) -> str:
    first = text.find("\n")
    return "\r\n" if first > 0 and text[first - 1] == "\r" else "\n"
