"""Expectations: the limits that a session sets for its facts, compared with the results.

Numbers are compared exactly, as counts and decimals and not as they print: a percentage that
prints 88 is under 88.04 when its counts are. Without a result a limit is neither met nor
violated.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction
from itertools import count

from handoff.base.blanks import DEFAULT, blanks
from handoff.base.problems import Problem
from handoff.session.model import MARK, AcceptedException, Expectation, Limit, Limits
from handoff.sql.types import DAYS, NUMBERS, BadValue, Type, Value, value_of
from handoff.values.printing import Typed, Where, escaped, printed, shown
from handoff.values.rows import Bound, FactView, Row, Sign, Verdict, VerdictState, row_name

MARKS: Mapping[VerdictState, str] = {
    "met": "🟢",
    "accepted": "🟡",
    "violated": "🔴",
    "unanswered": "",
}


def verdicts(view: FactView, rows: Sequence[Row], *, today: date | None) -> tuple[Verdict, ...]:
    """Each limit compared with each row it is for, in the author's order, then that of rows.

    A limit without a row is unanswered. `today` is the day of the as-of time in UTC: an
    exception lasts to the end of its day.
    """
    names = [_name(row, n, view.named_by, rows) for n, row in enumerate(rows)]
    return tuple(
        verdict
        for each in view.declaration.expect
        if each.column in view.types
        for verdict in _compared_with(each, rows, names, view.types[each.column], today)
    )


def marks(found: Sequence[Verdict], rows: int) -> list[str | None]:
    """The mark of each row: that of its worst verdict; `None` if something is unknown."""
    states: list[list[VerdictState]] = [[] for _ in range(rows)]
    for verdict in found:
        if verdict.index is not None:
            states[verdict.index].append(verdict.state)
    worst = (next((each for each in _WORST if each in found), None) for found in states)
    return [MARKS[each] or None if each else None for each in worst]


_WORST: Sequence[VerdictState] = ("violated", "unanswered", "accepted", "met")


def line(verdict: Verdict, where: Where) -> str:
    """`🔴 player_daily_cache: percent 71.4 < 88`; with a blank if it is unanswered."""
    if verdict.state == "unanswered":
        return f"{words(verdict, where)}: {DEFAULT}"
    return f"{MARKS[verdict.state]} {words(verdict, where)}"


def words(verdict: Verdict, where: Where) -> str:
    """`player_daily_cache: percent 71.4 < 88`; `percent ≥ 88` if it is unanswered."""
    row = f"{escaped(verdict.row, where)}: " if verdict.row else ""
    bound, column = verdict.bound, verdict.expectation.column
    if verdict.state == "unanswered":
        return f"{row}{column} {bound.sign} {bound.words}"
    sign = bound.sign if verdict.state == "met" else _MISSED[bound.sign]
    compared = f"{row}{column} {_value(verdict, where)} {sign} {bound.words}"
    if verdict.accepted is None or verdict.state == "met":
        return compared
    accepted = "was accepted" if verdict.is_over else "accepted"
    return f"{compared}, {accepted} until {verdict.accepted.until}: {verdict.accepted.reason}"


_MISSED: Mapping[Sign, str] = {"≥": "<", "≤": ">", "=": "≠"}


def problems(view: FactView) -> Iterator[Problem]:
    """Expectations that no result could meet or violate, before anything has run."""
    own = [name for name in view.types if name != MARK or MARK not in view.derived]
    for each in view.declaration.expect:
        if each.column not in own:
            yield Problem("E010", view.explain_missing(each.column, own), each.place)
            continue
        for limits in (each.limits, *(limits for _, limits in each.rows)):
            yield from _wrong(each.column, view.types[each.column], limits) if limits else ()
        if view.named_by is None and (each.rows or each.accepted):
            message = f"'{each.column}' names rows, but fact '{view.name}' has no 'key:'"
            yield Problem("E013", message, each.place)
        for accepted in each.accepted:
            if blanks(accepted.reason):
                message = f"the reason '{accepted.reason}' is a blank"
                yield Problem("E015", message, accepted.place)


# --- comparing ---------------------------------------------------------------------------


def _compared_with(
    expectation: Expectation,
    rows: Sequence[Row],
    names: Sequence[str],
    type_: Type,
    today: date | None,
) -> Iterator[Verdict]:
    own = {meant(row, names): limits for row, limits in expectation.rows}
    accepted = {meant(each.row, names): each for each in expectation.accepted}
    for n, (row, name) in enumerate(zip(rows, names, strict=True)):
        cell, excused = row[expectation.column], accepted.get(name)
        for bound in _known_bounds(own.get(name, expectation.limits), type_):
            state = _state(cell, bound, excused, today)
            yield Verdict(expectation, bound, name, n, cell, state, excused)
    absent = [("", expectation.limits)] if not rows else []
    absent += [(row, limits) for row, limits in expectation.rows if meant(row, names) is None]
    for name, limits in absent:
        for bound in _known_bounds(limits, type_):
            yield Verdict(expectation, bound, name, None, None, "unanswered", None)


def meant(row: str, names: Sequence[str]) -> str | None:
    """The name of the row that the author means: exactly, else as texts name it."""
    if row in names:
        return row
    found = {name for name in names if row_name(name) and row_name(name) == row_name(row)}
    return found.pop() if len(found) == 1 else None


def _name(row: Row, n: int, named_by: str | None, rows: Sequence[Row]) -> str:
    cell = row.get(named_by or "")
    if cell is not None and cell.value is not None:
        return str(cell.value)
    return f"row {n + 1}" if len(rows) > 1 else ""


def _given(limits: Limits | None) -> Iterator[tuple[Sign, Limit]]:
    signs: tuple[tuple[Sign, Limit | None], ...] = (
        ("≥", limits.least if limits else None),
        ("≤", limits.most if limits else None),
        ("=", limits.equals if limits else None),
    )
    return ((sign, limit) for sign, limit in signs if limit is not None)


def _bounds(limits: Limits, type_: Type) -> Iterator[Bound]:
    """Raises BadValue for a limit that values of the type cannot be compared with."""
    for sign, limit in _given(limits):
        yield Bound(sign, _compared(limit, type_), _spelled_limit(limit))


def _known_bounds(limits: Limits | None, type_: Type) -> Iterator[Bound]:
    """With the value `None` if an old result has a type that cannot be compared with it."""
    for sign, limit in _given(limits):
        try:
            value = _compared(limit, type_) if sign == "=" or _is_ordered(type_) else None
        except BadValue:
            value = None
        yield Bound(sign, value, _spelled_limit(limit))


def _is_ordered(type_: Type) -> bool:
    return type_.name in (*NUMBERS, *DAYS, "TIME")


def _state(
    cell: Typed, bound: Bound, excused: AcceptedException | None, today: date | None
) -> VerdictState:
    if printed(cell) is None or bound.value is None:
        return "unanswered"
    if _holds(cell.exact_number if cell.type.name in NUMBERS else cell.value, bound):
        return "met"
    is_accepted = excused is not None and today is not None and today <= excused.until
    return "accepted" if is_accepted else "violated"


def _holds(value: object, bound: Bound) -> bool:
    order = _order(value, bound)
    return {"≥": order >= 0, "≤": order <= 0, "=": order == 0}[bound.sign]


def _order(value: object, bound: Bound) -> int:
    """Below 0, 0 or above 0 as the value is less than the limit, the same or more."""
    limit = Fraction(bound.value) if isinstance(bound.value, Decimal) else bound.value
    if value == limit:
        return 0
    return 1 if value > limit else -1  # type: ignore[operator] # of one type, by `_compared`


# --- words -------------------------------------------------------------------------------


def _value(verdict: Verdict, where: Where) -> str:
    """The value as it prints elsewhere, with more decimals where that would contradict."""
    cell = verdict.cell
    assert cell is not None  # it is answered
    usual = shown(cell, where) or ""
    if cell.type.name not in NUMBERS:
        return usual
    holds, bound = _holds(cell.exact_number, verdict.bound), verdict.bound
    if _holds(Fraction(usual.replace(",", "")), bound) == holds:
        return usual
    closer = (_decimal(cell.exact_number, digits) for digits in count(2))
    return f"{next(each for each in closer if _holds(Fraction(each), bound) == holds):,f}"


def _decimal(number: Fraction, digits: int) -> Decimal:
    return Decimal(round(number * 10**digits)).scaleb(-digits)


def _spelled_limit(limit: Limit) -> str:
    if isinstance(limit, bool):
        return "✅" if limit else "❌"
    return f"{limit:,f}" if isinstance(limit, Decimal) else limit


# --- invalid limits ----------------------------------------------------------------------


def _wrong(column: str, type_: Type, limits: Limits) -> Iterator[Problem]:
    is_given = limits.least is not None or limits.most is not None
    if is_given and not _is_ordered(type_):
        message = f"'{column}' is {type_}, which has no order; use 'equals:'"
        yield Problem("E011", message, limits.place)
        return
    try:
        bounds = {bound.sign: bound for bound in _bounds(limits, type_)}
    except BadValue as error:
        yield Problem("E011", f"'{column}' is {type_}: {error}", limits.place)
        return
    if is_given and "=" in bounds:
        yield Problem(
            "E012", f"'{column}' has 'equals:' together with 'min:' or 'max:'", limits.place
        )
    if "≥" in bounds and "≤" in bounds:
        least, most = bounds["≥"], bounds["≤"]
        if least.value > most.value:  # type: ignore[operator] # of one type
            message = f"'{column}' has the minimum {least.words} above the maximum {most.words}"
            yield Problem("E012", message, limits.place)


def _compared(limit: Limit, type_: Type) -> Value:
    """The limit as values of the type are compared with it. Raises BadValue."""
    if type_.name in NUMBERS:
        if not isinstance(limit, Decimal):
            raise BadValue(f"expected a number, found '{_spelled_limit(limit)}'")
        return limit
    if type_.name == "BOOL" and isinstance(limit, bool):
        return limit
    if type_.name in ("STRING", *DAYS, "TIME") and isinstance(limit, str):
        return value_of(limit, type_)
    kind = {"BOOL": "true or false", "STRING": "text in quotes"}.get(type_.name)
    kind = kind or ("a date or a time" if type_.name in (*DAYS, "TIME") else None)
    if kind is None:
        raise BadValue("values of this type cannot have expectations")
    raise BadValue(f"expected {kind}, found {_spelled_limit(limit)}")
