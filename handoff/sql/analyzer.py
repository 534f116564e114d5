"""The types of a query's tree, and what BigQuery's analyzer rejects in it.

The tree is sqlglot's, resolved: every column has its table. What has an unknown type is not
judged. Importing this module brings sqlglot, which is slow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlglot import exp
from sqlglot.dialects.bigquery import BigQuery
from sqlglot.optimizer.annotate_types import TypeAnnotator
from sqlglot.schema import MappingSchema

from handoff.base.patterns import lazy_pattern
from handoff.sql.signatures import (
    INTERVAL,
    NULL,
    UNKNOWN,
    Argument,
    Function,
    Mismatch,
    comparison,
    not_comparable,
    not_groupable,
    not_orderable,
    spell,
    supertype,
    table,
)
from handoff.sql.types import Field, Type

COMMON_TYPE = "common_type"
"""In the `meta` of a column of a set operation: the type of that column in all of it."""
AS_TYPE = "as_type"
"""In a node's `meta`: the type of a STRUCT whose fields it takes, by position."""
_TIME = lazy_pattern(r"\s*\d{1,4}[-:]\d{1,2}")
Annotator = Callable[[TypeAnnotator, exp.Expr], object]


class Rejected(Exception):
    """Why BigQuery rejects a node."""

    def __init__(self, message: str, node: exp.Expr) -> None:
        super().__init__(message)
        self.node = node


def annotate(tree: exp.Expr, schema: MappingSchema) -> exp.Expr:
    """`tree` with the type of each node. Raises Rejected."""
    return TypeAnnotator(schema, expression_metadata=_annotators()).annotate(tree)


# --- types of nodes ----------------------------------------------------------------------

_NAMES: Mapping[str, str] = {
    "BIGINT": "INT64",
    "INT": "INT64",
    "SMALLINT": "INT64",
    "TINYINT": "INT64",
    "DOUBLE": "FLOAT64",
    "FLOAT": "FLOAT64",
    "DECIMAL": "NUMERIC",
    "BIGDECIMAL": "BIGNUMERIC",
    "VARCHAR": "STRING",
    "TEXT": "STRING",
    "CHAR": "STRING",
    "BINARY": "BYTES",
    "VARBINARY": "BYTES",
    "BOOLEAN": "BOOL",
    "DATE": "DATE",
    "DATETIME": "DATETIME",
    "TIMESTAMP": "DATETIME",
    "TIMESTAMPTZ": "TIMESTAMP",
    "TIMESTAMPLTZ": "TIMESTAMP",
    "TIME": "TIME",
    "JSON": "JSON",
    "GEOGRAPHY": "GEOGRAPHY",
    "INTERVAL": "INTERVAL",
    "NULL": "NULL",
}
"""GoogleSQL's names for sqlglot's types."""


def type_of_node(node: exp.Expr | None) -> Type:
    if node is not None and COMMON_TYPE in node.meta:
        return node.meta[COMMON_TYPE]  # type: ignore[no-any-return]
    if isinstance(node, exp.Interval):
        return INTERVAL
    if isinstance(node, exp.Null):
        return NULL
    if isinstance(node, (exp.Alias, exp.Paren)):
        return type_of_node(node.this)
    return _read(node.type) if node is not None else UNKNOWN


def _read(type_: exp.Expr | exp.DType | None) -> Type:
    if not isinstance(type_, exp.DataType):
        return UNKNOWN
    name = type_.this.name if isinstance(type_.this, exp.DType) else ""
    if name == "ARRAY":
        return Type("ARRAY", tuple(Field("", _read(each)) for each in type_.expressions[:1]))
    if name == "STRUCT":
        return Type("STRUCT", tuple(map(_field, type_.expressions)))
    return Type(_NAMES[name]) if name in _NAMES else UNKNOWN


def _field(spelled: exp.Expr) -> Field:
    if isinstance(spelled, exp.ColumnDef):
        return Field(spelled.name, _read(spelled.args.get("kind")))
    return Field("", _read(spelled))


