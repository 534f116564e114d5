"""Check: every rule over sessions, questions, facts and documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from handoff.base.problems import InvalidInput, Problem, Report
from handoff.facts.recorded import Facts
from handoff.project.project import Project
from handoff.publish import gate
from handoff.publish.archive import Places
from handoff.render.document import Document
from handoff.session import decode
from handoff.session.model import QueryFact, Session
from handoff.sql import tables
from handoff.sql.query import Query
from handoff.sql.tables import Schema
from handoff.workspace.document import folders, render
from handoff.workspace.drift import drift
from handoff.workspace.gather import earlier, facts_path, recorded, trusted
from handoff.workspace.load import live_problems, load, queries, session_path
from handoff.workspace.locations import document_place, places, tree

if TYPE_CHECKING:
    from handoff import check as checks


def check(project: Project, ids: Sequence[str] = (), *, now: datetime | None = None) -> Report:
    """Every rule over the sessions `ids`, or over the whole project without any.

    With `now` also those that need a clock, and the warehouse is asked again: nothing of
    that is recorded.
    """
    from handoff import check as checks  # brings markdown_it

    every, problems = queries(project)
    cases: list[checks.CheckContext] = []
    where = places(project)
    for session_id in ids or project.session_ids():
        found, case = _case(project, session_id, every, where, now)
        problems += found
        cases += [case] if case else []
    for case in cases:
        problems += checks.session_problems(case)
        if now is not None:
            problems += drift(project, case.session.id)
    files = [session_path(each) for each in ids or project.session_ids()]
    files += [query.path for query in every.values() if not ids]
    outputs = [
        gate.SessionOutput(
            case.session.id, case.facts, case.facts_path, case.document, case.document_path
        )
        for case in cases
    ]
    problems += gate.check(project, files, outputs, whole=not ids)
    named = {
        q.sql for case in cases for q in case.session.questions if isinstance(q, QueryFact)
    }
    asked = [query for query in every.values() if not ids or query.name in named]
    problems += checks.query_problems(asked, _schema(project, problems))
    if not ids:
        sessions = [case.session for case in cases]
        documents = {case.session.id: case.document_path for case in cases}
        problems += checks.project_problems(checks.ProjectContext(sessions, documents, every))
        problems += _templates(project)
    return Report.of(problems)


def _templates(project: Project) -> list[Problem]:
    from handoff.render.templates import block_problems  # slow: brings jinja2

    found = folders(project)
    return [*block_problems(found, found.of_project())]


def _schema(project: Project, problems: list[Problem]) -> Schema | None:
    source = project.read(tables.PATH)
    try:
        return tables.load(source) if source is not None else None
    except InvalidInput as error:
        problems += error.report.problems
        return Schema("", {})


def _case(
    project: Project,
    session_id: str,
    every: Mapping[str, Query],
    where: Places,
    now: datetime | None,
) -> tuple[list[Problem], checks.CheckContext | None]:
    """What is wrong on the way to a session's document, and what its rules look at."""
    path = session_path(session_id)
    try:
        session, warnings = decode.load(project.read(path) or b"", session_id, path)
    except InvalidInput as error:
        return [*error.report.problems], None
    problems = [*warnings, *live_problems(session, every)]
    document, facts = None, trusted(project, session_id)
    try:
        recorded(project, session_id)  # raises where a hand changed it
        document = render(project, load(project, session_id), facts, where=where)
        problems += document.problems
    except InvalidInput as error:
        problems += error.report.problems
    return problems, case_of(project, session, every, facts, document, where=where, now=now)


def case_of(
    project: Project,
    session: Session,
    queries: Mapping[str, Query],
    facts: Facts | None,
    document: Document | None,
    *,
    where: Places | None = None,
    now: datetime | None = None,
) -> checks.CheckContext:
    """What the rules look at; `document` as rendered with `facts`."""
    from handoff.check import CheckContext
    from handoff.values.cells import Cells
    from handoff.workspace import history

    settings = project.settings
    where = places(project) if where is None else where
    planned = document_place(project, session, where)
    stalled, zone = settings.progress.stalled_minutes, ZoneInfo(settings.timezone)
    cells = Cells(session, facts, queries, stalled, zone, earlier(project, session))
    return CheckContext(
        session=session,
        queries=queries,
        facts=facts,
        facts_path=facts_path(session.id),
        document_path=planned,
        document=document.text if document else None,
        tree=tree(project, planned, where),
        open=document.open if document else (),
        prompts=document.prompts if document else {},
        budget_tokens=settings.budget_tokens,
        cells=cells,
        past=history.past(project, cells),
        lines=history.lines(project),
        now=now,
        zone=zone,
    )
