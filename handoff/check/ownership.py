"""What is handed over: whose turn it is, how urgent it is, and what it rests on."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from handoff.base.problems import Problem
from handoff.base.tree import is_outside
from handoff.check.context import CheckContext
from handoff.session.model import Claim, Severity, Text
from handoff.session.walk import every
from handoff.values.references import Reference, reference


def owner_missing(case: CheckContext) -> Iterator[Problem]:
    """What is nobody's is done by nobody, and everybody believes it is somebody's.

    Fails:

        actions:
          - {do: Restart Phase 2, due: 2026-01-05}
    """
    actions = case.session.actions
    for action in actions if isinstance(actions, tuple) else ():
        if action.owner is None:
            what = action.do.value if isinstance(action.do, Text) else action.do.text
            message = f"action '{_short(what)}' has no owner, say who with 'owner:'"
            yield Problem("H001", message, action.place, "warning")


def severity_unexplained(case: CheckContext) -> Iterator[Problem]:
    """Who is told to watch must know what for.

    Fails:

        severity: unstable
    """
    severity = case.session.severity
    if not isinstance(severity, Severity) or severity.why is not None:
        return
    level = severity.level.value if isinstance(severity.level, Text) else ""
    if level in ("watch", "unstable"):
        message = f"severity '{level}' without a reason, write {{level: {level}, why: …}}"
        yield Problem("H002", message, severity.place, "warning")


def evidence_missing(case: CheckContext) -> Iterator[Problem]:
    """Evidence that nobody can look at verifies nothing.

    Fails:

        findings:
          - {text: The retry loop is safe, evidence: ml/trian.py:120}
    """
    for text, found in _references(case):
        if found.kind in ("lines", "document"):
            wrong = _wrong_file(case, found)
            if wrong:
                message = f"evidence '{_short(text.value)}' {wrong}"
                yield Problem("H003", message, text.place, "warning")


def evidence_uncommitted(case: CheckContext) -> Iterator[Problem]:
    """A commit that was rebased away, or never pushed, is not there for the receiver.

    Not judged without git, nor in a shallow clone, which lacks old commits.

    Fails:

        decisions:
          - {text: Four workers, evidence: 3f9c2d1}
    """
    for text, found in _references(case):
        if found.kind == "commit" and case.past.knows(found.name) is False:
            message = f"evidence '{found.name}': git knows no such commit"
            yield Problem("H004", message, text.place, "warning")


RULES: tuple[Callable[[CheckContext], Iterator[Problem]], ...] = (
    owner_missing,
    severity_unexplained,
    evidence_missing,
    evidence_uncommitted,
)


def _references(case: CheckContext) -> Iterator[tuple[Text, Reference]]:
    facts = {question.name for question in case.session.questions}
    for claim in every(case.session, Claim):
        for text in claim.evidence if isinstance(claim.evidence, tuple) else ():
            if not text.value.lstrip().startswith("["):  # a blank
                yield text, reference(text.value, facts)


def _wrong_file(case: CheckContext, found: Reference) -> str:
    """What is wrong with the file or its lines; empty where nothing is."""
    if is_outside(found.name):
        return "lies outside the repository"
    if not case.tree.has(found.name):
        return f"does not exist{_hint(case, found.name)}"
    count = case.lines(found.name) if found.line else None
    return f"has only {count:,} lines" if count is not None and found.line > count else ""


def _hint(case: CheckContext, path: str) -> str:
    name = path.partition(".")[0]
    if any(question.name == name for question in case.session.questions):
        return f", write a fact's value '{{{{ {path} }}}}'"
    there = case.past.moved(path)
    return f", it was moved to '{there}'" if there else case.tree.nearest(path)


def _short(words: str) -> str:
    """The first line, at most 60 characters of it."""
    line = words.strip().partition("\n")[0]
    return line if len(line) <= 60 else f"{line[:59]}…"
