"""Percentages that mean something else than their text: ratios, and mixed denominators."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import pairwise

from handoff.base.problems import Place
from handoff.check.rule import CheckContext, Finding, rule
from handoff.session.model import (
    Entries,
    Session,
    TableBlock,
    Text,
    definition,
    place_in,
)
from handoff.session.walk import every, texts
from handoff.values.expressions import (
    Attribute,
    Comparison,
    Expression,
    ExpressionNode,
    Filtered,
    Literal,
    Logical,
    Name,
    parts,
)
from handoff.values.printing import RATIOS
from handoff.values.rows import FactView

_PERCENT_SIGN = re.compile(r"\s?(?:%|percent\b)", re.IGNORECASE)
_RATIO_ENDS = (*RATIOS, "_rate")


@rule("L024", "warning", "a ratio is printed as a percentage")
def ratio_as_percentage(context: CheckContext) -> Iterator[Finding]:
    """A ratio of 0.334 with a percent sign reads as a third of one percent.

    Judged by the recorded values of columns named `ratio`, `share`, `fraction`, `…_rate`: all
    between 0 and 1. What a contract derives is a percentage already.

    Fails:

        goal: "{{ v.ratio | percent }} of runs"     # 0.334
    """
    for text in texts(context.session):
        for column, expression in _percentages(text.value):
            if not column.name.casefold().removesuffix("_before").endswith(_RATIO_ENDS):
                continue
            fact = _fact(column)
            view = _view(context, fact)
            if view is not None and _is_ratio(column.name, view):
                message = (
                    f"'{fact}.{column.name}' is a ratio, not a percentage; "
                    "multiply it by 100 in SQL, and name it for example "
                    f"'{_as_percentage(column.name)}'"
                )
                yield place_in(text, expression.start), message


def _percentages(words: str) -> Iterator[tuple[Attribute, Expression]]:
    """The columns that a text prints with a percent sign."""
    if "{{" not in words:
        return
    read = parts(words)
    for part, after in zip(read, (*read[1:], None), strict=True):
        if not isinstance(part, Expression):
            continue
        node, names = part.node, set()
        while isinstance(node, Filtered):
            names.add(node.name)
            node = node.of
        is_signed = isinstance(after, Literal) and _PERCENT_SIGN.match(after.text)
        if isinstance(node, Attribute) and ("percent" in names or is_signed):
            yield node, part


def _is_ratio(column: str, view: FactView) -> bool:
    if column in view.derived:
        return False
    found = [row[column].value for row in view.rows or () if column in row]
    numbers = [
        Decimal(str(each))
        for each in found
        if isinstance(each, int | float | Decimal) and not isinstance(each, bool)
    ]
    return all(0 <= each <= 1 for each in numbers) and any(0 < each < 1 for each in numbers)


def _as_percentage(column: str) -> str:
    stem = re.sub(r"(?i)_?(?:ratio|share|fraction|rate)$", "", column)
    return f"{stem}_pct" if stem else "percent"


# --- the contract coverage -----------------------------------------------------------------

_SHARES: Mapping[str, tuple[str, str]] = {
    "percent": ("actual", "scheduled"),
    "complete_pct": ("actual", "expected"),
    "scheduled_pct": ("actual", "scheduled"),
    "expected_pct": ("actual", "expected"),
    "ceiling_pct": ("expected", "scheduled"),
}
"""What is divided by what."""
_COLUMNS = frozenset(_SHARES) | {"actual", "scheduled", "expected"}
_DIVIDES = re.compile(
    r"[\W_]*(?:/|÷|\b(?:out of|of|divided by)\b)[\W_]*(?:(?:the|all|its)\b)?[\W_]*",
    re.IGNORECASE,
)


@rule("L025", "warning", "a percentage next to counts with another denominator")
def mixed_denominators(context: CheckContext) -> Iterator[Finding]:
    """`percent` of a coverage is of what is scheduled, `complete_pct` of what is expected.

    A reader divides the two counts that are in front of the percentage. Reported for one text,
    the labels of one list and the columns of a table, unless they say of what the share is: by
    the word, the other count or the other share.

    Fails:

        goal: "{{ coverage.actual }} of {{ coverage.expected }} ({{ coverage.percent }}%)"
    """
    reported: set[Place] = set()
    for text in texts(context.session):
        for place, message in _of_text(text, context):
            reported.add(place)
            yield place, message
    alone = (("", [text]) for text in texts(context.session))
    for label, group in (*alone, *_groups(context.session)):
        words = " ".join((label, *(each.value for each in group)))
        for (fact, row), places in _printed(group).items():
            if reported.isdisjoint(places.values()) and _is_coverage(context, fact):
                for place, message in _of_columns(row, places, words):
                    reported.add(place)
                    yield place, message
    for table in every(context.session, TableBlock):
        if table.columns and _is_coverage(context, table.fact):
            chosen = {each.name: each.place for each in table.columns}
            words = " ".join(each.heading for each in table.columns)
            yield from _of_columns(table.fact, chosen, words)


def _of_text(text: Text, context: CheckContext) -> Iterator[tuple[Place, str]]:
    """A division, and a share that is not its quotient."""
    read = parts(text.value) if "{{" in text.value else ()
    cited = [
        (n, part, column)
        for n, part in enumerate(read)
        if isinstance(part, Expression) and (column := _column(part.node)) is not None
    ]
    for (n, _, first), (m, _, second) in pairwise(cited):
        row = _spelled(first.of)
        pair = first.name, second.name
        between = read[n + 1] if m == n + 2 else None
        if row != _spelled(second.of) or not _is_coverage(context, _fact(first)):
            continue
        if not isinstance(between, Literal) or not _DIVIDES.fullmatch(between.text):
            continue
        right = next((share for share, of in _SHARES.items() if of == pair), None)
        printed = {each.name for _, _, each in cited if _spelled(each.of) == row}
        wrong = [share for share in _SHARES if share in printed and share != right]
        if right is None or right in printed or not wrong:
            continue
        denominator = _SHARES[wrong[0]][1]
        is_named = denominator != pair[1] and denominator in _names(text.value)
        if is_named or printed.issuperset(_SHARES[wrong[0]]):
            continue
        part = next(p for _, p, each in cited if each.name == wrong[0])
        yield place_in(text, part.start), _message(row, wrong[0], pair, right)


def _of_columns(
    row: str, places: Mapping[str, Place], words: str
) -> Iterator[tuple[Place, str]]:
    """A share together with the two counts of another one, and without its own."""
    pairs = (
        *(("percent", "complete_pct"), ("complete_pct", "percent")),
        *(("scheduled_pct", "expected_pct"), ("expected_pct", "scheduled_pct")),
    )
    for wrong, right in pairs:
        numerator, denominator = _SHARES[right]
        other = _SHARES[wrong][1]
        is_mixed = {numerator, denominator, wrong} <= places.keys()
        is_clear = other in places or right in places or other in _names(words)
        if is_mixed and not is_clear:
            yield places[wrong], _message(row, wrong, (numerator, denominator), right)


def _message(row: str, wrong: str, pair: tuple[str, str], right: str) -> str:
    part, whole = _SHARES[wrong]
    return (
        f"'{row}.{wrong}' is {part} of {whole}, next to {pair[0]} and {pair[1]}; "
        f"cite '{row}.{right}', or write that it is of what is {whole}"
    )


def _names(words: str) -> set[str]:
    """The denominators that the author's own words name."""
    own = " ".join(part.text for part in parts(words) if isinstance(part, Literal))
    return {each for each in ("scheduled", "expected") if each in own.casefold()}


