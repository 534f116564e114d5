"""Progress: what follows from the rows of the contracts *phases* and *coverage*.

What cannot be known is `None`, never a guess; only the ETA always says something.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from fractions import Fraction

from msgspec.structs import asdict

from handoff.sql.types import Value
from handoff.values.estimates import NO_METHOD, completion, end, estimate, eta, rate
from handoff.values.phases import Clock, Phase, State, count, phase_of, started, state

Row = Mapping[str, Value]

DERIVED: Mapping[str, Mapping[str, str]] = {
    "phases": {
        "percent": "FLOAT64",
        "progress": "STRING",
        "summary": "STRING",
        "success_rate": "FLOAT64",
        "state": "STRING",
        "started": "BOOL",
        "rate_per_hour": "FLOAT64",
        "eta": "STRING",
        "eta_method": "STRING",
    },
    "coverage": {
        "expected": "INT64",
        "percent": "FLOAT64",
        "complete_pct": "FLOAT64",
        "ceiling_pct": "FLOAT64",
        "gap": "INT64",
        "status": "STRING",
    },
}
"""The columns that each contract's rows are given, by GoogleSQL type."""


def derived(
    contract: str, rows: Sequence[Row], *, as_of: datetime, stalled_minutes: int, zone: tzinfo
) -> tuple[Row, ...]:
    """Each row with what follows from it, in the order given."""
    clock = Clock(as_of.astimezone(UTC), stalled_minutes, zone)
    return tuple({**row, **_DERIVED[contract](row, clock)} for row in rows)


def overall(rows: Sequence[Row], *, as_of: datetime, stalled_minutes: int, zone: tzinfo) -> Row:
    """One row over all *phases*, with the same columns.

    Counts are summed where every phase has the same unit; else they are `None`. It ends
    when the last phase does, if each that is not complete says when.
    """
    clock = Clock(as_of.astimezone(UTC), stalled_minutes, zone)
    phases = [phase_of(row, clock) for row in rows]
    total = _together(phases, clock)
    others = dict.fromkeys(name for row in rows for name in row)
    words, method = _eta_together(phases, total, clock)
    return {
        **others,
        **_columns(total),
        **_derived_phase(total, _state_together(phases, total, clock), clock),
        "started": _started_together(phases, clock),
        "eta": words,
        "eta_method": method,
    }


def exact(
    contract: str, row: Row, *, as_of: datetime, stalled_minutes: int, zone: tzinfo
) -> Mapping[str, Fraction]:
    """The derived numbers of a row before they are cut or rounded, to be compared."""
    clock = Clock(as_of.astimezone(UTC), stalled_minutes, zone)
    found = _EXACT[contract](row, clock)
    return {name: number for name, number in found.items() if number is not None}


# --- phases ------------------------------------------------------------------------------


def _phase(row: Row, clock: Clock) -> Row:
    phase = phase_of(row, clock)
    found = estimate(phase, clock)
    return {
        **_derived_phase(phase, state(phase, clock), clock),
        "started": started(phase, clock),
        "eta": eta(phase, clock),
        "eta_method": found.method if found else NO_METHOD,
    }


def _derived_phase(phase: Phase, stands: State, clock: Clock) -> dict[str, Value]:
    """What is derived of one phase and of all in the same way."""
    speed = rate(phase, clock, stands=stands)
    return {
        **dict.fromkeys(DERIVED["phases"]),
        "percent": _percent(phase.done, phase.total),
        "progress": _progress(phase),
        "summary": _summary(phase, stands),
        "success_rate": _percent(phase.succeeded, phase.attempted),
        "state": stands,
        "rate_per_hour": speed.rounded if speed else None,
    }


def _exact_phase(row: Row, clock: Clock) -> Mapping[str, Fraction | None]:
    phase = phase_of(row, clock)
    speed = rate(phase, clock, stands=state(phase, clock))
    return {
        "percent": _share(phase.done, phase.total),
        "success_rate": _share(phase.succeeded, phase.attempted),
        "rate_per_hour": speed.per_hour if speed else None,
    }


def _progress(phase: Phase) -> str | None:
    return f"{phase.done:,} of {phase.total:,}" if phase.is_whole else None


