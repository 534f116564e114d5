"""Markdown as the preview shows it: as on GitHub, but it runs and loads nothing."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handoff.preview.html import to_html

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
    "a": {"class", "href", "id", "target", "rel"},
    "button": {"type"},
    "div": {"class"},
    "hr": {"class"},
    "input": {"class", "type", "disabled", "checked"},
    "li": {"class", "id"},
    "ol": {"class", "start"},
    "span": {"class", "title"},
    **{tag: {"class"} for tag in ("section", "sup", "td", "th", "ul")},
    **{f"h{level}": {"id"} for level in range(1, 7)},
}
PLAIN = {
    *("blockquote", "br", "code", "em", "mark", "p", "pre", "s", "strong"),
    *("table", "tbody", "thead", "tr"),
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
    assert html.startswith(f"<p>{link}")
