"""A BigQuery over loopback HTTP that does as it is told: what no real server does on demand.

It speaks the REST API as far as the client uses it. Each question's SQL text has a `Script`.
"""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Body = dict[str, Any]

LONG_POLL_SECONDS = 10.0
"""How long an answer is waited for where the request does not say."""


def error(status: int, reason: str, message: str) -> tuple[int, Body]:
    """An error as the REST API words it."""
    details = {"reason": reason, "message": message, "domain": "global"}
    return status, {"error": {"code": status, "message": message, "errors": [details]}}


@dataclass
class Script:
    """What becomes of one question."""

    schema: list[Body] = field(default_factory=lambda: [{"name": "n", "type": "INTEGER"}])
    rows: Callable[[int], list[Any]] = lambda n: [str(n)]
    """The cells of the nth row."""
    n_rows: int = 1
    page_rows: int = 100_000
    """At most so many rows in a page, whatever is asked for."""
    seconds: float = 0.0
    """How long the job runs."""
    statement: str | None = "SELECT"
    tables: tuple[str, ...] = ()
    read: tuple[str, ...] = ()
    """What the job itself says it read."""
    routines: tuple[str, ...] = ()
    n_bytes: int = 0
    accuracy: str = "PRECISE"
    cached: bool = False
    dry_schema: bool = True
    dry_error: tuple[int, Body] | None = None
    begin_errors: list[tuple[int, Body]] = field(default_factory=list)
    """One for each time it is begun, then it is."""
    begin_seconds: float = 0.0
    """How long it takes until it is told that the job has begun."""
    lost_answers: int = 0
    """So many times the job is begun, but the connection is cut before it is told."""
    job_errors: list[Body] = field(default_factory=list)
    """`errorResult` of each job that is begun, then jobs succeed."""
    result_errors: list[tuple[int, Body]] = field(default_factory=list)
    """For each time the answer is asked for."""
    change: Callable[[str, Body], Any] = lambda step, body: body
    """Of the answer in each step: `dry`, `begin`, `job`, `results`; bytes are sent as such."""
    endless: bool = False
    """After the first page come empty ones, without end."""


@dataclass
class Job:
    script: Script
    body: Body
    ends: float
    error: Body | None = None
    cancelled: bool = False


@dataclass(frozen=True)
class Seen:
    method: str
    path: str
    """After `/bigquery/v2/projects/PROJECT`."""
    query: Mapping[str, str]
    body: Body
    authorization: str | None


