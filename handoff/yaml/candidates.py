"""Texts that an edit may make, the tidiest first; none of them is proved yet."""

from __future__ import annotations

import re
from collections.abc import Iterator

import yaml

from handoff.base.problems import KeyPath
from handoff.yaml.scalars import Scalar, ScalarContext, double_quoted, written
from handoff.yaml.spans import (
    CannotEdit,
    Located,
    content_end,
    is_null,
    line_end,
    named,
    newline_of,
    span,
)

_BLOCK_HEADER = re.compile(r"(?:[!&]\S*\s+)*[|>]\S*")

New = Scalar | list[Scalar] | dict[str, Scalar]

Candidates = Iterator[str]
"""Edited texts, the tidiest first; the first that proves right is taken."""


def with_value(text: str, found: Located, keys: KeyPath, value: New) -> Candidates:
    node = found.node
    if isinstance(node, yaml.CollectionNode):
        if not getattr(node, "flow_style", False) or len(node.value) > 1:
            raise CannotEdit(f"'{named(keys)}' holds entries; name one of them, or add to it")
    elif getattr(node, "style", None) in ("|", ">"):
        yield _over_block(text, found, value)
        return
    start, end = span(text, node)
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


def _unfolded(text: str, found: Located, value: str) -> Candidates:
    """Several lines in a flow mapping of one key, `{sql: }`: the mapping becomes a block."""
    outer, label = found.above, found.label
    if outer is None or label is None or outer.flow or len(outer.node.value) > 1:
        return
    start, end = span(text, outer.node)
    newline = newline_of(text)
    column = _spot(text, outer).indent + 2 if outer.label else outer.node.start_mark.column
    head, body = _lines(value, ScalarContext(column, newline=newline))
    key = text[slice(*span(text, label))]
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
    rest = line_end(text, end)
    return text[:start] + head + text[end:rest] + newline + body + text[rest:]


def _over_block(text: str, found: Located, value: New) -> str:
    """In place of a block scalar; a comment behind its `|` and blank lines under it stay."""
    start, end = span(text, found.node)
    block = text[start:end]
    kept = len(block) - len(block.rstrip())
    header = block.partition("\n")[0].rstrip("\r")
    comment = _BLOCK_HEADER.sub("", header, count=1)
    spot = _spot(text, found)
    head, body = _lines(value, spot)
    under = spot.newline + body if body else ""
    return text[:start] + head + comment + under + block[len(block) - kept :] + text[end:]


def with_item(text: str, node: yaml.SequenceNode, value: Scalar) -> Candidates:
    newline = newline_of(text)
    if node.flow_style:
        yield from _into_flow(text, node, _lines(value, ScalarContext(0, flow=True))[0])
        return
    column = node.start_mark.column
    head, body = _lines(value, ScalarContext(column, newline=newline))
    line = " " * column + "- " + head + (newline + body if body else "")
    yield from _under(text, node, line, newline)


def with_key(
    text: str, parent: Located, keys: KeyPath, value: New, order: tuple[str, ...]
) -> Candidates:
    node, newline = parent.node, newline_of(text)
    label = _lines(str(keys[-1]), ScalarContext(0, flow=parent.flow))[0]
    if isinstance(node, yaml.MappingNode) and (node.flow_style or parent.flow):
        yield from _into_flow(
            text, node, f"{label}: {_lines(value, ScalarContext(0, flow=True))[0]}"
        )
    elif isinstance(node, yaml.MappingNode):
        column = node.start_mark.column
        head, body = _lines(value, ScalarContext(column, newline=newline))
        line = f"{' ' * column}{label}: {head}" + (newline + body if body else "")
        line = line.replace(": \n", ":\n").replace(": \r\n", ":\r\n") if not head else line
        yield from _under(text, _upper(node, keys[-1], order), line, newline)
        yield from _under(text, node, line, newline)
    elif is_null(node) and not parent.flow:
        yield from _first_key(text, parent, label, value)
    else:
        raise CannotEdit(f"'{named(keys[:-1])}' holds no entries to add '{keys[-1]}' to")


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


def _first_key(text: str, parent: Located, label: str, value: New) -> Candidates:
    spot = _spot(text, parent)
    column = spot.indent + 2
    head, body = _lines(value, ScalarContext(column, newline=spot.newline))
    start, end = span(text, parent.node)
    line = f"{' ' * column}{label}: {head}".rstrip() + (spot.newline + body if body else "")
    before = text[:start].rstrip(" ") if text[start:end] else text[:start]
    yield _inserted(before + text[end:], len(before), len(before), "", line, spot.newline)


def _into_flow(text: str, node: yaml.CollectionNode, entry: str) -> Candidates:
    _, end = span(text, node)
    if not node.value:
        yield text[: end - 1] + entry + text[end - 1 :]
        return
    inner = text[: end - 1].rstrip()
    comma = " " if inner.endswith(",") else ", "
    yield inner + comma + entry + text[len(inner) :]


def _under(text: str, node: yaml.Node, line: str, newline: str) -> Candidates:
    """`line` under the last line of a block collection, then under all that trails it."""
    for end in (content_end(text, node), span(text, node)[1]):
        above = text[:end]
        if above and not above.endswith("\n"):
            yield above + newline + line + text[end:]
        else:
            yield above + line + newline + text[end:]


def as_mapping(text: str, found: Located) -> str:
    node = found.node
    flow = bool(getattr(node, "flow_style", False))
    beneath = (
        found.label is not None and found.label.start_mark.column == node.start_mark.column
    )
    start, end = span(text, node)
    for item in reversed(node.value):
        item_start, item_end = span(text, item)
        label = written(str(item.value), ScalarContext(0, flow=flow))[0]
        dash = item_start if flow else text.rindex("-", 0, item_start)
        indent = "  " if beneath and not flow else ""
        entry = f"{indent}{label}: false"
        text = text[:dash] + entry + text[item_end:]
        end += len(entry) - (item_end - dash)
    return f"{text[:start]}{{{text[start + 1 : end - 1]}}}{text[end:]}" if flow else text


def _lines(value: New, spot: ScalarContext) -> tuple[str, str]:
    if isinstance(value, dict):
        inside = ScalarContext(0, flow=True)
        pairs = (f"{written(k, inside)[0]}: {written(v, inside)[0]}" for k, v in value.items())
        return "{" + ", ".join(pairs) + "}", ""
    if not isinstance(value, list):
        return written(value, spot)
    inner = ScalarContext(spot.indent + 2, spot.flow, newline=spot.newline)
    heads = [written(item, inner) for item in value]
    if spot.flow:
        return "[" + ", ".join(head for head, _ in heads) + "]", ""
    pad = " " * (spot.indent + 2)
    return "", spot.newline.join(
        pad + "- " + head + (spot.newline + body if body else "") for head, body in heads
    )


def _spot(text: str, found: Located, *, style: str | None = None) -> ScalarContext:
    around = found.label or found.node
    column = found.parent.start_mark.column if found.parent is not None else 0
    if found.label is not None and not found.flow:
        column = around.start_mark.column
    kept = style if style in ("'", '"') else None
    return ScalarContext(column, found.flow, kept, newline_of(text))
