"""How DuckDB treats each node of GoogleSQL: the same, the same once corrected, or refused.

The tree is typed. A node that no table here lists is refused: the numbers of a function that
was never compared cannot be trusted. `docs/engines.md` lists all nodes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from sqlglot import exp

Rule = Callable[[exp.Expr], exp.Expr]


class Refusal(Exception):
    """Why the embedded engine does not run a node."""

    def __init__(self, message: str, node: exp.Expr) -> None:
        super().__init__(message)
        self.node = node


def correct(tree: exp.Expr) -> exp.Expr:
    """`tree`, typed GoogleSQL, as a tree for DuckDB. Raises Refusal."""
    # children first: a rule gets its operands as DuckDB will
    for node in reversed(list(tree.walk(bfs=True))):
        fixed = _apply_rule(node)
        if fixed is node:
            continue
        if _type(node) != "UNKNOWN":
            fixed.type = node.type
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
        raise Refusal(f"{_describe(node)} {_UNSUPPORTED}{_ELSEWHERE}", node)
    return rule(node)


_UNSUPPORTED = "is not supported by the embedded engine"
_ELSEWHERE = ", run it on BigQuery"


def _describe(node: exp.Expr) -> str:
    if isinstance(node, exp.Anonymous):
        return f"'{node.name.upper()}'"
    return f"'{node.sql('bigquery')[:40]}'"


# --- what is the same --------------------------------------------------------------------

_STRUCTURE = """
    Select From Where Group Having Qualify Order Ordered Limit Offset Distinct Join With CTE
    Subquery Union Intersect Except Table TableAlias Alias Column Identifier Star Paren Var
    Tuple Parameter Boolean Null Array Case If Window WindowSpec Exists Filter DataType
    DataTypeParam ColumnDef JSONPath JSONPathRoot JSONPathKey JSONPathSubscript Interval Values
    IgnoreNulls RawString
"""
_OPERATORS = """
    And Or Not Is In Between Neg NullSafeEQ NullSafeNEQ
"""
_FUNCTIONS = """
    Coalesce Nullif Count Sum Min Max RowNumber Rank DenseRank Lag Lead FirstValue LastValue
    Abs Ceil Floor Greatest Least StartsWith EndsWith Length
    ArrayAgg LogicalOr LogicalAnd RegexpLike GenerateSeries Split Replace Ntile
    PercentRank CumeDist NthValue ArraySize ArrayReverse ArrayToString DateFromParts
    Struct PropertyEQ
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
    "ApproxQuantile": "APPROX_QUANTILES differs in DuckDB" + _ELSEWHERE,
    "ApproxQuantiles": "APPROX_QUANTILES differs in DuckDB" + _ELSEWHERE,
    "AnyValue": "ANY_VALUE may return the value of any row, use MIN or MAX",
    "Format": "FORMAT differs in DuckDB, return the number and format it in the template",
    "Pivot": "PIVOT is not supported by the embedded engine, use COUNTIF or SUM(IF(...))",
    "ParseJSON": "PARSE_JSON keeps the text differently in DuckDB" + _ELSEWHERE,
    "JSONFormat": "TO_JSON_STRING differs in DuckDB" + _ELSEWHERE,
    "WeekStart": "WEEK begins on another day in DuckDB, use ISOWEEK",
}

# --- types -------------------------------------------------------------------------------


def _type(node: exp.Expr | None) -> str:
    """GoogleSQL's name for the node's type; `UNKNOWN` where sqlglot does not know it."""
    if node is None or node.type is None:
        return "UNKNOWN"
    return _name(node.type)


def _name(type_: exp.Expr) -> str:
    return type_.sql("bigquery").split("<")[0].split("(")[0]


def _require_type(node: exp.Expr, *wanted: str) -> str:
    found = _type(node)
    if found in wanted or isinstance(node, exp.Null):
        return found
    text = node.sql("bigquery")[:40]
    what = "has an unknown type, CAST it" if found == "UNKNOWN" else f"is {found}"
    raise Refusal(f"'{text}' {what}, expected {' or '.join(wanted)}{_ELSEWHERE}", node)


def _call(name: str, *args: exp.Expr) -> exp.Expr:
    return exp.Anonymous(this=name, expressions=list(args))


