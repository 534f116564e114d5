"""What a fact is expected to be: `expect:` read from YAML nodes, and its keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from types import NoneType
from typing import Any

from handoff.session.model import AcceptedException, Expectation, Limit, Limits
from handoff.session.shapes import (
    DAY_SHAPE,
    LINE,
    JsonSchema,
    Key,
    Shape,
    labels_schema,
    properties,
    read_keys,
    whole,
)
from handoff.yaml.decode import Decoder, scalar_value
from handoff.yaml.nodes import List, Map, Node, Pair, Scalar, is_null

REASON = rf"(?=.*\S){LINE}"
"""On one line, for it is printed in one."""


def expectations(decoder: Decoder, node: Node | None) -> tuple[Expectation, ...]:
    """What `expect:` says about each column."""
    pairs = decoder.pairs(node, "columns and what is expected of them")
    return tuple(_expectation(decoder, pair) for pair in pairs)


def _expectation(decoder: Decoder, pair: Pair) -> Expectation:
    what = f"what is expected of '{pair.key}'"
    values = read_keys(decoder, pair.node, EXPECTED_KEYS, what)
    _require_one(decoder, pair.node, (*LIMIT_KEYS, _ROWS_KEY), what)
    names = {each.key for each in pair.node.pairs} if isinstance(pair.node, Map) else set()
    has_limits = not names.isdisjoint(key.name for key in LIMIT_KEYS)
    return Expectation(
        column=pair.key,
        limits=_limits(values, pair.node) if has_limits else None,
        rows=values["rows"],
        accepted=values["accepted"],
        place=pair.place,
    )


def _rows(decoder: Decoder, node: Node | None) -> tuple[tuple[str, Limits], ...]:
    pairs = decoder.pairs(node, "rows and their limits")
    if node is not None and not pairs and not is_null(node) and _is_empty(node):
        decoder.report("Y021", "key 'rows' has no value", node)
    found = []
    for pair in pairs:
        what = f"what is expected of row '{pair.key}'"
        values = read_keys(decoder, pair.node, LIMIT_KEYS, what)
        _require_one(decoder, pair.node, LIMIT_KEYS, what)
        found.append((pair.key, _limits(values, pair.node)))
    return tuple(found)


def _accepted(decoder: Decoder, node: Node | None) -> tuple[AcceptedException, ...]:
    found = []
    for pair in decoder.pairs(node, "rows with the reason and the last day"):
        what = f"the exception for '{pair.key}'"
        if is_null(pair.node):
            decoder.report("Y021", f"{what} has no reason", pair.node)
            continue
        values = read_keys(decoder, pair.node, ACCEPTED_KEYS, what)
        reason: str | None = values["reason"]
        until: date | None = values["until"]
        if reason is not None and until is not None:
            found.append(AcceptedException(pair.key, reason.strip(), until, pair.place))
    return tuple(found)


def _require_one(decoder: Decoder, node: Node, keys: Sequence[Key], what: str) -> None:
    names = {pair.key for pair in node.pairs} if isinstance(node, Map) else set()
    is_missing = names.isdisjoint(key.name for key in keys)
    if is_missing and (isinstance(node, Map) or _is_empty(node)):
        expected = ", ".join(f"'{key.name}'" for key in keys)
        decoder.report("Y021", f"{what} is missing, one of {expected}", node)


def _limits(values: Mapping[str, Any], node: Node) -> Limits:
    return Limits(values["min"], values["max"], values["equals"], node.place)


def _bound(decoder: Decoder, node: Node | None) -> Limit | None:
    return _limit(decoder, node, "a number, a day or a time", takes_flag=False)


def _exactly(decoder: Decoder, node: Node | None) -> Limit | None:
    return _limit(decoder, node, "text, a number, true or false", takes_flag=True)


def _limit(decoder: Decoder, node: Node | None, what: str, *, takes_flag: bool) -> Limit | None:
    value = scalar_value(node) if isinstance(node, Scalar) else None
    if not isinstance(node, Scalar) or isinstance(value, str | NoneType):
        return decoder.text(node, what)
    if isinstance(value, bool):
        return value if takes_flag else decoder.text(node, what)
    if value - value == 0:
        # as it was written: 87.96 is no binary fraction
        exact = value if isinstance(value, int) else node.text
        return Decimal(exact) if value else Decimal(0)
    decoder.report("Y023", f"'{node.text}' is too large a number", node)
    return None


def _reason(decoder: Decoder, node: Node | None) -> str | None:
    return decoder.matching(node, REASON, "a reason on one line")


def _is_empty(node: Node) -> bool:
    return (
        is_null(node)
        or (isinstance(node, List) and not node.nodes)
        or (isinstance(node, Map) and not node.pairs)
    )


# --- the keys --------------------------------------------------------------------------


def _some_schema(keys: Sequence[Key], one_of: Sequence[Key]) -> JsonSchema:
    """A mapping with at least one of the keys."""
    return {
        "type": "object",
        **properties(keys),
        "anyOf": [{"required": [key.name]} for key in one_of],
    }


_BOUND = Shape("a number, a day or a time", _bound, {"type": ["number", "string"]})
_EXACT = Shape("a value", _exactly, {"type": ["number", "string", "boolean"]})
LIMIT_KEYS = (
    Key("min", _BOUND, "The minimum: a number, a day or a time."),
    Key("max", _BOUND, "The maximum."),
    Key("equals", _EXACT, "The exact value."),
)
_ROWS_SCHEMA: JsonSchema = {
    "type": "object",
    "minProperties": 1,
    "additionalProperties": _some_schema(LIMIT_KEYS, LIMIT_KEYS),
}
_ROWS_KEY = Key(
    "rows",
    Shape("`row: {min: , max: , equals: }`", _rows, _ROWS_SCHEMA, LIMIT_KEYS, "names"),
    "Separate limits for single rows.",
)
_REASON_SCHEMA: JsonSchema = {"type": ["string", "number"], "pattern": whole(REASON)}
_REASON = Shape("text on one line", _reason, _REASON_SCHEMA)
ACCEPTED_KEYS = (
    Key("reason", _REASON, "Why the row is accepted.", required=True),
    Key("until", DAY_SHAPE, "The last day on which it is accepted.", required=True),
)
_ROW_REASON = "`row: {reason: , until: }`"
_ACCEPTED_SCHEMA = labels_schema({"type": "object", **properties(ACCEPTED_KEYS)})
EXPECTED_KEYS = (
    *LIMIT_KEYS,
    _ROWS_KEY,
    Key(
        "except",
        Shape(
            "`row: {reason: , until: }`", _accepted, _ACCEPTED_SCHEMA, ACCEPTED_KEYS, "names"
        ),
        "Rows that may miss it for a while.",
        attribute="accepted",
    ),
)
EXPECT = Shape(
    "`column: {min: , max: , equals: , rows: , except: }`",
    expectations,
    labels_schema(_some_schema(EXPECTED_KEYS, (*LIMIT_KEYS, _ROWS_KEY))),
    EXPECTED_KEYS,
    "names",
)
