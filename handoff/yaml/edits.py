"""One edit in a YAML text: the requested place, every other byte as it was.

An edit is a splice at the offsets of a node. It is proved before it is returned: the edited
text, parsed again, must equal the old tree with that one change.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from msgspec import Struct, structs

from handoff.base.problems import HandoffError, KeyPath, Place
from handoff.yaml.decode import scalar_value
from handoff.yaml.emitter import (
    PlainValue,
    Quoted,
    ScalarContext,
    double_quoted,
    format_block,
    format_flow,
    format_scalar,
)
from handoff.yaml.nodes import (
    List,
    Map,
    Node,
    Pair,
    ParsedYAML,
    Scalar,
    children,
    is_null,
    parse_edited,
    parse_yaml,
)
from handoff.yaml.paths import format_path

NewValue = PlainValue | Sequence["NewValue"] | Mapping[str, "NewValue"]
_LINE_WIDTH = 100
"""A mapping that fits is written on one line."""


class CannotEdit(HandoffError):
    """The place cannot be edited without changing something else; nothing was changed."""

    exit_code = 1


def set_value(
    parsed: ParsedYAML,
    keys: KeyPath,
    value: NewValue,
    *,
    order: tuple[str, ...] = (),
) -> ParsedYAML:
    """`parsed` with `value` at `keys`; a last key that does not exist is added.

    A short mapping of scalars is written on one line. A new key goes after those that come
    before it in `order`, else to the end.

    Raises CannotEdit where that cannot be done by changing this place alone.
    """
    slot = _find(parsed, keys)
    if slot is None:
        candidates = _with_key(parsed.text, _parent(parsed, keys), keys, value, order)
    else:
        candidates = _with_value(parsed.text, slot, keys, value)
    return _prove(parsed, keys, lambda node: is_value(node, value), candidates)


def replace_list(parsed: ParsedYAML, keys: KeyPath, value: NewValue) -> ParsedYAML:
    """`parsed` with `value` in place of the list in brackets at `keys`."""
    slot = _find(parsed, keys)
    assert slot is not None  # the list was found there
    candidates = _in_place(parsed.text, slot, value)
    return _prove(parsed, keys, lambda node: is_value(node, value), candidates)


def rename_key(parsed: ParsedYAML, keys: KeyPath, label: str) -> ParsedYAML:
    """`parsed` with `label` in place of the last of `keys`.

    Raises CannotEdit where the mapping has such a key already.
    """
    slot = _find(parsed, keys)
    pair, outer = (slot.pair, slot.parent) if slot is not None else (None, None)
    if slot is None or pair is None or outer is None or not isinstance(outer.node, Map):
        raise CannotEdit(f"'{format_path(keys)}' does not exist")
    if any(each.key == label for each in outer.node.entries):
        raise CannotEdit(f"'{format_path(keys[:-1])}' already has an item '{label}'")
    head = format_scalar(label, ScalarContext(0, in_flow=slot.in_flow))[0]
    text = parsed.text[: pair.start] + head + parsed.text[pair.end :]
    edited = parse_edited(text, parsed)
    if edited is None or edited.root is None or parsed.root is None:
        raise CannotEdit(f"'{format_path(keys)}' cannot be renamed")
    if not _is_renamed(keys, label, parsed.root, edited.root):
        raise CannotEdit(f"'{format_path(keys)}' cannot be renamed")
    return edited


def _is_renamed(keys: KeyPath, label: str, old: Node, new: Node) -> bool:
    """Whether `new` is `old` but for its key at `keys`, which is `label`."""
    before, after = children(old), children(new)
    at = _index(before, keys[0])
    if at is None or type(old) is not type(new) or len(before) != len(after):
        return False
    for n, ((was, old_child), (now, new_child)) in enumerate(zip(before, after, strict=True)):
        is_last = n == at and len(keys) == 1
        if now != (label if is_last else was):
            return False
        if n == at and not is_last:
            if not _is_renamed(keys[1:], label, old_child, new_child):
                return False
        elif not is_same(old_child, new_child):
            return False
    return True


def add_item(
    parsed: ParsedYAML, keys: KeyPath, value: NewValue, *, order: tuple[str, ...] = ()
) -> ParsedYAML:
    """`parsed` with `value` at the end of the list at `keys`; an empty place becomes a list.

    A key that does not exist is added as `set_value` does.

    Raises CannotEdit where `keys` holds something other than a list.
    """
    slot = _find(parsed, keys)
    if slot is not None and isinstance(slot.node, List):
        keys = (*keys, len(slot.node.nodes))
        candidates = _with_item(parsed.text, slot.node, value)
        return _prove(parsed, keys, lambda node: is_value(node, value), candidates)
    if slot is None:
        candidates = _with_key(parsed.text, _parent(parsed, keys), keys, [value], order)
    elif is_null(slot.node):
        candidates = _with_value(parsed.text, slot, keys, [value])
    else:
        message = f"'{format_path(keys)}' is not a list; use 'set', or name a list in it"
        raise CannotEdit(message)
    return _prove(parsed, keys, lambda node: is_value(node, [value]), candidates)


def remove_value(parsed: ParsedYAML, keys: KeyPath) -> ParsedYAML:
    """`parsed` without the key or item at `keys`; what held nothing else is `{}` or `[]`.

    Comments above it stay. Raises CannotEdit where that changes something else.
    """
    slot = _find(parsed, keys)
    if slot is None or slot.parent is None or parsed.root is None:
        raise CannotEdit(f"'{format_path(keys)}' does not exist")
    root, message = parsed.root, f"'{format_path(keys)}' cannot be removed on its own"
    for candidate in _without(parsed.text, slot):
        edited = parse_edited(candidate, parsed)
        if edited is not None and edited.root is not None and _lacks(keys, root, edited.root):
            return edited
    raise CannotEdit(f"{message}; remove it in the file")


def list_to_mapping(parsed: ParsedYAML, keys: KeyPath) -> ParsedYAML:
    """`parsed` with the list of texts at `keys` turned into a mapping of them to `false`.

    Raises CannotEdit where an item is not a text of one line.
    """
    slot = _find(parsed, keys)
    items = slot.node.nodes if slot is not None and isinstance(slot.node, List) else ()
    labels = [item.text for item in items if isinstance(item, Scalar)]
    if slot is None or not labels or len(labels) < len(items):
        message = f"'{format_path(keys)}' is not a list of one-line labels; make it a mapping"
        raise CannotEdit(message)

    def accepts(node: Node) -> bool:
        return (
            isinstance(node, Map)
            and [pair.key for pair in node.entries] == labels
            and all(is_value(pair.node, False) for pair in node.entries)
        )

    return _prove(parsed, keys, accepts, iter([_as_mapping(parsed.text, slot)]))


def root_of(parsed: ParsedYAML) -> Map:
    """The top-level mapping of a file. Raises CannotEdit where that is something else."""
    if not isinstance(parsed.root, Map):
        raise CannotEdit("the file is not a mapping of keys to values")
    return parsed.root


def place_of(parsed: ParsedYAML, keys: KeyPath) -> Place:
    """Where the value at `keys` begins; an empty value has the place of its key."""
    slot = _find(parsed, keys)
    if slot is None:
        return Place(parsed.path, keys=keys)
    is_empty = slot.node.start == slot.node.end
    at = slot.pair if slot.pair is not None and is_empty else slot.node
    return Place(parsed.path, at.place.line, at.place.column, keys)


def pair_text(text: str, key: str) -> str | None:
    """The lines of a top-level key and its value, without the last line's end.

    `None` where there is no such key, or where it has no lines of its own.
    """
    root = root_of(parse_yaml(text.encode(), ""))
    pair = next((pair for pair in root.entries if pair.key == key), None)
    if root.is_flow or pair is None or pair.node.is_alias:
        return None
    alone = structs.replace(root, entries=(pair,), start=pair.start, end=pair.node.end)
    return text.removeprefix("\ufeff")[pair.start : _content_end(text, alone)].rstrip()


# --- finding the place ---------------------------------------------------------------------


class _Slot(Struct, frozen=True):
    """A node and what is around it."""

    node: Node
    pair: Pair | None = None
    """What it is the value of, where the parent is a mapping."""
    parent: _Slot | None = None
    in_flow: bool = False
    """Inside `{}` or `[]`."""


def _find(parsed: ParsedYAML, keys: KeyPath) -> _Slot | None:
    slot = _Slot(root_of(parsed))
    for key in keys:
        child = _child(slot, key)
        if child is None:
            return None
        if child.node.is_alias:
            message = f"'{format_path(keys)}' is an alias; edit its anchor in the file"
            raise CannotEdit(message)
        slot = child
    return slot


def _child(slot: _Slot, key: str | int) -> _Slot | None:
    node = slot.node
    if isinstance(node, Map):
        pair = next((pair for pair in node.entries if pair.key == str(key)), None)
        if pair is not None:
            return _Slot(pair.node, pair, slot, slot.in_flow or node.is_flow)
    if isinstance(node, List) and isinstance(key, int) and key < len(node.nodes):
        return _Slot(node.nodes[key], None, slot, slot.in_flow or node.is_flow)
    return None


def _parent(parsed: ParsedYAML, keys: KeyPath) -> _Slot:
    slot = _find(parsed, keys[:-1])
    if slot is None:
        raise CannotEdit(f"'{format_path(keys[:-1])}' does not exist")
    return slot


# --- proof ---------------------------------------------------------------------------------

_Accepts = Callable[[Node], bool]
_Candidates = Iterator[str]
"""Edited texts, the tidiest first; the first that is proved is taken."""


def _prove(
    parsed: ParsedYAML, keys: KeyPath, accepts: _Accepts, candidates: _Candidates
) -> ParsedYAML:
    for candidate in candidates:
        # a block ends with its line
        for text in (candidate, candidate + _newline(parsed.text)):
            edited = parse_edited(text, parsed)
            if edited is None or edited.root is None or parsed.root is None:
                continue
            if _differs_only_at(keys, parsed.root, edited.root, accepts):
                return edited
    message = f"'{format_path(keys)}' cannot be edited without changing the text around it"
    raise CannotEdit(message)


def _differs_only_at(keys: KeyPath, old: Node | None, new: Node, accepts: _Accepts) -> bool:
    """Whether `new` is `old` but for the value at `keys`, which `accepts` takes."""
    if not keys:
        return accepts(new)
    if isinstance(new, Scalar) or not (old is None or type(old) is type(new) or is_null(old)):
        return False
    before = children(old) if old is not None else []
    after = children(new)
    at, was_at = _index(after, keys[0]), _index(before, keys[0])
    if at is None:
        return False
    rest = after[:at] + after[at + 1 :]
    if was_at is None:  # a new key, or the item after the last one
        was, others = None, before
    elif at == was_at:
        was, others = before[at][1], before[:at] + before[at + 1 :]
    else:
        return False
    return (
        len(others) == len(rest)
        and all(a[0] == b[0] and is_same(a[1], b[1]) for a, b in zip(others, rest, strict=True))
        and _differs_only_at(keys[1:], was, after[at][1], accepts)
    )


def _index(children: list[tuple[str | int, Node]], key: str | int) -> int | None:
    return next((n for n, (each, _) in enumerate(children) if str(each) == str(key)), None)


def _lacks(keys: KeyPath, old: Node, new: Node) -> bool:
    """Whether `new` is `old` without the value at `keys`."""
    if type(old) is not type(new):
        return False
    before, after = children(old), children(new)
    at = _index(before, keys[0])
    if at is None:
        return False
    if len(keys) > 1 and (len(before) != len(after) or before[at][0] != after[at][0]):
        return False
    if len(keys) > 1 and not _lacks(keys[1:], before[at][1], after[at][1]):
        return False
    rest = after[:at] + after[at + 1 :] if len(keys) > 1 else after
    others = before[:at] + before[at + 1 :]
    return len(others) == len(rest) and all(
        (isinstance(old, List) or a[0] == b[0]) and is_same(a[1], b[1])
        for a, b in zip(others, rest, strict=True)
    )


def is_same(old: Node, new: Node) -> bool:
    """Whether both say the same, wherever they are."""
    if isinstance(old, Scalar):
        return (
            isinstance(new, Scalar)
            and old.text == new.text
            and ((old.style == "plain") is (new.style == "plain"))
        )
    if type(old) is not type(new):
        return False
    before, after = children(old), children(new)
    return len(before) == len(after) and all(
        a[0] == b[0] and is_same(a[1], b[1]) for a, b in zip(before, after, strict=True)
    )


def is_value(node: Node, value: NewValue) -> bool:
    """Whether `node` says `value`."""
    if isinstance(value, Mapping):
        return (
            isinstance(node, Map)
            and [pair.key for pair in node.entries] == list(value)
            and all(is_value(pair.node, value[pair.key]) for pair in node.entries)
        )
    if isinstance(value, Sequence) and not isinstance(value, str):
        return (
            isinstance(node, List)
            and len(node.nodes) == len(value)
            and all(map(is_value, node.nodes, value))
        )
    if not isinstance(node, Scalar):
        return False
    meaning = scalar_value(node)
    if value is None or isinstance(value, bool):
        return meaning is value
    return meaning is not None and not isinstance(meaning, bool) and node.text == value


# --- candidates ----------------------------------------------------------------------------


def _with_value(text: str, slot: _Slot, keys: KeyPath, value: NewValue) -> _Candidates:
    node = slot.node
    if isinstance(node, Map) and (not node.is_flow or len(node.entries) > 1):
        message = f"'{format_path(keys)}' is a mapping, not a single value; name a key in it"
        raise CannotEdit(message)
    if isinstance(node, List) and (not node.is_flow or len(node.nodes) > 1):
        path = format_path(keys)
        raise CannotEdit(f"'{path}' is a list; name an item ('{path}.0') or use 'add'")
    yield from _in_place(text, slot, value)


def _in_place(text: str, slot: _Slot, value: NewValue) -> _Candidates:
    node = slot.node
    if isinstance(node, Scalar) and node.style == "block":
        yield _over_block(text, slot, value)
        return
    context = _context(text, slot, keeps_style=isinstance(value, str))
    if slot.in_flow and isinstance(value, str) and "\n" in value:
        yield from _unfolded(text, slot, value)
    head, body = _lines(value, context, is_item=slot.pair is None)
    if not head:
        yield _inserted(text, node.start, node.end, head, body, context.newline)
    # on one line where a block would swallow the comment under it
    one_line = double_quoted(value) if isinstance(value, str) else format_flow(value)
    on_one_line = [(one_line, "")] if one_line != head else []
    for first, under in [(head, body), *on_one_line]:
        for before, after in [("", "")] if node.end > node.start else _AROUND:
            words = before + first + after
            yield _inserted(text, node.start, node.end, words, under, context.newline)


_AROUND = (("", ""), (" ", ""), (" ", " "), (": ", ""), (": ", " "))
"""What may be missing around a value where there was none: `a:`, `[a:, b]`, `{a, b}`."""


def _unfolded(text: str, slot: _Slot, value: str) -> _Candidates:
    """Several lines in a flow mapping of one key, `{sql: }`: the mapping becomes a block."""
    outer, pair = slot.parent, slot.pair
    if outer is None or pair is None or outer.in_flow or len(children(outer.node)) > 1:
        return
    start, end, newline = outer.node.start, outer.node.end, _newline(text)
    column = _context(text, outer).indent + 2 if outer.pair else _column(outer.node)
    head, body = _lines(value, ScalarContext(column, newline=newline))
    line = f"{text[pair.start : pair.end]}: {head}{newline}{body}"
    if outer.pair is None:
        yield text[:start] + line + text[end:]
    else:
        above = text[:start].rstrip(" ")
        line = " " * column + line
        yield _inserted(above + text[end:], len(above), len(above), "", line, newline)


def _inserted(text: str, start: int, end: int, head: str, body: str, newline: str) -> str:
    """`head` in place of the span; `body` under what is left of that line (a comment stays)."""
    if not body:
        return text[:start] + head + text[end:]
    rest = _line_end(text, end)
    return text[:start] + head + text[end:rest] + newline + body + text[rest:]


_BLOCK_HEADER = re.compile(r"(?:[!&]\S*\s+)*[|>]\S*")


def _over_block(text: str, slot: _Slot, value: NewValue) -> str:
    """In place of a block scalar; a comment after its `|` and blank lines under it stay."""
    start, end = slot.node.start, slot.node.end
    block = text[start:end]
    kept = len(block) - len(block.rstrip())
    header = block.partition("\n")[0].rstrip("\r")
    comment = _BLOCK_HEADER.sub("", header, count=1)
    context = _context(text, slot)
    head, body = _lines(value, context, is_item=slot.pair is None)
    under = context.newline + body if body else ""
    return text[:start] + head + comment + under + block[len(block) - kept :] + text[end:]


def _with_item(text: str, node: List, value: NewValue) -> _Candidates:
    if node.is_flow:
        yield from _into_flow(text, node, format_flow(value))
        return
    column, newline = _column(node), _newline(text)
    head, body = _lines(value, ScalarContext(column, newline=newline), is_item=True)
    line = " " * column + "- " + head + (newline + body if body else "")
    yield from _under(text, node, line, newline)


def _with_key(
    text: str, parent: _Slot, keys: KeyPath, value: NewValue, order: tuple[str, ...]
) -> _Candidates:
    node, newline = parent.node, _newline(text)
    key, in_flow = str(keys[-1]), parent.in_flow or (isinstance(node, Map) and node.is_flow)
    label = format_scalar(key, ScalarContext(0, in_flow=in_flow))[0]
    if isinstance(node, Map) and in_flow:
        yield from _into_flow(text, node, f"{label}: {format_flow(value)}")
    elif isinstance(node, Map):
        line = _pair_lines(label, value, _column(node), newline)
        yield from _under(text, _upper(node, key, order), line, newline)
        yield from _under(text, node, line, newline)
    elif is_null(node) and not parent.in_flow:
        line = _pair_lines(label, value, _context(text, parent).indent + 2, newline)
        before = text[: node.start]
        before = before.rstrip(" ") if node.end > node.start else before
        at = len(before)
        yield _inserted(before + text[node.end :], at, at, "", line, newline)
    else:
        found = "a list" if isinstance(node, List) else "not a mapping"
        message = f"'{format_path(keys[:-1])}' is {found}, so '{key}' cannot be added to it"
        raise CannotEdit(message)


def _pair_lines(label: str, value: NewValue, column: int, newline: str) -> str:
    head, body = _lines(value, ScalarContext(column, newline=newline))
    line = f"{' ' * column}{label}: {head}".rstrip(" ")
    return line + (newline + body if body else "")


def _upper(node: Map, key: str, order: tuple[str, ...]) -> Map:
    """The part of the mapping that a new `key` goes under: to the last key before it."""
    before = order[: order.index(key)] if key in order else ()
    ends = [n for n, pair in enumerate(node.entries) if pair.key in before]
    if not ends or node.entries[ends[-1]].node.is_alias:
        return node
    pairs = node.entries[: ends[-1] + 1]
    return structs.replace(node, entries=pairs, end=pairs[-1].node.end)


def _into_flow(text: str, node: Map | List, entry: str) -> _Candidates:
    end = node.end
    if not children(node):
        yield text[: end - 1] + entry + text[end - 1 :]
        return
    inner = text[: end - 1].rstrip()
    comma = " " if inner.endswith(",") else ", "
    yield inner + comma + entry + text[len(inner) :]


def _under(text: str, node: Map | List, line: str, newline: str) -> _Candidates:
    """`line` under the last line of a block collection, then under all that trails it."""
    for end in (_content_end(text, node), node.end):
        above = text[:end]
        if above and not above.endswith("\n"):
            yield above + newline + line + text[end:]
        else:
            yield above + line + newline + text[end:]


def _without(text: str, slot: _Slot) -> _Candidates:
    """Without a key or an item; with `{}` or `[]` in place of its parent if it was alone."""
    outer = slot.parent
    assert outer is not None  # the root is never removed
    parent, node = outer.node, slot.node
    assert isinstance(parent, Map | List)
    others = children(parent)
    start = slot.pair.start if slot.pair else node.start
    if len(others) == 1:
        yield from _emptied(text, outer, parent)
    elif parent.is_flow:
        yield from _out_of_flow(text, parent, start, node)
    else:
        alone = (
            structs.replace(parent, entries=(slot.pair,), start=start, end=node.end)
            if isinstance(parent, Map) and slot.pair
            else structs.replace(parent, nodes=(node,), start=start, end=node.end)
        )
        end, line = _content_end(text, alone), text.rfind("\n", 0, start) + 1
        if text[line:start].strip(" -") or (slot.pair and text[line:start].strip(" ")):
            # the first key after a dash: the next one takes its place
            rest = text[end:].lstrip(" ")
            yield text[:start] + rest
            yield text[:start].rstrip(" ") + _newline(text) + text[end:]
        else:
            yield text[:line] + text[end:]


def _emptied(text: str, slot: _Slot, node: Map | List) -> _Candidates:
    empty = "{}" if isinstance(node, Map) else "[]"
    if node.is_flow:
        yield text[: node.start] + empty + text[node.end :]
        return
    end, newline = _content_end(text, node), _newline(text)
    if slot.pair is None:
        yield text[: node.start] + empty + newline + text[end:]
        return
    colon = text.index(":", slot.pair.end) + 1
    line = text.rfind("\n", 0, node.start) + 1
    yield text[:colon] + " " + empty + text[colon:line] + text[end:]


def _out_of_flow(text: str, parent: Map | List, start: int, node: Node) -> _Candidates:
    """The entry with the comma after it, else the one before it."""
    end = max(node.end, start)
    after = re.compile(r"[^,#]*,[ \t]*").match(text, end, parent.end)
    if after:
        yield text[:start] + text[after.end() :]
    before = text.rfind(",", parent.start, start)
    if before > 0:
        yield text[:before] + text[end:]


def _as_mapping(text: str, slot: _Slot) -> str:
    node = slot.node
    assert isinstance(node, List)
    column = slot.pair.place.column - 1 if slot.pair is not None else -1
    indent = "  " if column == _column(node) and not node.is_flow else ""
    end = node.end
    for item in reversed(node.nodes):
        assert isinstance(item, Scalar)
        label = format_scalar(item.text, ScalarContext(0, in_flow=node.is_flow))[0]
        dash = item.start if node.is_flow else text.rindex("-", 0, item.start)
        entry = f"{indent}{label}: false"
        text = text[:dash] + entry + text[item.end :]
        end += len(entry) - (item.end - dash)
    if not node.is_flow:
        return text
    return f"{text[: node.start]}{{{text[node.start + 1 : end - 1]}}}{text[end:]}"


def _lines(
    value: NewValue, context: ScalarContext, *, is_item: bool = False
) -> tuple[str, str]:
    """The text after a colon or dash, and the lines under it."""
    if isinstance(value, PlainValue):
        quote = "'" if isinstance(value, Quoted) and context.quote is None else context.quote
        return format_scalar(value, structs.replace(context, quote=quote))
    if context.in_flow or not value:
        return format_flow(value), ""
    if isinstance(value, Mapping):
        line = format_flow(value) if all(map(_is_short, value.values())) else ""
        if line and context.indent + len(line) <= _LINE_WIDTH:
            return line, ""
        block = format_block(value, context.indent).replace("\n", context.newline)
    else:
        inner = structs.replace(context, indent=context.indent + 2, quote=None)
        items = (_lines(item, inner, is_item=True) for item in value)
        block = context.newline.join(
            f"{' ' * inner.indent}- {head}" + (context.newline + body if body else "")
            for head, body in items
        )
    if not is_item:
        return "", block
    first, _, rest = block.partition(context.newline)
    return first.strip(" "), rest


def _is_short(value: NewValue) -> bool:
    """Whether a mapping on one line can hold it: a scalar on one line, or a few of them."""
    if isinstance(value, str):
        return "\n" not in value
    return isinstance(value, PlainValue) or (
        not isinstance(value, Mapping)
        and all(isinstance(each, str) and "\n" not in each for each in value)
    )


def _context(text: str, slot: _Slot, *, keeps_style: bool = False) -> ScalarContext:
    column = _column(slot.parent.node) if slot.parent is not None else 0
    if slot.pair is not None and not slot.in_flow:
        column = slot.pair.place.column - 1
    style = slot.node.style if keeps_style and isinstance(slot.node, Scalar) else "plain"
    return ScalarContext(column, slot.in_flow, _QUOTES.get(style), _newline(text))


_QUOTES: Mapping[str, str] = {"single": "'", "double": '"'}


# --- offsets -------------------------------------------------------------------------------


def _column(node: Node) -> int:
    return node.place.column - 1


def _content_end(text: str, node: Map | List) -> int:
    """The end of the last line of a block collection that is neither blank nor a comment."""
    last = _last_leaf(node)
    floor = max(node.start, last.start)
    lines = text[floor : node.end].splitlines(keepends=True)
    is_block = isinstance(last, Scalar) and last.style == "block"
    while len(lines) > 1 and (
        not lines[-1].strip() or (not is_block and _is_comment(lines[-1], _column(node)))
    ):
        lines.pop()
    end = floor + sum(map(len, lines))
    if text[:end].endswith("\n"):
        return end
    following = text.find("\n", end)
    return following + 1 if following >= 0 else len(text)


def _is_comment(line: str, column: int) -> bool:
    """Whether `line` is a comment only; one further in belongs to what is above it."""
    words = line.lstrip(" ")
    return words.startswith("#") and len(line) - len(words) <= column


def _last_leaf(node: Map | List) -> Node | Pair:
    """The last node in the lines of a block collection; a key where an alias follows it."""
    while True:
        last = (node.entries if isinstance(node, Map) else node.nodes)[-1:]
        if not last:
            return node
        following = last[0].node if isinstance(last[0], Pair) else last[0]
        if following.is_alias:
            return last[0] if isinstance(last[0], Pair) else node
        if isinstance(following, Scalar) or (following.is_flow):
            return following
        node = following


def _line_end(text: str, index: int) -> int:
    end = text.find("\n", index)
    if end < 0:
        return len(text)
    return end - 1 if text[end - 1 : end] == "\r" and end > index else end


def _newline(text: str) -> str:
    first = text.find("\n")
    return "\r\n" if first > 0 and text[first - 1] == "\r" else "\n"
