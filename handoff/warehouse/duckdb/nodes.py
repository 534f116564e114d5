"""Nodes of sqlglot's tree: their types, and new nodes for DuckDB."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import TypeGuard

import sqlglot
from sqlglot import exp

NodeRule = Callable[[exp.Expr], exp.Expr]

NUMBERS = ("INT64", "FLOAT64", "NUMERIC")
UNSUPPORTED = "is not supported by the embedded engine"
ELSEWHERE = ", run it on BigQuery"

DUCKDB_TYPES: Mapping[str, str] = {
    "STRING": "VARCHAR",
    "INT64": "BIGINT",
    "FLOAT64": "DOUBLE",
    "NUMERIC": "DECIMAL(38, 9)",
    "BOOL": "BOOLEAN",
    "DATE": "DATE",
    "DATETIME": "TIMESTAMP",
    "TIMESTAMP": "TIMESTAMP",  # in UTC: fetching one with a zone needs pytz
    "TIME": "TIME",
    "BYTES": "BLOB",
    "JSON": "JSON",
}
"""What DuckDB calls the types of results."""


class Refusal(Exception):
    """Why the embedded engine does not run a node."""

    def __init__(self, message: str, node: exp.Expr) -> None:
        super().__init__(message)
        self.node = node


def unsupported(what: str, node: exp.Expr, fix: str = "") -> Refusal:
    return Refusal(f"{what} {UNSUPPORTED}{fix}", node)


def describe(node: exp.Expr) -> str:
    if isinstance(node, exp.Anonymous):
        return f"'{node.name.upper()}'"
    return f"'{node.sql('bigquery')[:40]}'"


def type_name(node: exp.Expr | None) -> str:
    """GoogleSQL's name for the node's type; `UNKNOWN` where sqlglot does not know it."""
    if node is None or node.type is None:
        return "UNKNOWN"
    return bare_name(node.type)


def bare_name(type_: exp.Expr) -> str:
    """GoogleSQL's name for a type, without what is in it."""
    return type_.sql("bigquery").split("<")[0].split("(")[0]


def require_type(node: exp.Expr, *wanted: str) -> str:
    found = type_name(node)
    if found in wanted or isinstance(node, exp.Null):
        return found
    text = node.sql("bigquery")[:40]
    what = "has an unknown type, CAST it" if found == "UNKNOWN" else f"is {found}"
    raise Refusal(f"'{text}' {what}, expected {' or '.join(wanted)}{ELSEWHERE}", node)


def call(name: str, *args: exp.Expr) -> exp.Expr:
    return exp.Anonymous(this=name, expressions=list(args))


def literal(text: str) -> exp.Expr:
    return exp.Literal.string(text)


def error(message: str) -> exp.Expr:
    """A node that fails with `message` where it is evaluated."""
    return call("ERROR", literal(message))


def is_whole(node: object) -> TypeGuard[exp.Literal]:
    """Whether the node is a whole number as a literal."""
    return isinstance(node, exp.Literal) and node.is_int


def cast_to(node: exp.Expr, to: str) -> exp.Expr:
    return exp.Cast(this=node, to=exp.DataType.build(to, dialect="duckdb"))


def case(*cases: tuple[exp.Expr, exp.Expr], default: exp.Expr) -> exp.Expr:
    ifs = [exp.If(this=condition, true=value) for condition, value in cases]
    return exp.Case(ifs=ifs, default=default)


def fill(template: str, **nodes: exp.Expr) -> exp.Expr:
    """DuckDB's SQL as a node, each `:name` as a copy of a node."""
    return exp.replace_placeholders(_parsed(template).copy(), **nodes)


@cache
def _parsed(template: str) -> exp.Expr:
    return sqlglot.parse_one(template, read="duckdb")
