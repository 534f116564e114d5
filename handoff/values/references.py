"""Evidence: what a claim rests on, and how an author names it.

| written | is |
|---|---|
| `"{{ coverage.percent }}"` | a value of a fact |
| `coverage` | a fact as a whole: that it is answered |
| `3f9c2d1` | a commit, 7 to 40 hex digits |
| `ml/train.py:120`, `ml/train.py:120-140` | lines of a file |
| `https://…` | a page |
| `docs/plan.md`, `docs/plan.md#risks` | a document, any other file |

A fact that is declared is one, also where its name could be a commit's.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Container
from typing import Literal

from msgspec import Struct

Kind = Literal["value", "fact", "commit", "page", "lines", "document"]

_COMMIT = re.compile(r"[0-9a-fA-F]{7,40}")
_FACT = re.compile(r"[a-z][a-z0-9_]*")
_PAGE = re.compile(r"https?://\S+")
_LINES = re.compile(r"(?P<path>.+?):(?P<first>\d{1,9})(?:-(?P<last>\d{1,9})|:\d+)?")


class Reference(Struct, frozen=True):
    """One piece of evidence, as far as its spelling says."""

    kind: Kind
    name: str
    """The fact, the commit, the page's address, or the file's path from the root."""
    line: int = 0
    """The last one named; 0 where none is."""


def reference(text: str, facts: Container[str] = ()) -> Reference:
    """What the author's `text` refers to, with these facts declared."""
    words = " ".join(text.split())
    if "{{" in words:
        return Reference("value", words)
    if words in facts:
        return Reference("fact", words)
    return next(
        (Reference(kind, words) for kind, known in _WHOLE if known.fullmatch(words)), None
    ) or _in_file(words)


_WHOLE: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    ("commit", _COMMIT),
    ("fact", _FACT),
    ("page", _PAGE),
)


def _in_file(words: str) -> Reference:
    lines = _LINES.fullmatch(words)
    if lines is None:
        return Reference("document", _path(words.partition("#")[0] or words))
    return Reference("lines", _path(lines["path"]), int(lines["last"] or lines["first"]))


def _path(words: str) -> str:
    return posixpath.normpath(words)
