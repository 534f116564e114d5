"""Questions by themselves: one asked, its cost estimated, the tables it reads recorded."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from msgspec import Struct

from handoff import api
from handoff.base.files import write_whole
from handoff.base.problems import InvalidInput, Place, UsageError, nearest
from handoff.base.report import counted
from handoff.facts.recorded import Column, Failure, QueryResult, Value
from handoff.project.project import Project
from handoff.session.model import QueryFact
from handoff.sql import tables
from handoff.sql.query import Param, Query, bind, read
from handoff.warehouse.port import BoundQuery, Progress


def ask(
    project: Project,
    name: str,
    params: Mapping[str, str],
    *,
    engine: str | None,
    as_of: datetime | None,
    progress: Progress,
) -> QueryResult | Failure:
    """One question's answer; nothing is recorded.

    `params` as words; a list or mapping as JSON. Raises InvalidInput, UsageError, WorldError.
    """
    from handoff.warehouse import engines  # only asking needs it

    asked = _question(project, name, params, as_of)
    warehouse = engines.open_warehouse(
        project, engines.choose_engine(project, engine), progress
    )
    try:
        return warehouse.run((asked,))[0]
    finally:
        warehouse.close()


def _question(
    project: Project, name: str, params: Mapping[str, str], as_of: datetime | None
) -> BoundQuery:
    wanted = name.removeprefix("sql/")
    wanted = wanted if wanted.endswith(".sql") else f"{wanted}.sql"
    if wanted not in project.query_names():
        guess = nearest(wanted, project.query_names())
        raise UsageError(f"handoff: error: no question '{name}'{guess}")
    query = read(project.read(f"sql/{wanted}") or b"", f"sql/{wanted}", wanted)
    question = QueryFact("answer", wanted, _words(query, params), None, Place("--param"), {})
    try:
        bound = bind(query, question, as_of or datetime.now(UTC))
    except InvalidInput as error:  # of the command line, not of a file
        raise UsageError(str(error)) from error
    return BoundQuery(wanted, query, bound)


def _words(query: Query, params: Mapping[str, str]) -> dict[str, Param]:
    """Words of the command line as a session file would give them."""
    types = {each.name: each.type for each in query.params}
    return {name: _param(word, types.get(name, "STRING")) for name, word in params.items()}


def _param(word: str, type_: str) -> Param:
    if word == "NULL":
        return None
    if not type_.startswith(("ARRAY", "STRUCT")):
        return word
    try:
        value: Param = json.loads(word)
    except ValueError as error:
        raise UsageError(f"handoff: error: '{word}' is no JSON, for {type_}") from error
    return value


# --- what it would cost -------------------------------------------------------------------

_COLUMNS = (
    Column("question", "STRING"),
    Column("bytes_processed", "INT64"),
    Column("bytes_billed", "INT64"),
    Column("cached", "BOOL"),
    Column("price_usd", "STRING"),
)


def estimate(
    project: Project,
    names: Sequence[str],
    params: Mapping[str, str],
    *,
    as_of: datetime | None,
    progress: Progress,
) -> tuple[QueryResult, tuple[Failure, ...]]:
    """A row for each question of the sessions and questions `names`, and the sum of them.

    Bytes as the dry run says and as the bill would round them; what cannot be estimated is a
    failure. Raises UsageError, WorldError and InvalidInput.
    """
    from handoff.warehouse.bigquery.cost import CostEstimate, price
    from handoff.warehouse.bigquery.warehouse import (
        BigQueryWarehouse,  # slow: only asking needs it
    )

    settings = project.settings.bigquery
    asked = [each for name in names for each in _asked(project, name, params, as_of)]
    warehouse = BigQueryWarehouse(settings, progress)
    try:
        found = warehouse.estimate(asked)
    finally:
        warehouse.close()
    known = [each for each in found if isinstance(each, CostEstimate)]
    billed = [0 if each.cached else each.bytes_billed for each in known]
    rows: list[tuple[Value, ...]] = [
        (
            each.query,
            each.bytes_processed,
            cost,
            each.cached,
            price(cost, settings.price_per_tib),
        )
        for each, cost in zip(known, billed, strict=True)
    ]
    total = sum(billed)
    read = sum(each.bytes_processed for each in known)
    rows.append(("all", read, total, None, price(total, settings.price_per_tib)))
    failures = tuple(each for each in found if isinstance(each, Failure))
    return QueryResult(_COLUMNS, tuple(rows), None, None, datetime.now(UTC)), failures


def _asked(
    project: Project, name: str, params: Mapping[str, str], as_of: datetime | None
) -> Iterator[BoundQuery]:
    """The questions of a session, or the one question that `name` is."""
    if name == "latest" or name in project.session_ids() or name.endswith(".yaml"):
        loaded = api.load(project, api.session_named(project, name))
        moment = as_of or loaded.session.as_of or datetime.now(UTC)
        for question in loaded.session.questions:
            if isinstance(question, QueryFact):
                query = loaded.queries[question.sql]
                yield BoundQuery(question.name, query, bind(query, question, moment))
        return
    yield _question(project, name, params, as_of)


# --- what they read --------------------------------------------------------------------


class PulledSchema(Struct, frozen=True):
    """What became of the recorded schema."""

    path: str
    changed: bool
    summary: str
    """`6 datasets, 14 tables`."""


def pull_schema(project: Project, *, engine: str | None, progress: Progress) -> PulledSchema:
    """Record the tables of every dataset that a question reads. Raises WorldError."""
    from handoff.check.schema import datasets  # slow: brings sqlglot
    from handoff.warehouse import engines

    queries, problems = api.queries(project)
    if problems:
        raise InvalidInput(problems)
    used = frozenset().union(*(datasets(query) for query in queries.values()))
    chosen = engines.choose_engine(project, engine)
    warehouse = engines.open_warehouse(project, chosen, progress)
    try:
        names = used if chosen == "bigquery" else {each.rpartition(".")[2] for each in used}
        found = warehouse.schema(names)
        schema = tables.Schema(warehouse.engine, found)
    finally:
        warehouse.close()
    content = tables.dump(schema).encode()
    changed = project.read(tables.PATH) != content
    if changed:
        write_whole(project.path(tables.PATH), content, place=tables.PATH)
    count = sum(len(members) for members in found.values())
    return PulledSchema(
        tables.PATH, changed, f"{counted(len(found), 'dataset')}, {counted(count, 'table')}"
    )
