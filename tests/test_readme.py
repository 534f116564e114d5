"""The README's first screen is true: its session renders to the document it shows."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from handoff.commands.runner import run

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")


def fenced(lang: str) -> str:
    found = re.search(rf"```{lang}\n(.*?)```", README, re.DOTALL)
    assert found
    return found[1]


def test_session_renders_to_the_document_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(ROOT / "sql", tmp_path / "sql")
    (tmp_path / "sessions").mkdir()
    (tmp_path / "sessions/session-1.yaml").write_text(fenced("yaml"), "utf-8")
    (tmp_path / "handoff.yaml").write_text("engine: duckdb\n")
    monkeypatch.chdir(tmp_path)

    code = run(["render", "session-1"])

    shown = [line for line in fenced("markdown").splitlines() if line not in ("", "…")]
    name = re.search(r"becomes `(.*?)`", README)
    assert code == 0
    assert name
    written = (tmp_path / name[1]).read_text("utf-8").splitlines()
    assert [line for line in written if line in shown] == shown


def test_links_lead_somewhere() -> None:
    targets = re.findall(r"\]\(([^)#:]+)\)", README)

    assert [each for each in targets if not (ROOT / each).exists()] == []
