"""STRUCTs by position: GoogleSQL matches their fields in order, DuckDB by name.

`analyzer` marks each operand whose STRUCT has other names than the common type; it is rebuilt
here with those names, once the tree is DuckDB's.
"""

from __future__ import annotations

from sqlglot import exp

from handoff.sql.analyzer import AS_TYPE, built, type_of_node
from handoff.sql.types import Type
from handoff.warehouse.duckdb.nodes import DUCKDB_TYPES, Refusal, call, cast_to


def align_structs(tree: exp.Expr) -> None:
    """Rebuild the marked operands in `tree`. Raises Refusal."""
    marked = [node for node in tree.walk() if AS_TYPE in node.meta]
    for node in reversed(marked):  # from inside to outside
        wanted: Type = node.meta.pop(AS_TYPE)
        aligned = _aligned(node.copy(), type_of_node(node), wanted)
        aligned.type = built(wanted)
        node.replace(aligned)
    for node in reversed(list(tree.find_all(exp.EQ, exp.NEQ, exp.In, exp.Nullif, exp.Case))):
        operand = node.this
        if isinstance(operand, exp.Expr) and type_of_node(operand).name == "STRUCT":
            node.replace(_compared(node, type_of_node(operand)))


def _compared(node: exp.Expr, type_: Type) -> exp.Expr:
    """A comparison of STRUCTs field by field: with a NULL in a field it is NULL."""
    left = node.this
    if isinstance(node, exp.In) and node.expressions and not node.args.get("query"):
        return exp.Paren(this=exp.or_(*(_equal(left, e, type_) for e in node.expressions)))
    if isinstance(node, (exp.EQ, exp.NEQ)):
        equal = _equal(left, node.expression, type_)
        return equal if isinstance(node, exp.EQ) else exp.Not(this=equal)
    if isinstance(node, exp.Nullif):
        equal = exp.If(this=_equal(left, node.expression, type_), true=exp.null())
        return exp.Case(ifs=[equal], default=left.copy())
    raise Refusal("IN (SELECT ...) and CASE of a STRUCT differ in DuckDB, compare fields", node)


def _equal(left: exp.Expr, right: exp.Expr, type_: Type) -> exp.Expr:
    pairs = zip(_members(left, type_), _members(right, type_), type_.fields, strict=True)
    parts = [
        _equal(one, other, field.type)
        if field.type.name == "STRUCT"
        else exp.EQ(this=exp.Paren(this=one), expression=exp.Paren(this=other))
        for one, other, field in pairs
    ]
    return exp.Paren(this=exp.and_(*parts))


def _members(node: exp.Expr, type_: Type) -> list[exp.Expr]:
    """The fields of a STRUCT, in order."""
    inner = node.unnest()
    if isinstance(inner, (exp.Struct, exp.Tuple)):
        return [
            (each.expression if isinstance(each, exp.PropertyEQ) else each).copy()
            for each in inner.expressions
        ]
    return [
        call("STRUCT_EXTRACT_AT", node.copy(), exp.Literal.number(n))
        for n in range(1, len(type_.fields) + 1)
    ]


def _aligned(node: exp.Expr, found: Type, wanted: Type) -> exp.Expr:
    if wanted.name == "STRUCT":
        return _aligned_struct(node, found, wanted)
    if wanted.name == "ARRAY" and found != wanted and _has_struct(wanted):
        return _aligned_array(node, wanted)
    if found.name != wanted.name and wanted.name in DUCKDB_TYPES and found.name != "NULL":
        return cast_to(node, DUCKDB_TYPES[wanted.name])
    return node


def _aligned_struct(node: exp.Expr, found: Type, wanted: Type) -> exp.Expr:
    if isinstance(node, exp.Paren):
        return _aligned_struct(node.this, found, wanted)
    if isinstance(node, exp.Null):
        return node
    values = _members(node, wanted)
    if isinstance(node, (exp.Struct, exp.Tuple)):
        return _struct(values, found, wanted)
    is_null = exp.Is(this=exp.Paren(this=node.copy()), expression=exp.null())
    rebuilt = _struct(values, found, wanted)
    missing = exp.If(this=is_null, true=exp.null())
    return exp.Case(ifs=[missing], default=rebuilt)


def _struct(values: list[exp.Expr], found: Type, wanted: Type) -> exp.Expr:
    types = [field.type for field in found.fields]
    fields = [
        exp.PropertyEQ(
            this=exp.to_identifier(field.name or f"_{n}", quoted=True),
            expression=_aligned(value, types[n] if n < len(types) else field.type, field.type),
        )
        for n, (field, value) in enumerate(zip(wanted.fields, values, strict=True))
    ]
    return exp.Struct(expressions=fields)


def _aligned_array(node: exp.Expr, wanted: Type) -> exp.Expr:
    if not isinstance(node, exp.Array):
        message = "an ARRAY of STRUCTs with other names differs in DuckDB, name them alike"
        raise Refusal(message, node)
    elements = [_aligned(e, type_of_node(e), wanted.element) for e in node.expressions]
    return exp.Array(expressions=elements)


def _has_struct(type_: Type) -> bool:
    return type_.name == "STRUCT" or any(_has_struct(field.type) for field in type_.fields)
