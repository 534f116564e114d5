"""Markdown as GitHub shows it: HTML that runs nothing and loads only own images."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Mapping, Sequence
from functools import cache, partial
from html import escape
from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from handoff.base.blanks import blanks_in_document
from handoff.base.markdown import Page, headings, markdown_parser
from handoff.base.tree import is_outside

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

_BLANK_START, _BLANK_END, VALUE_START, VALUE_END, _PROMPT_START, _PROMPT_END = (
    chr(0xFDD2 + n) for n in range(6)
)
"""Around a blank, a live value and a prompt while Markdown is parsed and cleaned.

They are noncharacters, in no text (Unicode 16 §23.7).
"""
DIGITS = "".join(chr(0xFDE0 + n) for n in range(10))
"""Of the number after `VALUE_START`."""
_UNMARKED = dict.fromkeys(range(0xFDD0, 0xFDF0))
_MARKS = re.compile(f"{VALUE_START}[{DIGITS}]+|{VALUE_END}")
_BLANK = re.compile(
    rf"\[{_BLANK_START}([^<{_BLANK_START}]*?){_BLANK_END}\]"
    rf"|{_BLANK_START}([^<{_BLANK_START}]*?){_BLANK_END}"
)
_VALUE = re.compile(
    rf"{VALUE_START}([{DIGITS}]+)"
    rf"((?:[^<{VALUE_START}{VALUE_END}]|<code>[^<{VALUE_END}]*</code>)*){VALUE_END}"
)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_WEB = ("http:", "https:", "mailto:")
IMAGES: Mapping[str, str] = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".avif": "image/avif",
    ".svg": "image/svg+xml",
}
"""The content type of each kind of image that is shown."""
_MAX_COLORED = 100_000
"""Characters of a code block; a longer one stays black, as some lexers are slow."""


def to_html(markdown: str, path: str, prompts: Collection[str] = ()) -> str:
    """A document at `path` as GitHub shows it.

    Links to Markdown files of the project lead to `/<path from the root>`, those to its other
    files nowhere. A fence that contains one of `prompts` gets a button that copies it.
    """
    return traced_to_html(markdown.translate(_UNMARKED), path, prompts)


def traced_to_html(traced: str, path: str, prompts: Collection[str] = ()) -> str:
    """As `to_html`, with a `<span>` around each value between `VALUE_START` and `VALUE_END`.

    A line of HTML that the marks would change has none.
    """
    html = _html(_mark_blanks(traced), path, prompts)
    if VALUE_START not in traced:
        return _with_controls(html)
    plain = _html(_mark_blanks(_MARKS.sub("", traced)), path, prompts)
    lines, plain_lines = html.split("\n"), plain.split("\n")
    if len(lines) != len(plain_lines):
        return _with_controls(plain)
    pairs = zip(lines, plain_lines, strict=True)
    kept = (line if _MARKS.sub("", line) == plain else plain for line, plain in pairs)
    return _with_controls("\n".join(kept))


def _html(marked: str, path: str, prompts: Collection[str]) -> str:
    """Clean HTML, with the marks."""
    import nh3  # slow: only a served page needs it

    parser = _parser()
    env: dict[str, object] = {}
    tokens = parser.parse(marked, env)
    opening = (token for token in tokens if token.type == "heading_open")
    for token, heading in zip(opening, headings(Page("", (), tuple(tokens), {})), strict=True):
        token.attrSet("id", heading.anchor)
    for token in tokens:
        style = str(token.attrs.pop("style", ""))  # forbidden by the page's policy
        if style.startswith("text-align:"):
            token.attrSet("class", style.removeprefix("text-align:"))
        if token.type == "fence":
            text = token.content.translate(_UNMARKED).rstrip("\n")
            token.meta = {"prompt": text in prompts}
    return nh3.clean(
        parser.renderer.render(tokens, parser.options, env),
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        attribute_filter=partial(_attribute, folder=posixpath.dirname(path)),
        link_rel=None,
        url_schemes={"http", "https", "mailto"},
    )


@cache
def _parser() -> MarkdownIt:
    from mdit_py_plugins.gfm import gfm_plugin  # slow: only a served page needs it

    parser = markdown_parser()
    parser.use(gfm_plugin)
    for name in ("fence", "code_block"):
        parser.add_render_rule(name, _code)
    return parser


def code_styles() -> str:
    """The CSS for colored code, light and dark."""
    from pygments.formatters.html import HtmlFormatter

    light, dark = (
        "\n".join(HtmlFormatter(style=style).get_token_style_defs("pre code"))  # type: ignore[no-untyped-call]
        for style in ("default", "github-dark")
    )
    return f"{light}\n@media screen and (prefers-color-scheme: dark) {{\n{dark}\n}}"


# --- what is allowed -----------------------------------------------------------------------

_TAGS = {
    *("a", "b", "blockquote", "br", "code", "dd", "del", "details", "div", "dl", "dt", "em"),
    *("h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "img", "input", "ins", "kbd", "li", "ol"),
    *("p", "picture", "pre", "q", "s", "samp", "section", "source", "span", "strong", "sub"),
    *("summary", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "ul", "var"),
}
_ATTRIBUTES = {
    "*": {"class", "id"},
    "a": {"href", "title"},
    "details": {"open"},
    "img": {"src", "alt", "title", "width", "height"},
    "input": {"type", "checked", "disabled"},
    "ol": {"start"},
    "source": {"srcset", "media"},
    **{tag: {"align", "colspan", "rowspan"} for tag in ("td", "th")},
}
_CLASS = re.compile(
    "left|right|center|contains-task-list|task-list-item(-checkbox)?|mermaid"
    "|footnote(s(-sep|-list)?|-ref|-item|-backref)|markdown-alert([a-z -]*)"
)
_TOKEN_CLASS = re.compile("[a-z][a-z0-9]{0,2}")
"""Of a piece of colored code."""


def _attribute(tag: str, name: str, value: str, *, folder: str) -> str | None:
    """The attribute's value on the page; `None` to drop it."""
    value = value.translate(_UNMARKED)
    match name:
        case "href":
            return _address(value, folder)
        case "src" | "srcset":
            return _image_address(value, folder)
        case "class":
            pattern = _TOKEN_CLASS if tag == "span" else _CLASS
            return value if pattern.fullmatch(value) else None
        case "id":  # the page's own begin so
            return None if value.startswith("page-") else value
        case "type":
            return value if value == "checkbox" else None
    return value


