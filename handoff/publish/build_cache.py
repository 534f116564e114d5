"""The build cache: what each document was made of, so that only changed ones are rendered.

It is in the user's cache folder, never in the repository, and losing it only costs time. A
file counts as unchanged by its size, times and inode, as in git's index; everything else is
compared by the digest of what was read.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from hashlib import file_digest, sha256
from pathlib import Path

import msgspec
from msgspec import Struct, field

from handoff.base.cache import cache_folder, read_cached, write_cached
from handoff.base.files import is_plain
from handoff.publish.index import IndexRow
from handoff.session.order import Position

Signature = tuple[int, int, int, int]
"""Size, time of writing, time of the last change and inode."""

_FORMAT = 6
_MARGIN = 2_000_000_000
"""Nanoseconds: a file system hides a second write within a tick of its clock (FAT: 2 s)."""


class Due(Struct, frozen=True):
    """An action or a checkpoint with a deadline."""

    text: str
    day: date | None = None
    at: datetime | None = None
    """One of the two is set."""

    def is_past(self, now: datetime) -> bool:
        """Whether the deadline has passed; a day ends in the zone of `now`."""
        return self.at < now if self.at else self.day is not None and self.day < now.date()


class Overview(Struct, frozen=True):
    """What `status` prints of a document."""

    blanks: int
    blanks_in_prompt: int
    is_begun: bool
    """An item is checked, or there are none."""
    due: tuple[Due, ...]


class BuildRecord(Struct, frozen=True):
    """One document as it was built, and its inputs."""

    inputs: Mapping[str, str | None]
    """The digest of each input file, by path; `None`: it did not exist."""
    shared: str
    """The digest of the inputs that all documents share."""
    places: Mapping[str, str]
    """The paths of the documents that it names, by the path each has outside the archive."""
    file: str
    """The digest of the whole document file."""
    listed: IndexRow
    position: Position
    overview: Overview
    prompts: Mapping[str, str]
    """By name; the pointer to the latest session shows them."""
    images: Mapping[str, str] = {}
    """The digest of each image next to it, by path."""


class _Content(Struct, frozen=True):
    """The cache file."""

    format: int
    shared: dict[str, dict[str, str]]
    files: dict[str, tuple[Signature, str]]
    made: dict[str, BuildRecord]


class BuildCache(Struct):
    """The cache of one project."""

    root: Path
    path: Path | None
    """`None` if the user has no cache folder."""
    made: dict[str, BuildRecord] = field(default_factory=dict)
    """By the session's id."""
    shared: dict[str, dict[str, str]] = field(default_factory=dict)
    """The parts of the shared inputs, by the digest over them."""
    _files: dict[str, tuple[Signature, str]] = field(default_factory=dict)
    _seen: dict[str, tuple[Signature, str]] = field(default_factory=dict)
    _is_new: bool = False

    def sha256(self, path: str) -> str | None:
        """The digest of a file's bytes; `None` if it does not exist.

        Read only if it may have changed since it was last read. That of a link differs from
        that of every plain file: its target can change unseen.
        """
        now = _signature(self.root / path)
        if now is None:
            return _of_link(self.root / path)
        known = self._seen.get(path) or self._files.get(path)
        if known is None or known[0] != now:
            read = _read(self.root / path)
            if read is None:
                return None
            self._is_new = True
            known = read
        self._seen[path] = known
        return known[1]

    def keep(self, session_id: str, made: BuildRecord) -> None:
        self._is_new |= self.made.get(session_id) != made
        self.made[session_id] = made

    def changed(self, made: BuildRecord, shared: Mapping[str, str]) -> tuple[str, ...]:
        """The inputs of a document that changed, by name."""
        files = (path for path, sha in made.inputs.items() if self.sha256(path) != sha)
        before = self.shared[made.shared]
        parts = (name for name in {**before, **shared} if before.get(name) != shared.get(name))
        return (*files, *sorted(parts))

    def save(self, session_ids: Iterable[str]) -> None:
        """Write the cache if it changed; other sessions are dropped."""
        if self.path is None or not self._is_new:
            return
        made = {each: self.made[each] for each in session_ids if each in self.made}
        used = {each.shared for each in made.values()}
        limit = time.time_ns() - _MARGIN
        files = {
            path: seen
            for path, seen in self._seen.items()
            if max(seen[0][1], seen[0][2]) < limit
        }
        shared = {each: self.shared[each] for each in sorted(used)}
        content = _Content(_FORMAT, shared, files, made)
        write_cached(self.path, msgspec.json.encode(content))


def load_cache(root: Path) -> BuildCache:
    """The cache of the project at `root`; empty if it cannot be read."""
    folder = cache_folder("published")
    if folder is None:
        return BuildCache(root, None)
    path = folder / f"{sha256(os.fsencode(root)).hexdigest()[:16]}.json"
    try:
        found = msgspec.json.decode(read_cached(path) or b"", type=_Content)
    except ValueError:  # of another version, or damaged
        return BuildCache(root, path)
    if found.format != _FORMAT:
        return BuildCache(root, path)
    made = {name: each for name, each in found.made.items() if each.shared in found.shared}
    return BuildCache(root, path, made, found.shared, found.files)


def digest(parts: Mapping[str, str]) -> str:
    """One digest over several, by name."""
    return sha256(msgspec.json.encode(sorted(parts.items()))).hexdigest()


def _read(path: Path) -> tuple[Signature, str] | None:
    """Digest and signature of one state of the file."""
    while True:
        before = _signature(path)
        if before is None:
            return None
        try:
            sha = sha256(path.read_bytes()).hexdigest()
        except OSError:
            return None
        if _signature(path) == before:
            return before, sha


def _signature(path: Path) -> Signature | None:
    try:
        found = path.lstat()
    except (OSError, ValueError):
        return None
    if not stat.S_ISREG(found.st_mode):
        return None
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino


def _of_link(path: Path) -> str | None:
    if not is_plain(path):  # a device has no end
        return None
    try:
        with path.open("rb") as file:
            return f"link {file_digest(file, 'sha256').hexdigest()}"
    except OSError:
        return None
