"""Questions held against words and a recorded schema, without a warehouse."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from commands import Done, Handoff, caller

from handoff.base.problems import InvalidInput, Problem
from handoff.check import query_problems
from handoff.sql.query import Query
from handoff.sql.tables import Schema, TableSchema, dump, load

FIXTURE = yaml.safe_load((Path(__file__).parent / "fixtures/offline/cases.yaml").read_text())
SCHEMA = Schema(
    "duckdb",
    {
        dataset: {name: TableSchema(**table) for name, table in tables.items()}
        for dataset, tables in FIXTURE["schema"].items()
    },
)
ROOT = Path(__file__).parent.parent


def query(text: str) -> Query:
    return Query("q/q.sql", "q", text, "", "", (), (), None)


def found(question: Query) -> list[Problem]:
    found = query_problems([question], SCHEMA)
    return sorted((each for each in found if each.level != "note"), key=lambda each: each.place)


@pytest.mark.parametrize("case", FIXTURE["cases"], ids=lambda case: case["sql"][:60])
def test_question_is_judged_without_a_warehouse(case: dict[str, Any]) -> None:
    said = [
        f"{p.place.line or 1}:{p.place.column} {p.message} ({p.code})"
        for p in found(query(case["sql"]))
    ]

    assert len(said) == len(case["says"])
    assert all(
        s.startswith(w) or s.startswith(w.replace("1 ", "1:0 ", 1))
        for s, w in zip(said, case["says"], strict=True)
    )


def test_schema_is_read_as_it_was_written() -> None:
    assert load(dump(SCHEMA).encode()) == SCHEMA


@pytest.mark.parametrize("source", [b"", b"[]", b"{}", b'{"handoff_schema": 2}', b"\xff"])
def test_schema_that_is_none_is_told(source: bytes) -> None:
    with pytest.raises(InvalidInput, match="record it again with 'handoff query pull-schema'"):
        load(source)


@pytest.fixture
def handoff(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> Handoff:
    """In a repository with a database of one table, `s.t`, and a query of it."""
    monkeypatch.chdir(tmp_path)
    with duckdb.connect("w.duckdb") as connection:
        connection.execute("CREATE SCHEMA s; CREATE TABLE s.t (a BIGINT)")
    Path("handoff.yaml").write_text("engine: duckdb\nduckdb: {path: w.duckdb}\n")
    Path("sql/s").mkdir(parents=True)
    Path("sql/s/n.sql").write_text("-- returns: n INT64\nSELECT COUNT(*) AS n FROM s.t\n")
    Path("sessions").mkdir()
    Path("sessions/s.yaml").write_text(
        "session: 1\ntitle: S\ncreated: 2026-01-03\nfacts: {n: s/n.sql}\n"
    )
    return caller(capfdbinary)


def codes(done: Done) -> list[str]:
    """Of the problems with queries."""
    found = (each["code"] for each in json.loads(done.out)["problems"])
    return [each for each in found if each.startswith("Q")]


def test_schema_without_tables_is_not_recorded(handoff: Handoff) -> None:
    Path("sql/s/n.sql").write_text("-- returns: a INT64\nSELECT a FROM other.t\n")

    done = handoff("query", "pull-schema")

    assert (done.code, done.out) == (1, "")
    assert done.err == (
        "duckdb has no tables in other, so sql/schema.json was not written; check the "
        "datasets in the queries and the engine's settings, then run "
        "'handoff query pull-schema' again\n"
    )
    assert not Path("sql/schema.json").exists()


def test_datasets_without_tables_are_reported(handoff: Handoff) -> None:
    Path("sql/s/o.sql").write_text("-- returns: a INT64\nSELECT a FROM other.t\n")

    done = handoff("query", "pull-schema")

    assert (done.code, done.err) == (
        0,
        "warning: duckdb has no tables in other\nwrote sql/schema.json: 1 dataset, 1 table\n",
    )


@pytest.mark.parametrize("schema", [dump(Schema("duckdb", {})), dump(Schema("", {"s": {}}))])
def test_recorded_schema_without_tables_has_no_warnings(handoff: Handoff, schema: str) -> None:
    Path("sql/schema.json").write_text(schema)

    done = handoff("check", "--format", "json")

    assert codes(done) == ["Q047"]


def test_unreadable_schema_is_the_only_error(handoff: Handoff) -> None:
    Path("sql/schema.json").write_text("{")

    done = handoff("check", "--format", "json")

    assert codes(done) == ["Q048", "Q047"]


def test_dataset_that_is_newer_than_the_schema_is_no_typo(handoff: Handoff) -> None:
    assert handoff("query", "pull-schema").code == 0
    Path("sql/s/n.sql").write_text("-- returns: a INT64\nSELECT a FROM later.entries\n")

    done = handoff("check")

    assert (
        "warning: no table 'later.entries' in the recorded schema, which has no such dataset; "
        "run 'handoff query pull-schema' again if it is new (Q043)"
    ) in done.out


REFUSED = [
    (
        "WITH a AS (SELECT 1 AS n) SELEKT n FROM a",
        "1:27 not GoogleSQL: alias does not support CTE near 'FROM'; "
        "'SELEKT', did you mean 'SELECT'? (Q050)",
    ),
    (
        "SELECT n\nFROM d.t\nWEHRE n = 1",
        "3:1 not GoogleSQL: invalid expression / Unexpected token near 'n'; "
        "'WEHRE', did you mean 'WHERE'? (Q050)",
    ),
    (
        "SELECT n FROM d.t GRUOP BY n",
        "1:19 not GoogleSQL: invalid expression / Unexpected token near 'BY'; "
        "'GRUOP', did you mean 'GROUP'? (Q050)",
    ),
    (
        "SELECT (1 AS n",
        "1:14 not GoogleSQL: expecting ) near 'n' (Q050)",
    ),
    (
        "SELECT n FROM d.t orders whete n = 1",
        "1:26 not GoogleSQL: invalid expression / Unexpected token near 'whete'; "
        "'whete', did you mean 'WHERE'? (Q050)",
    ),
    (
        "SELECT form FROM d.orders WHERE (n = 1",
        "1:38 not GoogleSQL: expecting ) near '1' (Q050)",
    ),
    ("SELECT 1 AS n,\n  'abc AS x", "2:3 not GoogleSQL: ' is never closed (Q050)"),
    (
        "SELECT MD5(n) AS n FROM (SELECT 'a' AS n)",
        "1:8 'MD5(`_0`.`n`)' is not supported by the embedded engine, "
        "run it on BigQuery (Q053)",
    ),
    ("WITH a AS (SELECT 1 AS n) SELECT m FROM a", "1:34 no column 'm' (Q052)"),
]


@pytest.mark.parametrize(("sql", "problem"), REFUSED, ids=[sql for sql, _ in REFUSED])
def test_sql_that_render_refuses_is_an_error_without_a_schema(sql: str, problem: str) -> None:
    problems = query_problems([query(sql)], None, engine="duckdb")

    errors = [each for each in problems if each.level == "error"]
    assert [f"{p.place.line}:{p.place.column} {p.message} ({p.code})" for p in errors] == [
        problem
    ]
    assert [p.code for p in problems if p.level == "warning"] == []


@pytest.mark.parametrize("sql", [sql for sql, problem in REFUSED if "Q050" in problem])
@pytest.mark.parametrize("engine", ["bigquery", None])
def test_sql_that_bigquery_may_accept_is_a_warning(sql: str, engine: str | None) -> None:
    problems = query_problems([query(sql)], None, engine=engine)

    assert [(p.code, p.level) for p in problems] == [("Q046", "warning"), ("Q047", "note")]
    assert problems[0].place.line
    assert problems[0].place.column
    assert "BigQuery may accept it" in problems[0].message


@pytest.mark.parametrize("case", FIXTURE["cases"], ids=lambda case: case["sql"][:60])
def test_queries_of_tables_are_only_parsed_without_a_schema(case: dict[str, Any]) -> None:
    problems = query_problems([query(case["sql"])], None, engine="duckdb")

    is_read = " FROM " in case["sql"] and case["sql"] != "SELECT FROM WHERE"
    assert not is_read or all(each.level != "error" for each in problems)


def test_names_after_a_temporary_function_are_checked() -> None:
    text = "CREATE TEMP FUNCTION twice(x INT64) AS (x * 2); SELECT twice(idd) AS n FROM d.u"

    assert [(str(each.place), each.message) for each in found(query(text))] == [
        ("q:1:62", "no column 'idd' in the recorded schema, did you mean 'id'?")
    ]


def test_text_that_breaks_the_parser_is_a_warning() -> None:
    text = "SELECT TIMESTAMP_SUB(@as_of, AS INTERVAL 60 MINUTE) AS t"

    problems = query_problems([query(text)], SCHEMA, engine="bigquery")

    assert [each.code for each in problems if each.level != "note"] == ["Q046"]
