"""The tables and columns of a query against the recorded schema, without a warehouse.

sqlglot parses and resolves; a name that it cannot follow (a struct's field, an array's
element) is not judged, so a query without problems is not proved right. Importing this
module brings sqlglot, which is slow.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.scope import Scope, traverse_scope

from handoff.base.problems import Place, Problem, nearest
from handoff.sql.query import Query
from handoff.sql.syntax_errors import reason_and_place
from handoff.sql.tables import Schema, Tables, TableSchema


def schema_problems(query: Query, schema: Schema | None) -> tuple[Problem, ...]:
    """Each table and column of `query` that the schema does not have, and missing filters.

    Without a schema only that the query cannot be parsed.
    """
    try:
        tree = sqlglot.parse_one(query.text, read="bigquery")
        scopes = traverse_scope(tree)
    except (SqlglotError, RecursionError) as error:
        return (_unparsed(error, query),)
    if schema is None:
        return ()
    found = [each for scope in scopes for each in _in_scope(scope, query, schema.tables)]
    return tuple(dict.fromkeys(found))


def _unparsed(error: Exception, query: Query) -> Problem:
    """A warning, because sqlglot does not know all that BigQuery accepts."""
    reason, place = reason_and_place(error, query)
    message = (
        f"cannot be parsed, so its names were not checked: {reason[:200]}; "
        "BigQuery may accept it, 'handoff query estimate' asks BigQuery"
    )
    return Problem("Q046", message, place, "warning")


def datasets(query: Query) -> frozenset[str]:
    """The datasets that `query` names, with the project where it names one.

    Empty if it cannot be parsed.
    """
    try:
        tree = sqlglot.parse_one(query.text, read="bigquery")
    except (SqlglotError, RecursionError):
        return frozenset()
    tables = (table for table in tree.find_all(exp.Table) if table.db)
    return frozenset(".".join(filter(None, (each.catalog, each.db))) for each in tables)


def _in_scope(scope: Scope, query: Query, tables: Tables) -> Iterator[Problem]:
    for name, source in scope.sources.items():
        yield from _table_unknown(source, query, tables)
        yield from _filter_missing(name, source, _source(source, tables), scope, query)
    sources = {name: _source(each, tables) for name, each in _in_reach(scope)}
    selected = getattr(scope.expression, "selects", ())
    aliases = {each.alias.casefold() for each in selected if isinstance(each, exp.Alias)}
    for column in scope.columns:
        # an outer scope lists what it does not know of its subqueries, too
        if column.find_ancestor(exp.Select) is scope.expression:
            yield from _column_unknown(column, sources, aliases, query)


def _in_reach(scope: Scope) -> Iterator[tuple[str, object]]:
    """The sources that a column may name: a subquery sees those around it."""
    if scope.parent is not None and not (scope.is_cte or scope.is_derived_table):
        yield from _in_reach(scope.parent)
    yield from scope.sources.items()


Columns = TableSchema | None
"""What is known of a source: `None` if its columns are unknown."""


def _source(source: object, tables: Tables) -> Columns:
    if isinstance(source, exp.Table):
        return _member(tables, source.db, source.name)
    names = getattr(getattr(source, "expression", None), "named_selects", None) or ()
    if not names or "*" in names or not hasattr(source.expression, "selects"):  # type: ignore[attr-defined]
        return None
    return TableSchema(dict.fromkeys(names, ""))


def _member(tables: Tables, dataset: str, name: str) -> TableSchema | None:
    return tables.get(dataset, {}).get(name)


def _table_unknown(source: object, query: Query, tables: Tables) -> Iterator[Problem]:
    if not isinstance(source, exp.Table) or not source.db or "*" in source.name:
        return
    name = f"{source.db}.{source.name}"
    if "information_schema" in name.casefold() or _member(tables, source.db, source.name):
        return
    known = [f"{dataset}.{table}" for dataset, members in tables.items() for table in members]
    hint = nearest(name, known)
    if not hint and source.db not in tables:
        hint = ", which has no such dataset; run 'handoff query pull-schema' again if it is new"
    message = f"no table '{name}' in the recorded schema{hint}"
    yield Problem("Q043", message, _place(source, query), "warning")


def _column_unknown(
    column: exp.Column, sources: Mapping[str, Columns], aliases: set[str], query: Query
) -> Iterator[Problem]:
    name, of = column.name, column.table
    reach = [sources[of]] if of in sources else list(sources.values())
    known = [each for each in reach if each is not None]
    if not known or len(known) < len(reach) or name == "*":
        return
    names = [each for table in known for each in table.columns]
    folded = {each.casefold() for each in names} | (set() if of in sources else aliases)
    # 'a.b' of no source is the field of a column 'a'
    wanted = name if of in sources or not of else of
    if wanted.casefold() not in folded | {each.casefold() for each in sources}:
        message = f"no column '{wanted}' in the recorded schema{nearest(wanted, names)}"
        yield Problem("Q044", message, _place(column, query), "warning")


def _filter_missing(
    name: str, source: object, table: Columns, scope: Scope, query: Query
) -> Iterator[Problem]:
    """BigQuery reads a table that requires a partition filter only with one."""
    if table is None or not table.needs_filter or not isinstance(source, exp.Table):
        return
    joins = scope.expression.args.get("joins") or ()
    places = [scope.expression.args.get("where"), *(join.args.get("on") for join in joins)]
    columns = (c for place in places if place for c in place.find_all(exp.Column))
    if any(c.name == table.partition and c.table in ("", name) for c in columns):
        return
    message = f"'{source.db}.{source.name}' requires a filter on '{table.partition}'"
    yield Problem("Q045", message, _place(source, query), "warning")


def _place(node: exp.Expr, query: Query) -> Place:
    offsets = [each.meta["start"] for each in node.walk() if "start" in each.meta]
    return query.place_at(min(offsets)) if offsets else Place(query.path)
