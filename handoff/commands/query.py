"""`query`: list queries, run one, estimate costs, and record the tables that they read."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Annotated

import typer

from handoff.base.characters import revealed
from handoff.base.files import write_whole
from handoff.base.problems import (
    InvalidInput,
    Place,
    Refused,
    UsageError,
    nearest,
    worst_exit_code,
)
from handoff.base.report import counted
from handoff.commands import console, options
from handoff.commands.query_import import import_query, new_query
from handoff.facts.recorded import Column, Failure, QueryResult, Value
from handoff.project.project import Project
from handoff.session.model import QueryFact
from handoff.sql import tables
from handoff.sql.query import BoundQuery, Param, bind, read
from handoff.workspace.load import find_session, load_queries, load_session, open_project

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None)
app.command("import")(import_query)
app.command("new")(new_query)

Format = Annotated[str, options.format_option("table", "json", "csv", "md")]


@app.command("list")
def list_(root: options.Root = None) -> int:
    """List the queries with their parameters and summaries.

    Count the other files that no session uses.
    """
    project = open_project(root)
    queries, problems = load_queries(project)
    for query in queries.values():
        params = ", ".join(f"{each.name} {each.type}" for each in query.params)
        console.out(f"{query.name}{f' ({params})' if params else ''}\n    {query.summary}\n")
    console.problems(problems)
    bad = {each.place.path for each in problems}
    others = {*map(project.query_path, project.query_names())} - bad
    others -= {query.path for query in queries.values()}
    if others:
        is_ = "is no query" if len(others) == 1 else "are no queries"
        files = counted(len(others), "other file")
        console.note(f"{files} in {project.settings.queries}/ {is_}, and no session uses them")
    return 1 if problems else 0


@app.command()
def run(
    query: Annotated[
        str,
        typer.Argument(
            metavar="QUERY",
            help="Name of the query, for example orchestrator/phases.sql.",
            autocompletion=options.completer("query_names"),
        ),
    ],
    param: options.Parameters = None,
    format: Format = "table",
    engine: options.EngineOption = None,
    as_of: options.AsOf = None,
    verbose: options.Verbose = False,
    settings: options.SettingsOption = None,
    root: options.Root = None,
) -> int:
    """Run one query and print its result; nothing is recorded."""
    from handoff.warehouse import engines  # slow: only for running

    project = open_project(root, settings=settings or ())
    params = dict(map(_pair, param or ()))
    bound = _bind(project, query, params, options.as_of_time(as_of))
    chosen = engines.choose_engine(project, engine)
    warehouse = engines.open_warehouse(project, chosen, console.ProgressLine())
    try:
        result = warehouse.run((bound,))[0]
        for line in warehouse.job_links() if verbose else ():
            console.note(line)
    finally:
        warehouse.close()
    if isinstance(result, QueryResult):
        console.out(FORMATS[format](result))
        return 0
    console.error(result.message)
    return result.exit_code


_COLUMNS = (
    Column("question", "STRING"),
    Column("bytes_processed", "INT64"),
    Column("bytes_billed", "INT64"),
    Column("cached", "BOOL"),
    Column("price_usd", "STRING"),
)


@app.command()
def estimate(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME...",
            help="Sessions or queries to estimate.",
            autocompletion=options.completer("session_ids_and_query_names"),
        ),
    ],
    param: options.Parameters = None,
    format: Format = "table",
    as_of: options.AsOf = None,
    settings: options.SettingsOption = None,
    root: options.Root = None,
) -> int:
    """Estimate what queries cost on BigQuery.

    Print the bytes of a dry run and as billed; nothing is billed for it.
    """
    from handoff.warehouse.bigquery.dry_run import CostEstimate, price
    from handoff.warehouse.bigquery.warehouse import BigQueryWarehouse  # slow

    project = open_project(root, settings=settings or ())
    params, time = dict(map(_pair, param or ())), options.as_of_time(as_of)
    queries = [each for name in names for each in _queries(project, name, params, time)]
    warehouse = BigQueryWarehouse(project.settings.bigquery, console.ProgressLine())
    try:
        found = warehouse.estimate(queries)
    finally:
        warehouse.close()
    per_tib = project.settings.bigquery.price_per_tib
    known = [each for each in found if isinstance(each, CostEstimate)]
    rows: list[tuple[Value, ...]] = []
    for each in known:
        cost = 0 if each.cached else each.bytes_billed
        known_cost = (each.bytes_processed, cost, each.cached, price(cost, per_tib))
        rows.append((each.query, *((None,) * 4 if each.is_hidden else known_cost)))
    if any(each.is_hidden for each in known):
        rows.append(("all", None, None, None, None))
    else:
        total = sum(0 if each.cached else each.bytes_billed for each in known)
        processed = sum(each.bytes_processed for each in known)
        rows.append(("all", processed, total, None, price(total, per_tib)))
    console.out(
        FORMATS[format](QueryResult(_COLUMNS, tuple(rows), None, None, datetime.now(UTC)))
    )
    failures = [each for each in found if isinstance(each, Failure)]
    for failure in failures:
        console.error(failure.message)
    return worst_exit_code(failure.exit_code for failure in failures)


@app.command("pull-schema")
def pull_schema(
    engine: options.EngineOption = None,
    settings: options.SettingsOption = None,
    root: options.Root = None,
) -> int:
    """Record the tables that queries read.

    Write them to sql/schema.json, for checks without a warehouse.
    """
    from handoff.check.schema import datasets  # slow: brings sqlglot
    from handoff.warehouse import engines

    project = open_project(root, settings=settings or ())
    queries, problems = load_queries(project)
    if problems:
        raise InvalidInput(problems)
    used = frozenset().union(*(datasets(query) for query in queries.values()))
    chosen = engines.choose_engine(project, engine)
    warehouse = engines.open_warehouse(project, chosen, console.ProgressLine())
    try:
        names = used if chosen == "bigquery" else {each.rpartition(".")[2] for each in used}
        found = warehouse.schema(names)
        schema = tables.Schema(warehouse.engine, found)
    finally:
        warehouse.close()
    wanted = {each.rpartition(".")[2] for each in used}
    missing = sorted(wanted - {name for name, members in found.items() if members})
    if not any(found.values()):
        where = f"in {', '.join(missing)}" if missing else "to record"
        raise Refused(
            f"{warehouse.engine} has no tables {where}, so {project.schema_path} was not "
            "written; check the datasets in the queries and the engine's settings, "
            "then run 'handoff query pull-schema' again"
        )
    if missing:
        console.note(f"warning: {warehouse.engine} has no tables in {', '.join(missing)}")
    content = tables.dump(schema).encode()
    changed = project.read(project.schema_path) != content
    if changed:
        write_whole(project.path(project.schema_path), content, place=project.schema_path)
    count = sum(len(members) for members in found.values())
    summary = f"{counted(len(found), 'dataset')}, {counted(count, 'table')}"
    console.note(f"{'wrote' if changed else 'kept'} {project.schema_path}: {summary}")
    return 0


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise UsageError(f"'--param {text}' is not NAME=VALUE")
    return name, value


def _queries(
    project: Project, name: str, params: Mapping[str, str], as_of: datetime | None
) -> Iterator[BoundQuery]:
    """The queries of a session, or the one query of that name."""
    if name == "latest" or name in project.session_ids() or name.endswith(".yaml"):
        loaded = load_session(project, find_session(project, name))
        time = as_of or loaded.session.as_of or datetime.now(UTC)
        for fact in loaded.session.facts:
            if isinstance(fact, QueryFact):
                query = loaded.queries[fact.sql]
                yield BoundQuery(fact.name, query, bind(query, fact, time))
        return
    yield _bind(project, name, params, as_of)


def _bind(
    project: Project, name: str, params: Mapping[str, str], as_of: datetime | None
) -> BoundQuery:
    """The query of that name with parameters as typed. Raises UsageError, InvalidInput."""
    wanted = name.removeprefix(f"{project.settings.queries}/")
    wanted = wanted if wanted.endswith(".sql") else f"{wanted}.sql"
    if wanted not in project.query_names():
        guess = nearest(wanted, project.query_names())
        raise UsageError(f"no query '{name}'{guess}")
    path = project.query_path(wanted)
    query = read(project.read(path) or b"", path, wanted)
    types = {each.name: each.type for each in query.params}
    values = {key: _param(text, types.get(key, "STRING")) for key, text in params.items()}
    fact = QueryFact("result", wanted, values, None, Place("--param"), {})
    try:
        bound = bind(query, fact, as_of or datetime.now(UTC))
    except InvalidInput as error:  # of the command line, not of a file
        error.exit_code = UsageError.exit_code
        raise
    return BoundQuery(wanted, query, bound)


def _param(text: str, type_: str) -> Param:
    """A value as a session file would have it; lists and mappings as JSON."""
    if text == "NULL":
        return None
    if not type_.startswith(("ARRAY", "STRUCT")):
        return text
    try:
        value: Param = json.loads(text)
    except ValueError as error:
        message = f"invalid JSON '{text}' for a parameter of type {type_}"
        raise UsageError(f"{message}") from error
    return value


# --- formats -------------------------------------------------------------------------------

_NUMBERS = ("INT64", "FLOAT64", "NUMERIC", "BIGNUMERIC")


def _table(result: QueryResult) -> str:
    """Aligned columns, numbers to the right; the count of rows last."""
    names = [column.name for column in result.columns]
    rows = [names, *([revealed(_text(value)) for value in row] for row in result.rows)]
    widths = [max(map(console.text_width, cells)) for cells in zip(*rows, strict=True)]
    right = [column.type in _NUMBERS for column in result.columns]
    lines = ["  ".join(map(_padded, row, widths, right)).rstrip() for row in rows]
    count = len(result.rows)
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join([*lines, f"({count} row{'' if count == 1 else 's'})"]) + "\n"


def as_markdown(result: QueryResult) -> str:
    """A table of GitHub's Markdown."""
    ruler = ["--:" if column.type in _NUMBERS else "---" for column in result.columns]
    rows = [[column.name for column in result.columns], ruler]
    rows += [[_cell(_text(value)) for value in row] for row in result.rows]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _csv(result: QueryResult) -> str:
    """RFC 4180; NULL is an empty field."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(column.name for column in result.columns)
    writer.writerows(["" if v is None else _text(v) for v in row] for row in result.rows)
    return text.getvalue()


def as_json(result: QueryResult) -> str:
    """A list of objects, one row a line; what JSON has no type for is text."""
    names = [column.name for column in result.columns]
    rows = (dict(zip(names, map(_plain, row), strict=True)) for row in result.rows)
    lines = ",\n".join(f"  {json.dumps(row, ensure_ascii=False)}" for row in rows)
    return f"[\n{lines}\n]\n" if lines else "[]\n"


FORMATS: Mapping[str, Callable[[QueryResult], str]] = {
    "table": _table,
    "json": as_json,
    "csv": _csv,
    "md": as_markdown,
}


def _text(value: Value) -> str:
    """The value as GoogleSQL writes it."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple | Mapping):
        return json.dumps(_plain(value), ensure_ascii=False)
    return str(value)


def _plain(value: Value) -> object:
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    is_finite = not isinstance(value, float) or value - value == 0
    return (
        value
        if value is None or (isinstance(value, bool | int | float) and is_finite)
        else str(value)
    )


def _cell(text: str) -> str:
    return re.sub(r"([\\`*_\[\]<|])", r"\\\1", revealed(" ".join(text.split())))


def _padded(text: str, width: int, right: bool) -> str:
    space = " " * (width - console.text_width(text))
    return space + text if right else text + space
