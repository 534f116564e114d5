"""Settings: what `handoff.yaml` says, typed, with what holds where it says nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, Literal
from zoneinfo import ZoneInfo, available_timezones

from msgspec import Struct, field
from msgspec.structs import replace

from handoff.base.problems import InvalidInput, nearest
from handoff.base.secret_rules import RULES
from handoff.base.secrets import Allowance
from handoff.project.overrides import Override, laid_over, origins
from handoff.yaml.decode import Decoder, plain
from handoff.yaml.nodes import Map, Node, Scalar, is_null, parse

Engine = Literal["bigquery", "duckdb"]
ENGINES: tuple[Engine, ...] = ("bigquery", "duckdb")
By = Literal["month", "year"]
BY: tuple[By, ...] = ("month", "year")


class BigQuerySettings(Struct, frozen=True):
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


class DuckDBSettings(Struct, frozen=True):
    """`duckdb:`; a file of the author's own, or a sample built from a folder of scripts."""

    path: str | None = None
    sample: str = "sql/sample"
    """Used where `path` is `None`; the package's own where there is no such folder."""


class ProgressSettings(Struct, frozen=True):
    """`progress:`"""

    recent_minutes: int = 60
    stalled_minutes: int = 60


class ArchiveSettings(Struct, frozen=True):
    """`archive:`; older documents go into a folder for each month or year."""

    after_days: int
    """How much older than the newest session's day a document's may be before it goes."""
    by: By = "month"


class Settings(Struct, frozen=True):
    """One `handoff.yaml`."""

    engine: Engine | None = None
    """`None` where it says nothing: an engine is never assumed."""
    bigquery: BigQuerySettings = field(default_factory=BigQuerySettings)
    duckdb: DuckDBSettings = field(default_factory=DuckDBSettings)
    output: str = "docs/09-handoff"
    archive: ArchiveSettings | None = None
    templates: str = "templates"
    timezone: str = "America/New_York"
    """An IANA name that this machine knows; shown beside UTC."""
    progress: ProgressSettings = field(default_factory=ProgressSettings)
    budget_tokens: int = 4000
    """Of the prompt."""
    sources: tuple[str, ...] = ()
    """Folders outside the repository that `log:` and `json:` may read."""
    secrets_allow: tuple[Allowance, ...] = ()
    origins: Mapping[str, str] = field(default_factory=dict)
    """Where each setting that is not left out was given: `bigquery.project`."""


_KEYS = (
    *("engine", "bigquery", "duckdb", "output", "templates", "timezone"),
    *("progress", "prompt", "sources", "secrets", "archive"),
)


_ALLOWANCE = "{rule: private-key, path: docs/*, reason: an example}"


class InvalidSettings(InvalidInput):
    """`handoff.yaml` cannot be followed; carries every problem found."""

    exit_code = 2


def load(source: bytes, path: str, overrides: Sequence[Override] = ()) -> Settings:
    """The settings in a file with `overrides` over them; an empty file leaves all as it is.

    Raises InvalidSettings with every problem found.
    """
    reader = _Reader(path)
    node = parse(source, path, reader.problems)
    node = laid_over(node, overrides, reader.problems)
    settings = reader.settings(node)
    try:
        reader.finish()
    except InvalidInput as error:
        raise InvalidSettings(error.report.problems) from error
    return replace(settings, origins=dict(origins(node)))


def keys() -> tuple[str, ...]:
    """Every setting that the environment may give, as `bigquery.project`."""
    return (
        *("engine", "output", "templates", "timezone", "prompt.budget_tokens"),
        *(f"bigquery.{key}" for key in _keys(BigQuerySettings)),
        *(f"duckdb.{key}" for key in _keys(DuckDBSettings)),
        *(f"progress.{key}" for key in _keys(ProgressSettings)),
        *(f"archive.{key}" for key in _keys(ArchiveSettings)),
    )


