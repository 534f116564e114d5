"""Gather: questions asked and recorded, and what is recorded read back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from handoff.base.files import sweep, write_whole
from handoff.base.locks import locked
from handoff.base.problems import InvalidInput, Level, Problem
from handoff.facts import recorded as facts_file
from handoff.facts.recorded import Facts
from handoff.project.project import Project
from handoff.publish import gate
from handoff.session.model import QueryFact, Session
from handoff.warehouse.port import Progress
from handoff.workspace import run_queries as gathering
from handoff.workspace.load import LoadedSession, session_path

if TYPE_CHECKING:
    from handoff.values.rows import EarlierSession

if TYPE_CHECKING:
    from handoff.sources import lookup as asking


def facts_path(session_id: str) -> str:
    """Where the session's facts are recorded, relative to the root."""
    return f"sessions/{session_id}.facts.json"


def recorded(project: Project, session_id: str) -> Facts | None:
    """What is recorded of the session; `None`: nothing.

    Raises InvalidInput where it cannot be read or a hand changed it, and WorldError.
    """
    path = facts_path(session_id)
    source = project.read(path)
    if source is None:
        return None
    problems = facts_file.problems(source, path)
    if problems:
        raise InvalidInput(problems)
    return facts_file.load(source, path)


def gather(
    project: Project,
    loaded: LoadedSession,
    *,
    engine: str | None = None,
    as_of: datetime | None = None,
    progress: Progress = lambda _: None,
    note: Progress = lambda _: None,
    keep: bool = True,
) -> Facts:
    """Ask every question of the session and record the answers, and failures beside the last.

    `as_of` stands in place of the session's own; without either it is this minute. `note`
    is told what the answers cost.
    Raises UsageError, WorldError, and InvalidInput where the session file or an answer
    holds a secret: then nothing is asked or recorded. Without `keep` nothing ever is recorded.
    """
    from handoff.sources import lookup as asking  # only asking needs it
    from handoff.warehouse import engines

    session = loaded.session
    gate.hold(gate.file_problems(project, session_path(session.id)))
    now = datetime.now(UTC)
    moment = as_of or session.as_of or now
    previous = trusted(project, session.id)
    world = _world(project, now)
    is_asked = any(isinstance(each, QueryFact) for each in session.questions)
    # an engine that was given is held to be one, though nothing is asked of it
    chosen = engines.choose_engine(project, engine) if engine or is_asked else None
    warehouse = (
        engines.open_warehouse(project, chosen, progress) if chosen and is_asked else None
    )
    try:
        facts = gathering.gather(
            session,
            loaded.queries,
            warehouse,
            previous,
            moment,
            lambda lookup, at: asking.look(lookup, world, at),
            patient=keep,
        )
        cost = warehouse.cost() if warehouse else None
    finally:
        if warehouse:
            warehouse.close()
    if cost:
        note(cost)
    if keep:
        record(project, session.id, facts)
    else:
        gate.hold(gate.facts_problems(project, facts, facts_path(session.id)))
    return facts


def _world(project: Project, now: datetime) -> asking.SourceContext:
    from handoff.sources import lookup as asking

    settings = project.settings
    return asking.SourceContext(
        root=project.root,
        file=project.source,
        zone=ZoneInfo(settings.timezone),
        recent_minutes=settings.progress.recent_minutes,
        now=now,
    )


def frozen(project: Project, loaded: LoadedSession) -> Facts:
    """What is recorded, for a document that asks nothing.

    Raises InvalidInput where a fact that the session declares is missing, or was edited.
    """
    facts = recorded(project, loaded.session.id) or Facts(None, {})
    again = f"run 'handoff render {loaded.session.id}' without '--frozen'"
    problems = [
        Problem("F020", f"fact '{each.name}' is not recorded; {again}", each.place)
        for each in loaded.session.questions
        if each.name not in facts.facts
    ]
    if problems:
        raise InvalidInput(problems)
    return facts


def earlier(project: Project, session: Session) -> Mapping[str, EarlierSession]:
    """What other sessions recorded that facts are compared with, as far as it can be read."""
    from handoff.values.rows import EarlierSession  # not for a session without such facts

    found: dict[str, EarlierSession] = {}
    for session_id in earlier_ids(session):
        source = project.read(facts_path(session_id))
        facts = trusted(project, session_id)
        why = {} if source is None else {"why": "has facts that cannot be read"}
        found[session_id] = EarlierSession(session_id, facts, **why)
    return found


def earlier_ids(session: Session) -> tuple[str, ...]:
    """The sessions whose facts the session's document is made of beside its own."""
    named = (each.since for each in session.questions if each.since != session.id)
    return tuple(dict.fromkeys(each for each in named if each))


def failures(
    loaded: LoadedSession, facts: Facts, level: Level = "error"
) -> tuple[Problem, ...]:
    """A problem for each fact that was asked for and has no answer now."""
    found = (
        (q, facts.facts[q.name]) for q in loaded.session.questions if q.name in facts.facts
    )
    return tuple(
        Problem(
            "F022", f"fact '{fact.name}' has no answer: {fact.failure.message}", q.place, level
        )
        for q, fact in found
        if fact.failure
    )


def record(project: Project, session_id: str, facts: Facts) -> None:
    """Write the facts file, where it says something else than it did.

    Raises WorldError, and InvalidInput where an answer looks like a secret.
    """
    path = facts_path(session_id)
    content = facts_file.dump(facts).encode()
    if project.read(path) != content:
        gate.hold(gate.facts_problems(project, facts, path))
        file = project.path(path)
        with locked(file.parent, place=path):
            sweep(file.parent)
            write_whole(file, content, place=path)


def trusted(project: Project, session_id: str) -> Facts | None:
    """What is recorded, for answers that fail now; a file that cannot be read is none."""
    source = project.read(facts_path(session_id))
    try:
        return facts_file.load(source, facts_path(session_id)) if source is not None else None
    except InvalidInput:
        return None
