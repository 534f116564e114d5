"""Facts of `tables:`: what a warehouse knows of its tables, and whether they are fresh."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest
from bigquery_stub import Body, Stub, serving

from handoff.commands.runner import run

SESSION = """\
session: 1
title: Loads
created: 2026-01-03
{as_of}
facts:
  loads: {{tables: {tables}, max_age_hours: 24}}
summary:
  Tables:
    table: loads
    columns: {{table_name: Table, row_count: Rows, age: Age, status: ""}}
"""
NOW = "as_of: 2026-01-03T16:20:00Z"
AT = {"NOON": 1767441600000, "DAYS_AGO": 1767096000000, "LATER": 1767528000000}
"""2026-01-03 12:00, 2025-12-30 12:00 and 2026-01-04 12:00 UTC."""


def described(modified: str, kind: str = "TABLE", **more: object) -> Body:
    return {
        "type": kind,
        "numRows": "7",
        "numBytes": "700",
        "creationTime": "1767000000000",
        "lastModifiedTime": str(AT[modified]),
        **more,
    }


@pytest.fixture
def stub() -> Iterator[Stub]:
    with serving() as stub:
        stub.tables["d"] = ["fresh", "late", "later", "view", "written"]
        by_day = {"timePartitioning": {"type": "DAY", "field": "day"}, "numPartitions": "3"}
        stub.schemas = {
            "d.fresh": described("NOON", **by_day),
            "d.late": described("DAYS_AGO"),
            "d.later": described("LATER"),
            "d.view": described("NOON", "VIEW"),
            "d.written": described("NOON", streamingBuffer={"estimatedRows": "9"}),
        }
        yield stub


@pytest.fixture
def render(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    def render(settings: str, tables: str, as_of: str = NOW) -> int:
        (tmp_path / "handoff.yaml").write_text(settings)
        (tmp_path / "sessions").mkdir(exist_ok=True)
        text = SESSION.format(tables=tables, as_of=as_of)
        (tmp_path / "sessions/s.yaml").write_text(text)
        monkeypatch.chdir(tmp_path)
        return run(["render", "s", "--stdout"])

    return render


def on_bigquery(stub: Stub, more: str = "") -> str:
    where = f"project: p, location: US, endpoint: '{stub.url}'{more}"
    return f"engine: bigquery\nbigquery: {{{where}}}\n"


def rows(printed: bytes) -> list[str]:
    return [line for line in printed.decode().splitlines() if line.startswith("|")][2:]


def test_tables_of_bigquery(
    render: Callable[..., int],
    stub: Stub,
    tmp_path: Path,
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    assert render(on_bigquery(stub), "d") == 0

    blank = "—"
    assert rows(capfdbinary.readouterr().out) == [
        "| fresh | 7 | 4 h 20 min | 🟢 fresh |",
        "| late | 7 | 4 days 4 h | 🔴 late |",
        f"| later | {blank} | {blank} | ❔ unknown |",  # what it was before is not known
        f"| view | {blank} | {blank} | ❔ unknown |",
        f"| written | {blank} | 4 h 20 min | 🟢 fresh |",
    ]
    assert stub.jobs == {}
    assert stub.dry() == []
    fact = json.loads((tmp_path / "sessions/s.facts.json").read_text())["facts"]["loads"]
    assert fact["contract"] == "freshness"
    assert fact["provenance"]["engine"] == "tables"
    assert fact["provenance"]["source"] == "d"
    first = dict(zip((each["name"] for each in fact["columns"]), fact["rows"][0], strict=True))
    assert first == {
        "table_name": "fresh",
        "last_modified": "2026-01-03T12:00:00Z",
        "max_age_hours": 24.0,
        "dataset": "d",
        "kind": "table",
        "row_count": 7,
        "byte_count": 700,
        "created": "2025-12-29T09:20:00Z",
        "partitions": 3,
        "partitioned_by": "day",
    }


FAILED: list[tuple[str, str, str]] = [
    ("d.frehs", "", "no table or dataset 'd.frehs', or no access, did you mean 'fresh'?"),
    ("nonesuch", "", "no table or dataset 'nonesuch', or no access"),
    ("d.fresh", ", allowed_datasets: other", "'d.fresh' is not in an allowed dataset (other)"),
    ("d.odd", "", "cannot read the tables of 'd.odd': Expected"),
]


@pytest.mark.parametrize(("tables", "more", "message"), FAILED)
def test_tables_that_cannot_be_read(
    render: Callable[..., int],
    stub: Stub,
    capfdbinary: pytest.CaptureFixture[bytes],
    tables: str,
    more: str,
    message: str,
) -> None:
    stub.schemas["d.odd"] = described("NOON") | {"numRows": "many"}

    assert render(on_bigquery(stub, more), tables) == 3

    assert f"fact 'loads' has no result: {message}" in capfdbinary.readouterr().err.decode()


@pytest.fixture
def on_duckdb(tmp_path: Path) -> str:
    with duckdb.connect(str(tmp_path / "w.duckdb")) as connection:
        connection.execute("CREATE SCHEMA d; CREATE TABLE d.games AS FROM range(5) t(n)")
        connection.execute("CREATE VIEW d.seen AS FROM d.games; CREATE TABLE d.none (n INT)")
    return "engine: duckdb\nduckdb: {path: w.duckdb}\n"


def test_tables_of_duckdb_have_no_times(
    render: Callable[..., int], on_duckdb: str, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert render(on_duckdb, "[d.games, p.d.none, d.seen]", as_of="") == 0

    blank = "—"
    assert rows(capfdbinary.readouterr().out) == [
        f"| games | 5 | {blank} | ❔ unknown |",
        f"| none | 0 | {blank} | ❔ unknown |",
        f"| seen | {blank} | {blank} | ❔ unknown |",
    ]


def test_rows_of_duckdb_in_the_past_are_not_known(
    render: Callable[..., int], on_duckdb: str, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert render(on_duckdb, "d.games") == 0

    (row,) = rows(capfdbinary.readouterr().out)
    assert row == "| games | — | — | ❔ unknown |"


def test_table_of_duckdb_that_is_not_there(
    render: Callable[..., int], on_duckdb: str, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert render(on_duckdb, "d.gmaes") == 3

    message = "no table or dataset 'd.gmaes', did you mean 'd.games'?"
    assert message in capfdbinary.readouterr().err.decode()


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ("{tables: 'd;x'}", "'d;x' is not the name of a table"),
        ("{tables: d, max_age_hours: soon}", "expected a number of hours"),
        ("{tables: d, max_age_hours: 0}", "expected a number of hours"),
        ("{tables: }", "no tables, expected a dataset or 'dataset.table'"),
        ("{tables: []}", "no tables, expected a dataset or 'dataset.table'"),
    ],
)
def test_invalid_declaration(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfdbinary: pytest.CaptureFixture[bytes],
    declared: str,
    message: str,
) -> None:
    (tmp_path / "handoff.yaml").write_text("engine: duckdb\n")
    (tmp_path / "sessions").mkdir()
    text = f"session: 1\ntitle: T\ncreated: 2026-01-03\nfacts: {{loads: {declared}}}\n"
    (tmp_path / "sessions/s.yaml").write_text(text)
    monkeypatch.chdir(tmp_path)

    code = run(["check", "s"])

    printed = capfdbinary.readouterr()
    assert code == 1
    assert message in (printed.out + printed.err).decode()
