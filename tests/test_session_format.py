"""The examples of docs/session-format.md: each is read, and prints what stands below it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from handoff.render.content import section
from handoff.render.printed_leaves import PrintedLeaves
from handoff.render.tidy import tidy
from handoff.session.decode import load
from handoff.session.model import Blank, Flag, PhasesBlock, TableBlock, Text

DOCUMENT = (Path(__file__).parent.parent / "docs" / "session-format.md").read_text("utf-8")
HEAD = "session: 1\ntitle: Phase 4\ncreated: 2026-01-03\n"
BLOCKS = re.findall(
    r"^```yaml\n(.*?)^```\n(?:\n(`{3,})markdown\n(.*?)^\2$)?",
    DOCUMENT,
    re.DOTALL | re.MULTILINE,
)


class Plain:
    """Writes leaves as they are."""

    printed = PrintedLeaves()

    def words(self, leaf: Text | Blank | Flag) -> str:
        if isinstance(leaf, Flag):
            return "✅" if leaf.value else "❌"
        return leaf.value if isinstance(leaf, Text) else leaf.text

    cell = words

    def table(self, table: TableBlock) -> Sequence[str]:
        raise NotImplementedError

    def phases(self, phases: PhasesBlock) -> Sequence[tuple[str, Sequence[tuple[str, str]]]]:
        raise NotImplementedError


@pytest.mark.parametrize(("yaml", "_", "expected"), BLOCKS)
def test_example(yaml: str, _: str, expected: str) -> None:
    source = yaml if re.search(r"^session:", yaml, re.MULTILINE) else HEAD + yaml

    session, warnings = load(source.encode(), "s", "s.yaml")

    assert warnings == ()
    if expected:
        assert session.metrics
        assert tidy(section(session.metrics, Plain(), 2)) == expected
