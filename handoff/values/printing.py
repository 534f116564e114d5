r"""How a value prints, and how it is kept from being anything but text.

| type | prints |
|---|---|
| BOOL | `✅`, `❌` |
| INT64 | `1,537`; `2024` in a column named `year`, `…_year`, `…_id` |
| FLOAT64, NUMERIC, BIGNUMERIC | `33.4`, `0.67`: see `grouped` |
| DATE, TIME | `2026-01-03`, `16:20`; seconds where there are any |
| DATETIME, TIMESTAMP | `2026-01-03 16:20`, with ` UTC` for a TIMESTAMP |
| STRING | as it is, white space folded; nothing but white space is a blank |
| BYTES | base64 |
| JSON | a string without its quotes, else compact JSON; `null` is a blank |
| ARRAY | `a, b`; `none` when empty |
| STRUCT | `name: value, name: value` |

NULL, NaN and the infinities are blanks. What a query returned is never rendered again.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, time
from decimal import ROUND_HALF_UP, Decimal, localcontext
from fractions import Fraction
from typing import Literal

from msgspec import Struct

from handoff.base.blanks import FoundBlank, blanks
from handoff.base.characters import revealed
from handoff.base.patterns import lazy_pattern
from handoff.sql.types import Type, Value

Where = Literal["text", "cell", "prompt", "code", "carried"]
"""Where a value is printed: in running text, a table's cell, the fence of a prompt, which is
read unchanged, a code span, or a text of another session, printed anywhere."""


class Typed(Struct, frozen=True):
    """A value with its type."""

    value: Value
    type: Type
    is_own: bool = False
    """Whether handoff made the text, `514 of 1,537`, and not a query."""
    is_name: bool = False
    """Whether the number is a name, as a year is: not grouped."""
    exact: Fraction | None = None
    """The number before it was cut for printing; `None` if it was not. Not compared."""
    is_signed: bool = False
    """Whether the number is a change: `+17.9`."""
    before: PreviousNumber | None = None
    """What it was in an earlier session; `None` if there is none. Not compared."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Typed) and self._compared == other._compared

    def __hash__(self) -> int:
        return hash(self._compared)

    @property
    def number(self) -> Fraction:
        """The number as it prints, a FLOAT64 as it is spelled; only of one that prints."""
        assert isinstance(self.value, int | float | Decimal)
        return Fraction(Decimal(str(self.value)))

    @property
    def exact_number(self) -> Fraction:
        """The number itself, such as the share behind a percentage."""
        return self.number if self.exact is None else self.exact

    @property
    def _compared(self) -> tuple[object, ...]:
        return self.value, self.type, self.is_own, self.is_name, self.is_signed


class PreviousNumber(Struct, frozen=True):
    """What a number was in an earlier session."""

    session: str
    """The id."""
    typed: Typed | None
    why: str
    """Why that is not known; else empty."""
    is_share: bool
    """Whether it is a percentage, so that it changes by points."""


def is_name(column: str) -> bool:
    """Whether the numbers of a column are names: a season's year, a run's id."""
    return column.casefold().endswith(("year", "_id"))


_PERCENTAGES = ("percent", "percentage", "pct")
RATIOS = ("ratio", "fraction", "share")


def is_percentage(column: str) -> bool:
    """Whether the numbers of a column are percentages, by its name."""
    return column.casefold().endswith(_PERCENTAGES)


def whole_of(column: str) -> int | None:
    """What a column's numbers are a part of: 100 for percentages and rates, 1 for ratios."""
    name = column.casefold().removesuffix("_before")
    if is_percentage(name) or name.endswith("_rate"):
        return 100
    return 1 if name.endswith(RATIOS) else None


def shown(typed: Typed, where: Where) -> str | None:
    """How the value prints there; `None`: it is a blank."""
    text = printed(typed)
    if text is None or typed.type.name not in _MADE_OF:
        is_own = typed.is_own or typed.type.name not in _FOREIGN
        return text if text is None else escaped(text, where, is_own=is_own)
    return _MADE_OF[typed.type.name](typed, lambda part: shown(part, where))