def built(type_: Type) -> exp.DataType:
    """The type as sqlglot has it."""
    if type_.name in ("UNKNOWN", "NULL"):
        return exp.DataType(this=exp.DType[type_.name])
    if type_.name == "ARRAY":
        inner = [built(field.type) for field in type_.fields]
        return exp.DataType(this=exp.DType.ARRAY, expressions=inner, nested=True)
    if type_.name == "STRUCT":
        fields = [
            exp.ColumnDef(this=exp.to_identifier(field.name), kind=built(field.type))
            if field.name
            else built(field.type)
            for field in type_.fields
        ]
        return exp.DataType(this=exp.DType.STRUCT, expressions=fields, nested=True)
    return exp.DataType.build(type_.name, dialect="bigquery")


def argument(node: exp.Expr | None) -> Argument:
    """The node as an argument; a literal or a parameter may be read as another type."""
    inner = node
    while isinstance(inner, (exp.Paren, exp.Neg, exp.Alias)):
        inner = inner.this
    is_parameter = isinstance(inner, exp.Cast) and isinstance(inner.this, exp.Parameter)
    is_literal = is_parameter or isinstance(inner, (exp.Literal, exp.RawString))
    if isinstance(inner, exp.Literal) and inner.is_string:
        is_literal = _is_time(inner.name)
    if isinstance(inner, (exp.Array, exp.Struct)):
        is_literal = all(argument(each).is_literal for each in inner.expressions)
    return Argument(type_of_node(node), is_literal)


def _is_time(text: str) -> bool:
    """Whether a literal may be read as a date or a time."""
    return bool(_TIME.match(text))


# --- functions ---------------------------------------------------------------------------

_ORDER: Mapping[type[exp.Expr], tuple[str, ...]] = {
    exp.DateTrunc: ("this", "unit", "zone"),
    exp.TimeToStr: ("format", "this", "zone"),
    exp.StrToDate: ("format", "this"),
    exp.StrToTime: ("format", "this", "zone"),
    exp.ParseDatetime: ("format", "this", "zone"),
    exp.ParseTime: ("format", "this"),
    exp.DateTrunc: ("this", "unit", "zone"),
    exp.StrPosition: ("this", "substr", "position", "occurrence"),
    exp.GroupConcat: ("this", "separator"),
    exp.RegexpExtract: ("this", "expression", "position", "occurrence"),
    exp.RegexpExtractAll: ("this", "expression"),
    exp.RegexpReplace: ("this", "expression", "replacement"),
    exp.RegexpLike: ("this", "expression"),
    exp.If: ("this", "true", "false"),
    exp.Split: ("this", "expression"),
    exp.Concat: ("expressions",),
    exp.Coalesce: ("this", "expressions"),
    exp.Length: ("this",),
    exp.Trim: ("this", "expression"),
    exp.Round: ("this", "decimals", "truncate"),
}
"""The arguments in the order they are written, where sqlglot has others or keeps flags."""
_WRAPPERS = (exp.TsOrDsToDate, exp.TsOrDsToTimestamp, exp.TsOrDsToDatetime, exp.TsOrDsToTime)
_INTERVALS = (
    *(exp.DateAdd, exp.DateSub, exp.DatetimeAdd, exp.DatetimeSub, exp.TimestampAdd),
    *(exp.TimestampSub, exp.TimeAdd, exp.TimeSub),
)
_MODIFIERS = (exp.Distinct, exp.Order, exp.Limit, exp.HavingMax, exp.IgnoreNulls)
_UNORDERED = ("MIN", "MAX", "GREATEST", "LEAST")
_UNEQUAL = ("NULLIF",)
_REWRITTEN = (exp.MD5, exp.SHA2, exp.SHA2Digest)
"""Calls that sqlglot has put another function in place of."""


