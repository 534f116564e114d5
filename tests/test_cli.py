"""The command line as a user meets it: exit codes, stdout, stderr, files."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import pytest
from commands import ROOT, Done, Handoff, caller, example

from handoff.commands.runner import run

DOCUMENT = "docs/09-handoff/2026-01-03-SESSION-1-PHASE4-DEEP-PREP.md"


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of this repository's own example, as current folder."""
    monkeypatch.chdir(example(tmp_path))
    return tmp_path


@pytest.fixture
def handoff(repository: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> Handoff:
    return caller(capfdbinary)


def test_rendering_twice_and_frozen_gives_the_same_bytes(
    handoff: Handoff, repository: Path
) -> None:
    assert handoff("render", "session-1").code == 0
    first = (repository / DOCUMENT).read_bytes()
    facts = (repository / "sessions/session-1.facts.json").read_text()

    assert handoff("render", "session-1").code == 0
    again = (repository / "sessions/session-1.facts.json").read_text()
    frozen = handoff("render", "session-1", "--frozen", "--stdout")

    assert (repository / DOCUMENT).read_bytes() == first
    assert first.decode().startswith(frozen.out)
    changed = [a for a, b in zip(facts.splitlines(), again.splitlines(), strict=True) if a != b]
    assert all('"ran_at"' in line for line in changed)


def test_prompt_is_the_block_in_the_document(handoff: Handoff) -> None:
    document = handoff("render", "session-1", "--stdout").out

    prompt = handoff("prompt", "session-1").out

    assert f"```\n{prompt}```\n" in document


def test_no_queries_writes_nothing(handoff: Handoff, repository: Path) -> None:
    before = sorted(repository.rglob("*"))

    done = handoff("render", "session-1", "--no-queries")

    assert done.out.startswith("# 🎯 Session 1 Handoff")
    assert sorted(repository.rglob("*")) == before


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["render", "sesion-1"], 2, "unknown session 'sesion-1', did you mean 'session-1'?"),
        (["render", "session-1", "--frozen"], 1, "fact 'orchestrator' is not recorded"),
        (
            ["render", "session-1", "--no-queries", "--frozen"],
            2,
            "cannot be combined with '--frozen'",
        ),
        (
            ["render", "session-1", "--frozen", "--engine", "duckdb"],
            2,
            "cannot be combined with",
        ),
        (["render", "session-1", "--engine", "duckbd"], 2, "did you mean 'duckdb'?"),
        (["render", "session-1", "--as-of", "noon"], 2, "is not a timestamp such as"),
        (["render"], 2, "missing argument"),
        (["rendr", "session-1"], 2, "did you mean 'render'"),
        (["query", "run", "coverage/phase5"], 2, "did you mean 'coverage/phase4.sql'?"),
        (["query", "run", "coverage/phase4"], 2, "needs the parameter 'season_start' (date)"),
        (["check", "--format", "jsno"], 2, "did you mean 'json'?"),
        (["todo", "session-1", "--root", "nowhere"], 2, "is not a folder"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_error_is_a_sentence_and_an_exit_code(
    handoff: Handoff, words: list[str], code: int, message: str
) -> None:
    done = handoff(*words)

    assert (done.code, done.out) == (code, "")
    assert message in done.err.lower()
    assert "Traceback" not in done.err


def test_engine_is_never_assumed(handoff: Handoff, repository: Path) -> None:
    (repository / "handoff.yaml").unlink()

    done = handoff("render", "session-1")

    assert done.code == 2
    assert "no engine is set" in done.err


def test_manually_edited_document_is_kept(handoff: Handoff, repository: Path) -> None:
    handoff("render", "session-1")
    document = repository / DOCUMENT
    edited = document.read_text("utf-8").replace("2.5-3 hours", "4 hours", 1)
    document.write_text(edited, "utf-8")

    refused = handoff("render", "session-1", "--frozen")
    replaced = handoff("render", "session-1", "--frozen", "--overwrite")

    assert refused.code == 1
    assert "-**Session Duration**: 4 hours" in refused.err
    assert replaced.code == 0
    assert (repository / f"{DOCUMENT}.saved-1").read_text("utf-8") == edited


def test_latest_is_the_newest(handoff: Handoff) -> None:
    assert handoff("render", "latest", "--no-queries").out.startswith("# Session 2")


def test_session_may_be_named_by_its_path(handoff: Handoff) -> None:
    done = handoff("render", "sessions/session-2.yaml", "--no-queries")

    assert done.out.startswith("# Session 2")


def test_todo_gives_programs_every_blank(handoff: Handoff) -> None:
    found = json.loads(handoff("todo", "session-1", "--json", "--places").out)

    assert found["document"] == DOCUMENT
    assert all(each["path"] and each["line"] for each in found["open"])


def test_publish_check_names_what_is_missing(handoff: Handoff) -> None:
    before = handoff("publish", "--check")
    handoff("render", "session-1")
    handoff("render", "session-2")
    handoff("publish")

    after = handoff("publish", "--check")

    assert before.code == 1
    assert f"{DOCUMENT}: error: not published" in before.err
    assert (after.code, after.err) == (0, "")


def test_manually_edited_number_is_not_published(handoff: Handoff, repository: Path) -> None:
    handoff("render", "session-1")
    facts = repository / "sessions/session-1.facts.json"
    facts.write_text(facts.read_text().replace("509, 5,", "514, 0,"))

    done = handoff("publish")

    assert done.code == 1
    assert "was edited manually" in done.err


def test_failed_query_keeps_the_recorded_result(handoff: Handoff, repository: Path) -> None:
    handoff("render", "session-1")
    question = repository / "sql/orchestrator/phases.sql"
    question.write_text(
        question.read_text().replace("planned.total,", "DIV(planned.total, 0) AS total,")
    )

    failed = handoff("render", "session-1", "--stdout")
    frozen = handoff("render", "session-1", "--stdout", "--frozen")
    old = handoff("render", "session-1", "--stdout", "--stale-ok")

    assert failed.code == 3
    assert "- Progress: [TO BE FILLED] days complete" in failed.out
    assert "- Total dates expected: 917" in failed.out
    assert frozen.out == failed.out
    assert (frozen.code, "warning: fact 'orchestrator' has no result" in frozen.err) == (
        0,
        True,
    )
    assert "514 of 1,537 (as of 2026-01-03 16:20 UTC, not answered since)" in old.out


def test_changed_data_is_distinguished_from_a_changed_query(
    handoff: Handoff, repository: Path
) -> None:
    handoff("render", "session-1")
    before = (repository / "sessions/session-1.facts.json").read_bytes()
    still = handoff("check", "session-1", "--live")
    sample = repository / "sql/sample/99_late.sql"
    sample.write_text(
        "DELETE FROM nba_precompute.player_daily_cache WHERE cache_date < DATE '2022-01-01';\n"
    )

    moved = handoff("check", "session-1", "--live")
    question = repository / "sql/coverage/phase4.sql"
    question.write_text(f"-- Changed.\n{question.read_text()}")
    stale = handoff("check", "session-1", "--live")

    told = [line for line in moved.out.splitlines() if "F024" in line]
    assert "F024" not in still.out
    assert [line.split(":")[3:4] for line in told] == [[" warning"]]
    assert (
        "fact 'coverage': data changed since it was recorded as of 2026-01-03 16:20 UTC"
        in told[0]
    )
    assert " → " in told[0]
    assert ("F024" in stale.out, "F021" in stale.out) == (False, True)
    assert (repository / "sessions/session-1.facts.json").read_bytes() == before


def test_doctor_prints_no_terminal_controls(handoff: Handoff) -> None:
    done = handoff("doctor", "--engine", "\x1b[31m")

    assert "❌ engine: unknown engine '\\x1b[31m', expected bigquery or duckdb" in done.out
    assert "\x1b" not in done.out


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-", "| true"])
def test_closed_streams_are_no_bug(repository: Path, closed: str) -> None:
    main = "import sys; from handoff.commands import main; sys.argv[0] = 'handoff'; main()"
    command = f'{shlex.quote(sys.executable)} -c "{main}" schema {closed}'

    done = subprocess.run(
        ["bash", "-c", f"{command}; exit ${{PIPESTATUS[0]}}"], capture_output=True, check=False
    )

    assert (done.returncode, done.stderr) == (0, b"")


def test_interrupt_is_reported(handoff: Handoff, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr("handoff.commands.check.open_project", interrupted)

    assert handoff("check") == Done(130, "", "handoff: interrupted\n")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["publish"], "building: 0 of 2 sessions"),
        (["publish", "--check"], "building: 0 of 2 sessions"),
        (["status"], "reading: 0 of 2 sessions"),
        (["check"], "checking: 0 of 2 sessions"),
    ],
    ids=str,
)
def test_slow_command_shows_its_progress(
    handoff: Handoff, monkeypatch: pytest.MonkeyPatch, words: list[str], line: str
) -> None:
    quick = handoff(*words).err
    monkeypatch.setattr("handoff.base.progress._FIRST_SECONDS", 0.0)

    slow = handoff(*words).err

    assert line not in quick
    assert slow.splitlines().count(line) == 1


def test_documents_of_this_repository_are_published(
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    code = run(["publish", "--check", "--root", str(ROOT)])

    assert (code, capfdbinary.readouterr().err.decode()) == (0, "")


def test_missing_template_is_reported_before_a_query_runs(
    handoff: Handoff, repository: Path
) -> None:
    session = repository / "sessions/session-2.yaml"
    session.write_text(session.read_text().replace("template: brief", "template: brif"))

    done = handoff("render", "session-2")

    assert done.code == 1
    place = "sessions/session-2.yaml:7:11"
    assert done.err == f"{place}: error: no template 'brif', did you mean 'brief'? (T006)\n"
    assert not (repository / "sessions/session-2.facts.json").exists()
