"""One edit in a YAML text: the place asked for, every other byte as it was.

An edit is a splice at PyYAML's marks. It is proved before it is handed out: the edited text,
read again, must equal the old tree with that one change, or nothing is returned.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from handoff.authoring.scalars import Scalar, Spot, double_quoted, written
from handoff.problems import HandoffError, KeyPath

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NULL = "tag:yaml.org,2002:null"
_BOOL = "tag:yaml.org,2002:bool"
_TEXTS = tuple(f"tag:yaml.org,2002:{kind}" for kind in ("str", "int", "float", "timestamp"))

_BLOCK_HEADER = re.compile(r"(?:[!&]\S*\s+)*[|>]\S*")

Tree = Any
"""What a text says: `(tag, text)`, `("map", pairs)` or `("seq", items)`."""


class CannotEdit(HandoffError):
    """The place cannot be edited without touching something else; nothing was changed."""

    exit_code = 1


@dataclass(frozen=True, slots=True)
class Found:
    """A node and what is around it."""

    node: yaml.Node
    parent: yaml.Node | None
    label: yaml.Node | None
    """The key, where the parent is a mapping."""
    flow: bool
    """Inside `{}` or `[]`."""
    above: Found | None = None
    """The parent with what is around it."""


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
    root = _composed(text)
    found = _found(root, keys)
    if found is None:
        edited = _with_key(text, _parent(root, keys), keys, value, order)
    else:
        edited = _with_value(text, found, keys, value)
    return _proved(text, keys, _says(value), edited)


def add_item(text: str, keys: KeyPath, value: Scalar, *, order: tuple[str, ...] = ()) -> str:
    """`text` with `value` at the end of the list at `keys`; nothing there yet becomes a list.

    A key that is not there is added as `set_value` does.

    Raises CannotEdit where something else than a list stands there.
    """
    root = _composed(text)
    found = _found(root, keys)
    if found is None:
        edited = _with_key(text, _parent(root, keys), keys, [value], order)
        return _proved(text, keys, _says_list(value), edited)
    if isinstance(found.node, yaml.SequenceNode):
        end = len(found.node.value)
        return _proved(text, (*keys, end), _says(value), _with_item(text, found.node, value))
    if _is_null(found.node):
        edited = _with_value(text, found, keys, [value])
        return _proved(text, keys, _says_list(value), edited)
    raise CannotEdit(f"'{_named(keys)}' is not a list; set it, or name a list in it")


def labelled(text: str, keys: KeyPath) -> str:
    """`text` with the list of texts at `keys` being a mapping of them, each `false`.

    Raises CannotEdit where something else than texts of one line stands there.
    """
    found = _found(_composed(text), keys)
    if found is None or not isinstance(found.node, yaml.SequenceNode):
        raise CannotEdit(f"'{_named(keys)}' is not a list")
    if not all(isinstance(item, yaml.ScalarNode) for item in found.node.value):
        raise CannotEdit(f"'{_named(keys)}' is no plain list of labels; write it as a mapping")
    labels = [item.value for item in found.node.value]

    def accepts(new: Tree) -> bool:
        return new[0] == "map" and [(k[1], v) for k, v in new[1]] == [
            (label, (_BOOL, "false")) for label in labels
        ]

    return _proved(text, keys, accepts, iter([_as_mapping(text, found)]))


def _as_mapping(text: str, found: Found) -> str:
    node = found.node
    flow = bool(getattr(node, "flow_style", False))
    beneath = (
        found.label is not None and found.label.start_mark.column == node.start_mark.column
    )
    start, end = _span(text, node)
    for item in reversed(node.value):
        item_start, item_end = _span(text, item)
        label = written(str(item.value), Spot(0, flow=flow))[0]
        dash = item_start if flow else text.rindex("-", 0, item_start)
        indent = "  " if beneath and not flow else ""
        entry = f"{indent}{label}: false"
        text = text[:dash] + entry + text[item_end:]
        end += len(entry) - (item_end - dash)
    return f"{text[:start]}{{{text[start + 1 : end - 1]}}}{text[end:]}" if flow else text


# --- reading ----------------------------------------------------------------------------


def tree(text: str) -> Tree:
    """What `text` says, without places, styles or comments."""
    return _tree(_composed(text))


def position(text: str, keys: KeyPath) -> tuple[int, int]:
    """Line and column, from 1, of what stands at `keys`; of its key where that is nothing."""
    found = _found(_composed(text), keys)
    if found is None:
        return 0, 0
    empty = found.node.start_mark.index == found.node.end_mark.index
    node = found.label if found.label is not None and empty else found.node
    return node.start_mark.line + 1, node.start_mark.column + 1


def pair_text(text: str, key: str) -> str | None:
    """The lines of a top-level key and what stands beneath it, without the last line's end.

    `None` where there is no such key, or where it has no lines of its own.
    """
    root = _composed(text)
    assert isinstance(root, yaml.MappingNode)  # or it would not have been composed
    if root.flow_style:
        return None
    for label, value in root.value:
        if label.value == key and value.end_mark.index >= label.end_mark.index:
            end = value.end_mark
            pair = yaml.MappingNode(root.tag, [(label, value)], label.start_mark, end, False)
            start = _span(text, pair)[0]
            return text[start : _content_end(text, pair)].rstrip()
    return None


def _composed(text: str) -> yaml.Node:
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


def _found(root: yaml.Node, keys: KeyPath) -> Found | None:
    found = Found(root, None, None, flow=False)
    for key in keys:
        step = _step(found, key)
        if step is None:
            return None
        if step.node.start_mark.index < found.node.start_mark.index or _is_alias(step):
            raise CannotEdit(
                f"'{_named(keys)}' stands behind an alias; edit its anchor by hand"
            )
        found = step
    return found


def _step(found: Found, key: str | int) -> Found | None:
    node = found.node
    flow = found.flow or bool(getattr(node, "flow_style", False))
    if isinstance(node, yaml.MappingNode):
        for label, value in node.value:
            if label.value == str(key):
                return Found(value, node, label, flow, found)
    if isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
        return Found(node.value[key], node, None, flow, found)
    return None


def _is_alias(found: Found) -> bool:
    """An alias hands out its anchor's node, with the anchor's marks."""
    if found.label is not None:
        return bool(found.node.start_mark.index < found.label.end_mark.index)
    assert isinstance(found.parent, yaml.SequenceNode)
    starts = [item.start_mark.index for item in found.parent.value]
    here = found.parent.value.index(found.node)
    return bool(here > 0 and starts[here] < starts[here - 1])


def _parent(root: yaml.Node, keys: KeyPath) -> Found:
    parent = _found(root, keys[:-1])
    if parent is None:
        raise CannotEdit(f"'{_named(keys[:-1])}' is not there")
    return parent


def _is_null(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag == _NULL


def _named(keys: KeyPath) -> str:
    return ".".join(str(key) for key in keys)


# --- writing ----------------------------------------------------------------------------

New = Scalar | list[Scalar] | dict[str, Scalar]
Candidates = Iterator[str]
"""Edited texts, the tidiest first; the first that proves right is taken."""


def _with_value(text: str, found: Found, keys: KeyPath, value: New) -> Candidates:
    node = found.node
    if isinstance(node, yaml.CollectionNode):
        if not getattr(node, "flow_style", False) or len(node.value) > 1:
            raise CannotEdit(f"'{_named(keys)}' holds entries; name one of them, or add to it")
    elif getattr(node, "style", None) in ("|", ">"):
        yield _over_block(text, found, value)
        return
    start, end = _span(text, node)
    old = text[start:end]
    spot = _spot(text, found, style=getattr(node, "style", None))
    if found.flow and isinstance(value, str) and "\n" in value:
        yield from _unfolded(text, found, value)
    head, body = _lines(value, spot)
    if not head:
        yield _inserted(text, start, end, head, body, spot.newline)
    for first, under in [(head, body), *_on_one_line(value)]:
        for before, after in [("", "")] if old else _AROUND:
            yield _inserted(text, start, end, before + first + after, under, spot.newline)


def _unfolded(text: str, found: Found, value: str) -> Candidates:
    """Several lines in a flow mapping of one key, `{sql: }`: the mapping becomes a block."""
    outer, label = found.above, found.label
    if outer is None or label is None or outer.flow or len(outer.node.value) > 1:
        return
    start, end = _span(text, outer.node)
    newline = _newline(text)
    column = _spot(text, outer).indent + 2 if outer.label else outer.node.start_mark.column
    head, body = _lines(value, Spot(column, newline=newline))
    key = text[slice(*_span(text, label))]
    line = f"{key}: {head}{newline}{body}"
    if outer.label is None:
        yield text[:start] + line + text[end:]
    else:
        above = text[:start].rstrip(" ")
        yield _inserted(
            above + text[end:], len(above), len(above), "", " " * column + line, newline
        )


_AROUND = (("", ""), (" ", ""), (" ", " "), (": ", ""), (": ", " "))
"""What may be missing around a value where none stood: `a:`, `[a:, b]`, `{a, b}`."""


def _on_one_line(value: New) -> list[tuple[str, str]]:
    """For where a block would swallow the comment under it."""
    return [(double_quoted(value), "")] if isinstance(value, str) else []


def _inserted(text: str, start: int, end: int, head: str, body: str, newline: str) -> str:
    """`head` in place of the span; `body` under what is left of that line (a comment stays)."""
    if not body:
        return text[:start] + head + text[end:]
    line_end = _line_end(text, end)
    return text[:start] + head + text[end:line_end] + newline + body + text[line_end:]


def _over_block(text: str, found: Found, value: New) -> str:
    """In place of a block scalar; a comment behind its `|` and blank lines under it stay."""
    start, end = _span(text, found.node)
    block = text[start:end]
    kept = len(block) - len(block.rstrip())
    header = block.partition("\n")[0].rstrip("\r")
    comment = _BLOCK_HEADER.sub("", header, count=1)
    spot = _spot(text, found)
    head, body = _lines(value, spot)
    under = spot.newline + body if body else ""
    return text[:start] + head + comment + under + block[len(block) - kept :] + text[end:]


def _with_item(text: str, node: yaml.SequenceNode, value: Scalar) -> Candidates:
    newline = _newline(text)
    if node.flow_style:
        yield from _into_flow(text, node, _lines(value, Spot(0, flow=True))[0])
        return
    column = node.start_mark.column
    head, body = _lines(value, Spot(column, newline=newline))
    line = " " * column + "- " + head + (newline + body if body else "")
    yield from _under(text, node, line, newline)


def _with_key(
    text: str, parent: Found, keys: KeyPath, value: New, order: tuple[str, ...]
) -> Candidates:
    node, newline = parent.node, _newline(text)
    label = _lines(str(keys[-1]), Spot(0, flow=parent.flow))[0]
    if isinstance(node, yaml.MappingNode) and (node.flow_style or parent.flow):
        yield from _into_flow(text, node, f"{label}: {_lines(value, Spot(0, flow=True))[0]}")
    elif isinstance(node, yaml.MappingNode):
        column = node.start_mark.column
        head, body = _lines(value, Spot(column, newline=newline))
        line = f"{' ' * column}{label}: {head}" + (newline + body if body else "")
        line = line.replace(": \n", ":\n").replace(": \r\n", ":\r\n") if not head else line
        yield from _under(text, _upper(node, keys[-1], order), line, newline)
        yield from _under(text, node, line, newline)
    elif _is_null(node) and not parent.flow:
        yield from _first_key(text, parent, label, value)
    else:
        raise CannotEdit(f"'{_named(keys[:-1])}' holds no entries to add '{keys[-1]}' to")


def _upper(node: yaml.MappingNode, key: str | int, order: tuple[str, ...]) -> yaml.Node:
    """The part of the mapping that a new `key` goes beneath: to the last key before it."""
    before = order[: order.index(key)] if key in order else ()
    ends = [n for n, (label, _) in enumerate(node.value) if label.value in before]
    if not ends:
        return node
    pairs = node.value[: ends[-1] + 1]
    end = pairs[-1][1].end_mark
    if end.index < pairs[-1][0].end_mark.index:  # behind an alias
        return node
    return yaml.MappingNode(node.tag, pairs, node.start_mark, end, flow_style=False)


def _first_key(text: str, parent: Found, label: str, value: New) -> Candidates:
    spot = _spot(text, parent)
    column = spot.indent + 2
    head, body = _lines(value, Spot(column, newline=spot.newline))
    start, end = _span(text, parent.node)
    line = f"{' ' * column}{label}: {head}".rstrip() + (spot.newline + body if body else "")
    before = text[:start].rstrip(" ") if text[start:end] else text[:start]
    yield _inserted(before + text[end:], len(before), len(before), "", line, spot.newline)


def _into_flow(text: str, node: yaml.CollectionNode, entry: str) -> Candidates:
    _, end = _span(text, node)
    if not node.value:
        yield text[: end - 1] + entry + text[end - 1 :]
        return
    inner = text[: end - 1].rstrip()
    comma = " " if inner.endswith(",") else ", "
    yield inner + comma + entry + text[len(inner) :]


def _under(text: str, node: yaml.Node, line: str, newline: str) -> Candidates:
    """`line` under the last line of a block collection, then under all that trails it."""
    for end in (_content_end(text, node), _span(text, node)[1]):
        above = text[:end]
        if above and not above.endswith("\n"):
            yield above + newline + line + text[end:]
        else:
            yield above + line + newline + text[end:]


def _content_end(text: str, node: yaml.Node) -> int:
    """The end of the last line that is neither blank nor a comment beneath the collection."""
    start, end = _span(text, node)
    last = _last_leaf(node)
    floor = max(start, _span(text, last)[0])
    lines = text[floor:end].splitlines(keepends=True)
    literal = getattr(last, "style", None) in ("|", ">")
    column = node.start_mark.column
    while len(lines) > 1 and (
        not lines[-1].strip() or (not literal and _is_comment(lines[-1], column))
    ):
        lines.pop()
    end = floor + sum(map(len, lines))
    return end if text[:end].endswith("\n") else _line_end(text, end, keep=True)


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


def _lines(value: New, spot: Spot) -> tuple[str, str]:
    if isinstance(value, dict):
        inside = Spot(0, flow=True)
        pairs = (f"{written(k, inside)[0]}: {written(v, inside)[0]}" for k, v in value.items())
        return "{" + ", ".join(pairs) + "}", ""
    if not isinstance(value, list):
        return written(value, spot)
    inner = Spot(spot.indent + 2, spot.flow, newline=spot.newline)
    heads = [written(item, inner) for item in value]
    if spot.flow:
        return "[" + ", ".join(head for head, _ in heads) + "]", ""
    pad = " " * (spot.indent + 2)
    return "", spot.newline.join(
        pad + "- " + head + (spot.newline + body if body else "") for head, body in heads
    )


def _spot(text: str, found: Found, *, style: str | None = None) -> Spot:
    around = found.label or found.node
    column = found.parent.start_mark.column if found.parent is not None else 0
    if found.label is not None and not found.flow:
        column = around.start_mark.column
    kept = style if style in ("'", '"') else None
    return Spot(column, found.flow, kept, _newline(text))


def _span(text: str, node: yaml.Node) -> tuple[int, int]:
    shift = len(text) - len(text.removeprefix("\ufeff"))
    return node.start_mark.index + shift, node.end_mark.index + shift


def _line_end(text: str, index: int, *, keep: bool = False) -> int:
    end = text.find("\n", index)
    if end < 0:
        return len(text)
    if keep:
        return end + 1
    return end - 1 if text[end - 1 : end] == "\r" and end > index else end


def _newline(text: str) -> str:
    first = text.find("\n")
    return "\r\n" if first > 0 and text[first - 1] == "\r" else "\n"


# --- proving ----------------------------------------------------------------------------

Accepts = Callable[[Tree], bool]


def _proved(text: str, keys: KeyPath, accepts: Accepts, candidates: Candidates) -> str:
    old = tree(text)
    for edited in candidates:
        if _reads_as(edited, old, keys, accepts):
            return edited
        if _reads_as(edited + _newline(text), old, keys, accepts):  # a block ends with its line
            return edited + _newline(text)
    raise CannotEdit(f"'{_named(keys)}' cannot be edited without touching what is around it")


def _reads_as(edited: str, old: Tree, keys: KeyPath, accepts: Accepts) -> bool:
    try:
        return _same_but(old, tree(edited), keys, accepts)
    except (yaml.YAMLError, CannotEdit):
        return False


def _same_but(old: Tree, new: Tree, keys: KeyPath, accepts: Accepts) -> bool:
    """Whether `new` is `old` but for the value at `keys`, which `accepts` takes."""
    if not keys:
        return accepts(new)
    if new[0] not in ("map", "seq") or (old[0] != new[0] and old[0] != _NULL):
        return False
    before, after = _children(old), _children(new)
    at, was_at = _position(after, keys[0]), _position(before, keys[0])
    if at is None:
        return False
    if was_at is None:  # a new label, or the item behind the last one
        others = before == after[:at] + after[at + 1 :]
        return others and _same_but((_NULL, ""), after[at][1], keys[1:], accepts)
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
        return lambda new: bool(new[0] == _NULL)
    if isinstance(value, bool):
        return lambda new: bool(new[0] == _BOOL and (new[1].lower() == "true") is value)
    return lambda new: bool(new[0] in _TEXTS and new[1] == value)


def _says_list(value: Scalar) -> Accepts:
    says = _says(value)
    return lambda new: bool(new[0] == "seq" and len(new[1]) == 1 and says(new[1][0]))
