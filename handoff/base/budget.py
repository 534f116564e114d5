"""What files of strangers may cost: size, depth, work, time and memory, in one place.

A repository's sessions, templates, expressions and revisions may come from anybody who opens a
pull request. Whatever they hold, a command ends, and with an error at the place.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

ELEMENT_WORK = 4
"""What an element of a list costs in any budget; a character costs 1."""
TEMPLATE_WORK = 5_000_000
"""Characters printed, elements of lists and turns of loops; the seed costs about 8,000."""
TEMPLATE_TOKENS = 50_000
"""Words and signs inside `{{ }}` and `{% %}` of one template: compiling them takes 2 s."""
TEMPLATE_SECONDS = 10.0
EXPRESSION_WORK = 10_000_000
"""Steps, and elements of the results, of all JMESPath expressions on one file."""
EXPRESSION_SECONDS = 20.0
LINE_WORK = 100_000
LINE_SECONDS = 1.0
"""Of one JMESPath expression on one line of a log."""
EXPRESSION_DEPTH = 50
TYPE_DEPTH = 32
"""Of `ARRAY<STRUCT<…>>`; BigQuery allows 15 levels of STRUCT."""
CHILD_MEMORY = 1024 * 1024 * 1024
"""Bytes that git may allocate; mapped pack files do not count."""


class Exceeded(Exception):
    """Something of a stranger costs more than it may."""


class Budget:
    """Work and time of which everything is paid that one file of a stranger starts."""

    def __init__(self, work: int, seconds: float) -> None:
        self.left = work
        self.ends_at = time.monotonic() + seconds

    def spend(self, amount: int) -> None:
        """Raises Exceeded if more is spent than there is, or the time is over."""
        self.left -= amount
        if self.left < 0 or time.monotonic() > self.ends_at:
            raise Exceeded

    def spend_on(self, value: object) -> None:
        """Pay for each element of a value, as often as a walk over it comes by."""
        self.spend(element_count(value, self.left // ELEMENT_WORK) * ELEMENT_WORK)

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Raise Exceeded in this thread when the time is over, wherever it is by then."""
        guard, thread, ended = threading.Lock(), threading.get_ident(), False

        def interrupt() -> None:
            from ctypes import c_ulong, py_object, pythonapi  # slow, and hardly ever needed

            with guard:
                if not ended:
                    pythonapi.PyThreadState_SetAsyncExc(c_ulong(thread), py_object(Exceeded))

        timer = threading.Timer(max(0.0, self.ends_at - time.monotonic()), interrupt)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            with guard:
                ended = True
            timer.cancel()


def element_count(value: object, most: int) -> int:
    """The elements at any depth of lists and mappings; counting ends once there are `most`.

    A list that is in another one twice counts twice, as it does for whoever walks over it.
    """
    count, waiting = 1, [value]
    while waiting and count <= most:
        each = waiting.pop()
        if isinstance(each, Mapping):
            count += 2 * len(each)
            if count <= most:
                waiting += [*each.keys(), *each.values()]
        elif isinstance(each, list | tuple | set | frozenset):
            count += len(each)
            if count <= most:
                waiting += each
    return count


def depth_of(tree: Any, most: int) -> int:
    """How deep lists and mappings in `tree` are nested; counting ends beyond `most`."""
    depth, level = 0, [tree]
    while level and depth <= most:
        depth += 1
        inner = [each.values() if isinstance(each, dict) else each for each in level]
        level = [
            each for part in inner for each in part if isinstance(each, dict | list | tuple)
        ]
    return depth


def limit_memory(process: int) -> None:
    """Limit what a child process allocates, where the system can (Linux)."""
    if sys.platform == "linux":
        from contextlib import suppress
        from resource import RLIMIT_DATA, prlimit

        with suppress(OSError):  # it has ended already, or has a lower limit
            prlimit(process, RLIMIT_DATA, (CHILD_MEMORY, CHILD_MEMORY))
