"""The questions that come with the package, on BigQuery's emulator and on DuckDB."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from msgspec.structs import replace

from handoff.commands.runner import run
from handoff.facts.recorded import Failure, QueryResult
from handoff.project.settings import BigQuerySettings as Settings
from handoff.sql.query import BoundQuery, read
from handoff.warehouse.bigquery.warehouse import BigQueryWarehouse
from handoff.warehouse.duckdb.warehouse import open_file
from handoff.warehouse.port import Warehouse

# one worker: each would start a server of its own
pytestmark = pytest.mark.xdist_group("emulator")

SQL = Path(__file__).parent.parent / "sql"
QUESTIONS = sorted(
    str(path.relative_to(SQL)) for path in SQL.glob("*/*.sql") if path.parent.name != "sample"
)
MOMENTS = [
    datetime(2026, 1, 3, 16, 20, tzinfo=UTC),
    datetime(2026, 1, 4, 15, 0, tzinfo=UTC),
]
PARAMS = {"season_start": date(2021, 10, 19), "lookback_days": 7, "lookback_hours": 240}
ASKED = [(question, as_of) for question in QUESTIONS for as_of in MOMENTS]

Answers = dict[tuple[str, datetime], QueryResult | Failure]


@pytest.fixture(scope="module")
def bigquery(emulated_sample: Settings) -> Iterator[Answers]:
    yield from _answers(BigQueryWarehouse(emulated_sample, lambda _: None))


@pytest.fixture(scope="module")
def duckdb(thinned_sample_file: Path) -> Iterator[Answers]:
    yield from _answers(open_file(thinned_sample_file))


def _answers(warehouse: Warehouse) -> Iterator[Answers]:
    answers = warehouse.run([_asked(*each) for each in ASKED])
    warehouse.close()
    yield dict(zip(ASKED, answers, strict=True))


def _asked(question: str, as_of: datetime) -> BoundQuery:
    query = read((SQL / question).read_bytes(), f"sql/{question}", question)
    given = {each.name: PARAMS[each.name] for each in query.params}
    return BoundQuery("fact", query, {**given, "as_of": as_of})


@pytest.mark.parametrize(("question", "as_of"), ASKED)
def test_query_has_the_same_result_on_both_engines(
    bigquery: Answers, duckdb: Answers, question: str, as_of: datetime
) -> None:
    there, here = bigquery[question, as_of], duckdb[question, as_of]

    assert isinstance(there, QueryResult), there
    assert isinstance(here, QueryResult), here
    assert here.rows
    provenance = {"job_id": None, "bytes_billed": None}
    provenance |= {"ran_at": here.ran_at, "versions": here.versions}
    assert replace(there, **provenance) == here


@pytest.mark.parametrize("session", ["session-1", "session-2"])
def test_session_is_the_same_document_on_both_engines(
    session: str,
    emulated_sample: Settings,
    thinned_sample_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    for name in ("sessions", "sql"):
        shutil.copytree(SQL.parent / name, tmp_path / name)
    shutil.copy(thinned_sample_file, tmp_path / "thinned.duckdb")
    monkeypatch.chdir(tmp_path)
    engines = {
        "duckdb": "duckdb: {path: thinned.duckdb}",
        "bigquery": f"bigquery: {{project: {emulated_sample.project}, "
        f"endpoint: '{emulated_sample.endpoint}'}}",
    }

    documents = []
    for engine, settings in engines.items():
        (tmp_path / "handoff.yaml").write_text(f"engine: {engine}\n{settings}\n")
        assert run(["render", session, "--stdout"]) == 0
        documents.append(capfdbinary.readouterr().out.decode().splitlines())

    embedded, asked = ([line for line in each if line[:6] != "*Live "] for each in documents)
    assert "514 of 1,537" in "\n".join(embedded) or session != "session-1"
    assert asked == embedded
    assert any(line.startswith("*Live values from BigQuery") for line in documents[1])


def test_tables_are_known_on_both_engines(
    emulated_sample: Settings, thinned_sample_file: Path
) -> None:
    warehouses = (
        BigQueryWarehouse(emulated_sample, lambda _: None),
        open_file(thinned_sample_file),
    )

    there, here = ([*each.table_infos(["nba_raw"])] for each in warehouses)

    assert [each.name for each in there] == [each.name for each in here]
    assert all(each.row_count for each in here)
    assert {each.last_modified for each in here} == {None}


def test_temporary_function_before_the_query(emulated_sample: Settings) -> None:
    sql = "CREATE TEMP FUNCTION one(n INT64) AS (n + 1);\nSELECT one(41) AS n"
    query = read(f"-- returns: n INT64\n{sql}".encode(), "sql/q.sql", "q.sql")

    (found,) = BigQueryWarehouse(emulated_sample, lambda _: None).run(
        [BoundQuery("fact", query, {})]
    )

    assert isinstance(found, QueryResult), found
    assert found.rows == ((42,),)
