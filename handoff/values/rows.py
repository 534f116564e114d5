"""Rows of facts as texts, blocks and checks see them."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Literal

from msgspec import Struct

from handoff.base.problems import nearest
from handoff.facts.recorded import Facts
from handoff.session.model import AcceptedException, Expectation, QueryFact, SourceFact
from handoff.sql.query import ROW_NAMES
from handoff.sql.types import Type, Value
from handoff.values.printing import Typed

Row = Mapping[str, Typed]


def row_name(key: str) -> str:
    """How a text names a row in one word: `Phase 1` is `phase_1`."""
    return re.sub(r"[\W_]+", "_", key.casefold()).strip("_")


def near(name: str, names: Collection[str]) -> str:
    """`, did you mean 'x'?`, or all the names."""
    return nearest(name, names) or f", it has {', '.join(names)}"


class EarlierSession(Struct, frozen=True):
    """What another session recorded."""

    session: str
    """The id."""
    facts: Facts | None
    why: str = "has nothing recorded"
    """Why there are none."""


VerdictState = Literal["met", "accepted", "violated", "unanswered"]
Sign = Literal["≥", "≤", "="]


class Bound(Struct, frozen=True):
    """One limit as it is compared."""

    sign: Sign
    value: Value
    """Of the column's type; a Decimal for a number."""
    words: str


class Verdict(Struct, frozen=True):
    """One limit compared with one row."""

    expectation: Expectation
    bound: Bound
    row: str
    """The row's name; empty for the only row, and where there is none."""
    index: int | None
    """Of the row; `None`: there is no such row."""
    cell: Typed | None
    state: VerdictState
    accepted: AcceptedException | None
    """The exception made for the row, expired or not."""

    @property
    def is_over(self) -> bool:
        """Whether the exception was made and has expired."""
        return self.state == "violated" and self.accepted is not None


class EarlierView(Struct, frozen=True):
    """A fact as another session recorded it."""

    session: str
    """The id."""
    view: FactView | None
    why: str = ""
    """Why it cannot be compared; else empty."""


class FactView(Struct, frozen=True):
    """One fact as texts see it: as declared, and with its rows once there are any."""

    declaration: QueryFact | SourceFact
    contract: str | None
    types: Mapping[str, Type]
    """Of the query's columns, in their order, then of the derived ones."""
    derived: tuple[str, ...] = ()
    is_typed: bool = True
    """False where the query is missing, so that nothing is known of its columns."""
    rows: tuple[Row, ...] | None = None
    """`None`: no result, or one that no longer counts."""
    overall: Row | None = None
    """One row over all; `None` where the contract has none."""
    stale: str = ""
    """The note after values of an old result; empty for a current one."""
    verdicts: tuple[Verdict, ...] = ()
    """The session's expectations, compared with the rows."""
    apart: str = ""
    """Why the rows cannot be compared with those of an earlier session."""

    @property
    def name(self) -> str:
        return self.declaration.name

    @property
    def key(self) -> str | None:
        return self.declaration.key

    @property
    def named_by(self) -> str | None:
        """The column that names rows, by `key:` or by the contract."""
        return self.key or ROW_NAMES.get(self.contract or "")

    def explain_missing(self, column: str, known: Collection[str]) -> str:
        """Why the fact has no such column, in a message; `known` are those it has."""
        if column in self.declaration.redact:
            return f"column '{column}' of fact '{self.name}' is redacted"
        return f"fact '{self.name}' has no column '{column}'{near(column, known)}"

    @property
    def source(self) -> str:
        """The query's file or the declaration, for messages."""
        if isinstance(self.declaration, QueryFact):
            return f"'{self.declaration.sql}'"
        return f"fact '{self.name}'"
