"""Estimates: how fast a phase goes, when it ends and how that is known, in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from math import ceil

from msgspec import Struct

from handoff.values.phases import Clock, Phase, State, state, verdict

NO_METHOD = "no estimate"
"""How an ETA was made that is none."""
_YEAR_HOURS = 365 * 24
"""An end further away is no estimate any more."""

# --- how fast it goes --------------------------------------------------------------------


class Rate(Struct, frozen=True):
    per_hour: Fraction
    span: str
    """What it was measured over: `the last 60 min`; empty where nothing moves."""

    @property
    def rounded(self) -> float:
        """As it prints: whole from 100, to a tenth from 1, to a hundredth below; never 0."""
        digits = next((n for least, n in ((100, 0), (1, 1)) if self.per_hour >= least), 2)
        return float(round(self.per_hour, digits)) or float(f"{float(self.per_hour):.2g}")


_STILL = Rate(Fraction(0), "")


def rate(phase: Phase, clock: Clock, *, stands: State) -> Rate | None:
    """How much was attempted an hour: lately, where that is known, else in the whole run.

    One backfill's ETA was made by hand from both, at 207 and at 298 days/h; so it says which.
    What stands still has the rate 0, what is complete that of its whole run.
    """
    return _RATES[stands](phase, clock)


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
            return _measured(recent, age, f"the {_duration(age)} since the start")
    return _measured(recent, Fraction(window), f"the last {_duration(window)}")


def _whole_rate(phase: Phase, clock: Clock) -> Rate | None:
    start, last = phase.started_at, phase.last_progress_at
    end = last if phase.done == phase.total else clock.now
    if start is None or end is None or not phase.done or (last is not None and last < start):
        return None  # it started again: what was done before is not of this run
    return _measured(phase.done, clock.minutes_since(start) - clock.minutes_since(end), _WHOLE)


def _measured(done: int, minutes: Fraction, span: str) -> Rate | None:
    """`None` in the first minute: one of a thing at once is no rate."""
    return Rate(done * 60 / minutes, span) if minutes >= 1 else None


def _counted_rate(phase: Phase, clock: Clock) -> Rate | None:
    """Of a phase that says nothing wrong but leaves something out."""
    is_open = phase.done is None or phase.total is None
    return _running_rate(phase, clock) if is_open else None


_RATES: Mapping[State, Callable[[Phase, Clock], Rate | None]] = {
    "not started": lambda _, __: _STILL,
    "running": _running_rate,
    "stalled": lambda _, __: _STILL,
    "complete": _whole_rate,
    "unknown": _counted_rate,
}


# --- when it ends ------------------------------------------------------------------------


class Estimate(Struct, frozen=True):
    hours: Fraction
    """From now to the end."""
    speed: str
    """`277 days/h over the last 60 min`."""
    method: str
    """`from the last 60 min`."""


def estimate(phase: Phase, clock: Clock) -> Estimate | None:
    """When the phase ends if it goes on as it does; `None` where it does not go."""
    stands = state(phase, clock)
    speed = rate(phase, clock, stands=stands)
    if stands != "running" or speed is None or not phase.is_whole:
        return None
    left = (phase.total or 0) - (phase.done or 0)
    unit = f" {phase.unit}" if phase.unit else ""
    words = f"{_number(speed.rounded)}{unit}/h over {speed.span}"
    return Estimate(left / speed.per_hour, words, f"from {speed.span}")


def eta(phase: Phase, clock: Clock) -> str:
    """When the phase ends and how that is known; else why nobody can say. Never empty."""
    return _ETAS[state(phase, clock)](phase, clock)


def end(hours: Fraction, clock: Clock) -> str:
    """`2026-01-03 20:03 UTC (15:03 EST)`, the minute by which it is over."""
    try:
        moment = clock.now + timedelta(minutes=ceil(hours * 60))
        return _beside(moment, clock) if hours <= _YEAR_HOURS else _FAR
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
    moments = [each for each in (phase.started_at, phase.last_progress_at) if each]
    if not moments:
        return f"none: no progress in the last {_duration(phase.recent_minutes or 0)}"
    last = max(moments)
    start = "" if last == phase.last_progress_at else "the start at "
    day = _minute(last)[: 0 if last.date() == clock.now.date() else 11]
    ago = _duration(clock.minutes_since(last))
    return f"none: no progress since {start}{day}{last:%H:%M} UTC ({ago})"


def _forecast(phase: Phase, clock: Clock) -> str:
    found = estimate(phase, clock)
    if found is None:
        return "unknown: no rate to go by"
    return f"{end(found.hours, clock)}, at {found.speed}"


_ETAS: Mapping[State, Callable[[Phase, Clock], str]] = {
    "not started": lambda _, __: "none: not started",
    "running": _forecast,
    "stalled": _standstill,
    "complete": lambda phase, _: completion(phase),
    "unknown": lambda phase, clock: f"unknown: {verdict(phase, clock)[1]}",
}


# --- words -------------------------------------------------------------------------------

_FAR = "more than a year"
_WHOLE = "the whole run"


def _duration(minutes: Fraction | int) -> str:
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


def _beside(moment: datetime, clock: Clock) -> str:
    local = moment.astimezone(clock.zone)
    name = local.tzname() or ""
    if name in ("UTC", "+00"):
        return f"{_minute(moment)} UTC"
    day = _minute(local)[: 0 if local.date() == moment.date() else 11]
    zone = f"UTC{name}" if name[:1] in ("+", "-") else name
    return f"{_minute(moment)} UTC ({day}{local:%H:%M} {zone})"


def _minute(moment: datetime) -> str:
    return moment.isoformat(" ")[:16]
