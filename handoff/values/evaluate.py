"""Evaluate the expressions between `{{` and `}}`, with values or with types alone.

One function for each kind of node serves two domains. With values every operand is a `Typed`,
or a fact, a row or a list of rows that has its values. Before anything has run, operands are
types, and facts and rows know only their columns: `None` is what even the types do not say.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import tzinfo

from msgspec import Struct, field

from handoff.base.problems import Level, nearest
from handoff.session.model import BUILT_IN
from handoff.sql.types import DAYS, NUMBERS, BadValue, Field, Type, inferred, value_of
from handoff.values.expressions import (
    Attribute,
    Comparison,
    Constant,
    ExpressionNode,
    Filtered,
    Logical,
    Name,
)
from handoff.values.filters import FILTERS, ON_VALUES, round_column
from handoff.values.printing import Typed, printed
from handoff.values.rows import FactView, Row, near, row_name


class Rows(Struct, frozen=True):
    """All rows of a fact, for the filters that take them."""

    fact: FactView
    rows: Sequence[Row] | None
    """`None` before anything has run."""


class OneRow(Struct, frozen=True):
    fact: FactView
    spelled: str
    """As an expression names it: `orchestrator.phase_1`."""
    row: Row | None
    """`None` before anything has run."""


Known = Typed | Type | None
"""A single value: with its type, its type alone, or neither."""
Operand = Known | Rows | OneRow | FactView
"""What a part of an expression can be; an expression as a whole is a single value."""


class Missing(Exception):
    """No value: nothing has run, a query failed, or the result is NULL; why, if it helps."""


class EvaluationError(Exception):
    """An expression that does not fit the declared or recorded facts."""

    def __init__(self, code: str, message: str, offset: int, level: Level = "error") -> None:
        super().__init__(message)
        self.code = code
        self.offset = offset
        self.level: Level = level


class Scope(Struct, frozen=True):
    """The names that expressions can use."""

    find: Callable[[str], Typed | Type | FactView | None]
    """A fact or a built-in value by its name; `None` for an unknown name."""
    facts: Collection[str]
    """The names of the facts, for 'did you mean'."""
    zone: tzinfo | None
    """`None`: nothing has run, and expressions have types only."""
    cited: list[str] = field(default_factory=list)
    """The facts that were looked up."""


def value(node: ExpressionNode, scope: Scope) -> Typed:
    """The value of a whole expression. Raises Missing, and EvaluationError with its offset."""
    found = _single(node, scope)
    if not isinstance(found, Typed):
        raise Missing
    return found


def type_of(node: ExpressionNode, scope: Scope) -> Type | None:
    """The type of a whole expression; `None` if not known. Raises EvaluationError."""
    return _type(_single(node, scope))


def _single(node: ExpressionNode, scope: Scope) -> Known:
    """A single value that is there, or its type."""
    found = _operand(node, scope)
    match found:
        case FactView(declaration):
            row = f".<{declaration.key}>" if declaration.key else ""
            name = f"'{found.name}{row}.<column>'"
            message = f"fact '{found.name}' is a table; name one column: {name}"
            raise EvaluationError("L012", message, node.offset)
        case OneRow():
            raise EvaluationError("L012", _needs_column(found, node), node.offset)
        case Rows(fact):
            message = f"'{fact.name}.rows' is a list; use '| count' or '| join(...)'"
            raise EvaluationError("L012", message, node.offset)
        case Typed() if found.value is None or printed(found) is None:
            raise Missing
    return found


def _needs_column(found: OneRow, node: ExpressionNode) -> str:
    fact = found.fact
    if fact.key and isinstance(node, Attribute) and node.name in fact.types:
        row = f"{fact.name}.<{fact.key}>.{node.name}"
        return f"fact '{fact.name}' has a key, so name a row first: '{row}'"
    return f"'{found.spelled}' is a row; name one column: '{found.spelled}.<column>'"


def _operand(node: ExpressionNode, scope: Scope) -> Operand:
    match node:
        case Constant():
            return _constant(node, scope)
        case Name():
            return _name(node, scope)
        case Attribute():
            return _attribute(node, _operand(node.of, scope), scope)
        case Filtered():
            return _filtered(node, scope)
        case Comparison():
            return _compared(node, _single(node.left, scope), _single(node.right, scope))
        case Logical():
            return _logical(node, [_single(each, scope) for each in node.of])


def _type(found: Known) -> Type | None:
    return found.type if isinstance(found, Typed) else found


def _constant(node: Constant, scope: Scope) -> Known:
    type_ = inferred(node.value)
    return Typed(node.value, type_, is_own=True) if scope.zone else type_


def _name(node: Name, scope: Scope) -> Operand:
    found = scope.find(node.name)
    if found is None:
        raise EvaluationError("L010", unknown_fact(node.name, scope.facts), node.offset)
    if isinstance(found, FactView):
        scope.cited.append(node.name)
    return found


def unknown_fact(
    name: str, facts: Collection[str], others: Collection[str] = tuple(BUILT_IN)
) -> str:
    """The message for a name that is neither a fact's nor one of `others`."""
    declared = f", 'facts:' declares {', '.join(facts) or 'none'}"
    return f"unknown fact '{name}'{nearest(name, [*facts, *others]) or declared}"


