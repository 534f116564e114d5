"""What the receiver must know: deadlines, evidence, claims and conditions."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from live_facts import fact, facts, query, question
from msgspec.structs import replace
from sessions import AT, following, session, text

from handoff import api
from handoff.base.problems import InvalidInput, Problem
from handoff.facts.recorded import EvidenceRecord, Facts
from handoff.render.document import Document, overdue
from handoff.session.model import Action, Blank, Bullets, Claim, Session, Timestamp
from handoff.session.model import Condition as Written
from handoff.session.walk import every
from handoff.values.evidence import (
    ConditionResult,
    Reference,
    claim_basis,
    count_claims,
    evaluate_condition,
    facts_of_conditions,
    mark_claim,
    parse_reference,
    refuted_claims,
    start_conditions,
)
from handoff.values.interpolate import Interpolator
from handoff.values.typecheck import problems

RUN = {"phase": "STRING", "state": "STRING", "done": "INT64", "is_final": "BOOL"}
QUERIES = {"run.sql": query("run.sql", RUN)}
SEEN = {
    "3f9c2d1": EvidenceRecord(
        True, None, "3f9c2d1" + "0" * 33, datetime(2026, 1, 3, tzinfo=UTC)
    ),
    "a ``` b.md:7": EvidenceRecord(True, "0" * 64, None, datetime(2026, 1, 3, tzinfo=UTC)),
}
RUNNING = replace(facts(fact("run", RUN, ("Phase 4", "running", 514, False))), evidence=SEEN)
UNKNOWN = facts(fact("run", RUN, ("Phase 4", None, None, None)))


def asking(**changes: object) -> Session:
    return session(facts=(question("run", "run.sql"),), **changes)


def live(of: Session, known: Facts | None = RUNNING) -> Interpolator:
    return Interpolator(of, known, QUERIES, document="d.md", stalled_minutes=60, zone=UTC)


def waiting(*whens: str) -> Session:
    items = tuple(Written(text("done"), text(when), AT) for when in whens)
    return asking(next=replace(following(), prerequisites=Bullets(items, AT)))


# --- deadlines -----------------------------------------------------------------------------


def due(at: date | None) -> Action:
    moment = Blank("[TO BE FILLED]", AT) if at is None else Timestamp(at, AT)
    return Action(text("do"), None, moment, None, None, AT)


def test_overdue_is_what_is_past_where_now_is() -> None:
    day, before, after, blank = (
        due(date(2026, 1, 3)),
        due(datetime(2026, 1, 4, 3, 59, tzinfo=UTC)),
        due(datetime(2026, 1, 4, 4, 1, tzinfo=UTC)),
        due(None),
    )
    actions = (day, before, after, blank)
    now = datetime(2026, 1, 4, 4, 0, tzinfo=UTC)

    assert overdue(actions, now) == (day, before)
    # in New York it is still the third
    assert overdue(actions, now.astimezone(ZoneInfo("America/New_York"))) == (before,)


def test_what_waits_or_is_parked_is_due_on_its_day() -> None:
    august = Timestamp(date(2026, 8, 31), AT, "August", date(2026, 8, 1))
    due = Action(text("due"), None, august, None, None, AT)
    waiting = Action(text("waiting"), None, None, None, None, AT, after=august)
    begun = Action(text("begun"), None, august, None, None, AT, after=august)
    parked = Action(text("parked"), None, august, None, None, AT, parked=august)
    actions = (due, waiting, begun, parked)

    def overdue_on(month: int, day: int) -> tuple[object, ...]:
        return overdue(actions, datetime(2026, month, day, 12, tzinfo=UTC))

    assert overdue_on(7, 31) == ()
    assert overdue_on(8, 1) == overdue_on(8, 31) == (waiting, parked)
    assert overdue_on(9, 1) == actions


# --- evidence ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("{{ run.state }}", Reference("value", "{{ run.state }}")),
        ("run", Reference("fact", "run")),
        ("other_fact", Reference("fact", "other_fact")),
        ("deadbeef", Reference("fact", "deadbeef")),
        ("deadbee", Reference("commit", "deadbee")),
        ("3f9c2d1", Reference("commit", "3f9c2d1")),
        ("3F9C2D1" + "0" * 33, Reference("commit", "3F9C2D1" + "0" * 33)),
        ("3f9c2d", Reference("document", "3f9c2d")),
        ("ml/train.py:120", Reference("lines", "ml/train.py", 120, 120)),
        ("ml/train.py:120-140", Reference("lines", "ml/train.py", 120, 140)),
        ("ml/train.py:120:5", Reference("lines", "ml/train.py", 120, 120)),
        ("./ml//train.py", Reference("document", "ml/train.py")),
        ("docs/plan.md#risks", Reference("document", "docs/plan.md", section="risks")),
        ("ml/train.py#L120-L140", Reference("lines", "ml/train.py", 120, 140)),
        ("ml/train.py#L120", Reference("lines", "ml/train.py", 120, 120)),
        ("../secrets", Reference("document", "../secrets")),
        ("Makefile", Reference("document", "Makefile")),
        ("./a log", Reference("document", "a log")),
        ("my plan.md:7", Reference("lines", "my plan.md", 7, 7)),
        ("gcloud sql backups list --instance=db", None),
        ("I looked at it: it was fine", None),
        ("https://ci.example/run/1", Reference("page", "https://ci.example/run/1")),
        ("a log of\n last night", Reference("prose", "a log of last night")),
    ],
)
def test_evidence_is_read_by_its_spelling(words: str, expected: Reference | None) -> None:
    expected = expected or Reference("prose", words)
    assert parse_reference(words, ("run", "deadbeef")) == expected


@given(st.from_regex(re.compile(r"[0-9a-f]{7,40}"), fullmatch=True))
def test_hex_is_a_commit_unless_a_fact_has_the_name(words: str) -> None:
    assert parse_reference(words).kind == "commit"
    assert parse_reference(words, (words,)).kind == "fact"


PATHS = st.from_regex(
    re.compile(r"[a-z]{1,8}(/[A-Za-z_ .-]{0,8}[a-z])?\.(py|md)"), fullmatch=True
)


@given(PATHS, st.integers(1, 10**6), st.integers(0, 10**6))
def test_lines_of_a_file_are_found_again(path: str, first: int, more: int) -> None:
    found = parse_reference(path)
    span = f"{path}:{first}-{first + more}"

    assert found.kind == "document"
    assert parse_reference(span) == Reference("lines", found.name, first, first + more)
    assert parse_reference(f"{path}:{first}") == Reference("lines", found.name, first, first)


@given(st.text())
def test_any_evidence_refers_to_something(words: str) -> None:
    assert parse_reference(words) == parse_reference(f" {words}\n")


# --- claims --------------------------------------------------------------------------------


def claims_of(of: Session) -> tuple[Claim, ...]:
    return tuple(every(of, Claim))


def claim(*evidence: str) -> Claim:
    return Claim(text("it holds"), tuple(text(each) for each in evidence), AT)


@pytest.mark.parametrize(
    ("evidence", "known", "expected"),
    [
        ((), RUNNING, ("assumed", ())),
        (("run",), RUNNING, ("assumed", ("see `run`",))),
        (("run",), None, ("assumed", ("`run`, which has no result",))),
        (("{{ run.done }}",), RUNNING, ("assumed", ("514",))),
        (("{{ run.done }} of {{ run.done }}",), RUNNING, ("assumed", ("514 of 514",))),
        (("{{ run.done }}", "3f9c2d1"), RUNNING, ("verified", ("514", "`3f9c2d1`"))),
        (("run", "3f9c2d1"), RUNNING, ("verified", ("see `run`", "`3f9c2d1`"))),
        (("I saw it", "3f9c2d1"), RUNNING, ("assumed", ("I saw it", "`3f9c2d1`"))),
        (("https://a.example",), RUNNING, ("assumed", ("see `https://a.example`",))),
        (("3f9c2d2",), RUNNING, ("assumed", ("`3f9c2d2`, not recorded",))),
        (("{{ run.done == run.done }}",), RUNNING, ("assumed", ("514",))),
        (("{{ 1 == 1 }}",), RUNNING, ("assumed", ("",))),
        (("{{ session == '1' }}",), RUNNING, ("assumed", ("1",))),
        (("{{ run.done > 500 }} as hoped",), RUNNING, ("verified", ("✅ as hoped",))),
        (("{{ run.done }}",), UNKNOWN, ("assumed", ("[TO BE FILLED]",))),
        (
            ("{{ run.done }}", "3f9c2d1"),
            UNKNOWN,
            ("assumed", ("[TO BE FILLED]", "`3f9c2d1`, not recorded")),
        ),
        (("[FILE PATH]",), RUNNING, ("assumed", ("[FILE PATH]",))),
        (("a ``` b.md:7",), RUNNING, ("verified", ("````a ``` b.md:7````",))),
        (("{{ run.state == 'running' }}",), RUNNING, ("verified", ("running",))),
        (("{{ run.is_final }}", "3f9c2d1"), RUNNING, ("refuted", ("❌", "`3f9c2d1`"))),
    ],
)
def test_claim_is_verified_by_what_says_something(
    evidence: tuple[str, ...], known: Facts | None, expected: tuple[str, tuple[str, ...]]
) -> None:
    assert claim_basis(claim(*evidence), live(asking(), known)) == expected


def test_claim_whose_evidence_is_blank_is_assumed() -> None:
    blank = Claim(text("it holds"), Blank("[TO BE FILLED]", AT), AT)

    assert claim_basis(blank, live(asking())) == ("assumed", ("[TO BE FILLED]",))


def test_claims_are_counted_wherever_they_stand() -> None:
    claims = Bullets((claim("3f9c2d1"), claim(), text("plain")), AT)
    of = asking(findings=claims, insights=claim("{{ run.done > 500 }}"))

    assert count_claims(claims_of(of), live(of)) == "2 verified, 1 assumed"
    assert count_claims((), live(asking())) == ""


def test_claim_that_its_evidence_refutes_is_told() -> None:
    of = asking(findings=Bullets((claim("{{ run.is_final }}"), claim("run")), AT))

    assert count_claims(claims_of(of), live(of)) == "1 assumed, 1 refuted"
    assert mark_claim(claim("{{ run.is_final }}"), live(of)) == ("❌", "refuted: ❌")
    assert [*refuted_claims(claims_of(of), live(of))] == [
        Problem("H005", "the evidence contradicts this: ❌", AT, "warning")
    ]


# --- conditions ----------------------------------------------------------------------------


def start_results(of: Session, names: Interpolator) -> list[ConditionResult]:
    return [evaluate_condition(each, names) for each in start_conditions(of)]


@pytest.mark.parametrize(
    ("when", "holds", "evidence"),
    [
        ("{{ run.state == 'running' }}", True, "running"),
        ("{{ run.state != 'running' }}", False, "running"),
        ("{{ run.done >= 500 and run.state == 'complete' }}", False, "514, running"),
        ("{{ not run.is_final }}", True, "❌"),
        ("{{ run.state == run.state }}", True, "running"),
        ("{{ as_of >= '2026-01-03T16:00:00Z' }}", True, "2026-01-03 16:20 UTC"),
    ],
)
def test_condition_says_on_what_it_rests(when: str, holds: bool, evidence: str) -> None:
    of = waiting(when)

    assert start_results(of, live(of)) == [ConditionResult("done", holds, evidence)]


@pytest.mark.parametrize("known", [None, UNKNOWN], ids=["not asked", "without a value"])
def test_condition_without_an_answer_is_not_known(known: Facts | None) -> None:
    of = waiting("{{ run.state == 'running' }}")

    assert start_results(of, live(of, known)) == [ConditionResult("done", None, "not known")]
    assert live(of, known).blanks(of) == ()


def test_conditions_know_their_facts() -> None:
    of = waiting("{{ run.done > 1 or as_of > '2026-01-03T16:00:00Z' }}", "{{ other.x }}")

    assert facts_of_conditions(of) == {"run", "as_of", "other"}


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ("{{ run.state == 'running' }}", []),
        ("{{ run.is_final }}", []),
        ("{{ run.state }}", ["L017 a condition is true or false, found STRING"]),
        ("{{ run.is_final }} {{ run.is_final }}", ["L017 a condition is one '{{ }}' wit"]),
        ("{{ 1 == 1 }}", ["L017 this condition cites no fact, so it never "]),
        ("{{ run.stat == 'x' }}", ["L011 fact 'run' has no column 'stat', did you"]),
        ("{{ run.state == 1 }}", ["L016 STRING == INT64 cannot be compared"]),
        ("{{ run.state = 'x' }}", ["L002 unexpected '=' after the expression"]),
    ],
)
def test_condition_that_can_never_be_one(when: str, expected: list[str]) -> None:
    found = problems(waiting(when), QUERIES)

    assert [
        f"{each.code} {each.message}"[: len(e)] for each, e in zip(found, expected, strict=True)
    ] == expected


def test_evidence_that_names_an_unknown_fact() -> None:
    found = problems(asking(findings=claim("rum", "run", "3f9c2d1")), QUERIES)

    assert [str(each) for each in found] == [
        "sessions/s.yaml:7:3: error: unknown fact 'rum', did you mean 'run'? (L010)"
    ]


# --- prompts -------------------------------------------------------------------------------

PROMPTS = """\
session: 1
title: Several prompts
created: 2026-01-03
template: own
prompts:
  review: {goal: Review, after: files}
  watch: {text: "Look at {{ document }}"}
