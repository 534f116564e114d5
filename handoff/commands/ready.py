"""`ready`: check whether a session's start conditions hold."""

from __future__ import annotations

from typing import Annotated

import typer
from msgspec.structs import replace

from handoff.base.characters import revealed
from handoff.base.problems import InvalidInput, Problem, worst_exit_code
from handoff.commands import console, options
from handoff.project.project import Project
from handoff.session.model import Next, Session
from handoff.values.evidence import (
    ConditionResult,
    evaluate_condition,
    facts_of_conditions,
    start_conditions,
)
from handoff.workspace.document import interpolator
from handoff.workspace.gather import failure_problems, gather, load_frozen_facts
from handoff.workspace.load import find_session, load_session, open_project, read_sessions


def ready(
    session: Annotated[
        str,
        typer.Argument(
            metavar="SESSION",
            help="The session to start; it may not have a file yet.",
            autocompletion=options.completer("session_ids"),
        ),
    ],
    engine: options.EngineOption = None,
    frozen: options.Frozen = False,
    as_of: options.AsOf = None,
    root: options.Root = None,
) -> int:
    """Exits with 0 when every condition for the session to start holds, with 1 until then.

    The conditions are those under 'next:' of the previous session. Only the queries that
    they use are run, and nothing is recorded.

    until handoff ready session-2; do sleep 300; done
    """
    if frozen:
        options.refuse_together("--frozen", [("--engine", engine), ("--as-of", as_of)])
    project = open_project(root)
    session_id, sources = _previous_sessions(project, session)
    results: list[ConditionResult] = []
    problems: list[Problem] = []
    codes: list[int] = []
    for each in sources:
        if not start_conditions(each):
            continue
        loaded = load_session(project, each.id)
        used = facts_of_conditions(each)
        facts = tuple(fact for fact in loaded.session.facts if fact.name in used)
        loaded = replace(loaded, session=replace(loaded.session, facts=facts))
        if frozen:
            found = load_frozen_facts(project, loaded)
        else:
            found = gather(
                project,
                loaded,
                engine=engine,
                as_of=options.as_of_time(as_of) or options.this_minute(),
                progress=console.ProgressLine(),
                keep=False,
            )
            codes += [fact.failure.exit_code for fact in found.facts.values() if fact.failure]
        live = interpolator(project, loaded, found)
        written = start_conditions(loaded.session)
        results += [evaluate_condition(condition, live, "prompt") for condition in written]
        problems += [*loaded.warnings, *failure_problems(loaded, found), *live.warnings]
        if live.errors:
            raise InvalidInput(live.errors)
    for result in results:
        console.out(f"{revealed(' '.join(str(result).split()))}\n")
    console.problems(problems)
    holding = sum(each.holds is True for each in results)
    if not results:
        where = " and ".join(each.id for each in sources)
        in_sessions = f" in {where}" if where else ""
        console.note(f"{session_id} has no start conditions{in_sessions}")
    elif holding == len(results):
        console.note(f"{session_id} is ready")
    else:
        count = f"{holding} of {len(results)} conditions hold"
        console.note(f"{session_id} is not ready: {count}")
    return worst_exit_code((*codes, int(holding < len(results))))


def _previous_sessions(project: Project, name: str) -> tuple[str, tuple[Session, ...]]:
    """The id of the session that `name` means, and the sessions that it follows.

    It need not have a file yet: `next:` of another names it. Raises InvalidInput where any
    session cannot be read, for it may hold the conditions, and UsageError.
    """
    sessions, problems = read_sessions(project)
    if problems:
        raise InvalidInput(problems)
    known = name in {_next_id(each.next) for each in sessions if each.next}
    session_id = name if known else find_session(project, name)
    previous = {p for each in sessions if each.id == session_id for p in each.previous}
    superseded = {each.supersedes for each in sessions}
    return session_id, tuple(
        each
        for each in sessions
        if each.id not in superseded and _is_followed_by(each, session_id, previous)
    )


def _is_followed_by(session: Session, session_id: str, previous: set[str]) -> bool:
    """Whether `next:` of `session` is about the session with this id."""
    if session.next is None or session.id == session_id:
        return False
    if session.next.id is not None:
        return session.next.id == session_id
    return session.id in previous or (not previous and _next_id(session.next) == session_id)


def _next_id(following: Next) -> str | None:
    """The id of the following session, as `handoff new` would name it."""
    if following.id is None and following.session is not None:
        return f"session-{following.session}"
    return following.id
