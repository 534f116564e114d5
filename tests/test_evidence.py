"""Words against boxes."""

from pathlib import Path

import pytest
import yaml
from msgspec.structs import replace
from projects import project
from sessions import AT, checklist, entry, following, session, text

from handoff import api
from handoff.base.problems import Place, Problem
from handoff.base.tree import Tree
from handoff.check import CheckContext, session_problems
from handoff.check.session import claims_done
from handoff.commands.runner import run
from handoff.render.document import count_checked
from handoff.session.model import Blank, CodeBlock, Entries, Entry, Session

CLAIMS = yaml.safe_load(
    (Path(__file__).parent / "fixtures" / "evidence" / "claims.yaml").read_text("utf-8")
)


ITEMS = yaml.safe_load(
    (Path(__file__).parent / "fixtures" / "evidence" / "items.yaml").read_text("utf-8")
)


def found(session: Session) -> list[Problem]:
    context = CheckContext(session, {}, None, "s.facts.json", "docs/s.md", None, Tree(bool))
    return list(session_problems(context))


@pytest.mark.parametrize(("words", "expected"), CLAIMS.items())
def test_what_claims_to_be_done(words: str, expected: list[bool]):
    assert [claims_done(words), claims_done(words, anywhere=True)] == expected


@pytest.mark.parametrize("case", ITEMS, ids=[each["session"] for each in ITEMS])
def test_items_are_counted_wherever_they_are(tmp_path: Path, case: dict[str, object]):
    here = project(tmp_path, s=str(case["session"]))
    loaded = api.load(here, "s")
    document = api.render(here, loaded, None)

    assert [*count_checked(loaded.session)] == case["count"]
    assert document.status.partition(", ")[0] == case["status"]
    done = replace(loaded.session, status=text("✅ COMPLETE"))
    has_open = document.done < document.boxes
    assert [each.code for each in found(done)] == ["W001"] * has_open


def test_open_items_in_sections_and_nested_checklists_are_carried_over(tmp_path: Path):
    content = "{checklist: {Deploy: false, Test: true}}"
    here = project(
        tmp_path,
        a=f"sections: [{{title: Next, content: {content}}}]\n"
        "findings:\n  markdown: |\n    - [ ] Verify\n    - [x] Read\n",
    )

    assert (
        run(["new", "b", "--from", "a", "--created", "2026-01-02", "--root", str(here.root)])
        == 0
    )
    items = api.load(api.open_project(str(here.root)), "b").session.checklist
    assert items is not None
    assert [each.label.value for each in items.boxes] == ["Verify", "Deploy"]


def test_status_complete_beside_open_boxes():
    problems = found(session(status=text("COMPLETE"), checklist=checklist(True, False)))

    words = "status 'COMPLETE' with 1 unchecked item; leave it out to have it derived"
    assert problems == [Problem("W001", words, AT)]


def test_status_in_progress_though_all_is_ticked():
    problems = found(session(status=text("🔄 IN PROGRESS"), checklist=checklist(True, True)))

    words = (
        "status '🔄 IN PROGRESS' although all items are checked; "
        "leave it out to have it derived"
    )
    assert problems == [Problem("W001", words, AT)]


@pytest.mark.parametrize(
    "well",
    [
        session(status=text("COMPLETE"), checklist=checklist(True)),
        session(status=text("COMPLETE")),
        session(status=text("⏸️ TO BE COMPLETED"), checklist=checklist(False)),
        session(status=text("waiting for phase 1"), checklist=checklist(False)),
        session(title="PROJECT COMPLETE", checklist=checklist(True)),
        session(title="PROJECT COMPLETE"),
    ],
)
def test_words_that_fit_the_boxes(well: Session):
    assert found(well) == []


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"title": "PROJECT COMPLETE"}, Place("sessions/s.yaml")),
        ({"header": (entry("Phase", "PROJECT COMPLETE"),)}, AT),
        ({"summary": (entry("Result", "PROJECT COMPLETE"),)}, AT),
        ({"closing": (entry("Status", "PROJECT COMPLETE"),)}, AT),
    ],
)
def test_done_asserted_where_it_is_read_first(changes: dict[str, object], place: Place):
    problems = found(session(checklist=checklist(False, False), **changes))

    assert problems == [
        Problem("W002", "'PROJECT COMPLETE' with 2 unchecked items", place, "warning")
    ]


def test_five_stars_beside_an_open_box():
    metrics = Entries((entry("Thoroughness", "⭐⭐⭐⭐⭐"), entry("Depth", "⭐⭐⭐")), AT)

    problems = found(session(metrics=metrics, checklist=checklist(False)))

    assert problems == [Problem("W003", "'⭐⭐⭐⭐⭐' with 1 unchecked item", AT, "warning")]


def test_stars_in_code_and_blanks_are_nobodys_words():
    code = Entry("Sample", CodeBlock("", text("⭐⭐⭐⭐⭐"), AT), AT)
    blank = Entry("Quality", Blank("[⭐⭐⭐⭐⭐]", AT), AT)

    assert found(session(metrics=Entries((code, blank), AT), checklist=checklist(False))) == []


def test_prerequisite_ticked_in_advance():
    problems = found(
        session(next=following("Session 1 handoff read ✅", "Fresh session ✅/❌"))
    )

    assert problems == [
        Problem("W004", "'Session 1 handoff read ✅' is checked in advance", AT, "warning")
    ]


def test_a_long_text_is_judged_quickly():
    hostile = "1" * 200_000 + " {{" * 200_000 + " done"

    assert claims_done(hostile)
