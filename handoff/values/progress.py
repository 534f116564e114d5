"""Progress: what follows from the rows of a contract.

What cannot be known is `None`, never a guess; only the ETA is always there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from fractions import Fraction

from msgspec import Struct
from msgspec.structs import asdict, replace

from handoff.sql.types import Value
from handoff.values.phases import (
    NO_METHOD,
    Assessment,
    Clock,
    Estimate,
    Phase,
    PhaseState,
    assess,
    completion,
    count,
    duration,
    end,
    eta,
    phase_of,
)

ContractRow = Mapping[str, Value]

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
        "scheduled_pct": "FLOAT64",
        "expected_pct": "FLOAT64",
        "ceiling_pct": "FLOAT64",
        "gap": "INT64",
        "status": "STRING",
    },
    "dates": {"state": "STRING"},
    "freshness": {"age_hours": "FLOAT64", "age": "STRING", "status": "STRING"},
}
"""The columns that are derived for the rows of each contract, with their GoogleSQL types."""


class DerivedRow(Struct, frozen=True):
    """A row with the columns that follow from it."""

    values: ContractRow
    exact: Mapping[str, Fraction]
    """The derived numbers before they are cut or rounded, for comparisons."""


def derive(
    contract: str,
    rows: Sequence[ContractRow],
    *,
    as_of: datetime,
    stalled_minutes: int,
    zone: tzinfo,
) -> tuple[tuple[DerivedRow, ...], DerivedRow | None]:
    """Each row with what follows from it, and of *phases* one row over all of them.

    In that one, counts are summed if every phase has the same unit; else they are `None`. It
    ends when the last phase does, if each that is not complete has an estimate.
    """
    clock = Clock(as_of.astimezone(UTC), stalled_minutes, zone)
    if contract == "dates":
        today = clock.now.date()
        return tuple(_row(row, {"state": _date_state(row, today)}, {}) for row in rows), None
    if contract == "freshness":
        return tuple(_row(row, *_freshness(row, clock)) for row in rows), None
    if contract == "coverage":
        return tuple(_row(row, *_coverage(row)) for row in rows), None
    phases = [assess(phase_of(row, clock), clock) for row in rows]
    found = tuple(
        _row(row, *_phase(each, eta(each, clock), each.estimate))
        for row, each in zip(rows, phases, strict=True)
    )
    total = _together(phases, clock)
    columns = dict.fromkeys(name for row in rows for name in row)
    return found, _row({**columns, **_columns(total.phase)}, *_overall(total, phases, clock))


def _row(
    row: ContractRow, derived: ContractRow, exact: Mapping[str, Fraction | None]
) -> DerivedRow:
    known = {name: number for name, number in exact.items() if number is not None}
    return DerivedRow({**row, **derived}, known)


# --- phases ------------------------------------------------------------------------------

_Derived = tuple[ContractRow, Mapping[str, Fraction | None]]


def _phase(found: Assessment, eta: str, estimate: Estimate | None) -> _Derived:
    phase, rate = found.phase, found.rate
    derived: ContractRow = {
        "percent": _percent(phase.done, phase.total),
        "progress": _progress(phase),
        "summary": _summary(phase, found.state),
        "success_rate": _percent(phase.succeeded, phase.attempted),
        "state": found.state,
        "started": found.started,
        "rate_per_hour": rate.rounded if rate else None,
        "eta": eta,
        "eta_method": estimate.method if estimate else NO_METHOD,
    }
    exact = {
        "percent": _share(phase.done, phase.total),
        "success_rate": _share(phase.succeeded, phase.attempted),
        "rate_per_hour": rate.per_hour if rate else None,
    }
    return derived, exact


def _progress(phase: Phase) -> str | None:
    return f"{phase.done:,} of {phase.total:,}" if phase.is_whole else None


def _summary(phase: Phase, state: PhaseState) -> str:
    """`running, 514 of 1,537 days (33.4%), 99.0% succeeded`, as far as it is known."""
    share = _percent(phase.done, phase.total)
    well = _percent(phase.succeeded, phase.attempted)
    counted = f"{_progress(phase)} {phase.unit or ''}".rstrip()
    parts = [
        state,
        *([f"{counted} ({share:g}%)"] if phase.done and share is not None else []),
        *([f"{well:g}% succeeded"] if well is not None and phase.failed else []),
    ]
    return ", ".join(parts)


def _columns(phase: Phase) -> dict[str, Value]:
    """The contract's own columns of the row over all phases."""
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


def _together(phases: Sequence[Assessment], clock: Clock) -> Assessment:
    """All phases as one, from the first start to the last progress."""
    total = _total([each.phase for each in phases], [each.started for each in phases])
    states = {each.state for each in phases}
    state = next(state for state, holds in _TOGETHER if holds(states, total, clock))
    begun = {each.started for each in phases}
    # true as soon as one has started; false if it is known that none has
    started = True if True in begun else (False if begun == {False} else None)
    return replace(assess(total, clock, state), started=started)


def _total(phases: Sequence[Phase], started: Sequence[bool | None]) -> Phase:
    units = {phase.unit for phase in phases}
    windows = {phase.recent_minutes for phase in phases}
    is_alike = len(phases) == 1 or (len(units) == 1 and None not in units)
    alike = phases if is_alike else ()
    counted = alike if all(phase.is_whole for phase in phases) else ()
    tried = alike if all(phase.attempted is not None for phase in phases) else ()
    begun = [phase for phase, has in zip(phases, started, strict=True) if has is not False]
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
    """The sum of one or more counts; `None` if one is unknown."""
    found = list(counts)
    known = [each for each in found if each is not None]
    return sum(known) if found and len(known) == len(found) else None


