"""YAML bytes into a tree of nodes with places and offsets; every error is reported.

Built on PyYAML's events, not on its composer, whose recursion crashes the process on
deep nesting; aliases are expanded here, where they can be counted.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from itertools import takewhile
from typing import Any, Literal

from msgspec import Struct, field, structs

from handoff.base.conflict_markers import MESSAGE as MERGE_CONFLICT
from handoff.base.conflict_markers import conflicts, marker_line
from handoff.base.patterns import import_with_lazy_patterns, lazy_pattern
from handoff.base.problems import KeyPath, Level, Place, Problem
from handoff.yaml import traps

MAX_BYTES = 2 * 1024 * 1024
"""Of one file; the longest known handoff has 60 KB."""
MAX_DEPTH = 40
"""Levels of lists and mappings, aliases followed."""
MAX_NODES = 50_000
"""Values in one file, counting every use of an alias."""
_MAX_FIXES = 20
"""Missing quotes that are added to go on after the error."""

Style = Literal["plain", "single", "double", "block"]

UNREADABLE = ("Y001", "Y002", "Y003", "Y004", "Y005", "Y006", "Y010")
"""Codes of the errors after which a file has no reliable tree."""


class Scalar(Struct, frozen=True):
    """A piece of text; what it means depends on `style`: only plain text can be a number."""

    text: str
    place: Place
    style: Style
    start: int = 0
    """Offset in the parsed text, properties such as `&anchor` included."""
    end: int = 0
    is_alias: bool = False
    """Written as `*name`; place and offsets are those of the anchor."""


class List(Struct, frozen=True):
    nodes: tuple[Node, ...]
    place: Place
    source: str
    """A flow list as it was written, `[A, B]`; empty for a list of dashes."""
    start: int = 0
    end: int = 0
    is_alias: bool = False

    @property
    def is_flow(self) -> bool:
        return bool(self.source)


class Pair(Struct, frozen=True):
    key: str
    """As it was written: `No`, `1`, `2026-01-03` are text."""
    node: Node
    place: Place
    """Of the key."""
    start: int = 0
    """Of the key."""
    end: int = 0


class Map(Struct, frozen=True):
    pairs: tuple[Pair, ...]
    """In file order, each key once."""
    place: Place
    entries: tuple[Pair, ...] = ()
    """`pairs` and those that were reported and left out, such as a second one of a key."""
    start: int = 0
    end: int = 0
    is_flow: bool = False
    is_alias: bool = False


Node = Scalar | List | Map


class ParsedYAML(Struct, frozen=True):
    """The text of one file, its tree and every problem found in it."""

    text: str
    """Without a byte order mark; what lacked quotes has them."""
    path: str
    root: Node | None
    """`None` where the text has no usable tree."""
    problems: tuple[Problem, ...] = ()
    has_bom: bool = False

    def encode(self) -> bytes:
        """The content of the file."""
        return (_BOM * self.has_bom + self.text).encode()


_BOM = "\ufeff"


def parse(source: bytes, path: str, problems: list[Problem]) -> Node | None:
    """The root of the one document in `source`; every problem is added to `problems`."""
    parsed = parse_yaml(source, path)
    problems += parsed.problems
    return parsed.root


def parse_yaml(source: bytes, path: str) -> ParsedYAML:
    """The one document in `source`.

    A value that only lacks quotes is read as if it had them, so that the errors after it
    are found in the same run.
    """
    problems: list[Problem] = []
    text = _decode(source, path, problems)
    has_bom = source.startswith(_BOM.encode())
    for _ in range(_MAX_FIXES):
        if text is None:
            return ParsedYAML("", path, None, tuple(problems), has_bom)
        found: list[Problem] = []
        fixed, node = _attempt(text, path, found)
        if fixed is None:
            return ParsedYAML(text, path, node, (*problems, *found), has_bom)
        problems += found[-1:]
        text = fixed
    return ParsedYAML("", path, None, tuple(problems), has_bom)


def parse_edited(text: str, before: ParsedYAML) -> ParsedYAML | None:
    """An edited text of the file `before`; `None` where it cannot be read without a fix."""
    problems = _size_problems(len(text.encode()), before.path)
    _, root = _attempt(text, before.path, problems)
    # an alias or expression that was read as text is not what the edit wrote
    if root is None or any(problem.code in ("Y006", "Y010") for problem in problems):
        return None
    return ParsedYAML(text, before.path, root, tuple(problems), before.has_bom)


def is_null(node: Node) -> bool:
    """Whether `node` is an empty value, `~` or `null`."""
    return isinstance(node, Scalar) and node.style == "plain" and node.text in _NULLS


def children(node: Node) -> list[tuple[str | int, Node]]:
    """The values in a mapping or list, with their keys or numbers."""
    if isinstance(node, Map):
        return [(pair.key, pair.node) for pair in node.entries]
    return list(enumerate(node.nodes)) if isinstance(node, List) else []


_NULLS = ("", "~", "null", "Null", "NULL")
# YAML 1.2 leaves out C0 and DEL; what an escape such as "\0" makes is looked at later.
_CONTROL = lazy_pattern(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]")


def _control(text: str) -> re.Match[str] | None:
    """The first control character in `text`; the pattern is large, and seldom needed."""
    return None if text.replace("\n", "").isprintable() else _CONTROL.search(text)


def _decode(source: bytes, path: str, problems: list[Problem]) -> str | None:
    problems += _size_problems(len(source), path)
    if problems:
        return None
    try:
        text = source.decode().removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        problems.append(_not_utf8(source, path, error.start))
        return None
    if marked := conflicts(text):
        problems += [Problem("Y001", MERGE_CONFLICT, Place(path, line)) for line in marked]
        return None
    found = _control(text)
    if found is None:
        return text
    message = f"control character U+{ord(found[0]):04X}, expected printable text"
    problems.append(Problem("Y001", message, Place.at(path, text, found.start())))
    return None


def _size_problems(size: int, path: str) -> list[Problem]:
    if size <= MAX_BYTES:
        return []
    message = f"{size:,} bytes exceed the limit of {MAX_BYTES:,}"
    return [Problem("Y003", message, Place(path))]


def _not_utf8(source: bytes, path: str, at: int) -> Problem:
    if source[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return Problem("Y002", "the file is UTF-16, save it as UTF-8", Place(path, 1, 1))
    start = source.rfind(b"\n", 0, at) + 1
    column = len(source[start:at].decode().removeprefix("\ufeff")) + 1
    place = Place(path, source.count(b"\n", 0, at) + 1, column)
    message = f"byte {at + 1} (0x{source[at]:02x}) is not UTF-8, save the file as UTF-8"
    return Problem("Y002", message, place)


def _attempt(text: str, path: str, problems: list[Problem]) -> tuple[str | None, Node | None]:
    """The text with the quotes that it lacks, where that fixes the error; else the node."""
    import_with_lazy_patterns("yaml")
    import yaml  # slow: a command that reads no YAML does without

    builder = _Builder(text, path, problems)
    # the C parser where PyYAML was built with it: 20 times as fast
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        for event in yaml.parse(text, Loader=loader):
            builder.take(event)
    except _Stop:
        return None, None
    except yaml.MarkedYAMLError as error:
        if line := marker_line(text):  # some markers of a conflict were removed
            problems.append(Problem("Y001", MERGE_CONFLICT, Place(path, line)))
            return None, None
        return builder.fix(error), None
    except yaml.YAMLError as error:
        builder.report("Y001", f"not YAML: {error}", 0)
        return None, None
    return None, builder.root


class _Stop(Exception):
    """An error after which parsing is useless; it has been reported."""


class _Open(Struct):
    """A list or mapping that has not ended yet."""

    event: Any
    place: Place
    counted: int
    """Nodes counted before it."""
    is_map: bool
    key: Scalar | None = None
    seen: dict[str, Place] = field(default_factory=dict)
    nodes: list[Node] = field(default_factory=list)
    entries: list[Pair] = field(default_factory=list)
    unusable: set[int] = field(default_factory=set)
    """Indices in `entries`."""
    is_expression: bool = False
    """`{{ x }}` without quotes."""
    height: int = 1
    skips: bool = False
    """A value whose key cannot be used is read and dropped."""


class _Anchored(Struct, frozen=True):
    node: Node
    count: int
    height: int


class _Builder:
    """Builds nodes from events, with a stack instead of recursion."""

    def __init__(self, text: str, path: str, problems: list[Problem]) -> None:
        self.root: Node | None = None
        self._text = text
        self._path = path
        self._problems = problems
        self._starts = [0, *(m.end() for m in re.finditer(r"\r\n|\r|\n", text))]
        self._stack: list[_Open] = []
        self._anchors: dict[str, _Anchored] = {}
        self._documents = 0
        self._count = 0

    def take(self, event: Any) -> None:
        handler = _HANDLERS.get(type(event).__name__)
        if handler:
            handler(self, event)

    def report(self, code: str, message: str, at: int, level: Level = "error") -> None:
        self._problems.append(Problem(code, message, self._place(at), level))

    def fix(self, error: Any) -> str | None:
        """Report a syntax error; the text with the line in quotes where that fixes it."""
        mark = error.problem_mark or error.context_mark
        at = mark.index if mark else 0
        if _TOO_DEEP in str(error.problem):
            self.report("Y003", f"more than {MAX_DEPTH} levels deep", at)
            return None
        number = self._place(at).line - 1
        line = self._line(number)
        better = None if self._text[at : at + 1] == "\t" else traps.quoted(line)
        if better is None:
            self._explain(error, at)
            return None
        start = self._starts[number]
        message = f"the value needs quotes, write: {better.strip()}"
        same = takewhile(lambda pair: pair[0] == pair[1], zip(line, better, strict=False))
        self.report("Y010", message, start + sum(1 for _ in same))
        return self._text[:start] + better + self._text[start + len(line) :]

    def _explain(self, error: Any, at: int) -> None:
        if self._text[at : at + 1] == "\t":
            self.report(
                "Y001", "tab character, expected spaces: YAML is indented with spaces only", at
            )
            return
        opened = error.context_mark.index if error.context_mark else at
        if error.problem in _AT_OPENING:
            at = opened
        problem = str(error.problem or error.context)
        context = f" {error.context}" if error.problem and error.context else ""
        self.report("Y001", _EXPLAINED.get(problem, f"not YAML: {problem}{context}"), at)

    # --- one kind of event each ---

    def document(self, event: Any) -> None:
        self._documents += 1
        if self._documents > 1:
            message = "a second document starts here, expected one per file"
            self.report("Y005", message, event.start_mark.index)
            raise _Stop

    def scalar(self, event: Any) -> None:
        start = event.start_mark.index
        self._refuse_tag(event)
        style = _STYLES[event.style or ""]
        if style == "plain":
            self._warn_of_cut(event)
        elif found := _control(event.value):
            message = f"control character U+{ord(found[0]):04X}, expected printable text"
            self.report("Y001", message, start)
        self._count_one(start)
        end = event.end_mark.index
        node = Scalar(event.value, self._value_place(start), style, start, end)
        self._anchor(event, node, 1, 0)
        self._add(node, start)

    def open(self, event: Any) -> None:
        start = event.start_mark.index
        self._refuse_tag(event)
        self._count_one(start)
        if len(self._stack) >= MAX_DEPTH:
            self.report("Y003", f"more than {MAX_DEPTH} levels deep", start)
            raise _Stop
        is_map = type(event).__name__ == "MappingStartEvent"
        place = self._value_place(start)
        self._stack.append(_Open(event, place, self._count - 1, is_map))

    def close(self, event: Any) -> None:
        done = self._stack.pop()
        start, end = done.event.start_mark.index, event.end_mark.index
        node = self._closed(done, start, end)
        self._anchor(done.event, node, self._count - done.counted, done.height)
        if self._stack:
            self._stack[-1].height = max(self._stack[-1].height, done.height + 1)
        self._add(node, start)

    def alias(self, event: Any) -> None:
        start, name = event.start_mark.index, event.anchor
        if any(o.event.anchor == name for o in self._stack):
            self.report("Y006", f"alias '*{name}' refers to the value it is in", start)
            raise _Stop
        known = self._anchors.get(name)
        if known is None:
            line = self._line(self._place(start).line - 1)
            message = f"unknown alias '*{name}'; if text is meant, write: "
            self.report("Y006", message + traps.whole(line).strip(), start)
            end = event.end_mark.index
            self._add(Scalar(f"*{name}", self._value_place(start), "single", start, end), start)
            return
        if len(self._stack) + known.height > MAX_DEPTH:
            self.report("Y003", f"more than {MAX_DEPTH} levels deep, aliases followed", start)
            raise _Stop
        self._count_one(start, known.count)
        if self._stack:
            self._stack[-1].height = max(self._stack[-1].height, known.height + 1)
        self._add(structs.replace(known.node, is_alias=True), start)

    # --- helpers ---

    def _closed(self, done: _Open, start: int, end: int) -> Node:
        is_flow = bool(done.event.flow_style)
        if not done.is_map:
            source = self._text[start:end] if is_flow else ""
            return List(tuple(done.nodes), done.place, source, start, end)
        if done.is_expression:
            line = self._line(done.place.line - 1)
            better = traps.quoted(line) or traps.whole(line)
            message = f"'{{{{' without quotes is a mapping, write: {better.strip()}"
            self.report("Y010", message, start)
            return Scalar(self._text[start:end], done.place, "single", start, end)
        entries = tuple(done.entries)
        pairs = entries
        if done.unusable:
            pairs = tuple(p for n, p in enumerate(entries) if n not in done.unusable)
        return Map(pairs, done.place, entries, start, end, is_flow)

    def _add(self, node: Node, at: int) -> None:
        if not self._stack:
            self.root = node
            return
        parent = self._stack[-1]
        if not parent.is_map:
            parent.nodes.append(node)
        elif parent.key is None:
            self._add_key(parent, node, at)
        else:
            self._refuse_keyless(parent, node, at)
            key = parent.key
            if parent.skips:
                parent.unusable.add(len(parent.entries))
            parent.entries.append(Pair(key.text, node, key.place, key.start, key.end))
            parent.key, parent.skips = None, False

    def _add_key(self, parent: _Open, node: Node, at: int) -> None:
        """Remember the key whose value comes next, and whether it can be used."""
        parent.skips = True
        if not isinstance(node, Scalar):
            if self._text.startswith("{{", parent.event.start_mark.index):
                parent.is_expression = True
            else:
                self.report("Y008", "the key is a list or mapping, expected text", at)
            parent.key = Scalar("", parent.place, "plain", at, node.end)
            return
        place = self._place(at, (*parent.place.keys, node.text))
        parent.key = Scalar(node.text, place, node.style, node.start, node.end)
        first = parent.seen.setdefault(node.text, place)
        if first is not place:
            message = f"duplicate key '{node.text}' (first in line {first.line})"
            self.report("Y007", message, at)
        elif node.text == "<<" and node.style == "plain":
            self.report("Y008", "merge key '<<' is not supported, write the keys out", at)
        elif not node.text:
            self.report("Y008", "empty key, expected text before ':'", at)
        else:
            parent.skips = False

    def _refuse_keyless(self, parent: _Open, node: Node, at: int) -> None:
        """`{date: …, text: January 3, 2026}`, where a comma begins a key of its own."""
        is_missing = isinstance(node, Scalar) and node.style == "plain" and not node.text
        if not (is_missing and parent.event.flow_style) or parent.skips or parent.key is None:
            return
        inside = self._text.startswith("{{", max(0, parent.event.start_mark.index - 1))
        if inside or self._text[:at].rstrip().endswith((":", "?")):
            return
        usable = [n for n in range(len(parent.entries)) if n not in parent.unusable]
        before = parent.entries[usable[-1]] if usable else None
        message = f"'{parent.key.text}' without ':'"
        if before and isinstance(before.node, Scalar) and before.node.style == "plain":
            better = traps.in_quotes(f"{before.node.text}, {parent.key.text}")
            message += f"; if the comma is part of the text, write: {before.key}: {better}"
        self._problems.append(Problem("Y012", message, parent.key.place))
        parent.skips = True

    def _anchor(self, event: Any, node: Node, count: int, height: int) -> None:
        if event.anchor:
            self._anchors[event.anchor] = _Anchored(node, count, height)

    def _count_one(self, at: int, count: int = 1) -> None:
        self._count += count
        if self._count > MAX_NODES:
            message = f"more than {MAX_NODES:,} values, counting every use of an alias"
            self.report("Y003", message, at)
            raise _Stop

    def _refuse_tag(self, event: Any) -> None:
        if event.tag:
            at = event.start_mark.index
            line = self._line(self._place(at).line - 1)
            message = f"unknown tag '{event.tag}'; if text is meant, write: "
            self.report("Y009", message + traps.whole(line).strip(), at)

    def _warn_of_cut(self, event: Any) -> None:
        end = event.end_mark.index
        if traps.is_cut(self._text, end):
            better = traps.whole(self._line(self._place(end).line - 1)).strip()
            message = f"'#' starts a comment, so the text after it is lost; write: {better}"
            self.report("Y011", message, end, "warning")

    def _place(self, at: int, keys: KeyPath = ()) -> Place:
        line = bisect_right(self._starts, at)
        return Place(self._path, line, at - self._starts[line - 1] + 1, keys)

    def _value_place(self, at: int) -> Place:
        """Where a value begins, with the way to it."""
        if not self._stack:
            return self._place(at)
        parent = self._stack[-1]
        step = (parent.key.text if parent.key else "") if parent.is_map else len(parent.nodes)
        return self._place(at, (*parent.place.keys, step))

    def _line(self, number: int) -> str:
        start = self._starts[number]
        end = self._starts[number + 1] if number + 1 < len(self._starts) else None
        return self._text[start:end].rstrip("\r\n")


_STYLES: dict[str, Style] = {
    "": "plain",
    "'": "single",
    '"': "double",
    "|": "block",
    ">": "block",
}
_HANDLERS = {
    "DocumentStartEvent": _Builder.document,
    "ScalarEvent": _Builder.scalar,
    "SequenceStartEvent": _Builder.open,
    "MappingStartEvent": _Builder.open,
    "SequenceEndEvent": _Builder.close,
    "MappingEndEvent": _Builder.close,
    "AliasEvent": _Builder.alias,
}

# libyaml's own limit, reached before ours where its scanner looks far ahead
_TOO_DEEP = "maximum nesting depth"

# libyaml's messages, then those of PyYAML's own parser where they differ
_COLON = (
    "':' is not allowed here: text that contains ': ' needs quotes, or a block after 'key: |'"
)
_UNQUOTED = "the quote that opens here is never closed"
_EXPLAINED = {
    "mapping values are not allowed in this context": _COLON,
    "mapping values are not allowed here": _COLON,
    "could not find expected ':'": "a line without ':', expected 'key: value' or '- value'",
    "found unexpected end of stream": _UNQUOTED,
    "did not find expected ',' or ']'": "the list that '[' opens here is not closed",
    "did not find expected ',' or '}'": "the mapping that '{' opens here is not closed",
}
_AT_OPENING = tuple(_EXPLAINED)[2:]
