from __future__ import annotations

from datetime import UTC, datetime

import pytest

from handoff.facts.recorded import Failure
from handoff.project.settings import BigQuerySettings as Settings
from handoff.warehouse.bigquery.dry_run import (
    MIB,
    TIB,
    BilledCost,
    CostEstimate,
    QueryBudget,
    allot,
    bill_line,
    price,
    size,
)

AT = datetime(2026, 1, 3, 16, 20, tzinfo=UTC)
TEN = 10 * MIB


def estimate(n_bytes: int, tables: int = 1, *, is_bound: bool = True) -> CostEstimate:
    names = tuple(f"p.d.t{n}" for n in range(tables))
    return CostEstimate("fact", "a/q.sql", n_bytes, names, is_bound=is_bound)


@pytest.mark.parametrize(
    ("n_bytes", "tables", "billed"),
    [
        (0, 1, 0),
        (1, 1, TEN),
        (1, 3, 3 * TEN),
        (11 * MIB + 1, 1, 12 * MIB),
        (5, 0, TEN),
    ],
)
def test_bill_is_rounded_up_for_each_table(n_bytes: int, tables: int, billed: int) -> None:
    assert estimate(n_bytes, tables).bytes_billed == billed


def test_ceiling_leaves_room_over_the_bill() -> None:
    for tables in (0, 1, 40):
        for n_bytes in (0, 1, 10 * MIB, 3 * 2**30 + 1):
            one = estimate(n_bytes, tables)
            assert one.ceiling is not None
            assert one.ceiling >= one.bytes_billed


def test_query_without_limits_still_has_its_ceiling() -> None:
    (grant,) = allot([estimate(100 * MIB)], Settings(), at=AT)

    assert grant == QueryBudget(120 * MIB)


def test_query_without_an_estimate_is_limited_by_the_cap_alone() -> None:
    one = [estimate(0, is_bound=False)]

    assert allot(one, Settings(), at=AT) == (QueryBudget(None),)
    assert allot(one, Settings(max_bytes_query=50 * MIB), at=AT) == (QueryBudget(50 * MIB),)


def test_query_over_its_cap_is_not_run_and_others_are() -> None:
    dear, cheap = allot(
        [estimate(200 * MIB), estimate(1)], Settings(max_bytes_query=100 * MIB), at=AT
    )

    assert dear == Failure(
        "not run: it would bill 200.0 MiB, over max_bytes_query (100.0 MiB), read fewer"
        " columns or partitions, or raise the limit",
        AT,
    )
    assert cheap == QueryBudget(11 * MIB)


def test_render_over_its_budget_asks_only_what_is_free() -> None:
    dear, free = allot(
        [estimate(200 * MIB), estimate(0)], Settings(max_bytes_render=100 * MIB), at=AT
    )

    assert dear == Failure(
        "not run: all queries together would bill 200.0 MiB, over max_bytes_render"
        " (100.0 MiB), most of it a/q.sql with 200.0 MiB",
        AT,
    )
    assert free == QueryBudget(TEN)


def test_grants_together_stay_in_the_budget() -> None:
    budget = 330 * MIB

    granted = allot([estimate(100 * MIB)] * 3, Settings(max_bytes_render=budget), at=AT)

    limits = [each.maximum_bytes_billed for each in granted if isinstance(each, QueryBudget)]
    assert limits == [110 * MIB] * 3


def test_failure_stays_what_it_is() -> None:
    failure = Failure("no", AT)

    assert allot([failure], Settings(max_bytes_render=1), at=AT) == (failure,)


@pytest.mark.parametrize(
    ("n", "said"), [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (3 * TIB, "3.0 TiB")]
)
def test_size(n: int, said: str) -> None:
    assert size(n) == said


@pytest.mark.parametrize(
    ("n", "said"), [(0, "$0.00"), (TEN, "$0.00006"), (TIB, "$6.25"), (1000 * TIB, "$6,250.00")]
)
def test_price(n: int, said: str) -> None:
    assert price(n, 6.25) == said


def test_line_of_a_render() -> None:
    bills = [BilledCost("a", 2 * TEN, cached=False), BilledCost("b", 0, cached=True)]

    assert bill_line(bills, 6.25) == "2 queries, 1 from the cache, 20.0 MiB billed, $0.00012"
    assert bill_line(bills[:1], 6.25) == "1 query, 20.0 MiB billed, $0.00012"
