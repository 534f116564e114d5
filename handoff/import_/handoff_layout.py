"""A document that follows the package's template `handoff.md.j2`, chapter by chapter.

A chapter with the template's wording becomes a key of its own, any other one a free section
after the chapter before it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import date

from msgspec import Struct
from msgspec.structs import replace

from handoff.base.blanks import DEFAULT
from handoff.base.problems import Place
from handoff.import_.content import (
    ContentValue,
    PlainText,
    UnsupportedContent,
    convert_label_lines,
    is_label,
)
from handoff.import_.sections import to_content, to_sections
from handoff.import_.segments import Segment
from handoff.render.document import NO_ITEMS
from handoff.session.titles import pattern, title
from handoff.session.values import AFTER
from handoff.session.walk import PLANNED, task_list
from handoff.values.expressions import escape_braces
from handoff.values.printing import long_date

_TITLE = pattern("title")
_CREATED, _DURATION, _STATUS, _NEXT_SESSION = map(
    title, ("created", "duration", "status", "next_session")
)
_DEFAULT_STATUS = "⏸️ TO BE COMPLETED"


class Chapter(Struct, frozen=True):
    """A heading of level 1 or 2, with the rule above and everything below it."""

    rule: Segment | None
    heading: Segment
    body: tuple[Segment, ...]

    @property
    def segments(self) -> tuple[Segment, ...]:
        return (*([self.rule] if self.rule else []), self.heading, *self.body)


class HandoffLayout(Struct, frozen=True):
    """A document with the title and header of the template."""

    lines: Sequence[str]
    label: str
    title: str
    header: Mapping[str, ContentValue]
    opening: tuple[Segment, ...]
    """Between the header and the first chapter."""
    chapters: tuple[Chapter, ...]
    closing: Mapping[str, ContentValue] | None
    free: frozenset[int] = frozenset()
    """Indexes of chapters that are kept as free sections whatever their wording."""

    @classmethod
    def of(cls, segments: Sequence[Segment], lines: Sequence[str]) -> HandoffLayout | None:
        """`None` if the document does not begin with the template's title and header."""
        if len(segments) < 2 or (segments[0].kind, segments[0].level) != ("heading", 1):
            return None
        heading = _TITLE.fullmatch(segments[0].name)
        header = convert_label_lines(segments[1].tokens) if segments[1].kind == "text" else None
        if not heading or not header:
            return None
        if next(iter(header)) != _CREATED or _STATUS not in header:
            return None
        label, words = heading["session"], heading["title"]
        rest, closing = _split_closing(segments[2:], label, header[_STATUS])
        opening, chapters = _split_chapters(rest)
        return cls(lines, label, words, header, opening, chapters, closing)

    @property
    def is_whole(self) -> bool:
        """Whether every chapter becomes a key."""
        keys, sections = self._convert_chapters()
        return bool(keys) and not sections and not self.opening

    def session(self, metadata: Mapping[str, ContentValue]) -> dict[str, ContentValue]:
        """All keys of the session file."""
        keys, sections = self._convert_chapters()
        header = dict(self.header)
        made = {key: metadata[key] for key in metadata if key != "status"}
        made |= {"session": PlainText(self.label), "title": PlainText(self.title)}
        created, day = header.pop(_CREATED), str(metadata["created"])
        if created != long_date(date.fromisoformat(day)):
            made["created"] = {"date": PlainText(day), "text": PlainText(created)}
        if _DURATION in header:
            made["duration"] = header.pop(_DURATION)
        status = header.pop(_STATUS)
        made["template"] = PlainText("handoff")
        sections = [
            *to_sections(self.opening, self.lines, after="header", ruled=True),
            *sections,
        ]
        checklist = keys.get("checklist")
        work = [value for key, value in keys.items() if key not in PLANNED]
        items = [*_items([*work, sections])]
        derived = NO_ITEMS if not items else _DEFAULT_STATUS if checklist else None
        if status != derived or any(items):
            made["status"] = status
        if "next" in keys:
            header.pop(_NEXT_SESSION, None)
        if header:
            made["header"] = header
        made |= keys
        if self.closing is not None:
            made["closing"] = dict(self.closing)
        if sections:
            made["sections"] = sections
        return made

    def without(self, lost: range) -> HandoffLayout | None:
        """The layout with the chapters at or next to the lines `lost` as free sections.

        `None` if there are none.
        """
        near = {
            n
            for n, chapter in enumerate(self.chapters)
            if n not in self.free
            and chapter.heading.start - 3 <= lost.stop
            and max(each.end for each in chapter.segments) + 1 >= lost.start
        }
        if not near and _NEXT_SESSION in self.header:  # which the chapter's key would replace
            is_next = pattern("next").fullmatch
            near = {n for n, each in enumerate(self.chapters) if is_next(each.heading.name)}
            near -= self.free
        return replace(self, free=self.free | near) if near else None

    def _convert_chapters(self) -> tuple[dict[str, ContentValue], list[ContentValue]]:
        """The keys of chapters with the template's wording, and the others as sections."""
        keys: dict[str, ContentValue] = {}
        last = "header"
        free: list[tuple[str, Chapter]] = []
        for n, chapter in enumerate(self.chapters):
            key, values = self._convert(chapter) if n not in self.free else ("", {})
            if values and AFTER.index(key) > AFTER.index(last):
                keys |= values
                last = key
            else:
                free.append((last, chapter))
        sections: list[ContentValue] = []
        for after, chapter in free:
            is_last = after == last != "header"
            sections += to_sections(
                chapter.segments, self.lines, after=None if is_last else after, ruled=True
            )
        return keys, sections

    def _convert(self, chapter: Chapter) -> tuple[str, dict[str, ContentValue]]:
        """The chapter's key and the session keys it gives; none if its wording is another."""
        for key, read in _CHAPTERS.items():
            heading = pattern(key).fullmatch(chapter.heading.name)
            if not heading or chapter.heading.level != 2 or not chapter.rule:
                continue
            with suppress(UnsupportedContent):
                value = read(heading, chapter.body, self)
                if key == "summary" and isinstance(value, dict):
                    return key, value
                return key, {key: value}
        return "", {}


