"""Values as YAML that a person reads and edits: block style, comments, few quotes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence

import yaml
from msgspec import Struct

from handoff.yaml.decode import scalar_value
from handoff.yaml.nodes import List, Map, Node, Scalar

PlainValue = str | bool | None
"""A scalar as it is edited: text, a boolean or null."""


class Comment(str):
    """A line between the entries of a mapping; used as a key without a value."""

    __slots__ = ()


class Quoted(str):
    """Text that would be a number or a boolean without its quotes."""

    __slots__ = ()


class PlainText(str):
    """Text written without quotes, such as the blank `[TIME]`."""

    __slots__ = ()


class Flow(Struct, frozen=True):
    """A mapping on one line."""

    pairs: Mapping[str, YamlValue]


YamlValue = str | bool | Flow | None | Sequence["YamlValue"] | Mapping[str, "YamlValue"]


class EmittedKey(Struct, frozen=True):
    """One key of the file."""

    value: YamlValue = None
    comment: str = ""
    """After a value on the line of the key, else above the key."""
    verbatim: str = ""
    """Used in place of the value: the lines of the key in another file."""


def format_page(head: Sequence[str], parts: Mapping[str, EmittedKey]) -> str:
    """The file: a comment, then each part; a blank line around those of several lines."""
    texts = ["\n".join(_part_lines(key, part)) for key, part in parts.items()]
    lines = [f"# {line}" for line in head]
    for n, text in enumerate(texts):
        if n and ("\n" in text or "\n" in texts[n - 1]):
            lines.append("")
        lines.append(text)
    return "\n".join(lines) + "\n"


def format_block(value: YamlValue, indent: int) -> str:
    """The lines of a list or mapping under a key or dash that is at `indent`."""
    return "\n".join(list(_value_lines("", value, indent))[1:])


def value_of(node: Node) -> YamlValue:
    """A node of another file as a value, aliases written out."""
    if isinstance(node, Map):
        return {pair.key: value_of(pair.node) for pair in node.pairs}
    if isinstance(node, List):
        return [value_of(each) for each in node.nodes]
    value = scalar_value(node)
    if value is None or isinstance(value, bool):
        return value
    without_quotes = scalar_value(Scalar(node.text, node.place, "plain"))
    is_text = node.style == "plain" or isinstance(without_quotes, str)
    return node.text if is_text else Quoted(node.text)


def _part_lines(key: str, part: EmittedKey) -> Iterator[str]:
    if part.verbatim:
        yield from [f"# {part.comment}"] if part.comment else []
        yield part.verbatim
        return
    lines = list(_pair_lines(key, part.value, 0))
    if part.comment and len(lines) > 1:
        yield f"# {part.comment}"
    elif part.comment:
        lines[0] = f"{lines[0]}  # {part.comment}"
    yield from lines


def _pair_lines(key: str, value: YamlValue, indent: int) -> Iterator[str]:
    pad = " " * indent
    if isinstance(key, Comment):
        yield f"{pad}# {key}"
        return
    yield from _value_lines(
        f"{pad}{format_scalar(str(key), ScalarContext(0))[0]}:", value, indent
    )


def _value_lines(start: str, value: YamlValue, indent: int) -> Iterator[str]:
    """`value` after a key or a dash that is at `indent`."""
    if value is None:
        yield start
    elif isinstance(value, Flow):
        yield f"{start} {format_flow(value, null='')}"
    elif isinstance(value, Mapping) and value:
        yield start
        for key, inner in value.items():
            yield from _pair_lines(key, inner, indent + 2)
    elif isinstance(value, PlainText):
        yield f"{start} {value}"
    elif isinstance(value, str | bool):
        quote = "'" if isinstance(value, Quoted) else None
        head, body = format_scalar(value, ScalarContext(indent, quote=quote))
        yield f"{start} {head}"
        yield from [body] if body else []
    elif value:
        yield start
        yield from _item_lines(value, indent + 2)
    else:
        yield f"{start} {'{}' if isinstance(value, Mapping) else '[]'}"


def _item_lines(items: object, indent: int) -> Iterator[str]:
    assert isinstance(items, Sequence)  # the only kind left
    for item in items:
        dash = f"{' ' * indent}-"
        if isinstance(item, Mapping | list) and item:
            lines = list(_value_lines("", item, indent))[1:]
            # what is under a dash begins on its line
            yield f"{dash} {lines[0].lstrip(' ')}"
            yield from lines[1:]
        elif item is None:
            yield f"{dash} null"
        else:
            yield from _value_lines(dash, item, indent)


# --- scalars -------------------------------------------------------------------------------

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
    """What is around a scalar, as far as its spelling depends on it."""

    indent: int
    """Of the key or dash that the value belongs to."""
    in_flow: bool = False
    """Inside `{}` or `[]`."""
    quote: str | None = None
    """Those of the scalar it replaces, `'` or `"`; `None` for the simplest."""
    newline: str = "\n"


def format_flow(value: YamlValue, *, null: str = "null") -> str:
    """`value` on one line, as it is written inside `{}` or `[]`; `null` stands for `None`."""
    if isinstance(value, Mapping):
        pairs = (
            f"{format_flow(key)}: {format_flow(each, null=null)}" for key, each in value.items()
        )
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, Flow):
        return format_flow(value.pairs, null=null)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ", ".join(format_flow(each, null=null) for each in value) + "]"
    if value is None:
        return null
    quote = "'" if isinstance(value, Quoted) else None
    return format_scalar(value, ScalarContext(0, in_flow=True, quote=quote))[0]


def format_scalar(value: PlainValue, context: ScalarContext) -> tuple[str, str]:
    """`value` in YAML: the text after the colon or dash, and the lines under it."""
    if value is None:
        return "null", ""
    if isinstance(value, bool):
        return str(value).lower(), ""
    if "\n" in value and not context.in_flow and fits_block(value):
        return _block(value, context)
    return _one_line(value, context), ""


def _one_line(value: str, context: ScalarContext) -> str:
    if _UNPRINTABLE.search(value) or "\n" in value or context.quote == '"':
        return double_quoted(value)
    if context.quote is None and _reads_plain(value, in_flow=context.in_flow):
        return value
    if context.quote is None and "'" in value and '"' not in value and "\\" not in value:
        return f'"{value}"'
    return "'" + value.replace("'", "''") + "'"


def _reads_plain(value: str, *, in_flow: bool) -> bool:
    if _WORDS.fullmatch(value) or _SIXTIES.fullmatch(value):
        return False
    if value.startswith(_TRAPS) or value != value.strip():
        return False
    text = f"- [{value}, 0]" if in_flow else f"- {value}"
    return all(_is_plain(value, text, loader, in_flow=in_flow) for loader in _LOADERS)


def _is_plain(value: str, text: str, loader: type[yaml.SafeLoader], *, in_flow: bool) -> bool:
    try:
        root = yaml.compose(text, Loader=loader)
    except yaml.YAMLError:
        return False
    assert root is not None  # the dash is there
    node = root.value[0]
    if in_flow:  # ']#' would end the list before its first item
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
    """Whether `value` can be the text of a block scalar."""
    return not (_UNPRINTABLE.search(value) or not value.strip())


def _block(value: str, context: ScalarContext) -> tuple[str, str]:
    body = value.rstrip("\n")
    ending = len(value) - len(body)
    indicator = "2" if _INDENTED.match(value) else ""
    chomp = {0: "-", 1: ""}.get(ending, "+")
    pad = " " * (context.indent + 2)
    lines = [pad + line if line else "" for line in body.split("\n")]
    return f"|{indicator}{chomp}", context.newline.join(lines + [""] * max(ending - 1, 0))
