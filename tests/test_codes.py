"""Every check code is listed in docs/checks.md, once, and everything listed exists."""

import re
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parent.parent
LISTED = re.findall(
    r"^\| ([A-Z]\d{3}) \|", (ROOT / "docs" / "checks.md").read_text("utf-8"), flags=re.MULTILINE
)


def codes(text: str) -> set[str]:
    return set(re.findall(r'"([A-Z]\d{3})"', text))


def test_every_code_of_the_rules_is_listed():
    sources = [path.read_text("utf-8") for path in (ROOT / "handoff" / "checks").glob("*.py")]

    assert set().union(*map(codes, sources)) <= set(LISTED)


def test_every_listed_code_exists_once():
    sources = [path.read_text("utf-8") for path in (ROOT / "handoff").rglob("*.py")]

    assert set(LISTED) <= set().union(*map(codes, sources))
    assert [code for code, n in Counter(LISTED).items() if n > 1] == []
