"""GoogleSQL on both engines: equal, corrected or refused; never silently different."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import duckdb
import pytest
from emulator import PROJECT, is_rejected, load, server
from engines import DOCUMENT, ERROR, TABLES, Case, asked, cases, document, joined, printed, said

from handoff.facts.recorded import Failure, QueryResult
from handoff.project.settings import BigQuerySettings as Settings
from handoff.warehouse.bigquery.warehouse import BigQueryWarehouse
from handoff.warehouse.duckdb.translate import Catalog, NotTranslated, translate
from handoff.warehouse.duckdb.warehouse import DuckDBWarehouse, open_file

T = TypeVar("T")
FIXTURES = Path(__file__).parent / "fixtures"
CASES = cases()
ANSWERED = [case for case in CASES if not case.told]
TOGETHER = 40
"""Expressions in one query: the emulator takes its time for each query."""

every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.sql} {case.table}")


@pytest.fixture(scope="module")
def shop_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("shop") / "shop.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(TABLES)
    return path


@pytest.fixture(scope="module")
def embedded(shop_file: Path) -> Iterator[DuckDBWarehouse]:
    warehouse = open_file(shop_file)
    yield warehouse
    warehouse.close()


QUERIES_OF_A_SERVER = 100
"""The emulator keeps every job: each slows the next, and after some 200 it panics."""


def servers(
    emulator_binary: Path, shop_file: Path, queries: Sequence[T]
) -> Iterator[tuple[str, Sequence[T]]]:
    """The address of a server with only the shop's tables, and the queries for it."""
    for start in range(0, len(queries), QUERIES_OF_A_SERVER):
        with server(emulator_binary) as url:
            load(url, shop_file)
            yield url, queries[start : start + QUERIES_OF_A_SERVER]


def test_there_are_many_of_every_verdict() -> None:
    assert len({(case.sql, case.table) for case in CASES}) == len(CASES) > 950
    assert len(ANSWERED) > 650


@every_case
def test_embedded_engine_agrees_with_bigquery_or_refuses(
    embedded: DuckDBWarehouse, case: Case
) -> None:
    (found,) = embedded.run([case.asked])

    assert (found.message if isinstance(found, Failure) else "") == (
        f"sql/q.sql{case.told or case.fails}" if case.told or case.fails else ""
    )
    if not case.told:
        assert said(found) == case.answer


@pytest.mark.xdist_group("shop_server")
def test_emulator_agrees_with_the_cases(emulator_binary: Path, shop_file: Path) -> None:
    groups = [*_groups(ANSWERED)]
    found: dict[Case, str] = {}
    for url, some in servers(emulator_binary, shop_file, groups):
        settings = Settings(project=PROJECT, endpoint=url, concurrency=2)
        # no time for trying again: its errors look as if they might pass
        warehouse = BigQueryWarehouse(settings, lambda _: None, retry_seconds=0.01)
        for group in some:
            found |= _found_in_one(group, warehouse)

    assert found == {case: _expected(case) for case in ANSWERED}


def _expected(case: Case) -> str:
    """What the emulator is known to answer."""
    return case.emulator or case.answer


def _is_plain(case: Case) -> bool:
    """Whether the emulator can answer it beside others."""
    return not case.is_query and _expected(case) != ERROR


def _groups(cases: Sequence[Case]) -> Iterator[Sequence[Case]]:
    """Cases that are one query."""
    # within a subject all expressions over a table aggregate, or none does
    groups: dict[tuple[str, str], list[Case]] = {}
    for case in cases:
        if _is_plain(case):
            key = (case.subject, case.table) if case.table else ("", "")
            groups.setdefault(key, []).append(case)
        else:
            yield [case]
    for group in groups.values():
        for start in range(0, len(group), TOGETHER):
            yield group[start : start + TOGETHER]


def _found_in_one(some: Sequence[Case], warehouse: BigQueryWarehouse) -> Mapping[Case, str]:
    if not _is_plain(some[0]):
        (case,) = some
        (answer,) = warehouse.run([case.asked])
        return {case: said(answer)}
    selected = ", ".join(f"{case.sql} AS x{n}" for n, case in enumerate(some))
    columns = ", ".join(f"x{n} {case.type}" for n, case in enumerate(some))
    source = f" FROM {some[0].table}" if some[0].table else ""
    (answer,) = warehouse.run([asked(f"SELECT {selected}{source}", columns)])
    assert isinstance(answer, QueryResult), answer
    return {
        case: joined(tuple(printed(row[n]) for row in answer.rows))
        for n, case in enumerate(some)
    }


def test_list_in_the_documents_is_that_of_the_cases() -> None:
    text = DOCUMENT.read_text("utf-8")

    assert text == document(text), "run: python tests/engines.py"


def test_case_knows_its_verdict() -> None:
    case = Case("s", "1 / 0", fails=": division by zero", alone="inf")

    assert case.verdict == "corrected"
    assert replace(case, told=": no").verdict == "refused"
    assert replace(case, alone="").verdict == "equal"


# --- Google's analyzer -------------------------------------------------------------------

REJECTED = [case for case in CASES if case.rejected]
ACCEPTED = (FIXTURES / "analyzer" / "accepted.txt").read_text("utf-8").splitlines()
"""A query a line, which the analyzer accepts."""
REFUSALS_OF_BIGQUERY = ("Q054", "Q055")


def test_there_are_many_of_both() -> None:
    assert len(REJECTED) > 400
    assert len(ACCEPTED) > 200


def test_no_accepted_query_is_rejected(embedded: DuckDBWarehouse) -> None:
    catalog = Catalog.of(embedded.tables, "shop")

    found = {sql: _refusal(sql, catalog) for sql in ACCEPTED}

    assert {sql: code for sql, code in found.items() if code in REFUSALS_OF_BIGQUERY} == {}


def _refusal(sql: str, catalog: Catalog) -> str:
    try:
        translate(asked(sql, "x INT64").query, catalog)
    except NotTranslated as error:
        return error.problem.code
    return ""


@pytest.mark.xdist_group("shop_server")
def test_analyzer_of_the_emulator_agrees(emulator_binary: Path, shop_file: Path) -> None:
    alone = {case.sql if case.is_query else f"SELECT {case.sql} AS x" for case in REJECTED}
    rejected: set[str] = set()
    for url, queries in servers(emulator_binary, shop_file, [*ACCEPTED, *alone]):
        rejected |= {sql for sql in queries if is_rejected(url, sql)}

    assert rejected == alone
