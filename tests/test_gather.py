from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

import pytest
from msgspec.structs import replace

from handoff.base.problems import InvalidInput, Place
from handoff.facts.recorded import (
    Column,
    Fact,
    Facts,
    Failure,
    Provenance,
    QueryResult,
    Value,
    dump,
    load,
)
from handoff.session.model import Created, QueryFact, Session
from handoff.sql.query import BoundQuery, Param, read
from handoff.workspace.gather import run_queries as gather

PLACE = Place("sessions/s.yaml", 5, 3)
AS_OF = datetime(2026, 1, 3, 16, 20, 31, tzinfo=UTC)
MOMENT = datetime(2026, 1, 3, 16, 20, tzinfo=UTC)
LATER = datetime(2026, 1, 3, 16, 21, tzinfo=UTC)
QUERIES = {
    "a/games.sql": read(
        b"-- params: day DATE\n-- returns: team STRING, email STRING, n INT64\n"
        b"SELECT team, email, n FROM s.t WHERE day >= @day AND at <= @as_of",
        "sql/a/games.sql",
        "a/games.sql",
    ),
    "a/one.sql": read(b"-- returns: n INT64\nSELECT 1 AS n", "sql/a/one.sql", "a/one.sql"),
}
GAMES = QueryResult(
    columns=(Column("team", "STRING"), Column("email", "STRING"), Column("n", "INT64")),
    rows=(("ATL", "a@b.c", 3), ("BOS", "d@e.f", None)),
    job_id="job_1",
    bytes_billed=10,
    ran_at=LATER,
)
ONE = QueryResult((Column("n", "INT64"),), ((1,),), None, None, LATER)
FAILURE = Failure("no such table", LATER)


@dataclass
class Scripted:
    """A warehouse that says what it is told, and remembers what it was asked."""

    says: tuple[QueryResult | Failure, ...]
    engine: str = "scripted"
    asked: list[Sequence[BoundQuery]] = field(default_factory=list)

    def run(self, asked: Sequence[BoundQuery]) -> tuple[QueryResult | Failure, ...]:
        self.asked.append(asked)
        return self.says

    def close(self) -> None: ...


def games(**changes: object) -> QueryFact:
    params: dict[str, Param] = {"day": date(2025, 10, 21)}
    question = QueryFact("games", "a/games.sql", params, "team", PLACE, {"day": PLACE})
    return replace(question, **changes)  # type: ignore[arg-type]


ONE_QUESTION = QueryFact("one", "a/one.sql", {}, None, PLACE, {})


def session(*questions: QueryFact) -> Session:
    empty: dict[str, None] = dict.fromkeys(Session.__struct_fields__)
    known: dict[str, object] = {
        "id": "s",
        "created": Created(date(2026, 1, 3), None),
        "facts": questions,
        "place": PLACE,
        "content": {},
    }
    return Session(**{**empty, **known})  # type: ignore[arg-type]


def provenance(**params: Value) -> Provenance:
    query = QUERIES["a/games.sql"]
    return Provenance("a/games.sql", query.sha256, params, "scripted", "job_1", LATER, 10)


def test_queries_are_run_in_one_call_in_their_order() -> None:
    warehouse = Scripted((ONE, GAMES))

    facts = gather(session(ONE_QUESTION, games()), QUERIES, warehouse, None, AS_OF)

    (asked,) = warehouse.asked
    assert [(each.fact, each.query.name) for each in asked] == [
        ("one", "a/one.sql"),
        ("games", "a/games.sql"),
    ]
    assert asked[1].params == {"day": date(2025, 10, 21), "as_of": MOMENT}
    assert facts.as_of == MOMENT
    assert list(facts.facts) == ["one", "games"]
    assert facts.facts["games"] == Fact(
        name="games",
        columns=GAMES.columns,
        rows=GAMES.rows,
        provenance=provenance(day=date(2025, 10, 21), as_of=MOMENT),
        failure=None,
        key="team",
    )


def test_failure_is_recorded_with_the_last_result() -> None:
    first = gather(session(games()), QUERIES, Scripted((GAMES,)), None, AS_OF)

    second = gather(session(games()), QUERIES, Scripted((FAILURE,)), first, LATER)

    assert second.as_of == LATER
    assert second.facts["games"] == replace(first.facts["games"], failure=FAILURE)


def test_next_result_removes_the_failure() -> None:
    failed = gather(session(games()), QUERIES, Scripted((FAILURE,)), None, AS_OF)

    answered = gather(session(games()), QUERIES, Scripted((GAMES,)), failed, AS_OF)

    assert failed.facts["games"] == Fact("games", (), (), None, FAILURE, "team")
    assert answered.facts["games"].failure is None
    assert answered.facts["games"].rows == GAMES.rows


def test_manually_edited_result_is_not_kept_with_a_failure() -> None:
    text = dump(gather(session(games()), QUERIES, Scripted((GAMES,)), None, AS_OF))
    edited = load(text.replace('"ATL", "a@b.c", 3', '"ATL", "a@b.c", 4').encode(), "f.json")

    kept = gather(session(games()), QUERIES, Scripted((FAILURE,)), edited, AS_OF)

    assert edited.facts["games"].edited
    assert kept.facts["games"] == Fact("games", (), (), None, FAILURE, "team")


def test_redacted_columns_are_never_recorded() -> None:
    open_ = gather(session(games()), QUERIES, Scripted((GAMES,)), None, AS_OF)
    redacting = session(games(redact=("email",)))

    answered = gather(redacting, QUERIES, Scripted((GAMES,)), None, AS_OF)
    failed = gather(redacting, QUERIES, Scripted((FAILURE,)), open_, AS_OF)

    for facts in (answered, failed):
        assert facts.facts["games"].rows == (("ATL", 3), ("BOS", None))
        assert "a@b.c" not in dump(facts)


def test_fact_no_longer_declared_is_dropped() -> None:
    first = gather(session(games(), ONE_QUESTION), QUERIES, Scripted((GAMES, ONE)), None, AS_OF)

    second = gather(session(ONE_QUESTION), QUERIES, Scripted((ONE,)), first, AS_OF)

    assert list(second.facts) == ["one"]


def test_nothing_is_run_where_anything_does_not_fit() -> None:
    warehouse = Scripted(())
    bad = games(redact=("e-mail", "team"), params={"day": "soon"})

    with pytest.raises(InvalidInput) as raised:
        gather(session(bad, ONE_QUESTION), QUERIES, warehouse, None, AS_OF)

    assert warehouse.asked == []
    assert [str(problem) for problem in raised.value.report.problems] == [
        "sessions/s.yaml:5:3: error: parameter 'day': expected DATE, such as 2026-01-03, "
        "found 'soon' (Q021)",
        "sessions/s.yaml:5:3: error: 'redact:' names 'e-mail', which 'a/games.sql' does not "
        "return, did you mean 'email'? (Q023)",
        "sessions/s.yaml:5:3: error: 'team' is the key and cannot be redacted (Q024)",
    ]


def test_session_without_queries_runs_nothing() -> None:
    assert gather(session(), QUERIES, Scripted(()), None, AS_OF) == Facts(MOMENT, {})
