"""The filters of live values: what each is for, what it takes and what it gives."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

MAX_DECIMALS = 9

NUMBERS = ("INT64", "FLOAT64", "NUMERIC", "BIGNUMERIC")
DAYS = ("DATE", "DATETIME", "TIMESTAMP")


@dataclass(frozen=True, slots=True)
class Filter:
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
"""All of them, as documented to authors; `live` applies them."""

DIRECTIVES = ("%Y", "%y", "%m", "%d", "%-d", "%b", "%B", "%a", "%A", "%H", "%M", "%%")
"""What `date` knows."""


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
    if name == "round" and not 0 <= int(argument) <= MAX_DECIMALS:
        yield f"'round' takes 0 to {MAX_DECIMALS} decimals"
    if name == "date":
        unknown = [each for each in DIRECTIVE.findall(str(argument)) if each not in DIRECTIVES]
        if unknown:
            yield f"'date' does not know '{unknown[0]}', known are {' '.join(DIRECTIVES)}"


DIRECTIVE = re.compile(r"%-?.?", re.DOTALL)
