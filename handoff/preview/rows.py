"""The rows of a saved query: from the embedded engine, or what it costs on BigQuery."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from handoff.base.characters import revealed
from handoff.base.problems import HandoffError
from handoff.base.report import counted
from handoff.facts.recorded import Failure, QueryResult
from handoff.preview.watcher import PreviewSnapshot
from handoff.project.project import Project
from handoff.session.model import QueryFact
from handoff.sql.query import BoundQuery
from handoff.sql.types import type_of
from handoff.values.printing import Typed, printed, timestamp_text
from handoff.workspace.load import bind_queries, load_session, open_project

MAX_ROWS = 50
"""That are shown of a result."""
SECONDS = 10.0
"""For a query of the embedded engine."""
_one_at_a_time = threading.Lock()

Found = Mapping[str, object]


def query_rows(shown: PreviewSnapshot, root: str, name: str, *, run: bool) -> Found:
    """The rows of the query with the parameters of each fact of the session that runs it.

    On BigQuery the cost of a dry run, unless `run` is set.
    """
    try:
        project = open_project(root)
        queries = _bind(project, shown, name)
        engine = project.settings.engine
        with _one_at_a_time:
            if engine == "bigquery" and not run:
                results = list(_costs(project, queries))
            else:
                results = list(_results(project, queries))
    except HandoffError as error:
        engine, results, queries = None, [_failed(error.lines)], []
    return {
        "engine": engine or "not run",
        "results": results,
        "can_run": engine == "bigquery" and not run and bool(queries),
    }


def _bind(
    project: Project, shown: PreviewSnapshot, name: str
) -> list[tuple[QueryFact, BoundQuery]]:
    loaded = load_session(project, shown.session)
    recorded = shown.facts.as_of if shown.facts else None
    as_of = loaded.session.as_of or recorded or datetime.now(UTC)
    as_of = as_of.astimezone(UTC).replace(second=0, microsecond=0)
    bound, _ = bind_queries(loaded.session, loaded.queries, as_of)
    return [pair for pair in bound if pair[0].sql == name]


def _results(
    project: Project, queries: Sequence[tuple[QueryFact, BoundQuery]]
) -> Iterator[Found]:
    from handoff.warehouse import engines  # slow: only for running

    chosen = engines.choose_engine(project, None)
    warehouse = engines.open_warehouse(project, chosen, lambda _: None, seconds=SECONDS)
    try:
        results = warehouse.run([query for _, query in queries])
        for (fact, query), result in zip(queries, results, strict=True):
            if isinstance(result, Failure):
                yield _failed(result.message)
            else:
                yield _rows(fact, query, result)
    finally:
        warehouse.close()


def _rows(fact: QueryFact, query: BoundQuery, result: QueryResult) -> Found:
    kept = [n for n, each in enumerate(result.columns) if each.name not in fact.redact]
    types = {n: type_of(result.columns[n].type) for n in kept}
    as_of = query.params.get("as_of")
    time = f", as of {timestamp_text(as_of)}" if isinstance(as_of, datetime) else ""
    more = f", the first {MAX_ROWS} are shown" if len(result.rows) > MAX_ROWS else ""
    return {
        "words": f"{fact.name}: {counted(len(result.rows), 'row')}{time}{more}; not recorded",
        "is_failure": False,
        "columns": [result.columns[n].name for n in kept],
        "rows": [
            [revealed(printed(Typed(row[n], types[n])) or "NULL") for n in kept]
            for row in result.rows[:MAX_ROWS]
        ],
    }


def _costs(
    project: Project, queries: Sequence[tuple[QueryFact, BoundQuery]]
) -> Iterator[Found]:
    from handoff.warehouse.bigquery.dry_run import price
    from handoff.warehouse.bigquery.warehouse import BigQueryWarehouse  # slow

    warehouse = BigQueryWarehouse(project.settings.bigquery, lambda _: None)
    try:
        for found in warehouse.estimate([query for _, query in queries]):
            if isinstance(found, Failure):
                yield _failed(found.message)
                continue
            if found.is_hidden:
                words = f"{found.query}: BigQuery does not report the bytes of this query"
                yield {"words": words, "is_failure": False}
                continue
            billed = 0 if found.cached else found.bytes_billed
            cost = price(billed, project.settings.bigquery.price_per_tib)
            words = f"{found.query}: a run bills {billed:,} bytes, {cost} (dry run)"
            yield {"words": words, "is_failure": False}
    finally:
        warehouse.close()


def _failed(message: str) -> Found:
    return {"words": message, "is_failure": True}
