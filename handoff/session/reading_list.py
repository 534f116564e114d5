"""The files that a session's prompts say to read."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from msgspec import Struct

from handoff.base.patterns import lazy_pattern
from handoff.base.problems import Place
from handoff.session.model import Prompt, Session


class ToRead(Struct, frozen=True):
    """One of them, as far as it is decided."""

    words: str
    """As written, with the path of the document filled in."""
    path: str
    """From the root, normalised, without `#anchor` or `:line`; may be a folder or hold `*`."""
    last_line: int
    """Of the span that is named; 0 without one."""
    place: Place


def to_read(session: Session, document_path: str) -> Iterator[ToRead]:
    """Each file of every prompt once; not what is blank, live or on another site."""
    seen: set[str] = set()
    for reading in (each for prompt in prompts(session).values() for each in prompt.read):
        words = _DOCUMENT.sub(lambda _: document_path, reading.path.value.strip())
        if not words or words[0] == "[" or "{{" in words or "://" in words or words in seen:
            continue
        seen.add(words)
        spot = _SPOT.search(words)
        last = int(spot["last"] or spot["first"] or 0) if spot else 0
        path = posixpath.normpath(words[: spot.start()] if spot else words)
        yield ToRead(words, path, last, reading.path.place)


def prompts(session: Session) -> dict[str, Prompt]:
    """The session's prompts by name, that of `prompt:` first."""
    return {each.name: each for each in (session.prompt, *session.prompts) if each}


_DOCUMENT = lazy_pattern(r"\{\{\s*document\s*\}\}")
_SPOT = lazy_pattern(r"(?:#.*|:(?P<first>\d{1,9})(?:-(?P<last>\d{1,9}))?)$")
