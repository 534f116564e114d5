"""Markdown as HTML that runs nothing, loads nothing, and shows where it is still blank."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from handoff.base.blanks import blanks_in_document
from handoff.base.markdown import Page, headings
from handoff.base.tree import is_outside

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

_OPEN, _CLOSE = "\ufdd2", "\ufdd3"
"""Around a blank while Markdown is parsed; no characters of any text (Unicode 16 §23.7)."""
_STRUCK = str.maketrans("", "", _OPEN + _CLOSE)
_BLANK = re.compile(f"{_OPEN}([^{_OPEN}{_CLOSE}]*){_CLOSE}")
_BOX = re.compile(r"\[([ xX])\][ \t]+")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_ELSEWHERE = ("http:", "https:", "mailto:")


def hypertext(markdown: str, path: str, prompts: Collection[str] = ()) -> str:
    """The HTML of a document at `path`, as GitHub shows it but without raw HTML.

    Links to other Markdown files of the project lead to `/<path from the root>`; those to
    anything else of the project do not lead anywhere. A fence that holds one of `prompts` has
    a button to copy it.
    """
    parser = _parser()
    env: dict[str, object] = {}
    tokens = parser.parse(_marked(markdown.translate(_STRUCK)), env)
    _anchor(tokens)
    for at, token in enumerate(tokens):
        _align(token)
        if token.type == "inline":
            _lead(token.children or [], posixpath.dirname(path))
        if token.type == "list_item_open":
            _tick(token, tokens[at + 1 : at + 3])
        if token.type == "fence":
            text = token.content.translate(_STRUCK).rstrip("\n")
            token.meta = {"prompt": text in prompts}
    html: str = parser.renderer.render(tokens, parser.options, env)
    return html.translate(_STRUCK)


def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt  # slow: only the preview writes HTML

    parser = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    for name, rule in _RULES.items():
        parser.add_render_rule(name, rule)
    return parser


# --- blanks --------------------------------------------------------------------------------


def _marked(markdown: str) -> str:
    """The same with a sign inside the ends of each blank, where brackets still are brackets."""
    parts: list[str] = []
    last = 0
    for found in blanks_in_document(markdown):
        inside = found.text.startswith("[") and found.text.endswith("]")
        start, end = found.start + inside, found.end - inside
        parts += [markdown[last:start], _OPEN, markdown[start:end], _CLOSE]
        last = end
    return "".join([*parts, markdown[last:]])


def _shown(text: str) -> str:
    """Escaped text with its blanks marked."""
    around = re.sub(rf"\[{_OPEN}([^{_OPEN}{_CLOSE}]*){_CLOSE}\]", rf"{_OPEN}[\1]{_CLOSE}", text)
    return _BLANK.sub(r"<mark>\1</mark>", escape(around))


# --- tokens --------------------------------------------------------------------------------


def _anchor(tokens: Sequence[Token]) -> None:
    opening = (token for token in tokens if token.type == "heading_open")
    anchors = headings(Page("", (), tuple(tokens), {}))
    for token, heading in zip(opening, anchors, strict=True):
        token.attrSet("id", heading.anchor)


def _align(token: Token) -> None:
    """A class in place of the style attribute, which the page's policy forbids."""
    style = str(token.attrs.pop("style", ""))
    if style.startswith("text-align:"):
        token.attrSet("class", style.removeprefix("text-align:"))


def _tick(item: Token, inner: Sequence[Token]) -> None:
    """The box of an item that is a task (GFM 0.29 §5.3); `inner` is what it begins with."""
    words = [each for inline in inner[1:] for each in inline.children or ()]
    box = _BOX.match(words[0].content) if words and words[0].type == "text" else None
    if box is None:
        return
    item.attrSet("class", "task")
    words[0].content = words[0].content[box.end() :]
    words[0].meta = {"checked": box[1] != " "}


def _lead(children: Sequence[Token], folder: str) -> None:
    """Each link to where it may lead; what leads nowhere is plain text."""
    is_open = False
    for token in children:
        if token.type == "link_open":
            address = _address(str(token.attrGet("href") or ""), folder)
            is_open = address is not None
            token.tag = "a" if is_open else "span"
            token.attrs = dict(_attributes(address))
        if token.type == "link_close" and not is_open:
            token.tag = "span"


def _attributes(address: str | None) -> Iterator[tuple[str, str | int | float]]:
    if address is None:
        yield "title", "not shown in the preview"
        return
    yield "href", address
    if _SCHEME.match(address):
        yield from {"target": "_blank", "rel": "noopener noreferrer"}.items()


def _address(target: str, folder: str) -> str | None:
    """Where a link from a document in `folder` leads; `None`: to nothing that is shown."""
    if target.startswith("#"):
        return target
    if _SCHEME.match(target):
        return target if target.lower().startswith(_ELSEWHERE) else None
    path, hash_, fragment = target.partition("#")
    whole = posixpath.normpath(posixpath.join(folder, unquote(path)))
    if is_outside(whole) or not whole.endswith(".md"):
        return None
    return f"/{quote(whole)}{hash_}{fragment}"


# --- HTML ----------------------------------------------------------------------------------


def _text(_: object, tokens: Sequence[Token], at: int, *__: object) -> str:
    checked = tokens[at].meta.get("checked")
    ticked = " checked" if checked else ""
    box = "" if checked is None else f'<input type="checkbox" disabled{ticked}> '
    return box + _shown(tokens[at].content)


def _code(_: object, tokens: Sequence[Token], at: int, *__: object) -> str:
    block = f"<pre><code>{_shown(tokens[at].content)}</code></pre>\n"
    if not tokens[at].meta.get("prompt"):
        return block
    return f'<div class="prompt"><button type="button">Copy</button>{block}</div>\n'


def _image(_: object, tokens: Sequence[Token], at: int, *__: object) -> str:
    """Its words: nothing is loaded."""
    source = escape(str(tokens[at].attrGet("src") or ""))
    return f'<span class="image" title="{source}">🖼 {escape(tokens[at].content)}</span>'


_RULES = {"text": _text, "fence": _code, "code_block": _code, "image": _image}
