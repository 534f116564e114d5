"""Writes out what GoogleSQL converts by itself: literals as dates, sums of a DATE and a number.

https://cloud.google.com/bigquery/docs/reference/standard-sql/conversion_rules
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from sqlglot import exp

from handoff.warehouse.duckdb.nodes import Refusal, type_name

TIMES = ("DATE", "DATETIME", "TIMESTAMP")


def write_conversions(tree: exp.Expr) -> bool:
    """Whether `tree`, typed GoogleSQL, was changed; then it is to be typed again."""
    changed = False
    for node in reversed(list(tree.walk(bfs=True))):
        changed |= _converted(node)
    return changed


def _converted(node: exp.Expr) -> bool:
    if isinstance(node, exp.Add | exp.Sub) and _date_sum(node):
        return True
    if isinstance(node, _AGGREGATES):
        return _numeric_aggregate(node)
    if isinstance(node, exp.SetOperation):
        return _set_operation(node)
    if type(node).__name__ in _TAKES:
        return _arguments(node, _TAKES[type(node).__name__])
    return _same_type(list(_operands(node)))


# --- a DATE and a number -----------------------------------------------------------------


def _date_sum(node: exp.Add | exp.Sub) -> bool:
    """`day - 7` is DATE_SUB(day, INTERVAL 7 DAY); with an INTERVAL it is a DATETIME."""
    left, right = node.this, node.expression
    if isinstance(node, exp.Add) and type_name(right) == "DATE":
        left, right = right, left
    if type_name(left) != "DATE":
        return False
    if isinstance(right, exp.Interval):
        left.replace(exp.cast(left.copy(), "DATETIME", dialect="bigquery"))
        return True
    if type_name(right) != "INT64":
        return False
    kind = exp.DateAdd if isinstance(node, exp.Add) else exp.DateSub
    day = exp.Var(this="DAY")
    node.replace(kind(this=left.copy(), expression=exp.Paren(this=right.copy()), unit=day))
    return True


# --- aggregates of NUMERIC ---------------------------------------------------------------


_AGGREGATES = (
    exp.Avg,
    exp.Stddev,
    exp.StddevSamp,
    exp.StddevPop,
    exp.Variance,
    exp.VariancePop,
)


def _numeric_aggregate(node: exp.Expr) -> bool:
    """AVG of NUMERIC as SUM / COUNT, which are exact; others are of FLOAT64."""
    value = node.this.expressions[0] if isinstance(node.this, exp.Distinct) else node.this
    if type_name(value) != "NUMERIC":
        return False
    if not isinstance(node, exp.Avg):
        value.replace(exp.cast(value.copy(), "FLOAT64", dialect="bigquery"))
        return True
    total: exp.Expr = exp.Sum(this=node.this.copy())
    count: exp.Expr = exp.Count(this=node.this.copy(), big_int=True)
    whole: exp.Expr = node
    if isinstance(node.parent, exp.Window) and node.arg_key == "this":
        whole = node.parent
        total, count = _over(whole, total), _over(whole, count)
    count = exp.Nullif(this=count, expression=exp.Literal.number(0))
    whole.replace(exp.Paren(this=exp.Div(this=total, expression=count)))
    return True


def _over(window: exp.Expr, aggregate: exp.Expr) -> exp.Expr:
    copy = window.copy()
    copy.set("this", aggregate)
    return copy


# --- literals and supertypes -------------------------------------------------------------

_TAKES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "DateAdd": ("DATE", ("this",)),
    "DateSub": ("DATE", ("this",)),
    "DateDiff": ("DATE", ("this", "expression")),
    "DateTrunc": ("DATE", ("this",)),
    "LastDay": ("DATE", ("this",)),
    "TsOrDsToDate": ("DATE", ("this",)),
    "Date": ("DATE", ("this",)),
    "GenerateDateArray": ("DATE", ("start", "end")),
    "DatetimeAdd": ("DATETIME", ("this",)),
    "DatetimeSub": ("DATETIME", ("this",)),
    "DatetimeDiff": ("DATETIME", ("this", "expression")),
    "DatetimeTrunc": ("DATETIME", ("this",)),
    "TimestampAdd": ("TIMESTAMP", ("this",)),
    "TimestampSub": ("TIMESTAMP", ("this",)),
    "TimestampDiff": ("TIMESTAMP", ("this", "expression")),
    "TimestampTrunc": ("TIMESTAMP", ("this",)),
    "TsOrDsToTimestamp": ("TIMESTAMP", ("this",)),
    "Timestamp": ("TIMESTAMP", ("this",)),
    "UnixDate": ("DATE", ("this",)),
}
"""What a function takes where its argument is a literal text."""


def _arguments(node: exp.Expr, takes: tuple[str, tuple[str, ...]]) -> bool:
    kind, names = takes
    values = [node.args[name] for name in names if node.args.get(name)]
    if node.args.get("zone") or node.args.get("expressions"):
        return False
    others = [type_name(value) for value in values if type_name(value) in TIMES]
    return _cast_all(filter(_is_text, values), (others or [kind])[0])


_PAIRS = (
    *(exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.NullSafeEQ, exp.NullSafeNEQ),
    *(exp.Nullif, exp.Add, exp.Sub, exp.Mul, exp.Div, exp.SafeDivide),
)


def _operands(node: exp.Expr) -> Iterator[exp.Expr]:
    """The operands that GoogleSQL brings to one type."""
    if isinstance(node, _PAIRS):
        yield from (node.this, node.expression)
    elif isinstance(node, exp.Between):
        yield from (node.this, node.args["low"], node.args["high"])
    elif isinstance(node, (exp.In, exp.Coalesce, exp.Greatest, exp.Least)):
        yield from (node.this, *node.expressions)
    elif isinstance(node, exp.Case):
        yield from (each.args["true"] for each in node.args["ifs"])
        if node.args.get("default"):
            yield node.args["default"]
    elif isinstance(node, exp.If) and not isinstance(node.parent, exp.Case):
        yield node.args["true"]
        if node.args.get("false"):
            yield node.args["false"]
    elif isinstance(node, exp.Array):
        yield from node.expressions


def _same_type(values: Sequence[exp.Expr]) -> bool:
    kinds = {type_name(value) for value in values}
    wanted = _supertype(kinds, values)
    if wanted is None:
        return False
    others = [value for value in values if type_name(value) != wanted]
    return _cast_all((value for value in others if not isinstance(value, exp.Null)), wanted)


def _supertype(kinds: set[str], values: Sequence[exp.Expr]) -> str | None:
    """What the values become where one of them is to be converted; `None` where none is."""
    plain = {type_name(value) for value in values if not _is_text(value)} - {"NULL"}
    texts = [value for value in values if _is_text(value)]
    if texts and plain and plain <= set(TIMES):
        return _of_times(plain)
    if len(plain) > 1 and plain <= set(TIMES):
        return _of_times(plain)
    numbers = [value for value in values if _is_fraction(value)]
    fixed = {type_name(value) for value in values if not _is_fraction(value)} - {"NULL"}
    if numbers and "NUMERIC" in fixed and fixed <= {"NUMERIC", "INT64"}:
        return "NUMERIC"
    return None


def _of_times(kinds: set[str]) -> str | None:
    if len(kinds) == 1:
        return next(iter(kinds))
    return "DATETIME" if kinds == {"DATE", "DATETIME"} else None


def _is_text(value: exp.Expr) -> bool:
    """Whether a STRING may become a date: a literal or a parameter."""
    bare = value.unnest()
    if isinstance(bare, exp.Cast) and isinstance(bare.this, exp.Parameter):
        return type_name(bare) == "STRING"
    return isinstance(bare, exp.Literal) and bool(bare.is_string)


def _is_fraction(value: exp.Expr) -> bool:
    bare = value.unnest()
    if isinstance(bare, exp.Neg):
        bare = bare.this.unnest()
    return isinstance(bare, exp.Literal) and not bare.is_string and not bare.is_int


def _cast_all(values: Iterable[exp.Expr], wanted: str) -> bool:
    """Whether there was a value to cast."""
    found = list(values)
    for value in found:
        replaced: exp.Expr = value.unnest().copy()
        if wanted == "NUMERIC" and _is_fraction(value):
            replaced = exp.Literal.string(re.sub("[() ]", "", value.sql("bigquery")))
        value.replace(exp.cast(replaced, wanted, dialect="bigquery"))
    return bool(found)


# --- set operations ----------------------------------------------------------------------


def _set_operation(node: exp.SetOperation) -> bool:
    """Each column of a UNION as the supertype of all its queries."""
    selects = list(_selects(node))
    if not selects or isinstance(node.parent, exp.SetOperation):
        return False
    counts = {len(each.expressions) for each in selects}
    if len(counts) > 1:
        raise Refusal("the queries of a set operation have other numbers of columns", node)
    changed = [
        _same_column(column) for column in zip(*[s.expressions for s in selects], strict=True)
    ]
    return any(changed)


def _selects(node: exp.Expr) -> Iterator[exp.Select]:
    bare = node.unnest()
    if isinstance(bare, exp.SetOperation):
        yield from _selects(bare.this)
        yield from _selects(bare.expression)
    elif isinstance(bare, exp.Select):
        yield bare


def _same_column(column: Sequence[exp.Expr]) -> bool:
    values = [each.unalias() for each in column]
    wanted = _supertype({type_name(value) for value in values}, values)
    kinds = {type_name(value) for value in values} - {"NULL"}
    if wanted is None and len(kinds) > 1 and kinds <= {"INT64", "FLOAT64", "NUMERIC"}:
        wanted = "FLOAT64" if "FLOAT64" in kinds else "NUMERIC"
    if wanted is None and len(kinds) == 1 and kinds <= set(_PLAIN):
        (wanted,) = kinds
    if wanted is None:
        return False
    return _cast_all((value for value in values if type_name(value) != wanted), wanted)


_PLAIN = ("STRING", "INT64", "FLOAT64", "NUMERIC", "BOOL", *TIMES)
