"""Questions and their recorded answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime

from handoff.base.problems import InvalidInput, Place, Problem, nearest
from handoff.check.context import CheckContext
from handoff.facts.recorded import Value, is_current
from handoff.session.model import QueryFact, SourceFact
from handoff.sql.query import Query, bind


def question_file(case: CheckContext) -> Iterator[Problem]:
    """A fact whose question is not there can never be answered.

    Fails:

        facts:
          coverage: {sql: coverage/phase5.sql}
    """
    for question in case.session.questions:
        if isinstance(question, SourceFact):
            continue
        if not case.tree.has(f"sql/{question.sql}"):
            near = nearest(question.sql, case.queries)
            message = (
                f"fact '{question.name}' asks 'sql/{question.sql}', which is not there{near}"
            )
            yield Problem("Q030", message, question.place)


def question_parameters(case: CheckContext) -> Iterator[Problem]:
    """What the session gives must be what the question declares, by name and by type.

    Fails:

        facts:
          coverage: {sql: coverage/phase4.sql, params: {season_strat: 2021-10-19}}
    """
    for question, query in _asked(case):
        try:
            bind(query, question, _moment(case))
        except InvalidInput as error:
            yield from error.report.problems


def fact_missing(case: CheckContext) -> Iterator[Problem]:
    """A declared fact that was never asked leaves its values blank.

    Fails: a name under `facts:` that the facts file does not have.
    """
    for question in case.session.questions:
        if case.fact(question.name) is None:
            message = (
                f"fact '{question.name}' is not recorded, "
                f"'handoff render {case.session.id}' asks for it"
            )
            yield Problem("F020", message, question.place, "warning")


def fact_stale(case: CheckContext) -> Iterator[Problem]:
    """An answer to another question, or to other parameters, is no answer to this one.

    By content, never by age: an old answer to the same question is still its answer.

    Fails: `sql/coverage/phase4.sql` edited after `handoff render`.
    """
    for question, why in stale(case):
        message = (
            f"fact '{question.name}' is stale, {why} since, "
            f"'handoff render {case.session.id}' asks again"
        )
        yield Problem("F021", message, question.place, "warning")


def stale(case: CheckContext) -> Iterator[tuple[QueryFact | SourceFact, str]]:
    """The facts whose answer is one to something else, and what changed."""
    for question, query, params in _with_params(case):
        fact = case.fact(question.name)
        if fact is None or fact.provenance is None or fact.failure:
            continue
        if not is_current(fact, query.sha256, params):
            edited = fact.provenance.sha256 != query.sha256
            what = f"'{query.path}'" if isinstance(query, Query) else "its declaration"
            yield question, f"{what} changed" if edited else "its parameters changed"


def fact_failed(case: CheckContext) -> Iterator[Problem]:
    """A question that failed shows as a blank, also where an older answer is recorded.

    Fails: a fact with a `failure` in the facts file.
    """
    for question in case.session.questions:
        fact = case.fact(question.name)
        if fact and fact.failure:
            message = f"fact '{question.name}' failed when last asked: {fact.failure.message}"
            yield Problem("F022", message, question.place, "warning")


def fact_orphaned(case: CheckContext) -> Iterator[Problem]:
    """An answer that no question asks for any more is read by nobody, and trusted by somebody.

    Fails: a name in the facts file that `facts:` does not declare.
    """
    declared = {question.name for question in case.session.questions}
    for name in case.facts.facts if case.facts else ():
        if name not in declared:
            message = (
                f"fact '{name}' is recorded but '{case.session.path}' does not declare it"
                f"{nearest(name, declared)}"
            )
            yield Problem("F023", message, Place(case.facts_path), "warning")


_ANY_MOMENT = datetime(1970, 1, 1, tzinfo=UTC)


def _with_params(
    case: CheckContext,
) -> Iterator[tuple[QueryFact | SourceFact, Query | SourceFact, Mapping[str, Value]]]:
    """What is asked now, and with what; a parameter that does not fit is told elsewhere."""
    for question in case.session.questions:
        if isinstance(question, SourceFact):
            yield question, question, {"as_of": _moment(case)}
    for question, query in _asked(case):
        with suppress(InvalidInput):
            yield question, query, bind(query, question, _moment(case))


def _asked(case: CheckContext) -> Iterator[tuple[QueryFact, Query]]:
    for question in case.session.questions:
        if isinstance(question, QueryFact) and question.sql in case.queries:
            yield question, case.queries[question.sql]


def _moment(case: CheckContext) -> datetime:
    """The moment the session asks for; without one, that of what is recorded."""
    recorded = case.facts.as_of if case.facts else None
    return case.session.as_of or recorded or _ANY_MOMENT
