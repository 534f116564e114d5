"""Watches a session's files and renders its document whenever one of them changes."""

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
from handoff.project.project import SETTINGS
from handoff.render.document import Document
from handoff.workspace.check import check_context
from handoff.workspace.document import refuse_secrets, render
from handoff.workspace.gather import load_facts
from handoff.workspace.load import LoadedSession, find_session, load_session, open_project

SECONDS = 0.25
"""Between two looks at the files."""
Stamps = Mapping[str, tuple[int, int, int]]
"""Of each file its modification time, size and inode; a rename changes the inode."""


class PreviewSnapshot(Struct, frozen=True):
    """What the page shows of a session."""

    session: str
    """The id."""
    document: Document | None = None
    """The last one rendered without errors."""
    rendered_at: datetime | None = None
    """In local time."""
    values: str = ""
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
        self._run = secrets.token_hex(4)
        self._changed = threading.Condition()
        self._templates = _template_folder(root)
        self._stamps = read_stamps(root, session_id, self._templates)
        snapshot = take_snapshot(root, PreviewSnapshot(session_id))
        self._revision = Revision(self._run, snapshot)

    @property
    def revision(self) -> Revision:
        return self._revision

    def wait(self, version: str, *, seconds: float) -> Revision | None:
        """The first revision other than `version`; `None` after `seconds` without one."""
        with self._changed:
            found = self._changed.wait_for(lambda: self._revision.version != version, seconds)
            return self._revision if found else None

    def update(self) -> None:
        """Take a new snapshot if a file changed since the last one."""
        last = self._revision.snapshot
        now = read_stamps(self.root, last.session, self._templates)
        if now == self._stamps:
            return
        self._stamps = now  # read before the files are: later changes are seen next time
        self._templates = _template_folder(self.root)
        snapshot = take_snapshot(self.root, last)
        with self._changed:
            self._revision = Revision(f"{self._run}-{secrets.token_hex(4)}", snapshot)
            self._changed.notify_all()

    def watch(self, ended: threading.Event) -> None:
        """Update again and again until `ended` is set."""
        pause = SECONDS
        while not ended.wait(pause):
            began = time.monotonic()
            self.update()
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
    return PreviewSnapshot(
        session=session_id,
        document=document,
        rendered_at=datetime.now().astimezone(),
        values=_describe_values(loaded, facts),
        problems=Report.of(problems).problems,
    )


def _describe_values(loaded: LoadedSession, facts: Facts | None) -> str:
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
