"""`todo --json`: a document for `apply` that holds every blank once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from commands import example

from handoff.commands.runner import run

SESSION = """\
session: 1
title: One
created: 2026-01-03
duration: "{{ duration }}"
checklist:
  Docs [TO BE FILLED]: false
decisions:   # what holds from now on
severity: {level: , why: x}
actions:
  - {do: , owner: Ann}
  - [TO BE FILLED - who calls]
accomplished:
  Load:
    Valid: ✅/❌
    Note: done by [NAME]   # a person
    Steps:
      steps:
        - First:
    Time: {items: [a]}
prompt: {goal: g, ask: [TO BE FILLED - a, b]}
"""
GROUPS = """\
- takes: text; replace what is in brackets
  set: {"checklist.Docs [TO BE FILLED]": "Docs [TO BE FILLED]"}
- takes: "a list of text or {text: , evidence: }"
  example: "{text: Keep the sample, evidence: docs/plan.md}"
  hint: what holds from now on
  set: {decisions: null}
- takes: one of the choices
  choices: [stable, watch, unstable]
  in_prompt: true
  set: {severity.level: null}
- takes: text
  example: Call the vendor
  set: {actions.0.do: null}
- takes: "text or {do: , owner: , due: , after: , parked: , priority: , if: , then: }"
  example: "{do: Call the vendor, owner: Ann, due: 2026-01-05, priority: high}"
  set: {actions.1: "[TO BE FILLED - who calls]"}
- takes: one of the choices
  choices: [✅, ❌]
  set: {accomplished.Load.Valid: ✅/❌}
- takes: text; replace what is in brackets
  hint: a person
  set: {accomplished.Load.Note: "done by [NAME]"}
- takes: "text, a list, or label: content"
  example: "[one point, {Label: text}]"
  set: {accomplished.Load.Steps.steps.0.First: null}
- takes: text
  in_prompt: true
  set: {prompt.ask: "[TO BE FILLED - a, b]"}
"""
BRIEF = """\
duration        1 blank   line 4
checklist       1 blank   line 6
decisions       1 blank   line 7
severity        1 blank   line 8
actions         2 blanks  lines 10–11
accomplished    3 blanks  lines 14–18
prompt          1 blank   line 20
"""
S = "sessions/session-1.yaml"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "sessions").mkdir()
    (tmp_path / S).write_text(SESSION, "utf-8")
    (tmp_path / "handoff.yaml").write_text("engine: duckdb\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def todo(capfd: pytest.CaptureFixture[str]) -> dict[str, Any]:
    assert run(["todo", "session-1", "--json"]) == 0
    return json.loads(capfd.readouterr().out)  # type: ignore[no-any-return]


def test_blanks_are_grouped_by_what_they_take(
    root: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert todo(capfd) == {
        "session": "session-1",
        "file": S,
        "document": "docs/09-handoff/2026-01-03-SESSION-1-ONE.md",
        "blanks": 10,
        "apply": yaml.safe_load(GROUPS),
        "waits_for": [{"fact": "duration", "command": "handoff set session-1 started '…'"}],
    }


def test_a_document_that_is_sent_back_changes_nothing(
    root: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (root / "doc.json").write_text(json.dumps(todo(capfd)))

    assert run(["apply", "session-1", "doc.json"]) == 0

    assert (root / S).read_text("utf-8") == SESSION


def test_every_blank_of_the_sample_is_filled_by_one_document(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(example(tmp_path))
    run(["render", "session-1"])
    capfd.readouterr()
    document = todo(capfd)
    assert len(json.dumps(document, indent=2, ensure_ascii=False).encode()) / 4 < 1_500
    for group in document["apply"]:
        choice = group.get("choices", ["filled"])[0]
        group["set"] = dict.fromkeys(group["set"], choice)
    (tmp_path / "doc.json").write_text(json.dumps(document))

    assert run(["apply", "session-1", "doc.json"]) == 0

    capfd.readouterr()
    left = todo(capfd)
    assert (left["blanks"], left["apply"]) == (0, [])


def test_brief_has_a_line_for_each_key(root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["todo", "--brief"]) == 0

    assert capfd.readouterr().out == BRIEF


@pytest.mark.parametrize("words", [["--places"], ["--brief", "--json"]], ids=" ".join)
def test_options_that_exclude_each_other(root: Path, words: list[str]) -> None:
    assert run(["todo", *words]) == 2
