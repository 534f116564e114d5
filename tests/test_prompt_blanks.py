"""Which blanks are in a prompt: every command reports those that the prompt shows."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from commands import Handoff, caller
from projects import project

from handoff import api

FIXTURES = Path(__file__).parent / "fixtures/prompt_blanks"
VARIANTS: Mapping[str, Mapping[str, Any]] = yaml.safe_load(
    (FIXTURES / "variants.yaml").read_text("utf-8")
)


@pytest.fixture
def handoff(capfdbinary: pytest.CaptureFixture[bytes]) -> Handoff:
    return caller(capfdbinary)


def copy(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(root := shutil.copytree(FIXTURES / name, folder / name))
    return root


@pytest.mark.parametrize(
    ("name", "session", "inside", "outside"),
    [
        (
            "conditions-and-severity",
            "s1",
            ["next.prerequisites.0.text", "next.prerequisites.1.text"],
            [],
        ),
        ("conditions-and-severity", "s3-severity", ["severity", "do_not.0"], []),
        ("own-template", "s1", ["goal"], ["findings"]),
    ],
)
def test_every_command_finds_the_same_blanks_in_the_prompt(
    handoff: Handoff,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    session: str,
    inside: list[str],
    outside: list[str],
) -> None:
    copy(name, tmp_path, monkeypatch)

    strict = handoff("prompt", session, "--strict")
    prompt = json.loads(handoff("prompt", session, "--format", "json").out)
    todo = json.loads(handoff("todo", session, "--json", "--places").out)["open"]
    statuses = json.loads(handoff("status", "--format", "json").out)
    problems = json.loads(handoff("check", session, "--format", "json").out)["problems"]

    assert (strict.code, strict.out) == (1, "")
    assert not prompt["is_fit"]
    assert [".".join(map(str, each["keys"])) for each in prompt["blanks"]] == inside
    assert [each["set"] for each in todo if each["in_prompt"]] == inside
    assert [each["set"] for each in todo if not each["in_prompt"]] == outside
    (status,) = (each for each in statuses if each["session"] == session)
    assert status["blanks_in_prompt"] == len(inside)
    assert status["blanks"] == len(inside + outside)
    messages = {each["code"]: each["message"].split(";")[0] for each in problems}
    count = "1 blank" if len(inside) == 1 else f"{len(inside)} blanks"
    assert messages["B002"] == f"{count} in the prompt"
    assert ("B001" in messages) == bool(outside)


@pytest.mark.parametrize("name", VARIANTS)
def test_blank_is_in_the_prompts_that_show_it(tmp_path: Path, name: str) -> None:
    variant = VARIANTS[name]
    root = project(tmp_path, s=variant["session"]).root
    if "template" in variant:
        (root / "templates").mkdir()
        (root / "templates/prompt.md.j2").write_text(
            "{% extends 'package/prompt.md.j2' %}\n" + variant["template"]
        )
    opened = api.open_project(str(root), environment={})

    document = api.render(opened, api.load(opened, "s"), None)

    found: dict[str, list[str]] = {name: [] for name in ("outside", *document.prompts)}
    for each in document.blanks:
        for where in each.prompts or ["outside"]:
            found[where].append(".".join(map(str, each.place.keys)))
    assert found.pop("outside") == variant.get("outside", [])
    assert {prompt: paths for prompt, paths in found.items() if paths} == variant.get(
        "prompts", {}
    )


def test_marks_are_in_no_document_and_no_prompt(tmp_path: Path) -> None:
    opened = project(tmp_path, s="goal:\nprompt: {topic: , goal: '[WHAT]'}\n")

    document = api.render(opened, api.load(opened, "s"), None)

    assert document.prompt == (
        "I'm continuing from Session 1 ([TO BE FILLED]).\n\nNEXT SESSION GOAL:\n[WHAT]"
    )
    assert not [c for c in document.text if "\ufdd0" <= c <= "\ufdef"]


def test_blanks_of_a_checklist_are_no_places_to_fill(
    handoff: Handoff, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy("checklist", tmp_path, monkeypatch)

    done = handoff("render", "s1")

    assert "filled 0 of 0; next: handoff todo s1" in done.err
    assert len(json.loads(handoff("todo", "s1", "--json", "--places").out)["open"]) == 2


def test_checklist_without_items_is_a_blank_that_todo_fills(
    handoff: Handoff, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = project(tmp_path, s="accomplished:\n  Tests:\n    checklist:\n").root
    monkeypatch.chdir(root)

    (todo,) = json.loads(handoff("todo", "s", "--json", "--places").out)["open"]
    done = handoff("add", "s", "accomplished.Tests.checklist", "All pass")

    assert todo["command"] == "handoff add s accomplished.Tests.checklist '…'"
    assert done.code == 0
    assert json.loads(handoff("todo", "s", "--json", "--places").out)["open"] == []


def test_a_file_to_read_is_set_in_a_named_prompt(
    handoff: Handoff, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = copy("named-prompts", tmp_path, monkeypatch)

    done = handoff("set", "session-1", "prompts.review.read", "docs/plan.md")

    session = yaml.safe_load((root / "sessions/session-1.yaml").read_text("utf-8"))
    assert done.code == 0
    assert session["prompts"]["review"]["read"] == ["docs/plan.md"]


def test_new_carries_the_guards_of_named_prompts_and_not_their_items(
    handoff: Handoff, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = copy("named-prompts", tmp_path, monkeypatch)

    done = handoff("new", "session-2", "--from", "session-1")

    session = yaml.safe_load((root / "sessions/session-2.yaml").read_text("utf-8"))
    assert done.code == 0
    assert session["do_not"] == ["Restart the backfill (from session-1)"]
    assert session["checklist"] == {"First thing to do": False}