def _groups(session: Session) -> Iterator[tuple[str, Sequence[Text]]]:
    """The texts of entries that are printed one below the other, and their labels."""
    lists = [each.entries for each in every(session, Entries)]
    own = (session.header, session.summary, session.closing or ())
    lists += [each for each in own if isinstance(each, tuple)]
    for entries in lists:
        labels = " ".join(each.label for each in entries)
        yield labels, [e.content for e in entries if isinstance(e.content, Text)]


def _printed(group: Sequence[Text]) -> Mapping[tuple[str, str], Mapping[str, Place]]:
    """By fact and row the columns that the texts print, each with its first place."""
    found: dict[tuple[str, str], dict[str, Place]] = defaultdict(dict)
    for text in group:
        for part in parts(text.value) if "{{" in text.value else ():
            column = _column(part.node) if isinstance(part, Expression) else None
            if column is not None and isinstance(part, Expression):
                row = found[_fact(column), _spelled(column.of)]
                row.setdefault(column.name, place_in(text, part.start))
    return found


# --- expressions -----------------------------------------------------------------------------


def _column(node: ExpressionNode) -> Attribute | None:
    """The column of a coverage that an expression prints; comparisons print none."""
    while isinstance(node, Filtered):
        node = node.of
    is_column = isinstance(node, Attribute) and node.name in _COLUMNS
    return node if is_column and isinstance(node, Attribute) else None


def _fact(node: ExpressionNode) -> str:
    while isinstance(node, Attribute | Filtered):
        node = node.of
    return node.name if isinstance(node, Name) else ""


def _spelled(node: ExpressionNode) -> str:
    """`coverage.cache`, as messages name a row."""
    match node:
        case Name(name):
            return name
        case Attribute(of, name):
            return f"{_spelled(of)}.{name}"
        case Filtered(of, name):
            return f"({_spelled(of)} | {name})"
        case Comparison() | Logical():
            return ""
    return ""


def _view(context: CheckContext, fact: str) -> FactView | None:
    declared = next((each for each in context.session.facts if each.name == fact), None)
    return context.cells.source(declared) if context.cells and declared else None


def _is_coverage(context: CheckContext, fact: str) -> bool:
    declared = next((each for each in context.session.facts if each.name == fact), None)
    query = definition(declared, context.queries) if declared else None
    return query is not None and query.contract == "coverage"
