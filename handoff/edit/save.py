"""An edit into its file: under a lock, whole, and only where the session still loads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from glob import escape
from pathlib import Path

from msgspec import Struct

from handoff import api
from handoff.base.files import write_whole
from handoff.base.locks import locked
from handoff.base.problems import InvalidInput, KeyPath, Place, Problem, Report
from handoff.edit.operations import Change, EditResult
from handoff.project.project import Project
from handoff.session import decode
from handoff.session.model import Session
from handoff.session.walk import texts
from handoff.yaml.paths import NotFound, places
from handoff.yaml.spans import CannotEdit, position, tree

_UNREADABLE = ("Y001", "Y002", "Y003", "Y004", "Y005", "Y006", "Y010")
"""With one of these the file cannot be edited before it is mended by hand."""


class SaveResult(Struct, frozen=True):
    """One edit, as it stands in the file now."""

    place: Place
    changed: bool
    """`False` where the file said so already."""
    added: bool
    """Whether the place was not there before."""
    session: Session | None
    """`None` where the file has mistakes, which were there before."""
    warnings: tuple[Problem, ...]
    """That the edit brought."""


def save(project: Project, session_id: str, edit: Change) -> SaveResult:
    """Make `edit` of the session's text and write it.

    The file is read under the lock, so that nothing another process wrote is lost. Raises
    InvalidInput where the edit would bring mistakes: then nothing is written. NotFound and
    CannotEdit come from `edit`; WorldError from the disk.
    """
    path = api.session_path(session_id)
    file = project.path(path)
    with locked(file.parent, place=path):
        while True:
            source = project.read(path) or b""
            saved, content = _edited(project, session_id, source, edit)
            # an editor may have saved meanwhile: it takes no lock
            if project.read(path) == source:
                break
        _remove_leftovers(file)
        if saved.changed:
            write_whole(file, content, place=path)
    return saved


def _remove_leftovers(file: Path) -> None:
    """What a writer left that was killed: under the lock there is no other."""
    for spare in file.parent.glob(f".{escape(file.name)}.????????.tmp"):
        with suppress(OSError):
            spare.unlink()


def _edited(
    project: Project, session_id: str, source: bytes, edit: Change
) -> tuple[SaveResult, bytes]:
    path = api.session_path(session_id)
    was, before = _read(source, session_id)
    unreadable = [problem for problem in before if problem.code in _UNREADABLE]
    if unreadable:
        raise InvalidInput(unreadable)
    edited = _placed(edit, source.decode(), path)
    content = edited.text.encode()
    place = _place(path, edited.text, edited.keys)
    if content == source:
        return SaveResult(place, False, False, was, ()), source
    session, after = _read(content, session_id)
    if was and session and _live_texts(session) - _live_texts(was):
        before += _live_problems(project, was)
        after += _live_problems(project, session)
    brought = _brought(before, after)
    if any(problem.level == "error" for problem in brought):
        raise InvalidInput(brought)
    added = edited.keys not in set(places(tree(source.decode())))
    return SaveResult(place, True, added, session, brought), content


def _placed(edit: Change, text: str, path: str) -> EditResult:
    """The edit of `text`; an error names the file."""
    try:
        return edit(text)
    except (NotFound, CannotEdit) as error:
        raise type(error)(f"{path}: error: {error}") from error


def _read(source: bytes, session_id: str) -> tuple[Session | None, list[Problem]]:
    try:
        session, warnings = decode.load(source, session_id, api.session_path(session_id))
    except InvalidInput as error:
        return None, list(error.report.problems)
    return session, list(warnings)


def _live_texts(session: Session) -> set[str]:
    """The texts that may cite a fact: live ones, and evidence, which names them bare."""
    found = texts(session)
    return {t.value for t in found if "{{" in t.value or "evidence" in t.place.keys}


def _live_problems(project: Project, session: Session) -> list[Problem]:
    from handoff.values import typecheck  # slow: brings jinja2

    return typecheck.problems(session, api.queries(project)[0])


def _brought(before: Iterable[Problem], after: Iterable[Problem]) -> tuple[Problem, ...]:
    """The problems of `after` that are not of `before`; lines may have moved."""
    left = Counter(map(_same, before))
    brought = []
    for problem in after:
        left[_same(problem)] -= 1
        if left[_same(problem)] < 0:
            brought.append(problem)
    return Report.of(brought).problems


def _same(problem: Problem) -> tuple[str, str, KeyPath]:
    return problem.code, problem.message, problem.place.keys


def _place(path: str, text: str, keys: KeyPath) -> Place:
    line, column = position(text, keys)
    return Place(path, line, column, keys)
