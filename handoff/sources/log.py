"""Log files as sources: the matches of a regular expression, read from the end.

A log is read from its end, block by block, so that its size does not matter; the pattern runs
in RE2, which takes time linear in the line whatever a stranger's pattern looks like.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Literal

from msgspec import Struct
from msgspec.structs import replace

from handoff.base.problems import Problem, nearest
from handoff.facts.recorded import MAX_ROWS
from handoff.session.facts import TIME
from handoff.session.model import LogFile, SourceFact
from handoff.sources.source import (
    DECIDED_TIME,
    InvalidSource,
    Request,
    SourceFailed,
    SourceRows,
    ambiguous_time,
    file_problems,
    named_errors,
    no_column,
    open_log,
    past_unknown,
    plain_number,
    row_time_errors,
    timestamps,
    typed_rows,
)
from handoff.sql.query import CONTRACTS

ENGINE = "log"
BLOCK_BYTES = 256 * 1024
MAX_LINE_BYTES = 64 * 1024
"""Only so many bytes of a line are searched."""
MAX_SCANNED_BYTES = 256 * 1024 * 1024
"""From the end of the log; older lines are not searched."""
MAX_PATTERN = 1_000
_MAX_MEMORY = 8 * 1024 * 1024

LogRow = dict[str, object]
Groups = Mapping[str, str | None]
"""By name; `None` for a group that did not participate in the match."""


class LogMatch(Struct, frozen=True):
    groups: Groups
    is_to_the_end: bool
    """It ends with the line, so that more of the line could change it."""


class LogLine(Struct, frozen=True):
    text: str
    is_whole: bool
    """`False` for the last of a file that does not end in a newline."""


class LinePattern(Struct, frozen=True):
    """A pattern that is called with a line, for its first match or `None`."""

    pattern: re.Pattern[str]
    in_lines: re.Pattern[bytes] | None
    """The same for many lines at once; `None` where it would differ."""

    def __call__(self, line: str) -> LogMatch | None:
        match = self.pattern.search(line)
        return None if match is None else LogMatch(match.groupdict(), match.end() == len(line))

    def may_match(self, lines: bytes) -> bool:
        """Whether one of `lines` may have a match: 20 times faster than line by line."""
        return self.in_lines is None or self.in_lines.search(lines) is not None


class BadPattern(InvalidSource):
    """An invalid regular expression, or one that RE2 does not support."""


def describe(source: LogFile) -> str:
    return source.path


def problems(
    fact: SourceFact, source: LogFile, file: Callable[[str], Path]
) -> Iterator[Problem]:
    """Paths that may not be read, invalid patterns, and unknown or missing columns."""
    folder, _, name = source.path.rpartition("/")
    yield from file_problems(
        fact, source, file, (folder or ".") if "*" in name else source.path
    )
    try:
        groups = group_names(source.match)
    except BadPattern as error:
        yield Problem("F031", f"fact '{fact.name}': {error}", source.place)
        return
    columns = [each.name for each in fact.returns]
    for group in sorted(groups):
        if group != TIME and group not in columns:
            yield no_column(fact, source, "the pattern has a group", group)
    optional = CONTRACTS.get(fact.contract or "", {})
    for column in columns:
        if column not in (*optional, *groups, *source.constants):
            message = f"column '{column}' is neither a group of the pattern nor in 'set:'"
            yield Problem("F033", message + nearest(column, groups), source.place)


def read(request: Request, source: LogFile) -> SourceRows:
    """The rows of the lines that match, up to the as-of time."""
    with named_errors(source.path):
        rows = _rows(request, source)
        return SourceRows(typed_rows(request.fact, source, rows), source.path)


def _rows(request: Request, source: LogFile) -> list[LogRow]:
    pattern, names = compile_pattern(source.match), group_names(source.match)
    if request.is_past and TIME not in names:
        raise past_unknown(f"the pattern has no group '{TIME}', the time of a line")
    file = _log_file(request.context.file, source.path)
    timed = decide_times(
        ((groups, _times(groups, source.zone)) for groups in matches(file, pattern)),
        now=max(request.as_of, request.context.now),
    )
    rows = select_matches(
        timed,
        key=request.fact.key if request.fact.key in names else None,
        take=source.take,
        until=request.as_of if request.is_past else None,
        recent=_recent(request) if {TIME, "done"} <= {*names} else None,
    )
    if not rows and source.take == "last":
        when = f" up to {request.as_of:%Y-%m-%d %H:%M} UTC" if request.is_past else ""
        raise SourceFailed(f"no line{searched(file)} matches{when}")
    return rows


def _times(groups: Groups, zone: str | None) -> LineTimes:
    with row_time_errors():
        return LineTimes(timestamps(groups.get(TIME), zone), groups.get(TIME), zone)


_STARS = re.compile(r"\*+")


def _log_file(file: Callable[[str], Path], path: str) -> Path:
    """The file; the newest if its name has a `*`."""
    folder, _, name = path.rpartition("/")
    if "*" not in name:
        return file(path)
    prefix = f"{folder}/" if folder else ""
    paths = sorted(file(folder or ".").glob(_STARS.sub("*", name)))
    files = [file(f"{prefix}{each.name}") for each in paths]
    found = newest([each for each in files if each.is_file()])
    if found is None:
        raise SourceFailed("no such file")
    return found


def _recent(request: Request) -> RecentWindow | None:
    """The window of recent progress, for facts with phases."""
    if request.fact.contract != "phases":
        return None
    minutes = request.context.recent_minutes
    return RecentWindow(request.as_of - timedelta(minutes=minutes), request.as_of, minutes)


# --- patterns ------------------------------------------------------------------------------


def compile_pattern(pattern: str) -> LinePattern:
    """The pattern for lines.

    Raises BadPattern: RE2 has no look-around and no back-references
    (https://github.com/google/re2/wiki/Syntax), and named groups are the columns.
    """
    compiled = _compiled(pattern)
    # these match at the ends of the text, which are those of a line only line by line
    has_text_ends = re.search(r"\\[AzZQC]", pattern) is not None
    return LinePattern(compiled, None if has_text_ends else _over_lines(pattern))


def group_names(pattern: str) -> tuple[str, ...]:
    """The names of the groups of a pattern, in any order. Raises BadPattern."""
    return tuple(_compiled(pattern).groupindex)


def _compiled(pattern: str) -> re.Pattern[str]:
    """RE2's pattern, which is used like one of the standard library."""
    import re2  # slow: only sessions with logs need it

    if len(pattern) > MAX_PATTERN:
        raise BadPattern(f"a pattern of {len(pattern)} characters, at most {MAX_PATTERN}")
    try:
        compiled: re.Pattern[str] = re2.compile(pattern, _options())
    except re2.error as error:
        message = error.args[0]
        reason = message.decode() if isinstance(message, bytes) else str(message)
        raise BadPattern(f"not a regular expression of RE2: {reason}") from error
    if not compiled.groupindex:
        raise BadPattern("the pattern has no named group such as '(?P<done>...)'")
    return compiled


def _over_lines(pattern: str) -> re.Pattern[bytes] | None:
    import re2  # slow: only sessions with logs need it

    options = _options()
    options.never_nl = True
    try:
        over_lines: re.Pattern[bytes] = re2.compile(f"(?m:{pattern})".encode(), options)
    except re2.error:  # over a limit of RE2 that the pattern alone is not
        return None
    return over_lines


def _options() -> Any:
    import re2  # slow: only sessions with logs need it

    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MAX_MEMORY
    return options


def matches(path: Path, pattern: LinePattern) -> Iterator[Groups]:
    """The groups of each matching line, the last line first.

    Rotation is followed: before `run.log` comes `run.log.1`. A match that ends with a line that
    is still being written may be cut off (`514/15` of `514/1537`), so it counts only if there
    is no other. Raises SourceFailed where the log cannot be read.
    """
    cut_off: Groups | None = None
    has_matched = False
    for line in _lines(path, pattern.may_match):
        match = pattern(line.text)
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
    """The lines of a log and of its rotated files, the last first."""
    budget = MAX_SCANNED_BYTES
    for part in _rotated(path):
        with open_log(part) as file:
            size = file.seek(0, os.SEEK_END)
            yield from lines_from_end(file, size, at_most=budget, wanted=wanted)
        budget -= size
        if budget <= 0:
            return


def searched(path: Path) -> str:
    """How much of a log was searched, as words; empty for all of it."""
    if sum(part.stat().st_size for part in _rotated(path)) <= MAX_SCANNED_BYTES:
        return ""
    return f" of its last {MAX_SCANNED_BYTES // 2**20} MiB"


def newest(paths: list[Path]) -> Path | None:
    """The file written last, by its time and then by its name; `None` if there is none."""
    return max(paths, key=lambda path: (path.stat().st_mtime_ns, path.name), default=None)


def lines_from_end(
    file: BinaryIO,
    end: int,
    *,
    at_most: int,
    wanted: Callable[[bytes], bool] = lambda _: True,
) -> Iterator[LogLine]:
    """The lines of `file` before byte `end`, last first, from its last `at_most` bytes.

    A carriage return ends a line too: progress bars write one line over the other. Invalid
    UTF-8 is replaced; colours, empty lines and blocks that are not `wanted` are left out.
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
    """The parts of one line, the last first; of a huge line only its start."""
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


# --- the times of lines --------------------------------------------------------------------


class LineTimes(Struct, frozen=True):
    """When a line was written: one time, two in an hour that clocks repeat, or unknown."""

    possible: tuple[datetime, ...]
    """UTC, the earlier first; empty for a line without a time."""
    text: str | None
    zone: str | None

    @property
    def is_known(self) -> bool:
        return len(self.possible) == 1

    @property
    def known(self) -> datetime:
        """The only time. Raises InvalidSource where there are two."""
        if self.is_known:
            return self.possible[0]
        with row_time_errors():
            raise ambiguous_time(self.text, self.zone)

    def is_by(self, limit: datetime) -> bool:
        """Whether it was written by `limit`. Raises InvalidSource where that is not known."""
        if not self.possible or self.possible[0] > limit:
            return False
        return self.possible[-1] <= limit or self.known <= limit


TimedMatch = tuple[Groups, LineTimes]
DISORDER = timedelta(seconds=10)
"""Lines of several threads are out of order by so much."""


def decide_times(timed: Iterable[TimedMatch], *, now: datetime) -> Iterator[TimedMatch]:
    """Decide the times of an hour that clocks repeat by the order of the lines.

    Matches come the last first. Each was written after those before it and by `now`: where
    01:00 follows 01:30, the clocks were set back in between. What this does not decide keeps
    both times.
    """
    latest = now
    unknown: list[TimedMatch] = []
    for each in timed:
        at = each[1]
        if not at.is_known and (unknown or at.possible) and len(unknown) < MAX_MATCHES:
            unknown.append(each)
            continue
        if unknown:
            yield from _decided(unknown, at.possible[0] if at.is_known else None, latest)
            unknown = []
        if at.is_known:
            latest = at.possible[0]
        yield each
    yield from _decided(unknown, None, latest)


def _decided(
    matches: list[TimedMatch], earliest: datetime | None, latest: datetime
) -> list[TimedMatch]:
    """The matches with the times that are possible between two others, the last first."""
    possible = [at.possible for _, at in matches]
    for n, times in enumerate(possible):
        possible[n] = tuple(time for time in times if time <= latest + DISORDER)
        latest = min(latest, max(possible[n], default=latest))
    for n, times in reversed([*enumerate(possible)]):
        if earliest is not None:
            possible[n] = tuple(time for time in times if time >= earliest - DISORDER)
        smallest = min(possible[n], default=earliest)
        earliest = max(earliest or smallest, smallest) if smallest else earliest
    is_contradictory = any(
        at.possible and not times for (_, at), times in zip(matches, possible, strict=True)
    )
    if is_contradictory:  # the lines are not in the order of time
        return matches
    return [
        (groups, replace(at, possible=times))
        for (groups, at), times in zip(matches, possible, strict=True)
    ]


# --- which matches count -------------------------------------------------------------------

MAX_MATCHES = 100_000
"""Searched for other keys, and for what was done before: takes about a second."""


class RecentWindow(Struct, frozen=True):
    """The window in which progress counts as recent."""

    start: datetime
    end: datetime
    minutes: int


class _Latest(Struct):
    """The last match of one key, and what was done before the window."""

    row: LogRow
    before: Groups | None = None
    before_at: LineTimes | None = None
    is_settled: bool = False
    """What was done before the window is known."""

    def look_back(self, groups: Groups, at: LineTimes, start: datetime) -> None:
        if self.is_settled or not at.possible:
            return
        self.before, self.before_at = groups, at
        self.is_settled = at.is_by(start)


def select_matches(
    timed: Iterable[TimedMatch],
    *,
    key: str | None,
    take: Literal["last", "all"],
    until: datetime | None,
    recent: RecentWindow | None,
) -> list[LogRow]:
    """The rows of the matches, which come the last first, in the order of the log.

    `key` is the group that names a row; of each name the last is taken, in the order of names.
    With `until` only lines up to then count. With `recent`, rows also have what was done in
    that window.
    """
    if until is not None:
        timed = (each for each in timed if each[1].is_by(until))
    if take == "all":
        found = [_row(*each) for each in islice(timed, MAX_ROWS + 1)]
        return found[::-1]
    latest: dict[str, _Latest] = {}
    for groups, at in islice(timed, MAX_MATCHES):
        name = groups.get(key) or "" if key else ""
        last = latest.setdefault(name, _Latest(_row(groups, at)))
        if recent:
            last.look_back(groups, at, recent.start)
        if key is None and (recent is None or last.is_settled):
            break
    return [_with_recent(latest[name], recent) for name in sorted(latest, key=_natural)]


def _row(groups: Groups, at: LineTimes) -> LogRow:
    return {**groups, DECIDED_TIME: at.possible[0]} if at.is_known else dict(groups)


def _natural(name: str) -> list[tuple[int, str]]:
    """A sort key that puts `Phase 2` before `Phase 10`."""
    return [(int(n) if n.isdigit() else -1, n) for n in re.split(r"([0-9]{1,9})", name)]


def _with_recent(last: _Latest, recent: RecentWindow | None) -> LogRow:
    """The row, and what was done since the last match before the window.

    If the log begins within the window: since its first match.
    """
    if recent is None or last.before is None or last.before_at is None:
        return last.row
    if {"done_recent", "recent_minutes"} & {*last.row}:
        return last.row
    now, then = _count(last.row.get("done")), _count(last.before.get("done"))
    if now is None or then is None or now < then:
        return last.row
    minutes = recent.minutes
    if not last.is_settled:
        minutes = int((recent.end - last.before_at.known).total_seconds() // 60)
    if minutes < 1:
        return last.row
    return {**last.row, "done_recent": now - then, "recent_minutes": minutes}


def _count(text: object) -> int | None:
    digits = plain_number(str(text))
    return int(digits) if digits.isascii() and digits.isdigit() else None
