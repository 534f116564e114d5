"""The settings in `handoff.yaml`: the table of keys, and the types with their defaults.

From `KEYS` come the decoder, the JSON Schema, the names in the environment and the table in
`docs/settings.md` (`docs/tables.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, Literal
from zoneinfo import ZoneInfo, available_timezones

from msgspec import Struct, field
from msgspec.structs import replace

from handoff.base.problems import InvalidInput, nearest
from handoff.base.secret_rules import RULES
from handoff.base.secrets import Allowance
from handoff.project.overrides import Override, apply_overrides, origins
from handoff.session.shapes import (
    TEXT_SCHEMA,
    JsonSchema,
    Key,
    Shape,
    labels_schema,
    list_schema,
    mapping_schema,
    one_of,
    one_or_list,
    properties,
    read_keys,
)
from handoff.session.titles import CHOSEN_TITLES, ChosenTitles
from handoff.yaml.decode import Decoder, scalar_value
from handoff.yaml.nodes import Map, Node, Scalar, is_null, parse

Engine = Literal["bigquery", "duckdb"]
ENGINES: tuple[Engine, ...] = ("bigquery", "duckdb")
By = Literal["month", "year"]
BY: tuple[By, ...] = ("month", "year")


Priority = Literal["interactive", "batch"]
PRIORITIES: tuple[Priority, ...] = ("interactive", "batch")


class BigQuerySettings(Struct, frozen=True):
    """`bigquery:`; what is `None` is left to the credentials or to BigQuery."""

    project: str | None = None
    """Where jobs run and are billed."""
    location: str | None = None
    dataset: str | None = None
    """Of tables named without a dataset."""
    impersonate: str | None = None
    """A service account's address."""
    quota_project: str | None = None
    """Whose quota the requests count against, and where the API has to be enabled."""
    reservation: str | None = None
    """`projects/PROJECT/locations/LOCATION/reservations/NAME`, or `none` for on-demand."""
    priority: Priority | None = None
    endpoint: str | None = None
    max_bytes_query: int | None = None
    max_bytes_render: int | None = None
    concurrency: int = 8
    labels: Mapping[str, str] = field(default_factory=dict)
    allowed_datasets: tuple[str, ...] = ()
    """`dataset` or `project.dataset`; a query that reads another is refused. Empty: all."""
    timeout_seconds: int = 300
    """How long one query may run."""
    price_per_tib: float = 6.25
    """USD, of on-demand queries in the US: https://cloud.google.com/bigquery/pricing"""


class DuckDBSettings(Struct, frozen=True):
    """`duckdb:`; a file of the author's own, or a sample built from a folder of scripts."""

    path: str | None = None
    sample: str = "sql/sample"
    """Used where `path` is `None`; without such a folder, the sample of the package.

    If it is not set, it is in the folder of the queries.
    """
    timeout_seconds: int = 60
    """Of one query, and of one script of the sample."""
    memory_mb: int = 1_000


class ProgressSettings(Struct, frozen=True):
    """`progress:`"""

    recent_minutes: int = 60
    stalled_minutes: int = 60


class PromptSettings(Struct, frozen=True):
    """`prompt:`"""

    budget_tokens: int = 4000
    standalone: bool = False
    """Whether each prompt also has what a receiver needs who has nothing else."""


class ArchiveSettings(Struct, frozen=True):
    """`archive:`; older documents go into a folder for each month or year."""

    after_days: int
    """How much older than the day of the newest session a document may be."""
    by: By = "month"


TRANSCRIPT_VALUES = (
    *("at", "cwd", "turn", "model", "version"),
    *("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens"),
    *("context_tokens", "window_tokens"),
    *("read", "changed", "command", "exit_status"),
)
"""What a line of an agent's log may hold."""


class TranscriptMapping(Struct, frozen=True):
    """One of `transcripts:`; the logs of an agent in JSON Lines."""

    folder: str | None
    """Where the logs are; `None` where each fact names its file."""
    read: Mapping[str, str]
    """JMESPath of each of `TRANSCRIPT_VALUES` in a line."""


