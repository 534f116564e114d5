"""A document whose headings and labels mean keys of a session, in its own order and words.

What is under such a heading becomes the value of its key; `sections:` records the outline, so
that the session renders to the same document.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from handoff.import_.content import (
    ContentValue,
    PlainText,
)
from handoff.import_.document import NEXT_LABELS
from handoff.import_.headings import Recognizer, normalize
from handoff.import_.parts import (
    LIST_KEYS,
    Part,
    checklist_of,
    fits_key,
    flat_items,
    is_quote,
    prompt_code,
    prompt_text,
    section_of,
    split_closing,
    with_rules,
    with_style,
)
from handoff.import_.sections import find_header, read_labels, to_blocks, to_sections
from handoff.import_.segments import Segment
from handoff.render.filters import HEADED
from handoff.session.shapes import LINE
from handoff.values.expressions import escape_braces

_ANYWHERE = ("prompt", "next.prerequisites", "next.time")
"""Keys whose headings count wherever they are."""
_INSIDE: Mapping[str, tuple[str, ...]] = {
    "next": _ANYWHERE,
    "summary": (
        *_ANYWHERE,
        *("next.objectives", "decisions", "findings", "checklist", "do_not", "actions"),
        *("accomplished", "files", "metrics", "goal", "troubleshooting", "commands", "tried"),
        *("orchestrator", "coverage", "insights"),
    ),
}
"""By the key above, the headings below it that have keys of their own."""
_INSIDE_OTHERS = (*_ANYWHERE, "next.objectives", "decisions", "do_not", "actions", "files")
_INSTEAD = {
    "checklist": "metrics",
    "actions": "next.objectives",
    "do_not": "insights",
    "tried": "insights",
    "goal": "summary",
    "header": "summary",
    "closing": "summary",
    "prompt": "next.objectives",
}
"""The key for content that the first one cannot hold."""


def header_end(segments: Sequence[Segment], recognizer: Recognizer) -> int:
    """The line of the first section or numbered list: fields below are not the session's."""
    lists = (n for n, each in enumerate(segments) if n and _is_numbered(each))
    segments = segments[: next(lists, None)]
    headings = [each for each in segments if each.kind == "heading"]
    if headings and headings[0] is segments[0]:
        del headings[0]
    for n, each in enumerate(headings):
        found = recognizer.read(each.name)
        is_subtitle = bool(_FIELD_HEADING.fullmatch(each.name))
        if n == 0 and each is segments[1]:
            is_subtitle |= bool(_SUBTITLE.fullmatch(each.name)) or _has_day(segments[2:3])
        if not is_subtitle and (not found or found.key != "header"):
            return each.start
    return segments[-1].end


def _is_numbered(segment: Segment) -> bool:
    return bool(segment.tokens) and segment.tokens[0].type == "ordered_list_open"


def _has_day(segments: Sequence[Segment]) -> bool:
    """Whether a header with the day of the session is there."""
    labels = {normalize(label) for label in read_labels(segments)}
    return not labels.isdisjoint(("date", "created", "session", "session date"))


_SUBTITLE = re.compile(
    r"(?i)\W*(?:session\b.*|\w+ \d{1,2},? \d{4}.*|\d{4}-\d\d-\d\d.*|.*handoff.*)"
)


_FIELD_HEADING = re.compile(
    r"(?i)\W*(?:date|status|created|session|duration|branch|author|next session)\W*(?::.*)?"
)


