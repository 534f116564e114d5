"""Status: every session of a project, how far it is and who has it."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

from handoff.base.problems import InvalidInput, Problem
from handoff.facts.recorded import Facts
from handoff.project.project import Project
from handoff.publish import writer as publish
from handoff.publish.archive import Places
from handoff.render.document import deadline_text, overdue_deadlines
from handoff.session import decode
from handoff.workspace.document import live_of, render
from handoff.workspace.gather import recorded
from handoff.workspace.load import LoadedSession, load, session_path
from handoff.workspace.locations import places
from handoff.workspace.overview_report import SessionStatus, newest_first, stand
from handoff.workspace.receipts import received


def overviews(
    project: Project, *, now: datetime
) -> tuple[tuple[SessionStatus, ...], tuple[Problem, ...]]:
    """Every session, newest first, and what is wrong with those that cannot be read.

    Made from what is recorded; `now` is only for actions whose day is over.
    """
    successors, where = _successors(project), places(project)
    found: list[SessionStatus] = []
    problems: list[Problem] = []
    for session_id in project.session_ids():
        try:
            found.append(
                _overview(project, session_id, successors.get(session_id, ()), now, where)
            )
        except InvalidInput as error:
            errors = error.report.errors
            problems += error.report.problems
            found.append(_unreadable(project, session_id, len(errors)))
    return newest_first(found), tuple(problems)


def superseded_by(project: Project, session_id: str) -> tuple[str, ...]:
    """The sessions that say they supersede this one."""
    return _successors(project).get(session_id, ())


def _successors(project: Project) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for session_id in project.session_ids():
        path = session_path(session_id)
        try:
            session, _ = decode.load(project.read(path) or b"", session_id, path)
        except InvalidInput:
            continue
        if session.supersedes:
            others = found.get(session.supersedes, ())
            found[session.supersedes] = (*others, session_id)
    return found


def _overview(
    project: Project,
    session_id: str,
    successors: tuple[str, ...],
    now: datetime,
    where: Places,
) -> SessionStatus:
    loaded = load(project, session_id)
    facts = recorded(project, session_id)
    document = render(project, loaded, facts, where=where)
    receipts = received(project, session_id)
    file = publish.state(project.read(document.path), document.text, session_id)
    in_prompt = sum(each.in_prompt for each in document.open)
    return SessionStatus(
        session=session_id,
        title=loaded.session.title,
        day=loaded.session.created.day,
        document=document.path,
        status=document.status,
        boxes=document.progress,
        blanks=len(document.open),
        blanks_in_prompt=in_prompt,
        stand=stand(
            is_written=file in ("current", "outdated", "edited"),
            is_begun=document.done > 0 or not document.boxes,
            blanks_in_prompt=in_prompt,
            receipts=receipts,
            superseded_by=successors,
        ),
        receipts=receipts,
        superseded_by=successors,
        overdue=overdue(project, loaded, facts, now),
    )


def overdue(
    project: Project, loaded: LoadedSession, facts: Facts | None, now: datetime
) -> tuple[str, ...]:
    """What of the session is overdue, in words, with the answers of `facts`."""
    late = overdue_deadlines(loaded.session, now, ZoneInfo(project.settings.timezone))
    if not late:
        return ()
    live = live_of(project, loaded, facts, stale_ok=True)
    return tuple(deadline_text(each, lambda text: live.text(text, "prompt")) for each in late)


def _unreadable(project: Project, session_id: str, mistakes: int) -> SessionStatus:
    path = session_path(session_id)
    day = decode.created(project.read(path) or b"", path)
    counted = "1 mistake" if mistakes == 1 else f"{mistakes} mistakes"
    return SessionStatus(
        session=session_id,
        title="",
        day=day or date.min,
        document="",
        status=f"cannot be read, {counted}: handoff check {session_id}",
        boxes="",
        blanks=0,
        blanks_in_prompt=0,
        stand="unreadable",
    )
