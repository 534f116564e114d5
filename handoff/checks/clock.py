"""What only a clock tells; `check` reads one with `--live` alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, tzinfo

from handoff.pickup import deadlines
from handoff.problems import Problem
from handoff.session import Session


def overdue_action(session: Session, now: datetime, zone: tzinfo) -> Iterator[Problem]:
    """An action whose day is over was either done and not said so, or forgotten.

    Fails:

        actions:
          - {do: Restart the backfill, owner: Ann, due: 2026-01-04}
    """
    for action in deadlines.late(session, now, zone):
        message = f"overdue: {deadlines.words(action)}"
        yield Problem("H010", message, action.place, "warning")


RULES: tuple[Callable[[Session, datetime, tzinfo], Iterator[Problem]], ...] = (overdue_action,)
