"""Where documents stand: in the output folder, or in its archive."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta

from msgspec.structs import replace

from handoff.base.problems import Refused
from handoff.base.tree import Tree
from handoff.project.project import Project
from handoff.publish.archive import Places, day_of
from handoff.publish.writer import signature
from handoff.render.document import document_path
from handoff.session import decode
from handoff.session.model import Session
from handoff.workspace.load import session_path


def places(project: Project) -> Places:
    """Where the project's documents stand. Raises WorldError.

    What is old is counted from the newest session's day, never from today: the same files
    make the same documents on every day.
    """
    archive, output = project.settings.archive, project.settings.output
    if archive is None:
        return Places(output)
    newest = max(_days(project), default=date.min)
    try:
        before = newest - timedelta(days=archive.after_days)
    except OverflowError:
        before = date.min
    kept = frozenset(_kept(project, before))
    return Places(output, before, archive.by, kept)


def document_place(project: Project, session: Session, where: Places | None = None) -> str:
    """The path of the session's document, relative to the root."""
    where = places(project) if where is None else where
    return where.of(document_path(session, project.settings.output))


def tree(project: Project, planned: str, where: Places) -> Tree:
    """The files that a rule may ask about; a document is there too where it would be."""
    found = project.tree(planned)
    return replace(found, has=lambda path: found.has(path) or found.has(where.of(path)))


def _days(project: Project) -> Iterator[date]:
    for session_id in project.session_ids():
        source = project.read(session_path(session_id)) or b""
        day = _plain_day(source) or decode.created(source, session_path(session_id))
        if day is not None:
            yield day


_CREATED = re.compile(rb"^created:(.*)$", re.MULTILINE)
_DAY = re.compile(rb" +(\d{4}-\d\d-\d\d) *(?: #.*)?\r?")


def _plain_day(source: bytes) -> date | None:
    """The day where it stands as nearly always: reading the whole YAML takes 10 ms."""
    lines = _CREATED.findall(source)
    found = _DAY.fullmatch(lines[0]) if len(lines) == 1 else None
    try:
        return date.fromisoformat(found[1].decode()) if found else None
    except ValueError:
        return None


def _kept(project: Project, before: date) -> Iterator[str]:
    """The older documents in the output folder that are not as handoff wrote them."""
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
