"""A Markdown document read back: its headings, anchors and links as GitHub has them."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from markdown_it.token import Token


class Page(Struct, frozen=True):
    """A Markdown file, parsed."""

    path: str
    """Relative to the root; relative links start from its folder."""
    lines: tuple[str, ...]
    tokens: tuple[Token, ...]

    def of_type(self, name: str) -> Iterator[Token]:
        """The tokens of one type, in order."""
        return (token for token in self.tokens if token.type == name)


class Heading(Struct, frozen=True):
    level: int
    """1 to 6."""
    text: str
    """As it reads, without markup."""
    anchor: str
    """What GitHub lets links point at."""
    line: int
    setext: bool
    """Made by a line of `-` or `=` below it."""


class Link(Struct, frozen=True):
    """A link or an image."""

    target: str
    """As it stands in the HTML: `docs/a%20b.md#state`."""
    line: int


def page(text: str, path: str) -> Page:
    """`text` parsed as CommonMark with GitHub's tables."""
    from markdown_it import MarkdownIt  # slow: only checks read a document back

    source = text if text.endswith("\n") else f"{text}\n"
    tokens = MarkdownIt("commonmark").enable("table").parse(source)
    return Page(path, tuple(source.split("\n")), tuple(tokens))


def headings(page: Page) -> tuple[Heading, ...]:
    """Every heading in order, with the anchor GitHub gives it."""
    seen: Counter[str] = Counter()
    found = []
    for token, inline in zip(page.tokens, page.tokens[1:], strict=False):
        if token.type != "heading_open":
            continue
        text = _text(inline)
        setext = not token.markup.startswith("#")
        anchor = _unused(slug(text), seen)
        found.append(Heading(int(token.tag[1:]), text, anchor, line_of(token), setext))
    return tuple(found)


def slug(text: str) -> str:
    """A heading's anchor: lower case, words and hyphens kept, each space a hyphen.

    Marks count as word characters, so `➡️` leaves its variation selector behind, as on
    GitHub (html-pipeline: what is not `\\p{Word}`, a hyphen or a space is dropped).
    """
    kept = (c for c in text.lower() if c in "- " or _is_word(c))
    return "".join(kept).replace(" ", "-")


def links(page: Page) -> Iterator[Link]:
    """Where links and images lead, each with its line."""
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
    """`name`, or with `-1`, `-2` behind where it is taken; counts it in `seen`."""
    anchor = name
    while anchor in seen:
        anchor = f"{name}-{seen[name]}"
        seen[name] += 1
    seen[anchor] += 1
    return anchor


def _is_word(char: str) -> bool:
    category = unicodedata.category(char)
    return category[0] in "LM" or category in ("Nd", "Nl", "Pc")
