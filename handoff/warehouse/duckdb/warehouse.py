"""The embedded warehouse: DuckDB on a file or a sample, confined to its own tables."""

from __future__ import annotations

import hashlib
import math
import re
import secrets
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TypeVar

import duckdb
from duckdb import DuckDBPyConnection
from msgspec import Struct
from msgspec.structs import replace
from sqlglot import exp

from handoff.base.cache import cache_folder
from handoff.base.files import confined, read_plain
from handoff.base.problems import InvalidInput, Place, Problem, WorldError, nearest
from handoff.base.progress import Progress
from handoff.facts.recorded import MAX_ROWS, Column, Failure, QueryResult, Value
from handoff.sql.query import BoundQuery, Query
from handoff.sql.tables import Tables as Schemas
from handoff.sql.tables import TableSchema
from handoff.sql.types import OTHER_NAMES, BadValue, Type, type_of, value_of
from handoff.warehouse.duckdb import versions
from handoff.warehouse.duckdb.limits import (
    DEFAULT_LIMITS,
    TIMEOUT_SECONDS,
    Limits,
    bounded_memory,
    run_in_time,
)
from handoff.warehouse.duckdb.nodes import DUCKDB_TYPES
from handoff.warehouse.duckdb.translate import (
    Catalog,
    CatalogTables,
    NotTranslated,
    Translation,
    translate,
)
from handoff.warehouse.port import (
    MAX_BYTES,
    ResultTooLarge,
    TableInfo,
    describe_differences,
    too_many_bytes,
    too_many_rows,
)

T = TypeVar("T")

ResultRow = tuple[Value, ...]
_FETCHED_ROWS = 16
"""At a time, each row as large as it may be."""

_SETTINGS = {
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "allow_persistent_secrets": "false",
    "python_enable_replacements": "false",
    "max_temp_directory_size": "1GB",
    "threads": "2",
}


