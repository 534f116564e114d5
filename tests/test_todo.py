"""The blanks of a session: their summary, and the commands that fill them."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from msgspec.structs import replace

from handoff import api
from handoff.base.problems import KeyPath, Place
from handoff.commands.runner import run
from handoff.edit.fill import PlaceChanged, start_fill
from handoff.edit.todo import PLACEHOLDER, list_todo, summary
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


BLANKS = """\
session: 1
title: T
created: 2026-01-03
checklist:
  "Run [NAME OF SCRIPT] first": false  # kept
  "[TO BE FILLED]": false
  "Plan: [TO BE FILLED - a, b]": {done: false}
  "Noted": {done: true, note: "[TO BE FILLED - x, y]"}
  "From [USED] to [LIMIT]": true
tried: [A, "[TO BE FILLED - x, y]", [TO BE FILLED - one, two]]
decisions: [TO BE FILLED - one, two, three]
findings:
  - [TO BE FILLED - one, two]
do_not:
accomplished:
  Some: [TO BE FILLED - one, two]
  Other: [done, [TO BE FILLED - a]]
sections:
  - {title: A, content: {checklist: }}
  - {title: B, content: {checklist: {"x [TO BE FILLED]": true}}}
  - {title: C, content: {items: }}
  - {title: D, content: {steps: }}
  - title: E
    content: {checklist: [TO BE FILLED]}
  - {title: F, content: {checklist: [], }}
  - {title: G, content: {checklist: [one, "[TO BE FILLED - two, three]"]}}
  - title: H
    content:
      checklist:
  - title: I
    content:
      steps:
"""


def test_every_command_fills_its_blank(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "handoff.yaml").write_text("engine: duckdb\n")
    (tmp_path / "sessions").mkdir()
    path = tmp_path / "sessions/session-1.yaml"
    path.write_text(BLANKS)
    project = api.open_project(str(tmp_path))
    tasks = list_todo(project, "session-1").tasks
    assert len(tasks) == 22

    for task in tasks:
        path.write_text(BLANKS)
        _, *arguments = shlex.split(task.command.replace(PLACEHOLDER, "new words, two"))

        code = run(arguments)

        assert (task.path, code, capfd.readouterr().out) == (task.path, 0, "")
        left = [(each.path, each.open.text) for each in list_todo(project, "session-1").tasks]
        assert (task.path, task.open.text) not in left
        assert len(left) < len(tasks)
        assert "# kept" in path.read_text()


def test_label_of_a_checklist_is_filled_in_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sessions").mkdir()
    path = tmp_path / "sessions/session-1.yaml"
    path.write_text(BLANKS)
    walk = start_fill(api.open_project(str(tmp_path)), "session-1")
    numbers = [n for n, each in enumerate(walk.prompts) if "From" in str(each.keys[-1])]

    assert [walk.around(n) for n in numbers] == ["From [USED] to [LIMIT]"] * 2
    for n, words in zip(numbers, ("2", "5"), strict=True):
        walk.fill(n, words)

    changed = BLANKS.replace('"From [USED] to [LIMIT]": true', "From 2 to 5: true")
    assert path.read_text() == changed
    with pytest.raises(PlaceChanged):
        walk.fill(numbers[0], "3")
    walk.fill(numbers[1], "6")
    assert path.read_text() == changed.replace("From 2 to 5", "From 2 to 6")


def test_label_is_not_filled_with_one_that_exists(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sessions").mkdir()
    path = tmp_path / "sessions/session-1.yaml"
    path.write_text(BLANKS)

    assert run(["set", "session-1", r"checklist.[TO BE FILLED]", "Noted"]) == 1

    message = "'checklist' already has an item 'Noted'"
    assert message in "".join(capfd.readouterr())
    assert path.read_text() == BLANKS
