from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
import yaml

from handoff.base.problems import InvalidInput, Refused, WorldError
from handoff.facts.recorded import Failure, QueryResult, Value
from handoff.sql.query import BoundQuery, read
from handoff.warehouse.duckdb.limits import Limits
from handoff.warehouse.duckdb.warehouse import DuckDBWarehouse, open_file, open_sample

FIXTURES = Path(__file__).parent / "fixtures" / "duckdb"
CASES = yaml.safe_load((FIXTURES / "expressions.yaml").read_text("utf-8"))
REFUSALS = yaml.safe_load((FIXTURES / "refusals.yaml").read_text("utf-8"))
AS_OF = datetime(2026, 1, 3, 16, 20, tzinfo=UTC)

TABLES = """
CREATE SCHEMA shop.shop;
CREATE TABLE shop.shop.orders (
  id BIGINT, day DATE, moment TIMESTAMPTZ, local TIMESTAMP, price DECIMAL(38, 9), weight DOUBLE,
  name VARCHAR, paid BOOLEAN, body JSON, tags VARCHAR[], raw BLOB
);
INSERT INTO shop.shop.orders VALUES
  (1, '2026-01-01', '2026-01-01 10:00:00.5+00', '2026-01-01 10:00:00', 1.10, 0.1, 'a', TRUE,
   '{"s": "x", "n": 3, "b": true, "o": {"k": 1}, "z": null}', ['x', 'y'], 'ab'),
  (2, '2026-01-02', '2026-01-02 11:59:59+00', '2026-01-02 12:00:00', 2.20, 0.2, 'b', FALSE,
   '{"s": "y"}', [], NULL),
  (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuckDBWarehouse]:
    path = tmp_path_factory.mktemp("shop") / "shop.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(TABLES)
    warehouse = open_file(path)
    yield warehouse
    warehouse.close()


def ask(
    warehouse: DuckDBWarehouse, returns: str, sql: str, **params: Value
) -> QueryResult | Failure:
    source = f"-- returns: {returns}\n{sql}".encode()
    query = read(source, "sql/q.sql", "q.sql")
    (found,) = warehouse.run([BoundQuery("f", query, {"as_of": AS_OF, **params})])
    return found


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["sql"])
def test_expression_means_what_googlesql_says(
    shop: DuckDBWarehouse, case: dict[str, str]
) -> None:
    table = "" if case.get("table") is None else f" FROM {case['table']}"

    found = ask(shop, f"x {case['type']}", f"SELECT {case['sql']} AS x{table}")

    assert isinstance(found, QueryResult), found
    assert [column.type for column in found.columns] == [case["type"]]
    assert [repr(row[0]) for row in found.rows] == case["rows"]


@pytest.mark.parametrize("case", REFUSALS, ids=lambda case: case["sql"])
def test_refused_before_it_runs(shop: DuckDBWarehouse, case: dict[str, str]) -> None:
    found = ask(shop, "x INT64", case["sql"])

    assert isinstance(found, Failure), found
    assert found.message == f"sql/q.sql{case['told']}"
    assert found.exit_code == 1


def test_parameters_are_bound_by_type_and_never_become_sql(shop: DuckDBWarehouse) -> None:
    header = (
        "s STRING, n INT64, x FLOAT64, d NUMERIC, b BOOL, day DATE, names ARRAY<STRING>,\n"
        "--   days ARRAY<DATE>, raw BYTES, nothing DATE, moment TIMESTAMP, is_in BOOL\n"
        "-- params: s STRING, n INT64, x FLOAT64, d NUMERIC, b BOOL, day DATE,\n"
        "--   names ARRAY<STRING>, days ARRAY<DATE>, raw BYTES, nothing DATE"
    )
    sql = (
        "SELECT @s AS s, @n AS n, @x AS x, @d AS d, @b AS b, @day AS day, @names AS names,"
        " @days AS days, @raw AS raw, @nothing AS nothing, @as_of AS moment,"
        " 'b' IN UNNEST(@names) AS is_in"
    )
    values: dict[str, Value] = {
        "s": "'; DROP TABLE shop.orders; --",
        "n": 2**62,
        "x": 0.1,
        "d": Decimal("0.123456789"),
        "b": True,
        "day": date(2024, 2, 29),
        "names": ("a", "b"),
        "days": (date(2024, 2, 29),),
        "raw": b"\x00\xff",
        "nothing": None,
    }

    found = ask(shop, header, sql, **values)

    assert isinstance(found, QueryResult), found
    assert found.rows == ((*values.values(), AS_OF, True),)


def test_structs_are_parameters_too(shop: DuckDBWarehouse) -> None:
    header = (
        "x STRUCT<a INT64, b STRING>, y STRING, n INT64\n"
        "-- params: p STRUCT<a INT64, b STRING>, q ARRAY<STRUCT<a INT64>>"
    )
    sql = "SELECT @p AS x, @p.b AS y, ARRAY_LENGTH(@q) AS n"

    found = ask(shop, header, sql, p={"a": 1, "b": "x"}, q=({"a": 1}, {"a": 2}))

    assert isinstance(found, QueryResult), found
    assert found.rows == (({"a": 1, "b": "x"}, "x", 2),)


def test_bignumeric_parameter_is_refused_where_it_stands(shop: DuckDBWarehouse) -> None:
    found = ask(
        shop, "x BIGNUMERIC\n-- params: p BIGNUMERIC", "SELECT @p AS x", p=Decimal("1.5")
    )

    assert isinstance(found, Failure), found
    assert (
        found.message
        == "sql/q.sql:3:14: BIGNUMERIC has fewer digits in DuckDB, run it on BigQuery"
    )


@pytest.mark.parametrize(
    ("returns", "sql", "told"),
    [
        ("x FLOAT64", "SELECT 1 / (id - 1) AS x FROM shop.orders", "division by zero"),
        ("x INT64", "SELECT MOD(5, id - 1) AS x FROM shop.orders", "division by zero"),
        (
            "x STRING",
            "SELECT tags[OFFSET(7)] AS x FROM shop.orders",
            "array index out of bounds",
        ),
        (
            "x INT64",
            "SELECT 9223372036854775807 + id AS x FROM shop.orders",
            "overflow in addition of INT64 (9223372036854775807 + 1)",
        ),
        (
            "x ARRAY<INT64>",
            "SELECT [1, NULL] AS x",
            "an ARRAY holds a NULL, which BigQuery does not return: IGNORE NULLS",
        ),
        (
            "x INT64",
            "SELECT CAST(name AS INT64) AS x FROM shop.orders",
            "text that is not read as INT64 by both engines",
        ),
    ],
)
def test_failure_while_it_runs_is_reported_in_a_line(
    shop: DuckDBWarehouse, returns: str, sql: str, told: str
) -> None:
    found = ask(shop, returns, sql)

    assert isinstance(found, Failure), found
    assert found.message.startswith(f"sql/q.sql: {told}")
    assert found.exit_code == 3


@pytest.mark.parametrize("ending", [";", "; -- the end", ";\n/* the\nend */\n", "; # the end"])
def test_query_may_end_with_a_semicolon_and_a_comment(
    shop: DuckDBWarehouse, ending: str
) -> None:
    found = ask(shop, "x INT64", f"SELECT 1 AS x{ending}")

    assert isinstance(found, QueryResult), found
    assert found.rows == ((1,),)


def test_query_nested_too_deeply_is_reported(shop: DuckDBWarehouse) -> None:
    found = ask(shop, "x INT64", f"SELECT {'(' * 3000}1{')' * 3000} AS x")

    assert isinstance(found, Failure)
    assert found.message == "sql/q.sql: nested too deeply"


@pytest.mark.parametrize(
    "table", ["shop.orders", "`shop.orders`", "`any-project.shop.orders`", "`p`.shop.`orders`"]
)
def test_tables_resolve_with_and_without_a_project(shop: DuckDBWarehouse, table: str) -> None:
    found = ask(shop, "n INT64", f"SELECT COUNT(*) AS n FROM {table}")

    assert isinstance(found, QueryResult), found
    assert found.rows == ((3,),)


def test_rows_keep_their_order(shop: DuckDBWarehouse) -> None:
    sql = (
        "SELECT n, TIMESTAMP_SUB(@as_of, INTERVAL n SECOND) AS moment "
        "FROM UNNEST(GENERATE_ARRAY(1, 900)) AS n ORDER BY MOD(n * 7919, 907)"
    )

    found = ask(shop, "n INT64, moment TIMESTAMP", sql)

    assert isinstance(found, QueryResult), found
    assert [row[0] for row in found.rows] == sorted(range(1, 901), key=lambda n: n * 7919 % 907)


def test_one_failure_takes_no_other_down(shop: DuckDBWarehouse) -> None:
    bad = read(b"-- returns: n FLOAT64\nSELECT 1 / 0 AS n", "sql/bad.sql", "bad.sql")
    good = read(b"-- returns: n INT64\nSELECT 1 AS n", "sql/good.sql", "good.sql")

    failed, answered = shop.run([BoundQuery("a", bad, {}), BoundQuery("b", good, {})])

    assert isinstance(failed, Failure)
    assert "division by zero" in failed.message.casefold()
    assert isinstance(answered, QueryResult)
    assert answered.rows == ((1,),)


def test_slow_query_is_stopped(tmp_path: Path) -> None:
    path = tmp_path / "d.duckdb"
    duckdb.connect(str(path)).close()
    warehouse = open_file(path, limits=Limits(timeout_seconds=0.2))
    sql = (
        "SELECT COUNT(*) AS n FROM UNNEST(GENERATE_ARRAY(1, 1000000)) AS a"
        " CROSS JOIN UNNEST(GENERATE_ARRAY(1, 1000000)) AS b WHERE MOD(a * b, 7) = 1"
    )

    found = ask(warehouse, "n INT64", sql)
    warehouse.close()

    assert isinstance(found, Failure)
    assert found.message == "sql/q.sql: no result within 0.2 seconds"


def test_slow_query_is_interrupted(shop: DuckDBWarehouse) -> None:
    sql = "SELECT COUNT(*) AS x FROM " + ", ".join(f"{_MANY} AS n{i}" for i in range(4))
    timer = threading.Timer(0.5, os.kill, [os.getpid(), signal.SIGINT])
    began = time.monotonic()
    timer.start()

    with pytest.raises(KeyboardInterrupt):
        ask(shop, "x INT64", sql)

    assert time.monotonic() - began < 10
    assert isinstance(ask(shop, "x INT64", "SELECT 1 AS x"), QueryResult)


_MANY = "UNNEST(GENERATE_ARRAY(1, 10000))"


_MANY_BIG = "FROM d.big CROSS JOIN UNNEST(GENERATE_ARRAY(1, 10000)) AS n"
TOO_LARGE = "return fewer or shorter columns"
TOO_MUCH = "needs more than duckdb.memory_mb (200 MB), read or return less"


@pytest.mark.parametrize(
    ("sql", "columns", "message"),
    [
        ("SELECT CONCAT(s, s, s, s, s) AS s FROM d.big", "s STRING", TOO_LARGE),
        (f"SELECT SUBSTR(s, 1, 50000) AS s {_MANY_BIG}", "s STRING", TOO_LARGE),
        ("SELECT GENERATE_ARRAY(1, 1048577) AS a", "a ARRAY<INT64>", TOO_LARGE),
        (f"SELECT CONCAT(s, CAST(n AS STRING)) AS s {_MANY_BIG}", "s STRING", TOO_MUCH),
        (f"SELECT STRING_AGG(s, '') AS s {_MANY_BIG}", "s STRING", TOO_MUCH),
    ],
)
@pytest.mark.skipif(sys.platform != "linux", reason="memory is bounded on Linux only")
def test_large_results_are_not_read_to_their_end(
    tmp_path: Path, sql: str, columns: str, message: str
) -> None:
    path = tmp_path / "x.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE SCHEMA d")
        connection.execute("CREATE TABLE d.big AS SELECT repeat('x', 1000000) AS s")
    warehouse = open_file(path, limits=Limits(memory_mb=200))

    found = ask(warehouse, columns, sql)
    small = ask(warehouse, "x INT64", "SELECT 1 AS x")
    warehouse.close()

    assert isinstance(found, Failure)
    assert found.message.endswith(message)
    assert isinstance(small, QueryResult)


ENDLESS = (
    "CREATE TABLE t AS SELECT sum(a.i * b.i) FROM range(1000000) a(i), range(1000000) b(i)"
)


@pytest.mark.parametrize(
    ("script", "message"),
    [
        (ENDLESS, "the script takes more than duckdb.timeout_seconds (0.2 s)"),
        ("SET memory_limit = '64GB'", "configuration has been locked"),
        ("PRAGMA threads = 64", "configuration has been locked"),
        ("RESET memory_limit", "configuration has been locked"),
        ("CREATE TABLE t AS SELECT list(i) FROM range(500000000) t(i)", "Out of Memory Error"),
    ],
)
def test_script_of_a_sample_keeps_to_the_limits(
    tmp_path: Path, script: str, message: str
) -> None:
    (tmp_path / "1.sql").write_text(script)

    seconds = 0.2 if script == ENDLESS else 60
    limits = Limits(memory_mb=200)
    with pytest.raises(InvalidInput) as raised:
        open_sample(tmp_path, cache=tmp_path / "c", limits=limits, build_seconds=seconds)

    (problem,) = raised.value.report.problems
    assert message in problem.message
    assert [*(tmp_path / "c").iterdir()] == []


def test_script_of_a_sample_is_interrupted(tmp_path: Path) -> None:
    (tmp_path / "1.sql").write_text(ENDLESS)
    timer = threading.Timer(0.5, os.kill, [os.getpid(), signal.SIGINT])
    timer.start()

    with pytest.raises(KeyboardInterrupt):
        open_sample(tmp_path, cache=tmp_path / "c")

    assert [*(tmp_path / "c").iterdir()] == []


def test_too_many_rows_are_reported(shop: DuckDBWarehouse) -> None:
    found = ask(shop, "n INT64", "SELECT n FROM UNNEST(GENERATE_ARRAY(1, 5000)) AS n")

    assert isinstance(found, Failure)
    assert (found.exit_code, found.message) == (
        1,
        "sql/q.sql: the result has more than 1,000 rows, at most 1,000 are recorded, "
        "aggregate in the query or add a LIMIT",
    )


def test_columns_that_differ_are_reported_before_it_runs(shop: DuckDBWarehouse) -> None:
    found = ask(shop, "n INT64, m DATE", "SELECT 1 / 0 AS n, 'x' AS o")

    assert isinstance(found, Failure)
    assert (found.exit_code, found.message) == (
        1,
        "sql/q.sql:1:13: the result does not match 'returns:': no column 'm DATE'; "
        "'n' is FLOAT64, not INT64; undeclared 'o STRING'",
    )


def test_missing_database_is_reported(tmp_path: Path) -> None:
    with pytest.raises(WorldError, match=r"none\.duckdb: error: no such database"):
        open_file(tmp_path / "none.duckdb")


def test_file_that_is_not_a_database_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "text.duckdb"
    path.write_text("no database")

    with pytest.raises(WorldError, match=r"text\.duckdb: error: cannot open the database"):
        open_file(path)


# --- the sample ----------------------------------------------------------------------------


def scripts(folder: Path, *texts: str) -> Path:
    folder.mkdir(exist_ok=True)
    for number, text in enumerate(texts):
        (folder / f"{number}.sql").write_text(text)
    return folder


ONE = "CREATE SCHEMA s; CREATE TABLE s.t AS SELECT 1::BIGINT AS n;"
TWO = "INSERT INTO s.t VALUES (2);"


def test_sample_is_built_once_and_again_when_a_script_changes(tmp_path: Path) -> None:
    folder, cache = scripts(tmp_path / "sample", ONE), tmp_path / "cache" / "handoff"
    told: list[str] = []

    for texts in [(ONE,), (ONE,), (ONE, TWO)]:
        scripts(folder, *texts)
        open_sample(folder, cache=cache, progress=told.append).close()

    assert told == [
        "building the sample warehouse: 0.sql (1 of 1)",
        "building the sample warehouse: 0.sql (1 of 2)",
        "building the sample warehouse: 1.sql (2 of 2)",
    ]
    assert [path.suffix for path in cache.iterdir()] == [".duckdb", ".duckdb"]


def test_sample_is_built_in_memory_where_the_cache_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    warehouse = open_sample(
        scripts(tmp_path / "sample", ONE), cache=tmp_path / "file" / "handoff"
    )
    found = ask(warehouse, "n INT64", "SELECT n FROM s.t")
    warehouse.close()

    assert warehouse.engine == "duckdb sample"
    assert isinstance(found, QueryResult)
    assert found.rows == ((1,),)


def test_many_may_build_at_once(tmp_path: Path) -> None:
    folder, cache = scripts(tmp_path / "sample", ONE, TWO), tmp_path / "cache"

    def rows(_: int) -> object:
        warehouse = open_sample(folder, cache=cache)
        found = ask(warehouse, "n INT64", "SELECT n FROM s.t ORDER BY n")
        warehouse.close()
        return found.rows if isinstance(found, QueryResult) else found

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(rows, range(8)))

    assert found == [((1,), (2,))] * 8
    assert len(list(cache.iterdir())) == 1


@pytest.mark.parametrize(
    "script",
    [
        "CREATE TABLE t AS SELECT * FROM read_text('/etc/passwd')",
        "COPY (SELECT 1) TO 'stolen.csv'",
        "ATTACH 'other.duckdb'",
        "INSTALL httpfs",
    ],
)
def test_sample_script_cannot_reach_outside(tmp_path: Path, script: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        open_sample(scripts(tmp_path / "sample", script), cache=tmp_path / "cache")

    assert str(raised.value).startswith(
        "0.sql: error: the script of the sample warehouse failed: "
    )
    assert not list((tmp_path / "cache").iterdir())


def test_sample_script_that_leads_elsewhere_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "sample").mkdir()
    (tmp_path / "secret.sql").write_text("secret")
    (tmp_path / "sample/0.sql").symlink_to(tmp_path / "secret.sql")

    with pytest.raises(Refused, match="leads outside"):
        open_sample(tmp_path / "sample", cache=tmp_path / "cache")


def test_sample_script_that_is_not_utf8_is_reported(tmp_path: Path) -> None:
    (tmp_path / "0.sql").write_bytes(b"SELECT\n'\xff'")

    with pytest.raises(InvalidInput, match=r"0\.sql:2: error: not UTF-8"):
        open_sample(tmp_path, cache=tmp_path / "cache")


def test_folder_without_scripts_is_reported(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no scripts to build the sample warehouse from"):
        open_sample(tmp_path)


def test_sample_lies_in_the_cache_of_the_user(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))

    open_sample(scripts(tmp_path / "sample", ONE)).close()

    assert len(list((tmp_path / "home" / "handoff" / "samples").glob("sample-*.duckdb"))) == 1
