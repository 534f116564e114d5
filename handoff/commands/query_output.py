"""An answer as a table for people, Markdown for documents, CSV or JSON for programs."""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
from collections.abc import Callable, Mapping

from handoff.base.report import printable
from handoff.facts.recorded import QueryResult, Value

_NUMBERS = ("INT64", "FLOAT64", "NUMERIC", "BIGNUMERIC")


def _table(answer: QueryResult) -> str:
    """Columns in line, numbers to the right; the count of rows last."""
    names = [column.name for column in answer.columns]
    rows = [names, *([printable(_words(value)) for value in row] for row in answer.rows)]
    widths = [max(map(_width, cells)) for cells in zip(*rows, strict=True)]
    right = [column.type in _NUMBERS for column in answer.columns]
    lines = ["  ".join(map(_padded, row, widths, right)).rstrip() for row in rows]
    count = len(answer.rows)
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join([*lines, f"({count} row{'' if count == 1 else 's'})"]) + "\n"


def as_markdown(answer: QueryResult) -> str:
    """A table of GitHub's Markdown."""
    ruler = ["--:" if column.type in _NUMBERS else "---" for column in answer.columns]
    rows = [[column.name for column in answer.columns], ruler]
    rows += [[_cell(_words(value)) for value in row] for row in answer.rows]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _csv(answer: QueryResult) -> str:
    """RFC 4180; NULL is an empty field."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(column.name for column in answer.columns)
    writer.writerows(["" if v is None else _words(v) for v in row] for row in answer.rows)
    return text.getvalue()


def as_json(answer: QueryResult) -> str:
    """A list of objects, one row a line; what JSON has no type for is text."""
    names = [column.name for column in answer.columns]
    rows = (dict(zip(names, map(_plain, row), strict=True)) for row in answer.rows)
    lines = ",\n".join(f"  {json.dumps(row, ensure_ascii=False)}" for row in rows)
    return f"[\n{lines}\n]\n" if lines else "[]\n"


FORMATS: Mapping[str, Callable[[QueryResult], str]] = {
    "table": _table,
    "json": as_json,
    "csv": _csv,
    "md": as_markdown,
}


def _words(value: Value) -> str:
    """The value in GoogleSQL's own spelling."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple | Mapping):
        return json.dumps(_plain(value), ensure_ascii=False)
    return str(value)


def _plain(value: Value) -> object:
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    is_finite = not isinstance(value, float) or value - value == 0
    return (
        value
        if value is None or (isinstance(value, bool | int | float) and is_finite)
        else str(value)
    )


def _cell(text: str) -> str:
    return re.sub(r"([\\`*_\[\]<|])", r"\\\1", printable(" ".join(text.split())))


def _width(text: str) -> int:
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    return len(text) + wide


def _padded(text: str, width: int, right: bool) -> str:
    space = " " * (width - _width(text))
    return space + text if right else text + space
