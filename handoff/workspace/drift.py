"""Drift: what recorded questions answer now, for the same moment, beside what is recorded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from handoff.base.problems import InvalidInput, Problem, UsageError, WorldError
from handoff.facts.recorded import Facts, is_current
from handoff.project.project import Project
from handoff.session.model import QueryFact
from handoff.sql.query import bind
from handoff.values.cells import Cells
from handoff.values.changes import ShownValue, ValueChange, changes, seen
from handoff.values.printing import moment
from handoff.workspace.gather import gather, recorded
from handoff.workspace.load import LoadedSession, load

SHOWN = 3
"""Values that moved, of one fact."""


def drift(project: Project, session_id: str) -> tuple[Problem, ...]:
    """A warning for each fact whose data moved since it was recorded.

    Nothing is recorded. Questions that changed themselves are stale (F021) and not compared;
    logs, checkpoints and git are not read again, for they move on.
    """
    try:
        loaded = load(project, session_id)
        then = recorded(project, session_id)
    except InvalidInput:  # the other rules tell it
        return ()
    if then is None or then.as_of is None:
        return ()
    asked = tuple(_asked(loaded, then, then.as_of))
    if not asked:
        return ()
    try:
        now = gather(project, loaded, as_of=then.as_of, keep=False)
    except (InvalidInput, UsageError, WorldError) as error:
        message = f"cannot be asked again: {_reason(error)}"
        return tuple(_warning("F025", question, message) for question in asked)
    return tuple(_drift(project, loaded, then, now, asked))


def _asked(loaded: LoadedSession, then: Facts, as_of: datetime) -> Iterator[QueryFact]:
    """The questions that are recorded as they are asked today."""
    for question in loaded.session.questions:
        fact = then.facts.get(question.name)
        if fact is None or fact.failure or not isinstance(question, QueryFact):
            continue
        query = loaded.queries[question.sql]
        if is_current(fact, query.sha256, bind(query, question, as_of)):
            yield question


def _drift(
    project: Project,
    loaded: LoadedSession,
    then: Facts,
    now: Facts,
    asked: Sequence[QueryFact],
) -> Iterator[Problem]:
    moved = changes(_seen(project, loaded, then), _seen(project, loaded, now))
    for question in asked:
        failure = now.facts[question.name].failure
        if failure:
            message = f"cannot be asked again: {failure.message}"
            yield _warning("F025", question, message)
            continue
        own = [each for each in moved if _is_of(each, question.name)]
        if own and then.as_of:
            at = moment(then.as_of)
            words = ", ".join(map(_words, own[:SHOWN]))
            more = f" and {len(own) - SHOWN} more" if len(own) > SHOWN else ""
            message = f"data moved since it was recorded as of {at}: {words}{more}"
            again = f"'handoff render {loaded.session.id}' records it anew"
            yield _warning("F024", question, f"{message}; {again}")


def _seen(project: Project, loaded: LoadedSession, facts: Facts) -> dict[str, ShownValue]:
    settings = project.settings
    stalled, zone = settings.progress.stalled_minutes, ZoneInfo(settings.timezone)
    return seen(Cells(loaded.session, facts, loaded.queries, stalled, zone))


def _is_of(change: ValueChange, fact: str) -> bool:
    return change.name.split(".")[0].split(" ")[0] == fact


def _words(change: ValueChange) -> str:
    """`coverage.actual 823 → 830`."""
    then, now = (each.bare if each else None for each in (change.then, change.now))
    return f"{change.name} {then or 'nothing'} → {now or 'nothing'}"


def _reason(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0].rpartition(": error: ")[2]


def _warning(code: str, question: QueryFact, message: str) -> Problem:
    return Problem(code, f"fact '{question.name}': {message}", question.place, "warning")
