"""Tables and decisions of a session in a repository."""

from __future__ import annotations

from pathlib import Path

import pytest
from repositories import commit, git, repository

from handoff.commands.runner import run

SESSION = """\
session: 1
title: One
created: 2026-01-03
facts: {work: {git: BASE}}
decisions:
  - {text: Which engine, options: [DuckDB, SQLite], chosen: DuckDB}
  - {text: Which split, options: [by date, at random]}
files:
  Changed:
    table: work
    columns: {path: File, change: Status, insertions: Lines, purpose: What for}
    purpose:
      ml/train.py: trains once
      ml/split.py: splits by date
"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    repository(tmp_path)
    base = commit(tmp_path, "Begin", handoff_yaml="engine: duckdb\n")
    (tmp_path / "handoff_yaml").rename(tmp_path / "handoff.yaml")
    (tmp_path / "sessions").mkdir()
    (tmp_path / "sessions/session-1.yaml").write_text(SESSION.replace("BASE", base))
    (tmp_path / "ml").mkdir()
    (tmp_path / "ml/train.py").write_text("one\ntwo\n")
    (tmp_path / "ml/split.py").write_text("one\n")
    commit(tmp_path, "Add training", day=2)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def rows(capfd: pytest.CaptureFixture[str]) -> list[str]:
    assert run(["render", "session-1", "--stdout"]) == 0
    return [line for line in capfd.readouterr().out.splitlines() if line.startswith("| ml/")]


def test_a_purpose_stays_with_its_path(root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert rows(capfd) == [
        "| ml/split.py | added | 1 | splits by date |",
        "| ml/train.py | added | 2 | trains once |",
    ]

    git(root, "mv", "ml/split.py", "ml/splits.py")
    commit(root, "Rename", day=3)

    assert rows(capfd) == [
        "| ml/splits.py | added | 1 |  |",
        "| ml/train.py | added | 2 | trains once |",
    ]
    assert run(["render", "session-1"]) == 0
    capfd.readouterr()
    run(["check"])
    found = [line for line in capfd.readouterr().out.splitlines() if "ml/split.py" in line]
    assert found == [
        "sessions/session-1.yaml:14:7: warning: 'ml/split.py' is not among the rows of fact "
        "'work', did you mean 'ml/splits.py'? (F027)"
    ]


def test_a_choice_has_a_reason(root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run(["check"])

    (found,) = (line for line in capfd.readouterr().out.splitlines() if "H008" in line)
    assert found == (
        "sessions/session-1.yaml:6:5: warning: decision 'Which engine' has no reason; "
        "add 'why:' (H008)"
    )
