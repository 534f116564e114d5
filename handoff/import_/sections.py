"""Pieces of a document as the free sections of a session file."""

from __future__ import annotations

from collections.abc import Sequence

from handoff.base.blanks import blanks_in_document
from handoff.import_.pieces import Kind, Piece, joined, text
from handoff.import_.values import LiteralName, NotExpressible, Value
from handoff.session.content import RESERVED

_RULE = "---"
_CHAPTER = 2
"""The deepest heading that a template may rule off."""


class Sections:
    """Free sections being written, in the order of the document."""

    def __init__(self, lines: Sequence[str], *, after: str | None, ruled: bool) -> None:
        self.made: list[Value] = []
        self._lines = lines
        self._after = after
        self._ruled = ruled
        """Whether the template draws a line above each chapter unless told not to."""
        self._rule = False
        self._last: dict[str, Value] | None = None
        self._kind: Kind = "heading"
        self._start = 0

    def add(self, piece: Piece) -> None:
        if piece.kind == "rule":
            self.end()
            self._rule = True
        elif piece.kind == "heading":
            self._open({"title": LiteralName(piece.name)}, piece)
        elif not self._merged(piece):
            self._hold(piece)

    def end(self) -> None:
        """A line that nothing stood beneath is one of its own."""
        if self._rule:
            self._rule = False
            self._open({"content": {"markdown": LiteralName(_RULE)}}, None)
        self._last = None

    def _open(self, section: dict[str, Value], piece: Piece | None) -> None:
        level = piece.level if piece and piece.kind == "heading" else 0
        if level and level != _CHAPTER:
            section["level"] = level
        is_ruled = self._ruled and 0 < level <= _CHAPTER
        if self._rule != is_ruled:
            section["rule"] = self._rule
        if self._after:
            section["after"] = LiteralName(self._after)
        if "content" in section:
            section["content"] = section.pop("content")
        self.made.append(section)
        self._rule = False
        self._last, self._kind = section, "heading"

    def _hold(self, piece: Piece) -> None:
        """The piece beneath the heading before it, else in a section without one."""
        if self._last is None or "content" in self._last or self._rule:
            self._open({}, piece)
        assert self._last is not None  # opened just now, if not before
        self._last["content"] = content(piece, self._lines)
        self._kind, self._start = piece.kind, piece.start

    def _merged(self, piece: Piece) -> bool:
        """Whether the piece could be said in one with what stands before it."""
        if self._rule or self._last is None or self._kind != piece.kind:
            return False
        before = self._last.get("content")
        if piece.kind == "verbatim":
            lines = self._lines[self._start : piece.end]
            self._last["content"] = {"markdown": LiteralName(joined(lines))}
            return True
        if piece.kind == "text":
            self._last["content"] = f"{before}\n\n{piece.value}"
            return True
        if piece.kind == "entry" and isinstance(before, dict) and piece.name not in before:
            before[piece.name] = piece.value
            return True
        return False


def sections(
    pieces: Sequence[Piece],
    lines: Sequence[str],
    *,
    after: str | None = None,
    ruled: bool = False,
) -> list[Value]:
    """The pieces as free sections that stand `after` another."""
    made = Sections(lines, after=after, ruled=ruled)
    for piece in pieces:
        made.add(piece)
    made.end()
    return made.made


def content(piece: Piece, lines: Sequence[str]) -> Value:
    """What stands under a heading for one piece that is none."""
    if piece.kind == "entry":
        return {piece.name: piece.value}
    if piece.kind in ("text", "content"):
        return piece.value
    return {"markdown": LiteralName(text(piece, lines))}


def one_content(pieces: Sequence[Piece], lines: Sequence[str]) -> Value:
    """All the pieces under one heading, as they stand where they are of several kinds.

    Raises NotExpressible where blanks would be hidden by that.
    """
    made = sections(pieces, lines)
    if not made:
        return ""
    only = made[0] if len(made) == 1 else None
    if isinstance(only, dict) and set(only) == {"content"}:
        return only["content"]
    text = joined(lines[pieces[0].start : pieces[-1].end])
    if blanks_in_document(text):
        raise NotExpressible  # nobody would find them
    return {"markdown": LiteralName(text)}


def blocks(value: Value) -> tuple[int, int]:
    """How many blocks of a session are said in the content algebra, and how many are not."""
    if isinstance(value, list):
        found = [blocks(each) for each in value if isinstance(each, dict) and "content" in each]
    elif isinstance(value, dict) and "markdown" in value:
        return 0, 1
    elif isinstance(value, dict) and not set(value) & set(RESERVED):
        found = [blocks(each) for each in value.values()]
    else:
        return 1, 0
    return (sum(n for n, _ in found), sum(n for _, n in found)) if found else (1, 0)
