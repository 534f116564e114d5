"""What every warehouse offers, and which results may be recorded as facts."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from msgspec import Struct

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


class Warehouse(Protocol):
    """Runs queries; refuses everything that is not one SELECT."""

    engine: str
    """`duckdb`, `duckdb sample` or `bigquery`, as provenance records it."""

    def run(self, queries: Sequence[BoundQuery]) -> tuple[QueryResult | Failure, ...]:
        """A result or a failure for each query, in order; none affects the others."""
        ...

    def cost(self) -> str | None:
        """A line on what the queries cost; `None` where nothing is billed."""
        ...

    def schema(self, datasets: Collection[str]) -> Tables:
        """The tables of `datasets` with GoogleSQL's types; of all if there are none.

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


def differences(query: Query, columns: Sequence[Column]) -> list[str]:
    """How the columns of a result differ from `returns:`, a phrase each.

    Their order does not matter, for a column is cited by its name.
    """
    types = {each.name: each.type for each in columns}
    declared = {each.name: each.type for each in query.returns}
    return [
        *(f"no column '{name} {kind}'" for name, kind in declared.items() if name not in types),
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


def describe_differences(query: Query, columns: Sequence[Column] | None) -> str | None:
    """How the columns differ from the header's `returns:`; `None`: they do not."""
    phrases = differences(query, columns) if columns is not None else []
    if not phrases:
        return None
    place = query.returns[0].place if query.returns else query.path
    return f"{place}: the result does not match 'returns:': {'; '.join(phrases)}"
