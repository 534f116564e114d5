"""Translates GoogleSQL for DuckDB, so that it returns the same numbers, or refuses it.

sqlglot parses, resolves and types the query by GoogleSQL's rules; `rules` then checks every
node of the tree. What no rule knows is refused, with its place in the `.sql` file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec import Struct
from sqlglot import exp
from sqlglot.errors import ErrorLevel, SqlglotError, UnsupportedError
from sqlglot.schema import MappingSchema

from handoff.base.problems import Problem, nearest
from handoff.facts.recorded import Column
from handoff.sql.analyzer import COMMON_TYPE, Rejected, built
from handoff.sql.clauses import typed_tree
from handoff.sql.grammar import grammar_problems
from handoff.sql.names import bad_names, parse, place_of_node
from handoff.sql.query import Query, lexemes
from handoff.sql.syntax_errors import reason_and_place
from handoff.sql.tables import Schema, Tables, TableSchema
from handoff.sql.types import BadType, type_of
from handoff.warehouse.duckdb.coercions import write_conversions
from handoff.warehouse.duckdb.nodes import UNSUPPORTED, Refusal
from handoff.warehouse.duckdb.rules import correct
from handoff.warehouse.duckdb.structs import align_structs

CatalogTables = Mapping[str, Mapping[str, Mapping[str, str]]]
"""Dataset, table, column: the column's GoogleSQL type."""


class NotTranslated(Exception):
    """Why the embedded engine does not run a query, with its place."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


class Translation(Struct, frozen=True):
    sql: str
    """For DuckDB, parameters as `$name`."""
    params: tuple[str, ...]
    """Those that the query uses; DuckDB rejects others."""
    columns: tuple[Column, ...]
    """As GoogleSQL types them."""


class Catalog(Struct, frozen=True):
    """The tables that queries may read."""

    tables: CatalogTables
    schema: MappingSchema
    database: str
    """DuckDB's name of the file, which it would else confuse with a dataset of that name."""

    @classmethod
    def of(cls, tables: CatalogTables, database: str) -> Catalog:
        as_dict: dict[str, object] = {
            dataset: {name: dict(columns) for name, columns in members.items()}
            for dataset, members in tables.items()
        }
        return cls(tables, MappingSchema(as_dict, dialect="bigquery"), database)


def translate(query: Query, catalog: Catalog) -> Translation:
    """`query` for DuckDB. Raises NotTranslated, before anything runs."""
    for problem in grammar_problems(query):
        raise NotTranslated(problem)
    for lexeme in lexemes(query.text):
        if lexeme.kind == "system":
            place = query.place_at(lexeme.offset)
            message = f"'{lexeme.text}' {UNSUPPORTED}"
            raise NotTranslated(Problem("Q053", message, place))
    try:
        return _translate(query, catalog)
    except RecursionError as error:
        raise _refused("nested too deeply", query) from error


def find_refusal(query: Query, schema: Schema | None) -> Problem | None:
    """Why the engine will refuse `query`, as far as that shows without opening a warehouse.

    What reads tables is only parsed, unless `schema` was recorded from this engine. Names
    that the schema does not have are not reported: it may be older than the tables.
    """
    reads_tables, tables = False, {}
    try:
        reads_tables = any(True for _ in _tables(_parse(query)))
        if reads_tables:
            if schema is None or not schema.engine.startswith("duckdb"):
                return None
            tables = {
                dataset: {name: table.columns for name, table in members.items()}
                for dataset, members in schema.tables.items()
            }
        translate(query, Catalog.of(tables, ""))
    except RecursionError:
        return _refused("nested too deeply", query).problem
    except NotTranslated as error:
        is_of_schema = reads_tables and error.problem.code in ("Q051", "Q052")
        return None if is_of_schema else error.problem
    return None


def columns_by_schema(query: Query, schema: Schema) -> tuple[Column, ...]:
    """The columns of the result, by the recorded schema; none if the query is refused."""
    tables = {
        dataset: {name: table.columns for name, table in members.items()}
        for dataset, members in schema.tables.items()
    }
    try:
        return translate(query, Catalog.of(tables, "")).columns
    except NotTranslated:
        return ()


def _translate(query: Query, catalog: Catalog) -> Translation:
    tree: exp.Expr = _parse(query)
    for table in _tables(tree):
        _check_table(table, query, catalog.tables)
    _check_names(tree, query, catalog.tables)
    written = {name.casefold(): name for name in getattr(tree, "named_selects", ())}
    try:
        tree = _resolve_types(tree, query, catalog)
    except Refusal as error:
        raise _refused(str(error), query, error.node) from error
    for number, each in enumerate(getattr(tree, "selects", ()), start=1):
        if each.output_name == f"_col_{number - 1}":
            raise _refused(f"column {number} has no name, add 'AS name'", query, each)
    # resolving makes every name lower case; BigQuery returns them as they were written
    selected = [(written.get(name, name), type_) for name, type_ in _select_list(tree)]
    used = {each.name for each in tree.find_all(exp.Parameter)}
    try:
        tree = correct(tree)
        align_structs(tree)
        _qualify(tree, catalog.database)
        sql = tree.sql("duckdb", unsupported_level=ErrorLevel.RAISE, comments=False)
    except Refusal as error:
        raise _refused(str(error), query, error.node) from error
    except UnsupportedError as error:
        raise _refused(f"{error}: not supported by the embedded engine", query) from error
    return Translation(sql, tuple(sorted(used)), tuple(_columns(selected, query)))


