"""The tables and columns of a query against the recorded schema, without a warehouse.

Importing this module brings sqlglot, which is slow.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.schema import MappingSchema

from handoff.base.problems import Problem
from handoff.sql.analyzer import Rejected
from handoff.sql.clauses import typed_tree
from handoff.sql.names import BadName, bad_names, parse, place_of_node
from handoff.sql.query import Query
from handoff.sql.syntax_errors import reason_and_place
from handoff.sql.tables import Schema, Tables


def schema_problems(query: Query, schema: Schema | None) -> tuple[Problem, ...]:
    """Each name in `query` that the schema does not have, and missing filters.

    Without a schema, only those that show in the query alone.
    """
    try:
        *_, tree = parse(query.text)  # after temporary functions
        tables = schema.tables if schema else None
        found = [_problem(each, query, tables) for each in bad_names(tree, tables)]
    except (SqlglotError, RecursionError) as error:
        return (_unparsed(error, query),)
    if schema and all(each.code == "Q045" for each in found):
        found += _rejected(tree, query, schema.tables)
    return tuple(dict.fromkeys(found))


def _rejected(tree: exp.Expr, query: Query, tables: Tables) -> Iterator[Problem]:
    """The first thing that BigQuery's analyzer rejects, where the types of all are known."""
    columns: dict[str, object] = {
        dataset: {name: dict(table.columns) for name, table in members.items()}
        for dataset, members in tables.items()
    }
    try:
        typed_tree(tree, MappingSchema(columns, dialect="bigquery"), query.param_types)
    except Rejected as error:
        yield Problem("Q054", str(error), place_of_node(error.node, query))
    except (SqlglotError, StopIteration, RecursionError):
        return  # what sqlglot cannot resolve is not judged


def _unparsed(error: Exception, query: Query) -> Problem:
    """A warning, because sqlglot does not know all that BigQuery accepts."""
    reason, place = reason_and_place(error, query)
    message = (
        f"cannot be parsed, so its names were not checked: {reason[:200]}; "
        "BigQuery may accept it, 'handoff query estimate' asks BigQuery"
    )
    return Problem("Q046", message, place, "warning")


_CODES = {"table": "Q043", "column": "Q044", "filter": "Q045"}


def _problem(bad: BadName, query: Query, tables: Tables | None) -> Problem:
    message = bad.text(" in the recorded schema" if tables else "")
    node = bad.node
    is_new = isinstance(node, exp.Table) and tables is not None and node.db not in tables
    if bad.kind == "table" and is_new and message.endswith("schema"):
        message += ", which has no such dataset; "
        message += "run 'handoff query pull-schema' again if it is new"
    return Problem(_CODES[bad.kind], message, place_of_node(node, query), "warning")


def datasets(query: Query) -> frozenset[str]:
    """The datasets that `query` names, with the project where it names one.

    Empty if it cannot be parsed.
    """
    try:
        *_, tree = parse(query.text)
    except (SqlglotError, RecursionError):
        return frozenset()
    return frozenset(_datasets(tree))


def _datasets(tree: exp.Expr) -> Iterator[str]:
    for table in tree.find_all(exp.Table):
        if table.db:
            yield ".".join(filter(None, (table.catalog, table.db)))
