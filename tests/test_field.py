"""What `import` and `check` reach on handwritten documents of many shapes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml
from field import FIELD, Figure, figures, measure_folder

FLOORS = yaml.safe_load((FIELD / "floors.yaml").read_text("utf-8"))


SEEDS = {"documents": None, "variants": 1}
"""The documents as they are, and a variant of each."""


@pytest.fixture(scope="module")
def reached() -> Mapping[str, Mapping[str, Figure]]:
    return {kind: figures(measure_folder(FIELD, seed=seed)) for kind, seed in SEEDS.items()}


@pytest.mark.parametrize(
    ("kind", "name", "floor"),
    [(kind, *floor) for kind, floors in FLOORS.items() for floor in floors.items()],
)
def test_figure_is_not_below_its_floor(
    kind: str, name: str, floor: float, reached: Mapping[str, Mapping[str, Figure]]
) -> None:
    figure = reached[kind][name]

    assert 100 * figure.share >= floor, figure


def test_every_document_has_expectations() -> None:
    known = yaml.safe_load((FIELD / "expected.yaml").read_text("utf-8"))

    assert {*known} == {file.relative_to(FIELD).as_posix() for file in FIELD.rglob("*.md")}


def test_folder_without_expectations_is_measured(tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("# Notes\n\nNothing dated.\n\n[x](gone.md)\n")

    (document,) = measure_folder(tmp_path)

    assert [(each.code, each.place.line) for each in document.problems] == [("D007", 5)]
    assert {*figures([document])} == {
        "imported",
        "typed key",
        "bytes typed",
        "bytes typed, not as Markdown",
        "without lost words",
        "next, of lines that start so",
    }
