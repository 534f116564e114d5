"""What `new` takes over from the previous session, as `carry` of each key says."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from handoff.base.blanks import is_blank
from handoff.base.problems import Problem
from handoff.session.content import ContentReader
from handoff.session.keys import KEYS
from handoff.session.model import (
    Blank,
    Bullets,
    ChartBlock,
    Checklist,
    Claim,
    CodeBlock,
    Condition,
    Content,
    Decision,
    Entries,
    Entry,
    ExpectBlock,
    Flag,
    MarkdownBlock,
    PhasesBlock,
    RowsBlock,
    RowsColumn,
    Session,
    Steps,
    TableBlock,
    Text,
    Valued,
)
from handoff.session.periods import parse_period
from handoff.session.reading_list import prompts
from handoff.session.text import spelled_blank
from handoff.session.walk import Leaf, checklist_items, every, leaves
from handoff.values.expressions import escape_braces
from handoff.values.printing import code_span, open_ticks
from handoff.yaml.edits import CannotEdit, pair_text, remove_value, set_value
from handoff.yaml.emitter import Comment, EmittedKey, Flow, YamlValue, value_of
from handoff.yaml.nodes import List, Map, Node, Pair, Scalar, is_null, parse, parse_yaml

_LONGEST_LABEL = 300
"""YAML takes keys of up to 1,024 characters."""
_ORIGIN = re.compile(r"\(from [\w.-]+\)$")
_ORIGIN_OF_ITEM = re.compile(r"(?:^|, )from [\w.-]+$")
"""What was carried over before keeps the session that it came from."""
_TICKS = re.compile(r"[\s✅❌☑✔️]+$")
PLACEHOLDERS = {
    "item": "First thing to do",
    "rendered": "First document rendered",
    "filled": "Blanks filled",
    "replace_sample": "Replace sql/schedule/game_dates.sql with a query of your own",
    "replace_first": "Replace sql/first/timestamp.sql with a query of your own",
    "add_query": "Add a query of your own with 'handoff query new'",
}
"""What `init` and `new` write as an example of an item; nobody's work."""
_REPLACED = re.compile(r"^Replace \S+/((?:schedule/game_dates|first/timestamp)\.sql)")
"""The folder of the queries is a setting."""
_READ = {"read", "reread", "review", "reviewed"}
_HANDOFF = {"handoff", "handover", "session"}
_AROUND = re.compile(
    "the|this|that|a|previous|last|latest|first|results?|document|doc|notes|prompt|is|was|has|"
    "been|be|to|and|of|from|in|full|fully|completely|carefully|understood|please"
)
"""Words around `read` and `handoff` that add no work to it."""
_SESSION_ID = re.compile(r"\bsession[ -]?\d\w*(?:['’]s)?")
_NOTHING = {"none", "nothing", "no", "n/a", "-", "–", "—"}
_GUARDS = re.compile(r"\bdo[- ]?not|\bdon['’]?t\b|\bnever\b", re.IGNORECASE)


class PreviousSession(Struct, frozen=True):
    """The session that the new one continues."""

    session: Session
    text: str
    """Its file."""
    root: Map
    say: Callable[[Text], str]
    """A text with its live values from the recorded results, in code spans."""
    bases: Mapping[str, str | None] = {}
    """By git fact, where the work of the next session begins: a commit, a time or a day.

    `None` where that stays, as in the state of the tree.
    """

    @property
    def origin(self) -> str:
        return f"from {self.session.id}"


Carrier = Callable[[PreviousSession, str], EmittedKey | None]


def copy_verbatim(source: PreviousSession, key: str) -> EmittedKey | None:
    """The key unchanged, with its comments."""
    node = _node(source, key)
    if node is None or not value_of(node):
        return None
    lines = pair_text(source.text, key)
    if lines is not None and _says_the_same(lines, key, node):
        return EmittedKey(verbatim=lines.replace("\r\n", "\n"))
    return EmittedKey(value_of(node))


