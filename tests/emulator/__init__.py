"""The BigQuery emulator: a server of its own for a module of tests."""

from __future__ import annotations

import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROJECT = "test-project"


def binary() -> Path | None:
    """What `HANDOFF_TEST_EMULATOR` names, else what `build.sh` left in the cache."""
    named = os.environ.get("HANDOFF_TEST_EMULATOR")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    kept = sorted((cache / "handoff-tests").glob("bigquery-emulator-v*"))
    return Path(named) if named else (kept[-1] if kept else None)


@contextmanager
def server(emulator: Path) -> Iterator[str]:
    """The address of a fresh, empty emulator on loopback, ended with the block."""
    port, grpc_port = _free_port(), _free_port()
    command = [
        str(emulator),
        f"--project={PROJECT}",
        "--host=127.0.0.1",
        f"--port={port}",
        f"--grpc-port={grpc_port}",
    ]
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet)
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_until_ready(url, process)
        yield url
    finally:
        process.terminate()
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    datasets = f"{url}/bigquery/v2/projects/{PROJECT}/datasets"
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(datasets, timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise RuntimeError("the BigQuery emulator did not start")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
