"""The rules over sessions, questions, facts and the prompt."""

from __future__ import annotations

import hashlib
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from sessions import AT, checklist, session, text

from handoff import check
from handoff.base.problems import Place, Problem
from handoff.base.tree import Tree
from handoff.check import CheckContext, ProjectContext, project_problems
from handoff.commands.runner import run
from handoff.facts.recorded import Fact, Facts, Failure, Provenance
from handoff.session.model import DocumentLink, FileToRead, Prompt, QueryFact, Session
from handoff.session.walk import OpenBlank
from handoff.sql.query import Query, read
from handoff.workspace import check as workspace
from handoff.workspace import processes
from handoff.workspace.load import open_project

sys.path.append(str(Path(__file__).parent.parent / "benchmarks"))
from copies import write_copies

AS_OF = datetime(2026, 1, 3, 16, 20, tzinfo=UTC)
SQL = """-- Coverage.
-- params: start DATE
-- returns: n INT64
SELECT 1 AS n WHERE @start < @as_of
"""
FILES = ("sql/coverage/phase4.sql", "ml/train.py", "docs/state.md", "docs/h/other.md")
TREE = Tree(lambda path: path in FILES or path == "ml", lambda: FILES)
START = {"start": date(2021, 10, 19)}


def query(source: str = SQL, name: str = "coverage/phase4.sql") -> Query:
    return read(source.encode(), f"sql/{name}", name)


def question(name: str = "coverage", **changes: Any) -> QueryFact:
    asked = QueryFact(name, "coverage/phase4.sql", START, None, AT, {"start": Place("s", 8)})
    return replace(asked, **changes)


def fact(name: str = "coverage", *, source: str = SQL, **changes: Any) -> Fact:
    sha256 = hashlib.sha256(source.encode()).hexdigest()
    params = {**START, "as_of": AS_OF}
    how = Provenance("coverage/phase4.sql", sha256, params, "duckdb", None, AS_OF, None)
    return replace(Fact(name, (), (), how, None), **changes)


def facts(*recorded: Fact) -> Facts:
    return Facts(AS_OF, {each.name: each for each in recorded})


def case(
    of: Session, recorded: Facts | None = None, document: str | None = None
) -> CheckContext:
    queries = {"coverage/phase4.sql": query()}
    return CheckContext(
        of, queries, recorded, "sessions/s.facts.json", "docs/h/s.md", document, TREE
    )


def found(checked: CheckContext) -> list[str]:
    return [f"{p.code} {p.level} {p.message}" for p in check.session_problems(checked)]


def test_a_session_whose_facts_are_current_is_well():
    assert found(case(session(facts=(question(),)), facts(fact()))) == []


def test_question_that_is_not_there_names_the_nearest():
    asked = question(sql="coverage/phase5.sql")

    assert found(case(session(facts=(asked,)), facts(fact()))) == [
        "Q030 error fact 'coverage' needs 'sql/coverage/phase5.sql', which does not exist, "
        "did you mean 'coverage/phase4.sql'?"
    ]


def test_parameters_are_held_against_the_question():
    asked = question(params={"strat": date(2021, 10, 19)})

    assert found(case(session(facts=(asked,)), facts(fact()))) == [
        "Q020 error 'coverage/phase4.sql' has no parameter 'strat', did you mean 'start'?",
        "Q022 error 'coverage/phase4.sql' needs the parameter 'start' (DATE)",
    ]


@pytest.mark.parametrize("recorded", [None, facts()])
def test_fact_that_was_never_asked(recorded: Facts | None):
    assert found(case(session(facts=(question(),)), recorded)) == [
        "F020 warning fact 'coverage' is not recorded; run 'handoff render s'"
    ]


@pytest.mark.parametrize(
    ("of", "recorded", "why"),
    [
        (session(), fact(source="SELECT 2"), "'sql/coverage/phase4.sql' changed"),
        (session(as_of=AS_OF.replace(hour=17)), fact(), "its parameters changed"),
    ],
)
def test_fact_that_answers_something_else(of: Session, recorded: Fact, why: str):
    of = replace(of, facts=(question(),))

    assert found(case(of, facts(recorded))) == [
        f"F021 warning fact 'coverage' is stale: {why}; run 'handoff render s'"
    ]


