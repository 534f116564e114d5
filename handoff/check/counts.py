"""Counts above lists, and facts that count the same thing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import combinations

from handoff.base.problems import Place
from handoff.check.rule import CheckContext, Finding, rule
from handoff.check.subjects import Subject, by_name, subjects
from handoff.session.model import (
    Bullets,
    Checklist,
    FilesBlock,
    Steps,
    TableBlock,
    Text,
    Valued,
)
from handoff.session.walk import every_entry

_NOUN = (
    r"(?:files|items|steps|tasks|commits|tests|issues|bugs|findings|decisions|changes|documents"
    r"|docs|queries|scripts|tables|phases|blockers|risks|actions|objectives|prerequisites|problems"
    r"|fixes|pull requests|options|modules|features|errors)"
)
_WORDS = [
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
]
_LIST_COUNT = re.compile(
    rf"(?i)^[^\w~≈≥≤<>]*(?:(?:top|all|the|these)\s+)?(?P<n>\d{{1,3}}|{'|'.join(_WORDS)})"
    rf"\s+(?:\w+\s)?{_NOUN}\b(?P<rest>[^.,(\d]*)$"
    rf"|\b{_NOUN}(?:\s\w+){{0,2}}"
    rf"(?::\s*(?P<last>\d{{1,3}})|\s*\((?P<m>\d{{1,3}})(?:\s{_NOUN})?\))\W*$"
)
_SELECTION = re.compile(r"(?i)\b(?:and|mainly|including|such as|most|important|of which)\b")


@rule("C007", "warning", "a count above a list or table with another number of entries")
def list_counts(context: CheckContext) -> Iterator[Finding]:
    """A count above a list or a table that has another number of entries.

    Fails: `Files changed (3)` over two files.
    """
    for entry in every_entry(context.session):
        if isinstance(entry.content, Valued):
            value, items = entry.content.value, entry.content.items
            if isinstance(value, Text):
                yield from _counted(context, value.value, value.place, items)
        else:
            yield from _counted(context, entry.label, entry.place, entry.content)


def _counted(
    context: CheckContext, words: str, place: Place, content: object
) -> Iterator[Finding]:
    match = _LIST_COUNT.search(words)
    size = _size(context, content)
    if match is None or size is None or "{{" in words:
        return
    if _SELECTION.search(match["rest"] or ""):
        return
    typed = match["n"] or match["m"] or match["last"]
    count = int(typed) if typed.isdigit() else _WORDS.index(typed.casefold()) + 1
    if count != size:
        message = f"'{words.strip()}' is above a list of {size}"
        yield place, message


def _size(context: CheckContext, content: object) -> int | None:
    """How many entries a list or a table has; `None` for anything else."""
    match content:
        case Bullets(items) | Steps(items):
            return len(items)
        case Checklist(items):
            return len(items)
        case TableBlock(fact) | FilesBlock(fact) if context.cells is not None:
            source = context.cells.sources().get(fact)
            if source is None or source.rows is None:
                return None
            changes = content.changes if isinstance(content, FilesBlock) else ()
            rows = [row for row in source.rows if not changes or row["change"].value in changes]
            return len(rows)
    return None


# --- facts against facts -----------------------------------------------------------------


@rule("C008", "warning", "two facts that count the same thing disagree")
def facts_disagree(context: CheckContext) -> Iterator[Finding]:
    """Two sources that count the same thing and do not agree, as a log and a table.

    Fails: a checkpoint that has 500 of 694 of a phase that a table calls complete.
    """
    places = {each.name: each.place for each in context.session.facts}
    seen: set[tuple[str, str]] = set()
    for name, rows in by_name(context.once(subjects)).items():
        for first, second in combinations(rows, 2):
            facts = [each.name.partition(".")[0] for each in (first, second)]
            if facts[0] == facts[1] or (first.name, second.name) in seen:
                continue
            seen.add((first.name, second.name))
            if _disagree(first, second):
                message = (
                    f"{first.name} and {second.name} disagree on '{name}': "
                    f"{first.shown} and {second.shown}"
                )
                yield places[facts[1]], message


def _disagree(first: Subject, second: Subject) -> bool:
    if first.progress is None or second.progress is None:
        return False
    is_same = first.progress[1] == second.progress[1]
    if first.unit and second.unit and first.unit != second.unit:
        return False
    if first.progress == second.progress:
        return False
    is_complete = [each.state == "complete" for each in (first, second)]
    return is_same or (is_complete[0] != is_complete[1] and first.unit == second.unit != "")
