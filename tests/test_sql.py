from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pytest
import yaml
from emulator import client
from google.api_core.exceptions import GoogleAPICallError

from handoff.base.problems import InvalidInput, Place
from handoff.session.model import QueryFact
from handoff.sql.query import Param, Query, bind, lexemes, read
from handoff.sql.types import BadValue, Type, type_of, value_of

FIXTURES = Path(__file__).parent / "fixtures" / "sql"
HEADERS = yaml.safe_load((FIXTURES / "headers.yaml").read_text("utf-8"))
AT = Place("sessions/s.yaml", 7, 3)
PLACE = Place("sessions/s.yaml", 8, 20)
AS_OF = datetime(2026, 1, 3, 11, 20, 59, 7, tzinfo=timezone(timedelta(hours=-5)))


def told(error: InvalidInput) -> list[str]:
    return [
        f"{str(p.place).removeprefix('sql/q.sql').lstrip(':')} {p.code} {p.message}"
        for p in error.report.problems
    ]


@pytest.mark.parametrize("case", HEADERS, ids=lambda case: case["name"])
def test_header(case: dict[str, object]) -> None:
    source = str(case["sql"]).encode()

    if "problems" in case:
        with pytest.raises(InvalidInput) as raised:
            read(source, "sql/q.sql", "q.sql")
        assert told(raised.value) == case["problems"]
    else:
        query = read(source, "sql/q.sql", "q.sql")
        assert [f"{p.name} {p.type}" for p in query.params] == case.get("params", [])
        assert [f"{c.name} {c.type}" for c in query.returns] == case.get("returns", [])
        assert query.summary == case.get("summary", query.summary)


ESCAPES = yaml.safe_load((FIXTURES / "escapes.yaml").read_text("utf-8"))


def _query_of(sql: str) -> bytes:
    return f"-- returns: a STRING\nSELECT {sql}\n".encode()


@pytest.mark.parametrize("sql", ESCAPES["legal"])
def test_legal_escape_sequence(sql: str) -> None:
    assert read(_query_of(sql), "sql/q.sql", "q.sql")


@pytest.mark.parametrize("case", ESCAPES["illegal"], ids=lambda case: case["sql"])
def test_illegal_escape_sequence_is_an_error_at_its_place(case: dict[str, object]) -> None:
    with pytest.raises(InvalidInput) as raised:
        read(_query_of(str(case["sql"])), "sql/q.sql", "q.sql")

    expected = [str(each).replace(" ", " Q017 ", 1) for each in case["problems"]]  # type: ignore[attr-defined]
    assert told(raised.value) == expected


@pytest.mark.xdist_group("emulator")
def test_analyzer_takes_and_refuses_the_same_escape_sequences(emulator: str) -> None:
    bigquery = client(emulator)
    bigquery.query_and_wait(f"SELECT {', '.join(ESCAPES['legal'])}", retry=None)

    for case in ESCAPES["illegal"]:
        with pytest.raises(GoogleAPICallError, match=r"Illegal escape|must be followed by"):
            bigquery.query_and_wait(f"SELECT {case['sql']}", retry=None, job_retry=None)


def test_header_reads_the_same_with_windows_line_ends() -> None:
    text = "-- One.\n-- params: a DATE,\n--   b INT64\n-- returns: n INT64\nSELECT @a, @b\n"

    query = read(text.replace("\n", "\r\n").encode(), "sql/q.sql", "q.sql")

    assert [(p.name, p.type, str(p.place)) for p in query.params] == [
        ("a", "DATE", "sql/q.sql:2:12"),
        ("b", "INT64", "sql/q.sql:3:6"),
    ]


def test_checkout_with_windows_line_ends_is_the_same_query() -> None:
    source = b"-- One.\n-- returns: n INT64\nSELECT 1 AS n\n"

    assert read(source.replace(b"\n", b"\r\n"), "sql/q.sql", "q.sql") == read(
        source, "sql/q.sql", "q.sql"
    )


def test_invalid_utf8_is_reported_with_its_line() -> None:
    with pytest.raises(InvalidInput) as raised:
        read(b"-- One.\n-- \xff\nSELECT 1", "sql/q.sql", "q.sql")

    assert told(raised.value) == ["2 Q001 not UTF-8 at byte 11, save the file as UTF-8"]


