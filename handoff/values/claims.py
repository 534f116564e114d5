"""Claims: which of a session's findings and decisions are verified, and which assumed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

from handoff.base.problems import Problem
from handoff.session.model import Blank, Claim, Session, Text
from handoff.session.walk import every
from handoff.values.expressions import Comparison, Expression, Logical, operands, parts
from handoff.values.interpolate import Interpolator
from handoff.values.printing import Where, code_span, folded
from handoff.values.references import reference

State = Literal["verified", "assumed", "refuted"]
MARKS: Mapping[State, str] = {"verified": "✅", "assumed": "❔", "refuted": "❌"}


def basis(
    claim: Claim, live: Interpolator, where: Where = "text"
) -> tuple[State, tuple[str, ...]]:
    """Whether the claim is verified, and the words of its evidence.

    Verified by evidence that all says something: a value that is blank and a fact without
    an answer verify nothing yet. That a commit or a file exists is for `check` to say.
    Refuted by a comparison that does not hold.
    """
    if isinstance(claim.evidence, Blank):
        return "assumed", (claim.evidence.text,)
    found = [_stands(each, live, where) for each in claim.evidence]
    return _state([state for state, _ in found]), tuple(words for _, words in found)


def marked(claim: Claim, live: Interpolator, where: Where = "text") -> tuple[str, str]:
    """The claim's mark, and what stands in parentheses behind it."""
    state, found = basis(claim, live, where)
    words = ", ".join(found)
    said = words if state == "verified" else ": ".join(filter(None, (state, words)))
    return MARKS[state], said


def counted(session: Session, live: Interpolator) -> str:
    """`2 verified, 1 assumed`; empty where nothing has evidence."""
    states = [basis(each, live)[0] for each in every(session, Claim)]
    return ", ".join(f"{states.count(each)} {each}" for each in MARKS if each in states)


def problems(session: Session, live: Interpolator) -> Iterator[Problem]:
    """A warning for each claim that its own evidence refutes."""
    for claim in every(session, Claim):
        state, found = basis(claim, live, "code")
        if state == "refuted":
            message = f"the evidence says otherwise: {', '.join(found)}"
            yield Problem("H005", message, claim.place, "warning")


def _state(states: list[State]) -> State:
    if "refuted" in states:
        return "refuted"
    return "verified" if states and "assumed" not in states else "assumed"


def _stands(text: Text, live: Interpolator, where: Where) -> tuple[State, str]:
    found = reference(text.value, live.facts)
    if live.open(text) or found.kind == "value":
        return _answered(text, live), _words(text, live, where)
    if found.kind != "fact":
        return "verified", code_span(folded(text.value))
    if live.is_answered(found.name):
        return "verified", code_span(found.name)
    return "assumed", f"{code_span(found.name)}, which has no answer"


def _words(text: Text, live: Interpolator, where: Where) -> str:
    """The value; of a comparison the values that it compares."""
    read = parts(text.value.strip())
    node = read[0].node if len(read) == 1 and isinstance(read[0], Expression) else None
    if not isinstance(node, Comparison | Logical) or live.open(text):
        return live.text(text, where)
    found = (live.shown(each, text, where) for each in operands(node))
    return ", ".join(dict.fromkeys(filter(None, found)))


def _answered(text: Text, live: Interpolator) -> State:
    """A value that is there verifies; a comparison only where it holds."""
    if live.open(text):
        return "assumed"
    read = [part for part in parts(text.value) if isinstance(part, Expression)]
    is_false = any(live.truth(part.node, text) is False for part in read)
    return "refuted" if is_false else "verified"
