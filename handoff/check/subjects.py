"""What texts may speak of: the rows of facts, and the names that people use for them.

A row is named by its key or title, or by a label under which the author cites that row.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal

from msgspec import Struct

from handoff.base.problems import KeyPath
from handoff.check.rule import CheckContext
from handoff.session.model import QueryFact, Text
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
        *("any", "count", "eta", "last", "name", "none", "number", "other", "sum", "unit"),
        *("value", "work", "yes"),
    )
)
"""Keys and titles that are words of any sentence, in addition to the neutral ones."""
NEUTRAL = frozenset(
    re.findall(
        r"\w+",
        """
        progress status state coverage share percent percentage completion success rate
        count eta done complete completed finished processed loaded covered written
        backfilled populated rebuilt total totals overall result scheduled expected
        available successful succeeded running stalled is are was were has have had been be
        will it its s we i this that the a an of by at to on in as all both each whole every
        now already currently still just only fully finally exactly today successfully
        completely entirely about around roughly approximately some circa ca also so far
        backfill run load rebuild job processing import phase table data date dates day days
        row rows records game games current well good news utc through way up stands sits
        stays reached reaches hit hits got gets rose went grew climbed jumped moved
        there progressed passed crossed advanced increased covers shows holds contains
        """,
    )
)
"""Words that neither change what a sentence is about nor what it claims."""


class Subject(Struct, frozen=True):
    """A row of a fact, and what texts call it."""

    name: str
    """As a text cites it: `orchestrator.phase_1`."""
    names: tuple[str, ...]
    """In the words of people, longest first."""
    row: Mapping[str, Typed]
    at: datetime | None
    """The as-of time of its fact, UTC."""
    is_old: bool
    """Whether its fact has failed since."""

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
        found = (self.number(name) for name in self.row if name != "scheduled")
        return {number for number in found if number is not None} - {
            number for number in self.totals if len(self.totals) == 1
        }

    @property
    def shares(self) -> tuple[Decimal, ...]:
        """The percentages of what is done, of each total it can be measured by."""
        if (progress := self.progress) is None:
            found = ((name, self.number(name)) for name in self.row if SHARES.search(name))
            return tuple(n for _, n in found if n is not None)
        return tuple(progress[0] * 100 / total for total in self.totals if total)

    @property
    def progress(self) -> tuple[Decimal, Decimal] | None:
        """What is done, and of how much; `None` if one is not known."""
        part = next((n for name in _PARTS if (n := self.number(name)) is not None), None)
        total = next((n for name in _TOTALS if (n := self.number(name)) is not None), None)
        return None if part is None or total is None else (part, total)

    @property
    def state(self) -> str | None:
        """A state of the contract, `incomplete`, `nothing done`; `None` if it is not known."""
        value = self.row["state"].value if "state" in self.row else None
        if value is not None:
            return None if value == "unknown" else str(value)
        if (progress := self.progress) is None or progress[1] == 0:
            return None
        if progress[0] >= progress[1]:
            return "complete"
        return "incomplete" if progress[0] else "nothing done"

    @property
    def shown(self) -> str:
        """What the fact says, for a message: `0 of 694, running`."""
        progress = self.progress
        counts = " of ".join(map(plain_number, progress)) if progress else ""
        state = "" if self.state in (None, "incomplete", "nothing done") else self.state
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
    queries = {
        each.name: each.sql for each in context.session.facts if isinstance(each, QueryFact)
    }
    owners = {
        each.casefold(): name
        for name, (row, _) in found.items()
        for each in _names(name, row, (), "")
    }
    made = []
    for name, (row, at) in found.items():
        query = context.queries.get(queries.get(name.partition(".")[0], ""))
        # `Phase 3: {{ runs.phase_1.progress }}` does not make Phase 3 a name of phase 1
        mine = [
            each for each in labels.get(name, ()) if owners.get(each.casefold(), name) == name
        ]
        names = _names(name, row, mine, query.text if query else "")
        fact = context.facts.facts.get(name.partition(".")[0]) if context.facts else None
        is_old = fact is not None and fact.failure is not None
        made.append(Subject(name, names, row, at, is_old))
    return tuple(subject for subject in made if subject.names)


def _names(
    name: str, row: Mapping[str, Typed], labels: Iterable[str], sql: str
) -> tuple[str, ...]:
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
        words += re.findall(rf"\b(?:[\w-]+\.)+{re.escape(key)}\b", sql)
    else:
        words += [fact, fact.replace("_", " ")]
    kept = {each for word in words for each in _spellings(word.strip())}
    kept = {each for each in kept if len(each) > 2 and is_specific(each)}
    return tuple(sorted(kept, key=lambda each: (-len(each), each)))


def _spellings(name: str) -> Iterator[str]:
    """`Phase 1`, `phase_1`, `Phase-1` and `PHASE1`."""
    yield name
    numbered = re.fullmatch(r"(.*[A-Za-z])[ _-](\d+)", name)
    if numbered:
        yield from (f"{numbered[1]}{mark}{numbered[2]}" for mark in (" ", "_", "-", ""))


def is_specific(name: str) -> bool:
    """Whether a name is more than words of any sentence; `backfill` alone may be a fact's."""
    words = re.findall(r"[^\W_]+", name.casefold())
    return name.casefold() == "backfill" or any(
        word not in NEUTRAL and word not in _GENERIC for word in words
    )


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
            last = own["label"] if own else (leaf.path[-1] if len(leaf.path) > 1 else "")
            if isinstance(last, str) and _is_name(last, line):
                found.setdefault(cited.pop(), []).append(last.strip("*_ "))
    return found


def _cited(match: re.Match[str], rows: Mapping[str, object]) -> str | None:
    key = match["row"] or re.sub(r"[\W_]+", "_", (match["key"] or "").casefold()).strip("_")
    name = f"{match['fact']}.{key}"
    return name if name in rows else match["fact"] if match["fact"] in rows else None


def _is_name(label: str, cites: str) -> bool:
    """Whether a label names one thing (`Phase 3`) and not a measure of it (`Progress`)."""
    if not 3 < len(label) <= 40 or re.match(r"\d", label) or not is_specific(label):
        return False
    columns = set(re.findall(r"\.(\w+)\s*(?:\||\}\})", cites))
    is_progress = columns & {"progress", "summary"} or (
        columns & set(_PARTS) and columns & set(_TOTALS)
    )
    return bool(re.search(r"\d", label) or (is_progress and " " in label.strip()))


KnownSubjects = Mapping[str, tuple["Subject", ...]]
"""The subjects that a name in lower context may mean, the longest name first."""


def by_name(found: Iterable[Subject]) -> KnownSubjects:
    named: dict[str, list[Subject]] = {}
    for subject in found:
        for name in subject.names:
            rows = named.setdefault(name.casefold(), [])
            rows.append(subject)
    order = sorted(named, key=lambda each: (-len(each), each))
    return {name: tuple(named[name]) for name in order}


def of_label(path: KeyPath, known: KnownSubjects) -> tuple[tuple[Subject, ...], str, str]:
    """The subject that the labels around a text name; all labels; those below the subject's."""
    labels = [each.strip() for each in path[1:] if isinstance(each, str)]
    for index in reversed(range(len(labels))):
        plain = re.sub(
            r"(?i)\s+(?:status|progress|state|backfill|coverage)$", "", labels[index]
        )
        if plain.casefold() in known:
            below = ": ".join(labels[index + 1 :])
            return known[plain.casefold()], " ".join(labels[:index]), below
    return (), " ".join(labels), ""


def plain_number(number: Decimal) -> str:
    """`1,537`, `33.4`."""
    text = f"{number:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