def printed(typed: Typed) -> str | None:
    """How the value prints, not escaped; `None`: it is a blank."""
    if typed.value is None:
        return None
    if typed.type.name in _MADE_OF:
        return _MADE_OF[typed.type.name](typed, printed)
    if typed.is_name and typed.type.name == "INT64":
        return plain(typed.value)
    text = _PRINTED[typed.type.name](typed.value)
    is_more = typed.is_signed and text not in (None, "0") and not str(text).startswith("-")
    return f"+{text}" if is_more else text


_FOREIGN = ("STRING", "JSON", "BYTES")
"""The types in which a query can return any character."""


def plain(value: Value) -> str | None:
    """A number without grouping, for years and numbers of things."""
    text = grouped(value)
    return None if text is None else text.replace(",", "")


def rounded(value: Value, decimals: int) -> str | None:
    """A number with exactly so many decimals, half away from zero."""
    number = _decimal(value)
    return None if number is None else f"{_quantized(number, decimals):,f}"


_NOISE = Decimal("1e-9")
"""What binary fractions are off by: 100 * 7 / 7 can be 99.99999999999999."""


def rounded_share(value: Value, decimals: int, whole: int = 100) -> str | None:
    """As `rounded`, but never the whole while something is missing, never 0 of something."""
    number = _decimal(value)
    if number is None:
        return None
    near, unit = _quantized(number, decimals), Decimal(1).scaleb(-decimals)
    noise = _NOISE if isinstance(value, float) else Decimal(0)
    if near == whole and whole - number > noise:
        near = whole - unit
    elif near.is_zero() and abs(number) > noise:
        near = unit.copy_sign(number)
    return f"{near:,f}"


def grouped_percentage(value: Value) -> str | None:
    """As `grouped`, but never 100 while something is missing, and never 0 of something."""
    text = grouped(value)
    if text not in ("0", "100"):
        return text
    exact = rounded_share(value, _MOST_DECIMALS)
    return text if exact is None or Decimal(exact) == Decimal(text) else exact


# not strftime, whose words are those of the machine's language
MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July", "August"),
    *("September", "October", "November", "December"),
)


def long_date(day: date) -> str:
    """`January 3, 2026`, as templates print the day of a session."""
    return f"{MONTHS[day.month - 1]} {day.day}, {day.year}"


def timestamp_text(value: datetime) -> str:
    """`2026-01-03 16:20 UTC`; a DATETIME has no zone and names none."""
    return f"{_utc(value).isoformat(' ')[:16]}{_zone(value)}"


def clock(value: datetime | time) -> str:
    """`16:20 UTC`; the time of a DATETIME names no zone."""
    if isinstance(value, datetime):
        return f"{_utc(value):%H:%M}{_zone(value)}"
    return value.isoformat("minutes" if not (value.second or value.microsecond) else "auto")


NONE = "None"
"""What an empty list prints: the author said that there is nothing."""

# --- the types -----------------------------------------------------------------------------

_DECIMALS = 2
_MOST_DECIMALS = 6


def grouped(value: Value) -> str | None:
    """A number of any type, grouped, without an exponent.

    Two decimals at most and no zeros behind them, `33.4`; where these would print a whole
    number that it is not (0.0012, 99.996), as many as show it, up to six. What is left beyond
    is the noise of binary fractions: 1e-17 is 0.
    """
    number = _decimal(value)
    if number is None:
        return None
    for decimals in range(_DECIMALS, _MOST_DECIMALS + 1):
        near = _quantized(number, decimals)
        if near != near.to_integral_value():
            # beyond two, one more: 0.0012 is not 0.001
            near = _quantized(number, decimals + (decimals > _DECIMALS))
            return f"{near:,f}".rstrip("0")
    return f"{_quantized(number, 0):,f}"


def _decimal(value: Value) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    # a float as it is spelled: 2.675 is no 2.67499999999999982
    number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    return number if number.is_finite() else None


def _quantized(number: Decimal, decimals: int) -> Decimal:
    with localcontext() as context:
        context.prec = 400  # a FLOAT64 has up to 309 digits before the point
        near = number.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
    return near.copy_abs() if near.is_zero() else near


