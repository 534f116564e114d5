"""One block of Markdown as content: lists, steps, checklists, code and labelled text.

Nothing here needs to be certain: what is made is rendered and compared before it is kept.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from handoff.import_.values import LiteralName, NotExpressible, Value, is_label, live_text
from handoff.session.content import CODE_LANG, CODE_LANGS

if TYPE_CHECKING:
    from markdown_it.token import Token

    Block = Sequence[Token]
    """The tokens of one block, with what is in it."""

_DEEPEST = 8
"""Levels of lists; deeper ones stand as they are."""
_LANG_KEYS = {lang: key for key, lang in CODE_LANGS.items()}
_MARK = re.compile(r" {0,3}(?:[-+*]|\d{1,9}[.)]) {1,4}(?=\S)")
_BOX = re.compile(r"\[([ x])\] (\S.*)")
_LABELLED = re.compile(r"\*\*([^*\n`\\]+)\*\*:(?: (.*))?", re.DOTALL)
_ENTRY = re.compile(
    r"(?P<label>[^\W_][^:*_`\[\]<>{}\\#\n\"|]{0,58}):(?: (?P<value>\S.*))?", re.DOTALL
)


def blocks(tokens: Sequence[Token]) -> list[Block]:
    """`tokens` cut into the blocks that stand beside each other."""
    found: list[Block] = []
    start = depth = 0
    for n, token in enumerate(tokens):
        depth += token.nesting
        if depth == 0:
            found.append(tokens[start : n + 1])
            start = n + 1
    return found


def value(block: Block, lines: Sequence[str]) -> Value:
    """A list or a code block of the document `lines` as content. Raises NotExpressible."""
    kind = block[0].type
    if kind in ("fence", "code_block"):
        return _code(block[0])
    if kind not in ("bullet_list_open", "ordered_list_open"):
        raise NotExpressible
    return _checklist(block) or _list(block, 1, lines)


def labelled(block: Block) -> tuple[str, str] | None:
    """Label and value of a paragraph `**Label**: value`."""
    found = _LABELLED.fullmatch(text_of(block)) if block[0].type == "paragraph_open" else None
    if found is None or found[1] != found[1].strip() or not is_label(found[1]):
        return None
    if "\n**" in (found[2] or ""):
        return None  # lines of labels in one paragraph: they would become paragraphs
    return found[1], live_text((found[2] or "").strip(" "))


def label_lines(block: Block) -> list[tuple[str, str]] | None:
    """Label and value of each line of a paragraph that is nothing but such lines."""
    found = [_LABELLED.fullmatch(line) for line in text_of(block).split("\n")]
    if not all(each and is_label(each[1]) for each in found):
        return None
    return [(each[1], live_text((each[2] or "").strip(" "))) for each in found if each]


def text_of(block: Block) -> str:
    """The Markdown of a paragraph or heading."""
    return block[1].content


def with_beneath(first: str, beneath: Value | None) -> Value:
    """A label's value with the list or code that follows it."""
    if beneath is None:
        return first
    return {"value": first, "items": beneath} if first else beneath


# --- lists -----------------------------------------------------------------------------------


def _list(block: Block, depth: int, lines: Sequence[str] = ()) -> Value:
    """Items in words; one that has none stands as it is where `lines` are known."""
    if depth > _DEEPEST or block[0].attrGet("start") is not None:
        raise NotExpressible
    items: list[Value] = []
    for item in blocks(block[1:-1]):
        try:
            items.append(_item(item[1:-1], depth))
        except NotExpressible:
            items.append({"markdown": _as_it_stands(item[0], lines)})
    if not any(isinstance(item, str) or _has_words(item) for item in items):
        raise NotExpressible
    return {"steps": items} if block[0].type == "ordered_list_open" else items


def _has_words(item: Value) -> bool:
    return not isinstance(item, dict) or "markdown" not in item


def _as_it_stands(item: Token, lines: Sequence[str]) -> LiteralName:
    """The lines of a list item without its mark and indentation. Raises NotExpressible."""
    start, end = item.map or (0, 0)
    inside = list(lines[start:end])
    mark = _MARK.match(inside[0]) if inside else None
    if mark is None:
        raise NotExpressible
    margin = re.compile(f" {{0,{mark.end()}}}")
    first, *rest = inside
    return LiteralName(
        "\n".join([first[mark.end() :], *(margin.sub("", x, count=1) for x in rest)]).rstrip()
    )


def _item(tokens: Sequence[Token], depth: int) -> Value:
    parts = blocks(tokens)
    if not parts:
        return ""
    if parts[0][0].type != "paragraph_open":
        return _only(parts, depth)
    if len(parts) > 2:
        raise NotExpressible
    text = text_of(parts[0])
    beneath = _nested(parts[1], depth) if len(parts) == 2 else None
    entry = _ENTRY.fullmatch(text)
    if entry and is_label(entry["label"]) and (entry["value"] or beneath is not None):
        return {entry["label"]: with_beneath(live_text(entry["value"] or ""), beneath)}
    return with_beneath(live_text(text), beneath)


def _only(parts: Sequence[Block], depth: int) -> Value:
    if len(parts) > 1:
        raise NotExpressible
    return _nested(parts[0], depth)


def _nested(block: Block, depth: int) -> Value:
    if block[0].type in ("bullet_list_open", "ordered_list_open"):
        return _list(block, depth + 1)
    if block[0].type == "fence":
        return _code(block[0])
    raise NotExpressible


def _checklist(block: Block) -> Value | None:
    """Boxes, each with a label of its own; `None` where the list is anything else."""
    items = blocks(block[1:-1])
    found = [_BOX.fullmatch(item[2].content) for item in items if len(item) == 5]
    boxes = {live_text(box[2]): box[1] == "x" for box in found if box}
    is_whole = len(boxes) == len(items) and all(map(is_label, boxes))
    return {"checklist": dict(boxes)} if is_whole and _is_bulleted(block) else None


def _is_bulleted(block: Block) -> bool:
    return block[0].type == "bullet_list_open"


def _code(token: Token) -> Value:
    lang = token.info.strip()
    content = token.content.removesuffix("\n")
    if lang in _LANG_KEYS:
        return {_LANG_KEYS[lang]: content}
    if not re.fullmatch(CODE_LANG, lang):
        raise NotExpressible
    return {"code": content, "lang": lang}
