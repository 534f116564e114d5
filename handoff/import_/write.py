"""A session as YAML that a person reads and edits: block style, blanks as people write them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from handoff.base.blanks import DEFAULT, is_blank
from handoff.import_.values import LiteralName, Value
from handoff.yaml.scalars import ScalarContext, written

_BARE = re.compile(r"\[[A-Za-z][A-Za-z /_-]*\]")
"""A blank that a flow list without quotes spells."""


def yaml(session: Mapping[str, Value]) -> str:
    """The session file; a blank line before each of its larger parts."""
    parts: list[str] = []
    for key, value in session.items():
        lines = list(_pair(key, value, 0))
        if parts and (len(lines) > 1 or "\n" in parts[-1]):
            parts.append("")
        parts.append("\n".join(lines))
    return "\n".join(parts) + "\n"


def _pair(key: str, value: Value, indent: int) -> Iterator[str]:
    name = f"{' ' * indent}{_inline(key, indent)}:"
    if isinstance(value, dict) and value:
        yield name
        yield from _pairs(value, indent + 2)
    elif isinstance(value, list) and value:
        yield name
        yield from _items(value, indent + 2)
    elif value == DEFAULT and not isinstance(value, LiteralName):
        yield name
    else:
        yield from _after(name, value, indent, item=False)


def _pairs(mapping: Mapping[str, Value], indent: int) -> Iterator[str]:
    for key, value in mapping.items():
        yield from _pair(key, value, indent)


def _items(items: list[Value], indent: int) -> Iterator[str]:
    for item in items:
        yield from _item(item, indent)


def _item(item: Value, indent: int) -> Iterator[str]:
    dash = f"{' ' * indent}-"
    if isinstance(item, dict | list) and item:
        lines = _pairs(item, indent + 2) if isinstance(item, dict) else _items(item, indent + 2)
        yield f"{dash} {next(lines).lstrip(' ')}"
        yield from lines
    else:
        yield from _after(dash, item, indent, item=True)


def _after(start: str, value: Value, indent: int, *, item: bool) -> Iterator[str]:
    """A scalar, or an empty list or mapping, behind a key or a dash."""
    head, body = _scalar(value, indent, item=item)
    yield f"{start} {head}"
    if body:
        yield body


def _scalar(value: Value, indent: int, *, item: bool) -> tuple[str, str]:
    if isinstance(value, dict | list):
        return ("{}" if isinstance(value, dict) else "[]"), ""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value), ""
    if isinstance(value, str) and _is_bare_blank(value, item=item):
        return value, ""
    head, body = written(value, ScalarContext(indent))
    # the last line break of a block is not read, so it may look like any other
    return (head.rstrip("-") if body else head), body


def _is_bare_blank(value: str, *, item: bool) -> bool:
    is_content = not isinstance(value, LiteralName) and _BARE.fullmatch(value)
    return bool(is_content) and is_blank(value, item=item)


def _inline(key: str, indent: int) -> str:
    return written(key, ScalarContext(indent))[0]
