"""Every check code is listed in docs/checks.md, once, and everything listed exists."""

import re
from collections import Counter
from pathlib import Path

from handoff.check import RULES, update_table

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "checks.md").read_text("utf-8")
LISTED = re.findall(r"^\| ([A-Z]\d{3}) \|", PAGE, flags=re.MULTILINE)


def codes(text: str) -> set[str]:
    return set(re.findall(r'"([A-Z]\d{3})"', text))


def test_rows_of_the_rules_are_generated_from_them():
    """To update them: `make docs`."""
    assert update_table(PAGE) == PAGE
    assert {each.code for each in RULES} <= set(LISTED)


def test_every_code_is_listed_and_every_listed_code_exists_once():
    sources = [path.read_text("utf-8") for path in (ROOT / "handoff").rglob("*.py")]

    assert set().union(*map(codes, (s for s in sources if "handoff.check" in s))) <= set(LISTED)
    assert set(LISTED) <= set().union(*map(codes, sources))
    assert [code for code, n in Counter(LISTED).items() if n > 1] == []
    assert [code for code, n in Counter(each.code for each in RULES).items() if n > 1] == []