# --- reading -----------------------------------------------------------------------------


def _parse(query: Query) -> exp.Query:
    try:
        found = parse(query.text)
    except SqlglotError as error:
        raise _parse_error(error, query) from error
    if len(found) != 1 or not isinstance(found[0], exp.Query):
        kind = next((each.key for each in found if not isinstance(each, exp.Query)), "")
        what = kind.upper() or f"{len(found)} statements"
        raise _refused(f"expected one SELECT, found {what}", query, code="Q011")
    return found[0]


def _parse_error(error: Exception, query: Query) -> NotTranslated:
    reason, place = reason_and_place(error, query)
    return NotTranslated(Problem("Q050", f"not GoogleSQL: {reason}", place))


def _tables(tree: exp.Expr) -> Iterator[exp.Table]:
    for table in list(tree.find_all(exp.Table)):
        if not _is_local(table):
            yield table


def _is_local(table: exp.Table) -> bool:
    """Whether it names a CTE in scope, or an array of a column (`FROM t, t.items`)."""
    if table.db:
        return False
    scope: exp.Expr | None = table
    while scope is not None:
        with_ = scope.args.get("with_")
        for cte in with_.expressions if with_ else ():
            if cte.alias.casefold() == table.name.casefold():
                return True
        scope = scope.parent
    return False


def _check_table(table: exp.Table, query: Query, tables: CatalogTables) -> None:
    """Check that `table` exists, and remove its project: the engine has only one."""
    name, dataset = table.name, table.db
    if not isinstance(table.this, exp.Identifier):
        call = table.this.name or table.this.key
        message = f"'{call}(...)' in FROM {UNSUPPORTED}"
        raise _refused(message, query, table)
    if "information_schema" in f"{table.catalog}.{dataset}.{name}".casefold():
        message = f"INFORMATION_SCHEMA {UNSUPPORTED}"
        raise _refused(message, query, table)
    if not dataset:
        known = [f"{each}.{name}" for each, members in tables.items() if name in members]
        hint = f", did you mean '{known[0]}'?" if known else ", expected 'dataset.table'"
        raise _refused(f"table '{name}' has no dataset{hint}", query, table, "Q051")
    if name not in tables.get(dataset, ()):
        every = [f"{each}.{one}" for each, members in tables.items() for one in members]
        hint = nearest(f"{dataset}.{name}", every) or f", expected one of {_first_names(every)}"
        raise _refused(f"no table '{dataset}.{name}'{hint}", query, table, "Q051")
    table.set("catalog", None)


def _qualify(tree: exp.Expr, database: str) -> None:
    for table in tree.find_all(exp.Table):
        if table.db:
            table.set("catalog", exp.to_identifier(database, quoted=True))


def _first_names(names: list[str]) -> str:
    return ", ".join(names[:8]) + (", …" if len(names) > 8 else "") if names else "none"


# --- types -------------------------------------------------------------------------------


def _resolve_types(tree: exp.Expr, query: Query, catalog: Catalog) -> exp.Expr:
    try:
        return typed_tree(tree, catalog.schema, query.param_types, write_conversions)
    except SqlglotError as error:
        message = str(error).split("\n")[0].rstrip(".")
        raise _refused(message[:1].lower() + message[1:], query, code="Q052") from error
    except Rejected as error:
        raise _refused(str(error), query, error.node, "Q054") from error


def _check_names(tree: exp.Expr, query: Query, tables: CatalogTables) -> None:
    """Refuse columns that are missing or ambiguous."""
    known: Tables = {
        dataset: {name: TableSchema(columns) for name, columns in members.items()}
        for dataset, members in tables.items()
    }
    for bad in bad_names(tree, known):
        if bad.kind == "column":
            is_last = bad.node.name == bad.name and isinstance(bad.node, exp.Column)
            node = bad.node.this if is_last else bad.node
            raise _refused(bad.text(), query, node, "Q052")


def _select_list(tree: exp.Expr) -> list[tuple[str, str]]:
    """Name and type of each column, as sqlglot spells it."""
    found = []
    for each in getattr(tree, "selects", ()):
        common = each.meta.get(COMMON_TYPE)
        type_ = built(common) if common else each.type
        found.append((each.output_name, type_.sql("bigquery") if type_ else "UNKNOWN"))
    return found


def _columns(selected: list[tuple[str, str]], query: Query) -> Iterator[Column]:
    names = [name.casefold() for name, _ in selected]
    for name, spelled in selected:
        if names.count(name.casefold()) > 1:
            raise _refused(f"two columns have the name '{name}'", query)
        try:
            yield Column(name, str(type_of(spelled.replace("`", ""))))
        except BadType as error:
            unknown = "has an unknown type, CAST it"
            other = f"is {spelled}, which cannot be recorded"
            message = f"column '{name}' {unknown if spelled in _UNKNOWN else other}"
            raise _refused(message, query) from error


_UNKNOWN = ("NULL", "UNKNOWN")


# --- places ------------------------------------------------------------------------------


def _refused(
    message: str, query: Query, node: exp.Expr | None = None, code: str = "Q053"
) -> NotTranslated:
    return NotTranslated(Problem(code, message, place_of_node(node, query)))
