"""How a value is written in YAML: plain where that reads back the same, else quoted."""

from __future__ import annotations

import json
import re

import yaml
from msgspec import Struct

Scalar = str | bool | None

_LOADERS = (getattr(yaml, "CSafeLoader", yaml.SafeLoader), yaml.SafeLoader)
"""They differ in what ends a plain scalar, `?` in braces; plain is what both read."""
_TEXT_TAGS = tuple(f"tag:yaml.org,2002:{kind}" for kind in ("str", "int", "float", "timestamp"))
_WORDS = re.compile(r"(?i)(null|~|true|false|yes|no|on|off)?")
"""Read as something else than text by YAML 1.1 or 1.2."""
_SIXTIES = re.compile(r"[-+]?[0-9_]+(:[0-5]?[0-9])+(\.[0-9_]*)?")
"""Text, and ninety (`1:30`) for what still reads YAML 1.1."""
_TRAPS = ("{", "[", "`", "{{")
_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff\ufffe\uffff]"
)
_INDENTED = re.compile(r"[ \t\n]")


class ScalarContext(Struct, frozen=True):
    """Where a value is to stand, as far as its spelling depends on it."""

    indent: int
    """Of the key or dash that the value belongs to."""
    flow: bool = False
    """Inside `{}` or `[]`."""
    style: str | None = None
    """Of the scalar it replaces: `'`, `"` or none."""
    newline: str = "\n"


def written(value: Scalar, spot: ScalarContext) -> tuple[str, str]:
    """`value` in YAML: what stands behind the colon or dash, and the lines beneath it."""
    if value is None:
        return "null", ""
    if isinstance(value, bool):
        return str(value).lower(), ""
    if "\n" in value and not spot.flow and fits_block(value):
        return _block(value, spot)
    return _inline(value, spot), ""


def _inline(value: str, spot: ScalarContext) -> str:
    if _UNPRINTABLE.search(value) or "\n" in value or spot.style == '"':
        return double_quoted(value)
    if spot.style is None and _reads_plain(value, flow=spot.flow):
        return value
    if spot.style is None and "'" in value and '"' not in value and "\\" not in value:
        return f'"{value}"'
    return "'" + value.replace("'", "''") + "'"


def _reads_plain(value: str, *, flow: bool) -> bool:
    if _WORDS.fullmatch(value) or _SIXTIES.fullmatch(value):
        return False
    if value.startswith(_TRAPS) or value != value.strip():
        return False
    text = f"- [{value}, 0]" if flow else f"- {value}"
    return all(_is_plain(value, text, loader, flow=flow) for loader in _LOADERS)


def _is_plain(value: str, text: str, loader: type[yaml.SafeLoader], *, flow: bool) -> bool:
    try:
        root = yaml.compose(text, Loader=loader)
    except yaml.YAMLError:
        return False
    assert root is not None  # the dash is there
    node = root.value[0]
    if flow:  # ']#' would end the list before its first item
        node = node.value[0] if node.value else None
    return (
        isinstance(node, yaml.ScalarNode)
        and node.value == value
        and not node.style  # libyaml says '' for plain
        and node.tag in _TEXT_TAGS
    )


def double_quoted(value: str) -> str:
    """`value` on one line, whatever is in it."""
    # JSON's strings are YAML's, but for what JSON leaves unescaped
    return _UNPRINTABLE.sub(_escape, json.dumps(value, ensure_ascii=False))


def _escape(match: re.Match[str]) -> str:
    return f"\\u{ord(match.group()):04x}"


def fits_block(value: str) -> bool:
    """Whether text of several lines can be written as a block, without quotes."""
    return not (_UNPRINTABLE.search(value) or not value.strip())


def _block(value: str, spot: ScalarContext) -> tuple[str, str]:
    body = value.rstrip("\n")
    ending = len(value) - len(body)
    indicator = "2" if _INDENTED.match(value) else ""
    chomp = {0: "-", 1: ""}.get(ending, "+")
    pad = " " * (spot.indent + 2)
    lines = [pad + line if line else "" for line in body.split("\n")]
    return f"|{indicator}{chomp}", spot.newline.join(lines + [""] * max(ending - 1, 0))
