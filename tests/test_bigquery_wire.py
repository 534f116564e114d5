"""What is sent to BigQuery and what is read of its answers, value by value."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from handoff.base.problems import Place, UsageError
from handoff.facts.recorded import Column
from handoff.project.settings import BigQuerySettings as Settings
from handoff.sql.query import BoundQuery, Declaration, Query, read
from handoff.sql.types import BadValue, Value
from handoff.warehouse.bigquery.wire import (
    check_labels,
    columns,
    dry_run_configuration,
    parameters,
    rows,
    run_configuration,
)
from handoff.warehouse.port import ResultTooLarge, differences

PLACE = Place("sql/q.sql", 1)
EAST = timezone(timedelta(hours=-5))


def asked(kind: str, value: Value) -> BoundQuery:
    declared = Declaration("x", kind, PLACE)
    query = Query("a/Q one.sql", "sql/a/Q one.sql", "SELECT @x", "", "", (declared,), (), None)
    return BoundQuery("fact_one", query, {"x": value})


SENT: list[tuple[str, Value, object]] = [
    ("STRING", "é", "é"),
    ("INT64", -(2**63), "-9223372036854775808"),
    ("FLOAT64", 0.1, "0.1"),
    ("FLOAT64", math.nan, "NaN"),
    ("FLOAT64", -math.inf, "-Infinity"),
    ("NUMERIC", Decimal("1E+3"), "1000"),
    ("BIGNUMERIC", Decimal("0." + "0" * 37 + "1"), "0." + "0" * 37 + "1"),
    ("BOOL", True, "true"),
    ("BOOL", False, "false"),
    ("DATE", date(1, 1, 1), "0001-01-01"),
    ("DATETIME", datetime(999, 1, 3, 16, 20, 0, 7), "0999-01-03 16:20:00.000007"),
    ("TIME", time(16, 20), "16:20:00"),
    ("TIMESTAMP", datetime(2026, 1, 3, 11, 20, tzinfo=EAST), "2026-01-03 16:20:00+00:00"),
    ("BYTES", b"\xff\x00", "/wA="),
    ("JSON", '{"n": 1e400}', '{"n": 1e400}'),
    ("INT64", None, None),
]


@pytest.mark.parametrize(("kind", "value", "sent"), SENT)
def test_scalar_parameter(kind: str, value: Value, sent: object) -> None:
    assert parameters(asked(kind, value)) == [
        {"name": "x", "parameterType": {"type": kind}, "parameterValue": {"value": sent}}
    ]


def test_array_of_structs_as_parameter() -> None:
    kind = "ARRAY<STRUCT<day DATE, n INT64>>"
    value = ({"day": date(2026, 1, 3), "n": None},)

    (sent,) = parameters(asked(kind, value))

    assert sent["parameterType"] == {
        "type": "ARRAY",
        "arrayType": {
            "type": "STRUCT",
            "structTypes": [
                {"name": "day", "type": {"type": "DATE"}},
                {"name": "n", "type": {"type": "INT64"}},
            ],
        },
    }
    fields = {"day": {"value": "2026-01-03"}, "n": {"value": None}}
    assert sent["parameterValue"] == {"arrayValues": [{"structValues": fields}]}


def test_missing_array_keeps_its_type() -> None:
    (sent,) = parameters(asked("ARRAY<STRING>", None))

    assert sent["parameterType"] == {"type": "ARRAY", "arrayType": {"type": "STRING"}}
    assert sent["parameterValue"] == {"value": None}


def test_run_says_all_limits_and_labels() -> None:
    settings = Settings(
        project="p", dataset="other.nba", timeout_seconds=30, labels={"team": "data"}
    )

    sent = run_configuration(asked("BOOL", True), settings, maximum_bytes_billed=20_971_520)

    assert sent == {
        "query": {
            "useLegacySql": False,
            "useQueryCache": True,
            "parameterMode": "NAMED",
            "queryParameters": parameters(asked("BOOL", True)),
            "defaultDataset": {"projectId": "other", "datasetId": "nba"},
            "maximumBytesBilled": "20971520",
        },
        "labels": {
            "tool": "handoff",
            "fact": "fact_one",
            "question": "a_q_one",
            "team": "data",
        },
        "jobTimeoutMs": "30000",
    }


def test_dry_run_does_not_look_into_the_cache() -> None:
    sent = dry_run_configuration(asked("BOOL", True), Settings(project="p"))

    assert sent["dryRun"] is True
    assert sent["query"]["useQueryCache"] is False


@pytest.mark.parametrize("labels", [{"Team": "data"}, {"team": "Data"}, {"9": "x"}, {"": "x"}])
def test_label_that_bigquery_would_refuse(labels: dict[str, str]) -> None:
    with pytest.raises(UsageError, match=r"bigquery\.labels: '.*', expected lower case"):
        check_labels(Settings(labels=labels))


RECEIVED: list[tuple[dict[str, Any], str, object, Value]] = [
    ({"type": "STRING"}, "STRING", "é", "é"),
    ({"type": "INTEGER"}, "INT64", "9223372036854775807", 2**63 - 1),
    ({"type": "FLOAT"}, "FLOAT64", "1.0E-7", 1e-07),
    ({"type": "FLOAT"}, "FLOAT64", "-Infinity", -math.inf),
    ({"type": "NUMERIC"}, "NUMERIC", "0.100000000", Decimal("0.1")),
    ({"type": "BIGNUMERIC"}, "BIGNUMERIC", "1" * 38, Decimal("1" * 38)),
    ({"type": "BOOLEAN"}, "BOOL", "true", True),
    ({"type": "DATE"}, "DATE", "0001-01-01", date(1, 1, 1)),
    ({"type": "DATETIME"}, "DATETIME", "2026-01-03T16:20:00.5", datetime(2026, 1, 3, 16, 20, 0, 500_000)),  # noqa: E501
    ({"type": "TIME"}, "TIME", "16:20:00.000007", time(16, 20, 0, 7)),
    ({"type": "TIMESTAMP"}, "TIMESTAMP", "1767457200000001", datetime(2026, 1, 3, 16, 20, 0, 1, tzinfo=UTC)),  # noqa: E501
    ({"type": "TIMESTAMP"}, "TIMESTAMP", "-62135596800000000", datetime(1, 1, 1, tzinfo=UTC)),
    ({"type": "BYTES"}, "BYTES", "/wA=", b"\xff\x00"),
    ({"type": "JSON"}, "JSON", '{"b":1,"a":null}', '{"b":1,"a":null}'),
    ({"type": "JSON"}, "JSON", "null", "null"),
    ({"type": "JSON"}, "JSON", None, None),
    ({"type": "INTEGER", "mode": "REQUIRED"}, "INT64", None, None),
    ({"type": "INTEGER", "mode": "REPEATED"}, "ARRAY<INT64>", [{"v": "1"}, {"v": "2"}], (1, 2)),
    ({"type": "INTEGER", "mode": "REPEATED"}, "ARRAY<INT64>", [], ()),
    (
        {
            "type": "RECORD",
            "mode": "REPEATED",
            "fields": [
                {"name": "day", "type": "DATE"},
                {"name": "tags", "type": "STRING", "mode": "REPEATED"},
            ],
        },
        "ARRAY<STRUCT<day DATE, tags ARRAY<STRING>>>",
        [{"v": {"f": [{"v": None}, {"v": [{"v": "a"}]}]}}],
        ({"day": None, "tags": ("a",)},),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("field", "kind", "sent", "value"), RECEIVED)
def test_value(field: dict[str, Any], kind: str, sent: object, value: Value) -> None:
    found = columns([{"name": "x", **field}])

    assert found == (Column("x", kind),)
    assert rows([{"rows": [{"f": [{"v": sent}]}]}], found) == ((value,),)


def test_timestamp_as_a_float_is_refused_not_rounded() -> None:
    with pytest.raises(BadValue, match="expected TIMESTAMP in microseconds"):
        rows([{"rows": [{"f": [{"v": "1.76E9"}]}]}], [Column("x", "TIMESTAMP")])


def test_columns_are_compared_by_name() -> None:
    query = read(b"-- returns: a INT64, b DATE, c STRING\nSELECT 1", "sql/q.sql", "q.sql")
    found = [Column("c", "STRING"), Column("b", "TIMESTAMP"), Column("d", "BOOL")]

    assert differences(query, found) == [
        "no column 'a INT64'",
        "'b' is TIMESTAMP, not DATE",
        "undeclared 'd BOOL'",
    ]


def test_pages_are_read_only_until_it_is_too_much() -> None:
    read_pages = []

    def pages() -> Any:
        for n in range(10_000):
            read_pages.append(n)
            yield {"rows": [{"f": [{"v": "x" * 1_000_000}]}]}

    with pytest.raises(ResultTooLarge, match="the result is over 4 MiB after 4 rows"):
        rows(pages(), [Column("x", "STRING")])
    assert len(read_pages) == 5
