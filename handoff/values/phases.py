"""Phases of the work: their states, their rates, and when they end."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from fractions import Fraction
from math import ceil
from typing import Literal

from msgspec import Struct

from handoff.base.blanks import blanks
from handoff.base.patterns import lazy_pattern
from handoff.sql.types import Value

PhaseState = Literal["not started", "running", "stalled", "complete", "unknown"]


class Clock(Struct, frozen=True):
    """The as-of time, and what counts as late."""

    now: datetime
    """UTC."""
    stalled_minutes: int
    """A phase without progress for this long has stalled."""
    zone: tzinfo
    """Shown next to UTC."""

    def minutes_since(self, at: datetime) -> Fraction:
        return Fraction((self.now - at) // timedelta(microseconds=1), 60_000_000)

    def is_past(self, at: datetime | None) -> bool:
        return at is not None and at <= self.now

    def is_ahead(self, at: datetime | None) -> bool:
        return at is not None and at > self.now

    def is_lately(self, at: datetime | None) -> bool:
        return at is not None and 0 <= self.minutes_since(at) < self.stalled_minutes


class Phase(Struct, frozen=True):
    """One row of the contract *phases*, as far as it can be believed.

    NULL, a negative count and an invalid timestamp are `None`.
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
        """Whether `done` of `total` can be printed and summed."""
        return self.done is not None and self.total is not None and self.done <= self.total

    @property
    def is_over(self) -> bool:
        return None not in (self.done, self.total) and not self.is_whole

    @property
    def attempted(self) -> int | None:
        """Succeeded and failed together; `None` if that is more than was done."""
        if self.succeeded is None or self.failed is None:
            return None
        attempted = self.succeeded + self.failed
        return attempted if self.done is None or attempted <= self.done else None


def phase_of(row: Mapping[str, Value], clock: Clock) -> Phase:
    """The row's phase at the time of the clock."""
    return Phase(
        name=plain(row.get("title")) or plain(row.get("phase")),
        unit=plain(row.get("unit")),
        done=count(row.get("done")),
        total=count(row.get("total")),
        succeeded=count(row.get("succeeded")),
        failed=count(row.get("failed")),
        started_at=_timestamp(row.get("started_at"), clock),
        last_progress_at=_timestamp(row.get("last_progress_at"), clock),
        done_recent=count(row.get("done_recent")),
        recent_minutes=count(row.get("recent_minutes")) or None,
    )


def count(value: Value) -> int | None:
    """A whole number from 0; `None` for any other value."""
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if value >= 0 else None


def _timestamp(value: Value, clock: Clock) -> datetime | None:
    """A TIMESTAMP; the clock is cut to the minute, so one less than a minute ahead is now."""
    if not isinstance(value, datetime) or value.tzinfo is None:
        return None
    at = value.astimezone(UTC)
    return clock.now if -1 < clock.minutes_since(at) < 0 else at


# GitHub links GH-12 to an issue; `_` only inside a word, where it is no emphasis
_PLAIN = lazy_pattern(
    r"(?!.*\bGH-\d)[^\W_]+(?:(?:[ _/'&-]|[:,] | [(]|[)] | [&-] )[^\W_]+)*[)]?", re.IGNORECASE
)


def plain(value: Value) -> str | None:
    """Text from the warehouse that is safe in handoff's own: no markup, no blank, not long.

    An ETA prints without escapes, so a query must not be able to put markup into it.
    """
    text = " ".join(value.split()) if isinstance(value, str) else ""
    is_plain = len(text) <= 40 and _PLAIN.fullmatch(text) and not blanks(text, item=True)
    return text if is_plain else None


# --- state --------------------------------------------------------------------------------


def started(phase: Phase, clock: Clock) -> bool | None:
    """Whether anything shows that it has started; `None` if the evidence is unknown."""
    if phase.done or clock.is_past(phase.started_at) or clock.is_past(phase.last_progress_at):
        return True
    return None if phase.done is None else False


def _began(phase: Phase, clock: Clock) -> bool:
    return started(phase, clock) is True


