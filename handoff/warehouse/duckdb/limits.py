"""What a query or a script may cost: time that Ctrl-C can end, and memory."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from duckdb import DuckDBPyConnection
from msgspec import Struct

T = TypeVar("T")

TIMEOUT_SECONDS = 60.0
_BESIDES = 512 * 2**20
"""Of memory that DuckDB does not count, such as the strings of the rows it works on."""


class Limits(Struct, frozen=True):
    """Of one query."""

    timeout_seconds: float = TIMEOUT_SECONDS
    memory_mb: int = 1_000


DEFAULT_LIMITS = Limits()


def run_in_time(connection: DuckDBPyConnection, work: Callable[[], T], seconds: float) -> T:
    """The result of `work`, in another thread, so that this one notices Ctrl-C.

    What `connection` runs is interrupted. Raises TimeoutError.
    """
    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(work)
        try:
            return done.result(seconds)
        finally:
            while not done.done():  # may come before the query has started
                connection.interrupt()
                wait([done], 0.1)


@contextmanager
def bounded_memory(megabytes: int) -> Iterator[None]:
    """Let this process take as much more memory, and no more: DuckDB does not count all.

    On Linux only; elsewhere there is no way to know what a process has already.
    """
    if sys.platform != "linux":
        yield
        return
    import resource  # not on Windows

    soft, hard = _LIMIT or resource.getrlimit(resource.RLIMIT_AS)
    _LIMIT[:] = [soft, hard]  # of the first, where several run at a time
    taken = int(Path("/proc/self/statm").read_text("ascii").split()[0]) * resource.getpagesize()
    most = taken + megabytes * 2**20 + _BESIDES
    limits = [each for each in (most, soft, hard) if each != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_AS, (min(limits), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


_LIMIT: list[int] = []
"""The limit of the process before any of ours."""
