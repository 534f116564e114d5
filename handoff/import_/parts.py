"""A part of a document under one key: what it is printed as, and what its key can hold."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from handoff.import_.content import ContentValue, PlainText, is_label
from handoff.import_.sections import find_header
from handoff.import_.segments import Segment
from handoff.session.content import RESERVED
from handoff.values.expressions import escape_braces

_PLAIN_LANGS = ("", "text", "txt", "markdown", "md", "plaintext", "prompt")
_SAYS_PROMPT = re.compile(r"(?i)\bprompt\b|copy[\s/-]*(?:and[\s-]*)?paste|paste (?:this|the)")


class Part(Struct, frozen=True):
    """Some segments of a document under one key, or under none."""

    key: str | None
    segments: tuple[Segment, ...]
    """Without the heading or label that names the part."""
    heading: Segment | None = None
    label: str | None = None
    rule: Segment | None = None
    """The one above it."""
    style: str | None = None
    """How its labels, or its prompt, are printed."""
    hint: str = ""
    """The heading or text above a prompt."""

    @property
    def name(self) -> str | None:
        return self.heading.name if self.heading else self.label

    @property
    def has_name(self) -> bool:
        """Whether it can be one of several parts of its key."""
        return self.name is not None and is_label(self.name)

    @property
    def start(self) -> int:
        return self.heading.start if self.heading else self.segments[0].start

    @property
    def end(self) -> int:
        return self.segments[-1].end if self.segments else self.start + 1

    @property
    def all(self) -> tuple[Segment, ...]:
        above = [each for each in (self.rule, self.heading) if each]
        return (*above, *self.segments)


def section_of(part: Part, key: str) -> dict[str, ContentValue]:
    """The section that prints the part."""
    made: dict[str, ContentValue] = {}
    if part.heading:
        made["title"] = PlainText(part.heading.name)
        if part.heading.level != 2:
            made["level"] = str(part.heading.level)
    if part.label is not None:
        made["label"] = PlainText(part.label)
    made["key"] = PlainText(key)
    if part.style and part.style != "lines":
        made["as"] = PlainText(part.style)
    if part.key == "prompt" and (code := prompt_code(part.segments[0])) and code[1]:
        made["lang"] = PlainText(code[1])
    if part.rule:
        made["rule"] = True
    return made


def with_rules(parts: Iterator[Part]) -> Iterator[Part]:
    """Each part with the rule above it, which is the last segment of the part before."""
    rule: Segment | None = None
    for part in parts:
        segments = part.segments
        last = segments[-1] if segments and segments[-1].kind == "rule" else None
        kept = segments[:-1] if last else segments
        if kept or part.heading:
            yield replace(part, segments=kept, rule=rule)
        elif rule:
            yield Part(None, (rule,))
        rule = last if last or kept or part.heading else rule
    if rule:
        yield Part(None, (rule,))


def split_closing(parts: Sequence[Part]) -> Iterator[Part]:
    """The labels below the last rule are the footer."""
    if not parts:
        return
    *before, last = parts
    yield from before
    rules = [n for n, each in enumerate(last.segments) if each.kind == "rule"]
    at = rules[-1] + 1 if rules else 0
    size, style = find_header(last.segments[at:])
    if not at or not size or size < len(last.segments) - at or last.key == "header":
        yield last
        return
    yield replace(last, segments=last.segments[:at])
    yield Part("closing", last.segments[at:], style=style)


def with_style(part: Part) -> Part:
    """The part with the way its labels, or its prompt, are printed."""
    if part.key == "header" and part.heading:
        size, style = find_header(part.segments)
        return replace(part, style=style) if size == len(part.segments) else part
    if part.key == "prompt" and part.heading:
        is_text = all(each.kind not in ("heading", "rule") for each in part.segments)
        says_so = is_text and _SAYS_PROMPT.search(part.heading.name)
        return replace(part, style="text", hint=part.heading.name) if says_so else part
    return part


def fits_key(part: Part) -> bool:
    """Whether the part's key can hold its content."""
    only = part.segments[0] if len(part.segments) == 1 else None
    value = only.value if only else None
    match part.key:
        case "header" | "closing":
            return part.style is not None
        case "prompt":
            return part.style is not None or part.heading is None
        case "goal":
            return isinstance(value, str) and bool(value)
        case "checklist":
            return only is not None and checklist_of(only) is not None
    return bool(flat_items(value if only else [], part.key or ""))


LIST_KEYS = ("checklist", "actions", "do_not", "tried")
"""Keys with lists of their own kind."""
_FIRST_OF = {"actions": "do", "do_not": "text", "tried": "what"}


def flat_items(value: ContentValue | None, key: str) -> list[ContentValue]:
    """The items of a flat list as the key has them; empty for another value."""
    made: list[ContentValue] = []
    for item in value if isinstance(value, list) else []:
        if isinstance(item, str):
            made.append(item)
            continue
        pairs = [*item.items()] if isinstance(item, dict) else []
        if len(pairs) != 1 or not isinstance(pairs[0][1], str) or pairs[0][0] in RESERVED:
            return []
        what, why = escape_braces(pairs[0][0]), pairs[0][1]
        is_reasoned = key != "actions" and why
        made.append({_FIRST_OF[key]: what, "why": why} if is_reasoned else f"{what}: {why}")
    return made


def prompt_text(part: Part, lines: Sequence[str]) -> str:
    first = part.segments[0]
    source = [*lines[first.start : part.end]]
    if part.style == "quote":
        return "\n".join(re.sub(r"^ {0,3}> ?", "", line) for line in source).strip("\n")
    if part.style == "text":
        return "\n".join(source).strip("\n")
    return (prompt_code(first) or ("", ""))[0]


def prompt_code(segment: Segment) -> tuple[str, str] | None:
    """Text and language of a fence that may hold a prompt."""
    value = segment.value
    if not isinstance(value, dict) or segment.kind not in ("content", "entry"):
        return None
    text, lang = value.get("text", value.get("code")), value.get("lang", "")
    is_text = isinstance(text, str) and isinstance(lang, str) and set(value) <= _FENCE_KEYS
    return (str(text), str(lang)) if is_text and str(lang).lower() in _PLAIN_LANGS else None


_FENCE_KEYS = {"text", "code", "lang"}


def is_quote(segment: Segment) -> bool:
    return segment.kind == "verbatim" and bool(
        segment.tokens and segment.tokens[0].type == "blockquote_open"
    )


def checklist_of(segment: Segment) -> dict[str, ContentValue] | None:
    value = segment.value
    found = value.get("checklist") if isinstance(value, dict) else None
    return found if isinstance(found, dict) else None