def _items(value: ContentValue) -> Iterator[bool]:
    """Whether each checklist item in `value` is checked; those in code are counted too."""
    match value:
        case bool():
            yield value
        case str():
            yield from (item.done for item in task_list(value, Place("")))
        case list():
            for each in value:
                yield from _items(f"- {each}" if isinstance(each, str) else each)
        case dict():
            for each in value.values():
                yield from _items(each)


def _split_closing(
    segments: Sequence[Segment], label: str, status: ContentValue
) -> tuple[Sequence[Segment], Mapping[str, ContentValue] | None]:
    """The segments without the template's footer, and the labels of the footer."""
    if len(segments) < 2 or segments[-2].kind != "rule":
        return segments, None
    is_text = segments[-1].kind in ("text", "entry")
    labels = convert_label_lines(segments[-1].tokens) if is_text else None
    if not labels or next(iter(labels.items())) != (
        title("closing").format(session=label),
        status,
    ):
        return segments, None
    return segments[:-2], dict([*labels.items()][1:])


def _split_chapters(
    segments: Sequence[Segment],
) -> tuple[tuple[Segment, ...], tuple[Chapter, ...]]:
    """The segments before the first chapter, and the chapters."""
    starts = [
        n for n, each in enumerate(segments) if each.kind == "heading" and each.level <= 2
    ]
    begins = [n - 1 if n and segments[n - 1].kind == "rule" else n for n in starts]
    ends = [*begins[1:], len(segments)]
    chapters = tuple(
        Chapter(
            segments[begin] if begin < start else None,
            segments[start],
            tuple(segments[start + 1 : end]),
        )
        for begin, start, end in zip(begins, starts, ends, strict=False)
    )
    return tuple(segments[: begins[0]] if begins else segments), chapters


# --- chapters --------------------------------------------------------------------------------


def _read_summary(
    _: re.Match[str], body: Sequence[Segment], __: object
) -> dict[str, ContentValue]:
    """Labels in the template's order have keys of their own, up to the first other one."""
    entries = {each.name: each.value for each in body if each.kind == "entry"}
    if not entries or len(entries) < len(body):
        raise UnsupportedContent
    found: dict[str, ContentValue] = {}
    for key, label in _SUMMARY:
        if next(iter(entries), None) == label:
            value = entries[label] if key != "checklist" else _read_checklist(entries[label])
            if value is None:
                break
            found[key] = value
            del entries[label]
    if entries:
        found["summary"] = entries
    return found


