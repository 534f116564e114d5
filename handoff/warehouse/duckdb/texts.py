"""Values as GoogleSQL's texts: CAST to STRING, TO_JSON_STRING, padded and read texts."""

from __future__ import annotations

import re
from collections.abc import Mapping

from sqlglot import exp

from handoff.warehouse.duckdb.nodes import (
    ELSEWHERE,
    NodeRule,
    Refusal,
    bare_name,
    error,
    fill,
    is_whole,
    literal,
    require_type,
    unsupported,
)

_FLOAT = r"""
    CASE WHEN (:x) = 0 THEN '0'
      WHEN ABS(:x) BETWEEN 1e15 AND 9.9e15 OR LENGTH(REGEXP_REPLACE(LTRIM(REGEXP_REPLACE(
        SPLIT_PART(CAST((:x) AS VARCHAR), 'e', 1), '\.0$', ''), '-0.'), '\.', '')) = 16
      THEN :failed
      ELSE REGEXP_REPLACE(CAST((:x) AS VARCHAR), '\.0$', '')
    END
"""
"""15 digits, or 17 where they are needed; shorter ones of 16 digits are not documented."""
_NUMERIC = """
    CASE WHEN CONTAINS(CAST((:x) AS VARCHAR), '.')
      THEN RTRIM(RTRIM(CAST((:x) AS VARCHAR), '0'), '.') ELSE CAST((:x) AS VARCHAR) END
"""
_MICROS = "(DATE_PART('microsecond', :x) % 1000000)"
_TIME = f"""
    STRFTIME(:x, :pattern) || CASE
      WHEN {_MICROS} = 0 THEN ''
      WHEN {_MICROS} % 1000 = 0 AND {_MICROS} // 1000 % 10 > 0
        THEN '.' || LPAD(CAST({_MICROS} // 1000 AS VARCHAR), 3, '0')
      WHEN {_MICROS} % 10 > 0 THEN '.' || LPAD(CAST({_MICROS} AS VARCHAR), 6, '0')
      ELSE :failed
    END || :zone
"""


def text_of(value: exp.Expr, kind: str) -> exp.Expr:
    """`value` of a type as a STRING."""
    if kind == "FLOAT64":
        failed = error("a FLOAT64 that BigQuery may spell with other digits, ROUND it")
        return exp.Paren(this=fill(_FLOAT, x=value, failed=failed))
    if kind == "NUMERIC":
        return exp.Paren(this=fill(_NUMERIC, x=value))
    return _time_text(value, "%Y-%m-%d %H:%M:%S", "+00" if kind == "TIMESTAMP" else "")


def _time_text(value: exp.Expr, pattern: str, zone: str) -> exp.Expr:
    failed = error("a fraction of a second that BigQuery may spell with other digits")
    parts = {"pattern": literal(pattern), "zone": literal(zone), "failed": failed}
    return exp.Paren(this=fill(_TIME, x=value, **parts))


def _string(node: exp.Expr) -> exp.Expr:
    """STRING of a date or a time, in UTC."""
    if node.args.get("zone"):
        raise unsupported("STRING(..., zone)", node, ELSEWHERE)
    return text_of(node.this, require_type(node.this, "TIMESTAMP"))


# --- JSON --------------------------------------------------------------------------------

_WHOLE = "BETWEEN -9007199254740992 AND 9007199254740992"
_JSON: Mapping[str, str] = {
    "STRING": "CAST(TO_JSON(:x) AS VARCHAR)",
    "BOOL": "CASE WHEN (:x) THEN 'true' ELSE 'false' END",
    "INT64": f"""CASE WHEN (:x) {_WHOLE} THEN CAST((:x) AS VARCHAR)
      ELSE '"' || CAST((:x) AS VARCHAR) || '"' END""",
    "FLOAT64": """CASE WHEN ISFINITE(:x) THEN :text
      ELSE '"' || REPLACE(REPLACE(:text, 'inf', 'Infinity'), 'nan', 'NaN') || '"' END""",
    "NUMERIC": f"""CASE WHEN (:x) {_WHOLE} AND (:x) = TRUNC(:x) THEN :text
      ELSE '"' || :text || '"' END""",
    "DATE": """'"' || CAST((:x) AS VARCHAR) || '"'""",
    "DATETIME": """'"' || :text || '"'""",
    "TIMESTAMP": """'"' || :text || '"'""",
}


def _json_text(node: exp.Expr) -> exp.Expr:
    """TO_JSON_STRING of a typed value."""
    options = node.args.get("options")
    if options is not None and not (isinstance(options, exp.Boolean) and not options.this):
        raise unsupported("TO_JSON_STRING with line breaks", node, ELSEWHERE)
    if node.this.type is None:
        raise Refusal("TO_JSON_STRING of an unknown type, CAST it", node)
    return _json(node.this, node.this.type, node)


def _json(value: exp.Expr, type_: exp.Expr, node: exp.Expr) -> exp.Expr:
    kind = bare_name(type_)
    if kind == "STRUCT":
        return _json_object(value, type_, node)
    if kind == "ARRAY":
        item = _json(exp.column("each_"), type_.expressions[0], node)
        joined = "'[' || ARRAY_TO_STRING([:item FOR each_ IN (:x)], ',') || ']'"
        template = f"CASE WHEN (:x) IS NULL THEN :failed ELSE {joined} END"
        failed = error("TO_JSON_STRING of a NULL array")
        return exp.Paren(this=fill(template, x=value, item=item, failed=failed))
    if kind not in _JSON:
        raise unsupported(f"TO_JSON_STRING of {kind}", node, ELSEWHERE)
    text: exp.Expr = exp.null()
    if kind in ("DATETIME", "TIMESTAMP"):
        text = _time_text(value, "%Y-%m-%dT%H:%M:%S", "Z" if kind == "TIMESTAMP" else "")
    elif kind in ("FLOAT64", "NUMERIC"):
        text = text_of(value, kind)
    template = f"CASE WHEN (:x) IS NULL THEN 'null' ELSE {_JSON[kind]} END"
    return exp.Paren(this=fill(template, x=value, text=text))


