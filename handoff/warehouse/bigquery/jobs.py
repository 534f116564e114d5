"""Jobs on BigQuery: begun under ids of our own, waited for, and cancelled when it is time."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, cast

from handoff.warehouse.bigquery.client import HTTP_SECONDS, Connection, reason_of

if TYPE_CHECKING:
    from google.cloud.bigquery import QueryJob, QueryJobConfig
    from google.cloud.bigquery.table import RowIterator

CANCEL_SECONDS = 5.0
"""How long an interrupted command waits for its jobs to end."""
POLL_SECONDS = 15.0
"""Well under the time that is tried again, which is counted from the beginning of a wait."""
GRACE_SECONDS = 15.0
"""BigQuery stops the job itself at `jobTimeoutMs`; this is for when it does not."""
_BEGUN_AGAIN = (
    "jobBackendError",
    "jobInternalError",
    "jobRateLimitExceeded",
    *("backendError", "internalError", "rateLimitExceeded"),
)
"""A job that failed so may be asked anew, under another id."""

Configuration = Mapping[str, object]


class Cancelled(Exception):
    """The command is being interrupted: nothing more is asked."""


class JobFailed(Exception):
    """BigQuery ended the job without an answer; `cause` has its reason."""

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
        """By id; `None` until BigQuery said that it has begun."""
        self._changed = threading.Condition()

    def dry_run(self, sql: str, configuration: Configuration) -> QueryJob:
        """What BigQuery would do: checked and estimated, nothing run."""
        if self._stopped:
            raise Cancelled
        return self._client.query(
            sql,
            job_config=_config(configuration),
            retry=self._retry,
            timeout=HTTP_SECONDS,
            job_retry=None,
        )

    def run(
        self, sql: str, configuration: Configuration, *, max_rows: int
    ) -> tuple[QueryJob, RowIterator]:
        """The job when it is done and at most `max_rows` rows of its answer, not yet read.

        A job that BigQuery lost is begun once more.
        """
        try:
            return self._run(sql, configuration, max_rows)
        except JobFailed as error:
            if reason_of(error.cause) not in _BEGUN_AGAIN:
                raise
            return self._run(sql, configuration, max_rows)

    def stop(self) -> None:
        """Cancel every job that runs and wait for their ends, but not for long."""
        with self._changed:
            self._stopped = True
            running = dict(self._running)
        for job_id, job in running.items():
            threading.Thread(target=self._cancel, args=(job_id, job), daemon=True).start()
        with self._changed:
            self._changed.wait_for(lambda: not self._running, timeout=CANCEL_SECONDS)

    # --- one job ---

    def _run(
        self, sql: str, configuration: Configuration, max_rows: int
    ) -> tuple[QueryJob, RowIterator]:
        with self._tracked() as job_id:
            job = self._begun(job_id, sql, configuration)
            return job, self._waited(job, max_rows)

    @contextmanager
    def _tracked(self) -> Iterator[str]:
        # known before it is sent: what is cancelled must have a name
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

    def _begun(self, job_id: str, sql: str, configuration: Configuration) -> QueryJob:
        # slow: loaded by the client already
        from google.api_core.exceptions import Conflict

        try:
            job = self._client.query(
                sql,
                job_config=_config(configuration),
                job_id=job_id,
                retry=self._retry,
                timeout=HTTP_SECONDS,
                # not None would try again for 10 minutes around our own trying
                job_retry=None,
            )
        except Conflict:
            # sent again after its answer was lost on the way: it is ours
            job = self._client.get_job(job_id, retry=self._retry, timeout=HTTP_SECONDS)  # type: ignore[assignment]
        with self._changed:
            self._running[job_id] = job
            stopped = self._stopped
        if stopped:
            self._cancel(job_id, job)
            raise Cancelled
        return job

    def _waited(self, job: QueryJob, max_rows: int) -> RowIterator:
        deadline = time.monotonic() + self._timeout_seconds + GRACE_SECONDS
        while True:
            try:
                self._retry(_result)(job, max_rows)
                # nothing is asked again; but pages that follow are tried again
                return job.result(max_results=max_rows, retry=self._retry)
            except FutureTimeout:
                if time.monotonic() > deadline:
                    self._cancel(str(job.job_id), job)
                    raise JobTimeout from None

    def _cancel(self, job_id: str, job: QueryJob | None) -> None:
        with suppress(Exception):  # it may have ended, or never begun: nothing to add
            self._client.cancel_job(
                job_id,
                location=job.location if job else None,
                retry=self._connection.once,
                timeout=CANCEL_SECONDS,
            )


def _result(job: QueryJob, max_rows: int) -> None:
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
    # to_api_repr() is what was sent to begin it
    properties: Mapping[str, object] = job._properties
    return properties


def _config(configuration: Configuration) -> QueryJobConfig:
    # slow: loaded by the client already
    from google.cloud.bigquery import QueryJobConfig

    return cast(QueryJobConfig, QueryJobConfig.from_api_repr(dict(configuration)))
