"""Shell completion."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pexpect
import pytest

from handoff.commands.runner import run

SESSION = """\
session: 1
title: Prep
created: 2026-01-03
checklist:
  Read it: false
  Run *: false
accomplished:
  Date SQL:
    Created:
    Version 1.5: x
  Dates: [a, b]
"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for path, text in {
        "handoff.yaml": "engine: duckdb\n",
        "sessions/session-1.yaml": SESSION,
        "sessions/session-2.yaml": "broken: [\n",
        "sql/q/dates.sql": "SELECT 1",
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


Suggest = Callable[..., list[str]]


@pytest.fixture
def suggestions(
    root: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Suggest:
    """Calls the command as the scripts of the shells do."""

    def suggest(words: list[str]) -> list[str]:
        monkeypatch.setenv("_HANDOFF_COMPLETE", "complete_bash")
        monkeypatch.setenv("COMP_WORDS", "\n".join(["handoff", *words]))
        monkeypatch.setenv("COMP_CWORD", str(len(words)))
        with pytest.raises(SystemExit):
            run([])
        return capfd.readouterr().out.splitlines()

    return suggest


OFFERED = [
    (["rend"], ["render"]),
    (["nothing-like-it"], []),
    (["status", "--format", ""], ["text", "json", "md"]),
    (["check", "--format", "g"], ["github"]),
    (["check", "--explain", "c01"], ["C010", "C011", "C012", "C013"]),
    (["prompt", "session-1", ""], []),
    (["render", ""], ["session-1", "session-2", "latest"]),
    (["render", "s"], ["session-1", "session-2"]),
    (["render", "S"], ["session-1", "session-2"]),
    (["render", "session-1", "--fro"], ["--frozen"]),
    (["render", "--engine", ""], ["bigquery", "duckdb"]),
    (["render", "--frozen", ""], ["session-1", "session-2", "latest"]),
    (["new", "x", "--from", "l"], ["latest"]),
    (["query", "r"], ["run"]),
    (["query", "run", ""], ["q/dates.sql"]),
    (["set", "session-1", "ti"], ["title"]),
    (["set", "session-1", ""], ["session", "title", "created", "checklist.", "accomplished."]),
    (["set", "session-1", "acc"], ["accomplished.Date SQL.", "accomplished.Dates."]),
    (["set", "session-1", "'acc"], ["accomplished.Date SQL.", "accomplished.Dates."]),
    (["set", "session-1", "accomplished."], ["accomplished.Date SQL.", "accomplished.Dates."]),
    (["set", "session-1", "accomplished.Date\\ SQL.C"], ["accomplished.Date SQL.Created"]),
    (
        ["set", "session-1", '"accomplished.date sql.'],
        ["accomplished.Date SQL.Created", "accomplished.Date SQL.Version 1.5"],
    ),
    (["set", "session-1", "accomplished.Dates.1"], ["accomplished.Dates.1"]),
    (["set", "session-1", "met"], ["metrics"]),
    (["set", "session-1", "next.ob"], ["next.objectives"]),
    (["set", "session-1", "titel"], []),
    (["set", "session-1", "title", ""], []),
    (["set", "session-2", ""], []),
    (["set", "session-3", ""], []),
    (["tick", "session-1", "R"], ["Read it", "Run *"]),
    (["tick", "--root", "nowhere", "session-1", ""], []),
    (["add", "latest", "check"], ["checklist.Read it", "checklist.Run *"]),
]  # fmt: skip


@pytest.mark.parametrize(("words", "expected"), OFFERED, ids=str)
def test_the_next_word_is_offered(
    suggestions: Suggest, words: list[str], expected: list[str]
) -> None:
    assert [each for each in suggestions(words) if each] == expected


def test_control_characters_are_not_offered(root: Path, suggestions: Suggest) -> None:
    (root / "sessions/session-1.yaml").write_text('session: 1\n"a\u202eb": 1\n')

    assert suggestions(["set", "session-1", ""]) == ["session"]


def test_each_shell_has_its_script(capfd: pytest.CaptureFixture[str]) -> None:
    for shell in ("bash", "zsh", "fish"):
        assert run(["completion", shell]) == 0
        assert "_HANDOFF_COMPLETE=complete_bash" in capfd.readouterr().out
    assert run(["completion", "tcsh"]) == 2


def test_completing_imports_nothing_slow(root: Path) -> None:
    code = (
        "import sys\nfrom handoff.commands.runner import run\n"
        "try:\n    run([])\nexcept SystemExit:\n    pass\n"
        "print({'jinja2', 'duckdb', 'google', 'sqlglot', 'markdown_it'} & set(sys.modules))"
    )
    for words in (["set", "session-1", "acc"], ["query", "run", ""]):
        environment = {
            **os.environ,
            "_HANDOFF_COMPLETE": "complete_bash",
            "COMP_WORDS": "\n".join(["handoff", *words]),
            "COMP_CWORD": str(len(words)),
        }

        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, check=True, env=environment
        )

        assert done.stdout.splitlines()[-1] == b"set()"


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_bash_completes_ids_and_paths(root: Path) -> None:
    folder = root / "bin"
    folder.mkdir()
    script = folder / "handoff"
    code = "from handoff.commands import main; main()"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "{code}" "$@"\n')
    script.chmod(0o755)
    bash = pexpect.spawn(
        "bash",
        ["--norc", "--noprofile", "-i"],
        cwd=str(root),
        env={
            **os.environ,
            "PATH": f"{folder}:{os.environ['PATH']}",
            "PS1": "$ ",
            "TERM": "dumb",
        },
        encoding="utf-8",
        timeout=30,
    )
    bash.sendline(
        "bind 'set enable-bracketed-paste off'; "
        "eval \"$(handoff completion bash)\"; echo rea''dy"
    )
    bash.expect_exact("ready\r\n")

    for typed, line in [
        ("handoff set session-1 acc\t\\ S\tCr\t x", "accomplished.Date SQL.Created|x"),
        ("handoff set session-1 'acc\t S\tCr\t x", "accomplished.Date SQL.Created|x"),
        ("handoff rend\t session-1", "session-1"),
        ("handoff query run q/\t x", "q/dates.sql|x"),
        ("handoff tick session-1 Ru\t x", "Run *|x"),
    ]:
        bash.send(typed)
        # what stands on the line is what the command would be given
        bash.send("\x01printf '%s|' \x05 | tr '\\n' '.'; echo; echo do''ne\r")
        bash.expect_exact("done\r\n")
        assert f"{line}|" in bash.before, (typed, bash.before)
    bash.sendline("exit")
    bash.expect(pexpect.EOF)
