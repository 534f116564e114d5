"""The leaves of a session: every place that holds an author's words, a value or a block.

Whatever looks at all of a session's content walks it here, so that a new key, a new kind
of content and a new place for either are known everywhere at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Literal, TypeVar

from msgspec import Struct
from msgspec.structs import astuple

from handoff.base.blanks import DEFAULT
from handoff.base.fences import find_fences
from handoff.base.patterns import lazy_pattern
from handoff.base.problems import KeyPath, Place
from handoff.session.keys import KEYS, NAMES
from handoff.session.model import (
    Blank,
    Bullets,
    ChartBlock,
    Checklist,
    ChecklistItem,
    Claim,
    CodeBlock,
    Condition,
    Entry,
    ExpectBlock,
    FilesBlock,
    Flag,
    MarkdownBlock,
    PhasesBlock,
    QueryFact,
    Session,
    SourceFact,
    Steps,
    TableBlock,
    Text,
    Timestamp,
)

FactBlock = TableBlock | PhasesBlock | ChartBlock | FilesBlock | ExpectBlock
"""What prints the rows of a fact."""
LeafNode = Text | Blank | Flag | Timestamp | CodeBlock | MarkdownBlock | FactBlock

Role = Literal["content", "item", "condition", "evidence", "status"]
"""What a leaf is in its session.

- `content`: what a document prints under a heading or a label;
- `item`: the label or the note of a checklist item;
- `condition`: the expression of a `when:`;
- `evidence`: what a claim rests on;
- `status`: `status:` and `blocked_by:`, which only the status line prints.
"""


class Leaf(Struct, frozen=True):
    """One place of a session."""

    node: LeafNode
    role: Role
    in_list: bool
    """Whether it is a whole list item: `- [Other relevant files]` is a blank only there."""

    @property
    def place(self) -> Place:
        return self.node.place

    @property
    def path(self) -> KeyPath:
        """The keys that lead to it, from the top of the session file."""
        return self.node.place.keys

    @property
    def text(self) -> str | None:
        """The author's words, or the blank; `None` for a flag, a time and a block."""
        if isinstance(self.node, Text):
            return self.node.value
        return self.node.text if isinstance(self.node, Blank) else None

    @property
    def is_item(self) -> bool:
        """Whether it is the label or the note of a checklist item."""
        return self.role == "item"

    @property
    def is_counted(self) -> bool:
        """Whether it is a place to fill; checklists are counted separately, by their items."""
        return self.role in ("content", "evidence")

    @property
    def can_be_blank(self) -> bool:
        """Whether a blank in it is one of the document."""
        return self.is_counted or self.is_item


class OpenBlank(Struct, frozen=True):
    """A blank of a document, at the place in the session file where it is filled."""

    text: str
    """As it prints: `[TO BE FILLED - file path]`."""
    kind: str
    """As the grammar of blanks names it: `blank`, `name`, `phrase`, `choice`."""
    hint: str
    """What belongs there: `file path`; empty for a bare blank."""
    choices: tuple[str, ...]
    """The values to choose from: `("✅", "❌")`; empty for any text."""
    place: Place
    waits_for: tuple[str, ...] = ()
    """Facts that have no result yet, for a blank that rendering fills and not its author."""
    prompts: tuple[str, ...] = ()
    """The names of the rendered prompts that show it."""

    @property
    def in_prompt(self) -> bool:
        """Whether a prompt shows it."""
        return bool(self.prompts)


def leaves(node: object) -> Sequence[Leaf]:
    """Every leaf at or under `node`, a session or a part of it, in the order of its keys."""
    kept = vars(node) if isinstance(node, Session) else {}  # which is walked by many rules
    if "_leaves" not in kept:
        found: list[Leaf] = []
        _add_leaves(node, "content", found, in_list=False)
        kept["_leaves"] = tuple(found)
    return kept["_leaves"]  # type: ignore[no-any-return]


def texts(node: object) -> Iterator[Text]:
    """Every text the author wrote at or under `node`; not what is in code."""
    return (leaf.node for leaf in leaves(node) if isinstance(leaf.node, Text))


NodeKind = TypeVar("NodeKind")


def every(node: object, kind: type[NodeKind]) -> Sequence[NodeKind]:
    """Each node of a kind at or under `node`, in order; not what such a node holds itself."""
    kept = vars(node) if isinstance(node, Session) else {}  # as for `leaves`
    name = f"_every_{kind.__name__}"
    if name not in kept:
        found: list[NodeKind] = []
        _add_nodes(node, kind, found)
        kept[name] = tuple(found)
    return kept[name]  # type: ignore[no-any-return]


def _add_nodes(node: object, kind: type[NodeKind], found: list[NodeKind]) -> None:
    if isinstance(node, kind):
        found.append(node)
        return
    for each in _inside(node):
        _add_nodes(each, kind, found)


