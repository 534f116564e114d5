"""What BigQuery sends back, as columns and values that are exactly what it holds.

Read from the raw pages and not from the client's rows, which parse JSON into Python, cut
INTERVALs and cannot tell JSON's null from SQL's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from handoff.facts.recorded import MAX_ROWS, Column
from handoff.sql.types import BadValue, Field, Type, Value, type_of, value_of
from handoff.warehouse.result import MAX_BYTES, ResultTooLarge, too_many_rows

Schema = Sequence[Mapping[str, object]]
"""`schema.fields`: https://cloud.google.com/bigquery/docs/reference/rest/v2/tables#TableSchema"""


def columns(schema: Schema) -> tuple[Column, ...]:
    """The columns of an answer, their types as GoogleSQL spells them."""
    return tuple(Column(str(each["name"]), _spelled(each)) for each in schema)


def rows(
    pages: Iterable[Mapping[str, object]], found: Sequence[Column]
) -> tuple[tuple[Value, ...], ...]:
    """The rows of `pages`, read only as far as they may be recorded. Raises ResultTooLarge."""
    types = [type_of(each.type) for each in found]
    kept: list[tuple[Value, ...]] = []
    n_bytes = 0
    for row in _raw_rows(pages):
        cells = _cells(row)
        n_bytes += sum(_size(cell) for cell in cells)
        if len(kept) == MAX_ROWS:
            raise too_many_rows()
        if n_bytes > MAX_BYTES:
            raise ResultTooLarge(
                f"the answer is over {MAX_BYTES // 2**20} MiB after {len(kept):,} rows,"
                " return fewer or shorter columns"
            )
        kept.append(tuple(map(_value, cells, types)))
    return tuple(kept)


def _raw_rows(pages: Iterable[Mapping[str, object]]) -> Iterator[object]:
    for page in pages:
        sent = page.get("rows")
        if isinstance(sent, list):
            yield from sent


# --- types -------------------------------------------------------------------------------

_GOOGLESQL = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL", "RECORD": "STRUCT"}
"""The schema speaks the words of legacy SQL."""


def _spelled(field: Mapping[str, object]) -> str:
    name = str(field["type"]).upper()
    spelled = _GOOGLESQL.get(name, name)
    if spelled == "STRUCT":
        spelled = f"STRUCT<{', '.join(_spelled_fields(field))}>"
    return f"ARRAY<{spelled}>" if field.get("mode") == "REPEATED" else spelled


def _spelled_fields(field: Mapping[str, object]) -> Iterator[str]:
    fields = field.get("fields")
    for each in fields if isinstance(fields, list) else []:
        yield f"{each['name']} {_spelled(each)}"


# --- values ------------------------------------------------------------------------------


def _cells(record: object) -> list[object]:
    cells = record.get("f") if isinstance(record, Mapping) else None
    if not isinstance(cells, list):
        raise BadValue("the answer is not as BigQuery sends rows")
    return [each.get("v") for each in cells]


def _size(cell: object) -> int:
    if isinstance(cell, Mapping):
        return sum(map(_size, cell.values()))
    if isinstance(cell, list):
        return sum(map(_size, cell))
    return len(cell.encode()) if isinstance(cell, str) else 4


def _value(cell: object, wanted: Type) -> Value:
    if wanted.name == "ARRAY":
        # BigQuery sends a NULL array as an empty one
        elements = cell if isinstance(cell, list) else []
        return tuple(_value(each.get("v"), wanted.element) for each in elements)
    if cell is None:
        return None
    if wanted.name == "STRUCT":
        return _struct(_cells(cell), wanted.fields)
    if wanted.name == "TIMESTAMP":
        return _timestamp(str(cell))
    return value_of(cell, wanted)


def _struct(cells: Sequence[object], fields: Sequence[Field]) -> Value:
    return {
        field.name: _value(cell, field.type) for field, cell in zip(fields, cells, strict=True)
    }


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _timestamp(microseconds: str) -> datetime:
    # 'useInt64Timestamp' is always asked for; the other form is seconds as a float, inexact
    try:
        return _EPOCH + timedelta(microseconds=int(microseconds))
    except (ValueError, OverflowError) as error:
        raise BadValue(f"expected TIMESTAMP in microseconds, found '{microseconds}'") from error
