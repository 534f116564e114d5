"""The filters of expressions: what each does, takes and returns."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, time, tzinfo
from decimal import Decimal

from msgspec import Struct

from handoff.base.patterns import lazy_pattern
from handoff.sql.types import DAYS, NUMBERS
from handoff.values.printing import (
    MONTHS,
    clock,
    grouped_percentage,
    plain,
    rounded,
    rounded_share,
    timestamp_text,
    whole_of,
)

MAX_DECIMALS = 9


class Filter(Struct, frozen=True):
    """What a filter takes and returns; `docs/live-values.md` says what each does."""

    takes: tuple[str, ...]
    """GoogleSQL types, or `rows`."""
    returns: str
    """A GoogleSQL type; `same`, `row` or `column` where it depends on the operand."""
    required: tuple[type, ...] = ()
    optional: tuple[type, ...] = ()


FILTERS: Mapping[str, Filter] = {
    "blank": Filter(("any",), "same", optional=(str,)),
    "round": Filter(NUMBERS, "STRING", optional=(int,)),
    "plain": Filter(NUMBERS, "STRING"),
    "percent": Filter(NUMBERS, "STRING", optional=(int,)),
    "upper": Filter(("STRING",), "STRING"),
    "lower": Filter(("STRING",), "STRING"),
    "date": Filter(DAYS, "STRING", optional=(str,)),
    "time": Filter(("TIMESTAMP", "DATETIME", "TIME"), "STRING"),
    "local": Filter(("TIMESTAMP",), "STRING"),
    "since": Filter(NUMBERS, "STRING"),
    "count": Filter(("rows", "ARRAY"), "INT64"),
    "length": Filter(("rows", "ARRAY"), "INT64"),
    "first": Filter(("rows",), "row"),
    "last": Filter(("rows",), "row"),
    "join": Filter(("rows",), "column", required=(str,)),
}
"""All filters; `evaluate` applies those on rows, the parser takes `blank` out."""


def wrong_arguments(name: str, arguments: tuple[str | int, ...]) -> str:
    """The error in a known filter's arguments; empty if there is none."""
    wanted = FILTERS[name]
    types = (*wanted.required, *wanted.optional)
    fits = len(wanted.required) <= len(arguments) <= len(types)
    if not fits or any(type(a) is not t for a, t in zip(arguments, types, strict=False)):
        return f"'{name}' {_wants(wanted)}"
    return next((wrong for each in arguments for wrong in _out_of_bounds(name, each)), "")


def _wants(wanted: Filter) -> str:
    words = {str: "a text", int: "a whole number"}
    if wanted.required:
        return f"takes {words[wanted.required[0]]}"
    if wanted.optional:
        return f"takes {words[wanted.optional[0]]} or nothing"
    return "takes nothing"


def _out_of_bounds(name: str, argument: str | int) -> Iterator[str]:
    if name in ("round", "percent") and not 0 <= int(argument) <= MAX_DECIMALS:
        yield f"'{name}' takes 0 to {MAX_DECIMALS} decimals"
    if name == "date":
        unknown = [
            each for each in _DIRECTIVE.findall(str(argument)) if each not in _DIRECTIVES
        ]
        if unknown:
            yield f"'date' does not know '{unknown[0]}', known are {' '.join(_DIRECTIVES)}"


# --- applying them -------------------------------------------------------------------------

_DIRECTIVE = lazy_pattern(r"%-?.?", re.DOTALL)
_Arguments = tuple[str | int, ...]


def _round(number: object, arguments: _Arguments, zone: tzinfo) -> str | None:
    decimals = int(arguments[0]) if arguments else 0
    return rounded(number, decimals) if isinstance(number, int | float | Decimal) else None


def _plain(number: object, arguments: _Arguments, zone: tzinfo) -> str | None:
    return plain(number) if isinstance(number, int | float | Decimal) else None


def _percent(number: object, arguments: _Arguments, zone: tzinfo) -> str | None:
    if not isinstance(number, int | float | Decimal):
        return None
    decimals = int(arguments[0]) if arguments else None
    text = grouped_percentage(number) if decimals is None else rounded_share(number, decimals)
    return None if text is None else f"{text}%"


def round_column(column: str, number: object, arguments: _Arguments) -> str | None:
    """`round` of a column: a percentage below 100 is not rounded to 100."""
    whole = whole_of(column)
    if whole is None or not isinstance(number, int | float | Decimal):
        return _round(number, arguments, UTC)
    return rounded_share(number, int(arguments[0]) if arguments else 0, whole)


def _date(day: object, arguments: _Arguments, zone: tzinfo) -> str | None:
    if not isinstance(day, date):
        return None
    written = str(arguments[0]) if arguments else "%Y-%m-%d"
    return _DIRECTIVE.sub(lambda match: _DIRECTIVES[match[0]](day), written)


def _time(at: object, arguments: _Arguments, zone: tzinfo) -> str | None:
    return clock(at) if isinstance(at, datetime | time) else None


def _local(at: object, arguments: _Arguments, zone: tzinfo) -> str | None:
    """UTC, then the time in the zone, with its date if that is another."""
    if not isinstance(at, datetime):
        return None
    try:
        there = at.astimezone(zone)
    except OverflowError:  # the first or the last day of the calendar
        return timestamp_text(at)
    day = "" if there.date() == at.astimezone(UTC).date() else f"{_iso(there)} "
    return f"{timestamp_text(at)} ({day}{there:%H:%M} {_zone_name(there)})"


def _zone_name(at: datetime) -> str:
    """`EST`; `UTC-03:00` where a zone has no letters of its own."""
    name = at.tzname() or ""
    return name if name.isalpha() else f"UTC{at:%z}"[:6] + f":{f'{at:%z}'[3:5]}"


def _iso(day: date) -> str:
    return day.isoformat()[:10]


ON_VALUES: Mapping[str, Callable[[object, _Arguments, tzinfo], str | None]] = {
    "round": _round,
    "plain": _plain,
    "percent": _percent,
    "upper": lambda text, arguments, zone: str(text).upper(),
    "lower": lambda text, arguments, zone: str(text).lower(),
    "date": _date,
    "time": _time,
    "local": _local,
}

_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

# not strftime: its names follow the machine's locale, `%-d` its C library
_DIRECTIVES: Mapping[str, Callable[[date], str]] = {
    "%Y": lambda day: f"{day.year:04}",
    "%y": lambda day: f"{day.year % 100:02}",
    "%m": lambda day: f"{day.month:02}",
    "%d": lambda day: f"{day.day:02}",
    "%-d": lambda day: str(day.day),
    "%b": lambda day: MONTHS[day.month - 1][:3],
    "%B": lambda day: MONTHS[day.month - 1],
    "%a": lambda day: _WEEKDAYS[day.weekday()][:3],
    "%A": lambda day: _WEEKDAYS[day.weekday()],
    "%H": lambda day: f"{getattr(day, 'hour', 0):02}",
    "%M": lambda day: f"{getattr(day, 'minute', 0):02}",
    "%%": lambda day: "%",
}