PLANNED = ("next", "prompt", "prompts")
"""The keys whose items are what the next session has to do."""


def checklist_items(session: Session) -> Iterator[ChecklistItem]:
    """Every item of the session's own work, in order: `checklist:`, nested checklists, and
    task lists (`- [ ] item`) in Markdown; not those of `next:` and the prompts.
    """
    own = (
        part for name, part in zip(NAMES, _parts(session), strict=True) if name not in PLANNED
    )
    for part in own:
        yield from _items(part)


def _items(node: object) -> Iterator[ChecklistItem]:
    match node:
        case ChecklistItem():
            yield node
        case MarkdownBlock(text, place) | Text(text, place):
            yield from task_list(text, place)
        case Bullets(items) | Steps(items):
            for item in items:
                if isinstance(item, Text):
                    yield from task_list(f"- {item.value}", item.place)
                else:
                    yield from _items(item)
        case CodeBlock():
            return
        case _:
            for each in _inside(node):
                yield from _items(each)


_TASK = lazy_pattern(r" *(?:>[ >]*)?(?:[-*+]|\d{1,9}[.)]) +\[([ xX])\] +(\S.*)")
"""A task list item, as GitHub Flavored Markdown has it."""


def task_list(text: str, place: Place) -> Iterator[ChecklistItem]:
    """The task list items in an author's Markdown, outside fenced code."""
    if "[" not in text:
        return
    lines = text.split("\n")
    code = {n for each in find_fences(lines) for n in range(each.first, each.last + 1)}
    for number, line in enumerate(lines, start=1):
        task = _TASK.fullmatch(line.rstrip())
        if task and number not in code:
            yield ChecklistItem(Text(task[2], place), task[1] != " ", None, place)


def every_entry(node: object) -> Sequence[Entry]:
    """Each entry at or under `node`, those inside entries too."""
    kept = vars(node) if isinstance(node, Session) else {}  # as for `leaves`
    if "_entries" not in kept:
        kept["_entries"] = tuple(_entries(node))
    return kept["_entries"]  # type: ignore[no-any-return]


def _entries(node: object) -> list[Entry]:
    found: list[Entry] = []
    for entry in every(node, Entry):
        found += [entry, *_entries(entry.content)]
    return found


_LEAVES = frozenset(LeafNode.__args__)
_STATUS = ("status", "blocked_by")


# lists are filled, as a generator within generators costs a step at each level for each leaf
def _add_leaves(node: object, role: Role, found: list[Leaf], *, in_list: bool) -> None:
    if type(node) in _LEAVES:
        found.append(Leaf(node, role, in_list))  # type: ignore[arg-type]
        if isinstance(node, TableBlock):
            _add_leaves(node.purpose, role, found, in_list=False)
        return
    match node:
        case Condition(text, when):
            _add_leaves(text, role, found, in_list=in_list)
            _add_leaves(when, "condition", found, in_list=False)
        case Claim(what, evidence):
            _add_leaves(what, role, found, in_list=in_list)
            _add_leaves(evidence, "evidence", found, in_list=False)
        case Checklist((), place):  # prints a blank, as it has no items yet
            found.append(Leaf(Blank(DEFAULT, place), "item", in_list=False))
        case ChecklistItem(label, _, note):
            _add_leaves((label, note), "item", found, in_list=False)
            # the text of an item's condition, and of its claim, is its label
            _add_leaves(node.when and node.when.when, "condition", found, in_list=False)
            _add_leaves(node.claim and node.claim.evidence, "evidence", found, in_list=False)
        case Session():
            for name, part in zip(NAMES, _parts(node), strict=True):
                own: Role = "status" if name in _STATUS else role
                _add_leaves(part, own, found, in_list=False)
        case _:
            is_list = isinstance(node, Bullets | Steps) or (in_list and type(node) is tuple)
            for each in _inside(node):
                _add_leaves(each, role, found, in_list=is_list)


_PLAIN = frozenset((type(None), str, bool, int, float, date, datetime, Decimal, Place))
_CLOSED = _PLAIN | {Text, Blank, Flag, Timestamp, QueryFact, SourceFact}
"""What holds no content of its own, two thirds of all nodes."""


def _inside(node: object) -> Sequence[object]:
    """The parts of a node that can hold more; two thirds of all are plain values."""
    return [part for part in _parts(node) if type(part) not in _PLAIN]


def _parts(node: object) -> Sequence[object]:
    """What a node holds: the items of a tuple, the keys of a session, a struct's fields."""
    if isinstance(node, tuple):
        return node
    if type(node) in _CLOSED:
        return ()
    if isinstance(node, Session):
        return [getattr(node, key.field) for key in KEYS]
    return astuple(node) if isinstance(node, Struct) else ()
