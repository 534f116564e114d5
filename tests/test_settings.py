from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfoNotFoundError

import pytest

from handoff.settings import BadSettings, BigQuery, DuckDB, Progress, Settings, load

FIXTURES = Path(__file__).parent / "fixtures/settings"


def test_every_key_is_read() -> None:
    expected = Settings(
        engine="bigquery",
        bigquery=BigQuery(
            project="my-project",
            location="US",
            dataset="nba_analytics",
            impersonate="reader@my-project.iam.gserviceaccount.com",
            endpoint="http://localhost:9050",
            max_bytes_query=1_000_000,
            max_bytes_render=5_000_000,
            concurrency=4,
            labels={"team": "data"},
            allowed_datasets=("nba_raw",),
            timeout_seconds=60,
            price_per_tib=7.5,
        ),
        duckdb=DuckDB(path="data/own.duckdb", sample="sql/small"),
        output="docs/handoffs",
        templates="skeletons",
        timezone="Europe/Berlin",
        progress=Progress(recent_minutes=30, stalled_minutes=90),
        budget_tokens=2000,
        sources=("/var/log/backfill",),
        secrets_allow=("AIza-example",),
    )

    assert load((FIXTURES / "all.yaml").read_bytes(), "handoff.yaml") == expected


def test_every_mistake_is_reported_in_one_run() -> None:
    with pytest.raises(BadSettings) as bad:
        load((FIXTURES / "bad.yaml").read_bytes(), "handoff.yaml")

    assert str(bad.value) == (FIXTURES / "bad.txt").read_text().rstrip("\n")


@pytest.mark.parametrize("source", [b"", b"# nothing yet\n", b"bigquery: {}\n", b"engine:\n"])
def test_what_is_left_out_keeps_its_default(source: bytes) -> None:
    assert load(source, "handoff.yaml") == Settings()


def test_a_machine_without_time_zones_is_told_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("handoff.settings.ZoneInfo", _no_zone)
    monkeypatch.setattr("handoff.settings.available_timezones", set)

    with pytest.raises(BadSettings) as bad:
        load(b"timezone: Europe/Berlin\n", "handoff.yaml")

    assert str(bad.value) == (
        "handoff.yaml:1:11: error: unknown time zone 'Europe/Berlin', this machine has no time "
        "zone data: 'pip install tzdata' brings it (S002)"
    )


def _no_zone(name: str) -> None:
    raise ZoneInfoNotFoundError(name)
