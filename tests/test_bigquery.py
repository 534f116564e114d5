"""The runner, through the real client over loopback HTTP, against a server that is scripted."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from bigquery_stub import Script, Stub, error, serving
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.oauth2.credentials import Credentials as UserCredentials
from msgspec.structs import replace

from handoff.base.problems import InvalidInput, UsageError, WorldError
from handoff.facts.recorded import Column, Failure, QueryResult
from handoff.project.settings import BigQuerySettings as Settings
from handoff.sql.query import BoundQuery, read
from handoff.warehouse.bigquery.client import connect, endpoint, takes_credentials
from handoff.warehouse.bigquery.dry_run import MIB, BilledCost, CostEstimate
from handoff.warehouse.bigquery.warehouse import BigQueryWarehouse, doctor_checks
from handoff.warehouse.port import DoctorStep

AS_OF = datetime(2026, 1, 3, 16, 20, tzinfo=UTC)
BUSY = error(503, "backendError", "try again")


def question(n: int = 0, sql: str = "SELECT 1 AS n", kind: str = "INT64") -> BoundQuery:
    source = f"-- returns: n {kind}\n{sql} -- {n}\n"
    query = read(source.encode(), f"sql/a/q{n}.sql", f"a/q{n}.sql")
    return BoundQuery(f"fact{n}", query, {"as_of": AS_OF})


@pytest.fixture
def stub() -> Iterator[Stub]:
    with serving() as stub:
        yield stub


@pytest.fixture
def settings(stub: Stub) -> Settings:
    return Settings(project="p", location="US", endpoint=stub.url)


def ask(
    stub: Stub, settings: Settings, *scripts: Script, sql: str = "SELECT 1 AS n"
) -> tuple[QueryResult | Failure, ...]:
    asked = [question(n, sql) for n in range(len(scripts))]
    stub.scripts |= {
        each.query.text: script for each, script in zip(asked, scripts, strict=True)
    }
    warehouse = BigQueryWarehouse(settings, lambda _: None, retry_seconds=0.5)
    try:
        return warehouse.run(asked)
    finally:
        warehouse.close()


def told(failure: QueryResult | Failure) -> tuple[str, int]:
    assert isinstance(failure, Failure)
    return failure.message, failure.exit_code


# --- answers -----------------------------------------------------------------------------


def test_result_with_its_provenance(stub: Stub, settings: Settings) -> None:
    (answer,) = ask(stub, settings, Script(n_bytes=5, n_rows=2, tables=("p.nba.games",)))

    assert answer == QueryResult(
        columns=(Column("n", "INT64"),),
        rows=((0,), (1,)),
        job_id=next(iter(stub.jobs)),
        bytes_billed=5,
        ran_at=AS_OF,
    )


def test_no_rows_are_an_result(stub: Stub, settings: Settings) -> None:
    (answer,) = ask(stub, settings, Script(n_rows=0))

    assert isinstance(answer, QueryResult)
    assert answer.rows == ()


def test_rows_over_several_pages(stub: Stub, settings: Settings) -> None:
    (answer,) = ask(stub, settings, Script(n_rows=1_000, page_rows=300))

    assert isinstance(answer, QueryResult)
    assert answer.rows == tuple((n,) for n in range(1_000))


def test_no_query_connects_to_nobody() -> None:
    assert (
        BigQueryWarehouse(Settings(endpoint="http://127.0.0.1:1"), lambda _: None).run([]) == ()
    )


def test_failed_query_does_not_affect_others(stub: Stub, settings: Settings) -> None:
    failed = error(400, "invalidQuery", "Unrecognized name: x at [2:8]")

    answers = ask(stub, settings, Script(), Script(dry_error=failed), Script())

    assert [type(each) for each in answers] == [QueryResult, Failure, QueryResult]
    assert told(answers[1]) == ("sql/a/q1.sql:2:8: unrecognized name: x", 1)


def test_progress_is_reported(stub: Stub, settings: Settings) -> None:
    asked = [question(0), question(1)]
    stub.scripts = {each.query.text: Script() for each in asked}
    lines: list[str] = []

    BigQueryWarehouse(settings, lines.append).run(asked)

    assert lines == [
        "BigQuery: 1 of 2 checked",
        "BigQuery: 2 of 2 checked",
        "BigQuery: 1 of 2 done",
        "BigQuery: 2 of 2 done",
    ]


# --- what is refused before it runs ------------------------------------------------------

OUTSIDE = "is not in an allowed dataset (nba, other.shared)"
REFUSED: list[tuple[str, str, Script]] = [
    (
        "SELECT 1 AS n",
        "sql/a/q0.sql: expected one SELECT, BigQuery found SCRIPT",
        Script(statement="SCRIPT"),
    ),
    (
        "SELECT 1 AS n FROM x.t",
        f"sql/a/q0.sql:2:20: 'p.x.t' {OUTSIDE}",
        Script(tables=("p.nba.games", "p.x.t")),
    ),
    (
        "SELECT 1 AS n FROM nba.games",
        f"sql/a/q0.sql:2:20: 'q.nba.games' {OUTSIDE}",
        Script(tables=("q.nba.games",)),
    ),
    (
        "SELECT x.leak() AS n",
        f"sql/a/q0.sql:2:8: 'p.x.leak' {OUTSIDE}",
        Script(routines=("p.x.leak",)),
    ),
    (
        "SELECT 1 AS n",
        "sql/a/q0.sql: the server does not report which tables the query reads,"
        " which 'bigquery: allowed_datasets:' requires",
        Script(statement=None),
    ),
    (
        "SELECT * FROM EXTERNAL_QUERY('c', 'SELECT 1')",
        "sql/a/q0.sql:2:15: EXTERNAL_QUERY is refused, read a table of BigQuery",
        Script(),
    ),
    (
        "SELECT * FROM `external_query`('c', 'SELECT 1')",
        "sql/a/q0.sql:2:15: EXTERNAL_QUERY is refused, read a table of BigQuery",
        Script(),
    ),
    (
        r"SELECT * FROM `EXTERNAL\x5fQUERY`('c', 'SELECT 1')",
        r"sql/a/q0.sql:2:15: `EXTERNAL\x5fQUERY` with an escape is refused, read a table of"
        " BigQuery",
        Script(),
    ),
    (
        "SELECT 1 AS n",
        "sql/a/q0.sql:1:13: the result does not match 'returns:': 'n' is STRING, not INT64",
        Script(schema=[{"name": "n", "type": "STRING"}]),
    ),
]


@pytest.mark.parametrize(("sql", "message", "script"), REFUSED)
def test_refused_before_it_runs(
    stub: Stub, settings: Settings, sql: str, message: str, script: Script
) -> None:
    allowed = replace(settings, allowed_datasets=("nba", "other.shared"))

    (failure,) = ask(stub, allowed, script, sql=sql)

    assert told(failure) == (message, 1)
    assert stub.jobs == {}


def test_comment_and_string_may_speak_of_external_query(stub: Stub, settings: Settings) -> None:
    sql = "SELECT LENGTH('EXTERNAL_QUERY') AS n /* EXTERNAL_QUERY */"

    (answer,) = ask(stub, settings, Script(), sql=sql)

    assert isinstance(answer, QueryResult)


def test_columns_are_compared_after_the_run_where_the_dry_run_says_none(
    stub: Stub, settings: Settings
) -> None:
    script = Script(schema=[{"name": "m", "type": "INTEGER"}], dry_schema=False)

    (failure,) = ask(stub, settings, script)

    assert told(failure) == (
        "sql/a/q0.sql:1:13: the result does not match 'returns:': no column 'n INT64';"
        " undeclared 'm INT64'",
        1,
    )


VIEW = {"type": "VIEW", "view": {"query": "SELECT 1"}}
TABLE = {"type": "TABLE"}


@pytest.mark.parametrize(
    ("sql", "kind", "read", "runs"),
    [
        ("SELECT n FROM nba.v", VIEW, "p.raw.t", True),
        ("SELECT n FROM `p.nba.v`", VIEW, "q.raw.t", True),
        ("SELECT n FROM v", VIEW, "p.raw.t", True),  # of the default dataset
        ("SELECT n FROM nba.v /* raw */", VIEW, "p.raw.t", True),
        ("SELECT n FROM nba.v", {**VIEW, "type": "MATERIALIZED_VIEW"}, "p.raw.t", True),
        ("SELECT n FROM nba.v", TABLE, "p.raw.t", False),
        ("SELECT n FROM nba.v, raw.t", VIEW, "p.raw.t", False),
        ("SELECT n FROM nba.v, `p.RAW`.t", VIEW, "p.raw.t", False),
        ("SELECT n FROM nba.v, `raw.*`", VIEW, "p.raw.t", False),
        ("SELECT n FROM nba.v, q.nba.t", VIEW, "q.nba.t", False),
        ("SELECT n FROM nba.v", VIEW, "q.nba.t", True),
        ("SELECT n FROM other.v", VIEW, "p.raw.t", False),
    ],
)
def test_view_in_an_allowed_dataset_may_read_others(
    stub: Stub, settings: Settings, sql: str, kind: dict[str, object], read: str, runs: bool
) -> None:
    stub.schemas = {"nba.v": kind, "other.v": kind}
    allowed = replace(settings, allowed_datasets=("nba",), dataset="nba")

    (found,) = ask(stub, allowed, Script(tables=("p.nba.v", read)), sql=sql)

    if runs:
        assert isinstance(found, QueryResult)
    else:
        assert f"'{read}' is not in an allowed dataset (nba)" in told(found)[0]
        assert stub.jobs == {}


def test_result_of_a_job_that_read_something_else_is_withheld(
    stub: Stub, settings: Settings
) -> None:
    allowed = replace(settings, allowed_datasets=("nba",))

    (failure,) = ask(stub, allowed, Script(tables=("p.nba.games",), read=("p.x.t",)))

    assert told(failure) == (
        "sql/a/q0.sql: 'p.x.t' is not in an allowed dataset (nba); its result is withheld",
        1,
    )


TEMPORARY = "CREATE TEMP FUNCTION one(n INT64) AS (n + 1);\n"


@pytest.mark.parametrize(
    "sql",
    [
        f"{TEMPORARY}SELECT one(0) AS n",
        f"{TEMPORARY}{TEMPORARY}SELECT one(0) AS n;",
        "create or replace temporary function f(x INT64) RETURNS INT64 LANGUAGE js"
        ' AS r"""return x; SELECT"""; WITH a AS (SELECT 1 AS n) SELECT n FROM a',
    ],
)
def test_temporary_functions_before_the_query(stub: Stub, settings: Settings, sql: str) -> None:
    (answer,) = ask(stub, settings, Script(), sql=sql)

    assert isinstance(answer, QueryResult)


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("CREATE FUNCTION d.f() AS (1)", "Q011"),
        ("CREATE TEMP TABLE t AS SELECT 1", "Q011"),
        (f"{TEMPORARY}DELETE FROM d.t WHERE TRUE", "Q011"),
        (f"{TEMPORARY}SELECT 1 AS n; SELECT 2 AS n", "Q012"),
        (TEMPORARY, "Q011"),
    ],
)
def test_other_statements_are_refused(sql: str, code: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        question(sql=sql)

    assert [each.code for each in raised.value.report.problems] == [code]


def test_column_without_a_name(stub: Stub, settings: Settings) -> None:
    script = Script(schema=[{"name": "f0_", "type": "INTEGER"}])

    (failure,) = ask(stub, settings, script, sql="SELECT COUNT(*)")

    assert told(failure) == (
        "sql/a/q0.sql:1:13: the result does not match 'returns:': column 1 (INT64) has no"
        " name, add an alias such as 'AS n'",
        1,
    )


def test_settings_of_every_job(stub: Stub, settings: Settings) -> None:
    reservation = "projects/p/locations/US/reservations/night"
    more = replace(settings, reservation=reservation, priority="batch", dataset="nba")

    ask(stub, more, Script())

    for sent in (*stub.dry(), *stub.begun()):
        assert sent["reservation"] == reservation
        assert sent["query"]["priority"] == "BATCH"
        assert sent["query"]["defaultDataset"] == {"projectId": "p", "datasetId": "nba"}


def test_quota_project_is_that_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BIGQUERY_EMULATOR_HOST", raising=False)
    found = (UserCredentials("token"), "own")
    monkeypatch.setattr("google.auth.default", lambda scopes: found)

    connection = connect(
        Settings(quota_project="billing"), retry_seconds=0.1, progress=lambda _: None
    )

    assert connection.client.project == "own"
    assert connection.client._credentials.quota_project_id == "billing"


def test_default_dataset_is_of_the_project_of_the_credentials(
    stub: Stub, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "own")

    ask(stub, replace(settings, project=None, dataset="nba"), Script())

    for sent in (*stub.dry(), *stub.begun()):
        assert sent["query"]["defaultDataset"] == {"projectId": "own", "datasetId": "nba"}


# --- cost --------------------------------------------------------------------------------


def test_job_may_bill_its_estimate_and_headroom(stub: Stub, settings: Settings) -> None:
    ask(stub, settings, Script(n_bytes=100 * MIB, tables=("p.nba.a", "p.nba.b")))

    (begun,) = stub.begun()
    assert begun["query"]["maximumBytesBilled"] == str(130 * MIB)
    assert begun["labels"] == {"tool": "handoff", "fact": "fact0", "question": "a_q0"}


def test_hidden_bytes_are_no_limit(stub: Stub, settings: Settings) -> None:
    """A dry run over a table with row-level security reports no bytes."""
    ask(stub, settings, Script(n_bytes=0, tables=("p.nba.secured",)))
    ask(stub, replace(settings, max_bytes_query=99 * MIB), Script(tables=("p.nba.secured",)))

    first, second = stub.begun()
    assert "maximumBytesBilled" not in first["query"]
    assert second["query"]["maximumBytesBilled"] == str(99 * MIB)


JOBS = "p.region-us.INFORMATION_SCHEMA.JOBS"


@pytest.mark.parametrize(
    "script",
    [
        Script(n_bytes=5_000 * MIB, tables=("p.nba.clustered",), accuracy="UPPER_BOUND"),
        Script(n_bytes=5_000 * MIB, tables=(JOBS,)),
    ],
)
def test_estimate_that_is_too_high_is_left_to_bigquery(
    stub: Stub, settings: Settings, script: Script
) -> None:
    limits = replace(settings, max_bytes_query=100 * MIB, max_bytes_render=150 * MIB)

    answers = ask(stub, limits, script, Script(n_bytes=60 * MIB))

    assert all(isinstance(each, QueryResult) for each in answers)
    sent = [int(each["query"]["maximumBytesBilled"]) for each in stub.begun()]
    assert sorted(sent) == [50 * MIB, 76 * MIB]


def test_limit_that_bigquery_counts_metadata_against(stub: Stub, settings: Settings) -> None:
    message = "Query exceeded limit for bytes billed: 1. 10485760 or higher required."
    over = {"reason": "bytesBilledLimitExceeded", "message": message}
    script = Script(tables=(JOBS,), n_bytes=MIB, job_errors=[over])
    sql = "SELECT COUNT(*) AS n FROM `region-us`.INFORMATION_SCHEMA.JOBS"

    (failure,) = ask(stub, settings, script, sql=sql)

    assert told(failure)[0].endswith(
        "it counts INFORMATION_SCHEMA in full whatever is billed, so set a larger"
        " max_bytes_query, or filter on creation_time"
    )


def test_render_over_budget_runs_nothing(stub: Stub, settings: Settings) -> None:
    scripts = [Script(n_bytes=60 * MIB), Script(n_bytes=50 * MIB)]

    answers = ask(stub, replace(settings, max_bytes_render=100 * MIB), *scripts)

    message = (
        "not run: all queries together would bill 110.0 MiB, over max_bytes_render"
        " (100.0 MiB), most of it a/q0.sql with 60.0 MiB"
    )
    assert [told(each) for each in answers] == [(message, 1)] * 2
    assert stub.jobs == {}


def test_estimates_run_nothing_and_know_the_cache(stub: Stub, settings: Settings) -> None:
    asked = question()
    stub.scripts[asked.query.text] = Script(n_bytes=5, tables=("p.nba.games",), cached=True)

    found = BigQueryWarehouse(settings, lambda _: None).estimate([asked])

    assert found == (CostEstimate("fact0", "a/q0.sql", 5, ("p.nba.games",), cached=True),)
    assert stub.jobs == {}


def test_bills_of_what_was_run(stub: Stub, settings: Settings) -> None:
    asked = [question(0), question(1)]
    stub.scripts = {
        asked[0].query.text: Script(n_bytes=30 * MIB),
        asked[1].query.text: Script(n_bytes=30 * MIB, cached=True),
    }
    warehouse = BigQueryWarehouse(settings, lambda _: None)

    warehouse.run(asked)

    bills = sorted(warehouse.bills, key=lambda each: each.fact)
    assert bills == [
        BilledCost("fact0", 30 * MIB, cached=False),
        BilledCost("fact1", 0, cached=True),
    ]


# --- too much ----------------------------------------------------------------------------


def test_million_rows_are_not_read(stub: Stub, settings: Settings) -> None:
    tracemalloc.start()

    (failure,) = ask(stub, settings, Script(n_rows=1_000_000))

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert told(failure) == (
        "sql/a/q0.sql: the result has 1,000,000 rows, at most 1,000 are recorded,"
        " aggregate in the query or add a LIMIT",
        1,
    )
    assert stub.rows_sent <= 1_001
    assert peak < 32 * MIB


def test_wide_rows_are_read_only_as_far_as_they_are_kept(
    stub: Stub, settings: Settings
) -> None:
    asked = question(kind="STRING")
    stub.scripts[asked.query.text] = Script(
        schema=[{"name": "n", "type": "STRING"}],
        n_rows=1_000,
        page_rows=2,
        rows=lambda n: ["x" * 1_000_000],
    )

    (failure,) = BigQueryWarehouse(settings, lambda _: None).run([asked])

    assert told(failure) == (
        "sql/a/q0.sql: the result is over 4 MiB after 4 rows, return fewer or shorter columns",
        1,
    )
    assert stub.rows_sent <= 8


# --- all at once -------------------------------------------------------------------------


def test_eight_slow_queries_take_as_long_as_one(stub: Stub, settings: Settings) -> None:
    asked = [question(n) for n in range(8)]
    stub.scripts = {each.query.text: Script(seconds=0.3) for each in asked}
    warehouse = BigQueryWarehouse(settings, lambda _: None)
    warehouse.estimate(asked[:1])  # the start: import, connection

    def wall(some: list[BoundQuery]) -> float:
        started = time.perf_counter()
        warehouse.run(some)
        return time.perf_counter() - started

    # once out of a few: the machine may be busy with other tests
    one = min(wall(asked[:1]) for _ in range(2))
    assert any(wall(asked) <= 1.3 * one for _ in range(10))


def test_forty_at_once_share_the_connections(
    stub: Stub, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    scripts = [Script(seconds=0.05) for _ in range(40)]

    with caplog.at_level(logging.WARNING):
        answers = ask(stub, replace(settings, concurrency=40), *scripts)

    assert all(isinstance(each, QueryResult) for each in answers)
    assert caplog.records == []
    assert stub.connections <= 42


# --- trouble on the way ------------------------------------------------------------------


def test_busy_server_is_retried(stub: Stub, settings: Settings) -> None:
    script = Script(begin_errors=[BUSY], result_errors=[BUSY, BUSY])

    (answer,) = ask(stub, settings, script)

    assert isinstance(answer, QueryResult)


def test_lost_response_does_not_run_the_query_twice(stub: Stub, settings: Settings) -> None:
    (answer,) = ask(stub, settings, Script(lost_answers=1))

    assert isinstance(answer, QueryResult)
    assert len(stub.jobs) == 1


def test_job_that_bigquery_lost_is_begun_once_more(stub: Stub, settings: Settings) -> None:
    lost = {"reason": "backendError", "message": "lost"}

    (answer,) = ask(stub, settings, Script(job_errors=[lost]))

    assert isinstance(answer, QueryResult)
    assert len(stub.jobs) == 2


def test_job_that_bigquery_loses_again_fails(stub: Stub, settings: Settings) -> None:
    lost = {"reason": "jobBackendError", "message": "Lost."}

    (failure,) = ask(stub, settings, Script(job_errors=[lost, lost, lost]))

    assert told(failure) == (
        "internal error of BigQuery, even after retries (lost), try again later",
        3,
    )
    assert len(stub.jobs) == 2


def test_trying_again_ends(stub: Stub, settings: Settings) -> None:
    started = time.perf_counter()

    (failure,) = ask(stub, settings, Script(begin_errors=[BUSY] * 100))

    assert told(failure)[1] == 3
    assert time.perf_counter() - started < 5


def test_nobody_listens(settings: Settings) -> None:
    nobody = replace(settings, endpoint="http://127.0.0.1:9")
    warehouse = BigQueryWarehouse(nobody, lambda _: None, retry_seconds=0.2)

    (failure,) = warehouse.run([question()])

    assert told(failure) == (
        "no connection to http://127.0.0.1:9 (connection refused), check the network",
        3,
    )


def test_job_that_runs_too_long_is_cancelled(
    stub: Stub, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("handoff.warehouse.bigquery.client.GRACE_SECONDS", 0.0)
    monkeypatch.setattr("handoff.warehouse.bigquery.client.POLL_SECONDS", 0.1)
    monkeypatch.setattr("bigquery_stub.LONG_POLL_SECONDS", 0.1)

    (failure,) = ask(stub, replace(settings, timeout_seconds=0), Script(seconds=60))

    assert told(failure) == (
        "stopped after timeout_seconds (0 s), read less, or raise it in 'bigquery:'",
        3,
    )
    assert stub.cancelled() == list(stub.jobs)


def test_server_that_hangs_is_left(
    stub: Stub, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    # the client itself would wait for 120 s where it asks for rows
    monkeypatch.setattr("handoff.warehouse.bigquery.client.HTTP_SECONDS", 0.2)

    (failure,) = ask(stub, settings, Script(seconds=60))

    assert told(failure) == (
        f"{stub.url} did not respond in time, check the network and try again",
        3,
    )


# --- Ctrl-C ------------------------------------------------------------------------------


@pytest.mark.parametrize("begin_seconds", [0.0, 0.3])
def test_interrupt_cancels_what_runs_and_begins_nothing_more(
    stub: Stub, settings: Settings, caplog: pytest.LogCaptureFixture, begin_seconds: float
) -> None:
    asked = [question(n) for n in range(6)]
    script = Script(seconds=30, begin_seconds=begin_seconds)
    stub.scripts = {each.query.text: script for each in asked}
    warehouse = BigQueryWarehouse(replace(settings, concurrency=4), lambda _: None)

    def interrupt() -> None:
        stub.wait_for(lambda: len(stub.jobs) == 4)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt).start()
    started = time.perf_counter()
    with pytest.raises(KeyboardInterrupt):
        warehouse.run(asked)

    assert sorted(stub.cancelled()) == sorted(stub.jobs)
    assert len(stub.jobs) == 4
    assert time.perf_counter() - started < 5
    assert caplog.records == []


def test_interrupted_command_ends_though_a_server_hangs(stub: Stub, tmp_path: Path) -> None:
    """A thread that waits for a socket must not hold the process."""
    asked = question()
    stub.scripts[asked.query.text] = Script(seconds=3600)
    program = tmp_path / "ask.py"
    program.write_text(
        "import sys; sys.path.insert(0, sys.argv[2])\n"
        "from test_bigquery import BigQueryWarehouse, Settings, question\n"
        "from handoff.warehouse.bigquery import client\n"
        "client.CANCEL_SECONDS = 0.2\n"
        "settings = Settings(project='p', endpoint=sys.argv[1])\n"
        "BigQueryWarehouse(settings, print).run([question()])\n"
    )
    command = [sys.executable, str(program), stub.url, str(Path(__file__).parent)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
    stub.wait_for(lambda: len(stub.jobs) == 1)
    stub.deaf = True

    process.send_signal(signal.SIGINT)

    assert b"KeyboardInterrupt" in process.communicate(timeout=10)[1]


# --- whom is spoken to -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("server", "trusted"),
    [
        (None, True),
        ("https://bigquery-x.p.googleapis.com", True),
        ("https://googleapis.com.example.org", False),
        ("https://evilgoogleapis.com", False),
        ("http://bigquery.googleapis.com", False),
        ("http://localhost:9050", False),
    ],
)
def test_credentials_are_only_for_google(server: str | None, trusted: bool) -> None:
    assert takes_credentials(server) is trusted


def test_nothing_is_authorized_at_another_server(stub: Stub, settings: Settings) -> None:
    ask(stub, settings, Script())

    assert {each.authorization for each in stub.seen} == {None}


def test_emulator_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", "localhost:9050")

    assert endpoint(Settings()) == "http://localhost:9050"
    assert endpoint(Settings(endpoint="https://other/")) == "https://other"


def test_endpoint_that_is_none() -> None:
    with pytest.raises(UsageError, match="expected 'http://localhost:9050'"):
        endpoint(Settings(endpoint="ftp://localhost"))


def test_no_project(stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    warehouse = BigQueryWarehouse(Settings(endpoint=stub.url), lambda _: None)

    with pytest.raises(UsageError, match="no project for BigQuery, run 'gcloud config set"):
        warehouse.run([question()])


def test_no_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    missing = str(tmp_path / "none.json")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", missing)
    monkeypatch.delenv("BIGQUERY_EMULATOR_HOST", raising=False)
    warehouse = BigQueryWarehouse(Settings(project="p"), lambda _: None)

    with pytest.raises(
        WorldError, match=r"no credentials for BigQuery \(file .*application-default"
    ):
        warehouse.run([question()])


@pytest.mark.parametrize("impersonate", [None, "reader@p.iam.gserviceaccount.com"])
def test_credentials_that_are_not_taken_any_more(
    stub: Stub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, impersonate: str | None
) -> None:
    key = tmp_path / "key.json"
    key.write_text(json.dumps(service_account(f"{stub.url}/token")))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(key))
    monkeypatch.delenv("BIGQUERY_EMULATOR_HOST", raising=False)
    settings = Settings(project="p", impersonate=impersonate)
    warehouse = BigQueryWarehouse(settings, lambda _: None, retry_seconds=0.2)

    with pytest.raises(WorldError, match="the credentials are no longer valid"):
        warehouse.run([question()])
    assert [each.path for each in stub.seen] == ["/token"]


def service_account(token_uri: str) -> dict[str, str]:
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return {
        "type": "service_account",
        "project_id": "p",
        "private_key": pem.decode(),
        "client_email": "writer@p.iam.gserviceaccount.com",
        "token_uri": token_uri,
    }


def test_nothing_of_google_is_imported_before_a_query() -> None:
    program = (
        "import sys, handoff.api, handoff.commands.query, handoff.commands.doctor\n"
        "import handoff.warehouse.engines, handoff.warehouse.port\n"
        "import handoff.warehouse.bigquery.dry_run\n"
        "print([m for m in sys.modules if m.split('.')[0] in ('google', 'requests')])"
    )

    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)

    assert ran.stdout.strip() == b"[]"


# --- the doctor --------------------------------------------------------------------------


def test_doctor_where_all_is_well(stub: Stub, settings: Settings) -> None:
    query = "-- returns: n INT64\nSELECT 1 AS n"
    stub.scripts[query] = Script()
    stub.tables = {"nba": []}

    found = list(doctor_checks(replace(settings, dataset="nba")))

    assert found == [
        DoctorStep("endpoint", True, f"{stub.url}, without credentials"),
        DoctorStep("credentials", True, "AnonymousCredentials"),
        DoctorStep("project", True, "p"),
        DoctorStep("dry run", True, "SELECT 1 in US"),
        DoctorStep("dataset", True, "p.nba in US"),
        DoctorStep("clock", True, "agrees with the server's"),
    ]


def test_doctor_where_it_is_not(stub: Stub, settings: Settings) -> None:
    denied = "User does not have bigquery.jobs.create permission in project p."
    stub.scripts["-- returns: n INT64\nSELECT 1 AS n"] = Script(
        dry_error=error(403, "accessDenied", denied)
    )
    stub.tables = {"nba": []}
    stub.clock_ahead = 600

    found = list(doctor_checks(replace(settings, dataset="nbaa")))

    assert [each for each in found if not each.ok] == [
        DoctorStep(
            "dry run",
            False,
            "no permission 'bigquery.jobs.create' in project 'p'",
            "request the role roles/bigquery.jobUser there, or name another project in"
            " 'bigquery: project:'",
        ),
        DoctorStep(
            "dataset",
            False,
            "no dataset 'p.nbaa', or no access",
            "check 'bigquery: dataset:', did you mean 'nba'?",
        ),
        DoctorStep("clock", False, "600 s ahead of the server's", "set the clock (NTP)"),
    ]


def test_doctor_without_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    missing = str(tmp_path / "none.json")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", missing)
    monkeypatch.delenv("BIGQUERY_EMULATOR_HOST", raising=False)

    *_, last = doctor_checks(Settings(project="p"))

    assert not last.ok
    assert last.fix.startswith("run 'gcloud auth application-default login'")
