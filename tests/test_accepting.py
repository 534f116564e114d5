"""`accept` and `status`."""

from __future__ import annotations

import json
import os
import re
import sys
from datetime import UTC, datetime
from pathlib import Path

import pexpect
import pytest
import repositories
from commands import THIRD, Handoff, caller, example
from msgspec.structs import replace

from handoff.base.problems import InvalidInput
from handoff.facts import receipts
from handoff.facts.receipts import Receipt
from handoff.facts.recorded import load as load_facts
from handoff.workspace.status import SessionState, session_state

ROOT = Path(__file__).parent.parent
DOCUMENT = "docs/09-handoff/2026-01-04-SESSION-2-ML-TRAINING-REVIEW.md"
AT = datetime(2026, 1, 5, 9, 12, 30, tzinfo=UTC)
ANN = Receipt("Ann", AT, "0123456789" * 4, None, None)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return example(tmp_path)


@pytest.fixture
def handoff(capfdbinary: pytest.CaptureFixture[bytes]) -> Handoff:
    return caller(capfdbinary)


# --- accept ------------------------------------------------------------------------------


def test_receipt_is_recorded_and_shown(handoff: Handoff, repository: Path) -> None:
    repositories.repository(repository)
    handoff("render", "session-2")
    sha = repositories.commit(repository, "hand over")

    first = handoff(
        "accept", "session-2", "--by", "Ann", "--note", "wait for phase 2, then train"
    )
    second = handoff("accept", "latest", "--by", "<b>Bob</b>")

    recorded = json.loads((repository / "sessions/session-2.receipts.json").read_text())
    assert (first.code, second.code) == (0, 0)
    assert [(r["by"], r["commit"], r["note"]) for r in recorded["receipts"]] == [
        ("Ann", sha, "wait for phase 2, then train"),
        ("<b>Bob</b>", sha, None),
    ]
    assert len({r["facts"] for r in recorded["receipts"]}) == 1
    document = handoff("render", "session-2", "--frozen", "--stdout").out
    lines = [line for line in document.splitlines() if "Accepted" in line]
    at = r"20\d\d-\d\d-\d\d \d\d:\d\d UTC"
    assert re.fullmatch(
        rf"- \*\*Accepted\*\*: Ann, {at} at `{sha[:7]}`: wait for phase 2, then train", lines[0]
    )
    assert re.fullmatch(
        rf"- \*\*Accepted\*\*: \\<b\\>Bob\\</b\\>, {at} at `{sha[:7]}`", lines[1]
    )


def test_receipt_makes_the_document_out_of_date(handoff: Handoff, repository: Path) -> None:
    for session in ("session-1", "session-2"):
        handoff("render", session)
    handoff("publish")
    before = handoff("publish", "--check").code

    handoff("accept", "session-1", "--by", "Ann")
    check = handoff("publish", "--check")
    handoff("publish")

    assert (before, check.code) == (0, 1)
    assert "out of date" in check.err
    seed = (repository / "docs/09-handoff/2026-01-03-SESSION-1-PHASE4-DEEP-PREP.md").read_text(
        "utf-8"
    )
    head = seed.split("\n---\n", 1)[0].rstrip().splitlines()
    assert head[-2].startswith("**Next Session**: Session 2")
    assert head[-1].startswith("**Accepted**: Ann, 20")


def test_facts_recorded_again_are_reported(handoff: Handoff, repository: Path) -> None:
    handoff("render", "session-2")
    handoff("accept", "session-2", "--by", "Ann")
    handoff("render", "session-2")
    same = handoff("render", "session-2", "--frozen", "--stdout").out
    handoff("render", "session-2", "--as-of", "2026-01-04T16:00Z")

    other = handoff("render", "session-2", "--frozen", "--stdout").out

    assert "with facts recorded before these" not in same
    assert "UTC, with facts recorded before these\n" in other


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["session-1"], 2, "--by"),
        (["session-1", "--by", "  "], 2, "'--by' is empty"),
        (["session-1", "--by", "x" * 81], 2, "'--by' has 81 characters"),
        (["session-1", "--by", "Ann", "--note", "x" * 1001], 2, "'--note' has 1,001"),
        (["session-9", "--by", "Ann"], 2, "unknown session 'session-9'"),
        (["session-1", "--by", "Ann", "--note", f"key AKIA{'Q7' * 8}"], 1, "secret"),
    ],
)
def test_usage_error_is_a_sentence_and_records_nothing(
    handoff: Handoff, repository: Path, words: list[str], code: int, message: str
) -> None:
    done = handoff("accept", *words)

    assert done.code == code, done.err
    assert message in done.err
    assert list(repository.glob("sessions/*.receipts.json")) == []


