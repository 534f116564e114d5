"""Git's conflict markers: where a text has them, and the two sides that they separate."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from handoff.base.patterns import lazy_pattern

_MARKER = lazy_pattern(r"(?:(<{7,}|\|{7,}|>{7,})(?: .*)?|(={7,}))\r?\n?")
_Section = Literal["common", "<", "|", "="]

MESSAGE = "merge conflict, keep what is right and remove the marker lines"
"""Of a file that a person has to put in order."""


def conflicts(text: str) -> tuple[int, ...]:
    """The line of each merge conflict, from 1; only conflicts with all their markers count."""
    if "<<<<<<<" not in text:
        return ()
    return tuple(
        line for line, section, is_marker in _sections(text) if is_marker and section == "<"
    )


def marker_line(text: str) -> int | None:
    """The first line that can only be a conflict marker, also if others were removed."""
    for number, line in enumerate(text.split("\n"), 1):
        found = _MARKER.fullmatch(line)
        if found is not None and found[1] and found[1][0] in "<>":
            return number
    return None


def sides(text: str) -> tuple[str, str]:
    """What one and the other branch have; both are `text` where there is no conflict."""
    lines = text.split("\n")
    ours, theirs = [], []
    for number, section, is_marker in _sections(text):
        if is_marker:
            continue
        ours += [lines[number - 1]] if section in ("common", "<") else []
        theirs += [lines[number - 1]] if section in ("common", "=") else []
    return "\n".join(ours), "\n".join(theirs)


def unmarked_lines(text: str) -> Iterator[tuple[int, str]]:
    """Each line of both sides with its number, without markers and without the base."""
    lines = text.split("\n")
    for number, section, is_marker in _sections(text):
        if not is_marker and section != "|":
            yield number, lines[number - 1]


def _sections(text: str) -> Iterator[tuple[int, _Section, bool]]:
    """The number of each line, what it belongs to, and whether it is a marker.

    A conflict inside the common base of `merge.conflictStyle=diff3` has longer markers.
    """
    lines = text.split("\n")
    ends = _ends(lines)
    section: _Section = "common"
    opened, end = 0, 0
    for number, line in enumerate(lines, 1):
        found = _MARKER.fullmatch(line)
        marker = (found[1] or found[2]) if found else ""
        if section == "common":
            if number in ends:
                section, opened, end = "<", len(marker), ends[number]
                yield number, section, True
                continue
        elif number == end:
            yield number, section, True
            section = "common"
            continue
        elif section != "=" and len(marker) == opened and marker[0] in "|=":
            section = "|" if marker[0] == "|" else "="
            yield number, section, True
            continue
        yield number, section, False


def _ends(lines: list[str]) -> dict[int, int]:
    """The last line of each conflict that has all its markers, by its first."""
    found: dict[int, int] = {}
    start, middle, opened = 0, 0, 0
    for number, line in enumerate(lines, 1):
        marker = _MARKER.fullmatch(line)
        word = (marker[1] or marker[2]) if marker else ""
        if word.startswith("<") and not (start and len(word) != opened):
            start, middle, opened = number, 0, len(word)
        elif start and len(word) == opened and word[0] == "=":
            middle = middle or number
        elif middle and len(word) == opened and word[0] == ">":
            found[start] = number
            start = middle = 0
    return found
