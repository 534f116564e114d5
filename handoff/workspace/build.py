"""Build the documents to publish, rendering only those whose inputs changed."""

from __future__ import annotations

import sys
import zoneinfo
from collections.abc import Iterator, Mapping
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from handoff import __version__
from handoff.base.data import data_folder
from handoff.base.problems import InvalidInput, Problem
from handoff.base.progress import Progress, counted_items
from handoff.facts.recorded import Facts
from handoff.project.project import Project
from handoff.publish import index, writer
from handoff.publish.archive import named
from handoff.publish.build_cache import BuildRecord, Due, Overview, digest, load_cache
from handoff.publish.index import IndexRow
from handoff.publish.signature import INDEX_OWNER, LATEST_OWNER, signed
from handoff.render.document import (
    Document,
    deadline_text,
    deadline_time,
    deadlines,
    superseded_link,
)
from handoff.session.decode import position_of
from handoff.session.model import LEVELS, Session, Severity, Text
from handoff.session.order import latest as latest_position
from handoff.session.order import sorted_newest_first
from handoff.sql.query import Query
from handoff.workspace.document import interpolator, render
from handoff.workspace.gather import earlier_ids, load_facts
from handoff.workspace.load import LoadedSession, load_session
from handoff.workspace.paths import (
    facts_path,
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
    images: Mapping[str, str] = {}
    """The text of each image next to it, by path."""

    @property
    def is_image(self) -> bool:
        return self.path.endswith(".svg")


class ProjectBuild:
    """One run over every session; its fields are complete once `documents` has ended."""

    def __init__(self, project: Project, progress: Progress = lambda _: None) -> None:
        self._project = project
        self._progress = progress
        self._where = places(project)
        self._shared = _shared(project)
        self._digest = digest(self._shared)
        self._memory = load_cache(project.root)
        self._memory.shared[self._digest] = self._shared
        self._queries: dict[str, Query] = {}
        self._records: list[BuildRecord] = []
        self.owners: dict[str, str] = {}
        """The path of each session's document, by its id."""
        self.images: set[str] = set()
        """The paths of the images next to documents."""
        self.problems: list[Problem] = []
        """Of sessions that cannot be rendered."""

    def session_ids(self, doing: str) -> Iterator[str]:
        """The ids of all sessions, with progress."""
        ids = self._project.session_ids()
        return counted_items(ids, self._progress, doing=doing, noun="sessions")

    def documents(self) -> Iterator[BuiltDocument]:
        """Every document, one at a time, then the index and the pointer to the latest."""
        taken: dict[str, str] = {}
        for session_id in self.session_ids("building"):
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
            self.images |= built.images.keys()
            yield built
            for path, text in built.images.items() if built.text is not None else ():
                yield BuiltDocument(session_id, path, text)
        if not self.problems:  # an index without a session would mean that it is gone
            folder = self._project.settings.output
            rows = {each.listed.session: each.listed for each in self._records}
            positions = [each.position for each in self._records]
            newest = [rows[each] for each in sorted_newest_first(positions)]
            latest = latest_position(positions)
            text = index.index(newest, folder, latest)
            yield BuiltDocument(INDEX_OWNER, f"{folder}/{index.NAME}", text)
            prompts = {each.listed.session: each.prompts for each in self._records}
            text = index.pointer(rows.get(latest or ""), folder, prompts.get(latest or "", {}))
            yield BuiltDocument(LATEST_OWNER, f"{folder}/{index.LATEST}", text)

    def done(self, built: BuiltDocument, content: bytes | None = None) -> None:
        """The file of the document is current now: as written, or formatted with `content`."""
        if built.made is not None:
            file = built.made.file if content is None else sha256(content).hexdigest()
            self._memory.keep(built.owner, replace(built.made, file=file))

    def save(self) -> None:
        """Save the cache for the next run."""
        self._memory.save(self._project.session_ids())

    def _build(self, session_id: str) -> BuiltDocument:
        """Raises InvalidInput."""
        made = self._memory.made.get(session_id)
        changed = tuple(self._changed(made)) if made else ()
        if made and not changed:
            path = made.listed.path
            if self._memory.sha256(path) == made.file and self._has_images(made):
                self._records.append(made)
                return BuiltDocument(session_id, path, images=made.images)
        return replace(self._render(session_id)[0], changed=changed)

    def record(self, session_id: str) -> tuple[BuildRecord, bool]:
        """The session's document as it would be now, and whether it is published.

        Rendered only if an input changed. Raises InvalidInput.
        """
        record = self._memory.made.get(session_id)
        if record and not any(self._changed(record)):
            if self._memory.sha256(record.listed.path) == record.file:
                return record, self._has_images(record)
            content = self._project.read(record.listed.path)
            return record, writer.is_published(content, record.file, session_id)
        built, record = self._render(session_id)
        content = self._project.read(record.listed.path)
        if content is None or sha256(content).hexdigest() == record.file:
            # else the older record still shows what changed since it was published
            self.done(built)
        return record, writer.is_published(content, record.file, session_id)

    def _has_images(self, made: BuildRecord) -> bool:
        return all(self._memory.sha256(path) == sha for path, sha in made.images.items())

    def _changed(self, made: BuildRecord) -> Iterator[str]:
        yield from self._memory.changed(made, self._shared)
        moved = (path for path, place in made.places.items() if self._where.of(path) != place)
        yield from (f"the place of {path}" for path in moved)

    def _render(self, session_id: str) -> tuple[BuiltDocument, BuildRecord]:
        project, memory = self._project, self._memory
        before = {path: memory.sha256(path) for path in _files(session_id)}
        loaded = load_session(project, session_id, known=self._queries)
        for each in earlier_ids(project, loaded.session):
            compared = (session_path(each), facts_path(each))
            before |= {path: memory.sha256(path) for path in compared}
        facts = load_facts(project, session_id)
        document = render(project, loaded, facts, where=self._where)
        built = BuiltDocument(session_id, document.path, document.text, images=document.images)
        overview = self._overview(loaded, document, facts)
        record = self._record(loaded, document, facts, before, overview)
        self._records.append(record)
        if any(memory.sha256(path) != sha for path, sha in before.items()):
            return built, record  # changed while rendering: which version was read?
        return replace(built, made=record), record

    def _overview(
        self, loaded: LoadedSession, document: Document, facts: Facts | None
    ) -> Overview:
        due = []
        if found := deadlines(loaded.session):
            live = interpolator(self._project, loaded, facts, stale_ok=True, where=self._where)
            for each in found:
                at = deadline_time(each)
                words = deadline_text(each, lambda text: live.text(text, "prompt"))
                due.append(
                    Due(words, at=at) if isinstance(at, datetime) else Due(words, day=at)
                )
        return Overview(
            blanks=len(document.blanks),
            blanks_in_prompt=sum(each.in_prompt for each in document.blanks),
            is_begun=document.done > 0 or not document.boxes,
            due=tuple(due),
        )

    def _who_acts(self, loaded: LoadedSession, facts: Facts | None) -> dict[str, Any]:
        """The session's severity and the owners of its actions, for the index."""
        session = loaded.session
        level = session.severity.level if isinstance(session.severity, Severity) else None
        actions = session.actions if isinstance(session.actions, tuple) else ()
        owners = [each.owner for each in actions if isinstance(each.owner, Text)]
        if not isinstance(level, Text) and not owners:
            return {}
        live = interpolator(self._project, loaded, facts, stale_ok=True, where=self._where)
        names = dict.fromkeys(live.text(each, "prompt") for each in owners)
        mark = f"{LEVELS[level.value]} {level.value}" if isinstance(level, Text) else ""
        return {"severity": mark, "owners": tuple(names)}

    def _record(
        self,
        loaded: LoadedSession,
        document: Document,
        facts: Facts | None,
        files: Mapping[str, str | None],
        overview: Overview,
    ) -> BuildRecord:
        queries = {query.path: query.sha256 for query in loaded.queries.values()}
        content = signed(document.text, document.session).encode()
        row = _row(loaded.session, document, self._project.settings.output)
        return BuildRecord(
            inputs={**files, **queries},
            shared=self._digest,
            places={**named(document.text, self._where), **named(document.path, self._where)},
            file=sha256(content).hexdigest(),
            listed=replace(row, **self._who_acts(loaded, facts)),
            position=position_of(loaded.session),
            overview=overview,
            prompts=document.prompts,
            images={
                path: sha256(signed(text, document.session).encode()).hexdigest()
                for path, text in document.images.items()
            },
        )


def _files(session_id: str) -> tuple[str, ...]:
    """The inputs of a document, apart from its queries."""
    own = f"sessions/{session_id}.md.j2"
    return session_path(session_id), facts_path(session_id), receipts_path(session_id), own


def _row(session: Session, document: Document, output: str) -> IndexRow:
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
        superseded_document=superseded_link(session, output),
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
    from importlib import metadata  # slow: brings email and zipfile

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
