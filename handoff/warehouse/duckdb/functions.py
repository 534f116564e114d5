"""Rules for functions of dates, times, text, JSON and arrays."""

from __future__ import annotations

import re
from collections.abc import Mapping

from sqlglot import exp

from handoff.warehouse.duckdb.nodes import (
    ELSEWHERE,
    NodeRule,
    Refusal,
    call,
    case,
    cast_to,
    describe,
    error,
    fill,
    is_whole,
    literal,
    require_type,
    type_name,
    unsupported,
)

# --- dates and times ---------------------------------------------------------------------

_DATE_PARTS = ("DAY", "WEEK", "MONTH", "QUARTER", "YEAR")
_TIME_PARTS = ("MICROSECOND", "MILLISECOND", "SECOND", "MINUTE", "HOUR")
_CLOCK_PARTS = (*_TIME_PARTS, "DAY")
_ADDED = {"TIMESTAMP": _CLOCK_PARTS, "DATETIME": (*_TIME_PARTS, *_DATE_PARTS)}
_WEEKDAYS = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")


def _unit(node: exp.Expr, allowed: tuple[str, ...]) -> str:
    unit = str(node.args["unit"].name if node.args.get("unit") else "DAY").upper()
    if unit not in allowed:
        raise Refusal(
            f"{unit} counts differently in DuckDB, expected {' or '.join(allowed)}", node
        )
    return unit


def _week_start(part: exp.Expr | None) -> int | None:
    """Days after Monday on which a week of this part begins; `None` for another part."""
    if isinstance(part, exp.WeekStart):
        return _WEEKDAYS.index(part.this.name.upper())
    name = part.name.upper() if part is not None else ""
    return {"WEEK": 6, "ISOWEEK": 0}.get(name)


def _add_to_date(node: exp.Expr) -> exp.Expr:
    """A DATE minus an interval is a DATE; DuckDB returns a timestamp."""
    if type_name(node.this) in ("TIMESTAMP", "DATETIME"):
        return _add_to_time(node)
    require_type(node.this, "DATE")
    _unit(node, _DATE_PARTS)
    return cast_to(node.copy(), "DATE")


def _add_to_time(node: exp.Expr) -> exp.Expr:
    kind = require_type(node.this, "TIMESTAMP", "DATETIME")
    _unit(node, _CLOCK_PARTS if kind == "TIMESTAMP" else (*_TIME_PARTS, *_DATE_PARTS))
    return node


def add_interval(node: exp.Expr, kind: str) -> exp.Expr:
    """A TIMESTAMP or a DATETIME plus or minus an INTERVAL."""
    _unit(
        node.expression, _CLOCK_PARTS if kind == "TIMESTAMP" else (*_TIME_PARTS, *_DATE_PARTS)
    )
    return node


def _date_diff(node: exp.Expr) -> exp.Expr:
    """Boundaries between two dates; of weeks those of the day on which a week begins."""
    kind = type_name(node.this)
    if kind == type_name(node.expression) == "TIMESTAMP":
        return _timestamp_diff(node)
    kind = require_type(node.this, "DATE", "DATETIME")
    require_type(node.expression, kind)
    start = _week_start(node.args.get("unit"))
    if start is not None:
        first, last = (_week(each, start) for each in (node.expression, node.this))
        return fill("DATE_DIFF('day', :a, :b) // 7", a=first, b=last)
    parts = (*_DATE_PARTS, "ISOYEAR")
    unit = _unit(node, parts if kind == "DATE" else (*_TIME_PARTS, *parts))
    return call("DATE_DIFF", literal(unit.lower()), node.expression.copy(), node.this.copy())


def _timestamp_diff(node: exp.Expr) -> exp.Expr:
    """Whole units between two timestamps; DuckDB's date_diff counts boundaries crossed."""
    require_type(node.this, "TIMESTAMP")
    require_type(node.expression, "TIMESTAMP")
    unit = _unit(node, _CLOCK_PARTS)
    return call("DATE_SUB", literal(unit), node.expression.copy(), node.this.copy())


