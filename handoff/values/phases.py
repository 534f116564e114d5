"""Phases of the work: what a row says of one, as far as it can be believed, and its state."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from fractions import Fraction
from typing import Literal

from msgspec import Struct

from handoff.base.blanks import blanks
from handoff.sql.types import Value

State = Literal["not started", "running", "stalled", "complete", "unknown"]


class Clock(Struct, frozen=True):
    """The moment that was asked for, and what counts as late."""

    now: datetime
    """UTC."""
    stalled_minutes: int
    """Without progress for as long, a phase has stalled."""
    zone: tzinfo
    """Shown beside UTC."""

    def minutes_since(self, moment: datetime) -> Fraction:
        return Fraction((self.now - moment) // timedelta(microseconds=1), 60_000_000)

    def is_past(self, moment: datetime | None) -> bool:
        return moment is not None and moment <= self.now

    def is_ahead(self, moment: datetime | None) -> bool:
        return moment is not None and moment > self.now

    def is_lately(self, moment: datetime | None) -> bool:
        return moment is not None and 0 <= self.minutes_since(moment) < self.stalled_minutes


class Phase(Struct, frozen=True):
    """One row of the contract *phases*, as far as it can be believed.

    What is NULL, no count (negative) or no moment is `None`.
    """

    name: str | None
    unit: str | None
    done: int | None
    total: int | None
    succeeded: int | None
    failed: int | None
    started_at: datetime | None
    last_progress_at: datetime | None
    done_recent: int | None
    recent_minutes: int | None

    @property
    def is_whole(self) -> bool:
        """Whether `done` of `total` can be said and summed."""
        return self.done is not None and self.total is not None and self.done <= self.total

    @property
    def is_over(self) -> bool:
        return None not in (self.done, self.total) and not self.is_whole

    @property
    def attempted(self) -> int | None:
        """What came out, well or not; never more than was done."""
        if self.succeeded is None or self.failed is None:
            return None
        attempted = self.succeeded + self.failed
        return attempted if self.done is None or attempted <= self.done else None


def phase_of(row: Mapping[str, Value], clock: Clock) -> Phase:
    """The row's phase as the clock's moment sees it."""
    return Phase(
        name=plain(row.get("title")) or plain(row.get("phase")),
        unit=plain(row.get("unit")),
        done=count(row.get("done")),
        total=count(row.get("total")),
        succeeded=count(row.get("succeeded")),
        failed=count(row.get("failed")),
        started_at=_moment(row.get("started_at"), clock),
        last_progress_at=_moment(row.get("last_progress_at"), clock),
        done_recent=count(row.get("done_recent")),
        recent_minutes=count(row.get("recent_minutes")) or None,
    )


def count(value: Value) -> int | None:
    """A whole number that something can be counted with."""
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if value >= 0 else None


def _moment(value: Value, clock: Clock) -> datetime | None:
    """A TIMESTAMP; one within the minute that the clock was truncated by is now."""
    if not isinstance(value, datetime) or value.tzinfo is None:
        return None
    moment = value.astimezone(UTC)
    return clock.now if -1 < clock.minutes_since(moment) < 0 else moment


# GitHub links GH-12 to an issue; `_` only inside a word, where it is no emphasis
_PLAIN = re.compile(
    r"(?!.*\bGH-\d)[^\W_]+(?:(?:[ _/'&-]|[:,] | [(]|[)] | [&-] )[^\W_]+)*[)]?", re.IGNORECASE
)


def plain(value: Value) -> str | None:
    """Words of the warehouse that can stand in ours: no markup, no blank, not long.

    An ETA prints as it stands, so what a query returned must not mean more than it says.
    """
    text = " ".join(value.split()) if isinstance(value, str) else ""
    is_plain = len(text) <= 40 and _PLAIN.fullmatch(text) and not blanks(text, item=True)
    return text if is_plain else None


# --- where it stands ---------------------------------------------------------------------

_RULES: tuple[tuple[State, str, Callable[[Phase, Clock], bool]], ...] = (
    ("unknown", "how much is done is not known", lambda p, _: p.done is None),
    ("unknown", "nothing is planned", lambda p, _: p.total == 0),
    ("unknown", "more is done than planned", lambda p, _: p.is_over),
    ("unknown", "its progress is yet to come", lambda p, c: c.is_ahead(p.last_progress_at)),
    ("unknown", "it is yet to start", lambda p, c: c.is_ahead(p.started_at) and _began(p, c)),
    ("complete", "", lambda p, _: p.done == p.total),
    ("not started", "", lambda p, c: started(p, c) is False),
    ("unknown", "how much is planned is not known", lambda p, _: p.total is None),
    ("running", "", lambda p, c: c.is_lately(p.last_progress_at) or c.is_lately(p.started_at)),
    ("stalled", "", lambda p, _: p.last_progress_at is not None or p.done == 0),
    ("running", "", lambda p, c: bool(p.done_recent) and 0 < _window(p) <= c.stalled_minutes),
    ("stalled", "", lambda p, c: p.done_recent == 0 and _window(p) >= c.stalled_minutes),
    ("unknown", "when it last went on is not known", lambda p, _: True),
)
"""The first that holds; with why, where nothing can be said."""


def started(phase: Phase, clock: Clock) -> bool | None:
    """Whether anything shows that it has; `None` where what would show it is not known."""
    if phase.done or clock.is_past(phase.started_at) or clock.is_past(phase.last_progress_at):
        return True
    return None if phase.done is None else False


def state(phase: Phase, clock: Clock) -> State:
    return verdict(phase, clock)[0]


def verdict(phase: Phase, clock: Clock) -> tuple[State, str]:
    """The state, and why it is unknown."""
    return next((state, why) for state, why, holds in _RULES if holds(phase, clock))


def _began(phase: Phase, clock: Clock) -> bool:
    return started(phase, clock) is True


def _window(phase: Phase) -> int:
    return phase.recent_minutes or 0
