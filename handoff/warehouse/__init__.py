"""Where questions are answered: the embedded warehouse and BigQuery behind one shape."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from handoff.facts.recorded import Failure, QueryResult, Value
from handoff.sql.query import Query
from handoff.sql.tables import Tables


class BoundQuery(Struct, frozen=True):
    """A question with every parameter bound, `as_of` among them."""

    fact: str
    query: Query
    params: Mapping[str, Value]
    """Converted to the declared types."""


Progress = Callable[[str], None]
"""Told, in a few words, what a slow step is doing."""


class Warehouse(Protocol):
    """Answers questions; refuses whatever is not one SELECT."""

    engine: str
    """`duckdb`, `duckdb sample` or `bigquery`, as provenance records it."""

    def answers(self, asked: Sequence[BoundQuery]) -> tuple[QueryResult | Failure, ...]:
        """One answer or failure for each question, in order; a failure takes no other down."""
        ...

    def cost(self) -> str | None:
        """A line on what the answers cost; `None` where nobody pays."""
        ...

    def schema(self, datasets: Collection[str]) -> Tables:
        """The tables of `datasets`, as GoogleSQL types them; of all without any.

        Raises WorldError.
        """
        ...

    def close(self) -> None: ...