def _truncate(node: exp.Expr) -> exp.Expr:
    if node.args.get("zone"):
        raise unsupported("truncation in a time zone", node)
    kind = require_type(node.this, "DATE", "DATETIME", "TIMESTAMP")
    start = _week_start(node.args.get("unit"))
    if start is not None:
        cut = _week(node.this, start)
    else:
        unit = _unit(node, (*_DATE_PARTS, "HOUR", "MINUTE", "SECOND"))
        cut = call("DATE_TRUNC", literal(unit), node.this.copy())
    return cast_to(cut, "DATE") if kind == "DATE" else cut


def _week(value: exp.Expr, start: int) -> exp.Expr:
    """The first day of a week that begins `start` days after Monday."""
    if not start:
        return call("DATE_TRUNC", literal("week"), value.copy())
    template = f"DATE_TRUNC('week', (:x) - INTERVAL {start} DAY) + INTERVAL {start} DAY"
    return exp.Paren(this=fill(template, x=value))


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
    require_type(value, "DATE", "DATETIME", "TIMESTAMP")
    start = _week_start(node.this)
    if start is not None and part != "ISOWEEK":
        # the days before the first such day of the year are in week 0
        return fill(
            f"CAST((DAYOFYEAR(:x) + 6 - (ISODOW(:x) + {6 - start}) % 7) // 7 AS BIGINT)",
            x=value,
        )
    if part == "DATE":
        return cast_to(value.copy(), "DATE")
    if part == "DAYOFWEEK":
        day = call("DATE_PART", literal("dayofweek"), value.copy())
        return exp.Paren(this=exp.Add(this=day, expression=exp.Literal.number(1)))
    if part not in _PARTS:
        raise Refusal(f"EXTRACT({part} ...) counts differently in DuckDB{ELSEWHERE}", node)
    return call("DATE_PART", literal(_PARTS[part].lower()), value.copy())


def _date(node: exp.Expr) -> exp.Expr:
    """DATE(timestamp), also with a time zone."""
    if node.args.get("expressions"):
        raise Refusal("only DATE(timestamp) is supported by the embedded engine", node)
    if node.args.get("zone"):
        return cast_to(_in_zone(node.this, node.args["zone"]), "DATE")
    require_type(node.this, "DATE", "DATETIME", "TIMESTAMP")
    return cast_to(node.this.copy(), "DATE")


def _datetime(node: exp.Expr) -> exp.Expr:
    """DATETIME(timestamp), also with a time zone."""
    if node.args.get("expression"):
        return _in_zone(node.this, node.args["expression"])
    require_type(node.this, "DATE", "DATETIME", "TIMESTAMP")
    return cast_to(node.this.copy(), "TIMESTAMP")


def _timestamp(node: exp.Expr) -> exp.Expr:
    """TIMESTAMP(date or datetime), in UTC."""
    if node.args.get("zone") or node.args.get("expression"):
        raise unsupported("TIMESTAMP(..., zone)", node)
    require_type(node.this, "DATE", "DATETIME", "TIMESTAMP")
    return cast_to(node.this.copy(), "TIMESTAMPTZ")


def _at_time_zone(node: exp.Expr) -> exp.Expr:
    local = _in_zone(node.this, node.args["zone"])
    local.type = exp.DataType.build("DATETIME", dialect="bigquery")
    return local


_ZONE = r"[A-Za-z_]+(/[A-Za-z_]+)*"


def _in_zone(moment: exp.Expr, zone: exp.Expr) -> exp.Expr:
    """A TIMESTAMP as the local DATETIME of a time zone."""
    require_type(moment, "TIMESTAMP")
    if not isinstance(zone, exp.Literal) or not re.fullmatch(_ZONE, zone.name):
        raise Refusal("expected the name of a time zone such as 'America/New_York'", zone)
    return call("TIMEZONE", zone.copy(), moment.copy())


_FORMATS = r"([^%]|%[YmdHMSjybBaAIp%])*"
"""Formats that both engines print alike, in English."""


