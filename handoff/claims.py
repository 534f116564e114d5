"""Claims: which of a session's findings and decisions are verified, and which assumed."""

from __future__ import annotations

from handoff.evidence import reference
from handoff.live import Live, Where
from handoff.printing import code_span, folded
from handoff.session import Blank, Claim, Session, Text, every


def basis(claim: Claim, live: Live, where: Where = "text") -> tuple[bool, tuple[str, ...]]:
    """Whether the claim is verified, and the words of its evidence.

    Verified by evidence that all says something: a value that is blank and a fact without
    an answer verify nothing yet. That a commit or a file exists is for `check` to say.
    """
    if isinstance(claim.evidence, Blank):
        return False, (claim.evidence.text,)
    found = [_stands(each, live, where) for each in claim.evidence]
    verified = bool(found) and all(stands for stands, _ in found)
    return verified, tuple(words for _, words in found)


def marked(claim: Claim, live: Live, where: Where = "text") -> tuple[str, str]:
    """The claim's mark, and what stands in parentheses behind it."""
    verified, words = basis(claim, live, where)
    if verified:
        return "✅", ", ".join(words)
    return "❔", ": ".join(("assumed", ", ".join(words))) if words else "assumed"


def counted(session: Session, live: Live) -> str:
    """`2 verified, 1 assumed`; empty where nothing has evidence."""
    claims = [*every(session, Claim)]
    verified = sum(basis(each, live)[0] for each in claims)
    counts = ((verified, "verified"), (len(claims) - verified, "assumed"))
    return ", ".join(f"{count} {word}" for count, word in counts if count)


def _stands(text: Text, live: Live, where: Where) -> tuple[bool, str]:
    found = reference(text.value, live.facts)
    if live.open(text) or found.kind == "value":
        return not live.open(text), live.text(text, where)
    if found.kind != "fact":
        return True, code_span(folded(text.value))
    answered = live.is_answered(found.name)
    return answered, code_span(found.name) + ("" if answered else ", which has no answer")