"""


FILES = "{{ session.sections | after('files') }}\n"
PROMPT = "{{ session.sections | after('prompt') }}\n"


def rendered(root: Path, template: str) -> Document:
    for path, words in (("sessions/s.yaml", PROMPTS), ("templates/own.md.j2", template)):
        (root / path).parent.mkdir()
        (root / path).write_text(words)
    project = api.open_project(str(root))
    return api.render(project, api.load(project, "s"), None)


def test_each_prompt_stands_in_a_fence_of_its_own(tmp_path: Path) -> None:
    document = rendered(tmp_path, f"{FILES}\n{PROMPT}")

    watch = f"Look at {document.path}"
    review = "I'm continuing from Session 1.\n\nNEXT SESSION GOAL:\nReview"
    assert (document.prompt, document.prompts) == (None, {"review": review, "watch": watch})
    assert document.text == (
        f"## Prompt: review\n\n```\n{review}\n```\n\n## Prompt: watch\n\n```\n{watch}\n```\n"
    )


@pytest.mark.parametrize(
    ("template", "place", "after"), [(PROMPT, "6:11", "files"), (FILES, "7:10", "prompt")]
)
def test_template_has_a_place_for_each_prompt(
    tmp_path: Path, template: str, place: str, after: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        rendered(tmp_path, template)

    message = f"template 'own' has no place for a prompt after '{after}' (T010)"
    assert str(caught.value) == f"sessions/s.yaml:{place}: error: {message}"
