"""set, add and tick, each on the lines it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from difflib import ndiff
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from handoff.base.problems import HandoffError
from handoff.edit import operations
from handoff.edit.operations import FLAGS
from handoff.session.keys import NAMES
from handoff.yaml.edits import CannotEdit
from handoff.yaml.nodes import parse_yaml

FIXTURE = yaml.safe_load((Path(__file__).parent / "fixtures" / "edits.yaml").read_text("utf-8"))
LISTS = yaml.safe_load(
    (Path(__file__).parent / "fixtures/authoring/boxes.yaml").read_text("utf-8")
)


def text_after(
    verb: Callable[..., operations.EditResult], text: str, *words: Any, **options: Any
) -> str:
    """The text of a session file after an edit."""
    parsed = parse_yaml(text.encode(), "sessions/s.yaml")
    return verb(parsed, *words, **options).parsed.text


set_at = partial(text_after, operations.set_at)
add_to = partial(text_after, operations.add_to)
tick = partial(text_after, operations.tick)

VERBS = {
    "set": lambda text, path, value: set_at(text, path, FLAGS.get(value, value), order=NAMES),
    "add": partial(add_to, order=NAMES),
    "tick": lambda text, path, note=None: tick(text, path, done=True, note=note),
}


def edited(before: str, do: list[str]) -> str:
    return VERBS[do[0]](before, *do[1:])  # type: ignore[no-any-return, operator]


@pytest.mark.parametrize("edit", FIXTURE["edits"], ids=lambda edit: " ".join(edit["do"]))
def test_edit_changes_its_lines(edit: dict[str, Any]) -> None:
    before = FIXTURE["before"]

    if "refused" in edit:
        with pytest.raises(HandoffError) as error:
            edited(before, edit["do"])
        assert str(error.value) == edit["refused"]
        return

    after = edited(before, edit["do"])
    diff = ndiff(before.splitlines(), after.splitlines())
    assert [line[2:] for line in diff if line.startswith("+ ")] == [
        line for line in edit["lines"] if line not in before.splitlines()
    ]


def test_new_keys_follow_the_order_of_a_session() -> None:
    before = FIXTURE["before"]

    after = edited(edited(before, ["set", "goal", "x"]), ["set", "next.title", "y"])

    keys = [line.partition(":")[0] for line in after.splitlines() if line[0] not in " -"]
    assert keys == [
        "session",
        "goal",
        "checklist",
        "decisions",
        "findings",
        "accomplished",
        "next",
    ]


def test_new_allows_a_label_close_to_another() -> None:
    before = "metrics:\n  Phase 1: x\n"

    with pytest.raises(HandoffError, match="did you mean 'Phase 1'"):
        set_at(before, "metrics.Phase 2", "y")

    assert set_at(before, "metrics.Phase 2", "y", new=True) == before + "  Phase 2: y\n"


def test_none_makes_a_blank() -> None:
    assert set_at("goal: x  # why\n", "goal", None) == "goal: null  # why\n"


@pytest.mark.parametrize("case", LISTS, ids=lambda case: repr(case["before"]))
def test_list_of_items_becomes_a_mapping_when_one_is_ticked(
    case: dict[str, str],
) -> None:
    assert tick(case["before"], "read", done=True) == case["after"]


def test_list_of_items_grows_as_a_list() -> None:
    before = "checklist:\n  - Read it\n"

    assert add_to(before, "checklist", "Run it") == before + "  - Run it\n"


def test_a_list_of_more_than_labels_is_not_ticked() -> None:
    with pytest.raises(CannotEdit, match="is not a list of one-line labels"):
        tick("checklist:\n  - Read it\n  - {Run it: true}\n", "read", done=True)
    with pytest.raises(CannotEdit):
        tick("checklist:\n  - Read\n  - |\n    lines\n", "read", done=True)


def test_untick_keeps_the_note() -> None:
    before = "checklist:\n  Docs: {done: true, note: read twice}\n"

    after = tick(before, "Docs", done=False)

    assert after == "checklist:\n  Docs: {done: false, note: read twice}\n"
