"""Dry runs: what BigQuery would do with a query, whether it may run, and what it costs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from handoff.base.patterns import lazy_pattern
from handoff.facts.recorded import Column, Failure
from handoff.project.settings import BigQuerySettings as Settings
from handoff.sql.query import STARTS, Lexeme, Query, lexemes, main_statement
from handoff.warehouse.bigquery.wire import (
    JobResource,
    TableName,
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
    """`False` where `bytes_processed` is only a guess, or hidden."""
    is_high: bool
    """Whether far less may be read than `bytes_processed`."""
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
    accuracy = query.total_bytes_processed_accuracy
    tables = query.referenced_tables
    processed = query.total_bytes_processed or statistics.total_bytes_processed or 0
    return DryRunPlan(
        statement_type=query.statement_type,
        reads=tuple(each.names for each in query.referenced_tables),
        calls=tuple(each.names for each in query.referenced_routines),
        bytes_processed=processed,
        # of tables with row-level security the bytes are hidden, and reported as none
        is_bound=accuracy not in ("LOWER_BOUND", "UNKNOWN") and bool(processed or not tables),
        is_high=accuracy == "UPPER_BOUND" or any(map(_is_metadata, tables)),
        cached=query.cache_hit,
        columns=columns(query.schema.fields) if query.schema else None,
    )


def _is_metadata(table: TableName) -> bool:
    """Whether it is a view such as INFORMATION_SCHEMA.JOBS: a dry run counts all days."""
    return "INFORMATION_SCHEMA" in f"{table.dataset_id}.{table.table_id}".upper()


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
    found = main_statement(every)
    kinds = [lexeme.kind for lexeme in found]
    statement = kinds[: kinds.index("end")] if "end" in kinds else kinds
    starts = bool(statement) and found[0].text.upper() in STARTS
    return starts and set(kinds[len(statement) :]) <= {"end"}


def refuse_plan(
    query: Query, plan: DryRunPlan, settings: Settings, project: str, is_view: IsView
) -> str | None:
    """Why what BigQuery would do is refused; `None`: it may run."""
    if plan.statement_type not in (None, "SELECT"):
        return f"{query.path}: expected one SELECT, BigQuery found {plan.statement_type}"
    if settings.allowed_datasets and plan.statement_type is None:
        return (
            f"{query.path}: the server does not report which tables the query reads, which"
            " 'bigquery: allowed_datasets:' requires"
        )
    outside = refuse_reads(query, (*plan.reads, *plan.calls), settings, project, is_view)
    return outside or describe_differences(query, plan.columns)


TablePath = tuple[str, str, str]
"""Project, dataset and name of a table or a routine."""
IsView = Callable[[TablePath], bool]


def refuse_reads(
    query: Query,
    reads: Sequence[TablePath],
    settings: Settings,
    project: str,
    is_view: IsView,
) -> str | None:
    """Why what a query reads is refused; `None`: all of it is in `allowed_datasets`.

    A view in an allowed dataset may read tables elsewhere, as an authorized view does: the
    owner of the dataset has decided it. It is the view that reads a table if the text does
    not name the dataset of the table.
    """
    if not settings.allowed_datasets:
        return None
    allowed = {dataset_of(each, project) for each in settings.allowed_datasets}
    outside = [each for each in reads if each[:2] not in allowed]
    if not outside:
        return None
    datasets = ", ".join(settings.allowed_datasets)
    default = dataset_of(settings.dataset, project) if settings.dataset else None
    views = [each for each in _named(query, project, default) if each[:2] in allowed]
    has_view: bool | None = None
    for owner, dataset, name in outside:
        is_named = _mentions(query, dataset) and (owner == project or owner in query.text)
        if not is_named and (owner, dataset) != default:
            has_view = any(map(is_view, views)) if has_view is None else has_view
            if has_view:
                continue
        place = query.place_of(name, dataset)
        return f"{place}: '{owner}.{dataset}.{name}' is not in an allowed dataset ({datasets})"
    return None


def _mentions(query: Query, dataset: str) -> bool:
    """Whether the text names `dataset`, or could in a string; comments do not count."""
    word = re.compile(rf"(?<!\w){re.escape(dataset)}(?!\w)", re.IGNORECASE)
    return any(word.search(lexeme.text) for lexeme in lexemes(query.text))


_PATH = lazy_pattern(r"[\w-]+(?:\.[\w-]+)+")
_UNQUALIFIED = lazy_pattern(r"(?i)\b(?:FROM|JOIN)\s+([\w-]+)")


def _named(query: Query, project: str, default: tuple[str, str] | None) -> Iterator[TablePath]:
    """What the text of `query` may name as a table, with the project and dataset."""
    text = query.text.replace("`", "")
    for found in dict.fromkeys(_PATH.findall(text)):
        *owner, dataset, name = found.split(".")[:3]
        yield owner[0] if owner else project, dataset, name
    for name in dict.fromkeys(_UNQUALIFIED.findall(text)):
        if default is None:
            return
        yield default[0], default[1], name


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
    """`False` where BigQuery can only guess, as over external tables, or hides the bytes."""
    cached: bool = False
    """The result is in BigQuery's cache: another run bills nothing."""
    is_high: bool = False
    """Whether far less may be billed, as over INFORMATION_SCHEMA.JOBS."""

    @property
    def bytes_billed(self) -> int:
        """Rounded up as the bill is: to MiB, and to 10 MiB for each table."""
        if not self.bytes_processed:
            return 0
        return max(_rounded(self.bytes_processed), MINIMUM * max(1, len(self.tables)))

    @property
    def is_hidden(self) -> bool:
        """Whether BigQuery does not report the bytes: they are not known, not 0."""
        return not self.is_bound and not self.bytes_processed

    @property
    def bytes_needed(self) -> int:
        """What a budget has to hold at least: what an estimate that is too high says is not."""
        if not self.is_high:
            return self.bytes_billed
        return min(self.bytes_billed, MINIMUM * max(1, len(self.tables)))

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
        if isinstance(each, CostEstimate) and (cap is None or each.bytes_needed <= cap)
    ]
    needed = sum(each.bytes_needed for each in fitting)
    over = _over_total(fitting, total) if total is not None and needed > total else None
    share = (total - needed) // len(fitting) if total is not None and fitting else None

    def budget(each: CostEstimate | Failure) -> QueryBudget | Failure:
        if isinstance(each, Failure):
            return each
        if cap is not None and each.bytes_needed > cap:
            return Failure(_over_cap(each, cap), at, exit_code=1)
        if over and (each.bytes_needed or not each.is_bound):
            return Failure(over, at, exit_code=1)
        left = None if share is None or over else each.bytes_needed + share
        limits = [limit for limit in (each.ceiling, cap, left) if limit is not None]
        return QueryBudget(max(MINIMUM, min(limits)) if limits else None)

    return tuple(map(budget, estimates))


def _over_cap(estimate: CostEstimate, cap: int) -> str:
    return (
        f"not run: it would bill {size(estimate.bytes_billed)}, over max_bytes_query"
        f" ({size(cap)}), read fewer columns or partitions, or raise the limit"
    )


def _over_total(estimates: Sequence[CostEstimate], total: int) -> str:
    largest = max(estimates, key=lambda each: each.bytes_needed)
    needed = sum(each.bytes_needed for each in estimates)
    return (
        f"not run: all queries together would bill {size(needed)}, over max_bytes_render"
        f" ({size(total)}), most of it {largest.query} with {size(largest.bytes_needed)}"
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
