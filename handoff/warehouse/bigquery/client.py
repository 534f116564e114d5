"""The connection to BigQuery that all queries share, and the jobs on it.

Jobs are started under our own ids, in parallel, and cancelled on Ctrl-C.
"""

from __future__ import annotations

import logging
import os
import threading
import time
import uuid
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from queue import Empty, SimpleQueue
from typing import TypeVar, cast
from urllib.parse import urlsplit

import google.auth
import requests.exceptions
from google.api_core import exceptions as api
from google.api_core.client_options import ClientOptions
from google.api_core.exceptions import Conflict
from google.api_core.retry import Retry
from google.auth import exceptions as auth
from google.auth.credentials import AnonymousCredentials, Credentials
from google.auth.impersonated_credentials import Credentials as ImpersonatedCredentials
from google.auth.transport.requests import Request
from google.cloud.bigquery import Client, QueryJob, QueryJobConfig
from google.cloud.bigquery.table import RowIterator
from msgspec import Struct
from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter

from handoff.base.problems import UsageError, WorldError
from handoff.base.progress import Progress
from handoff.project.settings import BigQuerySettings as Settings
from handoff.warehouse.bigquery.errors import reason_of, root, set_project, unreachable
from handoff.warehouse.bigquery.wire import WrongResponse, response_errors

CONNECT_SECONDS = 10.0
HTTP_SECONDS = 60.0
"""For one request; the client's own default is none, and 120 s where it reads rows."""
RESPONSE_BYTES = 64 * 2**20
"""Of one response; BigQuery ends a page of rows at about 20 MB."""
_CHUNK = 64 * 1024

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
            client_options=ClientOptions(
                api_endpoint=server,
                quota_project_id=settings.quota_project if takes_credentials(server) else None,
            ),
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
        deadline = time.monotonic() + HTTP_SECONDS
        options |= {"timeout": (CONNECT_SECONDS, HTTP_SECONDS), "stream": True}
        response: Response = super().send(request, *args, **options)  # type: ignore[arg-type]
        self._clock.ahead = _ahead(response.headers) or self._clock.ahead
        _read_body(response, deadline)
        return response


def _read_body(response: Response, deadline: float) -> None:
    """Read all of it: `requests` limits only the time between two pieces, and no size."""
    body = bytearray()
    for piece in response.iter_content(_CHUNK):
        body += piece
        if len(body) > RESPONSE_BYTES:
            response.close()
            raise WrongResponse(f"a response of more than {RESPONSE_BYTES // 2**20} MiB")
        if time.monotonic() > deadline:
            response.close()
            raise requests.exceptions.ReadTimeout(f"read for {HTTP_SECONDS:g} s")
    # private, for want of another way to give a response what was read of it
    response._content = bytes(body)


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


# --- jobs --------------------------------------------------------------------------------

CANCEL_SECONDS = 5.0
"""How long an interrupted command waits for its jobs to end."""
POLL_SECONDS = 15.0
"""Well under the time of all retries, which is counted from the beginning of a wait."""
GRACE_SECONDS = 15.0
"""BigQuery stops the job itself at `jobTimeoutMs`; this is for when it does not."""
_RESTARTED = (
    "jobBackendError",
    "jobInternalError",
    "jobRateLimitExceeded",
    *("backendError", "internalError", "rateLimitExceeded"),
)
"""A job that failed for one of these reasons is started once more, under another id."""

Configuration = Mapping[str, object]
Page = Mapping[str, object]
A = TypeVar("A")
B = TypeVar("B")


class Cancelled(Exception):
    """The command is being interrupted: no more jobs are started."""


