"""What fails on the way to an answer, as one line for the person who must act."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import TimeoutError as FutureTimeout

from msgspec import Struct

from handoff.base.problems import Place
from handoff.project.settings import BigQuerySettings as Settings
from handoff.sql.query import Query
from handoff.warehouse.bigquery.reasons import (
    AT,
    LOGIN,
    RULES,
    CatalogueLookup,
    ErrorDetails,
    plain,
)


class ExplainedError(Struct, frozen=True):
    message: str
    exit_code: int
    """1 where the question or the settings for it need mending, 3 where the world failed."""


def explain(
    error: BaseException,
    query: Query,
    *,
    project: str,
    settings: Settings,
    catalogue: CatalogueLookup,
) -> ExplainedError | None:
    """Why `query` was not answered, and what to do; SQL errors begin with their place.

    `None` where neither BigQuery nor the way to it failed: a bug.
    """
    cause = root(error)
    unanswered = unreachable(cause, settings)
    if unanswered:
        return ExplainedError(unanswered, 3)
    if not hasattr(cause, "errors"):
        return None
    reason, message = _reason(cause)
    for rule in RULES:
        found = rule.fits(reason, message)
        if found:
            said = ErrorDetails(reason, message, found, query, project, settings, catalogue)
            place = f"{_place(said)}: " if rule.exit_code == 1 else ""
            return ExplainedError(f"{place}{rule.sentence(said)}", rule.exit_code)
    return ExplainedError(f"BigQuery: {plain(message)}{f' ({reason})' if reason else ''}", 3)


def root(error: BaseException) -> BaseException:
    """What is behind `error`: a RetryError tells only how long was tried."""
    while isinstance(cause := getattr(error, "cause", None), BaseException):
        error = cause
    if isinstance(error, FutureTimeout) and error.__cause__ is not None:
        return error.__cause__
    return error


def _reason(error: BaseException) -> tuple[str, str]:
    """The API's reason, or else the HTTP status, and its message without the client's frame."""
    errors = getattr(error, "errors", None)
    first = errors[0] if isinstance(errors, (list, tuple)) and errors else None
    if isinstance(first, Mapping):
        return str(first.get("reason", "")), str(first.get("message", "") or error)
    message = str(getattr(error, "message", "") or error)
    code = getattr(error, "code", None)
    return str(int(code)) if isinstance(code, int) else "", message


def unreachable(error: BaseException, settings: Settings) -> str | None:
    """Why BigQuery could not be spoken to at all, or `None` where it spoke."""
    # slow: google.auth is there already where anything was asked
    import requests.exceptions
    from google.auth import exceptions as auth

    first = plain(_first(error))
    endpoint = settings.endpoint or "bigquery.googleapis.com"
    if isinstance(error, auth.InvalidOperation):
        return (
            f"{endpoint} wants credentials, which are only sent to *.googleapis.com over https"
        )
    if isinstance(error, auth.DefaultCredentialsError):
        return f"no credentials for BigQuery ({first}), {LOGIN} and {set_project(settings)}"
    if isinstance(error, auth.RefreshError):
        return f"the credentials are not valid any more ({first}), {LOGIN}"
    if isinstance(error, (requests.exceptions.Timeout, FutureTimeout)):
        return f"{endpoint} did not answer in time, look at the network and ask again"
    if isinstance(error, requests.exceptions.SSLError):
        return f"no safe connection to {endpoint} ({first}), look at proxy and certificates"
    if isinstance(error, requests.exceptions.JSONDecodeError):
        return f"what {endpoint} answered is not BigQuery's, look at the endpoint and the proxy"
    if isinstance(
        error, (auth.TransportError, requests.exceptions.RequestException, ConnectionError)
    ):
        return f"no connection to {endpoint} ({_network(error) or first}), look at the network"
    if isinstance(error, auth.GoogleAuthError):
        return f"the credentials cannot be used ({first}), {LOGIN}"
    return None


def set_project(settings: Settings) -> str:
    """The command or the setting that names the project jobs run in."""
    if settings.project:
        return f"'gcloud auth application-default set-quota-project {settings.project}'"
    return "'gcloud config set project PROJECT', or set 'bigquery: project:' in handoff.yaml"


def _first(error: BaseException) -> str:
    """The first sentence of `error`; google.auth puts causes after it, or both in a tuple."""
    words: object = error.args
    while isinstance(words, tuple):
        words = words[0] if words else type(error).__name__
    return str(words).partition(". ")[0]


def _network(error: BaseException) -> str | None:
    return next((meaning for word, meaning in _NETWORK.items() if word in str(error)), None)


_NETWORK = {
    "refused": "connection refused",
    "NameResolutionError": "the name is not known",
    "Name or service not known": "the name is not known",
    "Temporary failure in name resolution": "the name is not known",
    "reset by peer": "connection reset",
    "RemoteDisconnected": "closed without an answer",
}
"""urllib3 wraps the cause four deep; these words tell."""


# --- places ------------------------------------------------------------------------------


def _place(said: ErrorDetails) -> Place:
    """Where in the `.sql` file: as BigQuery says, or where the table is named."""
    at = AT.search(said.message)
    if at:
        line, column = int(at["line"]), int(at["column"])
        return Place(said.query.path, line, _characters(said.query.text, line, column))
    table = said.found.groupdict().get("table") or said.found.groupdict().get("dataset")
    return said.query.place_of(table.rpartition(".")[2]) if table else Place(said.query.path)


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
