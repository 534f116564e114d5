"""Whether a session may start: the conditions that others wrote for it, asked of the facts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from handoff import api
from handoff.api import LoadedSession
from handoff.base.problems import InvalidInput, Problem, worst
from handoff.facts.recorded import Facts
from handoff.project.project import Project
from handoff.session import decode
from handoff.session.model import Next, Session
from handoff.values.evidence import (
    ConditionResult,
    evaluate_condition,
    facts_of_conditions,
    start_conditions,
)
from handoff.warehouse.port import Progress


class Readiness(Struct, frozen=True):
    """What a session waits for, and how that stands."""

    session: str
    """The id of the session that is to start."""
    written_in: tuple[str, ...]
    """The sessions that say what it waits for."""
    conditions: tuple[ConditionResult, ...]
    problems: tuple[Problem, ...]
    """Facts without an answer, and what else was found on the way."""
    world_code: int
    """3 where the warehouse failed, 1 where a question needs mending; else 0."""

    @property
    def holding(self) -> int:
        return sum(each.holds is True for each in self.conditions)

    @property
    def exit_code(self) -> int:
        return worst((self.world_code, int(self.holding < len(self.conditions))))


def ready(
    project: Project,
    name: str,
    *,
    now: datetime,
    engine: str | None = None,
    frozen: bool = False,
    progress: Progress = lambda _: None,
) -> Readiness:
    """Hold the conditions for a session to start against the facts of `now`.

    Only what they cite is asked, and nothing is recorded; with `frozen` it is what is
    recorded. Raises InvalidInput, also where a session cannot be read: it may be the one
    that says what to wait for; UsageError and WorldError.
    """
    session_id, written = _written_for(project, name)
    found: list[ConditionResult] = []
    problems: list[Problem] = []
    codes: list[int] = []
    for each in written:
        if not start_conditions(each):
            continue
        loaded = _only_cited(api.load(project, each.id))
        if frozen:
            facts = api.frozen(project, loaded)
        else:
            facts = api.gather(
                project, loaded, engine=engine, as_of=now, progress=progress, keep=False
            )
            codes += [f.failure.exit_code for f in facts.facts.values() if f.failure]
        found += _held(project, loaded, facts, problems)
    return Readiness(
        session=session_id,
        written_in=tuple(each.id for each in written),
        conditions=tuple(found),
        problems=tuple(problems),
        world_code=worst(codes),
    )


def _written_for(project: Project, name: str) -> tuple[str, tuple[Session, ...]]:
    """The id of the session that `name` means, and the sessions before it.

    It need not have a file yet: `next:` of another names it.
    """
    sessions = tuple(_sessions(project))
    known = name in {_named(each.next) for each in sessions if each.next}
    session_id = name if known else api.session_named(project, name)
    previous = {p for each in sessions if each.id == session_id for p in each.previous}
    superseded = {each.supersedes for each in sessions}
    return session_id, tuple(
        each
        for each in sessions
        if each.id not in superseded and _leads_to(each, session_id, previous)
    )


def _sessions(project: Project) -> Iterator[Session]:
    problems: list[Problem] = []
    for session_id in project.session_ids():
        path = api.session_path(session_id)
        try:
            yield decode.load(project.read(path) or b"", session_id, path)[0]
        except InvalidInput as error:
            problems += error.report.problems
    if problems:
        raise InvalidInput(problems)


def _leads_to(session: Session, session_id: str, previous: set[str]) -> bool:
    """Whether what `session` says of its next is said of the one with this id."""
    if session.next is None or session.id == session_id:
        return False
    if session.next.id is not None:
        return session.next.id == session_id
    return session.id in previous or (not previous and _named(session.next) == session_id)


def _named(following: Next) -> str | None:
    """The id of the session that follows, as `handoff new` would give it."""
    if following.id is None and following.session is not None:
        return f"session-{following.session}"
    return following.id


def _only_cited(loaded: LoadedSession) -> LoadedSession:
    names = facts_of_conditions(loaded.session)
    questions = tuple(each for each in loaded.session.questions if each.name in names)
    return replace(loaded, session=replace(loaded.session, questions=questions))


def _held(
    project: Project, loaded: LoadedSession, facts: Facts, problems: list[Problem]
) -> tuple[ConditionResult, ...]:
    live = api.live_of(project, loaded, facts)
    written = start_conditions(loaded.session)
    found = tuple(evaluate_condition(each, live, "prompt") for each in written)
    problems += [*loaded.warnings, *api.failures(loaded, facts), *live.warnings]
    if live.errors:
        raise InvalidInput(live.errors)
    return found