def _text(text: str) -> exp.Expr:
    return exp.Literal.string(text)


def _cast(node: exp.Expr, to: str) -> exp.Expr:
    return exp.Cast(this=node, to=exp.DataType.build(to, dialect="duckdb"))


def _when(*cases: tuple[exp.Expr, exp.Expr], default: exp.Expr) -> exp.Expr:
    ifs = [exp.If(this=condition, true=value) for condition, value in cases]
    return exp.Case(ifs=ifs, default=default)


# --- numbers -----------------------------------------------------------------------------

_NUMBERS = ("INT64", "FLOAT64", "NUMERIC")


def _literal(node: exp.Expr) -> exp.Expr:
    """`1.5` is FLOAT64, but a DECIMAL in DuckDB; next to a NUMERIC it is a NUMERIC."""
    if node.is_string or node.is_int:
        return node
    parent = node.parent
    if "NUMERIC" not in [_type(each) for each in _operands(parent)]:
        return _cast(node.copy(), "DOUBLE")
    if not isinstance(parent, exp.Predicate):
        text = f"'{node}' next to a NUMERIC, write NUMERIC '{node}' or cast both to FLOAT64"
        raise Refusal(text, node)
    return node


def _operands(parent: exp.Expr | None) -> list[exp.Expr]:
    if isinstance(parent, exp.Binary):
        return [parent.this, parent.expression]
    return [parent.this] if isinstance(parent, (exp.In, exp.Between)) else []


def _arithmetic(node: exp.Expr) -> exp.Expr:
    """Sums and differences of numbers, and of a timestamp and an interval."""
    left, right = _type(node.this), _type(node.expression)
    if left in ("TIMESTAMP", "DATETIME") and isinstance(node.expression, exp.Interval):
        return node
    for operand in (node.this, node.expression):
        _require_type(operand, *_NUMBERS)
        if isinstance(operand, exp.Null):
            raise Refusal("a bare NULL in arithmetic is an error in BigQuery, CAST it", node)
    if isinstance(node, exp.Mul) and left == right == "NUMERIC":
        raise Refusal("NUMERIC times NUMERIC, cast one to FLOAT64", node)
    return node


def _divide(node: exp.Expr) -> exp.Expr:
    """Division by zero is an error, not infinity."""
    _quotient(node.this, node.expression, node)
    return exp.Div(this=node.this.copy(), expression=_not_zero(node.expression))


def _safe_divide(node: exp.Expr) -> exp.Expr:
    _quotient(node.this, node.expression, node)
    zero = exp.EQ(this=exp.Paren(this=node.expression.copy()), expression=exp.Literal.number(0))
    share = exp.Div(
        this=exp.Paren(this=node.this.copy()), expression=exp.Paren(this=node.expression.copy())
    )
    return _when((zero, exp.null()), default=share)


def _quotient(left: exp.Expr, right: exp.Expr, node: exp.Expr) -> None:
    if "NUMERIC" in (_require_type(left, *_NUMBERS), _require_type(right, *_NUMBERS)):
        message = "division of a NUMERIC has other digits in DuckDB, cast it to FLOAT64"
        raise Refusal(message, node)


def _not_zero(node: exp.Expr) -> exp.Expr:
    if isinstance(node, exp.Literal) and float(node.name) != 0:
        return node.copy()
    zero = exp.EQ(this=exp.Paren(this=node.copy()), expression=exp.Literal.number(0))
    failed = _call("ERROR", _text("division by zero"))
    return exp.Paren(this=_when((zero, failed), default=node.copy()))


def _divide_integers(node: exp.Expr) -> exp.Expr:
    """DIV and MOD; both engines fail on zero."""
    _require_type(node.this, "INT64")
    _require_type(node.expression, "INT64")
    return node


def _avg(node: exp.Expr) -> exp.Expr:
    value = node.this.expressions[0] if isinstance(node.this, exp.Distinct) else node.this
    if _require_type(value, *_NUMBERS) == "NUMERIC":
        message = "AVG of a NUMERIC has other digits in DuckDB, use AVG(CAST(... AS FLOAT64))"
        raise Refusal(message, node)
    return node


