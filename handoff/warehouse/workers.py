"""Several things at once, and Ctrl-C answered at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import TypeVar

A = TypeVar("A")
B = TypeVar("B")


def each_of(
    do: Callable[[A], B], things: Sequence[A], *, at_once: int, told: Callable[[int], None]
) -> list[B]:
    """`do(thing)` for each of `things`, in their order; `told` how many are done.

    The threads are daemons: those of an executor are waited for when Python ends, so that
    one hanging socket would hold a command that was interrupted.
    """
    waiting: SimpleQueue[tuple[int, A]] = SimpleQueue()
    done: SimpleQueue[tuple[int, B | None, BaseException | None]] = SimpleQueue()
    for numbered in enumerate(things):
        waiting.put(numbered)
    for _ in range(max(1, min(at_once, len(things)))):
        threading.Thread(target=_work, args=(do, waiting, done), daemon=True).start()
    made: dict[int, B] = {}
    for count in range(1, len(things) + 1):
        n, value, error = _next(done)
        if error is not None:
            raise error
        made[n] = value  # type: ignore[assignment]  # B may be None itself
        told(count)
    return [made[n] for n in range(len(things))]


def _work(
    do: Callable[[A], B],
    waiting: SimpleQueue[tuple[int, A]],
    done: SimpleQueue[tuple[int, B | None, BaseException | None]],
) -> None:
    while True:
        try:
            n, thing = waiting.get_nowait()
        except Empty:
            return
        try:
            done.put((n, do(thing), None))
        except BaseException as error:  # raised where it is waited for
            done.put((n, None, error))


def _next(queue: SimpleQueue[B]) -> B:
    while True:
        try:
            # Windows delivers Ctrl-C only between waits
            return queue.get(timeout=0.5)
        except Empty:
            continue
