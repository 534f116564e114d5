"""Where the live values in a document come from, and what they were before."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from handoff.base.problems import Place
from handoff.facts.recorded import Fact, Facts, Value
from handoff.preview.html import DIGITS, VALUE_END, VALUE_START
from handoff.project.project import Project
from handoff.session.model import QueryFact, Text, place_in
from handoff.sql.types import inferred
from handoff.values.expressions import Expression, ExpressionNode, cited, parts
from handoff.values.printing import Typed, printed, timestamp_text
from handoff.values.rows import FactView, row_name
from handoff.workspace.document import interpolator
from handoff.workspace.history import ProjectFiles
from handoff.workspace.load import LoadedSession

_MARK = re.compile(f"{VALUE_START}[{DIGITS}]+|{VALUE_END}")
_NONCHARACTERS = re.compile("[\ufdd0-\ufdef]")


class TracedValue(Struct, frozen=True):
    """A value in the document."""

    name: str
    """As the author wrote it, or as a text could cite it: `orchestrator.phase_1.done`."""
    text: Text
    """What it is part of; its place is the block's for a value in a block."""
    place: Place
    node: ExpressionNode | None
    """`None`: nothing cites a value in a row without a key."""
    facts: tuple[str, ...]


class ValueTracer:
    """Numbers the values of a document while it is rendered."""

    def __init__(self) -> None:
        self.values: list[TracedValue] = []
        self._numbers: dict[tuple[str, Place], int] = {}

    def mark_text(self, part: Expression, text: Text, words: str) -> str:
        """As `interpolate.ValueMarker`."""
        place = place_in(text, part.start)
        name = text.value[part.start : part.end].strip("{} ")
        return self._mark(words, TracedValue(name, text, place, part.node, cited(part)))

    def mark_cell(self, view: FactView, column: str, index: int, words: str) -> str:
        """As `interpolate.ValueMarker`."""
        name = _cell_name(view, column, index)
        read = parts(f"{{{{ {name} }}}}") if name else ()
        node = next((each.node for each in read if isinstance(each, Expression)), None)
        name = name or f"{view.name}, row {index + 1}, {column}"
        place = view.declaration.place
        return self._mark(
            words, TracedValue(name, Text(name, place), place, node, (view.name,))
        )

    def merge(self, plain: str, marked: str) -> str:
        """`plain` with the marks of `marked`, as far as both have the same lines."""
        lines, others = plain.split("\n"), marked.split("\n")
        if len(lines) != len(others) or _NONCHARACTERS.search(plain):
            return _NONCHARACTERS.sub("", plain)
        pairs = zip(lines, others, strict=True)
        return "\n".join(b if _MARK.sub("", b) == a else a for a, b in pairs)

    def _mark(self, words: str, traced: TracedValue) -> str:
        number = self._numbers.setdefault((traced.name, traced.place), len(self.values))
        if number == len(self.values):
            self.values.append(traced)
        digits = "".join(DIGITS[int(digit)] for digit in str(number))
        return f"{VALUE_START}{digits}{words}{VALUE_END}"


def _cell_name(view: FactView, column: str, index: int) -> str:
    """How a text cites the value; empty where none can."""
    rows: Sequence[Mapping[str, Typed]] = view.rows or ()
    if view.named_by is None:
        return f"{view.name}.{column}" if len(rows) == 1 else ""
    keys = [row_name(str(row[view.named_by].value)) for row in rows if view.named_by in row]
    if len(keys) != len(rows) or keys.count(keys[index]) > 1 or not keys[index].isidentifier():
        return ""
    return f"{view.name}.{keys[index]}.{column}"


# --- description ---------------------------------------------------------------------------


class Description(Struct, frozen=True):
    """What the page shows of a value, in words."""

    name: str
    lines: tuple[tuple[str, str], ...]
    places: tuple[Place, ...]
    """Of the value in the session, and of the queries."""


def describe_value(
    project: Project, loaded: LoadedSession, facts: Facts | None, traced: TracedValue
) -> Description:
    """Where the value comes from, and what it was before."""
    recorded = facts.facts if facts else {}
    found = [recorded[name] for name in traced.facts if name in recorded]
    lines = [line for fact in found for line in _describe_fact(fact)]
    if found:
        before = _before(project, loaded, facts, traced)
        lines.append(("before", before or "no earlier result is recorded"))
    else:
        lines.append(("source", "the session, not a query"))
    queries = dict.fromkeys(
        each.sql
        for each in loaded.session.facts
        if isinstance(each, QueryFact) and each.name in traced.facts
    )
    places = (traced.place, *(Place(project.query_path(name)) for name in queries))
    return Description(traced.name, tuple(lines), places)


def _describe_fact(fact: Fact) -> Iterator[tuple[str, str]]:
    yield "fact", fact.name
    how = fact.provenance
    if how is None:
        yield "result", "none"
        return
    yield "source", how.source
    others = {name: value for name, value in how.params.items() if name != "as_of"}
    yield (
        "parameters",
        ", ".join(f"{name} = {_text(value)}" for name, value in others.items()) or "none",
    )
    yield "as of", timestamp_text(how.as_of) if how.as_of else "not recorded"
    yield "ran at", timestamp_text(how.ran_at)
    yield "engine", how.engine
    yield "bytes billed", "none" if how.bytes_billed is None else f"{how.bytes_billed:,}"
    if fact.failure:
        yield "latest run failed", fact.failure.message


def _text(value: Value) -> str:
    return printed(Typed(value, inferred(value))) or "NULL"


def _before(
    project: Project, loaded: LoadedSession, facts: Facts | None, traced: TracedValue
) -> str:
    """What the value was in the last earlier recording; empty if none has it."""
    if facts is None or traced.node is None:
        return ""
    for where, earlier in ProjectFiles(project).recordings(loaded.session.id, facts):
        if not _is_earlier(earlier.as_of, facts.as_of):
            continue
        live = interpolator(project, loaded, earlier)
        words = live.bare(traced.node, traced.text)
        if words is not None:
            at = f"as of {timestamp_text(earlier.as_of)}, " if earlier.as_of else ""
            return f"{words} ({at}{where})"
    return ""


def _is_earlier(one: datetime | None, other: datetime | None) -> bool:
    return one is not None and other is not None and one < other
