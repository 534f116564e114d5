"""Fences that are left open or nested, and labels: fixture files of cases."""

import re
from pathlib import Path

import pytest

from handoff.base.fences import find_fences
from handoff.base.markdown import headings, parse_repaired, read_label, tasks

FIXTURES = Path(__file__).parent / "fixtures" / "structure"


def cases() -> list[tuple[str, str]]:
    text = (FIXTURES / "fences.md").read_text(encoding="utf-8")
    parts = re.split(r"^===(.*)\n", text, flags=re.MULTILINE)[1:]
    return [(name.strip(), body) for name, body in zip(parts[::2], parts[1::2], strict=True)]


@pytest.mark.parametrize(("expected", "document"), cases())
def test_fences(expected: str, document: str):
    found = find_fences(document.splitlines())

    assert ", ".join(f"{each.first}-{each.last} {each.state}" for each in found) == expected


def test_what_follows_an_open_fence_is_read_with_its_own_lines():
    page = parse_repaired("# A\n```bash\nmake\n\n## Next\n- [ ] Deploy\n- [x] Call Ann\n")

    assert [(each.text, each.line) for each in headings(page)] == [("A", 1), ("Next", 5)]
    assert [(each.text, each.done, each.line) for each in tasks(page)] == [
        ("Deploy", False, 6),
        ("Call Ann", True, 7),
    ]


def test_what_follows_nested_fences_is_read():
    page = parse_repaired("```\nRun:\n```bash\nmake\n```\nreport.\n```\n\n## Next\n")

    assert [(each.text, each.line) for each in headings(page)] == [("Next", 9)]
    assert [each.content for each in page.of_type("fence")] == [
        "Run:\n```bash\nmake\n```\nreport.\n"
    ]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("**Status:** in progress", ("", "Status", "inside", "in progress")),
        ("**Status**: in progress", ("", "Status", "outside", "in progress")),
        ("***Status:*** in progress", ("", "Status", "inside", "in progress")),
        ("Status: in progress", ("", "Status", "plain", "in progress")),
        ("- Owner: Ann", ("- ", "Owner", "plain", "Ann")),
        ("- [ ] **Files (3):**", ("- [ ] ", "Files (3)", "inside", "")),
        ("> 🚀 **Next**: deploy", ("> 🚀 ", "Next", "outside", "deploy")),
        ("**Time:** 10:00:05  ", ("", "Time", "inside", "10:00:05")),
        ("**bold** words", None),
        ("https://example.org", None),
        ("a sentence: more", None),
        ("Run at 10:30", None),
    ],
)
def test_label(line: str, expected: tuple[str, ...] | None):
    found = read_label(line)

    assert (found and (found.lead, found.text, found.style, found.value)) == expected
