"""Blanks: what nobody has filled in yet, by one grammar wherever text stands.

A blank is one of:

- `[TO BE FILLED]`, with a hint behind it or without;
- bracketed capitals, `[TIME]`, `[FILE PATH]`, `[%]`: letters only, so that `[JIRA-123]` is
  none, with two of them together, so that `[A-Z]`, `[X]` and `[N/A]` are none;
- a list item that is one bracketed phrase, `- [Other relevant files]`;
- an unmade choice: `[YES/NO]`, `✅/❌`, `🔴/🟡/🟢`; `PASS/FAIL` and `GO / NO-GO` only where
  they are the whole value, for people write of "the GO/NO-GO decision";
- `TBD` as the whole value.

`tests/fixtures/blanks/inline.tsv` and the documents beside it settle each case.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

DEFAULT = "[TO BE FILLED]"

Kind = Literal["blank", "name", "phrase", "choice"]


class FoundBlank(Struct, frozen=True):
    """One blank in a text."""

    text: str
    start: int
    """In characters of the text searched, from 0."""
    end: int
    line: int
    """Of the text searched, from 1."""
    column: int
    """In characters, from 1."""
    kind: Kind
    hint: str
    """What is wanted, in the author's words: `SQL query`, `TIME`; empty for a bare blank."""
    choices: tuple[str, ...]
    """Of an unmade choice."""


def blank(hint: str = "") -> str:
    """The blank that asks for `hint`; a hint that is a blank stands as it is."""
    words = " ".join(hint.split())
    if not words:
        return DEFAULT
    if is_blank(words):
        return words
    return f"[TO BE FILLED - {words[:_LONGEST_HINT].translate(_ROUND).strip()}]"


def is_blank(text: str, *, item: bool = False) -> bool:
    """Whether `text` as a whole is one blank; as a list item where `item`."""
    words = text.strip()
    found = blanks(words, item=item)
    return len(found) == 1 and found[0].text == words


def blanks(text: str, *, item: bool = False) -> tuple[FoundBlank, ...]:
    """Every blank in one inline text, in order; `item`: the text is a list item."""
    return tuple(_placed(_found(text, 0, item=item), text))


def _label(label: str) -> str:
    """A link reference's label in the form in which labels are compared."""
    return " ".join(label.split()).casefold()


# --- the grammar ---------------------------------------------------------------------------

_LONGEST_HINT = 200
_ROUND = str.maketrans("[]`\\<>\0", "()'/() ")
_BRACKET = re.compile(r"\[([^\[\]\n]{1,300})\]")
_TO_BE_FILLED = re.compile(r"to be filled(?:(?:\s*[-–—:,]\s*|\s+)(?P<hint>.*))?", re.IGNORECASE)
_CAPITALS = re.compile(r"(?=.*[A-Z]{2}|[NX]{0,2} ?%)[A-Z%#][A-Z /_&'.,:?%#-]*")
_EMOJI = "[✅❌⚠🔴🟠🟡🟢⚪🔵⏸🔄🚀⛔🚫]\ufe0f?"
_EMOJI_CHOICE = re.compile(rf"{_EMOJI}(?: ?/ ?{_EMOJI})+")
_WORD_CHOICE = re.compile(
    r"PASS ?/ ?FAIL|GO ?/ ?NO-GO|YES ?/ ?NO|TRUE ?/ ?FALSE|DONE ?/ ?NOT DONE"
    r"|Yes ?/ ?No|Pass ?/ ?Fail|Go ?/ ?No-Go|TBD"
)
_VALUE_BEFORE = re.compile(r"(?:^|[:|=→]|(?:^|\s)(?:[-+]|\d{1,9}[.)]))[\s*_]*$")
_VALUE_AFTER = re.compile(r"[*_]*\s*(?:$|[|(\n])")
_TICKET = re.compile(r"[A-Z][A-Z0-9]*-\d+")
_DEFINITION = re.compile(
    r" {0,3}\[([^\[\]\n]{1,300})\]:[ \t]*(?:<[^<>\n]*>|[^\s<]\S*)(?:[ \t]+[\"'(].*)?[ \t]*$"
)

_ANSWERS = frozenset(
    (
        *("INFO", "DEBUG", "WARN", "WARNING", "ERROR", "FATAL", "CRITICAL"),
        *("NOTE", "TIP", "IMPORTANT", "CAUTION", "DONE", "FIXED", "SKIPPED", "OK"),
        *("PASS", "PASSED", "FAIL", "FAILED", "YES", "NO", "NONE", "GO", "NO-GO"),
        *("HIGH", "MEDIUM", "LOW"),
    )
)
"""Bracketed words that say something: levels of a log, and choices already made."""


