"""A manually edited document, merged into its session file."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from handoff.base.problems import InvalidInput, Place, Problem, UsageError
from handoff.edit.operations import EditResult
from handoff.edit.save import save
from handoff.facts.recorded import Facts
from handoff.import_.merge import EditedRange, MergeResult, Render, merge_edits
from handoff.project.project import Project
from handoff.publish.writer import signature, was_written
from handoff.session import decode
from handoff.sources import git_history
from handoff.workspace.document import render
from handoff.workspace.gather import recorded
from handoff.workspace.load import load, loaded, session_path
from handoff.workspace.locations import places
from handoff.yaml.edits import CannotEdit
from handoff.yaml.nodes import ParsedYAML, parse_yaml
from handoff.yaml.paths import format_path

VERSIONS = 50
"""Of a document in git that are searched."""


class MergedDocument(Struct, frozen=True):
    """What was merged from a document into its session."""

    places: tuple[tuple[Place, str], ...]
    """In the document, and the path of the field that has it now."""
    problems: tuple[Problem, ...]
    """A warning for each edit that belongs to no field."""
    is_whole: bool
    """Whether the session now renders exactly the edited document."""


def merge_document(
    project: Project, session_id: str, content: bytes, path: str
) -> MergedDocument:
    """Merge the edits in `content`, of the document `path`, into the session file.

    Raises WorldError, UsageError where the document is another session's, and InvalidInput,
    also where the edits cannot be determined.
    """
    edited = signature(content)
    if edited.owner not in (None, session_id):
        message = f"'{path}' is the document of '{edited.owner}', not of '{session_id}'"
        raise UsageError(f"handoff: error: {message}")
    checked = load(project, session_id)
    facts = recorded(project, session_id)
    document = render(project, checked, facts)
    base = _find_base(project, content, document.text, document.path)
    if base is None:
        raise InvalidInput([Problem("X008", _UNKNOWN, Place(path))])
    name = session_path(session_id)
    source = parse_yaml(project.read(name) or b"", name)
    # proving takes its time; nobody is kept from the session file meanwhile
    renderer = _renderer(project, session_id, document.path, facts)
    result = merge_edits(source, base, edited.text, renderer)

    def edit(now: ParsedYAML) -> EditResult:
        if now.encode() != source.encode():
            raise CannotEdit("the file was changed in the meantime, try again")
        return EditResult(result.source, ())

    save(project, session_id, edit)
    return MergedDocument(
        tuple((Place(path, each.line), format_path(keys)) for each, keys in result.merged),
        tuple(_unmerged(result, path)),
        result.text == edited.text,
    )


_UNKNOWN = (
    "the manual edits cannot be determined: the session, its facts or its template changed "
    "since this was written, and git has no version of it as it was written"
)


def _find_base(project: Project, content: bytes, now: str, path: str) -> str | None:
    """The text that the digest in `content` was computed from."""
    if was_written(content, now):
        return now
    for _, old in git_history.versions(project.root, path, limit=VERSIONS):
        text = signature(old).text
        if was_written(content, text):
            return text
    return None


def _renderer(project: Project, session_id: str, path: str, facts: Facts | None) -> Render:
    where = places(project)

    def render_source(source: ParsedYAML) -> str | None:
        try:
            session, warnings = decode.load(source, session_id, source.path)
            checked = loaded(project, session, warnings)
            document = render(project, checked, facts, where=where)
        except InvalidInput:
            return None
        # another day, number or slug is another document
        return document.text if document.path == path else None

    return render_source


def _unmerged(result: MergeResult, path: str) -> Iterator[Problem]:
    for each in result.unmerged:
        message = f"this edit belongs to no field of the session: {_describe(each)}"
        yield Problem("X009", message, Place(path, each.line), "warning")


def _describe(each: EditedRange) -> str:
    """`'old' → 'new'`, on one line."""
    old, new = (" ".join(" ".join(part).split()) for part in (each.old, each.new))
    if not old.strip():
        return f"added '{_short(new)}'"
    return f"'{_short(old)}' → '{_short(new)}'" if new else f"removed '{_short(old)}'"


def _short(words: str) -> str:
    return words if len(words) <= 60 else f"{words[:59]}…"
