"""Watches the files of sessions and renders a document once one of them changed."""

from __future__ import annotations

import os
import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from handoff.base.problems import HandoffError, InvalidInput, Problem, Report
from handoff.facts.recorded import Facts
from handoff.preview.provenance import TracedValue, ValueTracer
from handoff.project.project import SETTINGS, Project
from handoff.render.document import Document
from handoff.workspace.check import check_context
from handoff.workspace.document import refuse_secrets, render
from handoff.workspace.gather import load_facts
from handoff.workspace.load import LoadedSession, find_session, load_session, open_project

SECONDS = 0.1
"""Between two looks at the files."""
MAX_SESSIONS = 20
"""That are watched; the one that was not visited for longest is forgotten."""
Stamps = Mapping[str, tuple[int, int, int]]
"""Of each file its modification time, size and inode; a rename changes the inode."""


class PreviewSnapshot(Struct, frozen=True):
    """What the page shows of a session."""

    session: str
    """The id."""
    document: Document | None = None
    """The last one rendered without errors."""
    marked: str = ""
    """Its text, with marks around the values."""
    values: tuple[TracedValue, ...] = ()
    """By their numbers."""
    project: Project | None = None
    loaded: LoadedSession | None = None
    facts: Facts | None = None
    rendered_at: datetime | None = None
    """In local time."""
    origin: str = ""
    """Where the document's values come from, in words."""
    problems: tuple[Problem, ...] = ()
    """Of the files as they are now."""
    failure: str = ""
    """Any other error, as printed on the command line."""
    is_current: bool = True
    """Whether `document` was rendered from the files as they are now."""


class Revision(Struct, frozen=True):
    """A snapshot with a version that no other snapshot has, not even of another run."""

    version: str
    snapshot: PreviewSnapshot


class SessionWatcher:
    """The current revision of one session."""

    def __init__(self, root: Path, session_id: str) -> None:
        self.root = root
        self.session_id = session_id
        self.saved: tuple[str, ...] = ()
        """The queries saved last, as paths."""
        self._run = secrets.token_hex(4)
        self._templates = _template_folder(root)
        self._stamps = read_stamps(root, session_id, self._templates)
        self._rendering = threading.Lock()
        self._revision: Revision | None = None
        self.version = self._run

    @property
    def revision(self) -> Revision:
        """Rendered when it is asked for, so that nobody waits for a page that is closed."""
        with self._rendering:
            version, last = self.version, self._revision
            if last is None or last.version != version:
                before = last.snapshot if last else PreviewSnapshot(self.session_id)
                last = Revision(version, take_snapshot(self.root, before))
                self._revision = last
            return last

    def update(self) -> bool:
        """Whether a file changed since the last call; then there is a new version."""
        now = read_stamps(self.root, self.session_id, self._templates)
        if now == self._stamps:
            return False
        changed = {path for path in now if now[path] != self._stamps.get(path)}
        queries = sorted(path for path in changed if path.endswith(".sql"))
        self.saved = tuple(Path(path).relative_to(self.root).as_posix() for path in queries)
        self._stamps = now  # read before the files are: later changes are seen next time
        self._templates = _template_folder(self.root)
        self.version = f"{self._run}-{secrets.token_hex(4)}"
        return True