def question(**params: Param) -> QueryFact:
    return QueryFact("f", "q.sql", params, None, AT, dict.fromkeys(params, PLACE))


def query(params: str) -> Query:
    used = ", ".join("@" + part.split()[0] for part in params.split(", ") if part)
    text = f"-- params: {params}\n-- returns: n INT64\nSELECT 1 AS n, {used or '2'}"
    return read(text.replace("-- params: \n", "").encode(), "sql/q.sql", "q.sql")


def test_parameters_are_bound_with_as_of_to_the_minute() -> None:
    bound = bind(query("day DATE, n INT64"), question(day="2021-10-19", n=5), AS_OF)

    assert bound == {
        "day": date(2021, 10, 19),
        "n": 5,
        "as_of": datetime(2026, 1, 3, 16, 20, tzinfo=UTC),
    }


def test_every_parameter_that_does_not_fit_is_reported_at_once() -> None:
    asked = question(season_strat=1, day="Tuesday", as_of="2026-01-03")

    with pytest.raises(InvalidInput) as raised:
        bind(query("season_start DATE, day DATE"), asked, AS_OF)

    assert [str(p) for p in raised.value.report.problems] == [
        "sessions/s.yaml:7:3: error: 'q.sql' needs the parameter 'season_start' (DATE) (Q022)",
        "sessions/s.yaml:8:20: error: 'as_of' is set by handoff, use 'as_of:' of the session "
        "(Q020)",
        "sessions/s.yaml:8:20: error: 'q.sql' has no parameter 'season_strat', did you mean "
        "'season_start'? (Q020)",
        "sessions/s.yaml:8:20: error: parameter 'day': expected DATE, such as 2026-01-03, "
        "found 'Tuesday' (Q021)",
    ]


@pytest.mark.parametrize(
    ("spelled", "raw", "value"),
    [
        ("STRING", "x", "x"),
        ("INT64", 7, 7),
        ("INT64", "-9223372036854775808", -(2**63)),
        ("FLOAT64", 5, 5.0),
        ("FLOAT64", "-inf", float("-inf")),
        ("NUMERIC", 0.1, Decimal("0.1")),
        ("NUMERIC", "1.500", Decimal("1.5")),
        ("NUMERIC", Decimal("1E+2"), Decimal("100")),
        ("BIGNUMERIC", "0.00000000000000000000000000000000000001", Decimal("1E-38")),
        ("BOOL", True, True),
        ("BOOL", "false", False),
        ("DATE", "2024-02-29", date(2024, 2, 29)),
        ("DATETIME", "2026-01-03 16:20:00", datetime(2026, 1, 3, 16, 20)),
        ("TIMESTAMP", "2026-01-03 16:20:00 UTC", datetime(2026, 1, 3, 16, 20, tzinfo=UTC)),
        ("TIMESTAMP", AS_OF, datetime(2026, 1, 3, 16, 20, 59, 7, tzinfo=UTC)),
        ("BYTES", "aGk=", b"hi"),
        ("JSON", '{"a": 1}', '{"a": 1}'),
        ("ARRAY<INT64>", ["1", 2], (1, 2)),
        ("STRUCT<a INT64, b DATE>", {"a": 1}, {"a": 1, "b": None}),
        ("DATE", None, None),
    ],
)
def test_value_of_its_type(spelled: str, raw: object, value: object) -> None:
    found = value_of(raw, type_of(spelled))

    assert found == value
    assert type(found) is type(value)


BAD_VALUES = yaml.safe_load((FIXTURES / "bad_values.yaml").read_text("utf-8"))


@pytest.mark.parametrize(("spelled", "raw", "message"), BAD_VALUES)
def test_value_not_of_its_type(spelled: str, raw: object, message: str) -> None:
    with pytest.raises(BadValue) as raised:
        value_of(raw, type_of(spelled))

    assert str(raised.value) == message


def test_type_is_spelled_one_way() -> None:
    assert str(type_of(" array < struct<a int64 , b string>> ")) == (
        "ARRAY<STRUCT<a INT64, b STRING>>"
    )
    assert type_of("ARRAY<DATE>").element == Type("DATE")


def test_lexemes_keep_strings_whole() -> None:
    text = 'SELECT r\'\\\'@a\' , b"""x"@b""", @c -- @d\n, `p.@e.t`, @@time_zone'

    assert [each.text for each in lexemes(text) if each.kind == "param"] == ["@c"]
