"""BigQuery as a warehouse: estimates first, stays in the budget, cancels on Ctrl-C.

Each query is first a dry run, which is free: it must be one SELECT over allowed tables, return
what its header declares, and fit the budget. Then all run in parallel. `doctor_checks` finds
what keeps them from running.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import TypeVar

from google.cloud.bigquery import QueryJob
from msgspec.structs import replace

from handoff.base.problems import HandoffError, nearest
from handoff.base.progress import Progress
from handoff.facts.recorded import MAX_ROWS, Column, Failure, QueryResult
from handoff.project.settings import BigQuerySettings as Settings
from handoff.sql.query import BoundQuery, Query, read
from handoff.sql.tables import Tables
from handoff.sql.types import BadType, BadValue
from handoff.warehouse.bigquery import wire
from handoff.warehouse.bigquery.catalogue import (
    Catalogue,
    describe_tables,
    read_table_infos,
)
from handoff.warehouse.bigquery.client import (
    GRACE_SECONDS,
    Cancelled,
    Connection,
    Jobs,
    connect,
    endpoint,
    resource,
    run_parallel,
    takes_credentials,
)
from handoff.warehouse.bigquery.dry_run import (
    BilledCost,
    CostEstimate,
    QueryBudget,
    allot,
    bill_line,
    read_plan,
    refuse_plan,
    refuse_reads,
    refuse_text,
)
from handoff.warehouse.bigquery.errors import ExplainedError, explain, too_slow
from handoff.warehouse.port import (
    DoctorStep,
    ResultTooLarge,
    TableInfo,
    describe_differences,
    too_many_rows,
)

RETRY_SECONDS = 60.0
_OVERDUE_SECONDS = 5.0
"""After a query should have ended by itself, its thread is left alone."""

A = TypeVar("A")
B = TypeVar("B")
T = TypeVar("T")


class BigQueryWarehouse:
    """Runs queries as jobs of one project; connects before the first of them."""

    engine = "bigquery"

    def __init__(
        self, settings: Settings, progress: Progress, *, retry_seconds: float = RETRY_SECONDS
    ) -> None:
        wire.check_labels(settings)
        self._settings = settings
        self._progress = progress
        self._retry_seconds = retry_seconds
        self._reporting = threading.Lock()
        self.bills: list[BilledCost] = []
        """Of every query that has run, in the order they finished."""
        self.links: list[str] = []
        """Where to see each job, in the order they were started."""
        self._parts: tuple[Connection, Jobs, Catalogue] | None = None

    def run(self, queries: Sequence[BoundQuery]) -> tuple[QueryResult | Failure, ...]:
        """A result or a failure for each query, in order; none affects the others.

        Interrupted, it cancels the running jobs before it raises KeyboardInterrupt. Raises
        UsageError and WorldError where BigQuery cannot run any query.
        """
        if not queries:
            return ()
        estimates = self._all(self._estimate, queries, "checked")
        budgets = allot(estimates, self._settings, at=_now())
        pairs = list(zip(queries, budgets, strict=True))
        return tuple(self._all(self._run_within, pairs, "done"))

    def estimate(self, queries: Sequence[BoundQuery]) -> tuple[CostEstimate | Failure, ...]:
        """What each query would cost, by dry runs; nothing is billed."""
        return tuple(self._all(self._estimate_with_cache, queries, "estimated"))

    def columns(self, query: Query) -> tuple[Column, ...] | Failure:
        bound = BoundQuery("result", query, dict.fromkeys(query.param_types))
        return self._try(bound, lambda: self._columns(bound))

    def cost(self) -> str | None:
        return bill_line(self.bills, self._settings.price_per_tib) if self.bills else None

    def job_links(self) -> Sequence[str]:
        return tuple(self.links)

    def schema(self, datasets: Collection[str]) -> Tables:
        connection, _, _ = self._connect()
        project = str(connection.client.project)
        names = [wire.dataset_of(each, project) for each in sorted(datasets)]
        return {
            dataset: describe_tables(connection, owner, dataset, self._report)
            for owner, dataset in names
        }

    def table_infos(self, names: Sequence[str]) -> Sequence[TableInfo]:
        connection, _, _ = self._connect()
        return read_table_infos(connection, names, self._settings, self._report)

    def close(self) -> None:
        if self._parts is not None:
            self._parts[0].close()

    # --- one query ---

    def _estimate(self, bound: BoundQuery) -> CostEstimate | Failure:
        return self._try(bound, lambda: self._check(bound))

    def _estimate_with_cache(self, bound: BoundQuery) -> CostEstimate | Failure:
        return self._try(bound, lambda: self._check_cache(bound, self._check(bound)))

    def _run_within(
        self, query_and_budget: tuple[BoundQuery, QueryBudget | Failure]
    ) -> QueryResult | Failure:
        bound, budget = query_and_budget
        if isinstance(budget, Failure):
            return budget
        return self._try(bound, lambda: self._run(bound, budget))

    def _try(self, bound: BoundQuery, do: Callable[[], B | Failure]) -> B | Failure:
        connection, _, catalogue = self._connect()
        try:
            return do()
        except Cancelled:
            return Failure("interrupted", _now())
        except (ResultTooLarge, BadValue, BadType) as error:
            return _refused(f"{bound.query.path}: {error}")
        except Exception as error:
            explained = _explain(error, bound.query, connection, catalogue, self._settings)
            if explained is None:
                raise
            return Failure(explained.message, _now(), explained.exit_code)

    def _check(self, bound: BoundQuery) -> CostEstimate | Failure:
        connection, jobs, catalogue = self._connect()
        query, project = bound.query, str(connection.client.project)
        reason = refuse_text(query)
        if reason:
            return _refused(reason)
        configuration = wire.dry_run_configuration(bound, self._settings, project)
        plan = read_plan(resource(jobs.dry_run(query.text, configuration)))
        reason = refuse_plan(query, plan, self._settings, project, catalogue.is_view)
        if reason:
            return _refused(reason)
        return CostEstimate(
            fact=bound.fact,
            query=query.name,
            bytes_processed=plan.bytes_processed,
            tables=plan.tables,
            is_bound=plan.is_bound,
            is_high=plan.is_high,
        )

    def _columns(self, bound: BoundQuery) -> tuple[Column, ...] | Failure:
        connection, jobs, _ = self._connect()
        reason = refuse_text(bound.query)
        if reason:
            return _refused(reason)
        project = str(connection.client.project)
        configuration = wire.dry_run_configuration(bound, self._settings, project)
        plan = read_plan(resource(jobs.dry_run(bound.query.text, configuration)))
        return tuple(plan.columns) if plan.columns else _refused("the dry run has no columns")

    def _check_cache(
        self, bound: BoundQuery, estimate: CostEstimate | Failure
    ) -> CostEstimate | Failure:
        if isinstance(estimate, Failure):
            return estimate
        connection, jobs, _ = self._connect()
        project = str(connection.client.project)
        configuration = wire.dry_run_configuration(
            bound, self._settings, project, use_cache=True
        )
        job = jobs.dry_run(bound.query.text, configuration)
        return replace(estimate, cached=read_plan(resource(job)).cached)

    def _run(self, bound: BoundQuery, budget: QueryBudget) -> QueryResult | Failure:
        connection, jobs, catalogue = self._connect()
        project = str(connection.client.project)
        configuration = wire.run_configuration(
            bound, self._settings, project, maximum_bytes_billed=budget.maximum_bytes_billed
        )

        def add_link(job: QueryJob) -> None:
            self.links.append(f"{bound.query.path}: {job_link(job, self._settings)}")

        job, pages = jobs.run(
            bound.query.text, configuration, max_rows=MAX_ROWS + 1, on_start=add_link
        )
        statistics = wire.read_response(resource(job), wire.JobResource).statistics
        billed, cached = statistics.query.total_bytes_billed, statistics.query.cache_hit
        self.bills.append(BilledCost(bound.fact, billed or 0, cached))
        # a view may have been replaced since the dry run
        read = (*statistics.query.referenced_tables, *statistics.query.referenced_routines)
        paths = [each.names for each in read]
        reason = refuse_reads(bound.query, paths, self._settings, project, catalogue.is_view)
        if reason:
            return _refused(f"{reason}; its result is withheld")
        first = next(pages)
        response = wire.read_response(first, wire.QueryResponse)
        columns = wire.columns(response.schema.fields)
        reason = describe_differences(bound.query, columns)
        if reason:
            return _refused(reason)
        if response.total_rows > MAX_ROWS:
            raise too_many_rows(response.total_rows)
        with wire.response_errors():
            ended = statistics.end_time
            ran_at = _now() if ended is None else datetime.fromtimestamp(ended / 1000, UTC)
            rows = wire.rows(chain([first], pages), columns, response.total_rows)
        return QueryResult(columns, rows, str(job.job_id), billed, ran_at)

    # --- all queries ---

    def _all(
        self, do: Callable[[A], B | Failure], things: Sequence[A], word: str
    ) -> list[B | Failure]:
        _, jobs, _ = self._connect()

        def progress(count: int) -> None:
            self._report(f"BigQuery: {count} of {len(things)} {word}")

        def overdue(_: A) -> Failure:
            jobs.cancel_overdue()
            return Failure(too_slow(self._settings), _now())

        try:
            return run_parallel(
                do,
                things,
                threads=self._settings.concurrency,
                progress=progress,
                seconds=self._settings.timeout_seconds + GRACE_SECONDS + _OVERDUE_SECONDS,
                overdue=overdue,
            )
        except BaseException:
            # Ctrl-C above all: the client lets jobs run on, and they are billed
            self._report("BigQuery: cancelling")
            jobs.stop()
            raise

    def _connect(self) -> tuple[Connection, Jobs, Catalogue]:
        if self._parts is None:
            connection = connect(
                self._settings, retry_seconds=self._retry_seconds, progress=self._report
            )
            jobs = Jobs(connection, self._settings.timeout_seconds)
            self._parts = connection, jobs, Catalogue(connection)
        return self._parts

    def _report(self, text: str) -> None:
        with self._reporting:
            self._progress(text)


def _refused(message: str) -> Failure:
    """A failure that the author must fix."""
    return Failure(message, _now(), exit_code=1)


def _explain(
    error: Exception,
    query: Query,
    connection: Connection,
    catalogue: Catalogue,
    settings: Settings,
) -> ExplainedError | None:
    project = str(connection.client.project)
    return explain(error, query, project=project, settings=settings, catalogue=catalogue)


def job_link(job: QueryJob, settings: Settings) -> str:
    """The page of `job` in the console; at another server only its id."""
    server = endpoint(settings)
    if not takes_credentials(server):
        return f"job {job.job_id} at {server}"
    return (
        f"https://console.cloud.google.com/bigquery?project={job.project}"
        f"&j=bq:{job.location}:{job.job_id}&page=queryresults"
    )


def _now() -> datetime:
    return datetime.now(UTC)


# --- checks of the setup -----------------------------------------------------------------

_CLOCK_TOLERANCE = timedelta(seconds=60)
"""`as_of` is to the minute; credentials are rejected at five."""


def doctor_checks(settings: Settings, *, retry_seconds: float = 10.0) -> Iterator[DoctorStep]:
    """The finding of each step; stops at the first that the others depend on."""
    try:
        wire.check_labels(settings)
        yield _endpoint(settings)
        connection = connect(settings, retry_seconds=retry_seconds, progress=lambda _: None)
    except HandoffError as error:
        # each message is 'what, what to do'
        detail, _, fix = str(error).partition(", ")
        yield DoctorStep("credentials", False, detail, fix)
        return
    try:
        yield DoctorStep("credentials", True, _account(connection, settings))
        yield DoctorStep("project", True, str(connection.client.project))
        yield _dry_run(connection, settings)
        if settings.dataset:
            yield _dataset(connection, settings, settings.dataset)
        if connection.clock.ahead is not None:  # not every server sends its time
            yield _clock(connection.clock.ahead)
    finally:
        connection.close()


def _endpoint(settings: Settings) -> DoctorStep:
    server = endpoint(settings)
    if server is None:
        return DoctorStep("endpoint", True, "bigquery.googleapis.com")
    sent = "" if takes_credentials(server) else ", without credentials"
    return DoctorStep("endpoint", True, f"{server}{sent}")


def _account(connection: Connection, settings: Settings) -> str:
    credentials = connection.credentials
    if settings.impersonate:
        return f"impersonating {settings.impersonate}"
    account = getattr(credentials, "service_account_email", None)
    return str(account or getattr(credentials, "account", None) or type(credentials).__name__)


def _dry_run(connection: Connection, settings: Settings) -> DoctorStep:
    query = read(b"-- returns: n INT64\nSELECT 1 AS n", "SELECT 1", "doctor.sql")
    bound = BoundQuery("doctor", query, {"as_of": datetime.now(UTC)})
    configuration = wire.dry_run_configuration(bound, replace(settings, dataset=None))
    try:
        job = Jobs(connection, settings.timeout_seconds).dry_run(query.text, configuration)
    except Exception as error:
        explained = _explain(error, query, connection, Catalogue(connection), settings)
        if explained is None:
            raise
        detail, _, fix = explained.message.partition(", ")
        return DoctorStep("dry run", False, detail, fix)
    where = job.location or "the default location"
    return DoctorStep("dry run", True, f"SELECT 1 in {where}")


def _dataset(connection: Connection, settings: Settings, name: str) -> DoctorStep:
    project, dataset = wire.dataset_of(name, str(connection.client.project))
    catalogue = Catalogue(connection)
    location = catalogue.location(project, dataset)
    if location is None:
        hint = nearest(dataset, catalogue.datasets(project))
        detail = f"no dataset '{project}.{dataset}', or no access"
        return DoctorStep("dataset", False, detail, f"check 'bigquery: dataset:'{hint}")
    if settings.location and settings.location.casefold() != location.casefold():
        detail = f"'{project}.{dataset}' is in {location}, jobs run in {settings.location}"
        return DoctorStep("dataset", False, detail, f"set 'bigquery: location: {location}'")
    return DoctorStep("dataset", True, f"{project}.{dataset} in {location}")


def _clock(ahead: timedelta) -> DoctorStep:
    seconds = round(ahead.total_seconds(), -1)
    if abs(ahead) < _CLOCK_TOLERANCE:
        return DoctorStep("clock", True, "agrees with the server's")
    word = "ahead of" if seconds > 0 else "behind"
    detail = f"{abs(seconds):.0f} s {word} the server's"
    return DoctorStep("clock", False, detail, "set the clock (NTP)")