_SUMMARY = tuple((key, title(key)) for key in ("goal", "checklist", "decisions", "findings"))


def _read_checklist(value: ContentValue) -> ContentValue | None:
    """The checklist, if the text above it is the one that the template derives from it."""
    items = value.get("items") if isinstance(value, dict) else None
    checklist = items.get("checklist") if isinstance(items, dict) else None
    if not isinstance(value, dict) or not isinstance(checklist, dict):
        return None
    done = sum(map(bool, checklist.values()))
    text = f"{done} of {len(checklist)}" if done else DEFAULT
    return checklist if value["value"] == text else None


def _read_content(
    _: re.Match[str], body: Sequence[Segment], layout: HandoffLayout
) -> ContentValue:
    if not body or any(each.kind in ("heading", "rule") for each in body):
        raise UnsupportedContent
    return to_content(body, layout.lines)


def _read_labels(
    _: re.Match[str], body: Sequence[Segment], layout: HandoffLayout
) -> dict[str, ContentValue]:
    found: dict[str, ContentValue] = {}
    for label, inner in _split_headings(body):
        if label in found or not is_label(label):
            raise UnsupportedContent
        found[label] = to_content(inner, layout.lines)
    return found


def _read_numbered_labels(
    heading: re.Match[str], body: Sequence[Segment], layout: HandoffLayout
) -> dict[str, ContentValue]:
    found = _read_labels(heading, body, layout)
    if not all(label.startswith(f"{n}. ") for n, label in enumerate(found, start=1)):
        raise UnsupportedContent
    made = {label.partition(". ")[2]: value for label, value in found.items()}
    if len(made) < len(found) or not all(map(is_label, made)):
        raise UnsupportedContent
    return made


def _split_headings(body: Sequence[Segment]) -> list[tuple[str, Sequence[Segment]]]:
    """Each heading and the segments below it; the body has nothing but level 3 headings."""
    starts = [n for n, each in enumerate(body) if each.kind == "heading"]
    has_level_3 = all(body[n].level == 3 for n in starts)
    if not starts or starts[0] or not has_level_3 or any(each.kind == "rule" for each in body):
        raise UnsupportedContent
    ends = [*starts[1:], len(body)]
    return [(body[n].name, body[n + 1 : end]) for n, end in zip(starts, ends, strict=True)]


def _read_next(
    heading: re.Match[str], body: Sequence[Segment], layout: HandoffLayout
) -> dict[str, ContentValue]:
    labels = [*layout.header]
    at = 2 if _DURATION in labels else 1
    named = re.fullmatch(
        r"Session (\S+)(?: - (.+))?", str(layout.header.get(_NEXT_SESSION, ""))
    )
    if not named or labels[at : at + 2] != [_STATUS, _NEXT_SESSION]:
        raise UnsupportedContent
    label, words = named.groups()
    if words != heading["title"]:
        raise UnsupportedContent
    found: dict[str, ContentValue] = {"session": PlainText(label)}
    if words:
        found["title"] = words
    for name, inner in _split_headings(body):
        key = next((key for key in _NEXT if pattern(key).fullmatch(name)), None)
        if key is None or key in found:
            raise UnsupportedContent
        content = to_content(inner, layout.lines)
        if isinstance(content, dict) and "steps" in content:
            content = content["steps"]
        found[key] = content
    return found


_NEXT = ("objectives", "prerequisites", "time")


def _read_prompt(
    _: re.Match[str], body: Sequence[Segment], __: object
) -> dict[str, ContentValue]:
    match _split_headings(body):
        case [(name, [Segment(value={"text": str(code)})])] if name == title("paste"):
            return {"text": escape_braces(code)}
    raise UnsupportedContent


_CHAPTERS: Mapping[str, Callable[..., ContentValue]] = {
    "summary": _read_summary,
    "accomplished": _read_numbered_labels,
    "insights": _read_labels,
    "orchestrator": _read_content,
    "coverage": _read_content,
    "files": _read_labels,
    "next": _read_next,
    "prompt": _read_prompt,
    "troubleshooting": _read_labels,
    "metrics": _read_content,
}