# --- parts ---------------------------------------------------------------------------------


def _attribute(node: Attribute, found: Operand, scope: Scope) -> Operand:
    match found:
        case FactView():
            return _part_of_fact(node, found, scope)
        case OneRow(fact, _, row):
            return _column(node.name, node.offset, fact, row)
        case Rows(fact):
            message = (
                f"'{fact.name}.rows' is a list; use '({fact.name}.rows | first).{node.name}'"
            )
            raise EvaluationError("L012", message, node.offset)
        case None:
            return None
    type_ = found.type if isinstance(found, Typed) else found
    if isinstance(found, Typed) and found.value is None:
        raise Missing
    if type_.name != "STRUCT":
        raise EvaluationError("L012", f"{type_} has no field '{node.name}'", node.offset)
    fields = {each.name: each.type for each in type_.fields}
    if node.name not in fields:
        message = f"no field '{node.name}'{near(node.name, fields)}"
        raise EvaluationError("L011", message, node.offset)
    if not isinstance(found, Typed):
        return fields[node.name]
    values = found.value if isinstance(found.value, Mapping) else {}
    return Typed(values.get(node.name), fields[node.name], found.is_own)


def _part_of_fact(node: Attribute, fact: FactView, scope: Scope) -> Operand:
    rows, spelled = fact.rows, f"{fact.name}.{node.name}"
    if rows is None and scope.zone:
        raise Missing
    if fact.key is not None and node.is_subscript and rows is not None:
        exact = [row for row in rows if _cell_text(row, fact.key) == node.name]
        if exact:
            return OneRow(fact, spelled, _only(exact, node, fact))
    if node.name == "rows":
        return Rows(fact, rows)
    if node.name == "overall" and (fact.contract == "phases" if rows is None else fact.overall):
        return OneRow(fact, spelled, fact.overall)
    if fact.key is not None:
        return OneRow(fact, spelled, None if rows is None else _named(node, fact, rows))
    if rows is not None and len(rows) != 1:
        message = f"fact '{fact.name}' has {len(rows)} rows, '{node.name}' needs exactly one"
        raise EvaluationError("L020", message, node.offset)
    hint = " (no 'key:', so rows have no names)"
    return _column(node.name, node.offset, fact, None if rows is None else rows[0], hint=hint)


def _named(node: Attribute, fact: FactView, rows: Sequence[Row]) -> Row:
    key, wanted = fact.key or "", row_name(node.name)
    found = [row for row in rows if row_name(_cell_text(row, key)) == wanted]
    if found:
        return _only(found, node, fact)
    names = list(dict.fromkeys(_cell_text(row, key) for row in rows))
    known = nearest(node.name, names) or f", it has {_listed(names)}"
    message = f"fact '{fact.name}' has no row '{node.name}'{known}"
    raise EvaluationError("L022", message, node.offset, "warning")


def _listed(names: Sequence[str]) -> str:
    few = ", ".join(f"'{name[:40]}'" for name in names[:8])
    return f"{few}, …" if len(names) > 8 else few or "none"


def _only(found: Sequence[Row], node: Attribute, fact: FactView) -> Row:
    if len(found) == 1:
        return found[0]
    message = f"fact '{fact.name}' has {len(found)} rows for '{node.name}', expected one"
    raise EvaluationError("L021", message, node.offset)


def _cell_text(row: Row, key: str) -> str:
    cell = row.get(key)
    return "" if cell is None or cell.value is None else str(cell.value)


def _column(
    name: str, offset: int, fact: FactView, row: Row | None, *, hint: str = ""
) -> Known:
    known = fact.types if row is None else row
    if name in known:
        return known[name]
    if row is None and not fact.is_typed:
        return None
    message = fact.explain_missing(name, known)
    message += "" if name in fact.declaration.redact else hint
    raise EvaluationError("L011", message, offset)


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


def _compared(node: Comparison, left: Known, right: Known) -> Known:
    one, two = _type(left), _type(right)
    if one is None or two is None:
        return _BOOL
    one, two = _as_compared(node.left, one, two), _as_compared(node.right, two, one)
    if not _can_compare(one, node.operator, two):
        message = f"{one} {node.operator} {two} cannot be compared"
        raise EvaluationError("L016", message, node.offset)
    if not isinstance(left, Typed) or not isinstance(right, Typed):
        return _BOOL
    values = _converted(left, one, node.left), _converted(right, two, node.right)
    return Typed(_COMPARE[node.operator](*values), _BOOL)


def _as_compared(constant: ExpressionNode, type_: Type, other: Type) -> Type:
    """The type a constant text is compared as: next to a DATE it is one."""
    is_text = isinstance(constant, Constant) and type_.name == "STRING"
    return other if is_text and other.name in (*DAYS, "TIME") else type_


