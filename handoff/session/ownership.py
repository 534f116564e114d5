"""What the receiver must know, from YAML nodes: severity, actions, guards, checkpoint."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import TypeVar

from handoff.base.blanks import DEFAULT
from handoff.session.content import ContentReader, spelled_blank
from handoff.session.model import (
    LEVELS,
    Action,
    Blank,
    Checkpoint,
    Contingency,
    Reasoned,
    Severity,
    Text,
    Timestamp,
)
from handoff.yaml.decode import DAY
from handoff.yaml.nodes import Map, Node, Scalar, is_null

PRIORITIES = ("high", "medium", "low")
SEVERITY_KEYS = ("level", "why")
ACTION_KEYS = ("do", "owner", "due", "priority", "if", "then")
TRIED_KEYS = ("what", "why")
DO_NOT_KEYS = ("text", "why")
CHECKPOINT_KEYS = ("at", "what")
_WHEN = "a date such as 2026-01-03 or a time such as 2026-01-03T16:20:00Z"

Item = TypeVar("Item")


def severity(reader: ContentReader, node: Node | None) -> Severity | Blank | None:
    if not isinstance(node, Map):
        level = _choice(reader, node, LEVELS)
        return Severity(level, None, level.place) if isinstance(level, Text) else level
    given = _fields(reader, node, SEVERITY_KEYS, "'severity'")
    level = _choice(reader, given.get("level"), LEVELS) or Blank(DEFAULT, node.place)
    return Severity(level, reader.words(given.get("why")), node.place)


def actions(reader: ContentReader, node: Node | None) -> tuple[Action, ...] | Blank | None:
    return _items(reader, node, "a list of actions", _action)


def tried(reader: ContentReader, node: Node | None) -> tuple[Reasoned, ...] | Blank | None:
    return _items(reader, node, "a list of {what: , why: }", _reasoned(TRIED_KEYS))


def do_not(reader: ContentReader, node: Node | None) -> tuple[Reasoned, ...] | Blank | None:
    return _items(reader, node, "a list of text or {text: , why: }", _reasoned(DO_NOT_KEYS))


def checkpoint(reader: ContentReader, node: Node | None) -> Checkpoint | Blank | None:
    if not isinstance(node, Map):
        at = _moment(reader, node)
        return Checkpoint(at, None, at.place) if isinstance(at, Timestamp) else at
    given = _fields(reader, node, CHECKPOINT_KEYS, "'checkpoint'")
    at = _moment(reader, given.get("at")) or Blank(DEFAULT, node.place)
    return Checkpoint(at, reader.words(given.get("what")), node.place)


def _items(
    reader: ContentReader,
    node: Node | None,
    what: str,
    read: Callable[[ContentReader, Node], Item | None],
) -> tuple[Item, ...] | Blank | None:
    """A list; nothing, and what a list spells, is a blank."""
    if node is None:
        return None
    if is_null(node):
        return Blank(DEFAULT, node.place)
    blank = spelled_blank(node)
    if blank:
        return blank
    found = (read(reader, each) for each in reader.nodes(node, what))
    return tuple(each for each in found if each is not None)


def _action(reader: ContentReader, node: Node) -> Action | None:
    if not isinstance(node, Map):
        words = reader.words(node, item=True)
        return Action(words, None, None, None, None, node.place) if words else None
    given = _fields(reader, node, ACTION_KEYS, "an action")
    return Action(
        do=reader.words(given.get("do")) or Blank(DEFAULT, node.place),
        owner=reader.words(given.get("owner")),
        due=_moment(reader, given.get("due")),
        priority=_choice(reader, given.get("priority"), PRIORITIES),
        contingency=_contingency(reader, node, given),
        place=node.place,
    )


def _contingency(
    reader: ContentReader, node: Node, given: Mapping[str, Node]
) -> Contingency | None:
    condition, then = reader.words(given.get("if")), reader.words(given.get("then"))
    if condition and then:
        return Contingency(condition, then)
    for key, other in (("if", "then"), ("then", "if")):
        if key in given and other not in given:
            reader.report("Y021", f"'{key}' without '{other}'", node)
    return None


def _reasoned(keys: tuple[str, str]) -> Callable[[ContentReader, Node], Reasoned | None]:
    def read(reader: ContentReader, node: Node) -> Reasoned | None:
        if not isinstance(node, Map):
            words = reader.words(node, item=True)
            return Reasoned(words, None, node.place) if words else None
        given = _fields(reader, node, keys, "an item")
        words = reader.words(given.get(keys[0])) or Blank(DEFAULT, node.place)
        return Reasoned(words, reader.words(given.get("why")), node.place)

    return read


def _fields(
    reader: ContentReader, node: Map, keys: Sequence[str], what: str
) -> Mapping[str, Node]:
    """The values under known keys, of which the first must be there."""
    given = reader.fields(node, keys, what=what)
    if keys[0] not in given:
        reader.report("Y021", f"key '{keys[0]}' is missing", node)
    return given


def _choice(
    reader: ContentReader, node: Node | None, choices: Iterable[str]
) -> Text | Blank | None:
    """One of these words; nothing is a blank."""
    if node is None or is_null(node):
        return Blank(DEFAULT, node.place) if node else None
    chosen = reader.choice(node, choices)
    return Text(chosen, node.place) if chosen else None


def _moment(reader: ContentReader, node: Node | None) -> Timestamp | Blank | None:
    """A day or a time; nothing is a blank."""
    if node is None or is_null(node):
        return Blank(DEFAULT, node.place) if node else None
    at: date | None = None
    if isinstance(node, Scalar) and re.match(f"{DAY}[Tt ]", node.text):
        at = reader.moment(node)
        at = at.replace(second=0, microsecond=0) if at else None
    elif reader.matching(node, DAY, _WHEN):
        at = reader.day(node)
    return Timestamp(at, node.place) if at else None