def arguments(node: exp.Expr) -> list[Argument] | None:
    """The arguments of a call in order; `None` where the tree does not tell them."""
    if isinstance(node, _INTERVALS):
        return [argument(node.this), Argument(INTERVAL)]
    values: list[exp.Expr] = []
    for name in _ORDER.get(type(node), tuple(node.arg_types)):
        value = node.args.get(name)
        values += value if isinstance(value, list) else [value] if value else []
    found = []
    for value in values:
        if not isinstance(value, exp.Expr):
            continue  # a flag
        plain = _plain(value)
        if isinstance(plain, (exp.Kwarg, exp.PropertyEQ, exp.Star)):
            return None
        found += [argument(each) for each in plain] if isinstance(plain, list) else []
        found += [] if isinstance(plain, list) else [argument(plain)]
    return found


def _plain(value: exp.Expr) -> exp.Expr | list[exp.Expr]:
    """An argument without DISTINCT, ORDER BY and similar around it."""
    while isinstance(value, (*_MODIFIERS, exp.RespectNulls)):
        if isinstance(value, exp.Distinct):
            return list(value.expressions)
        value = value.this
    if isinstance(value, _WRAPPERS) and "bigquery_name" not in value.meta:
        return value.this  # type: ignore[no-any-return]
    return value


def function_of(node: exp.Expr) -> Function | None:
    """The function that a node calls, as it is written."""
    if isinstance(node, _REWRITTEN):
        return None
    name = node.name if isinstance(node, exp.Anonymous) else node.meta.get("bigquery_name")
    name = "STRING_AGG" if isinstance(node, exp.GroupConcat) else name  # parsed apart
    return table().get(str(name).upper()) if name else None


def _call(default: Annotator) -> Annotator:
    def annotator(types: TypeAnnotator, node: exp.Expr) -> None:
        default(types, node)
        function = function_of(node)
        found = arguments(node) if function and function.signatures else None
        if function is None or found is None or not _is_counted(function, found):
            return
        result = _checked(node, function.returns, found)
        _check_members(node, function, found)
        if function.name in ("COALESCE", "IFNULL", "NULLIF"):
            members = [node.this, *node.expressions, node.args.get("expression")]
            _lay_out([each for each in members if each], supertype(found) or UNKNOWN)
        if result not in (UNKNOWN, NULL) and result.name != "STRUCT":
            _set(types, node, result)

    return annotator


def _is_counted(function: Function, found: Sequence[Argument]) -> bool:
    """False where sqlglot has added arguments; those written are counted by `grammar`."""
    least, most = function.bounds
    return least <= len(found) <= most


def _check_members(node: exp.Expr, function: Function, found: Sequence[Argument]) -> None:
    """What the functions of any type do not take."""
    common = supertype(found) or UNKNOWN
    bad = not_orderable(common) if function.name in _UNORDERED else ""
    bad = bad or (not_comparable(common) if function.name in _UNEQUAL else "")
    if bad:
        raise Rejected(f"{function.name} is not defined for {bad}", node)
    if isinstance(node.this, exp.Distinct):
        grouped = next(filter(None, (not_groupable(each.type) for each in found)), "")
        if grouped:
            raise Rejected(f"{function.name}(DISTINCT) is not defined for {grouped}", node)


def _checked(
    node: exp.Expr, check: Callable[[Sequence[Argument]], Type], found: Sequence[Argument]
) -> Type:
    try:
        return check(found)
    except Mismatch as error:
        raise Rejected(str(error), node) from error


def _set(types: TypeAnnotator, node: exp.Expr, type_: Type) -> None:
    if type_ != _read(node.type):
        types._set_type(node, built(type_))


# --- operators ---------------------------------------------------------------------------

_BOOL = Type("BOOL")
_COMPARISONS: Mapping[type[exp.Expr], str] = {
    exp.EQ: "=",
    exp.NEQ: "!=",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.GT: ">",
    exp.GTE: ">=",
    exp.NullSafeEQ: "IS DISTINCT FROM",
    exp.NullSafeNEQ: "IS DISTINCT FROM",
}


def _compare(node: exp.Expr) -> None:
    operator = _COMPARISONS[type(node)]
    operands = [node.this, node.expression]
    if operator != "IS DISTINCT FROM":
        _check_null(node, operator, [argument(each) for each in operands])
    _compared(node, operator, operands)


