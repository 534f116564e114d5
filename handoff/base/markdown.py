"""Parsed Markdown: tokens, headings with GitHub's anchors, links, labels, lists and tables."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from handoff.base.fences import Fence, find_fences, repair_fences
from handoff.base.patterns import lazy_pattern

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
    fences: tuple[Fence, ...] = ()
    """Of a text that was parsed as if each were closed."""

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


def parse_repaired(text: str, path: str = "") -> Page:
    """`text` parsed as if every fence were closed where its author is likely to have meant it.

    Lines and tokens keep the numbers of the original.
    """
    source = text if text.endswith("\n") else f"{text}\n"
    lines = source.split("\n")
    fences = find_fences(lines)
    if all(each.state in ("closed", "cut") for each in fences):
        page = parse_markdown(source, path)
        return Page(path, page.lines, page.tokens, page.references, fences)
    repaired, numbers = repair_fences(lines, fences)
    page = parse_markdown("\n".join(repaired), path)
    for token in page.tokens:
        if token.map:
            first, end = token.map
            token.map = [numbers[first], max(numbers[end - 1] + 1, numbers[first] + 1)]
    return Page(path, tuple(lines), page.tokens, page.references, fences)


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


class Label(Struct, frozen=True):
    """A line such as `**Status:** in progress`."""

    text: str
    value: str
    style: Literal["inside", "outside", "plain"]
    """Where the colon is: `**Label:** x`, `**Label**: x`, `Label: x`."""
    lead: str
    """The line before it: white space, `>`, the marker of a list item, an emoji."""


_LEAD = r"(?P<lead>[ \t>]*(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)?(?:\[[ xX]\][ \t]+)?[^\w*`\[\n]{0,8})"
_BOLD_LABEL = lazy_pattern(
    _LEAD + r"(?P<mark>\*{2,3}|__)(?P<text>[^*\n`]{1,200}?)"
    r"(?:(?P<inside>:)[ \t]*(?P=mark)|(?P=mark)[ \t]?:)(?:[ \t]+(?P<value>.*?))?[ \t\\]*$"
)
_PLAIN_LABEL = lazy_pattern(
    _LEAD + r"(?P<text>[A-Z][^:*_`\[\]<>{}\\#|\n]{0,58}):(?:[ \t]+(?P<value>\S.*?))?[ \t\\]*$"
)


def read_label(line: str) -> Label | None:
    """The label of a line, bold or a short plain one; `None` without one."""
    found = _BOLD_LABEL.match(line) or _PLAIN_LABEL.match(line)
    if found is None:
        return None
    style: Literal["inside", "outside", "plain"] = "plain"
    if found.re.groupindex.get("mark"):
        style = "inside" if found["inside"] else "outside"
    return Label(found["text"].strip(), found["value"] or "", style, found["lead"])


class Task(Struct, frozen=True):
    """An item of a checklist."""

    text: str
    done: bool
    line: int


_TASK = lazy_pattern(r"\[([ xX])\][ \t]+(.*)", re.DOTALL)


def tasks(page: Page) -> Iterator[Task]:
    """The checklist items in order, those in lists only."""
    for item, _, inline in zip(page.tokens, page.tokens[1:], page.tokens[2:], strict=False):
        found = _TASK.match(inline.content) if item.type == "list_item_open" else None
        if found:
            yield Task(found[2], found[1] != " ", line_of(item))


class Row(Struct, frozen=True):
    line: int
    cells: tuple[str, ...]
    """In Markdown."""


class Table(Struct, frozen=True):
    header: tuple[str, ...]
    rows: tuple[Row, ...]
    line: int


def read_table(block: Sequence[Token]) -> Table:
    """The table of the tokens from `table_open` to `table_close`."""
    rows: list[tuple[int, list[str]]] = []
    for token, inline in pairwise(block):
        if token.type == "tr_open":
            rows.append((line_of(token), []))
        elif token.type in ("th_open", "td_open"):
            rows[-1][1].append(inline.content)
    header, *body = [Row(line, tuple(cells)) for line, cells in rows]
    return Table(header.cells, tuple(body), line_of(block[0]))


def split_blocks(tokens: Sequence[Token]) -> list[Sequence[Token]]:
    """The sibling blocks that `tokens` consist of."""
    found: list[Sequence[Token]] = []
    start = depth = 0
    for n, token in enumerate(tokens):
        depth += token.nesting
        if depth == 0:
            found.append(tokens[start : n + 1])
            start = n + 1
    return found


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
