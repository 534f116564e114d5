"""The structure of rendered documents: a fixture file of cases, and each rule's own example."""

import inspect
import re
from pathlib import Path

import pytest

from handoff.base.markdown import headings, parse_markdown, slug
from handoff.base.problems import Place, Problem
from handoff.base.tree import Tree
from handoff.check import DOCUMENT_RULES, document_problems
from handoff.check.rule import DocumentContext, Rule

FIXTURES = Path(__file__).parent / "fixtures" / "structure"
FILES = {"docs/h/there.md", "docs/h/with space.md", "docs/index.md", "README.md"}
TREE = Tree(FILES.__contains__, lambda: FILES)
PATH = "docs/h/a.md"


def cases() -> list[tuple[str, str]]:
    text = (FIXTURES / "cases.md").read_text(encoding="utf-8")
    parts = re.split(r"^===(.*)\n", text, flags=re.MULTILINE)[1:]
    return [(name.strip(), body) for name, body in zip(parts[::2], parts[1::2], strict=True)]


@pytest.mark.parametrize(("expected", "document"), cases())
def test_case(expected: str, document: str):
    found = document_problems(document, PATH, TREE)

    assert [f"{p.place.line} {p.level} {p.code}" for p in found] == [expected][: bool(expected)]


@pytest.mark.parametrize("rule", DOCUMENT_RULES, ids=lambda rule: rule.code)
def test_every_rule_finds_its_own_example(rule: Rule):
    _, _, example = inspect.getdoc(rule.find).partition("Fails:\n\n")

    context = DocumentContext.of(inspect.cleandoc(example), PATH, TREE)
    assert list(rule.problems(context))


def test_a_moved_file_is_named():
    assert document_problems("[x](old/there.md)", PATH, TREE) == (
        Problem(
            "D007",
            "link 'old/there.md' points to no file, did you mean 'docs/h/there.md'?",
            Place(PATH, 1),
            "warning",
        ),
    )


@pytest.mark.parametrize(
    ("heading", "anchor"),
    [
        ("Key findings", "key-findings"),
        ("📊 CURRENT STATUS", "-current-status"),
        ("➡️ NEXT", "\ufe0f-next"),
        ("1. Logic: `as_of` & more", "1-logic-as_of--more"),
        ("Saison 2026, été", "saison-2026-été"),
    ],
)
def test_slug_is_githubs(heading: str, anchor: str):
    assert slug(heading) == anchor


def test_repeated_headings_get_numbered_anchors():
    parsed = parse_markdown("# A\n# A\n# A 1\n# A\n", PATH)

    assert [h.anchor for h in headings(parsed)] == ["a", "a-1", "a-1-1", "a-2"]
