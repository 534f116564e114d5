"""What only a clock tells; `check` reads one with `--live` alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, tzinfo

from handoff.base.problems import Problem
from handoff.render import deadlines
from handoff.session.model import Session


def overdue(session: Session, now: datetime, zone: tzinfo) -> Iterator[Problem]:
    """An action or a checkpoint whose day is over was done and not said so, or forgotten.

    Fails:

        actions:
          - {do: Restart the backfill, owner: Ann, due: 2026-01-04}
    """
    for each in deadlines.late(session, now, zone):
        yield Problem("H010", f"overdue: {deadlines.words(each)}", each.place, "warning")


RULES: tuple[Callable[[Session, datetime, tzinfo], Iterator[Problem]], ...] = (overdue,)
