"""Every document of a folder as a session: ids, names and links that fit each other."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from handoff.base.files import disk, read_plain, write_new
from handoff.base.problems import HandoffError, InvalidInput, Place, Problem, UsageError
from handoff.base.progress import Progress, counted_items
from handoff.import_.content import ContentValue, PlainText
from handoff.import_.convert import convert, free_id, outline
from handoff.import_.document import MAX_BYTES, SourceDocument, read_document
from handoff.import_.headings import Recognizer
from handoff.import_.verify import RenderSession
from handoff.project.project import Project
from handoff.publish import gate
from handoff.publish.archive import move_links
from handoff.publish.signature import INDEX_OWNER, LATEST_OWNER, MOVED, signature
from handoff.render.document import document_name
from handoff.session.content import RESERVED
from handoff.session.values import PRINTED, slug_of
from handoff.sources import git_history
from handoff.workspace.gather import locked_sessions
from handoff.workspace.handwritten import documents_in
from handoff.workspace.load import read_sessions
from handoff.workspace.paths import session_path

_OTHER = re.compile(r"(?i)(?:readme|index|latest|changelog|license|contributing|.*template)")
"""Names of files that are not handoffs."""
_OUTLINE = ("header", "closing")
TYPED_KEYS = (
    *dict.fromkeys(key.partition(".")[0] for key in PRINTED if key not in _OUTLINE),
    "prompts",
)
"""The keys that say what a text means."""


class PlannedDocument(Struct, frozen=True):
    """A document with the id, the day and the path that it will have."""

    path: str
    """Relative to the root."""
    session_id: str
    day: date
    day_from: str
    """`name`, `header`, `title` or `git`."""
    slug: str | None
    """`None` if the document's own leads to no other one's path."""
    rendered: str
    """The path of the rendered document."""


class ImportedDocument(Struct, frozen=True):
    """What became of one document of a folder."""

    plan: PlannedDocument
    keys: tuple[str, ...]
    """Those of `TYPED_KEYS`."""
    typed: float
    """The share of its bytes that is text under these keys."""
    size: int
    """Bytes of the document."""
    status: str | None
    prompts: int
    has_next: bool
    problems: tuple[Problem, ...]


class FolderImport:
    """The import of a folder; documents are read one at a time."""

    def __init__(self, project: Project, folder: Path, render: RenderSession) -> None:
        self.problems: list[Problem] = []
        """Why documents were left out."""
        self._project = project
        self._render = render
        self._recognizer = Recognizer(project.settings.titles)
        self._files = [*documents_in(folder)]
        self.count = len(self._files)
        self._rendered: Mapping[str, str] = {}
        self._existing: Mapping[str, str] = {}
        """The ids of the project's sessions, by the names of their documents."""

    def plan(self, progress: Progress) -> list[PlannedDocument]:
        """Each document that can be imported."""
        ids = {each.casefold() for each in self._project.session_ids()}
        output = self._project.settings.output
        self._existing = {
            document_name(each.session, each.created.day, each.slug).casefold(): each.id
            for each in read_sessions(self._project)[0]
        }
        paths = {*self._existing}
        found: list[PlannedDocument] = []
        for file in counted_items(self._files, progress, doing="reading", noun="documents"):
            path = Path(os.path.relpath(file, self._project.root)).as_posix()
            planned = self._plan(path, ids, paths, output)
            if planned:
                found.append(planned)
                ids.add(planned.session_id.casefold())
                paths.add(posixpath.basename(planned.rendered).casefold())
        self._rendered = {each.path: each.rendered for each in found}
        return found

    def _plan(
        self, path: str, ids: set[str], paths: set[str], output: str
    ) -> PlannedDocument | None:
        if _OTHER.fullmatch(posixpath.splitext(posixpath.basename(path))[0]):
            self._skip(path, "not a handoff by its name, left out")
            return None
        try:
            content = self._read(path)
            if owner := signature(content).owner:
                of = (
                    "generated"
                    if owner in (INDEX_OWNER, LATEST_OWNER)
                    else (f"the document of the session '{owner.removeprefix(MOVED)}'")
                )
                self._skip(path, f"{of}, left out")
                return None
            metadata = outline(read_document(content, path), self._recognizer).metadata
            day, day_from = metadata.created, metadata.day_from
            if day is None:
                day = git_history.first_days(self._project.root).get(path)
                day_from = "git"
            if day is None:
                message = "no date in its name, its header, its title or git, left out; "
                message += "import it by itself with '--created YYYY-MM-DD'"
                self.problems.append(Problem("I003", message, Place(path)))
                return None
            session_id = free_id(metadata, day, ids)
        except InvalidInput as error:
            self.problems += error.report.problems
            return None
        except HandoffError as error:
            self.problems.append(Problem("I001", str(error), Place(path)))
            return None
        own = metadata.slug or slug_of(metadata.title)
        slug, n = own.upper(), 1
        if known := self._existing.get(document_name(metadata.label, day, slug).casefold()):
            self._skip(path, f"already imported as '{known}', left out")
            return None
        while (name := document_name(metadata.label, day, slug)).casefold() in paths:
            n += 1
            slug = f"{own.upper()}-{n}".strip("-")
        rendered = posixpath.join(output, name)
        return PlannedDocument(
            path, session_id, day, day_from, slug if n > 1 else None, rendered
        )

    def convert(
        self, plans: Sequence[PlannedDocument], progress: Progress, *, dry_run: bool
    ) -> Iterator[ImportedDocument]:
        """Each planned document as its session file, which is written."""
        for plan in counted_items(plans, progress, doing="importing", noun="documents"):
            try:
                yield self._convert(plan, dry_run=dry_run)
            except InvalidInput as error:
                self.problems += error.report.problems
            except HandoffError as error:
                self.problems.append(Problem("I001", str(error), Place(plan.path)))

    def _convert(self, plan: PlannedDocument, *, dry_run: bool) -> ImportedDocument:
        source = self._relink(read_document(self._read(plan.path), plan.path), plan)
        document = outline(source, self._recognizer)
        made = convert(document, self._render, plan.session_id, plan.day, plan.slug)
        path = session_path(plan.session_id)
        if not dry_run:
            file = self._project.path(path)
            with locked_sessions(self._project):
                is_new = write_new(file, made.yaml.encode(), place=path)
            if not is_new:
                raise UsageError(f"{path} was created in the meantime, left untouched")
        typed = {key: made.session[key] for key in TYPED_KEYS if key in made.session}
        prompts = made.session.get("prompts", {})
        status = made.session.get("status")
        return ImportedDocument(
            plan=plan,
            keys=tuple(typed),
            size=len(source.text.encode()),
            typed=min(1.0, _size(typed) / (_size(source.text) or 1)),
            status=status if isinstance(status, str) else None,
            prompts=("prompt" in typed) + (len(prompts) if isinstance(prompts, dict) else 0),
            has_next="next" in typed,
            problems=made.problems,
        )

    def _relink(self, source: SourceDocument, plan: PlannedDocument) -> SourceDocument:
        """The document with links to the others as they are rendered."""
        moved = move_links(
            "\n".join(source.lines),
            plan.path,
            plan.rendered,
            lambda path: self._rendered.get(path, path),
        )
        return replace(source, lines=tuple(moved.split("\n")))

    def _read(self, path: str) -> bytes:
        """Raises InvalidInput, WorldError."""
        with disk(path, "read"):
            file = Path(self._project.root, path)
            if file.stat().st_size > MAX_BYTES:
                message = f"the document is longer than {MAX_BYTES:,} bytes"
                raise InvalidInput([Problem("I001", message, Place(path))])
            content = read_plain(file, path) or b""
        text = content.decode("utf-8", "replace")
        gate.hold(gate.text_problems(self._project, text, path))
        return content

    def _skip(self, path: str, why: str) -> None:
        self.problems.append(Problem("I004", why, Place(path), "note"))


def _size(value: ContentValue | Mapping[str, ContentValue]) -> int:
    """The bytes of the words in a value, without Markdown that is kept as it is."""
    if isinstance(value, Mapping):
        inner = (
            (0 if key in RESERVED else _size(PlainText(key))) + _size(each)
            for key, each in value.items()
            if key != "markdown"
        )
        return sum(inner)
    if isinstance(value, list):
        return sum(map(_size, value))
    return len("".join(value.split()).encode()) if isinstance(value, str) else 0