def _format_time(node: exp.Expr) -> exp.Expr:
    """FORMAT_DATE and similar, with the fields that both engines have."""
    pattern, moment = node.args["format"], node.this
    if not isinstance(pattern, exp.Literal) or not re.fullmatch(_FORMATS, pattern.name):
        raise Refusal("a format with fields that differ in DuckDB" + ELSEWHERE, node)
    if node.args.get("zone"):
        moment = _in_zone(_without_cast(moment), node.args["zone"])
    return call("STRFTIME", moment.copy(), pattern.copy())


def _without_cast(node: exp.Expr) -> exp.Expr:
    return node.this if isinstance(node, exp.Cast) else node


def _formatted_time(node: exp.Expr) -> exp.Expr:
    """The argument of FORMAT_TIMESTAMP, in UTC."""
    require_type(node.this, "TIMESTAMP", "DATETIME")
    cast = cast_to(node.this.copy(), "TIMESTAMP")
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
    require_type(node.this, "DATE")
    if node.args.get("unit"):
        raise unsupported("LAST_DAY of a part", node)
    return node


# --- text, JSON, arrays ------------------------------------------------------------------


def _substr(node: exp.Expr) -> exp.Expr:
    """SUBSTR from a fixed position; the engines differ in positions from the end."""
    require_type(node.this, "STRING")
    start, length = node.args.get("start"), node.args.get("length")
    if not (is_whole(start) and int(start.name) > 0):
        raise Refusal("SUBSTR requires a literal start of at least 1" + ELSEWHERE, node)
    if length is not None and not is_whole(length):
        raise Refusal("SUBSTR requires a literal length" + ELSEWHERE, node)
    return node


def _left_or_right(node: exp.Expr) -> exp.Expr:
    """LEFT and RIGHT; a negative length is an error in GoogleSQL, but not in DuckDB."""
    require_type(node.this, "STRING")
    if not is_whole(node.expression):
        raise Refusal("LEFT and RIGHT require a literal length" + ELSEWHERE, node)
    return node


_SPECIAL_CASE = r"[ßŉǰΐΰևẖẗẘẙẚὐ-ῼﬀ-ﬗİΣſ]"
"""Letters whose other case is several letters or depends on context (SpecialCasing)."""


def _change_case(node: exp.Expr) -> exp.Expr:
    """UPPER and LOWER, letter by letter."""
    require_type(node.this, "STRING")
    special = call("REGEXP_MATCHES", node.this.copy(), literal(_SPECIAL_CASE))
    failed = error("letters whose case differs between the engines")
    return case((special, failed), default=node.copy())


def _concat(node: exp.Expr) -> exp.Expr:
    """CONCAT with a NULL is NULL; DuckDB's CONCAT skips it."""
    parts = node.expressions if isinstance(node, exp.Concat) else [node.this, node.expression]
    for part in parts:
        require_type(part, "STRING")
        if isinstance(node, exp.DPipe) and isinstance(part, exp.Null):
            raise Refusal("a bare NULL next to '||' is an error in BigQuery, CAST it", node)
    whole = parts[0].copy()
    for part in parts[1:]:
        whole = exp.DPipe(this=whole, expression=part.copy())
    return exp.Paren(this=whole)


def _like(node: exp.Expr) -> exp.Expr:
    if not isinstance(node.expression, exp.Literal) or "\\" in node.expression.name:
        raise Refusal("LIKE requires a literal pattern without a backslash" + ELSEWHERE, node)
    return node


def _json_scalar(node: exp.Expr) -> exp.Expr:
    """JSON_VALUE: a text, number or boolean as text; NULL for anything else."""
    path = node.expression.sql("bigquery").strip("'\"") if node.expression else "$"
    if not re.fullmatch(r"\$(\.[A-Za-z_][A-Za-z0-9_]*|\[[0-9]+\])*", path):
        raise unsupported(f"the JSON path '{path}'", node)
    require_type(node.this, "JSON")
    kind = call("JSON_TYPE", node.this.copy(), literal(path))
    plain = exp.In(this=kind, expressions=[literal(name) for name in _SCALARS])
    found = call("JSON_EXTRACT_STRING", node.this.copy(), literal(path))
    fraction = exp.EQ(this=kind.copy(), expression=literal("DOUBLE"))
    short = call("REGEXP_FULL_MATCH", found.copy(), literal(_EXACT_FRACTION))
    failed = error("a JSON number that BigQuery may spell differently")
    read = case((short, found.copy()), default=failed)
    return case((plain, found), (fraction, read), default=exp.null())


