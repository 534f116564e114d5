"""set, add and tick, each on the lines it is asked for."""

from __future__ import annotations

from difflib import ndiff
from pathlib import Path
from typing import Any

import pytest
import yaml

from handoff.authoring.edit import Edited, add_to, set_at, tick
from handoff.problems import HandoffError

FIXTURE = yaml.safe_load((Path(__file__).parent / "fixtures" / "edits.yaml").read_text("utf-8"))
VERBS = {
    "set": set_at,
    "add": add_to,
    "tick": lambda text, path, note=None: tick(text, path, done=True, note=note),
}


def edited(before: str, do: list[str]) -> Edited:
    return VERBS[do[0]](before, *do[1:])  # type: ignore[no-any-return, operator]


@pytest.mark.parametrize("edit", FIXTURE["edits"], ids=lambda edit: " ".join(edit["do"]))
def test_edit_changes_its_lines(edit: dict[str, Any]) -> None:
    before = FIXTURE["before"]

    if "refused" in edit:
        with pytest.raises(HandoffError) as error:
            edited(before, edit["do"])
        assert str(error.value) == edit["refused"]
        return

    after = edited(before, edit["do"]).text
    diff = ndiff(before.splitlines(), after.splitlines())
    assert [line[2:] for line in diff if line.startswith("+ ")] == [
        line for line in edit["lines"] if line not in before.splitlines()
    ]


def test_untick_keeps_the_note() -> None:
    before = "checklist:\n  Docs: {done: true, note: read twice}\n"

    after = tick(before, "Docs", done=False).text

    assert after == "checklist:\n  Docs: {done: false, note: read twice}\n"
