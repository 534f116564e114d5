"""Measure publishing many sessions: the first time, unchanged, and after one edit.

    python benchmarks/publish.py [sessions]

Each session is a copy of this repository's first one, with its recorded facts. For every
hundred documents of the first run, the time per document and the memory are printed. The bare
loop loads the same YAML and JSON, and renders a template of the same size for each session.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml
from copies import ROOT, write_copies
from jinja2 import Environment, FileSystemLoader

from handoff import api
from handoff.base.files import write_whole
from handoff.publish import writer

BLOCK = 100


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = folder
        root = Path(folder, "project")
        write_copies(root, count)
        with _measured("bare loop"):
            _render_bare(root, count)
        with _measured("first run"), _counting():
            api.publish(api.open_project(str(root), environment={}))
        for name in ("unchanged", "unchanged again"):
            with _measured(name):
                api.publish(api.open_project(str(root), environment={}))
        with _measured("unchanged, --check"):
            api.unpublished(api.open_project(str(root), environment={}))
        _append(root / f"sessions/s-{count}.yaml", "\nblocked_by: nothing\n")
        with _measured("one session edited"):
            api.publish(api.open_project(str(root), environment={}))


def _render_bare(root: Path, count: int) -> None:
    template = Environment(loader=FileSystemLoader(ROOT / "tests/golden")).get_template(
        "seed.md"
    )
    for n in range(1, count + 1):
        source = (root / f"sessions/s-{n}.yaml").read_bytes()
        session = yaml.load(source, Loader=yaml.CSafeLoader)
        facts = json.loads((root / f"sessions/s-{n}.facts.json").read_bytes())
        (root / f"{n}.md").write_text(template.render(session=session, facts=facts), "utf-8")


def _append(path: Path, text: str) -> None:
    write_whole(path, path.read_bytes() + text.encode(), place=path.name)


@contextmanager
def _measured(name: str) -> Iterator[None]:
    start, used = time.perf_counter(), time.process_time()
    yield
    seconds, busy = time.perf_counter() - start, time.process_time() - used
    print(f"{name:24} {seconds:8.2f} s, {busy:8.2f} s of CPU, {_megabytes():5.0f} MB at most")  # noqa: T201


@contextmanager
def _counting() -> Iterator[None]:
    """Print the time and memory of each block of documents."""
    written, at = 0, time.process_time()
    write = writer.write

    def counted(*args: object, **options: object) -> object:
        nonlocal written, at
        written += 1
        if written % BLOCK == 0:
            now = time.process_time()
            each = (now - at) / BLOCK * 1000
            megabytes = _megabytes()
            print(f"  {written:6} documents, {each:6.1f} ms of CPU each, {megabytes:5.0f} MB")  # noqa: T201
            at = now
        return write(*args, **options)  # type: ignore[arg-type]

    writer.write = counted  # type: ignore[assignment]
    yield
    writer.write = write


def _megabytes() -> float:
    """The highest memory use of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