def _check_null(node: exp.Expr, operator: str, operands: Sequence[Argument]) -> None:
    if any(each.type == NULL for each in operands):
        fix = "use IS NULL" if operator in _COMPARISONS.values() else "CAST it"
        raise Rejected(f"operands of {operator} cannot be a bare NULL, {fix}", node)


def _compared(node: exp.Expr, operator: str, operands: Sequence[exp.Expr | None]) -> None:
    found = [argument(each) for each in operands]
    try:
        comparison(operator, found)
    except Mismatch as error:
        raise Rejected(str(error), node) from error
    _lay_out(operands, supertype(found) or UNKNOWN)


def _lay_out(nodes: Sequence[exp.Expr | None], common: Type) -> None:
    """Mark the STRUCTs that have other names than their common type, which DuckDB mixes up."""
    if not _has_struct(common):
        return
    for node in nodes:
        inner = node.this if isinstance(node, exp.Alias) else node
        if inner is not None and type_of_node(inner) not in (common, UNKNOWN, NULL):
            inner.meta[AS_TYPE] = common


def _has_struct(type_: Type) -> bool:
    return type_.name == "STRUCT" or any(_has_struct(field.type) for field in type_.fields)


def _in(node: exp.Expr) -> None:
    members: list[exp.Expr] = list(node.expressions)
    query, unnest = node.args.get("query"), node.args.get("unnest")
    if isinstance(query, exp.Expr):
        members = list(getattr(query.unnest(), "selects", ()))
        if len(members) > 1:
            raise Rejected("a subquery of IN must have one column", node)
    elif isinstance(unnest, exp.Unnest):
        for array in unnest.expressions:
            element = type_of_node(array).element if type_of_node(array).fields else UNKNOWN
            if supertype([argument(node.this), Argument(element)]) is None:
                types = f"{spell(type_of_node(node.this))} and {spell(element)}"
                raise Rejected(f"no matching signature for IN UNNEST of {types}", node)
    for each in members:
        _compared(node, "IN", [node.this, each])


def _between(node: exp.Expr) -> None:
    _compared(node, "BETWEEN", [node.this, node.args["low"], node.args["high"]])


def _logic(node: exp.Expr) -> None:
    word = type(node).__name__.upper()
    for each in filter(None, (node.this, node.args.get("expression"))):
        _require_bool(each, f"{word} requires BOOL")


def _require_bool(node: exp.Expr, context: str) -> None:
    found = type_of_node(node)
    if found not in (_BOOL, NULL, UNKNOWN):
        raise Rejected(f"{context}, found {spell(found)}; write a comparison", node)


def _is(node: exp.Expr) -> None:
    if isinstance(node.expression, exp.Boolean):
        _require_bool(node.this, f"IS {node.expression.sql()} requires BOOL")


def _clause(word: str) -> Callable[[exp.Expr], None]:
    def check(node: exp.Expr) -> None:
        if isinstance(node.this, exp.Expr):
            _require_bool(node.this, f"{word} requires BOOL")

    return check


def _join(node: exp.Expr) -> None:
    on = node.args.get("on")
    if isinstance(on, exp.Expr):
        _require_bool(on, "JOIN ON requires BOOL")


def _text(node: exp.Expr) -> None:
    if isinstance(node.expression, (exp.Any, exp.All)):
        return
    operands = [argument(node.this), argument(node.expression)]
    if any(each.type.name not in ("STRING", "BYTES", "NULL", "UNKNOWN") for each in operands):
        types = " and ".join(spell(each.type) for each in operands)
        raise Rejected(f"no matching signature for LIKE of {types}, expected STRING", node)


_NUMBERS = ("INT64", "NUMERIC", "BIGNUMERIC", "FLOAT64", "UNKNOWN")
_TIMES = ("DATE", "DATETIME", "TIMESTAMP", "TIME")
_SIGNS: Mapping[Any, str] = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/"}


