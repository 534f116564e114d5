"""How DuckDB treats each node of GoogleSQL: the same, the same once corrected, or refused.

The tree is typed. A node that no table here lists is refused: the numbers of a function that
was never compared cannot be trusted. `docs/engines.md` lists all nodes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from sqlglot import exp

from handoff.sql.analyzer import AS_TYPE
from handoff.warehouse.duckdb import functions, texts
from handoff.warehouse.duckdb.nodes import (
    DUCKDB_TYPES,
    ELSEWHERE,
    NUMBERS,
    NodeRule,
    Refusal,
    bare_name,
    call,
    case,
    cast_to,
    describe,
    error,
    fill,
    literal,
    require_type,
    type_name,
    unsupported,
)


def correct(tree: exp.Expr) -> exp.Expr:
    """`tree`, typed GoogleSQL, as a tree for DuckDB. Raises Refusal."""
    # children first: a rule gets its operands as DuckDB will
    for node in reversed(list(tree.walk(bfs=True))):
        fixed = _apply_rule(node)
        if fixed is node:
            continue
        if type_name(node) != "UNKNOWN":
            fixed.type = node.type
        if AS_TYPE in node.meta:
            fixed.meta[AS_TYPE] = node.meta[AS_TYPE]
        if node is tree:
            tree = fixed
        else:
            node.replace(fixed)
    return tree


def _apply_rule(node: exp.Expr) -> exp.Expr:
    name = type(node).__name__
    if name in SAME:
        return node
    if name in REFUSED:
        raise Refusal(REFUSED[name], node)
    rule = RULES.get(name)
    if rule is None:
        raise unsupported(describe(node), node, ELSEWHERE)
    return rule(node)


# --- what is the same --------------------------------------------------------------------

_STRUCTURE = """
    Select From Where Group Having Qualify Order Ordered Limit Offset Distinct Join With CTE
    Subquery Union Intersect Except Table TableAlias Alias Column Identifier Star Paren Var
    Tuple Parameter Boolean Null Array Case If Window WindowSpec Exists Filter DataType
    DataTypeParam ColumnDef JSONPath JSONPathRoot JSONPathKey JSONPathSubscript Interval Values
    RawString WeekStart
"""
_OPERATORS = """
    And Or Not Is In Between Neg EQ NEQ GT GTE LT LTE NullSafeEQ NullSafeNEQ
"""
_FUNCTIONS = """
    Coalesce Nullif Count Sum Min Max RowNumber Rank DenseRank Lag Lead FirstValue LastValue
    Abs Ceil Floor Greatest Least StartsWith EndsWith Length
    LogicalOr LogicalAnd RegexpLike GenerateSeries Split Replace Ntile
    PercentRank CumeDist NthValue ArraySize ArrayReverse ArrayToString DateFromParts
    Struct PropertyEQ CovarPop CovarSamp
