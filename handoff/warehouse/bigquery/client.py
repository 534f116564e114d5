"""The one client all questions share: whose credentials, which server, how many connections."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import TimeoutError as FutureTimeout
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from msgspec import Struct

from handoff.base.problems import UsageError, WorldError
from handoff.project.settings import BigQuerySettings as Settings
from handoff.warehouse.bigquery.errors import root, set_project, unreachable

if TYPE_CHECKING:
    from google.api_core.retry import Retry
    from google.auth.credentials import Credentials
    from google.cloud.bigquery import Client

CONNECT_SECONDS = 10.0
HTTP_SECONDS = 60.0
"""For one request; the client's own default is none, and 120 s where it asks for rows."""

_SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)


class ServerClock(Struct):
    """How far this machine's clock is from the server's, as of the last answer."""

    ahead: timedelta | None = None


class Connection(Struct, frozen=True):
    client: Client
    credentials: Credentials
    retry: Retry
    once: Retry
    """For what is not worth trying again."""
    clock: ServerClock

    def close(self) -> None:
        self.client.close()  # type: ignore[no-untyped-call]


def connect(
    settings: Settings, *, retry_seconds: float, told: Callable[[str], None]
) -> Connection:
    """A client ready to ask: with credentials that are fresh, and connections for everybody.

    Raises UsageError for settings that name no project or a server that is none, WorldError
    where there are no credentials or they are not taken.
    """
    # slow: 0.5 s, only asking needs it
    from google.api_core.client_options import ClientOptions
    from google.api_core.exceptions import RetryError
    from google.auth import exceptions
    from google.cloud.bigquery import Client

    server = endpoint(settings)
    retry = _retry_for(retry_seconds, told)
    try:
        credentials, project = _credentials(settings, server)
        client = Client(
            project=settings.project or project,
            credentials=credentials,
            location=settings.location,
            client_options=ClientOptions(api_endpoint=server) if server else None,
        )
        retry(_refreshed)(credentials)
    except (exceptions.GoogleAuthError, RetryError) as error:
        raise WorldError(unreachable(root(error), settings)) from error
    except OSError as error:
        # the client's word for a project that nothing names; it has no class of its own
        raise UsageError(f"no project for BigQuery, run {set_project(settings)}") from error
    clock = ServerClock()
    _widen(client, settings.concurrency, clock)
    return Connection(client, credentials, retry, retry.with_predicate(_never), clock)


# --- which server ------------------------------------------------------------------------


def endpoint(settings: Settings) -> str | None:
    """The server's address, or `None` for BigQuery itself. Raises UsageError."""
    # the client would read the variable too, and send real credentials there
    given = settings.endpoint or os.environ.get("BIGQUERY_EMULATOR_HOST")
    if not given:
        return None
    address = given if "://" in given else f"http://{given}"
    if urlsplit(address).scheme not in ("http", "https") or not urlsplit(address).hostname:
        raise UsageError(f"bigquery.endpoint: '{given}', expected 'http://localhost:9050'")
    return address.rstrip("/")


def takes_credentials(server: str | None) -> bool:
    """Whether `server` is Google's, over TLS: nobody else is ever sent credentials.

    A session from a stranger may bring a handoff.yaml whose endpoint collects tokens.
    """
    if server is None:
        return True
    parts = urlsplit(server)
    return parts.scheme == "https" and (parts.hostname or "").endswith(".googleapis.com")


# --- whose credentials -------------------------------------------------------------------


def _credentials(settings: Settings, server: str | None) -> tuple[Credentials, str | None]:
    # slow: only asking needs it
    import google.auth
    from google.auth.credentials import AnonymousCredentials

    if not takes_credentials(server):
        # the client would look for a project among real credentials
        named = settings.project or os.environ.get("GOOGLE_CLOUD_PROJECT")
        if not named:
            raise UsageError(f"no project for BigQuery, run {set_project(settings)}")
        return AnonymousCredentials(), named  # type: ignore[no-untyped-call]
    # what google.auth warns and logs of, a person is told in other words, or by the doctor
    logging.getLogger("google.auth").addHandler(logging.NullHandler())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        source, project = google.auth.default(scopes=_SCOPES)
    if not settings.impersonate:
        return source, project
    from google.auth.impersonated_credentials import Credentials as Impersonated

    impersonated = Impersonated(source, settings.impersonate, list(_SCOPES))  # type: ignore[no-untyped-call]
    return impersonated, project


