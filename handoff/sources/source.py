"""What every kind of source offers, and how its values become those of declared types."""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any, BinaryIO, Protocol
from zoneinfo import ZoneInfo

from msgspec import Struct

from handoff.base.problems import HandoffError, Problem, Refused, nearest
from handoff.base.secrets import truncate
from handoff.project.settings import TranscriptMapping
from handoff.session.facts import TIME
from handoff.session.model import JsonFile, LogFile, SourceFact
from handoff.sql.query import Declaration
from handoff.sql.types import NUMBERS, BadValue, Type, Value, type_of, value_of
from handoff.warehouse.port import TableInfo

SourceRow = Mapping[str, object]
"""A row as a source has it."""
TypedRow = Mapping[str, Value]


class SourceFailed(HandoffError):
    """A source has no result; the message says why in one line."""

    exit_code = 3


class InvalidSource(HandoffError):
    """The declaration of a source needs fixing."""

    exit_code = 1


class SourceContext(Struct, frozen=True):
    """Where sources are, and when they are read."""

    root: Path
    file: Callable[[str], Path]
    """The real path of a path, if it may be read; raises Refused."""
    zone: tzinfo
    """In which a date begins."""
    recent_minutes: int
    """The window in which progress counts as recent."""
    now: datetime
    """UTC; an as-of time before this minute is in the past."""
    own: Callable[[str], bool] = lambda _: False
    """Whether handoff itself writes a file."""
    transcripts: Mapping[str, TranscriptMapping] = {}
    """The logs of agents that the settings describe."""
    table_infos: Callable[[Sequence[str]], Sequence[TableInfo]] | None = None
    """What the warehouse knows of its tables; raises WorldError. `None` without one."""


class Request(Struct, frozen=True):
    """A fact, and the as-of time for which to read its sources."""

    fact: SourceFact
    context: SourceContext
    as_of: datetime

    @property
    def is_past(self) -> bool:
        return self.as_of < self.context.now.replace(second=0, microsecond=0)


class SourceRows(Struct, frozen=True):
    """What one source returned."""

    rows: Sequence[TypedRow]
    name: str
    """As provenance records the source: `logs/run.log`, `0123abc..4567def`."""


class Source(Protocol):
    """One kind of source; each is a module, listed in `lookup.SOURCES`."""

    ENGINE: str
    """`log`, `json`, `git`, `transcript`: as provenance records the kind."""

    def describe(self, source: Any) -> str:
        """The name of a source that has not been read."""
        ...

    def problems(
        self, fact: SourceFact, source: Any, file: Callable[[str], Path]
    ) -> Iterator[Problem]:
        """Errors of a declaration that show without reading the source.

        `file` is that of SourceContext.
        """
        ...

    def read(self, request: Request, source: Any) -> SourceRows:
        """The rows of a source. Raises SourceFailed, InvalidSource and Refused."""
        ...


# --- files -------------------------------------------------------------------------------


@contextmanager
def named_errors(path: str) -> Iterator[None]:
    """Prefix errors with the path of the file they are about."""
    try:
        yield
    except (SourceFailed, InvalidSource) as error:
        failed = InvalidSource if error.exit_code == 1 else SourceFailed
        raise failed(f"{path}: {error}") from error


