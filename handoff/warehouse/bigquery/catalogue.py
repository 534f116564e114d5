"""What there is in BigQuery, for saying what was meant: looked up after an error, and once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

from handoff.base.problems import WorldError
from handoff.sql.tables import TableSchema
from handoff.warehouse import Progress
from handoff.warehouse.bigquery.client import HTTP_SECONDS, Connection
from handoff.warehouse.bigquery.result import columns

if TYPE_CHECKING:
    from google.cloud.bigquery import Table

_LISTED = 5_000
T = TypeVar("T")


def described(
    connection: Connection, project: str, dataset: str, told: Progress
) -> Mapping[str, TableSchema]:
    """Every table of a dataset with its columns. Raises WorldError."""
    # slow: loaded by the client already
    from google.api_core.exceptions import GoogleAPICallError

    client, name = connection.client, f"{project}.{dataset}"
    found: dict[str, TableSchema] = {}
    try:
        listed = client.list_tables(name, retry=connection.retry, timeout=HTTP_SECONDS)
        for each in islice(listed, _LISTED):
            told(f"BigQuery: {name}.{each.table_id}")
            table = client.get_table(
                each.reference, retry=connection.retry, timeout=HTTP_SECONDS
            )
            found[str(each.table_id)] = _described(table)
    except (GoogleAPICallError, OSError) as error:
        reason = str(getattr(error, "message", error)).split("\n")[0]
        message = f"bigquery: error: cannot read the tables of '{name}': {reason}"
        raise WorldError(message) from error
    return found


def _described(table: Table) -> TableSchema:
    schema = [field.to_api_repr() for field in table.schema]
    by_time, by_range = table.time_partitioning, table.range_partitioning
    partition = getattr(by_time or by_range, "field", None)
    return TableSchema(
        columns={each.name: each.type for each in columns(schema)},
        partition=partition or ("_PARTITIONTIME" if by_time else None),
        needs_filter=bool(table.require_partition_filter),
    )


class Catalogue:
    """Tables and datasets as far as they may be seen."""

    def __init__(self, connection: Connection) -> None:
        self._client = connection.client
        self._once_only = connection.once
        self._known: dict[tuple[str, ...], object] = {}
        self._lock = threading.Lock()

    def tables(self, project: str, dataset: str) -> Sequence[str]:
        return self._once(
            ("tables", project, dataset),
            lambda: [
                str(each.table_id)
                for each in islice(
                    self._client.list_tables(
                        f"{project}.{dataset}", retry=self._once_only, timeout=HTTP_SECONDS
                    ),
                    _LISTED,
                )
            ],
            [],
        )

    def datasets(self, project: str) -> Sequence[str]:
        return self._once(
            ("datasets", project),
            lambda: [
                str(each.dataset_id)
                for each in islice(
                    self._client.list_datasets(
                        project, retry=self._once_only, timeout=HTTP_SECONDS
                    ),
                    _LISTED,
                )
            ],
            [],
        )

    def location(self, project: str, dataset: str) -> str | None:
        found: str | None = self._once(
            ("location", project, dataset),
            lambda: (
                self._client.get_dataset(
                    f"{project}.{dataset}", retry=self._once_only, timeout=HTTP_SECONDS
                ).location
            ),
            None,
        )
        return found

    def _once(self, key: tuple[str, ...], look: Callable[[], T], otherwise: T) -> T:
        with self._lock:
            if key not in self._known:
                try:
                    self._known[key] = look()
                except Exception:
                    # a hint is not worth an error: the one that is explained matters
                    self._known[key] = otherwise
            return self._known[key]  # type: ignore[return-value]  # each key has its type
