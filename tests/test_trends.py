"""What a fact said in an earlier session, beside what it says now."""

from __future__ import annotations

import re
import shutil
from datetime import UTC, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import live_facts
import pytest
from hypothesis import given
from hypothesis import strategies as st
from live_facts import AS_OF, QUERIES, query, question
from msgspec.structs import replace
from sessions import session, text

from handoff import api
from handoff.facts.recorded import Fact, Facts, Failure
from handoff.session.model import QueryFact, SourceFact
from handoff.sql.query import CONTRACTS
from handoff.values.interpolate import Interpolator
from handoff.values.printing import printed
from handoff.values.progress import DERIVED
from handoff.values.rows import EarlierSession, FactView
from handoff.values.trends import answer
from handoff.values.typecheck import problems
from handoff.values.view import Cells, ViewFactory

GOLDEN = Path(__file__).parent / "golden" / "trends"
COVERAGE = CONTRACTS["coverage"]
ALL = {**QUERIES, "coverage.sql": query("coverage.sql", COVERAGE, "coverage")}
ASKED = replace(question("x", "coverage.sql", "table_name"), since="session-1")
LATER = AS_OF + timedelta(days=1)


def row(scheduled: int, actual: int, target: float = 88, name: str = "a") -> tuple[object, ...]:
    return (name, scheduled, 0, actual, None, None, target)


def fact(*rows: tuple[object, ...], name: str = "x") -> Fact:
    return live_facts.fact(name, COVERAGE, *rows, contract="coverage")


def recorded(of: Fact) -> EarlierSession:
    return EarlierSession("session-1", Facts(AS_OF, {of.name: of}))


def source(now: Fact, then: EarlierSession, asked: QueryFact | SourceFact = ASKED) -> FactView:
    reader = ViewFactory(Facts(LATER, {"x": now}), ALL, 60, UTC, False, {"session-1": then})
    return reader.view(asked)


def said(written: str, now: Fact, then: EarlierSession | None) -> str:
    names = Interpolator(
        session("s", facts=(ASKED,)),
        Facts(LATER, {"x": now}),
        ALL,
        document="",
        stalled_minutes=60,
        zone=UTC,
        earlier={"session-1": then} if then else None,
    )
    return names.text(text(written))


@pytest.mark.parametrize(
    ("then", "now", "words"),
    [
        ((1000, 714), (1000, 893), "71.4% → 89.3%, +17.9 points since session-1"),
        ((1000, 893), (1000, 714), "89.3% → 71.4%, -17.9 points since session-1"),
        ((1000, 714), (1000, 714), "71.4%, unchanged since session-1"),
        ((500, 357), (1000, 714), "71.4%, unchanged since session-1"),
        ((10_000, 7141), (10_000, 7149), "71.4% → 71.4%, up by at most 0.1 points since"),
        ((10_000, 7149), (10_000, 7141), "71.4% → 71.4%, down by at most 0.1 points since"),
        ((10_000, 7149), (10_000, 7145, 87.96), "71.4% → 71.45%, down by at most 0.1 points"),
        ((1001, 1), (4001, 8), "0.1% → 0.1%, up by at most 0.2 points since session-1"),
        ((100, 0), (100, 100), "0% → 100%, +100 points since session-1"),
    ],
)
def test_percentages_change_by_points(
    then: tuple[int, int], now: tuple[int, int], words: str
) -> None:
    found = said("{{ x.a.percent | since }}", fact(row(*now)), recorded(fact(row(*then))))

    assert found.startswith(words)


def test_counts_are_grouped() -> None:
    found = said(
        "{{ x.a.actual | since }}", fact(row(9000, 3500)), recorded(fact(row(9000, 1200)))
    )

    assert found == "1,200 → 3,500, +2,300 since session-1"


