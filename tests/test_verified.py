"""Evidence in a real repository: what it verifies, what is recorded, and what changed since."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from commands import Handoff, caller

from handoff import api

FIXTURES = Path(__file__).parent / "fixtures" / "evidence"
CASES = yaml.safe_load((FIXTURES / "verified.yaml").read_text("utf-8"))
MARKS = {"verified": "✅", "refuted": "❌", "assumed": "❔"}
HEAD = """\
session: 1
title: Evidence
created: 2026-01-03
template: brief
as_of: 2026-01-03T16:20:00Z
facts: {run: {sql: run.sql}}
"""
SQL = """\
-- The run.
-- returns: done INT64, state STRING, is_final BOOL
SELECT 694 AS done, 'complete' AS state, TRUE AS is_final
"""
PATH = "sessions/s.yaml"
FACTS = "sessions/s.facts.json"


def git(root: Path, *words: str) -> str:
    identity = ("-c", "user.name=T", "-c", "user.email=t@example.invalid")
    command = ["git", "-C", str(root), *identity, *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture(scope="module")
def committed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("evidence")
    files = {
        "handoff.yaml": "engine: duckdb\n",
        "sql/run.sql": SQL,
        "ml/train.py": "1\n2\n3\n4\n5\n",
        "ml/crlf.py": "1\r\n2\r\n",
        "docs/plan.md": "# Plan\n\n## The risks\n",
        PATH: HEAD,
    }
    for name, text in files.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(text, newline="")
    git(root, "init", "-q", "-b", "main")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "Begin")
    return root


@pytest.fixture
def root(committed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    here = tmp_path / "repository"
    shutil.copytree(committed, here)
    monkeypatch.chdir(here)
    return here


@pytest.fixture
def handoff(root: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> Handoff:
    return caller(capfdbinary)


def write(root: Path, rest: str) -> None:
    (root / PATH).write_text(HEAD + rest)


def resting_on(evidence: object, commit: str = "") -> str:
    return yaml.safe_dump(
        {"findings": [{"text": "It holds", "evidence": evidence}]}, allow_unicode=True
    ).replace("COMMIT", commit)


def codes(handoff: Handoff) -> list[str]:
    found = json.loads(handoff("check", "s", "--format", "json").out)
    return [each["code"] for each in found["problems"] if each["code"][0] == "H"]


# --- what verifies -------------------------------------------------------------------------


def test_only_what_decides_verifies(root: Path) -> None:
    commit = git(root, "rev-parse", "--short=7", "HEAD")
    findings = [
        {"text": f"Case {n}", "evidence": case["evidence"]} for n, case in enumerate(CASES)
    ]
    rest = yaml.safe_dump({"findings": findings}, allow_unicode=True, width=1000)
    write(root, rest.replace("COMMIT", commit))
    project = api.open_project(str(root))
    loaded = api.load(project, "s")
    document = api.render(project, loaded, api.gather(project, loaded))

    lines = [line for line in document.text.splitlines() if " Case " in line]
    assert lines == [
        f"- {MARKS[case['is']]} Case {n} ({case['prints'].replace('COMMIT', commit)})"
        for n, case in enumerate(CASES)
    ]
    count = {state: sum(case["is"] == state for case in CASES) for state in MARKS}
    words = ", ".join(f"{count[each]} {each}" for each in ("verified", "assumed", "refuted"))
    assert f"**Evidence**: {words}\n" in document.text
    refuted = [each for each in document.problems if each.code == "H005"]
    assert len(refuted) == count["refuted"]


def test_checklist_item_has_evidence(root: Path, handoff: Handoff) -> None:
    write(
        root,
        "checklist:\n"
        "  Tested: {done: true, note: twice, evidence: {cmd: make, expect: ok, saw: ok}}\n"
        "  Failed: {done: true, evidence: {cmd: make, expect: ok, saw: no}}\n"
        "  Read: {done: true, evidence: docs/plans.md}\n"
        "  Open: {done: false, evidence: {cmd: make, expect: ok, saw: }}\n"
        "  Plain: true\n",
    )

    document = handoff("render", "s", "--stdout").out

    assert [line for line in document.splitlines() if line.startswith("- [")] == [
        "- [x] ✅ Tested (twice) (`make` → `ok`)",
        "- [x] ❌ Failed (refuted: `make` → `no`, expected `ok`)",
        "- [x] ❔ Read (assumed: `docs/plans.md`, no such file)",
        "- [x] Plain",
        "- [ ] Open (assumed: `make` → [TO BE FILLED], expected `ok`)",
    ]
    assert "**Evidence**: 1 verified, 1 assumed, 1 refuted\n" in document
    assert codes(handoff) == ["H005", "H003"]
    todo = json.loads(handoff("todo", "s", "--json", "--places").out)["open"]
    assert [each["set"] for each in todo] == ["checklist.Open.evidence.saw"]
    assert handoff("set", "s", "checklist.Open.evidence.saw", "ok").code == 0
    assert "Open: {done: false, evidence: {cmd: make, expect: ok, saw: ok}}" in (
        (root / PATH).read_text()
    )


# --- what is recorded ----------------------------------------------------------------------


def test_documents_rest_on_what_was_recorded(root: Path, handoff: Handoff) -> None:
    write(root, resting_on(["ml/train.py:2-3", git(root, "rev-parse", "HEAD")]))
    before = handoff("render", "s", "--stdout").out
    facts = (root / FACTS).read_bytes()
    record = json.loads(facts)["evidence"]["ml/train.py:2-3"]

    assert "✅ It holds" in before
    assert record["commit"] == git(root, "rev-parse", "HEAD")
    assert handoff("render", "s", "--frozen").code == 0
    # neither a later change nor another machine changes the document
    (root / "ml/train.py").unlink()
    shutil.rmtree(root / ".git")
    assert handoff("render", "s", "--frozen", "--stdout").out == before
    assert handoff("publish", "--check").code == 1  # the index was never published
    assert handoff("publish").code == 0
    assert handoff("publish", "--check").code == 0


def test_what_is_as_it_was_keeps_its_record(root: Path, handoff: Handoff) -> None:
    write(root, resting_on(["ml/crlf.py:2", "docs/plan.md"]))
    handoff("render", "s", "--stdout")
    first = json.loads((root / FACTS).read_bytes())["evidence"]
    git(root, "add", "-A")
    git(root, "commit", "-qm", "Record")
    # line endings are not content
    (root / "ml/crlf.py").write_bytes(b"1\n2\n")
    (root / "docs/plan.md").write_text("# Another plan\n")
    handoff("render", "s", "--stdout")
    second = json.loads((root / FACTS).read_bytes())["evidence"]

    assert second["ml/crlf.py:2"] == first["ml/crlf.py:2"]
    assert second["docs/plan.md"]["sha256"] != first["docs/plan.md"]["sha256"]
    assert second["docs/plan.md"]["commit"] == git(root, "rev-parse", "HEAD")


def test_evidence_that_is_not_recorded_verifies_nothing(root: Path, handoff: Handoff) -> None:
    write(root, resting_on("docs/plan.md"))

    assert "❔ It holds (assumed: `docs/plan.md`, not recorded)" in (
        handoff("render", "s", "--no-queries", "--stdout").out
    )
    assert codes(handoff) == ["H007"]
    handoff("render", "s", "--stdout")
    assert codes(handoff) == []


@pytest.mark.parametrize(
    ("evidence", "message"),
    [
        ("docs", "is not a file"),
        ("docs/plan.md#risks", "has no section '#risks'"),
        ("docs/plans.md", "does not exist, did you mean 'docs/plan.md'?"),
        ("ml/train.py:7", "has only 5 lines"),
        ("ml/train.py:3-2", "names no lines; the first is 1"),
        (
            "it was fine",
            "is not a fact, commit, file or page; for a command write {cmd: …, saw: …}",
        ),
        ("deadbeef1234", "no such commit in git"),
    ],
)
def test_evidence_that_verifies_nothing_is_reported(
    root: Path, handoff: Handoff, evidence: str, message: str
) -> None:
    write(root, resting_on(f"./{evidence}" if evidence == "docs" else evidence))
    before = handoff("check", "s").out
    handoff("render", "s", "--stdout")

    assert message in before
    assert message in handoff("check", "s").out


def test_edited_record_is_refused(root: Path, handoff: Handoff) -> None:
    write(root, resting_on("docs/plans.md"))
    handoff("render", "s", "--stdout")
    text = (root / FACTS).read_text()
    (root / FACTS).write_text(text.replace('"found": false', '"found": true'))

    found = handoff("check", "s")

    assert found.code == 1
    assert "evidence 'docs/plans.md' was edited manually" in found.out
    assert handoff("render", "s", "--frozen").code == 1


def test_facts_without_evidence_are_written_as_before(root: Path, handoff: Handoff) -> None:
    write(root, "findings: [Nothing]\n")
    handoff("render", "s", "--stdout")

    assert [*json.loads((root / FACTS).read_bytes())] == ["handoff_facts", "as_of", "facts"]


# --- what changed since --------------------------------------------------------------------


Change = Callable[[Path], object]


def rewrite(text: str):
    return lambda root: (root / "ml/train.py").write_text(text)


def move(root: Path) -> None:
    git(root, "mv", "ml/train.py", "ml/fit.py")
    git(root, "commit", "-qam", "Move")


def forget(root: Path) -> None:
    git(root, "checkout", "-q", "--orphan", "other")
    git(root, "commit", "-qm", "Another history")
    git(root, "branch", "-qD", "main")
    git(root, "reflog", "expire", "--expire=now", "--all")
    git(root, "gc", "-q", "--prune=now")


CHANGES: dict[str, tuple[str, Change, str]] = {
    "another line": ("ml/train.py:2-3", rewrite("1\n2\n2\n4\n5\n"), "has other lines now"),
    "fewer lines": ("ml/train.py:2-3", rewrite("1\n"), "has fewer lines now"),
    "moved": ("ml/train.py:2-3", move, "was moved to 'ml/fit.py'"),
    "gone": ("ml/train.py", lambda root: (root / "ml/train.py").unlink(), "no longer exists"),
    "another file": ("ml/train.py", rewrite("1\n"), "has changed"),
    "gone commit": ("COMMIT", forget, "is no longer in git"),
    "lines elsewhere": ("ml/train.py:2-3", rewrite("1\n2\n3\n4\n6\n"), ""),
    "line endings": ("ml/train.py", rewrite("1\r\n2\r\n3\r\n4\r\n5\r\n"), ""),
}


@pytest.mark.parametrize(("evidence", "change", "message"), CHANGES.values(), ids=CHANGES)
def test_change_since_the_record_is_reported(
    root: Path, handoff: Handoff, evidence: str, change: Change, message: str
) -> None:
    evidence = evidence.replace("COMMIT", git(root, "rev-parse", "HEAD"))
    write(root, resting_on(evidence))
    handoff("render", "s", "--stdout")
    git(root, "add", "-A")
    assert codes(handoff) == []
    change(root)

    expected = [["H006"], f"`{evidence}` {message}\n"] if message else [[], ""]
    resumed = handoff("resume", "s", "--format", "json").out
    assert codes(handoff) == expected[0]
    assert expected[1] in handoff("resume", "s").out
    assert json.loads(resumed)["evidence"] == (
        [{"evidence": evidence, "change": message}] if message else []
    )
