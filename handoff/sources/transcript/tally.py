"""What a log is counted into, and what its readers share."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path, PurePath
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta, Raw, Struct

from handoff.base.patterns import lazy_pattern
from handoff.sources.source import SourceFailed

IDLE_SECONDS = 5 * 60
"""A longer gap between two entries does not count as active."""
MAX_NAMES = 1_000_000
"""Messages, pending calls, commands and files that are remembered."""
_T = TypeVar("_T")
Count = Annotated[int, Meta(ge=0, le=10**15)]


class Unreadable(Exception):
    """A line that is not JSON, or not of the shape that the format has."""


class Command(Struct):
    """A command that the agent ran."""

    at: datetime
    text: str
    """Empty unless it is asked for."""
    exit_status: int | None = None
    """`None`: the log does not say."""
    was_refused: bool = False
    """It did not run."""


class Usage(Struct, frozen=True):
    """Tokens; input is without what came from the cache."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0

    @property
    def total(self) -> int:
        return self.input + self.output + self.cache_read + self.cache_write


class Tally:
    """What has been read so far."""

    def __init__(self, root: str, *, keep_text: bool) -> None:
        self.keep_text = keep_text
        self.version: str | None = None
        self.model: str | None = None
        self.started: datetime | None = None
        self.ended: datetime | None = None
        self.active_seconds = 0.0
        self.turns = 0
        self.requests = 0
        self.input = self.output = self.cache_read = self.cache_write = 0
        self.context: int | None = None
        """The tokens of the last request, which is how full the window is."""
        self.window: int | None = None
        self.reads: dict[str, None] = {}
        self.changes: dict[str, str] = {}
        self.outside: set[str] = set()
        """Files outside the repository, which are counted but not named."""
        self.commands: list[Command] = []
        self.unreadable = 0
        self._root = root
        self._folders: dict[str, str] = {}
        self.inside = lru_cache(4096)(self._inside)

    def entry(self, at: datetime) -> None:
        """Count an entry of the conversation."""
        if self.started is None or self.ended is None:
            self.started = self.ended = at
            return
        gap = (at - self.ended).total_seconds()
        if 0 < gap <= IDLE_SECONDS:
            self.active_seconds += gap
        self.started, self.ended = min(self.started, at), max(self.ended, at)

    def add(self, usage: Usage, *, times: int = 1) -> None:
        self.input += times * usage.input
        self.output += times * usage.output
        self.cache_read += times * usage.cache_read
        self.cache_write += times * usage.cache_write

    def command(self, at: datetime, text: str) -> Command:
        self.limit(self.commands)
        found = Command(at, self._without_paths(text) if self.keep_text else "")
        self.commands.append(found)
        return found

    def read(self, path: str, folder: str | None) -> None:
        if (inside := self.inside(path, folder)) is not None:
            self.limit(self.reads)
            self.reads[inside] = None

    def change(self, path: str, folder: str | None, how: str) -> None:
        inside = self.inside(path, folder)
        if inside is None:
            return
        self.limit(self.changes)
        before = self.changes.get(inside)
        if before == "added" and how == "deleted":
            del self.changes[inside]
        elif before is None or how == "deleted":
            self.changes[inside] = how
        elif before == "deleted":
            self.changes[inside] = "modified"

    def _inside(self, path: str, folder: str | None) -> str | None:
        """The path from the root; `None`, and counted, for a file outside it."""
        base = self._real(folder) if folder else self._root
        full = os.path.normpath(Path(base, path))
        if not full.startswith(f"{self._root}{os.sep}"):
            full = str(Path(self._real(str(Path(full).parent)), Path(full).name))
        if full.startswith(f"{self._root}{os.sep}"):
            return PurePath(full[len(self._root) + 1 :]).as_posix()
        self.limit(self.outside)
        self.outside.add(full)
        return None

    def _real(self, folder: str) -> str:
        """The folder with its links resolved: a log may name it by another path."""
        if folder not in self._folders:
            self.limit(self._folders)
            try:
                self._folders[folder] = os.path.realpath(folder)
            except (OSError, ValueError):
                self._folders[folder] = folder
        return self._folders[folder]

    def _without_paths(self, text: str) -> str:
        """The text on one line, without the machine's absolute paths."""
        line = " ".join(text.split())
        line = line.replace(f"{self._root}{os.sep}", "").replace(self._root, ".")
        return _ABSOLUTE.sub(r"…/\1", line)[:_MAX_TEXT]

    @staticmethod
    def limit(names: Any) -> None:
        if len(names) >= MAX_NAMES:
            raise SourceFailed(f"more than {MAX_NAMES:,} messages, commands or files")


_ABSOLUTE = lazy_pattern(
    r"(?<![\w.…/~-])(?:~|[A-Za-z]:)?[/\\](?:[^\s'\"/\\]+[/\\])+([^\s'\"/\\]*)"
)
_MAX_TEXT = 500
"""Characters of a command."""


class Reader:
    """Counts the lines of one format up to a time."""

    MAJORS: tuple[str, ...] = ()
    """The major versions of the format that are known; none if it has no versions."""

    def __init__(self, tally: Tally, until: datetime | None) -> None:
        self._tally, self._until = tally, until

    def feed(self, line: bytes) -> None:
        """Count a line. Raises Unreadable."""
        raise NotImplementedError

    def unknown(self) -> str | None:
        """Why the format is not one that is known; `None` if it is."""
        return unknown_version(self._tally.version, self.MAJORS) if self.MAJORS else None

    def has(self, value: str) -> bool:
        """Whether logs of this format have a value of `TRANSCRIPT_VALUES`."""
        return True

    def time(self, text: str | None) -> datetime | None:
        """The time of an entry; `None` if it is later than counts. Raises Unreadable."""
        at = parse_time(text)
        return None if self._until is not None and at > self._until else at


def decoder(kind: type[_T]) -> Callable[[bytes | Raw], _T]:
    decode = msgspec.json.Decoder(kind).decode

    def read(content: bytes | Raw) -> _T:
        try:
            return decode(content)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise Unreadable from error

    return read


def parse_time(text: str | None) -> datetime:
    """A time in ISO 8601, in UTC. Raises Unreadable."""
    try:
        time = datetime.fromisoformat(text or "")
    except ValueError as error:
        raise Unreadable from error
    if time.tzinfo is None:
        raise Unreadable
    try:
        return time.astimezone(UTC)
    except OverflowError as error:
        raise Unreadable from error


decode_line = decoder(object)

_NAME = lazy_pattern(r"[A-Za-z0-9][A-Za-z0-9._:/@\[\]-]{0,79}")
_VERSION = lazy_pattern(r"([0-9]+)\.[0-9]+(?:\.[0-9]+)?(?:[-+.][A-Za-z0-9.+-]{1,40})?")


def name_of(text: str | None) -> str | None:
    """The name of a model or a version; `None` for what is not a name."""
    return text if text and _NAME.fullmatch(text) else None


def unknown_version(version: str | None, majors: tuple[str, ...]) -> str | None:
    """Why a version is not known; `None` if its major number is one of `majors`."""
    if version is None:
        return "the log does not say the version of its format"
    match = _VERSION.fullmatch(version)
    if match and match[1] in majors:
        return None
    shown = version if match else "without a number"
    return f"the log is of version {shown}, known are {', '.join(f'{m}.x' for m in majors)}"
