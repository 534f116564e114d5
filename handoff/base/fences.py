"""Code fences as their author meant them, where one is left open or nested.

CommonMark ends an open fence with the document, so one forgotten line turns every chapter below
into code. Where that reading is broken, the likeliest one is found: a missing end costs more
than a correct fence, and headings and checklists inside of code cost more still.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Literal

from msgspec import Struct

from handoff.base.patterns import lazy_pattern

FenceState = Literal["closed", "open", "nested", "cut"]


class Fence(Struct, frozen=True):
    """One fence; lines are counted from 1."""

    first: int
    """Where it begins."""
    last: int
    """Its closing line; where that is missing the last line that is likely to be code."""
    mark: str
    """Backticks or tildes."""
    info: str
    state: FenceState
    """`open`: never closed; `nested`: it holds fences of its own length; `cut`: the line that
    opens another fence is its code, and the end of that one ends it."""
    lead: str = ""
    """The line before the mark: spaces, `>` and the marker of a list item."""
    inner: int = 0
    """Where the first fence inside begins; of an open one, the line that was meant to close it;
    0 without one."""


def find_fences(lines: Sequence[str]) -> tuple[Fence, ...]:
    """The fences of a Markdown document in order."""
    marks = [found for n, line in enumerate(lines) if (found := _mark(line, n))]
    standard = tuple(_standard(marks, len(lines)))
    if all(each.state == "closed" for each in standard):
        return standard
    return tuple(_likeliest(marks, lines))


def repair_fences(lines: Sequence[str], fences: Sequence[Fence]) -> tuple[list[str], list[int]]:
    """The lines with every fence closed, each with the number of its original line from 0."""
    repaired = list(lines)
    added: list[tuple[int, str]] = []
    for each in fences:
        if each.state == "nested":
            for number in (each.first - 1, each.last - 1):
                repaired[number] = repaired[number].replace(each.mark, each.mark * 2, 1)
        if each.state == "open" and each.inner:
            repaired[each.last - 1] = re.sub(r"[^>]", " ", each.lead) + each.mark
        elif each.state == "open":
            added.append((each.last, re.sub(r"[^>]", " ", each.lead) + each.mark))
    numbers = list(range(len(lines)))
    for after, line in reversed(added):
        repaired.insert(after, line)
        numbers.insert(after, max(0, after - 1))
    return repaired, numbers


def fence_problem(fence: Fence, lines: Sequence[str]) -> tuple[str, str] | None:
    """The code and the message of what is wrong with a fence of a document."""
    if fence.state == "closed":
        return None
    inner = lines[fence.inner - 1].strip(" \t>") if fence.inner else ""
    if fence.state == "open":
        opened = fence.mark + "".join(fence.info.split()[:1])
        message = f"fence opened with '{opened}' is never closed"
        if inner:
            message += f"; '{inner}' in line {fence.inner} does not close it"
        elif any(line.strip() for line in lines[fence.last :]):
            message += f"; the code seems to end in line {fence.last}"
        return "D001", message
    mark = inner[: len(inner) - len(inner.lstrip(inner[0]))]
    return "D002", (
        f"'{inner.split()[0]}' in line {fence.inner}, inside this fence of '{fence.mark}', "
        f"ends it early; open this one with '{mark + mark[0]}'"
    )


# --- the lines that open or close a fence ----------------------------------------------------

_MARK = lazy_pattern(
    r"(?P<lead>[ >\t]*(?:(?:[-*+]|\d{1,9}[.)])[ ]+)*)(?P<mark>`{3,}|~{3,})(?P<info>.*)"
)


class _Mark(Struct, frozen=True):
    line: int
    """From 0."""
    lead: str
    mark: str
    info: str

    def closes(self, other: _Mark) -> bool:
        return not self.info and self.mark.startswith(other.mark)

    def opens_inside(self, other: _Mark) -> bool:
        """Whether it looks like a fence of its own in the code of `other`."""
        is_language = _LANGUAGE.fullmatch(self.info) is not None
        return is_language and self.mark.startswith(other.mark)


_LANGUAGE = lazy_pattern(r"[A-Za-z][\w+-]*(?:\s[^`]*)?")


def _mark(line: str, number: int) -> _Mark | None:
    found = _MARK.match(line) if "```" in line or "~~~" in line else None
    if found is None or (found["mark"][0] == "`" and "`" in found["info"]):
        return None
    is_code = len(found["lead"]) > 3 and not found["lead"].strip()
    indent = found["lead"].expandtabs(4)
    if is_code and len(indent) > _DEEPEST:
        return None
    return _Mark(number, found["lead"], found["mark"], found["info"].strip())


_DEEPEST = 12
"""Spaces before a fence in nested list items; more are code of their own."""


def _standard(marks: Sequence[_Mark], end: int) -> Iterator[Fence]:
    """As CommonMark reads them."""
    opener: _Mark | None = None
    inner = 0
    for each in marks:
        if opener is None:
            opener, inner = each, 0
        elif each.closes(opener):
            yield _fence(opener, each.line + 1, "cut" if inner else "closed", inner)
            opener = None
        elif each.opens_inside(opener):
            inner = inner or each.line + 1
    if opener is not None:
        yield _fence(opener, end, "open")


def _fence(opener: _Mark, last: int, state: FenceState, inner: int = 0) -> Fence:
    return Fence(opener.line + 1, last, opener.mark, opener.info, state, opener.lead, inner)


# --- the likeliest reading -------------------------------------------------------------------

_MISSING, _CUT, _CUT_CODE, _NESTED, _NESTED_CODE, _PROSE, _ODD = 6, 5, 9, 4, 12, 5, 3
"""What a reading costs: a missing end, a swallowed opening, nested fences, prose as code, and a
line that opens or closes where the blank lines around it say the contrary."""
_AHEAD = 60
"""Marks that one fence may hold; it keeps hostile documents linear."""
_TEXTS = ("", "text", "txt", "markdown", "md", "prompt")
_HEADING = lazy_pattern(r"\s{0,3}#{1,6}\s+\S")
_BLOCK = lazy_pattern(r"\s{0,3}(?:[-*+] \[[ xX]\] |\*\*[^*\n]+\*\*|-{3,}\s*$|\|.*\|\s*$)")
_COMMENTED = ("bash", "sh", "shell", "zsh", "console", "python", "py", "yaml", "yml", "toml")
"""Languages in which `# words` is a comment."""


def _likeliest(marks: Sequence[_Mark], lines: Sequence[str]) -> Iterator[Fence]:
    """The reading that costs least, found from the end of the document."""

    def odd(fence: Fence, n: int) -> int:
        opens = _seems_to_open(lines, fence.first - 1)
        closes = None if fence.state == "open" else _seems_to_open(lines, fence.last - 1)
        is_bare = not marks[n].info
        return _ODD * ((is_bare and opens is False) + (closes is True))

    count = len(marks)
    best: list[tuple[int, Fence | None, int]] = [(0, None, count)] * (count + 1)
    for n in reversed(range(count)):
        options = _readings(n, marks, lines)
        best[n] = min(
            (
                (cost + odd(fence, n) + best[after][0], fence, after)
                for cost, fence, after in options
            ),
            key=lambda each: each[0],
        )
    at = 0
    while at < count:
        _, fence, at = best[at]
        if fence is not None:
            yield fence


def _seems_to_open(lines: Sequence[str], n: int) -> bool | None:
    """Whether the blank lines around say that a fence begins in line `n`, or ends (`False`)."""
    before = n == 0 or not lines[n - 1].strip()
    after = n + 1 >= len(lines) or not lines[n + 1].strip()
    return None if before == after else before


def _ends(lines: Sequence[str], n: int) -> bool:
    """Whether there is code right above line `n`, and a blank line or nothing below it."""
    return bool(lines[n - 1].strip()) and not "".join(lines[n + 1 : n + 2]).strip()


def _readings(
    n: int, marks: Sequence[_Mark], lines: Sequence[str]
) -> Iterator[tuple[int, Fence, int]]:
    """What the mark `n` may open: the cost, the fence, and the mark that follows it."""
    opener = marks[n]
    is_text = opener.info.partition(" ")[0].casefold() in _TEXTS
    end = marks[n + 1].line if n + 1 < len(marks) else len(lines)
    yield _MISSING, _fence(opener, _end_of_code(opener, lines, end, is_text), "open"), n + 1
    if n + 1 < len(marks) < n + _AHEAD and not any(
        each.mark.startswith(opener.mark) for each in marks[n + 1 :]
    ):
        cost = _MISSING - 1 + _prose(opener, lines, opener.line, len(lines), is_text)
        last = _before_blank(lines, len(lines))
        yield cost, _fence(opener, last, "open"), len(marks)
    yield from _closed(n, marks, lines, is_text)
    after = marks[n + 1] if n + 1 < len(marks) else None
    if after and not after.info and not after.closes(opener) and _ends(lines, after.line):
        price = _MISSING - 2 + _prose(opener, lines, opener.line, after.line, is_text)
        yield price, _fence(opener, after.line + 1, "open", after.line + 1), n + 2
    inner = n + 1
    while inner + 2 < min(len(marks), n + _AHEAD):
        begins, ends, closes = marks[inner : inner + 3]
        if not (begins.opens_inside(opener) and ends.closes(begins)):
            return
        if closes.closes(opener):
            price = _NESTED if is_text else _NESTED_CODE
            price += _prose(opener, lines, ends.line, closes.line, is_text)
            first = marks[n + 1].line + 1
            yield price, _fence(opener, closes.line + 1, "nested", first), inner + 3
        inner += 2


def _closed(
    n: int, marks: Sequence[_Mark], lines: Sequence[str], is_text: bool
) -> Iterator[tuple[int, Fence, int]]:
    """The reading of CommonMark."""
    opener, price, inner = marks[n], 0, 0
    for after in range(n + 1, min(len(marks), n + _AHEAD)):
        each = marks[after]
        if each.closes(opener):
            price += _prose(opener, lines, opener.line, each.line, is_text)
            yield (
                price,
                _fence(opener, each.line + 1, "cut" if inner else "closed", inner),
                (after + 1),
            )
            return
        if each.opens_inside(opener):
            inner = inner or each.line + 1
            price += _CUT if is_text else _CUT_CODE


def _prose(opener: _Mark, lines: Sequence[str], start: int, end: int, is_text: bool) -> int:
    """What the headings and checklists between two lines cost if they are code."""
    found = 0
    for n in range(start + 1, min(end, start + _LONG)):
        if _is_prose(opener, lines, n):
            found += 1
            if found == _MOST:
                break
    return found if is_text else found * _PROSE


_LONG, _MOST = 400, 3


def _is_prose(opener: _Mark, lines: Sequence[str], n: int) -> bool:
    line = lines[n]
    if _HEADING.match(line):
        is_comment = opener.info.partition(" ")[0].casefold() in _COMMENTED
        is_after_blank = not lines[n - 1].strip() and n - 1 > opener.line
        return is_after_blank and (not is_comment or line.lstrip().startswith("##"))
    return _BLOCK.match(line) is not None and not lines[n - 1].strip()


def _end_of_code(opener: _Mark, lines: Sequence[str], end: int, is_text: bool) -> int:
    """The last line of a fence that is never closed: what follows reads as prose."""
    width = len(opener.lead.expandtabs(4)) if opener.lead.strip(" >\t") else 0
    for n in range(opener.line + 1, end):
        line = lines[n]
        is_left = bool(line.strip()) and len(line) - len(line.lstrip()) < width
        is_prose = _is_prose(opener, lines, n)
        if is_text:  # a prompt has labels and checklists of its own
            is_prose = is_prose and _HEADING.match(line) is not None
        if is_left or is_prose or (not is_text and _is_sentence(lines, n)):
            return _before_blank(lines, n)
    return _before_blank(lines, end)


def _is_sentence(lines: Sequence[str], n: int) -> bool:
    return not lines[n - 1].strip() and _SENTENCE.match(lines[n]) is not None


_SENTENCE = lazy_pattern(r"[A-Z][a-z]+,? [a-z]+ .*[a-z)][.:!?]\s*$")


def _before_blank(lines: Sequence[str], end: int) -> int:
    while end > 1 and not lines[end - 1].strip():
        end -= 1
    return end
