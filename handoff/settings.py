"""Settings: what `handoff.yaml` says, typed, with what holds where it says nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Engine = Literal["bigquery", "duckdb"]
ENGINES: tuple[Engine, ...] = ("bigquery", "duckdb")


@dataclass(frozen=True, slots=True)
class BigQuery:
    """`bigquery:`; what is `None` is left to the credentials or to BigQuery."""

    project: str | None = None
    """Where jobs run and are paid."""
    location: str | None = None
    dataset: str | None = None
    """Where a table named without a dataset lies."""
    impersonate: str | None = None
    """A service account's address."""
    endpoint: str | None = None
    max_bytes_query: int | None = None
    max_bytes_render: int | None = None
    concurrency: int = 8
    labels: Mapping[str, str] = field(default_factory=dict)
    allowed_datasets: tuple[str, ...] = ()
    """`dataset` or `project.dataset`; a question that reads another is refused. Empty: all."""
    timeout_seconds: int = 300
    """How long one question may run."""
    price_per_tib: float = 6.25
    """USD, of on-demand queries in the US: https://cloud.google.com/bigquery/pricing"""


@dataclass(frozen=True, slots=True)
class DuckDB:
    """`duckdb:`; a file of the author's own, or a sample built from a folder of scripts."""

    path: str | None = None
    sample: str = "sql/sample"
    """Used where `path` is `None`; the package's own where there is no such folder."""


@dataclass(frozen=True, slots=True)
class Progress:
    """`progress:`"""

    recent_minutes: int = 60
    stalled_minutes: int = 60


@dataclass(frozen=True, slots=True)
class Settings:
    """One `handoff.yaml`."""

    engine: Engine | None = None
    """`None` where it says nothing: an engine is never assumed."""
    bigquery: BigQuery = field(default_factory=BigQuery)
    duckdb: DuckDB = field(default_factory=DuckDB)
    output: str = "docs/09-handoff"
    templates: str = "templates"
    timezone: str = "America/New_York"
    """An IANA name that this machine knows; shown beside UTC."""
    progress: Progress = field(default_factory=Progress)
    budget_tokens: int = 4000
    """Of the prompt."""
    sources: tuple[str, ...] = ()
    """Folders outside the repository that `log:` and `json:` may read."""
    secrets_allow: tuple[str, ...] = ()
