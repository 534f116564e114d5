"""Actions whose time has passed, in words; the only thing a handoff needs a clock for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, tzinfo

from handoff.handover import overdue
from handoff.printing import moment
from handoff.session import Action, Blank, Moment, Session, Text


def late(session: Session, now: datetime, zone: tzinfo) -> tuple[Action, ...]:
    """The session's overdue actions; a day is over at midnight in `zone`."""
    given = session.actions if isinstance(session.actions, tuple) else ()
    return overdue(given, now.astimezone(zone))


def words(action: Action, text: Callable[[Text], str] = lambda text: text.value) -> str:
    """`Restart the backfill (owner: Ann, due: 2026-01-04)`; `text` fills live values in."""
    owner = [f"owner: {_filled(action.owner, text)}"] if action.owner else []
    due = [f"due: {_when(action.due.at)}"] if isinstance(action.due, Moment) else []
    about = ", ".join([*owner, *due])
    return f"{_filled(action.do, text)} ({about})" if about else _filled(action.do, text)


def _filled(words: Text | Blank, text: Callable[[Text], str]) -> str:
    return " ".join((text(words) if isinstance(words, Text) else words.text).split())


def _when(at: object) -> str:
    return moment(at) if isinstance(at, datetime) else str(at)
