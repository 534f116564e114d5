"""What sessions expect of their facts, held against what is recorded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date

from handoff.base.problems import Problem, nearest
from handoff.check.context import CheckContext
from handoff.check.queries import stale
from handoff.session.model import AcceptedException, Expectation, QueryFact, SourceFact
from handoff.values.expectations import meant, words
from handoff.values.rows import FactView, Verdict


def expectation_violated(case: CheckContext) -> Iterator[Problem]:
    """A number below what was agreed stops the work that builds on it, or is accepted with why.

    Fails:

        facts:
          coverage:
            sql: coverage/phase4.sql
            expect: {percent: {min: 88}}    # and a table is covered to 71.4 %
    """
    for fact, source in _judged(case):
        for verdict in source.verdicts:
            if verdict.state == "violated":
                message = f"fact '{fact.name}': {words(verdict, 'code')}"
                yield Problem("E001", message, verdict.expectation.place, "warning")


def expectation_unanswered(case: CheckContext) -> Iterator[Problem]:
    """What nobody knows is not met: a gate that lets silence pass is open when it matters.

    Fails: `expect:` of a fact that is not recorded, that failed when last asked, is stale or
    was edited by hand; of a row that is not there, a value that is NULL, or no rows at all.
    """
    judged = {fact.name: source for fact, source in _judged(case)}
    for fact in _expecting(case):
        if fact.name not in judged:
            why = _silence(case, fact)
            for each in fact.expect:
                message = f"'{each.column}' of fact '{fact.name}' is expected, but {why}"
                yield Problem("E002", message, each.place, "warning")
            continue
        for verdict in judged[fact.name].verdicts:
            if verdict.state == "unanswered":
                missing = "" if verdict.index is not None else _no_row(verdict)
                message = f"fact '{fact.name}': {words(verdict, 'code')}{missing}"
                yield Problem("E002", message, verdict.expectation.place, "warning")


def exception_idle(case: CheckContext) -> Iterator[Problem]:
    """An exception is for one row, for a while: what outlives its reason hides the next fall.

    Fails:

        except:
          ml_feature_store_v2: {reason: rebuilt after phase 2, until: 2025-12-31}

    where the as-of is later, no row is called so, or the row meets what is expected.
    """
    for fact, source in _judged(case):
        for expectation in fact.expect:
            found = [v for v in source.verdicts if v.expectation is expectation]
            for accepted in expectation.accepted:
                yield from _idle(case, expectation, accepted, found)


def nothing_before(case: CheckContext) -> Iterator[Problem]:
    """A trend without a beginning is a blank, and in a table a dash that says nothing.

    Fails: `since: session-1` where session-1 did not ask the same question, with the same
    parameters and of the same engine, where that failed, or was asked for a later moment.
    """
    for fact in case.session.questions:
        source = case.cells.source(fact) if case.cells and fact.since else None
        if source is not None and (apart := source.apart):
            message = f"fact '{fact.name}' is compared with nothing: {apart}"
            yield Problem("S025", message, fact.place, "warning")


RULES = (expectation_violated, expectation_unanswered, exception_idle, nothing_before)


def _judged(case: CheckContext) -> Iterator[tuple[QueryFact | SourceFact, FactView]]:
    """The facts with expectations whose answer counts."""
    for fact in _expecting(case):
        recorded = case.fact(fact.name)
        if case.cells and recorded and not recorded.edited and fact.name not in _changed(case):
            source = case.cells.source(fact)
            if source.rows is not None:
                yield fact, source


def _expecting(case: CheckContext) -> Iterator[QueryFact | SourceFact]:
    return (fact for fact in case.session.questions if fact.expect)


def _changed(case: CheckContext) -> dict[str, str]:
    """The facts that are stale, and why."""
    return {question.name: why for question, why in stale(case)}


def _silence(case: CheckContext, fact: QueryFact | SourceFact) -> str:
    """Why the fact has no answer that counts."""
    recorded, changed = case.fact(fact.name), _changed(case)
    if recorded is None:
        return "the fact is not recorded"
    if recorded.edited:
        return "its answer was edited by hand"
    if fact.name in changed:
        return f"its answer is stale, {changed[fact.name]} since"
    return "the fact failed when last asked"


def _no_row(verdict: Verdict) -> str:
    return ", there is no such row" if verdict.row else ", there are no rows"


def _idle(
    case: CheckContext,
    expectation: Expectation,
    accepted: AcceptedException,
    found: Sequence[Verdict],
) -> Iterator[Problem]:
    names = [each.row for each in found if each.index is not None]
    name = meant(accepted.row, names)
    if name is None:
        near = nearest(accepted.row, names)
        message = f"'{expectation.column}' is expected of no row '{accepted.row}'{near}"
        yield Problem("E004", message, accepted.place, "warning")
    elif (today := _today(case)) and today > accepted.until:
        message = f"the exception for '{accepted.row}' was over on {accepted.until}"
        yield Problem("E003", message, accepted.place, "warning")
    elif all(each.state == "met" for each in found if each.row == name):
        message = f"nothing needs the exception for '{accepted.row}', it is as expected"
        yield Problem("E005", message, accepted.place, "note")


def _today(case: CheckContext) -> date | None:
    as_of = case.facts.as_of if case.facts else None
    return as_of.astimezone(UTC).date() if as_of else None
