"""Tables of the warehouse as sources: what it knows of them, without reading their rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from handoff.base.problems import Problem, WorldError
from handoff.session.model import SourceFact, TableList
from handoff.sources.source import Request, SourceFailed, SourceRows, TypedRow
from handoff.warehouse.port import TableInfo

ENGINE = "tables"


def describe(source: TableList) -> str:
    return ", ".join(source.names)


def problems(
    fact: SourceFact, source: TableList, file: Callable[[str], Path]
) -> Iterator[Problem]:
    """None: which tables there are, only the warehouse knows."""
    yield from ()


def read(request: Request, source: TableList) -> SourceRows:
    """A row for each table, in the order of their names."""
    assert request.context.table_infos is not None  # the session has such a source
    try:
        found = request.context.table_infos(source.names)
    except WorldError as error:
        raise SourceFailed(str(error).removeprefix("error: ")) from error
    rows = [_row(request, each, source.max_age_hours) for each in found]
    return SourceRows(rows, describe(source))


def _row(request: Request, table: TableInfo, max_age_hours: float | None) -> TypedRow:
    """What is known of a table as of the timestamp.

    Of one that was modified later, or nobody knows when, the size at a time in the past is
    not known.
    """
    modified = table.last_modified
    is_known = not request.is_past or (modified is not None and modified <= request.as_of)
    return {
        "table_name": table.name,
        "last_modified": modified,
        "max_age_hours": max_age_hours,
        "dataset": table.dataset,
        "kind": table.kind,
        "row_count": table.row_count if is_known else None,
        "byte_count": table.byte_count if is_known else None,
        "created": table.created,
        "partitions": table.partitions if is_known else None,
        "partitioned_by": table.partitioned_by,
    }
