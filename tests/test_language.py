"""Messages, help texts, docstrings, comments and docs use the words of the field.

Each row of `WORDS` is a pattern that is not written, and what is written instead.
"""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

WORDS = {
    r"questions?": "query, queries",
    r"mend(s|ed|ing)?": "fix",
    r"mistakes?": "error, problem",
    r"(?:is|are|was|were|be|been) told|told (?:of|apart)": "reported",
    r"tells? (?:of|how|what|whether|which)": "shows",
    r"(?:by|a|of|the) hand|hand's|hands? (?:edited|wrote|changed)": "manually, a manual edit",
    r"beside": "next to, in addition to",
    r"beneath": "under",
    r"moments?": "timestamp, as-of time",
    r"stands? (?:at|there|beside|in|under|behind|after|before|once|too)": "is at",
    r"(?<!here )is no (?:id|value|text|number|file|folder|name|type|list|fact|key)": "is not a",
    r"(?<!here )is no (?:column|day|time|date|session|mapping|regular|valid)": "is not a",
    r"of several \w+ (?:which|that)": "which of the",
    r"all is well|0 well|is well": "success, no problems found",
    r"beginning will do": "prefixes are allowed",
    r"box(?:es)?": "checklist item",
    r"ticked|unticked": "checked, unchecked",
    r"put to (?:a|the) value": "applied to",
    r"gives? on|given on|giving on": "hand over, share",
    r"come(?:s)? along": "come with, included",
}
CONTRACT = {
    ("handoff/commands/query.py", "question"),
    ("handoff/commands/status.py", "boxes"),
    ("handoff/render/document.py", "boxes"),
    ("handoff/warehouse/bigquery/wire.py", "question"),
}
"""JSON keys, job labels and names of templates that users already read."""
EITHER = "|".join(f"(?:{each})" for each in WORDS)
PATTERN = re.compile(rf"(?<![\w`'-])(?:{EITHER})(?![\w`-])", re.IGNORECASE)
PAGES = [
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    ROOT / "action.yml",
    ROOT / ".pre-commit-hooks.yaml",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "sql").rglob("*.md")),
    *sorted((ROOT / "handoff").rglob("*.md")),
]
MODULES = sorted((ROOT / "handoff").rglob("*.py"))


def prose(text: str) -> Iterator[tuple[int, str]]:
    """The strings and comments of a module, with their lines; raw strings are patterns."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        is_pattern = re.match(r"r?[fb]?r?['\"]", token.string) and "r" in token.string[:2]
        if token.type in (tokenize.STRING, tokenize.COMMENT) and not is_pattern:
            for n, line in enumerate(token.string.splitlines()):
                yield token.start[0] + n, line


def without_code(text: str) -> Iterator[tuple[int, str]]:
    """The lines of a page outside fences, without code spans."""
    fenced = False
    for n, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif not fenced:
            yield n, re.sub(r"`[^`]*`", "", line)


def found(path: Path) -> list[str]:
    text = path.read_text("utf-8")
    lines = prose(text) if path.suffix == ".py" else without_code(text)
    name = path.relative_to(ROOT).as_posix()
    return [
        f"{name}:{n}: {match[0]!r} in {line.strip()!r}"
        for n, line in lines
        for match in PATTERN.finditer(line)
        if (name, match[0].lower()) not in CONTRACT
    ]


@pytest.mark.parametrize(
    "path", [*PAGES, *MODULES], ids=lambda path: path.relative_to(ROOT).as_posix()
)
def test_words_are_those_of_the_field(path: Path) -> None:
    assert found(path) == []