def _summary(phase: Phase, stands: State) -> str:
    """`running, 514 of 1,537 days (33.4%), 99.0% succeeded`, as far as it is known."""
    share = _percent(phase.done, phase.total)
    well = _percent(phase.succeeded, phase.attempted)
    counted = f"{_progress(phase)} {phase.unit or ''}".rstrip()
    parts = [
        stands,
        *([f"{counted} ({share:g}%)"] if phase.done and share is not None else []),
        *([f"{well:g}% succeeded"] if well is not None and phase.failed else []),
    ]
    return ", ".join(parts)


def _columns(phase: Phase) -> dict[str, Value]:
    """The contract's own columns of a row made here."""
    columns: dict[str, Value] = asdict(phase)
    return {"phase": "overall", "title": columns.pop("name"), **columns}


def _percent(part: int | None, whole: int | None, *, digits: int = 1) -> float | None:
    """`part` of `whole`, cut after `digits`: never 100 while something is missing.

    Nor 0 where something is there, even if it is less than prints. `None` where that is
    no percentage: of nothing, or more than all.
    """
    if part is None or not whole or part > whole:
        return None
    scale: int = 10**digits
    return max(part * 100 * scale // whole, min(part, 1)) / scale


def _share(part: int | None, whole: int | None) -> Fraction | None:
    """`part` of `whole` in percent, exactly."""
    if part is None or not whole or part > whole:
        return None
    return Fraction(part * 100, whole)


# --- all phases together -----------------------------------------------------------------


def _together(phases: Sequence[Phase], clock: Clock) -> Phase:
    """All phases as one, from the first start to the last progress."""
    units = {phase.unit for phase in phases}
    windows = {phase.recent_minutes for phase in phases}
    is_alike = len(phases) == 1 or (len(units) == 1 and None not in units)
    alike = phases if is_alike else ()
    counted = alike if all(phase.is_whole for phase in phases) else ()
    tried = alike if all(phase.attempted is not None for phase in phases) else ()
    begun = [phase for phase in phases if started(phase, clock) is not False]
    return Phase(
        name="Overall",
        unit=phases[0].unit if is_alike else None,
        done=_sum(phase.done for phase in counted),
        total=_sum(phase.total for phase in counted),
        succeeded=_sum(phase.succeeded for phase in tried),
        failed=_sum(phase.failed for phase in tried),
        started_at=_extreme(min, [phase.started_at for phase in begun]),
        last_progress_at=_extreme(
            max, [phase.last_progress_at for phase in begun if phase.done]
        ),
        done_recent=_sum(phase.done_recent for phase in counted if len(windows) == 1),
        recent_minutes=phases[0].recent_minutes if len(windows) == 1 else None,
    )


def _sum(counts: Iterable[int | None]) -> int | None:
    """Of at least one; `None` where one is."""
    found = list(counts)
    known = [each for each in found if each is not None]
    return sum(known) if found and len(known) == len(found) else None


def _extreme(
    of: Callable[[Sequence[datetime]], datetime], moments: Sequence[datetime | None]
) -> datetime | None:
    known = [each for each in moments if each is not None]
    return of(known) if known and len(known) == len(moments) else None


_TOGETHER: tuple[tuple[State, Callable[[set[State], Phase, Clock], bool]], ...] = (
    ("unknown", lambda states, _, __: not states),
    ("complete", lambda states, _, __: states == {"complete"}),
    ("running", lambda states, _, __: "running" in states),
    ("stalled", lambda states, _, __: "stalled" in states),
    ("unknown", lambda states, _, __: "unknown" in states),
    ("not started", lambda states, _, __: states == {"not started"}),
    # between two phases: some are complete, the others not started
    ("running", lambda _, total, clock: clock.is_lately(total.last_progress_at)),
    ("stalled", lambda _, total, __: total.last_progress_at is not None),
    ("unknown", lambda _, __, ___: True),
)
"""The first that holds of the phases' states."""


def _state_together(phases: Sequence[Phase], total: Phase, clock: Clock) -> State:
    states = {state(phase, clock) for phase in phases}
    return next(stands for stands, holds in _TOGETHER if holds(states, total, clock))


def _started_together(phases: Sequence[Phase], clock: Clock) -> bool | None:
    """True as soon as one has; False when it is known of all that they have not."""
    begun = {started(phase, clock) for phase in phases}
    return True if True in begun else (False if begun == {False} else None)


_WITHOUT: Mapping[State, str] = {
    "not started": "not started",
    "stalled": "stalled",
    "running": "without a rate",
    "unknown": "unclear",
}
"""Why a phase lets nobody say when all are done."""


def _eta_together(phases: Sequence[Phase], total: Phase, clock: Clock) -> tuple[str, str]:
    """The ETA of all phases and how it was made: the latest, or those without one."""
    named = [(phase.name or f"phase {n}", phase) for n, phase in enumerate(phases, 1)]
    left = [(*each, estimate(each[1], clock)) for each in named if _is_open(each[1], clock)]
    silent = [(name, phase) for name, phase, found in left if not found]
    known = [(name, found) for name, _, found in left if found]
    if not phases:
        return "unknown: no phases", NO_METHOD
    if not left:
        return completion(total), NO_METHOD
    if silent:
        return _unfinished(silent, clock), NO_METHOD
    name, last = max(known, key=lambda each: each[1].hours)
    return f"{end(last.hours, clock)}, {name} at {last.speed}", last.method


def _is_open(phase: Phase, clock: Clock) -> bool:
    return state(phase, clock) != "complete"


def _unfinished(phases: Sequence[tuple[str, Phase]], clock: Clock) -> str:
    """`none: Phase 2 not started`: what keeps the end open, three phases at most."""
    states = [state(phase, clock) for _, phase in phases]
    words = [f"{name} {_WITHOUT[each]}" for (name, _), each in zip(phases, states, strict=True)]
    more = f" and {len(words) - 3} more" if len(words) > 3 else ""
    stands = {"not started", "stalled"} & set(states)
    return f"{'none' if stands else 'unknown'}: {', '.join(words[:3])}{more}"


# --- coverage ----------------------------------------------------------------------------

_YELLOW = 5
"""Points below the target, up to which a table is yellow."""


def _coverage(row: Row, clock: Clock) -> Row:
    scheduled, actual = count(row.get("scheduled")), count(row.get("actual"))
    excluded, target = count(row.get("excluded")), _target(row.get("target_pct"))
    expected = _less(scheduled, excluded)
    return {
        "expected": expected,
        "percent": _percent(actual, scheduled, digits=_digits(target)),
        "complete_pct": _percent(actual, expected),
        "ceiling_pct": _percent(expected, scheduled),
        "gap": _less(expected, actual),
        "status": _status(actual, scheduled, target),
    }


def _exact_coverage(row: Row, clock: Clock) -> Mapping[str, Fraction | None]:
    scheduled, actual = count(row.get("scheduled")), count(row.get("actual"))
    expected = _less(scheduled, count(row.get("excluded")))
    return {
        "percent": _share(actual, scheduled),
        "complete_pct": _share(actual, expected),
        "ceiling_pct": _share(expected, scheduled),
    }


def _less(whole: int | None, part: int | None) -> int | None:
    """The rest; `None` where it is not known or would be less than nothing."""
    return None if whole is None or part is None or part > whole else whole - part


def _target(value: Value) -> Decimal | None:
    """A percentage as it was written: 87.96 is 8796 hundredths, not the float beside it."""
    is_number = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
    target = Decimal(str(value)) if is_number else Decimal("nan")
    return target if target.is_finite() and 0 <= target <= 100 else None


def _digits(target: Decimal | None) -> int:
    """As many as the target has, so that 87.96 under 87.97 is seen to be under it."""
    exponent = target.as_tuple().exponent if target is not None else 0
    return min(2, max(1, -exponent)) if isinstance(exponent, int) else 1


def _status(actual: int | None, scheduled: int | None, target: Decimal | None) -> str | None:
    """🟢 from the target, 🟡 from five points below it, 🔴 else; by the exact share."""
    if actual is None or not scheduled or actual > scheduled or target is None:
        return None
    points = Fraction(actual * 100, scheduled) - Fraction(target)
    return "🟢" if points >= 0 else ("🟡" if points >= -_YELLOW else "🔴")


_DERIVED: Mapping[str, Callable[[Row, Clock], Row]] = {"phases": _phase, "coverage": _coverage}
_EXACT: Mapping[str, Callable[[Row, Clock], Mapping[str, Fraction | None]]] = {
    "phases": _exact_phase,
    "coverage": _exact_coverage,
}