def carry_facts(source: PreviousSession, cited: Collection[str] | None) -> EmittedKey | None:
    """The facts that the new session cites, and those of git from where this one ended.

    `cited`: their names; `None` for all. A git fact is about the work of the session itself,
    so the next one has it, too.
    """
    node = _node(source, "facts")
    if not isinstance(node, Map):
        return copy_verbatim(source, "facts")
    kept = [
        pair.key
        for pair in node.pairs
        if cited is None or pair.key in cited or pair.key in source.bases
    ]
    if not kept:
        return None
    try:
        parsed = parse_yaml(source.text.encode(), "")
        for pair in node.pairs:
            if pair.key not in kept:
                parsed = remove_value(parsed, ("facts", pair.key))
        for name, base in source.bases.items():
            if base:
                parsed = set_value(parsed, ("facts", name, "git"), base)
    except CannotEdit:
        value = value_of(node)
        assert isinstance(value, Mapping)
        facts = {name: value[name] for name in kept}
        for name, base in source.bases.items():
            fact = facts[name]
            if base and isinstance(fact, Mapping):
                facts[name] = {**fact, "git": base}
        return EmittedKey(facts)
    root = parsed.root
    assert root is not None
    return copy_verbatim(replace(source, text=parsed.text, root=root), "facts")


def carry_items(source: PreviousSession, key: str) -> EmittedKey | None:
    """Each entry as an item that names the session it came from."""
    node = _node(source, key)
    if isinstance(node, List) and not spelled_blank(node):
        items = [item for each in node.nodes for item in _item(each, source)]
    else:
        content = getattr(source.session, key)
        items = [_with_origin(each, source) for each in _items(content, source.say)]
    return EmittedKey(items) if items else None


def _item(node: Node, source: PreviousSession) -> Iterator[YamlValue]:
    """One item of a list; its other keys are kept."""
    words: Node | None = node
    if isinstance(node, Map):
        words = next((pair.node for pair in node.pairs if pair.key in _WORDS), None)
    if not isinstance(words, Scalar):
        content = ContentReader("").content(node)
        yield from (_with_origin(each, source) for each in _items(content, source.say))
    elif not is_null(words) and not is_blank(words.text, item=True):
        said = _with_origin(source.say(Text(words.text, words.place)), source)
        yield said if words is node else _beside(said, node, source)


def carry_guards(source: PreviousSession, key: str) -> EmittedKey | None:
    """What not to do: the list, and the parts of prompts with such a heading."""
    part = carry_items(source, key)
    items = list(part.value) if part and isinstance(part.value, list) else []
    written = prompts(source.session).values()
    for entry in (entry for prompt in written for entry in prompt.more):
        if _GUARDS.search(entry.label):
            told = _items(entry.content, source.say)
            items += [
                item for each in told if (item := _with_origin(each, source)) not in items
            ]
    return EmittedKey(items) if items else None


def carry_live(source: PreviousSession, key: str) -> EmittedKey | None:
    """The key unchanged, if every value in it comes from a query."""
    content = getattr(source.session, key)
    return copy_verbatim(source, key) if content and is_live(content) else None


def carry_text(source: PreviousSession, key: str) -> EmittedKey | None:
    """The text, with the session it came from."""
    words: Text | None = getattr(source.session, key)
    return EmittedKey(_with_origin(source.say(words), source)) if words else None


def carry_checklist(source: PreviousSession, key: str) -> EmittedKey | None:
    """The objectives, then every item that was left unchecked."""
    found: dict[str, YamlValue] = {}
    objectives = source.session.next.objectives if source.session.next else None
    for label in _items(objectives, source.say):
        if _is_work(label):
            found.setdefault(_label(label), False)
    still_open = [each for each in _open_boxes(source) if each[0] not in found]
    if still_open:
        found[Comment(f"left open in {source.session.id}")] = None
    found.update(still_open)
    return EmittedKey(found) if found else None


