"""What a rule may ask of git and of other sessions: what was, as far as anybody recorded it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from msgspec import Struct

from handoff.values.cells import Cell


class EarlierValue(Struct, frozen=True):
    """A value that a fact had before."""

    cell: Cell
    recorded: str
    """Where it stands: `session-1`, `sessions/session-1.facts.json at a1b2c3d`."""


def _nowhere(path: str) -> str | None:
    return None


def _unknown(name: str) -> bool | None:
    return None


class FactHistory(Struct, frozen=True):
    """Each is asked only where a rule needs it."""

    moved: Callable[[str], str | None] = _nowhere
    """Where a missing file was moved to; `None` where nobody knows."""
    knows: Callable[[str], bool | None] = _unknown
    """Whether git has a commit; `None` where that cannot be said."""
    committed: Callable[[str], bool | None] = _unknown
    """Whether a path is in the commit that is checked out; `None` as above."""
    old: Callable[[], Iterable[EarlierValue]] = tuple
    """What the session's facts were before, the latest recordings first."""