def _utc(value: datetime) -> datetime:
    return value.astimezone(UTC) if value.tzinfo else value


def _zone(value: datetime) -> str:
    return " UTC" if value.tzinfo else ""


def _bool(value: Value) -> str:
    return "✅" if value else "❌"


def _string(value: Value) -> str | None:
    return folded(str(value)) or None


def _json(value: Value) -> str | None:
    try:
        read = json.loads(str(value))
    except (ValueError, RecursionError):
        return _string(value)
    if read is None or isinstance(read, str):
        return _string(read or "")
    return _string(value)


def _bytes(value: Value) -> str | None:
    return b64encode(value).decode("ascii") or None if isinstance(value, bytes) else None


def _date(value: Value) -> str | None:
    return value.isoformat()[:10] if isinstance(value, date) else None


def _time(value: Value) -> str | None:
    return clock(value) if isinstance(value, time) else None


def _moment(value: Value) -> str | None:
    return timestamp_text(value) if isinstance(value, datetime) else None


_PRINTED: Mapping[str, Callable[[Value], str | None]] = {
    "BOOL": _bool,
    "INT64": grouped,
    "FLOAT64": grouped,
    "NUMERIC": grouped,
    "BIGNUMERIC": grouped,
    "DATE": _date,
    "TIME": _time,
    "DATETIME": _moment,
    "TIMESTAMP": _moment,
    "STRING": _string,
    "JSON": _json,
    "BYTES": _bytes,
}

_Print = Callable[[Typed], str | None]


def _array(typed: Typed, part: _Print) -> str | None:
    values = typed.value if isinstance(typed.value, tuple) else ()
    parts = [part(Typed(value, typed.type.element, typed.is_own)) for value in values]
    if not parts:
        return "none"
    return None if None in parts else ", ".join(filter(None, parts))


def _struct(typed: Typed, part: _Print) -> str | None:
    """The names are the query's, one word each; a blank field makes the whole a blank."""
    values = typed.value if isinstance(typed.value, Mapping) else {}
    fields = typed.type.fields
    parts = [(f.name, part(Typed(values.get(f.name), f.type, typed.is_own))) for f in fields]
    if any(text is None for _, text in parts):
        return None
    return ", ".join(f"{name}: {text}" if name else str(text) for name, text in parts)


_MADE_OF: Mapping[str, Callable[[Typed, _Print], str | None]] = {
    "ARRAY": _array,
    "STRUCT": _struct,
}

# --- escaping ------------------------------------------------------------------------------

_JOINER = "\u2060"
"""Takes no room and breaks no line, but breaks a link or a choice apart."""


def folded(text: str) -> str:
    """One line of `text`, in which each character can be seen."""
    return revealed(" ".join(text.split()))


def escaped(text: str, where: Where, *, is_own: bool = False) -> str:
    """`text` so that it reads as it is and does nothing else.

    It cannot break the document, become markup, a link, a mention or a blank. In a prompt,
    where escapes would show, text that is more than one plain word is put in a code span;
    `is_own` text is not. In a code span backticks become apostrophes.
    """
    line = folded(text)
    if not line or (is_own and where == "prompt" and _is_fit(line)):
        return line
    if is_own and where == "carried" and _is_fit(line) and _in_text(line) == line:
        return line
    return _ESCAPED[where](line)


def _is_fit(text: str) -> bool:
    """Whether the author's own text can be in a prompt unchanged."""
    return "`" not in text and "~~~" not in text and not _blanks(text)


def _in_text(text: str) -> str:
    spelled = _at_start(_MARKUP.sub(r"\\\g<0>", text))
    for pattern, broken in _LINKS:
        spelled = pattern.sub(broken, spelled)
    return _unchosen(spelled)


def _in_prompt(text: str) -> str:
    is_plain = _PLAIN_WORD.fullmatch(text) and not _blanks(text)
    return text if is_plain else code_span(text)


def _in_code(text: str) -> str:
    return text.replace("`", "'")


def _in_session(text: str) -> str:
    """`text` in a code span, which it stays in any document and any prompt."""
    return text if _in_prompt(text) == _in_text(text) == text else code_span(text)


