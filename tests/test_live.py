"""Texts filled in from facts."""

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import live_facts
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from live_facts import AS_OF, FACTS, QUERIES, QUESTIONS
from msgspec.structs import replace
from sessions import session, text

from handoff.base.blanks import blanks
from handoff.base.problems import Place, Problem
from handoff.facts.recorded import Facts
from handoff.session.model import (
    Blank,
    Bullets,
    Entries,
    Entry,
    FilesBlock,
    PhasesBlock,
    TableBlock,
    TableColumn,
    Text,
)
from handoff.values.interpolate import MAX_OUTPUT, Interpolator
from handoff.values.printing import Where

CASES = yaml.safe_load(
    (Path(__file__).parent / "fixtures" / "live" / "values.yaml").read_text("utf-8")
)
AT = Place("sessions/s.yaml", 7, 3)


def live(facts: Facts | None = FACTS, *, stale_ok: bool = False) -> Interpolator:
    return Interpolator(
        session("s", facts=QUESTIONS),
        facts,
        QUERIES,
        document="docs/x.md",
        stalled_minutes=60,
        zone=ZoneInfo("America/New_York"),
        stale_ok=stale_ok,
    )


@pytest.mark.parametrize(("written", "expected"), CASES.items())
def test_text_is_filled_in(written: str, expected: str | list[str]):
    names = live()

    filled = names.text(text(written))

    found = [
        f"{p.code} {p.level} {p.place.column}: {p.message}"
        for p in (*names.errors, *names.warnings)
    ]
    assert [filled, *found] == ([expected] if isinstance(expected, str) else expected)


@pytest.mark.parametrize("written", CASES)
def test_without_facts_each_value_is_a_blank(written: str):
    names = live(None)

    filled = names.text(text(written))

    assert not [p for p in (*names.errors, *names.warnings) if p.code != "L001"]
    assert "None" not in filled


@pytest.mark.parametrize(
    ("written", "where", "expected"),
    [
        ("a | {{ kinds.words }}", "cell", "a \\| a \\| \\`b\\` \\[TO BE FILLED\\]"),
        ("a\nb", "cell", "a b"),
        ("a \\| `b | {{ kinds.words }}`", "cell", "a \\| `b \\| a \\| 'b' [TO BE FILLED]`"),
        ("{{ kinds.nothing | blank('a | b') }}", "cell", "[TO BE FILLED - a \\| b]"),
        ("{{ kinds.words }}", "prompt", "``a | `b` [TO BE FILLED]``"),
        ("{{ orchestrator.phase_1.progress }}", "prompt", "514 of 1,537"),
        ("{{ orchestrator['Phase 1'].phase }}", "prompt", "`Phase 1`"),
        ("{{ kinds.at }} {{ document }}", "prompt", "2026-01-03 03:05 UTC docs/x.md"),
        ("[{{ runs.phase_1.state }}]", "prompt", "[`QUEUED`]"),
        ("`{{ kinds.words }}`", "prompt", "`a | 'b' [TO BE FILLED]`"),
        ("{{ kinds.nothing | blank('\\ud800\\x1b') }}", "text", "[TO BE FILLED - /ud800/x1b]"),
    ],
)
def test_text_where_it_lands(written: str, where: Where, expected: str):
    assert live().text(text(written), where) == expected


def test_an_old_answer_says_its_age_once():
    written = text("{{ failing.n }}, {{ failing.n > 3 and failing.flag }}")

    age = "(as of 2026-01-02 16:20 UTC, not answered since)"
    assert live(stale_ok=True).text(written) == f"1,537 {age}, ✅ {age}"


def test_a_value_has_a_bound():
    long = live_facts.fact("plain", live_facts.RUNS, ("one", "x" * (MAX_OUTPUT + 1), 3))
    names = live(live_facts.facts(long))

    assert names.text(text("{{ plain.state }}")) == "[TO BE FILLED]"
    message = "a value of 2,001 characters, 2,000 fit in one '{{ }}', 20,000 in a text"
    assert names.errors == (Problem("L023", message, AT),)


def test_a_text_has_a_bound():
    names = live()

    filled = names.text(text("{{ runs[2024].state }}" * 20))

    assert filled.count("[TO BE FILLED]") == 10
    assert {problem.code for problem in names.errors} == {"L023"}


