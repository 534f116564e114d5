"""Make a project of many sessions, each a copy of this repository's first one with its facts.

python benchmarks/copies.py FOLDER [sessions]
"""

from __future__ import annotations

import shutil
import sys
from datetime import date, timedelta
from pathlib import Path

ROOT = Path(__file__).parent.parent


def write_copies(root: Path, count: int) -> None:
    """Write sessions `s-1` to `s-<count>`, a day apart, into a new project at `root`."""
    (root / "sessions").mkdir(parents=True)
    shutil.copytree(ROOT / "sql", root / "sql")
    (root / "handoff.yaml").write_text("engine: duckdb\n")
    session = (ROOT / "sessions/session-1.yaml").read_text("utf-8")
    facts = (ROOT / "sessions/session-1.facts.json").read_bytes()
    for n in range(1, count + 1):
        day = date(2020, 1, 1) + timedelta(days=n)
        text = session.replace("session: 1\n", f"session: {n}\n", 1)
        text = text.replace("created: 2026-01-03\n", f"created: {day}\n", 1)
        (root / f"sessions/s-{n}.yaml").write_text(text, "utf-8")
        (root / f"sessions/s-{n}.facts.json").write_bytes(facts)


if __name__ == "__main__":
    write_copies(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 2000)
