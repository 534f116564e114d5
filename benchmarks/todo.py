"""What `todo` costs for sessions of 500 to 4,000 blanks; the time for each blank is constant.

python benchmarks/todo.py
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

HANDOFF = str(Path(sys.executable).with_name("handoff"))
HEAD = "session: 1\ntitle: Blanks\ncreated: 2026-01-03\nfiles:\n"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "sessions/session-1.yaml")
        file.parent.mkdir()
        Path(folder, "handoff.yaml").write_text("engine: duckdb\n", "utf-8")
        print(f"{'blanks':>6} {'seconds':>8}   best of 3")  # noqa: T201
        for count in (500, 1000, 2000, 4000):
            labels = (f"  src/module.{n}.py: '[TO BE FILLED - {n}]'\n" for n in range(count))
            file.write_text(HEAD + "".join(labels), "utf-8")
            print(f"{count:6} {min(_seconds(folder) for _ in range(3)):8.2f}")  # noqa: T201


def _seconds(folder: str) -> float:
    started = time.perf_counter()
    subprocess.run([HANDOFF, "todo"], cwd=folder, check=True, capture_output=True)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
