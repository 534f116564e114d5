"""Logs in JSON Lines whose values the settings map."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from handoff.project.settings import TranscriptMapping
from handoff.sources.agents.tally import (
    Tally,
    Unreadable,
    Usage,
    decode_line,
    name_of,
    parse_time,
)
from handoff.sources.source import SourceFailed


class MappedReader:
    """A log in JSON Lines, with the JMESPath of each value in the settings."""

    def __init__(
        self, tally: Tally, until: datetime | None, mapping: TranscriptMapping
    ) -> None:
        self._tally, self._until, self._mapping = tally, until, mapping

    def feed(self, line: bytes) -> None:
        from handoff.sources.json_file import search  # brings jmespath, which is slow

        content = decode_line(line)
        read: dict[str, Any] = {}
        for name, expression in self._mapping.read.items():
            try:
                read[name] = search(expression, content)
            except SourceFailed as error:
                raise Unreadable from error
        if read.get("at") is None:
            return
        at = parse_time(str(read["at"]))
        if self._until is not None and at > self._until:
            return
        self._count(read, at)
        self._tally.entry(at)

    def unknown(self) -> str | None:
        return None

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
