"""Typed claims compared with recorded facts: what contradicts them, and what does not."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml
from msgspec.structs import replace

from handoff.base.problems import Problem
from handoff.base.tree import Tree
from handoff.check.claims import prompt_claims, typed_claims
from handoff.check.counts import facts_disagree, list_counts
from handoff.check.rule import CheckContext
from handoff.facts import recorded
from handoff.session import decode
from handoff.sql.query import read
from handoff.values.view import Cells

ROOT = Path(__file__).parent.parent
FIXTURES = Path(__file__).parent / "fixtures/claims"
TREE = Tree(lambda _: False, lambda: ())
HEAD = """\
session: 1
title: Claims
created: 2026-01-03
as_of: 2026-01-03T16:20:00Z
facts:
  orchestrator: {sql: orchestrator/phases.sql, key: phase}
  coverage: {sql: coverage/phase4.sql, params: {season_start: 2021-10-19}, key: table_name}
  rebuild: {sql: marts.sql, key: phase}
  backfill:
    {log: b.log, match: '(?P<done>x)(?P<total>x)', columns: {done: INT64, total: INT64}}
  games: {log: g.log, match: '(?P<phase>x)(?P<done>x)', contract: phases, key: phase}
  work: {git: 2026-01-02, take: summary}
metrics:
  Stage 7: "{{ rebuild.marts.done }} of {{ rebuild.marts.total }}"
  Box scores: "{{ backfill.done }} of {{ backfill.total }} days"
"""
MARTS = """
-- Marts.
-- returns: phase STRING, done INT64, total INT64
SELECT 'marts' AS phase, 0 AS done, 694 AS total
"""


def sentences(name: str) -> list[str]:
    lines = (FIXTURES / name).read_text("utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


CONTRADICTIONS = sentences("contradictions.txt")
FIELD_CONTRADICTIONS, MISSED = (
    sentences("field-contradictions.txt"),
    sentences("field-missed.txt"),
)
TRUE = [*sentences("true.txt"), *sentences("field-true.txt")]
PARTS = yaml.safe_load((FIXTURES / "field-sources.yaml").read_text("utf-8"))


def context(source: str, **changes: object) -> CheckContext:
    session, _ = decode.load(source.encode(), "session-1", "sessions/session-1.yaml")
    path = "sessions/session-1.facts.json"
    facts = recorded.load((ROOT / path).read_bytes(), path)
    more = [
        recorded.load((FIXTURES / name).read_bytes(), path).facts
        for name in ("marts.facts.json", "field.facts.json")
    ]
    facts = recorded.Facts(facts.as_of, {**facts.facts, **more[0], **more[1]})
    names = ("orchestrator/phases.sql", "coverage/phase4.sql")
    queries = {
        name: read((ROOT / "sql" / name).read_bytes(), f"sql/{name}", name) for name in names
    }
    queries["marts.sql"] = read(MARTS.lstrip().encode(), "sql/marts.sql", "marts.sql")
    cells = Cells(session, facts, queries, 60, ZoneInfo("America/New_York"))
    return CheckContext(
        session, queries, facts, path, "docs/x.md", None, TREE, cells=cells, **changes
    )


def found(source: str) -> list[Problem]:
    head = HEAD.replace("title: Claims\n", "") if source.startswith("title:") else HEAD
    return list(typed_claims(context(head + source)))


def said(sentence: str) -> list[Problem]:
    return found(yaml.safe_dump({"accomplished": {"Notes": [sentence]}}, allow_unicode=True))


@pytest.mark.parametrize("sentence", CONTRADICTIONS)
def test_contradiction_is_found(sentence: str) -> None:
    assert len(said(sentence)) == 1


@pytest.mark.parametrize("sentence", FIELD_CONTRADICTIONS)
def test_contradiction_of_the_field_is_found(sentence: str) -> None:
    assert said(sentence)


@pytest.mark.parametrize("sentence", MISSED)
def test_known_miss_is_still_one(sentence: str) -> None:
    assert said(sentence) == []


@pytest.mark.parametrize("source", PARTS["contradictions"])
def test_contradiction_is_found_in_each_part(source: str) -> None:
    assert found(source)


@pytest.mark.parametrize("source", PARTS["look_alikes"])
def test_look_alike_gives_no_alarm_in_any_part(source: str) -> None:
    assert found(source) == []


@pytest.mark.parametrize("sentence", TRUE)
def test_true_sentence_gives_no_alarm(sentence: str) -> None:
    assert said(sentence) == []


def test_message_has_both_values_and_the_time() -> None:
    (problem,) = said("✅ Stage 7 complete, 694 of 694 days")

    assert str(problem) == (
        "sessions/session-1.yaml:18:5: warning: 'Stage 7 complete' contradicts "
        "rebuild.marts: 0 of 694 as of 2026-01-03 16:20 UTC (C003)"
    )


def test_title_and_note_have_their_place() -> None:
    source = (
        "title: Phase 4 complete\nchecklist:\n  Go: {done: false, note: Phase 1 is complete}\n"
    )

    places = [(each.place.line, each.place.column) for each in found(source)]

    assert places == [(15, 8), (17, 27)]


def test_old_rows_of_a_failed_fact_are_said_to_be_old() -> None:
    case = context(HEAD + "goal: Phase 1 complete\n")
    failure = recorded.Failure("no connection", datetime(2026, 1, 4, tzinfo=UTC))
    failed = replace(case.facts.facts["orchestrator"], failure=failure)
    facts = recorded.Facts(case.facts.as_of, {**case.facts.facts, "orchestrator": failed})
    case = replace(case, facts=facts, cells=replace(case.cells, facts=facts))

    assert [each.message for each in typed_claims(case)] == [
        "'Phase 1 complete' contradicts orchestrator.phase_1: 514 of 1,537, running "
        "as of 2026-01-03 16:20 UTC; the query has failed since"
    ]


CHECKED = (
    "checklist: {Stage 7 marts rebuilt: true, Phase 1 complete: false, Phase 3 complete: true}"
)
LABELS = """\
accomplished:
  Phase 1 Status:
    Progress: 600 of 1,537 days
  Phase 4 Backfill Script:
    Created: complete
    Testing: 5 of 5 runs, 100% complete