def _float_function(node: exp.Expr) -> exp.Expr:
    """Functions that return NUMERIC for NUMERIC in GoogleSQL, and a float in DuckDB."""
    for operand in (node.this, node.args.get("expression")):
        if operand is not None:
            _require_type(operand, "INT64", "FLOAT64")
    return node


def _round(node: exp.Expr) -> exp.Expr:
    """ROUND of an INT64 is a FLOAT64; DuckDB keeps the INT64."""
    if node.args.get("truncate") is not None:
        raise Refusal("ROUND with a mode is not supported by the embedded engine", node)
    if _require_type(node.this, *_NUMBERS) == "INT64":
        node.set("this", _cast(node.this.copy(), "DOUBLE"))
    return node


def _sign(node: exp.Expr) -> exp.Expr:
    """SIGN has the type of its operand; DuckDB returns a TINYINT."""
    kinds = {"INT64": "BIGINT", "FLOAT64": "DOUBLE", "NUMERIC": "DECIMAL(38, 9)"}
    return _cast(node.copy(), kinds[_require_type(node.this, *_NUMBERS)])


def _sqrt(node: exp.Expr) -> exp.Expr:
    """SQRT of a negative number is an error, not NaN."""
    _require_type(node.this, "INT64", "FLOAT64")
    negative = exp.LT(this=exp.Paren(this=node.this.copy()), expression=exp.Literal.number(0))
    failed = _call("ERROR", _text("the square root of a negative number"))
    return exp.Paren(this=_when((negative, failed), default=node.copy()))


def _count_if(node: exp.Expr) -> exp.Expr:
    """COUNTIF of no rows is 0, not NULL."""
    if isinstance(node.this, exp.Distinct):
        raise Refusal("COUNTIF(DISTINCT ...) is not supported by the embedded engine", node)
    return exp.Count(this=_when((node.this.copy(), exp.Literal.number(1)), default=exp.null()))


# --- comparisons -------------------------------------------------------------------------


def _compare(node: exp.Expr) -> exp.Expr:
    """Refuse comparisons that only DuckDB allows."""
    left, right = node.this, node.expression
    if isinstance(left, exp.Null) or isinstance(right, exp.Null):
        raise Refusal("BigQuery does not compare with a bare NULL, use IS NULL", node)
    kinds = {_type(left), _type(right)}
    if kinds & {"ARRAY", "JSON"}:
        raise Refusal("BigQuery does not compare an ARRAY or JSON", node)
    if "STRING" in kinds and kinds & {*_NUMBERS, "BOOL"}:
        both = " with ".join(sorted(kinds))
        raise Refusal(f"BigQuery does not compare {both}, CAST one of them", node)
    return node


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
    "DATE": r"[0-9]{4}-[0-9]{2}-[0-9]{2}",
    "DATETIME": r"[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?)?",
    "TIMESTAMP": r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"([ T][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}(:[0-9]{2})?)?",
}
"""The texts that both engines read alike."""


def _convert(node: exp.Expr) -> exp.Expr:
    if node.args.get("format"):
        raise Refusal("CAST with FORMAT is not supported by the embedded engine", node)
    source, wanted = (
        _type(node.this),
        node.args["to"].sql("bigquery").split("<")[0].split("(")[0],
    )
    if wanted == "NUMERIC":
        node.set("to", exp.DataType.build("DECIMAL(38, 9)", dialect="duckdb"))
    if wanted == "BIGNUMERIC":
        raise Refusal("BIGNUMERIC has fewer digits in DuckDB" + _ELSEWHERE, node)
    if isinstance(node.this, (exp.Parameter, exp.Null)):
        return node
    if source == wanted or (source, wanted) in _SAFE_CASTS:
        return node
    if (source, wanted) in _ROUNDED_CASTS:
        node.set("this", exp.Round(this=node.this.copy()))
        return node
    if source == "STRING" and wanted in _SAFE_TEXTS:
        return _convert_text(node, wanted)
    raise Refusal(
        f"CAST from {source} to {wanted} is not supported by the embedded engine{_ELSEWHERE}",
        node,
    )


