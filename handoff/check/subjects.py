"""What texts may speak of: the rows of facts, and the clauses that name them.

A row is named by its key or title, or by a label under which the author cites that row.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from msgspec import Struct

from handoff.base.problems import KeyPath, Place
from handoff.check.rule import CheckContext
from handoff.session.model import Text, place_in
from handoff.session.walk import leaves
from handoff.values.printing import Typed

_TOTALS = ("total", "expected", "scheduled", "planned")
_PARTS = (
    "done",
    "actual",
    "completed",
    "processed",
    "finished",
    "loaded",
    "succeeded",
    "present",
)
SHARES = re.compile(r"percent|pct|rate|ratio|share", re.IGNORECASE)
_GENERIC = frozenset(
    (
        *("all", "any", "count", "data", "date", "day", "days", "eta", "last", "name", "none"),
        *("now", "number", "other", "progress", "state", "status", "sum", "the", "total"),
        *("totals", "unit", "value", "work", "yes"),
    )
)
"""Keys and titles that are words of any sentence."""


class Subject(Struct, frozen=True):
    """A row of a fact, and what texts call it."""

    name: str
    """As a text cites it: `orchestrator.phase_1`."""
    names: tuple[str, ...]
    """In the words of people, longest first."""
    row: Mapping[str, Typed]
    at: datetime | None
    """The as-of time of its fact, UTC."""

    def number(self, column: str) -> Decimal | None:
        value = self.row[column].value if column in self.row else None
        is_number = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
        return Decimal(str(value)) if is_number else None

    @property
    def unit(self) -> str:
        value = self.row["unit"].value if "unit" in self.row else None
        return str(value or "").casefold()

    @property
    def totals(self) -> dict[Decimal, str]:
        found = ((self.number(name), name) for name in _TOTALS)
        return {number: name for number, name in found if number is not None}

    @property
    def parts(self) -> set[Decimal]:
        """Every number of the row that may be a part of its total."""
        found = (self.number(name) for name in self.row if name not in _TOTALS)
        return {number for number in found if number is not None}

    @property
    def progress(self) -> tuple[Decimal, Decimal] | None:
        """What is done, and of how much; `None` if one is not known."""
        part = next((n for name in _PARTS if (n := self.number(name)) is not None), None)
        total = next((n for name in _TOTALS if (n := self.number(name)) is not None), None)
        return None if part is None or total is None else (part, total)

    @property
    def state(self) -> str | None:
        """`complete`, `incomplete` or a state of the contract; `None` if it is not known."""
        value = self.row["state"].value if "state" in self.row else None
        if value is not None:
            return None if value == "unknown" else str(value)
        if (progress := self.progress) is None or progress[1] == 0:
            return None
        return "complete" if progress[0] >= progress[1] else "incomplete"

    @property
    def shown(self) -> str:
        """What the fact says, for a message: `0 of 694, running`."""
        progress = self.progress
        counts = " of ".join(map(plain_number, progress)) if progress else ""
        state = "" if self.state in (None, "incomplete") else self.state
        return ", ".join(filter(None, (counts, state)))


def subjects(context: CheckContext) -> tuple[Subject, ...]:
    """The rows that texts can speak of, with the author's own names for them."""
    if context.cells is None:
        return ()
    found: dict[str, tuple[dict[str, Typed], datetime | None]] = {}
    for source in context.cells.sources().values():
        for cell in context.cells.of(source):
            name = cell.name.removesuffix(f".{cell.column}")
            found.setdefault(name, ({}, cell.at))[0][cell.column] = cell.typed
    labels = _labels(context, found)
    made = (
        Subject(name, _names(name, row, labels.get(name, ())), row, at)
        for name, (row, at) in found.items()
    )
    return tuple(subject for subject in made if subject.names)


def _names(name: str, row: Mapping[str, Typed], labels: Iterable[str]) -> tuple[str, ...]:
    fact, _, key = name.partition(".")
    words = [*labels]
    if key == "overall":
        words += ["all phases", "overall"]
    elif key:
        titles = (
            row[column].value for column in ("title", "phase", "table_name") if column in row
        )
        words += [str(title) for title in titles if title]
        words += [key, key.replace("_", " ")]
    else:
        words += [fact, fact.replace("_", " ")]
    kept = {word.strip() for word in words}
    kept = {word for word in kept if len(word) > 2 and word.casefold() not in _GENERIC}
    return tuple(sorted(kept, key=lambda each: (-len(each), each)))


_CITED = re.compile(
    r"\{\{-?\s*(?P<fact>[a-z]\w*)(?:\.(?P<row>[a-z]\w*)|\[['\"](?P<key>[^'\"]+)['\"]\])?\."
)
_LABEL = re.compile(r"^[\s*_>-]*(?P<label>[A-Za-z][^:{}\n]{1,40}?)[*_]*:[*_\s]")


