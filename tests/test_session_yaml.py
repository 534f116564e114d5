"""Session files: what each key becomes, and every mistake in its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from handoff.problems import InvalidInput
from handoff.session_yaml import load, slug_of

FIXTURES = Path(__file__).parent / "fixtures" / "sessions"


@pytest.mark.parametrize("file", sorted(FIXTURES.glob("invalid/*.yaml")), ids=lambda p: p.stem)
def test_every_mistake_is_told_in_one_run(file: Path) -> None:
    expected = file.with_suffix(".txt").read_text("utf-8")

    with pytest.raises(InvalidInput) as caught:
        load(file.read_bytes(), "s", "s.yaml")

    assert f"{caught.value}\n" == expected


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("Phase 4: Deep Prep 🎯", "PHASE-4-DEEP-PREP"),
        ("Café déjà vu", "CAFE-DEJA-VU"),
        ("🎯", ""),
        ("word " * 40, "-".join(["WORD"] * 16)),
        ("x" * 300, "X" * 80),
        ("../../etc/passwd", "ETC-PASSWD"),
    ],
)
def test_slug_of_a_title_is_a_safe_name(title: str, slug: str) -> None:
    assert slug_of(title) == slug
