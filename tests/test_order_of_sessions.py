"""The order of sessions: chain, then time, then the natural order of the ids."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from handoff.session.order import Position, latest, natural, sorted_newest_first

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
