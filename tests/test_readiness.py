"""`ready`: a script waits for it, so its exit codes are what counts."""

from __future__ import annotations

from pathlib import Path

import pytest
from commands import Handoff, caller, example

THEN, NOW = "2026-01-03T16:20Z", "2026-01-04T15:00Z"
FACTS = """\
facts:
  orchestrator: {sql: orchestrator/phases.sql, key: phase}
  broken: {sql: orchestrator/broken.sql}
"""
CONDITIONS = """\
  prerequisites:
    - The handoff read
    - {text: Phase 4 complete, when: "{{ orchestrator.phase_4.state == 'complete' }}"}
    - {text: A day has passed, when: "{{ as_of >= '2026-01-04T00:00:00Z' }}"}
"""


def write(repository: Path, name: str, rest: str) -> None:
    head = "session: 1\ntitle: A session\ncreated: 2026-01-03\n"
    (repository / f"sessions/{name}.yaml").write_text(head + rest, "utf-8")


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    folder = example(tmp_path)
    for path in folder.glob("sessions/*.yaml"):
        path.unlink()
    question = "-- Nothing.\n-- returns: n INT64\nSELECT DIV(1, 0) AS n\n"
    (folder / "sql/orchestrator/broken.sql").write_text(question)
    write(folder, "first", f"{FACTS}next:\n  id: second\n{CONDITIONS}")
    return folder


@pytest.fixture
def handoff(capfdbinary: pytest.CaptureFixture[bytes]) -> Handoff:
    return caller(capfdbinary)


def told(err: str) -> str:
    return err.splitlines()[-1]


def test_script_waits_until_every_condition_holds(handoff: Handoff, repository: Path) -> None:
    before = handoff("ready", "second", "--as-of", THEN)
    after = handoff("ready", "second", "--as-of", NOW)

    assert (before.code, before.out) == (
        1,
        "⏳ Phase 4 complete (stalled)\n⏳ A day has passed (2026-01-03 16:20 UTC)\n",
    )
    assert told(before.err) == "second is not ready: 0 of 2 conditions hold"
    assert (after.code, after.out) == (
        0,
        "✅ Phase 4 complete (complete)\n✅ A day has passed (2026-01-04 15:00 UTC)\n",
    )
    assert told(after.err) == "second is ready"
    assert not [*repository.glob("sessions/*.json")]


def test_frozen_uses_recorded_facts(handoff: Handoff, repository: Path) -> None:
    nothing = handoff("ready", "second", "--frozen")
    text = (repository / "sessions/first.yaml").read_text("utf-8")
    (repository / "sessions/first.yaml").write_text(text.replace("  broken:", "  # "))
    handoff("render", "first", "--as-of", NOW)

    done = handoff("ready", "second", "--frozen")

    assert (nothing.code, "fact 'orchestrator' is not recorded" in nothing.err) == (1, True)
    assert (done.code, told(done.err)) == (0, "second is ready")


def test_failed_warehouse_meets_no_condition(handoff: Handoff, repository: Path) -> None:
    write(
        repository,
        "first",
        f"{FACTS}next:\n  id: second\n  prerequisites:\n"
        '    - {text: Counted, when: "{{ broken.n == 1 }}"}\n',
    )

    done = handoff("ready", "second", "--as-of", NOW)

    assert (done.code, done.out) == (3, "❔ Counted (not known)\n")
    assert "fact 'broken' has no result" in done.err


@pytest.mark.parametrize(
    ("sessions", "expected"),
    [
        ({"second": "previous: first\n"}, "second is ready"),
        ({"other": "next: {id: second}\n"}, "second is ready"),
        (
            {"first": f"{FACTS}next:\n{CONDITIONS}", "second": "previous: first\n"},
            "second is ready",
        ),
        (
            {
                "first": f"{FACTS}next:\n  id: third\n{CONDITIONS}",
                "second": "previous: first\n",
            },
            "second has no start conditions",
        ),
        (
            {"again": "supersedes: first\nnext: {id: second}\n"},
            "second has no start conditions in again",
        ),
    ],
)
def test_conditions_are_those_of_the_session_before(
    handoff: Handoff, repository: Path, sessions: dict[str, str], expected: str
) -> None:
    for name, rest in sessions.items():
        write(repository, name, rest)

    done = handoff("ready", "second", "--as-of", NOW)

    assert (done.code, told(done.err)) == (0, expected)


def test_session_may_be_named_by_its_number(handoff: Handoff, repository: Path) -> None:
    write(repository, "first", f"{FACTS}next:\n  session: 2\n{CONDITIONS}")

    done = handoff("ready", "session-2", "--as-of", NOW)

    assert (done.code, told(done.err)) == (0, "session-2 is ready")


def test_unknown_session_is_reported(handoff: Handoff, repository: Path) -> None:
    done = handoff("ready", "secnd")

    assert (done.code, done.out) == (2, "")
    assert "unknown session 'secnd'" in done.err


def test_frozen_runs_no_query(handoff: Handoff, repository: Path) -> None:
    done = handoff("ready", "second", "--frozen", "--as-of", NOW)

    assert done.code == 2
    assert "'--frozen' runs no queries, so it cannot be combined with '--as-of'" in done.err


def test_session_that_cannot_be_read_may_be_the_one(handoff: Handoff, repository: Path) -> None:
    write(repository, "broken", "nxt: {id: second}\n")

    done = handoff("ready", "second", "--as-of", NOW)

    assert (done.code, done.out) == (1, "")
    assert "unknown key 'nxt', did you mean 'next'?" in done.err