def _arithmetic(node: exp.Expr) -> None:
    operands = [argument(node.this), argument(node.expression)]
    sign = _SIGNS[type(node)]
    _check_null(node, sign, operands)
    left, right = (each.type.name for each in operands)
    fits = left in _NUMBERS and right in _NUMBERS
    if isinstance(node, (exp.Add, exp.Sub)):
        shifted = (left in _TIMES and right in ("INTERVAL", "UNKNOWN")) or left == "UNKNOWN"
        days = left == "DATE" and right == "INT64"
        swapped = right in _TIMES and left in ("INTERVAL", "UNKNOWN")
        swapped = swapped or (left, right) == ("INT64", "DATE")
        intervals = "INTERVAL" in (left, right) and left in ("INTERVAL", "UNKNOWN")
        between = left == right and left in _TIMES
        literal = {left, right} <= {*_TIMES, "STRING"} and left != right
        one = swapped if isinstance(node, exp.Add) else between or literal
        fits = fits or shifted or days or intervals or one
    elif left == "INTERVAL" or right == "INTERVAL":
        fits = {left, right} <= {"INTERVAL", "INT64", "UNKNOWN"}
    if not fits:
        types = " and ".join(spell(each.type) for each in operands)
        raise Rejected(f"no matching signature for {sign} of {types}, CAST one of them", node)


def _cast(node: exp.Expr) -> None:
    """A STRUCT takes the names of the type that it is cast to."""
    wanted, found = _read(node.args["to"]), type_of_node(node.this)
    if wanted.name != "STRUCT" or found.name != "STRUCT":
        return
    if len(wanted.fields) != len(found.fields):
        raise Rejected(f"cannot CAST {len(found.fields)} to {len(wanted.fields)} fields", node)
    _lay_out([node.this], _named(found, wanted))


def _named(type_: Type, like: Type) -> Type:
    pairs = zip(type_.fields, like.fields, strict=True)
    return Type("STRUCT", tuple(Field(other.name, one.type) for one, other in pairs))


def _negative(node: exp.Expr) -> None:
    found = type_of_node(node.this)
    if found.name not in (*_NUMBERS, "INTERVAL", "NULL"):
        raise Rejected(f"no matching signature for - of {spell(found)}", node)


# --- supertypes --------------------------------------------------------------------------


def _array(types: TypeAnnotator, node: exp.Expr) -> None:
    elements = node.expressions
    if len(elements) == 1 and isinstance(elements[0].unnest(), exp.Query):
        return
    if any(type_of_node(each).name == "ARRAY" for each in elements):
        raise Rejected("an ARRAY of ARRAYs, expected STRUCTs with an ARRAY", node)
    common = _common(node, elements, "the elements of an ARRAY")
    if elements and common not in (UNKNOWN, NULL):
        _set(types, node, Type("ARRAY", (Field("", common),)))


def _tuple(types: TypeAnnotator, node: exp.Expr) -> None:
    fields = tuple(Field("", type_of_node(each)) for each in node.expressions)
    if fields and all(field.type not in (UNKNOWN, NULL) for field in fields):
        _set(types, node, Type("STRUCT", fields))


def _case(types: TypeAnnotator, node: exp.Expr) -> None:
    value = node.this
    ifs = node.args.get("ifs") or []
    for each in ifs:
        if isinstance(value, exp.Expr):
            _compared(each, "=", [value, each.this])
        else:
            _require_bool(each.this, "CASE WHEN requires BOOL")
    default = node.args.get("default")
    results = [each.args["true"] for each in ifs] + ([default] if default else [])
    common = _common(node, results, "the results of CASE")
    if common not in (UNKNOWN, NULL):
        _set(types, node, common)


def _if(types: TypeAnnotator, node: exp.Expr) -> None:
    if isinstance(node.parent, exp.Case):
        return
    results = [each for each in (node.args["true"], node.args.get("false")) if each]
    _require_bool(node.this, "IF requires BOOL")
    common = _common(node, results, "the results of IF")
    if common not in (UNKNOWN, NULL):
        _set(types, node, common)


