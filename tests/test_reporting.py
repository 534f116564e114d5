"""Reports as text, JSON and GitHub annotations."""

import json

import pytest

from handoff.base.problems import Place, Problem, Report
from handoff.base.report import (
    FORMATS,
    as_github,
    as_json,
    as_text,
    summary,
    warnings_as_errors,
    with_folder,
)

HERE = Place("sessions/a.yaml", 3, 7, ("next", "title"))
REPORT = Report.of(
    [
        Problem("Y003", "unknown key 'titel', did you mean 'title'?", HERE),
        Problem("B001", "3 blanks", Place("sessions/a.yaml", 9), "warning"),
        Problem("D006", "two headings share '#state'", Place("docs/a.md"), "note"),
    ]
)


def one(message: str, path: str = "a.yaml") -> Report:
    return Report.of([Problem("Y001", message, Place(path, 1))])


def test_text_is_a_line_for_each_problem():
    assert as_text(REPORT) == (
        "docs/a.md: note: two headings share '#state' (D006)\n"
        "sessions/a.yaml:3:7: error: unknown key 'titel', did you mean 'title'? (Y003)\n"
        "sessions/a.yaml:9: warning: 3 blanks (B001)\n"
    )


def test_colour_only_where_asked_for():
    assert "\x1b[31merror\x1b[0m" in as_text(REPORT, colour=True)
    assert "\x1b" not in as_text(REPORT)


def test_json_has_counts_and_places():
    report = json.loads(as_json(REPORT))

    assert (report["errors"], report["warnings"], report["notes"]) == (1, 1, 1)
    assert report["problems"][0]["line"] is None
    assert report["problems"][1] == {
        "code": "Y003",
        "level": "error",
        "message": "unknown key 'titel', did you mean 'title'?",
        "path": "sessions/a.yaml",
        "line": 3,
        "column": 7,
        "keys": ["next", "title"],
    }


def test_github_annotations_carry_file_line_and_code():
    assert as_github(REPORT).splitlines() == [
        "::notice file=docs/a.md,title=D006::two headings share '#state'",
        "::error file=sessions/a.yaml,line=3,col=7,title=Y003::"
        "unknown key 'titel', did you mean 'title'?",
        "::warning file=sessions/a.yaml,line=9,title=B001::3 blanks",
    ]


def test_github_escapes_data_and_properties():
    report = one("50%\nof a: b, c\r", path="a,b:c%.yaml")

    assert as_github(report) == (
        "::error file=a%2Cb%3Ac%25.yaml,line=1,title=Y001::50%25%0Aof a: b, c%0D\n"
    )


@pytest.mark.parametrize("hostile", ["\x1b[2J", "\x9b2J", "\u202e", "\r", "\u2066"])
def test_what_steers_a_terminal_is_shown_not_sent(hostile: str):
    report = one(f"found '{hostile}'", path=f"{hostile}.yaml")

    assert hostile not in as_text(report)
    assert hostile not in as_json(report)
    assert json.loads(as_json(report))["problems"][0]["message"] == f"found '{hostile}'"


def test_a_message_of_several_lines_stays_one_line_of_text():
    assert as_text(one("first\nsecond")) == "a.yaml:1: error: first\\nsecond (Y001)\n"


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_takes_an_empty_report(name: str):
    assert "error:" not in FORMATS[name](Report(), colour=True)


def test_summary_counts_each_level():
    assert summary(REPORT) == "1 error, 1 warning, 1 note"
    assert summary(Report()) == "no problems"


def test_strict_raises_warnings_and_leaves_notes():
    assert [p.level for p in warnings_as_errors(REPORT).problems] == ["note", "error", "error"]


def test_places_are_told_from_the_folder_above():
    problem = Problem("Y020", "unknown key", Place("sessions/one.yaml", 2, 1))
    moved = Problem("Y020", "unknown key", Place("a b/sessions/one.yaml", 2, 1))

    assert with_folder(Report((problem,)), "a b") == Report((moved,))
    assert with_folder(Report((problem,)), "") == Report((problem,))


def test_message_that_quotes_a_megabyte_is_cut_in_its_middle():
    problem = Problem("Y010", f"found '{'x' * 1_000_000}', expected text", Place("a.yaml", 1))

    (line,) = as_text(Report.of([problem])).splitlines()

    assert line.startswith("a.yaml:1: error: found 'xxx")
    assert " … 998,023 characters … " in line
    assert line.endswith("xxx', expected text (Y010)")
