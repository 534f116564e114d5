"""What a document is called, and when it was made: by its name, else by its first lines."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date

from msgspec import Struct

from handoff.session.decode import LINE, MAX_LABEL, MAX_SLUG
from handoff.values.printing import MONTHS

_FIRST_LINES = 40
"""How far down a document says what it is."""


class HeaderNames(Struct, frozen=True):
    """What a session file must say before its content."""

    label: str
    """The session's number, or words where it has none."""
    slug: str | None
    """`None` where the title gives it."""
    day: date | None
    title: str
    status: str | None


def names(stem: str, lines: Sequence[str], title: str | None) -> HeaderNames:
    """Of the document in the file `stem`, with the heading `title` or without any."""
    said = dict(reversed([*_said(lines[:_FIRST_LINES])]))
    day, topic = _dated(stem)
    number = _SESSION.search(topic)
    found = number or _SESSION.search(title or "") or _NUMBER.match(said.get("session", ""))
    words = _slug(_SESSION.sub("-", topic, count=1) if number else topic)
    label = found["label"] if found else ""
    slug = words
    if not label:
        label, slug = _words_and_rest(words or "document")
    return HeaderNames(
        label=label,
        slug=slug[:MAX_SLUG].rstrip("-._") or None,
        day=day or _day_said(said, title),
        title=_line(title or "") or _line(re.sub(r"[-_]+", " ", words or topic)) or label,
        status=_line(_STRESS.sub("", said.get("status", ""))) or None,
    )


# --- the file's name -------------------------------------------------------------------------

_SESSION = re.compile(
    r"(?i)(?:^|(?<=[^A-Za-z0-9]))session[-_ #]*(?P<label>\d{1,6}[a-z]?)(?![A-Za-z0-9])"
)
_NUMBER = re.compile(r"(?i)\W{0,3}(?P<label>\d{1,6}[a-z]?)(?![A-Za-z0-9])")
_DATE = re.compile(r"[-_ .]*(?<!\d)(\d{4})[-_.]?(\d{2})[-_.]?(\d{2})(?!\d)[-_ .]*")


def _dated(stem: str) -> tuple[date | None, str]:
    """The first day in the name, and the rest of it."""
    for found in _DATE.finditer(stem):
        if day := _date(*found.groups()):
            rest = (stem[: found.start()], stem[found.end() :])
            return day, "-".join(part for part in rest if part)
    return None, stem


def _slug(words: str) -> str:
    return re.sub(r"-{2,}", "-", re.sub(r"[^A-Za-z0-9._]+", "-", words)).strip("-._")


def _words_and_rest(words: str) -> tuple[str, str]:
    """A label of whole words that fits, and what is left to be the slug."""
    parts = re.sub(r"(?i)[-_.]?handoff$", "", words) or words
    label = parts if len(parts) <= MAX_LABEL else parts[:MAX_LABEL].rpartition("-")[0]
    label = label or parts[:MAX_LABEL]
    return label.strip("-._"), words[len(label) :].strip("-._") or "HANDOFF"


# --- the first lines -------------------------------------------------------------------------

_SAYS = re.compile(
    r"[\s>|*_+-]*(?P<label>[A-Za-z][A-Za-z /]{1,30}?)\s*[*_]*\s*"
    r"[:|]\s*[*_]*\s*(?P<words>.*?)[\s|\\]*"
)
_STRESS = re.compile(r"[*_]{2}")
_DAY_LABELS = (
    *("created", "date", "session date", "handoff date", "prepared", "generated"),
    *("started", "session start", "last updated", "updated"),
)


def _said(lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    for line in lines:
        found = _SAYS.fullmatch(line) if len(line) < 300 else None
        if found and found["words"]:
            yield found["label"].lower(), found["words"]


def _day_said(said: Mapping[str, str], title: str | None) -> date | None:
    places = [*(said[label] for label in _DAY_LABELS if label in said), title or ""]
    return next((day for words in places if (day := _day_in(words))), None)


_MONTHS = tuple(month[:3].casefold() for month in MONTHS)
_MONTH = rf"(?P<month>{'|'.join(_MONTHS)})[a-z]*\.?"
_DAYS = (
    re.compile(r"(?<!\d)(?P<year>\d{4})[-/](?P<number>\d{1,2})[-/](?P<day>\d{1,2})(?!\d)"),
    re.compile(
        rf"(?i)\b{_MONTH} (?P<day>\d{{1,2}})(?:st|nd|rd|th)?"
        r"(?: ?[-–] ?\d+)?,? (?P<year>\d{4})"
    ),
    re.compile(rf"(?i)(?<!\d)(?P<day>\d{{1,2}})(?:st|nd|rd|th)? {_MONTH},? (?P<year>\d{{4}})"),
)


def _day_in(words: str) -> date | None:
    for pattern in _DAYS:
        if found := pattern.search(words):
            given = found.groupdict()
            month = given.get("number") or _MONTHS.index(given["month"].lower()) + 1
            return _date(given["year"], month, given["day"])
    return None


def _date(year: str, month: str | int, day: str) -> date | None:
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None


def _line(words: str) -> str:
    """`words` where they can stand on one line."""
    folded = " ".join(words.split())
    return folded if re.fullmatch(LINE, folded) else ""
