"""Questions held against words and a recorded schema, without a warehouse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

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