def _found(text: str, start: int, *, item: bool) -> Iterator[FoundBlank]:
    """The blanks of one inline text that begins at `start` of the whole; places come later."""
    masked = _masked(text)
    if not item or not (whole := _phrase(masked, text)):
        spans = sorted([*_bracketed(masked), *_choices(masked)])
        last = 0
        for begin, end in spans:
            if begin >= last:
                yield _described(text[begin:end], start + begin)
                last = end
        return
    yield replace(whole, start=start + whole.start, end=start + whole.end)


def _phrase(masked: str, text: str) -> FoundBlank | None:
    """The list item that is one bracketed phrase."""
    words = masked.strip()
    begin = masked.find(words)
    match = _BRACKET.fullmatch(words)
    if match is None or _is_capitals(match[1]) or _TO_BE_FILLED.fullmatch(match[1]):
        return None
    inner = match[1].strip()
    if not re.search(r"[^\W\d_]{2}", inner) or inner[0] in "^!\0" or _is_answer(inner):
        return None
    spelled = text[begin : begin + len(words)]
    return FoundBlank(
        spelled, begin, begin + len(words), 1, 1, "phrase", spelled[1:-1].strip(), ()
    )


def _bracketed(masked: str) -> Iterator[tuple[int, int]]:
    for match in _BRACKET.finditer(masked):
        inner = match[1].strip()
        is_one = _TO_BE_FILLED.fullmatch(inner) or _is_capitals(inner) or _is_emoji(inner)
        if is_one and not _is_link(masked, match):
            yield match.span()


def _choices(masked: str) -> Iterator[tuple[int, int]]:
    for match in _EMOJI_CHOICE.finditer(masked):
        yield match.span()
    for match in _WORD_CHOICE.finditer(masked):
        # A bounded look back keeps long texts linear.
        before = masked[max(0, match.start() - 20) : match.start()]
        at_start = match.start() <= 20 or "\n" in before
        if _is_value_start(before.rpartition("\n")[2], at_start) and _VALUE_AFTER.match(
            masked, match.end()
        ):
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
    """Whether the brackets begin `[NAME]: address` (CommonMark 0.31 §4.7)."""
    begin = masked.rfind("\n", max(0, match.start() - 4), match.start()) + 1
    begin = begin or max(0, match.start() - 4)
    end = masked.find("\n", match.end())
    return bool(_DEFINITION.match(masked, begin, end if end >= 0 else len(masked)))


def _described(spelled: str, begin: int) -> FoundBlank:
    end = begin + len(spelled)
    inner = spelled[1:-1].strip() if spelled.startswith("[") else spelled
    to_be_filled = _TO_BE_FILLED.fullmatch(inner)
    if to_be_filled or inner == "TBD":
        hint = (to_be_filled["hint"] or "").strip() if to_be_filled else ""
        return FoundBlank(spelled, begin, end, 1, 1, "blank", hint, ())
    choices = tuple(part.strip() for part in inner.split("/") if part.strip())
    if len(choices) > 1:
        return FoundBlank(spelled, begin, end, 1, 1, "choice", "", choices)
    return FoundBlank(spelled, begin, end, 1, 1, "name", inner, ())


# --- what is not searched ------------------------------------------------------------------

_TOKEN = re.compile(r"\\[!-/:-@\[-`{-~]|`+|<!--")


def _masked(text: str) -> str:
    """`text` with code spans, comments and escaped characters struck out, length kept."""
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
    """Where the code span, comment or escape that `match` opens ends; `None`: it is text."""
    if match[0].startswith("\\"):
        return match.end()
    if match[0] == "<!--":
        closed = text.find("-->", match.end())
        return len(text) if closed < 0 else closed + 3
    ticks = len(match[0])
    if runs[ticks] < match.end():
        return None
    # Runs of another length are skipped: CommonMark 0.31 §6.1.
    return next(m.end() for m in _RUN.finditer(text, match.end()) if len(m[0]) == ticks)


_RUN = re.compile("`+")


def _last_runs(text: str) -> dict[int, int]:
    """For each length of a run of backticks, where the last of that length begins."""
    last = {len(m[0]): m.start() for m in _RUN.finditer(text)}
    # An escaped backtick shortens its run by one.
    for ticks in list(last):
        last.setdefault(ticks - 1, -1)
    return last


