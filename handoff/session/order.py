"""The one order of sessions: what continues or supersedes another comes after it.

Sessions that no such link decides are ordered by `ended:`, else `started:`, else the end of the
day of `created:`; those of one time by the natural order of their ids, session-9 before
session-10. A superseded session is never the latest.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time
from heapq import heapify, heappop, heappush

from msgspec import Struct


class Position(Struct, frozen=True):
    """What places a session among the others."""

    id: str
    created: date
    started: datetime | None = None
    """UTC."""
    ended: datetime | None = None
    """UTC."""
    previous: tuple[str, ...] = ()
    supersedes: str | None = None
    next_id: str | None = None


def sorted_newest_first(positions: Iterable[Position]) -> tuple[str, ...]:
    """The ids of the sessions, the latest first."""
    found = {each.id: each for each in positions}
    after: dict[str, set[str]] = {name: set() for name in found}
    for each in found.values():
        for before in (*each.previous, each.supersedes):
            if before in found and before != each.id:
                after[before].add(each.id)
        if each.next_id in found and each.next_id != each.id:
            after[each.id].add(each.next_id)
    return tuple(reversed(_topological(found, after)))


def latest(positions: Sequence[Position]) -> str | None:
    """The id of the latest session that no other supersedes; `None` without sessions."""
    newest = sorted_newest_first(positions)
    superseded = {each.supersedes for each in positions if each.supersedes != each.id}
    return next(
        (name for name in newest if name not in superseded), newest[0] if newest else None
    )


def natural(name: str) -> tuple[tuple[int, int | str], ...]:
    """A key that orders `session-9` before `session-10`, and `378` before `378b`."""
    parts = re.split(r"(\d+)", name.casefold())
    return tuple((0, int(part)) if part.isdigit() else (1, part) for part in parts if part)


def _topological(found: dict[str, Position], after: dict[str, set[str]]) -> list[str]:
    """Oldest first; a circle of links is opened at its oldest session."""
    waits = dict.fromkeys(found, 0)
    for names in after.values():
        for name in names:
            waits[name] += 1
    keys = {name: (_time(each), natural(name), name) for name, each in found.items()}
    free = [keys[name] for name, count in waits.items() if not count]
    heapify(free)
    done: list[str] = []
    left = set(found)
    while left:
        if not free:
            free.append(min(keys[name] for name in left))
        name = heappop(free)[-1]
        if name not in left:
            continue
        left.remove(name)
        done.append(name)
        for each in after[name]:
            waits[each] -= 1
            if not waits[each] and each in left:
                heappush(free, keys[each])
    return done


def _time(position: Position) -> datetime:
    known = position.ended or position.started
    return known or datetime.combine(position.created, time.max, UTC)
