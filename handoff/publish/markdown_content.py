"""The content of a Markdown text, which no formatter changes.

mdformat, prettier and `markdownlint --fix` change markers, padding, escapes, blank lines,
wrapping and numbers. Two texts have the same content if they are the same apart from these.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from difflib import SequenceMatcher
from functools import cache
from hashlib import sha256
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from handoff.base.patterns import lazy_pattern

if TYPE_CHECKING:
    from pyromark import Markdown

_SPACE = lazy_pattern(r"[ \t\n]+")
_AROUND_MARKS = lazy_pattern(r" *(\*+|~~) *")
_CHECKED = lazy_pattern(r"\A\[X\](?= )")
_MARKS = {"Emphasis": "*", "Strong": "**", "Strikethrough": "~~"}
_CODE_SPACE = "\0"
"""A space in a code span: formatters keep those."""
_ENDS_OF_HEADINGS = ".,;:!。，；：！"
"""Removed from headings by markdownlint (MD026)."""
_DIGITS = 32


def content_digest(text: str) -> str:
    """A digest of the content; the same after a formatter."""
    lines = _lines(_parser().events(f"{text}\n", merge_text=True))
    return sha256("\n".join(lines).encode("utf-8", "replace")).hexdigest()[:_DIGITS]


def has_same_content(one: str, other: str) -> bool:
    """Whether two texts differ at most in what formatters change."""
    return content_digest(one) == content_digest(other)


@cache
def _parser() -> Markdown:
    # only to write a file or to compare one; markdown-it-py takes ten times as long
    from pyromark import Markdown, Options

    return Markdown(options=Options.ENABLE_TABLES | Options.ENABLE_STRIKETHROUGH)


class _Open(Struct):
    """What the events so far have begun."""

    inline: list[str] = field(default_factory=list)
    """The parts of the text of one block."""
    links: list[str] = field(default_factory=list)
    """The end of each link."""
    lists: list[str] = field(default_factory=list)
    """The marker of each list."""
    in_code: bool = False


def _lines(events: Iterable[Any]) -> Iterator[str]:
    """One line for the start, the text and the end of each block.

    Paragraphs begin and end nothing, because those of tight lists are not marked; neither do
    lists, because two in a row may get the same marker.
    """
    begun = _Open()
    for event in events:
        kind, value = _parts(event)
        name, details = _parts(value) if kind in ("Start", "End") else ("", value)
        part = _inline(kind, name, details, begun.links)
        if part is not None:
            begun.inline.append(part)
            continue
        if text := _text("".join(begun.inline), name, in_code=begun.in_code):
            yield f"text {text!r}"
        begun.inline.clear()
        begun.in_code = kind == "Start" and name == "CodeBlock"
        if block := _block(kind, name, details, begun.lists):
            yield block


def _parts(value: Any) -> tuple[str, Any]:
    """`"Item"` and `{"Heading": ...}` alike, as a name and its details."""
    return next(iter(value.items())) if isinstance(value, dict) else (value, None)


def _inline(kind: str, name: str, details: Any, links: list[str]) -> str | None:
    """What is printed within a line; `None` for a block."""
    if kind in ("Text", "InlineHtml", "Html"):
        return str(details)
    if kind == "Code":
        return f"`{details.strip().replace(' ', _CODE_SPACE)}`"
    if kind in ("SoftBreak", "HardBreak"):
        return "\n"
    if name in _MARKS:
        return _MARKS[name]
    if name not in ("Link", "Image"):
        return None
    if kind == "End":
        return links.pop()
    is_bare = details["link_type"] in ("Autolink", "Email")
    links.append("" if is_bare else "[/]")
    return "" if is_bare else f"[{name} {_address(details['dest_url'])} {details['title']}]"


def _address(url: str) -> str:
    if "%" not in url:
        return url
    from urllib.parse import unquote  # slow, and rarely used

    return unquote(url)


def _text(content: str, name: str, *, in_code: bool) -> str:
    if in_code:
        return _code(content.rstrip("\n"))
    text = _AROUND_MARKS.sub(r"\1", _SPACE.sub(" ", content)).strip()
    return text.rstrip(_ENDS_OF_HEADINGS) if name == "Heading" else _CHECKED.sub("[x]", text)


def _code(content: str) -> str:
    """Without the `$` before commands that show no output (MD014)."""
    lines = content.split("\n")
    if all(line.startswith("$ ") or not line.strip() for line in lines):
        return "\n".join(line.removeprefix("$ ") for line in lines)
    return content


def _block(kind: str, name: str, details: Any, lists: list[str]) -> str:
    """The line of a block; empty where it does not count."""
    if kind not in ("Start", "End"):
        return kind  # a rule
    if name == "List":
        if kind == "End":
            lists.pop()
        else:
            lists.append("-" if details is None else "1.")
    if name in ("List", "Paragraph", "HtmlBlock", "TableHead"):
        return ""
    if name == "CodeBlock":
        language = details.get("Fenced", "") if isinstance(details, dict) else ""
        return f"code {language.strip()}" if kind == "Start" else "end"
    if name == "Heading":
        return str(details["level"] if isinstance(details, dict) else details)
    shown = {"Table": details, "Item": lists[-1:]}.get(name, "")
    return f"{kind} {name} {shown}"


# --- undo a formatter ----------------------------------------------------------------------

_WORD = lazy_pattern(r"([ \t\n]*)(\||[^\s|]+)")
_ESCAPE = lazy_pattern(r"\\(?=[!-/:-@\[-`{-~])")
_BULLET = lazy_pattern(r"[*+-]")
_NUMBER = lazy_pattern(r"\d+[.)]")
_DELIMITER = lazy_pattern(r":?-+:?")
_DASHES = lazy_pattern(r"-+")


def unformatted(text: str, formatted: str) -> str:
    """`formatted`, written as `text` is wherever the content is the same.

    What differs then is a manual edit. It is `formatted` where it would lose one.
    """
    if has_same_content(text, formatted):
        return text
    old, new = _sections(text), _sections(formatted)
    found = ""
    for name, i1, i2, j1, j2 in _differences([key for _, key in old], [key for _, key in new]):
        before = "".join(source for source, _ in old[i1:i2])
        after = "".join(source for source, _ in new[j1:j2])
        has_code = any(key.startswith("code") for _, key in new[j1:j2])
        if name == "replace" and not has_code:
            after = _with_words(before, after)
        found += before if name == "equal" else after
    return found if has_same_content(found, formatted) else formatted


def _sections(text: str) -> list[tuple[str, str]]:
    """The source of each outermost block, to the next one, and its content."""
    source = text.encode("utf-8", "replace")
    starts: list[int] = []
    events: list[list[Any]] = []
    depth = 0
    for event, place in _parser().events_with_range(source.decode(), merge_text=True):
        kind, _ = _parts(event)
        if depth == 0:
            starts.append(place["start"])
            events.append([])
        events[-1].append(event)
        depth += (kind == "Start") - (kind == "End")
    cuts = [0, *starts[1:], len(source)]
    sources = [source[a:b].decode("utf-8", "replace") for a, b in pairwise(cuts)]
    return [(each, "\n".join(_lines(one))) for each, one in zip(sources, events, strict=False)]


def _with_words(before: str, after: str) -> str:
    """`after`, with the words and spaces of `before` that only a formatter changed."""
    old, new = _WORD.findall(before), _WORD.findall(after)
    found = ""
    for name, i1, i2, j1, j2 in _differences([*map(_key, old)], [*map(_key, new)]):
        if name == "equal":
            found += "".join(f"{space}{word}" for space, word in old[i1:i2])
            continue
        for n, (space, word) in enumerate(new[j1:j2]):
            spaces = old[i1 + n][0] if i1 + n < i2 else space
            found += f"{spaces if spaces.count(chr(10)) else spaces[:1]}{word}"
    return found + before[len(before.rstrip()) :]


def _key(found: tuple[str, str]) -> str:
    """A word without what formatters change in it."""
    word = _ESCAPE.sub("", found[1]).replace("_", "*").replace("&amp;", "&")
    if _BULLET.fullmatch(word) or _NUMBER.fullmatch(word):
        return "-"
    return _DASHES.sub("-", word) if _DELIMITER.fullmatch(word) else word


def _differences(old: list[str], new: list[str]) -> Sequence[tuple[str, int, int, int, int]]:
    return SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
