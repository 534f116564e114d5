"""What publishing many sessions costs: the first time, again, and after one edit.

    python benchmarks/publish.py [sessions]

Each session is a copy of this repository's first one, with its recorded facts. For every
hundred documents of the first run it prints the time a document took and the memory held.
"""

from __future__ import annotations

import os
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from copies import write_copies

from handoff import api
from handoff.base.files import write_whole
from handoff.workspace import publish

BLOCK = 100


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = folder
        root = Path(folder, "project")
        write_copies(root, count)
        with _told("first run"), _counted():
            api.publish(api.open_project(str(root), environment={}))
        for name in ("unchanged", "unchanged, once more"):
            with _told(name):
                api.publish(api.open_project(str(root), environment={}))
        with _told("unchanged, --check"):
            api.unpublished(api.open_project(str(root), environment={}))
        _append(root / f"sessions/s-{count}.yaml", "\nblocked_by: nothing\n")
        with _told("one session edited"):
            api.publish(api.open_project(str(root), environment={}))


def _append(path: Path, text: str) -> None:
    write_whole(path, path.read_bytes() + text.encode(), place=path.name)


@contextmanager
def _told(name: str) -> Iterator[None]:
    begun, used = time.perf_counter(), time.process_time()
    yield
    seconds, busy = time.perf_counter() - begun, time.process_time() - used
    print(f"{name:24} {seconds:8.2f} s, of CPU {busy:8.2f} s, {_megabytes():5.0f} MB at most")  # noqa: T201


@contextmanager
def _counted() -> Iterator[None]:
    """Tells what each block of documents took."""
    written, at = 0, time.process_time()
    write = publish.put

    def counted(*words: object, **more: object) -> object:
        nonlocal written, at
        written += 1
        if written % BLOCK == 0:
            now = time.process_time()
            each = (now - at) / BLOCK * 1000
            megabytes = _megabytes()
            print(f"  {written:6} documents, {each:6.1f} ms of CPU each, {megabytes:5.0f} MB")  # noqa: T201
            at = now
        return write(*words, **more)  # type: ignore[arg-type]

    publish.put = counted  # type: ignore[assignment]
    yield
    publish.put = write


def _megabytes() -> float:
    """The most this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
