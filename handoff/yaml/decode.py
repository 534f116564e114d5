"""Nodes into typed values; what does not fit is reported with its place.

    decoder = Decoder("handoff.yaml")
    root = decoder.root(source)
    given = decoder.fields(root, ("engine", "output"))
    engine = decoder.choice(given.get("engine"), ("duckdb", "bigquery"))
    decoder.finish()

Every method accepts `None` (an absent key) and null, and returns `None` for them and for
what it had to report; `finish` raises once, with every error.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime
from typing import TypeVar

from handoff.base.patterns import lazy_pattern
from handoff.base.problems import InvalidInput, Level, Place, Problem, nearest
from handoff.base.secrets import truncate
from handoff.yaml.nodes import List, Map, Node, Pair, ParsedYAML, Scalar, is_null, parse_yaml
from handoff.yaml.traps import in_quotes

ScalarValue = None | bool | int | float | str
JSON = ScalarValue | list["JSON"] | dict[str, "JSON"]
Choice = TypeVar("Choice", bound=str)

# YAML 1.2.2 §10.3.2, the core schema: 'yes', '0o' aside, '1:30' and dates are text.
_BOOLEANS = {"true": True, "True": True, "TRUE": True}
_BOOLEANS |= {"false": False, "False": False, "FALSE": False}
_MEANT = dict.fromkeys(("yes", "y", "on", "done", "x", "✅"), "true")
_MEANT |= dict.fromkeys(("no", "n", "off", "open", "❌"), "false")
_INTEGER = lazy_pattern(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = lazy_pattern(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_MAX_DIGITS = 300

DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME = r"[Tt ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?"
_ZONE = r"(?: ?[Zz]|[-+][0-9]{2}:?[0-9]{2})"
TIMESTAMP = DAY + _TIME + _ZONE
_TIMESTAMP = lazy_pattern(f"{DAY}{_TIME}(?P<zone>{_ZONE})?")


class Decoder:
    """Decodes one file and collects every problem in it."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.problems: list[Problem] = []

    def root(self, source: bytes | ParsedYAML) -> Node | None:
        """The root of the file; an empty file is a problem."""
        parsed = parse_yaml(source, self.path) if isinstance(source, bytes) else source
        self.problems += parsed.problems
        node = parsed.root
        if (node is None and not parsed.problems) or (node and is_null(node)):
            self.report("Y004", "the file is empty, expected keys and values", Place(self.path))
            return None
        return node

    def finish(self) -> tuple[Problem, ...]:
        """The warnings, in file order.

        Raises InvalidInput with every problem if one of them is an error.
        """
        if any(p.level == "error" for p in self.problems):
            raise InvalidInput(self.problems)
        return tuple(sorted(self.problems, key=lambda p: p.place))

    def report(
        self, code: str, message: str, at: Node | Pair | Place, level: Level = "error"
    ) -> None:
        place = at if isinstance(at, Place) else at.place
        self.problems.append(Problem(code, message, place, level))

    # --- mappings and lists ---

    def fields(
        self,
        node: Node | None,
        known: Iterable[str],
        *,
        required: Iterable[str] = (),
        what: str = "",
    ) -> Mapping[str, Node]:
        """The values under known keys.

        Reports unknown keys, and required ones that are absent or without a value.
        """
        keys, given = tuple(known), {}
        for pair in self.pairs(node):
            if pair.key in keys:
                given[pair.key] = pair.node
            else:
                among = f" in {what}" if what else ""
                guess = nearest(pair.key, keys) or f", expected {_either(keys)}"
                self.report("Y020", f"unknown key '{pair.key}'{among}{guess}", pair)
        if isinstance(node, Map) or (isinstance(node, List) and not node.nodes):
            self._require(node, given, required)
        return given

    def pairs(self, node: Node | None, what: str = "keys and values") -> tuple[Pair, ...]:
        """Keys and values in file order."""
        if isinstance(node, Map):
            return node.pairs
        if isinstance(node, List) and not node.nodes:
            return ()
        self._unless_null(node, what)
        return ()

    def nodes(self, node: Node | None, what: str = "a list") -> tuple[Node, ...]:
        """The nodes of a list."""
        if isinstance(node, List):
            return node.nodes
        if isinstance(node, Map) and not node.pairs:
            return ()
        self._unless_null(node, what)
        return ()

    def texts(self, node: Node | None, what: str = "text or a list of it") -> tuple[str, ...]:
        """A list of text; a single text is a list of one."""
        if not isinstance(node, List):
            one = self.text(node, what)
            return () if one is None else (one,)
        describe = [self.text(n) for n in node.nodes]
        return tuple(text for text in describe if text is not None)

    # --- scalars ---

    def text(self, node: Node | None, what: str = "text") -> str | None:
        """Text, or a number as it was written; a block without its last line breaks."""
        if not isinstance(node, Scalar) or is_null(node):
            self._unless_null(node, what, _in_quotes(node) if what == "text" else "")
            return None
        if isinstance(scalar_value(node), bool):
            message = f"expected {what}, found {node.text}: if text is meant, "
            self.report("Y022", message + f'write "{node.text}"', node)
            return None
        return node.text.rstrip("\n") if node.style == "block" else node.text

    def matching(self, node: Node | None, pattern: str, what: str) -> str | None:
        """Text that matches `pattern` as a whole; `what` describes it for messages."""
        text = self.text(node, what)
        if text is None or re.fullmatch(pattern, text):
            return text
        assert node is not None  # text came from it
        self.report("Y023", f"'{_short(text)}' is not {what}", node)
        return None

    def flag(self, node: Node | None) -> bool | None:
        """`true` or `false`."""
        value = scalar_value(node) if isinstance(node, Scalar) else None
        if isinstance(value, bool):
            return value
        meant = _MEANT.get(node.text.casefold()) if isinstance(node, Scalar) else None
        self._unless_null(node, "true or false", f", write {meant}" if meant else "")
        return None

    def integer(self, node: Node | None, *, minimum: int = 0) -> int | None:
        """A whole number not below `minimum`."""
        value = scalar_value(node) if isinstance(node, Scalar) else None
        if isinstance(value, int) and not isinstance(value, bool) and value >= minimum:
            return value
        is_quoted = isinstance(node, Scalar) and node.style != "plain" and node.text.isdigit()
        hint = ", write it without quotes" if is_quoted else ""
        self._unless_null(node, f"a whole number from {minimum}", hint)
        return None

    def choice(self, node: Node | None, choices: Iterable[Choice]) -> Choice | None:
        """One of `choices`."""
        known = {str(choice): choice for choice in choices}
        text = self.text(node, _either(known))
        if text is None or text in known:
            return known[text] if text is not None else None
        assert node is not None  # text came from it
        guess = nearest(text, known) or f", expected {_either(known)}"
        self.report("Y023", f"unknown value '{_short(text)}'{guess}", node)
        return None

    def day(self, node: Node | None) -> date | None:
        """A date, `2026-01-03`."""
        text = self.matching(node, DAY, "a date such as 2026-01-03")
        if text is None:
            return None
        try:
            return date.fromisoformat(text)
        except ValueError as error:
            assert node is not None  # text came from it
            self.report("Y023", f"invalid date '{text}': {error}", node)
            return None

    def timestamp(self, node: Node | None) -> datetime | None:
        """A time with its zone, `2026-01-03T16:20:00Z`, in UTC."""
        text = self.text(node, "a time such as 2026-01-03T16:20:00Z")
        if text is None:
            return None
        assert node is not None  # text came from it
        match = _TIMESTAMP.fullmatch(text)
        if match is None:
            message = f"'{_short(text)}' is not a time such as 2026-01-03T16:20:00Z"
            self.report("Y023", message, node)
        elif match["zone"] is None:
            message = f"time '{text}' has no zone, add Z for UTC or an offset such as -05:00"
            self.report("Y023", message, node)
        else:
            return self._utc(text, node)
        return None

    # --- helpers ---

    def _utc(self, text: str, node: Node) -> datetime | None:
        try:
            return datetime.fromisoformat(text.upper().replace(" Z", "Z")).astimezone(UTC)
        except (ValueError, OverflowError) as error:
            self.report("Y023", f"invalid time '{text}': {error}", node)
            return None

    def _require(
        self, node: Map | List, given: Mapping[str, Node], required: Iterable[str]
    ) -> None:
        for key in required:
            if key not in given:
                self.report("Y021", f"key '{key}' is missing", node)
            elif is_null(given[key]):
                self.report("Y021", f"key '{key}' has no value", given[key])

    def _unless_null(self, node: Node | None, what: str, hint: str = "") -> None:
        if node is not None and not is_null(node):
            self.report("Y022", f"expected {what}, found {describe(node)}{hint}", node)


