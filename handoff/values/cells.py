"""Every value of a session's facts, named as a text would cite it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, tzinfo
from hashlib import sha256

from msgspec import Struct, field

from handoff.facts.recorded import Fact, Facts
from handoff.session.model import QueryFact, Session, SourceFact
from handoff.sql.query import Query
from handoff.values.printing import Typed
from handoff.values.rows import EarlierSession, FactView, Row, row_name
from handoff.values.view import ViewFactory

_LONGEST = 60
"""Characters of a row's name, which a query can return at any length; then a digest."""


class Cell(Struct, frozen=True):
    """One value."""

    name: str
    """`orchestrator.phase_1.done`."""
    column: str
    typed: Typed
    at: datetime | None
    """The as-of time of its query, UTC."""


class Cells(Struct, frozen=True):
    """The facts of one session at one time."""

    session: Session
    facts: Facts | None
    queries: Mapping[str, Query]
    stalled_minutes: int
    zone: tzinfo
    earlier: Mapping[str, EarlierSession] = field(default_factory=dict)
    """What other sessions recorded, by their ids."""

    def sources(self) -> Mapping[str, FactView]:
        """Each fact as texts see it, with the old result if the latest run failed."""
        reader = self._reader(stale_ok=True)
        return {each.name: reader.view(each) for each in self.session.facts}

    def source(self, question: QueryFact | SourceFact) -> FactView:
        """One fact as texts see it, without a result if the latest run failed."""
        return self._reader(stale_ok=False).view(question)

    def of(
        self, source: FactView, *, by_first: bool = False, is_list: bool = False
    ) -> Iterator[Cell]:
        """Its values, with the derived ones and those over all rows.

        Rows that no key names are left out; with `by_first` their first column names them.
        A single row has the name of the fact, unless `is_list`.
        """
        at, ends = self.as_of(source.name), ("_before", "_change")
        trend = {name for name in source.derived if name.endswith(ends)}
        first = next(iter(source.types), None) if by_first else None
        for name, row in _named_rows(source, source.named_by or first, is_list=is_list):
            for column, typed in row.items():
                if column in trend:  # about a value, not a value itself
                    continue
                yield Cell(f"{name}.{column}", column, typed, at)

    def _reader(self, *, stale_ok: bool) -> ViewFactory:
        limits = (self.stalled_minutes, self.zone, stale_ok)
        return ViewFactory(self.facts, self.queries, *limits, earlier=self.earlier)

    def as_of(self, name: str) -> datetime | None:
        """The as-of time of the last result; after a failed run older than that of the rest."""
        fact: Fact | None = self.facts.facts.get(name) if self.facts else None
        if self.facts is None or fact is None or fact.provenance is None:
            return None
        return fact.provenance.as_of or self.facts.as_of

    def contract(self, name: str) -> str | None:
        fact = self.facts.facts.get(name) if self.facts else None
        return fact.contract if fact else None


def _named_rows(
    source: FactView, key: str | None, *, is_list: bool
) -> Iterator[tuple[str, Row]]:
    rows: Sequence[Row] = source.rows or ()
    if source.key is None and len(rows) == 1 and not is_list:
        yield source.name, rows[0]
    elif key is not None:
        yield from _by_key(rows, key, source.name)
    if source.overall is not None:
        yield f"{source.name}.overall", source.overall


def _by_key(rows: Sequence[Row], key: str, fact: str) -> Iterator[tuple[str, Row]]:
    seen: dict[str, int] = {}
    for row in rows:
        name = _row_name(row, key)
        seen[name] = seen.get(name, 0) + 1
        # a key that occurs twice cannot be cited, but its rows can change
        yield f"{fact}.{name}" + (f"#{seen[name]}" if seen[name] > 1 else ""), row


def _row_name(row: Row, key: str) -> str:
    cell = row.get(key)
    value = str(cell.value) if cell else ""
    name = row_name(value) or "unnamed"
    if len(name) <= _LONGEST:
        return name
    return f"{name[:_LONGEST]}_{sha256(value.encode('utf-8', 'replace')).hexdigest()[:6]}"


# --- earlier values ------------------------------------------------------------------------


class EarlierValue(Struct, frozen=True):
    """A value that a fact had before."""

    cell: Cell
    recorded: str
    """Where it is recorded: `session-1`, `sessions/session-1.facts.json at a1b2c3d`."""


def _not_moved(path: str) -> str | None:
    return None


def _unknown(name: str) -> bool | None:
    return None


class FactHistory(Struct, frozen=True):
    """What a check can look up in git and in other sessions, each only when it needs it."""

    moved: Callable[[str], str | None] = _not_moved
    """Where a missing file was moved to; `None` if unknown."""
    knows: Callable[[str], bool | None] = _unknown
    """Whether git has a commit; `None` if unknown."""
    committed: Callable[[str], bool | None] = _unknown
    """Whether a path is in the commit that is checked out; `None` if unknown."""
    old: Callable[[], Iterable[EarlierValue]] = tuple
    """Earlier values of the session's facts, the latest recordings first."""