def _convert_text(node: exp.Expr, wanted: str) -> exp.Expr:
    """DuckDB reads more texts as numbers than GoogleSQL does: `'2.5'` as the INT64 3."""
    if isinstance(node.this, exp.Literal):
        if re.fullmatch(_SAFE_TEXTS[wanted], node.this.name):
            return node
        raise Refusal(f"'{node.this.name}' is not read as {wanted} by both engines", node)
    fits = _call("REGEXP_FULL_MATCH", node.this.copy(), _text(_SAFE_TEXTS[wanted]))
    missing = exp.Is(this=exp.Paren(this=node.this.copy()), expression=exp.null())
    failed = _call("ERROR", _text(f"text that is not read as {wanted} by both engines"))
    cases = [(missing, exp.null()), (fits, node.copy())]
    if isinstance(node, exp.TryCast):
        # without a digit it is NULL in both engines, except for inf and nan
        nothing = _call("REGEXP_FULL_MATCH", node.this.copy(), _text(r"(?i)[^0-9in]*"))
        cases.append((nothing, exp.null()))
    return _when(*cases, default=failed)


# --- dates and times ---------------------------------------------------------------------

_DATE_PARTS = ("DAY", "MONTH", "QUARTER", "YEAR")
_CLOCK_PARTS = ("MICROSECOND", "MILLISECOND", "SECOND", "MINUTE", "HOUR", "DAY")


def _unit(node: exp.Expr, allowed: tuple[str, ...]) -> str:
    unit = str(node.args["unit"].name if node.args.get("unit") else "DAY").upper()
    if unit not in allowed:
        raise Refusal(
            f"{unit} counts differently in DuckDB, expected {' or '.join(allowed)}", node
        )
    return unit


def _add_to_date(node: exp.Expr) -> exp.Expr:
    """A DATE minus an interval is a DATE; DuckDB returns a timestamp."""
    _require_type(node.this, "DATE")
    _unit(node, (*_DATE_PARTS, "WEEK"))
    return _cast(node.copy(), "DATE")


def _add_to_time(node: exp.Expr) -> exp.Expr:
    _require_type(node.this, "TIMESTAMP", "DATETIME")
    _unit(node, _CLOCK_PARTS)
    return node


def _date_diff(node: exp.Expr) -> exp.Expr:
    _require_type(node.this, "DATE")
    _require_type(node.expression, "DATE")
    _unit(node, _DATE_PARTS)
    return node


def _timestamp_diff(node: exp.Expr) -> exp.Expr:
    """Whole units between two timestamps; DuckDB's date_diff counts boundaries crossed."""
    _require_type(node.this, "TIMESTAMP")
    _require_type(node.expression, "TIMESTAMP")
    unit = _unit(node, _CLOCK_PARTS)
    return _call("DATE_SUB", _text(unit), node.expression.copy(), node.this.copy())


def _truncate(node: exp.Expr) -> exp.Expr:
    if node.args.get("zone"):
        raise Refusal("truncation in a time zone is not supported by the embedded engine", node)
    unit = _unit(node, (*_DATE_PARTS, "ISOWEEK", "HOUR", "MINUTE", "SECOND"))
    kind = _require_type(node.this, "DATE", "DATETIME", "TIMESTAMP")
    cut = _call("DATE_TRUNC", _text(unit.removeprefix("ISO")), node.this.copy())
    return _cast(cut, "DATE") if kind == "DATE" else cut


_PARTS = {
    "YEAR": "YEAR",
    "QUARTER": "QUARTER",
    "MONTH": "MONTH",
    "DAY": "DAY",
    "DAYOFYEAR": "DAYOFYEAR",
    "HOUR": "HOUR",
    "MINUTE": "MINUTE",
    "SECOND": "SECOND",
    "ISOWEEK": "WEEK",
    "ISOYEAR": "ISOYEAR",
}


def _extract(node: exp.Expr) -> exp.Expr:
    """EXTRACT; DuckDB counts the days of the week from 0."""
    part, value = node.this.name.upper(), node.expression
    _require_type(value, "DATE", "DATETIME", "TIMESTAMP")
    if part == "DATE":
        return _cast(value.copy(), "DATE")
    if part == "DAYOFWEEK":
        day = _call("DATE_PART", _text("dayofweek"), value.copy())
        return exp.Paren(this=exp.Add(this=day, expression=exp.Literal.number(1)))
    if part not in _PARTS:
        raise Refusal(f"EXTRACT({part} ...) counts differently in DuckDB{_ELSEWHERE}", node)
    return _call("DATE_PART", _text(_PARTS[part].lower()), value.copy())


