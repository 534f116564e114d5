"""What there is in BigQuery, for saying what was meant: looked up after an error, and once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from itertools import islice
from typing import TypeVar

from handoff.warehouse.bigquery_client import HTTP_SECONDS, Connection

_LISTED = 5_000
T = TypeVar("T")


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