def test_steering_characters_in_a_name_are_seen(handoff: Handoff, repository: Path) -> None:
    handoff("accept", "session-1", "--by", "A\x1b[31m\u202enn\n# b")

    recorded = json.loads((repository / "sessions/session-1.receipts.json").read_text())
    assert recorded["receipts"][0]["by"] == r"A\x1b[31m\u202enn # b"


def test_receipts_broken_by_a_manual_edit_are_reported(
    handoff: Handoff, repository: Path
) -> None:
    (repository / "sessions/session-1.receipts.json").write_text("{")

    done = handoff("check", "session-1")

    assert done.code == 1
    assert "sessions/session-1.receipts.json: error: not JSON" in done.out


def test_superseded_handoff_can_be_accepted_with_a_note(
    handoff: Handoff, repository: Path
) -> None:
    successor = "session: 3\ntitle: Third\ncreated: 2026-01-05\nsupersedes: session-2\n"
    (repository / "sessions/session-3.yaml").write_text(successor)

    done = handoff("accept", "session-2", "--by", "Ann")

    assert done.code == 0
    assert "it is superseded by session-3: handoff resume session-3" in done.err


# --- the file ----------------------------------------------------------------------------


def test_receipts_come_back_as_they_were() -> None:
    written = (ANN, replace(ANN, by="Bob", commit=None, facts="sha256:0", note="„fine“"))

    assert receipts.load(receipts.dump(written).encode(), "r.json") == written


