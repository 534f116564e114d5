"""What commands print: documents to stdout; progress, notes and problems to stderr.

Whatever looks like a secret is masked here, for all commands and formats.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

from handoff.base.characters import revealed
from handoff.base.patterns import lazy_pattern
from handoff.base.problems import Problem, Report, UsageError
from handoff.base.secrets import masked

if TYPE_CHECKING:
    from handoff.publish.writer import WriteResult


def out(text: str) -> None:
    """A document or a result, secrets masked, in UTF-8 whatever the locale."""
    _clear()
    sys.stdout.buffer.write(_encoded(masked(text)))
    sys.stdout.buffer.flush()


def _encoded(text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")  # a file's name may hold any byte
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")


def note(line: str) -> None:
    """One line on stderr, terminal control characters escaped."""
    _clear()
    _write(f"{revealed(line)}\n")


def error(message: str) -> None:
    """An error of the command itself, on stderr."""
    lines(UsageError(message).lines)


def lines(text: str) -> None:
    """Lines on stderr."""
    for line in text.splitlines():
        note(line)


def note_saved(written: WriteResult) -> None:
    """Where the text that a write replaced is kept, if any."""
    if written.saved:
        note(f"{written.path}: saved the previous text as {written.saved}")


def problems(found: Iterable[Problem]) -> None:
    """A line for each problem, sorted, on stderr."""
    report = Report.of(found)
    if report.problems:
        from handoff.base.report import as_text  # not where there is nothing to report

        _clear()
        _write(as_text(report, colour=colour(sys.stderr)))


def colour(stream: object) -> bool:
    """Whether to print in colour: only on a terminal, never with `NO_COLOR`."""
    is_terminal = getattr(stream, "isatty", lambda: False)()
    return bool(is_terminal) and not os.environ.get("NO_COLOR")


def bold(text: str) -> str:
    """`text` in bold on a terminal."""
    return _styled("1", text)


def red(text: str) -> str:
    """`text` in red on a terminal."""
    return _styled("31", text)


def yellow(text: str) -> str:
    """`text` in yellow on a terminal."""
    return _styled("33", text)


def _styled(code: str, text: str) -> str:
    return f"\x1b[{code}m{text}\x1b[0m" if colour(sys.stdout) else text


_ESCAPES = lazy_pattern(r"\x1b\[\d+m|\ufe0f")


def wrapped(line: str, indent: int) -> list[str]:
    """`line` in the width of the terminal, 80 columns at least; elsewhere one line."""
    start = " " * indent
    if not sys.stdout.isatty():
        return [f"{start}{line}"]
    import shutil  # slow, and only a terminal needs it

    columns = max(shutil.get_terminal_size().columns, 80)
    lines, room = [""], columns - indent
    for word in line.split(" "):
        if lines[-1] and text_width(_ESCAPES.sub("", f"{lines[-1]} {word}")) > room:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}" if lines[-1] else word
    return [f"{start}{each}" for each in lines]


def text_width(text: str) -> int:
    """The columns that `text` takes in a terminal."""
    import unicodedata  # slow, and only tables and wrapped lines need it

    return len(text) + sum(unicodedata.east_asian_width(each) in "WF" for each in text)


class ProgressLine:
    """Shows what a slow step does; on a terminal in one line that disappears again."""

    def __init__(self) -> None:
        self._step = ""

    def __call__(self, text: str) -> None:
        if sys.stderr.isatty():
            _write(f"\r\x1b[K{revealed(text)}")
            _shown.append(text)
            return
        # elsewhere each step once, not each of its parts
        step = text.partition(":")[0]
        if step != self._step:
            self._step = step
            note(text)


_shown: list[str] = []
"""Progress on the last line of the terminal."""


def _clear() -> None:
    if _shown:
        _shown.clear()
        _write("\r\x1b[K")


def _write(text: str) -> None:
    text = masked(text)
    # bytes, for the locale of the terminal may not have every character
    sys.stderr.flush()
    buffer = getattr(sys.stderr, "buffer", None)
    if buffer is None:
        sys.stderr.write(text)
        return
    buffer.write(text.encode("utf-8", "replace"))
    buffer.flush()