"""
SAME = frozenset(f"{_STRUCTURE} {_OPERATORS} {_FUNCTIONS}".split())

REFUSED: Mapping[str, str] = {
    "CurrentDate": "CURRENT_DATE changes from day to day, use DATE(@as_of)",
    "CurrentTimestamp": "CURRENT_TIMESTAMP changes from run to run, use @as_of",
    "CurrentDatetime": "CURRENT_DATETIME changes from run to run, use DATETIME(@as_of)",
    "CurrentTime": "CURRENT_TIME changes from run to run, use @as_of",
    "Rand": "RAND returns another number on each run",
    "Uuid": "GENERATE_UUID returns another text on each run",
    "Lock": "FOR UPDATE and FOR SHARE lock rows, expected a SELECT that only reads",
    "TableSample": "TABLESAMPLE returns other rows on each run",
    "ApproxDistinct": "APPROX_COUNT_DISTINCT differs in DuckDB, use COUNT(DISTINCT)",
    "ApproxQuantile": "APPROX_QUANTILES differs in DuckDB" + ELSEWHERE,
    "AnyValue": "ANY_VALUE may return the value of any row, use MIN or MAX",
    "Format": "FORMAT differs in DuckDB, return the number and format it in the template",
    "Pivot": "PIVOT is not supported by the embedded engine, use COUNTIF or SUM(IF(...))",
    "ParseJSON": "PARSE_JSON keeps the text differently in DuckDB" + ELSEWHERE,
}

# --- numbers -----------------------------------------------------------------------------


def _literal(node: exp.Expr) -> exp.Expr:
    """`1.5` is FLOAT64, but a DECIMAL in DuckDB."""
    if node.is_string or node.is_int:
        return node
    return cast_to(node.copy(), "DOUBLE")


def _arithmetic(node: exp.Expr) -> exp.Expr:
    """Sums and differences of numbers, and of a timestamp and an interval."""
    left, right = type_name(node.this), type_name(node.expression)
    if left in ("TIMESTAMP", "DATETIME") and isinstance(node.expression, exp.Interval):
        return functions.add_interval(node, left)
    for operand in (node.this, node.expression):
        require_type(operand, *NUMBERS)
    if isinstance(node, exp.Mul) and left == right == "NUMERIC":
        return cast_to(exp.Paren(this=node.copy()), DUCKDB_TYPES["NUMERIC"])
    return node


def _divide(node: exp.Expr) -> exp.Expr:
    """Division by zero is an error, not infinity."""
    if _is_numeric(node.this, node.expression):
        failed = error("division by zero")
        return fill(_NUMERIC_QUOTIENT, a=node.this, b=node.expression, zero=failed)
    return exp.Div(this=node.this.copy(), expression=_not_zero(node.expression))


def _safe_divide(node: exp.Expr) -> exp.Expr:
    if _is_numeric(node.this, node.expression):
        return fill(_NUMERIC_QUOTIENT, a=node.this, b=node.expression, zero=exp.null())
    zero = _is_zero(node.expression)
    share = exp.Div(
        this=exp.Paren(this=node.this.copy()), expression=exp.Paren(this=node.expression.copy())
    )
    return case((zero, exp.null()), default=share)


_UNITS = "CAST(CAST((:{0}) AS DECIMAL(38, 9)) * 1000000000 AS HUGEINT)"
_NUMERIC_QUOTIENT = """
    CASE WHEN (:b) = 0 THEN :zero ELSE
      CAST((ABS({a}) * CAST(2000000000 AS HUGEINT) + ABS({b})) // (ABS({b}) * 2)
           * SIGN({a}) * SIGN({b}) AS DECIMAL(38, 0)) * CAST(0.000000001 AS DECIMAL(10, 9))
    END
