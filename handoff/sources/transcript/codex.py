"""The rollouts of Codex.

The format is not specified by its maker. What is read is what many public readers of it agree
on; a line of another shape counts as unreadable, and nothing is guessed.
"""

from __future__ import annotations

import re
from datetime import datetime

from msgspec import Raw, Struct

from handoff.base.patterns import lazy_pattern
from handoff.sources.transcript.tally import (
    Command,
    Count,
    Reader,
    Tally,
    Unreadable,
    Usage,
    decoder,
    name_of,
)


class _CodexLine(Struct, frozen=True):
    type: str
    payload: Raw
    timestamp: str | None = None


class _Meta(Struct, frozen=True):
    cwd: str | None = None
    cli_version: str | None = None
    model: str | None = None


class _CodexUsage(Struct, frozen=True):
    input_tokens: Count = 0
    cached_input_tokens: Count = 0
    cache_write_input_tokens: Count = 0
    output_tokens: Count = 0
    total_tokens: Count = 0

    def usage(self) -> Usage:
        cached = self.cached_input_tokens + self.cache_write_input_tokens
        return Usage(
            max(0, self.input_tokens - cached),
            self.output_tokens,
            self.cached_input_tokens,
            self.cache_write_input_tokens,
        )


class _TokenInfo(Struct, frozen=True):
    total_token_usage: _CodexUsage | None = None
    last_token_usage: _CodexUsage | None = None
    model_context_window: Count | None = None


class _Parsed(Struct, frozen=True):
    type: str | None = None
    path: str | None = None


class _Event(Struct, frozen=True):
    type: str
    info: _TokenInfo | None = None
    call_id: str | None = None
    exit_code: int | None = None
    success: bool | None = None
    parsed_cmd: list[_Parsed] | None = None


class _Item(Struct, frozen=True):
    type: str
    name: str | None = None
    call_id: str | None = None
    arguments: str | None = None
    input: str | None = None
    output: Raw = Raw(b"null")
    action: Raw = Raw(b"null")


class _Arguments(Struct, frozen=True):
    command: str | list[str] | None = None
    cmd: str | list[str] | None = None
    workdir: str | None = None


class _Metadata(Struct, frozen=True):
    exit_code: int | None = None


class _Output(Struct, frozen=True):
    metadata: _Metadata = _Metadata()
    content: str | None = None
    success: bool | None = None


_codex_line = decoder(_CodexLine)
_kind = decoder(_Parsed)
_meta = decoder(_Meta)
_event = decoder(_Event)
_item = decoder(_Item)
_arguments = decoder(_Arguments)
_output = decoder(_Output)
_string = decoder(str)

_SHELLS = ("shell", "shell_command", "exec_command", "local_shell", "container.exec")
_EVENTS = ("token_count", "user_message", "exec_command_end", "patch_apply_end")
_ITEMS = (
    "function_call", "function_call_output", "custom_tool_call", "custom_tool_call_output",
    "local_shell_call",
)  # fmt: skip
_CODEX_EXIT = lazy_pattern(
    r"^(?:Exit code:|Process exited with code) (-?[0-9]{1,10})$", re.MULTILINE
)
_PATCHED = lazy_pattern(
    r"^\*\*\* (Add File|Update File|Delete File|Move to): (.+)$", re.MULTILINE
)
_HOW = {"Add File": "added", "Update File": "modified", "Delete File": "deleted"}