class Settings(Struct, frozen=True):
    """One `handoff.yaml`."""

    engine: Engine | None = None
    """`None` where it is not set: an engine is never assumed."""
    bigquery: BigQuerySettings = field(default_factory=BigQuerySettings)
    duckdb: DuckDBSettings = field(default_factory=DuckDBSettings)
    output: str = "docs/09-handoff"
    archive: ArchiveSettings | None = None
    queries: str = "sql"
    """The folder of the queries, which may hold other files too."""
    templates: str = "templates"
    titles: ChosenTitles = field(default_factory=dict)
    """Those of all sessions; each may set its own."""
    timezone: str = "America/New_York"
    """An IANA name that this machine knows; times are shown in it and in UTC."""
    progress: ProgressSettings = field(default_factory=ProgressSettings)
    prompt: PromptSettings = field(default_factory=PromptSettings)
    sources: tuple[str, ...] = ()
    """Folders outside the repository that facts may read; `~` is the home folder."""
    transcripts: Mapping[str, TranscriptMapping] = field(default_factory=dict)
    """By the name of the agent."""
    secrets_allow: tuple[Allowance, ...] = ()
    origins: Mapping[str, str] = field(default_factory=dict)
    """Where each setting was set, by its name: `bigquery.project`."""


class InvalidSettings(InvalidInput):
    """`handoff.yaml` is invalid; carries every problem found."""

    exit_code = 2


def load(source: bytes, path: str, overrides: Sequence[Override] = ()) -> Settings:
    """The settings in a file with `overrides` over them; an empty file has the defaults.

    Raises InvalidSettings with every problem found.
    """
    decoder = Decoder(path)
    node = parse(source, path, decoder.problems)
    node = apply_overrides(node, overrides, decoder.problems)
    settings = Settings(**_given(read_keys(decoder, node, KEYS)))
    try:
        decoder.finish()
    except InvalidInput as error:
        raise InvalidSettings(error.report.problems) from error
    settings = replace(settings, origins=dict(origins(node)))
    if settings.queries == "sql" or "duckdb.sample" in settings.origins:
        return settings
    sample = str(PurePosixPath(settings.queries, "sample"))
    return replace(settings, duckdb=replace(settings.duckdb, sample=sample))


def keys() -> tuple[str, ...]:
    """Every setting that the environment may set, as `bigquery.project`."""
    return tuple(name for name, _ in paths() if name.split(".")[0] not in _FILE_ONLY)


def paths() -> Iterator[tuple[str, Key]]:
    """Every setting with its name: `engine`, `bigquery.project`."""
    for key in KEYS:
        if not key.shape.keys:
            yield key.name, key
        yield from ((f"{key.name}.{inner.name}", inner) for inner in key.shape.keys)


# --- reading ---------------------------------------------------------------------------


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _positive(decoder: Decoder, node: Node | None) -> int | None:
    return decoder.integer(node, minimum=1)


def _labels(decoder: Decoder, node: Node | None) -> Mapping[str, str]:
    read = {pair.key: decoder.text(pair.node) for pair in decoder.pairs(node)}
    return {key: text for key, text in read.items() if text is not None}


def _price(decoder: Decoder, node: Node | None) -> float | None:
    value = scalar_value(node) if isinstance(node, Scalar) else None
    if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0:
        return value
    if node is not None and not is_null(node):
        decoder.report("S003", "expected a number from 0", node)
    return None


def _inside(decoder: Decoder, node: Node | None) -> str | None:
    """A path inside the repository, normalized."""
    text = decoder.text(node, "a path")
    if text is None:
        return None
    path = PurePosixPath(text)
    if path.is_absolute() or ".." in path.parts:
        assert node is not None  # text came from it
        decoder.report("S001", f"'{text}' leads outside the repository", node)
    return str(path)


def _timezone(decoder: Decoder, node: Node | None) -> str | None:
    name = decoder.text(node, "a time zone such as America/New_York")
    if name is None or _is_zone(name):
        return name
    assert node is not None  # name came from it
    known = available_timezones()
    guess = nearest(name, known) or ", expected a name such as America/New_York"
    if not known:
        guess = ", this machine has no time zone data; run 'pip install tzdata'"
    decoder.report("S002", f"unknown time zone '{name}'{guess}", node)
    return None


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, OSError, ValueError):  # unknown, or not a name at all
        return False
    return True


def _allowed(decoder: Decoder, node: Node | None) -> tuple[Allowance, ...]:
    return tuple(each for n in decoder.nodes(node) if (each := _allowance(decoder, n)))


def _allowance(decoder: Decoder, node: Node) -> Allowance | None:
    if not isinstance(node, Map):  # reported without its text, which may be a secret
        example = "{rule: private-key, path: docs/*, reason: an example}"
        decoder.report("K004", f"expected an allowance such as {example}", node)
        return None
    values = read_keys(decoder, node, _ALLOWANCE_KEYS, "'secrets: allow:'")
    given = {pair.key for pair in node.pairs if not is_null(pair.node)}
    if given.isdisjoint(("rule", "path", "text")):
        decoder.report("K004", "allows everything, expected 'rule', 'path' or 'text'", node)
    reason: str = values.pop("reason") or ""
    if not reason.strip():
        decoder.report("K004", "an allowance needs a 'reason'", node)
    return Allowance(reason, place=node.place, **values)


