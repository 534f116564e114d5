"""Paths of a session's files, and where its document is published."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import PurePosixPath
from posixpath import normpath

from handoff.base.patterns import lazy_pattern
from handoff.base.problems import InvalidInput, Refused, WorldError
from handoff.project.project import Project
from handoff.publish.archive import FOLDER, Places, day_of
from handoff.render.document import document_path
from handoff.session import decode
from handoff.session.model import Session
from handoff.session.order import Position, latest, sorted_newest_first
from handoff.session.values import DOCUMENT

_DOCUMENT = lazy_pattern(r"[0-9]{4}-[0-9]{2}-[0-9]{2}-SESSION-.*\.md")


def session_path(session_id: str) -> str:
    """The session's YAML file, relative to the root."""
    return f"sessions/{session_id}.yaml"


def facts_path(session_id: str) -> str:
    """The file of the session's recorded facts, relative to the root."""
    return f"sessions/{session_id}.facts.json"


def receipts_path(session_id: str) -> str:
    """The file of the session's receipts, relative to the root."""
    return f"sessions/{session_id}.receipts.json"


def is_own_file(project: Project, path: str) -> bool:
    """Whether handoff writes the file: a session, or a document, their index or pointer."""
    if path.startswith("sessions/"):
        return True
    output = PurePosixPath(project.settings.output)
    if not PurePosixPath(path).is_relative_to(output):
        return False
    if _DOCUMENT.fullmatch(PurePosixPath(path).name):
        return True
    from handoff.publish import index  # brings jinja2, which is slow
    from handoff.publish.signature import signature

    if path not in (str(output / index.NAME), str(output / index.LATEST)):
        return False
    try:
        content = project.read(path)
    except (Refused, WorldError):
        return False
    return content is None or signature(content).owner is not None


def places(project: Project) -> Places:
    """Where the project's documents are published. Raises WorldError.

    A document's age is counted from the newest session's day, never from today: the same
    files make the same documents on every day.
    """
    archive, output = project.settings.archive, project.settings.output
    moved = moved_documents(project)
    if archive is None:
        return Places(output, moved=moved)
    days = (position(project, each).created for each in project.session_ids())
    newest = max(days, default=date.min)
    try:
        before = newest - timedelta(days=archive.after_days)
    except OverflowError:
        before = date.min
    return Places(output, before, archive.by, frozenset(_edited(project, before)), moved)


_STUB_BYTES = 2_000
_STUB_LINK = lazy_pattern(rb"\]\(<?([^()<>\s]+)>?\)")


def moved_documents(project: Project) -> dict[str, str]:
    """Where the documents are that stubs in the output folder link to.

    By the path that each stub has, or would have without an archive.
    """
    output = project.settings.output
    found: dict[str, str] = {}
    for folder in (output, *(f"{output}/{each}" for each in archive_folders(project))):
        for file in os.scandir(project.path(folder)) if project.path(folder).is_dir() else ():
            if not _DOCUMENT.fullmatch(file.name) or not file.is_file(follow_symlinks=False):
                continue
            if file.stat().st_size > _STUB_BYTES:  # a document
                continue
            content = project.read(f"{folder}/{file.name}") or b""
            link = _STUB_LINK.search(content)
            if b"<!-- handoff: moved:" in content and link:
                target = normpath(f"{folder}/{link[1].decode(errors='replace')}")
                found[f"{output}/{file.name}"] = target
    return dict(sorted(found.items()))


def archive_folders(project: Project) -> list[str]:
    """The names of the folders of older documents in the output folder."""
    folder = project.path(project.settings.output)
    if not folder.is_dir():
        return []
    return sorted(
        each.name
        for each in os.scandir(folder)
        if re.fullmatch(FOLDER, each.name) and each.is_dir(follow_symlinks=False)
    )


def document_place(project: Project, session: Session, where: Places | None = None) -> str:
    """The path of the session's document, relative to the root."""
    where = places(project) if where is None else where
    return where.home(document_path(session, project.settings.output))


_PLACING = lazy_pattern(
    rb"^(created|started|ended|previous|supersedes|next):(.*)$", re.MULTILINE
)
_PLAIN = lazy_pattern(rb" *([\w.:+-]*) *(?: #.*)?\r?")
# each line in one way only, as lines that match in several take exponential time together
_NEXT_ID = lazy_pattern(
    rb"^next:[ \t\r]*(?:#.*)?\n(?:(?:[ \t].*|\r)?\n)*?[ \t]+id: *([\w.-]+) *\r?$", re.M
)


def position(project: Project, session_id: str) -> Position:
    """What places the session among the others; a file with errors has a day at most."""
    path = session_path(session_id)
    try:
        source = project.read_input(path) or b""
    except InvalidInput:  # not a file
        source = b""
    # the usual spelling first: parsing the whole YAML takes 10 ms
    try:
        return _usual_position(source, session_id) or decode.position(source, session_id, path)
    except ValueError:
        return decode.position(source, session_id, path)


def _usual_position(source: bytes, session_id: str) -> Position | None:
    """From the lines that say it; `None` if they are spelled in another way."""
    found: dict[str, str] = {}
    for key, rest in _PLACING.findall(source):
        value = _PLAIN.fullmatch(rest)
        if key == b"next":
            planned = _NEXT_ID.search(source)
            if not planned and b"id:" in source[source.index(b"next:") :].split(b"\n\n")[0]:
                return None
            found["next_id"] = planned[1].decode() if planned else ""
        elif value is None or key.decode() in found or (key != b"created" and not value[1]):
            return None
        else:
            found[key.decode()] = value[1].decode()
    if "created" not in found:
        return None
    superseded = found.get("supersedes", "")
    times = {key: _utc(found[key]) for key in ("started", "ended") if key in found}
    return Position(
        session_id,
        date.fromisoformat(found["created"]),
        previous=(found["previous"],) if "previous" in found else (),
        supersedes=None if re.fullmatch(DOCUMENT, superseded) else superseded or None,
        next_id=found.get("next_id") or None,
        **times,
    )


def _utc(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(text)
    return at.astimezone(UTC)


def newest_first(project: Project) -> tuple[str, ...]:
    """The ids of all sessions, the latest first."""
    return sorted_newest_first(position(project, each) for each in project.session_ids())


def latest_session(project: Project) -> str | None:
    """The latest session that no other supersedes; `None` without sessions."""
    return latest([position(project, each) for each in project.session_ids()])


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
    from handoff.publish.signature import signature  # only where there is an archive

    try:
        return signature(project.read(path) or b"").intact
    except (Refused, WorldError):  # a link that leads out of the repository, a folder
        return False
