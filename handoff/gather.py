"""Ask a session's questions and put the answers, or the failures, beside the last ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime

from handoff.facts import Answer, Column, Fact, Facts, Failure, Provenance, Value
from handoff.problems import InvalidInput, Problem, nearest
from handoff.session import Question, Session
from handoff.sql import Query, bind
from handoff.warehouse import Asked, Warehouse

Row = tuple[Value, ...]


def gather(
    session: Session,
    queries: Mapping[str, Query],
    warehouse: Warehouse,
    previous: Facts | None,
    as_of: datetime,
) -> Facts:
    """Every question of `session`, asked in one call; `queries` by name.

    A question that fails keeps the answer it had in `previous`, with its provenance. Raises
    InvalidInput, before anything is asked, with every parameter and column that does not fit.
    """
    moment = as_of.astimezone(UTC).replace(second=0, microsecond=0)
    asked = _asked(session, queries, moment)
    answers = warehouse.answers(asked)
    recorded = previous.facts if previous else {}
    facts = {
        question.name: _fact(question, each, answer, warehouse.engine, recorded)
        for question, each, answer in zip(session.questions, asked, answers, strict=True)
    }
    return Facts(moment, facts)


def _asked(
    session: Session, queries: Mapping[str, Query], as_of: datetime
) -> tuple[Asked, ...]:
    asked: list[Asked] = []
    problems: list[Problem] = []
    for question in session.questions:
        query = queries[question.sql]
        problems += column_problems(question, query)
        try:
            asked.append(Asked(question.name, query, bind(query, question, as_of)))
        except InvalidInput as error:
            problems += error.report.problems
    if problems:
        raise InvalidInput(problems)
    return tuple(asked)


def column_problems(question: Question, query: Query) -> Iterator[Problem]:
    names = [declared.name for declared in query.returns]
    for name in question.redact:
        if name not in names:
            message = f"'redact:' names '{name}', which '{query.name}' does not return"
            yield Problem("Q023", message + nearest(name, names), question.place)
        if name == question.key:
            message = f"'{name}' is the key and cannot be redacted"
            yield Problem("Q024", message, question.place)


def _fact(
    question: Question,
    asked: Asked,
    answer: Answer | Failure,
    engine: str,
    recorded: Mapping[str, Fact],
) -> Fact:
    if isinstance(answer, Failure):
        return _failed(question, asked.query, answer, recorded.get(question.name))
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


def _failed(question: Question, query: Query, failure: Failure, last: Fact | None) -> Fact:
    """The failure, beside the last answer where there is one to trust."""
    # recorded anew, an answer edited by hand would get a digest that fits
    if last is None or last.edited:
        return Fact(question.name, (), (), None, failure, question.key, query.contract)
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
