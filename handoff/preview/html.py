"""Markdown as HTML that runs nothing, loads nothing and marks the blanks."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Sequence
from functools import cache
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from handoff.base.blanks import blanks_in_document
from handoff.base.markdown import Page, headings, markdown_parser
from handoff.base.tree import is_outside

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

_OPEN, _CLOSE = "\ufdd2", "\ufdd3"
"""Around a blank while Markdown is parsed; noncharacters, in no text (Unicode 16 §23.7)."""
_UNMARKED = str.maketrans("", "", _OPEN + _CLOSE)
_BLANK = re.compile(f"{_OPEN}([^{_OPEN}{_CLOSE}]*){_CLOSE}")
_BLANK_IN_BRACKETS = re.compile(rf"\[{_BLANK.pattern}\]")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_WEB = ("http:", "https:", "mailto:")
_MAX_COLORED = 100_000
"""Characters of a code block; a longer one stays black, as some lexers are slow."""


def to_html(markdown: str, path: str, prompts: Collection[str] = ()) -> str:
    """A document at `path` as GitHub shows it, but with raw HTML as text.

    Links to Markdown files of the project lead to `/<path from the root>`, those to its other
    files nowhere. A fence that contains one of `prompts` gets a button that copies it.
    """
    parser = _parser()
    env: dict[str, object] = {}
    tokens = parser.parse(_mark_blanks(markdown.translate(_UNMARKED)), env)
    opening = (token for token in tokens if token.type == "heading_open")
    for token, heading in zip(opening, headings(Page("", (), tuple(tokens), {})), strict=True):
        token.attrSet("id", heading.anchor)
    for token in tokens:
        style = str(token.attrs.pop("style", ""))  # forbidden by the page's policy
        if style.startswith("text-align:"):
            token.attrSet("class", style.removeprefix("text-align:"))
        _resolve_links(token.children or (), posixpath.dirname(path))
        if token.type == "fence":
            text = token.content.translate(_UNMARKED).rstrip("\n")
            token.meta = {"prompt": text in prompts}
    html: str = parser.renderer.render(tokens, parser.options, env)
    return html.translate(_UNMARKED)


@cache
def _parser() -> MarkdownIt:
    from mdit_py_plugins.footnote import footnote_plugin  # slow: only a served page needs it
    from mdit_py_plugins.tasklists import tasklists_plugin

    parser = markdown_parser().enable("strikethrough")
    parser.use(tasklists_plugin).use(footnote_plugin, inline=False)
    parser.options["html"] = False
    for name, rule in _RULES.items():
        parser.add_render_rule(name, rule)
    return parser


def code_styles() -> str:
    """The CSS for colored code, light and dark."""
    from pygments.formatters.html import HtmlFormatter

    light, dark = (
        "\n".join(HtmlFormatter(style=style).get_token_style_defs("pre code"))  # type: ignore[no-untyped-call]
        for style in ("default", "github-dark")
    )
    return f"{light}\n@media (prefers-color-scheme: dark) {{\n{dark}\n}}"


# --- blanks --------------------------------------------------------------------------------


def _mark_blanks(markdown: str) -> str:
    """Put marks around each blank, inside its brackets as long as these are Markdown."""
    parts: list[str] = []
    last = 0
    for found in blanks_in_document(markdown):
        inside = found.text.startswith("[") and found.text.endswith("]")
        start, end = found.start + inside, found.end - inside
        parts += [markdown[last:start], _OPEN, markdown[start:end], _CLOSE]
        last = end
    return "".join([*parts, markdown[last:]])


def _show_blanks(text: str) -> str:
    """`text` as HTML, with each blank and its brackets in a `<mark>`."""
    around = _BLANK_IN_BRACKETS.sub(rf"{_OPEN}[\1]{_CLOSE}", text)
    return _BLANK.sub(r"<mark>\1</mark>", escape(around))


# --- links ---------------------------------------------------------------------------------


def _resolve_links(children: Sequence[Token], folder: str) -> None:
    """Change the links of a document in `folder`; those that lead nowhere become text."""
    tag = "a"
    for token in children:
        if token.type == "link_open":
            address = _address(str(token.attrGet("href") or ""), folder)
            tag = "a" if address is not None else "span"
            token.attrs = {"href": address} if address is not None else {"title": _NOT_SHOWN}
            if address is not None and _SCHEME.match(address):
                token.attrs |= {"target": "_blank", "rel": "noopener noreferrer"}
        if token.type in ("link_open", "link_close"):
            token.tag = tag


_NOT_SHOWN = "not shown in the preview"


def _address(target: str, folder: str) -> str | None:
    """Where a link from a document in `folder` leads; `None` if nothing there is shown."""
    if target.startswith("#"):
        return target
    if _SCHEME.match(target):
        return target if target.lower().startswith(_WEB) else None
    path, hash_, fragment = target.partition("#")
    whole = posixpath.normpath(posixpath.join(folder, unquote(path)))
    if is_outside(whole) or not whole.endswith(".md"):
        return None
    return f"/{quote(whole)}{hash_}{fragment}"


# --- rendering -----------------------------------------------------------------------------


def _text(_: object, tokens: Sequence[Token], at: int, *__: object) -> str:
    return _show_blanks(tokens[at].content)


def _code(_: object, tokens: Sequence[Token], at: int, *__: object) -> str:
    token = tokens[at]
    code = _colored(token.content, token.info) or _show_blanks(token.content)
    block = f"<pre><code>{code}</code></pre>\n"
    if not token.meta.get("prompt"):
        return block
    return f'<div class="prompt"><button type="button">Copy</button>{block}</div>\n'


def _colored(code: str, info: str) -> str:
    """Code of a known language, its tokens in spans; else empty."""
    from pygments import highlight
    from pygments.formatters.html import HtmlFormatter
    from pygments.lexers import get_lexer_by_name
    from pygments.util import ClassNotFound

    lang = "".join(info.split()[:1])
    if not lang or len(code) > _MAX_COLORED or _OPEN in code:
        return ""
    try:
        lexer = get_lexer_by_name(lang, stripnl=False)
    except ClassNotFound:
        return ""
    return highlight(code, lexer, HtmlFormatter(nowrap=True))


def _image(_: object, tokens: Sequence[Token], at: int, *__: object) -> str:
    """Its text: images are not loaded."""
    source = escape(str(tokens[at].attrGet("src") or ""))
    return f'<span class="image" title="{source}">🖼 {escape(tokens[at].content)}</span>'


_RULES = {"text": _text, "fence": _code, "code_block": _code, "image": _image}
