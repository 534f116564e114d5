"""Saving an edit: under a lock, atomically, and only if the session still loads."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable

from msgspec import Struct

from handoff.base.files import replace_unchanged
from handoff.base.locks import locked
from handoff.base.problems import (
    HandoffError,
    InvalidInput,
    KeyPath,
    Place,
    Problem,
    Report,
    WorldError,
)
from handoff.edit.operations import EditStep
from handoff.project.project import Project
from handoff.publish import gate
from handoff.session import decode
from handoff.session.model import Session
from handoff.session.walk import texts
from handoff.workspace.load import live_problems, load_queries, used_queries, with_query_names
from handoff.workspace.paths import session_path
from handoff.yaml.edits import CannotEdit, place_of
from handoff.yaml.nodes import UNREADABLE, ParsedYAML, parse_yaml
from handoff.yaml.paths import NotFound, node_at


class SaveResult(Struct, frozen=True):
    """One edit, as it is in the file now."""

    place: Place
    changed: bool
    """`False` where the file already had that value."""
    added: bool
    """Whether the place did not exist before."""
    parsed: ParsedYAML
    session: Session | None
    """`None` where the file has errors, which it had before."""
    warnings: tuple[Problem, ...]
    """New ones, from this edit."""


def save(project: Project, session_id: str, edit: EditStep) -> SaveResult:
    """Make `edit` in the session file and write it.

    The file is read under the lock, so that nothing another process wrote is lost. Raises
    InvalidInput where the edit would add errors: then nothing is written. NotFound and
    CannotEdit come from `edit`; WorldError from the disk.
    """
    path = session_path(session_id)
    file = project.path(path)
    with locked(file.parent, place=path):
        for _ in range(_ATTEMPTS):
            source = project.read(path) or b""
            try:
                saved, content = _apply(project, session_id, source, edit)
            except HandoffError:
                if _is_being_saved(project, path, source):
                    continue
                raise
            # an editor takes no lock: the edit is made again in what it saved meanwhile
            if not saved.changed or replace_unchanged(file, content, source, place=path):
                return saved
    raise WorldError(f"{path}: error: cannot write: another program keeps changing the file")


_ATTEMPTS = 100
_PAUSE_SECONDS = 0.05


def _is_being_saved(project: Project, path: str, source: bytes) -> bool:
    """Whether the file changes right now: some editors empty a file before they write it."""
    for _ in range(1 if source else 20):
        time.sleep(_PAUSE_SECONDS)
        if (project.read(path) or b"") != source:
            return True
    return False


def _apply(
    project: Project, session_id: str, source: bytes, edit: EditStep
) -> tuple[SaveResult, bytes]:
    path = session_path(session_id)
    parsed = parse_yaml(source, path)
    session, before = _decode(project, parsed, session_id)
    unreadable = [problem for problem in before if problem.code in UNREADABLE]
    if unreadable:
        raise InvalidInput(unreadable)
    try:
        edited = edit(parsed)
        place = place_of(edited.parsed, edited.keys)
    except (NotFound, CannotEdit) as error:
        raise type(error)(f"{path}: error: {error}") from error
    content = edited.parsed.encode()
    if content == source and not edited.problems:
        return SaveResult(place, False, False, parsed, session, ()), source
    was = session
    session, after = _decode(project, edited.parsed, session_id)
    if was and session and _live_texts(session) - _live_texts(was):
        known = load_queries(project, used_queries((was, session)))[0]
        before += live_problems(was, known)
        after += live_problems(session, known)
    before += gate.text_problems(project, parsed.text, path)
    after += gate.text_problems(project, edited.parsed.text, path)
    new = Report.of((*edited.problems, *_new_problems(before, after))).problems
    if any(problem.level == "error" for problem in new):
        raise InvalidInput(new)
    is_added = parsed.root is None or node_at(parsed.root, edited.was or edited.keys) is None
    return SaveResult(place, True, is_added, edited.parsed, session, new), content


def _decode(
    project: Project, parsed: ParsedYAML, session_id: str
) -> tuple[Session | None, list[Problem]]:
    try:
        session, warnings = decode.load(parsed, session_id, parsed.path)
    except InvalidInput as error:
        return None, list(error.report.problems)
    return with_query_names(project, session), list(warnings)


def _live_texts(session: Session) -> set[str]:
    """The texts that may cite a fact: live ones, and evidence, which names facts directly."""
    found = texts(session)
    return {t.value for t in found if "{{" in t.value or "evidence" in t.place.keys}


def _new_problems(before: Iterable[Problem], after: Iterable[Problem]) -> tuple[Problem, ...]:
    """The problems of `after` that are not in `before`; lines may have moved."""
    known = Counter(map(_identity, before))
    new = []
    for problem in after:
        known[_identity(problem)] -= 1
        if known[_identity(problem)] < 0:
            new.append(problem)
    return Report.of(new).problems


def _identity(problem: Problem) -> tuple[str, str, KeyPath]:
    return problem.code, problem.message, problem.place.keys
