"""The BigQuery emulator: a server that nobody here wrote, and tables put into it."""

from __future__ import annotations

import base64
import json
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from handoff.warehouse.duckdb.warehouse import open_file

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection
    from google.cloud.bigquery import Client, SchemaField

PROJECT = "test-project"
VERSION = "v0.8.1"
"""As `build.sh` has it."""
_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
# read on import: tests run with a cache folder of their own


def binary() -> Path | None:
    """What `build.sh` left in the user's cache; `None` before it has run."""
    kept = _CACHE / "handoff-tests" / f"bigquery-emulator-{VERSION}"
    return kept if kept.is_file() else None


def is_demanded() -> bool:
    """In CI, wherever there is a Go to build it with."""
    path = f"{os.environ.get('PATH', '')}:/usr/local/go/bin"
    return os.environ.get("CI") == "true" and shutil.which("go", path=path) is not None


@contextmanager
def server(emulator: Path) -> Iterator[str]:
    """The address of a fresh, empty emulator on loopback, ended with the block."""
    port, grpc_port = _free_port(), _free_port()
    command = [
        str(emulator),
        f"--project={PROJECT}",
        "--host=127.0.0.1",
        f"--port={port}",
        f"--grpc-port={grpc_port}",
    ]
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet)
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_until_ready(url, process)
        yield url
    finally:
        process.terminate()
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    datasets = f"{url}/bigquery/v2/projects/{PROJECT}/datasets"
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(datasets, timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise RuntimeError("the BigQuery emulator did not start")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_rejected(url: str, sql: str) -> bool:
    """Whether the analyzer rejects a query, by the server's own word: not that it fails."""
    request = urllib.request.Request(
        f"{url}/bigquery/v2/projects/{PROJECT}/queries",
        json.dumps({"query": sql, "useLegacySql": False}).encode(),
        {"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=20):
            return False
    except urllib.error.HTTPError as error:
        words = error.read().decode()
    return "failed to analyze" in words or "failed to parse" in words


# --- tables ------------------------------------------------------------------------------

_AT_ONCE = 5_000
"""Rows in a request."""
_AS_TEXT = ("DATE", "DATETIME", "JSON", "NUMERIC", "TIME", "TIMESTAMP")


def client(url: str) -> Client:
    # slow: every run of pytest imports this module
    from google.api_core.client_options import ClientOptions
    from google.auth.credentials import AnonymousCredentials
    from google.cloud.bigquery import Client

    options = ClientOptions(api_endpoint=url)
    return Client(PROJECT, credentials=AnonymousCredentials(), client_options=options)


def load(url: str, database: Path) -> None:
    """Every table of a DuckDB file that the emulator has not yet, row for row."""
    # slow: every run of pytest imports this module
    import duckdb

    warehouse = open_file(database)
    tables = warehouse.tables
    warehouse.close()
    # a copy: DuckDB lends the settings of a file that another test has open
    copy = shutil.copy(database, database.with_name(f"copy-{os.getpid()}-{database.name}"))
    with duckdb.connect(str(copy), read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for dataset, members in tables.items():
            _create_dataset(client(url), dataset)
            for name, columns in members.items():
                rows = list(_rows(connection, f"{dataset}.{name}", columns))
                _load_table(client(url), f"{dataset}.{name}", columns, rows)


def _create_dataset(to: Client, name: str) -> None:
    # not 'exists_ok': the emulator answers 500, which the client tries again for ten minutes
    if name not in {each.dataset_id for each in to.list_datasets()}:
        to.create_dataset(name)


def _load_table(
    to: Client, name: str, columns: Mapping[str, str], rows: Sequence[Mapping[str, Any]]
) -> None:
    # slow: loaded by the client already
    from google.cloud.bigquery import Table

    table = Table(f"{PROJECT}.{name}", [_field(*column) for column in columns.items()])
    if name.partition(".")[2] in {each.table_id for each in to.list_tables(_dataset(name))}:
        return
    to.create_table(table)
    for start in range(0, len(rows), _AT_ONCE):
        refused = to.insert_rows_json(table, rows[start : start + _AT_ONCE])
        assert not refused, refused[:3]


def _dataset(table: str) -> str:
    return f"{PROJECT}.{table.partition('.')[0]}"


def _field(name: str, type_: str) -> SchemaField:
    # slow: loaded by the client already
    from google.cloud.bigquery import SchemaField

    repeated = type_.startswith("ARRAY<")
    inner = type_.removeprefix("ARRAY<").removesuffix(">") if repeated else type_
    return SchemaField(name, inner, mode="REPEATED" if repeated else "NULLABLE")


def _rows(
    connection: DuckDBPyConnection, table: str, columns: Mapping[str, str]
) -> Iterator[dict[str, Any]]:
    selected = ", ".join(
        f"CAST({name} AS VARCHAR)" if type_ in _AS_TEXT else name
        for name, type_ in columns.items()
    )
    for row in connection.execute(f"SELECT {selected} FROM {table}").fetchall():
        yield dict(zip(columns, map(_sent, row), strict=True))


def _sent(value: Any) -> Any:
    return base64.b64encode(value).decode("ascii") if isinstance(value, bytes) else value
