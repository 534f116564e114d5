"""Facts as texts see them: typed rows, what is derived from them, and what is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo

from handoff.evaluation import Row
from handoff.facts import Fact, Facts
from handoff.googlesql import Type, Value, type_of
from handoff.printing import Typed, moment
from handoff.session import Lookup, Question
from handoff.sql import CONTRACTS, Query, asked_of

Plain = Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Source:
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


@dataclass(frozen=True, slots=True)
class Reader:
    """Makes sources of one session's facts."""

    facts: Facts | None
    """`None`: nothing was asked, and nothing recorded is to be used."""
    queries: Mapping[str, Query]
    stalled_minutes: int
    zone: tzinfo
    stale_ok: bool
    """Whether the last answer stands where the latest asking failed."""

    def source(self, question: Question | Lookup) -> Source:
        fact = self.facts.facts.get(question.name) if self.facts else None
        query = asked_of(question, self.queries)
        contract = query.contract if query else fact.contract if fact else None
        own, derived = _types(fact, query), _derived_types(contract)
        is_old = fact is not None and fact.failure is not None
        answer = fact if fact and fact.provenance and (self.stale_ok or not is_old) else None
        source = Source(
            question.name, question.key, {**own, **derived}, tuple(derived), None, None, ""
        )
        return self._answered(source, answer, contract) if answer else source

    def _answered(self, source: Source, fact: Fact, contract: str | None) -> Source:
        at = self._moment(fact)
        names = [column.name for column in fact.columns]
        rows: Sequence[Plain] = [dict(zip(names, row, strict=True)) for row in fact.rows]
        overall: Plain | None = None
        if contract is not None and at is not None:
            rows, overall = self._derived(contract, rows, at)
        old = f"(as of {moment(at)}, not answered since)" if at else "(not answered since)"
        return replace(
            source,
            rows=tuple(_typed(row, source) for row in rows),
            overall=None if overall is None else _typed(overall, source),
            stale=old if fact.failure else "",
        )

    def _moment(self, fact: Fact) -> datetime | None:
        """The moment the fact was asked for, which is older than the rest where it failed."""
        asked = fact.provenance.params.get("as_of") if fact.provenance else None
        if isinstance(asked, datetime):
            return asked
        return self.facts.as_of if self.facts else None

    def _derived(
        self, contract: str, rows: Sequence[Plain], at: datetime
    ) -> tuple[Sequence[Plain], Plain | None]:
        from handoff import progress  # not for a session without such facts

        # a redacted column is not there at all
        whole = [{**dict.fromkeys(CONTRACTS[contract]), **row} for row in rows]
        minutes, zone = self.stalled_minutes, self.zone
        derived = progress.derived(
            contract, whole, as_of=at, stalled_minutes=minutes, zone=zone
        )
        if contract != "phases":
            return derived, None
        return derived, progress.overall(whole, as_of=at, stalled_minutes=minutes, zone=zone)


def _types(fact: Fact | None, query: Query | Lookup | None) -> dict[str, Type]:
    declared = {each.name: each.type for each in query.returns} if query else {}
    answered = {column.name: column.type for column in fact.columns} if fact else {}
    return {name: type_of(type_) for name, type_ in {**declared, **answered}.items()}


def _derived_types(contract: str | None) -> dict[str, Type]:
    if contract is None:
        return {}
    from handoff.progress import DERIVED  # not for a session without such facts

    return {name: type_of(type_) for name, type_ in DERIVED[contract].items()}


def _typed(row: Plain, source: Source) -> Row:
    return {
        name: Typed(
            row.get(name),
            type_,
            is_own=name in source.derived,
            is_name=name.casefold().endswith(_NAMES),
        )
        for name, type_ in source.types.items()
    }


_NAMES = ("year", "_id")
"""How a column ends whose numbers are names: a season's year, a run's id."""