def test_parameter_given_otherwise_than_asked_with_makes_a_fact_stale():
    asked = question(params={"start": date(2022, 1, 1)})

    assert [p[:4] for p in found(case(session(facts=(asked,)), facts(fact())))] == ["F021"]


def test_fact_that_failed_is_told_once():
    failed = fact(source="SELECT 2", failure=Failure("no such table", AS_OF))

    assert found(case(session(facts=(question(),)), facts(failed))) == [
        "F022 warning fact 'coverage' failed when last run: no such table"
    ]


def test_fact_that_nobody_declares():
    recorded = facts(fact(), fact("coverge"))

    (problem,) = check.session_problems(case(session(facts=(question(),)), recorded))

    message = (
        "fact 'coverge' is recorded but not declared in 'sessions/s.yaml', "
        "did you mean 'coverage'?"
    )
    assert problem == Problem("F023", message, Place("sessions/s.facts.json"), "warning")


def blank(line: int, key: str) -> OpenBlank:
    prompts = ("default",) if key == "prompt" else ()
    place = Place("sessions/s.yaml", line, 5, (key,))
    return OpenBlank("[TIME]", "blank", "time", (), place, prompts=prompts)


def test_blanks_are_counted_at_the_first_and_the_prompt_apart():
    opens = (blank(40, "prompt"), blank(12, "metrics"), blank(9, "accomplished"))
    blanks = replace(case(session()), blanks=opens)

    assert [f"{p.place} {p.code} {p.message}" for p in check.session_problems(blanks)] == [
        "sessions/s.yaml:9:5 B001 2 blanks; see 'handoff todo s'",
        "sessions/s.yaml:40:5 B002 1 blank in the prompt; see 'handoff todo s'",
    ]


def reading(*paths: str) -> Session:
    read = tuple(FileToRead(text(path), None, AT) for path in paths)
    return session(prompt=Prompt(None, None, None, None, read, None, None, (), AT))


@pytest.mark.parametrize(
    "path",
    [
        "ml/train.py",
        "ml/train.py:40-60",
        "./docs/state.md#open",
        "ml/",
        "ml/*.py",
        "docs/h/s.md",
        "{{ document }}",
        "{{ coverage.path }}",
        "[FILE PATH]",
        "https://example.org/runbook",
    ],
)
def test_file_to_read_that_is_there_or_undecided(path: str):
    assert found(case(reading(path))) == []


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("ml/trian.py", "P001 warning file to read 'ml/trian.py' does not exist, "
                        "did you mean 'ml/train.py'?"),
        ("state.md", "P001 warning file to read 'state.md' does not exist, "
                     "did you mean 'docs/state.md'?"),
        ("*.rs", "P001 warning file to read '*.rs' does not exist"),
        ("../x.py", "P002 warning file to read '../x.py' is outside the repository"),
        ("/etc/passwd", "P002 warning file to read '/etc/passwd' is outside the repository"),
    ],
)  # fmt: skip
def test_file_to_read_that_is_missing(path: str, problem: str):
    assert found(case(reading(path))) == [problem]


@pytest.mark.parametrize(
    ("target", "problem"),
    [
        ("docs/state.md", []),
        ("https://example.org/plan", []),
        ("docs/stat.md", ["S027 error 'docs/stat.md' does not exist, "
                          "did you mean 'docs/state.md'?"]),
        ("../plan.md", ["S027 error '../plan.md' is outside the repository"]),
    ],
)  # fmt: skip
def test_superseded_document_exists(target: str, problem: list[str]):
    of = replace(session(), superseded_document=DocumentLink(target, None, AT))

    assert found(case(of)) == problem


def test_words_and_structure_are_checked_too():
    of = session(status=text("COMPLETE"), checklist=checklist(False))

    problems = check.session_problems(case(of, document="# A\n### B\n"))

    assert [(p.code, str(p.place)) for p in problems] == [
        ("W001", "sessions/s.yaml:7:3"),
        ("D003", "docs/h/s.md:2"),
    ]


