"""`init --agent`: what coding agents are taught is true of the commands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from commands import Handoff, caller

from handoff.commands.init import GUIDE
from handoff.commands.registry import COMMANDS

SKILL = Path(__file__).parent.parent / "handoff/commands/starter/agent/SKILL.md"
TEXT = SKILL.read_text("utf-8")
TAUGHT = [words.split() for words in re.findall(r"`handoff ([^`]+)`", TEXT)]


@pytest.fixture
def handoff(
    capfdbinary: pytest.CaptureFixture[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Handoff:
    monkeypatch.chdir(tmp_path)
    return caller(capfdbinary)


def test_agent_guide_is_written_once(handoff: Handoff, tmp_path: Path) -> None:
    first = handoff("init", "--agent", "--yes", "--engine", "duckdb")
    written = (tmp_path / GUIDE).read_text("utf-8")
    (tmp_path / GUIDE).write_text("mine\n", "utf-8")

    again = handoff("init", "--agent", "--yes", "--engine", "duckdb")

    assert (first.code, written) == (0, TEXT)
    assert (again.code, (tmp_path / GUIDE).read_text("utf-8")) == (0, "mine\n")
    assert f"kept existing {GUIDE}; add a pointer to AGENTS.md" in again.err


def test_without_the_option_there_is_no_guide(handoff: Handoff, tmp_path: Path) -> None:
    handoff("init", "--yes", "--engine", "duckdb")

    assert not (tmp_path / GUIDE).exists()


@pytest.mark.parametrize("words", TAUGHT, ids=" ".join)
def test_every_command_in_the_skill_exists(handoff: Handoff, words: list[str]) -> None:
    command = [word for word in words[:2] if word in COMMANDS or words[0] == "query"]

    done = handoff(*command, "--help")

    assert command
    assert done.code == 0
    assert all(word in done.out for word in words if word.startswith("--"))


def test_the_skill_covers_the_whole_loop() -> None:
    loop = ("resume", "accept", "new", "todo", "set", "tick", "render", "check", "prompt")

    assert set(loop) <= {words[0] for words in TAUGHT}
