"""A document divided into consecutive segments; every line that is not blank is in one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import chain, pairwise
from typing import TYPE_CHECKING, Literal

from msgspec import Struct
from msgspec.structs import replace

from handoff.base.markdown import Page, split_blocks
from handoff.import_.content import (
    ContentValue,
    UnsupportedContent,
    convert_block,
    convert_label,
    text_of,
    with_items,
)
from handoff.values.expressions import escape_braces

if TYPE_CHECKING:
    from markdown_it.token import Token

    from handoff.import_.content import Block

SegmentKind = Literal["heading", "rule", "text", "entry", "content", "verbatim"]


class Segment(Struct, frozen=True):
    """Some lines of a document, and the content they convert to."""

    kind: SegmentKind
    """`text`: a paragraph; `entry`: a labelled paragraph and the list or code below it;
    `content`: a list or code; `verbatim`: Markdown that is kept as it is."""
    start: int
    """The first line, from 0."""
    end: int
    """The line after the last."""
    tokens: Sequence[Token] = ()
    name: str = ""
    """The text of the heading, or the label of the entry."""
    level: int = 0
    """Of the heading."""
    value: ContentValue = ""

    @property
    def verbatim(self) -> Segment:
        """The same lines, kept as they are."""
        return Segment("verbatim", self.start, self.end, self.tokens)

    def source(self, lines: Sequence[str]) -> str:
        """Its lines of the document."""
        return join_lines(lines[self.start : self.end])


def split_segments(page: Page, lines: Sequence[str]) -> list[Segment]:
    """All segments of the document, in order."""
    converted = (_convert(block, lines) for block in split_blocks(page.tokens))
    found = _keep_adjacent_lists(_join_labels(list(converted)))
    return _join_front_matter(list(_add_definitions(found, lines)), lines)


def join_lines(lines: Sequence[str]) -> str:
    """`lines` without leading and trailing blank ones."""
    kept = [n for n, line in enumerate(lines) if _is_filled(line)]
    return "\n".join(lines[kept[0] : kept[-1] + 1]) if kept else ""


def _is_filled(line: str) -> bool:
    return bool(line.strip(" \t"))


def _convert(block: Block, lines: Sequence[str]) -> Segment:
    start, end = block[0].map or (0, 0)
    verbatim = Segment("verbatim", start, end, block)
    kind = block[0].type
    if kind == "hr":
        return replace(verbatim, kind="rule")
    if kind == "heading_open":
        title = " ".join(text_of(block).split("\n"))
        level = int(block[0].tag[1])
        return replace(verbatim, kind="heading", name=title, level=level) if title else verbatim
    if kind == "paragraph_open":
        return replace(verbatim, kind="text", value=escape_braces(text_of(block)))
    try:
        return replace(verbatim, kind="content", value=convert_block(block, lines))
    except UnsupportedContent:
        return verbatim


def _join_labels(segments: Sequence[Segment]) -> Iterator[Segment]:
    """Join a labelled paragraph with the list or code that belongs to it."""
    is_joined = False
    for segment, after in pairwise([*segments, None]):
        if is_joined or segment is None:
            is_joined = False
            continue
        label = convert_label(segment.tokens) if segment.kind == "text" else None
        if label is None:
            yield segment
            continue
        name, value = label
        entry = replace(segment, kind="entry", name=name, value=value)
        if after and after.kind == "content" and (not value or after.start == segment.end):
            tokens = (*segment.tokens, *after.tokens)
            items = with_items(value, after.value)
            entry = replace(entry, end=after.end, tokens=tokens, value=items)
            is_joined = True
        yield entry


def _keep_adjacent_lists(segments: Iterator[Segment]) -> Iterator[Segment]:
    """Keep adjacent lists of one kind verbatim: only their markers make them two lists."""
    before: Segment | None = None
    for segment in chain(segments, [None]):
        is_block = segment and segment.kind in ("content", "verbatim")
        if before and segment and is_block and segment.tokens[0].type == _last_list(before):
            before, segment = before.verbatim, segment.verbatim
        if before:
            yield before
        before = segment


def _last_list(segment: Segment) -> str:
    """The type of the first token of the list that ends the segment, if one does."""
    last = segment.tokens[-1].type
    return last.replace("_close", "_open") if last.endswith("_list_close") else ""


def _add_definitions(segments: Iterator[Segment], lines: Sequence[str]) -> Iterator[Segment]:
    """Add the lines between blocks, which define references, as verbatim segments.

    A list may contain definitions too, which its content does not show.
    """
    at = 0
    for segment in chain(segments, [Segment("verbatim", len(lines), len(lines))]):
        if any(map(_is_filled, lines[at : segment.start])):
            yield Segment("verbatim", at, segment.start)
        if segment.tokens:
            has_list = any(token.type == "list_item_open" for token in segment.tokens)
            inside = lines[segment.start : segment.end]
            defines = has_list and any(map(_DEFINITION.match, inside))
            yield segment.verbatim if defines else segment
        at = max(at, segment.end)


_DEFINITION = re.compile(r"[\s>*+\-0-9.)]*\[[^\]]+\]:")


# --- front matter ----------------------------------------------------------------------------


def _join_front_matter(segments: list[Segment], lines: Sequence[str]) -> list[Segment]:
    """Join the segments of YAML front matter into one verbatim segment."""
    end = _end_of_front_matter(lines)
    inside = [each for each in segments if each.start < end]
    if not end or any(each.end > end and join_lines(lines[end : each.end]) for each in inside):
        return segments
    tokens = tuple(token for each in inside for token in each.tokens)
    return [Segment("verbatim", 0, end, tokens), *segments[len(inside) :]]


def _end_of_front_matter(lines: Sequence[str]) -> int:
    """The line after the front matter; 0 if there is none."""
    if lines[0].rstrip() != "---" or not re.match(r"[\w-]+:(?: |$)", "".join(lines[1:2])):
        return 0
    for n, line in enumerate(lines[1:200], start=1):
        if line.rstrip() in ("---", "..."):
            return n + 1 if n > 1 else 0
        if not re.match(r"[\w-]+:(?: |$)|\s|- |#|$", line):
            return 0
    return 0
