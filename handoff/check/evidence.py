"""Words against evidence: where a session asserts what its boxes do not show."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from handoff.base.problems import Place, Problem
from handoff.session.model import ChecklistItem, Session
from handoff.session.walk import texts

Rule = Callable[[Session], Iterator[Problem]]


def status_against_boxes(session: Session) -> Iterator[Problem]:
    """`status:` overrides the derived words, so it must not say more or less than the boxes.

    Of 720 documents marked complete, 219 had open boxes.

    Fails:

        status: COMPLETE
        checklist:
          Backfill script created: true
          Queries prepared: false
    """
    boxes = session.checklist.boxes if session.checklist else ()
    if not session.status or not boxes:
        return
    left, words = open_boxes(session), session.status.value
    if left and claims_done(words, anywhere=True):
        message = f"status '{words}' beside {_boxes(left)}, leave it out to have it derived"
        yield Problem("W001", message, session.status.place)
    if not left and _UNDONE.search(words):
        message = (
            f"status '{words}' though all boxes are ticked, leave it out to have it derived"
        )
        yield Problem("W001", message, session.status.place)


def done_beside_open_boxes(session: Session) -> Iterator[Problem]:
    """A title, header, summary or footer is read first, and believed over the boxes.

    Fails:

        title: PROJECT COMPLETE
        checklist:
          Queries prepared: false
    """
    left = open_boxes(session)
    if not left:
        return
    for words, place in _first_words(session):
        if claims_done(words):
            message = f"'{_short(words)}' beside {_boxes(left)}"
            yield Problem("W002", message, place, "warning")


def stars_beside_open_boxes(session: Session) -> Iterator[Problem]:
    """Five stars on work that is not done say nothing, and hide what is missing.

    Fails:

        metrics:
          Thoroughness: ⭐⭐⭐⭐⭐
        checklist:
          Queries prepared: false
    """
    left = open_boxes(session)
    for text in texts(session) if left else ():
        if _STARS in text.value:
            message = f"'{_short(text.value)}' beside {_boxes(left)}"
            yield Problem("W003", message, text.place, "warning")


def prerequisite_ticked(session: Session) -> Iterator[Problem]:
    """A prerequisite of the next session cannot hold before that session starts.

    Fails:

        next:
          prerequisites:
            - Session 1 handoff read ✅
    """
    for text in texts(session.next.prerequisites) if session.next else ():
        if "✅" in _CHOICE.sub("", _LIVE.sub("", text.value)):
            message = f"'{_short(text.value)}' is ticked in advance"
            yield Problem("W004", message, text.place, "warning")


RULES: tuple[Rule, ...] = (
    status_against_boxes,
    done_beside_open_boxes,
    stars_beside_open_boxes,
    prerequisite_ticked,
)


def open_boxes(session: Session) -> int:
    """How many boxes of the session's checklist are not ticked."""
    boxes: tuple[ChecklistItem, ...] = session.checklist.boxes if session.checklist else ()
    return sum(not box.done for box in boxes)


def claims_done(words: str, *, anywhere: bool = False) -> bool:
    """Whether `words` say that the work is finished.

    ✅, a capital COMPLETE or a closing "complete" do; "Complete session 1 first" asks for it,
    so only with `anywhere` does the word count wherever it stands.
    """
    plain = _CHOICE.sub("", _LIVE.sub("", words))
    pattern = _DONE_ANYWHERE if anywhere else _DONE
    starts = (match.start() for match in pattern.finditer(plain))
    return any(not _NOT_YET.search(plain[max(0, n - _BEFORE) : n]) for n in starts)


_STARS = "⭐⭐⭐⭐⭐"
_LIVE = re.compile(r"\{\{[^{}]*\}\}")
_CHOICE = re.compile(r"✅\s*/\s*❌")
_WORDS = "complete|completed|done|finished"
_DONE = re.compile(rf"✅|\b(?:{_WORDS.upper()})\b|\b(?i:{_WORDS})\b(?=\W*$)")
_DONE_ANYWHERE = re.compile(rf"✅|\b(?i:{_WORDS})\b")
_UNDONE = re.compile(r"(?i)\b(?:to be completed|in progress|not started|incomplete)\b")
_NOT_YET = re.compile(
    r"(?i)\b(?:not|not yet|be|when|once|until|if|after|before|partly|partially|almost)\s*$"
    r"|\d\s*%\s*$"
    r"|\d\s*(?:/|of)\s*\d+(?:\s+\w+)?\s*$"
)
_BEFORE = 40
"""Characters that can turn a word around; more would let a hostile text cost time."""


def _first_words(session: Session) -> Iterator[tuple[str, Place]]:
    yield session.title, Place(session.path)
    for entry in (*session.header, *session.summary, *(session.closing or ())):
        for text in texts(entry.content):
            yield text.value, text.place


def _boxes(count: int) -> str:
    return "1 open box" if count == 1 else f"{count} open boxes"


def _short(words: str) -> str:
    """The first line, at most 60 characters of it."""
    line = words.strip().partition("\n")[0]
    return line if len(line) <= 60 else f"{line[:59]}…"