class TypedLayout(Struct, frozen=True):
    """A document with at least one heading or label that means a key."""

    segments: Sequence[Segment]
    lines: Sequence[str]
    has_title: bool
    recognizer: Recognizer
    next: str | None = None
    """What the header says about the next session."""
    following: str = ""
    """The number after the session's own; a heading with it is about the next session."""
    is_prompt: bool = False
    """Whether the document is one prompt."""
    free: frozenset[int] = frozenset()
    """First lines of the parts that are kept as free sections whatever they mean."""

    def session(self, metadata: Mapping[str, ContentValue]) -> dict[str, ContentValue]:
        """All keys of the session file."""
        template = PlainText("plain" if self.has_title else "untitled")
        made: dict[str, ContentValue] = {**metadata, "template": template}
        parts = self._settled()
        names = Counter(each.key for each in parts if each.key and each.has_name)
        seen: set[tuple[str, str]] = set()
        sections: list[ContentValue] = []
        for part in parts:
            key, name = part.key, part.name if part.has_name else ""
            if key is None or key == "prompt":
                name = None
            elif (key, name) in seen or (names[key] and not name):
                key = None
            else:
                seen.add((key, name or ""))
                name = name if names[key] > 1 else None
            if key is None:
                sections += to_sections(part.all, self.lines)
                continue
            value = self._value(part, is_only=name is None)
            if key == "prompt" and "prompt" in made:
                key = _add_prompt(made, part, value)
            else:
                _set(made, key, name, value)
            if not _is_at_its_place(part, sections):
                sections.append(section_of(part, key))
        _add_next(made, self._next_session())
        return {**made, "sections": sections} if sections else made

    def without(self, lost: range) -> TypedLayout | None:
        """The layout with the parts at or next to the lines `lost` as free sections.

        Parts that are free already are kept verbatim. `None` if that changes nothing.
        """
        near = [
            each
            for each in self._parts()
            if each.start <= lost.stop + 1 and each.end >= lost.start - 1
        ]
        typed = {each.start for each in near if each.key}
        if typed:
            return replace(self, free=self.free | typed)
        lines = {
            segment.start
            for part in near
            for segment in part.segments
            if segment.kind not in ("verbatim", "rule")
            and segment.start <= lost.stop
            and segment.end >= lost.start
        }
        if not lines:
            return None
        segments = [each.verbatim if each.start in lines else each for each in self.segments]
        return replace(self, segments=segments)

    # --- parts ---

    def _parts(self) -> list[Part]:
        """The whole document in parts, in order."""
        rest = [*self.segments[self.has_title :]]
        if self.is_prompt and rest and rest[0].start not in self.free:
            return [Part("prompt", tuple(rest), style="text")]
        first = next((n for n, x in enumerate(rest) if x.kind == "heading"), len(rest))
        parts = [*self._top(rest[:first]), *self._chapters(rest[first:])]
        return [
            replace(each, key=None) if each.start in self.free else each
            for each in with_rules(split_closing(parts))
        ]

    def _top(self, segments: Sequence[Segment]) -> Iterator[Part]:
        """What is above the first heading: the header, and an introduction."""
        size, style = find_header(segments) if self.has_title else (0, "")
        if size:
            yield Part("header", tuple(segments[:size]), style=style)
        if segments[size:]:
            has_text = any(each.kind in ("text", "entry") for each in segments[size:])
            has_summary = any(self._key(each) == "summary" for each in self.segments)
            key = "summary" if has_text and self.has_title and not has_summary else None
            yield from self._split(Part(key, tuple(segments[size:])))

    def _chapters(self, segments: Sequence[Segment]) -> Iterator[Part]:
        """A part for each heading with a key of its own, with the headings below it."""
        above: list[tuple[int, str | None]] = []
        current: Part | None = None
        for segment in segments:
            if segment.kind != "heading":
                assert current is not None  # the first segment is a heading
                current = replace(current, segments=(*current.segments, segment))
                continue
            while above and above[-1][0] >= segment.level:
                above.pop()
            parent = above[-1][1] if above else None
            key = self._key_below(segment, parent)
            above.append((segment.level, key))
            is_inside = (
                current is not None
                and key is not None
                and key == current.key == parent
                and current.heading is not None
                and segment.level > current.heading.level
            )
            if current is not None and is_inside:
                current = replace(current, segments=(*current.segments, segment))
                continue
            if current is not None:
                yield from self._split(current)
            current = Part(key, (), segment)
        if current is not None:
            yield from self._split(current)

    def _key(self, segment: Segment) -> str | None:
        if segment.kind not in ("heading", "entry"):
            return None
        number = _NUMBERED.search(segment.name)
        if number and number["number"] == self.following and segment.kind == "heading":
            found = self.recognizer.read(segment.name)
            return found.key if found and found.key in _ANYWHERE else "next.objectives"
        found = self.recognizer.read(segment.name)
        return found.key if found else None

    def _key_below(self, segment: Segment, parent: str | None) -> str | None:
        own = self._key(segment)
        if parent is None:
            return own
        allowed = _INSIDE.get(parent.partition(".")[0], _INSIDE_OTHERS)
        return own if own in allowed else parent

    def _split(self, part: Part) -> Iterator[Part]:
        """What has a key of its own, apart from the rest."""
        for each in self._split_titles(part):
            yield from self._split_labels(each)

    def _split_titles(self, part: Part) -> Iterator[Part]:
        """What is below lines that are titles by their look, apart from the rest."""
        keys = [self._title_key(each) for each in part.segments]
        if part.key not in (None, "summary") or not any(keys):
            yield part
            return
        first = next(n for n, key in enumerate(keys) if key)
        if first or part.heading:
            yield replace(part, segments=part.segments[:first])
        for n in range(first, len(keys)):
            if not keys[n]:
                continue
            end = next((m for m in range(n + 1, len(keys)) if keys[m]), len(keys))
            below = part.segments[n + 1 : end]
            size = len(below)
            if below and below[0].kind == "content":  # a text after a list is about no title
                size = next((m for m, each in enumerate(below) if each.kind == "text"), size)
            yield Part(None, (part.segments[n],))
            if size:
                yield Part(keys[n], below[:size])
            if below[size:]:
                yield Part(None, below[size:])

    def _title_key(self, segment: Segment) -> str | None:
        """The key of a line such as `Next steps:` or `**Next steps**`."""
        text = segment.value if segment.kind == "text" else None
        found = _TITLE_LINE.fullmatch(text) if isinstance(text, str) else None
        meaning = self.recognizer.read(found["bold"] or found["plain"]) if found else None
        return meaning.key if meaning and meaning.key != "prompt" else None

    def _split_labels(self, part: Part) -> Iterator[Part]:
        """Prompts, checklists and labels with keys of their own, apart from the rest."""
        aboves = [part.heading, *part.segments]
        own = [self._own_part(*each, part) for each in zip(part.segments, aboves, strict=False)]
        has_prompt = any(each and each.key == "prompt" for each in own)
        key = None if part.key == "prompt" and has_prompt else part.key
        rest: list[Segment] = []
        heading, is_split = part.heading, False
        for segment, found in zip(part.segments, own, strict=True):
            if found is None and is_split and key and segment.kind == "entry":
                found = Part(key, (segment,), label=segment.name)
            if found is None:
                rest.append(segment)
                continue
            if rest or heading:
                has_name = heading or not is_split
                is_about = (
                    found.key == "prompt" and len(rest) == 1 and found.hint == rest[0].value
                )
                yield Part(key if has_name and not is_about else None, tuple(rest), heading)
            yield found
            rest, heading, is_split = [], None, True
        if rest or heading:
            yield Part(key if heading or not is_split else None, tuple(rest), heading)

    def _own_part(self, segment: Segment, above: Segment | None, part: Part) -> Part | None:
        """The part that a segment is by itself."""
        label = segment.name if segment.kind == "entry" else None
        code = prompt_code(segment)
        text = label or (above and (above.name or above.value)) or ""
        hint = text if isinstance(text, str) else ""
        if code is not None and self._is_prompt(part, hint, code[0]):
            return Part("prompt", (segment,), label=label, hint=hint)
        if part.key == "prompt" and is_quote(segment):
            return Part("prompt", (segment,), style="quote", hint=hint)
        filled = [each for each in part.segments if each.kind != "rule"]
        alone = replace(part, segments=(segment,), heading=None)
        if part.key in LIST_KEYS and len(filled) > 1 and fits_key(alone):
            return Part(part.key, (segment,), label=label)
        outer = part.key or "summary"
        if label is None or not segment.value or not outer.startswith(("summary", "next")):
            return None
        own = self._key_below(segment, outer)
        if own in (None, part.key, "prompt", "header") or (own == outer and not part.key):
            return None
        return Part(own, (segment,), label=label)

    def _is_prompt(self, part: Part, above: str, code: str) -> bool:
        if part.key == "prompt" or _ANNOUNCES.search(above):
            return True
        is_next = (part.key or "").startswith("next")
        return is_next and bool(_IS_PROMPT.search(code)) and len(code.split()) > 8

    # --- values ---

    def _settled(self) -> list[Part]:
        """Each part under a key that can hold its content, and holds it alone if it must."""
        used: set[str] = set()
        found: list[Part] = []
        for part in map(with_style, self._parts()):
            key = part.key
            if not any(each.kind != "rule" for each in part.segments):
                key = None  # a heading alone
            elif key in _INSTEAD and (not fits_key(part) or (key in used and key != "prompt")):
                key = _INSTEAD[key]
            used.add(key or "")
            found.append(replace(part, key=key))
        return found

    def _value(self, part: Part, *, is_only: bool) -> ContentValue:
        """What the part's key holds."""
        first = part.segments[0]
        if part.key in ("header", "closing"):
            return read_labels(part.segments)
        if part.key == "prompt":
            return {"text": escape_braces(prompt_text(part, self.lines))}
        if part.key == "checklist":
            return checklist_of(first) or {}
        if part.key in LIST_KEYS:
            return flat_items(first.value, part.key)
        if part.label is not None:
            return first.value
        level = part.heading.level if part.heading else 2
        is_headed = is_only and part.key in HEADED
        return to_blocks(part.segments, self.lines, level, headed=is_headed)

    def _named_by_heading(self, heading: Segment) -> dict[str, ContentValue]:
        if self._key(heading) != "next.objectives":
            return {}
        number = _NUMBERED.search(heading.name)
        meaning = self.recognizer.read(heading.name)
        is_named = normalize(heading.name).startswith("next session")
        title = meaning.rest if meaning and is_named else ""
        return _named(number["number"] if number else None, title)

    def _next_session(self) -> dict[str, ContentValue]:
        """Number and title of the next session, as far as a heading or a label has them."""
        found = [_named(None, self.next)] if self.next else []
        for segment in self.segments:
            if segment.kind == "heading":
                found.append(self._named_by_heading(segment))
            for label, value in read_labels([segment]).items():
                if normalize(label) in NEXT_LABELS and isinstance(value, str):
                    found.append(_named(None, value))
        made: dict[str, ContentValue] = {}
        for each in reversed(found):
            made |= each
        return made


