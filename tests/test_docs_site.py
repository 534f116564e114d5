"""The documentation's site is built without a warning, and its generated pages are current."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent


def generator(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    import generate  # type: ignore[import-not-found]

    return generate


def test_commands_page_is_that_of_the_command_tree(monkeypatch: pytest.MonkeyPatch) -> None:
    made = generator(monkeypatch).cli_page()

    assert (ROOT / "docs/cli.md").read_text("utf-8") == made, "run 'make docs'"
    assert "\n### `handoff query run`\n" in made


def test_site_has_no_broken_link_anchor_or_page_without_a_place(tmp_path: Path) -> None:
    if importlib.util.find_spec("properdocs") is None:
        assert not os.environ.get("CI"), "properdocs is not installed"
        pytest.skip("properdocs is not installed")
    command = [sys.executable, "-m", "properdocs", "build", "--strict", "--quiet"]

    done = subprocess.run(
        [*command, "-f", "mkdocs.yml", "-d", str(tmp_path / "site")],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )

    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    assert (tmp_path / "site/tutorial/index.html").exists()
