from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from handoff.base.problems import InvalidInput
from handoff.facts.recorded import (
    Column,
    Fact,
    Facts,
    Failure,
    Provenance,
    Value,
    dump,
    is_current,
    load,
    problems,
)
from handoff.sql.query import read
from handoff.sql.types import Type, value_of

PATH = "sessions/s.facts.json"
AS_OF = datetime(2026, 1, 3, 16, 20, tzinfo=UTC)
QUERY = read(b"-- params: d DATE\n-- returns: a STRING\nSELECT @d", "sql/q.sql", "q.sql")
PROVENANCE = Provenance(
    source="q.sql",
    sha256=QUERY.sha256,
    params={"as_of": AS_OF, "d": date(2021, 10, 19)},
    engine="duckdb",
    job_id="job_1",
    ran_at=AS_OF,
    bytes_billed=None,
)

ALL_TYPES: list[tuple[str, Value]] = [
    ("STRING", 'say "hi",\n| `x` é 🎯 </script>'),
    ("INT64", 2**63 - 1),
    ("INT64", -3),
    ("FLOAT64", 0.1),
    ("FLOAT64", math.inf),
    ("FLOAT64", -0.0),
    ("NUMERIC", Decimal("12345678901234567890123456789.123456789")),
    ("BIGNUMERIC", Decimal("0.00000000000000000000000000000000000001")),
    ("BOOL", False),
    ("DATE", date(2026, 1, 2)),
    ("DATETIME", datetime(2026, 1, 2, 3, 4, 5, 6)),
    ("TIME", time(3, 4, 5)),
    ("TIMESTAMP", datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC)),
    ("BYTES", b"\x00\xff"),
    ("JSON", '{"b": [1, 2.50], "a": null}'),
    ("ARRAY<STRUCT<d DATE, n NUMERIC>>", ({"d": date(2026, 1, 2), "n": Decimal("1.5")},)),
    ("STRUCT<a ARRAY<STRING>>", {"a": ("x", "y")}),
    ("DATE", None),
]


def fact(columns: tuple[Column, ...], *rows: tuple[Value, ...]) -> Fact:
    return Fact("games", columns, rows, PROVENANCE, None, key="a", contract="phases")


def facts(*each: Fact) -> Facts:
    return Facts(AS_OF, {fact.name: fact for fact in each})


def dates(*days: int) -> Facts:
    return facts(fact((Column("d", "DATE"),), *((date(2026, 1, day),) for day in days)))


@pytest.mark.parametrize(("type_", "value"), ALL_TYPES)
def test_each_type_comes_back_as_it_went(type_: str, value: Value) -> None:
    recorded = facts(fact((Column("a", type_),), (value,)))

    loaded = load(dump(recorded).encode(), PATH)

    assert loaded == recorded
    assert type(loaded.facts["games"].rows[0][0]) is type(value)
    assert dump(loaded) == dump(recorded)


def test_nan_comes_back_as_nan() -> None:
    text = dump(facts(fact((Column("a", "FLOAT64"),), (math.nan,))))

    loaded = load(text.encode(), PATH)

    assert math.isnan(float(str(loaded.facts["games"].rows[0][0])))
    assert dump(loaded) == text


_SCALARS: dict[str, st.SearchStrategy[Value]] = {
    "STRING": st.text(),
    "INT64": st.integers(-(2**63), 2**63 - 1),
    "FLOAT64": st.floats(allow_nan=False),
    "NUMERIC": st.decimals(allow_nan=False, allow_infinity=False, places=9)
    .filter(lambda number: number.adjusted() < 29)
    .map(lambda number: value_of(number, Type("NUMERIC"))),
    "BOOL": st.booleans(),
    "DATE": st.dates(),
    "DATETIME": st.datetimes(),
    "TIMESTAMP": st.datetimes(
        min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30), timezones=st.just(UTC)
    ),
    "BYTES": st.binary(),
}


@st.composite
def typed(draw: Callable[..., object]) -> tuple[str, object]:
    name = draw(st.sampled_from(sorted(_SCALARS)))
    scalar = st.none() | _SCALARS[str(name)]
    shape = draw(st.sampled_from(["{}", "ARRAY<{}>", "ARRAY<STRUCT<x {}>>"]))
    value = {
        "{}": scalar,
        "ARRAY<{}>": st.lists(scalar, max_size=3).map(tuple),
        "ARRAY<STRUCT<x {}>>": st.lists(st.fixed_dictionaries({"x": scalar})).map(tuple),
    }[str(shape)]
    return str(shape).format(name), draw(value)


@settings(max_examples=150, deadline=None)
@given(st.lists(typed(), min_size=1, max_size=4))
def test_dump_load_dump_is_dump(cells: list[tuple[str, Value]]) -> None:
    columns = tuple(Column(f"c{n}", type_) for n, (type_, _) in enumerate(cells))
    text = dump(facts(fact(columns, tuple(value for _, value in cells))))

    loaded = load(text.encode(), PATH)

    assert dump(loaded) == text
    assert not loaded.facts["games"].edited


