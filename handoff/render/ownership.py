"""What the receiver must know, as Markdown: severity, actions, guards, the next checkpoint."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from handoff.render.content import LeafRenderer, marked
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
from handoff.values.printing import NONE, moment


def severity(given: Severity | Blank, pen: LeafRenderer) -> str:
    """`🟡 watch: why`."""
    if isinstance(given, Blank):
        return pen.words(given)
    level = pen.words(given.level)
    word = f"{LEVELS[level]} {level}" if level in LEVELS else level
    return f"{word}: {_line(given.why, pen)}" if given.why else word


def actions(given: tuple[Action, ...] | Blank, pen: LeafRenderer) -> str:
    """A bullet for each, `- **High**: what (owner: who, due: when)`, what if beneath."""
    if isinstance(given, Blank):
        return pen.words(given)
    return _listed(_action(each, pen) for each in given)


def reasons(given: tuple[Reasoned, ...] | Blank, pen: LeafRenderer) -> str:
    """A bullet for each, `- what: why`."""
    if isinstance(given, Blank):
        return pen.words(given)
    return _listed(_reasoned(each, pen) for each in given)


def checkpoint(given: Checkpoint | Blank, pen: LeafRenderer) -> str:
    """`2026-01-04 15:00 UTC: what`."""
    if isinstance(given, Blank):
        return pen.words(given)
    at = _when(given.at, pen)
    return f"{at}: {_line(given.what, pen)}" if given.what else at


def overdue(given: Iterable[Action], now: datetime) -> tuple[Action, ...]:
    """The actions whose time has passed."""
    return tuple(
        each for each in given if isinstance(each.due, Timestamp) and is_past(each.due, now)
    )


def is_past(due: Timestamp, now: datetime) -> bool:
    """Whether its time has passed; a day has when it is over where `now` is."""
    return due.at < now if isinstance(due.at, datetime) else due.at < now.date()


def _action(action: Action, pen: LeafRenderer) -> list[str]:
    priority = f"**{pen.words(action.priority).capitalize()}**: " if action.priority else ""
    about = ", ".join(f"{label}: {words}" for label, words in _about(action, pen))
    what = f"{priority}{_line(action.do, pen)}{f' ({about})' if about else ''}"
    return [what, *_otherwise(action.contingency, pen)]


def _about(action: Action, pen: LeafRenderer) -> Iterator[tuple[str, str]]:
    if action.owner:
        yield "owner", _line(action.owner, pen)
    if action.due:
        yield "due", _when(action.due, pen)


def _otherwise(contingency: Contingency | None, pen: LeafRenderer) -> list[str]:
    if contingency is None:
        return []
    condition, then = _line(contingency.condition, pen), _line(contingency.then, pen)
    return [f"- If {condition}, then {then}"]


def _reasoned(reasoned: Reasoned, pen: LeafRenderer) -> list[str]:
    why = f": {_line(reasoned.why, pen)}" if reasoned.why else ""
    return [f"{_line(reasoned.what, pen)}{why}"]


def _when(at: Timestamp | Blank, pen: LeafRenderer) -> str:
    if isinstance(at, Blank):
        return pen.words(at)
    return moment(at.at) if isinstance(at.at, datetime) else at.at.isoformat()


def _line(words: Text | Blank, pen: LeafRenderer) -> str:
    """On one line, so that something may stand before it and behind it."""
    return " ".join(pen.words(words).split())


def _listed(items: Iterable[list[str]]) -> str:
    return "\n".join(line for lines in items for line in marked("- ", lines)) or NONE
