"""Manual edits of a document, merged into the session file."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import yaml
from projects import OUTPUT, project
from repositories import commit, repository

from handoff import api
from handoff.base.problems import InvalidInput, UsageError
from handoff.import_.merge import merge_document
from handoff.publish.signature import signature

CASES = yaml.safe_load((Path(__file__).parent / "fixtures/merge.yaml").read_text("utf-8"))
PATH = f"{OUTPUT}/2026-01-01-SESSION-1-ONE.md"
HEAD = "session: 1\ntitle: One\ncreated: 2026-01-01\n"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_edit_is_merged_or_reported(tmp_path: Path, case: dict[str, str]) -> None:
    here = project(tmp_path, one=case["yaml"])
    api.publish(here)
    file = tmp_path / PATH
    edited = file.read_text("utf-8")
    for old, new in case["edits"].items():
        assert edited.count(old) >= 1, old
        edited = edited.replace(old, new, 1)
    file.write_text(edited, "utf-8")

    merged = merge_document(here, "one", file.read_bytes(), PATH)

    source = (tmp_path / "sessions/one.yaml").read_text("utf-8")
    assert source == HEAD + case["merged"]
    assert [field for _, field in merged.places] == case["fields"]
    assert [each.message.partition(": ")[2] for each in merged.problems] == case.get(
        "unmerged", []
    )
    assert file.read_text("utf-8") == edited
    assert merged.is_whole == case.get("whole", True)
    if merged.is_whole:
        assert api.publish(here).refused == ()
        assert api.unpublished(here) == ()


def test_newer_text_in_the_session_is_kept(tmp_path: Path) -> None:
    repository(tmp_path)
    here = project(tmp_path, one="goal: Count\nduration: 2 hours\n")
    api.publish(here)
    commit(tmp_path, "published")
    file = tmp_path / PATH
    file.write_text(file.read_text("utf-8").replace("2 hours", "3 hours"), "utf-8")
    (tmp_path / "sessions/one.yaml").write_text(f"{HEAD}goal: Weigh\nduration: 2 hours\n")

    merged = merge_document(here, "one", file.read_bytes(), PATH)

    assert [field for _, field in merged.places] == ["duration"]
    source = (tmp_path / "sessions/one.yaml").read_text("utf-8")
    assert source == f"{HEAD}goal: Weigh\nduration: 3 hours\n"
    assert not merged.is_whole


def test_without_the_rendered_version_nothing_is_merged(tmp_path: Path) -> None:
    here = project(tmp_path, one="goal: Count\n")
    api.publish(here)
    content = (tmp_path / PATH).read_bytes().replace(b"Count", b"Sum up")
    (tmp_path / "sessions/one.yaml").write_text(f"{HEAD}goal: Weigh\n")

    with pytest.raises(InvalidInput, match=r"the manual edits cannot be determined.*\(X008\)"):
        merge_document(here, "one", content, PATH)

    assert (tmp_path / "sessions/one.yaml").read_text("utf-8") == f"{HEAD}goal: Weigh\n"


def test_document_of_another_session_is_refused(tmp_path: Path) -> None:
    here = project(tmp_path, one="", two="")
    api.publish(here)

    with pytest.raises(UsageError, match="is the document of 'one', not of 'two'"):
        merge_document(here, "two", (tmp_path / PATH).read_bytes(), PATH)


LONG = r"""goal: Count the games
duration: 2 hours
checklist: {Understood: false, Tested: true}
decisions: [Keep it small, "Cite {{ session }} where it helps"]
findings: {Rows: 12, Notes: "Two\nlines"}
insights: {Dates: {Missing: null, Found: "[TO BE FILLED]"}}
prompt: {goal: Count the games, read: [{path: a.md, note: first}], approach: [One, Two]}
"""


def test_merged_edits_are_rendered_as_written(tmp_path: Path) -> None:
    """Random edits: merged ones are in the new document, others are reported."""
    luck = random.Random(7)
    for n in range(40):
        here = project(tmp_path / str(n), one=LONG)
        api.publish(here)
        file = here.root / PATH
        base = signature(file.read_bytes()).text
        lines = base.split("\n")
        at = luck.choice([k for k, line in enumerate(lines) if line.strip()])
        words = lines[at].split(" ")
        words[luck.randrange(len(words))] = luck.choice(
            ("new", "", "- [x]", "{{ a", "two words")
        )
        lines[at] = " ".join(words)
        edited = "\n".join(lines)
        file.write_text(file.read_text("utf-8").replace(base, edited), "utf-8")

        merged = merge_document(here, "one", file.read_bytes(), PATH)

        text = api.render(here, api.load(here, "one"), None).text
        if edited != base:
            assert bool(merged.places) != bool(merged.problems)
        assert not merged.places or lines[at] in text.split("\n")
        assert merged.places or text == base
