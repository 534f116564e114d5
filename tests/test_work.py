"""What is left to do: each blank with the command that fills it."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from handoff.commands.runner import run
from handoff.sql.query import CONTRACTS

SESSION = """\
session: 1
title: Prep
created: 2026-01-03
goal:
facts:
  dates: {sql: q/dates.sql}
accomplished:
  Don't panic:
    Created: [TO BE FILLED - file path]
    Dry-run: ✅/❌
    Tokens: "[USED] of [LIMIT], {{ dates.n }}k"
    What: {value: , items: [[Other files]]}
    "a\\u202eb":
prompt:
  context:
    - "{{ dates.n | blank('[DATES]') }}"
"""
SQL = "-- Dates.\n-- returns: n INT64\nSELECT 1 AS n\n"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for path, text in (("sessions/session-1.yaml", SESSION), ("sql/q/dates.sql", SQL)):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def listed(capfd: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capfd.readouterr().out)


def test_lines_name_the_place_the_path_and_what_is_waited_for(
    root: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(["todo"]) == 0

    found = capfd.readouterr()
    assert found.out.splitlines() == [
        "sessions/session-1.yaml:4:6: goal: [TO BE FILLED]",
        "sessions/session-1.yaml:9:14: accomplished.Don't panic.Created: "
        "[TO BE FILLED - file path]",
        "sessions/session-1.yaml:10:14: accomplished.Don't panic.Dry-run: ✅/❌",
        "sessions/session-1.yaml:11:13: accomplished.Don't panic.Tokens: [USED]",
        "sessions/session-1.yaml:11:23: accomplished.Don't panic.Tokens: [LIMIT]",
        "sessions/session-1.yaml:11:32: accomplished.Don't panic.Tokens: [TO BE FILLED], "
        "waits for dates (q/dates.sql)",
        "sessions/session-1.yaml:12:19: accomplished.Don't panic.What.value: [TO BE FILLED]",
        "sessions/session-1.yaml:12:29: accomplished.Don't panic.What.items.0: [Other files]",
        "sessions/session-1.yaml:13:16: accomplished.Don't panic.a\\u202eb: [TO BE FILLED]",
        "sessions/session-1.yaml:16:7: prompt.context.0: [DATES], "
        "waits for dates (q/dates.sql)",
    ]
    assert found.err == (
        "10 blanks, 1 of them in the prompt, 2 wait for results; "
        "next: handoff fill session-1, or handoff set session-1 PATH VALUE\n"
    )


def test_blanks_that_nobody_fills_by_hand_say_what_they_wait_for(
    root: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    columns = ", ".join(f"{name} {type_}" for name, type_ in CONTRACTS["phases"].items())
    (root / "sql/q/phases.sql").write_text(
        f"-- Phases.\n-- returns: {columns}\n-- contract: phases\nSELECT 1\n"
    )
    (root / "sessions/session-1.yaml").write_text(
        "session: 1\ntitle: Prep\ncreated: 2026-01-03\nstarted: 2026-01-03T10:00:00Z\n"
        "facts: {run: {sql: q/phases.sql}}\norchestrator: {phases: run}\n"
        'metrics: {Time: "{{ duration }}"}\n'
    )

    assert run(["todo"]) == 0
    assert run(["todo", "--json", "--places"]) == 0

    found = capfd.readouterr()
    lines, _, json_text = found.out.partition("{")
    assert lines.splitlines() == [
        "sessions/session-1.yaml:6:15: orchestrator: [TO BE FILLED], "
        "waits for run (q/phases.sql)",
        "sessions/session-1.yaml:7:17: metrics.Time: [TO BE FILLED], "
        "waits for 'started:' and 'ended:'",
    ]
    assert found.err == "4 blanks, 4 wait for results\n"
    assert [each["command"] for each in json.loads("{" + json_text)["open"]] == [
        *["handoff render session-1"] * 3,
        "handoff set session-1 ended '…'",
    ]


def test_json_gives_each_blank_its_command(
    root: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(["todo", "session-1", "--json", "--places"]) == 0

    work = listed(capfd)
    assert (work["session"], work["document"]) == (
        "session-1",
        "docs/09-handoff/2026-01-03-SESSION-1-PREP.md",
    )
    assert [(each["kind"], each["command"]) for each in work["open"]] == [
        ("blank", "handoff set session-1 goal '…'"),
        ("blank", """handoff set session-1 'accomplished.Don'"'"'t panic.Created' '…'"""),
        ("choice", """handoff set session-1 'accomplished.Don'"'"'t panic.Dry-run' '…'"""),
        *[
            (
                "name",
                """handoff set session-1 'accomplished.Don'"'"'t panic.Tokens' """
                """'… of …, {{ dates.n }}k'""",
            )
        ]
        * 2,
        ("live", "handoff render session-1"),
        ("blank", """handoff set session-1 'accomplished.Don'"'"'t panic.What.value' '…'"""),
        ("phrase", """handoff set session-1 'accomplished.Don'"'"'t panic.What.items.0' '…'"""),
        ("blank", """handoff set session-1 'accomplished.Don'"'"'t panic.a\u202eb' '…'"""),
        ("live", "handoff render session-1"),
    ]
    assert work["open"][2] == {
        "place": "sessions/session-1.yaml:10:14",
        "set": "accomplished.Don't panic.Dry-run",
        "text": "✅/❌",
        "kind": "choice",
        "hint": None,
        "choices": ["✅", "❌"],
        "in_prompt": False,
        "waits_for": [],
        "command": work["open"][2]["command"],
        "path": "sessions/session-1.yaml",
        "line": 10,
        "column": 14,
        "keys": ["accomplished", "Don't panic", "Dry-run"],
    }
    assert work["open"][5]["waits_for"] == [{"fact": "dates", "sql": "q/dates.sql"}]


def test_every_command_fills_its_blank(root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run(["todo", "--json", "--places"])
    commands = [each["command"] for each in listed(capfd)["open"] if each["kind"] != "live"]

    codes = [run(shlex.split(command.replace("…", "done"))[1:]) for command in commands]
    run(["todo", "--json", "--places"])

    assert codes == [0] * len(commands)
    assert {each["kind"] for each in listed(capfd)["open"]} == {"live"}


def test_a_text_that_begins_with_a_dash_is_no_option(
    root: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file = root / "sessions/session-1.yaml"
    file.write_text(file.read_text().replace("goal:", "goal: -5 % in [TIME]"))
    run(["todo", "--json", "--places"])
    command = listed(capfd)["open"][0]["command"]

    assert command == "handoff set session-1 goal -- '-5 % in …'"
    assert run(shlex.split(command.replace("…", "an hour"))[1:]) == 0
    assert "goal: -5 % in an hour\n" in file.read_text()


HANDOVER = """\
session: 1
title: Prep
created: 2026-01-03
severity:
actions:
tried: [TO BE FILLED]
do_not:
prompt: {read: }
checkpoint: {at: , what: x}
findings:
  - {text: Sure, evidence: }
