"""BigQuery as a warehouse: cheap, safe, and cancelled when it is interrupted.

Each question is first a dry run, which costs nothing: it must be one SELECT over allowed
tables, return what its header says, and fit the budget. Then all run at once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from typing import TypeVar

from msgspec.structs import replace

from handoff.facts.recorded import MAX_ROWS, Failure, QueryResult
from handoff.project.settings import BigQuerySettings as Settings
from handoff.sql.tables import Tables
from handoff.sql.types import BadType, BadValue
from handoff.warehouse import BoundQuery, Progress
from handoff.warehouse.bigquery import cost, request, result
from handoff.warehouse.bigquery.catalogue import Catalogue, described
from handoff.warehouse.bigquery.client import Connection, connect
from handoff.warehouse.bigquery.cost import BilledCost, CostEstimate, QueryBudget
from handoff.warehouse.bigquery.dry_run import plan, refused_plan, refused_words
from handoff.warehouse.bigquery.errors import explain
from handoff.warehouse.bigquery.jobs import Cancelled, Jobs, resource
from handoff.warehouse.result import ResultTooLarge, different, too_many_rows
from handoff.warehouse.workers import each_of

RETRY_SECONDS = 60.0

A = TypeVar("A")
B = TypeVar("B")


class BigQueryWarehouse:
    """Answers questions with the jobs of one project; connects when it is first asked."""

    engine = "bigquery"

    def __init__(
        self, settings: Settings, progress: Progress, *, retry_seconds: float = RETRY_SECONDS
    ) -> None:
        request.check_labels(settings)
        self._settings = settings
        self._progress = progress
        self._retry_seconds = retry_seconds
        self._telling = threading.Lock()
        self.bills: list[BilledCost] = []
        """Of every answer that was had, in the order they came."""
        self._parts: tuple[Connection, Jobs, Catalogue] | None = None

    def answers(self, asked: Sequence[BoundQuery]) -> tuple[QueryResult | Failure, ...]:
        """One answer or failure for each question, in order; a failure takes no other down.

        Interrupted, it cancels the jobs that run before it raises KeyboardInterrupt. Raises
        UsageError and WorldError where BigQuery cannot be asked anything at all.
        """
        if not asked:
            return ()
        estimates = self._all(self._estimate, asked, "checked")
        granted = cost.grants(estimates, self._settings, at=_now())
        return tuple(
            self._all(self._answer, list(zip(asked, granted, strict=True)), "answered")
        )

    def estimates(self, asked: Sequence[BoundQuery]) -> tuple[CostEstimate | Failure, ...]:
        """What each question would cost, by dry runs; nothing is billed."""
        return tuple(self._all(self._estimate_with_cache, asked, "estimated"))

    def cost(self) -> str | None:
        return cost.line(self.bills, self._settings.price_per_tib) if self.bills else None

    def schema(self, datasets: Collection[str]) -> Tables:
        connection, _, _ = self._connected()
        project = str(connection.client.project)
        named = [request.dataset_of(each, project) for each in sorted(datasets)]
        return {
            dataset: described(connection, owner, dataset, self._tell)
            for owner, dataset in named
        }

    def close(self) -> None:
        if self._parts is not None:
            self._parts[0].close()

    # --- one question ---

    def _estimate(self, asked: BoundQuery) -> CostEstimate | Failure:
        return self._tried(asked, lambda: self._checked(asked))

    def _estimate_with_cache(self, asked: BoundQuery) -> CostEstimate | Failure:
        return self._tried(asked, lambda: self._with_cache(asked, self._checked(asked)))

    def _answer(
        self, asked_and_grant: tuple[BoundQuery, QueryBudget | Failure]
    ) -> QueryResult | Failure:
        asked, grant = asked_and_grant
        if isinstance(grant, Failure):
            return grant
        return self._tried(asked, lambda: self._ran(asked, grant))

    def _tried(self, asked: BoundQuery, do: Callable[[], B | Failure]) -> B | Failure:
        connection, _, catalogue = self._connected()
        try:
            return do()
        except Cancelled:
            return Failure("interrupted", _now())
        except (ResultTooLarge, BadValue, BadType) as error:
            return _mend(f"{asked.query.path}: {error}")
        except Exception as error:
            explained = explain(
                error,
                asked.query,
                project=str(connection.client.project),
                settings=self._settings,
                catalogue=catalogue,
            )
            if explained is None:
                raise
            return Failure(explained.message, _now(), explained.exit_code)

    def _checked(self, asked: BoundQuery) -> CostEstimate | Failure:
        connection, jobs, _ = self._connected()
        refused = refused_words(asked.query)
        if refused:
            return _mend(refused)
        job = jobs.dry_run(
            asked.query.text, request.dry_run(asked, self._settings, use_cache=False)
        )
        found = plan(resource(job))
        project = str(connection.client.project)
        refused = refused_plan(asked.query, found, self._settings, project)
        if refused:
            return _mend(refused)
        return CostEstimate(
            fact=asked.fact,
            question=asked.query.name,
            bytes_processed=found.bytes_processed,
            tables=found.tables,
            is_bound=found.is_bound,
        )

    def _with_cache(
        self, asked: BoundQuery, estimate: CostEstimate | Failure
    ) -> CostEstimate | Failure:
        if isinstance(estimate, Failure):
            return estimate
        _, jobs, _ = self._connected()
        job = jobs.dry_run(
            asked.query.text, request.dry_run(asked, self._settings, use_cache=True)
        )
        return replace(estimate, cached=plan(resource(job)).cached)

    def _ran(self, asked: BoundQuery, grant: QueryBudget) -> QueryResult | Failure:
        _, jobs, _ = self._connected()
        configuration = request.run(
            asked, self._settings, maximum_bytes_billed=grant.maximum_bytes_billed
        )
        job, rows = jobs.run(asked.query.text, configuration, max_rows=MAX_ROWS + 1)
        self.bills.append(
            BilledCost(asked.fact, job.total_bytes_billed or 0, job.cache_hit is True)
        )
        columns = result.columns([each.to_api_repr() for each in rows.schema])
        refused = different(asked.query, columns)
        if refused:
            return _mend(refused)
        if rows.total_rows is not None and rows.total_rows > MAX_ROWS:
            raise too_many_rows(rows.total_rows)
        pages = (page.raw_page for page in rows.pages) if rows.total_rows else ()
        return QueryResult(
            columns=columns,
            rows=result.rows(pages, columns),
            job_id=job.job_id,
            bytes_billed=job.total_bytes_billed,
            ran_at=(job.ended or _now()).astimezone(UTC),
        )

    # --- all together ---

    def _all(self, do: Callable[[A], B], things: Sequence[A], word: str) -> list[B]:
        _, jobs, _ = self._connected()

        def told(count: int) -> None:
            self._tell(f"BigQuery: {count} of {len(things)} {word}")

        try:
            return each_of(do, things, at_once=self._settings.concurrency, told=told)
        except BaseException:
            # Ctrl-C above all: the client lets jobs run on, and they are paid for
            self._tell("BigQuery: cancelling")
            jobs.stop()
            raise

    def _connected(self) -> tuple[Connection, Jobs, Catalogue]:
        if self._parts is None:
            connection = connect(
                self._settings, retry_seconds=self._retry_seconds, told=self._tell
            )
            jobs = Jobs(connection, self._settings.timeout_seconds)
            self._parts = connection, jobs, Catalogue(connection)
        return self._parts

    def _tell(self, text: str) -> None:
        with self._telling:
            self._progress(text)


def _mend(message: str) -> Failure:
    return Failure(message, _now(), exit_code=1)


def _now() -> datetime:
    return datetime.now(UTC)
