"""Progress of steps that may take more than a second."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

Progress = Callable[[str], None]
Counted = TypeVar("Counted")

_FIRST_SECONDS, _NEXT_SECONDS = 1.0, 0.2


def counted_items(
    items: Sequence[Counted], progress: Progress, *, doing: str, noun: str
) -> Iterator[Counted]:
    """`items`, reporting `checking: 120 of 2,000 sessions` after a second, then regularly."""
    due = time.monotonic() + _FIRST_SECONDS
    for n, item in enumerate(items):
        if (now := time.monotonic()) >= due:
            due = now + _NEXT_SECONDS
            progress(f"{doing}: {n:,} of {len(items):,} {noun}")
        yield item