def _extreme(
    of: Callable[[Sequence[datetime]], datetime], times: Sequence[datetime | None]
) -> datetime | None:
    known = [each for each in times if each is not None]
    return of(known) if known and len(known) == len(times) else None


_TOGETHER: tuple[tuple[PhaseState, Callable[[set[PhaseState], Phase, Clock], bool]], ...] = (
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
"""The first that holds for the states of the phases decides."""
_WITHOUT: Mapping[PhaseState, str] = {
    "not started": "not started",
    "stalled": "stalled",
    "running": "without a rate",
    "unknown": "unclear",
}
"""Why a phase has no estimate."""


def _overall(total: Assessment, phases: Sequence[Assessment], clock: Clock) -> _Derived:
    """With the ETA of the phase that ends last, or the phases without one."""
    named = [(each.phase.name or f"phase {n}", each) for n, each in enumerate(phases, 1)]
    left = [(name, each) for name, each in named if each.state != "complete"]
    silent = [(name, each.state) for name, each in left if not each.estimate]
    if not phases:
        return _phase(total, "unknown: no phases", None)
    if not left:
        return _phase(total, completion(total.phase), None)
    if silent:
        return _phase(total, _unfinished(silent), None)
    known = [(name, each.estimate) for name, each in left if each.estimate]
    name, last = max(known, key=lambda each: each[1].hours)
    return _phase(total, f"{end(last.hours, clock)}, {name} at {last.speed}", last)


def _unfinished(phases: Sequence[tuple[str, PhaseState]]) -> str:
    """`none: Phase 2 not started`: the phases without an estimate, three at most."""
    words = [f"{name} {_WITHOUT[state]}" for name, state in phases]
    more = f" and {len(words) - 3} more" if len(words) > 3 else ""
    is_still = {"not started", "stalled"} & {state for _, state in phases}
    return f"{'none' if is_still else 'unknown'}: {', '.join(words[:3])}{more}"


# --- coverage ----------------------------------------------------------------------------

_YELLOW = 5
"""Points below the target, up to which a table is yellow."""


def _coverage(row: ContractRow) -> _Derived:
    scheduled, actual = count(row.get("scheduled")), count(row.get("actual"))
    excluded, target = count(row.get("excluded")), _target(row.get("target_pct"))
    expected = _less(scheduled, excluded)
    of_scheduled = _percent(actual, scheduled, digits=_digits(target))
    of_expected = _percent(actual, expected)
    derived: ContractRow = {
        "expected": expected,
        "percent": of_scheduled,
        "complete_pct": of_expected,
        # the same by the names of their denominators
        "scheduled_pct": of_scheduled,
        "expected_pct": of_expected,
        "ceiling_pct": _percent(expected, scheduled),
        "gap": _less(expected, actual),
        "status": _status(actual, scheduled, target),
    }
    exact = {
        "percent": _share(actual, scheduled),
        "complete_pct": _share(actual, expected),
        "scheduled_pct": _share(actual, scheduled),
        "expected_pct": _share(actual, expected),
        "ceiling_pct": _share(expected, scheduled),
    }
    return derived, exact


def _less(whole: int | None, part: int | None) -> int | None:
    """The rest; `None` if it is unknown or would be negative."""
    return None if whole is None or part is None or part > whole else whole - part


def _target(value: Value) -> Decimal | None:
    """A percentage as it was written: 87.96 is 8796 hundredths, not the nearest float."""
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


# --- dates -------------------------------------------------------------------------------


def _date_state(row: ContractRow, today: date) -> str | None:
    """What is there on a date against what should be; `None` where a column is unknown.

    What is expected today, in UTC, or later is not missing yet.
    """
    day, flags = row.get("date"), [row.get(name) for name in _FLAGS]
    if not isinstance(day, date) or not all(isinstance(each, bool) for each in flags):
        return None
    expected, excluded, present = flags
    if excluded:
        return "excluded"
    if present:
        return "present" if expected else "unexpected"
    if not expected:
        return "not expected"
    return "missing" if day < today else "due"


_FLAGS = ("expected", "excluded", "present")


# --- freshness ---------------------------------------------------------------------------


def _freshness(row: ContractRow, clock: Clock) -> _Derived:
    """The age at the as-of time, and whether it is within its limit.

    Both are unknown of a table that was modified after the as-of time: what it was before is
    not recorded.
    """
    modified, limit = row.get("last_modified"), _hours(row.get("max_age_hours"))
    minutes = clock.minutes_since(modified) if isinstance(modified, datetime) else None
    if minutes is None or minutes < 0:
        return {"age_hours": None, "age": None, "status": UNKNOWN}, {}
    hours = minutes / 60
    derived: ContractRow = {
        "age_hours": math.floor(hours * 10) / 10,
        "age": duration(minutes),
        "status": UNKNOWN if limit is None else "🟢 fresh" if hours <= limit else "🔴 late",
    }
    return derived, {"age_hours": hours}


UNKNOWN = "❔ unknown"


def _hours(value: Value) -> Fraction | None:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    return Fraction(str(value)) if math.isfinite(value) and value >= 0 else None
