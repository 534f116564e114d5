"""Numbers that contradict the numbers next to them: percentages, products and sums."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from decimal import ROUND_DOWN, ROUND_HALF_UP, ROUND_UP, Decimal
from itertools import permutations
from math import prod

from handoff.base.markdown import Table
from handoff.base.patterns import lazy_pattern
from handoff.base.problems import Place
from handoff.check.rule import AuthorContext, Finding, find_in, rule

_NUMBER = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?"
_START = r"(?<![\w.,/:$€#+^-])"
_PAIR = (
    rf"(?P<part>{_NUMBER})\s*(?:/|of(?:\s+(?:the|all))?|out of)\s*(?P<total>{_NUMBER})"
    r"(?![\w/:]|[.,-]\d|\s*[×/])"
)
_UNIT = r"(?:\s+[A-Za-z][\w'’-]*){0,4}"
_PERCENT = r"(?P<near>[~≈]\s?|about |around )?(?P<percent>\d{1,3}(?:\.\d+)?)\s?(?:%|percent\b)"
_NEUTRAL = r"(?:\s+(?:done|complete|completed|processed|finished|of total|total|progress))?"
_SHARES = (
    lazy_pattern(
        rf"{_START}{_PAIR}(?P<unit>{_UNIT})\s*"
        rf"(?:\(\s*{_PERCENT}{_NEUTRAL}\s*[),;]"
        rf"|(?:=|→|is|are)\s*{_PERCENT.replace('P<', 'P<_')})"
    ),
    lazy_pattern(
        rf"{_START}{_PERCENT}(?P<unit>{_UNIT})\s*(?:\(\s*|=\s*|:\s+){_PAIR}{_UNIT}\s*(?:[),;.]|$)"
    ),
)
_COUNTED_BEFORE = lazy_pattern(
    r"(?i)\b(?:phases?|sessions?|steps?|weeks?|stages?|sprints?|parts?|options?|levels?|tiers?"
    r"|versions?|chapters?|sections?|[a-z]{3} )\s*$"
)
_TOLERANCE = 2
"""Percentage points that an approximation may be off."""


@rule("C009", "warning", "a percentage that does not follow from the two numbers next to it")
def wrong_percentage(context: AuthorContext) -> Iterator[Finding]:
    """A reader who divides the two numbers gets another percentage.

    In a table, a column of percentages is compared if the other rows show of what they are.
    What is left of the total never contradicts, nor a number that is rounded or cut.

    Fails: `45/60 (80 %)`
    """
    for text in context.texts:
        if "%" not in text.value and "percent" not in text.value:
            continue
        words = _plain(text.value)
        for pattern in _SHARES:
            for match in pattern.finditer(words):
                found = match.groupdict()
                percent = found["percent"] or found.get("_percent") or ""
                near = bool(found["near"] or found.get("_near") or _is_near(words, match))
                share = _share(found["part"], found["total"])
                if share is None or _COUNTED_BEFORE.search(words[: match.start()]):
                    continue
                if not _follows(Decimal(percent), share, near=near):
                    message = f"'{match[0].strip(' ,;')}': {found['part']} of {found['total']}"
                    yield find_in(text, match[0]), f"{message} is {_shown(share, percent)} %"
    for table in context.tables:
        yield from _of_table(table, context)


def _plain(words: str) -> str:
    """Without marks of emphasis and code; live values are none."""
    return _MARKS.sub("", _LIVE.sub("\0", words))


_MARKS = lazy_pattern(r"\*+|`")
_LIVE = lazy_pattern(r"\{\{.*?\}\}", re.DOTALL)


def _is_near(words: str, match: re.Match[str]) -> bool:
    return re.search(r"(?:[~≈]|about|around|roughly)\s*$", words[: match.start()]) is not None


def _share(part: str, total: str) -> Decimal | None:
    """In percent; `None` where the numbers are no part and its whole."""
    if any(re.match(r"0\d", each) for each in (part, total)):
        return None  # of a date or a clock
    above, below = _decimal(part), _decimal(total)
    return above * 100 / below if 0 <= above <= below and below else None


def _decimal(words: str) -> Decimal:
    return Decimal(words.replace(",", ""))


def _follows(percent: Decimal, share: Decimal, *, near: bool) -> bool:
    return any(
        _is_rounded(percent, each) or (near and abs(each - percent) <= _TOLERANCE)
        for each in (share, 100 - share)
    )


def _is_rounded(typed: Decimal, number: Decimal) -> bool:
    exponent = typed.as_tuple().exponent
    places = Decimal(1).scaleb(exponent if isinstance(exponent, int) else 0)
    ways = (ROUND_HALF_UP, ROUND_DOWN, ROUND_UP)
    return any(number.quantize(places, way) == typed for way in ways)


def _shown(share: Decimal, like: str) -> str:
    places = max(1, len(like.partition(".")[2]))
    return f"{share:.{places}f}".rstrip("0").rstrip(".")


# --- tables ----------------------------------------------------------------------------------

_CELL = lazy_pattern(rf"\s*\**(?P<number>{_NUMBER})\s?(?P<sign>%)?\**\s*")
_MOST_COLUMNS = 12


def _of_table(table: Table, context: AuthorContext) -> Iterator[Finding]:
    """The rows whose percentage is not that of two columns, where it is in all other rows."""
    cells = [[_CELL.fullmatch(cell) for cell in row.cells] for row in table.rows]
    width = min(len(table.header), _MOST_COLUMNS)
    columns = [[row[n] if n < len(row) else None for row in cells] for n in range(width)]
    signed = ["%" in heading or "percent" in heading.casefold() for heading in table.header]
    shares = [n for n in range(width) if _is_column(columns[n], sign=True, headed=signed[n])]
    counts = [n for n in range(width) if n not in shares and _is_column(columns[n], sign=False)]
    for share in shares:
        for part, total in permutations(counts, 2):
            wrong, right = _split(columns, share, part, total)
            if len(right) >= 2 and 2 * len(wrong) <= len(right):
                for n, percent, expected in wrong:
                    values = [table.rows[n].cells[each].strip(" *") for each in (part, total)]
                    message = f"'{table.rows[n].cells[share].strip()}': {' of '.join(values)}"
                    place = Place(context.path, table.rows[n].line)
                    yield place, f"{message} is {_shown(expected, percent)} %"
                break


def _is_column(
    cells: Sequence[re.Match[str] | None], *, sign: bool, headed: bool = False
) -> bool:
    fit = (cell for cell in cells if cell and (headed or bool(cell["sign"]) is sign))
    return sum(1 for _ in fit) >= 3


def _split(
    columns: Sequence[Sequence[re.Match[str] | None]], share: int, part: int, total: int
) -> tuple[list[tuple[int, str, Decimal]], list[int]]:
    """The rows that do not fit, and those that do; a row of zeros and wholes says nothing."""
    wrong: list[tuple[int, str, Decimal]] = []
    right: list[int] = []
    for n, row in enumerate(zip(columns[share], columns[part], columns[total], strict=True)):
        if not all(row):
            continue
        percent, above, below = (cell["number"] for cell in row if cell)
        expected = _share(above, below)
        if expected is None or not _follows(_decimal(percent), expected, near=False):
            wrong.append((n, percent, expected if expected is not None else Decimal(-1)))
        elif 0 < expected < 100:
            right.append(n)
    return [each for each in wrong if each[2] >= 0], right if len(wrong) < 3 else []


# --- products and sums -----------------------------------------------------------------------

_TERM = rf"{_NUMBER}(?:\s?[A-Za-z]+){{0,2}}?"
_CHAINS = (
    lazy_pattern(
        rf"{_START}({_TERM}(?:\s*[×*]\s*{_TERM}|\s+x\s+{_TERM})+)\s*=\s*([~≈]?\s?)({_TERM})"
    ),
    lazy_pattern(rf"{_START}({_TERM}(?:\s+\+\s+{_TERM})+)\s*=\s*([~≈]?\s?)({_TERM})"),
)
_MEASURES = lazy_pattern(
    r"(?i)h|hrs?|hours?|min|mins|minutes?|s|secs?|seconds?|ms|d|days?|weeks?|[kmgt]b|k|m|bn|usd|eur"
    r"|cents?|dollars?"
)


@rule("C010", "warning", "a product or a sum that is another number than its result")
def wrong_product(context: AuthorContext) -> Iterator[Finding]:
    """A total that is not the product of its own factors has been copied or miscounted.

    Units that are converted, as in `8 × 30 min = 4 h`, are not compared.

    Fails: `14 days × 4 seasons = 28 dates`
    """
    for text in context.texts:
        if "=" not in text.value:
            continue
        words = _plain(text.value)
        for is_product, pattern in zip((True, False), _CHAINS, strict=True):
            for match in pattern.finditer(words):
                terms, near, result = match.groups()
                numbers = [_decimal(each) for each in re.findall(_NUMBER, terms)]
                found = Decimal(prod(numbers) if is_product else sum(numbers))
                typed = _decimal(re.findall(_NUMBER, result)[0])
                is_same = _is_rounded(typed, found)
                is_near = near.strip() and abs(found - typed) * 20 <= typed
                before, after = words[: match.start()], words[match.end() :]
                if is_same or is_near or _is_converted(terms, result + after[:12]):
                    continue
                if not re.match(r"\s*[×*+/%^–-]\s*\d|%|\.\d", after) and not re.search(
                    r"\d\s*[×*+/–-]\s*$", before
                ):
                    message = f"'{match[0].strip()}', but it is {found:,f}"
                    yield find_in(text, match[0]), message


def _is_converted(terms: str, result: str) -> bool:
    """Whether the result has a unit that none of the terms has."""
    unit = re.search(r"\d\s?([A-Za-z]+)", result)
    if unit is None:
        return False
    own = {each.casefold().rstrip("s") for each in re.findall(r"[A-Za-z]{1,}", terms)}
    name = unit[1].casefold().rstrip("s")
    return _MEASURES.fullmatch(unit[1]) is not None and name not in own
