"""Blank lines and line ends are put in order, and nothing inside a fence is."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from handoff.render.tidy import tidy

CASES = yaml.safe_load(
    (Path(__file__).parent / "fixtures/tidy/cases.yaml").read_text(encoding="utf-8")
)
PIECES = ["\n", "\n\n", "  ", " ", "a", "- ", "1. ", "```", "~~~~", "    ", "---", "\t", "\r\n"]
MARKDOWN = st.lists(st.sampled_from(PIECES), max_size=30).map("".join)


@pytest.mark.parametrize("name", CASES)
def test_tidy(name: str) -> None:
    before, after = CASES[name]

    assert tidy(before) == after


@given(MARKDOWN)
def test_tidying_twice_changes_nothing_more(markdown: str) -> None:
    once = tidy(markdown)

    assert tidy(once) == once


@given(MARKDOWN)
def test_only_white_space_ever_changes(markdown: str) -> None:
    assert "".join(tidy(markdown).split()) == "".join(markdown.split())
