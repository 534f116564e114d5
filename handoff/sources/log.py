"""What a log says: the matches of a regular expression, the newest first read.

A log is read from its end, block by block, so that its size does not matter; the pattern runs
in RE2, which takes time linear in the line whatever a stranger's pattern looks like.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
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

Groups = Mapping[str, str]
Search = Callable[[str], Groups | None]


class SourceFailed(HandoffError):
    """A source has no answer; the message says why in one line."""

    exit_code = 3


class BadPattern(HandoffError):
    """The regular expression is none, or none that RE2 takes."""

    exit_code = 1


def search(pattern: str) -> Search:
    """A function that gives the named groups of the first match in a line, or `None`.

    Raises BadPattern: RE2 has no look-around and no back-references
    (https://github.com/google/re2/wiki/Syntax), and names are what columns are made of.
    """
    import re2  # slow: only sessions that read logs need it

    if len(pattern) > MAX_PATTERN:
        raise BadPattern(f"a pattern of {len(pattern)} characters, more than {MAX_PATTERN}")
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MAX_MEMORY
    try:
        compiled = re2.compile(pattern, options)
    except re2.error as error:
        said = error.args[0]
        why = said.decode() if isinstance(said, bytes) else str(said)
        raise BadPattern(f"no regular expression that RE2 takes: {why}") from error
    if not compiled.groupindex:
        raise BadPattern(
            "no named group such as '(?P<done>...)', so there is nothing to record"
        )

    def found(line: str) -> Groups | None:
        match = compiled.search(line)
        return None if match is None else {k: v or "" for k, v in match.groupdict().items()}

    return found


def matches(path: Path, found: Search) -> Iterator[Groups]:
    """The groups of each matching line, the last line first.

    Rotation is followed: where `run.log` ends, `run.log.1` goes on. Raises SourceFailed where
    there is no such file, or nothing matched in the last 256 MiB.
    """
    budget = MAX_SCANNED_BYTES
    for part in _rotated(path):
        with _opened(part) as file:
            size = file.seek(0, os.SEEK_END)
            for line in lines_from_end(file, size, at_most=budget):
                groups = found(line)
                if groups is not None:
                    yield groups
        budget -= size
        if budget <= 0:
            return


def newest(paths: list[Path]) -> Path | None:
    """The file written last, by its time and then by its name; `None` of none."""
    return max(paths, key=lambda path: (path.stat().st_mtime_ns, path.name), default=None)


def lines_from_end(file: BinaryIO, end: int, *, at_most: int) -> Iterator[str]:
    """The lines of `file` before byte `end`, last first, from its last `at_most` bytes.

    What is no UTF-8 is replaced; a line still being written (no newline yet) counts.
    """
    floor = max(0, end - at_most)
    tail: list[bytes] = []  # the parts of a line whose start is in an earlier block
    while end > floor:
        start = max(floor, end - BLOCK_BYTES)
        file.seek(start)
        first, *rest = file.read(end - start).split(b"\n")
        if rest:
            rest[-1] += b"".join(reversed(tail))
            yield from (_decoded(line) for line in reversed(rest) if line.strip())
            tail = []
        tail = _capped([*tail, first])
        end = start
    line = b"".join(reversed(tail))
    if line.strip() and floor == 0:
        yield _decoded(line)


def _capped(tail: list[bytes]) -> list[bytes]:
    """The parts of one line, last part first; of a huge one only its start."""
    return tail if sum(map(len, tail)) <= 2 * BLOCK_BYTES else tail[-1:]


def _decoded(line: bytes) -> str:
    return line[:MAX_LINE_BYTES].decode("utf-8", errors="replace").rstrip("\r")


def _rotated(path: Path) -> Iterator[Path]:
    yield path
    older = (path.with_name(f"{path.name}.{n}") for n in range(1, 10))
    for part in islice(older, 9):
        if not part.is_file():
            return
        yield part


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise SourceFailed(f"cannot read the log: {reason}") from error


_NUMBER = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+(?:\.\d+)?")


def plain_number(text: str) -> str:
    """`1,537` as `1537`; other text as it is."""
    return text.replace(",", "") if _NUMBER.fullmatch(text) else text