"""
PLANS = """\
next:
  objectives: [Stage 7 complete, Phase 1 complete]
  prerequisites:
    - {text: Phase 1 complete, when: "{{ orchestrator.phase_1.state == 'complete' }}"}
actions: [Phase 4 complete]
prompt: {goal: Phase 1 complete, approach: [Phase 2 complete], ask: Phase 1 complete}
"""


@pytest.mark.parametrize(
    ("source", "codes"),
    [
        (CHECKED, ["C003"]),
        (LABELS, ["C001"]),
        (PLANS, []),
        ("goal: Phase 1 complete", ["C003"]),
    ],
)
def test_only_assertions_are_compared(source: str, codes: list[str]) -> None:
    assert [problem.code for problem in found(source)] == codes


def test_prompt_is_held_to_the_facts_too() -> None:
    source = HEAD + "goal: Phase 2 complete\nprompt: {context: [Phase 1 complete]}\n"
    case = context(source, prompts={"default": "CONTEXT:\n- Phase 1 complete\n"})

    assert [problem.place.line for problem in prompt_claims(case)] == [17]


LISTS = {
    "Files changed (3)": (["a", "b"], 1),
    "Files changed (2)": (["a", "b"], 0),
    "3 files": (["a", "b"], 1),
    "three steps": (["a", "b"], 1),
    "two steps": (["a", "b"], 0),
    "Session (2026)": (["a"], 0),
    "4 seasons": (["a"], 0),
    "3 of 5 tasks": (["a"], 0),
    "14 days left for 3 files.": (["a"], 0),
}


COUNTS = yaml.safe_load((FIXTURES / "counts.yaml").read_text("utf-8"))
LISTS |= {label: (["x"] * size, 1) for label, size in COUNTS["wrong"].items()}
LISTS |= {label: (["x"] * size, 0) for label, size in COUNTS["right"].items()}


@pytest.mark.parametrize(("label", "case"), LISTS.items(), ids=LISTS)
def test_count_above_a_list(label: str, case: tuple[list[str], int]) -> None:
    source = yaml.safe_dump({"accomplished": {label: case[0]}}, allow_unicode=True)

    assert len(list(list_counts.problems(context(HEAD + source)))) == case[1]


def test_two_facts_that_count_the_same_are_compared() -> None:
    marts = (FIXTURES / "marts.facts.json").read_text("utf-8")
    other = marts.replace('"rebuild"', '"log"').replace(
        '["marts", 0, 694]', '["marts", 500, 694]'
    )
    source = HEAD.replace("metrics:", "  log: {sql: marts.sql, key: phase}\nmetrics:")
    case = context(source)
    log = recorded.load(other.encode(), "sessions/session-1.facts.json").facts["log"]
    facts = recorded.Facts(
        case.facts.as_of, {**case.facts.facts, "log": replace(log, edited=False)}
    )
    case = replace(case, cells=replace(case.cells, facts=facts))

    assert [str(problem) for problem in facts_disagree.problems(case)] == [
        "sessions/session-1.yaml:13:3: warning: rebuild.marts and log.marts disagree on "
        "'marts': 0 of 694 and 500 of 694 (C008)"
    ]