def _date(node: exp.Expr) -> exp.Expr:
    """DATE(timestamp), also with a time zone."""
    if node.args.get("expressions"):
        raise Refusal("only DATE(timestamp) is supported by the embedded engine", node)
    if node.args.get("zone"):
        return _cast(_in_zone(node.this, node.args["zone"]), "DATE")
    _require_type(node.this, "DATE", "DATETIME", "TIMESTAMP")
    return _cast(node.this.copy(), "DATE")


def _datetime(node: exp.Expr) -> exp.Expr:
    """DATETIME(timestamp), also with a time zone."""
    if node.args.get("expression"):
        return _in_zone(node.this, node.args["expression"])
    _require_type(node.this, "DATE", "DATETIME", "TIMESTAMP")
    return _cast(node.this.copy(), "TIMESTAMP")


def _timestamp(node: exp.Expr) -> exp.Expr:
    """TIMESTAMP(date or datetime), in UTC."""
    if node.args.get("zone") or node.args.get("expression"):
        raise Refusal("TIMESTAMP(..., zone) is not supported by the embedded engine", node)
    _require_type(node.this, "DATE", "DATETIME", "TIMESTAMP")
    return _cast(node.this.copy(), "TIMESTAMPTZ")


def _at_time_zone(node: exp.Expr) -> exp.Expr:
    local = _in_zone(node.this, node.args["zone"])
    local.type = exp.DataType.build("DATETIME", dialect="bigquery")
    return local


_ZONE = r"[A-Za-z_]+(/[A-Za-z_]+)*"


def _in_zone(moment: exp.Expr, zone: exp.Expr) -> exp.Expr:
    """A TIMESTAMP as the local DATETIME of a time zone."""
    _require_type(moment, "TIMESTAMP")
    if not isinstance(zone, exp.Literal) or not re.fullmatch(_ZONE, zone.name):
        raise Refusal("expected the name of a time zone such as 'America/New_York'", zone)
    return _call("TIMEZONE", zone.copy(), moment.copy())


_FORMATS = r"([^%]|%[YmdHMSjybBaAIp%])*"
"""Formats that both engines print alike, in English."""


def _format_time(node: exp.Expr) -> exp.Expr:
    """FORMAT_DATE and similar, with the fields that both engines have."""
    pattern, moment = node.args["format"], node.this
    if not isinstance(pattern, exp.Literal) or not re.fullmatch(_FORMATS, pattern.name):
        raise Refusal("a format with fields that differ in DuckDB" + _ELSEWHERE, node)
    if node.args.get("zone"):
        moment = _in_zone(_without_cast(moment), node.args["zone"])
    return _call("STRFTIME", moment.copy(), pattern.copy())


def _without_cast(node: exp.Expr) -> exp.Expr:
    return node.this if isinstance(node, exp.Cast) else node


def _formatted_time(node: exp.Expr) -> exp.Expr:
    """The argument of FORMAT_TIMESTAMP, in UTC."""
    _require_type(node.this, "TIMESTAMP", "DATETIME")
    cast = _cast(node.this.copy(), "TIMESTAMP")
    cast.this.type = node.this.type
    return cast


def _date_array(node: exp.Expr) -> exp.Expr:
    """GENERATE_DATE_ARRAY; by months DuckDB counts from a date that it has clamped."""
    step = node.args.get("step")
    unit = step.args.get("unit") if isinstance(step, exp.Interval) else None
    if unit is not None and unit.name.upper() not in ("DAY", "WEEK"):
        raise Refusal(f"GENERATE_DATE_ARRAY by {unit.name.upper()} differs in DuckDB", node)
    return node


def _last_day(node: exp.Expr) -> exp.Expr:
    _require_type(node.this, "DATE")
    if node.args.get("unit"):
        raise Refusal("LAST_DAY of a part is not supported by the embedded engine", node)
    return node


# --- text, JSON, arrays ------------------------------------------------------------------