"""


def test_what_a_key_takes_is_told_and_taken(
    root: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file = root / "sessions/session-1.yaml"
    file.write_text(HANDOVER)
    run(["todo", "--json", "--places"])
    work = {each["set"]: each for each in listed(capfd)["open"]}

    commands = [each["command"] for each in work.values()]
    words = {
        "severity": "watch",
        "checkpoint.at": "2026-01-04",
        "findings.0.evidence": "3f9c2d1",
    }
    codes = [
        run(shlex.split(each["command"].replace("…", words.get(path, "x")))[1:])
        for path, each in work.items()
    ]

    assert work["severity"]["choices"] == ["stable", "watch", "unstable"]
    assert work["checkpoint.at"]["hint"] == (
        "a date such as 2026-01-03, a time with its zone, or August, Q3, Friday"
    )
    assert work["findings.0.evidence"]["hint"] == (
        "a fact, a commit, a file with its line, or a command"
    )
    assert "handoff add session-1 actions '…'" in commands
    assert set(codes) == {0}
    assert file.read_text().splitlines()[3:] == [
        "severity: watch",
        *("actions:", "  - x"),
        "tried: [x]",
        *("do_not:", "  - x"),
        "prompt: {read: }",
        "checkpoint: {at: 2026-01-04, what: x}",
        *("findings:", "  - {text: Sure, evidence: 3f9c2d1}"),
    ]


def test_all_lists_every_session_that_can_be_read(
    root: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (root / "sessions/session-2.yaml").write_text("session: 2\n")

    assert run(["todo", "--all", "--json", "--places"]) == 1

    found = capfd.readouterr()
    assert [each["session"] for each in json.loads(found.out)["sessions"]] == ["session-1"]
    assert "sessions/session-2.yaml:1:1: error: key 'title' is missing (Y021)" in found.err
