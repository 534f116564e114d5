"""What is no single SELECT is refused by both engines, before anything runs."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
import yaml
from bigquery_stub import Script, serving
from emulator import PROJECT, client, load
from engines import TABLES

from handoff.base.problems import InvalidInput
from handoff.facts.recorded import Failure
from handoff.project.settings import BigQuerySettings as Settings
from handoff.sql.query import BoundQuery, Query, read
from handoff.warehouse.bigquery.warehouse import BigQueryWarehouse
from handoff.warehouse.duckdb.warehouse import open_file

FIXTURE = Path(__file__).parent / "fixtures" / "statements.yaml"
STATEMENTS = yaml.safe_load(FIXTURE.read_text("utf-8"))

every_statement = pytest.mark.parametrize("case", STATEMENTS, ids=lambda case: case["sql"])


def asked(sql: str) -> BoundQuery:
    """As if reading the file had let it through: each engine refuses by itself."""
    return BoundQuery("fact", Query("a/q.sql", "sql/a/q.sql", sql, "", "", (), (), None), {})


@pytest.fixture(scope="module")
def shop_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("shop") / "shop.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(TABLES)
    return path


@every_statement
def test_reading_the_file_refuses_it(case: dict[str, str]) -> None:
    source = f"-- returns: n INT64\n{case['sql']}".encode()

    with pytest.raises(InvalidInput) as raised:
        read(source, "sql/a/q.sql", "a/q.sql")

    assert {each.code for each in raised.value.report.problems} & {"Q011", "Q012"}


@every_statement
def test_embedded_engine_refuses_it(shop_file: Path, case: dict[str, str]) -> None:
    before = shop_file.read_bytes()
    warehouse = open_file(shop_file)

    (found,) = warehouse.run([asked(case["sql"])])
    warehouse.close()

    assert isinstance(found, Failure), found
    assert found.exit_code == 1
    assert shop_file.read_bytes() == before


@every_statement
def test_bigquery_is_not_even_sent_it(case: dict[str, str]) -> None:
    with serving() as stub:
        warehouse = BigQueryWarehouse(Settings(project="p", endpoint=stub.url), lambda _: None)

        (found,) = warehouse.run([asked(case["sql"])])

        assert isinstance(found, Failure), found
        assert (found.exit_code, found.message) == (1, "sql/a/q.sql: expected one SELECT")
        assert stub.seen == []


@pytest.mark.parametrize("kind", sorted({case["type"] for case in STATEMENTS}))
def test_bigquery_has_the_last_word_on_what_a_select_is(kind: str) -> None:
    with serving() as stub:
        stub.scripts["SELECT 1 AS n"] = Script(statement=kind)
        warehouse = BigQueryWarehouse(Settings(project="p", endpoint=stub.url), lambda _: None)

        (found,) = warehouse.run([asked("SELECT 1 AS n")])

        assert isinstance(found, Failure), found
        assert found.message == f"sql/a/q.sql: expected one SELECT, BigQuery found {kind}"
        assert (len(stub.dry()), stub.begun(), stub.jobs) == (1, [], {})


@pytest.mark.xdist_group("emulator")
def test_emulator_keeps_every_table_and_row(emulator: str, shop_file: Path) -> None:
    load(emulator, shop_file)
    warehouse = BigQueryWarehouse(Settings(project=PROJECT, endpoint=emulator), lambda _: None)

    found = warehouse.run([asked(case["sql"]) for case in STATEMENTS])

    assert all(isinstance(each, Failure) for each in found)
    assert _tables(emulator) == ["games", "orders"]
    (row,) = client(emulator).query("SELECT COUNT(*), SUM(n) FROM shop.games").result()
    assert tuple(row) == (5, 15)


def _tables(emulator: str) -> list[str]:
    return sorted(each.table_id for each in client(emulator).list_tables(f"{PROJECT}.shop"))