def carry_sections(source: PreviousSession, key: str) -> EmittedKey | None:
    """The prerequisites, and the free sections about what not to do.

    Not those that facts decide: `ready` evaluates them where they are.
    """
    needed = source.session.next.prerequisites if source.session.next else None
    decided = {id(each.text) for each in every(needed, Condition)}
    words = _items(needed, lambda text: "" if id(text) in decided else source.say(text))
    labels: dict[str, YamlValue] = {
        _label(_TICKS.sub("", each)): False
        for each in words
        if each and _is_work(each) and each.strip().casefold() not in _NOTHING
    }
    found: list[YamlValue] = []
    if labels:
        content: YamlValue = {"checklist": labels}
        found.append({"title": "Prerequisites", "after": "header", "content": content})
    for n, section in enumerate(source.session.sections):
        if section.title and _GUARDS.search(section.title):
            found.append(_guard(source, n, section.title))
    return EmittedKey(found) if found else None


_CARRIERS: Mapping[str, Carrier] = {
    "copy": copy_verbatim,
    "items": carry_items,
    "guards": carry_guards,
    "live": carry_live,
    "checklist": carry_checklist,
    "sections": carry_sections,
    "text": carry_text,
}
"""By `carry` of a key."""
FACTS_COMMENT = next(key.carry_comment for key in KEYS if key.name == "facts")


def carry_over(source: PreviousSession) -> dict[str, EmittedKey]:
    """Every part of the next session that comes from `source`."""
    found = {}
    for key in KEYS:
        carry = _CARRIERS.get(key.carry)  # facts are carried last: see `carry_facts`
        part = carry(source, key.name) if carry else None
        if part is not None:
            found[key.name] = EmittedKey(part.value, key.carry_comment, part.verbatim)
    return found


_LISTS = (key.shape for key in KEYS if key.shape.inside == "items" and key.shape.takes_items)
_WORDS = ("text", *(shape.keys[0].name for shape in _LISTS))
"""The keys of the statement in an item that is a mapping."""


def _beside(said: str, node: Node, source: PreviousSession) -> YamlValue:
    """The mapping with `said` as its statement, on one line if it has scalars only."""
    assert isinstance(node, Map)
    pairs = {p.key: said if p.key in _WORDS else _dated(p, source) for p in node.pairs}
    plain = all(value is None or isinstance(value, str | bool) for value in pairs.values())
    return Flow(pairs) if plain else pairs


def _dated(pair: Pair, source: PreviousSession) -> YamlValue:
    """The value; where it is a time in words, the days that these mean in `source`."""
    value = value_of(pair.node)
    if pair.key in _TIMES and isinstance(value, str):
        period = parse_period(value, source.session.created.day)
        return period.text if period else value
    return value


_TIMES = ("due", "after", "parked")


# --- helpers -------------------------------------------------------------------------------


def _node(source: PreviousSession, key: str) -> Node | None:
    return next((pair.node for pair in source.root.pairs if pair.key == key), None)


def _says_the_same(lines: str, key: str, node: Node) -> bool:
    """Whether the lines alone mean the same as in their file: no anchor is missing."""
    problems: list[Problem] = []
    root = parse(lines.encode(), "", problems)
    pairs = root.pairs if isinstance(root, Map) else ()
    return not problems and [(p.key, value_of(p.node)) for p in pairs] == [
        (key, value_of(node))
    ]


