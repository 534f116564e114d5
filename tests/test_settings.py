from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfoNotFoundError

import pytest
from msgspec.structs import replace

from handoff.base.problems import Place
from handoff.base.secrets import Allowance
from handoff.project.overrides import from_environment, from_words
from handoff.project.settings import (
    ArchiveSettings,
    BigQuerySettings,
    DuckDBSettings,
    InvalidSettings,
    ProgressSettings,
    PromptSettings,
    Settings,
    keys,
    load,
)

FIXTURES = Path(__file__).parent / "fixtures/settings"


def unplaced(settings: Settings) -> Settings:
    """The settings without where each of them was said."""
    allowed = (replace(each, place=Place("handoff.yaml")) for each in settings.secrets_allow)
    return replace(settings, origins={}, secrets_allow=tuple(allowed))


def test_every_key_is_read() -> None:
    expected = Settings(
        engine="bigquery",
        bigquery=BigQuerySettings(
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
        duckdb=DuckDBSettings(path="data/own.duckdb", sample="sql/small"),
        output="docs/handoffs",
        archive=ArchiveSettings(after_days=30, by="year"),
        templates="skeletons",
        titles={"next": ("Next steps", "More"), "findings": ("Learnings",)},
        timezone="Europe/Berlin",
        progress=ProgressSettings(recent_minutes=30, stalled_minutes=90),
        prompt=PromptSettings(budget_tokens=2000),
        sources=("/var/log/backfill",),
        secrets_allow=(
            Allowance("its key is made up", rule="google-api-key", path="docs/*.md"),
            Allowance("a test of our own", text="made-up-1"),
        ),
    )

    assert unplaced(load((FIXTURES / "all.yaml").read_bytes(), "handoff.yaml")) == expected


def test_every_mistake_is_reported_in_one_run() -> None:
    with pytest.raises(InvalidSettings) as bad:
        load((FIXTURES / "bad.yaml").read_bytes(), "handoff.yaml")

    assert str(bad.value) == (FIXTURES / "bad.txt").read_text().rstrip("\n")


@pytest.mark.parametrize("source", [b"", b"# nothing yet\n", b"bigquery: {}\n", b"engine:\n"])
def test_what_is_left_out_keeps_its_default(source: bytes) -> None:
    assert unplaced(load(source, "handoff.yaml")) == Settings()


def test_a_machine_without_time_zones_is_told_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("handoff.project.settings.ZoneInfo", _no_zone)
    monkeypatch.setattr("handoff.project.settings.available_timezones", set)

    with pytest.raises(InvalidSettings) as bad:
        load(b"timezone: Europe/Berlin\n", "handoff.yaml")

    assert str(bad.value) == (
        "handoff.yaml:1:11: error: unknown time zone 'Europe/Berlin', this machine has no time "
        "zone data; run 'pip install tzdata' (S002)"
    )


def _no_zone(name: str) -> None:
    raise ZoneInfoNotFoundError(name)


def test_environment_goes_before_the_file_and_the_command_line_before_both() -> None:
    source = b"bigquery: {project: file, location: US, labels: {a: b}}\n"
    overrides = (
        *from_environment(
            {
                "HANDOFF_BIGQUERY_PROJECT": "environment",
                "HANDOFF_BIGQUERY_LOCATION": "EU",
                "HANDOFF_BIGQUERY_CONCURRENCY": "4",
                "BIGQUERY_EMULATOR_HOST": "localhost:9050",
                "HANDOFF_DEBUG": "1",
            },
            keys(),
        ),
        *from_words(["bigquery.project=words", "bigquery.allowed_datasets=[a, b]"]),
    )

    found = load(source, "handoff.yaml", overrides)

    assert found.bigquery == BigQuerySettings(
        project="words",
        location="EU",
        endpoint="localhost:9050",
        concurrency=4,
        labels={"a": "b"},
        allowed_datasets=("a", "b"),
    )
    assert found.origins == {
        "bigquery.labels": "handoff.yaml:1",
        "bigquery.endpoint": "BIGQUERY_EMULATOR_HOST",
        "bigquery.location": "HANDOFF_BIGQUERY_LOCATION",
        "bigquery.concurrency": "HANDOFF_BIGQUERY_CONCURRENCY",
        "bigquery.project": "--set bigquery.project",
        "bigquery.allowed_datasets": "--set bigquery.allowed_datasets",
    }


def test_mistake_in_the_environment_names_its_variable() -> None:
    overrides = (
        *from_environment({"HANDOFF_ENGINE": "duckbd"}, keys()),
        *from_words(["bigquery.projet=x"]),
    )

    with pytest.raises(InvalidSettings) as bad:
        load(b"", "handoff.yaml", overrides)

    assert str(bad.value).splitlines() == [
        "--set bigquery.projet: error: unknown key 'projet' in 'bigquery', did you mean "
        "'project'? (Y020)",
        "HANDOFF_ENGINE: error: unknown value 'duckbd', did you mean 'duckdb'? (Y023)",
    ]