""".format(a=_UNITS.format("a"), b=_UNITS.format("b"))
"""In whole billionths, exact, and half away from zero; what is too large is an error."""


def _is_numeric(left: exp.Expr, right: exp.Expr) -> bool:
    """Whether the quotient is a NUMERIC: one side is, and none is a FLOAT64."""
    kinds = {require_type(left, *NUMBERS), require_type(right, *NUMBERS)}
    return "NUMERIC" in kinds and "FLOAT64" not in kinds


def _not_zero(node: exp.Expr) -> exp.Expr:
    if isinstance(node, exp.Literal) and float(node.name) != 0:
        return node.copy()
    zero = _is_zero(node)
    failed = error("division by zero")
    return exp.Paren(this=case((zero, failed), default=node.copy()))


def _is_zero(node: exp.Expr) -> exp.Expr:
    return exp.EQ(this=exp.Paren(this=node.copy()), expression=exp.Literal.number(0))


def _divide_integers(node: exp.Expr) -> exp.Expr:
    """DIV and MOD; both engines fail on zero."""
    require_type(node.this, "INT64")
    require_type(node.expression, "INT64")
    return node


def _avg(node: exp.Expr) -> exp.Expr:
    value = node.this.expressions[0] if isinstance(node.this, exp.Distinct) else node.this
    require_type(value, "INT64", "FLOAT64")
    return node


def _float_function(node: exp.Expr) -> exp.Expr:
    """Functions that return NUMERIC for NUMERIC in GoogleSQL, and a float in DuckDB."""
    for operand in (node.this, node.args.get("expression")):
        if operand is not None:
            require_type(operand, "INT64", "FLOAT64")
    return node


def _round(node: exp.Expr) -> exp.Expr:
    """ROUND of an INT64 is a FLOAT64; DuckDB keeps the INT64."""
    if node.args.get("truncate") is not None:
        raise unsupported("ROUND with a mode", node)
    if require_type(node.this, *NUMBERS) == "INT64":
        node.set("this", cast_to(node.this.copy(), "DOUBLE"))
    return node


def _sign(node: exp.Expr) -> exp.Expr:
    """SIGN has the type of its operand; DuckDB returns a TINYINT."""
    return cast_to(node.copy(), DUCKDB_TYPES[require_type(node.this, *NUMBERS)])


def _sqrt(node: exp.Expr) -> exp.Expr:
    """SQRT of a negative number is an error, not NaN."""
    require_type(node.this, "INT64", "FLOAT64")
    negative = exp.LT(this=exp.Paren(this=node.this.copy()), expression=exp.Literal.number(0))
    failed = error("the square root of a negative number")
    return exp.Paren(this=case((negative, failed), default=node.copy()))


def _count_if(node: exp.Expr) -> exp.Expr:
    """COUNTIF of no rows is 0, not NULL."""
    if isinstance(node.this, exp.Distinct):
        raise unsupported("COUNTIF(DISTINCT ...)", node)
    return exp.Count(this=case((node.this.copy(), exp.Literal.number(1)), default=exp.null()))


# --- casts -------------------------------------------------------------------------------

_SAFE_CASTS = {
    ("INT64", "FLOAT64"),
    ("INT64", "NUMERIC"),
    ("INT64", "STRING"),
    ("INT64", "BOOL"),
    ("NUMERIC", "FLOAT64"),
    ("BOOL", "INT64"),
    ("BOOL", "STRING"),
    ("DATE", "STRING"),
    ("DATE", "TIMESTAMP"),
    ("DATE", "DATETIME"),
    ("TIMESTAMP", "DATE"),
    ("TIMESTAMP", "DATETIME"),
    ("DATETIME", "DATE"),
    ("DATETIME", "TIMESTAMP"),
}
_ROUNDED_CASTS = {("FLOAT64", "INT64"), ("NUMERIC", "INT64")}
_SAFE_TEXTS = {
    "INT64": r"[+-]?[0-9]+",
    "NUMERIC": r"[+-]?[0-9]+(\.[0-9]{1,9})?",
    "FLOAT64": r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?",
    "DATE": r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}",
    "DATETIME": r"[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?)?",
    "TIMESTAMP": r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"([ T][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}(:[0-9]{2})?)?",
}
"""The texts that both engines read alike."""


def _convert(node: exp.Expr) -> exp.Expr:
    if node.args.get("format"):
        raise unsupported("CAST with FORMAT", node)
    source, wanted = type_name(node.this), bare_name(node.args["to"])
    if wanted == "NUMERIC":
        node.set("to", exp.DataType.build(DUCKDB_TYPES[wanted], dialect="duckdb"))
    if wanted == "BIGNUMERIC":
        raise Refusal("BIGNUMERIC has fewer digits in DuckDB" + ELSEWHERE, node)
    if isinstance(node.this, (exp.Parameter, exp.Null)):
        return node
    if wanted == "STRING" and source in ("FLOAT64", "NUMERIC", "TIMESTAMP", "DATETIME"):
        return texts.text_of(node.this, source)
    if source == wanted or (source, wanted) in _SAFE_CASTS:
        return node
    if (source, wanted) in _ROUNDED_CASTS:
        node.set("this", exp.Round(this=node.this.copy()))
        return node
    if source == "STRING" and wanted in _SAFE_TEXTS:
        return _convert_text(node, wanted)
    raise unsupported(f"CAST from {source} to {wanted}", node, ELSEWHERE)


def _convert_text(node: exp.Expr, wanted: str) -> exp.Expr:
    """DuckDB reads more texts as numbers than GoogleSQL does: `'2.5'` as the INT64 3."""
    if isinstance(node.this, exp.Literal):
        if re.fullmatch(_SAFE_TEXTS[wanted], node.this.name):
            return node
        raise Refusal(f"'{node.this.name}' is not read as {wanted} by both engines", node)
    fits = call("REGEXP_FULL_MATCH", node.this.copy(), literal(_SAFE_TEXTS[wanted]))
    missing = exp.Is(this=exp.Paren(this=node.this.copy()), expression=exp.null())
    failed = error(f"text that is not read as {wanted} by both engines")
    cases = [(missing, exp.null()), (fits, node.copy())]
    if isinstance(node, exp.TryCast):
        # without a digit it is NULL in both engines, except for inf and nan
        nothing = call("REGEXP_FULL_MATCH", node.this.copy(), literal(r"(?i)[^0-9in]*"))
        cases.append((nothing, exp.null()))
    return case(*cases, default=failed)


RULES: Mapping[str, NodeRule] = {
    "Literal": _literal,
    "Add": _arithmetic,
    "Sub": _arithmetic,
    "Mul": _arithmetic,
    "Div": _divide,
    "SafeDivide": _safe_divide,
    "IntDiv": _divide_integers,
    "Mod": _divide_integers,
    "Avg": _avg,
    "Round": _round,
    "Sign": _sign,
    "Sqrt": _sqrt,
    "CountIf": _count_if,
    "Cast": _convert,
    "TryCast": _convert,
    "Pow": _float_function,
    "Ln": _float_function,
    "Exp": _float_function,
    "Stddev": _float_function,
    "StddevSamp": _float_function,
    "StddevPop": _float_function,
    "Variance": _float_function,
    "VariancePop": _float_function,
    **functions.RULES,
    **texts.RULES,
}
