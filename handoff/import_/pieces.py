"""A document cut into pieces that follow each other: no line of it belongs to none.

The lines of a piece are the author's; its value is what the session file would say for them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Literal

from msgspec import Struct
from msgspec.structs import replace

from handoff.base.markdown import Page
from handoff.import_.blocks import blocks, labelled, text_of, value, with_beneath
from handoff.import_.values import NotExpressible, Value, live_text

if TYPE_CHECKING:
    from markdown_it.token import Token

    from handoff.import_.blocks import Block

Kind = Literal["heading", "rule", "text", "entry", "content", "verbatim"]


class Piece(Struct, frozen=True):
    """Some lines of a document, and how they may be said."""

    kind: Kind
    """`text`: a paragraph; `entry`: a labelled one with what belongs to it; `content`: a
    list or code; `verbatim`: as it stands."""
    start: int
    """Its first line, from 0."""
    end: int
    """Past its last line."""
    tokens: Sequence[Token]
    name: str = ""
    """The heading's words, or the entry's label."""
    level: int = 0
    """Of a heading."""
    value: Value = ""

    @property
    def verbatim(self) -> Piece:
        """The same lines as they stand."""
        return Piece("verbatim", self.start, self.end, self.tokens)


def pieces(page: Page, lines: Sequence[str]) -> list[Piece]:
    """The whole document, in order."""
    found = list(_with_gaps(_apart(_with_entries(list(_known(page, lines)))), lines))
    return _front_matter(found, lines)


def text(piece: Piece, lines: Sequence[str]) -> str:
    """The author's lines, without blank ones at either end."""
    return joined(lines[piece.start : piece.end])


def joined(lines: Sequence[str]) -> str:
    """`lines` without blank ones at either end."""
    kept = [n for n, line in enumerate(lines) if line.strip(" \t")]
    return "\n".join(lines[kept[0] : kept[-1] + 1]) if kept else ""


# --- blocks into pieces ----------------------------------------------------------------------


def _known(page: Page, lines: Sequence[str]) -> Iterator[Piece]:
    for block in blocks(page.tokens):
        start, end = block[0].map or (0, 0)
        yield _piece(block, start, end, lines)


def _piece(block: Block, start: int, end: int, lines: Sequence[str]) -> Piece:
    kind = block[0].type
    if kind == "hr":
        return Piece("rule", start, end, block)
    if kind == "heading_open":
        title = " ".join(text_of(block).split("\n"))
        if not title:
            return Piece("verbatim", start, end, block)
        return Piece("heading", start, end, block, name=title, level=int(block[0].tag[1]))
    if kind == "paragraph_open":
        return Piece("text", start, end, block, value=live_text(text_of(block)))
    try:
        return Piece("content", start, end, block, value=value(block, lines))
    except NotExpressible:
        return Piece("verbatim", start, end, block)


def _with_entries(found: list[Piece]) -> Iterator[Piece]:
    """Labelled paragraphs together with the list, code or table that belongs to them."""
    n = 0
    while n < len(found):
        piece = found[n]
        label = labelled(piece.tokens) if piece.kind == "text" else None
        n += 1
        if label is None:
            yield piece
            continue
        entry = replace(piece, kind="entry", name=label[0], value=label[1])
        after = found[n] if n < len(found) else None
        if after and after.kind == "content" and (not label[1] or after.start == piece.end):
            beneath = with_beneath(label[1], after.value)
            tokens = (*piece.tokens, *after.tokens)
            entry = replace(entry, end=after.end, tokens=tokens, value=beneath)
            n += 1
        yield entry


def _apart(found: Iterator[Piece]) -> Iterator[Piece]:
    """Lists of one kind that follow each other keep their own marks, or they were one."""
    before: Piece | None = None
    for piece in found:
        if before is not None and _ends(before) and _ends(before) == _begins(piece):
            before, piece = before.verbatim, piece.verbatim
        if before is not None:
            yield before
        before = piece
    if before is not None:
        yield before


def _begins(piece: Piece) -> str:
    return piece.tokens[0].type.replace("_open", "") if piece.kind in _LISTING else ""


def _ends(piece: Piece) -> str:
    last = piece.tokens[-1].type
    return last.replace("_close", "") if last.endswith("_list_close") else ""


_LISTING = ("content", "verbatim")


def _with_gaps(found: Iterator[Piece], lines: Sequence[str]) -> Iterator[Piece]:
    """Lines of no block are definitions of references; they stand as they are."""
    at = 0
    for piece in found:
        if any(line.strip(" \t") for line in lines[at : piece.start]):
            yield Piece("verbatim", at, piece.start, ())
        yield piece.verbatim if _defines(piece, lines) else piece
        at = max(at, piece.end)
    if any(line.strip(" \t") for line in lines[at:]):
        yield Piece("verbatim", at, len(lines), ())


_DEFINITION = re.compile(r"[\s>*+\-0-9.)]*\[[^\]]+\]:")


def _defines(piece: Piece, lines: Sequence[str]) -> bool:
    """Whether a list may hold definitions, which leave no trace in what it says."""
    has_list = any(token.type == "list_item_open" for token in piece.tokens)
    return has_list and any(map(_DEFINITION.match, lines[piece.start : piece.end]))


# --- front matter ----------------------------------------------------------------------------


def _front_matter(found: list[Piece], lines: Sequence[str]) -> list[Piece]:
    """A first block between lines of `---` is one piece, as it stands."""
    end = _end_of_front_matter(lines)
    inside = [piece for piece in found if piece.start < end]
    if not end or any(piece.end > end and joined(lines[end : piece.end]) for piece in inside):
        return found
    tokens = tuple(token for piece in inside for token in piece.tokens)
    return [Piece("verbatim", 0, end, tokens), *found[len(inside) :]]


def _end_of_front_matter(lines: Sequence[str]) -> int:
    if lines[0].rstrip() != "---" or not re.match(r"[\w-]+:(?: |$)", "".join(lines[1:2])):
        return 0
    for n, line in enumerate(lines[1:200], start=1):
        if line.rstrip() in ("---", "..."):
            return n + 1 if n > 1 else 0
        if not re.match(r"[\w-]+:(?: |$)|\s|- |#|$", line):
            return 0
    return 0