def _refreshed(credentials: Credentials) -> None:
    """Fetch the token once, here: else each of eight first requests fetches its own."""
    from google.auth.credentials import AnonymousCredentials
    from google.auth.transport.requests import Request

    if not isinstance(credentials, AnonymousCredentials) and not credentials.valid:
        credentials.refresh(Request())  # type: ignore[no-untyped-call]


# --- connections -------------------------------------------------------------------------


def _widen(client: Client, concurrency: int, clock: ServerClock) -> None:
    """As many connections as questions: beyond the 10 of the default each one is thrown away
    with a warning; and no request without a time limit.
    """
    # slow: loaded by the client already
    from requests import PreparedRequest, Response
    from requests.adapters import HTTPAdapter

    class Adapter(HTTPAdapter):
        def send(self, request: PreparedRequest, *args: object, **options: object) -> Response:
            options["timeout"] = (CONNECT_SECONDS, HTTP_SECONDS)
            response: Response = super().send(request, *args, **options)  # type: ignore[arg-type]
            clock.ahead = _ahead(response.headers) or clock.ahead
            return response

    # twice the questions: each that waits may have to be cancelled
    adapter = Adapter(pool_connections=4, pool_maxsize=2 * concurrency + 2)
    for scheme in ("http://", "https://"):
        client._http.mount(scheme, adapter)


def _ahead(headers: Mapping[str, str]) -> timedelta | None:
    try:
        return datetime.now(UTC) - parsedate_to_datetime(headers["Date"])
    except (KeyError, ValueError, TypeError):
        return None


# --- trying again ------------------------------------------------------------------------

_TRANSIENT = ("rateLimitExceeded", "backendError", "internalError", "badGateway")


def _retry_for(seconds: float, told: Callable[[str], None]) -> Retry:
    """Try again for `seconds`; the client's own 10 minutes are no use on a terminal."""
    # slow: 0.2 s, only asking needs it
    from google.api_core.retry import Retry

    def on_error(error: Exception) -> None:
        told(f"BigQuery: trying again ({type(error).__name__})")

    return Retry(
        predicate=_is_transient,
        initial=min(0.5, seconds / 4),
        maximum=min(10.0, seconds / 2),
        timeout=seconds,
        on_error=on_error,
    )


def _is_transient(error: BaseException) -> bool:
    """Whether the same request may well succeed a moment later."""
    # slow: loaded by the client already
    import requests.exceptions
    from google.api_core import exceptions
    from google.auth.exceptions import TransportError

    reason = reason_of(error)
    if reason:
        return reason in _TRANSIENT
    if isinstance(error, FutureTimeout):
        # with a cause: a request timed out; without: the job still runs
        return error.__cause__ is not None
    if isinstance(error, requests.exceptions.SSLError):
        return False
    return isinstance(
        error,
        (
            exceptions.TooManyRequests,
            exceptions.InternalServerError,
            exceptions.BadGateway,
            exceptions.ServiceUnavailable,
            exceptions.GatewayTimeout,
            requests.exceptions.ChunkedEncodingError,
            requests.exceptions.ConnectionError,
            requests.exceptions.Timeout,
            TransportError,
            ConnectionError,
        ),
    )


def _never(error: Exception) -> bool:
    return False


def reason_of(error: BaseException) -> str:
    errors: object = getattr(error, "errors", None)
    first = errors[0] if isinstance(errors, Sequence) and errors else None
    return str(first.get("reason", "")) if isinstance(first, Mapping) else ""
