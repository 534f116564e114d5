"""What each of BigQuery's reasons means, and what to do: one table.

Told apart by the API's `reason` and its message, not by the HTTP status, which is not to be
relied on (`bytesBilledLimitExceeded` has come as 500).
https://cloud.google.com/bigquery/docs/error-messages
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Protocol

from msgspec import Struct

from handoff.base.problems import nearest
from handoff.project.settings import BigQuerySettings as Settings
from handoff.sql.query import Query
from handoff.warehouse.bigquery.cost import size

LOGIN = "run 'gcloud auth application-default login'"


class CatalogueLookup(Protocol):
    """What there is, to say what was meant; empty or `None` where it cannot be told."""

    def tables(self, project: str, dataset: str) -> Sequence[str]: ...

    def datasets(self, project: str) -> Sequence[str]: ...

    def location(self, project: str, dataset: str) -> str | None: ...


class ErrorDetails(Struct, frozen=True):
    """One error as BigQuery put it, and all that helps to explain it."""

    reason: str
    message: str
    found: re.Match[str]
    """The rule's pattern in `message`."""
    query: Query
    project: str
    settings: Settings
    catalogue: CatalogueLookup

    def __getitem__(self, group: str) -> str:
        return self.found[group]


class ReasonRule(Struct, frozen=True):
    reasons: tuple[str, ...]
    """Empty for any."""
    pattern: re.Pattern[str]
    sentence: Callable[[ErrorDetails], str]
    exit_code: int

    def fits(self, reason: str, message: str) -> re.Match[str] | None:
        if self.reasons and reason not in self.reasons:
            return None
        return self.pattern.search(message)


def _unpartitioned(said: ErrorDetails) -> str:
    return (
        f"table '{said['table']}' is only read with a filter on {_quoted(said['columns'])},"
        f" expected a condition such as 'WHERE {_first(said['columns'])} >= @...'"
    )


def _no_table(said: ErrorDetails) -> str:
    project, dataset, table = said["project"], said["dataset"], said["table"]
    tables = said.catalogue.tables(project, dataset)
    if not tables:
        return _no_dataset(said)
    return f"no table '{table}' in '{project}.{dataset}'{nearest(table, tables)}"


def _no_dataset(said: ErrorDetails) -> str:
    project, dataset = said["project"], said["dataset"]
    there, asked = said.catalogue.location(project, dataset), said.settings.location
    if there and asked and there.casefold() != asked.casefold():
        return (
            f"dataset '{project}.{dataset}' is in {there}, but the question was asked in"
            f" {asked}, set 'bigquery: location: {there}'"
        )
    if there:
        return f"not found in '{project}.{dataset}': {plain(said.message)}"
    hint = nearest(dataset, said.catalogue.datasets(project))
    where = f" in {asked}" if asked else ""
    return f"no dataset '{dataset}' in project '{project}'{where}{hint}"


def _no_permission_on_table(said: ErrorDetails) -> str:
    name = f"{said['project']}.{said['dataset']}.{said['table']}"
    hint = nearest(
        said["table"],
        [
            each
            for each in said.catalogue.tables(said["project"], said["dataset"])
            if each != said["table"]
        ],
    )
    return (
        f"no permission 'bigquery.tables.getData' on table '{name}', or it is not there,"
        f" ask for the role roles/bigquery.dataViewer on its dataset{hint}"
    )


def _no_jobs(said: ErrorDetails) -> str:
    return (
        f"no permission 'bigquery.jobs.create' in project '{said['owner']}', ask for the role"
        " roles/bigquery.jobUser there, or name another project in 'bigquery: project:'"
    )


def _api_off(said: ErrorDetails) -> str:
    return (
        f"the BigQuery API is off in project '{said.project}', run"
        f" 'gcloud services enable bigquery.googleapis.com --project {said.project}'"
    )


def _over_limit(said: ErrorDetails) -> str:
    needed = re.search(r"([0-9]+) or higher required", said.message)
    needs = f" {size(int(needed[1]))}" if needed else ""
    return (
        f"stopped before it billed{needs}, more than its limit allows,"
        " read fewer columns or partitions, or raise max_bytes_query"
    )


def _too_slow(said: ErrorDetails) -> str:
    return (
        f"took longer than timeout_seconds ({said.settings.timeout_seconds} s) and was stopped,"
        " read less, or raise it in 'bigquery:'"
    )


def _crowded(said: ErrorDetails) -> str:
    return (
        "too many requests at once, also after trying again, lower 'bigquery: concurrency:'"
        f" (now {said.settings.concurrency})"
    )


def _invalid(said: ErrorDetails) -> str:
    return plain(AT.sub("", said.message))


def _with(sentence: str) -> Callable[[ErrorDetails], str]:
    """`sentence` with `{project}`, `{reason}` and BigQuery's own `{message}` filled in."""
    return lambda said: sentence.format(
        project=said.project, reason=said.reason, message=plain(said.message)
    )


