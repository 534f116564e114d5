"""What a log says: the matches of a regular expression, the newest first read.

A log is read from its end, block by block, so that its size does not matter; the pattern runs
in RE2, which takes time linear in the line whatever a stranger's pattern looks like.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from handoff.problems import HandoffError

BLOCK_BYTES = 256 * 1024
MAX_LINE_BYTES = 64 * 1024
"""A longer line is cut: its first bytes are searched."""
MAX_SCANNED_BYTES = 256 * 1024 * 1024
"""How far back from the end a match is looked for."""
MAX_PATTERN = 1_000
_MAX_MEMORY = 8 * 1024 * 1024

Groups = Mapping[str, str | None]
"""By name; `None` for a group that took no part in the match."""


@dataclass(frozen=True, slots=True)
class Match:
    groups: Groups
    is_to_the_end: bool
    """Nothing follows it in its line, so that more of the line could change it."""


@dataclass(frozen=True, slots=True)
class Line:
    text: str
    is_whole: bool
    """`False` for the last of a file that does not end in a newline."""


Search = Callable[[str], Match | None]


class SourceFailed(HandoffError):
    """A source has no answer; the message says why in one line."""

    exit_code = 3


class BadPattern(HandoffError):
    """The regular expression is none, or none that RE2 takes."""

    exit_code = 1


def search(pattern: str) -> Search:
    """A function that gives the first match in a line, or `None`.

    Raises BadPattern: RE2 has no look-around and no back-references
    (https://github.com/google/re2/wiki/Syntax), and names are what columns are made of.
    """
    compiled = _compiled(pattern)

    def found(line: str) -> Match | None:
        match = compiled.search(line)
        return None if match is None else Match(match.groupdict(), match.end() == len(line))

    return found


def group_names(pattern: str) -> tuple[str, ...]:
    """The names of a pattern's groups, in no certain order. Raises BadPattern."""
    return tuple(_compiled(pattern).groupindex)


def _compiled(pattern: str) -> re.Pattern[str]:
    """RE2's own pattern, which has the shape of the standard library's."""
    import re2  # slow: only sessions that read logs need it

    if len(pattern) > MAX_PATTERN:
        raise BadPattern(f"a pattern of {len(pattern)} characters, more than {MAX_PATTERN}")
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MAX_MEMORY
    try:
        compiled: re.Pattern[str] = re2.compile(pattern, options)
    except re2.error as error:
        said = error.args[0]
        why = said.decode() if isinstance(said, bytes) else str(said)
        raise BadPattern(f"no regular expression that RE2 takes: {why}") from error
    if not compiled.groupindex:
        raise BadPattern(
            "no named group such as '(?P<done>...)', so there is nothing to record"
        )
    return compiled


def matches(path: Path, found: Search) -> Iterator[Groups]:
    """The groups of each matching line, the last line first.

    Rotation is followed: where `run.log` ends, `run.log.1` goes on. A match that reaches the
    end of a line still being written may be cut off (`514/15` of `514/1537`), so it counts
    only where there is no other. Raises SourceFailed where the log cannot be read.
    """
    cut_off: Groups | None = None
    has_matched = False
    for line in _lines(path):
        match = found(line.text)
        if match is None:
            continue
        if match.is_to_the_end and not line.is_whole:
            cut_off = cut_off or match.groups
            continue
        has_matched = True
        yield match.groups
    if cut_off and not has_matched:
        yield cut_off


def _lines(path: Path) -> Iterator[Line]:
    """The lines of a log and of what it was rotated into, the last first."""
    budget = MAX_SCANNED_BYTES
    for part in _rotated(path):
        with _opened(part) as file:
            size = file.seek(0, os.SEEK_END)
            yield from lines_from_end(file, size, at_most=budget)
        budget -= size
        if budget <= 0:
            return


def newest(paths: list[Path]) -> Path | None:
    """The file written last, by its time and then by its name; `None` of none."""
    return max(paths, key=lambda path: (path.stat().st_mtime_ns, path.name), default=None)


def lines_from_end(file: BinaryIO, end: int, *, at_most: int) -> Iterator[Line]:
    """The lines of `file` before byte `end`, last first, from its last `at_most` bytes.

    A carriage return ends a line too: progress bars write one line over the other. What is
    no UTF-8 is replaced, colours are left out, empty lines as well.
    """
    floor = max(0, end - at_most)
    tail: list[bytes] = []  # the parts of a line whose start is in an earlier block
    is_whole = False  # until a newline is seen, it may be still being written
    while end > floor:
        start = max(floor, end - BLOCK_BYTES)
        file.seek(start)
        first, *rest = file.read(end - start).replace(b"\r", b"\n").split(b"\n")
        if rest:
            rest[-1] += b"".join(reversed(tail))
            for line in reversed(rest):
                yield from _line(line, is_whole=is_whole)
                is_whole = True
            tail = []
        tail = _capped([*tail, first])
        end = start
    if floor == 0:
        yield from _line(b"".join(reversed(tail)), is_whole=is_whole)


def _capped(tail: list[bytes]) -> list[bytes]:
    """The parts of one line, last part first; of a huge one only its start."""
    return tail if sum(map(len, tail)) <= MAX_LINE_BYTES + BLOCK_BYTES else tail[-2:]


_COLOURS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def _line(raw: bytes, *, is_whole: bool) -> Iterator[Line]:
    text = raw[:MAX_LINE_BYTES].decode("utf-8", errors="replace")
    text = _COLOURS.sub("", text) if "\x1b" in text else text
    if text.strip():
        yield Line(text, is_whole)


def _rotated(path: Path) -> Iterator[Path]:
    yield path
    older = (path.with_name(f"{path.name}.{n}") for n in range(1, 10))
    for part in islice(older, 9):
        # a link could lead anywhere; the log itself was followed to where it may be
        if part.is_symlink() or not part.is_file():
            return
        yield part


def _opened(path: Path) -> BinaryIO:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise SourceFailed("cannot read the log: is no file")
        return path.open("rb")
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise SourceFailed(f"cannot read the log: {reason}") from error


_NUMBER = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+(?:\.\d+)?")


def plain_number(text: str) -> str:
    """`1,537` as `1537`; other text as it is."""
    return text.replace(",", "") if _NUMBER.fullmatch(text) else text
