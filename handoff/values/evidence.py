"""Evidence: the conditions and claims of a session, compared with its facts.

An author names evidence in these ways; only what decides verifies:

| written | is | decides |
|---|---|---|
| `"{{ coverage.gap == 0 }}"` | a comparison on facts, or a BOOL | if it has a value |
| `{cmd: , expect: , saw: }` | a command with its output | if both outputs are there |
| `3f9c2d1` | a commit, 7 to 40 hex digits | if it existed when rendered |
| `ml/train.py:120-140`, `ml/train.py#L120` | lines of a file | if they existed |
| `docs/plan.md`, `docs/plan.md#risks` | a file, or a section of one | if it existed |
| `"{{ coverage.percent }}"` | a value of a fact | no: it is cited |
| `coverage` | a fact as a whole | no: it is cited |
| `https://…` | a page | no: it is cited |
| other words | prose | no: the claim is assumed |

The name of a declared fact is that fact, even if it could be the name of a commit. What
existed is in the facts file, where rendering recorded it.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Container, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Literal

from msgspec import Struct

from handoff.base.patterns import lazy_pattern
from handoff.base.problems import Problem
from handoff.facts.recorded import EvidenceRecord
from handoff.session.model import (
    Blank,
    ChecklistItem,
    Claim,
    CodeBlock,
    CommandOutput,
    Condition,
    Session,
    Text,
)
from handoff.session.walk import every
from handoff.values.expressions import (
    Comparison,
    Expression,
    ExpressionNode,
    Logical,
    cited,
    operands,
    parts,
    walk,
)
from handoff.values.interpolate import Interpolator
from handoff.values.printing import Where, code_span, folded, timestamp_text

# --- references ----------------------------------------------------------------------------

ReferenceKind = Literal["value", "fact", "commit", "page", "lines", "document", "prose"]


class Reference(Struct, frozen=True):
    """One piece of evidence, as far as its spelling shows."""

    kind: ReferenceKind
    name: str
    """The fact, the commit, the page's address, or the file's path from the root."""
    first: int = 0
    """The first line named; 0 if none is."""
    last: int = 0
    section: str = ""
    """The heading's anchor in a document, `risks`."""

    @property
    def key(self) -> str:
        """Its name in the facts file: `ml/train.py:120-140`, `docs/plan.md#risks`."""
        if self.kind != "lines":
            return f"{self.name}#{self.section}" if self.section else self.name
        lines = f"{self.first}" if self.first == self.last else f"{self.first}-{self.last}"
        return f"{self.name}:{lines}"


_WHOLE: tuple[tuple[ReferenceKind, re.Pattern[str]], ...] = (
    ("commit", lazy_pattern(r"[0-9a-fA-F]{7,40}")),
    ("fact", lazy_pattern(r"[a-z][a-z0-9_]*")),
    ("page", lazy_pattern(r"https?://\S+")),
)
_LINES = lazy_pattern(r"(?P<path>.+?)(?::|#L)(?P<first>\d{1,9})(?:-L?(?P<last>\d{1,9})|:\d+)?")
_PATH = lazy_pattern(r"\S+|\./.+|.+\.\w{1,8}")
"""A path with spaces starts with `./` or ends in an extension; other words are prose."""
IN_REPOSITORY = ("commit", "lines", "document")
"""The kinds that rendering looks up and records."""


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
    path, _, section = (words, "", "") if words.startswith("#") else words.partition("#")
    path = lines["path"] if lines else path
    if not _PATH.fullmatch(path):
        return Reference("prose", words)
    name = posixpath.normpath(path)
    if lines is None:
        return Reference("document", name, section=section)
    first = int(lines["first"])
    return Reference("lines", name, first, int(lines["last"] or first))


def named_evidence(session: Session) -> Iterator[tuple[Text, Reference]]:
    """Each text that is evidence in the session and is not a blank, with its reference."""
    facts = {fact.name for fact in session.facts}
    for claim in every(session, Claim):
        for text in claim.evidence if isinstance(claim.evidence, tuple) else ():
            if isinstance(text, Text) and not text.value.lstrip().startswith("["):
                yield text, parse_reference(text.value, facts)


def repository_references(session: Session) -> tuple[Reference, ...]:
    """The commits, files and lines that are evidence in the session, each once."""
    found = (each for _, each in named_evidence(session) if each.kind in IN_REPOSITORY)
    return tuple({each.key: each for each in found}.values())


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

ClaimState = Literal["verified", "assumed", "refuted"]
MARKS: Mapping[ClaimState, str] = {"verified": "✅", "assumed": "❔", "refuted": "❌"}


def session_claims(session: Session) -> tuple[Claim, ...]:
    """Every claim; the evidence of an unchecked item claims nothing yet."""
    unchecked = [item.claim for item in every(session, ChecklistItem) if not item.done]
    return tuple(each for each in every(session, Claim) if each not in unchecked)


def claim_basis(
    claim: Claim, live: Interpolator, where: Where = "text"
) -> tuple[ClaimState, tuple[str, ...]]:
    """Whether the claim is verified, and its evidence as it prints.

    It is refuted if any of its evidence refutes it, verified if some of it decides and none
    is missing, and else assumed: what is only cited decides nothing.
    """
    if isinstance(claim.evidence, Blank):
        return "assumed", (claim.evidence.text,)
    found = [_weigh(each, live, where) for each in claim.evidence]
    return _state({weight for weight, _ in found}), tuple(words for _, words in found)


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


