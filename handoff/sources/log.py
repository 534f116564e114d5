"""What a log says: the matches of a regular expression, the newest first read.

A log is read from its end, block by block, so that its size does not matter; the pattern runs
in RE2, which takes time linear in the line whatever a stranger's pattern looks like.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from msgspec import Struct

from handoff.base.problems import HandoffError

BLOCK_BYTES = 256 * 1024
MAX_LINE_BYTES = 64 * 1024
"""A longer line is cut: its first bytes are searched."""
MAX_SCANNED_BYTES = 256 * 1024 * 1024
"""How far back from the end a match is looked for."""
MAX_PATTERN = 1_000
_MAX_MEMORY = 8 * 1024 * 1024

Groups = Mapping[str, str | None]
"""By name; `None` for a group that took no part in the match."""


class LogMatch(Struct, frozen=True):
    groups: Groups
    is_to_the_end: bool
    """Nothing follows it in its line, so that more of the line could change it."""


class LogLine(Struct, frozen=True):
    text: str
    is_whole: bool
    """`False` for the last of a file that does not end in a newline."""


class LinePattern(Struct, frozen=True):
    """A pattern, to be called with a line: its first match there, or `None`."""

    pattern: re.Pattern[str]
    in_lines: re.Pattern[bytes] | None
    """The same over many lines at once; `None` where it would mean something else."""

    def __call__(self, line: str) -> LogMatch | None:
        match = self.pattern.search(line)
        return None if match is None else LogMatch(match.groupdict(), match.end() == len(line))

    def may_match(self, lines: bytes) -> bool:
        """Whether one of `lines` may have a match: 20 times faster than to ask each."""
        return self.in_lines is None or self.in_lines.search(lines) is not None


class SourceFailed(HandoffError):
    """A source has no answer; the message says why in one line."""

    exit_code = 3


class BadPattern(HandoffError):
    """The regular expression is none, or none that RE2 takes."""

    exit_code = 1


def search(pattern: str) -> LinePattern:
    """The pattern, ready to search with.

    Raises BadPattern: RE2 has no look-around and no back-references
    (https://github.com/google/re2/wiki/Syntax), and names are what columns are made of.
    """
    compiled = _compiled(pattern)
    # the beginning and the end of the text are those of a line only in a line by itself
    has_text_ends = re.search(r"\\[AzZQC]", pattern) is not None
    return LinePattern(compiled, None if has_text_ends else _over_lines(pattern))


def group_names(pattern: str) -> tuple[str, ...]:
    """The names of a pattern's groups, in no certain order. Raises BadPattern."""
    return tuple(_compiled(pattern).groupindex)


def _compiled(pattern: str) -> re.Pattern[str]:
    """RE2's own pattern, which has the shape of the standard library's."""
    import re2  # slow: only sessions that read logs need it

    if len(pattern) > MAX_PATTERN:
        raise BadPattern(f"a pattern of {len(pattern)} characters, more than {MAX_PATTERN}")
    try:
        compiled: re.Pattern[str] = re2.compile(pattern, _options())
    except re2.error as error:
        said = error.args[0]
        why = said.decode() if isinstance(said, bytes) else str(said)
        raise BadPattern(f"no regular expression that RE2 takes: {why}") from error
    if not compiled.groupindex:
        raise BadPattern(
            "no named group such as '(?P<done>...)', so there is nothing to record"
        )
    return compiled


def _over_lines(pattern: str) -> re.Pattern[bytes] | None:
    import re2  # slow: only sessions that read logs need it

    options = _options()
    options.never_nl = True
    try:
        over_lines: re.Pattern[bytes] = re2.compile(f"(?m:{pattern})".encode(), options)
    except re2.error:  # past a bound of RE2's that the pattern alone is not
        return None
    return over_lines


def _options() -> Any:
    import re2  # slow: only sessions that read logs need it

    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MAX_MEMORY
    return options


def matches(path: Path, found: LinePattern) -> Iterator[Groups]:
    """The groups of each matching line, the last line first.

    Rotation is followed: where `run.log` ends, `run.log.1` goes on. A match that reaches the
    end of a line still being written may be cut off (`514/15` of `514/1537`), so it counts
    only where there is no other. Raises SourceFailed where the log cannot be read.
    """
    cut_off: Groups | None = None
    has_matched = False
    for line in _lines(path, found.may_match):
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


def _lines(path: Path, wanted: Callable[[bytes], bool]) -> Iterator[LogLine]:
    """The lines of a log and of what it was rotated into, the last first."""
    budget = MAX_SCANNED_BYTES
    for part in _rotated(path):
        with _opened(part) as file:
            size = file.seek(0, os.SEEK_END)
            yield from lines_from_end(file, size, at_most=budget, wanted=wanted)
        budget -= size
        if budget <= 0:
            return


def searched(path: Path) -> str:
    """Words for how much of a log was looked at; none where it was all of it."""
    if sum(part.stat().st_size for part in _rotated(path)) <= MAX_SCANNED_BYTES:
        return ""
    return f" of its last {MAX_SCANNED_BYTES // 2**20} MiB"


def newest(paths: list[Path]) -> Path | None:
    """The file written last, by its time and then by its name; `None` of none."""
    return max(paths, key=lambda path: (path.stat().st_mtime_ns, path.name), default=None)


def lines_from_end(
    file: BinaryIO,
    end: int,
    *,
    at_most: int,
    wanted: Callable[[bytes], bool] = lambda _: True,
) -> Iterator[LogLine]:
    """The lines of `file` before byte `end`, last first, from its last `at_most` bytes.

    A carriage return ends a line too: progress bars write one line over the other. What is
    no UTF-8 is replaced, colours are left out, empty lines as well, and the lines of a block
    that is not `wanted`.
    """
    is_whole = False  # until a newline is seen, it may be still being written
    for raw in _blocks(file, end, at_most):
        block = _clean(raw)
        if wanted(block):
            yield from _split(block, is_whole=is_whole)
        is_whole = True


def _blocks(file: BinaryIO, end: int, at_most: int) -> Iterator[bytes]:
    """Whole lines, about a block of them at a time, the last first."""
    floor = max(0, end - at_most)
    tail: list[bytes] = []  # the parts of a line whose start is in an earlier block
    while end > floor:
        start = max(floor, end - BLOCK_BYTES)
        file.seek(start)
        first, newline, rest = file.read(end - start).replace(b"\r", b"\n").partition(b"\n")
        if newline:
            yield rest + b"".join(reversed(tail))
            tail = []
        tail = _capped([*tail, first])
        end = start
    if floor == 0:
        yield b"".join(reversed(tail))


def _capped(tail: list[bytes]) -> list[bytes]:
    """The parts of one line, last part first; of a huge one only its start."""
    return tail if sum(map(len, tail)) <= MAX_LINE_BYTES + BLOCK_BYTES else tail[-2:]


_COLOURS = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]")


def _clean(block: bytes) -> bytes:
    block = _COLOURS.sub(b"", block) if b"\x1b" in block else block
    return block if block.isascii() else block.decode("utf-8", "replace").encode()


def _split(block: bytes, *, is_whole: bool) -> Iterator[LogLine]:
    for raw in reversed(block.split(b"\n")):
        text = raw[:MAX_LINE_BYTES].decode("utf-8", "replace")
        if text.strip():
            yield LogLine(text, is_whole)
        is_whole = True


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
