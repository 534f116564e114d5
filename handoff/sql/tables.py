"""The tables that queries may read, as a warehouse reported them: a committed file."""

from __future__ import annotations

import json
from collections.abc import Mapping

from msgspec import Struct, to_builtins

from handoff.base.problems import InvalidInput, Place, Problem
from handoff.base.records import convert_record

VERSION = 1


class TableSchema(Struct, frozen=True):
    """One table."""

    columns: Mapping[str, str]
    """Name to GoogleSQL type, in the table's order."""
    partition: str | None = None
    """The column that the table is partitioned by."""
    needs_filter: bool = False
    """BigQuery rejects queries without a filter on `partition`."""


Tables = Mapping[str, Mapping[str, TableSchema]]
"""Dataset, table."""


class Schema(Struct, frozen=True):
    """The tables of a warehouse."""

    engine: str
    tables: Tables


class _SchemaFile(Struct, frozen=True):
    handoff_schema: int
    engine: str
    datasets: Tables


def dump(schema: Schema) -> str:
    """The file's text: JSON, sorted, the columns of a table in their order, one a line."""
    datasets = {
        dataset: {name: _record(tables[name]) for name in sorted(tables)}
        for dataset, tables in sorted(schema.tables.items())
    }
    document = {"handoff_schema": VERSION, "engine": schema.engine, "datasets": datasets}
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def _record(table: TableSchema) -> dict[str, object]:
    record: dict[str, object] = to_builtins(table)
    return record if table.partition else {"columns": record["columns"]}


def load(source: bytes, path: str = "sql/schema.json") -> Schema:
    """The schema that the file `path` records. Raises InvalidInput."""
    try:
        found = convert_record(json.loads(source), _SchemaFile)
        if found.handoff_schema != VERSION:
            raise ValueError(f"version {found.handoff_schema}, expected {VERSION}")
    except (ValueError, RecursionError) as error:
        message = f"unknown format ({error}), record it again with 'handoff query pull-schema'"
        raise InvalidInput([Problem("Q048", message, Place(path))]) from error
    return Schema(found.engine, found.datasets)
