from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
import yaml

from handoff.publish.archive import Places, named, relinked, rooted

OUTPUT = "docs/09-handoff"
KEPT = f"{OUTPUT}/2026-01-09-SESSION-9-KEPT.md"
PLACES = Places(OUTPUT, date(2026, 2, 1), kept=frozenset([KEPT]))
CASES = yaml.safe_load((Path(__file__).parent / "fixtures/relinking.yaml").read_text("utf-8"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_links_lead_where_documents_stand(case: dict[str, str]) -> None:
    path = f"{OUTPUT}/{case['was']}"

    found = relinked(case["text"], path, PLACES)

    assert found == case["now"]
    assert relinked(case["text"], path, Places(OUTPUT)) == case["text"]


@pytest.mark.parametrize(
    ("path", "by", "expected"),
    [
        ("docs/09-handoff/2026-01-03-SESSION-1.md", "month", "2026-01/2026-01-03-SESSION-1.md"),
        ("docs/09-handoff/2026-01-03-SESSION-1.md", "year", "2026/2026-01-03-SESSION-1.md"),
        (
            "docs/09-handoff/2026/2026-01-03-SESSION-1.md",
            "month",
            "2026-01/2026-01-03-SESSION-1.md",
        ),
        ("docs/09-handoff/2026-02-01-SESSION-1.md", "month", "2026-02-01-SESSION-1.md"),
        ("docs/09-handoff/2026-01-33-SESSION-1.md", "month", "2026-01-33-SESSION-1.md"),
        ("docs/09-handoff/README.md", "month", "README.md"),
        (
            "docs/09-handoff/2025-01/2026-01-03-SESSION-1.md",
            "month",
            "2025-01/2026-01-03-SESSION-1.md",
        ),
    ],
)
def test_place_of_a_document(path: str, by: str, expected: str) -> None:
    places = Places(OUTPUT, date(2026, 2, 1), "year" if by == "year" else "month")

    assert places.of(path) == f"{OUTPUT}/{expected}"
    assert places.of(places.of(path)) == places.of(path)


def test_documents_that_a_text_names() -> None:
    text = "x 2026-01-03-SESSION-1-A.md, `2026-02-03-SESSION-2-B.md`, 2026-01-03-SESSION-1-A.md"

    assert named(text, PLACES) == {
        f"{OUTPUT}/2026-01-03-SESSION-1-A.md": f"{OUTPUT}/2026-01/2026-01-03-SESSION-1-A.md",
        f"{OUTPUT}/2026-02-03-SESSION-2-B.md": f"{OUTPUT}/2026-02-03-SESSION-2-B.md",
    }


def test_prompt_has_paths_from_the_root() -> None:
    text = "1. docs/09-handoff/2026-01-03-SESSION-1-A.md\n2. [x](2026-01-03-SESSION-1-A.md)"
    expected = text.replace("09-handoff/2026-01-03", "09-handoff/2026-01/2026-01-03")

    assert rooted(text, PLACES) == expected
