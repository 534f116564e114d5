"""The connection to BigQuery that all queries share, and the tables it can list."""

from __future__ import annotations

import logging
import os
import threading
import warnings
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import TimeoutError as FutureTimeout
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from itertools import islice
from typing import Any, TypeVar
from urllib.parse import urlsplit

import google.auth
import requests.exceptions
from google.api_core import exceptions as api
from google.api_core.client_options import ClientOptions
from google.api_core.retry import Retry
from google.auth import exceptions as auth
from google.auth.credentials import AnonymousCredentials, Credentials
from google.auth.impersonated_credentials import Credentials as ImpersonatedCredentials
from google.auth.transport.requests import Request
from google.cloud.bigquery import Client, Table
from msgspec import Struct
from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter

from handoff.base.problems import UsageError, WorldError
from handoff.base.progress import Progress
from handoff.project.settings import BigQuerySettings as Settings
from handoff.sql.tables import TableSchema
from handoff.warehouse.bigquery.errors import reason_of, root, set_project, unreachable
from handoff.warehouse.bigquery.wire import columns

CONNECT_SECONDS = 10.0
HTTP_SECONDS = 60.0
"""For one request; the client's own default is none, and 120 s where it reads rows."""

_SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)


class ServerClock(Struct):
    """How far this machine's clock is from the server's, as of the last response."""

    ahead: timedelta | None = None


class Connection(Struct, frozen=True):
    client: Client
    credentials: Credentials
    retry: Retry
    once: Retry
    """For requests that are not worth a retry."""
    clock: ServerClock

    def close(self) -> None:
        self.client.close()  # type: ignore[no-untyped-call]


def connect(settings: Settings, *, retry_seconds: float, progress: Progress) -> Connection:
    """A client with fresh credentials and enough connections for all queries.

    Raises UsageError for settings without a project or with an invalid server, WorldError
    for credentials that are missing or rejected.
    """
    server = endpoint(settings)
    retry = _retry_for(retry_seconds, progress)
    try:
        credentials, project = _credentials(settings, server)
        client = Client(
            project=settings.project or project,
            credentials=credentials,
            location=settings.location,
            client_options=ClientOptions(api_endpoint=server) if server else None,
        )
        retry(_refresh)(credentials)
    except (auth.GoogleAuthError, api.RetryError) as error:
        raise WorldError(unreachable(root(error), settings) or str(error)) from error
    except OSError as error:
        # what the client raises where no project is named; it has no class of its own
        raise UsageError(f"no project for BigQuery, run {set_project(settings)}") from error
    clock = ServerClock()
    _widen(client, settings.concurrency, clock)
    return Connection(client, credentials, retry, retry.with_predicate(lambda _: False), clock)


# --- server ------------------------------------------------------------------------------


def endpoint(settings: Settings) -> str | None:
    """The server's address, or `None` for BigQuery itself. Raises UsageError."""
    # the client would read the variable too, and send real credentials there
    address = settings.endpoint or os.environ.get("BIGQUERY_EMULATOR_HOST")
    if not address:
        return None
    url = address if "://" in address else f"http://{address}"
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        raise UsageError(f"bigquery.endpoint: '{address}', expected 'http://localhost:9050'")
    return url.rstrip("/")


def takes_credentials(server: str | None) -> bool:
    """Whether `server` is Google's, over TLS: no other server is sent credentials.

    A stranger's repository may bring a handoff.yaml whose endpoint collects tokens.
    """
    if server is None:
        return True
    parts = urlsplit(server)
    return parts.scheme == "https" and (parts.hostname or "").endswith(".googleapis.com")


# --- credentials -------------------------------------------------------------------------


def _credentials(settings: Settings, server: str | None) -> tuple[Credentials, str | None]:
    if not takes_credentials(server):
        # the client would look for a project among real credentials
        project = settings.project or os.environ.get("GOOGLE_CLOUD_PROJECT")
        if not project:
            raise UsageError(f"no project for BigQuery, run {set_project(settings)}")
        return AnonymousCredentials(), project  # type: ignore[no-untyped-call]
    # the warnings and logs of google.auth are reported by our own messages and the doctor
    logging.getLogger("google.auth").addHandler(logging.NullHandler())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        source, project = google.auth.default(scopes=_SCOPES)
    if not settings.impersonate:
        return source, project
    impersonated = ImpersonatedCredentials(source, settings.impersonate, list(_SCOPES))  # type: ignore[no-untyped-call]
    return impersonated, project


def _refresh(credentials: Credentials) -> None:
    """Fetch the token once, here: else each of eight first requests fetches its own."""
    if not isinstance(credentials, AnonymousCredentials) and not credentials.valid:
        credentials.refresh(Request())  # type: ignore[no-untyped-call]


# --- connections -------------------------------------------------------------------------


class _Adapter(HTTPAdapter):
    """Sends each request with a time limit, and reads the server's clock."""

    def __init__(self, clock: ServerClock, *, connections: int) -> None:
        self._clock = clock
        super().__init__(pool_connections=4, pool_maxsize=connections)

    def send(self, request: PreparedRequest, *args: object, **options: object) -> Response:
        options["timeout"] = (CONNECT_SECONDS, HTTP_SECONDS)
        response: Response = super().send(request, *args, **options)  # type: ignore[arg-type]
        self._clock.ahead = _ahead(response.headers) or self._clock.ahead
        return response


