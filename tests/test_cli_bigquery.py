"""Commands that run it on BigQuery, through the real client, against the scripted server."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from bigquery_stub import Script, Stub, error, serving

from handoff.commands.runner import run
from handoff.preview.rows import query_rows
from handoff.preview.watcher import PreviewSnapshot, take_snapshot

QUESTION = "-- Counts.\n-- returns: n INT64\nSELECT COUNT(*) AS n FROM d.t -- {}\n"
SESSION = """\
session: 1
title: Asked of BigQuery
created: 2026-01-03
as_of: 2026-01-03T16:20:00Z
facts: {one: q/one.sql, two: q/two.sql}
summary: {One: "{{ one.n }}", Two: "{{ two.n }}"}
"""


@pytest.fixture
def stub() -> Iterator[Stub]:
    with serving() as stub:
        yield stub


@pytest.fixture
def repository(stub: Stub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    settings = (
        f"engine: bigquery\nbigquery: {{project: p, location: US, endpoint: '{stub.url}'}}\n"
    )
    (tmp_path / "handoff.yaml").write_text(settings)
    (tmp_path / "sessions").mkdir()
    (tmp_path / "sessions/s.yaml").write_text(SESSION)
    (tmp_path / "sql/q").mkdir(parents=True)
    for name in ("one", "two"):
        (tmp_path / f"sql/q/{name}.sql").write_text(QUESTION.format(name))
    monkeypatch.chdir(tmp_path)
    stub.tables["d"] = ["t"]
    return tmp_path


@pytest.fixture
def script(stub: Stub) -> Callable[..., None]:
    def set_scripts(one: Script, two: Script) -> None:
        stub.scripts = {QUESTION.format("one"): one, QUESTION.format("two"): two}

    return set_scripts


Capture = pytest.CaptureFixture[bytes]


def test_render_tells_what_the_answers_cost(
    repository: Path, script: Callable[..., None], capfdbinary: Capture
) -> None:
    script(Script(n_bytes=20 * 2**20), Script(n_bytes=5, cached=True))

    code = run(["render", "s", "--stdout"])

    found = capfdbinary.readouterr()
    assert code == 0
    assert b"2 queries, 1 from the cache, 20.0 MiB billed, $0.00012" in found.err
    assert b"*Live values from BigQuery, as of 2026-01-03 16:20 UTC: one, two.*" in found.out


def test_verbose_prints_each_job(
    repository: Path, script: Callable[..., None], stub: Stub, capfdbinary: Capture
) -> None:
    script(Script(), Script(job_errors=[{"reason": "invalidQuery", "message": "no"}]))

    run(["render", "s", "--stdout", "-v"])

    said = capfdbinary.readouterr().err.decode().splitlines()
    jobs = [line.partition(": job ")[2] for line in said if ": job " in line]
    assert sorted(jobs) == sorted(f"{job} at {stub.url}" for job in stub.jobs)


def test_hidden_bytes_are_no_estimate(
    repository: Path, script: Callable[..., None], capfdbinary: Capture
) -> None:
    script(Script(n_bytes=20 * 2**20, tables=("p.d.t",)), Script(tables=("p.d.secured",)))

    code = run(["query", "estimate", "s", "--format", "csv"])

    assert code == 0
    assert capfdbinary.readouterr().out.decode().splitlines() == [
        "question,bytes_processed,bytes_billed,cached,price_usd",
        "q/one.sql,20971520,20971520,false,$0.00012",
        "q/two.sql,,,,",
        "all,,,,",
    ]


def test_failed_question_takes_no_other_down(
    repository: Path, script: Callable[..., None], capfdbinary: Capture
) -> None:
    script(Script(), Script(dry_error=error(403, "accessDenied", "Access Denied: Table p:d.t")))

    code = run(["render", "s", "--stdout"])

    found = capfdbinary.readouterr()
    assert code == 3
    assert b"**One**: 0" in found.out
    assert b"**Two**: [TO BE FILLED]" in found.out
    assert b"sessions/s.yaml:5:25: error: fact 'two' has no result" in found.err
    recorded = json.loads((repository / "sessions/s.facts.json").read_text())
    assert recorded["facts"]["two"]["failure"]["message"]


def test_estimate_sums_what_sessions_would_bill(
    repository: Path, script: Callable[..., None], capfdbinary: Capture
) -> None:
    script(Script(n_bytes=20 * 2**20, tables=("p.d.t",)), Script(n_bytes=5, cached=True))

    code = run(["query", "estimate", "s", "--format", "csv"])

    assert code == 0
    assert capfdbinary.readouterr().out.decode().splitlines() == [
        "question,bytes_processed,bytes_billed,cached,price_usd",
        "q/one.sql,20971520,20971520,false,$0.00012",
        "q/two.sql,5,0,true,$0.00",
        "all,20971525,20971520,,$0.00012",
    ]


def test_saved_query_shows_its_cost_and_runs_only_when_asked(
    repository: Path, script: Callable[..., None], stub: Stub
) -> None:
    script(Script(n_bytes=20 * 2**20, tables=("p.d.t",), rows=lambda n: ["7"]), Script())
    shown = take_snapshot(repository, PreviewSnapshot("s"))

    estimate = query_rows(shown, str(repository), "q/one.sql", run=False)
    jobs_before = len(stub.jobs)
    rows = query_rows(shown, str(repository), "q/one.sql", run=True)

    words = "q/one.sql: a run bills 20,971,520 bytes, $0.00012 (dry run)"
    assert estimate == {
        "engine": "bigquery",
        "results": [{"words": words, "is_failure": False}],
        "can_run": True,
    }
    assert jobs_before == 0
    assert rows == {
        "engine": "bigquery",
        "results": [
            {
                "words": "one: 1 row, as of 2026-01-03 16:20 UTC; not recorded",
                "is_failure": False,
                "columns": ["n"],
                "rows": [["7"]],
            }
        ],
        "can_run": False,
    }


def test_doctor_says_where_settings_come_from(
    repository: Path, script: Callable[..., None], stub: Stub, capfdbinary: Capture
) -> None:
    stub.scripts["SELECT 1"] = Script()

    run(["doctor", "--set", "bigquery.location=EU"])

    said = capfdbinary.readouterr().out.decode()
    assert "✅ bigquery.project: p, from handoff.yaml:2" in said
    assert "✅ bigquery.location: EU, from --set bigquery.location" in said
    assert f"✅ endpoint: {stub.url}, without credentials" in said


def test_doctor_tells_a_setting_once_and_no_allowance(
    repository: Path, stub: Stub, capfdbinary: Capture
) -> None:
    (repository / "handoff.yaml").write_text(
        "engine: duckdb\nsources: []\nsecrets: {allow: [{text: hunter2, reason: an example}]}\n"
    )

    run(["doctor"])

    said = capfdbinary.readouterr().out.decode().splitlines()
    assert [line for line in said if line.startswith(("✅ engine", "✅ s"))] == [
        "✅ engine: duckdb, from handoff.yaml:1",
        "✅ secrets.allow: 1 allowed, from handoff.yaml:3",
        "✅ sources: none, from handoff.yaml:2",
    ]


def test_schema_is_pulled_and_checked_against(
    repository: Path, stub: Stub, capfdbinary: Capture
) -> None:
    stub.schemas["d.t"] = {
        "schema": {"fields": [{"name": "day", "type": "DATE"}]},
        "timePartitioning": {"type": "DAY", "field": "day"},
        "requirePartitionFilter": True,
    }

    code = run(["query", "pull-schema"])
    run(["check"])

    assert code == 0
    recorded = json.loads((repository / "sql/schema.json").read_text())
    assert recorded["datasets"]["d"]["t"] == {
        "columns": {"day": "DATE"},
        "partition": "day",
        "needs_filter": True,
    }
    said = capfdbinary.readouterr().out.decode()
    assert "sql/q/one.sql:3:27: warning: 'd.t' requires a filter on 'day' (Q045)" in said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interrupt_cancels_jobs_and_records_nothing(
    repository: Path, script: Callable[..., None], stub: Stub, number: signal.Signals
) -> None:
    script(Script(seconds=3600), Script(seconds=3600))
    code = "from handoff.commands.runner import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", code, "render", "s"], stderr=subprocess.PIPE
    )
    stub.wait_for(lambda: len(stub.jobs) == 2)

    process.send_signal(number)
    said = process.communicate(timeout=20)[1].decode()

    assert process.returncode == 130
    assert "Traceback" not in said
    assert sorted(stub.cancelled()) == sorted(stub.jobs)
    assert not (repository / "sessions/s.facts.json").exists()
    assert not (repository / "docs").exists()


def test_out_of_reach_is_a_failure_of_each_question(
    repository: Path, capfdbinary: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(repository))
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(repository))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    (repository / "handoff.yaml").write_text("engine: bigquery\nbigquery: {project: p}\n")

    code = run(["render", "s", "--stdout"])

    found = capfdbinary.readouterr()
    assert code == 3
    assert b"**One**: [TO BE FILLED]" in found.out
    assert b"*No answer for one, two: `" in found.out
    assert found.err.count(b"has no result: ") == 2