class _Reader(Decoder):
    """Reads each part; what is absent or null keeps its default."""

    def settings(self, node: Node | None) -> Settings:
        given = self.fields(node, _KEYS)
        parts: dict[str, Any] = {
            "engine": self.choice(given.get("engine"), ENGINES),
            "bigquery": self.bigquery(given.get("bigquery")),
            "duckdb": self.duckdb(given.get("duckdb")),
            "output": self.inside(given.get("output")),
            "archive": self.archive(given.get("archive")),
            "templates": self.inside(given.get("templates")),
            "timezone": self.timezone(given.get("timezone")),
            "progress": self.progress(given.get("progress")),
            "budget_tokens": self.budget(given.get("prompt")),
            "sources": self.texts(given.get("sources")),
            "secrets_allow": self.allowed(given.get("secrets")),
        }
        return Settings(**_given(parts))

    def bigquery(self, node: Node | None) -> BigQuerySettings:
        given = self.fields(node, _keys(BigQuerySettings), what="'bigquery'")
        texts = ("project", "location", "dataset", "impersonate", "endpoint")
        parts: dict[str, Any] = {key: self.text(given.get(key)) for key in texts}
        for key in ("max_bytes_query", "max_bytes_render", "concurrency", "timeout_seconds"):
            parts[key] = self.integer(given.get(key), minimum=1)
        parts["labels"] = self.labels(given.get("labels"))
        parts["allowed_datasets"] = self.texts(given.get("allowed_datasets"))
        parts["price_per_tib"] = self.number(given.get("price_per_tib"))
        return BigQuerySettings(**_given(parts))

    def duckdb(self, node: Node | None) -> DuckDBSettings:
        given = self.fields(node, _keys(DuckDBSettings), what="'duckdb'")
        return DuckDBSettings(
            **_given({key: self.inside(given.get(key)) for key in _keys(DuckDBSettings)})
        )

    def progress(self, node: Node | None) -> ProgressSettings:
        keys = _keys(ProgressSettings)
        given = self.fields(node, keys, what="'progress'")
        return ProgressSettings(
            **_given({key: self.integer(given.get(key), minimum=1) for key in keys})
        )

    def archive(self, node: Node | None) -> ArchiveSettings | None:
        if node is None or is_null(node):
            return None
        given = self.fields(
            node, _keys(ArchiveSettings), required=("after_days",), what="'archive'"
        )
        days = self.integer(given.get("after_days"), minimum=1)
        by = self.choice(given.get("by"), BY)
        return ArchiveSettings(days, by or "month") if days else None

    def budget(self, node: Node | None) -> int | None:
        given = self.fields(node, ("budget_tokens",), what="'prompt'")
        return self.integer(given.get("budget_tokens"), minimum=1)

    def allowed(self, node: Node | None) -> tuple[Allowance, ...]:
        given = self.fields(node, ("allow",), what="'secrets'").get("allow")
        return tuple(each for n in self.nodes(given) if (each := self.allowance(n)))

    def allowance(self, node: Node) -> Allowance | None:
        if not isinstance(node, Map):  # told without its text, which may be a secret
            self.report("K004", f"expected an allowance such as {_ALLOWANCE}", node)
            return None
        what = "'secrets: allow:'"
        given = self.fields(node, ("rule", "path", "text", "reason"), what=what)
        rule = self.choice(given.get("rule"), RULES)
        path, text = self.text(given.get("path")), self.text(given.get("text"))
        reason = self.text(given.get("reason"))
        bounds = (given.get(key) for key in ("rule", "path", "text"))
        if all(bound is None or is_null(bound) for bound in bounds):
            self.report("K004", "allows everything, expected 'rule', 'path' or 'text'", node)
        if not reason or not reason.strip():
            self.report("K004", "an allowance needs a 'reason'", node)
        return Allowance(reason or "", rule, path, text, node.place)

    def labels(self, node: Node | None) -> Mapping[str, str]:
        read = {pair.key: self.text(pair.node) for pair in self.pairs(node)}
        return {key: text for key, text in read.items() if text is not None}

    def number(self, node: Node | None) -> float | None:
        value = plain(node) if isinstance(node, Scalar) else None
        if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0:
            return value
        if node is not None and not is_null(node):
            self.report("S003", "expected a number from 0", node)
        return None

    def inside(self, node: Node | None) -> str | None:
        """A path that stays in the repository, normalised."""
        text = self.text(node, "a path")
        if text is None:
            return None
        path = PurePosixPath(text)
        if path.is_absolute() or ".." in path.parts:
            assert node is not None  # text came from it
            self.report("S001", f"'{text}' leads outside the repository", node)
        return str(path)

    def timezone(self, node: Node | None) -> str | None:
        name = self.text(node, "a time zone such as America/New_York")
        if name is None or _is_zone(name):
            return name
        assert node is not None  # name came from it
        known = available_timezones()
        guess = nearest(name, known) or ", expected a name such as America/New_York"
        if not known:
            guess = ", this machine has no time zone data: 'pip install tzdata' brings it"
        self.report("S002", f"unknown time zone '{name}'{guess}", node)
        return None


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, OSError, ValueError):  # not there, or no name at all
        return False
    return True


def _keys(part: type[Struct]) -> tuple[str, ...]:
    return part.__struct_fields__


def _given(parts: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in parts.items() if value is not None}