class DuckDBWarehouse:
    """Runs queries on an open database; close it when done."""

    def __init__(
        self,
        connection: DuckDBPyConnection,
        engine: str,
        *,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        self.engine = engine
        self.tables = _tables(connection)
        self._database = _database(connection)
        self._connection = connection
        self._limits = limits

    def run(self, queries: Sequence[BoundQuery]) -> tuple[QueryResult | Failure, ...]:
        catalog = Catalog.of(self.tables, self._database)
        return tuple(self._run(each, catalog) for each in queries)

    def columns(self, query: Query) -> tuple[Column, ...] | Failure:
        try:
            return translate(query, Catalog.of(self.tables, self._database)).columns
        except NotTranslated as error:
            return _failed(f"{error.problem.place}: {error.problem.message}", exit_code=1)

    def cost(self) -> str | None:
        return None

    def job_links(self) -> Sequence[str]:
        return ()

    def schema(self, datasets: Collection[str]) -> Schemas:
        return {
            dataset: {name: TableSchema(dict(columns)) for name, columns in tables.items()}
            for dataset, tables in self.tables.items()
            if not datasets or dataset in datasets
        }

    def table_infos(self, names: Sequence[str]) -> Sequence[TableInfo]:
        """Only rows are counted: DuckDB keeps neither times nor the bytes of a table."""
        found: dict[tuple[str, str], TableInfo] = {}
        for name in names:
            dataset, _, table = name.partition(".")
            if "." in table:  # the project, of which there is none here
                dataset, _, table = table.partition(".")
            tables = self.tables.get(dataset, {})
            if not tables or (table and table not in tables):
                known = [*self.tables, *(f"{dataset}.{each}" for each in tables)]
                raise WorldError(f"no table or dataset '{name}'{nearest(name, known)}")
            for each in [table] if table else tables:
                found[dataset, each] = self._table_info(dataset, each)
        return [found[key] for key in sorted(found)]

    def _table_info(self, dataset: str, table: str) -> TableInfo:
        views = self._connection.execute(
            "SELECT 1 FROM duckdb_views()"
            " WHERE database_name = ? AND schema_name = ? AND view_name = ?",
            [self._database, dataset, table],
        ).fetchall()
        if views:
            return TableInfo(dataset, table, "view")
        counted = self._connection.table(f'"{dataset}"."{table}"').count("*").fetchall()
        return TableInfo(dataset, table, "table", int(counted[0][0]))

    def close(self) -> None:
        self._connection.close()

    def _run(self, bound: BoundQuery, catalog: Catalog) -> QueryResult | Failure:
        try:
            translation = translate(bound.query, catalog)
            reason = describe_differences(bound.query, translation.columns)
            if reason:
                return _failed(reason, exit_code=1)
            rows = self._in_time(lambda: self._rows(translation, bound.params))
        except NotTranslated as error:
            return _failed(f"{error.problem.place}: {error.problem.message}", exit_code=1)
        except ResultTooLarge as error:
            return _failed(f"{bound.query.path}: {error}", exit_code=1)
        except TimeoutError:
            message = f"no result within {self._limits.timeout_seconds:g} seconds"
            return _failed(f"{bound.query.path}: {message}")
        except (MemoryError, duckdb.OutOfMemoryException):
            message = f"needs more than duckdb.memory_mb ({self._limits.memory_mb} MB)"
            return _failed(f"{bound.query.path}: {message}, read or return less")
        except (duckdb.Error, BadValue) as error:
            return _failed(f"{bound.query.path}: {_plain_message(error)}")
        now, used = datetime.now(UTC), versions.installed()
        return QueryResult(translation.columns, rows, None, None, now, used)

    def _rows(
        self, translation: Translation, params: Mapping[str, Value]
    ) -> tuple[tuple[Value, ...], ...]:
        types = [type_of(column.type) for column in translation.columns]
        values = {name: _bound(params[name]) for name in translation.params}
        cursor = self._connection.execute(_fetchable_sql(translation.sql, types), values)
        for column, actual in zip(translation.columns, cursor.description or (), strict=True):
            _check_type(column, str(actual[1]).strip('"'))
        return _fetched(cursor, types)

    def _in_time(self, work: Callable[[], T]) -> T:
        with bounded_memory(self._limits.memory_mb):
            return run_in_time(self._connection, work, self._limits.timeout_seconds)


def _fetched(cursor: DuckDBPyConnection, types: Sequence[Type]) -> tuple[ResultRow, ...]:
    """The rows of a result, a few at a time. Raises ResultTooLarge and BadValue."""
    kept: list[ResultRow] = []
    n_bytes = 0
    while rows := cursor.fetchmany(_FETCHED_ROWS):
        for row in rows:
            n_bytes += sum(map(_size, row))
            if len(kept) == MAX_ROWS:
                raise too_many_rows()
            if n_bytes > MAX_BYTES:
                raise too_many_bytes(len(kept))
            kept.append(tuple(map(_value, row, types)))
    return tuple(kept)


def _size(value: object) -> int:
    if isinstance(value, str | bytes):
        return len(value)
    if isinstance(value, list | dict):
        return sum(map(_size, value.values() if isinstance(value, dict) else value))
    return 4


def open_file(path: Path, *, limits: Limits = DEFAULT_LIMITS) -> DuckDBWarehouse:
    """The author's own database, read-only. Raises WorldError where it cannot be opened."""
    versions.require()
    if not path.is_file():
        raise WorldError(f"{path.name}: error: no such database")
    try:
        connection = _lock_settings(_connect(str(path), limits, read_only=True))
    except duckdb.Error as error:
        reason = str(error).split("\n")[0]
        raise WorldError(f"{path.name}: error: cannot open the database: {reason}") from error
    return DuckDBWarehouse(connection, "duckdb", limits=limits)


def open_sample(
    folder: Path,
    *,
    cache: Path | None = None,
    progress: Progress = lambda _: None,
    limits: Limits = DEFAULT_LIMITS,
    build_seconds: float = TIMEOUT_SECONDS,
) -> DuckDBWarehouse:
    """The sample that the scripts in `folder` create, built unless it is cached.

    `cache` is by default the user's private cache folder; without one the sample is built in
    memory. Each script may take `build_seconds`. Raises InvalidInput for a script that fails,
    and WorldError.
    """
    versions.require()
    sample = _Sample.read(folder)
    kept = cache or cache_folder("samples")
    builder = _Builder(sample, progress, replace(limits, timeout_seconds=build_seconds))
    stored = _open_cached(builder, kept) if kept else None
    connection = stored or builder.build(":memory:")
    return DuckDBWarehouse(connection, "duckdb sample", limits=limits)


def _failed(message: str, *, exit_code: int = 3) -> Failure:
    return Failure(message, datetime.now(UTC), exit_code)


def _plain_message(error: Exception) -> str:
    """The first line, without the class of the error and advice on DuckDB."""
    line = str(error).split("\n")[0].split(" Use TRY(")[0].split(". You ")[0].rstrip(".!")
    text = re.sub(r"^[A-Z][A-Za-z -]* Error: ", "", line)
    shouted = text[:2].isupper()  # DISTINCT, LIMIT
    return text if shouted else text[:1].lower() + text[1:]


# --- the sample --------------------------------------------------------------------------


class _Sample(Struct, frozen=True):
    scripts: tuple[tuple[str, str], ...]
    """Name and text, in the order they run."""
    key: str

    @classmethod
    def read(cls, folder: Path) -> _Sample:
        paths = sorted(folder.glob("*.sql"))
        if not paths:
            message = f"no scripts to build the sample warehouse from in '{folder.name}'"
            raise InvalidInput([Problem("Q060", message, Place(folder.name))])
        scripts = tuple((path.name, _script(folder, path.name)) for path in paths)
        text = repr((duckdb.__version__, scripts))
        return cls(scripts, hashlib.sha256(text.encode()).hexdigest()[:32])


def _script(folder: Path, name: str) -> str:
    """The text of a script. Raises Refused for a link elsewhere, WorldError, InvalidInput."""
    found = read_plain(confined(folder, name), name) or b""
    try:
        return found.decode()
    except UnicodeDecodeError as error:
        line = found.count(b"\n", 0, error.start) + 1
        raise InvalidInput([Problem("Q060", "not UTF-8", Place(name, line))]) from error


class _Builder(Struct, frozen=True):
    sample: _Sample
    progress: Progress
    limits: Limits

    def build(self, database: str) -> DuckDBPyConnection:
        """The database that the scripts create. Raises InvalidInput."""
        # locked first, so that no script raises its own limits
        connection = _lock_settings(_connect(database, self.limits))
        try:
            with bounded_memory(self.limits.memory_mb):
                self._run_scripts(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _run_scripts(self, connection: DuckDBPyConnection) -> None:
        scripts, seconds = self.sample.scripts, self.limits.timeout_seconds
        for n, (name, script) in enumerate(scripts, start=1):
            self.progress(f"building the sample warehouse: {name} ({n} of {len(scripts)})")
            try:
                run_in_time(connection, partial(connection.execute, script), seconds)
            except TimeoutError as error:
                message = f"the script takes more than duckdb.timeout_seconds ({seconds:g} s)"
                raise InvalidInput([Problem("Q060", message, Place(name))]) from error
            except (duckdb.Error, MemoryError) as error:
                reason = (str(error) or "not enough memory").splitlines()[0]
                message = f"the script of the sample warehouse failed: {reason}"
                raise InvalidInput([Problem("Q060", message, Place(name))]) from error


def _open_cached(builder: _Builder, folder: Path) -> DuckDBPyConnection | None:
    """The cached sample, built first if it is missing; `None` if that fails."""
    path = folder / f"sample-{builder.sample.key}.duckdb"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.is_file():
            _build_file(builder, path)
        return _lock_settings(_connect(str(path), builder.limits, read_only=True))
    except (OSError, duckdb.IOException):
        return None


def _build_file(builder: _Builder, path: Path) -> None:
    # built as another file and renamed: a second process sees a whole file or none
    spare = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        builder.build(str(spare)).close()
        spare.replace(path)
    finally:
        for left in spare.parent.glob(f"{spare.name}*"):
            left.unlink(missing_ok=True)


def _connect(database: str, limits: Limits, *, read_only: bool = False) -> DuckDBPyConnection:
    config: dict[str, str | bool | int | float | list[str]]
    config = {**_SETTINGS, "memory_limit": f"{limits.memory_mb}MB"}
    return duckdb.connect(database, read_only=read_only, config=config)


def _lock_settings(connection: DuckDBPyConnection) -> DuckDBPyConnection:
    # connections of one process to one file share its settings, locked by the first of them
    with _LOCKING:
        (locked,) = connection.execute(
            "SELECT current_setting('lock_configuration')"
        ).fetchall()
        if not locked[0]:
            connection.execute("SET GLOBAL TimeZone = 'UTC'")
            connection.execute("SET GLOBAL lock_configuration = true")
    return connection


_LOCKING = threading.Lock()


# --- tables and values -------------------------------------------------------------------


def _tables(connection: DuckDBPyConnection) -> CatalogTables:
    """The columns of every table, with GoogleSQL's types."""
    found = connection.execute(
        "SELECT schema_name, table_name, column_name, data_type FROM duckdb_columns() "
        "WHERE NOT internal AND database_name = current_database() "
        "ORDER BY schema_name, table_name, column_index"
    )
    tables: dict[str, dict[str, dict[str, str]]] = {}
    for dataset, table, column, spelled in found.fetchall():
        tables.setdefault(dataset, {}).setdefault(table, {})[column] = _googlesql(spelled)
    return tables


def _database(connection: DuckDBPyConnection) -> str:
    found = connection.execute("SELECT current_database()").fetchone()
    return str(found[0]) if found else ""


_GOOGLESQL = {
    **OTHER_NAMES,
    "TINYINT": "INT64",
    "SMALLINT": "INT64",
    "UTINYINT": "INT64",
    "USMALLINT": "INT64",
    "UINTEGER": "INT64",
    "HUGEINT": "INT64",
    "UUID": "STRING",
    "TIMESTAMP": "DATETIME",
    "TIMESTAMP WITH TIME ZONE": "TIMESTAMP",
    "DATE": "DATE",
    "TIME": "TIME",
    "JSON": "JSON",
    "NULL": "STRING",
}


def _googlesql(spelled: str) -> str:
    """GoogleSQL's name for DuckDB's type; `UNKNOWN` to sqlglot where there is none."""
    if spelled.endswith("[]"):
        return f"ARRAY<{_googlesql(spelled[:-2])}>"
    if spelled.startswith("DECIMAL("):
        scale = int(spelled.rstrip(")").split(",")[1])
        return "NUMERIC" if scale <= 9 else "BIGNUMERIC"
    if spelled.startswith("STRUCT("):
        return exp.DataType.build(spelled, dialect="duckdb").sql("bigquery")
    return _GOOGLESQL.get(spelled, "UNKNOWN")


def _check_type(column: Column, spelled: str) -> None:
    """Raises BadValue where DuckDB returns another type than GoogleSQL does."""
    actual, wanted = _googlesql(spelled), column.type
    fits = actual == wanted or (wanted == "NUMERIC" and actual == "INT64") or spelled == "NULL"
    if wanted == "TIMESTAMP":
        fits = fits or actual == "DATETIME"  # fetched as one, see _fetchable_sql
    if "<" not in wanted and not fits:
        raise BadValue(
            f"column '{column.name}' should be {wanted} but DuckDB returns {spelled}"
        )


def _fetchable_sql(sql: str, types: Sequence[Type]) -> str:
    """`sql` with its TIMESTAMPs as DATETIMEs in UTC: fetching them as they are needs pytz."""
    if not any("TIMESTAMP" in str(type_) for type_ in types):
        return sql
    columns = ", ".join(
        f"CAST(#{n} AS {_duckdb_type(type_)})" if "TIMESTAMP" in str(type_) else f"#{n}"
        for n, type_ in enumerate(types, start=1)
    )
    # materialized: the order of its rows stays
    return f"WITH _answer AS MATERIALIZED ({sql}) SELECT {columns} FROM _answer"


def _duckdb_type(type_: Type) -> str:
    if type_.name == "ARRAY":
        return f"{_duckdb_type(type_.element)}[]"
    if type_.name == "STRUCT":
        fields = ", ".join(
            f'"{field.name}" {_duckdb_type(field.type)}' for field in type_.fields
        )
        return f"STRUCT({fields})"
    return DUCKDB_TYPES[type_.name]


def _value(raw: object, type_: Type) -> Value:
    if type_.name == "ARRAY" and raw is None:
        return ()  # as BigQuery returns a NULL ARRAY
    if isinstance(raw, float) and not math.isfinite(raw):
        raise BadValue(f"a FLOAT64 is {raw}, where BigQuery may stop with an error")
    if type_.name == "ARRAY" and isinstance(raw, list) and None in raw:
        raise BadValue("an ARRAY holds a NULL, which BigQuery does not return: IGNORE NULLS")
    return value_of(_with_zone(raw, type_), type_)


def _with_zone(value: object, type_: Type) -> object:
    if type_.name == "TIMESTAMP" and isinstance(value, datetime):
        return value.replace(tzinfo=UTC)
    if type_.name == "ARRAY" and isinstance(value, list):
        return [_with_zone(each, type_.element) for each in value]
    if type_.name == "STRUCT" and isinstance(value, dict):
        return {field.name: _with_zone(value[field.name], field.type) for field in type_.fields}
    return value


def _bound(value: Value) -> object:
    """As text where DuckDB would guess another type; the query casts each parameter."""
    if isinstance(value, (Decimal, datetime, date, time)):
        return str(value)
    if isinstance(value, tuple):
        return [_bound(each) for each in value]
    if isinstance(value, Mapping):
        return {name: _bound(each) for name, each in value.items()}
    return value
