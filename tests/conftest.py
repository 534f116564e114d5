"""What several modules of tests share: a cache, the sample warehouse and a BigQuery server."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from emulator import PROJECT, binary, is_demanded, load, server

from handoff.project.settings import BigQuerySettings as Settings
from handoff.warehouse.duckdb.warehouse import open_sample

SAMPLE = Path(__file__).parent.parent / "sql" / "sample"


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Why tests were skipped, and what runs them."""
    skipped = terminalreporter.stats.get("skipped", ())
    reasons = Counter(each.longrepr[2].removeprefix("Skipped: ") for each in skipped)
    for reason, count in sorted(reasons.items()):
        terminalreporter.write_line(f"skipped {count}: {reason}")
    if reasons:
        terminalreporter.write_line("to run everything: make test-all")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update", action="store_true", help="write what is expected anew")


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The user's cache is neither read nor written by a test."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder))
        yield folder


@pytest.fixture(scope="session")
def sample_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample warehouse as a DuckDB file."""
    cache = tmp_path_factory.mktemp("sample")
    open_sample(SAMPLE, cache=cache).close()
    (path,) = cache.glob("*.duckdb")
    return path


@pytest.fixture(scope="session")
def emulator_binary() -> Path:
    built = binary()
    if built is None and is_demanded():
        pytest.fail("no BigQuery server: 'make emulator' builds it")
    if built is None:
        pytest.skip("no BigQuery server: 'make emulator' builds it, which needs Go")
    return built


@pytest.fixture(scope="session")
def emulator(emulator_binary: Path) -> Iterator[str]:
    """The address of a BigQuery server without any tables."""
    with server(emulator_binary) as url:
        yield url


THINNED = {
    "nba_analytics.player_game_summary": "game_date",
    "nba_analytics.team_offense_game_summary": "game_date",
    "nba_raw.nbac_schedule": "game_date",
    "nba_precompute.player_composite_factors": "analysis_date",
    "nba_precompute.player_daily_cache": "cache_date",
    "nba_precompute.player_shot_zone_analysis": "analysis_date",
    "nba_precompute.team_defense_zone_analysis": "analysis_date",
    "nba_predictions.ml_feature_store_v2": "game_date",
}


@pytest.fixture(scope="session")
def thinned_sample_file(sample_file: Path) -> Path:
    """The sample with every 16th date in its largest tables.

    The emulator joins a row with every other row: it takes minutes for all dates.
    """
    # slow: few modules of tests need it
    import duckdb

    thinned = Path(shutil.copy(sample_file, sample_file.with_name("thinned.duckdb")))
    with duckdb.connect(str(thinned)) as connection:
        for table, column in THINNED.items():
            connection.execute(
                f"DELETE FROM {table} WHERE ({column} - DATE '2021-10-19') % 16 > 0"
            )
    return thinned


@pytest.fixture(scope="session")
def emulated_sample(emulator: str, thinned_sample_file: Path) -> Settings:
    """Settings for a BigQuery that holds the thinned sample."""
    load(emulator, thinned_sample_file)
    return Settings(project=PROJECT, endpoint=emulator)
