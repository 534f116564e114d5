"""What a session expects of its facts, held against what was answered."""

from __future__ import annotations

import re
import shutil
from datetime import UTC, date
from fractions import Fraction
from operator import eq, ge, gt, le, lt, ne
from pathlib import Path

import live_facts
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from live_facts import AS_OF, FACTS, QUERIES, QUESTIONS
from msgspec.structs import replace
from sessions import session

from handoff import api
from handoff.base.problems import Place
from handoff.commands.runner import run
from handoff.edit.carry_over import is_live
from handoff.facts.recorded import Facts
from handoff.project.project import Project
from handoff.session.decode import load
from handoff.session.expectations import expectations
from handoff.session.model import Expectation, ExpectBlock, QueryFact
from handoff.sql.query import CONTRACTS
from handoff.values.changes import shown_values
from handoff.values.expectations import line, meant
from handoff.values.interpolate import Interpolator
from handoff.values.rows import FactView
from handoff.values.typecheck import problems
from handoff.values.view import Cells, ViewFactory
from handoff.yaml.decode import Decoder

HERE = Path(__file__).parent
WRONG = yaml.safe_load((HERE / "fixtures/expectations/wrong.yaml").read_text("utf-8"))
GOLDEN = HERE / "golden/expectations"
DOCUMENT = (HERE.parent / "docs" / "expectations.md").read_text("utf-8")
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```$", DOCUMENT, re.DOTALL | re.MULTILINE)
TODAY = AS_OF.date()
COVERAGE = {"coverage.sql": live_facts.query("coverage.sql", CONTRACTS["coverage"], "coverage")}


def expected(written: str) -> tuple[Expectation, ...]:
    """What the YAML says, from line 4 on."""
    decoder = Decoder("s.yaml")
    found = expectations(decoder, decoder.root(f"\n\n\n{written}".encode()))
    assert decoder.finish() == ()
    return found


@pytest.mark.parametrize(("written", "told"), WRONG.items())
def test_what_no_answer_can_meet_is_told_before_anything_is_asked(
    written: str, told: list[str]
) -> None:
    name, _, rest = written.partition(": ")
    asked = next(each for each in QUESTIONS if each.name == name)
    asked = replace(asked, expect=expected(rest))

    found = problems(session("s", facts=(asked,)), QUERIES)

    assert [f"{p.code} {p.place.line}:{p.place.column}: {p.message}" for p in found] == told


def source(written: str, *rows: tuple[object, ...], today: date = TODAY) -> FactView:
    asked = QueryFact("x", "coverage.sql", {}, None, Place("s.yaml"), {}, (), expected(written))
    fact = live_facts.fact("x", CONTRACTS["coverage"], *rows, contract="coverage")
    as_of = AS_OF.replace(year=today.year, month=today.month, day=today.day)
    return ViewFactory(Facts(as_of, {"x": fact}), COVERAGE, 60, UTC, False).view(asked)


def row(
    name: str | None, scheduled: int, actual: int | None, target: float = 88
) -> tuple[object, ...]:
    return (name, scheduled, 0, actual, None, None, target)


def lines(found: FactView) -> list[str]:
    return [line(each, "text") for each in found.verdicts]


CACHE = "percent: {min: 88, except: {cache: {reason: why, until: 2026-01-31}}}"


@pytest.mark.parametrize(
    ("today", "mark", "words"),
    [
        (date(2026, 1, 31), "🟡", "🟡 cache: percent 71 < 88, accepted until 2026-01-31: why"),
        (
            date(2026, 2, 1),
            "🔴",
            "🔴 cache: percent 71 < 88, was accepted until 2026-01-31: why",
        ),
    ],
)
def test_exception_lasts_to_the_end_of_its_day(today: date, mark: str, words: str) -> None:
    found = source(CACHE, row("cache", 100, 71), today=today)

    assert lines(found) == [words]
    assert found.rows
    assert found.rows[0]["mark"].value == mark


def test_percentages_are_compared_as_counts() -> None:
    found = source("percent: {min: 88.04, max: 88.04}", row("a", 100_000, 88_049))

    assert lines(found) == ["🟢 a: percent 88.05 ≥ 88.04", "🔴 a: percent 88.05 > 88.04"]


def test_row_has_limits_of_its_own_in_place_of_the_common_ones() -> None:
    found = source(
        "percent: {min: 88, rows: {B: {max: 50}}}", row("a", 100, 90), row("b", 100, 60)
    )

    assert lines(found) == ["🟢 a: percent 90 ≥ 88", "🔴 b: percent 60 > 50"]


def test_row_that_is_there_twice_is_held_twice_to_its_own_limits() -> None:
    found = source("percent: {rows: {b: {max: 50}}}", row("b", 100, 40), row("b", 100, 60))

    assert lines(found) == ["🟢 b: percent 40 ≤ 50", "🔴 b: percent 60 > 50"]


def test_what_is_not_known_is_neither_met_nor_violated() -> None:
    found = source("percent: {min: 88}", row("a", 100, None), row(None, 100, 90))

    assert lines(found) == ["a: percent ≥ 88: [TO BE FILLED]", "🟢 row 2: percent 90 ≥ 88"]
    assert [each["mark"].value for each in found.rows or ()] == [None, "🟢"]


@pytest.mark.parametrize(
    ("type_", "value", "words"),
    [
        ("STRING", "90", "n ≥ 88: [TO BE FILLED]"),
        ("DATE", "2026-01-01", "n ≥ 88: [TO BE FILLED]"),
        ("FLOAT64", 87.999, "🔴 n 87.999 < 88"),
        ("NUMERIC", "88", "🟢 n 88 ≥ 88"),
    ],
)
def test_old_answer_of_another_type_is_no_answer(type_: str, value: object, words: str) -> None:
    asked = replace(live_facts.question("x", "n.sql"), expect=expected("n: {min: 88}"))
    old = Facts(AS_OF, {"x": live_facts.fact("x", {"n": type_}, (value,))})
    now = {"n.sql": live_facts.query("n.sql", {"n": "INT64"})}

    assert lines(ViewFactory(old, now, 60, UTC, False).view(asked)) == [words]


def test_mark_is_that_of_the_worst() -> None:
    found = source(
        "percent: {min: 1}\n   \nactual: {max: 50}", row("a", 100, 60), row("b", 100, 40)
    )

    assert [each["mark"].value for each in found.rows or ()] == ["🔴", "🟢"]


@pytest.mark.parametrize(
    ("called", "there", "name"),
    [
        ("Phase 1", ["Phase 1", "phase_1"], "Phase 1"),
        ("phase 1", ["Phase 1", "phase_1"], None),
        ("phase_1", ["Phase 1"], "Phase 1"),
        ("🟢", ["🔴"], None),
        ("x", [], None),
    ],
)
def test_row_is_meant_by_its_name_or_as_texts_cite_it(
    called: str, there: list[str], name: str | None
) -> None:
    assert meant(called, there) == name


SIGNS = {"≥": ge, "≤": le, "=": eq, "<": lt, ">": gt, "≠": ne}
LIMIT = st.decimals(0, 100, places=3)


@given(st.integers(1, 10**6), st.integers(0, 10**6), LIMIT, st.sampled_from(["min", "max"]))
def test_verdict_is_exact_and_its_line_is_true(
    scheduled: int, missing: int, limit: object, kind: str
) -> None:
    actual = max(scheduled - missing, 0)
    found = source(f"percent: {{{kind}: {limit}}}", row("a", scheduled, actual))

    (verdict,) = found.verdicts
    exact, bound = Fraction(actual * 100, scheduled), Fraction(str(limit))
    assert verdict.state == (
        "met" if (exact >= bound if kind == "min" else exact <= bound) else "violated"
    )
    words = re.fullmatch(r"(?:🟢|🔴) a: percent ([\d.]+) (.) ([\d.]+)", line(verdict, "text"))
    assert words
    assert SIGNS[words[2]](Fraction(words[1]), Fraction(words[3]))


def test_unanswered_fact_is_one_blank() -> None:
    asked = tuple(replace(each, expect=expected("n: {min: 1}")) for each in QUESTIONS[-2:])
    names = Interpolator(
        session("s", facts=asked), FACTS, QUERIES, document="", stalled_minutes=60, zone=UTC
    )
    expects = [ExpectBlock(each.name, Place("s.yaml", 9)) for each in asked]

    assert [names.expectations(each, "text") for each in expects] == [None, None]
    assert [len(names.blanks(each)) for each in expects] == [1, 1]


def test_what_is_expected_is_carried_on_and_told_when_it_is_no_longer_so() -> None:
    block = ExpectBlock("runs", Place("s.yaml", 9))
    asked = tuple(replace(each, expect=expected("n: {max: 3}")) for each in QUESTIONS[1:2])
    of = session("s", facts=asked, findings=block)

    found = shown_values(Cells(of, FACTS, QUERIES, 60, UTC))

    assert is_live(block)
    assert found["runs.phase_1.mark"].bare == "🟢"


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_example_is_read(example: str) -> None:
    head = "session: 2\ntitle: T\ncreated: 2026-01-03\n"

    found, warnings = load((head + example).encode(), "s", "s.yaml")

    assert warnings == ()
    assert problems(found, {"coverage/phase4.sql": COVERAGE["coverage.sql"]}) == []


# --- check -------------------------------------------------------------------------------


def test_check_tells_what_is_not_as_expected(
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    shutil.copytree(GOLDEN, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    run(["render", "gates", "--stdout"])
    capfd.readouterr()

    codes = [run(["check", "gates"]), run(["check", "gates", "--expect"])]

    told = [each for each in capfd.readouterr().out.splitlines() if "(E0" in each]
    document = GOLDEN / "expected" / "check.out"
    if request.config.getoption("--update"):
        document.write_text("\n".join(told) + "\n", "utf-8")
    assert told == document.read_text("utf-8").splitlines()
    assert codes == [0, 1]


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (
            lambda text: text.replace("[1, 60]", "[1, 99]"),
            "its recorded result was edited manually",
        ),
        (
            lambda text: re.sub(r'"sha256": ".*?"', '"sha256": "00"', text),
            "its recorded result was edited manually",
        ),
        (lambda text: "", "the fact is not recorded"),
    ],
)
def test_answer_that_does_not_count_is_no_answer(
    spoil: object, why: str, tmp_path: Path
) -> None:
    project = _answered(tmp_path)
    recorded = tmp_path / "sessions/s.facts.json"
    recorded.write_text(spoil(recorded.read_text("utf-8")), "utf-8")  # type: ignore[operator]

    told = [p.message for p in api.check(project, ["s"]).problems if p.code[0] == "E"]

    assert told == [f"'n' of fact 'x' is expected, but {why}"]


def test_stale_answer_is_no_answer(tmp_path: Path) -> None:
    project = _answered(tmp_path)
    (tmp_path / "sql/q.sql").write_text(
        "-- q.\n-- returns: k INT64, n INT64\nSELECT 2 AS k, 61 AS n\n"
    )

    told = [p.message for p in api.check(project, ["s"]).problems if p.code[0] == "E"]

    why = "its recorded result is stale: 'sql/q.sql' changed"
    assert told == [f"'n' of fact 'x' is expected, but {why}"]


def _answered(root: Path) -> Project:
    files = {
        "handoff.yaml": "engine: duckdb\n",
        "sql/sample/1.sql": "CREATE SCHEMA d;\n",
        "sql/q.sql": "-- q.\n-- returns: k INT64, n INT64\nSELECT 1 AS k, 60 AS n\n",
        "sessions/s.yaml": "session: 1\ntitle: T\ncreated: 2026-01-03\n"
        "facts: {x: {sql: q.sql, expect: {n: {max: 50}}}}\n",
    }
    for name, text in files.items():
        (root / name).parent.mkdir(exist_ok=True, parents=True)
        (root / name).write_text(text, "utf-8")
    project = api.open_project(str(root))
    api.gather(project, api.load(project, "s"))
    return project
