"""Follows a session's files and tells whoever waits what there is to show now."""

from __future__ import annotations

import os
import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from msgspec import Struct

from handoff import api
from handoff.base.problems import HandoffError
from handoff.preview.snapshot import PreviewSnapshot, shown
from handoff.project.project import SETTINGS

SECONDS = 0.25
"""Between two looks at the files."""
Stamps = Mapping[str, tuple[int, int, int]]
"""When each file was written, its size, and which file it is: a rename changes the last."""


class Revision(Struct, frozen=True):
    """What there is to show, and a name for it that no other has, of other runs neither."""

    version: str
    shown: PreviewSnapshot


class SessionWatcher:
    """The newest edition of one session, made anew whenever one of its files changes."""

    def __init__(self, root: Path, session_id: str) -> None:
        self.root = root
        self._run = secrets.token_hex(4)
        self._changed = threading.Condition()
        self._templates = _templates(root)
        self._stamps = stamps(root, session_id, self._templates)
        self._edition = Revision(self._run, shown(str(root), PreviewSnapshot(session_id)))

    @property
    def edition(self) -> Revision:
        return self._edition

    def later(self, version: str, *, seconds: float) -> Revision | None:
        """The edition once it is another than `version`; `None` if that takes too long."""
        with self._changed:
            found = self._changed.wait_for(lambda: self._edition.version != version, seconds)
            return self._edition if found else None

    def look(self) -> None:
        """Make the edition anew if a file changed since the last look."""
        last = self._edition.shown
        now = stamps(self.root, last.session, self._templates)
        if now == self._stamps:
            return
        self._stamps = now  # taken before the files are read: a later change is seen again
        self._templates = _templates(self.root)
        edition = Revision(f"{self._run}-{secrets.token_hex(4)}", shown(str(self.root), last))
        with self._changed:
            self._edition = edition
            self._changed.notify_all()

    def follow(self, ended: threading.Event) -> None:
        """Look again and again until it has ended."""
        pause = SECONDS
        while not ended.wait(pause):
            began = time.monotonic()
            self.look()
            # where there is much to look at, at most a fifth of the time is spent on it
            pause = max(SECONDS, 4 * (time.monotonic() - began))


def stamps(root: Path, session_id: str, templates: str) -> Stamps:
    """The stamp of every file that the session's document can be made of."""
    files = (root / SETTINGS, *_own(root, session_id))
    every = (*files, *_within(root / "sql"), *_within(root / templates))
    return {str(file): stamp for file in every if (stamp := _stamp(file))}


def _own(root: Path, session_id: str) -> Iterator[Path]:
    """Its YAML, facts, receipts and template."""
    for suffix in (".yaml", ".facts.json", ".receipts.json", ".md.j2"):
        yield root / "sessions" / f"{session_id}{suffix}"


def _templates(root: Path) -> str:
    try:
        return api.open_project(str(root)).settings.templates
    except HandoffError:  # told where the document is made
        return "templates"


def _within(folder: Path) -> Iterator[Path]:
    for inner, folders, files in os.walk(folder):
        folders[:] = [each for each in folders if each[0] != "." and each != "node_modules"]
        yield from (Path(inner, file) for file in files)


def _stamp(file: Path) -> tuple[int, int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
