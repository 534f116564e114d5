"""What a fact is expected to be, as a session declares it: YAML nodes into Expectations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal

from handoff.session.model import SESSION_ID, AcceptedException, Expectation, Limit, Limits
from handoff.yaml.decode import Decoder, plain
from handoff.yaml.nodes import List, Map, Node, Pair, Scalar, is_null

SHOWN_KEYS = ("expect", "since")
"""What says how a fact is shown, whatever it is asked of."""
LIMIT_KEYS = ("min", "max", "equals")
EXPECTED_KEYS = (*LIMIT_KEYS, "rows", "except")
ACCEPTED_KEYS = ("reason", "until")
REASON = r"(?=.*\S)[^\u0000-\u001f\u007f-\u009f\u2028\u2029]*"
"""On one line, for it stands in one."""


def expectations(decoder: Decoder, node: Node | None) -> tuple[Expectation, ...]:
    """What `expect:` says of each column; every mistake reported."""
    reader = _Reader(decoder)
    pairs = decoder.pairs(node, "columns and what is expected of them")
    return tuple(reader.expectation(pair) for pair in pairs)


_ORDERED = "a number, a day or a time"


def earlier(decoder: Decoder, node: Node | None) -> str | None:
    """The session that `since:` names, or `previous`."""
    return decoder.matching(node, SESSION_ID, "a session's id, or 'previous'")


class _Reader:
    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder

    def expectation(self, pair: Pair) -> Expectation:
        what = f"what is expected of '{pair.key}'"
        given = self._decoder.fields(pair.node, EXPECTED_KEYS, what=what)
        self._some(given, (*LIMIT_KEYS, "rows"), what, pair.node)
        return Expectation(
            column=pair.key,
            limits=self._limits(given, pair.node) if set(given) & {*LIMIT_KEYS} else None,
            rows=tuple(self._rows(given.get("rows"))),
            accepted=tuple(self._accepted(given.get("except"))),
            place=pair.place,
        )

    def _rows(self, node: Node | None) -> Iterator[tuple[str, Limits]]:
        pairs = self._decoder.pairs(node, "rows and their limits")
        if node is not None and not pairs and _is_empty(node):
            self._decoder.report("Y021", "key 'rows' has no value", node)
        for pair in pairs:
            what = f"what is expected of row '{pair.key}'"
            given = self._decoder.fields(pair.node, LIMIT_KEYS, what=what)
            self._some(given, LIMIT_KEYS, what, pair.node)
            yield pair.key, self._limits(given, pair.node)

    def _accepted(self, node: Node | None) -> Iterator[AcceptedException]:
        for pair in self._decoder.pairs(node, "rows with the reason and the last day"):
            what = f"the exception for '{pair.key}'"
            required = () if is_null(pair.node) else ACCEPTED_KEYS
            given = self._decoder.fields(pair.node, ACCEPTED_KEYS, required=required, what=what)
            if not required:
                self._decoder.report("Y021", f"{what} has no reason", pair.node)
            reason = self._decoder.matching(given.get("reason"), REASON, "a reason on one line")
            until = self._decoder.day(given.get("until"))
            if reason is not None and until is not None:
                yield AcceptedException(pair.key, reason.strip(), until, pair.place)

    def _some(
        self, given: Mapping[str, Node], keys: tuple[str, ...], what: str, node: Node
    ) -> None:
        if not set(given) & {*keys} and (isinstance(node, Map) or _is_empty(node)):
            expected = ", ".join(f"'{key}'" for key in keys)
            self._decoder.report("Y021", f"{what} is missing, one of {expected}", node)

    def _limits(self, given: Mapping[str, Node], node: Node) -> Limits:
        return Limits(
            least=self._limit("min", given),
            most=self._limit("max", given),
            equals=self._limit("equals", given),
            place=node.place,
        )

    def _limit(self, key: str, given: Mapping[str, Node]) -> Limit | None:
        node = given.get(key)
        if node is not None and is_null(node):
            self._decoder.report("Y021", f"key '{key}' has no value", node)
        what = "text, a number, true or false" if key == "equals" else _ORDERED
        if not isinstance(node, Scalar):
            return self._decoder.text(node, what)
        value = plain(node)
        if isinstance(value, bool) and key == "equals":
            return value
        if isinstance(value, int | float) and not isinstance(value, bool):
            return self._number(value, node)
        return self._decoder.text(node, what)

    def _number(self, value: int | float, node: Scalar) -> Decimal | None:
        if isinstance(value, int):
            return Decimal(value)
        if value - value == 0:
            # as it was written: 87.96 is no binary fraction
            return Decimal(node.text) if value else Decimal(0)
        self._decoder.report("Y023", f"'{node.text}' is too large a number", node)
        return None


def _is_empty(node: Node) -> bool:
    return (
        is_null(node)
        or (isinstance(node, List) and not node.nodes)
        or (isinstance(node, Map) and not node.pairs)
    )
