"""What is open, as lines and as JSON."""

import json

from handoff.problems import KeyPath, Place
from handoff.todo import Open, as_json, as_text, summary

S = "sessions/s.yaml"


def blank(text: str, line: int, *keys: str | int, hint: str = "", choices: str = "") -> Open:
    way: KeyPath = keys
    return Open(text, "blank", hint, tuple(choices.split()), Place(S, line, 5, way))


OPENS = (
    blank("[TO BE FILLED - file path]", 9, "accomplished", "Logic", 1, hint="file path"),
    blank("✅/❌", 12, "accomplished", "Dry-run", choices="✅ ❌"),
    blank("[ETA]", 40, "prompt", "status", "ETA", hint="ETA"),
)


def test_a_line_says_where_and_what():
    assert as_text(OPENS) == (
        "sessions/s.yaml:9:5: accomplished > Logic > 2: [TO BE FILLED - file path]\n"
        "sessions/s.yaml:12:5: accomplished > Dry-run: ✅/❌\n"
        "sessions/s.yaml:40:5: prompt > status > ETA: [ETA]\n"
    )


def test_what_an_author_wrote_cannot_steer_the_terminal():
    assert as_text([blank("[A\x1b[2J\nB]", 1, "goal\u202e")]) == (
        "sessions/s.yaml:1:5: goal\\u202e: [A\\x1b[2J\\nB]\n"
    )


def test_json_is_for_agents():
    listed = json.loads(as_json(OPENS, session="s", document="docs/h/s.md"))

    assert (listed["session"], listed["document"]) == ("s", "docs/h/s.md")
    assert [each["in_prompt"] for each in listed["open"]] == [False, False, True]
    assert listed["open"][1] == {
        "text": "✅/❌",
        "kind": "blank",
        "hint": None,
        "choices": ["✅", "❌"],
        "in_prompt": False,
        "path": S,
        "line": 12,
        "column": 5,
        "keys": ["accomplished", "Dry-run"],
    }


def test_summary_counts_the_prompt_apart():
    assert summary(OPENS) == "3 blanks, 1 of them in the prompt"
    assert summary(OPENS[:1]) == "1 blank"
    assert summary(()) == "nothing is blank"
