"""Percentages: never 100 while something is missing, never a ratio, never of something else."""

from __future__ import annotations

from datetime import UTC
from decimal import Decimal
from pathlib import Path

import pytest

from handoff.commands.runner import run
from handoff.values.filters import ON_VALUES, round_column

PERCENT = [
    (99.96, (1,), "99.9%"),
    (99.96, (), "99.96%"),
    (99.5, (0,), "99%"),
    (99.996, (2,), "99.99%"),
    (99.9999999, (), "99.999999%"),
    (Decimal("99.99999999999"), (), "99.999999%"),
    (100.0, (1,), "100.0%"),
    (100, (), "100%"),
    (99.99999999999999, (1,), "100.0%"),  # 100 * 7 / 7 in binary
    (0.04, (1,), "0.1%"),
    (0.4, (0,), "1%"),
    (0.0000001, (), "0.000001%"),
    (0.0, (1,), "0.0%"),
    (-0.04, (1,), "-0.1%"),
    (87.96, (1,), "88.0%"),
    (33.45, (1,), "33.5%"),
    (100.04, (1,), "100.0%"),
    (120.26, (1,), "120.3%"),
]


@pytest.mark.parametrize(("number", "arguments", "text"), PERCENT)
def test_percent_is_never_100_while_something_is_missing(
    number: object, arguments: tuple[int, ...], text: str
) -> None:
    assert ON_VALUES["percent"](number, arguments, UTC) == text


ROUND = [
    ("success_pct", 99.96, (), "99"),
    ("success_pct", 99.96, (1,), "99.9"),
    ("percent", 99.6, (0,), "99"),
    ("done_percent", 99.6, (0,), "99"),
    ("Percentage", 99.6, (0,), "99"),
    ("success_rate", 99.96, (1,), "99.9"),
    ("percent_before", 99.96, (1,), "99.9"),
    ("success_pct", 0.3, (), "1"),
    ("success_pct", 100.0, (), "100"),
    ("success_pct", 0.0, (), "0"),
    ("success_pct", 87.5, (), "88"),
    ("ratio", 0.996, (2,), "0.99"),
    ("ratio", 1.0, (2,), "1.00"),
    ("seconds", 99.96, (1,), "100.0"),
    ("seconds", 0.3, (), "0"),
    ("percent_change", 0.3, (), "0"),
]


@pytest.mark.parametrize(("column", "number", "arguments", "text"), ROUND)
def test_round_of_a_percentage_is_never_100_while_something_is_missing(
    column: str, number: object, arguments: tuple[int, ...], text: str
) -> None:
    assert round_column(column, number, arguments) == text


# --- in sessions -----------------------------------------------------------------------------

