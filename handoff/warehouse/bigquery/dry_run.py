"""Dry runs: what BigQuery would do with a query, whether it may run, and what it costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from handoff.facts.recorded import Column, Failure
from handoff.project.settings import BigQuerySettings as Settings
from handoff.sql.query import Lexeme, Query, lexemes
from handoff.warehouse.bigquery.wire import (
    JobResource,
    columns,
    dataset_of,
    read_response,
)
from handoff.warehouse.port import describe_differences

Resource = Mapping[str, object]
"""A job: https://cloud.google.com/bigquery/docs/reference/rest/v2/Job"""


class DryRunPlan(Struct, frozen=True):
    statement_type: str | None
    """`SELECT`, `SCRIPT`, `EXPORT_DATA`; `None` from a server that does not report it."""
    reads: tuple[tuple[str, str, str], ...]
    """Project, dataset and name of every table."""
    calls: tuple[tuple[str, str, str], ...]
    """Project, dataset and name of every routine."""
    bytes_processed: int
    is_bound: bool
    """`False` where `bytes_processed` is only a guess."""
    cached: bool
    columns: tuple[Column, ...] | None
    """`None` from a server that does not report them."""

    @property
    def tables(self) -> tuple[str, ...]:
        return tuple(".".join(each) for each in self.reads)


def read_plan(resource: Resource) -> DryRunPlan:
    """The plan in the resource of a dry run. Raises WrongResponse."""
    statistics = read_response(resource, JobResource).statistics
    query = statistics.query
    processed = query.total_bytes_processed or statistics.total_bytes_processed or 0
    return DryRunPlan(
        statement_type=query.statement_type,
        reads=tuple(each.names for each in query.referenced_tables),
        calls=tuple(each.names for each in query.referenced_routines),
        bytes_processed=processed,
        is_bound=query.total_bytes_processed_accuracy not in ("LOWER_BOUND", "UNKNOWN"),
        cached=query.cache_hit,
        columns=columns(query.schema.fields) if query.schema else None,
    )


# --- whether the query may run -----------------------------------------------------------


def refuse_text(query: Query) -> str | None:
    """Why the text of `query` may not even be sent; `None`: it may.

    A dry run does not list what EXTERNAL_QUERY reads: it is another database's.
    """
    every = list(lexemes(query.text))
    if not _is_one_select(every):
        return f"{query.path}: expected one SELECT"
    for lexeme in every:
        if lexeme.kind not in ("word", "quoted"):
            continue
        name = lexeme.text.strip("`")
        # an identifier in backticks has the escapes of a string: `EXTERNAL\x5fQUERY`
        escaped = lexeme.kind == "quoted" and "\\" in name
        if name.casefold() == "external_query" or escaped:
            what = f"{lexeme.text} with an escape" if escaped else "EXTERNAL_QUERY"
            return f"{query.place_of(name)}: {what} is refused, read a table of BigQuery"
    return None


def _is_one_select(every: Sequence[Lexeme]) -> bool:
    """Checked before BigQuery gets a dry run: an emulator runs what it should only check."""
    kinds = [lexeme.kind for lexeme in every]
    statement = kinds[: kinds.index("end")] if "end" in kinds else kinds
    starts = bool(statement) and every[0].text.upper() in ("SELECT", "WITH", "(")
    return starts and set(kinds[len(statement) :]) <= {"end"}


def refuse_plan(query: Query, plan: DryRunPlan, settings: Settings, project: str) -> str | None:
    """Why what BigQuery would do is refused; `None`: it may run."""
    if plan.statement_type not in (None, "SELECT"):
        return f"{query.path}: expected one SELECT, BigQuery found {plan.statement_type}"
    outside = _outside_datasets(query, plan, settings, project)
    return outside or describe_differences(query, plan.columns)


def _outside_datasets(
    query: Query, plan: DryRunPlan, settings: Settings, project: str
) -> str | None:
    if not settings.allowed_datasets:
        return None
    if plan.statement_type is None:
        return (
            f"{query.path}: the server does not report which tables the query reads, which"
            " 'bigquery: allowed_datasets:' requires"
        )
    allowed = {dataset_of(each, project) for each in settings.allowed_datasets}
    for owner, dataset, name in (*plan.reads, *plan.calls):
        if (owner, dataset) not in allowed:
            place = query.place_of(name, dataset)
            datasets = ", ".join(settings.allowed_datasets)
            return (
                f"{place}: '{owner}.{dataset}.{name}' is not in an allowed dataset ({datasets})"
            )
    return None


# --- estimates and budgets ------------------------------------------------------------------

