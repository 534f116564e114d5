"""Views of a session's facts: what is declared, recorded and derived of each, and by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from hashlib import sha256

from msgspec import Struct, field
from msgspec.structs import replace

from handoff.facts.recorded import Fact, Facts
from handoff.session.model import MARK, QueryFact, Session, SourceFact, definition
from handoff.sql.query import CONTRACTS, Query
from handoff.sql.types import Type, Value, type_of
from handoff.values import expectations, trends
from handoff.values.printing import Typed, is_name, timestamp_text
from handoff.values.progress import DERIVED, DerivedRow, derive
from handoff.values.rows import EarlierSession, EarlierView, FactView, Row, row_name

_TEXT = Type("STRING")


def declared_views(session: Session, queries: Mapping[str, Query]) -> Mapping[str, FactView]:
    """The session's facts by name, as far as their queries declare what they return."""
    found = (declared_view(each, queries) for each in session.facts)
    return {view.name: view for view in found}


def declared_view(
    declaration: QueryFact | SourceFact, queries: Mapping[str, Query]
) -> FactView:
    """A fact before anything has run, without its redacted columns."""
    query = definition(declaration, queries)
    view = _view(declaration, query, None)
    kept = {name: each for name, each in view.types.items() if name not in declaration.redact}
    view = replace(view, types=kept, is_typed=query is not None)
    return _with_marks(trends.with_columns(view)) if query else view


class ViewFactory(Struct, frozen=True):
    """Builds the views of one session's recorded facts."""

    facts: Facts | None
    """`None`: nothing has run, and nothing recorded is to be used."""
    queries: Mapping[str, Query]
    stalled_minutes: int
    zone: tzinfo
    stale_ok: bool
    """Whether the last result counts if the latest run failed."""
    earlier: Mapping[str, EarlierSession] = field(default_factory=dict)
    """What other sessions recorded, by their ids."""

    def view(self, declaration: QueryFact | SourceFact) -> FactView:
        fact = self.facts.facts.get(declaration.name) if self.facts else None
        view = _view(declaration, definition(declaration, self.queries), fact)
        is_current = fact is not None and (self.stale_ok or fact.failure is None)
        recorded = fact if fact and fact.provenance and is_current else None
        if recorded:
            view = self._recorded(view, recorded)
        if declaration.since:
            view = self._compared(view, declaration.since, recorded)
        return self._judged(view) if declaration.expect else view

    def as_of(self, name: str) -> datetime | None:
        """The as-of time of the fact's last result."""
        return as_of(self.facts.facts.get(name) if self.facts else None, self.facts)

    def _recorded(self, view: FactView, fact: Fact) -> FactView:
        at = as_of(fact, self.facts)
        names = [column.name for column in fact.columns]
        plain = [dict(zip(names, row, strict=True)) for row in fact.rows]
        rows: Sequence[DerivedRow] = [DerivedRow(row, {}) for row in plain]
        overall: DerivedRow | None = None
        if view.contract is not None and at is not None:
            # a redacted column is not recorded at all
            columns: dict[str, Value] = dict.fromkeys(CONTRACTS[view.contract])
            rows, overall = derive(
                view.contract,
                [{**columns, **row} for row in plain],
                as_of=at,
                stalled_minutes=self.stalled_minutes,
                zone=self.zone,
            )
        age = f"as of {timestamp_text(at)}, " if at else ""
        stale = f"({age}not answered since)"
        return replace(
            view,
            rows=tuple(_typed(row, view) for row in rows),
            overall=_typed(overall, view) if overall else None,
            stale=stale if fact.failure else "",
        )

    def _compared(self, view: FactView, session: str, fact: Fact | None) -> FactView:
        """With what its numbers were in the session that the fact is compared with."""
        earlier = self.earlier.get(session) or EarlierSession(session, None)
        then = self._then(view, earlier, fact)
        return trends.compared(view, then.view, then.why, session=session)

    def history(self, declaration: QueryFact | SourceFact) -> Sequence[EarlierView]:
        """The fact as each earlier session recorded it, the oldest first."""
        fact = self.facts.facts.get(declaration.name) if self.facts else None
        view = _view(declaration, definition(declaration, self.queries), fact)
        known = [each for each in self.earlier.values() if each.facts and each.facts.as_of]
        known.sort(key=lambda each: each.facts.as_of)  # type: ignore[union-attr,return-value,arg-type]
        return [self._then(view, each, fact) for each in known]

    def _then(self, view: FactView, earlier: EarlierSession, fact: Fact | None) -> EarlierView:
        found, why = trends.answer(fact, earlier) if fact else (None, "")
        then: FactView | None = None
        if found is not None and earlier.facts is not None:
            facts = Facts(earlier.facts.as_of, {view.name: found})
            then = replace(self, facts=facts)._recorded(view, found)
        return EarlierView(earlier.session, then, why)

    def _judged(self, view: FactView) -> FactView:
        """With the verdict on each expectation, and the mark of each row that has none."""
        marked = _with_marks(view)
        if view.rows is None:
            return marked
        as_of = self.facts.as_of if self.facts else None
        found = expectations.verdicts(
            view, view.rows, today=as_of.astimezone(UTC).date() if as_of else None
        )
        marks = expectations.marks(found, len(view.rows))
        rows = tuple(
            {MARK: Typed(mark, _TEXT, is_own=True), **row}
            for mark, row in zip(marks, view.rows, strict=True)
        )
        return replace(marked, rows=rows, verdicts=found)


