"""What `check` finds in any handoff, whether a session file describes it or not."""

from pathlib import Path

import pytest

from handoff.base.tree import Tree
from handoff.check import DocumentContext, handwritten_problems

FIXTURES = Path(__file__).parent / "fixtures" / "handwritten"
TREE = Tree(lambda _: True)


def rows(name: str) -> list[list[str]]:
    lines = (FIXTURES / name).read_text(encoding="utf-8").splitlines()
    return [line.split("\t") for line in lines if not line.startswith("#")]


@pytest.mark.parametrize("row", rows("sentences.tsv"), ids=lambda row: row[0])
def test_sentence(row: list[str]):
    words, *expected = row

    context = DocumentContext.of(words, "docs/2026-01-03-SESSION-1.md", TREE)

    found = handwritten_problems(context)
    assert [f"{each.code} {each.message}" for each in found] == expected