def _items(content: Content | None, say: Callable[[Text], str]) -> list[str]:
    """The entries of content, each as one text, without blanks."""
    match content:
        case Text():
            words = say(content)
            return [words] if words.strip() else []
        case Bullets(several) | Steps(several):
            return [text for each in several for text in _items(each, say)]
        case Entries(entries):
            return [text for each in entries for text in _entry(each, say)]
        case Valued(value, inner):
            return [*_items(value, say), *_items(inner, say)]
        case Checklist(several):
            return [say(box.label) for box in several if not box.done]
        case CodeBlock(_, Text(code)):
            return [escape_braces(code_span(" ".join(code.split())))]
        case MarkdownBlock(text):
            return [escape_braces(text)]
        case Flag(value):
            return ["✅" if value else "❌"]
        case Condition(words):
            return _items(words, say)
        case Claim(what):
            return _items(what, say)
        case Decision(what, _, chosen):
            found = [text for part in (what, chosen) for text in _items(part, say)]
            return [": ".join(found)] if found else []
        case RowsBlock(columns, rows):
            return ["; ".join(_row(columns, row, say)) for row in rows]
    return []


def _entry(entry: Entry, say: Callable[[Text], str]) -> list[str]:
    inside, label = _items(entry.content, say), escape_braces(entry.label)
    if isinstance(entry.content, Blank):
        return [label]
    return [f"{label}: {'; '.join(inside)}"] if inside else []


def _row(
    columns: Sequence[RowsColumn], row: Sequence[Content], say: Callable[[Text], str]
) -> Iterator[str]:
    for column, cell in zip(columns, row, strict=True):
        yield from _entry(Entry(column.heading, cell, column.place), say)


def _with_origin(words: str, source: PreviousSession) -> str:
    if _ORIGIN.search(words):
        return words
    apart = "\n\n" if "\n" in words else " "
    return f"{words}{apart}({source.origin})"


def _open_boxes(source: PreviousSession) -> Iterator[tuple[str, YamlValue]]:
    for box in checklist_items(source.session):
        if box.done or not _is_work(box.label.value):
            continue
        note = source.say(box.note) if box.note else ""
        if not _ORIGIN_OF_ITEM.search(note):
            note = f"{note}, {source.origin}" if note else source.origin
        when: dict[str, YamlValue] = {"when": box.when.when.value} if box.when else {}
        yield _label(source.say(box.label)), Flow({"done": False, "note": note, **when})


def _is_work(words: str) -> bool:
    """Whether an item asks for more than to read the handoff, and nobody's example is it."""
    plain = _TICKS.sub("", words).strip()
    plain = _REPLACED.sub(r"Replace sql/\1", plain)
    if plain in PLACEHOLDERS.values():
        return False
    joined = re.sub(r"\bhand[- ](?=off|over)", "hand", plain.casefold())
    found = set(re.findall(r"[^\W_]+", _SESSION_ID.sub("session", joined)))
    asks = found & _READ and found & _HANDOFF
    others = found - _READ - _HANDOFF
    return not asks or not all(_AROUND.fullmatch(word) for word in others)


def _label(words: str) -> str:
    """`words` on one line, cut at 300 characters; a code span in it is closed."""
    line = " ".join(words.split())
    if len(line) <= _LONGEST_LABEL:
        return line
    cut = line[: _LONGEST_LABEL - 1].rstrip("`\\")
    return f"{cut}…{open_ticks(cut)}"


def is_live(content: object) -> bool:
    """Whether every leaf is a live value, a table, a status line or an expectation."""
    return all(_is_live(leaf) for leaf in leaves(content))


def _is_live(leaf: Leaf) -> bool:
    if leaf.role != "content":
        return False
    if isinstance(leaf.node, Text):
        return "{{" in leaf.node.value
    return isinstance(leaf.node, Blank | TableBlock | PhasesBlock | ExpectBlock | ChartBlock)


def _guard(source: PreviousSession, n: int, title: str) -> YamlValue:
    """A free section, its title with the session it came from."""
    node = _node(source, "sections")
    value = value_of(node) if node else None
    section = value[n] if isinstance(value, list) else {}
    assert isinstance(section, Mapping)  # it was read as a section
    return {**section, "title": _with_origin(title, source)}
