from __future__ import annotations

from datetime import date
from pathlib import Path

from handoff.starting import start

DAY = date(2026, 2, 1)
FILES = ("handoff.yaml", "sessions/session-1.yaml", "sql/schedule/game_dates.sql")


def test_an_empty_folder_gets_settings_a_session_and_a_question(tmp_path: Path) -> None:
    assert start(tmp_path, today=DAY) == (FILES, ())
    assert "created: 2026-02-01\n" in (tmp_path / "sessions/session-1.yaml").read_text()


def test_what_is_there_is_kept(tmp_path: Path) -> None:
    (tmp_path / "handoff.yaml").write_text("engine: bigquery\n")

    assert start(tmp_path, today=DAY) == (FILES[1:], FILES[:1])
    assert (tmp_path / "handoff.yaml").read_text() == "engine: bigquery\n"