# --- blanks and controls -------------------------------------------------------------------


def _mark_blanks(traced: str) -> str:
    """Put marks around each blank, inside its brackets as long as these are Markdown."""
    plain, at = "", 0
    inserts: list[tuple[int, str]] = []
    for mark in _MARKS.finditer(traced):
        plain += traced[at : mark.start()]
        inserts.append((len(plain), mark[0]))
        at = mark.end()
    plain += traced[at:]
    for found in blanks_in_document(plain):
        inside = found.text.startswith("[") and found.text.endswith("]")
        inserts.append((found.start + inside, _BLANK_START))
        inserts.append((found.end - inside, _BLANK_END))
    parts: list[str] = []
    last = 0
    for place, mark_text in sorted(inserts, key=lambda each: each[0]):
        parts += [plain[last:place], mark_text]
        last = place
    return "".join([*parts, plain[last:]])


def _with_controls(html: str) -> str:
    """Clean HTML with the page's own elements; the marks become tags or go."""
    html = _BLANK.sub(_blank, html)
    html = _VALUE.sub(_value, html)
    html = html.replace(_PROMPT_START, f'<div class="prompt">{_COPY}')
    html = html.replace(_PROMPT_END, "</div>").translate(_UNMARKED)
    for pattern, control in _CONTROLS:
        html = pattern.sub(control, html)
    return html