def _window(phase: Phase) -> int:
    return phase.recent_minutes or 0


_RULES: tuple[tuple[PhaseState, str, Callable[[Phase, Clock], bool]], ...] = (
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
"""The first that holds decides; with the reason where the state is unknown."""


# --- rate ----------------------------------------------------------------------------------


class Rate(Struct, frozen=True):
    """How much was attempted an hour."""

    per_hour: Fraction
    span: str
    """The time it was measured over: `the last 60 min`; empty if nothing moves."""

    @property
    def rounded(self) -> float:
        """As it prints: whole from 100, to a tenth from 1, to a hundredth below; never 0."""
        digits = next((n for least, n in ((100, 0), (1, 1)) if self.per_hour >= least), 2)
        return float(round(self.per_hour, digits)) or float(f"{float(self.per_hour):.2g}")


_STILL = Rate(Fraction(0), "")


def _running_rate(phase: Phase, clock: Clock) -> Rate | None:
    return _recent_rate(phase, clock) or _whole_rate(phase, clock)


def _recent_rate(phase: Phase, clock: Clock) -> Rate | None:
    window, recent = phase.recent_minutes, phase.done_recent
    last = phase.last_progress_at
    if not window or not recent or (phase.done is not None and recent > phase.done):
        return None
    if last is not None and not 0 <= clock.minutes_since(last) <= window:
        return None
    if recent == phase.done and phase.started_at is not None:
        age = clock.minutes_since(phase.started_at)
        if age < window:
            return _measured(recent, age, f"the {duration(age)} since the start")
    return _measured(recent, Fraction(window), f"the last {duration(window)}")


def _whole_rate(phase: Phase, clock: Clock) -> Rate | None:
    start, last = phase.started_at, phase.last_progress_at
    end = last if phase.done == phase.total else clock.now
    if start is None or end is None or not phase.done or (last is not None and last < start):
        return None  # restarted: what was done before is not of this run
    return _measured(phase.done, clock.minutes_since(start) - clock.minutes_since(end), _WHOLE)


def _measured(done: int, minutes: Fraction, span: str) -> Rate | None:
    """`None` in the first minute, which is too short for a rate."""
    return Rate(done * 60 / minutes, span) if minutes >= 1 else None


def _counted_rate(phase: Phase, clock: Clock) -> Rate | None:
    """Of a phase whose state is unknown because a count is missing."""
    is_open = phase.done is None or phase.total is None
    return _running_rate(phase, clock) if is_open else None


_RATES: Mapping[PhaseState, Callable[[Phase, Clock], Rate | None]] = {
    "not started": lambda _, __: _STILL,
    "running": _running_rate,
    "stalled": lambda _, __: _STILL,
    "complete": _whole_rate,
    "unknown": _counted_rate,
}
"""What stands still has the rate 0, a complete phase that of its whole run."""


# --- a phase as a whole ------------------------------------------------------------------

NO_METHOD = "no estimate"
"""The method of an ETA that gives no time."""
_YEAR_HOURS = 365 * 24
"""An end further away is not an estimate any more."""


class Estimate(Struct, frozen=True):
    hours: Fraction
    """From now to the end."""
    speed: str
    """`277 days/h over the last 60 min`."""
    method: str
    """`from the last 60 min`."""


class Assessment(Struct, frozen=True):
    """A phase, and everything that follows from its row and the clock."""

    phase: Phase
    state: PhaseState
    why: str
    """Why the state is unknown; else empty."""
    started: bool | None
    """`None` if the evidence is unknown."""
    rate: Rate | None
    """Lately, if that is known, else in the whole run: one backfill had an ETA from both, at
    207 and at 298 days/h, so the span is always named."""
    estimate: Estimate | None
    """When the phase ends at this rate; `None` if it does not run."""


def assess(phase: Phase, clock: Clock, state: PhaseState | None = None) -> Assessment:
    """What follows for the phase; `state` where that is known otherwise."""
    found, why = next((state, why) for state, why, holds in _RULES if holds(phase, clock))
    state = state or found
    rate = _RATES[state](phase, clock)
    is_running = found == state == "running" and phase.is_whole
    estimate = _estimate(phase, rate) if rate and is_running else None
    return Assessment(phase, state, why, started(phase, clock), rate, estimate)


def _estimate(phase: Phase, rate: Rate) -> Estimate:
    left = (phase.total or 0) - (phase.done or 0)
    unit = f" {phase.unit}" if phase.unit else ""
    speed = f"{_number(rate.rounded)}{unit}/h over {rate.span}"
    return Estimate(left / rate.per_hour, speed, f"from {rate.span}")


def eta(found: Assessment, clock: Clock) -> str:
    """When the phase ends and how that is known; else why nobody can know. Never empty."""
    match found.state:
        case "not started":
            return "none: not started"
        case "stalled":
            return _standstill(found.phase, clock)
        case "complete":
            return completion(found.phase)
        case "unknown":
            return f"unknown: {found.why}"
    if found.estimate is None:
        return "unknown: no rate to go by"
    return f"{end(found.estimate.hours, clock)}, at {found.estimate.speed}"


def end(hours: Fraction, clock: Clock) -> str:
    """`2026-01-03 20:03 UTC (15:03 EST)`, the minute by which it is over."""
    try:
        at = clock.now + timedelta(minutes=ceil(hours * 60))
        return _with_zone(at, clock) if hours <= _YEAR_HOURS else _FAR
    except OverflowError:
        return _FAR


def completion(phase: Phase) -> str:
    """`complete since 2026-01-03 09:10 UTC, 3 of 917 failed`."""
    last = phase.last_progress_at
    since = f" since {_minute(last)} UTC" if last else ""
    return f"complete{since}{_failures(phase)}"


def _failures(phase: Phase) -> str:
    if not phase.failed or phase.attempted is None:
        return ""
    if phase.failed == phase.done:
        return ", all failed"
    return f", {phase.failed:,} of {phase.done:,} failed"


def _standstill(phase: Phase, clock: Clock) -> str:
    times = [each for each in (phase.started_at, phase.last_progress_at) if each]
    if not times:
        return f"none: no progress in the last {duration(phase.recent_minutes or 0)}"
    last = max(times)
    start = "" if last == phase.last_progress_at else "the start at "
    day = _minute(last)[: 0 if last.date() == clock.now.date() else 11]
    ago = duration(clock.minutes_since(last))
    return f"none: no progress since {start}{day}{last:%H:%M} UTC ({ago})"


# --- words -------------------------------------------------------------------------------

_FAR = "more than a year"
_WHOLE = "the whole run"


def duration(minutes: Fraction | int) -> str:
    """`100 min`, from two hours `3 h 20 min`, from two days `4 days 2 h`; cut, not rounded."""
    whole = int(minutes)
    days, hours = divmod(whole // 60, 24)
    if whole < 120:
        return f"{whole} min"
    if whole < 48 * 60:
        return _joined(whole // 60, "h", whole % 60, "min")
    return _joined(days, "days", hours, "h")


def _joined(large: int, large_unit: str, small: int, small_unit: str) -> str:
    return f"{large} {large_unit}" + (f" {small} {small_unit}" if small else "")


def _number(value: float) -> str:
    """Grouped and without an exponent: `1,537`, `12.5`, `0.00042`."""
    text = f"{Decimal(repr(value)):,f}"
    return text.removesuffix(".0")


def _with_zone(at: datetime, clock: Clock) -> str:
    local = at.astimezone(clock.zone)
    name = local.tzname() or ""
    if name in ("UTC", "+00"):
        return f"{_minute(at)} UTC"
    day = _minute(local)[: 0 if local.date() == at.date() else 11]
    zone = f"UTC{name}" if name[:1] in ("+", "-") else name
    return f"{_minute(at)} UTC ({day}{local:%H:%M} {zone})"


def _minute(at: datetime) -> str:
    return at.isoformat(" ")[:16]