QUERY_FILES = {"coverage/phase4.sql": "sql/coverage/phase4.sql"}


def whole(*sessions: Session, **documents: str) -> ProjectContext:
    return ProjectContext(sessions, documents, QUERY_FILES)


USED = session("z", facts=(question(),))


@pytest.mark.parametrize(
    ("of", "problem"),
    [
        (session(previous=("sesion-1",)), "S020 'previous' names an unknown session "
                                          "'sesion-1', did you mean 'session-1'?"),
        (session(supersedes="x"), "S021 'supersedes' names an unknown session 'x'"),
        (session(supersedes="s"), "S021 'supersedes' names the session itself"),
    ],
)  # fmt: skip
def test_session_that_is_named_but_not_there(of: Session, problem: str):
    problems = project_problems(whole(of, session("session-1"), USED))

    assert [f"{p.code} {p.message}" for p in problems] == [problem]


def test_two_sessions_that_supersede_one():
    followers = [session(name, supersedes="one") for name in ("two", "three")]

    assert project_problems(whole(session("one"), *followers, USED)) == (
        Problem("S022", "'one' is already superseded by 'two'", Place("sessions/three.yaml")),
    )


def test_documents_that_differ_in_case_only():
    problems = project_problems(whole(session("a"), session("b"), USED, a="h/A.md", b="h/a.md"))

    message = "'a' has the same document 'h/a.md'; set another 'slug'"
    assert problems == (Problem("S023", message, Place("sessions/b.yaml")),)


def test_question_that_no_session_asks():
    place = Place("sql/coverage/phase4.sql")
    note = Problem("Q031", "no session uses this query", place, "note")

    assert project_problems(whole(session())) == (note,)
    assert project_problems(whole(USED)) == ()


def test_many_sessions_are_checked_as_each_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_copies(tmp_path / "many", 4)
    project = open_project(str(tmp_path / "many"), environment={})
    alone = workspace.check(project)

    monkeypatch.setattr(processes, "_MANY", 2)

    assert workspace.check(project) == alone
    assert len(alone.problems) > 4


def test_session_that_cannot_be_read_exists_for_the_others():
    followers = session("two", previous=("one",), supersedes="one")
    context = ProjectContext((followers,), {}, QUERY_FILES, (), frozenset({"one"}))

    assert project_problems(context) == ()


BROKEN = {
    "unknown key": "session: 1\ntitel: One\ncreated: 2026-01-01\n",
    "not YAML": "session: 1\ntitle: [One\ncreated: 2026-01-01\n",
    "empty": "",
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_problem_in_one_session_file_causes_none_in_another(
    broken: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
):
    allow = "{allow: [{path: sessions/session-1.yaml, reason: example}]}"
    (tmp_path / "handoff.yaml").write_text(f"engine: duckdb\nsecrets: {allow}\n")
    (tmp_path / "sql/t").mkdir(parents=True)
    (tmp_path / "sql/t/v.sql").write_text("-- Q.\n-- returns: n INT64\nSELECT 3 AS n\n")
    (tmp_path / "sql/t/only_1.sql").write_text("-- Q.\n-- returns: n INT64\nSELECT 1 AS n\n")
    (tmp_path / "sessions").mkdir()
    (tmp_path / "sessions/session-1.yaml").write_text(broken)
    (tmp_path / "sessions/session-2.yaml").write_text(
        "session: 2\ntitle: Two\ncreated: 2026-01-02\nprevious: session-1\n"
        "supersedes: session-1\nfacts: {v: {sql: t/v.sql, since: session-1}}\n"
    )

    code = run(["check", "--root", str(tmp_path)])

    found = capfd.readouterr().out.splitlines()
    errors = [line for line in found if ": error: " in line]
    others = [line for line in found if ": error: " not in line]
    assert code == 1
    assert errors
    assert all(line.startswith("sessions/session-1.yaml") for line in errors)
    assert [line.rpartition(" ")[2] for line in others] == ["(F020)", "(Q047)"]