_SCALARS = ("VARCHAR", "BOOLEAN", "BIGINT", "UBIGINT")
"""JSON's texts, booleans and whole numbers."""
_EXACT_FRACTION = r"-?(0|[1-9][0-9]{0,7})\.[0-9]{0,6}[1-9]"
"""Fractions that both engines spell as they were written."""


def _only(*names: str) -> NodeRule:
    """The same with only these arguments."""

    def rule(node: exp.Expr) -> exp.Expr:
        for name, value in node.args.items():
            if name not in names and isinstance(value, exp.Expression):
                raise unsupported(f"'{name}' of {describe(node)}", node, ELSEWHERE)
        return node

    return rule


def _index(node: exp.Expr) -> exp.Expr:
    """An index beyond the end is an error, except with SAFE_OFFSET and SAFE_ORDINAL."""
    (index,) = node.expressions
    if type_name(node.this) != "ARRAY" or not is_whole(index):
        raise unsupported(describe(node), node, ELSEWHERE)
    if node.args.get("safe"):
        return node
    place = int(index.name) - int(node.args.get("offset") or 0)
    size = call("LEN", node.this.copy())
    beyond = exp.LTE(this=size, expression=exp.Literal.number(place))
    failed = error("array index out of bounds")
    return case((beyond, failed), default=node.copy())


def _struct_field(node: exp.Expr) -> exp.Expr:
    """A field of a STRUCT; a field of JSON has the same spelling and differs."""
    if type_name(node.this) == "JSON":
        raise Refusal("a field of JSON differs in DuckDB, use JSON_VALUE", node)
    require_type(node.this, "STRUCT")
    return node


def _unnest(node: exp.Expr) -> exp.Expr:
    """UNNEST; with OFFSET it is a query of the elements and their places, from 0."""
    for each in node.expressions:
        if isinstance(each, exp.Array) and any(
            type_name(e) == "STRUCT" for e in each.expressions
        ):
            raise unsupported("UNNEST of STRUCTs", node)
    offset, alias = node.args.get("offset"), node.args.get("alias")
    if not offset:
        return node
    if alias is None or not alias.this or len(alias.columns) != 1:
        raise unsupported("WITH OFFSET without a name for the elements", node, ELSEWHERE)
    places = fill("GENERATE_SUBSCRIPTS(:a, 1) - 1", a=node.expressions[0])
    elements = fill("UNNEST(:a)", a=node.expressions[0])
    query = exp.select(
        exp.alias_(elements, alias.columns[0].name, quoted=True),
        exp.alias_(places, offset.name, quoted=True),
    )
    join = node.parent
    if isinstance(join, exp.Join) and join.side and not join.args.get("on"):
        join.set("on", exp.true())  # as DuckDB writes it for UNNEST
    return exp.Subquery(this=query, alias=exp.TableAlias(this=alias.this.copy()))


# --- aggregates --------------------------------------------------------------------------


def _array_agg(node: exp.Expr) -> exp.Expr:
    """ARRAY_AGG; DuckDB has no LIMIT in it, so it is cut afterwards."""
    aggregate = node.this if isinstance(node, exp.IgnoreNulls) else node
    if not isinstance(aggregate, exp.ArrayAgg) or not isinstance(aggregate.this, exp.Limit):
        return node
    if isinstance(node.parent, exp.IgnoreNulls):
        return node
    ordered, size = _ordered_limit(aggregate)
    whole = node.copy()
    (whole.this if isinstance(node, exp.IgnoreNulls) else whole).set("this", ordered)
    return fill(f"(:whole)[1:{size}]", whole=whole)


