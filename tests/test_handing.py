"""Actions, severity and evidence, held against the repository."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from live_facts import question
from sessions import AT, session, text

from handoff.base.problems import Problem
from handoff.base.tree import Tree
from handoff.check import CheckContext, session_problems
from handoff.session.model import Action, Blank, Claim, Session, Severity
from handoff.sources.git_history import knows
from handoff.values.view import FactHistory

LINES = {"ml/train.py": 300, "docs/plan.md": 20}


def found(session: Session) -> list[Problem]:
    case = CheckContext(
        session=session,
        queries={},
        facts=None,
        facts_path="sessions/s.facts.json",
        document_path="docs/s.md",
        document=None,
        tree=Tree(has=lambda path: path in LINES, paths=lambda: tuple(LINES)),
        past=FactHistory(
            moved={"old.md": "docs/plan.md"}.get,
            knows={"3f9c2d1": True, "3f9c2d2": False}.get,
        ),
        lines=LINES.get,
    )
    return [each for each in session_problems(case) if each.code[0] == "H"]


def resting_on(evidence: str) -> Session:
    claim = Claim(text("it holds"), (text(evidence),), AT)
    return session(findings=claim, facts=(question("run", "run.sql"),))


@pytest.mark.parametrize(
    "evidence",
    [
        *("run", "{{ run.state }}", "3f9c2d1", "0000000", "https://ci.example/1"),
        *("ml/train.py", "ml/train.py:300", "ml/train.py:1-300", "docs/plan.md#risks"),
        "[FILE PATH]",
    ],
)
def test_evidence_that_can_be_looked_at(evidence: str) -> None:
    assert found(resting_on(evidence)) == []


@pytest.mark.parametrize(
    ("evidence", "code", "message"),
    [
        ("3f9c2d2", "H004", "evidence '3f9c2d2': no such commit in git"),
        (
            "ml/trian.py:3",
            "H003",
            "evidence 'ml/trian.py:3' does not exist, did you mean 'ml/train.py'?",
        ),
        ("ml/train.py:9-301", "H003", "evidence 'ml/train.py:9-301' has only 300 lines"),
        ("../plan.md", "H003", "evidence '../plan.md' is outside the repository"),
        (
            "old.md",
            "H003",
            "evidence 'old.md' does not exist; it was moved to 'docs/plan.md'",
        ),
        (
            "run.state",
            "H003",
            "evidence 'run.state' does not exist; for a fact's value write '{{ run.state }}'",
        ),
    ],
)
def test_evidence_that_is_not_there(evidence: str, code: str, message: str) -> None:
    assert found(resting_on(evidence)) == [Problem(code, message, AT, "warning")]


def test_action_has_an_owner() -> None:
    nobody = Action(text("Restart"), None, None, None, None, AT)
    somebody = Action(text("Restart"), text("Ann"), None, None, None, AT)
    blank = Action(text("Restart"), Blank("[NAME]", AT), None, None, None, AT)

    message = "action 'Restart' has no owner; add 'owner:'"
    assert found(session(actions=(nobody, somebody, blank))) == [
        Problem("H001", message, AT, "warning")
    ]


@pytest.mark.parametrize(
    ("level", "why", "expected"),
    [
        ("stable", None, []),
        ("watch", text("Phase 2 stalls"), []),
        ("watch", Blank("[WHY]", AT), []),
        ("watch", None, ["severity 'watch' without a reason; write {level: watch, why: …}"]),
        (
            "unstable",
            None,
            ["severity 'unstable' without a reason; write {level: unstable, why: …}"],
        ),
    ],
)
def test_severity_has_a_reason(level: str, why: object, expected: list[str]) -> None:
    severity = Severity(text(level), why, AT)  # type: ignore[arg-type]

    problems = found(session(severity=severity))

    assert problems == [Problem("H002", message, AT, "warning") for message in expected]


def test_git_is_asked_for_commits(tmp_path: Path) -> None:
    assert knows(tmp_path, "3f9c2d1") is None  # no repository

    def git(*words: str) -> str:
        name = ("-c", "user.name=a", "-c", "user.email=a@b")
        done = subprocess.run(
            ("git", *name, *words), cwd=tmp_path, capture_output=True, check=True
        )
        return done.stdout.decode().strip()

    git("init", "-q")
    git("commit", "-q", "--allow-empty", "-m", "first")
    git("commit", "-q", "--allow-empty", "-m", "second")
    sha = git("rev-parse", "HEAD~")

    assert [knows(tmp_path, each) for each in (sha, sha[:7], "0" * 40)] == [True, True, False]

    git("clone", "-q", "--depth", "1", tmp_path.as_uri(), "shallow")
    assert knows(tmp_path / "shallow", sha) is None
