"""Facts and questions for tests of live values."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from msgspec.structs import replace

from handoff.base.problems import Place
from handoff.facts.recorded import Column, Fact, Facts, Failure, Provenance
from handoff.session.model import QueryFact
from handoff.sql.query import CONTRACTS, Declaration, Query
from handoff.sql.types import Type, Value, type_of, value_of

AS_OF = datetime(2026, 1, 3, 16, 20, tzinfo=UTC)
NOWHERE = Place("sql/x.sql")


def query(name: str, returns: Mapping[str, str], contract: str | None = None) -> Query:
    declared = tuple(Declaration(each, type_, NOWHERE) for each, type_ in returns.items())
    return Query(name, f"sql/{name}", "SELECT 1", "0" * 64, "", (), declared, contract)


def question(
    name: str, sql: str, key: str | None = None, redact: tuple[str, ...] = ()
) -> QueryFact:
    return QueryFact(name, sql, {}, key, Place("sessions/s.yaml", 3, 3), {}, redact)


def fact(
    name: str,
    returns: Mapping[str, str],
    *rows: tuple[object, ...],
    contract: str | None = None,
    as_of: datetime = AS_OF,
) -> Fact:
    types = [type_of(type_) for type_ in returns.values()]
    provenance = Provenance("x.sql", "0" * 64, {"as_of": as_of}, "duckdb", None, as_of, None)
    return Fact(
        name=name,
        columns=tuple(Column(each, type_) for each, type_ in returns.items()),
        rows=tuple(_row(row, types) for row in rows),
        provenance=provenance,
        failure=None,
        contract=contract,
    )


def failed(of: Fact) -> Fact:
    return replace(of, failure=Failure("timed out", AS_OF))


def facts(*all_: Fact) -> Facts:
    return Facts(AS_OF, {each.name: each for each in all_})


def _row(row: tuple[object, ...], types: list[Type]) -> tuple[Value, ...]:
    return tuple(value_of(raw, type_) for raw, type_ in zip(row, types, strict=True))


PHASES = CONTRACTS["phases"]
KINDS = {
    "flag": "BOOL",
    "n": "INT64",
    "ratio": "FLOAT64",
    "nothing": "INT64",
    "nan": "FLOAT64",
    "words": "STRING",
    "empty": "STRING",
    "name": "STRING",
    "at": "TIMESTAMP",
    "day": "DATE",
    "tags": "ARRAY<STRING>",
    "pair": "STRUCT<low INT64, high INT64>",
}
RUNS = {"run": "STRING", "state": "STRING", "n": "INT64"}
QUERIES = {
    "kinds.sql": query("kinds.sql", KINDS),
    "runs.sql": query("runs.sql", RUNS),
    "phases.sql": query("phases.sql", PHASES, "phases"),
}
QUESTIONS = (
    question("kinds", "kinds.sql", redact=("name",)),
    question("runs", "runs.sql", key="run"),
    question("plain", "runs.sql"),
    question("nil", "runs.sql"),
    question("orchestrator", "phases.sql", key="phase"),
    question("failing", "kinds.sql"),
    question("unasked", "kinds.sql"),
)
_ONE = (
    *(True, 1537, 33.44, None, "nan", "a | `b` [TO BE FILLED]", " ", "x"),
    *("2026-01-03T03:05:00Z", "2026-01-03", ["a", "b_"], {"low": 1, "high": 2000}),
)
_PHASE = ("Phase 1", "Game logs", "days", 514, 1537, 509, 5, "2026-01-03T13:00:00Z")
FACTS = facts(
    fact("kinds", KINDS, _ONE),
    fact(
        "runs",
        RUNS,
        ("Phase 1", "QUEUED", 3),
        ("twice", "✅", 4),
        ("twice", "b", 5),
        ("a b", "c", 1),
        ("A-B", "d", 2),
        ("2024", "x" * 1990, None),
    ),
    fact("plain", RUNS, ("one", "QUEUED", 3), ("two", "FAILED", 4)),
    fact("nil", RUNS),
    fact(
        "orchestrator",
        PHASES,
        (*_PHASE, "2026-01-03T16:19:00Z", 298, 60),
        ("Phase 2", "", "days", 0, 100, 0, 0, None, None, 0, 60),
        contract="phases",
    ),
    failed(fact("failing", KINDS, _ONE, as_of=AS_OF.replace(day=2))),
)
