"""Conditions: what must hold before a session starts or a box is ticked, as the facts say."""

from __future__ import annotations

from msgspec import Struct

from handoff.session.model import Condition as Written
from handoff.session.model import Session, Text
from handoff.session.walk import every
from handoff.values.expressions import Expression, cited, operands, parts
from handoff.values.interpolate import Interpolator
from handoff.values.printing import Where

MARKS = {True: "✅", False: "⏳", None: "❔"}
"""Holds, does not hold yet, is not known."""
UNKNOWN = "not known"


class ConditionResult(Struct, frozen=True):
    """One condition, held against the facts."""

    text: str
    """The author's words."""
    holds: bool | None
    """`None`: not known, for nobody asked or nobody answered."""
    evidence: str
    """The values it cites, as they print: `complete`, `514 of 1,537`."""

    def __str__(self) -> str:
        return f"{MARKS[self.holds]} {self.text} ({self.evidence})"


def conditions(
    session: Session, live: Interpolator, where: Where = "text"
) -> tuple[ConditionResult, ...]:
    """Every condition under `next:`, in the author's order."""
    return tuple(held(each, live, where) for each in written(session))


def written(session: Session) -> tuple[Written, ...]:
    """The conditions for the next session to start, as the author wrote them."""
    return tuple(every(session.next, Written))


def unticked(session: Session) -> tuple[Written, ...]:
    """The conditions of the session's own boxes that are not ticked."""
    boxes = session.checklist.boxes if session.checklist else ()
    return tuple(box.when for box in boxes if box.when and not box.done)


def held(condition: Written, live: Interpolator, where: Where = "text") -> ConditionResult:
    """The condition with what the facts say of it now."""
    words = condition.text
    text = live.text(words, where) if isinstance(words, Text) else words.text
    text = " ".join(text.split())
    expression = _expression(condition.when)
    if expression is None:
        return ConditionResult(text, None, UNKNOWN)
    nodes = operands(expression.node)
    values = (live.shown(each, condition.when, where) or UNKNOWN for each in nodes)
    holds = live.truth(expression.node, condition.when)
    return ConditionResult(text, holds, ", ".join(dict.fromkeys(values)))


def facts_of(session: Session) -> frozenset[str]:
    """The names that the session's conditions cite."""
    found = (_expression(each.when) for each in written(session))
    return frozenset(name for each in found if each for name in cited(each))


def _expression(when: Text) -> Expression | None:
    return next((part for part in parts(when.value) if isinstance(part, Expression)), None)