def _transcripts(decoder: Decoder, node: Node | None) -> Mapping[str, TranscriptMapping]:
    found: dict[str, TranscriptMapping] = {}
    for pair in decoder.pairs(node, "agents and where their logs have what"):
        values = read_keys(decoder, pair.node, _TRANSCRIPT_KEYS, f"agent '{pair.key}'")
        if values["read"]:
            found[pair.key] = TranscriptMapping(**values)
    return found


def _lines(decoder: Decoder, node: Node | None) -> Mapping[str, str]:
    found = decoder.fields(
        node, TRANSCRIPT_VALUES, required=["at"], what="'read:' of a transcript"
    )
    texts = {name: decoder.text(each, "a JMESPath expression") for name, each in found.items()}
    return {name: text for name, text in texts.items() if text is not None}


def _section(
    name: str,
    keys: tuple[Key, ...],
    build: Callable[..., object],
    schema: JsonSchema | None = None,
) -> Shape:
    """A mapping with these keys; absent keys have their defaults."""

    def read(decoder: Decoder, node: Node | None) -> object:
        values = _given(read_keys(decoder, node, keys, f"'{name}'"))
        is_whole = all(key.field in values for key in keys if key.required)
        return build(**values) if is_whole else None

    return Shape("", read, schema or mapping_schema(keys), keys)


def _archive(decoder: Decoder, node: Node | None) -> object:
    return None if node is None or is_null(node) else _ARCHIVE.read(decoder, node)


# --- the keys --------------------------------------------------------------------------

