"""Facts as texts see them: typed rows, what is derived from them, and what is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from fractions import Fraction
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from handoff.facts.recorded import Fact, Facts
from handoff.session.model import MARK, QueryFact, SourceFact, definition
from handoff.sql.contracts import CONTRACTS, ROW_NAMES
from handoff.sql.query import Query
from handoff.sql.types import Type, Value, type_of
from handoff.values.evaluate import Row
from handoff.values.printing import Typed, is_name, moment

if TYPE_CHECKING:
    from handoff.values.expectations import Verdict
    from handoff.values.trends import EarlierSession

Plain = Mapping[str, Value]
Exact = Mapping[str, Fraction]


class FactView(Struct, frozen=True):
    """One fact as texts see it."""

    name: str
    key: str | None
    types: Mapping[str, Type]
    """Of the question's columns, in their order, then the derived ones."""
    derived: tuple[str, ...]
    rows: tuple[Row, ...] | None
    """`None`: no answer, or one that does not count any more."""
    overall: Row | None
    stale: str
    """What stands behind an old answer; empty for one that stands for itself."""
    verdicts: tuple[Verdict, ...] = ()
    """What the session expects of the rows, held against them."""
    apart: str = ""
    """Why no earlier answer stands beside the rows that are to be compared with one."""


class ViewFactory(Struct, frozen=True):
    """Makes sources of one session's facts."""

    facts: Facts | None
    """`None`: nothing was asked, and nothing recorded is to be used."""
    queries: Mapping[str, Query]
    stalled_minutes: int
    zone: tzinfo
    stale_ok: bool
    """Whether the last answer stands where the latest asking failed."""
    earlier: Mapping[str, EarlierSession] = field(default_factory=dict)
    """What other sessions recorded, by their ids."""

    def source(self, question: QueryFact | SourceFact) -> FactView:
        fact = self.facts.facts.get(question.name) if self.facts else None
        query = definition(question, self.queries)
        contract = query.contract if query else fact.contract if fact else None
        own, derived = _types(fact, query), _derived_types(contract)
        is_old = fact is not None and fact.failure is not None
        answer = fact if fact and fact.provenance and (self.stale_ok or not is_old) else None
        source = FactView(
            question.name, question.key, {**own, **derived}, tuple(derived), None, None, ""
        )
        if answer:
            is_exact = bool(question.expect or question.since)
            source = self._answered(source, answer, contract, is_exact=is_exact)
        if question.since:
            source = self._compared(source, question, answer, contract)
        return self._judged(source, question, contract) if question.expect else source

    def _compared(
        self,
        source: FactView,
        question: QueryFact | SourceFact,
        fact: Fact | None,
        contract: str | None,
    ) -> FactView:
        """With what its numbers were in the session that the fact is compared with."""
        from handoff.values import trends  # not for a session without such facts

        session = question.since or ""
        earlier = self.earlier.get(session) or trends.EarlierSession(session, None)
        found, why = trends.answer(fact, earlier) if fact else (None, "")
        then: FactView | None = None
        if found is not None and earlier.facts is not None:
            facts = Facts(earlier.facts.as_of, {source.name: found})
            unchanged = replace(source, rows=None, overall=None, stale="")
            then = replace(self, facts=facts)._answered(
                unchanged, found, contract, is_exact=True
            )
        named_by = question.key or ROW_NAMES.get(contract or "")
        return trends.compared(source, then, why, session=session, named_by=named_by)

    def _judged(
        self, source: FactView, question: QueryFact | SourceFact, contract: str | None
    ) -> FactView:
        """With what is expected of the rows, and each row's mark where it has none."""
        from handoff.values import expectations  # not for a session without any

        own = source.types
        if MARK not in own:
            types = {**own, MARK: _TEXT}
            source = replace(source, types=types, derived=(*source.derived, MARK))
        if source.rows is None:
            return source
        as_of = self.facts.as_of if self.facts else None
        found = expectations.verdicts(
            question,
            source.rows,
            own,
            named_by=question.key or ROW_NAMES.get(contract or ""),
            today=as_of.astimezone(UTC).date() if as_of else None,
        )
        marks = expectations.marks(found, len(source.rows))
        marked = [{MARK: Typed(m, _TEXT, True)} for m in marks]
        rows = tuple({**m, **row} for m, row in zip(marked, source.rows, strict=True))
        return replace(source, rows=rows, verdicts=found)

    def _answered(
        self, source: FactView, fact: Fact, contract: str | None, *, is_exact: bool
    ) -> FactView:
        at = self._moment(fact)
        names = [column.name for column in fact.columns]
        rows: Sequence[Plain] = [dict(zip(names, row, strict=True)) for row in fact.rows]
        overall: Plain | None = None
        exact: Sequence[Exact] = [{}] * len(rows)
        if contract is not None and at is not None and is_exact:
            exact = [self._exact(contract, row, at) for row in rows]
        if contract is not None and at is not None:
            rows, overall = self._derived(contract, rows, at)
        together: Exact = {}
        if contract is not None and at is not None and overall is not None and is_exact:
            together = self._exact(contract, overall, at)
        old = f"(as of {moment(at)}, not answered since)" if at else "(not answered since)"
        return replace(
            source,
            rows=tuple(_typed(*each, source) for each in zip(rows, exact, strict=True)),
            overall=None if overall is None else _typed(overall, together, source),
            stale=old if fact.failure else "",
        )

    def _exact(self, contract: str, row: Plain, at: datetime) -> Exact:
        from handoff.values import progress  # not for a session without such facts

        return progress.exact(
            contract, row, as_of=at, stalled_minutes=self.stalled_minutes, zone=self.zone
        )

    def _moment(self, fact: Fact) -> datetime | None:
        """The moment the fact was asked for, which is older than the rest where it failed."""
        if fact.provenance and fact.provenance.as_of:
            return fact.provenance.as_of
        return self.facts.as_of if self.facts else None

    def _derived(
        self, contract: str, rows: Sequence[Plain], at: datetime
    ) -> tuple[Sequence[Plain], Plain | None]:
        from handoff.values import progress  # not for a session without such facts

        # a redacted column is not there at all
        whole = [{**dict.fromkeys(CONTRACTS[contract]), **row} for row in rows]
        minutes, zone = self.stalled_minutes, self.zone
        derived = progress.derived(
            contract, whole, as_of=at, stalled_minutes=minutes, zone=zone
        )
        if contract != "phases":
            return derived, None
        return derived, progress.overall(whole, as_of=at, stalled_minutes=minutes, zone=zone)


def _types(fact: Fact | None, query: Query | SourceFact | None) -> dict[str, Type]:
    declared = {each.name: each.type for each in query.returns} if query else {}
    answered = {column.name: column.type for column in fact.columns} if fact else {}
    return {name: type_of(type_) for name, type_ in {**declared, **answered}.items()}


def _derived_types(contract: str | None) -> dict[str, Type]:
    if contract is None:
        return {}
    from handoff.values.progress import DERIVED  # not for a session without such facts

    return {name: type_of(type_) for name, type_ in DERIVED[contract].items()}


def _typed(row: Plain, exact: Exact, source: FactView) -> Row:
    return {
        name: Typed(
            row.get(name),
            type_,
            is_own=name in source.derived,
            is_name=is_name(name),
            exact=exact.get(name),
        )
        for name, type_ in source.types.items()
    }


_TEXT = Type("STRING")
