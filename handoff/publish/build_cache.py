"""What publishing remembers from one run to the next, so that it renders only what changed.

It lies in the user's cache, never in the repository, and losing it only costs time. A file
counts as unchanged by its size, times and inode, as git's index has it; everything else is
compared by the digest of what was read.
"""

from __future__ import annotations

import json
import os
import stat
import time
from collections.abc import Iterable, Mapping
from datetime import date
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any

from msgspec import Struct, field
from msgspec.structs import asdict

from handoff.base.cache import cache_folder, read_cached, write_cached
from handoff.base.files import is_plain
from handoff.publish.index import IndexRow

Signature = tuple[int, int, int, int]
"""Size, time of writing, time of the last change and inode."""

_FORMAT = 1
_MARGIN = 2_000_000_000
"""Nanoseconds: within a tick of its clock (FAT: 2 s) a file system shows no second write."""


class BuildRecord(Struct, frozen=True):
    """One document as it was made, and what it was made of."""

    inputs: Mapping[str, str | None]
    """The digest of each file it was made of, by path; `None`: there was none."""
    shared: str
    """The digest of what all documents have in common."""
    places: Mapping[str, str]
    """Where the documents stood that it names, by the path they would have unarchived."""
    file: str
    """The digest of its whole file."""
    listed: IndexRow
    """Its row of the index."""


class BuildCache(Struct):
    """Of one project."""

    root: Path
    path: Path | None
    """`None` where the user has no cache."""
    made: dict[str, BuildRecord] = field(default_factory=dict)
    """By the session's id."""
    shared: dict[str, dict[str, str]] = field(default_factory=dict)
    """The parts of what documents have in common, by the digest over them."""
    _files: dict[str, tuple[Signature, str]] = field(default_factory=dict)
    _seen: dict[str, tuple[Signature, str]] = field(default_factory=dict)
    _is_new: bool = False

    def sha256(self, path: str) -> str | None:
        """The digest of a file's bytes; `None` where there is none.

        Read only where it may have changed since it was last read. A link's is like that of
        no plain file: what it leads to can change unseen.
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
        """What a document was made of and is another now, by name."""
        files = (path for path, sha in made.inputs.items() if self.sha256(path) != sha)
        before = self.shared[made.shared]
        parts = (name for name in {**before, **shared} if before.get(name) != shared.get(name))
        return (*files, *sorted(parts))

    def save(self, session_ids: Iterable[str]) -> None:
        """Write it, where there is something new in it; other sessions are forgotten."""
        if self.path is None or not self._is_new:
            return
        made = {each: self.made[each] for each in session_ids if each in self.made}
        used = {each.shared for each in made.values()}
        limit = time.time_ns() - _MARGIN
        content = {
            "format": _FORMAT,
            "shared": {digest: self.shared[digest] for digest in sorted(used)},
            "files": {
                path: [*signature, sha]
                for path, (signature, sha) in self._seen.items()
                if max(signature[1], signature[2]) < limit
            },
            "made": {
                name: [each.inputs, each.shared, each.places, each.file, _row(each.listed)]
                for name, each in made.items()
            },
        }
        write_cached(self.path, json.dumps(content).encode())


def memory_of(root: Path) -> BuildCache:
    """What is remembered of the project at `root`; nothing where that cannot be read."""
    folder = cache_folder("published")
    if folder is None:
        return BuildCache(root, None)
    name = sha256(os.fsencode(root)).hexdigest()[:16]
    memory = BuildCache(root, folder / f"{name}.json")
    try:
        _load(memory, json.loads(read_cached(folder / f"{name}.json") or b"{}"))
    except (ValueError, TypeError, KeyError, AttributeError):  # another version's, or damaged
        return BuildCache(root, memory.path)
    return memory


def digest(parts: Mapping[str, str]) -> str:
    """One digest over several, by name."""
    return sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _load(memory: BuildCache, content: dict[str, Any]) -> None:
    if content.get("format") != _FORMAT:
        return
    memory.shared = content["shared"]
    for path, (size, written, changed, inode, sha) in content["files"].items():
        memory._files[path] = ((size, written, changed, inode), sha)
    for name, (inputs, shared, places, file, listed) in content["made"].items():
        if shared in memory.shared:
            memory.made[name] = BuildRecord(inputs, shared, places, file, _listed(listed))


def _row(listed: IndexRow) -> dict[str, object]:
    return {**asdict(listed), "day": str(listed.day)}


def _listed(row: dict[str, Any]) -> IndexRow:
    day, previous = date.fromisoformat(row["day"]), tuple(row["previous"])
    return IndexRow(**{**row, "day": day, "previous": previous})


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