_ESCAPED: Mapping[Where, Callable[[str], str]] = {
    "text": _in_text,
    "cell": _in_text,  # which leaves no bare pipe
    "prompt": _in_prompt,
    "code": _in_code,
    "carried": _in_session,
}


def verbatim(text: str, where: Where) -> str:
    """The author's own words, unchanged; in a table's cell they cannot end it."""
    if where != "cell":
        return text
    line = " ".join(text.split("\n"))
    return _PIPE.sub(lambda match: "\\|" if match[0] == "|" else match[0], line)


_PIPE = lazy_pattern(r"\\.|\|", re.DOTALL)


def code_span(text: str) -> str:
    """`text`, which is one line, as a code span (CommonMark 0.31 §6.1)."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    ticks = "`" * (longest + 1)
    pad = " " if text.startswith("`") or text.endswith("`") or not text.strip() else ""
    return f"{ticks}{pad}{text}{pad}{ticks}"


def open_ticks(text: str) -> str:
    """The backticks that close the code span in which `text` ends; else empty."""
    return next((ticks for ticks, _, end in code_spans(text) if end is None), "")


def code_spans(text: str) -> Iterator[tuple[str, int, int | None]]:
    """The backticks before each code span, and where its content starts and ends.

    `None` where nothing closes them (CommonMark 0.31 §6.1).
    """
    at = 0
    while opened := _TICKS.search(text, at):
        ticks, at = opened["ticks"], opened.end()
        if ticks:
            start = at
            closing = re.compile(rf"(?<!`){ticks}(?!`)").search(text, at)
            at = closing.end() if closing else at
            yield ticks, start, closing.start() if closing else None


_TICKS = lazy_pattern(r"\\.|(?P<ticks>`+)", re.DOTALL)
_PLAIN_WORD = lazy_pattern(r"(?=.*\w)[\w./:+%-]+")
_MARKUP = lazy_pattern(
    r"""
      [\\`*\[\]<>|~$]
    | (?<![^\W_])_ | _(?![^\W_])       # inside a word an underscore is none
    | &(?=[\#A-Za-z]|$)
    | !$
    """,
    re.VERBOSE,
)
_RULE = lazy_pattern(r"[-=:+\s]+")
_BLOCK_START = lazy_pattern(r"(?=[#(=:])|(?=[+-](?:\s|$))|(?<!\d)\d{1,9}(?=[.)](?:\s|$))")
"""Where what begins a block begins; the backslash goes behind the match."""
_LINKS: tuple[tuple[re.Pattern[str], str], ...] = (
    (lazy_pattern(r"(?i)\b(https?|ftp|mailto|xmpp)(?=:)"), rf"\1{_JOINER}"),
    (lazy_pattern(r"(?i)\b(www)(?=\.)"), rf"\1{_JOINER}"),
    (lazy_pattern(r"([@#])(?=\w|$)"), rf"\1{_JOINER}"),
    (lazy_pattern(r"(?i)\b(GH)(?=-\d)"), rf"\1{_JOINER}"),
    # GitHub's :tada:, not a time of day
    (lazy_pattern(r":(?=[0-9_+-]*[A-Za-z+-][\w+-]*:|100:|1234:)"), rf":{_JOINER}"),
)
"""What GitHub makes links, mentions and emoji of; no backslash keeps it from that."""


def _at_start(text: str) -> str:
    """`text` that begins no heading, list, quote or destination, and is no line of dashes."""
    if _RULE.fullmatch(text):
        return re.sub(r"\S", r"\\\g<0>", text)
    found = _BLOCK_START.match(text)
    return f"{found[0]}\\{text[found.end() :]}" if found else text


def _unchosen(text: str) -> str:
    """`text` without an unmade choice: `✅/❌`, `PASS/FAIL`, `TBD`."""
    for found in reversed(_blanks(text)):
        broken = found.text.replace("/", r"\/")
        if broken == found.text:
            broken = f"{found.text[0]}{_JOINER}{found.text[1:]}"
        text = text[: found.start] + broken + text[found.end :]
    return text


def _blanks(text: str) -> tuple[FoundBlank, ...]:
    return blanks(text) or blanks(text, item=True)
