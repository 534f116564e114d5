"""What texts cite, before anything is asked."""

from pathlib import Path

import pytest
import yaml
from live_facts import QUERIES, QUESTIONS, question
from sessions import AT, session, text

from handoff.base.problems import Place, Problem
from handoff.session.model import (
    CodeBlock,
    Entries,
    Entry,
    MarkdownBlock,
    PhasesBlock,
    TableBlock,
    TableColumn,
    Text,
)
from handoff.values.typecheck import problems

CASES = yaml.safe_load(
    (Path(__file__).parent / "fixtures" / "live" / "citations.yaml").read_text("utf-8")
)
ASKED = (*QUESTIONS, question("elsewhere", "not_there.sql"))
FACTS_AT = Place("sessions/s.yaml", 3, 3)


@pytest.mark.parametrize(("written", "expected"), CASES.items())
def test_what_a_text_cites(written: str, expected: str | None):
    found = problems(session("s", facts=ASKED, goal=text(written)), QUERIES)

    assert [f"{p.code} {p.place.column}: {p.message}" for p in found] == (
        [expected] if expected else []
    )


def test_every_text_is_looked_at_and_nothing_literal():
    literal = Text("{{ a.b }}", AT)
    content = Entries(
        (
            Entry("{{ label.x }}", text("{{ one.x }}", 8), AT),
            Entry("code", CodeBlock("sql", literal, AT), AT),
            Entry("markdown", MarkdownBlock("{{ a.b }}", AT), AT),
        ),
        AT,
    )

    found = problems(session("s", findings=content, status=text("{{ two.x }}", 9)), {})

    message = "unknown fact '{}', 'facts:' declares none"
    assert found == [
        Problem("L010", message.format("two"), Place("sessions/s.yaml", 9, 6)),
        Problem("L010", message.format("one"), Place("sessions/s.yaml", 8, 6)),
    ]


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        (
            question("as_of", "runs.sql"),
            Problem("L013", "'as_of' is reserved in '{{ }}'; rename the fact", FACTS_AT),
        ),
        (
            question("none", "runs.sql"),
            Problem("L013", "'none' is reserved in '{{ }}'; rename the fact", FACTS_AT),
        ),
        (
            question("x", "runs.sql", key="runn"),
            Problem(
                "L014",
                "'key:' names 'runn', which 'runs.sql' does not return, did you mean 'run'?",
                FACTS_AT,
            ),
        ),
    ],
)
def test_how_facts_are_declared(declared, expected: Problem):
    assert problems(session("s", facts=(declared,)), QUERIES) == [expected]


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        (
            TableBlock("run", (), AT),
            Problem("L010", "unknown fact 'run', did you mean 'runs'?", AT),
        ),
        (
            TableBlock("runs", (TableColumn("nn", "N", AT), TableColumn("n", "N", AT)), AT),
            Problem("L011", "fact 'runs' has no column 'nn', did you mean 'n'?", AT),
        ),
        (
            TableBlock("kinds", (TableColumn("name", "Name", AT),), AT),
            Problem("L011", "column 'name' of fact 'kinds' is redacted", AT),
        ),
        (
            PhasesBlock("runs", AT),
            Problem("L015", "'runs.sql' does not declare the contract 'phases'", AT),
        ),
    ],
)
def test_tables_and_status_lines(block, expected: Problem):
    found = problems(session("s", facts=ASKED, orchestrator=block), QUERIES)

    assert found == [expected]