AT = re.compile(r" at \[(?P<line>[0-9]+):(?P<column>[0-9]+)\]")
_ANY = re.compile("")
_TABLE = (
    r"(?P<project>[\w.:-]+?)[:.](?P<dataset>\w+)\.(?P<table>(?:INFORMATION_SCHEMA\.)?[\w$*-]+)"
)
_DENIED = ("accessDenied", "403", "forbidden")
_INSIDE = (
    *("backendError", "internalError", "jobBackendError", "jobInternalError", "badGateway"),
    *("500", "502", "503", "504"),
)

RULES: tuple[ReasonRule, ...] = (
    ReasonRule(
        (),
        re.compile(
            r"Cannot query over table '(?P<table>[^']+)' without a filter over column\(s\)"
            r" (?P<columns>.+?) that can be used for partition elimination"
        ),
        _unpartitioned,
        1,
    ),
    ReasonRule((), re.compile(r"Not found: Table " + _TABLE), _no_table, 1),
    ReasonRule(
        (),
        re.compile(r"Not found: Dataset (?P<project>[\w.:-]+)[:.](?P<dataset>\w+)(?P<table>)"),
        _no_dataset,
        1,
    ),
    ReasonRule(
        ("notFound", "404", "invalid"),
        re.compile(r"[Pp]roject (?P<owner>[\w.:-]*\w)"),
        lambda said: (
            f"no project '{said['owner']}', or you may not see it, set 'bigquery: project:'"
        ),
        3,
    ),
    ReasonRule(
        (),
        re.compile(r"Table \"?(?P<table>[^\"]+)\"? must be qualified with a dataset"),
        lambda said: (
            f"table '{said['table']}' has no dataset, write 'dataset.{said['table']}'"
            " or set 'bigquery: dataset:'"
        ),
        1,
    ),
    ReasonRule(
        _DENIED,
        re.compile(r"bigquery\.jobs\.create permission in project (?P<owner>[\w.:-]*\w)"),
        _no_jobs,
        3,
    ),
    ReasonRule((), re.compile(r"has not been used in project|SERVICE_DISABLED"), _api_off, 3),
    ReasonRule(("accessNotConfigured",), _ANY, _api_off, 3),
    ReasonRule(_DENIED, re.compile(r"[Tt]able " + _TABLE), _no_permission_on_table, 3),
    ReasonRule(_DENIED, _ANY, _with("{message}"), 3),
    ReasonRule(
        ("authError", "401", "required", "unauthorized"),
        _ANY,
        _with(f"BigQuery does not take these credentials ({{message}}), {LOGIN}"),
        3,
    ),
    ReasonRule(("bytesBilledLimitExceeded",), _ANY, _over_limit, 1),
    ReasonRule(
        ("quotaExceeded",),
        _ANY,
        _with("a quota of project '{project}' is used up ({message}), ask again later"),
        3,
    ),
    ReasonRule(("rateLimitExceeded", "jobRateLimitExceeded", "429"), _ANY, _crowded, 3),
    ReasonRule(
        ("billingNotEnabled", "billingTierLimitExceeded"),
        _ANY,
        _with("project '{project}' cannot be billed ({message})"),
        3,
    ),
    ReasonRule(
        ("responseTooLarge", "resourcesExceeded"),
        _ANY,
        _with("more than BigQuery does for one query ({message}), read or return less"),
        1,
    ),
    ReasonRule(("stopped", "timeout", "cancelled"), re.compile("time"), _too_slow, 3),
    ReasonRule(("stopped", "cancelled"), _ANY, _with("the job was cancelled ({message})"), 3),
    ReasonRule((), AT, _invalid, 1),
    ReasonRule(
        (),
        re.compile(r"different locations|[Ll]ocation [\w-]+ does not"),
        _with("{message}, look at 'bigquery: location:'"),
        3,
    ),
    ReasonRule(("invalidQuery", "invalid"), _ANY, _invalid, 1),
    ReasonRule(
        _INSIDE,
        _ANY,
        _with("BigQuery failed inside, also after trying again ({message}), ask again later"),
        3,
    ),
)
"""The first that fits explains."""


# --- words -------------------------------------------------------------------------------


def plain(message: str) -> str:
    """One line, no control characters, no full stop; its first letter small."""
    line = " ".join("".join(c if c.isprintable() else " " for c in message).split())
    line = line[:400].rstrip(". ")
    return line[:1].lower() + line[1:] if line[1:2].islower() else line


def _columns(text: str) -> list[str]:
    return [each.strip(" '\"`") for each in text.split(",")]


def _quoted(text: str) -> str:
    return " or ".join(f"'{each}'" for each in _columns(text))


def _first(text: str) -> str:
    return _columns(text)[0]
