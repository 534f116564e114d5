"""Find and read the log of an agent's session.

A log is read as a stream, whatever its size: memory is bounded by the longest line and by the
number of distinct messages, files and commands. No text of the conversation leaves this module
unless the declaration says `text: true`, which records the text of commands.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from msgspec import Struct

from handoff.base.problems import Refused
from handoff.project.settings import TranscriptMapping
from handoff.session.model import Transcript, duration_text
from handoff.sources.json_file import BadExpression, check_expression, search
from handoff.sources.source import (
    InvalidSource,
    Request,
    SourceFailed,
    SourceRows,
    TypedRow,
    open_log,
)
from handoff.sources.transcript.claude import ClaudeReader
from handoff.sources.transcript.codex import CodexReader
from handoff.sources.transcript.tally import (
    Command,
    Reader,
    Tally,
    Unreadable,
    Usage,
    decode_line,
    name_of,
    parse_time,
)

BLOCK_BYTES = 1024 * 1024
MAX_LINE_BYTES = 32 * 1024 * 1024
"""A longer line counts as unreadable."""
MAX_BYTES = 4 * 1024 * 1024 * 1024
"""Of a log and those of its subagents."""
MAX_MAPPED_BYTES = 64 * 1024 * 1024
"""Of a log that is read with JMESPath, which is a hundred times slower."""
HEAD_BYTES = 256 * 1024
TAIL_BYTES = 4 * 1024 * 1024
"""Where the folder and the times of a log are looked for, to find the newest."""
MAX_LOGS = 2_000
"""The logs, the last by name, among which the newest is looked for."""


class Log(Struct, frozen=True):
    """A log that may be the one."""

    path: Path
    started: datetime
    ended: datetime


def read_transcript(request: Request, source: Transcript, where: Path) -> SourceRows:
    """What the agent did until the as-of time, by a log, or by the newest one of a folder.

    Raises InvalidSource and SourceFailed.
    """
    mapping = request.context.transcripts.get(source.agent)
    until = request.as_of if request.is_past else None
    for expression in mapping.read.values() if mapping else ():
        _check(expression)
    path = where if source.file is not None else _newest(request, source, where, until)
    tally = Tally(str(request.context.root), keep_text=source.text)
    reader: Reader
    if mapping:
        reader = MappedReader(tally, until, mapping)
    else:
        kind = ClaudeReader if source.agent == "claude-code" else CodexReader
        reader = kind(tally, until)
    _read_logs(path, reader, tally, MAX_MAPPED_BYTES if mapping else MAX_BYTES)
    rows = _rows(source, reader, tally)
    return SourceRows(rows, source.file or f"{source.agent} {_name(path)}")


def _check(expression: str) -> None:
    try:
        check_expression(expression)
    except BadExpression as error:
        raise InvalidSource(f"'{expression}' is {error}") from error


def _name(path: Path) -> str:
    """The session in the name of a log: `rollout-2026-01-03T14-00-00-ID` is `ID`."""
    stem = re.sub(r"^rollout-[0-9T:-]{19}-", "", path.stem)
    return re.sub(r"[^A-Za-z0-9._-]", "", stem)[:40]


# --- find the log ------------------------------------------------------------------------


def _newest(request: Request, source: Transcript, folder: Path, until: datetime | None) -> Path:
    context = request.context
    mapping = context.transcripts.get(source.agent)
    if not folder.is_dir():
        raise SourceFailed("there is no folder of logs on this machine")
    folders = _working_folders(context.root)
    is_claude = source.agent == "claude-code"
    paths = _logs_of_claude(folder, folders) if is_claude else folder.rglob("*.jsonl")
    named = sorted((each for each in paths if (source.id or "") in each.stem), key=_order)
    read = mapping.read if mapping else {"at": "timestamp", "cwd": "cwd || payload.cwd"}
    logs = [
        log
        for path in named[-MAX_LOGS:]
        if (log := _log(path, folders, read, context.file, until)) is not None
    ]
    if not logs:
        which = f" with '{source.id}' in its name" if source.id else ""
        early = " that had begun by then" if until else ""
        raise SourceFailed(f"no log of this folder{which}{early}")
    if source.id and len(logs) > 1:
        raise InvalidSource(f"{len(logs)} logs have '{source.id}' in their names")
    return max(logs, key=lambda log: (log.ended, log.started, log.path.name)).path


def _order(path: Path) -> tuple[str, str]:
    return path.name, str(path)


def _working_folders(root: Path) -> tuple[Path, ...]:
    """The project, and the folders above it up to the top of its repository."""
    above = (root, *root.parents)
    tops = [n for n, folder in enumerate(above) if (folder / ".git").exists()]
    return above[: tops[0] + 1] if tops else (root,)


def _logs_of_claude(home: Path, folders: Sequence[Path]) -> Iterator[Path]:
    """The logs whose folder is named after a working folder, or may be below the project."""
    names = [re.sub(r"[^A-Za-z0-9]", "-", str(folder)) for folder in folders]
    for folder in sorted(home.iterdir()):
        # longer names are cut, and end in a digest
        is_ours = any(folder.name == name or folder.name[:200] == name[:200] for name in names)
        if is_ours or folder.name.startswith(f"{names[0]}-"):
            yield from (each for each in folder.glob("*.jsonl") if each.name[:6] != "agent-")


def _log(
    path: Path,
    folders: Sequence[Path],
    read: Mapping[str, str],
    file: Callable[[str], Path],
    until: datetime | None,
) -> Log | None:
    """The log, if it is of one of the folders and was begun by then."""
    with suppress(OSError, Refused, SourceFailed):
        file(str(path))  # a link may lead elsewhere
        with open_log(path) as opened:
            head = opened.read(HEAD_BYTES)
            size = os.fstat(opened.fileno()).st_size
            opened.seek(max(0, size - TAIL_BYTES))
            tail = opened.read(TAIL_BYTES)
        folder, started = None, None
        for line in head.split(b"\n"):
            at, cwd = _at_and_folder(line, read)
            started, folder = started or at, folder or cwd
            if started and (folder or "cwd" not in read):
                break
        if started is None or (until is not None and started > until):
            return None
        if "cwd" in read and not (folder and _is_within(folder, folders)):
            return None
        for line in reversed(tail.split(b"\n")):
            at, _ = _at_and_folder(line, read)
            if at is not None and (until is None or at <= until):
                return Log(path, started, max(started, at))
        return Log(path, started, started)
    return None


def _at_and_folder(
    line: bytes, expressions: Mapping[str, str]
) -> tuple[datetime | None, str | None]:
    if not line.strip():
        return None, None
    try:
        content = decode_line(line)
        at = search(expressions["at"], content)
        cwd = search(expressions["cwd"], content) if "cwd" in expressions else None
        return parse_time(str(at)) if at else None, cwd if isinstance(cwd, str) else None
    except (Unreadable, SourceFailed):
        return None, None


def _is_within(folder: str, folders: Sequence[Path]) -> bool:
    """Whether an agent works in the project, below it, or above it in its repository."""
    try:
        real = Path(os.path.realpath(folder))
    except (OSError, ValueError):
        return False
    return real in folders or real.is_relative_to(folders[0])


# --- read it -----------------------------------------------------------------------------


def _read_logs(path: Path, reader: Reader, tally: Tally, most: int) -> None:
    """Feed the lines of a log, and of its subagents, to the reader."""
    subagents = sorted((path.parent / path.stem / "subagents").glob("*.jsonl"))
    for log in (path, *subagents[:MAX_LOGS]):
        if log.is_symlink() and log != path:
            continue
        with open_log(log) as opened:
            most -= os.fstat(opened.fileno()).st_size
            if most < 0:
                raise SourceFailed("the log is too large to be read")
            for line in lines(opened):
                try:
                    if line is None:
                        raise Unreadable
                    reader.feed(line)
                except Unreadable:
                    tally.unreadable += 1


def lines(file: BinaryIO) -> Iterator[bytes | None]:
    """The lines of a file, without empty ones; `None` for one that is too long.

    A last line without a newline is still being written, and left out.
    """
    kept, is_long = bytearray(), False
    while block := file.read(BLOCK_BYTES):
        *whole, rest = block.split(b"\n")
        for n, line in enumerate(whole):
            if n == 0 and (kept or is_long):
                line = bytes(kept) + line
                too_long, is_long = is_long, False
                kept.clear()
                if too_long or len(line) > MAX_LINE_BYTES:
                    yield None
                    continue
            if line and not line.isspace():
                yield line
        if not is_long:
            kept += rest
            if len(kept) > MAX_LINE_BYTES:
                kept.clear()
                is_long = True
    if is_long:
        yield None


# --- rows --------------------------------------------------------------------------------


def _rows(source: Transcript, reader: Reader, tally: Tally) -> list[TypedRow]:
    unknown = reader.unknown()
    count = tally.unreadable
    unreadable = (
        f"{count:,} line{'s' if count > 1 else ''} could not be read" if count else None
    )
    problem = unknown or unreadable
    if source.take == "summary":
        return [_summary(source, reader, tally, unknown, problem)]
    if problem:
        raise SourceFailed(problem)
    if source.take == "files":
        return [{"path": path, "change": how} for path, how in sorted(tally.changes.items())]
    if source.take == "reads":
        if not reader.has("read"):
            raise SourceFailed("the log does not say which files were read")
        return [{"path": path} for path in sorted(tally.reads)]
    return [
        {"n": n, "at": each.at, "exit_status": each.exit_status, "command": each.text}
        for n, each in enumerate(_ran(tally), 1)
    ]


def _ran(tally: Tally) -> list[Command]:
    return [each for each in tally.commands if not each.was_refused]


def _summary(
    source: Transcript, reader: Reader, tally: Tally, unknown: str | None, problem: str | None
) -> TypedRow:
    """One row; what an unreadable line may have changed is NULL."""
    if unknown:
        return {"agent": source.agent, "problem": unknown}
    has = reader.has
    window = source.window or tally.window
    row: dict[str, object] = {
        "agent": source.agent,
        "version": tally.version,
        "model": tally.model,
        "started_at": tally.started,
        "ended_at": tally.ended,
        "problem": problem,
    }
    if tally.started and tally.ended:
        row["elapsed"] = duration_text((tally.ended - tally.started).total_seconds())
    if problem is None:
        ran = _ran(tally)
        failed = [each for each in ran if each.exit_status]
        unclear = [each for each in ran if each.exit_status is None]
        row |= {
            "active": duration_text(tally.active_seconds),
            "active_minutes": int(tally.active_seconds) // 60,
            "turns": tally.turns if has("turn") else None,
            "requests": tally.requests if has("output_tokens") else None,
            "input_tokens": tally.input if has("input_tokens") else None,
            "output_tokens": tally.output if has("output_tokens") else None,
            "cache_read_tokens": tally.cache_read if has("cache_read_tokens") else None,
            "cache_write_tokens": tally.cache_write if has("cache_write_tokens") else None,
            "context_tokens": tally.context,
            "window_tokens": window,
            "tokens": _tokens(tally.context, window),
            "files_read": len(tally.reads) if has("read") else None,
            "files_changed": len(tally.changes) if has("changed") else None,
            "files_outside": len(tally.outside) if has("changed") else None,
            "commands": len(ran) if has("command") else None,
            "commands_failed": len(failed) if has("exit_status") else None,
            "commands_unknown": len(unclear) if has("command") else None,
        }
    return row  # type: ignore[return-value]


def _tokens(context: int | None, window: int | None) -> str | None:
    """`84k/200k`, how full the window is; without a window `84k`."""
    if context is None:
        return None
    return _thousands(context) + (f"/{_thousands(window)}" if window else "")


def _thousands(tokens: int) -> str:
    return str(tokens) if tokens < 1_000 else f"{(tokens + 500) // 1_000}k"


# --- logs that the settings map ----------------------------------------------------------


class MappedReader(Reader):
    """A log in JSON Lines, with the JMESPath of each value in the settings."""

    def __init__(
        self, tally: Tally, until: datetime | None, mapping: TranscriptMapping
    ) -> None:
        super().__init__(tally, until)
        self._mapping = mapping

    def feed(self, line: bytes) -> None:
        content = decode_line(line)
        read: dict[str, Any] = {}
        for name, expression in self._mapping.read.items():
            try:
                read[name] = search(expression, content)
            except SourceFailed as error:
                raise Unreadable from error
        if read.get("at") is None:
            return
        at = self.time(str(read["at"]))
        if at is None:
            return
        self._count(read, at)
        self._tally.entry(at)

    def has(self, value: str) -> bool:
        return value in self._mapping.read

    def _count(self, read: Mapping[str, Any], at: datetime) -> None:
        tally, folder = self._tally, _words(read.get("cwd"))
        numbers = {name: _number(read.get(name)) for name in _COUNTS}
        tally.version = name_of(_words(read.get("version"))) or tally.version
        tally.model = name_of(_words(read.get("model"))) or tally.model
        if read.get("turn"):
            tally.turns += 1
        usage = Usage(*(numbers[name] or 0 for name in _COUNTS[:4]))
        if usage.total:
            tally.requests += 1
            tally.add(usage)
            tally.context = usage.total
        tally.context = numbers["context_tokens"] or tally.context
        tally.window = numbers["window_tokens"] or tally.window
        for path in _listed(read.get("read")):
            tally.read(path, folder)
        for path in _listed(read.get("changed")):
            tally.change(path, folder, "modified")
        if (text := _words(read.get("command"))) is not None:
            tally.command(at, text).exit_status = _signed(read.get("exit_status"))


_COUNTS = (
    "input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens",
    "context_tokens", "window_tokens",
)  # fmt: skip


def _words(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise Unreadable


def _listed(value: object) -> Iterator[str]:
    for each in value if isinstance(value, list) else [value]:
        if (path := _words(each)) is not None:
            yield path


def _signed(value: object) -> int | None:
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise Unreadable


def _number(value: object) -> int | None:
    number = _signed(value)
    if number is not None and number < 0:
        raise Unreadable
    return number