class Stub:
    def __init__(self) -> None:
        self.scripts: dict[str, Script] = {}
        self.tables: dict[str, list[str]] = {}
        """Of each dataset."""
        self.schemas: dict[str, Body] = {}
        """Of each `dataset.table`, as the API describes it."""
        self.locations: dict[str, str] = {}
        self.seen: list[Seen] = []
        self.jobs: dict[str, Job] = {}
        self.rows_sent = 0
        self.connections = 0
        self.clock_ahead = 0.0
        self.deaf = False
        """Nobody is answered any more."""
        self.piece_bytes = 2**20
        self.piece_seconds = 0.0
        """After each piece of an answer."""
        self.changed = threading.Condition()
        self.url = ""

    # --- for tests ---

    def begun(self) -> list[Body]:
        """The configurations of the jobs that were to run."""
        return [each["configuration"] for each in self._inserted() if not _is_dry(each)]

    def dry(self) -> list[Body]:
        return [each["configuration"] for each in self._inserted() if _is_dry(each)]

    def cancelled(self) -> list[str]:
        return [job_id for job_id, job in self.jobs.items() if job.cancelled]

    def wait_for(self, fits: Callable[[], bool]) -> None:
        with self.changed:
            assert self.changed.wait_for(fits, timeout=10)

    def _inserted(self) -> list[Body]:
        return [
            each.body for each in self.seen if (each.method, each.path) == ("POST", "/jobs")
        ]

    # --- the API ---

    def answer(self, seen: Seen) -> tuple[int, Body] | None:
        """Status and body; `None` cuts the connection."""
        with self.changed:
            self.seen.append(seen)
            self.changed.wait_for(lambda: not self.deaf, timeout=LONG_POLL_SECONDS)
        for pattern, answer in ROUTES:
            if found := re.fullmatch(pattern, f"{seen.method} {seen.path}"):
                return answer(self, seen, *found.groups())
        return error(404, "notFound", f"Not found: {seen.path}")

    def insert(self, seen: Seen) -> tuple[int, Body] | None:
        script = self.scripts[seen.body["configuration"]["query"]["query"]]
        if _is_dry(seen.body):
            return script.dry_error or (200, script.change("dry", _dry(seen.body, script)))
        if script.begin_errors:
            return script.begin_errors.pop(0)
        job_id = seen.body["jobReference"]["jobId"]
        if job_id in self.jobs:
            return error(409, "duplicate", f"Already Exists: Job {job_id}")
        failed = script.job_errors.pop(0) if script.job_errors else None
        job = Job(script, seen.body, time.monotonic() + script.seconds, failed)
        with self.changed:
            self.jobs[job_id] = job
            self.changed.notify_all()
        time.sleep(script.begin_seconds)
        if script.lost_answers:
            script.lost_answers -= 1
            return None
        return 200, script.change("begin", _resource(job_id, job))

    def get_job(self, _: Seen, job_id: str) -> tuple[int, Body]:
        if job_id not in self.jobs:
            return error(404, "notFound", f"Not found: Job {job_id}")
        job = self.jobs[job_id]
        return 200, job.script.change("job", _resource(job_id, job))

    def cancel(self, _: Seen, job_id: str) -> tuple[int, Body]:
        if job_id not in self.jobs:
            return error(404, "notFound", f"Not found: Job {job_id}")
        job = self.jobs[job_id]
        with self.changed:
            job.cancelled = True
            job.error = {"reason": "stopped", "message": "Job execution was cancelled"}
            job.ends = time.monotonic()
            self.changed.notify_all()
        return 200, {"job": _resource(job_id, job)}

    def results(self, seen: Seen, job_id: str) -> tuple[int, Body]:
        job = self.jobs[job_id]
        with self.changed:
            until = time.monotonic() + LONG_POLL_SECONDS
            while not _is_done(job) and time.monotonic() < until:
                self.changed.wait(max(0.0, min(job.ends, until) - time.monotonic()))
        if job.script.result_errors:
            return job.script.result_errors.pop(0)
        if not _is_done(job):
            return 200, {"jobReference": _reference(job_id), "jobComplete": False}
        if job.error:
            return error(400, job.error["reason"], job.error["message"])
        return 200, job.script.change("results", self._page(seen, job_id, job.script))

    def _page(self, seen: Seen, job_id: str, script: Script) -> Body:
        start = int(seen.query.get("pageToken", 0))
        wanted = int(seen.query.get("maxResults", script.n_rows))
        end = min(start + wanted, start + script.page_rows, script.n_rows)
        self.rows_sent += end - start
        page: Body = {
            "jobReference": _reference(job_id),
            "jobComplete": True,
            "schema": {"fields": script.schema},
            "totalRows": str(script.n_rows),
        }
        if end > start:
            cells = map(script.rows, range(start, end))
            page["rows"] = [{"f": [{"v": value} for value in row]} for row in cells]
        if end < script.n_rows:
            page["pageToken"] = str(end)
        if script.endless:
            page["pageToken"] = "0"
            page["rows"] = []
        return page

    def list_tables(self, _: Seen, dataset: str) -> tuple[int, Body]:
        if dataset not in self.tables:
            return error(404, "notFound", f"Not found: Dataset p:{dataset}")
        named = [
            {"tableReference": {"projectId": "p", "datasetId": dataset, "tableId": table}}
            for table in self.tables[dataset]
        ]
        return 200, {"tables": named}

    def get_table(self, _: Seen, dataset: str, table: str) -> tuple[int, Body]:
        described = self.schemas.get(f"{dataset}.{table}")
        if described is None:
            return error(404, "notFound", f"Not found: Table p:{dataset}.{table}")
        reference = {"projectId": "p", "datasetId": dataset, "tableId": table}
        return 200, {"tableReference": reference, **described}

    def get_dataset(self, _: Seen, dataset: str) -> tuple[int, Body]:
        if dataset not in self.tables:
            return error(404, "notFound", f"Not found: Dataset p:{dataset}")
        reference = {"projectId": "p", "datasetId": dataset}
        location = self.locations.get(dataset, "US")
        return 200, {"datasetReference": reference, "location": location}

    def list_datasets(self, _: Seen) -> tuple[int, Body]:
        named = [
            {"datasetReference": {"projectId": "p", "datasetId": each}} for each in self.tables
        ]
        return 200, {"datasets": named}


