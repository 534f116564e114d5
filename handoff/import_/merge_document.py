"""A document that a hand edited, read against what handoff wrote, back into its session."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from handoff import api
from handoff.base.problems import InvalidInput, Place, Problem, UsageError
from handoff.edit.operations import EditResult
from handoff.edit.save import save
from handoff.facts.recorded import Facts
from handoff.import_.merge import Draw, EditedRange, MergeResult, taken
from handoff.project.project import Project
from handoff.publish.writer import signature, was_written
from handoff.session import decode
from handoff.sources import git_history
from handoff.yaml.paths import spelled
from handoff.yaml.spans import CannotEdit

VERSIONS = 50
"""Of a document in git that are looked at."""


class MergedDocument(Struct, frozen=True):
    """What a session took of its document."""

    places: tuple[tuple[Place, str], ...]
    """In the document, and the path of the field that says it now."""
    problems: tuple[Problem, ...]
    """A warning for each edit that is no field's."""
    is_whole: bool
    """Whether the session now gives the hand's document, to the letter."""


def take_back(project: Project, session_id: str, content: bytes, path: str) -> MergedDocument:
    """Take the edits in `content`, of the document `path`, into the session's file.

    Raises WorldError, UsageError where the document is another session's, and InvalidInput,
    also where it cannot be told what of it is a hand's.
    """
    there = signature(content)
    if there.owner not in (None, session_id):
        message = f"'{path}' is the document of '{there.owner}', not of '{session_id}'"
        raise UsageError(f"handoff: error: {message}")
    loaded = api.load(project, session_id)
    facts = api.recorded(project, session_id)
    document = api.render(project, loaded, facts)
    base = _base(project, content, document.text, document.path)
    if base is None:
        raise InvalidInput([Problem("X008", _UNKNOWN, Place(path))])
    source = (project.read(api.session_path(session_id)) or b"").decode()
    # proving takes its time, in which nobody is kept from the session's file
    found = taken(source, base, there.text, _draw(project, session_id, document.path, facts))

    def edit(now: str) -> EditResult:
        if now != source:
            raise CannotEdit("it was written to meanwhile, try again")
        return EditResult(found.source, ())

    save(project, session_id, edit)
    return MergedDocument(
        tuple((Place(path, piece.line), spelled(keys)) for piece, keys in found.places),
        tuple(_left(found, path)),
        found.text == there.text,
    )


_UNKNOWN = (
    "what a hand changed cannot be told: the session, its facts or its template changed since "
    "this was written, and git has no version of it as it was written"
)


def _base(project: Project, content: bytes, now: str, path: str) -> str | None:
    """The text that the digest in `content` was made over."""
    if was_written(content, now):
        return now
    for _, held in git_history.versions(project.root, path, limit=VERSIONS):
        text = signature(held).text
        if was_written(content, text):
            return text
    return None


def _draw(project: Project, session_id: str, path: str, facts: Facts | None) -> Draw:
    where = api.places(project)

    def draw(source: str) -> str | None:
        name = api.session_path(session_id)
        try:
            session, warnings = decode.load(source.encode(), session_id, name)
            loaded = api.loaded(project, session, warnings)
            document = api.render(project, loaded, facts, where=where)
        except InvalidInput:
            return None
        # another day, number or slug is another document
        return document.text if document.path == path else None

    return draw


def _left(taken: MergeResult, path: str) -> Iterator[Problem]:
    for piece in taken.left:
        message = f"no field of the session says this: {_words(piece)}"
        yield Problem("X009", message, Place(path, piece.line), "warning")


def _words(piece: EditedRange) -> str:
    """`'old' → 'new'`, on one line."""
    old, new = (" ".join(" ".join(each).split()) for each in (piece.old, piece.new))
    if not old.strip():
        return f"'{_short(new)}' was put in"
    return f"'{_short(old)}' → '{_short(new)}'" if new else f"'{_short(old)}' was taken out"


def _short(words: str) -> str:
    return words if len(words) <= 60 else f"{words[:59]}…"
