"""The clauses of a text that are about one row of a fact, and the words they may use.

A claim counts only if every word between it and its subject is neutral, and nothing around it
hedges: so `Phase 1 is now at 60 %` is compared, `Phase 1 uses 60 % of the memory` is not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from msgspec import Struct

from handoff.base.problems import KeyPath, Place
from handoff.check.subjects import NEUTRAL, KnownSubjects, Subject, of_label
from handoff.session.model import Text, place_in

_LASTING = (
    r"as soon as|if|when|once|until|unless|after|before|whether|verify|check|ensure|make sure"
    r"|wait\w*|expect\w*|target\w*|goals?|plan\w*|should|must|need\w*|next|todo|without|neither"
    r"|(?<!since )yesterday|earlier|previously|not"
)
HEDGE = re.compile(
    rf"(?i)\b(?:{_LASTING}|was|were|had|previous|formerly|ago|initial\w*|original|first|old"
    r"|aim\w*|estimat\w*|forecast|want\w*|(?:has|have) to|thought|believed|reported|claim\w*"
    r"|mistake|(?:call|mark|declare|consider)\w*|require[sd]?|criteri\w+|prerequisite\w*"
    r"|objectives?|milestones?|roadmap|will"
    r"|would|could|can|may|might|hop\w+|assum\w*"
    r"|at (?:least|most|the start)|up to|minimum|maximum|threshold|limit|from|to be|going to"
    r"|remain\w*|left|missing|lacks?|gap|instead|never|no|nor|almost|nearly|partially|far from"
    r"|between|(?:more|less|fewer) than|over|under|above|below|by (?:tomorrow|\d\d:\d\d|\w+day)"
    r")\b|n't\b|[≥≤<>?❌⏳⏸🔲⬜🚧]|→|->"
)
"""What makes a claim a wish, a plan, a bound, the past or the contrary."""
_OPENS_HEDGE = re.compile(rf"(?i)\b(?:{_LASTING})\b")
"""A hedge that holds for the clauses that follow it, too."""
_DENIED = re.compile(
    r"(?i)\b(?:all|everything|nothing|none|every \w+)\b.*\b(?:but|except)\b"
    r"|\b(?:false|wrong|untrue|incorrect"
    r"|premature|not true|hopefully|presumably|supposedly)\b|^\s*(?:[-*+]\s+)?(?:\[ \]|☐)"
)
_LONGEST = 2_000
"""Characters of a sentence that is read."""
_SENTENCE = re.compile(r"[.;!?](?=\s|$)|\n")
_CLAUSE = re.compile(
    r"(?i),(?=\s)(?!\s\d{4}\b)|[()|·•&]"
    r"|\s(?:and|but|while|whereas|with(?=\s(?:\d+[^\d]|no\s|all\s)))\s"
)
_JOINS = re.compile(r"(?i),\s|&|\sand\s")
_MARKS = re.compile(r"\*+|__|`|~~|(?<!\w)_|_(?!\w)")
_VALUE = re.compile(r"\{\{.*?\}\}", re.DOTALL)
_FENCE = re.compile(r"^(`{3,}|~{3,}).*?(?:^\1|\Z)", re.DOTALL | re.MULTILINE)
_RANGE = re.compile(r"(?i)(\bbetween\s+\S+(?:\s%)?\s)and(?=\s)")
_SEVERAL = re.compile(
    r"(?i)(?<![\w.-])(?P<word>[a-z]{3,}?)s?[ _-]?"
    r"(?P<numbers>\d{1,3}(?:\s*(?:/|,|-|–|\+|&|and|to)\s*\d{1,3})+)(?![\w%]|[.,-]\d)"
)
"""`Phases 1 and 2`, `Phases 1-3`, `Phase 1/2`."""


class Clause(Struct, frozen=True):
    """A part of a text that speaks of one subject."""

    words: str
    """Without marks of emphasis and code."""
    context: str
    """What the words depend on: earlier clauses, a table's heading, the labels around."""
    text: Text
    offset: int
    """Of the clause in the text."""
    subjects: tuple[Subject, ...]
    """One; several rows if they have the same name, in different facts."""
    start: int
    """Where the words name the subject; 0 if it is only understood."""
    end: int
    is_shared: bool
    """Whether it is about several subjects, as in `Phases 1 and 2 are complete`."""
    is_near: bool
    """False after words about something else: `preflight passed (100 %)`."""

    @property
    def name(self) -> str:
        return self.words[self.start : self.end]

    @property
    def place(self) -> Place:
        return place_in(self.text, self.offset)

    def is_hedged(self, start: int, end: int) -> bool:
        """Whether words before, around or shortly after say that it is no claim about now."""
        before, after = self.words[:start], re.split(r"[:–—]\s", self.words[end:])[0]
        return bool(
            HEDGE.search(f"{self.context} {_FROM.sub('', before)}")
            or HEDGE_AFTER.search(after)
            or PAST_AFTER.search(after)
        )

    def is_linked(self, start: int, end: int) -> bool:
        """Whether only neutral words are between the subject and what is claimed of it."""
        if not self.is_near:
            return False
        if start >= self.end:
            is_object = _is_object(self.words[: self.start])
            between = self.words[self.end : start]
            return not is_object and self.has_neutral_lead() and is_neutral(between)
        return is_neutral(self.words[:start]) and is_neutral(self.words[end : self.start])

    def has_neutral_lead(self) -> bool:
        """False for a part of the subject: `queries for Phase 4 are complete`."""
        lead = self.words[: self.start]
        preposition = _PREPOSITION.search(lead)
        return preposition is None or is_neutral(lead[: preposition.start()].split(":")[-1])


