"""Compare documents, and prove that a session renders to the document it was made from.

Two documents are equal if their marks and link definitions are: headings and levels, lists and
nesting, emphasis, links and targets, hard breaks, tables and alignment, HTML and code to the
letter. White space does not count, with `exact=False` not even in code and HTML.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from handoff.base.blanks import DEFAULT, is_blank
from handoff.base.markdown import Page, parse_markdown
from handoff.base.problems import InvalidInput
from handoff.import_.content import ContentValue, PlainText
from handoff.import_.sections import to_sections
from handoff.import_.segments import Segment
from handoff.session import decode
from handoff.session.model import Session
from handoff.yaml import emitter
from handoff.yaml.emitter import fits_block

if TYPE_CHECKING:
    from markdown_it.token import Token

RenderSession = Callable[[Session], str]
"""Renders a session without facts. Raises InvalidInput."""
Mark = tuple[str, ...]
_BATCH = 200
"""Segments rendered in one session; small, as an unreadable one splits its batch."""


# --- comparing -------------------------------------------------------------------------------


def find_difference(original: Page, other: Page, *, exact: bool = True) -> range | None:
    """The lines of `original`, from 0, that differ in `other`; `None` if they are equal."""
    ours, lines = _marks_and_lines(original.tokens, exact=exact)
    theirs, _ = _marks_and_lines(other.tokens, exact=exact)
    if ours == theirs:
        is_equal = _definitions(original) == _definitions(other)
        return None if is_equal else range(len(original.lines) - 1)
    start = _common_prefix(ours, theirs)
    end = _common_prefix(ours[start:][::-1], theirs[start:][::-1])
    differing = lines[start : len(ours) - end] or lines[max(start - 1, 0) : start] or [0]
    return range(min(differing), max(differing) + 1)


def _definitions(page: Page) -> dict[str, tuple[str, str]]:
    return {
        label: (str(each["href"]), str(each["title"]))
        for label, each in page.references.items()
    }


def _common_prefix(ours: Sequence[Mark], theirs: Sequence[Mark]) -> int:
    pairs = enumerate(zip(ours, theirs, strict=False))
    return next((n for n, (a, b) in pairs if a != b), min(len(ours), len(theirs)))


def _marks_and_lines(
    tokens: Sequence[Token], *, exact: bool = True
) -> tuple[list[Mark], list[int]]:
    """The marks in order, and the line of each."""
    marks: list[Mark] = []
    lines: list[int] = []
    line = 0
    for token in tokens:
        line = token.map[0] if token.map else line
        marks += _block_marks(token, exact=exact)
        lines += [line] * (len(marks) - len(lines))
    return marks, lines


def _block_marks(token: Token, *, exact: bool) -> Iterator[Mark]:
    if token.type == "inline":
        yield from _inline_marks(token.children or ())
    elif token.type in ("fence", "code_block"):
        yield "code", token.info.strip(), token.content if exact else _fold(token.content)
    elif token.type == "html_block":
        yield "html", token.content.rstrip() if exact else _fold(token.content)
    else:
        yield token.type, token.tag, *_attributes(token)


def _inline_marks(children: Sequence[Token]) -> Iterator[Mark]:
    """Adjacent texts are one mark, in which a soft break is a space."""
    text = ""
    is_first = True
    for child in (*children, None):
        if child and child.type in ("text", "text_special", "softbreak"):
            text += " " if child.type == "softbreak" else child.content
            continue
        text = re.sub(r"\s+", " ", text)
        text = text.lstrip(" ") if is_first else text
        text = text if child else text.rstrip(" ")
        if text:
            yield "text", text
        if child:
            yield child.type, _fold(child.content), *_attributes(child)
        text, is_first = "", False


def _attributes(token: Token) -> tuple[str, ...]:
    return tuple(f"{name}={value}" for name, value in sorted(token.attrs.items()))


def _fold(text: str) -> str:
    return " ".join(text.split())


# --- rendering -------------------------------------------------------------------------------


class Verifier(Struct, frozen=True):
    """Renders sessions and compares them with the document."""

    page: Page
    lines: Sequence[str]
    render: RenderSession

    def find_lost(
        self, session: Mapping[str, ContentValue], *, exact: bool = True
    ) -> range | None:
        """The lines that the session does not render to. Raises InvalidInput."""
        return find_difference(self.page, parse_markdown(self._render(session)), exact=exact)

    def verify_segments(self, segments: Sequence[Segment]) -> list[Segment]:
        """The segments; those that would be rendered differently are made verbatim."""
        tried = [n for n, each in enumerate(segments) if each.kind not in ("rule", "verbatim")]
        different: set[int] = set()
        for at in range(0, len(tried), _BATCH):
            different.update(self._find_different(segments, tried[at : at + _BATCH]))
        return [each.verbatim if n in different else each for n, each in enumerate(segments)]

    def _find_different(
        self, segments: Sequence[Segment], tried: Sequence[int]
    ) -> Iterator[int]:
        try:
            parts = self._render_each([segments[n] for n in tried])
        except InvalidInput:
            if len(tried) == 1:
                yield tried[0]
                return
            half = len(tried) // 2
            yield from self._find_different(segments, tried[:half])
            yield from self._find_different(segments, tried[half:])
            return
        for n, part in zip(tried, parts, strict=True):
            rendered = parse_markdown(part, references=self.page.references)
            if _marks_and_lines(rendered.tokens)[0] != _marks_and_lines(segments[n].tokens)[0]:
                yield n

    def _render_each(self, segments: Sequence[Segment]) -> list[str]:
        """What each segment renders to, from one session with separators in between."""
        word = "segment"
        while any(f"<!-- {word} -->" in line for line in self.lines):
            word += "t"
        separator = f"<!-- {word} -->"
        sections: list[ContentValue] = []
        for each in segments:
            sections.append({"content": {"markdown": PlainText(separator)}})
            sections += to_sections([each], self.lines)
        text = self._render({**_EMPTY, "sections": sections})
        return re.split(rf"^{separator}$", text, flags=re.MULTILINE)[1:]

    def _render(self, session: Mapping[str, ContentValue]) -> str:
        """The document of the session as read from its file. Raises InvalidInput."""
        source = to_yaml(session).encode()
        return self.render(decode.load(source, "imported", "sessions/imported.yaml")[0])


_EMPTY: Mapping[str, ContentValue] = {
    "session": PlainText("1"),
    "title": PlainText("imported"),
    "created": PlainText("2026-01-01"),
    "template": PlainText("untitled"),
}


# --- YAML ------------------------------------------------------------------------------------

_UNQUOTED_BLANK = re.compile(r"\[[A-Za-z][A-Za-z /_-]*\]")


def to_yaml(session: Mapping[str, ContentValue]) -> str:
    """The session file, with blanks as people write them."""
    keys = {key: emitter.EmittedKey(_emitted(value)) for key, value in session.items()}
    return emitter.format_page((), keys)


def _emitted(value: ContentValue, *, item: bool = False) -> emitter.YamlValue:
    if isinstance(value, list):
        return [_emitted(each, item=True) for each in value]
    if isinstance(value, dict):
        return {key: _emitted(each) for key, each in value.items()}
    if isinstance(value, bool):
        return value
    if not isinstance(value, PlainText):
        if value == DEFAULT and not item:
            return None
        if _UNQUOTED_BLANK.fullmatch(value) and is_blank(value, item=item):
            return emitter.PlainText(value)
    # the last line break of a block is not read; with one its header is the usual '|'
    is_block = "\n" in value and value[-1] != "\n" and fits_block(value)
    return f"{value}\n" if is_block else value
