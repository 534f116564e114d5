"""The facts of a session: their queries, what is recorded and what is expected of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date

from msgspec import Struct

from handoff.base.problems import Place, Problem, nearest
from handoff.check.rule import AnyFact, CheckContext, Finding, rule, rule_among
from handoff.facts.recorded import incomplete
from handoff.session.model import AcceptedException, SourceFact, TableBlock
from handoff.session.walk import every
from handoff.values.expectations import meant, words
from handoff.values.rows import Verdict

# --- queries and parameters --------------------------------------------------------------


@rule("Q030", "error", "a fact names a query that does not exist")
def query_missing(context: CheckContext) -> Iterator[Finding]:
    """A fact without its query can never be recorded.

    Fails:

        facts:
          coverage: {sql: coverage/phase5.sql}
    """
    for fact in context.session.facts:
        if isinstance(fact, SourceFact) or fact.sql in context.query_names:
            continue
        if context.tree.has(context.query_path(fact.sql)):
            continue
        path = context.query_path(fact.sql)
        near = nearest(fact.sql, context.query_names or context.queries)
        yield fact.place, f"fact '{fact.name}' needs '{path}', which does not exist{near}"


def _binding_problems(context: CheckContext) -> tuple[Problem, ...]:
    """The parameters of a session must be those that its query declares, by name and type.

    Fails:

        facts:
          coverage: {sql: coverage/phase4.sql, params: {season_strat: 2021-10-19}}
    """
    return context.binding_problems


unknown_parameter = rule_among(
    "Q020", "error", "the session sets a parameter that the query lacks", _binding_problems
)
wrong_parameter = rule_among(
    "Q021", "error", "a parameter is not of the declared type", _binding_problems
)
missing_parameter = rule_among(
    "Q022", "error", "the session does not set a parameter", _binding_problems
)

# --- what is recorded --------------------------------------------------------------------


@rule("F020", "warning", "a declared fact is not recorded")
def fact_missing(context: CheckContext) -> Iterator[Finding]:
    """A declared fact that was never recorded leaves its values blank.

    Fails: a name under `facts:` that the facts file does not have.
    """
    for fact in context.session.facts:
        if context.fact(fact.name) is None:
            yield fact.place, f"fact '{fact.name}' is not recorded; {_render(context)}"


@rule("F021", "warning", "a fact is stale: its query or its parameters changed")
def fact_stale(context: CheckContext) -> Iterator[Finding]:
    """The result of another query, or of other parameters, is not the result of this one.

    By content, never by age: an old result of the same query is still its result.

    Fails: `sql/coverage/phase4.sql` edited after `handoff render`.
    """
    for fact, why in context.stale.values():
        yield fact.place, f"fact '{fact.name}' is stale: {why}; {_render(context)}"


@rule("F022", "warning", "a fact's query failed when it last ran")
def fact_failed(context: CheckContext) -> Iterator[Finding]:
    """A query that failed shows as a blank, even if an older result is recorded.

    Fails: a fact with a `failure` in the facts file.
    """
    for fact in context.session.facts:
        recorded = context.fact(fact.name)
        if recorded and recorded.failure:
            message = f"fact '{fact.name}' failed when last run: {recorded.failure.message}"
            yield fact.place, message


@rule("F023", "warning", "a recorded fact is not declared by the session")
def fact_orphaned(context: CheckContext) -> Iterator[Finding]:
    """A result that no session declares any more is not updated, but may be trusted.

    Fails: a name in the facts file that `facts:` does not declare.
    """
    declared = {fact.name for fact in context.session.facts}
    for name in context.facts.facts if context.facts else ():
        if name not in declared:
            message = f"fact '{name}' is recorded but not declared in '{context.session.path}'"
            yield Place(context.facts_path), message + nearest(name, declared)


@rule("F027", "warning", "`purpose:` of a table names a file that its rows do not have")
def purpose_unused(context: CheckContext) -> Iterator[Finding]:
    """The file was renamed or removed, or its change was undone; the text prints nowhere.

    Fails: `{table: work, purpose: {gone.py: the parser}}`, with `work: {git: main}`.
    """
    for table in every(context.session, TableBlock):
        declared = next((f for f in context.session.facts if f.name == table.fact), None)
        view = context.cells.source(declared) if context.cells and declared else None
        if view is None or view.rows is None:
            continue
        paths = {str(row["path"].value) for row in view.rows if "path" in row}
        for each in table.purpose:
            if each.path not in paths:
                message = f"'{each.path}' is not among the rows of fact '{table.fact}'"
                yield each.place, message + nearest(each.path, paths)


@rule("F026", "warning", "a transcript that could not be read completely")
def transcript_incomplete(context: CheckContext) -> Iterator[Finding]:
    """What a damaged line, or an unknown version of the format, may have changed is a blank.

    Fails: `{transcript: claude-code}` of a log with a line that is not JSON.
    """
    for fact in context.session.facts:
        recorded = context.fact(fact.name)
        if recorded and (reason := incomplete(recorded)):
            yield fact.place, reason


def _render(context: CheckContext) -> str:
    return f"run 'handoff render {context.session.id}'"


# --- what is expected --------------------------------------------------------------------


@rule("E001", "warning", "a fact does not meet `expect:`; an error with `--expect`")
def expectation_violated(context: CheckContext) -> Iterator[Finding]:
    """A value out of its limits stops the work that builds on it, or is accepted with a reason.

    Fails:

        facts:
          coverage:
            sql: coverage/phase4.sql
            expect: {percent: {min: 88}}    # and a table is covered to 71.4 %
    """
    for fact, view in context.judged:
        for verdict in view.verdicts:
            if verdict.state == "violated":
                yield verdict.expectation.place, f"fact '{fact.name}': {words(verdict, 'code')}"


@rule("E002", "warning", "`expect:` cannot be judged; an error with `--expect`")
def expectation_unanswered(context: CheckContext) -> Iterator[Finding]:
    """What is unknown is not met: a gate must not pass because nothing is recorded.

    Fails: `expect:` of a fact that is not recorded, failed, is stale or was edited; of a row
    that does not exist, a value that is NULL, or no rows at all.
    """
    judged = {fact.name: view for fact, view in context.judged}
    for fact in context.expecting:
        if fact.name not in judged:
            why = _silence(context, fact)
            for each in fact.expect:
                yield (
                    each.place,
                    f"'{each.column}' of fact '{fact.name}' is expected, but {why}",
                )
            continue
        for verdict in judged[fact.name].verdicts:
            if verdict.state == "unanswered":
                missing = ""
                if verdict.index is None:
                    missing = "; no such row" if verdict.row else "; there are no rows"
                message = f"fact '{fact.name}': {words(verdict, 'code')}{missing}"
                yield verdict.expectation.place, message


@rule("E003", "warning", "an exception ended before the as-of time")
def exception_over(context: CheckContext) -> Iterator[Finding]:
    """An exception holds for a while: one that outlives its reason hides the next failure.

    Fails:

        except:
          ml_feature_store_v2: {reason: rebuilt after phase 2, until: 2025-12-31}

    with a later as-of time.
    """
    for each in _exceptions(context):
        if each.verdicts and _is_over(context, each.accepted):
            message = f"the exception for '{each.accepted.row}' ended on {each.accepted.until}"
            yield each.accepted.place, message


@rule("E004", "warning", "an exception for a row that does not exist")
def exception_without_row(context: CheckContext) -> Iterator[Finding]:
    """An exception is for one row; if no row has its name, none is excepted.

    Fails: `except: {ml_feature_stor: …}`.
    """
    for each in _exceptions(context):
        if not each.verdicts:
            row = each.accepted.row
            message = f"no row '{row}' for an exception of '{each.column}'"
            yield each.accepted.place, message + nearest(row, each.names)


@rule("E005", "note", "an exception is unused")
def exception_unused(context: CheckContext) -> Iterator[Finding]:
    """An exception that is no longer needed hides the next failure of its row.

    Fails: an exception for a row that meets what is expected.
    """
    for each in _exceptions(context):
        is_met = all(verdict.state == "met" for verdict in each.verdicts)
        if each.verdicts and is_met and not _is_over(context, each.accepted):
            row = each.accepted.row
            yield (
                each.accepted.place,
                f"the exception for '{row}' is unused: its value is as expected",
            )


@rule("S025", "warning", "`since:` names a session without a comparable result")
def nothing_before(context: CheckContext) -> Iterator[Finding]:
    """A trend without a first value is a blank, and a dash without meaning in a table.

    Fails: `since: session-1` if session-1 did not run the same query, with the same
    parameters and engine, if that failed, or if it ran as of a later time.
    """
    for fact in context.session.facts:
        view = context.cells.source(fact) if context.cells and fact.since else None
        if view is not None and (apart := view.apart):
            yield fact.place, f"fact '{fact.name}' has nothing to be compared with: {apart}"


def _silence(context: CheckContext, fact: AnyFact) -> str:
    """Why the fact has no valid result."""
    recorded = context.fact(fact.name)
    if recorded is None:
        return "the fact is not recorded"
    if recorded.edited:
        return "its recorded result was edited manually"
    if fact.name in context.stale:
        return f"its recorded result is stale: {context.stale[fact.name][1]}"
    return "the fact failed when last run"


class _Exception(Struct, frozen=True):
    """One exception, with the verdicts on its row; none if there is no such row."""

    accepted: AcceptedException
    column: str
    names: tuple[str, ...]
    """Of the fact's rows."""
    verdicts: tuple[Verdict, ...]


def _exceptions(context: CheckContext) -> Iterator[_Exception]:
    for fact, view in context.judged:
        for expectation in fact.expect:
            verdicts = [each for each in view.verdicts if each.expectation is expectation]
            names = tuple(each.row for each in verdicts if each.index is not None)
            for accepted in expectation.accepted:
                name = meant(accepted.row, names)
                found = (each for each in verdicts if name is not None and each.row == name)
                yield _Exception(accepted, expectation.column, names, tuple(found))


def _is_over(context: CheckContext, accepted: AcceptedException) -> bool:
    as_of = context.facts.as_of if context.facts else None
    today: date | None = as_of.astimezone(UTC).date() if as_of else None
    return today is not None and today > accepted.until
