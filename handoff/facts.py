"""Facts: what was answered, how it was obtained, and the file that records it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal

Value = (
    None
    | bool
    | int
    | float
    | Decimal
    | str
    | bytes
    | date
    | datetime
    | time
    | tuple["Value", ...]
    | Mapping[str, "Value"]
)
"""DATETIME is a naive `datetime`, TIMESTAMP an aware one in UTC; ARRAY a tuple, STRUCT a
mapping in field order, JSON the text it was sent as."""


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    type: str
    """GoogleSQL, upper case."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a warehouse returned for one question."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Value, ...], ...]
    job_id: str | None
    bytes_billed: int | None
    """As BigQuery bills it; `None` where nobody pays."""
    ran_at: datetime
    """When the warehouse finished, UTC."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a question has no answer."""

    message: str
    """One line, written for the person who must act."""
    at: datetime
    """UTC."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """How an answer was obtained; enough to obtain it again."""

    source: str
    """The question: `orchestrator/phases.sql`."""
    sha256: str
    """Of the `.sql` file's bytes, 64 hex digits, before any translation."""
    params: Mapping[str, Value]
    """As bound, `as_of` among them."""
    engine: str
    """`duckdb`, `duckdb sample`, `bigquery`."""
    job_id: str | None
    ran_at: datetime
    """When the warehouse finished, UTC."""
    bytes_billed: int | None
    """As BigQuery bills it; `None` where nobody pays."""


@dataclass(frozen=True, slots=True)
class Fact:
    """A question's recorded answer, its recorded failure, or both (the last answer stands)."""

    name: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Value, ...], ...]
    provenance: Provenance | None
    """`None` where the question has never been answered."""
    failure: Failure | None
    """Why the latest asking gave nothing; `None` when it answered."""
    key: str | None = None
    contract: str | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """All facts of one session, in the order it declares them."""

    as_of: datetime | None
    """The moment the questions were asked for, UTC, to the minute; `None`: nothing asked."""
    facts: Mapping[str, Fact]
