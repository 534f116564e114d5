"""Dates that the calendar does not have, and durations that contradict their own times."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta

from handoff.base.markdown import read_label
from handoff.base.patterns import lazy_pattern
from handoff.check.claims import ZONES
from handoff.check.rule import AuthorContext, Finding, find_in, rule
from handoff.session.model import Text
from handoff.values.printing import MONTHS

_MONTH = "|".join(f"{month}|{month[:3]}" for month in MONTHS) + "|Sept"
_DATE = (
    r"(?:(?<![\w/.=-])(?P<iso>(?:19|20)\d{2}-\d{2}-\d{2})(?=T\d|[^\w/.-]|\.(?!\w)|$)"
    rf"|(?<!\w)(?P<month>{_MONTH})\.?\s(?P<day>\d{{1,2}})(?:st|nd|rd|th)?"
    r"(?:,?\s(?P<year>(?:19|20)\d{2}))?(?![\w:]|[.,]\d)"
    rf"|(?<![\w/.-])(?P<dday>\d{{1,2}})(?:st|nd|rd|th|\.)?\s(?P<dmonth>{_MONTH})\b\.?"
    r"(?:,?\s(?P<dyear>(?:19|20)\d{2}))?(?![\w:]))"
)
_DATES = lazy_pattern(_DATE)
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_WEEKDAY = "|".join(f"{day}|{day[:3]}" for day in _WEEKDAYS) + "|Tues|Thur|Thurs"
_WITH_WEEKDAY = (
    lazy_pattern(rf"(?<!\w)(?P<weekday>{_WEEKDAY})\.?,?\s(?:the\s)?\(?{_DATE}"),
    lazy_pattern(rf"{_DATE}(?:,\s|\s\(|\s)(?P<weekday>{_WEEKDAY})(?!\w)"),
)
_SPOKEN_OF = lazy_pattern(
    r"(?i)\binvalid|\bno such|n[o']t exist|\breject|\bimpossible|\bmalformed|\bvalidat|\bparse"
    r"|\bparsing|\bbad date|\bfake|\bdummy|\bbogus|\bedge case|\bbroken date|\bnonsense"
    r"|\bwrong date|\btypo"
)


@rule("C011", "warning", "a date that the calendar does not have")
def no_such_date(context: AuthorContext) -> Iterator[Finding]:
    """Nobody can look again on February 30.

    Dates in code, and those a text calls invalid, are left alone.

    Fails: `2026-02-30`
    """
    for text in context.texts:
        if not re.search(r"\d", text.value) or _SPOKEN_OF.search(text.value):
            continue
        for match in _DATES.finditer(_without_code(text.value)):
            numbers = _numbers(match)
            if numbers is None or _exists(*numbers):
                continue
            has_year = bool(match["iso"] or match["year"] or match["dyear"])
            rest = text.value[match.end() :]
            if has_year or re.match(r"\s*(?:[,.;:)\]|–-]|$|at\b|to\b|and\b)", rest):
                yield find_in(text, match[0]), f"'{match[0].strip()}' is not a date"


@rule("C012", "warning", "a weekday that is not that of its date")
def wrong_weekday(context: AuthorContext) -> Iterator[Finding]:
    """Of weekday and date one is wrong, and a reader cannot know which.

    Without a year, the date nearest to the day of the document counts.

    Fails: `Friday, 2026-04-02`
    """
    for text in context.texts:
        words = _without_code(text.value).replace("*", "")
        for pattern in (
            _WITH_WEEKDAY if "day" in words.casefold() or _SHORT.search(words) else ()
        ):
            for match in pattern.finditer(words):
                day = _nearest_day(match, context.day)
                weekday = match["weekday"]
                if day and not _WEEKDAYS[day.weekday()].startswith(weekday[:3]):
                    name = _WEEKDAYS[day.weekday()]
                    found = next(v for v in _spellings(match) if v)
                    words_of = match[0] + ")" * ("(" in match[0] and ")" not in match[0])
                    message = f"'{words_of}': {found} is a {name}"
                    yield find_in(text, found), message


_SHORT = lazy_pattern(rf"\b(?:{'|'.join(day[:3] for day in _WEEKDAYS)})")


def _without_code(words: str) -> str:
    return _CODE.sub(lambda found: "\0" * len(found[0]), words)


_CODE = lazy_pattern(r"`[^`\n]*`|\{\{.*?\}\}|\]\([^)\s]*\)|https?://\S+")


def _spellings(match: re.Match[str]) -> tuple[str | None, ...]:
    worded = f"{match['month']} {match['day']}" if match["month"] else None
    other = f"{match['dday']} {match['dmonth']}" if match["dmonth"] else None
    return match["iso"], worded, other


def _numbers(match: re.Match[str]) -> tuple[int, int, int] | None:
    """Year, month and day as written; a leap year if there is none."""
    if match["iso"]:
        year, month, day = map(int, match["iso"].split("-"))
        return None if 0 in (month, day) or 99 in (month, day) else (year, month, day)
    name = (match["month"] or match["dmonth"])[:3]
    number = next(n for n, each in enumerate(MONTHS, 1) if each.startswith(name))
    day = int(match["day"] or match["dday"])
    year = int(match["year"] or match["dyear"] or 2024)
    return (year, number, day) if 0 < day <= 31 or match["year"] or match["dyear"] else None


def _exists(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


def _nearest_day(match: re.Match[str], around: date | None) -> date | None:
    numbers = _numbers(match)
    if numbers is None or not _exists(*numbers):
        return None
    if match["iso"] or match["year"] or match["dyear"]:
        return date(*numbers)
    if around is None:
        return None
    years = [
        year for year in range(around.year - 1, around.year + 2) if _exists(year, *numbers[1:])
    ]
    days = [date(year, *numbers[1:]) for year in years]
    near = [each for each in days if abs(each - around) <= timedelta(120)]
    return near[0] if len(near) == 1 else None


# --- durations -------------------------------------------------------------------------------

_ZONE = rf"(?:\s?(?P<zone%d>{'|'.join(ZONES)}))?"
_CLOCK = (
    r"(?:(?P<date%d>\d{4}-\d{2}-\d{2})[T ])?"
    r"(?<![\d.:])(?P<hour%d>\d{1,2}):(?P<minute%d>\d{2})(?::\d{2})?"
    r"(?:\s?(?P<half%d>[AaPp])\.?[Mm]\.?)?" + _ZONE
)
_FROM, _TO = (_CLOCK.replace("%d", n) for n in "12")
_RANGE = rf"{_FROM}\s*(?:-|–|—|→|->|to|until|till)\s*{_TO}"
_LENGTH = (
    r"(?P<length>(?P<near>[~≈]\s?|about |around |approx\.? )?(?<![\d.:/-])"
    r"(?:(?P<hours>\d{1,3}(?:\.\d+)?)\s?(?:h|hrs?|hours?)\b"
    r"(?:\s?(?:and\s)?(?P<more>\d{1,2})\s?(?:m|mins?|minutes?)\b)?"
    r"|(?P<minutes>\d{1,4})\s?(?:m|mins?|minutes?)\b))"
)
_TIMED = (
    lazy_pattern(rf"{_LENGTH}\s*[(,]\s*(?:from\s)?{_RANGE}"),
    lazy_pattern(rf"{_RANGE}\s*(?:\(|=|,|:|→|—|–|took)\s*{_LENGTH}"),
)
_OTHER_MEASURE = lazy_pattern(
    r"(?i)\b(?:breaks?|paus\w+|active|effective|lunch|each|per|daily|every|interrupt\w*|net|idle"
    r"|includ\w+|exclud\w+|without|of which|twice|weekly|sla|window)\b"
)
_BEGINS = lazy_pattern(r"(?i)^(?:session )?(?:start|started|start time|begin|began)(?: at)?$")
_ENDS = lazy_pattern(r"(?i)^(?:session )?(?:end|ended|end time|finished|completed)(?: at)?$")
_LASTS = lazy_pattern(
    r"(?i)^(?:session |total )?(?:duration|elapsed(?: time)?|time spent|took|length|runtime)$"
)


@rule("C013", "warning", "a duration that contradicts its own start and end")
def wrong_duration(context: AuthorContext) -> Iterator[Finding]:
    """A duration and the times next to it cannot both be right.

    Rounding is allowed: half an hour on whole hours, a quarter on half hours, a fourth after
    `~`. Durations without breaks, of each, or of several are left alone.

    Fails: `Duration: 5 hours (09:00–12:30)`
    """
    times: dict[str, tuple[int, Text]] = {}
    for number, text in enumerate(context.texts):
        words = text.value.replace("*", "")
        if ":" in words and not _OTHER_MEASURE.search(words):
            for pattern in _TIMED:
                for match in pattern.finditer(words):
                    message = _contradiction(match, match)
                    if message:
                        yield find_in(text, match["length"]), message
        yield from _of_labels(number, text, times)


def _of_labels(
    number: int, text: Text, times: dict[str, tuple[int, Text]]
) -> Iterator[Finding]:
    """Start, end and duration in labelled lines next to each other."""
    label = read_label(text.value)
    if label is None:
        return
    kinds = {"begins": _BEGINS, "ends": _ENDS, "lasts": _LASTS}
    kind = next((name for name, each in kinds.items() if each.match(label.text)), None)
    if kind is None:
        return
    near = {name: each for name, each in times.items() if number - each[0] <= _NEAR}
    times.clear()
    times.update(near, **{kind: (number, text)})
    if len(times) < len(kinds):
        return
    values = {name: read_label(each.value) for name, (_, each) in times.items()}
    begins, ends, lasts = (values[name].value if values[name] else "" for name in kinds)  # type: ignore[union-attr]
    span = re.fullmatch(rf"\s*{_FROM}.{{0,12}}\n\s*{_TO}.{{0,12}}", f"{begins}\n{ends}")
    length = re.match(rf"\s*{_LENGTH}\s*$", lasts)
    if span and length and (message := _contradiction(length, span)):
        yield find_in(times["lasts"][1], length["length"]), message
    times.clear()


_NEAR = 5


def _contradiction(length: re.Match[str], span: re.Match[str]) -> str:
    """What is wrong with a length of time; empty if nothing is."""
    apart = _minutes_between(span)
    if apart is None:
        return ""
    if length["minutes"]:
        typed, slack = int(length["minutes"]), 2 if int(length["minutes"]) % 5 else 8
    else:
        hours, more = float(length["hours"]), int(length["more"] or 0)
        typed = round(hours * 60) + more
        slack = 8 if length["more"] else 31 if hours.is_integer() else 16
    if length["near"]:
        slack = max(slack, 31, typed // 4)
    ways = {apart} if span["date1"] and span["date2"] else {apart % (24 * 60)}
    is_bare = not (span["half1"] or span["half2"])
    if is_bare and max(int(span["hour1"]), int(span["hour2"])) <= 12:
        ways |= {apart % (12 * 60)}
    if any(abs(each - typed) <= slack for each in ways) or typed > 24 * 60 > min(ways):
        return ""
    clocks = f"{span['hour1']}:{span['minute1']} to {span['hour2']}:{span['minute2']}"
    hours, minutes = divmod(min(ways), 60)
    return f"'{length['length'].strip()}', but {clocks} is {hours} h {minutes:02} min"


def _minutes_between(span: re.Match[str]) -> int | None:
    try:
        first, last = (_at(span, n) for n in "12")
    except ValueError:
        return None
    zones = span["zone1"], span["zone2"]
    shift = 0 if None in zones or zones[0] == zones[1] else ZONES[zones[0]] - ZONES[zones[1]]
    return round((last - first).total_seconds() / 60) + shift * 60


def _at(span: re.Match[str], n: str) -> datetime:
    day = date.fromisoformat(span[f"date{n}"] or "2026-01-01")
    hour = int(span[f"hour{n}"])
    if half := span[f"half{n}"]:
        hour = hour % 12 + (12 if half in "pP" else 0)
    return datetime(day.year, day.month, day.day, hour, int(span[f"minute{n}"]))
