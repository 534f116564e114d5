"""A document's bytes as lines of text that a session file can hold."""

from __future__ import annotations

import re

from msgspec import Struct

from handoff.base.problems import InvalidInput, Place, Problem

MAX_BYTES = 2 * 1024 * 1024
"""Of one document; the longest handoff ever seen has 2,263 lines."""
# What YAML leaves out, also of what quotes may hold: see yaml/nodes. And tidy's own mark.
_CONTROL = re.compile(r"[\x01-\x08\x0b\x0c\x0e-\x1f\x7f\ufdd0\ufffe\uffff]")
_REPLACEMENT = "\ufffd"


class SourceDocument(Struct, frozen=True):
    """A document, its line ends `\\n`."""

    path: str
    """As the user named it."""
    lines: tuple[str, ...]
    problems: tuple[Problem, ...]
    """The lines with characters that cannot be carried; they are replaced."""

    @property
    def text(self) -> str:
        return "".join(f"{line}\n" for line in self.lines)


def read(content: bytes, path: str) -> SourceDocument:
    """The document in `content`. Raises InvalidInput where it is no text, or too long."""
    if len(content) > MAX_BYTES:
        message = f"{len(content):,} bytes are too many, the limit is {MAX_BYTES:,}"
        raise InvalidInput([Problem("I001", message, Place(path))])
    text = _decoded(content, path).removeprefix("\ufeff")
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if not text.strip():
        raise InvalidInput([Problem("I001", "the document is empty", Place(path))])
    problems = [
        _uncarried(found, Place(path, number, found.start() + 1))
        for number, line in enumerate(lines, start=1)
        if (found := _CONTROL.search(line))
    ]
    kept = tuple(_CONTROL.sub(_REPLACEMENT, line) for line in lines)
    return SourceDocument(path, _without_last_blanks(kept), tuple(problems))


def _decoded(content: bytes, path: str) -> str:
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        message = "the document is UTF-16, save it as UTF-8"
        raise InvalidInput([Problem("I002", message, Place(path, 1))])
    nul = content.find(b"\0")
    if nul >= 0:
        place = Place(path, content.count(b"\n", 0, nul) + 1)
        message = "a NUL byte, expected a Markdown document: this is no text"
        raise InvalidInput([Problem("I002", message, place)])
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        message = f"byte 0x{content[error.start]:02x} is not UTF-8, save the document as UTF-8"
        raise InvalidInput([Problem("I002", message, Place(path, line))]) from error


def _uncarried(found: re.Match[str], place: Place) -> Problem:
    what = f"character U+{ord(found[0]):04X}"
    return Problem("I010", f"{what} cannot stand in a session file, carried as U+FFFD", place)


def _without_last_blanks(lines: tuple[str, ...]) -> tuple[str, ...]:
    end = len(lines)
    while end and not lines[end - 1].strip(" \t"):
        end -= 1
    return lines[:end]