@pytest.mark.parametrize(
    ("written", "place"),
    [
        (Text("ab {{ x.y }}", AT), replace(AT, column=9)),
        (Text("ab\ncd {{ x.y }}", AT), AT),
        (Text("ab\ncd {{ x.y }}", AT, block=True), replace(AT, line=9, column=0)),
    ],
)
def test_a_problem_stands_where_the_name_does(written: Text, place: Place):
    names = live()

    names.text(written)

    declared = ", ".join(each.name for each in QUESTIONS)
    assert names.errors == (
        Problem("L010", f"unknown fact 'x', 'facts:' declares {declared}", place),
    )


def test_a_redacted_column_is_a_blank():
    kinds = {name: type_ for name, type_ in live_facts.KINDS.items() if name != "name"}
    row = tuple(None for _ in kinds)
    names = live(live_facts.facts(live_facts.fact("kinds", kinds, row)))

    assert names.text(text("{{ kinds.name }}")) == "[TO BE FILLED]"
    assert names.errors == ()


def test_a_table_of_rows():
    columns = (TableColumn("state", "State | now", AT), TableColumn("n", "N", AT))

    assert live().table(TableBlock("plain", columns, AT)) == [
        "| State \\| now | N |",
        "| --- | --: |",
        "| QUEUED | 3 |",
        "| FAILED | 4 |",
    ]


def test_a_table_has_the_questions_columns_and_says_what_is_null():
    lines = live().table(TableBlock("runs", (), AT))

    assert (lines[0], lines[-1][-5:]) == ("| run | state | n |", "| — |")


@pytest.mark.parametrize(
    ("name", "expected"), [("unasked", ["[TO BE FILLED]"]), ("nil", ["None"])]
)
def test_a_table_without_rows(name: str, expected: list[str]):
    assert live().table(TableBlock(name, (), AT)) == expected


def test_a_table_of_an_old_answer_says_so():
    lines = live(stale_ok=True).table(TableBlock("failing", (TableColumn("n", "n", AT),), AT))

    assert lines[2:] == ["| 1,537 |", "", "(as of 2026-01-02 16:20 UTC, not answered since)"]


def test_status_lines_of_each_phase():
    eta = "2026-01-03 19:46 UTC (14:46 EST), at 298 days/h over the last 60 min"

    assert live().phases(PhasesBlock("orchestrator", AT), "text") == [
        (
            "Game logs Status",
            [("Progress", "514 of 1,537 days (33.4%)"), ("Success rate", "99%"), ("ETA", eta)],
        ),
        ("Phase 2 Status", [("Progress", "0 of 100 days (0%)"), ("ETA", "none: not started")]),
    ]


def test_status_lines_call_a_phase_in_the_prompt_as_its_eta_does():
    headings = [
        heading for heading, _ in live().phases(PhasesBlock("orchestrator", AT), "prompt")
    ]

    assert headings[0] == "Game logs Status"


def test_status_lines_without_an_answer_are_blanks():
    blank = "[TO BE FILLED]"

    assert live(None).phases(PhasesBlock("orchestrator", AT), "text") == [
        ("Orchestrator Status", [("Progress", blank), ("Success rate", blank), ("ETA", blank)])
    ]


def test_what_is_open_is_in_the_authors_order():
    content = Entries(
        (
            Entry("a", text("[TIME] {{ kinds.nothing | blank('[ETA]') }} {{ kinds.n }}"), AT),
            Entry("b", Blank("[TO BE FILLED]", AT), AT),
            Entry("c", Bullets((text("[Other files]"), text("[{{ kinds.n }}]")), AT), AT),
            Entry("d", TableBlock("unasked", (), AT), AT),
            Entry("e", Text("x\n- {{ unasked.n }}", AT, block=True), AT),
        ),
        AT,
    )

    assert [
        (each.text, each.place.line, each.place.column) for each in live().blanks(content)
    ] == [
        ("[TIME]", 7, 3),
        ("[ETA]", 7, 10),
        ("[TO BE FILLED]", 7, 3),
        ("[Other files]", 7, 3),
        ("[TO BE FILLED]", 7, 3),
        ("[TO BE FILLED]", 9, 0),
    ]


