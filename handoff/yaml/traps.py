"""Lines that YAML reads differently than they look, and the quoted lines that fix them."""

from __future__ import annotations

import re

from handoff.base.patterns import lazy_pattern

_LINE = lazy_pattern(r"(?P<lead>[ ]*(?:-[ ]+)*)(?P<rest>.*)", re.DOTALL)
_KEY = lazy_pattern(r"""(?:"[^"]*"|'[^']*'|[^\s"'\[{&*!|>%@`#].*?):[ ]+""")
_COMMENT = lazy_pattern(r"[ \t]+#(?:\s.*)?$")
_CUT = lazy_pattern(r"[ \t]+#(?=\w)")
_HEADER = lazy_pattern(r"[|>][-+0-9]*$")
_FLOW = {"[": "]", "{": "}"}
_QUOTED = lazy_pattern(r""""(?:[^"\\]|\\.)*("|$)|'(?:[^']|'')*('|$)""")


def quoted(line: str) -> str | None:
    """`line` with its value in quotes, or `None` where it needs none.

    A value needs quotes that begins with a character reserved by YAML, that continues after
    a closing bracket or quote, or that contains `: `.
    """
    lead, value, comment = _parts(line)
    stands_alone = not lead.strip()
    if stands_alone or not _is_trap(value):
        return None
    return lead + in_quotes(value) + comment


def whole(line: str) -> str:
    """`line` with everything after its key in quotes, including a comment without a space."""
    lead, value = _lead(line)
    return lead + in_quotes(value.strip())


def is_cut(text: str, end: int) -> bool:
    """Whether the rest of the line after a plain value that ends at `end` looks like lost text.

    `PR #123` loses its number to a comment; a comment with a space after `#` is meant.
    """
    return _CUT.match(text, end) is not None


def in_quotes(value: str) -> str:
    """`value` as a quoted YAML scalar, in the quotes that need the fewest escapes."""
    if '"' not in value and "\\" not in value:
        return f'"{value}"'
    return "'" + value.replace("'", "''") + "'"


def _parts(line: str) -> tuple[str, str, str]:
    lead, rest = _lead(line.rstrip())
    comment = _COMMENT.search(rest)
    cut = comment.start() if comment else len(rest)
    return lead, rest[:cut], rest[cut:]


def _lead(line: str) -> tuple[str, str]:
    """Indentation, dashes and key on one side, the value on the other."""
    match = _LINE.match(line)
    assert match is not None  # the pattern matches any text
    lead, rest = match["lead"], match["rest"]
    key = _KEY.match(rest)
    return (lead + key[0], rest[key.end() :]) if key else (lead, rest)


def _is_trap(value: str) -> bool:
    if not value or _HEADER.match(value):
        return False
    if value[0] in _FLOW:
        # [%] is a blank, but YAML reserves %
        is_blank = value.startswith("[%")
        return is_blank or value.startswith("{{") or not value.endswith(_FLOW[value[0]])
    inside = _QUOTED.match(value)
    if inside:
        return inside.end() < len(value)
    return value[0] in "`@%*&!|>" or value.startswith("- ") or _holds_key(value)


def _holds_key(value: str) -> bool:
    return ": " in value or value.endswith(":")
