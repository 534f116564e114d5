"""The summary of a session's blanks."""

from msgspec.structs import replace

from handoff.base.problems import KeyPath, Place
from handoff.edit.todo import summary
from handoff.session.walk import OpenBlank

S = "sessions/s.yaml"


def blank(
    text: str, line: int, *keys: str | int, hint: str = "", choices: str = ""
) -> OpenBlank:
    way: KeyPath = keys
    return OpenBlank(text, "blank", hint, tuple(choices.split()), Place(S, line, 5, way))


OPENS = (
    blank("[TO BE FILLED - file path]", 9, "accomplished", "Logic", 1, hint="file path"),
    blank("✅/❌", 12, "accomplished", "Dry-run", choices="✅ ❌"),
    replace(blank("[ETA]", 40, "prompt", "status", "ETA", hint="ETA"), prompts=("default",)),
)


def test_summary_counts_the_blanks_in_the_prompt():
    assert summary(OPENS) == "3 blanks, 1 of them in the prompt"
    assert summary(OPENS[:1]) == "1 blank"
    assert summary(()) == "no blanks"


def test_summary_counts_the_blanks_that_rendering_fills():
    waiting = replace(OPENS[2], waits_for=("orchestrator",))

    assert summary([waiting]) == "1 blank, 1 of them in the prompt, 1 waits for results"