_TITLE_LINE = re.compile(
    r"\s*(?:(?:\*\*|__)(?P<bold>[^*_\n]{2,50})(?:\*\*|__):?|(?P<plain>[A-Z][^\n.:*`|]{1,40}):)\s*"
)
_ANNOUNCES = re.compile(
    r"(?i)copy[\s/-]*(?:and[\s-]*)?paste|\bprompt\b|paste (?:this|the)|kick[\s-]?off|"
    r"(?:start|opening|first) message|to (?:continue|resume)[^.]*:\s*$"
)
_IS_PROMPT = re.compile(
    r"(?im)^\W*(?:I'?m (?:continuing|picking)|continu(?:e|ing)\b|please\b|read\b|resume\b|"
    r"you are\b|we are\b|context:|goal:|pick up|let'?s\b|start (?:by|with)\b)"
)
_NUMBERED = re.compile(r"(?i)\bsession\W{0,3}(?P<number>\d+[a-z]?)\b")


def _named(number: str | None, text: str) -> dict[str, ContentValue]:
    """`session` and `title` of text such as `Session 5 - ML training`."""
    words = " ".join(re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text).split())
    found = _SESSION_TITLE.fullmatch(words)
    made: dict[str, ContentValue] = {}
    if found:
        number, words = found["number"], found["title"] or ""
    if number:
        made["session"] = PlainText(number)
    if words and words in text and re.fullmatch(LINE, words):
        made["title"] = escape_braces(words)
    return made


