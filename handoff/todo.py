"""What is still open in a session: one blank a line for people, JSON for agents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from handoff.problems import KeyPath, Place
from handoff.reporting import json_text, place_fields, printable


@dataclass(frozen=True, slots=True)
class Open:
    """A blank of the document, at the place in the YAML where it is filled."""

    text: str
    """As it prints: `[TO BE FILLED - file path]`."""
    kind: str
    """What sort of blank, as `blanks` names it."""
    hint: str
    """What belongs there: `file path`; empty where nobody said."""
    choices: tuple[str, ...]
    """What may stand there: `("✅", "❌")`; empty for free words."""
    place: Place
    waits_for: tuple[str, ...] = ()
    """Facts that have no answer yet, for a blank that rendering fills and not its author."""

    @property
    def in_prompt(self) -> bool:
        """Whether the next session would paste it."""
        return self.place.keys[:1] == ("prompt",)


def as_text(opens: Sequence[Open]) -> str:
    """One line a blank: where it is filled, the way to it, and what it says now."""
    return "".join(f"{printable(_line(each))}\n" for each in opens)


def as_json(opens: Sequence[Open], *, session: str, document: str) -> str:
    """One object with every blank; `keys` is the way to it inside the session file."""
    listed = [_fields(each) for each in opens]
    return f"{json_text({'session': session, 'document': document, 'open': listed})}\n"


def summary(opens: Sequence[Open]) -> str:
    """`62 blanks, 4 of them in the prompt`, or `nothing is blank`."""
    in_prompt = sum(each.in_prompt for each in opens)
    if not opens:
        return "nothing is blank"
    counted = "1 blank" if len(opens) == 1 else f"{len(opens)} blanks"
    return f"{counted}, {in_prompt} of them in the prompt" if in_prompt else counted


def _line(each: Open) -> str:
    way = f"{_way(each.place.keys)}: " if each.place.keys else ""
    return f"{each.place}: {way}{each.text}"


def _way(keys: KeyPath) -> str:
    """`accomplished > Logic > 2`; positions in a list count from 1."""
    return " > ".join(str(key + 1) if isinstance(key, int) else key for key in keys)


def _fields(each: Open) -> dict[str, object]:
    return {
        "text": each.text,
        "kind": each.kind,
        "hint": each.hint or None,
        "choices": list(each.choices),
        "in_prompt": each.in_prompt,
        **place_fields(each.place),
    }
