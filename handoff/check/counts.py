"""Counts above lists, and facts that count the same thing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations, takewhile
from typing import TYPE_CHECKING

from handoff.base.markdown import Table, line_of, read_table, split_blocks
from handoff.base.patterns import lazy_pattern
from handoff.base.problems import Place
from handoff.check.rule import AuthorContext, CheckContext, DocumentContext, Finding, rule
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

if TYPE_CHECKING:
    from markdown_it.token import Token

_WORDS = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve"),
)
_N = rf"\d{{1,3}}|{'|'.join(_WORDS[1:])}"
_PLURAL = r"(?!\w*(?:ss|us|is)\b)[A-Za-z][\w-]*s"
_LEADING = lazy_pattern(
    rf"(?i)^[^\w~≈≥≤<>+-]*(?:\d{{1,2}}[.)]\s+)?(?:(?:top|all|the|these|our)\s+)*(?P<n>{_N})\s+"
    rf"(?:[A-Za-z][\w-]*\s+)?{_PLURAL}\b(?P<rest>[^.,(\d]*)$"
)
_NOUNS = (
    r"(?:files|items|steps|tasks|commits|tests|issues|bugs|findings|decisions|changes|documents"
    r"|docs|queries|scripts|tables|phases|blockers|risks|actions|objectives|prerequisites"
    r"|problems|fixes|pull requests|options|modules|features|errors)"
)
_ENTRIES = lazy_pattern(rf"(?i)\b{_NOUNS}\b")
_TRAILING = lazy_pattern(
    rf"(?i)(?:(?P<plural>\b{_PLURAL})(?:\s\w+){{0,2}}|(?P<before>\b[A-Za-z][\w'-]*))"
    rf"(?:\s*:\s*(?P<last>\d{{1,3}})(?:\s+(?:in\s+)?total)?"
    rf"|\s*\((?P<m>\d{{1,3}})(?:\s(?:{_NOUNS}|total))?\))\W*$"
)
_ANNOUNCED = lazy_pattern(
    rf"(?i)\b(?:these|following|are|were|have|has|found|made|wrote|took|need|\w+ed)\s+(?P<n>{_N})"
    rf"\s+(?:[a-z][\w-]*\s+)?{_PLURAL}\b[^.,(\d]*$"
)
_NO_ENTRIES = lazy_pattern(
    r"(?i)\b(?:and|mainly|including|such as|most|important|of which|at least|more than|per"
    r"|each)\b"
)
_MEASURES = lazy_pattern(
    r"(?i)\b(?:day|hour|minute|min|second|week|month|year|time|point|percent|hr|sec)s?\b"
)
_ORDINALS = lazy_pattern(
    r"(?i)(?:phase|session|step|week|stage|sprint|part|option|level|tier|version|chapter|section"
    r"|priority|day|round|attempt|issue|pr|rev|no|build|batch|cycle|iteration|appendix)$"
)
_LIST_GOES_ON = lazy_pattern(r"(?i)\b(?:more|others|etc)\b|…|\.\.\.")


def _typed_count(words: str) -> int | None:
    """The number of entries that a heading, a label or a line above a list announces."""
    plain = re.sub(r"\*+|_{2}|`", "", words).strip()
    leading = _LEADING.search(plain) or (
        _ANNOUNCED.search(plain) if plain.endswith(":") else None
    )
    if leading and not (_NO_ENTRIES.search(plain) or _MEASURES.search(leading[0])):
        typed = leading["n"]
        return int(typed) if typed.isdigit() else _WORDS.index(typed.casefold())
    trailing = _TRAILING.search(plain)
    if trailing is None or _MEASURES.search(trailing[0]):
        return None
    if not trailing["plural"] and (trailing["last"] or _ORDINALS.match(trailing["before"])):
        return None
    return int(trailing["m"] or trailing["last"])


@rule("C007", "warning", "a count above a list or table with another number of entries")
def list_counts(context: AuthorContext) -> Iterator[Finding]:
    """A count above a list or a table that has another number of entries.

    In a handwritten document any number that the list may be meant to have is accepted: of its
    entries, of those in them, of the files they name, the sum of the numbers in them.

    Fails: `Files changed (3)` over two files.
    """
    if isinstance(context, DocumentContext):
        yield from _counts_of_document(context)
        return
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
    size = _size(context, content)
    is_read = size is not None and "{{" not in words and _ENTRIES.search(words)
    count = _typed_count(words) if is_read else None
    if count is not None and count != size:
        yield place, f"'{words.strip()}' is above a list of {size}"


def _counts_of_document(context: DocumentContext) -> Iterator[Finding]:
    for words, line, blocks in _announced(context.page.tokens):
        count = _typed_count(words)
        listed = [each for each in blocks if count is not None and each[0].type in _LISTS]
        if not listed or blocks.index(listed[0]) > 1:
            continue
        found = [_sizes(each) for each in listed]
        sizes, size = found[0]
        is_sure = len(found) == 1 or listed[0] is blocks[0]
        if is_sure and sizes and count not in {*sizes, sum(own for _, own in found)}:
            kind = "table" if listed[0][0].type == "table_open" else "list"
            message = f"'{' '.join(words.split())}' is above a {kind} of {size}"
            yield context.place(line), message


_LISTS = ("bullet_list_open", "ordered_list_open", "table_open")
Block = Sequence["Token"]


def _announced(tokens: Block) -> Iterator[tuple[str, int, list[Block]]]:
    """Each heading, and each line that may announce a list, with the blocks below it."""
    blocks = split_blocks(tokens)
    for n, block in enumerate(blocks):
        kind = block[0].type
        if kind == "heading_open":
            level = block[0].tag
            below = takewhile(
                lambda b: b[0].type not in ("heading_open", "hr"), blocks[n + 1 :]
            )
            following = blocks[n + 1 : n + 1 + (own := len(list(below))) + 1]
            is_whole = len(following) == own or following[-1][0].type == "hr"
            if is_whole or following[-1][0].tag <= level:  # without headings of its own
                yield block[1].content, line_of(block[0]), [*following[:own]]
        elif kind == "paragraph_open":
            line = block[1].content.rpartition("\n")[2]
            is_label = line.rstrip(" *_").endswith((":", ")")) or line.startswith("**")
            if is_label:
                near = [*takewhile(_is_listed, blocks[n + 1 :])]
                yield line, line_of(block[0]) + block[1].content.count("\n"), near
        elif block[0].nesting == 1:
            yield from _announced(block[1:-1])


def _is_in_chapter(block: Block) -> bool:
    return block[0].type not in ("heading_open", "hr")


def _is_listed(block: Block) -> bool:
    return block[0].type in (*_LISTS, "fence")


def _sizes(block: Block) -> tuple[set[int], int]:
    """The numbers that a list or a table may be said to have, and that of its entries."""
    return _rows(read_table(block)) if block[0].type == "table_open" else _entries(block)


def _rows(table: Table) -> tuple[set[int], int]:
    rows = [each.cells for each in table.rows]
    sums = {sum(_integers(column)) for column in zip(*rows, strict=False)}
    is_total = bool(rows) and re.match(r"(?i)\W*(?:total|sum|overall|all)\b", rows[-1][0])
    texts = [" ".join(row) for row in rows]
    if any(_LIST_GOES_ON.search(each) for each in texts):
        return set(), len(rows)
    spans = sum(each.count("`") // 2 for each in texts)
    return {len(rows), len(rows) - bool(is_total), spans, *sums}, len(rows)


def _entries(block: Block) -> tuple[set[int], int]:
    level = block[0].level + 1
    own = sum(each.type == "list_item_open" and each.level == level for each in block)
    every_item = sum(each.type == "list_item_open" for each in block)
    lines = [each.content for each in block if each.type == "inline"]
    if any(_LIST_GOES_ON.search(each) for each in lines):
        return set(), own
    parents = sum(each.type in _LISTS for each in block[1:])
    spans = sum(each.count("`") // 2 for each in lines)
    named = sum(1 + len(re.findall(r",\s|\s(?:and|&|\+)\s", each)) for each in lines)
    done = sum(bool(re.match(r"\[[xX]\]|✅", each)) for each in lines)
    sums = {sum(_integers(lines)), every_item - parents, every_item, spans, named, done}
    return {own, *sums}, own


def _integers(texts: Iterable[str]) -> Iterator[int]:
    """The first whole number of each text."""
    for each in texts:
        if match := re.search(r"(?<![\w.,/:-])\d{1,6}(?![\w/:-]|[.,]\d)", each):
            yield int(match[0])


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
