"""Pasted SQL becomes queries of the project, and what cannot be rewritten is listed."""

from __future__ import annotations

from pathlib import Path

import pytest
from bigquery_stub import Script, serving
from commands import Handoff, caller

from handoff.check.schema import schema_problems
from handoff.sql.query import CONTRACTS, read

FOLDER = Path(__file__).parent / "fixtures" / "query_import"
INPUTS = sorted(path for path in FOLDER.iterdir() if path.suffix in (".sql", ".md"))


@pytest.fixture
def handoff(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> Handoff:
    monkeypatch.chdir(tmp_path)
    Path("handoff.yaml").write_text("engine: duckdb\n")
    return caller(capfdbinary)


@pytest.mark.parametrize("path", INPUTS, ids=lambda path: path.name)
def test_pasted_sql_is_rewritten(path: Path, handoff: Handoff) -> None:
    Path(path.name).write_bytes(path.read_bytes())
    dataset = ("--dataset", "nba_raw") if path.stem == "script" else ()
    dataset = ("--dataset", "nba_orchestration") if path.stem == "phases" else dataset

    done = handoff("query", "import", path.name, "--stdout", *dataset)

    expected = path.with_suffix(".out").read_text()
    err = "".join(x for x in done.err.splitlines(True) if not x.startswith("building"))
    assert f"{done.out}--- exit {done.code}\n{err}" == expected
    assert not Path("sql").exists()


def test_query_is_written_once_and_runs(handoff: Handoff) -> None:
    Path("a.sql").write_text("SELECT COUNT(*) FROM nba_raw.nbac_schedule")

    first = handoff("query", "import", "a.sql")
    second = handoff("query", "import", "a.sql")
    named = handoff("query", "import", "a.sql", "--name", "nba_raw/nbac_schedule")

    assert (first.code, second.code, named.code) == (0, 0, 1)
    assert (
        first.err.splitlines(True)[-1]
        == "wrote sql/nba_raw/nbac_schedule.sql: 0 parameters, 1 column\n"
    )
    assert "wrote sql/nba_raw/nbac_schedule_2.sql" in second.err
    assert "already exists; choose another name" in named.err
    assert handoff("query", "run", "nba_raw/nbac_schedule", "--format", "csv").code == 0


def test_variable_with_the_name_of_a_column_is_reported(handoff: Handoff) -> None:
    Path("sql").mkdir()
    Path("sql/schema.json").write_text(
        '{"handoff_schema": 1, "engine": "duckdb", "datasets": '
        '{"nba_raw": {"nbac_schedule": {"columns": {"game_date": "DATE"}}}}}'
    )
    Path("a.sql").write_text(
        "DECLARE game_date DATE DEFAULT '2026-01-01';\n"
        "SELECT COUNT(*) AS n FROM nbac_schedule WHERE game_date = game_date"
    )

    done = handoff("query", "import", "a.sql", "--stdout")

    assert "FROM nba_raw.nbac_schedule" in done.out
    assert "a.sql:2: warning: 'game_date' is a column, too" in done.err


@pytest.mark.parametrize("contract", CONTRACTS)
def test_new_query_has_the_columns_of_its_contract(contract: str, handoff: Handoff) -> None:
    assert handoff("query", "new", "x/y", "--contract", contract).code == 0

    query = read(Path("sql/x/y.sql").read_bytes(), "sql/x/y.sql", "x/y.sql")
    assert query.contract == contract
    assert {each.name: each.type for each in query.returns} == CONTRACTS[contract]
    assert schema_problems(query, None) == ()
    assert handoff("query", "run", "x/y").code == 0
    assert handoff("query", "new", "x/y").code == 1


def test_returns_of_bigquery_are_those_of_a_dry_run(handoff: Handoff) -> None:
    text = "SELECT @day AS d, COUNT(*) AS n FROM d.t\n"
    schema = [{"name": "d", "type": "DATE"}, {"name": "n", "type": "INTEGER"}]
    Path("a.sql").write_text(
        "DECLARE day DATE DEFAULT DATE '2026-01-01';\nSELECT day AS d, COUNT(*) FROM d.t"
    )
    with serving() as stub:
        stub.scripts = {text: Script(schema=schema)}
        settings = f"{{project: p, location: US, endpoint: '{stub.url}'}}"
        Path("handoff.yaml").write_text(f"engine: bigquery\nbigquery: {settings}\n")
        done = handoff("query", "import", "a.sql", "--stdout")
        assert not stub.begun()

    assert done.out.splitlines()[1:3] == [
        "-- params: day DATE",
        "-- returns: d DATE, n INT64",
    ]
    assert done.code == 0


@pytest.mark.parametrize("text", ["", "nothing to see", "```python\nprint(1)\n```\n"])
def test_text_without_sql_is_refused(text: str, handoff: Handoff) -> None:
    Path("a.md").write_text(text)

    done = handoff("query", "import", "a.md")

    assert (done.code, done.out) == (1, "")
    assert "no SELECT found" in done.err
