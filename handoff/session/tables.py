"""Handwritten tables, their columns with a type each, and decisions with their options."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from msgspec import Struct

from handoff.base.blanks import DEFAULT
from handoff.base.problems import nearest
from handoff.base.secrets import truncate
from handoff.session.model import (
    ALIGNMENTS,
    STATUSES,
    TOTALS,
    Blank,
    Decision,
    Flag,
    Option,
    RowsBlock,
    RowsColumn,
    Text,
)
from handoff.session.shapes import (
    ITEM_SCHEMA,
    LINE_TEXT,
    JsonSchema,
    Key,
    Shape,
    list_schema,
    one_of,
    properties,
    read_keys,
)
from handoff.session.text import WORDS, TextReader
from handoff.yaml.decode import Decoder, describe
from handoff.yaml.nodes import List, Map, Node, Pair, is_null

Cell = Text | Blank | Flag
ReadCell = Callable[[Node], object]
"""Reads a cell as the content of a label."""


class CellType(Struct, frozen=True):
    """What the cells of a column hold."""

    expected: str
    """For messages and the docs."""
    accepts: Callable[[str], object]
    is_number: bool = False


def _is_day(text: str) -> bool:
    try:
        return bool(date.fromisoformat(text)) and len(text) == 10
    except ValueError:
        return False


def _matches(pattern: str) -> Callable[[str], object]:
    return lambda text: re.fullmatch(pattern, text)


_NUMBER = r"[-+]?(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?"
CELL_TYPES: Mapping[str, CellType] = {
    "text": CellType("text", lambda _: True),
    "number": CellType("a number such as 1,537 or 0.5", _matches(_NUMBER), is_number=True),
    "percent": CellType(
        "a percentage such as 99.3", _matches(rf"{_NUMBER} ?%?"), is_number=True
    ),
    "date": CellType("a date such as 2026-01-03", _is_day),
    "status": CellType(f"one of {', '.join(STATUSES)}", lambda text: text.lower() in STATUSES),
    "flag": CellType("true or false", lambda _: False),
    "path": CellType(
        "a path inside the repository",
        _matches(r"(?!/|~|\.\.?/|.*/\.\./)[^\s`|]+(?: [^\s`|]+)*"),
    ),
    "commit": CellType("the hash of a commit, 7 to 40 digits", _matches("[0-9a-f]{7,40}")),
    "code": CellType("text", lambda _: True),
}

_COLUMN_KEYS = (
    Key("type", one_of(CELL_TYPES), "What its cells hold (default: text)."),
    Key("align", one_of(ALIGNMENTS), "By default right for numbers, else left."),
    Key("total", one_of(TOTALS), "A last row with the sum, or the number of cells."),
    Key("heading", LINE_TEXT, "In place of its name."),
)
_TYPE: JsonSchema = {"enum": [*CELL_TYPES, None]}
_CELL: JsonSchema = {"type": ["string", "number", "boolean", "null", "array"]}


def is_table(node: Map) -> bool:
    """Whether a mapping is a table: `rows` is a list, and there are `columns`.

    Also one without them, by the cells in its rows, or by a key that is spelled alike.
    """
    given = {pair.key: pair.node for pair in node.pairs}
    rows = given.get("rows")
    if not isinstance(rows, List):
        return False
    if isinstance(given.get("columns"), List | Map):
        return True
    has_cells = any(isinstance(each, List) and len(each.nodes) > 1 for each in rows.nodes)
    has_rows = any(isinstance(each, List | Map) for each in rows.nodes)
    return has_cells or (has_rows and any(re.match(_ALIKE, key) for key in given))


_ALIKE = "[Cc]ol"
"""How a misspelled `columns` begins."""


def _columns(reader: Decoder, node: Node | None) -> tuple[RowsColumn, ...]:
    """A list of names, or `name: type`, or `name: {type: , align: , total: }`."""
    if isinstance(node, List):
        names = [(each, reader.text(each, "the name of a column")) for each in node.nodes]
        return tuple(RowsColumn(name, name, "text", each.place) for each, name in names if name)
    return tuple(_column(reader, pair) for pair in reader.pairs(node))


def _column(reader: Decoder, pair: Pair) -> RowsColumn:
    values: dict[str, str | None] = {}
    if isinstance(pair.node, Map):
        values = read_keys(reader, pair.node, _COLUMN_KEYS, f"column '{pair.key}'")
    else:
        values["type"] = reader.choice(pair.node, tuple(CELL_TYPES))
    kind = values.get("type") or "text"
    total = values.get("total")
    if total == "sum" and not CELL_TYPES[kind].is_number:
        message = f"column '{pair.key}': only numbers have a sum, found type '{kind}'"
        reader.report("Y023", message, pair.node)
    align = values.get("align") or ("right" if CELL_TYPES[kind].is_number else None)
    return RowsColumn(
        pair.key, values.get("heading") or pair.key, kind, pair.place, align, total
    )


def read_table(reader: Decoder, node: Map, read_cell: ReadCell) -> RowsBlock:
    """The table in a mapping that `is_table`; every cell that its column does not take is an
    error.
    """
    values = reader.fields(node, ("rows", "columns"), what="a table")
    given = values.get("columns")
    if given is None or is_null(given):
        if len(values) == len(node.pairs):  # else another key is reported
            message = "a table needs 'columns:', the names of its columns"
            reader.report("Y021", message, given or node)
        return RowsBlock((), (), node.place)
    columns, rows = _columns(reader, given), values["rows"]
    assert isinstance(rows, List)  # as `is_table` found
    found = [_row(reader, each, columns, read_cell) for each in rows.nodes]
    return RowsBlock(columns, tuple(row for row in found if row), node.place)


def _row(
    reader: Decoder, node: Node, columns: Sequence[RowsColumn], read_cell: ReadCell
) -> tuple[Cell, ...]:
    names = [column.name for column in columns]
    if isinstance(node, Map):
        given = reader.fields(node, names, what="a row")
        cells: list[Node | None] = [given.get(name) for name in names]
    elif isinstance(node, List):
        cells = [*node.nodes]
        if len(cells) != len(names):
            message = f"a row of {len(cells)} cells, expected {len(names)}: {', '.join(names)}"
            reader.report("Y023", message, node)
            return ()
    else:
        message = f"expected a row, [cell, …] or {{column: cell}}, found {describe(node)}"
        reader.report("Y022", message, node)
        return ()
    pairs = zip(columns, cells, strict=True)
    return tuple(_cell(reader, column, cell, node, read_cell) for column, cell in pairs)


def _cell(
    reader: Decoder, column: RowsColumn, node: Node | None, row: Node, read_cell: ReadCell
) -> Cell:
    if node is None or is_null(node):
        return Blank(DEFAULT, (node or row).place)
    kind = CELL_TYPES[column.type]
    found = read_cell(node)
    if isinstance(found, Blank) or (isinstance(found, Flag) and column.type == "flag"):
        return found
    what, guess = describe(node), ""
    if isinstance(found, Text):
        text = found.value
        if "{{" in text or not text or kind.accepts(text):
            return found
        what = f"'{truncate(text, 40)}'"
        guess = nearest(text, STATUSES) if column.type == "status" else ""
    message = f"column '{column.name}': expected {kind.expected}, found {what}{guess}"
    reader.report("Y022", message, node)
    return Blank(DEFAULT, node.place)


# --- schema --------------------------------------------------------------------------------

TABLE_SCHEMA: JsonSchema = {
    "if": {"maxProperties": 1},
    "then": {"required": ["columns"]},
    "properties": {
        "rows": {
            "description": "The rows: lists of cells, or column: cell.",
            "items": {
                "type": ["array", "object"],
                "items": _CELL,
                "additionalProperties": _CELL,
            },
        },
        "columns": {
            "type": ["array", "object"],
            "description": "The columns: names; or name: type or {type: , align: , total: }.",
            "items": {"type": ["string", "number"]},
            "additionalProperties": {
                "if": {"type": "object"},
                "then": properties(_COLUMN_KEYS),
                "else": _TYPE,
            },
        },
    },
    "additionalProperties": False,
}
_HAS_CELLS: JsonSchema = {"contains": {"type": "array", "minItems": 2}}
_HAS_ROWS: JsonSchema = {"contains": {"type": ["array", "object"]}}
IS_TABLE: JsonSchema = {
    "required": ["rows"],
    "properties": {"rows": {"type": "array"}},
    "anyOf": [
        {"required": ["columns"], "properties": {"columns": {"type": ["array", "object"]}}},
        {"properties": {"rows": _HAS_CELLS}},
        {
            "properties": {"rows": _HAS_ROWS},
            "not": {"propertyNames": {"not": {"pattern": f"^{_ALIKE}"}}},
        },
    ],
}


def type_rows() -> Iterator[tuple[str, ...]]:
    """The types of columns, for the docs."""
    yield ("type", "takes")
    yield from ((f"`{name}`", kind.expected) for name, kind in CELL_TYPES.items())


# --- decisions -----------------------------------------------------------------------------


def read_decision(reader: TextReader, node: Map) -> Decision:
    """The decision in a mapping with `options`; its choice must be one of them."""
    values = read_keys(reader, node, DECISION_KEYS, "a decision")
    what = values["text"] or Blank(DEFAULT, node.place)
    found = Decision(what, values["options"], values["chosen"], values["why"], node.place)
    chosen = found.chosen
    if isinstance(chosen, Text) and not any(map(found.is_chosen, found.options)):
        texts = [each.text.value for each in found.options if isinstance(each.text, Text)]
        guess = nearest(chosen.value, texts) or f", expected one of {', '.join(texts)}"
        message = f"'{truncate(chosen.value, 40)}' is not among the options{guess}"
        reader.report("Y023", message, chosen.place)
    return found


def _options(reader: TextReader, node: Node | None) -> tuple[Option, ...]:
    found: dict[str, Option] = {}
    for each in reader.nodes(node, "a list of text or {text: , why: }"):
        option = _option(reader, each)
        words = option.text.value if isinstance(option.text, Text) else ""
        if words and words in found:
            reader.report("Y023", f"option '{truncate(words, 40)}' is there twice", each)
        found[words or f" {len(found)}"] = option
    return tuple(found.values())


def _option(reader: TextReader, node: Node) -> Option:
    values: dict[str, Any] = {"text": None, "why": None}
    if isinstance(node, Map):
        values = read_keys(reader, node, OPTION_KEYS, "an option")
    else:
        values["text"] = reader.words(node, item=True)
    return Option(values["text"] or Blank(DEFAULT, node.place), values["why"], node.place)


OPTION_KEYS = (
    Key("text", WORDS, "The option.", required=True),
    Key("why", WORDS, "What speaks for or against it."),
)
_OPTIONS = Shape(
    "a list of text or `{text: , why: }`",
    _options,
    list_schema(
        {
            **ITEM_SCHEMA,
            **properties(OPTION_KEYS),
            "type": ["string", "number", "null", "array", "object"],
        }
    ),
)
DECISION_KEYS = (
    Key("text", WORDS, "The statement."),
    Key("options", _OPTIONS, "What could be decided."),
    Key("chosen", WORDS, "The option that was decided on; without it the decision is open."),
    Key("why", WORDS, "The reason."),
)