def _common(node: exp.Expr, members: Sequence[exp.Expr], what: str) -> Type:
    found = [argument(each) for each in members]
    common = supertype(found)
    if common is None:
        names = dict.fromkeys(spell(each.type) for each in found if each.type != NULL)
        raise Rejected(f"{what} have no common type: {', '.join(names)}; CAST them", node)
    _lay_out(members, common)
    return common


def _set_operation(types: TypeAnnotator, node: exp.Expr) -> None:
    columns = types._get_setop_column_types(node)  # type: ignore[arg-type]
    sides = [_columns(each) for each in (node.this, node.expression)]
    if not all(sides) or node.args.get("by_name"):
        return
    kind = f"{node.key.upper()} {'DISTINCT' if node.args.get('distinct') else 'ALL'}"
    if len(sides[0]) != len(sides[1]):
        counts = f"{len(sides[0])} and {len(sides[1])}"
        raise Rejected(f"queries in {kind} have {counts} columns, expected as many", node)
    for number, pair in enumerate(zip(*sides, strict=True)):
        common = _common(pair[1], pair, f"column {number + 1} of {kind}")
        bad = not_groupable(common) if "DISTINCT" in kind else ""
        if bad:
            raise Rejected(f"{kind} does not support {bad} in column {number + 1}", pair[1])
        if common not in (UNKNOWN, NULL) and number < len(columns):
            columns[number] = (columns[number][0], built(common))
            for side in pair:
                side.meta[COMMON_TYPE] = common


def _columns(query: exp.Expr) -> list[exp.Expr]:
    """The select list, of the first query of a set operation."""
    inner = query.unnest()
    while isinstance(inner, exp.SetOperation):
        inner = inner.this.unnest()
    selects = list(inner.selects) if isinstance(inner, exp.Select) else []
    return [] if any(each.is_star for each in selects) else selects


# --- all of them -------------------------------------------------------------------------

_CHECKS: Mapping[type[exp.Expr], Callable[[exp.Expr], None]] = {
    **dict.fromkeys(_COMPARISONS, _compare),
    **dict.fromkeys((exp.Add, exp.Sub, exp.Mul, exp.Div), _arithmetic),
    **dict.fromkeys((exp.And, exp.Or, exp.Not), _logic),
    exp.In: _in,
    exp.Between: _between,
    exp.Like: _text,
    exp.Neg: _negative,
    exp.Is: _is,
    exp.Cast: _cast,
    exp.TryCast: _cast,
    exp.Where: _clause("WHERE"),
    exp.Having: _clause("HAVING"),
    exp.Qualify: _clause("QUALIFY"),
    exp.Join: _join,
}
_TYPED: Mapping[type[exp.Expr], Annotator] = {
    exp.Array: _array,
    exp.Tuple: _tuple,
    exp.Case: _case,
    exp.If: _if,
    exp.Union: _set_operation,
    exp.Except: _set_operation,
    exp.Intersect: _set_operation,
}


def _annotators() -> dict[Any, Any]:
    """sqlglot's, with the checks after them."""
    known = dict(BigQuery.EXPRESSION_METADATA)
    classes = {*known, *_CHECKS, *_TYPED, *exp.FUNCTION_BY_NAME.values(), exp.Anonymous}
    return {each: {"annotator": _annotator(each, known.get(each))} for each in classes}


def _annotator(kind: type[exp.Expr], known: Any) -> Annotator:
    default = _default(known)
    if kind in _TYPED:
        return _in_turn(default, _TYPED[kind])
    if kind in _CHECKS:
        check = _CHECKS[kind]
        return _in_turn(default, lambda _, node: check(node))
    return _call(default) if issubclass(kind, exp.Func) else default


def _default(known: Any) -> Annotator:
    if known and "annotator" in known:
        return known["annotator"]  # type: ignore[no-any-return]
    returns = (known or {}).get("returns", exp.DType.UNKNOWN)
    return lambda types, node: types._set_type(node, returns)


def _in_turn(first: Annotator, second: Annotator) -> Annotator:
    def both(types: TypeAnnotator, node: exp.Expr) -> None:
        first(types, node)
        second(types, node)

    return both
