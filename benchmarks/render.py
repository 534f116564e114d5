"""Measure commands as whole processes, and their start-up as a ratio of Python's imports.

    python benchmarks/render.py [runs]

The runs of all commands alternate, so that a busy machine slows all of them alike. The bare
script reads the YAML with PyYAML and the facts as JSON, and renders a template of the same
size from Jinja's bytecode cache; it checks, escapes, derives and writes nothing.
"""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

from measure import HANDOFF, measure

ROOT = Path(__file__).parent.parent
BARE = """
import json, sys, yaml
from jinja2 import Environment, FileSystemBytecodeCache, FileSystemLoader
session = yaml.load(open("sessions/session-1.yaml"), Loader=yaml.CSafeLoader)
facts = json.load(open("sessions/session-1.facts.json"))
environment = Environment(
    loader=FileSystemLoader("."), bytecode_cache=FileSystemBytecodeCache(sys.argv[1])
)
sys.stdout.write(environment.get_template("seed.md").render(session=session, facts=facts))
"""
FROZEN = "render --frozen --stdout"
COMMANDS = {
    "--help": ["--help"],
    FROZEN: ["render", "session-1", "--frozen", "--stdout"],
    "render, DuckDB": ["render", "session-1", "--stdout"],
    "check": ["check"],
    "publish --check": ["publish", "--check"],
}
RATIOS = (("--help", "import typer", 1.5), (FROZEN, "import typer, yaml, jinja2", 1.3))
"""A command, the imports it is compared with, and the highest ratio that is acceptable."""


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    with tempfile.TemporaryDirectory() as folder:
        project, cache = Path(folder, "project"), Path(folder, "cache")
        for name in ("sessions", "sql", "templates", "docs"):
            shutil.copytree(ROOT / name, project / name)
        shutil.copy(ROOT / "handoff.yaml", project)
        shutil.copy(ROOT / "tests/golden/seed.md", project)
        cache.mkdir()
        os.environ["XDG_CACHE_HOME"] = str(cache)
        commands = {
            **{imports: [sys.executable, "-c", imports] for _, imports, _ in RATIOS},
            "bare script": [sys.executable, "-c", BARE, str(cache)],
            **{name: [HANDOFF, *words] for name, words in COMMANDS.items()},
        }
        for command in commands.values():
            measure(command, project)  # fills the caches
        costs: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(runs):
            for name, command in commands.items():
                costs[name].append(measure(command, project).cpu)
    print(f"{'command':28} {'median':>8} {'min':>8} {'max':>8}   seconds of CPU, {runs} runs")  # noqa: T201
    medians = {name: statistics.median(each) for name, each in costs.items()}
    for name, each in costs.items():
        figures = (medians[name], min(each), max(each))
        print(f"{name:28} {' '.join(f'{figure:8.3f}' for figure in figures)}")  # noqa: T201
    for name, imports, limit in RATIOS:
        ratio = medians[name] / medians[imports]
        print(f"handoff {name}: {ratio:.2f} x '{imports}' (at most {limit})")  # noqa: T201


if __name__ == "__main__":
    main()
