"""The tables and datasets of BigQuery, by its API: free, and without a job."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import islice
from typing import Annotated, Any, TypeVar

from google.api_core import exceptions as api
from google.cloud.bigquery import Table
from msgspec import Meta, Struct

from handoff.base.problems import WorldError, nearest
from handoff.base.progress import Progress
from handoff.project.settings import BigQuerySettings as Settings
from handoff.sql.tables import TableSchema
from handoff.warehouse.bigquery import wire
from handoff.warehouse.bigquery.client import HTTP_SECONDS, Connection
from handoff.warehouse.bigquery.dry_run import TablePath
from handoff.warehouse.port import TableInfo

T = TypeVar("T")

_MAX_LISTED = 5_000


def describe_tables(
    connection: Connection, project: str, dataset: str, progress: Progress
) -> Mapping[str, TableSchema]:
    """Every table of a dataset with its columns. Raises WorldError."""
    client, name = connection.client, f"{project}.{dataset}"
    options: dict[str, Any] = {"retry": connection.retry, "timeout": HTTP_SECONDS}
    tables: dict[str, TableSchema] = {}
    try:
        for each in islice(client.list_tables(name, **options), _MAX_LISTED):
            progress(f"BigQuery: {name}.{each.table_id}")
            tables[str(each.table_id)] = _table(client.get_table(each.reference, **options))
    except (api.GoogleAPICallError, OSError) as error:
        reason = str(getattr(error, "message", error)).split("\n")[0]
        message = f"bigquery: error: cannot read the tables of '{name}': {reason}"
        raise WorldError(message) from error
    return tables


def _table(table: Table) -> TableSchema:
    schema = [field.to_api_repr() for field in table.schema]
    by_time, by_range = table.time_partitioning, table.range_partitioning
    partition = getattr(by_time or by_range, "field", None)
    return TableSchema(
        columns={each.name: each.type for each in wire.columns(schema)},
        partition=partition or ("_PARTITIONTIME" if by_time else None),
        needs_filter=bool(table.require_partition_filter),
    )


class Catalogue:
    """Tables and datasets, for hints in error messages: each is listed once."""

    def __init__(self, connection: Connection) -> None:
        self._client = connection.client
        self._options: dict[str, Any] = {"retry": connection.once, "timeout": HTTP_SECONDS}
        self._known: dict[tuple[str, ...], object] = {}
        self._lock = threading.Lock()

    def tables(self, project: str, dataset: str) -> Sequence[str]:
        def list_tables() -> list[str]:
            found = self._client.list_tables(f"{project}.{dataset}", **self._options)
            return [str(each.table_id) for each in islice(found, _MAX_LISTED)]

        return self._once(("tables", project, dataset), list_tables, [])

    def datasets(self, project: str) -> Sequence[str]:
        def list_datasets() -> list[str]:
            found = self._client.list_datasets(project, **self._options)
            return [str(each.dataset_id) for each in islice(found, _MAX_LISTED)]

        return self._once(("datasets", project), list_datasets, [])

    def location(self, project: str, dataset: str) -> str | None:
        def read_location() -> str | None:
            name = f"{project}.{dataset}"
            location: str | None = self._client.get_dataset(name, **self._options).location
            return location

        return self._once(("location", project, dataset), read_location, None)

    def is_view(self, table: TablePath) -> bool:
        """Whether it is known to be a view."""

        def read_kind() -> str:
            found = self._client.get_table(".".join(table), **self._options)
            return str(found.table_type)

        kind = self._once(("kind", *table), read_kind, "")
        return kind in ("VIEW", "MATERIALIZED_VIEW")

    def _once(self, key: tuple[str, ...], read: Callable[[], T], default: T) -> T:
        with self._lock:
            if key not in self._known:
                try:
                    self._known[key] = read()
                except Exception:
                    # a hint is not worth an error: the one that is explained matters
                    self._known[key] = default
            return self._known[key]  # type: ignore[return-value]  # each key has its type


# --- what is known of tables -------------------------------------------------------------

_Count = Annotated[int, Meta(ge=0)]
_KINDS = {
    "TABLE": "table",
    "VIEW": "view",
    "MATERIALIZED_VIEW": "materialized view",
    "EXTERNAL": "external",
    "SNAPSHOT": "snapshot",
    "CLONE": "table",
}
_COUNTED = ("TABLE", "MATERIALIZED_VIEW", "SNAPSHOT", "CLONE")
"""Of the others the API knows no size, and of a view only when its query changed."""


class _Partitioning(Struct, frozen=True):
    field: str | None = None


class _TableResource(Struct, frozen=True, rename="camel"):
    """A table: https://cloud.google.com/bigquery/docs/reference/rest/v2/tables#Table"""

    type: str = "TABLE"
    num_rows: _Count | None = None
    num_bytes: _Count | None = None
    creation_time: _Count | None = None
    last_modified_time: _Count | None = None
    """Both in milliseconds since 1970."""
    num_partitions: _Count | None = None
    time_partitioning: _Partitioning | None = None
    range_partitioning: _Partitioning | None = None
    streaming_buffer: dict[str, Any] | None = None
    """Rows that were just written, which the numbers do not count."""