def _state(weights: Collection[str]) -> ClaimState:
    if "refuted" in weights:
        return "refuted"
    return "verified" if "verified" in weights and "assumed" not in weights else "assumed"


_Weight = ClaimState | Literal["cited"]
"""Of one piece of evidence; what is cited is neither for nor against the claim."""


def _weigh(
    evidence: Text | CommandOutput, live: Interpolator, where: Where
) -> tuple[_Weight, str]:
    if isinstance(evidence, CommandOutput):
        return _weigh_command(evidence)
    text = evidence
    found = parse_reference(text.value, live.facts)
    if found.kind == "value":
        return _weigh_value(text, live, where)
    if live.blanks(text):
        return "assumed", live.text(text, where)
    words = code_span(folded(text.value))
    if found.kind in IN_REPOSITORY:
        what = "section" if found.section else _WHAT[found.kind]
        return _weigh_record(live.evidence.get(found.key), what, words)
    if found.kind == "fact" and not live.is_answered(found.name):
        return "assumed", f"{words}, which has no result"
    if found.kind == "prose":
        return "assumed", " ".join(live.text(text, where).split())
    return "cited", f"see {words}"


_WHAT: Mapping[ReferenceKind, str] = {"commit": "commit", "lines": "lines", "document": "file"}


def _weigh_record(record: EvidenceRecord | None, what: str, words: str) -> tuple[_Weight, str]:
    if record is None:
        return "assumed", f"{words}, not recorded"
    if record.found is None:
        return "assumed", f"{words}, not known to git here"
    return ("verified", words) if record.found else ("assumed", f"{words}, no such {what}")


def _weigh_value(text: Text, live: Interpolator, where: Where) -> tuple[_Weight, str]:
    """A comparison on facts that holds verifies; another value is cited.

    Of a comparison the compared values are printed.
    """
    if live.blanks(text):
        return "assumed", live.text(text, where)
    read = [part for part in parts(text.value) if isinstance(part, Expression)]
    deciding = [part for part in read if decides(part, live.facts)]
    holds = {live.truth(part.node, text) for part in deciding} - {None}
    state: _Weight = "refuted" if False in holds else "verified" if holds else "cited"
    only = parts(text.value.strip())
    node = only[0].node if len(only) == 1 and isinstance(only[0], Expression) else None
    if not isinstance(node, Comparison | Logical):
        return state, live.text(text, where)
    values = (live.shown(each, text, where) for each in operands(node))
    return state, ", ".join(dict.fromkeys(filter(None, values)))


def decides(expression: Expression, facts: Container[str]) -> bool:
    """Whether facts decide the expression: it cites one, and compares nothing with itself."""
    has_fact = any(name in facts for name in cited(expression))
    return has_fact and not any(map(_is_same, walk(expression.node)))


def _is_same(node: ExpressionNode) -> bool:
    """Whether the node compares something with itself."""
    if not isinstance(node, Comparison):
        return False
    left, right = (_OFFSET.sub("", repr(e)) for e in (node.left, node.right))
    return left == right


_OFFSET = lazy_pattern(r"\boffset=\d+")

# --- commands ------------------------------------------------------------------------------


def _weigh_command(command: CommandOutput) -> tuple[_Weight, str]:
    """`` `make test` → `3 passed` ``: verified if the output is what was expected."""
    cmd, expect, saw = map(_one_line, (command.cmd, command.expect, command.saw))
    fits = expect is not None and saw is not None and output_fits(saw, expect)
    words = f"{_printed(command.cmd)} → {_printed(command.saw, 'output not recorded')}"
    if not fits or saw != expect:
        words += f", expected {_printed(command.expect, 'output not given')}"
    if isinstance(command.at, Blank):
        words += f", {command.at.text}"
    elif command.at is not None:
        at = command.at.at
        words += f", {timestamp_text(at) if isinstance(at, datetime) else at.isoformat()}"
    if not cmd or expect is None or saw is None:
        return "assumed", words
    if expect and not _ANY_TEXT.sub("", expect).strip():  # any output fits
        return "assumed", words
    return ("verified" if fits else "refuted"), words


_ANY_TEXT = lazy_pattern(r"\.\.\.|…")


def output_fits(saw: str, expect: str) -> bool:
    """Whether output is what was expected, apart from white space.

    `...` in `expect` stands for any text, as in doctest.
    """
    rest = " ".join(saw.split())
    first, *others = (" ".join(part.split()) for part in _ANY_TEXT.split(expect))
    if not others:
        return rest == first
    if not rest.startswith(first):
        return False
    rest = rest[len(first) :]
    *middle, last = others
    for part in middle:
        _, there, after = rest.partition(part) if part else ("", "-", rest)
        if not there:
            return False
        rest = after
    return rest.endswith(last)


def _one_line(output: CodeBlock | None) -> str | None:
    """The author's words; `None` where there are none yet."""
    if output is None or isinstance(output.code, Blank):
        return None
    return " ".join(output.code.value.split())


def _printed(output: CodeBlock | None, absent: str = "") -> str:
    if output is None:
        return absent
    if isinstance(output.code, Blank):
        return output.code.text
    return code_span(folded(output.code.value)) if output.code.value.strip() else "no output"