def _can_compare(left: Type, sign: str, right: Type) -> bool:
    kinds = {"number" if each.name in NUMBERS else str(each) for each in (left, right)}
    is_ordered = kinds <= {*_ORDERED}
    return len(kinds) == 1 and (is_ordered or (left.name == "BOOL" and sign in ("==", "!=")))


def _converted(found: Typed, wanted: Type, node: ExpressionNode) -> object:
    try:
        return found.value if wanted == found.type else value_of(found.value, wanted)
    except BadValue as error:
        raise EvaluationError("L016", str(error), node.offset) from error


def _logical(node: Logical, found: Sequence[Known]) -> Known:
    for each, part in zip(found, node.of, strict=True):
        type_ = _type(each)
        if type_ and type_.name != "BOOL":
            message = f"'{node.operator}' takes BOOL, found {type_}"
            raise EvaluationError("L016", message, part.offset)
    values = [bool(each.value) for each in found if isinstance(each, Typed)]
    return Typed(_LOGIC[node.operator](values), _BOOL) if len(values) == len(found) else _BOOL


_LOGIC: Mapping[str, Callable[[list[bool]], bool]] = {
    "and": all,
    "or": any,
    "not": lambda values: not values[0],
}
_BOOL, _INT64, _STRING = Type("BOOL"), Type("INT64"), Type("STRING")

# --- filters -------------------------------------------------------------------------------


def _filtered(node: Filtered, scope: Scope) -> Operand:
    found, takes = _operand(node.of, scope), FILTERS[node.name].takes
    wanted = f"'{node.name}' takes {' or '.join(takes)}"
    if isinstance(found, FactView | OneRow):
        raise EvaluationError("L012", wanted, node.offset)
    if isinstance(found, Typed) and (found.value is None or printed(found) is None):
        raise Missing
    type_ = None if isinstance(found, Rows) else _type(found)
    given = "rows" if isinstance(found, Rows) else type_.name if type_ else None
    if given is not None and given not in takes:
        raise EvaluationError("L016", f"{wanted}, found {given}", node.offset)
    if node.name == "since":
        _check_since(node, scope)
    if isinstance(found, Rows):
        return ON_ROWS[node.name](node, found)
    if isinstance(found, Typed) and scope.zone:
        return _applied(node, found, scope.zone)
    result = FILTERS[node.name].returns
    return Type(result) if result in ("STRING", "INT64") else None


def _applied(node: Filtered, found: Typed, zone: tzinfo) -> Typed:
    if node.name == "since":
        from handoff.values.trends import words  # not for a text without such values

        text = words(found, found.before) if found.before else None
        if text is None:
            raise Missing(found.before.why if found.before else "")
        return Typed(text, _STRING, is_own=True)
    if node.name in ("count", "length"):
        return Typed(len(found.value) if isinstance(found.value, tuple) else 0, _INT64)
    if node.name == "round" and isinstance(node.of, Attribute):
        text = round_column(node.of.name, found.value, node.arguments)
    else:
        text = ON_VALUES[node.name](found.value, node.arguments, zone)
    return Typed(text, _STRING, is_own=found.is_own or found.type.name != "STRING")


def _check_since(node: Filtered, scope: Scope) -> None:
    """`since` follows a number of a fact that has one before."""
    root: ExpressionNode = node.of
    while isinstance(root, Attribute | Filtered):
        root = root.of
    fact = scope.find(root.name) if isinstance(root, Name) else None
    if isinstance(fact, FactView) and not fact.declaration.since:
        message = f"fact '{fact.name}' has no 'since:' that names an earlier session"
        raise EvaluationError("L018", message, node.offset)
    column = node.of.name if isinstance(node.of, Attribute) else ""
    is_known = isinstance(fact, FactView) and (
        not fact.is_typed or f"{column}_before" in fact.types
    )
    if not is_known:
        message = "'since' follows a numeric column, but not a year or an id"
        raise EvaluationError("L018", message, node.offset)


def _count(node: Filtered, found: Rows) -> Operand:
    return _INT64 if found.rows is None else Typed(len(found.rows), _INT64)


def _first(node: Filtered, found: Rows) -> Operand:
    spelled = f"({found.fact.name}.rows | {node.name})"
    if found.rows is None:
        return OneRow(found.fact, spelled, None)
    if not found.rows:
        raise Missing
    return OneRow(found.fact, spelled, found.rows[0 if node.name == "first" else -1])


def _join(node: Filtered, found: Rows) -> Operand:
    name = str(node.arguments[0])
    cells = [_column(name, node.offset, found.fact, row) for row in found.rows or (None,)]
    element = _type(cells[0])
    if element is None:
        return None
    type_ = Type("ARRAY", (Field("", element),))
    if found.rows is None:
        return type_
    typed = [each for each in cells if isinstance(each, Typed)]
    return Typed(tuple(each.value for each in typed), type_, any(c.is_own for c in typed))


ON_ROWS: Mapping[str, Callable[[Filtered, Rows], Operand]] = {
    "count": _count,
    "length": _count,
    "first": _first,
    "last": _first,
    "join": _join,
}