@pytest.mark.parametrize(
    ("source", "code"),
    [
        (b"\xff", "R001"),
        (b"[", "R001"),
        (b"[]", "R002"),
        (b'{"handoff_receipts": 2, "receipts": []}', "R002"),
        (b'{"handoff_receipts": 1}', "R003"),
        (b'{"handoff_receipts": 1, "receipts": [{"by": "Ann"}]}', "R003"),
        (b'{"handoff_receipts": 1, "receipts": [{"by": 1, "at": "2026-01-05T09Z"}]}', "R003"),
        (b'{"handoff_receipts": 1, "receipts": [{"by": "A", "at": "2026-01-05"}]}', "R003"),
        (
            b'{"handoff_receipts": 1, "receipts": [{"by": "A", "at": "9999-12-31T23-09"}]}',
            "R003",
        ),
    ],
)  # fmt: skip
def test_receipts_that_cannot_be_read(source: bytes, code: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        receipts.load(source, "r.json")

    assert [each.code for each in caught.value.report.problems] == [code]


def test_digest_covers_the_results(handoff: Handoff, repository: Path) -> None:
    def digest() -> str | None:
        path = "sessions/session-2.facts.json"
        return receipts.digest(load_facts((repository / path).read_bytes(), path))

    handoff("render", "session-2")
    first = digest()
    handoff("render", "session-2")
    again = digest()
    handoff("render", "session-2", "--as-of", "2026-01-04T16:00Z")

    assert first == again != digest()
    assert receipts.digest(None) is None


# --- status ------------------------------------------------------------------------------


def test_status_lists_who_has_which_session(handoff: Handoff, repository: Path) -> None:
    handoff("render", "session-1")
    handoff("render", "session-2")
    before = handoff("status").out
    handoff("accept", "session-2", "--by", "Ann")

    after = handoff("status").out

    assert before == (
        "session-2  ML Training Deep Review (2026-01-04)\n"
        "    🔄 IN PROGRESS (4 of 5), no blanks; handed over\n"
        "session-1  Phase 4 Deep Preparation (2026-01-03)\n"
        "    ⏸️ TO BE COMPLETED, 0 of 6 items, 46 blanks (1 in the prompt); open\n"
    )
    assert "no blanks; accepted by Ann, 20" in after


def test_status_for_programs_and_for_a_summary(handoff: Handoff, repository: Path) -> None:
    handoff("render", "session-2")
    successor = "session: 3\ntitle: A|b\ncreated: 2026-01-05\nsupersedes: session-2\n"
    (repository / "sessions/session-3.yaml").write_text(successor)
    (repository / "sessions/broken.yaml").write_text("session: [\n")

    listed = handoff("status", "--format", "json")
    table = handoff("status", "--format", "md").out

    found = {each["session"]: each for each in json.loads(listed.out)}
    assert listed.code == 1
    assert "sessions/broken.yaml" in listed.err
    assert list(found) == ["session-3", "session-2", "session-1", "broken"]
    assert {name: each["stand"] for name, each in found.items()} == {
        "session-3": "open",
        "session-2": "superseded",
        "session-1": "open",
        "broken": "unreadable",
    }
    assert found["session-2"]["superseded_by"] == ["session-3"]
    assert found["session-2"]["document"] == DOCUMENT
    assert "| session-3: A\\|b | 2026-01-05 |" in table
    assert "| superseded by session-3 |" in table


def test_overdue_actions_are_reported_by_status_and_live_check(
    handoff: Handoff, repository: Path
) -> None:
    (repository / "sessions/third.yaml").write_text(THIRD, "utf-8")

    listed = json.loads(handoff("status", "--format", "json").out)
    live = handoff("check", "third", "--live").out
    still = handoff("check", "third").out

    (third,) = [each for each in listed if each["session"] == "third"]
    assert third["overdue"] == [
        "Rebuild the store (owner: Ann, due: 2026-01-04)",
        "Train once (owner: Bob, due: 2026-01-06)",
    ]
    assert "open; 2 overdue\n" in handoff("status").out
    assert live.count("(H010)") == 2
    assert "sessions/third.yaml:9:5: warning: overdue: Rebuild the store (owner: Ann" in live
    assert "(H010)" not in still


def test_who_acts_is_in_status_and_index(handoff: Handoff, repository: Path) -> None:
    third = THIRD.replace("owner: Ann", "owner: Ann | Co")
    (repository / "sessions/third.yaml").write_text(
        third.replace("severity:\n", "severity: watch\n"), "utf-8"
    )

    text = handoff("status").out
    (listed,) = [
        each
        for each in json.loads(handoff("status", "--format", "json").out)
        if each["session"] == "third"
    ]
    handoff("publish")

    index = (repository / "docs/09-handoff/README.md").read_text("utf-8")
    assert "\n    🟡 watch; owners: Ann | Co, Bob" in text
    assert (listed["severity"], listed["owners"][:2]) == ("watch", ["Ann | Co", "Bob"])
    assert "; 🟡 watch; owners: Ann \\| Co, Bob" in index


def test_status_fits_a_terminal(handoff: Handoff, repository: Path) -> None:
    (repository / "sessions/third.yaml").write_text(
        THIRD.replace("severity:\n", "severity: unstable\n"), "utf-8"
    )
    environment = {**os.environ, "TERM": "xterm", "PYTHONPATH": str(ROOT)}
    environment.pop("NO_COLOR", None)
    terminal = pexpect.spawn(
        sys.executable,
        ["-c", "from handoff.commands import main; main()", "status"],
        cwd=repository,
        env=environment,
        dimensions=(40, 80),
        encoding="utf-8",
    )
    terminal.expect(pexpect.EOF)

    lines = re.sub(r"\x1b\[\d*[mK]", "", terminal.before or "").splitlines()
    assert "\x1b[1mthird\x1b[0m" in (terminal.before or "")
    assert lines
    assert all(len(line) <= 80 for line in lines)


@pytest.mark.parametrize(
    ("written", "begun", "blanks", "by", "successors", "expected"),
    [
        (False, True, 0, (), (), "open"),
        (True, False, 0, (), (), "open"),
        (True, True, 1, (), (), "open"),
        (True, True, 0, (), (), "handed over"),
        (False, False, 9, (ANN,), (), "accepted"),
        (True, True, 0, (ANN,), ("x",), "superseded"),
    ],
)
def test_state_of_a_session(
    written: bool,
    begun: bool,
    blanks: int,
    by: tuple[Receipt, ...],
    successors: tuple[str, ...],
    expected: SessionState,
) -> None:
    found = session_state(
        is_written=written,
        is_begun=begun,
        blanks_in_prompt=blanks,
        receipts=by,
        superseded_by=successors,
    )

    assert found == expected
