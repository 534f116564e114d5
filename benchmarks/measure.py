"""Run a command as a process, and measure it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

HANDOFF = str(Path(sys.executable).with_name("handoff"))


class Cost(NamedTuple):
    """What a process and those that it started cost."""

    seconds: float
    cpu: float
    """Seconds, of user and system together: other processes hardly change them."""
    megabytes: float
    """The highest memory use of one process."""

    def __str__(self) -> str:
        return f"{self.seconds:8.2f} s {self.cpu:8.2f} s of CPU {self.megabytes:6.0f} MB"


def measure(command: Sequence[str], folder: Path | str) -> Cost:
    """The cost of `command`, run in `folder`."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    start = time.perf_counter()
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, _, used = os.wait4(process.pid, 0)
    process.returncode = 0  # it was waited for
    seconds = time.perf_counter() - start
    return Cost(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)
