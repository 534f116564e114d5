from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handoff.base.blanks import DEFAULT, blank, blanks, blanks_in_document, is_blank
from handoff.base.problems import Place

FIXTURES = Path(__file__).parent / "fixtures" / "blanks"
CASES = [
    line.split("\t")
    for line in (FIXTURES / "inline.tsv").read_text("utf-8").splitlines()
    if not line.startswith("#")
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]} {case[1]}")
def test_grammar_finds_the_blanks_of_the_case(case: list[str]) -> None:
    where, text, *expected = case

    found = blanks(text, item=where == "item")

    assert [f"{f.kind} {f.text}" for f in found] == expected
    assert [text[f.start : f.end] for f in found] == [f.text for f in found]


def test_document_is_searched_except_in_fences_other_than_the_prompt() -> None:
    text = (FIXTURES / "document.md").read_text("utf-8")

    found = [(Place.at("", text, f.start), f) for f in blanks_in_document(text)]

    listed = "".join(f"{at.line}:{at.column} {f.kind} {f.text}\n" for at, f in found)

    assert listed == (FIXTURES / "document.txt").read_text("utf-8")


def test_positions_are_of_the_whole_document() -> None:
    text = (FIXTURES / "document.md").read_text("utf-8").replace("\n", "\r\n")

    found = blanks_in_document(text)

    assert [text[f.start : f.end] for f in found] == [f.text for f in found]


@pytest.mark.parametrize(
    ("text", "hint", "choices"),
    [
        ("[TO BE FILLED]", "", ()),
        ("[TO BE FILLED - SQL query]", "SQL query", ()),
        ("[TO BE FILLED WHEN COMPLETE]", "WHEN COMPLETE", ()),
        ("[TIME]", "TIME", ()),
        ("TBD", "", ()),
        ("✅/❌", "", ("✅", "❌")),
        ("[HIGH / MEDIUM / LOW]", "", ("HIGH", "MEDIUM", "LOW")),
        ("GO / NO-GO", "", ("GO", "NO-GO")),
    ],
)
def test_blank_has_a_hint_or_choices(text: str, hint: str, choices: tuple[str, ...]) -> None:
    (found,) = blanks(text)

    assert (found.hint, found.choices) == (hint, choices)


@pytest.mark.parametrize(
    ("hint", "expected"),
    [
        ("", DEFAULT),
        ("  \n", DEFAULT),
        ("timestamp UTC", "[TO BE FILLED - timestamp UTC]"),
        ("two\nlines", "[TO BE FILLED - two lines]"),
        ("[ETA]", "[ETA]"),
        ("✅/❌", "✅/❌"),
        ("list[INT]", "[TO BE FILLED - list(INT)]"),
    ],
)
def test_blank_contains_its_hint(hint: str, expected: str) -> None:
    assert blank(hint) == expected


@given(st.text())
def test_any_hint_makes_a_blank(hint: str) -> None:
    assert is_blank(blank(hint))


@given(st.text())
def test_text_in_backticks_or_escaped_is_not_a_blank(text: str) -> None:
    inside = text.replace("`", "").replace("\n", "")

    assert blanks(f"`{inside} [TIME] ✅/❌`") == ()
    assert blanks("\\[TIME\\] ✅\\/❌") == ()


@given(st.text(alphabet=st.sampled_from("[]()`\\<>!-: \n/AZTIMEx✅❌|*_1.~#"), max_size=200))
def test_found_spans_are_in_order_and_do_not_overlap(text: str) -> None:
    for found in (blanks(text), blanks(text, item=True), blanks_in_document(text)):
        ends = [0, *(f.end for f in found)]

        assert all(f.start >= end for f, end in zip(found, ends, strict=False))
        assert all(text[f.start : f.end] == f.text for f in found)
        assert all(is_blank(f.text, item=True) for f in found)


@pytest.mark.parametrize(
    "piece",
    [
        *(
            "[",
            "[A",
            "`",
            "`` ",
            "` ``",
            "\\",
            "<!--",
            "<!--\n",
            "<details>\n",
            "✅/",
            "PASS/FAIL ",
        ),
        *("TBD:", "[TIME]", "[TIME] ", "```\n", "- [x] ", ">", "* ", "\n", " ", "[A]: ", "- "),
    ],
)
def test_time_is_linear(piece: str) -> None:
    text = piece * (200_000 // len(piece))
    started = time.process_time()

    blanks(text)
    blanks_in_document(text)

    assert time.process_time() - started < 2
