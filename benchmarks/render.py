"""What commands cost as whole processes, beside a bare script that does the least of it.

    python benchmarks/render.py [runs]

The bare script reads the YAML with PyYAML, the recorded facts as JSON, and fills a template of
the same size from Jinja's bytecode cache: nothing is checked, escaped, derived or written.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
HANDOFF = Path(sys.executable).with_name("handoff")
BARE = """
import json, sys, yaml
from jinja2 import Environment, FileSystemBytecodeCache, FileSystemLoader
root, cache = sys.argv[1:]
session = yaml.load(open(f"{root}/sessions/session-1.yaml"), Loader=yaml.CSafeLoader)
facts = json.load(open(f"{root}/sessions/session-1.facts.json"))
environment = Environment(
    loader=FileSystemLoader(cache), bytecode_cache=FileSystemBytecodeCache(cache)
)
sys.stdout.write(environment.get_template("seed.md").render(session=session, facts=facts))
"""


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    with tempfile.TemporaryDirectory() as folder:
        cache = Path(folder)
        shutil.copy(ROOT / "tests/golden/seed.md", cache / "seed.md")
        os.environ["XDG_CACHE_HOME"] = folder
        commands = {
            "bare script": [sys.executable, "-c", BARE, str(ROOT), folder],
            "handoff --version": [str(HANDOFF), "--version"],
            "render --frozen --stdout": [
                *(str(HANDOFF), "render", "session-1", "--frozen", "--stdout")
            ],
            "render, DuckDB": [str(HANDOFF), "render", "session-1", "--stdout"],
            "check": [str(HANDOFF), "check"],
            "publish --check": [str(HANDOFF), "publish", "--check"],
        }
        print(f"{'command':28} {'median':>8} {'min':>8} {'max':>8}   seconds, {runs} runs")  # noqa: T201
        for name, command in commands.items():
            print(f"{name:28} {_row(command, runs)}")  # noqa: T201


def _row(command: list[str], runs: int) -> str:
    _timed(command)  # fills the caches
    times = [_timed(command) for _ in range(runs)]
    figures = (statistics.median(times), min(times), max(times))
    return " ".join(f"{figure:8.3f}" for figure in figures)


def _timed(command: list[str]) -> float:
    begun = time.perf_counter()
    subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
