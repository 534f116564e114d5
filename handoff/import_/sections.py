"""Segments as free sections (`sections:`), and a whole document laid out in them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise

from msgspec import Struct
from msgspec.structs import replace

from handoff.base.blanks import blanks_in_document
from handoff.import_.content import (
    ContentValue,
    PlainText,
    UnsupportedContent,
    convert_label_lines,
    is_label,
    read_label,
    text_of,
)
from handoff.import_.segments import Segment, join_lines
from handoff.session.content import RESERVED
from handoff.values.expressions import escape_braces

_MAX_RULED = 2
"""The deepest heading above which a template draws a rule."""


def to_sections(
    segments: Sequence[Segment],
    lines: Sequence[str],
    *,
    after: str | None = None,
    ruled: bool = False,
) -> list[ContentValue]:
    """Segments of the document `lines` as free sections placed `after` a chapter.

    `ruled`: the template draws a rule above each section unless `rule: false` is set.
    """
    made: list[dict[str, ContentValue]] = []
    first: Segment | None = None  # the one that the last section's content starts with
    is_open = has_rule = False

    def open_section(level: int = 0, **keys: ContentValue) -> None:
        nonlocal has_rule
        if level and level != _MAX_RULED:
            keys["level"] = str(level)
        if has_rule != (ruled and 0 < level <= _MAX_RULED):
            keys["rule"] = has_rule
        if after:
            keys["after"] = PlainText(after)
        made.append(keys)
        has_rule = False

    for segment in (*segments, None):
        if segment is None or segment.kind == "rule":
            if has_rule:  # nothing below it: a section of its own
                has_rule = False
                open_section()
                made[-1]["content"] = {"markdown": PlainText("---")}
            has_rule, is_open, first = segment is not None, False, None
            continue
        if segment.kind == "heading":
            open_section(segment.level, title=PlainText(segment.name))
            is_open, first = True, None
            continue
        content = None
        if first and first.kind == segment.kind and not has_rule:
            content = _extend(made[-1]["content"], segment, lines, first.start)
        if content is None:
            if first or has_rule or not is_open:
                open_section()
            is_open, first, content = True, segment, _content(segment, lines)
        made[-1]["content"] = content
    return [*made]


def _content(segment: Segment, lines: Sequence[str]) -> ContentValue:
    if segment.kind == "entry":
        return {segment.name: segment.value}
    if segment.kind == "verbatim":
        return {"markdown": PlainText(segment.source(lines))}
    return segment.value


def _extend(
    content: ContentValue, segment: Segment, lines: Sequence[str], start: int
) -> ContentValue | None:
    """The content that began in line `start` with the segment added, if that is one content."""
    if segment.kind == "verbatim":
        return {"markdown": PlainText(join_lines(lines[start : segment.end]))}
    if segment.kind == "text":
        return f"{content}\n\n{segment.value}"
    if segment.kind == "entry" and isinstance(content, dict) and segment.name not in content:
        return {**content, segment.name: segment.value}
    return None


def to_content(segments: Sequence[Segment], lines: Sequence[str]) -> ContentValue:
    """All segments as one content; as Markdown if they need several.

    Raises UnsupportedContent if that would hide blanks.
    """
    made = to_sections(segments, lines)
    if not made:
        return ""
    only = made[0] if len(made) == 1 else None
    if isinstance(only, dict) and set(only) == {"content"}:
        return only["content"]
    text = join_lines(lines[segments[0].start : segments[-1].end])
    if blanks_in_document(text):
        raise UnsupportedContent
    return {"markdown": PlainText(text)}


def to_blocks(
    segments: Sequence[Segment], lines: Sequence[str], level: int, *, headed: bool
) -> ContentValue:
    """All segments below a heading of `level` as one content, with the headings in it.

    `headed`: the labels of the content are printed as headings.
    """
    below = [n for n, each in enumerate(segments) if each.kind == "heading"]
    chapters = [n for n in below if segments[n].level == level + 1]
    names = {segments[n].name for n in chapters if is_label(segments[n].name)}
    if headed and chapters[:1] == [0] and len(names) == len(chapters):
        ends = [*chapters[1:], len(segments)]
        return {
            segments[n].name: to_blocks(segments[n + 1 : end], lines, level + 1, headed=False)
            for n, end in zip(chapters, ends, strict=True)
        }
    found = _contents(segments[: below[0]] if below else segments, lines)
    for n, end in zip(below, [*below[1:], len(segments)], strict=False):
        heading: dict[str, ContentValue] = {"heading": PlainText(segments[n].name)}
        if segments[n].level != level + 1:
            heading["level"] = str(segments[n].level)
        inner = _contents(segments[n + 1 : end], lines)
        if inner:
            heading["content"] = inner[0] if len(inner) == 1 else {"blocks": inner}
        found.append(heading)
    if not found:
        return ""
    only = found[0] if len(found) == 1 and not below else None
    has_labels = isinstance(only, dict) and not set(only) & set(RESERVED)
    is_headings = has_labels and isinstance(only, dict) and all(map(_has_labels, only.values()))
    if only is None or (has_labels and headed) or is_headings:
        return {"blocks": found}
    return only


def _has_labels(value: ContentValue) -> bool:
    return isinstance(value, dict) and not set(value) & set(RESERVED)


def _contents(segments: Sequence[Segment], lines: Sequence[str]) -> list[ContentValue]:
    """The content of segments without headings; adjacent ones of one kind are one content."""
    found: list[ContentValue] = []
    first: Segment | None = None
    for segment in segments:
        content = None
        if segment.kind == "rule":
            segment = segment.verbatim
        if first and first.kind == segment.kind:
            content = _extend(found[-1], segment, lines, first.start)
        if content is None:
            first = segment
            found.append(_content(segment, lines))
        else:
            found[-1] = content
    return found


def find_header(segments: Sequence[Segment]) -> tuple[int, str]:
    """How many segments at the start are a header of labels, and how they are joined."""
    if not segments:
        return 0, ""
    first = segments[0]
    if first.kind == "text" and convert_label_lines(first.tokens):
        lines = text_of(first.tokens).split("\n")
        has_breaks = len(lines) > 1 and all(line.endswith("  ") for line in lines[:-1])
        return 1, "breaks" if has_breaks else "lines"
    if first.kind == "content" and read_labels([first]):
        return 1, "list"
    is_label = (each.kind == "entry" and isinstance(each.value, str) for each in segments)
    return next((n for n, x in enumerate((*is_label, False)) if not x), 0), "paragraphs"


def read_labels(segments: Sequence[Segment]) -> dict[str, ContentValue]:
    """The labels of a header, in each way in which they may be joined."""
    found: dict[str, ContentValue] = {}
    for each in segments:
        if each.kind == "entry":
            found[each.name] = each.value
        elif each.kind == "text":
            found |= convert_label_lines(each.tokens) or {}
        elif isinstance(each.value, list):
            labels = [isinstance(x, str) and read_label(x) for x in each.value]
            found |= dict(x for x in labels if x) if all(labels) else {}
    return found


def count_blocks(value: ContentValue) -> tuple[int, int]:
    """How many blocks of content a value has, and how many of Markdown kept as it is."""
    if isinstance(value, dict) and "markdown" in value:
        return 0, 1
    if isinstance(value, dict) and isinstance(value.get("blocks"), list):
        value = [{"content": each} for each in value["blocks"]]  # type: ignore[union-attr]
    if isinstance(value, dict) and "heading" in value:
        return count_blocks(value.get("content", []))
    found: list[tuple[int, int]] = []
    if isinstance(value, list):
        found = [count_blocks(x) for x in value if isinstance(x, dict) and "content" in x]
    elif isinstance(value, dict) and not set(value) & set(RESERVED):
        found = [count_blocks(each) for each in value.values()]
    return (sum(n for n, _ in found), sum(n for _, n in found)) if found else (1, 0)


# --- the plain layout ------------------------------------------------------------------------

_PROMPT = re.compile(r"(?i)copy[\s/-]*(?:and[\s-]*)?paste|\bprompt\b|paste (?:this|the)")


class PlainLayout(Struct, frozen=True):
    """A document of any shape: title, header and prompt, everything else in free sections."""

    segments: Sequence[Segment]
    lines: Sequence[str]
    has_title: bool
    has_header: bool
    prompt: int | None
    """Index of the segment."""

    @classmethod
    def of(
        cls, segments: Sequence[Segment], lines: Sequence[str], title: str | None
    ) -> PlainLayout:
        """`title` is the first heading's text, `None` if the document starts otherwise."""
        first = segments[0]
        has_title = first.kind == "heading" and first.level == 1 and first.name == title
        has_header = has_title and len(segments) > 1 and bool(_header(segments[1]))
        return cls(segments, lines, has_title, has_header, _find_prompt(segments))

    def session(self, metadata: Mapping[str, ContentValue]) -> dict[str, ContentValue]:
        """All keys of the session file."""
        template = PlainText("plain" if self.has_title else "untitled")
        made: dict[str, ContentValue] = {**metadata, "template": template}
        if self.has_header:
            made["header"] = _header(self.segments[1]) or ""
        start, prompt = self.has_title + self.has_header, self.prompt
        sections = to_sections(self.segments[start:prompt], self.lines)
        if prompt is not None:
            made["prompt"] = {"text": escape_braces(_plain_code(self.segments[prompt]) or "")}
            following = self.segments[prompt + 1 :]
            sections += to_sections(following, self.lines, after="prompt")
        return {**made, "sections": sections}

    def without(self, lost: range) -> PlainLayout:
        """The layout with the segments at and next to the lines `lost` kept verbatim."""
        near = {
            n
            for n, each in enumerate(self.segments)
            if each.start <= lost.stop and each.end >= lost.start
        }
        segments = [
            each.verbatim if n in near else each for n, each in enumerate(self.segments)
        ]
        if self.has_header and near & {0, 1}:
            return replace(self, has_header=False)
        if self.has_title and 0 in near:
            return PlainLayout(segments, self.lines, False, False, None)
        return replace(
            self, segments=segments, prompt=None if self.prompt in near else self.prompt
        )


def _header(segment: Segment) -> dict[str, ContentValue] | None:
    return convert_label_lines(segment.tokens) if segment.kind == "text" else None


def _find_prompt(segments: Sequence[Segment]) -> int | None:
    """The first fence without a language below a line or heading that announces a prompt."""
    for n, (above, segment) in enumerate(pairwise(segments), start=1):
        text = above.name or above.value
        if _plain_code(segment) and isinstance(text, str) and _PROMPT.search(text):
            return n
    return None


def _plain_code(segment: Segment) -> str | None:
    """The code of a fence without a language."""
    code = segment.value.get("text") if isinstance(segment.value, dict) else None
    return code if segment.kind == "content" and isinstance(code, str) else None