def _substr(node: exp.Expr) -> exp.Expr:
    """SUBSTR from a fixed position; the engines differ in positions from the end."""
    _require_type(node.this, "STRING")
    start, length = node.args.get("start"), node.args.get("length")
    if not (isinstance(start, exp.Literal) and start.is_int and int(start.name) > 0):
        raise Refusal("SUBSTR requires a literal start of at least 1" + _ELSEWHERE, node)
    if length is not None and not (isinstance(length, exp.Literal) and length.is_int):
        raise Refusal("SUBSTR requires a literal length" + _ELSEWHERE, node)
    return node


def _left_or_right(node: exp.Expr) -> exp.Expr:
    """LEFT and RIGHT; a negative length is an error in GoogleSQL, but not in DuckDB."""
    _require_type(node.this, "STRING")
    if not (isinstance(node.expression, exp.Literal) and node.expression.is_int):
        raise Refusal("LEFT and RIGHT require a literal length" + _ELSEWHERE, node)
    return node


_SPECIAL_CASE = r"[ßŉǰΐΰևẖẗẘẙẚὐ-ῼﬀ-ﬗİΣſ]"
"""Letters whose other case is several letters or depends on context (SpecialCasing)."""


def _change_case(node: exp.Expr) -> exp.Expr:
    """UPPER and LOWER, letter by letter."""
    _require_type(node.this, "STRING")
    special = _call("REGEXP_MATCHES", node.this.copy(), _text(_SPECIAL_CASE))
    failed = _call("ERROR", _text("letters whose case differs between the engines"))
    return _when((special, failed), default=node.copy())


def _trim(node: exp.Expr) -> exp.Expr:
    """TRIM of given characters; the engines differ in what is white space."""
    _require_type(node.this, "STRING")
    if not node.args.get("expression"):
        raise Refusal("TRIM keeps tabs and newlines in DuckDB, use REGEXP_REPLACE", node)
    return node


def _string_agg(node: exp.Expr) -> exp.Expr:
    """STRING_AGG; DuckDB has no LIMIT in it."""
    if node.find(exp.Limit):
        raise Refusal("STRING_AGG with LIMIT is not supported by the embedded engine", node)
    return node


def _concat(node: exp.Expr) -> exp.Expr:
    """CONCAT with a NULL is NULL; DuckDB's CONCAT skips it."""
    parts = node.expressions if isinstance(node, exp.Concat) else [node.this, node.expression]
    for part in parts:
        _require_type(part, "STRING")
        if isinstance(node, exp.DPipe) and isinstance(part, exp.Null):
            raise Refusal("a bare NULL next to '||' is an error in BigQuery, CAST it", node)
    whole = parts[0].copy()
    for part in parts[1:]:
        whole = exp.DPipe(this=whole, expression=part.copy())
    return exp.Paren(this=whole)


def _like(node: exp.Expr) -> exp.Expr:
    if not isinstance(node.expression, exp.Literal) or "\\" in node.expression.name:
        raise Refusal("LIKE requires a literal pattern without a backslash" + _ELSEWHERE, node)
    return node


def _json_scalar(node: exp.Expr) -> exp.Expr:
    """JSON_VALUE: a text, number or boolean as text; NULL for anything else."""
    path = node.expression.sql("bigquery").strip("'\"") if node.expression else "$"
    if not re.fullmatch(r"\$(\.[A-Za-z_][A-Za-z0-9_]*|\[[0-9]+\])*", path):
        raise Refusal(f"the JSON path '{path}' is not supported by the embedded engine", node)
    _require_type(node.this, "JSON")
    kind = _call("JSON_TYPE", node.this.copy(), _text(path))
    plain = exp.In(this=kind, expressions=[_text(name) for name in _SCALARS])
    found = _call("JSON_EXTRACT_STRING", node.this.copy(), _text(path))
    fraction = exp.EQ(this=kind.copy(), expression=_text("DOUBLE"))
    short = _call("REGEXP_FULL_MATCH", found.copy(), _text(_EXACT_FRACTION))
    failed = _call("ERROR", _text("a JSON number that BigQuery may spell differently"))
    read = _when((short, found.copy()), default=failed)
    return _when((plain, found), (fraction, read), default=exp.null())


