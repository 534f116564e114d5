"""What is overdue, in words; the only thing a handoff needs a clock for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, tzinfo

from handoff.render.ownership import is_past, overdue
from handoff.session.model import Action, Blank, Checkpoint, Session, Text, Timestamp
from handoff.values.printing import moment

Deadline = Action | Checkpoint


def late(session: Session, now: datetime, zone: tzinfo) -> tuple[Deadline, ...]:
    """The session's overdue actions and its checkpoint; a day is over at midnight in `zone`."""
    given = session.actions if isinstance(session.actions, tuple) else ()
    here, checkpoint = now.astimezone(zone), session.checkpoint
    actions = overdue(given, here)
    if not isinstance(checkpoint, Checkpoint) or not isinstance(checkpoint.at, Timestamp):
        return actions
    return (*actions, checkpoint) if is_past(checkpoint.at, here) else actions


def words(deadline: Deadline, text: Callable[[Text], str] = lambda text: text.value) -> str:
    """`Restart the backfill (owner: Ann, due: 2026-01-04)`; `text` fills live values in."""
    if isinstance(deadline, Checkpoint):
        return _checkpoint(deadline, text)
    return _action(deadline, text)


def _action(action: Action, text: Callable[[Text], str]) -> str:
    owner = [f"owner: {_filled(action.owner, text)}"] if action.owner else []
    due = [f"due: {_when(action.due.at)}"] if isinstance(action.due, Timestamp) else []
    about = ", ".join([*owner, *due])
    return f"{_filled(action.do, text)} ({about})" if about else _filled(action.do, text)


def _checkpoint(checkpoint: Checkpoint, text: Callable[[Text], str]) -> str:
    """`checkpoint: Phase 2 is past 700 (due: 2026-01-04 04:00 UTC)`."""
    what = f": {_filled(checkpoint.what, text)}" if checkpoint.what else ""
    due = f" (due: {_when(checkpoint.at.at)})" if isinstance(checkpoint.at, Timestamp) else ""
    return f"checkpoint{what}{due}"


def _filled(words: Text | Blank, text: Callable[[Text], str]) -> str:
    return " ".join((text(words) if isinstance(words, Text) else words.text).split())


def _when(at: object) -> str:
    return moment(at) if isinstance(at, datetime) else str(at)
