"""The filters of live values: what each is for, what it takes and what it gives."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, time, tzinfo
from decimal import Decimal

from msgspec import Struct

from handoff.values.printing import MONTHS, clock, grouped, moment, plain, rounded

MAX_DECIMALS = 9

NUMBERS = ("INT64", "FLOAT64", "NUMERIC", "BIGNUMERIC")
DAYS = ("DATE", "DATETIME", "TIMESTAMP")


class Filter(Struct, frozen=True):
    """What a filter is for, what it takes and what it gives."""

    doc: str
    takes: tuple[str, ...]
    """GoogleSQL types, or `rows`."""
    gives: str
    """A GoogleSQL type; `same`, `row` or `column` where it depends on what comes in."""
    required: tuple[type, ...] = ()
    optional: tuple[type, ...] = ()


FILTERS: Mapping[str, Filter] = {
    "blank": Filter(
        "`x.done | blank('days')`: what is asked for where there is no value; a hint that is "
        "itself a blank stands as it is. It speaks for the whole `{{ }}`.",
        ("any",),
        "same",
        optional=(str,),
    ),
    "round": Filter(
        "`x.percent | round(1)`: exactly so many decimals, half away from zero.",
        NUMBERS,
        "STRING",
        optional=(int,),
    ),
    "plain": Filter(
        "`x.season | plain`: a number without grouping, `2024` and not `2,024`.",
        NUMBERS,
        "STRING",
    ),
    "percent": Filter(
        "`x.percent | percent`: with its sign, `33.4%`.", NUMBERS, "STRING", optional=(int,)
    ),
    "upper": Filter("`x.state | upper`: in capitals.", ("STRING",), "STRING"),
    "lower": Filter("`x.state | lower`: in small letters.", ("STRING",), "STRING"),
    "date": Filter(
        "`x.first_date | date('%b %-d, %Y')`: the day, in UTC for a TIMESTAMP. Known are %Y "
        "%y %m %d %-d %b %B %a %A %H %M and %%, in English.",
        DAYS,
        "STRING",
        optional=(str,),
    ),
    "time": Filter(
        "`x.started_at | time`: the time of day, `16:20 UTC`.",
        ("TIMESTAMP", "DATETIME", "TIME"),
        "STRING",
    ),
    "local": Filter(
        "`x.started_at | local`: UTC beside the project's zone, `2026-01-03 16:20 UTC (11:20 "
        "EST)`; the other day is named where it is one.",
        ("TIMESTAMP",),
        "STRING",
    ),
    "since": Filter(
        "`x.percent | since`: how it changed since the session under the fact's `since:`, "
        "`71.4% → 89.3%, +17.9 points since session-1`.",
        NUMBERS,
        "STRING",
    ),
    "count": Filter(
        "`x.rows | count`: how many rows, or values of an ARRAY.", ("rows", "ARRAY"), "INT64"
    ),
    "length": Filter("Another word for `count`.", ("rows", "ARRAY"), "INT64"),
    "first": Filter(
        "`(x.rows | first).phase`: the first row; a blank where there is none.",
        ("rows",),
        "row",
    ),
    "last": Filter(
        "`(x.rows | last).phase`: the last row; a blank where there is none.",
        ("rows",),
        "row",
    ),
    "join": Filter(
        "`x.rows | join('phase')`: a column of all rows, `a, b, c`; `none` without rows.",
        ("rows",),
        "column",
        required=(str,),
    ),
}
"""All of them, as documented to authors; those on rows `evaluation` applies."""


def wrong_arguments(name: str, arguments: tuple[str | int, ...]) -> str:
    """What is wrong with a known filter's arguments; empty where nothing is."""
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

_DIRECTIVE = re.compile(r"%-?.?", re.DOTALL)
_Arguments = tuple[str | int, ...]


def _round(number: object, arguments: _Arguments, zone: tzinfo) -> str | None:
    decimals = int(arguments[0]) if arguments else 0
    return rounded(number, decimals) if isinstance(number, int | float | Decimal) else None


def _plain(number: object, arguments: _Arguments, zone: tzinfo) -> str | None:
    return plain(number) if isinstance(number, int | float | Decimal) else None


def _percent(number: object, arguments: _Arguments, zone: tzinfo) -> str | None:
    if not isinstance(number, int | float | Decimal):
        return None
    text = rounded(number, int(arguments[0])) if arguments else grouped(number)
    return None if text is None else f"{text}%"


def _date(day: object, arguments: _Arguments, zone: tzinfo) -> str | None:
    if not isinstance(day, date):
        return None
    written = str(arguments[0]) if arguments else "%Y-%m-%d"
    return _DIRECTIVE.sub(lambda match: _DIRECTIVES[match[0]](day), written)


def _time(at: object, arguments: _Arguments, zone: tzinfo) -> str | None:
    return clock(at) if isinstance(at, datetime | time) else None


def _local(at: object, arguments: _Arguments, zone: tzinfo) -> str | None:
    """UTC, and the zone's own time beside it, with its day where that is another."""
    if not isinstance(at, datetime):
        return None
    try:
        there = at.astimezone(zone)
    except OverflowError:  # the first or the last day there is
        return moment(at)
    day = "" if there.date() == at.astimezone(UTC).date() else f"{_iso(there)} "
    return f"{moment(at)} ({day}{there:%H:%M} {_zone_name(there)})"


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
