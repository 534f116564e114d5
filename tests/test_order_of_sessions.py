"""The order of sessions: chain, then time, then the natural order of the ids."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from handoff.session.order import Position, latest, natural, sorted_newest_first
from handoff.workspace.load import open_project
from handoff.workspace.paths import position

CASES = yaml.safe_load((Path(__file__).parent / "fixtures/order.yaml").read_text("utf-8"))
DAY = date(2026, 1, 3)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_sessions_are_in_order(case: dict[str, Any]) -> None:
    positions = [
        Position(
            id=name,
            **{"created": DAY, **of, "previous": tuple(of.get("previous", ()))},
        )
        for name, of in case["sessions"].items()
    ]

    newest = sorted_newest_first(positions)

    assert list(newest) == case["newest"]
    assert latest(positions) == case.get("latest", next(iter(newest), None))


IDS = st.sampled_from("abcdef")


@given(
    st.dictionaries(IDS, st.tuples(st.lists(IDS, max_size=3), st.none() | IDS, st.dates())),
    st.randoms(),
)
def test_order_does_not_depend_on_how_sessions_are_listed(links: Any, random: Any) -> None:
    positions = [
        Position(name, day, previous=tuple(previous), supersedes=superseded)
        for name, (previous, superseded, day) in links.items()
    ]
    shuffled = random.sample(positions, len(positions))

    newest = sorted_newest_first(positions)

    assert sorted(newest) == sorted(links)
    assert sorted_newest_first(shuffled) == newest


def test_natural_order() -> None:
    names = ["session-10", "session-9", "Session-1", "a2b10", "a2b9", "378", "378b"]

    assert sorted(names, key=natural) == [
        *("378", "378b", "a2b9", "a2b10", "Session-1", "session-9", "session-10"),
    ]


SPELLED = [
    "created: 2026-01-03\nprevious: a\nsupersedes: b\nended: 2026-01-03T11:00:00+02:00\n",
    "created: 2026-01-03   # Saturday\r\nprevious: a\r\nsupersedes: b\r\n"
    "ended: 2026-01-03T09:00Z\r\n",
    "created: '2026-01-03'\nprevious: [a]\nsupersedes: \"b\"\nended: 2026-01-03T09:00:00Z\n",
    "created:\n  2026-01-03\nprevious:\n  - a\nsupersedes: b\nended: 2026-01-03T09:00:00Z\n",
    "created: {date: 2026-01-03}\nprevious: a\nsupersedes: b\nended: 2026-01-03T09:00:00Z\n",
]


@pytest.mark.parametrize("spelled", ["OLD.md", "docs/OLD.md", '"[Old](docs/OLD.md)"'])
def test_superseded_document_has_no_position(spelled: str, tmp_path: Path) -> None:
    (tmp_path / "sessions").mkdir()
    source = f"session: 1\ntitle: T\ncreated: 2026-01-03\nsupersedes: {spelled}\n"
    (tmp_path / "sessions/x.yaml").write_text(source)
    (tmp_path / "handoff.yaml").touch()

    assert position(open_project(str(tmp_path)), "x") == Position("x", DAY)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_position_of_a_long_plan_without_an_id_is_found(end: str, tmp_path: Path) -> None:
    """A pattern that tries each line in several ways would not end."""
    (tmp_path / "sessions").mkdir()
    plan = f"        - item{end}  {end}{end}" * 200
    source = (
        f"session: 1{end}title: T{end}created: 2026-01-03{end}next:{end}{plan}status: x{end}"
    )
    (tmp_path / "sessions/x.yaml").write_bytes(source.encode())
    (tmp_path / "handoff.yaml").touch()

    assert position(open_project(str(tmp_path)), "x") == Position("x", DAY)


@pytest.mark.parametrize("lines", SPELLED)
def test_position_is_read_however_it_is_spelled(lines: str, tmp_path: Path) -> None:
    (tmp_path / "sessions").mkdir()
    source = f"session: 1\ntitle: T\n{lines}next:\n  session: 2\n  id: c\n"
    (tmp_path / "sessions/x.yaml").write_bytes(source.encode())
    (tmp_path / "handoff.yaml").touch()

    found = position(open_project(str(tmp_path)), "x")

    ended = datetime(2026, 1, 3, 9, tzinfo=UTC)
    assert found == Position("x", DAY, None, ended, ("a",), "b", "c")