class Watchers:
    """Every session that was visited, the first one always."""

    def __init__(self, root: Path, session_id: str) -> None:
        self.root = root
        self.first = SessionWatcher(root, session_id)
        self._all = {session_id: self.first}
        self._changed = threading.Condition()

    def of(self, session_id: str) -> SessionWatcher:
        """The watcher of a session that exists."""
        with self._changed:
            watcher = self._all.pop(session_id, None) or SessionWatcher(self.root, session_id)
            self._all[session_id] = watcher  # the last one visited is last
            for other in list(self._all)[:-MAX_SESSIONS]:
                if other != self.first.session_id:
                    del self._all[other]
            self._changed.notify_all()
            return watcher

    def all(self) -> list[SessionWatcher]:
        return list(self._all.copy().values())

    def versions(self) -> dict[str, str]:
        """The version of each session."""
        return {name: each.version for name, each in self._all.copy().items()}

    @property
    def images(self) -> dict[str, str]:
        """What the documents show next to them, published or not, by path."""
        documents = (each.revision.snapshot.document for each in self.all())
        return {k: v for each in documents if each for k, v in each.images.items()}

    def wait(self, seen: Mapping[str, str], *, seconds: float) -> dict[str, str] | None:
        """The versions once they differ from `seen`; `None` after `seconds`."""
        with self._changed:
            found = self._changed.wait_for(lambda: self.versions() != seen, seconds)
            return self.versions() if found else None

    def watch(self, ended: threading.Event) -> None:
        """Look for changes again and again until `ended` is set."""
        pause = SECONDS
        while not ended.wait(pause):
            began = time.monotonic()
            changed = [each.update() for each in self.all()]
            if any(changed):
                with self._changed:
                    self._changed.notify_all()
            # with many files, at most a fifth of the time
            pause = max(SECONDS, 4 * (time.monotonic() - began))


# --- snapshots -----------------------------------------------------------------------------


def take_snapshot(root: Path, last: PreviewSnapshot) -> PreviewSnapshot:
    """The session as its files are now; with the document of `last` if they have errors.

    The settings are read again; no query runs.
    """
    try:
        return _render(root, last.session)
    except InvalidInput as error:
        return replace(last, is_current=False, problems=error.report.problems, failure="")
    except HandoffError as error:
        return replace(last, is_current=False, problems=(), failure=error.lines)
    except Exception as error:  # a bug: without this the page would look current
        failure = f"handoff: bug: {type(error).__name__}: {error}"
        return replace(last, is_current=False, problems=(), failure=failure)


def _render(root: Path, session_id: str) -> PreviewSnapshot:
    """Raises HandoffError, also if the document contains a secret."""
    from handoff.check import facts as rules  # brings markdown_it
    from handoff.check.rule import run

    project = open_project(str(root))
    loaded = load_session(project, find_session(project, session_id))
    facts = load_facts(project, session_id)
    document = render(project, loaded, facts)
    refuse_secrets(project, document.text, document.path, document.session)
    context = check_context(project, loaded.session, loaded.queries, facts, document)
    problems = [*loaded.warnings, *document.problems]
    problems += run((rules.fact_missing, rules.fact_stale, rules.fact_failed), context)
    tracer = ValueTracer()
    marked = render(project, loaded, facts, prompts_of_blanks=False, marker=tracer)
    return PreviewSnapshot(
        session=session_id,
        document=document,
        marked=tracer.merge(document.text, marked.text),
        values=tuple(tracer.values),
        project=project,
        loaded=loaded,
        facts=facts,
        rendered_at=datetime.now().astimezone(),
        origin=_describe_origin(loaded, facts),
        problems=Report.of(problems).problems,
    )


def _describe_origin(loaded: LoadedSession, facts: Facts | None) -> str:
    if not loaded.session.facts:
        return "the session has no queries"
    if facts is None or facts.as_of is None:
        return "no results recorded: live values are blank"
    return f"results as of {facts.as_of:%Y-%m-%d %H:%M} UTC; the preview runs no queries"


# --- files ---------------------------------------------------------------------------------


def read_stamps(root: Path, session_id: str, templates: str) -> Stamps:
    """The stamp of every file that the session's document depends on."""
    suffixes = (".yaml", ".facts.json", ".receipts.json", ".md.j2")
    own = (root / "sessions" / f"{session_id}{suffix}" for suffix in suffixes)
    files = (root / SETTINGS, *own, *_walk(root / "sql"), *_walk(root / templates))
    return {str(file): stamp for file in files if (stamp := _stamp(file))}


def _template_folder(root: Path) -> str:
    try:
        return open_project(str(root)).settings.templates
    except HandoffError:  # reported by the snapshot
        return "templates"


def _walk(folder: Path) -> Iterator[Path]:
    for inner, folders, files in os.walk(folder):
        folders[:] = [each for each in folders if each[0] != "." and each != "node_modules"]
        yield from (Path(inner, file) for file in files)


def _stamp(file: Path) -> tuple[int, int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
