"""Markdown as the preview shows it: as on GitHub, but it runs nothing."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handoff.preview.html import (
    DIGITS,
    VALUE_END,
    VALUE_START,
    to_html,
    traced_to_html,
)

FOLDER = Path(__file__).parent / "fixtures/preview"
PROMPT = "Read [FILE PATH] & go"


def test_page_has_the_expected_html(request: pytest.FixtureRequest) -> None:
    markdown = (FOLDER / "page.md").read_text("utf-8")
    expected = FOLDER / "page.html"

    found = to_html(markdown, "docs/09-handoff/one.md", [PROMPT])

    if request.config.getoption("--update"):
        expected.write_text(found, "utf-8")
    assert found == expected.read_text("utf-8")


ATTRIBUTES = {
    "a": {"class", "href", "id", "target", "rel", "title"},
    "button": {"type", "class"},
    "div": {"class", "tabindex", "role", "aria-label"},
    "hr": {"class"},
    "img": {"src", "alt", "title"},
    "input": {"aria-label", "class", "type", "disabled", "checked"},
    "li": {"class", "id", "dir"},
    "ol": {"class", "start"},
    "pre": {"class", "tabindex"},
    "span": {"class", "title"},
    **{tag: {"class", "dir"} for tag in ("p", "td", "th")},
    **{tag: {"class"} for tag in ("section", "sup", "ul")},
    **{f"h{level}": {"id", "dir"} for level in range(1, 7)},
}
PLAIN = {
    "blockquote",
    "br",
    "code",
    "em",
    "mark",
    "s",
    "strong",
    "table",
    "tbody",
    "thead",
    "tr",
}


class Tags(HTMLParser):
    """Collects tags and attributes that Markdown does not produce."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.unexpected: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = {name for name, _ in attrs}
        if tag not in PLAIN and not (tag in ATTRIBUTES and names <= ATTRIBUTES[tag]):
            self.unexpected.append(f"{tag} {sorted(names)}")
        for name, value in attrs:
            if name == "src" and not str(value).startswith("/"):
                self.unexpected.append(str(value))
            if name == "href" and not str(value).startswith(("#", "/", "http", "mailto:")):
                self.unexpected.append(str(value))

    def handle_comment(self, data: str) -> None:
        self.unexpected.append(data)

    def handle_decl(self, decl: str) -> None:
        self.unexpected.append(decl)


PIECES = (
    *(
        "[TO BE FILLED]",
        "[TIME]",
        "✅/❌",
        "- [ ] ",
        "- [x] ",
        "[",
        "](",
        ")",
        "<",
        ">",
        "\\",
        "`",
    ),
    *(
        "```\n",
        "~~~",
        "**",
        "_",
        "# ",
        "> ",
        "1. ",
        "\n",
        "\n\n",
        "| a |\n|--:|\n",
        "|",
        "    ",
    ),
    *("<script>", "<img src=x onerror=y>", "<!--", "-->", "javascript:x", "http://e.org/", '"'),
    *(
        "&lt;",
        "&#106;avascript:",
        "\ufdd2",
        "\ufdd3",
        "a",
        "x.md",
        "../",
        "//",
        "#b",
        "!",
        "[a]: ",
        "[^1]",
        "[^1]: ",
        "```python\n",
    ),
)


@given(st.lists(st.sampled_from(PIECES), max_size=25).map("".join))
def test_no_text_produces_unexpected_tags(text: str) -> None:
    html = to_html(text, "docs/one.md", [PROMPT])

    assert Tags(html).unexpected == []
    assert html.count("<mark>") == html.count("</mark>")
    assert not {"\ufdd2", "\ufdd3"} & set(html)


@pytest.mark.parametrize(
    ("target", "leads_to"),
    [
        ("b.md", "/docs/h/b.md"),
        ("../c%20d.md#e", "/docs/c%20d.md#e"),
        ("<../c d.md>", "/docs/c%20d.md"),
        ("#here", "#here"),
        ("https://e.org/a.md", "https://e.org/a.md"),
        ("../../../a.md", None),
        ("/etc/a.md", None),
        ("//e.org/a.md", None),
        ("a.py", None),
        ("ftp://e.org/a.md", None),
        ("vscode:a.md", None),
    ],
)
def test_link_leads_to_documents_and_to_the_web(target: str, leads_to: str | None) -> None:
    html = to_html(f"[words]({target})", "docs/h/a.md")

    link = f'<a href="{leads_to}"' if leads_to else '<span title="not shown in the preview">'
    assert html.startswith(f'<p dir="auto">{link}')


@pytest.mark.parametrize(
    ("target", "shown"),
    [
        ("b.png", "/docs/h/b.png"),
        ("../c%20d.SVG?raw=true", "/docs/c%20d.SVG"),
        ("../../../a.png", None),
        ("https://e.org/a.png", None),
        ("//e.org/a.png", None),
        ("data:image/png;base64,AA", None),
        ("a.html", None),
    ],
)
@pytest.mark.parametrize("markdown", ["![words]({})", '<img src="{}" alt="words">'])
def test_image_of_the_project_is_shown(markdown: str, target: str, shown: str | None) -> None:
    html = to_html(markdown.format(target), "docs/h/a.md")

    without = '<span class="image" title="not shown in the preview">🖼 words</span>'
    assert (f'<img src="{shown}" alt="words">' if shown else without) in html
    assert ("<img" in html) == bool(shown)


def traced(markdown: str) -> str:
    """Each `{5}` of the text as a value with the number 12."""
    start = f"{VALUE_START}{DIGITS[1]}{DIGITS[2]}"
    return markdown.replace("{", start).replace("}", VALUE_END)


@pytest.mark.parametrize(
    "markdown",
    [
        *("{5}", "**{5}** x", "`{5}`", "| a |\n|---|\n| {5} |", "[{5}](x.md)", "# {5}"),
        *("> [!NOTE]\n> {5}", "{`5`}", "```\n{5}\n```", "- [ ] {5}"),
    ],
)
def test_value_is_marked_and_nothing_else_changes(markdown: str) -> None:
    plain = to_html(markdown.replace("{", "").replace("}", ""), "docs/a.md")
    start = '<span class="value" tabindex="0" data-value="12">'

    html = traced_to_html(traced(markdown), "docs/a.md")

    assert html.count(start) == 1
    before, _, after = html.partition(start)
    assert before + after.replace("</span>", "", 1) == plain


@pytest.mark.parametrize(
    "markdown", ["{5}. x", "https://e.org/{5}", "[a](x{5}.md)", "{-} x", "```sql\n{5}\n```"]
)
def test_value_that_its_marks_would_change_has_none(markdown: str) -> None:
    plain = to_html(markdown.replace("{", "").replace("}", ""), "docs/a.md")

    assert traced_to_html(traced(markdown), "docs/a.md") == plain