HEDGE_AFTER = re.compile(
    r"(?i)\b(?:remain\w*|left|missing|to go|expected|target|planned|tomorrow|would|at most"
    r"|pending|no|outstanding|open|unprocessed|to do)\b|[?❌⏳⏸🔲⬜🚧\[]"
)
PAST_AFTER = re.compile(
    r"(?i)\b(?:yesterday|earlier|ago|at (?:the start|noon|\d{1,2}:\d{2}))\b"
)
_FROM = re.compile(r"(?i)\bfrom\s+[\d.,]+\s?%?\s+to\b|\ball(?: the)?\s+[\d,]+")
"""`from 10 % to 45 %` claims the 45 %; `all 854 dates` are no other ones."""
_PREPOSITION = re.compile(
    r"(?i)\b(?:for|of|in|on|from|to|by|about|around)\s+(?:the\s+)?[\W_]*$"
)


def _is_object(lead: str) -> bool:
    """Whether a subject is what something else is done to: `restarted Phase 1 at 50 %`."""
    match = re.search(r"([\w'’]+)(?:\s+(?:the|an?|all|of))*\s*$", lead)
    last = match[1] if match else ""
    return not last.casefold().endswith("ly") and not is_neutral(last)


def is_neutral(words: str) -> bool:
    """Whether words add nothing: `is now at`, `: ✅`, `progress, as of 16:20 UTC`."""
    found = re.findall(r"[^\W_][\w.:'’]*", _FROM.sub("", words))
    if "\0" in words:
        return False
    return all(word.casefold().strip(".:'’") in NEUTRAL or _is_clock(word) for word in found)


def _is_clock(word: str) -> bool:
    return bool(re.fullmatch(r"\d{1,2}:\d{2}|UTC|\d{4}-\d{2}-\d{2}", word.strip(".:")))


def clauses(
    text: Text, path: KeyPath, known: KnownSubjects, chapter: str = ""
) -> Iterator[Clause]:
    """The clauses of a text that have a subject, by name or from before in their sentence.

    `chapter` is the headings above the text.
    """
    outer, labels, label = of_label(path, known)
    lower = _MARKS.sub("", text.value).casefold()
    present = {name: rows for name, rows in known.items() if name in lower}
    if not present and not outer and not _SEVERAL.search(text.value):
        return
    intro = ""
    literal = _VALUE.sub(lambda match: "\0" * len(match[0]), text.value)
    literal = _FENCE.sub(lambda match: re.sub(r"[^\n]", "\0", match[0]), literal)
    literal = _RANGE.sub(r"\1 – ", literal)
    literal, several = _placeholders(literal, known)
    headings: list[str] = []
    for start, end, _ in _spans(literal, _SENTENCE, 0, len(literal)):
        sentence = literal[start:end]
        cells = sentence.strip().strip("|").split("|") if "|" in sentence else []
        if cells and re.match(r"\s*\|[\s:|-]+\n", literal[end:]):
            headings = cells
        elif not cells:
            headings = []
        is_prose = end - start < _LONGEST and literal[end : end + 1] != "?"
        if is_prose and not _DENIED.search(sentence):
            around = (f"{chapter} {labels} {intro}", headings)
            first = (outer, label if start == 0 else "")
            yield from _of_sentence(
                (text, literal, start, end), present, several, first, around
            )
        if sentence.lstrip().startswith("#") or sentence.rstrip(" *_").endswith(":"):
            intro = sentence  # of a list, as far as the next heading


Group = list[tuple[Subject, ...]]
Several = dict[str, Group]