def _json_object(value: exp.Expr, type_: exp.Expr, node: exp.Expr) -> exp.Expr:
    fields = [each for each in type_.expressions if isinstance(each, exp.ColumnDef)]
    if not fields or len(fields) != len(type_.expressions):
        raise unsupported("TO_JSON_STRING of a STRUCT without names", node, ELSEWHERE)
    whole: exp.Expr = literal("{")
    for number, field in enumerate(fields):
        mark = "," if number else ""
        name = fill("CAST(TO_JSON(:name) AS VARCHAR)", name=literal(field.name))
        inner = fill("STRUCT_EXTRACT(:x, :name)", x=value, name=literal(field.name))
        part = fill(
            f"'{mark}' || :name || ':' || :value",
            name=name,
            value=_json(inner, field.args["kind"], node),
        )
        whole = exp.DPipe(this=whole, expression=part)
    whole = exp.DPipe(this=whole, expression=literal("}"))
    return exp.Paren(
        this=fill("CASE WHEN (:x) IS NULL THEN 'null' ELSE :whole END", x=value, whole=whole)
    )


# --- padding, trimming -------------------------------------------------------------------


def _pad(node: exp.Expr) -> exp.Expr:
    """LPAD and RPAD, by default with blanks; a negative length is an error."""
    require_type(node.this, "STRING")
    require_type(node.expression, "INT64")
    pattern = node.args.get("fill_pattern") or literal(" ")
    if not (isinstance(pattern, exp.Literal) and pattern.is_string and pattern.name):
        raise Refusal("LPAD and RPAD require a literal pattern that is not empty", node)
    name = "LPAD" if node.args.get("is_left") else "RPAD"
    template = f"{name}(:x, CAST(:n AS INTEGER), :pattern)"
    if not is_whole(node.expression):
        template = f"CASE WHEN (:n) < 0 THEN :failed ELSE {template} END"
    failed = error("the length of a padded text is negative")
    return exp.Paren(
        this=fill(template, x=node.this, n=node.expression, pattern=pattern, failed=failed)
    )


_BLANKS = " \t\n\r\x0b\x0c"
_OTHER_BLANKS = "[\x1c-\x1f\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]"


def _trim(node: exp.Expr) -> exp.Expr:
    """TRIM, LTRIM and RTRIM; the engines differ in what else is white space."""
    require_type(node.this, "STRING")
    if node.args.get("expression"):
        return node
    sides = {"LEADING": "LTRIM", "TRAILING": "RTRIM"}
    name = sides.get(str(node.args.get("position") or "").upper(), "TRIM")
    template = f"CASE WHEN REGEXP_MATCHES(:x, :other) THEN :failed ELSE {name}(:x, :blanks) END"
    failed = error("white space that the engines may trim differently")
    marks = {"other": literal(_OTHER_BLANKS), "blanks": literal(_BLANKS), "failed": failed}
    return exp.Paren(this=fill(template, x=node.this, **marks))


# --- reading -----------------------------------------------------------------------------

_FIELDS = {"Y": "[0-9]{4}", **dict.fromkeys("mdHMS", "[0-9]{2}")}


def _parse_time(node: exp.Expr) -> exp.Expr:
    """PARSE_DATE and similar, of texts with all the digits of their format."""
    pattern = node.args["format"]
    if not isinstance(pattern, exp.Literal) or node.args.get("zone"):
        raise Refusal("expected a literal format and no time zone" + ELSEWHERE, node)
    written = pattern.name.replace("%F", "%Y-%m-%d").replace("%T", "%H:%M:%S")
    parts = re.findall(r"%(.)|([^%])", written)
    if not all(field in _FIELDS or plain for field, plain in parts) or " " in written[:1]:
        raise Refusal("a format with fields that differ in DuckDB" + ELSEWHERE, node)
    digits = "".join(_FIELDS.get(field) or re.escape(plain) for field, plain in parts)
    if "%Y" not in written or "%m" not in written or "%d" not in written:
        raise Refusal("a format without year, month and day" + ELSEWHERE, node)
    require_type(node.this, "STRING")
    to = {"StrToDate": "DATE", "StrToTime": "TIMESTAMPTZ"}.get(type(node).__name__, "TIMESTAMP")
    template = f"""
        CASE WHEN (:x) IS NULL THEN NULL
          WHEN REGEXP_FULL_MATCH(:x, :digits) THEN CAST(STRPTIME(:x, :format) AS {to})
          ELSE :failed END
    """
    failed = error(f"text that is not read as '{written}' by both engines")
    marks = {"digits": literal(digits), "format": literal(written), "failed": failed}
    return exp.Paren(this=fill(template, x=node.this, **marks))


RULES: Mapping[str, NodeRule] = {
    "JSONFormat": _json_text,
    "Pad": _pad,
    "Trim": _trim,
    "StrToDate": _parse_time,
    "StrToTime": _parse_time,
    "ParseDatetime": _parse_time,
    "String": _string,
}
