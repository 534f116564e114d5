"""A session file from its parts: plain YAML that a person goes on writing, with comments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from handoff.yaml.decode import plain
from handoff.yaml.nodes import List, Map, Node, Scalar, is_null
from handoff.yaml.scalars import ScalarContext, written


class Comment(str):
    """A line between the entries of a mapping; stands as a key without a value."""

    __slots__ = ()


class Quoted(str):
    """Text that would be a number or a boolean without its quotes."""

    __slots__ = ()


class Plain(str):
    """Text written without quotes, such as the blank `[TIME]`."""

    __slots__ = ()


class Flow(Struct, frozen=True):
    """A mapping on one line."""

    pairs: Mapping[str, Value]


Value = str | bool | Flow | None | Sequence["Value"] | Mapping[str, "Value"]


class EmittedKey(Struct, frozen=True):
    """One key of the file."""

    value: Value = None
    comment: str = ""
    """Behind the key of a blank, above one with something beneath it."""
    verbatim: str = ""
    """In place of all that, the lines as they stood in another file."""


def page(head: Sequence[str], parts: Mapping[str, EmittedKey]) -> str:
    """The file: a comment, then each part; a blank line around those of several lines."""
    texts = ["\n".join(_part(key, part)) for key, part in parts.items()]
    lines = [f"# {line}" for line in head]
    for n, text in enumerate(texts):
        if n and ("\n" in text or "\n" in texts[n - 1]):
            lines.append("")
        lines.append(text)
    return "\n".join(lines) + "\n"


def value_of(node: Node) -> Value:
    """A node of another file as a value, aliases written out."""
    if isinstance(node, Map):
        return {pair.key: value_of(pair.node) for pair in node.pairs}
    if isinstance(node, List):
        return [value_of(each) for each in node.nodes]
    return _scalar_of(node)


def _scalar_of(node: Scalar) -> Value:
    if is_null(node):
        return None
    meant = plain(node)
    if isinstance(meant, bool):
        return meant
    looks_like = plain(Scalar(node.text, node.place, "plain"))
    return (
        node.text if node.style == "plain" or isinstance(looks_like, str) else Quoted(node.text)
    )


def _part(key: str, part: EmittedKey) -> Iterator[str]:
    if part.verbatim:
        yield from [f"# {part.comment}"] if part.comment else []
        yield part.verbatim
        return
    lines = list(_pair(key, part.value, 0))
    if part.comment and len(lines) > 1:
        yield f"# {part.comment}"
    elif part.comment:
        lines[0] = f"{lines[0]}  # {part.comment}"
    yield from lines


def _pair(key: str, value: Value, indent: int) -> Iterator[str]:
    pad = " " * indent
    if isinstance(key, Comment):
        yield f"{pad}# {key}"
        return
    yield from _after(f"{pad}{written(str(key), ScalarContext(0))[0]}:", value, indent)


def _after(start: str, value: Value, indent: int) -> Iterator[str]:
    """`value` behind a key or a dash that stands at `indent`."""
    if value is None:
        yield start
    elif isinstance(value, Flow):
        yield f"{start} {_flow(value)}"
    elif isinstance(value, Plain):
        yield f"{start} {value}"
    elif isinstance(value, Mapping) and value:
        yield start
        for key, inner in value.items():
            yield from _pair(key, inner, indent + 2)
    elif isinstance(value, str | bool):
        head, body = written(
            value, ScalarContext(indent, style="'" if _is_quoted(value) else None)
        )
        yield f"{start} {head}"
        yield from [body] if body else []
    elif value:
        yield start
        yield from _items(value, indent + 2)
    else:
        yield f"{start} {'{}' if isinstance(value, Mapping) else '[]'}"


def _items(items: object, indent: int) -> Iterator[str]:
    assert isinstance(items, Sequence)  # the only kind left
    for item in items:
        dash = f"{' ' * indent}-"
        if isinstance(item, Mapping | list) and item:
            lines = list(_after("", item, indent))[1:]
            # what stands beneath a dash begins on its line
            yield f"{dash} {lines[0].lstrip(' ')}"
            yield from lines[1:]
        elif item is None:
            yield f"{dash} null"
        else:
            yield from _after(dash, item, indent)


def _flow(value: Flow) -> str:
    pairs = (
        f"{written(key, ScalarContext(0, flow=True))[0]}: {_inline(inner)}"
        for key, inner in value.pairs.items()
    )
    return "{" + ", ".join(pairs) + "}"


def _inline(value: Value) -> str:
    assert value is None or isinstance(value, str | bool)
    if value is None:
        return ""
    return written(
        value, ScalarContext(0, flow=True, style="'" if _is_quoted(value) else None)
    )[0]


def _is_quoted(value: object) -> bool:
    return isinstance(value, Quoted)
