"""Errors of BigQuery and of the way to it, as one line each that says what to do.

They are distinguished by the API's `reason` and its message, not by the HTTP status, which is
not reliable (`bytesBilledLimitExceeded` has come as 500).
https://cloud.google.com/bigquery/docs/error-messages
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import TimeoutError as FutureTimeout
from typing import Protocol

import requests.exceptions
from google.auth import exceptions as auth
from msgspec import Struct

from handoff.base.problems import Place, nearest
from handoff.project.settings import BigQuerySettings as Settings
from handoff.sql.query import Query
from handoff.warehouse.bigquery.dry_run import size
from handoff.warehouse.bigquery.wire import WrongResponse

LOGIN = "run 'gcloud auth application-default login'"


class ExplainedError(Struct, frozen=True):
    message: str
    exit_code: int
    """1 where the query or its settings need fixing, 3 where BigQuery or the network failed."""


class CatalogueLookup(Protocol):
    """Which tables and datasets exist; empty or `None` where that is not known."""

    def tables(self, project: str, dataset: str) -> Sequence[str]: ...

    def datasets(self, project: str) -> Sequence[str]: ...

    def location(self, project: str, dataset: str) -> str | None: ...


class ErrorDetails(Struct, frozen=True):
    """One error as BigQuery reported it, and all that helps to explain it."""

    reason: str
    message: str
    match: re.Match[str]
    """The rule's pattern in `message`."""
    query: Query
    project: str
    settings: Settings
    catalogue: CatalogueLookup

    def __getitem__(self, group: str) -> str:
        return self.match[group]

    @property
    def place(self) -> Place:
        """Where in the `.sql` file: as BigQuery says, or where the table is named."""
        at = AT.search(self.message)
        if at:
            line, column = int(at["line"]), int(at["column"])
            return Place(self.query.path, line, _characters(self.query.text, line, column))
        groups = self.match.groupdict()
        name = groups.get("table") or groups.get("dataset") or ""
        return self.query.place_of(name.rpartition(".")[2])


def explain(
    error: BaseException,
    query: Query,
    *,
    project: str,
    settings: Settings,
    catalogue: CatalogueLookup,
) -> ExplainedError | None:
    """Why `query` has no result, and what to do; SQL errors begin with their place.

    `None` where neither BigQuery nor the way to it failed: a bug.
    """
    cause = root(error)
    message = unreachable(cause, settings)
    if message:
        return ExplainedError(message, 3)
    if not hasattr(cause, "errors"):
        return None
    reason, message = _reason(cause)
    for rule in RULES:
        match = rule.match(reason, message)
        if match:
            details = ErrorDetails(reason, message, match, query, project, settings, catalogue)
            place = f"{details.place}: " if rule.exit_code == 1 else ""
            return ExplainedError(f"{place}{rule.sentence(details)}", rule.exit_code)
    return ExplainedError(f"BigQuery: {plain(message)}{f' ({reason})' if reason else ''}", 3)


def root(error: BaseException) -> BaseException:
    """What is behind `error`: a RetryError says only for how long it was tried."""
    while isinstance(cause := getattr(error, "cause", None), BaseException):
        error = cause
    if isinstance(error, FutureTimeout) and error.__cause__ is not None:
        return error.__cause__
    return error


def reason_of(error: BaseException) -> str:
    """The API's reason, such as `backendError`; empty without one."""
    return str(_first_detail(error).get("reason", ""))


def _reason(error: BaseException) -> tuple[str, str]:
    """The API's reason, or else the HTTP status, and its message without the client's frame."""
    detail = _first_detail(error)
    if detail:
        return reason_of(error), str(detail.get("message", "") or error)
    message = str(getattr(error, "message", "") or error)
    code = getattr(error, "code", None)
    return str(int(code)) if isinstance(code, int) else "", message


def _first_detail(error: BaseException) -> Mapping[str, object]:
    details = getattr(error, "errors", None)
    first = details[0] if isinstance(details, (list, tuple)) and details else None
    return first if isinstance(first, Mapping) else {}


def unreachable(error: BaseException, settings: Settings) -> str | None:
    """Why BigQuery could not be reached, or `None` where it responded."""
    first = plain(_first_sentence(error))
    endpoint = settings.endpoint or "bigquery.googleapis.com"
    if isinstance(error, auth.InvalidOperation):
        return (
            f"{endpoint} requires credentials, which are sent only to *.googleapis.com"
            " over https"
        )
    if isinstance(error, auth.DefaultCredentialsError):
        return f"no credentials for BigQuery ({first}), {LOGIN} and {set_project(settings)}"
    if isinstance(error, auth.RefreshError):
        return f"the credentials are no longer valid ({first}), {LOGIN}"
    if isinstance(error, (requests.exceptions.Timeout, FutureTimeout)):
        return f"{endpoint} did not respond in time, check the network and try again"
    if isinstance(error, requests.exceptions.SSLError):
        return f"no secure connection to {endpoint} ({first}), check proxy and certificates"
    if isinstance(error, (requests.exceptions.JSONDecodeError, WrongResponse)):
        found = f" ({first})" if isinstance(error, WrongResponse) else ""
        return (
            f"{endpoint} did not respond as BigQuery does{found},"
            " check the endpoint and the proxy"
        )
    if isinstance(
        error, (auth.TransportError, requests.exceptions.RequestException, ConnectionError)
    ):
        return f"no connection to {endpoint} ({_network(error) or first}), check the network"
    if isinstance(error, auth.GoogleAuthError):
        return f"the credentials cannot be used ({first}), {LOGIN}"
    return None