COVERAGE = """\
-- Coverage.
-- returns: table_name STRING, scheduled INT64, excluded INT64, actual INT64,
--          first_date DATE, last_date DATE, target_pct FLOAT64
-- contract: coverage
SELECT 'cache' AS table_name, 1204 AS scheduled, 104 AS excluded, 823 AS actual,
  DATE '2026-01-01' AS first_date, DATE '2026-01-02' AS last_date, 88.0 AS target_pct
"""
VALUES = """\
-- Values.
-- returns: success_pct FLOAT64, ratio FLOAT64, share FLOAT64, error_rate FLOAT64,
--          hit_ratio FLOAT64, whole_ratio FLOAT64, rate FLOAT64
SELECT 99.96 AS success_pct, 0.334 AS ratio, 33.4 AS share, 0.25 AS error_rate,
  0.5 AS hit_ratio, 1.0 AS whole_ratio, 12.5 AS rate
"""
HEAD = """\
session: 1
title: T
created: 2026-01-03
facts:
  c: {sql: t/c.sql}
  k: {sql: t/c.sql, key: table_name}
  v: {sql: t/v.sql}
"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "sql/t").mkdir(parents=True)
    (tmp_path / "sessions").mkdir()
    (tmp_path / "handoff.yaml").write_text("engine: duckdb\n")
    (tmp_path / "sql/t/c.sql").write_text(COVERAGE)
    (tmp_path / "sql/t/v.sql").write_text(VALUES)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def found(root: Path, body: str, capfd: pytest.CaptureFixture[str]) -> list[str]:
    (root / "sessions/session-1.yaml").write_text(HEAD + body)
    assert run(["render", "session-1"]) == 0
    capfd.readouterr()
    run(["check"])
    lines = capfd.readouterr().out.splitlines()
    return [line for line in lines if line.endswith(("(L024)", "(L025)"))]


RATIOS = [
    "{{ v.ratio | percent }} of runs",
    "{{ v.ratio | percent(1) }}",
    "{{ v.ratio }}% of runs",
    "{{ v.ratio | round(2) }} %",
    "{{ v.error_rate | percent }}",
    "{{ v.hit_ratio }} percent",
]
NO_RATIOS = [
    "{{ v.success_pct | percent }}",
    "{{ v.ratio }} of one",
    "{{ v.ratio | round(2) }}, 5% more",
    "{{ v.share | percent }}",
    "{{ v.whole_ratio | percent }}",
    "{{ v.rate | percent }}",
    "{{ c.percent | percent }}",
]


@pytest.mark.parametrize("words", RATIOS)
def test_ratio_with_a_percent_sign_is_reported(
    words: str, root: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (line,) = found(root, f"goal: '{words}'\n", capfd)

    assert line.startswith("sessions/session-1.yaml:8:7: warning: 'v.")
    assert "is a ratio, not a percentage; multiply it by 100 in SQL" in line


@pytest.mark.parametrize("words", NO_RATIOS)
def test_percentage_is_no_ratio(
    words: str, root: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert found(root, f"goal: '{words}'\n", capfd) == []


MIXED = [
    ("goal: '{{ c.actual }} of {{ c.expected }} ({{ c.percent }}%)'", "c.complete_pct"),
    ("goal: '{{ c.percent | percent }}: {{ c.actual }} / {{ c.expected }}'", "c.complete_pct"),
    ("goal: '{{ c.actual }} out of {{ c.expected }} days, {{ c.percent }}'", "c.complete_pct"),
    ("goal: '{{ c.actual }} found, {{ c.expected }} due, {{ c.percent }}%'", "c.complete_pct"),
    ("goal: '**{{ c.actual }}** of **{{ c.expected }}**: {{ c.percent }}%'", "c.complete_pct"),
    (
        "goal: '{{ k.cache.actual }} of {{ k.cache.expected }} ({{ k.cache.percent }}%)'",
        "k.cache.complete_pct",
    ),
    ("goal: '{{ c.actual }} of {{ c.scheduled }} ({{ c.complete_pct }}%)'", "c.percent"),
    ("goal: '{{ c.expected }} of {{ c.scheduled }} ({{ c.percent }}%)'", "c.ceiling_pct"),
    (
        "coverage: {Found: '{{ c.actual }} of {{ c.expected }}', Rate: '{{ c.percent }}%'}",
        "c.complete_pct",
    ),
    (
        "summary: {Found: '{{ c.actual }}', Due: '{{ c.expected }}', Rate: '{{ c.percent }}%'}",
        "c.complete_pct",
    ),
    (
        "sections: [{title: A, content: {table: c, columns: [actual, expected, percent]}}]",
        "c.complete_pct",
    ),
]
CLEAR = [
    "goal: '{{ c.actual }} of {{ c.expected }} ({{ c.complete_pct }}%)'",
    "goal: '{{ c.actual }} of {{ c.scheduled }} ({{ c.percent }}%)'",
    "goal: '{{ c.expected }} of {{ c.scheduled }} ({{ c.ceiling_pct }}%)'",
    "goal: '{{ c.actual }} of {{ c.expected }} ({{ c.percent }}% of what is scheduled)'",
    "goal: '{{ c.actual }} of {{ c.expected }}, of {{ c.scheduled }} {{ c.percent }}%'",
    "goal: '{{ c.actual }} of {{ c.expected }} ({{ c.complete_pct }}%, {{ c.percent }}%)'",
    "goal: '{{ c.percent }}% and {{ c.actual }} rows'",
    "coverage: {Found: '{{ c.actual }} of {{ c.expected }}', Enough: '{{ c.percent >= 88 }}'}",
    "coverage: {Found: '{{ c.actual }} of {{ c.expected }}', Of scheduled: '{{ c.percent }}%'}",
    "goal: '{{ k.cache.actual }} of {{ k.cache.expected }} ({{ c.percent }}%)'",
    "sections: [{title: A, content: {table: c}}]",
    "sections: [{title: A, content: {table: c,"
    " columns: {actual: A, expected: E, percent: Of scheduled}}}]",
]


@pytest.mark.parametrize(("body", "instead"), MIXED)
def test_percentage_next_to_another_denominator_is_reported(
    body: str, instead: str, root: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (line,) = found(root, f"{body}\n", capfd)

    assert line.startswith("sessions/session-1.yaml:8:")
    assert f"; cite '{instead}', or write that it is of what is " in line


@pytest.mark.parametrize("body", CLEAR)
def test_percentage_of_what_the_text_says_is_not_reported(
    body: str, root: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert found(root, f"{body}\n", capfd) == []
