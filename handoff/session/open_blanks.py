"""What is still open in a session."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from handoff.base.problems import Place


class OpenBlank(Struct, frozen=True):
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
    """Facts that have no result yet, for a blank that rendering fills and not its author."""
    prompts: tuple[str, ...] = ()
    """The names of the rendered prompts that show it."""

    @property
    def in_prompt(self) -> bool:
        """Whether the next session would paste it."""
        return bool(self.prompts)


def summary(opens: Sequence[OpenBlank]) -> str:
    """`62 blanks, 4 of them in the prompt, 9 wait for answers`, or `nothing is blank`."""
    if not opens:
        return "nothing is blank"
    in_prompt = sum(each.in_prompt for each in opens)
    waiting = sum(bool(each.waits_for) for each in opens)
    return ", ".join(
        [
            "1 blank" if len(opens) == 1 else f"{len(opens)} blanks",
            *([f"{in_prompt} of them in the prompt"] if in_prompt else []),
            *(
                [f"{waiting} {'waits' if waiting == 1 else 'wait'} for answers"]
                if waiting
                else []
            ),
        ]
    )