# --- places --------------------------------------------------------------------------------


def _placed(found: Iterator[FoundBlank], text: str) -> Iterator[FoundBlank]:
    """`found`, which is in order, with lines and columns of `text`."""
    line, at = 1, 0
    for each in found:
        line += text.count("\n", at, each.start)
        at = each.start
        column = each.start - (text.rfind("\n", 0, each.start) + 1) + 1
        yield replace(each, line=line, column=column)


# --- whole documents -----------------------------------------------------------------------

_LINE = re.compile(r"[^\n]*\n?")
_OPENING = re.compile(
    r"(?P<lead>[ >]*(?:(?:[-*+]|\d{1,9}[.)])[ ]+)*)(?P<fence>`{3,}|~{3,})(?P<info>.*)"
)
_ITEM = re.compile(r"[ >\t]*(?:[-*+]|\d{1,9}[.)])[ \t]+(?:\[[ xX]\][ \t]+)?")
_PROMPT_ABOVE = re.compile(r"copy[\s/-]*(?:and[\s-]*)?paste|^#.*\bprompt\b", re.IGNORECASE)
_PROMPT_INFOS = ("", "text", "txt", "markdown", "md", "prompt")


def blanks_in_document(markdown: str) -> tuple[FoundBlank, ...]:
    """Every blank of a Markdown document, in order.

    Fences are passed over, but for the prompt's: the one whose info string is `prompt`, or
    that follows a line with "copy-paste" or a heading with "prompt" and names no language.
    Comments and `<details>` are passed over; so is `[NAME]` where the document defines it.
    """
    lines = list(_searched(markdown))
    defined = {_label(m[1]) for _, text in lines if (m := _DEFINITION.match(text))}
    found = (
        each
        for start, text in lines
        for each in _in_line(text, start)
        if _label(each.text[1:-1]) not in defined
    )
    return tuple(_placed(found, markdown))


def _in_line(text: str, start: int) -> Iterator[FoundBlank]:
    item = _ITEM.match(text)
    skipped = item.end() if item else 0
    return _found(text[skipped:].rstrip("\r\n"), start + skipped, item=item is not None)


def _searched(markdown: str) -> Iterator[tuple[int, str]]:
    """The lines to search and where they begin."""
    fence: re.Match[str] | None = None
    is_prompt, above, shown_from = False, "", 0
    hidden = _Hidden(markdown)
    for match in _LINE.finditer(markdown):
        text = match[0]
        if match.start() < shown_from:
            continue
        if fence:
            if _closes(text, fence):
                fence, above = None, ""
            elif is_prompt:
                yield match.start(), text
            continue
        fence = _fence(text)
        if fence:
            is_prompt = _is_prompt(fence, above)
            continue
        shown_from = hidden.until(match)
        if shown_from:
            continue
        above = text.strip() or above
        yield match.start(), text


def _fence(text: str) -> re.Match[str] | None:
    """The opening fence (CommonMark 0.31 §4.5), in a quote or a list item too."""
    match = _OPENING.match(text.rstrip("\r\n"))
    is_inline_code = match and match["fence"][0] == "`" and "`" in match["info"]
    return None if is_inline_code else match


def _closes(text: str, fence: re.Match[str]) -> bool:
    words = text.strip(" >\t\r\n")
    mark = fence["fence"]
    return len(words) >= len(mark) and set(words) == {mark[0]}


def _is_prompt(fence: re.Match[str], above: str) -> bool:
    info = fence["info"].strip().lower()
    if info == "prompt":
        return True
    return info in _PROMPT_INFOS and _PROMPT_ABOVE.search(above) is not None


class _Hidden:
    """Comments and `<details>`; where nothing closes any more is looked up only once."""

    def __init__(self, markdown: str) -> None:
        self._markdown = markdown
        self._last_details = markdown.rfind("</details>")
        self._last_comment = markdown.rfind("-->")

    def until(self, line: re.Match[str]) -> int:
        """Where what this line opens ends; 0 where it opens nothing that is hidden."""
        words = line[0].lstrip()
        if words.startswith("<!--"):
            # An open comment hides the rest (CommonMark 0.31 §4.6).
            return self._end("-->", line.start(), self._last_comment) or len(self._markdown)
        if words.startswith("<details"):
            return self._end("</details>", line.start(), self._last_details)
        return 0

    def _end(self, closing: str, start: int, last: int) -> int:
        return self._markdown.find(closing, start) + len(closing) if last > start else 0
