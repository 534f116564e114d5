"""Build the documents to publish, rendering only those whose inputs changed."""

from __future__ import annotations

import sys
import zoneinfo
from collections.abc import Iterator, Mapping
from hashlib import sha256
from importlib import metadata
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from handoff import __version__
from handoff.base.data import data_folder
from handoff.base.problems import InvalidInput, Problem
from handoff.project.project import Project
from handoff.publish import index, writer
from handoff.publish.build_cache import BuildRecord, digest, memory_of
from handoff.publish.index import IndexRow
from handoff.publish.links import named
from handoff.render.document import Document
from handoff.session.model import Session, Text
from handoff.workspace.document import render
from handoff.workspace.gather import earlier_ids, load_facts
from handoff.workspace.load import LoadedSession, load_session
from handoff.workspace.paths import (
    facts_path,
    latest_session,
    newest_first,
    places,
    receipts_path,
    session_path,
)


class BuiltDocument(Struct, frozen=True):
    """A document as it should be published."""

    owner: str
    """The session's id, or that of an index: its file is signed for it."""
    path: str
    """Relative to the root."""
    text: str | None = None
    """`None`: its file is known to be current."""
    changed: tuple[str, ...] = ()
    """The inputs that changed since it was last published, by name."""
    made: BuildRecord | None = None
    """To cache once its file is current."""


class ProjectBuild:
    """One run over every session; its fields are complete once `documents` has ended."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._where = places(project)
        self._shared = _shared(project)
        self._digest = digest(self._shared)
        self._memory = memory_of(project.root)
        self._memory.shared[self._digest] = self._shared
        self._rows: list[IndexRow] = []
        self.owners: dict[str, str] = {}
        """The path of each session's document, by its id."""
        self.problems: list[Problem] = []
        """Of sessions that cannot be rendered."""

    def documents(self) -> Iterator[BuiltDocument]:
        """Every document, one at a time, then the index and the pointer to the latest."""
        taken: dict[str, str] = {}
        for session_id in self._project.session_ids():
            try:
                built = self._build(session_id)
            except InvalidInput as error:
                self.problems += error.report.problems
                continue
            other = taken.setdefault(built.path.casefold(), session_id)
            if other != session_id:  # one file where upper and lower case are the same
                self.problems.append(writer.clash(built.path, other))
                continue
            self.owners[session_id] = built.path
            yield built
        if not self.problems:  # an index without a session would mean that it is gone
            folder = self._project.settings.output
            rows = {each.session: each for each in self._rows}
            newest = [rows[each] for each in newest_first(self._project)]
            latest = latest_session(self._project)
            text = index.index(newest, folder, latest)
            yield BuiltDocument(index.OWNER, f"{folder}/{index.NAME}", text)
            text = index.pointer(rows.get(latest or ""), folder)
            yield BuiltDocument(index.LATEST_OWNER, f"{folder}/{index.LATEST}", text)

    def done(self, built: BuiltDocument) -> None:
        """The file of the document is current now."""
        if built.made is not None:
            self._memory.keep(built.owner, built.made)

    def save(self) -> None:
        """Save the cache for the next run."""
        self._memory.save(self._project.session_ids())

    def _build(self, session_id: str) -> BuiltDocument:
        """Raises InvalidInput."""
        made = self._memory.made.get(session_id)
        changed = tuple(self._changed(made)) if made else ()
        if made and not changed:
            path = made.listed.path
            if self._memory.sha256(path) == made.file:
                self._rows.append(made.listed)
                return BuiltDocument(session_id, path)
        return replace(self._render(session_id), changed=changed)

    def _changed(self, made: BuildRecord) -> Iterator[str]:
        yield from self._memory.changed(made, self._shared)
        moved = (path for path, place in made.places.items() if self._where.of(path) != place)
        yield from (f"the place of {path}" for path in moved)

    def _render(self, session_id: str) -> BuiltDocument:
        project, memory = self._project, self._memory
        before = {path: memory.sha256(path) for path in _files(session_id)}
        loaded = load_session(project, session_id)
        compared = (facts_path(each) for each in earlier_ids(loaded.session))
        before |= {path: memory.sha256(path) for path in compared}
        document = render(project, loaded, load_facts(project, session_id), where=self._where)
        listed = _row(loaded.session, document)
        self._rows.append(listed)
        built = BuiltDocument(session_id, document.path, document.text)
        if any(memory.sha256(path) != sha for path, sha in before.items()):
            return built  # changed while rendering: which version was read?
        return replace(built, made=self._record(loaded, document, listed, before))

    def _record(
        self,
        loaded: LoadedSession,
        document: Document,
        listed: IndexRow,
        files: Mapping[str, str | None],
    ) -> BuildRecord:
        queries = {query.path: query.sha256 for query in loaded.queries.values()}
        content = writer.signed(document.text, document.session).encode()
        return BuildRecord(
            inputs={**files, **queries},
            shared=self._digest,
            places={**named(document.text, self._where), **named(document.path, self._where)},
            file=sha256(content).hexdigest(),
            listed=listed,
        )


def _files(session_id: str) -> tuple[str, ...]:
    """The inputs of a document, apart from its queries."""
    own = f"sessions/{session_id}.md.j2"
    return session_path(session_id), facts_path(session_id), receipts_path(session_id), own


def _row(session: Session, document: Document) -> IndexRow:
    title = session.next.title if session.next else None
    return IndexRow(
        session=session.id,
        label=f"Session {session.session}",
        title=session.title,
        day=session.created.day,
        status=document.status,
        completion=document.progress,
        path=document.path,
        next_id=session.next.id if session.next else None,
        next_title=title.value if isinstance(title, Text) else "",
        previous=session.previous,
        supersedes=session.supersedes,
    )


# --- inputs that all documents share --------------------------------------------------------


def _shared(project: Project) -> dict[str, str]:
    """The digest of each part, by its name."""
    settings = replace(project.settings, origins={}, archive=None)
    own = project.path(project.settings.templates)
    return {
        "handoff.yaml": _digest(repr(settings)),
        "the version of handoff": _digest("\n".join(_versions(settings.timezone))),
        **{
            file.relative_to(project.root).as_posix(): sha256(file.read_bytes()).hexdigest()
            for file in sorted(own.rglob("*.j2"))
            if file.is_file()
        },
    }


def _versions(timezone: str) -> Iterator[str]:
    yield from (__version__, sys.version, *map(metadata.version, ("jinja2", "pyyaml")))
    zones = (Path(folder, timezone) for folder in zoneinfo.TZPATH)
    yield from (sha256(zone.read_bytes()).hexdigest() for zone in zones if zone.is_file())
    # a checkout keeps its version while its code changes
    for folder in (Path(__file__).parent.parent, data_folder("templates")):
        for file in sorted(folder.rglob("*")):
            if file.suffix in (".py", ".j2"):
                found = file.stat()
                yield f"{file.relative_to(folder)} {found.st_size} {found.st_mtime_ns}"


def _digest(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