def test_file_has_one_row_a_line_and_one_form() -> None:
    failed = replace(
        fact(()),
        name="late",
        failure=Failure("no such table", AS_OF),
        provenance=None,
        key=None,
    )
    rows = fact((Column("a", "STRING"), Column("n", "INT64")), ("x", 2**60), ("é", None))

    assert dump(facts(rows, failed)) == (
        """{
  "handoff_facts": 1,
  "as_of": "2026-01-03T16:20:00Z",
  "facts": {
    "games": {
      "key": "a",
      "contract": "phases",
      "columns": [
        {"name": "a", "type": "STRING"},
        {"name": "n", "type": "INT64"}
      ],
      "rows": [
        ["x", "1152921504606846976"],
        ["é", null]
      ],
      "provenance": {
        "source": "q.sql",
        "sha256": "SHA",
        "params": {"as_of": {"type": "TIMESTAMP", "value": "2026-01-03T16:20:00Z"}, "d": {"type": "DATE", "value": "2021-10-19"}},
        "engine": "duckdb",
        "job_id": "job_1",
        "ran_at": "2026-01-03T16:20:00Z",
        "bytes_billed": null
      },
      "failure": null,
      "digest": "sha256:DIGEST"
    },
    "late": {
      "key": null,
      "contract": "phases",
      "columns": [],
      "rows": [],
      "provenance": null,
      "failure": {
        "message": "no such table",
        "at": "2026-01-03T16:20:00Z"
      },
      "digest": "sha256:LATE"
    }
  }
}
""".replace("SHA", QUERY.sha256, 1)  # noqa: E501
        .replace("DIGEST", digests(facts(rows, failed))[0])
        .replace("LATE", digests(facts(rows, failed))[1])
    )


def digests(recorded: Facts) -> list[str]:
    lines = [line for line in dump(recorded).splitlines() if '"digest"' in line]
    return [line.split("sha256:")[1].rstrip('"') for line in lines]


def test_only_ran_at_differs_when_the_same_is_run_again() -> None:
    first = dates(1, 2)
    again = replace(PROVENANCE, ran_at=AS_OF + timedelta(hours=1))
    second = facts(replace(first.facts["games"], provenance=again))

    changed = set(dump(second).splitlines()) - set(dump(first).splitlines())

    assert changed == {'        "ran_at": "2026-01-03T17:20:00Z",'}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('["2026-01-02"]', '["2026-01-03"]'),
        ('        ["2026-01-01"],\n', ""),
        ('"value": "2021-10-19"', '"value": "2021-10-20"'),
        ('"as_of": "2026-01-03T16:20:00Z",', '"as_of": "2026-01-04T16:20:00Z",'),
        ('"sha256": "', '"sha256": "0'),
        ('"key": "a"', '"key": "b"'),
    ],
)
def test_number_edited_by_hand_shows(old: str, new: str) -> None:
    text = dump(dates(1, 2))
    assert old in text

    found = problems(text.replace(old, new, 1).encode(), PATH)

    assert [str(problem) for problem in found] == [
        f"{PATH}:5: error: fact 'games' was edited manually (its digest does not match), "
        "render the session again to record it (F004)"
    ]


@pytest.mark.parametrize(
    ("source", "told"),
    [
        (b"", "1:1: error: not JSON: expecting value"),
        (b'{"handoff_facts": 1,\n "facts": }', "2:11: error: not JSON: expecting value"),
        (b'{\n<<<<<<< ours\n"a": 1}', "2:1: error: a merge conflict"),
        (b"\xff", "1: error: not UTF-8"),
        (b"[" * 100_000, "error: nested too deeply"),
        (
            b'{"handoff_facts": 1, "as_of": "\\uD83D"}',
            "error: half of a surrogate pair, which is not text",
        ),
        (b'{"handoff_facts": 1, "handoff_facts": 1}', "error: duplicate key 'handoff_facts'"),
        (b'{"a": 1}', "error: not a facts file"),
        (b"[1]", "error: not a facts file"),
        (b'{"handoff_facts": 2}', "error: facts of version 2, expected 1"),
        (
            b'{"handoff_facts": 1, "as_of": null, "facts":\n {"x": {"columns": []}}}',
            "2: error: fact 'x' has an unknown format (object missing required field 'key')",
        ),
        (b'{"handoff_facts": 1, "facts": []}', "error: 'facts': expected a mapping"),
    ],
)
def test_file_that_cannot_be_read(source: bytes, told: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        load(source, PATH)

    (problem,) = raised.value.report.problems
    separator = ": " if told.startswith("error") else ":"
    assert str(problem).startswith(f"{PATH}{separator}{told}, render the session again")


def test_fact_is_current_by_sql_and_parameters() -> None:
    recorded = dates(1).facts["games"]
    params = dict(PROVENANCE.params)
    other = read(QUERY.text.replace("@d", "@d + 0").encode(), "sql/q.sql", "q.sql")

    assert is_current(recorded, QUERY.sha256, params)
    assert not is_current(recorded, other.sha256, params)
    assert not is_current(recorded, QUERY.sha256, {**params, "d": date(2022, 10, 19)})
    assert not is_current(recorded, QUERY.sha256, {"as_of": AS_OF})
    assert not is_current(replace(recorded, provenance=None), QUERY.sha256, params)
