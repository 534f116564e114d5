"""`fill` at a terminal: a scripted run, with an interruption, and the file afterwards."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pexpect
import pytest

from handoff import api
from handoff.base.blanks import blanks
from handoff.base.problems import Place
from handoff.commands.runner import run
from handoff.edit.fill import FillPrompt, PlaceChanged, choose, start_fill
from handoff.edit.operations import set_at
from handoff.edit.save import save
from handoff.edit.todo import TodoItem
from handoff.session.walk import OpenBlank

FIRST = """\
session: 1
title: Before
created: 2026-01-01
goal: Look around
"""
SECOND = """\
# the one to fill
session: 2
title: Prep
created: 2026-01-03
goal:   # why
facts:
  dates: {sql: q/dates.sql}
accomplished:
  Dates:
    Created: [TO BE FILLED - file path]
    Dry-run: ✅/❌
    Tokens: "[USED] of [LIMIT], {{ dates.n }}k"
    Notes:
  Last:
"""
SQL = "-- Dates.\n-- returns: n INT64\nSELECT 1 AS n\n"
FILES = {
    "sessions/session-1.yaml": FIRST,
    "sessions/session-2.yaml": SECOND,
    "sql/q/dates.sql": SQL,
}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for path, text in FILES.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def text(root: Path) -> str:
    return (root / "sessions/session-2.yaml").read_text("utf-8")


class Terminal:
    """A `handoff fill` that is typed into."""

    def __init__(self, root: Path, *words: str, editor: str = "false") -> None:
        code = "from handoff.commands import main; main()"
        self._child = pexpect.spawn(
            sys.executable,
            ["-c", code, "fill", *words],
            cwd=str(root),
            env={**os.environ, "VISUAL": editor, "TERM": "dumb", "NO_COLOR": "1"},
            encoding="utf-8",
            timeout=30,
            dimensions=(24, 200),
        )

    def asks(self, *shown: str) -> None:
        """Waits for a question in which stand the lines `shown`."""
        self._child.expect_exact("> ", timeout=30)
        # the way to a place has '>' in it
        while not self._child.before.endswith("\n"):
            before = self._child.before
            self._child.expect_exact("> ", timeout=30)
            self._child.before = f"{before}> {self._child.before}"
        lines = [line.strip() for line in self._child.before.splitlines()]
        for each in shown:
            assert each in lines, (each, lines)

    def types(self, line: str) -> None:
        self._child.sendline(line)

    def interrupts(self) -> None:
        self._child.sendintr()

    def ends(self, *shown: str) -> int:
        self._child.expect(pexpect.EOF)
        for each in shown:
            assert each in self._child.before, (each, self._child.before)
        self._child.close()
        return self._child.exitstatus or 0


def test_a_walk_that_is_interrupted_has_lost_nothing(root: Path) -> None:
    fill = Terminal(root, "session-2")

    fill.asks(
        "session-2: 7 blanks to fill; Enter skips, :b back, :e editor, := copy from the last "
        "session, :q quit, :? help",
        "1 more waits for query results; run 'handoff render session-2'",
        "[1/7] sessions/session-2.yaml:5:6",
        "goal",
        "last session: Look around",
    )
    fill.types("Get: ready")
    fill.asks("accomplished > Dates > Created", "expected: file path")
    fill.types("")
    fill.asks("1) ✅  2) ❌")
    fill.types("n")
    fill.asks("in: [USED] of [LIMIT], {{ dates.n }}k", "expected: USED")
    fill.types("")
    fill.asks("expected: LIMIT")
    fill.types("200")
    fill.asks("accomplished > Dates > Notes")
    fill.interrupts()

    assert fill.ends("filled 3 of 7, 4 left; all values are saved") == 130
    assert text(root) == (
        SECOND.replace("goal:   #", "goal: 'Get: ready'   #").replace(
            "✅/❌", "false"
        ).replace("[LIMIT]", "200")
    )  # fmt: skip


def test_going_back_the_last_words_and_quitting(root: Path) -> None:
    fill = Terminal(root)

    fill.asks()
    fill.types(":=")
    fill.asks()
    fill.types(":b")
    fill.asks("now: Look around")
    fill.types("Something else")
    fill.asks()
    fill.types(":nonsense")
    fill.asks(
        "':nonsense' is not a command, ':?' lists them; "
        "type '::' for a value that starts with ':'"
    )
    fill.types("::odd {{ nope.x }}")
    fill.asks(
        "sessions/session-2.yaml:10:22: error: unknown fact 'nope', "
        "'facts:' declares dates (L010)"
    )
    fill.types(":q")

    assert fill.ends("filled 1 of 7, 6 left") == 0
    assert text(root) == SECOND.replace("goal:   #", "goal: Something else   #")


def test_an_editor_gives_long_text(root: Path) -> None:
    script = root / "editor.py"
    script.write_text(
        "import pathlib, sys\n"
        "file = pathlib.Path(sys.argv[1])\n"
        "text = file.read_text()\n"
        "assert '# goal' in text, text\n"
        "file.write_text('one\\n\\n  two\\n' + text)\n"
    )
    fill = Terminal(root, editor=f"{sys.executable} {script}")

    fill.asks()
    fill.types(":e")
    fill.asks()
    fill.types(":q")

    assert fill.ends() == 0
    assert text(root) == SECOND.replace(
        "goal:   # why\n", "goal: |-   # why\n  one\n\n    two\n"
    )


def test_an_editor_that_fails_changes_nothing(root: Path) -> None:
    fill = Terminal(root, editor="false")

    fill.asks()
    fill.types(":e")
    fill.asks("false failed with exit code 1; nothing was saved")
    fill.types(":q")

    assert fill.ends() == 0
    assert text(root) == SECOND


def test_without_a_terminal_it_says_what_to_use_instead(
    root: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(["fill", "session-2"]) == 2

    assert capfd.readouterr().err == (
        "handoff: error: 'fill' needs a terminal; 'handoff todo session-2 --json' lists the "
        "blanks, 'handoff set session-2 PATH VALUE' fills one\n"
    )


def test_a_place_that_another_changed_meanwhile_is_left_alone(root: Path) -> None:
    project = api.open_project(str(root))
    at = start_fill(project, "session-2")
    save(project, "session-2", lambda old: set_at(old, "goal", "mine"))

    with pytest.raises(PlaceChanged):
        at.fill(0, "theirs")

    assert "goal: mine   # why\n" in text(root)


def test_equal_blanks_in_one_text_are_filled_one_by_one(root: Path) -> None:
    file = root / "sessions/session-2.yaml"
    file.write_text(FIRST.replace("Look around", '"[TIME] and [TIME] and [TIME]"'))
    at = start_fill(api.open_project(str(root)), "session-2")

    at.fill(1, "two")
    at.fill(2, "three")
    at.fill(0, "one")

    assert "goal: \"one and two and three\"\n" in text(root)  # fmt: skip


@pytest.mark.parametrize(
    ("blank", "answer", "expected"),
    [
        ("✅/❌", "1", "✅"),
        ("✅/❌", "2", "❌"),
        ("✅/❌", "Y", "✅"),
        ("✅/❌", "no", "❌"),
        ("✅/❌", "3", "3"),
        ("✅/❌", "✅ twice", "✅ twice"),
        ("PASS/FAIL", "fail", "FAIL"),
        ("PASS/FAIL", "y", "PASS"),
        ("GO / NO-GO", "no-go", "NO-GO"),
        ("🔴/🟡/🟢", "2", "🟡"),
        ("🔴/🟡/🟢", "y", "y"),
        ("[TIME]", "1", "1"),
        ("[TIME]", "y", "y"),
    ],
)
def test_a_choice_is_made_by_number_word_or_letter(
    blank: str, answer: str, expected: str
) -> None:
    found = blanks(blank)[0]
    each = OpenBlank(blank, found.kind, found.hint, found.choices, Place("s"))

    assert choose(FillPrompt(TodoItem(each, "", "", {}, ""), None), answer) == expected
