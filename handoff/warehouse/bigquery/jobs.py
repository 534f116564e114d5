"""Jobs on BigQuery: started under our own ids, in parallel, and cancelled on Ctrl-C."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import contextmanager, suppress
from queue import Empty, SimpleQueue
from typing import TypeVar, cast

from google.api_core.exceptions import Conflict
from google.cloud.bigquery import QueryJob, QueryJobConfig
from google.cloud.bigquery.table import RowIterator

from handoff.warehouse.bigquery.client import HTTP_SECONDS, Connection
from handoff.warehouse.bigquery.errors import reason_of

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
        self._changed = threading.Condition()

    def dry_run(self, sql: str, configuration: Configuration) -> QueryJob:
        """A job that is checked and estimated, but not run."""
        if self._stopped:
            raise Cancelled
        return self._query(sql, configuration)

    def run(
        self, sql: str, configuration: Configuration, *, max_rows: int
    ) -> tuple[QueryJob, RowIterator]:
        """The finished job and at most `max_rows` rows of its result, not yet read.

        A job that BigQuery lost is started once more.
        """
        try:
            return self._run(sql, configuration, max_rows)
        except JobFailed as error:
            if reason_of(error.cause) not in _RESTARTED:
                raise
            return self._run(sql, configuration, max_rows)

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
        return self._client.query(
            sql,
            job_config=cast(QueryJobConfig, QueryJobConfig.from_api_repr(dict(configuration))),
            job_id=job_id,
            retry=self._retry,
            timeout=HTTP_SECONDS,
            # not None would retry for 10 minutes around our own retries
            job_retry=None,
        )

    def _run(
        self, sql: str, configuration: Configuration, max_rows: int
    ) -> tuple[QueryJob, RowIterator]:
        with self._tracked() as job_id:
            job = self._start(job_id, sql, configuration)
            return job, self._wait(job, max_rows)

    @contextmanager
    def _tracked(self) -> Iterator[str]:
        # known before it is sent: a job can only be cancelled by its id
        job_id = f"handoff_{uuid.uuid4().hex}"
        with self._changed:
            if self._stopped:
                raise Cancelled
            self._running[job_id] = None
        try:
            yield job_id
        finally:
            with self._changed:
                del self._running[job_id]
                self._changed.notify_all()

    def _start(self, job_id: str, sql: str, configuration: Configuration) -> QueryJob:
        try:
            job = self._query(sql, configuration, job_id)
        except Conflict:
            # sent again after its response was lost on the way: it is ours
            job = self._client.get_job(job_id, retry=self._retry, timeout=HTTP_SECONDS)  # type: ignore[assignment]
        with self._changed:
            self._running[job_id] = job
            stopped = self._stopped
        if stopped:
            self._cancel(job_id, job)
            raise Cancelled
        return job

    def _wait(self, job: QueryJob, max_rows: int) -> RowIterator:
        deadline = time.monotonic() + self._timeout_seconds + GRACE_SECONDS
        while True:
            try:
                self._retry(_poll)(job, max_rows)
                # no second request for the first page; the pages that follow are retried
                return job.result(max_results=max_rows, retry=self._retry)
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
) -> list[B]:
    """`do(thing)` for each of `things`, in their order; `progress` gets the number done.

    The threads are daemons: those of an executor are joined when Python ends, so that one
    hanging socket would hold an interrupted command.
    """
    waiting: SimpleQueue[tuple[int, A]] = SimpleQueue()
    done: SimpleQueue[tuple[int, B | None, BaseException | None]] = SimpleQueue()
    for numbered in enumerate(things):
        waiting.put(numbered)
    for _ in range(max(1, min(threads, len(things)))):
        threading.Thread(target=_work, args=(do, waiting, done), daemon=True).start()
    results: dict[int, B] = {}
    for count in range(1, len(things) + 1):
        n, result, error = _next(done)
        if error is not None:
            raise error
        results[n] = result  # type: ignore[assignment]  # B may be None itself
        progress(count)
    return [results[n] for n in range(len(things))]


def _work(
    do: Callable[[A], B],
    waiting: SimpleQueue[tuple[int, A]],
    done: SimpleQueue[tuple[int, B | None, BaseException | None]],
) -> None:
    while True:
        try:
            n, thing = waiting.get_nowait()
        except Empty:
            return
        try:
            done.put((n, do(thing), None))
        except BaseException as error:  # raised in the thread that waits
            done.put((n, None, error))


def _next(queue: SimpleQueue[B]) -> B:
    while True:
        try:
            # Windows delivers Ctrl-C only between waits
            return queue.get(timeout=0.5)
        except Empty:
            continue
