"""Blanks: what the author has not written yet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from handoff.base.problems import Problem
from handoff.check.context import CheckContext
from handoff.session.walk import OpenBlank


def blanks(case: CheckContext) -> Iterator[Problem]:
    """A handoff that was never completed; of six templates four were not.

    One line for all of them, at the first: `handoff todo` lists each.

    Fails: a key with nothing behind it, or `[TO BE FILLED]`.
    """
    outside = [each for each in case.open if not each.in_prompt]
    yield from _blank(case, "B001", outside, "")


def prompt_blanks(case: CheckContext) -> Iterator[Problem]:
    """A blank in the prompt is pasted into the next session as if it were an answer.

    Fails:

        prompt:
          status: {ETA: "[ETA]"}
    """
    inside = [each for each in case.open if each.in_prompt]
    yield from _blank(case, "B002", inside, " in the prompt")


def _blank(
    case: CheckContext, code: str, opens: Sequence[OpenBlank], where: str
) -> Iterator[Problem]:
    if opens:
        first = min(opens, key=lambda each: each.place)
        count, them = ("1 blank", "it") if len(opens) == 1 else (f"{len(opens)} blanks", "each")
        message = f"{count}{where}, 'handoff todo {case.session.id}' lists {them}"
        yield Problem(code, message, first.place, "warning")