def as_of(fact: Fact | None, facts: Facts | None) -> datetime | None:
    """The as-of time of the last result; after a failed run older than that of the rest."""
    if fact is None or facts is None or fact.provenance is None:
        return None
    return fact.provenance.as_of or facts.as_of


def _view(
    declaration: QueryFact | SourceFact, query: Query | SourceFact | None, fact: Fact | None
) -> FactView:
    """With the columns that are declared, recorded or derived, and without rows."""
    contract = query.contract if query else fact.contract if fact else None
    derived = {name: type_of(each) for name, each in DERIVED.get(contract or "", {}).items()}
    types = {each.name: type_of(each.type) for each in query.returns} if query else {}
    types |= {column.name: type_of(column.type) for column in fact.columns} if fact else {}
    return FactView(declaration, contract, {**types, **derived}, tuple(derived))


def _with_marks(view: FactView) -> FactView:
    if not view.declaration.expect or MARK in view.types:
        return view
    return replace(view, types={**view.types, MARK: _TEXT}, derived=(*view.derived, MARK))


def _typed(row: DerivedRow, view: FactView) -> Row:
    return {
        name: Typed(
            row.values.get(name),
            type_,
            is_own=name in view.derived,
            is_name=is_name(name),
            exact=row.exact.get(name),
        )
        for name, type_ in view.types.items()
    }


# --- values by name ----------------------------------------------------------------------

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
        at, ends = self.as_of(source.name), (trends.BEFORE, trends.CHANGE)
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
        return as_of(self._fact(name), self.facts)

    def contract(self, name: str) -> str | None:
        fact = self._fact(name)
        return fact.contract if fact else None

    def _fact(self, name: str) -> Fact | None:
        return self.facts.facts.get(name) if self.facts else None


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


class FactHistory(Struct, frozen=True):
    """What a check can look up in git and in other sessions, each only when it needs it."""

    moved: Callable[[str], str | None] = lambda _: None
    """Where a missing file was moved to; `None` if unknown."""
    knows: Callable[[str], bool | None] = lambda _: None
    """Whether git has a commit; `None` if unknown."""
    committed: Callable[[str], bool | None] = lambda _: None
    """Whether a path is in the commit that is checked out; `None` if unknown."""
    old: Callable[[], Iterable[EarlierValue]] = tuple
    """Earlier values of the session's facts, the latest recordings first."""