_COPY = '<button type="button" class="copy">Copy</button>'
_NOT_SHOWN = "not shown in the preview"
_AWAY = 'target="_blank" rel="noopener noreferrer"'
_GROUP = '<div class="table" tabindex="0" role="group" aria-label="table">'
_CONTROLS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"<a>(.*?)</a>", re.DOTALL), rf'<span title="{_NOT_SHOWN}">\1</span>'),
    (re.compile(r'(<a href="(?:https?:|mailto:)[^"]*")'), rf"\1 {_AWAY}"),
    (
        re.compile(r'<img(?![^>]* src=)(?:[^>]*? alt="([^"]*)")?[^>]*>'),
        rf'<span class="image" title="{_NOT_SHOWN}">🖼 \1</span>',
    ),
    (re.compile(r"<input(?=[^>]* checked)"), '<input aria-label="done"'),
    (re.compile(r"<input(?! aria-label)"), '<input aria-label="to do"'),
    (re.compile(r"<table>"), f"{_GROUP}<table>"),
    (re.compile(r"</table>"), "</table></div>"),
    (re.compile(r"<pre(?=[ >])"), '<pre tabindex="0"'),
    # not lists and quotes: a browser looks for their direction at each item that they get
    (re.compile(r"<(h[1-6]|li|p|summary|td|th)(?=[ >])"), r'<\1 dir="auto"'),
)
"""What the page adds to clean HTML, where `>` ends a tag: in attributes it is escaped."""


def _blank(found: re.Match[str]) -> str:
    words = f"[{found[1]}]" if found[1] is not None else found[2]
    return f"<mark>{words.translate(_UNMARKED)}</mark>"


def _value(found: re.Match[str]) -> str:
    number = int("".join(str(DIGITS.index(digit)) for digit in found[1]))
    return f'<span class="value" tabindex="0" data-value="{number}">{found[2]}</span>'


# --- links and images ----------------------------------------------------------------------


def _address(target: str, folder: str) -> str | None:
    """Where a link from a document in `folder` leads; `None` if nothing there is shown."""
    if target.startswith("#"):
        return target
    if _SCHEME.match(target):
        return target if target.lower().startswith(_WEB) else None
    path, hash_, fragment = target.partition("#")
    whole = _inside(path, folder)
    if whole is None or not whole.endswith(".md"):
        return None
    return f"/{quote(whole)}{hash_}{fragment}"


def _image_address(target: str, folder: str) -> str | None:
    """Where an image of the project is served; `None` for any other."""
    whole = None if _SCHEME.match(target) else _inside(target.partition("?")[0], folder)
    if whole is None or PurePosixPath(whole).suffix.lower() not in IMAGES:
        return None
    return f"/{quote(whole)}"


def _inside(path: str, folder: str) -> str | None:
    """`path` from `folder`, relative to the root; `None` outside."""
    whole = posixpath.normpath(posixpath.join(folder, unquote(path)))
    return None if is_outside(whole) else whole


# --- code ----------------------------------------------------------------------------------


def _code(_: object, tokens: Sequence[Token], at: int, *__: object) -> str:
    token = tokens[at]
    if token.info.split()[:1] == ["mermaid"]:
        diagram = escape(token.content.translate(_UNMARKED))
        return f'<pre class="mermaid"><code>{diagram}</code></pre>\n'
    code = _colored(token.content, token.info) or escape(token.content)
    block = f"<pre><code>{code}</code></pre>"
    if token.meta.get("prompt"):
        block = f"{_PROMPT_START}{block}{_PROMPT_END}"
    return f"{block}\n"


def _colored(code: str, info: str) -> str:
    """Code of a known language, its tokens in spans; else empty."""
    from pygments import highlight
    from pygments.formatters.html import HtmlFormatter
    from pygments.lexers import get_lexer_by_name
    from pygments.util import ClassNotFound

    lang = "".join(info.split()[:1])
    if not lang or len(code) > _MAX_COLORED or _BLANK_START in code:
        return ""
    try:
        lexer = get_lexer_by_name(lang, stripnl=False)
    except ClassNotFound:
        return ""
    plain = code.translate(_UNMARKED)
    return highlight(plain, lexer, HtmlFormatter(nowrap=True))