def _widen(client: Client, concurrency: int, clock: ServerClock) -> None:
    """Allow a connection for each query: beyond the default of 10 each is thrown away."""
    # twice as many: each job that is awaited may have to be cancelled
    adapter = _Adapter(clock, connections=2 * concurrency + 2)
    for scheme in ("http://", "https://"):
        client._http.mount(scheme, adapter)


def _ahead(headers: Mapping[str, str]) -> timedelta | None:
    try:
        return datetime.now(UTC) - parsedate_to_datetime(headers["Date"])
    except (KeyError, ValueError, TypeError):
        return None


# --- retries -----------------------------------------------------------------------------

_TRANSIENT_REASONS = ("rateLimitExceeded", "backendError", "internalError", "badGateway")
_TRANSIENT = (
    api.TooManyRequests,
    api.InternalServerError,
    api.BadGateway,
    api.ServiceUnavailable,
    api.GatewayTimeout,
    requests.exceptions.ChunkedEncodingError,
    requests.exceptions.ConnectionError,
    requests.exceptions.Timeout,
    auth.TransportError,
    ConnectionError,
)


def _retry_for(seconds: float, progress: Progress) -> Retry:
    """Retry for `seconds`; the client's own 10 minutes are too long on a terminal."""

    def on_error(error: Exception) -> None:
        progress(f"BigQuery: retrying ({type(error).__name__})")

    return Retry(
        predicate=_is_transient,
        initial=min(0.5, seconds / 4),
        maximum=min(10.0, seconds / 2),
        timeout=seconds,
        on_error=on_error,
    )


def _is_transient(error: BaseException) -> bool:
    """Whether the same request may well succeed shortly after."""
    reason = reason_of(error)
    if reason:
        return reason in _TRANSIENT_REASONS
    if isinstance(error, FutureTimeout):
        # with a cause: a request timed out; without: the job still runs
        return error.__cause__ is not None
    return isinstance(error, _TRANSIENT) and not isinstance(error, requests.exceptions.SSLError)


# --- tables and datasets -----------------------------------------------------------------

_MAX_LISTED = 5_000
T = TypeVar("T")


def describe_tables(
    connection: Connection, project: str, dataset: str, progress: Progress
) -> Mapping[str, TableSchema]:
    """Every table of a dataset with its columns. Raises WorldError."""
    client, name = connection.client, f"{project}.{dataset}"
    options: dict[str, Any] = {"retry": connection.retry, "timeout": HTTP_SECONDS}
    tables: dict[str, TableSchema] = {}
    try:
        for each in islice(client.list_tables(name, **options), _MAX_LISTED):
            progress(f"BigQuery: {name}.{each.table_id}")
            tables[str(each.table_id)] = _table(client.get_table(each.reference, **options))
    except (api.GoogleAPICallError, OSError) as error:
        reason = str(getattr(error, "message", error)).split("\n")[0]
        message = f"bigquery: error: cannot read the tables of '{name}': {reason}"
        raise WorldError(message) from error
    return tables


def _table(table: Table) -> TableSchema:
    schema = [field.to_api_repr() for field in table.schema]
    by_time, by_range = table.time_partitioning, table.range_partitioning
    partition = getattr(by_time or by_range, "field", None)
    return TableSchema(
        columns={each.name: each.type for each in columns(schema)},
        partition=partition or ("_PARTITIONTIME" if by_time else None),
        needs_filter=bool(table.require_partition_filter),
    )


class Catalogue:
    """Tables and datasets, for hints in error messages: each is listed once."""

    def __init__(self, connection: Connection) -> None:
        self._client = connection.client
        self._options: dict[str, Any] = {"retry": connection.once, "timeout": HTTP_SECONDS}
        self._known: dict[tuple[str, ...], object] = {}
        self._lock = threading.Lock()

    def tables(self, project: str, dataset: str) -> Sequence[str]:
        def list_tables() -> list[str]:
            found = self._client.list_tables(f"{project}.{dataset}", **self._options)
            return [str(each.table_id) for each in islice(found, _MAX_LISTED)]

        return self._once(("tables", project, dataset), list_tables, [])

    def datasets(self, project: str) -> Sequence[str]:
        def list_datasets() -> list[str]:
            found = self._client.list_datasets(project, **self._options)
            return [str(each.dataset_id) for each in islice(found, _MAX_LISTED)]

        return self._once(("datasets", project), list_datasets, [])

    def location(self, project: str, dataset: str) -> str | None:
        def read_location() -> str | None:
            name = f"{project}.{dataset}"
            location: str | None = self._client.get_dataset(name, **self._options).location
            return location

        return self._once(("location", project, dataset), read_location, None)

    def _once(self, key: tuple[str, ...], read: Callable[[], T], default: T) -> T:
        with self._lock:
            if key not in self._known:
                try:
                    self._known[key] = read()
                except Exception:
                    # a hint is not worth an error: the one that is explained matters
                    self._known[key] = default
            return self._known[key]  # type: ignore[return-value]  # each key has its type
