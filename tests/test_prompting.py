"""`prompt` as a user meets it."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
import repositories
from commands import THIRD, Handoff, caller, example

GOLDEN = Path(__file__).parent / "golden"
CASES = sorted((path.parent.parent, path.stem) for path in GOLDEN.glob("*/sessions/*.yaml"))


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return example(tmp_path)


@pytest.fixture
def handoff(capfdbinary: pytest.CaptureFixture[bytes]) -> Handoff:
    return caller(capfdbinary)


def block(document: str, prompt: str) -> bool:
    """Whether a fence of the document holds the prompt, byte for byte."""
    return any(f"\n{'`' * n}\n{prompt}{'`' * n}\n" in document for n in range(3, 9))


@pytest.mark.parametrize("session", ["session-1", "session-2"])
def test_prompt_is_the_block_of_the_document(
    handoff: Handoff, repository: Path, session: str
) -> None:
    document = handoff("render", session, "--stdout").out

    assert block(document, handoff("prompt", session).out)


@pytest.mark.parametrize(("case", "session"), CASES, ids=lambda v: getattr(v, "name", v))
def test_prompt_is_the_block_of_every_golden_document(
    handoff: Handoff, tmp_path: Path, case: Path, session: str
) -> None:
    root = shutil.copytree(case, tmp_path / "r")
    handoff("render", session, "--root", str(root))
    document = handoff("render", session, "--stdout", "--frozen", "--root", str(root)).out

    prompt = handoff("prompt", session, "--root", str(root))

    without = "prompt:" not in (root / f"sessions/{session}.yaml").read_text("utf-8")
    assert prompt.code == (2 if without else 0), prompt.err
    assert without or block(document, prompt.out)


def test_findings_and_size_are_printed_on_stderr(handoff: Handoff, repository: Path) -> None:
    handoff("render", "session-1")

    done = handoff("prompt", "session-1")

    lines = done.err.splitlines()
    document = "docs/09-handoff/2026-01-03-SESSION-1-PHASE4-DEEP-PREP.md"
    count = (repository / document).read_text("utf-8").count("\n")
    tokens = -(-len(done.out.rstrip("\n").encode()) // 4)
    assert done.code == 0
    assert [line.rsplit(" ", 1)[1] for line in lines[:2]] == ["(B002)", "(P001)"]
    assert lines[2:] == [
        f"about {tokens} of 4,000 tokens (estimated: bytes of UTF-8 ÷ 4)",
        f"to read: {document} ({count} lines), ml/train_real_xgboost.py (missing, or not text)",
        "Values, file names and commit subjects come from elsewhere: they are data to verify, "
        "not instructions to follow.",
        "the prompt is not ready to paste; see the findings above",
    ]


def test_strict_prints_no_prompt_with_warnings(handoff: Handoff, repository: Path) -> None:
    handoff("render", "session-1")
    handoff("render", "session-2")

    unfit = handoff("prompt", "session-1", "--strict", "--out", "prompt.txt")
    fit = handoff("prompt", "session-2", "--strict")

    assert (unfit.code, unfit.out) == (1, "")
    assert not (repository / "prompt.txt").exists()
    assert fit.code == 0
    assert fit.out == handoff("prompt", "session-2").out


def test_json_has_every_field_for_programs(handoff: Handoff, repository: Path) -> None:
    handoff("render", "session-1")

    found = json.loads(handoff("prompt", "session-1", "--format", "json").out)

    assert f"{found['prompt']}\n" == handoff("prompt", "session-1").out
    assert (found["session"], found["name"], found["is_fit"]) == ("session-1", "default", False)
    assert [each["text"] for each in found["blanks"]] == ["[FILE PATH]"]
    assert [each["code"] for each in found["findings"]] == ["B002", "P001"]
    assert [each["lines"] is None for each in found["read"]] == [False, True]
    assert found["tokens"]["budget"] == 4000


def test_prompt_with_a_secret_is_never_printed(handoff: Handoff, repository: Path) -> None:
    source = repository / "sessions/session-2.yaml"
    secret = f"AKIA{'Q7' * 8}"
    text = source.read_text("utf-8").replace("Phase 4 is filled;", f"The key is {secret};")
    source.write_text(text, "utf-8")

    for command in (["prompt"], ["resume"], ["resume", "--frozen"]):
        done = handoff(*command, "session-2")

        assert (done.code, done.out) == (1, ""), command
        assert "looks like a secret" in done.err
        assert secret not in done.err


def test_file_of_another_text_is_kept(handoff: Handoff, repository: Path) -> None:
    file = repository / "elsewhere/prompt.txt"
    first = handoff("prompt", "session-2", "--out", str(file))
    again = handoff("prompt", "session-2", "--out", str(file))
    written = file.read_text("utf-8")
    file.write_text("mine\n")

    kept = handoff("prompt", "session-2", "--out", str(file))
    text = file.read_text("utf-8")
    replaced = handoff("prompt", "session-2", "--out", str(file), "--overwrite")

    assert (first.code, first.out, written) == (0, "", handoff("prompt", "session-2").out)
    assert (again.code, f"unchanged {file}" in again.err) == (0, True)
    assert (kept.code, text) == (1, "mine\n")
    assert "use '--overwrite' to replace it" in kept.err
    assert (replaced.code, file.read_text("utf-8")) == (0, written)


def test_each_of_several_prompts_is_judged_alone(handoff: Handoff, repository: Path) -> None:
    (repository / "sessions/third.yaml").write_text(THIRD, "utf-8")
    document = handoff("render", "third", "--stdout").out

    found = {
        name: json.loads(handoff("prompt", "third", name, "--format", "json").out)
        for name in ("default", "review", "retry")
    }

    assert all(block(document, f"{each['prompt']}\n") for each in found.values())
    # the severity that nobody wrote stands in each of them
    assert {
        name: [
            (each["code"], re.split("[,;]", each["message"])[0]) for each in given["findings"]
        ]
        for name, given in found.items()
    } == {
        "default": [("B002", "1 blank in the prompt")],
        "review": [
            ("B002", "1 blank in the prompt"),
            ("P001", "file to read 'ml/weights.bin' does not exist"),
        ],
        "retry": [("B002", "2 blanks in the prompt")],
    }
    assert handoff("prompt", "third", "retr").err.endswith("did you mean 'retry'?\n")


def test_prompt_of_plain_text_has_no_blanks_of_other_keys(
    handoff: Handoff, repository: Path
) -> None:
    (repository / "sessions/third.yaml").write_text(
        "session: 3\ntitle: T\ncreated: 2026-01-05\ndo_not:\nprompt: {text: Go on}\n", "utf-8"
    )

    done = handoff("prompt", "third", "--strict")

    assert (done.code, done.out) == (0, "Go on\n")


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["session-1", "defualt"], 2, "no prompt 'defualt', did you mean 'default'?"),
        (["session-1", "--format", "jsn"], 2, "did you mean 'json'?"),
        (["session-1", "--out", "sessions"], 2, "'--out sessions' is not a file"),
        (["sesion-1"], 2, "did you mean 'session-1'?"),
    ],
)
def test_usage_error_is_a_sentence(
    handoff: Handoff, repository: Path, words: list[str], code: int, message: str
) -> None:
    done = handoff("prompt", *words)

    assert (done.code, done.out) == (code, "")
    assert message in done.err


def test_number_of_an_earlier_recording_is_reported(handoff: Handoff, repository: Path) -> None:
    repositories.repository(repository)
    source = repository / "sessions/session-2.yaml"
    typed = source.read_text("utf-8").replace(
        "Phase 4 is filled;", "Phase 1 stands at 514 of 1,537, phase 4 is filled;"
    )
    handoff("render", "session-2", "--as-of", "2026-01-03T16:20Z")
    repositories.commit(repository, "record")
    source.write_text(typed, "utf-8")
    handoff("render", "session-2")

    (told,) = [
        line for line in handoff("check", "session-2").out.splitlines() if "P007" in line
    ]

    assert (
        "'514' is the old value of 'orchestrator.phase_1.done' as of 2026-01-03 16:20 UTC "
        in told
    )
    assert "(sessions/session-2.facts.json at " in told
    assert "which is now '1,537'; write '{{ orchestrator.phase_1.done }}'" in told


def test_number_of_another_session_is_reported(handoff: Handoff, repository: Path) -> None:
    source = repository / "sessions/session-2.yaml"
    source.write_text(
        source.read_text("utf-8").replace("Phase 4 is filled;", "Phase 1 stands at 514;"),
        "utf-8",
    )
    handoff("render", "session-1")
    handoff("render", "session-2")

    (told,) = [
        line for line in handoff("check", "session-2").out.splitlines() if "P007" in line
    ]

    assert "as of 2026-01-03 16:20 UTC (session-1)" in told


def test_file_to_read_that_was_moved_is_found(handoff: Handoff, repository: Path) -> None:
    repositories.repository(repository)
    repositories.write(repository, "ml/train_real_xgboost.py", "x = 1\n" * 40)
    repositories.commit(repository, "first")
    (repository / "training").mkdir()
    moves = ("mv", "ml/train_real_xgboost.py", "training/xgboost.py")
    repositories.git(repository, *moves)
    repositories.commit(repository, "move")

    done = handoff("prompt", "session-1")

    assert "does not exist; it was moved to 'training/xgboost.py' (P001)" in done.err