def read_table_infos(
    connection: Connection, names: Sequence[str], settings: Settings, progress: Progress
) -> list[TableInfo]:
    """What `tables.get` reports of each table. Raises WorldError."""
    client = connection.client
    options: dict[str, Any] = {"retry": connection.retry, "timeout": HTTP_SECONDS}
    found: dict[TablePath, TableInfo] = {}
    for name in names:
        project, dataset, table = _path(connection, name, settings)
        with _named_errors(connection, name):
            listed = [table]
            if not table:
                every = client.list_tables(f"{project}.{dataset}", **options)
                listed = [str(each.table_id) for each in islice(every, _MAX_LISTED)]
            for each in listed:
                progress(f"BigQuery: {dataset}.{each}")
                sent = client.get_table(f"{project}.{dataset}.{each}", **options)
                found[project, dataset, each] = _table_info(dataset, each, sent._properties)
    return [found[path] for path in sorted(found)]


def _path(connection: Connection, name: str, settings: Settings) -> TablePath:
    """Project, dataset and table, which is empty for all of the dataset. Raises WorldError."""
    own, parts = str(connection.client.project), name.split(".")
    project, dataset, table = (own, *parts, "")[:3] if len(parts) < 3 else tuple(parts)
    allowed = {wire.dataset_of(each, own) for each in settings.allowed_datasets}
    if allowed and (project, dataset) not in allowed:
        datasets = ", ".join(settings.allowed_datasets)
        raise WorldError(f"'{name}' is not in an allowed dataset ({datasets})")
    return project, dataset, table


@contextmanager
def _named_errors(connection: Connection, name: str) -> Iterator[None]:
    """Raise WorldError for what the API, the network or a wrong response does."""
    try:
        with wire.response_errors():
            yield
    except api.NotFound as error:
        dataset, _, table = name.rpartition(".")
        project, dataset = wire.dataset_of(dataset or table, str(connection.client.project))
        known = Catalogue(connection).tables(project, dataset)
        message = f"no table or dataset '{name}', or no access{nearest(table, known)}"
        raise WorldError(message) from error
    except (api.GoogleAPICallError, api.RetryError, OSError, wire.WrongResponse) as error:
        reason = str(getattr(error, "message", "") or error).split("\n")[0]
        raise WorldError(f"cannot read the tables of '{name}': {reason}") from error


def _table_info(dataset: str, name: str, sent: Mapping[str, object]) -> TableInfo:
    table = wire.read_response(sent, _TableResource)
    by_time, by_range = table.time_partitioning, table.range_partitioning
    partitioning = by_time or by_range
    is_counted = table.type in _COUNTED
    has_all = is_counted and table.streaming_buffer is None
    return TableInfo(
        dataset=dataset,
        name=name,
        kind=_KINDS.get(table.type, table.type.casefold()),
        row_count=table.num_rows if has_all else None,
        byte_count=table.num_bytes if has_all else None,
        created=_time(table.creation_time),
        last_modified=_time(table.last_modified_time) if is_counted else None,
        partitions=table.num_partitions if partitioning else None,
        partitioned_by=(partitioning.field or "_PARTITIONTIME") if partitioning else None,
    )


def _time(milliseconds: int | None) -> datetime | None:
    return None if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, UTC)
