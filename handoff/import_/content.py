"""One block of Markdown as session content: text, labels, lists, checklists, code.

The conversion may be wrong: its result is rendered and compared before it is used.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from handoff.base.markdown import split_blocks
from handoff.session.content import CODE_LANGS, RESERVED
from handoff.session.text import CODE_LANG
from handoff.values.expressions import escape_braces

if TYPE_CHECKING:
    from markdown_it.token import Token

    Block = Sequence[Token]
    """The tokens of one block, including nested ones."""

ContentValue = str | bool | list["ContentValue"] | dict[str, "ContentValue"]
"""What a session file is written from."""


class PlainText(str):
    """Text that is never a blank, such as a name, a title or Markdown."""

    __slots__ = ()


class UnsupportedContent(Exception):
    """No content of a session file renders to this Markdown."""


_MAX_DEPTH = 8
"""Of nested lists; deeper ones are kept as Markdown."""
_MAX_LABEL = 200
_INNER = (key for keys in RESERVED.values() for key in keys)
_RESERVED = frozenset((*RESERVED, *_INNER, "heading", "<<"))
_LANG_KEYS = {lang: key for key, lang in CODE_LANGS.items()}
_MARKER = re.compile(r" {0,3}(?:[-+*]|\d{1,9}[.)]) {1,4}(?=\S)")
_TASK = re.compile(r"\[([ x])\] (\S.*)")
_LABEL = re.compile(
    r"\*\*(?:(?P<inside>[^*\n`\\]+:)\*\*|(?P<outside>[^*\n`\\]*[^*\n`\\:])\*\*:)"
    r"(?: (?P<value>.*))?",
    re.DOTALL,
)
_LABELLED_ITEM = re.compile(
    r"(?P<label>[^\W_][^:*_`\[\]<>{}\\#\n\"|]{0,58}):(?: (?P<value>\S.*))?", re.DOTALL
)


def is_label(text: str) -> bool:
    """Whether `text` is a label, not a reserved key, as a key of a mapping."""
    is_short = len(text) <= _MAX_LABEL and "\n" not in text
    return bool(text.strip()) and is_short and text not in _RESERVED


def text_of(block: Block) -> str:
    """The Markdown of a paragraph or heading."""
    return block[1].content


def convert_label(block: Block) -> tuple[str, str] | None:
    """Label and value of a paragraph `**Label**: value` or `**Label:** value`.

    The label has its colon where that is inside the bold.
    """
    found = read_label(text_of(block)) if block[0].type == "paragraph_open" else None
    if found is None or "\n**" in found[1]:
        return None  # several labels in one paragraph would become several paragraphs
    return found


def convert_label_lines(block: Block) -> dict[str, ContentValue] | None:
    """The labels of a paragraph in which each line has one, each label once."""
    lines = text_of(block).split("\n") if block[0].type == "paragraph_open" else []
    found = [each for line in lines if (each := read_label(line))]
    labels: dict[str, ContentValue] = dict(found)
    return labels if labels and len(labels) == len(lines) else None


def read_label(text: str) -> tuple[str, str] | None:
    """Label and value of a text that is one bold label and what follows it."""
    found = _LABEL.fullmatch(text)
    if found is None:
        return None
    label, value = found["inside"] or found["outside"], found["value"] or ""
    if label != label.strip() or not is_label(label):
        return None
    return label, escape_braces(value.strip(" "))


def convert_block(block: Block, lines: Sequence[str]) -> ContentValue:
    """A list or code block of the document `lines`. Raises UnsupportedContent."""
    if block[0].type == "code_block":
        return _code(block[0])
    if block[0].type == "bullet_list_open" and (checklist := _checklist(block)):
        return {"checklist": checklist}
    if any(each.type == "inline" and _TASK.match(each.content) for each in block):
        raise UnsupportedContent  # as Markdown, in which items are counted
    return _nested(block, 0, lines)


def with_items(value: str, items: ContentValue | None) -> ContentValue:
    """A text or a label's value with the list or code below it."""
    if items is None:
        return value
    return {"value": value, "items": items} if value else items


# --- lists and code --------------------------------------------------------------------------


def _nested(block: Block, depth: int, lines: Sequence[str] = ()) -> ContentValue:
    if block[0].type in ("bullet_list_open", "ordered_list_open"):
        return _list(block, depth + 1, lines)
    if block[0].type == "fence":
        return _code(block[0])
    raise UnsupportedContent


def _list(block: Block, depth: int, lines: Sequence[str]) -> ContentValue:
    """The items; an unsupported one is kept as Markdown where `lines` are known."""
    if depth > _MAX_DEPTH or block[0].attrGet("start") is not None:
        raise UnsupportedContent
    items: list[ContentValue] = []
    has_content = False
    for item in split_blocks(block[1:-1]):
        try:
            items.append(_item(item[1:-1], depth))
            has_content = True
        except UnsupportedContent:
            items.append({"markdown": _item_lines(item[0], lines)})
    if not has_content:
        raise UnsupportedContent
    return {"steps": items} if block[0].type == "ordered_list_open" else items


def _item(tokens: Sequence[Token], depth: int) -> ContentValue:
    parts = split_blocks(tokens)
    if not parts:
        return ""
    text, rest = "", parts
    if parts[0][0].type == "paragraph_open":
        text, rest = text_of(parts[0]), parts[1:]
    if len(rest) > 1:
        raise UnsupportedContent
    below = _nested(rest[0], depth) if rest else None
    found = _LABELLED_ITEM.fullmatch(text)
    if found and is_label(found["label"]) and (found["value"] or below is not None):
        return {found["label"]: with_items(escape_braces(found["value"] or ""), below)}
    return with_items(escape_braces(text), below)


def _item_lines(item: Token, lines: Sequence[str]) -> PlainText:
    """The lines of a list item without its marker and indentation."""
    start, end = item.map or (0, 0)
    first, *rest = lines[start:end] or [""]
    marker = _MARKER.match(first)
    if marker is None:
        raise UnsupportedContent
    margin = re.compile(f" {{0,{marker.end()}}}")
    inside = [first[marker.end() :], *(margin.sub("", line, count=1) for line in rest)]
    return PlainText("\n".join(inside).rstrip())


def _checklist(block: Block) -> dict[str, ContentValue] | None:
    """Each item's text and whether it is checked; `None` if the list has other items."""
    items = split_blocks(block[1:-1])
    found = [_TASK.fullmatch(item[2].content) for item in items if len(item) == 5]
    checked: dict[str, ContentValue] = {escape_braces(x[2]): x[1] == "x" for x in found if x}
    return checked if len(checked) == len(items) and all(map(is_label, checked)) else None


def _code(token: Token) -> ContentValue:
    lang = token.info.strip()
    content = token.content.removesuffix("\n")
    if lang in _LANG_KEYS:
        return {_LANG_KEYS[lang]: content}
    if not re.fullmatch(CODE_LANG, lang):
        raise UnsupportedContent
    return {"code": content, "lang": lang}