@pytest.mark.parametrize(
    ("then", "why"),
    [
        (None, "session-1 has nothing recorded"),
        (EarlierSession("session-1", None, "cannot be read"), "session-1 cannot be read"),
        (EarlierSession("session-1", Facts(AS_OF, {})), "session-1 did not run this query"),
        (recorded(fact(row(10, 5), name="y")), ""),
        (
            recorded(replace(fact(row(10, 5)), edited=True)),
            "its result in session-1 was edited manually",
        ),
        (recorded(fact(row(10, 5, name="b"))), "session-1 has no such row"),
        (recorded(fact(row(10, 5), row(10, 6))), "session-1 has no such row"),
        (recorded(fact(row(10, 50))), "it was not known in session-1"),
        (recorded(live_facts.failed(fact(row(10, 5)))), "it failed in session-1"),
        (
            recorded(replace(fact(), provenance=None, failure=Failure("timed out", AS_OF))),
            "it failed in session-1",
        ),
    ],
)
def test_without_an_answer_to_the_same_question_there_is_a_blank_and_why(
    then: EarlierSession | None, why: str
) -> None:
    found = said("{{ x.a.percent | since }}", fact(row(10, 6)), then)

    expected = f"[TO BE FILLED - {why}]" if why else "50% → 60%, +10 points since session-1"
    assert found == expected


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"sha256": "1" * 64}, "the query changed since session-1"),
        ({"params": {"as_of": AS_OF, "n": 1}}, "session-1 ran with other parameters"),
        ({"params": {"as_of": AS_OF - timedelta(days=9)}}, ""),
        ({"params": {"as_of": LATER}}, "the as-of time of session-1 is later"),
        ({"engine": "duckdb sample"}, "session-1 ran on another engine"),
        ({"source": "y.sql", "sha256": "1" * 64}, "session-1 did not run this query"),
        ({"ran_at": LATER, "job_id": "1", "bytes_billed": 2}, ""),
    ],
)
def test_only_the_same_question_is_compared(change: dict[str, object], why: str) -> None:
    now = fact(row(10, 6))
    assert now.provenance
    then = replace(now, provenance=replace(now.provenance, **change))  # type: ignore[arg-type]

    found, told = answer(now, recorded(then))

    assert (found, told) == ((None, why) if why else (then, ""))


def test_parameters_are_compared_with_their_types() -> None:
    now = fact(row(10, 6))
    assert now.provenance
    one, true = (
        replace(now, provenance=replace(now.provenance, params={"as_of": AS_OF, "n": n}))
        for n in (1, True)
    )

    assert answer(one, recorded(true)) == (None, "session-1 ran with other parameters")


def test_columns_stand_beside_numbers_only() -> None:
    found = source(fact(row(10, 6)), recorded(fact(row(10, 5))))

    added = [name for name in found.types if name.endswith(("_before", "_change"))]
    numbers = (
        *("scheduled", "excluded", "actual", "target_pct"),
        *("expected", "percent", "complete_pct", "scheduled_pct", "expected_pct"),
        *("ceiling_pct", "gap"),
    )
    assert added == [f"{n}{end}" for n in numbers for end in ("_before", "_change")]
    assert set(added) < set(found.derived)


def test_names_and_what_a_question_returns_itself_are_left_alone() -> None:
    own = {"run_id": "INT64", "n": "INT64", "n_change": "INT64", "word": "STRING"}
    asked = replace(question("x", "own.sql"), since="session-1")
    now = live_facts.fact("x", own, (1, 2, 3, "a"))
    then = {"session-1": recorded(now)}

    reader = ViewFactory(Facts(LATER, {"x": now}), {}, 60, UTC, False, then)

    # of the change that is its own what was before can be told
    assert [*reader.view(asked).types] == [*own, "n_change_before", "n_change_change"]


def test_what_is_said_of_a_value_is_no_value_that_could_move() -> None:
    now, then = fact(row(10, 6)), recorded(fact(row(10, 5)))
    of = session("s", facts=(ASKED,))
    cells = Cells(of, Facts(LATER, {"x": now}), ALL, 60, UTC, {"session-1": then})

    named = [cell.column for cell in cells.of(cells.source(ASKED))]

    assert named == [*COVERAGE, *DERIVED["coverage"]]


COUNT = st.integers(0, 10**6)
TARGET = st.sampled_from([88.0, 87.9, 87.96])


@given(COUNT, COUNT, TARGET, COUNT, COUNT, TARGET)
def test_words_add_up_and_never_have_the_wrong_sign(
    some: int, rest: int, target: float, some_then: int, rest_then: int, target_then: float
) -> None:
    whole, whole_then = some + rest + 1, some_then + rest_then + 1
    now = fact(row(whole, some, target))
    then = recorded(fact(row(whole_then, some_then, target_then)))
    true = Fraction(some * 100, whole) - Fraction(some_then * 100, whole_then)

    words = said("{{ x.a.percent | since }}", now, then)

    if words.endswith("%, unchanged since session-1"):
        assert true == 0
        return
    found = re.fullmatch(
        r"([\d.]+)% → ([\d.]+)%, (?:([+-][\d.]+)|(up|down) by at most ([\d.]+)) points "
        r"since session-1",
        words,
    )
    assert found
    if found[3]:
        assert Decimal(found[3]) == Decimal(found[2]) - Decimal(found[1])
        assert (Decimal(found[3]) > 0) == (true > 0)
    else:
        assert (found[4] == "up") == (true > 0)
        assert abs(true) <= Fraction(found[5])


