"""`{rows:, columns:}` as a Markdown table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation

from handoff.base.blanks import DEFAULT, blanks
from handoff.session.model import STATUSES, Blank, Flag, RowsBlock, RowsColumn, Text
from handoff.values.printing import NONE, code_span, grouped, verbatim

Cell = Text | Blank | Flag
_RULERS = {"left": ":--", "right": "--:", "center": ":-:", None: "---"}
_CODE = ("path", "commit", "code")


def rows_table(content: RowsBlock, words: Callable[[Cell], str]) -> list[str]:
    """The lines of the table; `words` prints a cell, its values filled in."""
    if not content.columns or not content.rows:
        return [NONE]
    lines = [
        _line([verbatim(column.heading, "cell") for column in content.columns]),
        _line([_RULERS[column.align] for column in content.columns]),
    ]
    printed = [[words(cell) for cell in row] for row in content.rows]
    for row, texts in zip(content.rows, printed, strict=True):
        cells = zip(content.columns, row, texts, strict=True)
        lines.append(_line([_shown(column, cell, text) for column, cell, text in cells]))
    if any(column.total for column in content.columns):
        by_column = zip(content.columns, zip(*printed, strict=True), strict=True)
        totals = [_total(column, texts) for column, texts in by_column]
        lines.append(_line([totals[0] or "**Total**", *totals[1:]]))
    return lines


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _shown(column: RowsColumn, cell: Cell, text: str) -> str:
    """A cell as its column prints it."""
    if not isinstance(cell, Text) or not text or blanks(text):
        return text
    if column.type == "status" and text.lower() in STATUSES:
        return f"{STATUSES[text.lower()]} {text}"
    if column.type == "percent" and not text.endswith("%"):
        return f"{text}%"
    is_code = column.type in _CODE and "`" not in text and "{{" not in cell.value
    return code_span(text) if is_code else text


def _total(column: RowsColumn, texts: Sequence[str]) -> str:
    """The sum of the cells, or how many are not empty; a blank if one of them is blank."""
    if column.total is None:
        return ""
    given = [text for text in texts if text]
    if any(map(blanks, given)):
        return DEFAULT
    if column.total == "count":
        return f"**{len(given)}**"
    try:
        numbers = [Decimal(text.rstrip(" %").replace(",", "")) for text in given]
    except InvalidOperation:
        return DEFAULT
    percent = "%" * (column.type == "percent")
    return f"**{grouped(sum(numbers, Decimal()))}{percent}**"
