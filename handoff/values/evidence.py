"""Evidence: the conditions and claims of a session, compared with its facts.

An author names evidence in these ways:

| written | is |
|---|---|
| `"{{ coverage.percent }}"` | a value of a fact |
| `coverage` | a fact as a whole: that it has a result |
| `3f9c2d1` | a commit, 7 to 40 hex digits |
| `ml/train.py:120`, `ml/train.py:120-140` | lines of a file |
| `https://…` | a page |
| `docs/plan.md`, `docs/plan.md#risks` | a document, any other file |

The name of a declared fact is that fact, even if it could be the name of a commit.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Literal

from msgspec import Struct

from handoff.base.patterns import lazy_pattern
from handoff.base.problems import Problem
from handoff.session.model import Blank, Claim, Condition, Session, Text
from handoff.session.walk import every
from handoff.values.expressions import (
    Comparison,
    Expression,
    Logical,
    cited,
    operands,
    parts,
)
from handoff.values.interpolate import Interpolator
from handoff.values.printing import Where, code_span, folded

# --- references ----------------------------------------------------------------------------

Kind = Literal["value", "fact", "commit", "page", "lines", "document"]


class Reference(Struct, frozen=True):
    """One piece of evidence, as far as its spelling shows."""

    kind: Kind
    name: str
    """The fact, the commit, the page's address, or the file's path from the root."""
    line: int = 0
    """The last line named; 0 if none is."""


_WHOLE: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    ("commit", lazy_pattern(r"[0-9a-fA-F]{7,40}")),
    ("fact", lazy_pattern(r"[a-z][a-z0-9_]*")),
    ("page", lazy_pattern(r"https?://\S+")),
)
_LINES = lazy_pattern(r"(?P<path>.+?):(?P<first>\d{1,9})(?:-(?P<last>\d{1,9})|:\d+)?")


def parse_reference(text: str, facts: Container[str] = ()) -> Reference:
    """What the author's `text` refers to, with these facts declared."""
    words = " ".join(text.split())
    if "{{" in words:
        return Reference("value", words)
    if words in facts:
        return Reference("fact", words)
    for kind, pattern in _WHOLE:
        if pattern.fullmatch(words):
            return Reference(kind, words)
    lines = _LINES.fullmatch(words)
    if lines is None:
        return Reference("document", posixpath.normpath(words.partition("#")[0] or words))
    last = int(lines["last"] or lines["first"])
    return Reference("lines", posixpath.normpath(lines["path"]), last)


# --- conditions ----------------------------------------------------------------------------

_HOLDS = {True: "✅", False: "⏳", None: "❔"}
"""Holds, does not hold yet, is not known."""
UNKNOWN = "not known"


class ConditionResult(Struct, frozen=True):
    """One condition, evaluated with the facts."""

    text: str
    """The author's words."""
    holds: bool | None
    """`None`: not known, because a query has not run or failed."""
    evidence: str
    """The values it cites, as they print: `complete`, `514 of 1,537`."""

    def __str__(self) -> str:
        return f"{_HOLDS[self.holds]} {self.text} ({self.evidence})"


def start_conditions(session: Session) -> tuple[Condition, ...]:
    """The conditions under `next:`, in the author's order."""
    return tuple(every(session.next, Condition))


def unchecked_conditions(session: Session) -> tuple[Condition, ...]:
    """The conditions of the checklist items that are not checked."""
    items = session.checklist.boxes if session.checklist else ()
    return tuple(item.when for item in items if item.when and not item.done)


def evaluate_condition(
    condition: Condition, live: Interpolator, where: Where = "text"
) -> ConditionResult:
    """Whether the condition holds, and the values that decide it."""
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


def facts_of_conditions(session: Session) -> frozenset[str]:
    """The names that the start conditions cite."""
    found = (_expression(each.when) for each in start_conditions(session))
    return frozenset(name for each in found if each for name in cited(each))


def _expression(when: Text) -> Expression | None:
    return next((part for part in parts(when.value) if isinstance(part, Expression)), None)


# --- claims --------------------------------------------------------------------------------

State = Literal["verified", "assumed", "refuted"]
MARKS: Mapping[State, str] = {"verified": "✅", "assumed": "❔", "refuted": "❌"}


def claim_basis(
    claim: Claim, live: Interpolator, where: Where = "text"
) -> tuple[State, tuple[str, ...]]:
    """Whether the claim is verified, and its evidence as it prints.

    A claim is verified if all its evidence has a result; a blank value or a fact without a
    result verifies nothing. `check` looks whether a commit or a file exists. A comparison
    that does not hold refutes the claim.
    """
    if isinstance(claim.evidence, Blank):
        return "assumed", (claim.evidence.text,)
    found = [_weigh(each, live, where) for each in claim.evidence]
    return _state([state for state, _ in found]), tuple(words for _, words in found)


def mark_claim(claim: Claim, live: Interpolator, where: Where = "text") -> tuple[str, str]:
    """The claim's mark, and the words in parentheses after it."""
    state, found = claim_basis(claim, live, where)
    words = ", ".join(found)
    basis = words if state == "verified" else ": ".join(filter(None, (state, words)))
    return MARKS[state], basis


def count_claims(claims: Sequence[Claim], live: Interpolator) -> str:
    """`2 verified, 1 assumed`; empty if no claim has evidence."""
    states = [claim_basis(each, live)[0] for each in claims]
    return ", ".join(f"{states.count(each)} {each}" for each in MARKS if each in states)


def refuted_claims(claims: Sequence[Claim], live: Interpolator) -> Iterator[Problem]:
    """A warning for each claim that its own evidence refutes."""
    for claim in claims:
        state, found = claim_basis(claim, live, "code")
        if state == "refuted":
            message = f"the evidence contradicts this: {', '.join(found)}"
            yield Problem("H005", message, claim.place, "warning")


def _state(states: list[State]) -> State:
    if "refuted" in states:
        return "refuted"
    return "verified" if states and "assumed" not in states else "assumed"


def _weigh(text: Text, live: Interpolator, where: Where) -> tuple[State, str]:
    found = parse_reference(text.value, live.facts)
    if found.kind == "value":
        return _weigh_value(text, live, where)
    if live.blanks(text):
        return "assumed", live.text(text, where)
    if found.kind != "fact":
        return "verified", code_span(folded(text.value))
    if live.is_answered(found.name):
        return "verified", code_span(found.name)
    return "assumed", f"{code_span(found.name)}, which has no result"


def _weigh_value(text: Text, live: Interpolator, where: Where) -> tuple[State, str]:
    """A value that is there verifies; a comparison does only if it holds.

    Of a comparison the compared values are printed.
    """
    if live.blanks(text):
        return "assumed", live.text(text, where)
    read = [part for part in parts(text.value) if isinstance(part, Expression)]
    is_false = any(live.truth(part.node, text) is False for part in read)
    state: State = "refuted" if is_false else "verified"
    only = parts(text.value.strip())
    node = only[0].node if len(only) == 1 and isinstance(only[0], Expression) else None
    if not isinstance(node, Comparison | Logical):
        return state, live.text(text, where)
    values = (live.shown(each, text, where) for each in operands(node))
    return state, ", ".join(dict.fromkeys(filter(None, values)))
