"""What a document says: its text and structure, whatever white space they are written with.

Two documents are the same where their marks and references are: headings and their levels,
lists and their nesting, emphasis, links and where they lead, hard breaks, tables with their
alignment, HTML, and code to the letter. `exact=False` folds white space in code and HTML too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from handoff.base.markdown import Page

if TYPE_CHECKING:
    from markdown_it.token import Token


Mark = tuple[str, ...]


def same(original: Page, other: Page, *, exact: bool = True) -> bool:
    """Whether both say the same."""
    return (
        marks(original.tokens, exact=exact) == marks(other.tokens, exact=exact)
        and _defined(original) == _defined(other)
    )  # fmt: skip


def differing(original: Page, other: Page, *, exact: bool = True) -> range:
    """The lines of `original`, from 0, that `other` does not say; empty where all is said."""
    ours, lines = _with_lines(original.tokens, exact=exact)
    theirs, _ = _with_lines(other.tokens, exact=exact)
    start = _common(ours, theirs)
    end = _common(ours[start:][::-1], theirs[start:][::-1])
    if start == len(ours) == len(theirs):
        return range(0)
    touched = lines[start : len(ours) - end] or lines[max(start - 1, 0) : start] or [0]
    return range(min(touched), max(touched) + 1)


def marks(tokens: Sequence[Token], *, exact: bool = True) -> list[Mark]:
    """What the tokens say, in order."""
    return _with_lines(tokens, exact=exact)[0]


def _defined(page: Page) -> dict[str, tuple[str, str]]:
    return {
        label: (str(each["href"]), str(each["title"]))
        for label, each in page.references.items()
    }


def _common(ours: Sequence[Mark], theirs: Sequence[Mark]) -> int:
    pairs = enumerate(zip(ours, theirs, strict=False))
    return next((n for n, (a, b) in pairs if a != b), min(len(ours), len(theirs)))


def _with_lines(tokens: Sequence[Token], *, exact: bool) -> tuple[list[Mark], list[int]]:
    found: list[Mark] = []
    lines: list[int] = []
    line = 0
    for token in tokens:
        line = token.map[0] if token.map else line
        for mark in _block(token, exact=exact):
            found.append(mark)
            lines.append(line)
    return found, lines


def _block(token: Token, *, exact: bool) -> Iterator[Mark]:
    if token.type == "inline":
        yield from _inline(token.children or ())
    elif token.type in ("fence", "code_block"):
        content = token.content if exact else _folded(token.content)
        yield "code", token.info.strip(), content
    elif token.type == "html_block":
        yield "html", token.content.rstrip() if exact else _folded(token.content)
    else:
        yield token.type, token.tag, *_attributes(token)


def _inline(children: Sequence[Token]) -> Iterator[Mark]:
    """Marks of running text; neighbouring words are one mark, a soft break a space."""
    words: list[str] = []
    is_first = True
    for child in (*children, None):
        if child is not None and child.type in _WORDS:
            words.append(_WORDS[child.type](child))
            continue
        text = _SPACES.sub(" ", "".join(words))
        text = text.lstrip(" ") if is_first else text
        text = text if child else text.rstrip(" ")
        words, is_first = [], False
        if text:
            yield "text", text
        if child is not None:
            yield child.type, _folded(child.content), *_attributes(child)


_WORDS: Mapping[str, Callable[[Token], str]] = {
    "text": lambda token: token.content,
    "text_special": lambda token: token.content,
    "softbreak": lambda token: " ",
}


_SPACES = re.compile(r"\s+")


def _attributes(token: Token) -> tuple[str, ...]:
    return tuple(f"{name}={value}" for name, value in sorted(token.attrs.items()))


def _folded(text: str) -> str:
    return " ".join(text.split())
