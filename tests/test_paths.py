"""A place in a session, found by the words a person would use."""

from __future__ import annotations

import pytest

from handoff.yaml.nodes import Node, parse_yaml
from handoff.yaml.paths import NotFound, PathIndex, resolve_path, split_new_path, walk


def tree(text: str) -> Node:
    root = parse_yaml(text.encode(), "x.yaml").root
    assert root is not None
    return root


SESSION = tree(
    """
checklist:
  Date generation SQL created: false
  Date range agreed: false
accomplished:
  Bootstrap Logic:
    What we learned: {value: , items: [Why day 14+ only?, Edge cases]}
  Date Generation SQL:
    Created:
    Version 1.5 notes: x
decisions:
  - Keep: the sample
  - plain words
"""
)

FOUND = [
    (
        "accomplished.Date Generation SQL.Created",
        ("accomplished", "Date Generation SQL", "Created"),
    ),
    (
        "Accomplished.date generation sql.created",
        ("accomplished", "Date Generation SQL", "Created"),
    ),
    ("acc.Date.Cre", ("accomplished", "Date Generation SQL", "Created")),
    (
        "acc.Date*.Version 1.5 notes",
        ("accomplished", "Date Generation SQL", "Version 1.5 notes"),
    ),
    ("checklist.Date generation*", ("checklist", "Date generation SQL created")),
    ("acc.Boot.What.1", ("accomplished", "Bootstrap Logic", "What we learned", "items", 1)),
    ("acc.Boot.What.Edge", ("accomplished", "Bootstrap Logic", "What we learned", "items", 1)),
    ("decisions.keep", ("decisions", 0)),
    ("decisions.plain", ("decisions", 1)),
]


@pytest.mark.parametrize(("path", "keys"), FOUND)
def test_path_names_a_place(path: str, keys: tuple[str | int, ...]) -> None:
    assert resolve_path(SESSION, path) == keys


def test_ambiguous_path_lists_the_candidates() -> None:
    with pytest.raises(NotFound) as error:
        resolve_path(SESSION, "checklist.date")

    assert str(error.value) == (
        "'checklist.date' is ambiguous; use more of one of these paths:\n"
        "  checklist.Date generation SQL created\n"
        "  checklist.Date range agreed"
    )


def test_unknown_path_names_the_nearest() -> None:
    with pytest.raises(NotFound, match=r"no field 'decision.5'"):
        resolve_path(SESSION, "decision.5")
    with pytest.raises(NotFound, match=r"did you mean 'decisions.1'\?"):
        resolve_path(SESSION, "decisionx.1")


AWKWARD = tree(
    """
a:
  b.c: dotted
  b: {c: nested, "x\\\\.y": slash}
"b*": {q: 1}
list: ["1", other, "0", {only: 1}, {only: 2}]
nested: {value: {value: 1}, items: [items, value]}
"""
)


@pytest.mark.parametrize("keys", tuple(keys for keys, _ in walk(AWKWARD)), ids=str)
def test_every_place_has_a_path_of_its_own(keys: tuple[str | int, ...]) -> None:
    assert resolve_path(AWKWARD, PathIndex(AWKWARD).exact_path(keys)) == keys


def test_a_dot_in_a_number_is_part_of_a_label_that_is_new() -> None:
    assert split_new_path("metrics.Version 1.5.Time") == ["metrics", "Version 1.5", "Time"]
    assert split_new_path(r"files.a\.py") == ["files", "a.py"]
