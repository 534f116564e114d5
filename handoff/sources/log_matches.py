"""Which of a log's matches count: the last, the last of each key, or all of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import Literal

from msgspec import Struct

from handoff.facts.recorded import MAX_ROWS
from handoff.sources.log import Groups, plain_number

Row = dict[str, object]

MAX_MATCHES = 100_000
"""Looked through for other keys, and for what was done before: about a second's work."""


class RecentWindow(Struct, frozen=True):
    """The window in which progress counts as recent."""

    start: datetime
    end: datetime
    minutes: int


class _Latest(Struct):
    """The last match of one key, and what was done before the window."""

    row: Row
    before: Groups | None = None
    before_at: datetime | None = None
    is_settled: bool = False
    """What was done before the window is known."""

    def look_back(self, groups: Groups, at: datetime | None, start: datetime) -> None:
        if self.is_settled or at is None:
            return
        self.before, self.before_at = groups, at
        self.is_settled = at <= start


def logged(
    matches: Iterable[Groups],
    time: Callable[[Groups], datetime | None],
    *,
    key: str | None,
    take: Literal["last", "all"],
    until: datetime | None,
    recent: RecentWindow | None,
) -> list[Row]:
    """The rows that `matches`, the last first, give: all in the order of the log.

    `key` is the group that names a row, and orders the last of each. With `until` only what
    was said up to then counts. With `recent`, rows also say what was done in that window.
    """
    timed = _timed(matches, time, until)
    if take == "all":
        found = [dict(groups) for groups, _ in islice(timed, MAX_ROWS + 1)]
        return [dict(row) for row in reversed(found)]
    latest: dict[str, _Latest] = {}
    for groups, at in islice(timed, MAX_MATCHES):
        name = groups.get(key) or "" if key else ""
        last = latest.setdefault(name, _Latest(dict(groups)))
        if recent:
            last.look_back(groups, at, recent.start)
        if key is None and (recent is None or last.is_settled):
            break
    return [_with_recent(latest[name], recent) for name in sorted(latest, key=_natural)]


def _natural(name: str) -> list[tuple[int, str]]:
    """So that `Phase 2` stands before `Phase 10`."""
    return [(int(n) if n.isdigit() else -1, n) for n in re.split(r"([0-9]{1,9})", name)]


def _timed(
    matches: Iterable[Groups],
    time: Callable[[Groups], datetime | None],
    until: datetime | None,
) -> Iterator[tuple[Groups, datetime | None]]:
    for groups in matches:
        at = time(groups)
        if until is None or (at is not None and at <= until):
            yield groups, at


def _with_recent(last: _Latest, recent: RecentWindow | None) -> Row:
    """The row, and what was done since the last match before the window.

    Where the log begins within the window, since its first match.
    """
    if recent is None or last.before is None or last.before_at is None:
        return last.row
    if {"done_recent", "recent_minutes"} & {*last.row}:
        return last.row
    now, then = _count(last.row.get("done")), _count(last.before.get("done"))
    if now is None or then is None or now < then:
        return last.row
    minutes = recent.minutes
    if not last.is_settled:
        minutes = int((recent.end - last.before_at).total_seconds() // 60)
    if minutes < 1:
        return last.row
    return {**last.row, "done_recent": now - then, "recent_minutes": minutes}


def _count(text: object) -> int | None:
    digits = plain_number(str(text))
    return int(digits) if digits.isascii() and digits.isdigit() else None
