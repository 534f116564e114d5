"""A document of any shape as a session of the plain template."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise

from msgspec import Struct
from msgspec.structs import replace

from handoff.import_.blocks import label_lines
from handoff.import_.pieces import Piece
from handoff.import_.sections import sections
from handoff.import_.values import LiteralName, Value, live_text

_PROMPT = re.compile(r"(?i)copy[\s/-]*(?:and[\s-]*)?paste|\bprompt\b|paste (?:this|the)")


class LayoutPlan(Struct, frozen=True):
    """How a document is laid out: what is title, header and prompt, the rest in sections."""

    pieces: Sequence[Piece]
    has_title: bool
    has_header: bool
    prompt: int | None
    """Which of the pieces."""
    lines: Sequence[str]

    @classmethod
    def of(cls, pieces: Sequence[Piece], lines: Sequence[str], title: str | None) -> LayoutPlan:
        """`title` is the heading the document begins with, if it does."""
        first = pieces[0]
        has_title = first.kind == "heading" and first.level == 1 and first.name == title
        has_header = has_title and len(pieces) > 1 and _header(pieces[1]) is not None
        return cls(pieces, has_title, has_header, _prompt(pieces), lines)

    def session(self, known: Mapping[str, Value]) -> dict[str, Value]:
        """The session file's mapping; `known` stands before the content."""
        template = "plain" if self.has_title else "untitled"
        made: dict[str, Value] = {**known, "template": LiteralName(template)}
        skipped = self.has_title + self.has_header
        if self.has_header:
            made["header"] = dict(_header(self.pieces[1]) or {})
        if self.prompt is None:
            made["sections"] = sections(self.pieces[skipped:], self.lines)
            return made
        before, after = self.pieces[skipped : self.prompt], self.pieces[self.prompt + 1 :]
        made["prompt"] = {"text": live_text(_code(self.pieces[self.prompt]) or "")}
        made["sections"] = [
            *sections(before, self.lines),
            *sections(after, self.lines, after="prompt"),
        ]
        return made

    def without(self, lines: range) -> LayoutPlan:
        """The layout with what stands in or beside `lines` said in coarser words."""
        near = [
            n
            for n, piece in enumerate(self.pieces)
            if piece.start <= lines.stop and piece.end >= lines.start
        ]
        is_header = 0 in near or 1 in near
        pieces = [p.verbatim if n in near else p for n, p in enumerate(self.pieces)]
        if is_header and self.has_header:
            return replace(self, has_header=False)
        if 0 in near and self.has_title:
            return LayoutPlan(pieces, False, False, None, self.lines)
        pieces = [self.pieces[0], *pieces[1:]] if self.has_title else pieces
        return replace(self, pieces=pieces, prompt=None if self.prompt in near else self.prompt)


def _header(piece: Piece) -> Mapping[str, Value] | None:
    """Lines of labels, each label once."""
    found = label_lines(piece.tokens) if piece.kind == "text" else None
    entries: dict[str, Value] = dict(found or ())
    return entries if found and len(entries) == len(found) else None


def _prompt(pieces: Sequence[Piece]) -> int | None:
    """The first fence without a language that a line or heading above calls a prompt."""
    for n, (above, piece) in enumerate(pairwise(pieces), start=1):
        words = above.name or above.value
        if _code(piece) and isinstance(words, str) and _PROMPT.search(words):
            return n
    return None


def _code(piece: Piece) -> str | None:
    code = piece.value.get("text") if isinstance(piece.value, dict) else None
    return code if piece.kind == "content" and isinstance(code, str) else None
