"""What an expression says: its small tree over the values of the facts."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import tzinfo
from typing import Protocol

from msgspec import Struct, field

from handoff.base.problems import Level, nearest
from handoff.sql.types import BadValue, Field, Type, value_of
from handoff.values.expressions import (
    Attribute,
    Comparison,
    Constant,
    Filtered,
    Logical,
    Name,
    Node,
)
from handoff.values.filters import DAYS, FILTERS, NUMBERS, ON_VALUES
from handoff.values.printing import Typed, printed

Row = Mapping[str, Typed]


class Source(Protocol):
    """One fact as expressions see it."""

    @property
    def name(self) -> str: ...

    @property
    def key(self) -> str | None: ...

    @property
    def rows(self) -> Sequence[Row] | None:
        """With what is derived from them; `None`: there is no answer."""
        ...

    @property
    def overall(self) -> Row | None:
        """One row over all; `None` where the contract knows none."""
        ...


class Rows(Struct, frozen=True):
    """All rows of a fact, for the filters that take them."""

    of: str
    rows: Sequence[Row]


class OneRow(Struct, frozen=True):
    of: str
    row: Row


Seen = Typed | Rows | OneRow | Source
"""What a part of an expression can be; an expression as a whole is a value."""


class Missing(Exception):
    """No value: nobody asked, nobody answered, or the answer was NULL; why, where it helps."""


class EvaluationError(Exception):
    """An expression that does not fit what was answered."""

    def __init__(self, code: str, message: str, offset: int, level: Level = "error") -> None:
        super().__init__(message)
        self.code = code
        self.offset = offset
        self.level: Level = level


class Scope(Struct, frozen=True):
    """The names of one render."""

    names: Callable[[str], Typed | Source | None]
    """A fact or a built-in value by its name; `None` for an unknown name."""
    zone: tzinfo
    sources: list[str] = field(default_factory=list)
    """The facts that were looked up."""


def value(node: Node, scope: Scope) -> Typed:
    """What the whole expression says. Raises Missing, or EvaluationError with the place."""
    return _value(seen(node, scope), node)


def seen(node: Node, scope: Scope) -> Seen:
    """What a part of an expression says."""
    match node:
        case Constant():
            return _constant(node)
        case Name():
            return _name(node, scope)
        case Attribute():
            return _part(node, seen(node.of, scope))
        case Filtered():
            return _filtered(node, seen(node.of, scope), scope)
        case Comparison():
            return _compared(node, value(node.left, scope), value(node.right, scope))
        case Logical():
            return _logical(node, [value(each, scope) for each in node.of])


def row_name(key: str) -> str:
    """How a row is cited by a word: `Phase 1` is `phase_1`."""
    return re.sub(r"[\W_]+", "_", key.casefold()).strip("_")


def _constant(node: Constant) -> Typed:
    kind = next(name for type_, name in _CONSTANTS if isinstance(node.value, type_))
    return Typed(node.value, Type(kind), is_own=True)


_CONSTANTS = ((bool, "BOOL"), (int, "INT64"), (float, "FLOAT64"), (str, "STRING"))


def _name(node: Name, scope: Scope) -> Seen:
    found = scope.names(node.name)
    if found is None:
        raise EvaluationError("L010", f"unknown fact '{node.name}'", node.offset)
    if not isinstance(found, Typed):
        scope.sources.append(node.name)
    return found


def _value(found: Seen, node: Node) -> Typed:
    """`found` as a value that is there."""
    if not isinstance(found, Typed):
        raise EvaluationError(
            "L012", f"{_noun(found)} is no value, name a column of it", node.offset
        )
    if found.value is None or printed(found) is None:
        raise Missing
    return found


def _noun(found: Seen) -> str:
    match found:
        case Rows(of):
            return f"'{of}.rows'"
        case OneRow(of):
            return f"a row of '{of}'"
        case Typed(_, type_):
            return f"a value of type {type_}"
    return f"fact '{found.name}'"


# --- parts ---------------------------------------------------------------------------------


def _part(node: Attribute, found: Seen) -> Seen:
    match found:
        case OneRow(of, row):
            return _column(node, of, row)
        case Typed(Mapping() as fields, Type("STRUCT", known)):
            types = {each.name: each.type for each in known}
            if node.name in types:
                return Typed(fields.get(node.name), types[node.name], found.is_own)
            raise _unknown(f"no field '{node.name}'", node, types)
        case Typed(None):
            raise Missing
        case Typed() | Rows():
            raise EvaluationError(
                "L012", f"{_noun(found)} has no part '{node.name}'", node.offset
            )
    return _of_fact(node, found)


def _of_fact(node: Attribute, fact: Source) -> Seen:
    if fact.rows is None:
        raise Missing
    if fact.key is not None and node.is_subscript:
        exact = [row for row in fact.rows if _key(row, fact.key) == node.name]
        if exact:
            return OneRow(fact.name, _only(exact, node, fact))
    if node.name == "rows":
        return Rows(fact.name, fact.rows)
    if node.name == "overall" and fact.overall is not None:
        return OneRow(fact.name, fact.overall)
    if fact.key is not None:
        return OneRow(fact.name, _named(node, fact, fact.key, fact.rows))
    if len(fact.rows) != 1:
        message = (
            f"fact '{fact.name}' has {len(fact.rows)} rows, '{node.name}' needs exactly one"
        )
        raise EvaluationError("L020", message, node.offset)
    return _column(node, fact.name, fact.rows[0])


def _named(node: Attribute, fact: Source, key: str, rows: Sequence[Row]) -> Row:
    wanted = row_name(node.name)
    found = [row for row in rows if row_name(_key(row, key)) == wanted]
    if found:
        return _only(found, node, fact)
    there = list(dict.fromkeys(_key(row, key) for row in rows))
    known = nearest(node.name, there) or f", it has {_listed(there)}"
    message = f"fact '{fact.name}' has no row '{node.name}'{known}"
    raise EvaluationError("L022", message, node.offset, "warning")


def _listed(names: Sequence[str]) -> str:
    few = ", ".join(f"'{name[:40]}'" for name in names[:8])
    return f"{few}, …" if len(names) > 8 else few or "none"


def _only(found: Sequence[Row], node: Attribute, fact: Source) -> Row:
    if len(found) == 1:
        return found[0]
    message = f"fact '{fact.name}' has {len(found)} rows for '{node.name}', expected one"
    raise EvaluationError("L021", message, node.offset)


def _key(row: Row, key: str) -> str:
    cell = row.get(key)
    return "" if cell is None or cell.value is None else str(cell.value)


def _column(node: Attribute, of: str, row: Row) -> Typed:
    if node.name not in row:
        raise _unknown(f"fact '{of}' has no column '{node.name}'", node, row)
    return row[node.name]


def _unknown(
    message: str, node: Attribute | Filtered, names: Mapping[str, object]
) -> EvaluationError:
    name = node.name if isinstance(node, Attribute) else str(node.arguments[0])
    known = nearest(name, names) or f", it has {', '.join(names)}"
    return EvaluationError("L011", f"{message}{known}", node.offset)


# --- comparisons ---------------------------------------------------------------------------

_COMPARE: Mapping[str, Callable[..., bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_ORDERED = ("STRING", "DATE", "DATETIME", "TIME", "TIMESTAMP", "number")


def kind(type_: Type) -> str:
    """Types that are compared with each other share a kind."""
    return "number" if type_.name in NUMBERS else str(type_)


def can_compare(left: Type, sign: str, right: Type) -> bool:
    """Whether values of the two types can be compared by `sign`."""
    same = kind(left) == kind(right)
    return same and (kind(left) in _ORDERED or (left.name == "BOOL" and sign in ("==", "!=")))


def as_compared(constant: Node, given: Type, other: Type) -> Type:
    """The type a constant text is compared as: beside a DATE it is one."""
    is_text = isinstance(constant, Constant) and given.name == "STRING"
    return other if is_text and other.name in (*DAYS, "TIME") else given


def _compared(node: Comparison, left: Typed, right: Typed) -> Typed:
    one = _as(as_compared(node.left, left.type, right.type), left, node.left)
    two = _as(as_compared(node.right, right.type, left.type), right, node.right)
    if not can_compare(one.type, node.operator, two.type):
        message = f"{one.type} {node.operator} {two.type} cannot be compared"
        raise EvaluationError("L016", message, node.offset)
    return Typed(_COMPARE[node.operator](one.value, two.value), Type("BOOL"))


def _as(wanted: Type, found: Typed, node: Node) -> Typed:
    if wanted == found.type:
        return found
    try:
        return Typed(value_of(found.value, wanted), wanted)
    except BadValue as error:
        raise EvaluationError("L016", str(error), node.offset) from error


def _logical(node: Logical, found: Sequence[Typed]) -> Typed:
    for each, part in zip(found, node.of, strict=True):
        if each.type.name != "BOOL":
            message = f"'{node.operator}' takes BOOL, found {each.type}"
            raise EvaluationError("L016", message, part.offset)
    return Typed(_LOGIC[node.operator]([bool(each.value) for each in found]), Type("BOOL"))


_LOGIC: Mapping[str, Callable[[list[bool]], bool]] = {
    "and": all,
    "or": any,
    "not": lambda values: not values[0],
}

# --- filters -------------------------------------------------------------------------------


def _filtered(node: Filtered, found: Seen, scope: Scope) -> Seen:
    takes = FILTERS[node.name].takes
    given = "rows" if isinstance(found, Rows) else getattr(_value(found, node), "type", None)
    if (given if given == "rows" else getattr(given, "name", "")) not in takes:
        message = f"'{node.name}' takes {', '.join(takes)}, found {given}"
        raise EvaluationError("L016", message, node.offset)
    if isinstance(found, Rows):
        return ON_ROWS[node.name](node, found)
    assert isinstance(found, Typed)  # _value would have raised
    if node.name == "since":
        return _since(found)
    if node.name in ("count", "length"):
        return Typed(len(found.value) if isinstance(found.value, tuple) else 0, Type("INT64"))
    text = ON_VALUES[node.name](found.value, node.arguments, scope.zone)
    is_own = found.is_own or found.type.name != "STRING"
    return Typed(text, Type("STRING"), is_own=is_own)


def _since(found: Typed) -> Seen:
    from handoff.values.trends import words  # not for a text without such values

    text = words(found, found.before) if found.before else None
    if text is None:
        raise Missing(found.before.why if found.before else "")
    return Typed(text, Type("STRING"), is_own=True)


def _count(node: Filtered, rows: Rows) -> Seen:
    return Typed(len(rows.rows), Type("INT64"))


def _first(node: Filtered, rows: Rows) -> Seen:
    if not rows.rows:
        raise Missing
    return OneRow(rows.of, rows.rows[0 if node.name == "first" else -1])


def _join(node: Filtered, rows: Rows) -> Seen:
    name = str(node.arguments[0])
    for row in rows.rows:
        if name not in row:
            raise _unknown(f"fact '{rows.of}' has no column '{name}'", node, row)
    cells = [row[name] for row in rows.rows]
    element = cells[0].type if cells else Type("STRING")
    is_own = bool(cells) and cells[0].is_own
    return Typed(tuple(c.value for c in cells), Type("ARRAY", (Field("", element),)), is_own)


ON_ROWS: Mapping[str, Callable[[Filtered, Rows], Seen]] = {
    "count": _count,
    "length": _count,
    "first": _first,
    "last": _first,
    "join": _join,
}
