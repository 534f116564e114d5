"""Every question that comes with the package, on the sample, against plain Python."""

from __future__ import annotations

import json
import shutil
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from handoff.facts.recorded import QueryResult
from handoff.sql.query import BoundQuery, read
from handoff.warehouse.duckdb.warehouse import DuckDBWarehouse, open_sample

SQL = Path(__file__).parent.parent / "sql"
QUESTIONS = sorted(
    str(path.relative_to(SQL)) for path in SQL.glob("*/*.sql") if path.parent.name != "sample"
)
FIRST = datetime(2026, 1, 3, 16, 20, tzinfo=UTC)
SECOND = datetime(2026, 1, 4, 15, 0, tzinfo=UTC)
START = date(2021, 10, 19)
PARAMS = {"season_start": START, "lookback_days": 7, "lookback_hours": 240}
DATES = {
    "ml_feature_store_v2": ("nba_predictions", "game_date"),
    "player_composite_factors": ("nba_precompute", "game_date"),
    "player_daily_cache": ("nba_precompute", "cache_date"),
    "player_shot_zone_analysis": ("nba_precompute", "analysis_date"),
    "team_defense_zone_analysis": ("nba_precompute", "analysis_date"),
}

Row = dict[str, Any]
moments = pytest.mark.parametrize("as_of", [FIRST, SECOND], ids=["first", "second"])


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def sample(cache: Path) -> Iterator[DuckDBWarehouse]:
    warehouse = open_sample(SQL / "sample", cache=cache)
    yield warehouse
    warehouse.close()


