"""Paths of a session's files, and where its document is published."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta

from handoff.base.problems import Refused
from handoff.project.project import Project
from handoff.publish.archive import Places, day_of
from handoff.publish.writer import signature
from handoff.render.document import document_path
from handoff.session import decode
from handoff.session.model import Session


def session_path(session_id: str) -> str:
    """The session's YAML file, relative to the root."""
    return f"sessions/{session_id}.yaml"


def facts_path(session_id: str) -> str:
    """The file of the session's recorded facts, relative to the root."""
    return f"sessions/{session_id}.facts.json"


def receipts_path(session_id: str) -> str:
    """The file of the session's receipts, relative to the root."""
    return f"sessions/{session_id}.receipts.json"


def places(project: Project) -> Places:
    """Where the project's documents are published. Raises WorldError.

    A document's age is counted from the newest session's day, never from today: the same
    files make the same documents on every day.
    """
    archive, output = project.settings.archive, project.settings.output
    if archive is None:
        return Places(output)
    days = (created_day(project, session_id) for session_id in project.session_ids())
    newest = max((day for day in days if day), default=date.min)
    try:
        before = newest - timedelta(days=archive.after_days)
    except OverflowError:
        before = date.min
    return Places(output, before, archive.by, frozenset(_edited(project, before)))


def document_place(project: Project, session: Session, where: Places | None = None) -> str:
    """The path of the session's document, relative to the root."""
    where = places(project) if where is None else where
    return where.of(document_path(session, project.settings.output))


_CREATED = re.compile(rb"^created:(.*)$", re.MULTILINE)
_DAY = re.compile(rb" +(\d{4}-\d\d-\d\d) *(?: #.*)?\r?")


def created_day(project: Project, session_id: str) -> date | None:
    """The day of `created:`; `None` where the session file has no valid one."""
    path = session_path(session_id)
    source = project.read(path) or b""
    # the usual spelling first: parsing the whole YAML takes 10 ms
    lines = _CREATED.findall(source)
    found = _DAY.fullmatch(lines[0]) if len(lines) == 1 else None
    try:
        if found:
            return date.fromisoformat(found[1].decode())
    except ValueError:
        pass
    return decode.created(source, path)


def _edited(project: Project, before: date) -> Iterator[str]:
    """The older documents in the output folder that have manual edits."""
    output = project.settings.output
    folder = project.path(output)
    for file in sorted(folder.glob("*.md")) if folder.is_dir() else ():
        path = f"{output}/{file.name}"
        day = day_of(path)
        if day is not None and day < before and not _is_intact(project, path):
            yield path


def _is_intact(project: Project, path: str) -> bool:
    try:
        return signature(project.read(path) or b"").intact
    except Refused:  # a link that leads out of the repository
        return False