def _labels(context: CheckContext, rows: Mapping[str, object]) -> dict[str, list[str]]:
    """By row, the labels under which the author cites that row and no other."""
    found: dict[str, list[str]] = {}
    for leaf in leaves(context.session):
        if not isinstance(leaf.node, Text):
            continue
        for line in leaf.node.value.splitlines():
            cited = {name for match in _CITED.finditer(line) if (name := _cited(match, rows))}
            if len(cited) != 1:
                continue
            own = _LABEL.match(line)
            last = own["label"] if own else (leaf.path[-1] if leaf.path else "")
            if isinstance(last, str) and _is_name(last):
                found.setdefault(cited.pop(), []).append(last.strip("*_ "))
    return found


def _cited(match: re.Match[str], rows: Mapping[str, object]) -> str | None:
    key = match["row"] or re.sub(r"[\W_]+", "_", (match["key"] or "").casefold()).strip("_")
    name = f"{match['fact']}.{key}"
    return name if name in rows else match["fact"] if match["fact"] in rows else None


def _is_name(label: str) -> bool:
    """Whether a label names one thing (`Phase 3`) and not a measure of it (`Progress`)."""
    return bool(re.search(r"\d", label)) and len(label) <= 40 and not re.match(r"\d", label)


Known = Mapping[str, tuple["Subject", ...]]
"""The subjects that a name in lower context may mean, the longest name first."""


def by_name(found: Iterable[Subject]) -> Known:
    named: dict[str, list[Subject]] = {}
    for subject in found:
        for name in subject.names:
            rows = named.setdefault(name.casefold(), [])
            rows.append(subject)
    order = sorted(named, key=lambda each: (-len(each), each))
    return {name: tuple(named[name]) for name in order}


def of_label(path: KeyPath, known: Known) -> tuple[Subject, ...]:
    """The subject that the labels around a text name, the nearest first."""
    labels = [each for each in path[1:] if isinstance(each, str)]
    for label in reversed(labels):
        plain = re.sub(
            r"(?i)\s+(?:status|progress|state|backfill|coverage)$", "", label.strip()
        )
        if plain.casefold() in known:
            return known[plain.casefold()]
    return ()


def plain_number(number: Decimal) -> str:
    """`1,537`, `33.4`."""
    text = f"{number:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


# --- clauses -----------------------------------------------------------------------------

_SENTENCE = re.compile(r"[.;!?](?=\s|$)|\n")
_CLAUSE = re.compile(
    r",(?=\s)(?!\s\d{4}\b)|[()|·•]|\s(?:and|but|while|whereas|with)\s", re.IGNORECASE
)
_MARKS = re.compile(r"\*\*|__|`|~~")


class Clause(Struct, frozen=True):
    """A part of a text that speaks of one subject."""

    words: str
    """Without marks of emphasis and code."""
    text: Text
    offset: int
    """Of the clause in the text."""
    subjects: tuple[Subject, ...]
    """One; several rows if they have the same name, in different facts."""
    name: str
    """The word for the subject in the clause; empty if it is only understood."""

    @property
    def place(self) -> Place:
        return place_in(self.text, self.offset)


def clauses(text: Text, known: Known, outer: tuple[Subject, ...]) -> Iterator[Clause]:
    """The clauses of a text that have a subject, by name or from before in their sentence."""
    literal = re.sub(r"\{\{.*?\}\}", lambda m: "\0" * len(m[0]), text.value, flags=re.DOTALL)
    for start, end in _spans(literal, _SENTENCE, 0, len(literal)):
        if literal[end : end + 1] == "?":
            continue
        subject = outer
        for first, last in _spans(literal, _CLAUSE, start, end):
            words = _MARKS.sub("", literal[first:last]).strip()
            named = sorted(_named(words, known), key=lambda each: each[1])
            if named:
                # of two subjects in a clause it is not clear which one is meant
                subject = (
                    named[0][0] if all(_same(each, named[0][0]) for each, _ in named) else ()
                )
            if subject and words:
                lead = len(literal[first:last]) - len(literal[first:last].lstrip())
                name = _joined(words, [span for _, span in named])
                yield Clause(words, text, first + lead, subject, name)


def _joined(words: str, spans: Sequence[tuple[int, int]]) -> str:
    """The subject's name in a clause: `Stage 7 marts`, if both name it; else the last one."""
    start, end = spans[-1] if spans else (0, 0)
    for first, last in reversed(spans):
        if not words[last:start].strip():
            start = min(start, first)
    return words[start:end]


def _same(first: tuple[Subject, ...], second: tuple[Subject, ...]) -> bool:
    return [each.name for each in first] == [each.name for each in second]


def _spans(text: str, at: re.Pattern[str], start: int, end: int) -> Iterator[tuple[int, int]]:
    for match in at.finditer(text, start, end):
        yield start, match.start()
        start = match.end()
    yield start, end


def _named(words: str, known: Known) -> Iterator[tuple[tuple[Subject, ...], tuple[int, int]]]:
    """The subjects that are named, and where; `Phase 3` is not in `Phase 30`."""
    taken = words.casefold()
    for name, found in known.items():
        match = re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w]|[.-]\w)", taken)
        if match and len(taken) == len(words):
            yield found, match.span()
            taken = taken[: match.start()] + "\0" * len(name) + taken[match.end() :]