ROUTES: tuple[tuple[str, Callable[..., tuple[int, Body] | None]], ...] = (
    (r"POST /jobs", Stub.insert),
    (r"GET /jobs/([^/]+)", Stub.get_job),
    (r"POST /jobs/([^/]+)/cancel", Stub.cancel),
    (r"GET /queries/([^/]+)", Stub.results),
    (r"GET /datasets/([^/]+)/tables", Stub.list_tables),
    (r"GET /datasets/([^/]+)/tables/([^/]+)", Stub.get_table),
    (r"GET /datasets/([^/]+)", Stub.get_dataset),
    (r"GET /datasets", Stub.list_datasets),
)


def _is_dry(body: Body) -> bool:
    return bool(body["configuration"].get("dryRun"))


def _is_done(job: Job) -> bool:
    return time.monotonic() >= job.ends


def _reference(job_id: str) -> Body:
    return {"projectId": "p", "jobId": job_id, "location": "US"}


def _resource(job_id: str, job: Job) -> Body:
    status: Body = {"state": "DONE" if _is_done(job) else "RUNNING"}
    if _is_done(job) and job.error:
        status |= {"errorResult": job.error, "errors": [job.error]}
    billed = 0 if job.script.cached else job.script.n_bytes
    return {
        "jobReference": _reference(job_id),
        "configuration": job.body["configuration"],
        "status": status,
        "statistics": {
            "endTime": "1767457200000",
            "query": {
                "totalBytesBilled": str(billed),
                "cacheHit": job.script.cached,
                "referencedTables": [_table(each) for each in job.script.read],
            },
        },
    }


def _dry(body: Body, script: Script) -> Body:
    query: Body = {
        "totalBytesProcessed": str(script.n_bytes),
        "totalBytesProcessedAccuracy": script.accuracy,
        "referencedTables": [_table(each) for each in script.tables],
        "referencedRoutines": [_table(each, "routineId") for each in script.routines],
        "cacheHit": script.cached and body["configuration"]["query"]["useQueryCache"],
    }
    if script.statement:
        query["statementType"] = script.statement
    if script.dry_schema:
        query["schema"] = {"fields": script.schema}
    return {
        "jobReference": {"projectId": "p", "location": "US"},
        "configuration": body["configuration"],
        "status": {"state": "DONE"},
        "statistics": {"query": query, "totalBytesProcessed": str(script.n_bytes)},
    }


def _table(name: str, key: str = "tableId") -> Body:
    project, dataset, table = name.split(".", 2)
    return {"projectId": project, "datasetId": dataset, key: table}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_: object) -> None:
        """A client that left is no error of the server's."""


@contextmanager
def serving() -> Iterator[Stub]:
    """A stub that listens on a free port."""
    stub = Stub()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 65536
        disable_nagle_algorithm = True

        def setup(self) -> None:
            super().setup()
            stub.connections += 1

        def do_GET(self) -> None:
            self._do()

        def do_POST(self) -> None:
            self._do()

        def _do(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            sent = self.rfile.read(length)
            is_json = "json" in self.headers.get("Content-Type", "")
            body = json.loads(sent) if is_json else {}
            parts = urlsplit(self.path)
            path = re.sub(r"^/bigquery/v2/projects/[^/]+", "", parts.path)
            query = {key: values[0] for key, values in parse_qs(parts.query).items()}
            authorization = self.headers.get("Authorization")
            seen = Seen(self.command, path, query, body, authorization)
            answer = stub.answer(seen)
            if answer is None:
                self.connection.shutdown(socket.SHUT_RDWR)
                self.close_connection = True
                return
            self._send(*answer)

        def _send(self, status: int, body: Any) -> None:
            sent = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            for n in range(0, len(sent), stub.piece_bytes):
                self.wfile.write(sent[n : n + stub.piece_bytes])
                self.wfile.flush()
                if stub.piece_seconds:
                    time.sleep(stub.piece_seconds)

        def date_time_string(self, timestamp: float | None = None) -> str:
            return super().date_time_string((timestamp or time.time()) - stub.clock_ahead)

        def log_message(self, *_: object) -> None:
            return

    server = _Server(("127.0.0.1", 0), Handler)
    stub.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield stub
    finally:
        server.shutdown()
        server.server_close()