@pytest.fixture(scope="module")
def tables(sample: DuckDBWarehouse, cache: Path) -> dict[str, list[Row]]:
    """The sample's rows, read without any of the project's translation."""
    (path,) = cache.glob("*.duckdb")
    # a copy: DuckDB would lend the settings of the open one
    copy = shutil.copy(path, cache.with_name("copy.duckdb"))
    with duckdb.connect(str(copy), read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        return {
            table: _rows(connection, dataset, table)
            for dataset, members in sample.tables.items()
            for table in members
        }


def _rows(connection: duckdb.DuckDBPyConnection, dataset: str, table: str) -> list[Row]:
    columns = connection.execute(f"DESCRIBE {dataset}.{table}").fetchall()
    plain = ", ".join(
        f"{name}::TIMESTAMP AS {name}" if "ZONE" in kind else name for name, kind, *_ in columns
    )
    found = connection.execute(f"SELECT {plain} FROM {dataset}.{table}").fetchall()
    zones = [name for name, kind, *_ in columns if "ZONE" in kind]
    rows = [dict(zip((name for name, *_ in columns), row, strict=True)) for row in found]
    for row in rows:
        row.update({name: row[name] and row[name].replace(tzinfo=UTC) for name in zones})
    return rows


def answer(sample: DuckDBWarehouse, question: str, as_of: datetime) -> list[Row]:
    query = read((SQL / question).read_bytes(), f"sql/{question}", question)
    (found,) = sample.run([BoundQuery("fact", query, {**PARAMS, "as_of": as_of})])
    assert isinstance(found, QueryResult), found
    returned = [(column.name, column.type) for column in found.columns]
    assert returned == [(declared.name, declared.type) for declared in query.returns]
    names = [column.name for column in found.columns]
    return [dict(zip(names, row, strict=True)) for row in found.rows]


def game_dates(tables: dict[str, list[Row]], as_of: datetime) -> dict[date, tuple[int, bool]]:
    """Finished game dates with their season, and whether they are bootstrap."""
    seasons = {
        row["game_date"]: row["season_year"]
        for row in tables["nbac_schedule"]
        if START <= row["game_date"] < as_of.date()
        and row["game_status"] == 3
        and (row["is_regular_season"] or row["is_playoffs"])
    }
    first: dict[int, date] = {}
    for day, season in sorted(seasons.items()):
        first.setdefault(season, day)
    return {
        day: (season, day - first[season] < timedelta(14))
        for day, season in sorted(seasons.items())
    }


def written(tables: dict[str, list[Row]], table: str, as_of: datetime) -> set[date]:
    _, column = DATES[table]
    return {row[column] for row in tables[table] if row["processed_at"] <= as_of}


def test_sample_is_as_large_as_its_story(tables: dict[str, list[Row]]) -> None:
    scheduled = game_dates(tables, FIRST)
    calendar = (date(2026, 1, 2) - START).days + 1

    assert calendar == 1537
    assert len(scheduled) == 917
    assert len({season for season, _ in scheduled.values()}) == 5
    assert 10_000 < sum(map(len, tables.values())) < 100_000


def test_every_question_is_answered_here(sample: DuckDBWarehouse) -> None:
    assert len(QUESTIONS) == 9
    for question in QUESTIONS:
        assert answer(sample, question, FIRST)


@moments
def test_phases(sample: DuckDBWarehouse, tables: dict[str, list[Row]], as_of: datetime) -> None:
    last: dict[tuple[str, date], Row] = {}
    for row in sorted(tables["phase_completions"], key=lambda row: row["completed_at"]):
        if row["completed_at"] <= as_of:
            last[row["phase"], row["data_date"]] = row
    started = {
        row["phase"]: row["logged_at"]
        for row in tables["phase_execution_log"]
        if row["event"] == "started" and row["logged_at"] <= as_of
    }
    expected = []
    for plan in sorted(tables["phase_execution_log"], key=lambda row: row["phase"]):
        if plan["event"] != "planned":
            continue
        attempts = [row for (phase, _), row in last.items() if phase == plan["phase"]]
        statuses = Counter(row["status"] for row in attempts)
        moments = [row["completed_at"] for row in attempts]
        expected.append(
            {
                "phase": plan["phase"],
                "title": plan["title"],
                "unit": plan["unit"],
                "done": len(attempts),
                "total": plan["total"],
                "succeeded": statuses["success"],
                "failed": statuses["failed"],
                "started_at": started.get(plan["phase"]),
                "last_progress_at": max(moments, default=None),
                "done_recent": sum(at > as_of - timedelta(minutes=60) for at in moments),
                "recent_minutes": 60,
            }
        )

    assert answer(sample, "orchestrator/phases.sql", as_of) == expected


def test_phases_tell_the_story(sample: DuckDBWarehouse) -> None:
    first = {
        row["phase"]: (row["done"], row["total"], row["succeeded"], row["done_recent"])
        for row in answer(sample, "orchestrator/phases.sql", FIRST)
    }
    second = {
        row["phase"]: (row["done"], row["total"])
        for row in answer(sample, "orchestrator/phases.sql", SECOND)
    }

    assert first == {
        "phase_1": (514, 1537, 509, 298),
        "phase_2": (0, 917, 0, 0),
        "phase_3": (917, 917, 911, 0),
        "phase_4": (251, 854, 251, 0),
    }
    assert second == {
        "phase_1": (1537, 1537),
        "phase_2": (766, 917),
        "phase_3": (917, 917),
        "phase_4": (854, 854),
    }


@moments
def test_coverage(
    sample: DuckDBWarehouse, tables: dict[str, list[Row]], as_of: datetime
) -> None:
    scheduled = game_dates(tables, as_of)
    expected_dates = {day for day, (_, is_bootstrap) in scheduled.items() if not is_bootstrap}
    expected = []
    for table in DATES:
        held = written(tables, table, as_of) & expected_dates
        expected.append(
            {
                "table_name": table,
                "scheduled": len(scheduled),
                "excluded": len(scheduled) - len(expected_dates),
                "actual": len(held),
                "first_date": min(held),
                "last_date": max(held),
                "target_pct": 88.0,
            }
        )

    assert answer(sample, "coverage/phase4.sql", as_of) == expected


@moments
def test_missing_dates(
    sample: DuckDBWarehouse, tables: dict[str, list[Row]], as_of: datetime
) -> None:
    days = [day for day, (_, early) in game_dates(tables, as_of).items() if not early]
    expected: list[tuple[str, list[date]]] = []
    for table in DATES:
        held = written(tables, table, as_of)
        before = True
        for day in days:
            if day in held:
                before = True
            elif before:
                expected.append((table, [day]))
                before = False
            else:
                expected[-1][1].append(day)

    found = answer(sample, "coverage/missing_dates.sql", as_of)

    assert [tuple(row.values()) for row in found] == [
        (table, missing[0], missing[-1], len(missing)) for table, missing in expected
    ]


@moments
def test_expected_game_dates(
    sample: DuckDBWarehouse, tables: dict[str, list[Row]], as_of: datetime
) -> None:
    seasons: dict[int, list[tuple[date, bool]]] = defaultdict(list)
    for day, (season, is_bootstrap) in game_dates(tables, as_of).items():
        seasons[season].append((day, is_bootstrap))

    found = answer(sample, "schedule/expected_game_dates.sql", as_of)

    assert [tuple(row.values()) for row in found] == [
        (
            season,
            days[0][0],
            days[-1][0],
            (days[-1][0] - days[0][0]).days + 1,
            len(days),
            sum(early for _, early in days),
            sum(not early for _, early in days),
        )
        for season, days in sorted(seasons.items())
    ]


@moments
def test_feature_completeness(
    sample: DuckDBWarehouse, tables: dict[str, list[Row]], as_of: datetime
) -> None:
    seasons: dict[int, list[Row]] = defaultdict(list)
    for row in tables["player_game_summary"]:
        if row["processed_at"] <= as_of:
            seasons[row["season_year"]].append(row)

    def share(rows: list[Row], column: str) -> float:
        return round(100 * sum(row[column] is not None for row in rows) / len(rows), 1)

    found = answer(sample, "quality/feature_completeness.sql", as_of)

    assert [tuple(row.values()) for row in found] == [
        (
            season,
            len(rows),
            share(rows, "minutes_played"),
            share(rows, "usage_rate"),
            share(rows, "paint_attempts"),
            round(100 * sum(r["data_quality_tier"] == "gold" for r in rows) / len(rows), 1),
        )
        for season, rows in sorted(seasons.items())
    ]


@moments
def test_health_by_phase(
    sample: DuckDBWarehouse, tables: dict[str, list[Row]], as_of: datetime
) -> None:
    phases: dict[str, list[Row]] = defaultdict(list)
    for row in tables["processor_run_history"]:
        if as_of - timedelta(days=7) < row["started_at"] <= as_of:
            phases[row["phase"]].append(row)

    found = answer(sample, "runs/health_by_phase.sql", as_of)

    assert [row["phase"] for row in found] == sorted(phases)
    for row in found:
        runs = phases[row["phase"]]
        statuses = Counter(run["status"] for run in runs)
        seconds = [run["duration_seconds"] for run in runs if run["status"] == "success"]
        over = statuses["success"] + statuses["failed"]
        assert row["runs"] == len(runs)
        assert [row[name] for name in ("succeeded", "failed", "running", "skipped")] == [
            statuses[name] for name in ("success", "failed", "running", "skipped")
        ]
        assert row["success_pct"] == round(100 * statuses["success"] / over, 1)
        assert row["mean_seconds"] == pytest.approx(sum(seconds) / len(seconds), abs=0.051)
        assert row["last_started_at"] == max(run["started_at"] for run in runs)


@moments
def test_recent_failures(
    sample: DuckDBWarehouse, tables: dict[str, list[Row]], as_of: datetime
) -> None:
    failed = [
        row
        for row in tables["processor_run_history"]
        if row["status"] == "failed"
        and as_of - timedelta(hours=240) < row["started_at"] <= as_of
    ]
    failed.sort(key=lambda row: (-row["started_at"].timestamp(), row["processor_name"]))

    found = answer(sample, "runs/recent_failures.sql", as_of)

    assert [tuple(row.values()) for row in found] == [
        (
            row["started_at"],
            row["processor_name"],
            row["phase"],
            row["data_date"],
            json.loads(row["errors"])["message"][:150],
        )
        for row in failed[:20]
    ]
    assert any(len(row["error"]) == 150 for row in found)


@moments
def test_latest_dates(
    sample: DuckDBWarehouse, tables: dict[str, list[Row]], as_of: datetime
) -> None:
    expected = [("nbac_schedule", max(game_dates(tables, as_of)), None)]
    for table, rows in tables.items():
        column = DATES[table][1] if table in DATES else "game_date"
        if table.startswith(("phase_", "processor_", "nbac_")):
            continue
        seen = [row for row in rows if row["processed_at"] <= as_of]
        latest = max(row[column] for row in seen)
        expected.append((table, latest, max(row["processed_at"] for row in seen)))

    found = answer(sample, "freshness/latest_dates.sql", as_of)

    assert [tuple(row.values()) for row in found] == [
        (table, latest, (as_of.date() - latest).days, at, 24.0)
        for table, latest, at in sorted(expected)
    ]