def set_project(settings: Settings) -> str:
    """The command or the setting that names the project in which jobs run."""
    if settings.project:
        return f"'gcloud auth application-default set-quota-project {settings.project}'"
    return "'gcloud config set project PROJECT', or set 'bigquery: project:' in handoff.yaml"


def _first_sentence(error: BaseException) -> str:
    """The first sentence of `error`; google.auth puts causes after it, or both in a tuple."""
    words: object = error.args
    while isinstance(words, tuple):
        words = words[0] if words else type(error).__name__
    return str(words).partition(". ")[0]


def _network(error: BaseException) -> str | None:
    return next((meaning for word, meaning in _NETWORK.items() if word in str(error)), None)


_NETWORK = {
    "refused": "connection refused",
    "NameResolutionError": "unknown host name",
    "Name or service not known": "unknown host name",
    "Temporary failure in name resolution": "unknown host name",
    "reset by peer": "connection reset",
    "RemoteDisconnected": "closed without a response",
}
"""urllib3 wraps the cause four deep; these words reveal it."""

_TAB = 8


def _characters(text: str, line: int, column: int) -> int:
    """The column in characters: GoogleSQL's analyzer counts a tab up to the next of eight."""
    lines = text.split("\n")
    shown = 1
    for n, character in enumerate(lines[line - 1] if line <= len(lines) else "", 1):
        if shown >= column:
            return n
        shown += _TAB - (shown - 1) % _TAB if character == "\t" else 1
    return column


# --- reasons -----------------------------------------------------------------------------


class ReasonRule(Struct, frozen=True):
    reasons: tuple[str, ...]
    """Empty for any."""
    pattern: re.Pattern[str]
    sentence: Callable[[ErrorDetails], str]
    exit_code: int

    def match(self, reason: str, message: str) -> re.Match[str] | None:
        if self.reasons and reason not in self.reasons:
            return None
        return self.pattern.search(message)


def _unfiltered(error: ErrorDetails) -> str:
    columns = [each.strip(" '\"`") for each in error["columns"].split(",")]
    return (
        f"table '{error['table']}' requires a filter on"
        f" {' or '.join(repr(each) for each in columns)},"
        f" expected a condition such as 'WHERE {columns[0]} >= @...'"
    )


def _no_table(error: ErrorDetails) -> str:
    project, dataset, table = error["project"], error["dataset"], error["table"]
    tables = error.catalogue.tables(project, dataset)
    if not tables:
        return _no_dataset(error)
    return f"no table '{table}' in '{project}.{dataset}'{nearest(table, tables)}"


def _no_dataset(error: ErrorDetails) -> str:
    project, dataset = error["project"], error["dataset"]
    actual, requested = error.catalogue.location(project, dataset), error.settings.location
    if actual and requested and actual.casefold() != requested.casefold():
        return (
            f"dataset '{project}.{dataset}' is in {actual}, but the query ran in"
            f" {requested}, set 'bigquery: location: {actual}'"
        )
    if actual:
        return f"not found in '{project}.{dataset}': {plain(error.message)}"
    hint = nearest(dataset, error.catalogue.datasets(project))
    where = f" in {requested}" if requested else ""
    return f"no dataset '{dataset}' in project '{project}'{where}{hint}"


def _no_permission_on_table(error: ErrorDetails) -> str:
    project, dataset, table = error["project"], error["dataset"], error["table"]
    others = [each for each in error.catalogue.tables(project, dataset) if each != table]
    return (
        f"no permission 'bigquery.tables.getData' on table '{project}.{dataset}.{table}', or it"
        " does not exist, request the role roles/bigquery.dataViewer on its dataset"
        f"{nearest(table, others)}"
    )


def _no_jobs(error: ErrorDetails) -> str:
    return (
        f"no permission 'bigquery.jobs.create' in project '{error['owner']}', request the role"
        " roles/bigquery.jobUser there, or name another project in 'bigquery: project:'"
    )


def _api_disabled(error: ErrorDetails) -> str:
    return (
        f"the BigQuery API is disabled in project '{error.project}', run"
        f" 'gcloud services enable bigquery.googleapis.com --project {error.project}'"
    )