MIB = 2**20
TIB = 2**40
MINIMUM = 10 * MIB
"""Billed for each table a query reads: https://cloud.google.com/bigquery/pricing"""
_GROWTH = 1.1
"""A table that is written to grows between the dry run and the run."""


class CostEstimate(Struct, frozen=True):
    """What a query will cost, by its dry run."""

    fact: str
    query: str
    """`orchestrator/phases.sql`."""
    bytes_processed: int
    tables: tuple[str, ...]
    """`project.dataset.table`, as the dry run lists them."""
    is_bound: bool = True
    """`False` where BigQuery can only guess, as over external tables."""
    cached: bool = False
    """The result is in BigQuery's cache: another run bills nothing."""

    @property
    def bytes_billed(self) -> int:
        """Rounded up as the bill is: to MiB, and to 10 MiB for each table."""
        if not self.bytes_processed:
            return 0
        return max(_rounded(self.bytes_processed), MINIMUM * max(1, len(self.tables)))

    @property
    def ceiling(self) -> int | None:
        """What the query surely stays under; `None` where that is not known."""
        if not self.is_bound:
            return None
        headroom = MINIMUM * max(1, len(self.tables))
        return _rounded(int(self.bytes_processed * _GROWTH)) + headroom


class BilledCost(Struct, frozen=True):
    """What a query cost."""

    fact: str
    bytes_billed: int
    cached: bool


class QueryBudget(Struct, frozen=True):
    """Permission to run a query."""

    maximum_bytes_billed: int | None


def allot(
    estimates: Sequence[CostEstimate | Failure], settings: Settings, *, at: datetime
) -> tuple[QueryBudget | Failure, ...]:
    """A budget, or why there is none, for each estimate; a failure stays what it is.

    All budgets together never exceed `max_bytes_render`, unless BigQuery cannot estimate a
    query and no `max_bytes_query` limits it.
    """
    cap, total = settings.max_bytes_query, settings.max_bytes_render
    fitting = [
        each
        for each in estimates
        if isinstance(each, CostEstimate) and (cap is None or each.bytes_billed <= cap)
    ]
    needed = sum(each.bytes_billed for each in fitting)
    over = _over_total(fitting, total) if total is not None and needed > total else None
    share = (total - needed) // len(fitting) if total is not None and fitting else None

    def budget(each: CostEstimate | Failure) -> QueryBudget | Failure:
        if isinstance(each, Failure):
            return each
        if cap is not None and each.bytes_billed > cap:
            return Failure(_over_cap(each, cap), at, exit_code=1)
        if over and each.bytes_billed:
            return Failure(over, at, exit_code=1)
        left = None if share is None or over else each.bytes_billed + share
        limits = [limit for limit in (each.ceiling, cap, left) if limit is not None]
        return QueryBudget(max(MINIMUM, min(limits)) if limits else None)

    return tuple(map(budget, estimates))


def _over_cap(estimate: CostEstimate, cap: int) -> str:
    return (
        f"not run: it would bill {size(estimate.bytes_billed)}, over max_bytes_query"
        f" ({size(cap)}), read fewer columns or partitions, or raise the limit"
    )


def _over_total(estimates: Sequence[CostEstimate], total: int) -> str:
    largest = max(estimates, key=lambda each: each.bytes_billed)
    needed = sum(each.bytes_billed for each in estimates)
    return (
        f"not run: all queries together would bill {size(needed)}, over max_bytes_render"
        f" ({size(total)}), most of it {largest.query} with {size(largest.bytes_billed)}"
    )


def bill_line(bills: Sequence[BilledCost], per_tib: float) -> str:
    """`3 queries, 1 from the cache, 20.0 MiB billed, $0.00012`."""
    total = sum(each.bytes_billed for each in bills)
    cached = sum(each.cached for each in bills)
    parts = [
        "1 query" if len(bills) == 1 else f"{len(bills)} queries",
        *([f"{cached} from the cache"] if cached else []),
        f"{size(total)} billed",
        price(total, per_tib),
    ]
    return ", ".join(parts)


def price(bytes_billed: int, per_tib: float) -> str:
    """`$1.25` for on-demand billing; `$0.00006` under a cent."""
    usd = bytes_billed / TIB * per_tib
    return f"${usd:,.2f}" if usd >= 0.01 or not usd else f"${usd:.5f}"


def size(n: int) -> str:
    """`1.2 GiB`; whole bytes under a KiB."""
    scaled = float(n)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(scaled) < 1024:
            return f"{scaled:.0f} {unit}" if unit == "B" else f"{scaled:,.1f} {unit}"
        scaled /= 1024
    return f"{scaled:,.1f} TiB"


def _rounded(n: int) -> int:
    return -(-n // MIB) * MIB
