"""The tables that questions read, as a warehouse once told them: a file that is committed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from msgspec import Struct

from handoff.base.problems import InvalidInput, Place, Problem

PATH = "sql/schema.json"
VERSION = 1
_AGAIN = "'handoff query pull-schema' records it anew"


class TableSchema(Struct, frozen=True):
    """One table."""

    columns: Mapping[str, str]
    """Name to GoogleSQL type, in the table's order."""
    partition: str | None = None
    """The column that the table is partitioned by."""
    needs_filter: bool = False
    """Queries without a filter on `partition` are refused by BigQuery."""


Tables = Mapping[str, Mapping[str, TableSchema]]
"""Dataset, table."""


class Schema(Struct, frozen=True):
    """What a warehouse holds, as far as questions use it."""

    engine: str
    tables: Tables


def dump(schema: Schema) -> str:
    """The file's text: JSON, sorted, a table's columns in their order, one a line."""
    document = {
        "handoff_schema": VERSION,
        "engine": schema.engine,
        "datasets": {
            dataset: {name: _fields(tables[name]) for name in sorted(tables)}
            for dataset, tables in sorted(schema.tables.items())
        },
    }
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def load(source: bytes) -> Schema:
    """The schema that a file records. Raises InvalidInput."""
    try:
        document = json.loads(source)
        if document["handoff_schema"] != VERSION:
            raise ValueError(f"version {document['handoff_schema']!r}, expected {VERSION}")
        return Schema(str(document["engine"]), dict(_datasets(document["datasets"])))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        message = f"not as handoff writes it ({error}), {_AGAIN}"
        raise InvalidInput([Problem("Q048", message, Place(PATH))]) from error


def _fields(table: TableSchema) -> dict[str, object]:
    fields: dict[str, object] = {"columns": dict(table.columns)}
    if table.partition:
        fields |= {"partition": table.partition, "needs_filter": table.needs_filter}
    return fields


def _datasets(
    datasets: Mapping[str, Mapping[str, Mapping[str, object]]],
) -> Iterator[tuple[str, Mapping[str, TableSchema]]]:
    for dataset, tables in datasets.items():
        yield dataset, {name: _table(fields) for name, fields in tables.items()}


def _table(fields: Mapping[str, object]) -> TableSchema:
    columns, partition = fields["columns"], fields.get("partition")
    if not isinstance(columns, Mapping):
        raise TypeError("'columns' is no mapping")
    return TableSchema(
        columns={str(name): str(type_) for name, type_ in columns.items()},
        partition=None if partition is None else str(partition),
        needs_filter=fields.get("needs_filter") is True,
    )