_SCALARS = ("VARCHAR", "BOOLEAN", "BIGINT", "UBIGINT")
"""JSON's texts, booleans and whole numbers."""
_EXACT_FRACTION = r"-?(0|[1-9][0-9]{0,7})\.[0-9]{0,6}[1-9]"
"""Fractions that both engines spell as they were written."""


def _only(*names: str) -> Rule:
    """The same with only these arguments."""

    def rule(node: exp.Expr) -> exp.Expr:
        for name, value in node.args.items():
            if name not in names and isinstance(value, exp.Expression):
                text = f"'{name}' of {_describe(node)} {_UNSUPPORTED}{_ELSEWHERE}"
                raise Refusal(text, node)
        return node

    return rule


def _index(node: exp.Expr) -> exp.Expr:
    """An index beyond the end is an error, except with SAFE_OFFSET and SAFE_ORDINAL."""
    (index,) = node.expressions
    if _type(node.this) != "ARRAY" or not (isinstance(index, exp.Literal) and index.is_int):
        raise Refusal(f"{_describe(node)} {_UNSUPPORTED}{_ELSEWHERE}", node)
    if node.args.get("safe"):
        return node
    place = int(index.name) - int(node.args.get("offset") or 0)
    size = _call("LEN", node.this.copy())
    beyond = exp.LTE(this=size, expression=exp.Literal.number(place))
    failed = _call("ERROR", _text("array index out of bounds"))
    return _when((beyond, failed), default=node.copy())


def _struct_field(node: exp.Expr) -> exp.Expr:
    """A field of a STRUCT; a field of JSON has the same spelling and differs."""
    if _type(node.this) == "JSON":
        raise Refusal("a field of JSON differs in DuckDB, use JSON_VALUE", node)
    _require_type(node.this, "STRUCT")
    return node


def _unnest(node: exp.Expr) -> exp.Expr:
    if node.args.get("offset"):
        raise Refusal("WITH OFFSET is not supported by the embedded engine" + _ELSEWHERE, node)
    for each in node.expressions:
        if isinstance(each, exp.Array) and any(_type(e) == "STRUCT" for e in each.expressions):
            raise Refusal("UNNEST of STRUCTs is not supported by the embedded engine", node)
    return node


RULES: Mapping[str, Rule] = {
    "Literal": _literal,
    "Add": _arithmetic,
    "Sub": _arithmetic,
    "Mul": _arithmetic,
    "EQ": _compare,
    "NEQ": _compare,
    "GT": _compare,
    "GTE": _compare,
    "LT": _compare,
    "LTE": _compare,
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
    "DateAdd": _add_to_date,
    "DateSub": _add_to_date,
    "TimestampAdd": _add_to_time,
    "TimestampSub": _add_to_time,
    "DatetimeAdd": _add_to_time,
    "DatetimeSub": _add_to_time,
    "DateDiff": _date_diff,
    "TimestampDiff": _timestamp_diff,
    "DateTrunc": _truncate,
    "TimestampTrunc": _truncate,
    "DatetimeTrunc": _truncate,
    "Extract": _extract,
    "Date": _date,
    "TsOrDsToDate": _date,
    "Datetime": _datetime,
    "Timestamp": _timestamp,
    "TsOrDsToTimestamp": _formatted_time,
    "AtTimeZone": _at_time_zone,
    "TimeToStr": _format_time,
    "LastDay": _last_day,
    "GenerateDateArray": _date_array,
    "Substring": _substr,
    "Left": _left_or_right,
    "Right": _left_or_right,
    "Upper": _change_case,
    "Lower": _change_case,
    "Trim": _trim,
    "GroupConcat": _string_agg,
    "Concat": _concat,
    "DPipe": _concat,
    "Like": _like,
    "JSONExtractScalar": _json_scalar,
    "JSONValue": _json_scalar,
    "RegexpExtract": _only("this", "expression", "group"),
    "RegexpExtractAll": _only("this", "expression", "group"),
    "RegexpReplace": _only("this", "expression", "replacement"),
    "StrPosition": _only("this", "substr"),
    "Bracket": _index,
    "Dot": _struct_field,
    "Unnest": _unnest,
}
