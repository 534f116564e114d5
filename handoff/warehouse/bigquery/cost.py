"""What queries cost on BigQuery: estimates, the limit of each, and the budget."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from handoff.facts.recorded import Failure
from handoff.project.settings import BigQuerySettings as Settings

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


def line(bills: Sequence[BilledCost], per_tib: float) -> str:
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