_SESSION_TITLE = re.compile(
    r"(?i)\W*(?:session[ #]*)?(?P<number>\d+[a-z]?)\b(?:\W*?[-–—:(]+\W*(?P<title>\w.*))?\W*"
)


def _add_next(made: dict[str, ContentValue], named: Mapping[str, ContentValue]) -> None:
    following = made.pop("next", {})
    assert isinstance(following, dict)
    if named or following:
        made["next"] = {**named, **following}


def _set(
    made: dict[str, ContentValue], key: str, name: str | None, value: ContentValue
) -> None:
    """Put `value` under `key`, with a name among several."""
    outer, _, inner = key.partition(".")
    target = made
    if inner:
        target = made.setdefault(outer, {})  # type: ignore[assignment]
    field = inner or outer
    if name is None:
        target[field] = value
    else:
        named = target.setdefault(field, {})
        assert isinstance(named, dict)
        named[name] = value


def _add_prompt(made: dict[str, ContentValue], part: Part, value: ContentValue) -> str:
    """Add a further prompt; its key."""
    prompts = made.setdefault("prompts", {})
    assert isinstance(prompts, dict)
    words = re.sub(r"[^a-z0-9]+", "-", part.hint.casefold()[:40]).strip("-")
    name = words if re.match("[a-z]", words) and words != "default" else "prompt"
    while name in prompts:
        name = f"{name}-{len(prompts) + 2}"
    prompts[name] = value
    return f"prompts.{name}"


def _is_at_its_place(part: Part, sections: Sequence[ContentValue]) -> bool:
    """Whether the template prints the part here anyway: a header of lines below the title."""
    is_plain = part.style == "lines" or (part.style == "paragraphs" and len(part.segments) == 1)
    return part.key == "header" and not part.heading and is_plain and not sections