def scalar_value(node: Scalar) -> ScalarValue:
    """The value of a scalar by the core schema; quoted and block text is text."""
    text = node.text
    if node.style != "plain":
        return text
    if is_null(node):
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    return _number(text) if len(text) <= _MAX_DIGITS else text


def json_value(node: Node) -> JSON:
    """The value that any YAML 1.2 parser returns, for a JSON Schema."""
    if isinstance(node, Map):
        return {pair.key: json_value(pair.node) for pair in node.pairs}
    if isinstance(node, List):
        return [json_value(n) for n in node.nodes]
    return scalar_value(node)


def describe(node: Node) -> str:
    """What `node` is, for a message."""
    if isinstance(node, Map):
        return "a mapping"
    if isinstance(node, List):
        return "a list"
    return f"'{_short(node.text)}'" if node.text else "nothing"


def _in_quotes(node: Node | None) -> str:
    """The fix where a list is text in brackets."""
    if not isinstance(node, List) or not node.source or "\n" in node.source:
        return ""
    return f"; if the brackets are text, write {in_quotes(node.source)}"


def _number(text: str) -> int | float | str:
    if _INTEGER.fullmatch(text):
        base = {"0x": 16, "0o": 8}.get(text[:2], 10)
        return int(text, base)
    return float(text) if _FLOAT.fullmatch(text) else text


def _short(text: str) -> str:
    return truncate(" ".join(text.split()), 60)


def _either(words: Iterable[str]) -> str:
    """`'a', 'b' or 'c'`; only the first few of many."""
    return " or ".join(_joined(tuple(words)))


def _joined(words: tuple[str, ...]) -> Iterator[str]:
    quoted = [f"'{word}'" for word in words[:8]]
    if len(words) > 8:
        yield ", ".join(quoted) + ", …"
        return
    if len(quoted) > 1:
        yield ", ".join(quoted[:-1])
    yield from quoted[-1:]