_FILE_ONLY = ("titles", "sources", "transcripts", "secrets")
"""Sections that the environment may not set."""
_POSITIVE: JsonSchema = {"type": ["integer", "null"], "minimum": 1}
_TEXT = Shape("text", Decoder.text, TEXT_SCHEMA)
_TEXTS = Shape("text or a list of it", Decoder.texts, one_or_list(TEXT_SCHEMA))
_PATH = Shape("a path inside the repository", _inside, TEXT_SCHEMA)
_NUMBER = Shape("a whole number from 1", _positive, _POSITIVE)
_DAYS = Shape(_NUMBER.words, _positive, {"type": ["integer"], "minimum": 1})
_FLAG = Shape("`true` or `false`", Decoder.flag, {"type": ["boolean", "null"]})
_PRICE = Shape("a number", _price, {"type": ["number", "null"], "minimum": 0})
_LABELS = Shape("`label: text`", _labels, labels_schema(TEXT_SCHEMA))
_ZONE = Shape("a time zone", _timezone, TEXT_SCHEMA)
_BIGQUERY = (
    Key("project", _TEXT, "Where jobs run and are billed; by default that of the credentials."),
    Key("location", _TEXT, "The location of jobs; by default that of the data."),
    Key("dataset", _TEXT, "The dataset of tables named without one."),
    Key("impersonate", _TEXT, "The address of a service account to impersonate."),
    Key("quota_project", _TEXT, "The project whose quota the requests count against."),
    Key(
        "reservation",
        _TEXT,
        "The reservation of jobs, as projects/P/locations/L/reservations/NAME.",
    ),
    Key("priority", one_of(PRIORITIES), "Of jobs; batch waits for idle slots."),
    Key("endpoint", _TEXT, "The address of an emulator."),
    Key("max_bytes_query", _NUMBER, "A query that would read more does not run."),
    Key("max_bytes_render", _NUMBER, "The limit for all queries of a render."),
    Key("concurrency", _NUMBER, "How many queries run at a time."),
    Key("labels", _LABELS, "Labels of the jobs."),
    Key("allowed_datasets", _TEXTS, "A query that reads another dataset is refused."),
    Key("timeout_seconds", _NUMBER, "How long one query may run."),
    Key("price_per_tib", _PRICE, "In USD, for the line with the cost."),
)
_DUCKDB = (
    Key("path", _PATH, "Your own database; without it the sample is used."),
    Key("sample", _PATH, "The scripts that build the sample; a document made from it says so."),
    Key("timeout_seconds", _NUMBER, "How long one query, or script of the sample, may run."),
    Key("memory_mb", _NUMBER, "How much memory it may take."),
)
_ARCHIVE_KEYS = (
    Key(
        "after_days",
        _DAYS,
        "How much older than the newest session a document may be.",
        required=True,
        see="[publishing](publishing.md)",
    ),
    Key("by", one_of(BY), "A folder for each month or each year (default: month)."),
)
_ARCHIVE = _section("archive", _ARCHIVE_KEYS, ArchiveSettings)
_PROGRESS = (
    Key("recent_minutes", _NUMBER, "Progress within this time is recent."),
    Key("stalled_minutes", _NUMBER, "A phase without progress for this time is stalled."),
)
_PROMPT = (
    Key("budget_tokens", _NUMBER, "The largest prompt without a warning."),
    Key(
        "standalone",
        _FLAG,
        "Prompts also hold state, actions, open items, findings and how to pick up.",
        see="[standalone prompts](resuming.md#a-prompt-that-stands-alone)",
    ),
)
_ALLOWANCE_KEYS = (
    Key("rule", one_of(RULES), "The rule that matches, such as private-key."),
    Key("path", _TEXT, "The file, or a pattern."),
    Key("text", _TEXT, "The text that is not a secret."),
    Key("reason", Shape("text", Decoder.text, {"type": ["string", "number"]}), "Why."),
)
_ALLOWANCE_SCHEMA: JsonSchema = {
    "type": "object",
    **properties(_ALLOWANCE_KEYS),
    "required": ["reason"],
    "anyOf": [{"required": [name]} for name in ("rule", "path", "text")],
}
_ALLOW = Shape(
    "a list of `{rule: , path: , text: , reason: }`", _allowed, list_schema(_ALLOWANCE_SCHEMA)
)
_SECRETS = (
    Key(
        "allow",
        _ALLOW,
        "What is not a secret although it looks like one.",
        see="[secrets](secrets.md)",
    ),
)
_READ_SCHEMA: JsonSchema = {
    "type": "object",
    "properties": dict.fromkeys(TRANSCRIPT_VALUES, TEXT_SCHEMA),
    "required": ["at"],
    "additionalProperties": False,
}
_TRANSCRIPT_KEYS = (
    Key("folder", _TEXT, "Where the logs are; ~ is the home folder."),
    Key(
        "read",
        Shape("`value: JMESPath`", _lines, _READ_SCHEMA),
        "Where a line has its time and the other values.",
        required=True,
    ),
)
_TRANSCRIPTS = Shape(
    "`agent: {folder: , read: }`",
    _transcripts,
    labels_schema({"type": "object", **properties(_TRANSCRIPT_KEYS)}),
)


def _only(**values: object) -> object:
    """The value of a section with one key."""
    return next(iter(values.values()), None)


KEYS: tuple[Key, ...] = (
    Key("engine", one_of(ENGINES), "Where queries run; never assumed, set it or use --engine."),
    Key("bigquery", _section("bigquery", _BIGQUERY, BigQuerySettings), "The BigQuery engine."),
    Key("duckdb", _section("duckdb", _DUCKDB, DuckDBSettings), "The embedded engine."),
    Key("output", _PATH, "The folder of the documents and their index."),
    Key("archive", replace(_ARCHIVE, read=_archive), "Moves older documents into folders."),
    Key(
        "queries", _PATH, "The folder of the queries; only those that a session uses are read."
    ),
    Key("templates", _PATH, "The folder of your own templates."),
    Key(
        "titles",
        replace(CHOSEN_TITLES, keys=()),
        "Renamed titles and labels, for all sessions.",
        see="[titles](session-format.md#titles)",
    ),
    Key("timezone", _ZONE, "Times are shown in it and in UTC."),
    Key("progress", _section("progress", _PROGRESS, ProgressSettings), "When work stalls."),
    Key("prompt", _section("prompt", _PROMPT, PromptSettings), "Size and content of prompts."),
    Key(
        "sources",
        _TEXTS,
        "Folders outside the repository that log:, json: and transcript: may read.",
    ),
    Key(
        "transcripts",
        _TRANSCRIPTS,
        "Logs of other agents in JSON Lines.",
        see="[transcripts](sources.md#transcripts-of-coding-agents)",
    ),
    Key(
        "secrets",
        _section("secrets", _SECRETS, _only),
        "Exceptions for the search.",
        attribute="secrets_allow",
    ),
)
SCHEMA: JsonSchema = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Settings of handoff",
    "description": "handoff.yaml: every key is optional.",
    **mapping_schema(KEYS),
}