def _string_agg(node: exp.Expr) -> exp.Expr:
    """STRING_AGG; one with LIMIT is the text of an array that is cut."""
    if not isinstance(node.this, exp.Limit):
        return node
    ordered, size = _ordered_limit(node)
    whole = exp.IgnoreNulls(this=exp.ArrayAgg(this=ordered))
    mark = node.args.get("separator") or literal(",")
    return fill(f"ARRAY_TO_STRING((:whole)[1:{size}], :mark)", whole=whole, mark=mark)


def _ordered_limit(node: exp.Expr) -> tuple[exp.Expr, int]:
    ordered, size = node.this.this, node.this.expression
    if not isinstance(ordered, exp.Order):
        raise Refusal("LIMIT without ORDER BY may keep any rows, add ORDER BY", node)
    if not is_whole(size):
        raise unsupported("LIMIT that is not a number", node)
    return ordered.copy(), int(size.name)


_MOST = 1_000
_QUANTILES = f"""
    CASE WHEN COUNT(:x) > {_MOST} THEN :failed WHEN COUNT(:x) = 0 THEN NULL
      ELSE LIST_SELECT(ARRAY_AGG(:x ORDER BY :value) FILTER (WHERE (:value) IS NOT NULL), :at)
    END
"""


def _quantiles(node: exp.Expr) -> exp.Expr:
    """APPROX_QUANTILES, exact as BigQuery's are of few values; of many they are not."""
    value, parts = node.this, node.args.get("expression")
    distinct = isinstance(value, exp.Distinct)
    if distinct:
        value, parts = value.expressions
    if not is_whole(parts) or not 0 < int(parts.name) <= _MOST:
        raise Refusal("APPROX_QUANTILES requires a literal number of parts", node)
    if isinstance(node.parent, exp.RespectNulls | exp.Window):
        raise unsupported("APPROX_QUANTILES with RESPECT NULLS or OVER", node, ELSEWHERE)
    whole = exp.Distinct(expressions=[value.copy()]) if distinct else value
    counted, size = exp.Count(this=whole.copy()).sql("duckdb"), int(parts.name)
    places = ", ".join(
        f"GREATEST(1, ({n} * {counted} + {size - 1}) // {size})" for n in range(size + 1)
    )
    failed = error(f"quantiles of more than {_MOST} values are approximate in BigQuery")
    at = fill(f"[{places}]")
    return exp.Paren(this=fill(_QUANTILES, x=whole, value=value, at=at, failed=failed))


_CORRELATION = """
    CASE WHEN COUNT(CASE WHEN (:x) IS NOT NULL THEN (:y) END) < 2 THEN NULL
      WHEN CORR(:x, :y) IS NULL OR ISNAN(CORR(:x, :y)) THEN :failed
      WHEN CORR(:x, :y) > 1 THEN CAST(1 AS DOUBLE)
      WHEN CORR(:x, :y) < -1 THEN CAST(-1 AS DOUBLE)
      ELSE CORR(:x, :y) END
"""


def _correlate(node: exp.Expr) -> exp.Expr:
    """CORR; of values that are all the same it is NaN."""
    if isinstance(node.parent, exp.Window):
        raise unsupported("CORR with OVER", node, ELSEWHERE)
    sides = [cast_to(each.copy(), "DOUBLE") for each in (node.this, node.expression)]
    failed = error("CORR of values that are all the same is NaN in BigQuery")
    return exp.Paren(this=fill(_CORRELATION, x=sides[0], y=sides[1], failed=failed))


RULES: Mapping[str, NodeRule] = {
    "DateAdd": _add_to_date,
    "DateSub": _add_to_date,
    "TimestampAdd": _add_to_time,
    "TimestampSub": _add_to_time,
    "DatetimeAdd": _add_to_time,
    "DatetimeSub": _add_to_time,
    "DateDiff": _date_diff,
    "DatetimeDiff": _date_diff,
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
    "GroupConcat": _string_agg,
    "ArrayAgg": _array_agg,
    "IgnoreNulls": _array_agg,
    "ApproxQuantiles": _quantiles,
    "Corr": _correlate,
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
