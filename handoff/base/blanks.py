"""Blanks: what nobody has filled in yet, by one grammar for every text.

A blank is one of:

- `[TO BE FILLED]`, with or without a hint;
- bracketed capitals, `[TIME]`, `[FILE PATH]`, `[%]`: letters only, which `[JIRA-123]` is not,
  and at least two together, which `[A-Z]`, `[X]` and `[N/A]` do not have; not a word that marks
  what follows, `[MONITOR] the queue`, or that is spoken of, `the [MONITOR] step`;
- a list item or a table cell that is one bracketed phrase, `- [Other relevant files]`;
- a choice not made yet: `[YES/NO]`, `✅/❌`, `🔴/🟡/🟢`; `PASS/FAIL` and `GO / NO-GO` only as
  the whole value, because people write about "the GO/NO-GO decision"; not in a legend;
- `TBD` as the whole value.

`tests/fixtures/blanks/` has an example of each case.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

from msgspec import Struct

from handoff.base.fences import find_fences
from handoff.base.patterns import lazy_pattern

DEFAULT = "[TO BE FILLED]"

BlankKind = Literal["blank", "name", "phrase", "choice"]


class FoundBlank(Struct, frozen=True):
    """One blank in a text."""

    text: str
    start: int
    """In characters of the searched text, counted from 0."""
    end: int
    kind: BlankKind
    hint: str
    """What belongs there, in the words of the blank: `SQL query`; empty for a bare blank."""
    choices: tuple[str, ...]
    """The options of a choice not made yet."""


def blank(hint: str = "") -> str:
    """The blank for a value that `hint` describes; a hint that is a blank is returned as is."""
    words = " ".join(hint.split())
    if not words:
        return DEFAULT
    if is_blank(words):
        return words
    return f"[TO BE FILLED - {words[:_LONGEST_HINT].translate(_ROUND).strip()}]"


def is_blank(text: str, *, item: bool = False) -> bool:
    """Whether `text` as a whole is one blank; `item`: the text is a list item."""
    words = text.strip()
    found = blanks(words, item=item)
    return len(found) == 1 and found[0].text == words


def blanks(text: str, *, item: bool = False) -> tuple[FoundBlank, ...]:
    """Every blank in one inline text, in order; `item`: the text is a list item."""
    return tuple(_find(text, 0, item=item))


# --- the grammar ---------------------------------------------------------------------------

_LONGEST_HINT = 200
_ROUND = str.maketrans("[]`\\<>\0", "()'/() ")
_BRACKET = lazy_pattern(r"\[([^\[\]\n]{1,300})\]")
_TO_BE_FILLED = lazy_pattern(
    r"to be filled(?:(?:\s*[-–—:,]\s*|\s+)(?P<hint>.*))?", re.IGNORECASE
)
_CAPITALS = lazy_pattern(r"(?=.*[A-Z]{2}|[NX]{0,2} ?%)[A-Z%#][A-Z /_&'.,:?%#-]*")
_EMOJI = "[✅❌⚠🔴🟠🟡🟢⚪🔵⏸🔄🚀⛔🚫]\ufe0f?"
_EMOJI_CHOICE = lazy_pattern(rf"{_EMOJI}(?: ?/ ?{_EMOJI})+")
_WORD_CHOICE = lazy_pattern(
    r"PASS ?/ ?FAIL|GO ?/ ?NO-GO|YES ?/ ?NO|DONE ?/ ?NOT DONE"
    r"|Yes ?/ ?No|Pass ?/ ?Fail|Go ?/ ?No-Go|TBD"
)
_SIGNS = ("[", "/", "TBD")
"""Every blank has one of them, and most texts have none."""
_VALUE_BEFORE = lazy_pattern(r"(?:^|[:|=→]|(?:^|\s)(?:[-+]|\d{1,9}[.)]))[\s*_]*$")
_VALUE_AFTER = lazy_pattern(r"[*_]*\s*(?:$|[|(\n])")
_TICKET = lazy_pattern(r"[A-Z][A-Z0-9]*-\d+")
_DEFINITION = lazy_pattern(
    r" {0,3}\[([^\[\]\n]{1,300})\]:[ \t]*(?:<[^<>\n]*>|[^\s<]\S*)(?:[ \t]+[\"'(].*)?[ \t]*$"
)

_ANSWERS = frozenset(
    (
        *("INFO", "DEBUG", "WARN", "WARNING", "ERR", "ERROR", "FATAL", "CRITICAL"),
        *("NOTE", "TIP", "IMPORTANT", "CAUTION", "DONE", "FIXED", "SKIPPED", "OK"),
        *("PASS", "PASSED", "FAIL", "FAILED", "YES", "NO", "NONE", "GO", "NO-GO"),
        *("HIGH", "MEDIUM", "LOW"),
        *("MONITOR", "WIP", "OPTIONAL", "REQUIRED", "URGENT", "BLOCKED", "BLOCKER", "NEW"),
        *("OPEN", "CLOSED", "ACTIVE", "DEPRECATED", "DRAFT", "FINAL", "MANUAL", "BUG"),
        *("FEATURE", "HOTFIX", "READY", "RUNNING", "PARKED", "ONGOING", "VERIFIED", "MERGED"),
        *("COMPLETE", "COMPLETED", "IN PROGRESS"),
    )
)
"""Bracketed words that are not blanks: levels of a log, and choices already made."""


_VALUES = frozenset(
    (
        *("AMOUNT", "COUNT", "DATE", "DAY", "DAYS", "DURATION", "ETA", "FILE", "FILES", "HASH"),
        *(
            "HOURS",
            "ID",
            "LINK",
            "LIST",
            "MINUTES",
            "NAME",
            "NUMBER",
            "OWNER",
            "PATH",
            "PENDING",
        ),
        *(
            "PERCENT",
            "PERCENTAGE",
            "PERSON",
            "PID",
            "RATE",
            "RESULT",
            "RESULTS",
            "SHA",
            "STATUS",
        ),
        *("TBD", "TIME", "TIMESTAMP", "TITLE", "TODO", "TOTAL", "URL", "VALUE", "VERSION"),
        *("X", "XX", "XXX", "N"),
    )
)
"""Words that name a value, so that brackets around them are a blank wherever they are."""
_MARK_BEFORE = lazy_pattern(
    r"(?:^|[.!?])\W*$|\b(?:the|an?|this|that|each|every|no|see|as|marked|tagged|labelled|called)\s$",
    re.IGNORECASE,
)
_MARKED = lazy_pattern(r"[*_]*\s?(?!(?:of|per|is|are|was|were)\b)[^\W\d]")
"""What follows a mark; `[USED] of [LIMIT]` are values."""
_LEGEND = lazy_pattern(
    r"\b(?:legend|means?|meaning|symbols?|scale|one of|either|markers?)\b|=\s", re.IGNORECASE
)


def _find(text: str, offset: int, *, item: bool) -> Iterator[FoundBlank]:
    """The blanks of one inline text, which begins at `offset` of the searched text."""
    if not any(sign in text for sign in _SIGNS):
        return
    masked = _masked(text)
    phrase = _phrase(masked) if item else None
    if phrase:
        start, end = phrase
        words = text[start:end]
        hint = words[1:-1].strip()
        yield FoundBlank(words, offset + start, offset + end, "phrase", hint, ())
        return
    last = 0
    for start, end in sorted([*_bracketed(masked), *_choices(masked)]):
        if start >= last:
            words = text[start:end]
            yield FoundBlank(words, offset + start, offset + end, *_meaning(words))
            last = end


def _phrase(masked: str) -> tuple[int, int] | None:
    """Where the list item is one bracketed phrase."""
    words = masked.strip()
    match = _BRACKET.fullmatch(words)
    if match is None or _is_capitals(match[1]) or _TO_BE_FILLED.fullmatch(match[1]):
        return None
    inner = match[1].strip()
    if not re.search(r"[^\W\d_]{2}", inner) or inner[0] in "^!\0" or _is_answer(inner):
        return None
    start = masked.find(words)
    return start, start + len(words)


def _bracketed(masked: str) -> Iterator[tuple[int, int]]:
    for match in _BRACKET.finditer(masked):
        inner = match[1].strip()
        is_one = _TO_BE_FILLED.fullmatch(inner) or _is_emoji(inner)
        if not is_one and _is_capitals(inner):
            is_one = _names_value(inner) or not _is_mark(masked, match)
        if is_one and not _is_link(masked, match):
            yield match.span()


def _names_value(inner: str) -> bool:
    """Whether capitals name a value, or choices: `[GO / NO-GO]`, `[%]`."""
    words = re.findall(r"[A-Z]+", inner)
    return not words or "/" in inner or "%" in inner or not _VALUES.isdisjoint(words)


def _is_mark(masked: str, match: re.Match[str]) -> bool:
    """Whether a word marks the words that follow it, or is spoken of."""
    before = masked[max(0, match.start() - 20) : match.start()].rpartition("\n")[2]
    after = masked[match.end() : match.end() + 6]
    if not _MARKED.match(after) or " " in match[1].strip():
        return False
    return _MARK_BEFORE.search(before) is not None


def _is_value(masked: str, start: int, end: int) -> bool:
    """Whether the words are a whole value: of a label, a cell, an item, a line."""
    # looking back a bounded number of characters keeps long texts linear
    before = masked[max(0, start - 20) : start]
    at_start = start <= 20 or "\n" in before
    is_start = _is_value_start(before.rpartition("\n")[2], at_start)
    return is_start and _VALUE_AFTER.match(masked, end) is not None


def _choices(masked: str) -> Iterator[tuple[int, int]]:
    for match in _EMOJI_CHOICE.finditer(masked):
        if not _LEGEND.search(masked, max(0, match.start() - 60), match.end() + 20):
            yield match.span()
    for match in _WORD_CHOICE.finditer(masked):
        if _is_value(masked, *match.span()):
            yield match.span()


def _is_value_start(before: str, at_start: bool) -> bool:
    if not at_start:
        before = "." + before
    return _VALUE_BEFORE.search(before) is not None


def _is_capitals(inner: str) -> bool:
    return _CAPITALS.fullmatch(inner) is not None and not _is_answer(inner)


def _is_answer(inner: str) -> bool:
    return inner in _ANSWERS or _TICKET.fullmatch(inner) is not None


def _is_emoji(inner: str) -> bool:
    return _EMOJI_CHOICE.fullmatch(inner) is not None


def _is_link(masked: str, match: re.Match[str]) -> bool:
    """Whether the brackets are code, a link, an image or a reference (CommonMark 0.31 §6.3)."""
    before = masked[match.start() - 1 : match.start()]
    after = masked[match.end() : match.end() + 1]
    if before and (before in "]![_" or (before.isascii() and before.isalnum())):
        return True
    return after in ("(", "[") or (after == ":" and _is_definition(masked, match))


def _is_definition(masked: str, match: re.Match[str]) -> bool:
    """Whether the brackets start a definition, `[NAME]: address` (CommonMark 0.31 §4.7)."""
    begin = masked.rfind("\n", max(0, match.start() - 4), match.start()) + 1
    begin = begin or max(0, match.start() - 4)
    end = masked.find("\n", match.end())
    return bool(_DEFINITION.match(masked, begin, end if end >= 0 else len(masked)))


def _meaning(words: str) -> tuple[BlankKind, str, tuple[str, ...]]:
    """The kind of a blank that is no phrase, its hint and its choices."""
    inner = words[1:-1].strip() if words.startswith("[") else words
    to_be_filled = _TO_BE_FILLED.fullmatch(inner)
    if to_be_filled:
        return "blank", (to_be_filled["hint"] or "").strip(), ()
    if inner == "TBD":
        return "blank", "", ()
    choices = tuple(part.strip() for part in inner.split("/") if part.strip())
    return ("choice", "", choices) if len(choices) > 1 else ("name", inner, ())


# --- what is not searched ------------------------------------------------------------------

_TOKEN = lazy_pattern(r"\\[!-/:-@\[-`{-~]|`+|<!--|<(code|kbd|pre|samp)>[^<]{0,300}</\1>")


def _masked(text: str) -> str:
    """`text` with code, comments and escaped characters masked, length unchanged."""
    runs = _last_runs(text)
    parts: list[str] = []
    at = 0
    while match := _TOKEN.search(text, at):
        parts.append(text[at : match.start()])
        end = _end_of(text, match, runs)
        size = (end or match.end()) - match.start()
        parts.append(match[0] if end is None else "\0" * size)
        at = match.start() + size
    return "".join([*parts, text[at:]])


def _end_of(text: str, match: re.Match[str], runs: dict[int, int]) -> int | None:
    """The end of the code, comment or escape that `match` opens; `None`: plain text."""
    if match[0].startswith(("\\", "<c", "<k", "<s", "<p")):
        return match.end()
    if match[0] == "<!--":
        closed = text.find("-->", match.end())
        return len(text) if closed < 0 else closed + 3
    ticks = len(match[0])
    if runs[ticks] < match.end():
        return None
    # Runs of another length are skipped: CommonMark 0.31 §6.1.
    return next(m.end() for m in _RUN.finditer(text, match.end()) if len(m[0]) == ticks)


_RUN = lazy_pattern("`+")


def _last_runs(text: str) -> dict[int, int]:
    """For each length of a run of backticks, the start of the last run of that length."""
    last = {len(m[0]): m.start() for m in _RUN.finditer(text)}
    # An escaped backtick shortens its run by one.
    for ticks in list(last):
        last.setdefault(ticks - 1, -1)
    return last


# --- whole documents -----------------------------------------------------------------------

_LINE = lazy_pattern(r"[^\n]*\n?")
_CELL = lazy_pattern(r"(?:[^|\\]|\\.)+")
_ITEM = lazy_pattern(r"[ >\t]*(?:[-*+]|\d{1,9}[.)])[ \t]+(?:\[[ xX]\][ \t]+)?")
_PROMPT_ABOVE = lazy_pattern(
    r"copy[\s/&-]*(?:and[\s-]*)?paste|\bpaste (?:this|the|it)\b|^#.*\b(?:prompt|kick-?off)\b",
    re.IGNORECASE,
)
_PROMPT_INFOS = ("", "text", "txt", "markdown", "md", "prompt")


def blanks_in_document(markdown: str) -> tuple[FoundBlank, ...]:
    """Every blank of a Markdown document, in order.

    Fences are not searched, except the prompt's: the one with the info string `prompt`, or
    the one that follows a line with "copy-paste" or a heading with "prompt" and names no
    language. Comments, `<details>` and `<pre>` are not searched. `[NAME]` is not a blank where
    the document defines it as a link.
    """
    lines = list(_searched(markdown))
    defined = {_label(m[1]) for _, text in lines if (m := _DEFINITION.match(text))}
    return tuple(
        each
        for start, text in lines
        for each in _find_in_line(text, start)
        if _label(each.text[1:-1]) not in defined
    )


def _label(label: str) -> str:
    """A link label as labels are compared (CommonMark 0.31 §6.3): folded, single spaces."""
    return " ".join(label.split()).casefold()


def _find_in_line(text: str, start: int) -> Iterator[FoundBlank]:
    if text.lstrip(" >").startswith("|"):
        for cell in _CELL.finditer(text.rstrip("\r\n")):
            yield from _find(cell[0], start + cell.start(), item=True)
        return
    item = _ITEM.match(text)
    skipped = item.end() if item else 0
    yield from _find(text[skipped:].rstrip("\r\n"), start + skipped, item=item is not None)


def _searched(markdown: str) -> Iterator[tuple[int, str]]:
    """The lines to search, each with its offset."""
    lines = [match[0] for match in _LINE.finditer(markdown)]
    fences = {each.first: each for each in find_fences([line.rstrip("\r\n") for line in lines])}
    above, heading, shown_from, code_until = "", "", 0, 0
    is_prompt, is_closed, offset = False, True, 0
    hidden = _Hidden(markdown)
    for number, text in enumerate(lines, start=1):
        start, offset = offset, offset + len(text)
        if start < shown_from:
            continue
        if number <= code_until:
            if is_prompt and not (number == code_until and is_closed):
                yield start, text
            continue
        if fence := fences.get(number):
            is_prompt = is_prompt_fence(fence.info, above, heading)
            code_until = fence.last
            is_closed, above, heading = fence.state != "open", "", ""
            continue
        shown_from = hidden.until(start, text)
        if shown_from:
            continue
        above = text.strip() or above
        heading = above if above[:1] == "#" else heading
        yield start, text


def is_prompt_fence(info: str, above: str, heading: str = "") -> bool:
    """Whether a fence is a prompt, by its info string, the text and the heading above it."""
    words = info.strip().lower()
    if words == "prompt":
        return True
    is_named = _PROMPT_ABOVE.search(above) or _PROMPT_ABOVE.search(heading)
    return words in _PROMPT_INFOS and is_named is not None


class _Hidden:
    """Comments, `<details>` and `<pre>`; the last end of each is looked up only once."""

    def __init__(self, markdown: str) -> None:
        self._markdown = markdown
        self._last_details = markdown.rfind("</details>")
        self._last_pre = markdown.rfind("</pre>")
        self._last_comment = markdown.rfind("-->")

    def until(self, start: int, line: str) -> int:
        """The end of what this line opens and hides or shows as it is; 0 if it opens none."""
        words = line.lstrip()
        if words.startswith("<!--"):
            # An open comment hides the rest (CommonMark 0.31 §4.6).
            return self._end("-->", start, self._last_comment) or len(self._markdown)
        if words.startswith("<details"):
            return self._end("</details>", start, self._last_details)
        if words.startswith("<pre"):
            return self._end("</pre>", start, self._last_pre)
        return 0

    def _end(self, closing: str, start: int, last: int) -> int:
        return self._markdown.find(closing, start) + len(closing) if last > start else 0
