from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from handoff.commands.query import FORMATS
from handoff.facts.recorded import Column, QueryResult

FIXTURES = Path(__file__).parent / "fixtures/answers"
NOW = datetime(2026, 1, 3, 16, 20, tzinfo=UTC)

COLUMNS = (
    Column("name", "STRING"),
    Column("day", "DATE"),
    Column("at", "TIMESTAMP"),
    Column("n", "INT64"),
    Column("share", "NUMERIC"),
    Column("ok", "BOOL"),
    Column("tags", "ARRAY<STRING>"),
    Column("run", "STRUCT<id INT64, ratio FLOAT64>"),
)
ROWS = (
    (
        "plain",
        date(2026, 1, 2),
        NOW,
        1537,
        Decimal("33.40"),
        True,
        ("a", "b"),
        {"id": 1, "ratio": 0.5},
    ),
    ('pi|pe `code`, "q"', None, None, -1, None, False, (), None),
    (
        "two\nlines \x1b[31m",
        None,
        None,
        None,
        None,
        None,
        None,
        {"id": 2, "ratio": float("nan")},
    ),
    ("全角", None, None, 2, None, None, None, None),
)


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_prints_every_type(name: str) -> None:
    answer = QueryResult(COLUMNS, ROWS, None, None, NOW)

    assert FORMATS[name](answer) == (FIXTURES / f"types.{name}").read_text()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("table", "n\n-\n(0 rows)\n"),
        ("json", "[]\n"),
        ("csv", "n\n"),
        ("md", "| n |\n| --: |\n"),
    ],
)
def test_no_rows_are_an_answer_too(name: str, expected: str) -> None:
    answer = QueryResult((Column("n", "INT64"),), (), None, None, NOW)

    assert FORMATS[name](answer) == expected
