"""Reports as text, JSON and GitHub annotations."""

import json

import pytest

from handoff.base.problems import Level, Place, Problem, Report
from handoff.base.report import (
    FORMATS,
    as_github,
    as_json,
    as_text,
    changed_first,
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


def many(level: Level, count: int) -> list[Problem]:
    return [Problem("B001", f"{n}", Place(f"{level[0]}{n:02}"), level) for n in range(count)]


@pytest.mark.parametrize(
    ("problems", "annotated", "first"),
    [
        (many("error", 10) + many("warning", 10) + many("note", 10), 30, "::error "),
        (many("error", 11), 11, "::notice title=handoff::1 error not annotated, see the log"),
        (
            [*many("warning", 25), *many("note", 10)],
            20,
            "::notice title=handoff::15 warnings, 1 note not annotated",
        ),
    ],
)
def test_what_github_would_drop_is_in_the_log(
    problems: list[Problem], annotated: int, first: str
):
    lines = as_github(Report.of(problems)).splitlines()

    assert lines[0].startswith(first)
    assert len([line for line in lines if line.startswith("::")]) == annotated
    own = not first.startswith("::error")
    assert len(lines) == len(problems) + own


def test_problem_in_the_log_is_no_workflow_command():
    problems = [Problem("B001", "##[error]x\n::error::y", Place(f"{n}")) for n in range(11)]

    last = as_github(Report(tuple(problems))).splitlines()[-1]

    assert last == "- 10: error: # #[error]x\\n::error::y (B001)"


def test_changed_files_come_first():
    report = changed_first(REPORT, {"sessions/a.yaml"})

    assert [str(each.place) for each in report.problems] == [
        "sessions/a.yaml:3:7",
        "sessions/a.yaml:9",
        "docs/a.md",
    ]
    assert with_folder(report, "app").problems[0].place.path == "app/sessions/a.yaml"