class CodexReader(Reader):
    """A rollout of Codex: `{timestamp, type, payload}` in each line, `session_meta` first.

    The total of tokens is cumulative; it starts again where a session is resumed.
    """

    MAJORS = ("0",)

    def __init__(self, tally: Tally, until: datetime | None) -> None:
        super().__init__(tally, until)
        self._total = _CodexUsage()
        self._cwd: str | None = None
        self._commands: dict[str, Command] = {}
        self._patches: dict[str, tuple[str, str | None]] = {}
        self._ended = 0
        """Commands whose reads the log has."""

    def feed(self, line: bytes) -> None:
        entry = _codex_line(line)
        if entry.type not in ("session_meta", "turn_context", "event_msg", "response_item"):
            return
        at = self.time(entry.timestamp)
        if at is None:
            return
        if entry.type == "event_msg":
            if _kind(entry.payload).type in _EVENTS:
                self._event(_event(entry.payload))
        elif entry.type == "response_item":
            if _kind(entry.payload).type in _ITEMS:
                self._item(_item(entry.payload), at)
        else:
            meta = _meta(entry.payload)
            self._cwd = meta.cwd or self._cwd
            self._tally.model = name_of(meta.model) or self._tally.model
            self._tally.version = self._tally.version or meta.cli_version
        self._tally.entry(at)

    def has(self, value: str) -> bool:
        """All but the files that were read, where some command has no event."""
        return value != "read" or self._ended >= len(self._tally.commands)

    def _event(self, event: _Event) -> None:
        tally = self._tally
        if event.type == "user_message":
            tally.turns += 1
        elif event.type == "token_count" and event.info:
            self._tokens(event.info)
        elif event.type == "exec_command_end":
            command = self._commands.get(event.call_id or "")
            if command is not None:
                self._ended += 1
                command.exit_status = event.exit_code
            for each in event.parsed_cmd or ():
                if each.type == "read" and each.path and not event.exit_code:
                    tally.read(each.path, self._cwd)
        elif event.type == "patch_apply_end":
            self._patch(event.call_id, is_done=bool(event.success))

    def _tokens(self, info: _TokenInfo) -> None:
        tally, total = self._tally, info.total_token_usage
        if total is not None and total != self._total:
            is_continued = total.total_tokens >= self._total.total_tokens
            if is_continued:
                tally.add(self._total.usage(), times=-1)
            tally.add(total.usage())
            tally.requests += 1
            self._total = total
        if info.last_token_usage is not None:
            tally.context = info.last_token_usage.total_tokens
        tally.window = info.model_context_window or tally.window

    def _item(self, item: _Item, at: datetime) -> None:
        call = item.call_id or ""
        if item.type == "function_call" and item.name in _SHELLS:
            self._run(call, _arguments((item.arguments or "null").encode()), at)
        elif item.type == "local_shell_call":
            self._run(call, _arguments(item.action), at)
        elif item.name == "apply_patch":
            self._tally.limit(self._patches)
            self._patches[call] = (item.input or item.arguments or "", self._cwd)
        elif item.type.endswith("_output"):
            self._output(call, item.output)

    def _run(self, call: str, given: _Arguments, at: datetime) -> None:
        words = given.command or given.cmd or ""
        text = words if isinstance(words, str) else " ".join(words)
        if "*** Begin Patch" in text:
            self._patches[call] = (text, given.workdir or self._cwd)
            self._tally.limit(self._patches)
        self._commands[call] = self._tally.command(at, text)

    def _output(self, call: str, content: Raw) -> None:
        if call not in self._commands and call not in self._patches:
            return
        is_object = bytes(content)[:1] == b"{"
        text = _output(content).content or "" if is_object else _string(content)
        status: int | None = None
        if text.startswith("{"):
            try:
                status = _output(text.encode()).metadata.exit_code
            except Unreadable:
                status = None
        else:
            match = _CODEX_EXIT.search(text.partition("\nOutput:")[0])
            status = int(match[1]) if match else None
        command = self._commands.get(call)
        if command is not None and command.exit_status is None:
            command.exit_status = status
        self._patch(call, is_done=status == 0 or text.startswith("Success"))

    def _patch(self, call: str | None, *, is_done: bool) -> None:
        text, folder = self._patches.pop(call or "", ("", None))
        if not is_done:
            return
        last = ""
        for verb, path in _PATCHED.findall(text):
            if verb == "Move to":
                self._tally.change(last, folder, "deleted")
            self._tally.change(path.strip(), folder, _HOW.get(verb, "added"))
            last = path.strip()
