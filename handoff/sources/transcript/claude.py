"""The logs of Claude Code.

The format is not specified by its maker. What is read is what many public readers of it agree
on; a line of another shape counts as unreadable, and nothing is guessed.
"""

from __future__ import annotations

from datetime import datetime

from msgspec import Raw, Struct

from handoff.base.patterns import lazy_pattern
from handoff.sources.transcript.tally import (
    Command,
    Count,
    Reader,
    Tally,
    Usage,
    decoder,
    name_of,
)

_CLAUDE_NAMES = {
    "is_side": "isSidechain",
    "is_meta": "isMeta",
    "is_summary": "isCompactSummary",
    "result": "toolUseResult",
}


class _ClaudeLine(Struct, frozen=True, rename=_CLAUDE_NAMES):
    type: str | None = None
    timestamp: str | None = None
    cwd: str | None = None
    version: str | None = None
    is_side: bool = False
    is_meta: bool = False
    is_summary: bool = False
    message: Raw = Raw(b"null")
    result: Raw = Raw(b"null")
    origin: Raw = Raw(b"null")


class _ClaudeUsage(Struct, frozen=True):
    input_tokens: Count | None = None
    output_tokens: Count | None = None
    cache_read_input_tokens: Count | None = None
    cache_creation_input_tokens: Count | None = None

    def usage(self) -> Usage:
        return Usage(
            self.input_tokens or 0,
            self.output_tokens or 0,
            self.cache_read_input_tokens or 0,
            self.cache_creation_input_tokens or 0,
        )


class _Block(Struct, frozen=True):
    """A part of a message: text, a call of a tool, or its result."""

    type: str
    id: str | None = None
    name: str | None = None
    input: Raw = Raw(b"null")
    tool_use_id: str | None = None
    is_error: bool | None = None
    content: Raw = Raw(b"null")
    text: str | None = None


class _Said(Struct, frozen=True):
    """The message of an assistant."""

    content: list[_Block]
    id: str | None = None
    model: str | None = None
    usage: _ClaudeUsage | None = None


class _Prompted(Struct, frozen=True):
    """The message of a user, or the results of tools."""

    content: str | list[_Block]


class _Input(Struct, frozen=True):
    command: str | None = None
    file_path: str | None = None
    notebook_path: str | None = None
    run_in_background: bool | None = None


class _Result(Struct, frozen=True, rename={"interpretation": "returnCodeInterpretation"}):
    type: str | None = None
    interrupted: bool | None = None
    interpretation: str | None = None


class _Origin(Struct, frozen=True):
    kind: str | None = None


_claude_line = decoder(_ClaudeLine)
_said = decoder(_Said)
_prompted = decoder(_Prompted)
_input = decoder(_Input)
_result = decoder(_Result)
_origin = decoder(_Origin)
_text_or_blocks = decoder(str | list[_Block] | None)  # type: ignore[arg-type]

_EXIT_CODE = lazy_pattern(r"(?:Error: )?Exit code (-?[0-9]{1,10})\b")
_NOT_TYPED = ("<local-command-", "<command-", "<bash-", "<task-notification", "[Request inter")
"""Text that Claude Code itself puts in the place of a prompt."""
_NOT_RUN = ("<tool_use_error>", "The user doesn't want", "Permission to use", "[Request inter")
_READS = ("Read", "NotebookRead")
_CHANGES = ("Write", "Edit", "MultiEdit", "NotebookEdit")


class ClaudeReader(Reader):
    """A log of Claude Code: a JSON object for each part of a message.

    The parts of one message repeat its `id` and its usage, of which the last is complete.
    """

    MAJORS = ("0", "1", "2")

    def __init__(self, tally: Tally, until: datetime | None) -> None:
        super().__init__(tally, until)
        self._usage: dict[int, Usage] = {}
        self._pending: dict[str, tuple[str, _Input, str | None, Command | None]] = {}

    def feed(self, line: bytes) -> None:
        entry = _claude_line(line)
        if entry.type not in ("user", "assistant"):
            return
        at = self.time(entry.timestamp)
        if at is None:
            return
        if entry.type == "assistant":
            self._assistant(_said(entry.message), entry, at)
        else:
            self._user(_prompted(entry.message), entry, at)
        self._tally.version = entry.version or self._tally.version
        if not entry.is_side:
            self._tally.entry(at)

    def _assistant(self, message: _Said, entry: _ClaudeLine, at: datetime) -> None:
        tally = self._tally
        if message.usage is not None and message.model != "<synthetic>":
            usage = message.usage.usage()
            key = hash(message.id) if message.id else len(self._usage) - 2**62
            before = self._usage.get(key)
            if before is None:
                tally.requests += 1
                tally.limit(self._usage)
            else:
                tally.add(before, times=-1)
            self._usage[key] = usage
            tally.add(usage)
            if not entry.is_side:
                tally.context = usage.total
                tally.model = name_of(message.model) or tally.model
        for block in message.content:
            if block.type == "tool_use" and block.id and block.id not in self._pending:
                self._call(block.id, block.name, block.input, entry.cwd, at)

    def _call(
        self, call: str, name: str | None, content: Raw, cwd: str | None, at: datetime
    ) -> None:
        if name not in (*_READS, *_CHANGES, "Bash"):
            return
        given = _input(content)
        command = None
        if name == "Bash":
            command = self._tally.command(at, given.command or "")
        self._tally.limit(self._pending)
        self._pending[call] = (name, given, cwd, command)

    def _user(self, message: _Prompted, entry: _ClaudeLine, at: datetime) -> None:
        if isinstance(message.content, str):
            texts, results = [message.content], []
        else:
            texts = [each.text or "" for each in message.content if each.type == "text"]
            results = [each for each in message.content if each.type == "tool_result"]
            if not texts and not results and message.content:
                texts = ["image"]
        for block in results:
            self._finished(block, entry.result)
        is_typed = texts and not texts[0].lstrip().startswith(_NOT_TYPED)
        if (
            not results
            and is_typed
            and not (entry.is_side or entry.is_meta or entry.is_summary)
        ):
            origin = _origin(entry.origin) if bytes(entry.origin)[:1] == b"{" else _Origin()
            if origin.kind in (None, "human"):
                self._tally.turns += 1

    def _finished(self, block: _Block, content: Raw) -> None:
        pending = self._pending.pop(block.tool_use_id or "", None)
        if pending is None:
            return
        name, given, cwd, command = pending
        result = _result(content) if bytes(content)[:1] == b"{" else _Result()
        if command is not None:
            self._exited(command, given, result, block)
        elif not block.is_error:
            path = given.file_path or given.notebook_path
            if path and name in _READS:
                self._tally.read(path, cwd)
            elif path:
                how = "added" if result.type == "create" else "modified"
                self._tally.change(path, cwd, how)

    def _exited(self, command: Command, given: _Input, result: _Result, block: _Block) -> None:
        if block.is_error:
            text = _block_text(block)
            if text.startswith(_NOT_RUN):
                command.was_refused = True
            elif match := _EXIT_CODE.match(text):
                command.exit_status = int(match[1])
        elif not (given.run_in_background or result.interrupted or result.interpretation):
            command.exit_status = 0


def _block_text(block: _Block) -> str:
    content = _text_or_blocks(block.content)
    if isinstance(content, list):
        return next((each.text or "" for each in content if each.type == "text"), "")
    return content or ""
