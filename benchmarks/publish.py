"""Measure `publish`, `status` and `check` over many sessions.

    python benchmarks/publish.py [sessions]

Each session is a copy of this repository's first one, with its recorded facts. The bare loop
loads the same YAML and JSON, and renders a cached template of the document's size for each of
the first 200 sessions.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from copies import ROOT, write_copies
from measure import HANDOFF, Cost, measure

FEW = 200
BARE = """
import json, sys, yaml
from pathlib import Path
from jinja2 import Environment, FileSystemLoader
environment = Environment(loader=FileSystemLoader(sys.argv[1]))
Path("out").mkdir()
for n in range(1, int(sys.argv[2]) + 1):
    session = yaml.safe_load(Path(f"sessions/s-{n}.yaml").read_bytes())
    facts = json.loads(Path(f"sessions/s-{n}.facts.json").read_bytes())
    text = environment.get_template("seed.md").render(session=session, facts=facts)
    Path(f"out/{n}.md").write_text(text, "utf-8")
"""


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = folder
        few, many = Path(folder, "few"), Path(folder, "many")
        write_copies(few, FEW)
        templates = str(ROOT / "tests/golden")
        loop = measure([sys.executable, "-c", BARE, templates, str(FEW)], few)
        _print(f"bare loop, {FEW} sessions", loop)
        first = measure([HANDOFF, "publish"], few)
        ratio = first.cpu / loop.cpu
        _print(f"first publish, {FEW}", first, f"{ratio:.2f} x the loop (at most 2)")
        write_copies(many, count)
        _print(f"first publish, {count}", measure([HANDOFF, "publish"], many))
        for words, limit in (("publish", 1), ("status", 3), ("check", 30)):
            name = f"{'unchanged ' * (words == 'publish')}{words}, {count}"
            _print(name, measure([HANDOFF, words], many), f"at most {limit} s")
        _print(f"publish --check, {count}", measure([HANDOFF, "publish", "--check"], many))
        with Path(many, f"sessions/s-{count}.yaml").open("a", encoding="utf-8") as file:
            file.write("\nblocked_by: nothing\n")
        _print("publish, one session edited", measure([HANDOFF, "publish"], many))


def _print(name: str, cost: Cost, limit: str = "") -> None:
    print(f"{name:30} {cost}   {limit}", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
