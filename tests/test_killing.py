"""Whatever moment handoff is killed at, each file is the old or the new one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

KILLS = int(os.environ.get("HANDOFF_KILLS", "20"))
"""How many to try; 200 take about two minutes."""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_no_file_is_torn_and_nothing_is_lost(tmp_path: Path) -> None:
    script = Path(__file__).with_name("killing.py")

    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path / "root"), str(KILLS), "7"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert sum(json.loads(done.stdout).values()) >= KILLS / 4
