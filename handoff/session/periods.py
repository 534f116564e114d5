"""Days in words: `August`, `Q3 2026`, `2026-W32`, `Friday`, `next week`, `in 3 days`.

What names no year is the next such time, from the day of the session on.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta

from msgspec import Struct

from handoff.base.problems import nearest

_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July", "August"),
    *("September", "October", "November", "December"),
)
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_EXAMPLES = (
    *("today", "tomorrow", "this week", "next week", "end of week", "this month"),
    *("next month", "end of month", "this quarter", "next quarter", *_MONTHS, *_WEEKDAYS),
)


class Period(Struct, frozen=True):
    """The days that a text means."""

    first: date
    last: date

    @property
    def text(self) -> str:
        """The same days in a spelling that does not depend on the day of the session."""
        first = self.first
        year, week, _ = first.isocalendar()
        quarter = f"{first.year}-Q{(first.month + 2) // 3}"
        for text in (f"{first:%Y-%m}", quarter, f"{year}-W{week:02}"):
            if parse_period(text, first) == self:
                return text
        return str(self.last)


def parse_period(text: str, today: date) -> Period | None:
    """The days that `text` means in a session of `today`; `None` if it means none.

    Raises ValueError or OverflowError for days that do not exist.
    """
    for pattern, read in _FORMS:
        if found := re.fullmatch(_any_case(pattern), text):
            return read(today, *found.groups())
    return None


def nearest_period(text: str) -> str:
    """What to write in place of `text`, for a message."""
    expected = "a date such as 2026-01-03, a time with its zone, a month, quarter or weekday"
    return nearest(text, _EXAMPLES) or f", expected {expected}"


# --- the forms -----------------------------------------------------------------------------


def _months(year: int, month: int, count: int) -> Period:
    """`count` months from `month` on, which may be past December."""
    year, month = year + (month - 1) // 12, (month - 1) % 12 + 1
    after = year + (month + count - 1) // 12, (month + count - 1) % 12 + 1
    return Period(date(year, month, 1), date(*after, 1) - timedelta(1))


def _week(year: int, week: int) -> Period:
    first = date.fromisocalendar(year, week, 1)
    return Period(first, first + timedelta(6))


def _next(today: date, year: str | None, read: Callable[[int], Period]) -> Period:
    """In the year that is named; else the first time that is not over `today`."""
    if year:
        return read(int(year))
    found = read(today.year)
    return read(today.year + 1) if found.last < today else found


def _month(today: date, name: str, year: str | None) -> Period:
    number = [each[:3].lower() for each in _MONTHS].index(name[:3].lower()) + 1
    return _next(today, year, lambda year: _months(year, number, 1))


def _quarter(today: date, number: str, year: str | None) -> Period:
    return _next(today, year, lambda year: _months(year, 3 * int(number) - 2, 3))


def _weekday(today: date, following: str | None, name: str) -> Period:
    """The first after today; with `next` that of the next week."""
    number = [each[:3].lower() for each in _WEEKDAYS].index(name[:3].lower())
    ahead = (
        7 + number - today.weekday() if following else (number - today.weekday() - 1) % 7 + 1
    )
    return _ahead(today, ahead)


def _ahead(today: date, days: int) -> Period:
    day = today + timedelta(days)
    return Period(day, day)


def _around(today: date, which: str, unit: str) -> Period:
    """The week, month, quarter or year of today, or with `next` the one after it."""
    after = which.lower() == "next "
    if unit.lower() == "week":
        monday = today + timedelta(7 * after - today.weekday())
        return Period(monday, monday + timedelta(6))
    count = {"month": 1, "quarter": 3, "year": 12}[unit.lower()]
    first = (today.month - 1) // count * count + 1
    return _months(today.year, first + count * after, count)


def _short(name: str) -> str:
    name = name.lower()
    return name if len(name) == 3 else f"{name[:3]}(?:{name[3:]})?"


_YEAR = "[12][0-9]{3}"
_MONTH = "|".join([*map(_short, _MONTHS), "sept"])
_DAY = "|".join(map(_short, _WEEKDAYS))
_FORMS: tuple[tuple[str, Callable[..., Period]], ...] = (
    (f"(?:end of |by )?({_MONTH})(?:,? ({_YEAR}))?", _month),
    (f"({_YEAR})-(0[1-9]|1[0-2])", lambda _, year, month: _months(int(year), int(month), 1)),
    (f"(?:end of |by )?q([1-4])(?: ({_YEAR}))?", _quarter),
    (f"({_YEAR})-q([1-4])", lambda today, year, number: _quarter(today, number, year)),
    (f"({_YEAR})-w([0-5][0-9])", lambda _, year, week: _week(int(year), int(week))),
    (
        f"(?:week |cw ?)([0-5]?[0-9])(?: ({_YEAR}))?",
        lambda today, week, year: _next(today, year, lambda year: _week(year, int(week))),
    ),
    (f"(?:by )?(next )?({_DAY})", _weekday),
    ("(this |next |end of )(week|month|quarter|year)", _around),
    ("in ([0-9]{1,3}) days?", lambda today, count: _ahead(today, int(count))),
    ("in ([0-9]{1,3}) weeks?", lambda today, count: _ahead(today, 7 * int(count))),
    ("today", lambda today: _ahead(today, 0)),
    ("tomorrow", lambda today: _ahead(today, 1)),
)


def _any_case(pattern: str) -> str:
    """The pattern for letters of either case, as JSON Schema has no flag for it."""
    return re.sub("[a-z]", lambda letter: f"[{letter[0].upper()}{letter[0]}]", pattern)


PERIOD = _any_case("|".join(pattern for pattern, _ in _FORMS))
