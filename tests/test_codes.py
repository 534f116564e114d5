"""Every check code is listed in docs/checks.md, once, and everything listed exists."""

import inspect
import json
import re
from collections import Counter
from pathlib import Path

import pytest
from commands import Handoff, caller

from handoff.check import RULES, code_docs, update_table

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


@pytest.fixture
def handoff(
    capfdbinary: pytest.CaptureFixture[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Handoff:
    monkeypatch.chdir(tmp_path)  # no project
    return caller(capfdbinary)


def test_every_code_is_explained():
    docs = code_docs()

    assert list(docs) == LISTED
    for each in RULES:
        found = docs[each.code]
        assert (found.levels, found.doc) == (each.levels, each.doc)
        assert found.details == (inspect.getdoc(each.find) or "")


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (
            "c011",
            "C011: warning: a date that the calendar does not have\n\n"
            "Nobody can look again on February 30.\n\n"
            "Dates in code, and those a text calls invalid, are left alone.\n\n"
            "Fails: `2026-02-30`\n",
        ),
        ("Y020", "Y020: error: an unknown key\n"),
    ],
)
def test_explain_prints_the_text_of_a_code(handoff: Handoff, code: str, expected: str):
    done = handoff("check", "--explain", code)

    assert (done.code, done.out, done.err) == (0, expected, "")


def test_explain_prints_json(handoff: Handoff):
    done = handoff("check", "--explain", "Y020", "--format", "json")

    assert json.loads(done.out) == {
        "code": "Y020",
        "levels": ["error"],
        "doc": "an unknown key",
        "details": None,
    }


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["Y02"], "unknown code 'Y02', did you mean 'Y024'?; docs/checks.md lists them"),
        (
            ["dates"],
            "unknown code 'dates', expected for example Y020; docs/checks.md lists them",
        ),
        (["Y020", "--format", "sarif"], "'--explain' prints text or json, not sarif"),
    ],
)
def test_explain_of_nothing_known(handoff: Handoff, words: list[str], message: str):
    done = handoff("check", "--explain", *words)

    assert (done.code, done.out, done.err) == (2, "", f"handoff: error: {message}\n")