class JobFailed(Exception):
    """BigQuery ended the job without a result; `cause` has its reason."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.cause = cause


class JobTimeout(Exception):
    """The job ran longer than it may."""

    errors = ({"reason": "timeout", "message": "the job ran out of time"},)


class Jobs:
    """All jobs of one command."""

    def __init__(self, connection: Connection, timeout_seconds: float) -> None:
        self._connection = connection
        self._client = connection.client
        self._retry = connection.retry
        self._timeout_seconds = timeout_seconds
        self._stopped = False
        self._running: dict[str, QueryJob | None] = {}
        """By id; `None` until BigQuery has confirmed the start."""
        self._deadlines: dict[str, float] = {}
        self._changed = threading.Condition()

    def dry_run(self, sql: str, configuration: Configuration) -> QueryJob:
        """A job that is checked and estimated, but not run. Raises WrongResponse."""
        if self._stopped:
            raise Cancelled
        return self._query(sql, configuration)

    def run(
        self,
        sql: str,
        configuration: Configuration,
        *,
        max_rows: int,
        on_start: Callable[[QueryJob], None],
    ) -> tuple[QueryJob, Iterator[Page]]:
        """The finished job, and pages of at most `max_rows` rows of its result, not yet read.

        The first page is as `jobs.getQueryResults` sent it. A job that BigQuery lost is
        started once more. Raises WrongResponse, JobFailed, JobTimeout and Cancelled.
        """
        deadline = time.monotonic() + self._timeout_seconds + GRACE_SECONDS
        try:
            return self._run(sql, configuration, max_rows, deadline, on_start)
        except JobFailed as error:
            if reason_of(error.cause) not in _RESTARTED:
                raise
            return self._run(sql, configuration, max_rows, deadline, on_start)

    def cancel_overdue(self) -> None:
        """Cancel the jobs that should have ended: nobody waits for them any more."""
        with self._changed:
            overdue = [
                (job_id, job)
                for job_id, job in self._running.items()
                if time.monotonic() > self._deadlines[job_id]
            ]
        for job_id, job in overdue:
            threading.Thread(target=self._cancel, args=(job_id, job), daemon=True).start()

    def stop(self) -> None:
        """Cancel every running job and wait for their ends, but not for long."""
        with self._changed:
            self._stopped = True
            running = dict(self._running)
        for job_id, job in running.items():
            threading.Thread(target=self._cancel, args=(job_id, job), daemon=True).start()
        with self._changed:
            self._changed.wait_for(lambda: not self._running, timeout=CANCEL_SECONDS)

    # --- one job ---

    def _query(
        self, sql: str, configuration: Configuration, job_id: str | None = None
    ) -> QueryJob:
        config = cast(QueryJobConfig, QueryJobConfig.from_api_repr(dict(configuration)))
        with response_errors():
            return self._client.query(
                sql,
                job_config=config,
                job_id=job_id,
                retry=self._retry,
                timeout=HTTP_SECONDS,
                # not None would retry for 10 minutes around our own retries
                job_retry=None,
            )

    def _run(
        self,
        sql: str,
        configuration: Configuration,
        max_rows: int,
        deadline: float,
        on_start: Callable[[QueryJob], None],
    ) -> tuple[QueryJob, Iterator[Page]]:
        with self._tracked(deadline) as job_id:
            job = self._start(job_id, sql, configuration)
            on_start(job)
            rows = self._wait(job, max_rows, deadline)
        return job, _pages(job, rows, deadline)

    @contextmanager
    def _tracked(self, deadline: float) -> Iterator[str]:
        # known before it is sent: a job can only be cancelled by its id
        job_id = f"handoff_{uuid.uuid4().hex}"
        with self._changed:
            if self._stopped:
                raise Cancelled
            self._running[job_id] = None
            self._deadlines[job_id] = deadline
        try:
            yield job_id
        finally:
            with self._changed:
                del self._running[job_id], self._deadlines[job_id]
                self._changed.notify_all()

    def _start(self, job_id: str, sql: str, configuration: Configuration) -> QueryJob:
        try:
            job = self._query(sql, configuration, job_id)
        except Conflict:
            # sent again after its response was lost on the way: it is ours
            with response_errors():
                job = self._client.get_job(job_id, retry=self._retry, timeout=HTTP_SECONDS)  # type: ignore[assignment]
        if job.job_id != job_id:
            raise WrongResponse("the response is about another job")
        with self._changed:
            self._running[job_id] = job
            stopped = self._stopped
        if stopped:
            self._cancel(job_id, job)
            raise Cancelled
        return job

    def _wait(self, job: QueryJob, max_rows: int, deadline: float) -> RowIterator:
        while True:
            try:
                with response_errors():
                    self._retry(_poll)(job, max_rows)
                    # no second request for the first page; those that follow are retried
                    return job.result(
                        max_results=max_rows, retry=self._retry, timeout=POLL_SECONDS
                    )
            except FutureTimeout:
                if time.monotonic() > deadline:
                    self._cancel(str(job.job_id), job)
                    raise JobTimeout from None

    def _cancel(self, job_id: str, job: QueryJob | None) -> None:
        with suppress(Exception):  # it may have ended, or never started: nothing to add
            self._client.cancel_job(
                job_id,
                location=job.location if job else None,
                retry=self._connection.once,
                timeout=CANCEL_SECONDS,
            )


def _poll(job: QueryJob, max_rows: int) -> None:
    """Wait a while for `job`. Raises TimeoutError while it runs, JobFailed when it failed."""
    try:
        # retry is None: the client would take a failed job for a failed request
        job.result(max_results=max_rows, retry=None, timeout=POLL_SECONDS)
    except Exception as error:
        if job.error_result is not None:
            raise JobFailed(error) from error
        raise


def _pages(job: QueryJob, rows: RowIterator, deadline: float) -> Iterator[Page]:
    """The pages of a result. Raises WrongResponse, and JobTimeout where they do not end."""
    # private: the client reads a page without 'totalRows' as a result without rows
    first: Page = job._query_results._properties  # type: ignore[union-attr]  # it has ended
    yield first
    if not first.get("rows") and str(first.get("totalRows")) == "0":
        return
    with response_errors():
        for n, page in enumerate(rows.pages):
            if time.monotonic() > deadline:
                raise JobTimeout
            if n or not first.get("rows"):
                yield page.raw_page


def resource(job: QueryJob) -> Mapping[str, object]:
    """`job` as the REST API sent it."""
    # private, for want of another way: the properties leave out routines and accuracy, and
    # to_api_repr() is what was sent to start it
    properties: Mapping[str, object] = job._properties
    return properties


# --- threads -----------------------------------------------------------------------------


def run_parallel(
    do: Callable[[A], B],
    things: Sequence[A],
    *,
    threads: int,
    progress: Callable[[int], None],
    seconds: float,
    overdue: Callable[[A], B],
) -> list[B]:
    """`do(thing)` for each of `things`, in their order; `progress` gets the number done.

    What takes longer than `seconds` is left to itself, and is `overdue(thing)`. The threads
    are daemons: those of an executor are joined when Python ends, so that one hanging socket
    would hold an interrupted command.
    """
    waiting: SimpleQueue[tuple[int, A]] = SimpleQueue()
    done: SimpleQueue[tuple[int, B | None, BaseException | None]] = SimpleQueue()
    deadlines: dict[int, float] = {}
    for numbered in enumerate(things):
        waiting.put(numbered)

    def work() -> None:
        while True:
            try:
                n, thing = waiting.get_nowait()
            except Empty:
                return
            deadlines[n] = time.monotonic() + seconds
            try:
                done.put((n, do(thing), None))
            except BaseException as error:  # raised in the thread that waits
                done.put((n, None, error))

    def start() -> None:
        threading.Thread(target=work, daemon=True).start()

    for _ in range(max(1, min(threads, len(things)))):
        start()
    results: dict[int, B] = {}
    while len(results) < len(things):
        with suppress(Empty):
            # Windows delivers Ctrl-C only between waits
            n, result, error = done.get(timeout=0.5)
            if n in results:
                continue
            if error is not None:
                raise error
            results[n] = result  # type: ignore[assignment]  # B may be None itself
            progress(len(results))
        for n, deadline in [*deadlines.items()]:
            if n not in results and time.monotonic() > deadline:
                results[n] = overdue(things[n])
                progress(len(results))
                start()  # in place of the thread that hangs
    return [results[n] for n in range(len(things))]
