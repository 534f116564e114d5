"""What every warehouse offers, and which results may be recorded as facts."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from handoff.base.patterns import lazy_pattern
from handoff.facts.recorded import MAX_ROWS, Column, Failure, QueryResult
from handoff.sql.query import BoundQuery, Query
from handoff.sql.tables import Tables

MAX_BYTES = 4 * 2**20
"""Of the values as sent; a facts file is committed, and read by people."""


class DoctorStep(Struct, frozen=True):
    """One thing that `doctor` checked."""

    what: str
    ok: bool
    detail: str
    """What was found."""
    fix: str = ""
    """What to do; empty if `ok`."""


class TableInfo(Struct, frozen=True):
    """What a warehouse knows of a table without reading it; `None` is not known, never 0."""

    dataset: str
    name: str
    kind: str
    """`table`, `view`, `materialized view`, `external`, `snapshot`."""
    row_count: int | None = None
    byte_count: int | None = None
    created: datetime | None = None
    last_modified: datetime | None = None
    partitions: int | None = None
    partitioned_by: str | None = None


class Warehouse(Protocol):
    """Runs queries; refuses everything that is not one SELECT."""

    engine: str
    """`duckdb`, `duckdb sample` or `bigquery`, as provenance records it."""

    def run(self, queries: Sequence[BoundQuery]) -> tuple[QueryResult | Failure, ...]:
        """A result or a failure for each query, in order; none affects the others."""
        ...

    def columns(self, query: Query) -> tuple[Column, ...] | Failure:
        """The columns of the result, without running `query`, whatever it declares."""
        ...

    def cost(self) -> str | None:
        """A line on what the queries cost; `None` where nothing is billed."""
        ...

    def job_links(self) -> Sequence[str]:
        """A line on each job and where to see it; none where queries are no jobs."""
        ...

    def schema(self, datasets: Collection[str]) -> Tables:
        """The tables of `datasets` with GoogleSQL's types; of all if there are none.

        Raises WorldError.
        """
        ...

    def table_infos(self, names: Sequence[str]) -> Sequence[TableInfo]:
        """What is known of `dataset` (all of its tables) or `dataset.table`; runs no job.

        Raises WorldError.
        """
        ...

    def close(self) -> None: ...


# --- which results may be recorded -------------------------------------------------------


class ResultTooLarge(Exception):
    """A result with more rows or bytes than may be recorded."""


def too_many_rows(n: int | None = None) -> ResultTooLarge:
    """The error for a result of `n` rows; `None` where they were not counted."""
    count = f"{n:,}" if n is not None else f"more than {MAX_ROWS:,}"
    return ResultTooLarge(
        f"the result has {count} rows, at most {MAX_ROWS:,} are recorded,"
        " aggregate in the query or add a LIMIT"
    )


def too_many_bytes(n_rows: int) -> ResultTooLarge:
    """The error for a result that is too large after `n_rows` rows."""
    return ResultTooLarge(
        f"the result is over {MAX_BYTES // 2**20} MiB after {n_rows:,} rows,"
        " return fewer or shorter columns"
    )


def differences(query: Query, columns: Sequence[Column]) -> list[str]:
    """How the columns of a result differ from `returns:`, a phrase each.

    Their order does not matter, for a column is cited by its name.
    """
    types = {each.name: each.type for each in columns}
    declared = {each.name: each.type for each in query.returns}
    missing = [name for name in declared if name not in types]
    unnamed = [
        f"column {n} ({each.type}) has no name, add an alias such as 'AS {_alias(missing)}'"
        for n, each in enumerate(columns, 1)
        if each.name not in declared and _UNNAMED.fullmatch(each.name)
    ]
    if unnamed:
        return unnamed
    return [
        *(f"no column '{name} {declared[name]}'" for name in missing),
        *(
            f"'{name}' is {types[name]}, not {kind}"
            for name, kind in declared.items()
            if name in types and types[name] != kind
        ),
        *(
            f"undeclared '{name} {kind}'"
            for name, kind in types.items()
            if name not in declared
        ),
    ]


_UNNAMED = lazy_pattern(r"f[0-9]+_|_col_[0-9]+")
"""What BigQuery calls a column without a name, and what sqlglot does."""


def _alias(missing: Sequence[str]) -> str:
    named = [name for name in missing if not _UNNAMED.fullmatch(name)]
    return named[0] if len(named) == 1 else "total"


def describe_differences(query: Query, columns: Sequence[Column] | None) -> str | None:
    """How the columns differ from the header's `returns:`; `None`: they do not."""
    phrases = differences(query, columns) if columns is not None else []
    if not phrases:
        return None
    place = query.returns[0].place if query.returns else query.path
    return f"{place}: the result does not match 'returns:': {'; '.join(phrases)}"