def _of_sentence(
    sentence: tuple[Text, str, int, int],
    known: KnownSubjects,
    several: Several,
    outer: tuple[tuple[Subject, ...], str],
    around: tuple[str, list[str]],
) -> Iterator[Clause]:
    text, literal, start, end = sentence
    current: Group = [outer[0]]
    waiting: Group = []
    label, earlier, column, is_near = outer[1], "", -1, True
    for first, last, mark in _spans(literal, _CLAUSE, start, end):
        column += mark == "|"
        words = _MARKS.sub("", literal[first:last]).strip()
        if not words:
            continue
        words += " (" * literal.startswith("(", last)
        if mark.strip().casefold() == "but":
            earlier = ""
        named, span = _subjects_of(words, known, several)
        if any(current) and words[slice(*span)].casefold() in NEUTRAL:
            named, span = [], (0, 0)  # `Phase 4 is ready, backfill at 60 %`
        rest = f"{words[: span[0]]} {words[span[1] :]}"
        if named:
            current, is_near = waiting + named, True
            if not re.search(r"\w|✅", rest) and _JOINS.match(literal, last):
                waiting = current
                continue
        elif waiting:
            current = waiting
        elif label and current == [outer[0]]:
            words, label = f"{label}: {words}", ""
        waiting = []
        heading = around[1][column] if 0 <= column < len(around[1]) else ""
        context = f"{around[0]} {earlier} {heading}"
        at = first + len(literal[first:last]) - len(literal[first:last].lstrip())
        for each in filter(None, current):
            yield Clause(words, context, text, at, each, *span, len(current) > 1, is_near)
        if named or (mark == "(" and re.search(r"\d{4}", words)):
            is_near = is_neutral(re.sub(r"[\d,.]*\d", "", rest))
        lead = words[: span[0]].rstrip()
        if named and _is_object(lead) and not literal.startswith("(", last):
            current = [()]  # `wrote the game logs, done` is about the writing
        if _OPENS_HEDGE.search(words) or literal.startswith("(", last):
            earlier = f"{earlier} {words}"
        elif mark == "(" and not _OPENS_HEDGE.search(earlier):
            earlier = ""


def _subjects_of(
    words: str, known: KnownSubjects, several: Several
) -> tuple[Group, tuple[int, int]]:
    """The subjects that a clause names, and where; an empty one if it may be either of two."""
    for mark, group in several.items():
        if mark in words:
            return group, (words.index(mark), words.index(mark) + len(mark))
    named = sorted(_named(words, known), key=lambda each: each[1])
    if not named:
        return [], (0, 0)
    if not all(_same(each, named[0][0]) for each, _ in named):
        return [()], (0, 0)
    return [named[0][0]], _joined(words, named)


def _placeholders(literal: str, known: KnownSubjects) -> tuple[str, Several]:
    """The text with a mark of the same length in place of each name of several subjects."""
    found: Several = {}

    def replaced(match: re.Match[str]) -> str:
        numbers = [int(each) for each in re.findall(r"\d+", match["numbers"])]
        if re.fullmatch(r"\d+\s*(?:-|–|to)\s*\d+", match["numbers"]):
            numbers = list(range(numbers[0], min(numbers[1], numbers[0] + 50) + 1))
        names = [f"{match['word']} {number}".casefold() for number in numbers]
        if len(numbers) < 2 or not all(name in known for name in names):
            return match[0]
        mark = chr(0xE000 + len(found)) * len(match[0])
        found[mark] = [known[name] for name in names]
        return mark

    return _SEVERAL.sub(replaced, literal), found


Named = tuple[tuple[Subject, ...], tuple[int, int]]


def _joined(words: str, named: Sequence[Named]) -> tuple[int, int]:
    """The subject's name in a clause: `Stage 7 marts`, if both name it; else the last one."""
    start, end = named[-1][1]
    for _, (first, last) in reversed(named):
        if not words[last:start].strip():
            start = min(start, first)
    return start, end


def _same(first: tuple[Subject, ...], second: tuple[Subject, ...]) -> bool:
    return [each.name for each in first] == [each.name for each in second]


def _spans(
    text: str, at: re.Pattern[str], start: int, end: int
) -> Iterator[tuple[int, int, str]]:
    """The parts between the matches, each with the match before it."""
    before = ""
    for match in at.finditer(text, start, end):
        yield start, match.start(), before
        start, before = match.end(), match[0]
    yield start, end, before


def _named(words: str, known: KnownSubjects) -> Iterator[Named]:
    """The subjects that are named, and where; `Phase 3` is not in `Phase 30`."""
    taken = words.casefold()
    if len(taken) != len(words):
        return
    found: list[tuple[str, Named]] = []
    for name, rows in known.items():
        if name not in taken:
            continue
        match = re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w]|[.-]\w)", taken)
        if match:
            found.append((name, (rows, match.span())))
            taken = taken[: match.start()] + "\0" * len(name) + taken[match.end() :]
    # `backfill` is the fact only where nothing else is named: not in `Phase 4 backfill`
    yield from [each for name, each in found if name not in NEUTRAL] or [e for _, e in found]
