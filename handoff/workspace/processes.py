"""The same work on many items, in as many processes as there are processors."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_MANY = 50
"""Items from which on other processes are worth their start."""
_work: list[Callable[[Any], Any]] = []
"""What a worker process does, inherited when it is forked."""


def in_processes(work: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
    """The results in order; few items are done here, as all are where forking is not safe."""
    count = os.cpu_count() or 1
    # to fork is safe with one thread only
    can_fork = sys.platform == "linux" and threading.active_count() == 1
    if len(items) < _MANY or count == 1 or not can_fork:
        yield from map(work, items)
        return
    # slow: only for many items
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    pool = ProcessPoolExecutor(count, get_context("fork"), _start_worker, (work,))
    try:
        yield from pool.map(_work_on, items, chunksize=8)
    finally:
        pool.shutdown(cancel_futures=True)


def _start_worker(work: Callable[[Any], Any]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent process stops the workers
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _work.append(work)


def _work_on(item: Any) -> Any:
    return _work[-1](item)
