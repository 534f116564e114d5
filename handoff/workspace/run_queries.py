"""Ask a session's questions and put the answers, or the failures, beside the last ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from msgspec.structs import replace

from handoff.base.problems import InvalidInput, Problem, WorldError, nearest
from handoff.facts.recorded import Column, Fact, Facts, Failure, Provenance, QueryResult, Value
from handoff.session.model import QueryFact, Session, SourceFact
from handoff.sql.query import Query, bind
from handoff.warehouse.port import BoundQuery, Warehouse

if TYPE_CHECKING:
    from handoff.sources.lookup import LookupResult

Row = tuple[Value, ...]
Look = Callable[[SourceFact, datetime], "LookupResult"]


def gather(
    session: Session,
    queries: Mapping[str, Query],
    warehouse: Warehouse | None,
    previous: Facts | None,
    as_of: datetime,
    look: Look | None = None,
    *,
    patient: bool = False,
) -> Facts:
    """Every question of `session`, asked in one call; `queries` by name.

    What is looked up beside the warehouse is asked of `look`; either may be left out where
    the session has no such fact. What fails keeps the answer it had in `previous`, with its
    provenance; `patient` takes a warehouse that cannot be reached for a failure of each
    question. Raises InvalidInput, before anything is asked, with every parameter and column
    that does not fit, and WorldError.
    """
    moment = as_of.astimezone(UTC).replace(second=0, microsecond=0)
    recorded = previous.facts if previous else {}
    asked = _asked(session, queries, moment)
    facts: dict[str, Fact] = {}
    if asked:
        assert warehouse is not None  # the session has a question for it
        answers = _answers(warehouse, [each for _, each in asked], patient=patient)
        for (question, each), answer in zip(asked, answers, strict=True):
            facts[question.name] = _fact(question, each, answer, warehouse.engine, recorded)
    for lookup in session.questions:
        if isinstance(lookup, SourceFact):
            assert look is not None  # the session has something to look up
            facts[lookup.name] = _looked(lookup, look(lookup, moment), moment, recorded)
    return Facts(moment, {each.name: facts[each.name] for each in session.questions})


def _answers(
    warehouse: Warehouse, asked: Sequence[BoundQuery], *, patient: bool
) -> tuple[QueryResult | Failure, ...]:
    try:
        return warehouse.run(asked)
    except WorldError as error:
        if not patient:
            raise
        return (Failure(str(error), datetime.now(UTC)),) * len(asked)


def _asked(
    session: Session, queries: Mapping[str, Query], as_of: datetime
) -> list[tuple[QueryFact, BoundQuery]]:
    asked: list[tuple[QueryFact, BoundQuery]] = []
    problems: list[Problem] = []
    for question in session.questions:
        if isinstance(question, SourceFact):
            continue
        query = queries[question.sql]
        problems += column_problems(question, query)
        try:
            bound = bind(query, question, as_of)
            asked.append((question, BoundQuery(question.name, query, bound)))
        except InvalidInput as error:
            problems += error.report.problems
    if problems:
        raise InvalidInput(problems)
    return asked


def column_problems(question: QueryFact, query: Query) -> Iterator[Problem]:
    names = [declared.name for declared in query.returns]
    for name in question.redact:
        if name not in names:
            message = f"'redact:' names '{name}', which '{query.name}' does not return"
            yield Problem("Q023", message + nearest(name, names), question.place)
        if name == question.key:
            message = f"'{name}' is the key and cannot be redacted"
            yield Problem("Q024", message, question.place)


def _fact(
    question: QueryFact,
    asked: BoundQuery,
    answer: QueryResult | Failure,
    engine: str,
    recorded: Mapping[str, Fact],
) -> Fact:
    if isinstance(answer, Failure):
        contract = asked.query.contract
        return _failed(question, contract, answer, recorded.get(question.name))
    columns, rows = _redacted(answer.columns, answer.rows, question.redact)
    return Fact(
        name=question.name,
        columns=columns,
        rows=rows,
        provenance=Provenance(
            source=asked.query.name,
            sha256=asked.query.sha256,
            params=asked.params,
            engine=engine,
            job_id=answer.job_id,
            ran_at=answer.ran_at,
            bytes_billed=answer.bytes_billed,
        ),
        failure=None,
        key=question.key,
        contract=asked.query.contract,
    )


def _looked(
    lookup: SourceFact, looked: LookupResult, as_of: datetime, recorded: Mapping[str, Fact]
) -> Fact:
    answer = looked.answer
    if isinstance(answer, Failure):
        return _failed(lookup, lookup.contract, answer, recorded.get(lookup.name))
    return Fact(
        name=lookup.name,
        columns=answer.columns,
        rows=answer.rows,
        provenance=Provenance(
            source=looked.source,
            sha256=lookup.sha256,
            params={"as_of": as_of},
            engine=looked.engine,
            job_id=None,
            ran_at=answer.ran_at,
            bytes_billed=None,
        ),
        failure=None,
        key=lookup.key,
        contract=lookup.contract,
    )


def _failed(
    question: QueryFact | SourceFact, contract: str | None, failure: Failure, last: Fact | None
) -> Fact:
    """The failure, beside the last answer where there is one to trust."""
    # recorded anew, an answer edited by hand would get a digest that fits
    if last is None or last.edited:
        return Fact(question.name, (), (), None, failure, question.key, contract)
    columns, rows = _redacted(last.columns, last.rows, question.redact)
    return replace(last, columns=columns, rows=rows, failure=failure, key=question.key)


def _redacted(
    columns: tuple[Column, ...], rows: tuple[Row, ...], names: tuple[str, ...]
) -> tuple[tuple[Column, ...], tuple[Row, ...]]:
    kept = [n for n, column in enumerate(columns) if column.name not in names]
    return (
        tuple(columns[n] for n in kept),
        tuple(tuple(row[n] for n in kept) for row in rows),
    )
