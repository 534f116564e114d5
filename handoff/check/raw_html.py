"""Words in angle brackets that Markdown takes for HTML, so that GitHub does not show them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from handoff.base.markdown import parse_markdown
from handoff.base.problems import Place
from handoff.check.rule import CheckContext, Finding, rule
from handoff.session.model import MarkdownBlock, TableBlock, Text, place_in
from handoff.session.walk import every, every_entry, leaves

_KEPT = """
    a abbr b bdo blockquote br caption cite code dd del details dfn div dl dt em figcaption
    figure h1 h2 h3 h4 h5 h6 hr i img ins kbd li mark ol p picture pre q rp rt ruby s samp small
    source span strike strong sub summary sup table tbody td tfoot th thead time tr tt ul var
    video wbr
"""
_SHOWN = frozenset(_KEPT.split())
"""The elements that GitHub keeps (`SanitizationFilter` of its html-pipeline)."""
_NO_END = "br dd dt hr img li p rp rt source tbody td tfoot th thead tr wbr"
_WITHOUT_END = frozenset(_NO_END.split())
"""Those that need no end tag."""
_ATTRIBUTE = r"""\s+[A-Za-z_:][\w.:-]*(?:\s*=\s*(?:[^\s"'=<>`]+|'[^']*'|"[^"]*"))?"""
_TAG = re.compile(
    rf"<!--.*?(?:-->|\Z)|<(?P<end>/?)(?P<name>[A-Za-z][A-Za-z0-9-]*)"
    rf"(?P<attributes>(?:{_ATTRIBUTE})*)\s*/?>|<(?P<other>[?!])[^>]*>",
    re.DOTALL,
)
"""Comments, tags, instructions and declarations (CommonMark 0.31 §6.6)."""
_LIVE = re.compile(r"\{\{.*?\}\}", re.DOTALL)
_MOST_NAMED = 5


@rule("D012", "warning", "words in angle brackets that GitHub takes for HTML and drops")
def dropped_words(context: CheckContext) -> Iterator[Finding]:
    """`<branch>` outside code is HTML to GitHub, which removes elements that it does not know.

    So are an element that is never closed, such as `<table>` for a table's name, and the
    parameter of `Optional<T>`. HTML that GitHub shows, comments and links are left alone. In
    the fence of a prompt everything is shown.

    Fails:

        goal: Run git checkout <branch>
    """
    if "<" not in (context.document or "<"):
        return
    texts = list(_texts(context))
    found = [(text, _tags(text.value)) for text in texts if "<" in text.value]
    ends = Counter(tag["name"].casefold() for _, tags in found for tag in tags if tag["end"])
    in_document = _tags_of_document(context.document)
    for text, tags in found:
        dropped = [tag for tag in tags if _is_dropped(tag, ends)]
        names = [tag[0] for tag in dropped if in_document is None or tag[0] in in_document]
        if names:
            first = text.value.find(names[0])
            yield place_in(text, max(first, 0)), _message(list(dict.fromkeys(names)))


def _message(names: list[str]) -> str:
    some = ", ".join(f"'{name}'" for name in names[:_MOST_NAMED])
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    dropped = (
        "is HTML to GitHub, which drops it"
        if len(names) == 1
        else ("are HTML to GitHub, which drops them")
    )
    return f"{some}{more} {dropped}; write '`{names[0]}`' or '\\{names[0]}'"


def _is_dropped(tag: re.Match[str], ends: Counter[str]) -> bool:
    if tag["other"]:
        return True
    if tag["name"] is None:  # a comment, which nobody is meant to see
        return False
    name = tag["name"].casefold()
    if name not in _SHOWN:
        return True
    is_placeholder = not tag["end"] and "=" not in tag["attributes"]
    return is_placeholder and name not in _WITHOUT_END and not ends[name]


def _texts(context: CheckContext) -> Iterator[Text]:
    """What authors wrote and Markdown is made of, without code."""
    session = context.session
    yield Text(session.title, session.title_place or Place(session.path))
    for entry in every_entry(session):
        yield Text(entry.label, entry.place)
    for section in session.sections:
        yield Text(section.title or "", section.place)
    for table in every(session, TableBlock):
        yield from (Text(column.heading, column.place) for column in table.columns)
    for leaf in leaves(session):
        if isinstance(leaf.node, MarkdownBlock):
            yield Text(leaf.node.text, leaf.place)
        elif isinstance(leaf.node, Text) and leaf.path[:1] not in (("prompt",), ("prompts",)):
            yield leaf.node


def _tags_of_document(document: str | None) -> frozenset[str] | None:
    """The tags outside code, as written; `None` for a document that could not be rendered."""
    return frozenset(tag[0] for tag in _tags(document)) if document is not None else None


def _tags(text: str) -> list[re.Match[str]]:
    """The HTML tags and comments of a Markdown text, without those in code."""
    found: list[re.Match[str]] = []
    masked = _LIVE.sub(lambda live: "0" * len(live[0]), text)
    for token in parse_markdown(masked).tokens:
        if token.type == "html_block":
            found += _TAG.finditer(token.content)
        for child in token.children or ():
            if child.type == "html_inline":
                found += _TAG.finditer(child.content)
    return found
