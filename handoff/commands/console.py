"""What commands print: documents to stdout; progress, notes and problems to stderr."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable

from handoff.base.problems import Problem, Report
from handoff.base.report import as_text, printable


def out(text: str) -> None:
    """A document or an answer, as it is, in UTF-8 whatever the machine's language."""
    sys.stdout.buffer.write(_encoded(text))
    sys.stdout.buffer.flush()


def _encoded(text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")  # a file's name may hold any byte
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")


def note(line: str) -> None:
    """One line on stderr in which no character steers the terminal."""
    _clear()
    _say(f"{printable(line)}\n")


def lines(text: str) -> None:
    """Several lines on stderr."""
    for line in text.splitlines():
        note(line)


def problems(found: Iterable[Problem]) -> None:
    """A line for each problem, sorted, on stderr."""
    text = as_text(Report.of(found), colour=colour(sys.stderr))
    if text:
        _clear()
        _say(text)


def colour(stream: object) -> bool:
    """Whether colour is wanted there: only on a terminal, never with `NO_COLOR`."""
    is_terminal = getattr(stream, "isatty", lambda: False)()
    return bool(is_terminal) and not os.environ.get("NO_COLOR")


class ProgressLine:
    """Tells what a slow step does: on a terminal in one line that goes away again."""

    def __init__(self) -> None:
        self._said = ""

    def __call__(self, text: str) -> None:
        if sys.stderr.isatty():
            _say(f"\r\x1b[K{printable(text)}")
            _shown.append(text)
            return
        # elsewhere each step once, not each of its parts
        step = text.partition(":")[0]
        if step != self._said:
            self._said = step
            note(text)


_shown: list[str] = []
"""Progress that stands on the terminal's last line."""


def _clear() -> None:
    if _shown:
        _shown.clear()
        _say("\r\x1b[K")


def _say(text: str) -> None:
    # bytes, for a terminal in another language cannot print every sign
    sys.stderr.flush()
    buffer = getattr(sys.stderr, "buffer", None)
    if buffer is None:
        sys.stderr.write(text)
        return
    buffer.write(text.encode("utf-8", "replace"))
    buffer.flush()