@given(st.integers(-(2**63), 2**63 - 1), st.integers(-(2**63), 2**63 - 1))
def test_changes_of_integers_are_exact(one: int, two: int) -> None:
    asked = replace(question("x", "kinds.sql"), since="session-1")
    then, now = (live_facts.fact("x", {"n": "INT64"}, (str(n),)) for n in (one, two))

    found = source(now, recorded(then), asked)

    assert found.rows
    change = found.rows[0]["n_change"]
    assert change.value == two - one
    assert printed(change) == (f"{two - one:+,}" if two != one else "0")


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("{{ x.a.percent | since }}", []),
        ("{{ (x.rows | first).percent | since }}", []),
        ("{{ x.a.percent_before }} {{ x.a.gap_change > 0 }}", []),
        ("{{ x.a.percent_change | round(2) }}", []),
        (
            "{{ old.a.percent | since }}",
            ["L018 22: fact 'old' has no 'since:' that names an earlier session"],
        ),
        (
            "{{ x.rows | count | since }}",
            ["L018 23: 'since' follows a numeric column, but not a year or an id"],
        ),
        (
            "{{ x.a.percent_before | since }}",
            ["L018 27: 'since' follows a numeric column, but not a year or an id"],
        ),
        (
            "{{ old.a.percent_before }}",
            [
                "L011 12: fact 'old' has no column 'percent_before', did you mean 'percent'?",
            ],
        ),
    ],
)
def test_what_a_text_cites_is_held_against_what_is_declared(
    written: str, told: list[str]
) -> None:
    asked = (ASKED, question("old", "coverage.sql", "table_name"))

    found = problems(session("s", facts=asked, goal=text(written)), ALL)

    assert [f"{p.code} {p.place.column}: {p.message}" for p in found] == told


# --- whole repositories ------------------------------------------------------------------


def test_published_document_follows_what_the_earlier_session_recorded(tmp_path: Path) -> None:
    shutil.copytree(GOLDEN, tmp_path, dirs_exist_ok=True)
    project = api.open_project(str(tmp_path))
    api.gather(project, api.load(project, "after"))
    api.publish(project)
    document = next((tmp_path / "docs/09-handoff").glob("*AFTER.md"))
    before = document.read_text("utf-8")

    (tmp_path / "sessions/before.facts.json").unlink()
    api.publish(project)

    assert "71.4% → 88.2%, +16.8 points since before" in before
    assert "Cache: [TO BE FILLED - before has nothing recorded]" in document.read_text("utf-8")


def test_facts_that_cannot_be_read_are_none(tmp_path: Path) -> None:
    shutil.copytree(GOLDEN, tmp_path, dirs_exist_ok=True)
    (tmp_path / "sessions/before.facts.json").write_text("<<<<<<< HEAD\n", "utf-8")
    project = api.open_project(str(tmp_path))
    loaded = api.load(project, "after")

    document = api.render(project, loaded, api.gather(project, loaded))

    why = "before has facts that cannot be read"
    assert f"**Session Goal**: Cache: [TO BE FILLED - {why}]\n" in document.text


def test_check_tells_why_nothing_is_compared(tmp_path: Path) -> None:
    shutil.copytree(GOLDEN, tmp_path, dirs_exist_ok=True)
    project = api.open_project(str(tmp_path))
    api.gather(project, api.load(project, "after"))

    told = [str(p) for p in api.check(project).problems if p.code in ("S024", "S025")]

    at = "sessions/after.yaml"
    assert told == [
        f"{at}:15:3: warning: fact 'other' has nothing to be compared with: "
        "before ran with other parameters (S025)",
        f"{at}:16:3: error: 'since' of fact 'nobody' names an unknown session 'gone' (S024)",
        f"{at}:16:3: warning: fact 'nobody' has nothing to be compared with: "
        "gone has nothing recorded (S025)",
    ]
