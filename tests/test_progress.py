"""What follows from the rows of the contracts *phases* and *coverage*."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from handoff.base.blanks import blanks
from handoff.sql.query import CONTRACTS
from handoff.sql.types import Value, type_of, value_of
from handoff.values.progress import DERIVED, derive

FIXTURES = Path(__file__).parent / "fixtures" / "progress"
NOW = datetime(2026, 1, 3, 16, 20, tzinfo=UTC)
NEW_YORK = ZoneInfo("America/New_York")


def fixture(name: str) -> dict[str, Any]:
    """The file; what is said beside the columns of `derived` is put among them."""
    read: dict[str, Any] = yaml.safe_load((FIXTURES / name).read_text("utf-8"))
    for case in read["cases"]:
        case["derived"] |= {k: case[k] for k in ("eta", "eta_method") if k in case}
    return read


PHASES, OVERALL, COVERAGE = map(fixture, ("phases.yaml", "overall.yaml", "coverage.yaml"))
BASE = PHASES["base"]


def derived(
    contract: str, rows: list[Any], as_of: datetime = NOW, zone: tzinfo = UTC, minutes: int = 60
) -> tuple[Mapping[str, Value], ...]:
    found, _ = derive(contract, rows, as_of=as_of, stalled_minutes=minutes, zone=zone)
    return tuple(each.values for each in found)


def overall(rows: list[Any], zone: tzinfo = NEW_YORK) -> Mapping[str, Value]:
    _, found = derive("phases", rows, as_of=NOW, stalled_minutes=60, zone=zone)
    assert found
    return found.values


def named(case: Mapping[str, Any]) -> str:
    return str(case["case"])


@pytest.mark.parametrize("case", PHASES["cases"], ids=named)
def test_phase_is_derived(case: Mapping[str, Any]) -> None:
    asked = BASE | case
    row = BASE["row"] | case.get("row", {})

    found = derived(
        "phases",
        [row],
        as_of=asked["as_of"],
        minutes=asked["stalled_minutes"],
        zone=ZoneInfo(asked["zone"]),
    )

    assert found == (row | case["derived"],)


@pytest.mark.parametrize("case", OVERALL["cases"], ids=named)
def test_phases_are_one_together(case: Mapping[str, Any]) -> None:
    rows = [BASE["row"] | row for row in case["rows"]]

    found = overall(rows)

    names = {"phase": "overall", "title": "Overall"}
    assert found == names | case["columns"] | case["derived"]


@pytest.mark.parametrize("case", COVERAGE["cases"], ids=named)
def test_coverage_is_derived(case: Mapping[str, Any]) -> None:
    row = COVERAGE["base"] | case.get("row", {})

    found = derived("coverage", [row], zone=UTC)

    assert found == (row | case["derived"],)


def test_514_of_1537_is_33_4_percent() -> None:
    (row,) = derived("phases", [BASE["row"]], zone=NEW_YORK)

    assert (row["progress"], row["percent"]) == ("514 of 1,537", 33.4)


def test_columns_that_are_not_there_are_not_known() -> None:
    nothing = dict.fromkeys(CONTRACTS["phases"])

    (absent,) = derived("phases", [{}], zone=UTC)
    (null,) = derived("phases", [nothing], zone=UTC)

    assert nothing | absent == null


@pytest.mark.parametrize("contract", DERIVED)
def test_columns_have_their_declared_order(contract: str) -> None:
    given = dict.fromkeys(CONTRACTS[contract])

    (row,) = derived(contract, [given], zone=UTC)

    assert list(row) == [*given, *DERIVED[contract]]


def test_overall_has_the_columns_of_a_phase() -> None:
    rows = derived("phases", [BASE["row"]], zone=UTC)

    found = overall(rows, zone=UTC)

    assert list(found) == list(rows[0])


def test_the_moment_may_be_of_any_zone() -> None:
    rows = [BASE["row"]]

    here = derived("phases", rows, as_of=NOW.astimezone(NEW_YORK), zone=NEW_YORK)

    assert here == derived("phases", rows, zone=NEW_YORK)


# --- whatever a warehouse says -----------------------------------------------------------

COUNTS = st.none() | st.integers(-2, 60) | st.integers(-(2**63), 2**63 - 1)
MOMENTS = st.none() | st.datetimes(
    datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC)
)
LATELY = st.integers(-3000, 120).map(lambda minutes: NOW + timedelta(minutes=minutes))
WORDS = (
    st.none() | st.text(max_size=50) | st.sampled_from(("days", "TBD", "PASS/FAIL", "[ETA]"))
)
BY_TYPE = {"INT64": COUNTS, "TIMESTAMP": MOMENTS | LATELY, "STRING": WORDS}
ROWS = st.fixed_dictionaries(
    {name: BY_TYPE[kind] for name, kind in CONTRACTS["phases"].items()}
)
ZONES = st.sampled_from(("UTC", "America/New_York", "Pacific/Kiritimati", "America/Sao_Paulo"))


def is_believable(row: Mapping[str, Value]) -> bool:
    """Whether every derived value has its type and says nothing impossible."""
    for name, kind in DERIVED["phases"].items():
        assert value_of(row[name], type_of(kind)) == row[name]
    for name in ("percent", "success_rate"):
        assert row[name] is None or 0 <= row[name] <= 100  # type: ignore[operator]
    texts = [str(row["eta"]), str(row["eta_method"])]
    return all(
        text and not blanks(text) and not set(text) & set("[]<>|`*@#\n") for text in texts
    )


@given(ROWS, MOMENTS.filter(bool) | st.just(NOW), ZONES)
def test_no_phase_is_nonsense(row: Mapping[str, Value], as_of: datetime, zone: str) -> None:
    found = derived("phases", [row], as_of=as_of, zone=ZoneInfo(zone))

    assert is_believable(found[0])


@given(st.lists(ROWS, max_size=5), ZONES)
def test_no_overall_is_nonsense(rows: list[Mapping[str, Value]], zone: str) -> None:
    assert is_believable(overall(rows, ZoneInfo(zone)))


@given(st.integers(0, 5000), st.integers(1, 5000))
def test_percent_is_whole_only_when_all_is_done(done: int, total: int) -> None:
    row = BASE["row"] | {"done": min(done, total), "total": total}

    (found,) = derived("phases", [row], zone=UTC)

    assert (found["percent"] == 100) is (done >= total)
    assert (found["percent"] == 0) is (done == 0)


@given(st.integers(1, 5000), st.integers(0, 5000), st.decimals(10, 100, places=2))
def test_printed_percent_and_mark_agree(scheduled: int, actual: int, target: Decimal) -> None:
    share = min(actual, scheduled)
    row = COVERAGE["base"] | {
        "scheduled": scheduled,
        "actual": share,
        "target_pct": float(target),
    }

    (found,) = derived("coverage", [row], zone=UTC)

    below = target - Decimal(str(found["percent"]))
    assert found["status"] == ("🟢" if below <= 0 else "🟡" if below <= 5 else "🔴")