def _over_limit(error: ErrorDetails) -> str:
    needed = re.search(r"([0-9]+) or higher required", error.message)
    needs = f" {size(int(needed[1]))}" if needed else ""
    if "INFORMATION_SCHEMA" in error.query.text.upper():
        return (
            f"stopped before it billed{needs}, as BigQuery estimates, more than its limit"
            " allows; it counts INFORMATION_SCHEMA in full whatever is billed, so set a"
            " larger max_bytes_query, or filter on creation_time"
        )
    return (
        f"stopped before it billed{needs}, more than its limit allows,"
        " read fewer columns or partitions, or raise max_bytes_query"
    )


def too_slow(settings: Settings) -> str:
    """Why a query was stopped that took too long."""
    return (
        f"stopped after timeout_seconds ({settings.timeout_seconds} s),"
        " read less, or raise it in 'bigquery:'"
    )


def _timed_out(error: ErrorDetails) -> str:
    return too_slow(error.settings)


def _too_many_requests(error: ErrorDetails) -> str:
    return (
        "too many requests at once, even after retries, lower 'bigquery: concurrency:'"
        f" (now {error.settings.concurrency})"
    )


def _invalid(error: ErrorDetails) -> str:
    return plain(AT.sub("", error.message))


def _format(sentence: str) -> Callable[[ErrorDetails], str]:
    """`sentence` with `{project}` and BigQuery's own `{message}` filled in."""
    return lambda error: sentence.format(project=error.project, message=plain(error.message))


AT = re.compile(r" at \[(?P<line>[0-9]+):(?P<column>[0-9]+)\]")
_ANY = re.compile("")
_TABLE = (
    r"(?P<project>[\w.:-]+?)[:.](?P<dataset>\w+)\.(?P<table>(?:INFORMATION_SCHEMA\.)?[\w$*-]+)"
)
_DENIED = ("accessDenied", "403", "forbidden")
_INTERNAL = (
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
        _unfiltered,
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
        lambda error: f"no project '{error['owner']}', or no access, set 'bigquery: project:'",
        3,
    ),
    ReasonRule(
        (),
        re.compile(r"Table \"?(?P<table>[^\"]+)\"? must be qualified with a dataset"),
        lambda error: (
            f"table '{error['table']}' has no dataset, write 'dataset.{error['table']}'"
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
    ReasonRule(
        (), re.compile(r"has not been used in project|SERVICE_DISABLED"), _api_disabled, 3
    ),
    ReasonRule(("accessNotConfigured",), _ANY, _api_disabled, 3),
    ReasonRule(_DENIED, re.compile(r"[Tt]able " + _TABLE), _no_permission_on_table, 3),
    ReasonRule(_DENIED, _ANY, _format("{message}"), 3),
    ReasonRule(
        ("authError", "401", "required", "unauthorized"),
        _ANY,
        _format(f"BigQuery rejects these credentials ({{message}}), {LOGIN}"),
        3,
    ),
    ReasonRule(("bytesBilledLimitExceeded",), _ANY, _over_limit, 1),
    ReasonRule(
        ("quotaExceeded",),
        _ANY,
        _format("a quota of project '{project}' is exceeded ({message}), try again later"),
        3,
    ),
    ReasonRule(
        ("rateLimitExceeded", "jobRateLimitExceeded", "429"), _ANY, _too_many_requests, 3
    ),
    ReasonRule(
        ("billingNotEnabled", "billingTierLimitExceeded"),
        _ANY,
        _format("project '{project}' cannot be billed ({message})"),
        3,
    ),
    ReasonRule(
        ("responseTooLarge", "resourcesExceeded"),
        _ANY,
        _format("too much for one query of BigQuery ({message}), read or return less"),
        1,
    ),
    ReasonRule(
        ("stopped", "timeout", "cancelled"),
        re.compile("time"),
        lambda error: too_slow(error.settings),
        3,
    ),
    ReasonRule(("stopped", "cancelled"), _ANY, _format("the job was cancelled ({message})"), 3),
    ReasonRule((), AT, _invalid, 1),
    ReasonRule(
        (),
        re.compile(r"different locations|[Ll]ocation [\w-]+ does not"),
        _format("{message}, check 'bigquery: location:'"),
        3,
    ),
    ReasonRule(("invalidQuery", "invalid"), _ANY, _invalid, 1),
    ReasonRule(
        _INTERNAL,
        _ANY,
        _format("internal error of BigQuery, even after retries ({message}), try again later"),
        3,
    ),
)
"""The first rule that matches explains the error."""


def plain(message: str) -> str:
    """One line without control characters or a full stop, its first letter lower case."""
    line = " ".join("".join(c if c.isprintable() else " " for c in message).split())
    line = line[:400].rstrip(". ")
    return line[:1].lower() + line[1:] if line[1:2].islower() else line