def open_log(path: Path) -> BinaryIO:
    """The file, to read its bytes. Raises SourceFailed."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise SourceFailed("cannot read the log: not a plain file")
        return path.open("rb")
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise SourceFailed(f"cannot read the log: {reason}") from error


def past_unknown(reason: str) -> InvalidSource:
    """The error for an as-of time in the past, where it cannot be known what was true then."""
    return InvalidSource(f"unknown for an as-of time in the past: {reason}")


def typed_rows(
    fact: SourceFact, source: LogFile | JsonFile, rows: Sequence[SourceRow]
) -> list[TypedRow]:
    """The rows of a file as the declared types. Raises InvalidSource."""
    return [{each.name: _value(row, each, source) for each in fact.returns} for row in rows]


DECIDED_TIME = f"${TIME}"
"""Of a row: its time as a datetime, where its text alone does not decide it."""
_NONE = (None, 0, "0", "")
"""Nothing done, so the time of the row is not that of progress."""


def _value(row: SourceRow, column: Declaration, source: LogFile | JsonFile) -> Value:
    raw = source.constants.get(column.name, row.get(column.name))
    if raw is None and column.name == "last_progress_at" and row.get("done") not in _NONE:
        raw = row.get(DECIDED_TIME, row.get(TIME))
    elif column.name == TIME and column.type == "TIMESTAMP" and raw is not None:
        raw = raw if TIME in source.constants else row.get(DECIDED_TIME, raw)
    try:
        return convert(raw, type_of(column.type), source.zone)
    except BadValue as error:
        raise InvalidSource(f"'{column.name}': {error}") from error


@contextmanager
def row_time_errors() -> Iterator[None]:
    """Raise InvalidSource for a BadValue of the time of a line or a file."""
    try:
        yield
    except BadValue as error:
        raise InvalidSource(f"'{TIME}': {error}") from error


def row_time(text: object, zone: str | None) -> datetime | None:
    """The time of a file. Raises InvalidSource."""
    with row_time_errors():
        return timestamp(text, zone)


def file_problems(
    fact: SourceFact,
    source: LogFile | JsonFile,
    file: Callable[[str], Path],
    path: str,
) -> Iterator[Problem]:
    """Problems of a path that may not be read, and of the constants in `set:`."""
    try:
        file(path)
    except Refused as error:
        why = str(error).partition(": error: ")[2]
        message = f"fact '{fact.name}' reads '{source.path}', which {why}"
        hint = ", 'sources:' in handoff.yaml names folders that may be read"
        yield Problem("F030", message + (hint if "outside" in why else ""), source.place)
    types = {each.name: each.type for each in fact.returns}
    for name, value in source.constants.items():
        if name not in types:
            yield no_column(fact, source, "'set:' has", name)
            continue
        try:
            convert(value, type_of(types[name]), source.zone)
        except BadValue as error:
            yield Problem("Q021", f"value of '{name}' in 'set:': {error}", source.place)


def no_column(fact: SourceFact, source: LogFile | JsonFile, what: str, name: str) -> Problem:
    columns = [each.name for each in fact.returns]
    known = nearest(name, columns) or f", its columns are {', '.join(columns)}"
    message = f"{what} '{name}', which is not a column of fact '{fact.name}'{known}"
    return Problem("F033", message, source.place)


# --- values ------------------------------------------------------------------------------

_TIME = re.compile(r"\d{4}[-/]\d{2}[-/]\d{2}[T ]\d{2}:\d{2}.*", re.DOTALL)
_SECONDS = re.compile(r"\d{9,10}(\.\d+)?")
_GROUPED = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+(?:\.\d+)?")


def convert(raw: object, wanted: Type, zone: str | None) -> Value:
    """`raw` as exactly one value of `wanted`; `zone` applies to times without one.

    `1,537` is a number, a number may be text, and empty text is NULL. Raises BadValue:
    nothing is rounded, cut or guessed.
    """
    if isinstance(raw, str) and not raw.strip() and wanted.name != "STRING":
        return None
    if wanted.name == "TIMESTAMP":
        return timestamp(raw, zone)
    if wanted.name in NUMBERS and isinstance(raw, str):
        return value_of(plain_number(raw.strip()), wanted)
    if wanted.name == "STRING" and isinstance(raw, int | float) and not isinstance(raw, bool):
        return str(raw)
    if wanted.name == "JSON" and raw is not None:
        return value_of(json.dumps(raw, ensure_ascii=False), wanted)
    return value_of(raw, wanted)


def plain_number(text: str) -> str:
    """`1,537` as `1537`; other text as it is."""
    return text.replace(",", "") if _GROUPED.fullmatch(text) else text


def timestamp(raw: object, zone: str | None) -> datetime | None:
    """A time as logs write it, or seconds since 1970, in UTC. Raises BadValue.

    So it does for a local time that the clocks of `zone` show twice.
    """
    times = timestamps(raw, zone)
    if len(times) > 1:
        raise ambiguous_time(raw, zone)
    return times[0] if times else None


def timestamps(raw: object, zone: str | None) -> tuple[datetime, ...]:
    """The times that `raw` may stand for, in UTC, the earlier first; none for no text.

    Two where the clocks of `zone` were set back and show a local time twice. Raises BadValue.
    """
    if raw is None or raw == "":
        return ()
    if isinstance(raw, datetime):
        return (raw,)
    text = str(raw).strip()
    if _SECONDS.fullmatch(text):
        return (datetime.fromtimestamp(float(text), UTC),)
    if not _TIME.fullmatch(text):
        message = f"'{_short(text)}' is not a time, expected for example 2026-01-03T16:20:00Z"
        raise BadValue(message)
    try:
        time = datetime.fromisoformat(_iso(text))
        if time.tzinfo is not None:
            return (time.astimezone(UTC),)
        times = utc_times(time, ZoneInfo(zone)) if zone is not None else ()
    except (ValueError, OverflowError) as error:
        raise BadValue(f"'{_short(text)}' is not a time: {error}") from error
    if zone is None:
        message = f"'{_short(text)}' has no time zone, set one with for example 'zone: UTC'"
        raise BadValue(message)
    if not times:
        raise BadValue(f"'{_short(text)}' does not exist in {zone}, clocks were set forward")
    return times


def utc_times(local: datetime, zone: tzinfo) -> tuple[datetime, ...]:
    """When the clocks of `zone` show `local`: once, twice, or never where they are changed."""
    possible = {local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)}
    return tuple(
        sorted(
            time
            for time in possible
            if time.astimezone(zone).replace(tzinfo=None, fold=0) == local.replace(fold=0)
        )
    )


def ambiguous_time(raw: object, zone: str | None) -> BadValue:
    """The error for a local time that stands for two."""
    return BadValue(
        f"'{_short(str(raw).strip())}' occurs twice in {zone}, clocks were set back, "
        "expected a time with its offset or in UTC"
    )


def _short(text: str) -> str:
    return truncate(text, 40)


def _iso(text: str) -> str:
    text = text[:10].replace("/", "-") + text[10:].replace(",", ".")
    return re.sub(r" ?(UTC|GMT|[Zz])$", "+00:00", text).replace(" +", "+").replace(" -", "-")
