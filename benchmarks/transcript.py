"""What reading the log of an agent costs: a session of 1 GB, or as many MB as are given.

python benchmarks/transcript.py [MB]
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from handoff.session.model import Place, SourceFact, Transcript
from handoff.sources.lookup import look_up
from handoff.sources.source import SourceContext

NOW = datetime(2026, 1, 4, tzinfo=UTC)
USAGE = {"input_tokens": 3, "output_tokens": 90, "cache_read_input_tokens": 80_000}


def main() -> None:
    size = int(sys.argv[1] if len(sys.argv) > 1 else 1024) * 2**20
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        for name, output in (("large results", 60_000), ("small results", 2_000)):
            with (root / "log.jsonl").open("wb") as file:
                written = 0
                for line in _lines(str(root), output):
                    written += file.write(line)
                    if written > size:
                        break
            started = time.perf_counter()
            looked = look_up(_fact(), _context(root), NOW)
            seconds = time.perf_counter() - started
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
            print(f"{name}: {seconds:6.2f} s, {peak} MB at most")  # noqa: T201
            assert not hasattr(looked.result, "message"), looked.result


def _lines(root: str, output: int) -> Iterator[bytes]:
    head = {"timestamp": "2026-01-03T14:00:00Z", "cwd": root, "version": "2.1.63"}
    n = 0
    while True:
        n += 1
        use = {"type": "tool_use", "id": f"t{n}", "name": "Bash", "input": {"command": "true"}}
        said = {"id": f"m{n}", "model": "model", "content": [use], "usage": USAGE}
        result = {"type": "tool_result", "tool_use_id": f"t{n}", "content": "x" * output}
        for kind, message in (("assistant", said), ("user", {"content": [result]})):
            yield json.dumps({**head, "type": kind, "message": message}).encode() + b"\n"


def _fact() -> SourceFact:
    place = Place("sessions/s.yaml")
    log = Transcript("claude-code", "log.jsonl", None, "summary", None, False, place)
    return SourceFact("metrics", (log,), (), None, None, "", place)


def _context(root: Path) -> SourceContext:
    return SourceContext(root, root.joinpath, UTC, 60, NOW)


if __name__ == "__main__":
    main()
