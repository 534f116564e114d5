"""Parsed Markdown: tokens, headings with GitHub's anchors, links and link definitions."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token


References = Mapping[str, Mapping[str, object]]
"""The definition of each reference label."""


class Page(Struct, frozen=True):
    """A Markdown text, parsed."""

    path: str
    """Relative to the root; relative links start from its folder."""
    lines: tuple[str, ...]
    tokens: tuple[Token, ...]
    references: References

    def of_type(self, name: str) -> Iterator[Token]:
        """The tokens of one type, in order."""
        return (token for token in self.tokens if token.type == name)


class Heading(Struct, frozen=True):
    level: int
    """1 to 6."""
    text: str
    """Without markup."""
    anchor: str
    """The fragment that links to it, as GitHub derives it."""
    line: int
    setext: bool
    """Underlined with `-` or `=`."""


class Link(Struct, frozen=True):
    """A link or an image."""

    target: str
    """As in the HTML: `docs/a%20b.md#state`."""
    line: int


def parse_markdown(text: str, path: str = "", references: References | None = None) -> Page:
    """`text` as CommonMark with GitHub's tables; `references` are defined elsewhere."""
    source = text if text.endswith("\n") else f"{text}\n"
    known = dict(references or {})
    tokens = _parser().parse(source, {"references": known})  # adds those it finds
    return Page(path, tuple(source.split("\n")), tuple(tokens), known)


def markdown_parser() -> MarkdownIt:
    """A new parser for CommonMark with GitHub's tables."""
    from markdown_it import MarkdownIt  # slow: rendering alone parses no Markdown

    return MarkdownIt("commonmark").enable("table")


_parser = cache(markdown_parser)


def headings(page: Page) -> tuple[Heading, ...]:
    """All headings in order, each with the anchor GitHub gives it."""
    seen: Counter[str] = Counter()
    found = []
    for token, inline in pairwise(page.tokens):
        if token.type != "heading_open":
            continue
        text = _text(inline)
        setext = not token.markup.startswith("#")
        anchor = _unused(slug(text), seen)
        found.append(Heading(int(token.tag[1:]), text, anchor, line_of(token), setext))
    return tuple(found)


def slug(text: str) -> str:
    """A heading's anchor: lower case, words and hyphens kept, each space a hyphen.

    Marks are word characters, so the variation selector of `➡️` is kept, as on GitHub
    (html-pipeline drops everything but `\\p{Word}`, hyphens and spaces).
    """
    kept = (c for c in text.lower() if c in "- " or _is_word(c))
    return "".join(kept).replace(" ", "-")


def links(page: Page) -> Iterator[Link]:
    """The links and images in order."""
    for inline in page.of_type("inline"):
        line = line_of(inline)
        for child in inline.children or ():
            line += child.type in ("softbreak", "hardbreak")
            target = child.attrGet("href") or child.attrGet("src")
            if target:
                yield Link(str(target), line)


def line_of(token: Token) -> int:
    """The first line of a block, counted from 1."""
    return (token.map or [0])[0] + 1


def _text(inline: Token) -> str:
    children = inline.children or ()
    return "".join(c.content for c in children if c.type in ("text", "code_inline"))


def _unused(name: str, seen: Counter[str]) -> str:
    """`name`, with `-1`, `-2` … appended if it is in `seen`; adds the result to `seen`."""
    anchor = name
    while anchor in seen:
        anchor = f"{name}-{seen[name]}"
        seen[name] += 1
    seen[anchor] += 1
    return anchor


def _is_word(char: str) -> bool:
    category = unicodedata.category(char)
    return category[0] in "LM" or category in ("Nd", "Nl", "Pc")
