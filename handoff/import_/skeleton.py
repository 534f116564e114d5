"""A document written after the skeleton of `handoff.md.j2`, chapter by chapter.

A chapter whose words are the template's becomes a key of its own; any other is a free
section behind the one before it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date

from msgspec import Struct, field
from msgspec.structs import replace

from handoff.import_.blocks import label_lines
from handoff.import_.chapters import Chapter, ChapterContext, is_next, said
from handoff.import_.pieces import Piece
from handoff.import_.sections import sections
from handoff.import_.values import LiteralName, Value, number
from handoff.session.decode import AFTER
from handoff.values.printing import long_date

_TITLE = re.compile(r"🎯 Session (?P<label>.+?) Handoff: (?P<title>.+)")
_UNTOUCHED = "⏸️ TO BE COMPLETED"


class Skeleton(Struct, frozen=True):
    """A document that begins as the template does."""

    label: str
    title: str
    header: Mapping[str, str]
    opening: tuple[Piece, ...]
    """Between header and first chapter."""
    chapters: tuple[Chapter, ...]
    closing: Mapping[str, Value] | None
    lines: Sequence[str]
    free: frozenset[int] = field(default=frozenset())
    """Chapters that are not said in the template's words, by their place."""

    @classmethod
    def of(cls, pieces: Sequence[Piece], lines: Sequence[str]) -> Skeleton | None:
        """`None` for a document that does not begin with the template's title and header."""
        if len(pieces) < 2 or (pieces[0].kind, pieces[0].level) != ("heading", 1):
            return None
        title = _TITLE.fullmatch(pieces[0].name)
        found = label_lines(pieces[1].tokens) if pieces[1].kind == "text" else None
        if not title or not found or found[0][0] != "Created":
            return None
        header = dict(found)
        rest, closing = _without_closing(pieces[2:], title["label"], header.get("Status", ""))
        opening, chapters = _chapters(rest)
        if len(header) < len(found) or "Status" not in header:
            return None
        return cls(title["label"], title["title"], header, opening, chapters, closing, lines)

    def session(self, known: Mapping[str, Value]) -> dict[str, Value]:
        """The session file's mapping; `known` stands before the content."""
        typed, free = self._split()
        header = dict(self.header)
        made: dict[str, Value] = {key: known[key] for key in known if key != "status"}
        made |= {"session": number(self.label), "title": LiteralName(self.title)}
        made["created"] = _created(known["created"], header.pop("Created"))
        if "Session Duration" in header:
            made["duration"] = header.pop("Session Duration")
        status = header.pop("Status")
        made["template"] = LiteralName("handoff")
        if status != _UNTOUCHED or _is_begun(typed.get("checklist")):
            made["status"] = status
        if "next" in typed:
            header.pop("Next Session", None)
        if header:
            made["header"] = dict(header)
        made.update(typed)
        if self.closing is not None:
            made["closing"] = dict(self.closing)
        opening = sections(self.opening, self.lines, after="header", ruled=True)
        if opening or free:
            made["sections"] = [*opening, *free]
        return made

    def without(self, lines: range) -> Skeleton | None:
        """With the chapters in or beside `lines` free; `None` where there is none to free."""
        near = {
            n
            for n, chapter in enumerate(self.chapters)
            if n not in self.free
            and chapter.heading.start - 3 <= lines.stop
            and max(piece.end for piece in chapter.pieces) + 1 >= lines.start
        }
        if not near and "Next Session" in self.header:
            near = {n for n, each in enumerate(self.chapters) if is_next(each)} - self.free
        return replace(self, free=self.free | near) if near else None

    def _split(self) -> tuple[dict[str, Value], list[Value]]:
        """The keys of chapters in the template's words, and the other chapters."""
        known = ChapterContext(self.header, self.lines)
        typed: dict[str, Value] = {}
        at: str | None = "header"
        free: list[tuple[str | None, Chapter]] = []
        for n, chapter in enumerate(self.chapters):
            key, typing = said(chapter, known) if n not in self.free else ("", {})
            if typing and AFTER.index(key) > AFTER.index(at or "header"):
                typed.update(typing)
                at = key
            else:
                free.append((at, chapter))
        made: list[Value] = []
        for after, chapter in free:
            where = None if after == at and after != "header" else after
            made += sections(chapter.pieces, self.lines, after=where, ruled=True)
        return typed, made


# --- cutting ---------------------------------------------------------------------------------


def _without_closing(
    pieces: Sequence[Piece], label: str, status: str
) -> tuple[Sequence[Piece], Mapping[str, Value] | None]:
    """The pieces, and the labels of the last ones where these are the template's footer."""
    if len(pieces) < 2 or pieces[-2].kind != "rule" or pieces[-1].kind not in ("text", "entry"):
        return pieces, None
    found = label_lines(pieces[-1].tokens)
    if not found or found[0] != (f"Session {label} Status", status):
        return pieces, None
    labels: dict[str, Value] = dict(found[1:])
    return (pieces[:-2], labels) if len(labels) == len(found) - 1 else (pieces, None)


def _chapters(pieces: Sequence[Piece]) -> tuple[tuple[Piece, ...], tuple[Chapter, ...]]:
    starts = [n for n, p in enumerate(pieces) if p.kind == "heading" and p.level <= 2]
    begins = [n - 1 if n and pieces[n - 1].kind == "rule" else n for n in starts]
    ends = [*begins[1:], len(pieces)][: len(begins)]
    chapters = tuple(
        Chapter(begin < start, pieces[start], tuple(pieces[start + 1 : end]))
        for begin, start, end in zip(begins, starts, ends, strict=True)
    )
    return tuple(pieces[: begins[0]] if begins else pieces), chapters


def _created(day: Value, words: str) -> Value:
    return (
        day
        if words == long_date(date.fromisoformat(str(day)))
        else {"date": day, "text": LiteralName(words)}
    )


def _is_begun(checklist: Value | None) -> bool:
    return isinstance(checklist, dict) and any(checklist.values())