WORDS = st.text(st.sampled_from("AB[]`\\|✅❌/ \n-#*_<>(:)@{}"), max_size=12)
AROUND = st.text(st.sampled_from("AB[]✅❌/ -(:)"), max_size=4)


@given(WORDS, AROUND, AROUND, st.sampled_from(["text", "cell", "prompt"]))
def test_no_value_is_a_blank_whatever_stands_around_it(
    value: str, before: str, after: str, where: Where
):
    one = live_facts.fact("plain", live_facts.RUNS, ("one", value, 3))
    if not value.strip() or blanks(before) or blanks(after):
        return

    filled = live(live_facts.facts(one)).text(
        text(f"{before}{{{{ plain.state }}}}{after}"), where
    )

    assert (blanks(filled), "{{ plain" in filled) == ((), False)


def test_text_without_braces_needs_no_jinja():
    import subprocess
    import sys

    script = (
        "import sys, zoneinfo; from handoff.values.interpolate import Interpolator;"
        "sys.path.append('tests');"
        "import sessions; s = sessions.session();"
        "zone = zoneinfo.ZoneInfo('UTC');"
        "live = Interpolator(s, None, {}, document='', stalled_minutes=1, zone=zone);"
        "live.text(sessions.text('a')), live.blanks(s);"
        "sys.exit('jinja2' in sys.modules or 'markdown_it' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_as_of_is_the_sessions_own_where_nothing_was_asked():
    own = Interpolator(
        session("s", as_of=AS_OF),
        None,
        {},
        document="",
        stalled_minutes=60,
        zone=ZoneInfo("UTC"),
    )

    filled = own.text(text("{{ as_of }} {{ checked_at | blank('timestamp UTC') }}"))

    assert filled == "2026-01-03 16:20 UTC [TO BE FILLED - timestamp UTC]"


@pytest.mark.parametrize(
    ("written", "waits_for"),
    [
        ("[TO BE FILLED]", [()]),
        ("{{ checked_at | blank('TIME') }} and [TIME]", [("checked_at",), ()]),
        ("{{ phases.phase_1.done == 3 or single.n }}", [("phases", "single")]),
    ],
)
def test_a_blank_that_a_value_left_says_what_it_waits_for(
    written: str, waits_for: list[tuple[str, ...]]
):
    assert [each.waits_for for each in live(None).blanks(text(written))] == waits_for


def test_a_table_without_rows_waits_for_its_fact():
    table = TableBlock(QUESTIONS[0].name, (), AT)

    assert [each.waits_for for each in live(None).blanks(table)] == [(QUESTIONS[0].name,)]


@pytest.mark.parametrize(
    ("started", "ended", "words"),
    [
        ("2026-01-03T14:00:00", "2026-01-03T16:40:59", "2 h 40 min"),
        ("2026-01-03T14:00:00", "2026-01-03T14:40:00", "40 min"),
        ("2026-01-03T14:00:00", "2026-01-03T14:00:00", "0 min"),
        ("2026-01-03T14:00:00", "2026-01-05T14:05:00", "48 h 5 min"),
        ("2026-01-03T14:00:00", None, "[TO BE FILLED]"),
        (None, "2026-01-03T14:00:00", "[TO BE FILLED]"),
    ],
)
def test_duration_is_told_in_hours_and_minutes(
    started: str | None, ended: str | None, words: str
) -> None:
    times = {
        name: datetime.fromisoformat(f"{each}+00:00")
        for name, each in (("started", started), ("ended", ended))
        if each
    }
    names = Interpolator(
        session("s", **times),
        None,
        {},
        document="docs/x.md",
        stalled_minutes=60,
        zone=ZoneInfo("America/New_York"),
    )

    assert names.text(text("{{ duration }}")) == words


def test_a_file_with_an_unknown_change_has_a_heading() -> None:
    files = live_facts.fact("nil", {"path": "STRING", "change": "STRING"}, ("a.py", "copied"))

    found = live(live_facts.facts(files)).files(FilesBlock("nil", (), AT))

    assert found == [("Files", ["`a.py`"])]
