"""What is sent to BigQuery for a query and what comes back, as its REST API spells it.

Job configurations are built here and not with the client's classes, which encode a JSON text
twice, drop the zeros of a year under 1000 and give a NULL no type. Rows are read from the raw
pages and not from the client's rows, which parse JSON, cut INTERVALs and cannot tell JSON's
null from SQL's.
https://cloud.google.com/bigquery/docs/reference/rest/v2/Job#jobconfiguration
"""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Annotated, Any, TypeVar

from msgspec import Meta, Struct, ValidationError, convert, field

from handoff.base.problems import UsageError
from handoff.facts.recorded import MAX_ROWS, Column
from handoff.project.settings import BigQuerySettings as Settings
from handoff.sql.query import BoundQuery
from handoff.sql.types import (
    OTHER_NAMES,
    BadType,
    BadValue,
    Field,
    Type,
    Value,
    type_of,
    value_of,
)
from handoff.warehouse.port import MAX_BYTES, too_many_bytes, too_many_rows

JsonObject = Mapping[str, object]


def dry_run_configuration(
    bound: BoundQuery, settings: Settings, project: str = "", *, use_cache: bool = False
) -> dict[str, object]:
    """The job configuration that estimates and checks `bound`, which is not billed.

    `project` is that of the credentials, for a dataset without one. The cache is off by
    default: a cached result is estimated at 0 bytes, and may expire before the run.
    """
    return {**_configuration(bound, settings, project, use_cache=use_cache), "dryRun": True}


def run_configuration(
    bound: BoundQuery,
    settings: Settings,
    project: str = "",
    *,
    maximum_bytes_billed: int | None,
) -> dict[str, object]:
    """The job configuration that runs `bound` and stops at what it may cost."""
    configuration = _configuration(bound, settings, project, use_cache=True)
    query = dict(_mapping(configuration["query"]))
    if maximum_bytes_billed is not None:
        query["maximumBytesBilled"] = str(maximum_bytes_billed)
    timeout_ms = str(settings.timeout_seconds * 1000)
    return {**configuration, "query": query, "jobTimeoutMs": timeout_ms}


def _configuration(
    bound: BoundQuery, settings: Settings, project: str, *, use_cache: bool
) -> dict[str, object]:
    query: dict[str, object] = {
        "useLegacySql": False,
        "useQueryCache": use_cache,
        "parameterMode": "NAMED",
        "queryParameters": parameters(bound),
    }
    if settings.dataset:
        owner, dataset = dataset_of(settings.dataset, settings.project or project)
        query["defaultDataset"] = {"projectId": owner, "datasetId": dataset}
    if settings.priority:
        query["priority"] = settings.priority.upper()
    reservation = {"reservation": settings.reservation} if settings.reservation else {}
    return {"query": query, "labels": labels(bound, settings), **reservation}


def dataset_of(name: str, project: str) -> tuple[str, str]:
    """Project and dataset of a name such as `dataset` or `project.dataset`."""
    owner, _, dataset = name.replace(":", ".").rpartition(".")
    return owner or project, dataset


def _mapping(value: object) -> Mapping[str, object]:
    assert isinstance(value, Mapping)
    return value


# --- labels ------------------------------------------------------------------------------

_KEY = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_VALUE = re.compile(r"[a-z0-9_-]{0,63}")


def labels(bound: BoundQuery, settings: Settings) -> dict[str, str]:
    """All labels of a job: they replace those that the client has as default."""
    query = bound.query.name.removesuffix(".sql")
    ours = {"tool": "handoff", "fact": bound.fact, "question": query}
    return {**{key: _label(value) for key, value in ours.items()}, **settings.labels}


def _label(text: str) -> str:
    return re.sub(r"[^a-z0-9_-]", "_", text.lower())[:63]


def check_labels(settings: Settings) -> None:
    """Raises UsageError where BigQuery would reject a label, and with it every query.

    https://cloud.google.com/bigquery/docs/labels-intro#requirements
    """
    for key, value in settings.labels.items():
        if not _KEY.fullmatch(key) or not _VALUE.fullmatch(value):
            raise UsageError(
                f"bigquery.labels: '{key}: {value}', expected lower case letters, digits,"
                " '-' and '_', at most 63, and a key that begins with a letter"
            )


# --- parameters --------------------------------------------------------------------------


def parameters(bound: BoundQuery) -> list[JsonObject]:
    """`queryParameters`: every parameter of `bound` with its declared type."""
    types = {name: type_of(each) for name, each in bound.query.param_types.items()}
    return [
        {
            "name": name,
            "parameterType": _parameter_type(types[name]),
            "parameterValue": _parameter_value(value, types[name]),
        }
        for name, value in bound.params.items()
    ]


def _parameter_type(wanted: Type) -> JsonObject:
    if wanted.name == "ARRAY":
        return {"type": "ARRAY", "arrayType": _parameter_type(wanted.element)}
    if wanted.name == "STRUCT":
        return {"type": "STRUCT", "structTypes": [_field(each) for each in wanted.fields]}
    return {"type": wanted.name}


def _field(field: Field) -> JsonObject:
    return {"name": field.name, "type": _parameter_type(field.type)}


def _parameter_value(value: Value, wanted: Type) -> JsonObject:
    if value is None:
        return {"value": None}
    if isinstance(value, tuple):
        return {"arrayValues": [_parameter_value(each, wanted.element) for each in value]}
    if isinstance(value, Mapping):
        fields = {
            each.name: _parameter_value(value[each.name], each.type) for each in wanted.fields
        }
        return {"structValues": fields}
    return {"value": _text(value)}


def _text(value: object) -> str:
    return next(text(value) for kind, text in _TEXTS if isinstance(value, kind))


def _float(value: float) -> str:
    if math.isfinite(value):
        return repr(value)
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _datetime(value: datetime) -> str:
    if value.tzinfo is None:
        return value.isoformat(" ")
    return value.astimezone(UTC).isoformat(" ")


_TEXTS: tuple[tuple[type, Callable[..., str]], ...] = (
    (str, str),
    (bool, lambda value: "true" if value else "false"),
    (int, str),
    (float, _float),
    (Decimal, lambda value: f"{value:f}"),
    (bytes, lambda value: base64.b64encode(value).decode("ascii")),
    (datetime, _datetime),
    (date, date.isoformat),
    (time, time.isoformat),
)
"""Subclasses first: a `bool` is an `int`, a `datetime` a `date`."""


# --- responses ---------------------------------------------------------------------------

T = TypeVar("T")
_Count = Annotated[int, Meta(ge=0)]


class WrongResponse(Exception):
    """A response that is not of the shape that the API documents."""


@contextmanager
def response_errors() -> Iterator[None]:
    """Raise WrongResponse for what a response of another shape does to its reader.

    The client does not check what it reads: it fails somewhere, with any error.
    """
    try:
        yield
    except (BadType, BadValue, OSError):  # among them the client's own errors of the network
        raise
    except KeyError as error:
        raise WrongResponse(f"no '{error.args[0]}'") from error
    except ValidationError as error:
        raise WrongResponse(str(error).replace("`", "'")) from error
    except _SHAPE_ERRORS as error:
        raise WrongResponse("a value of another type than documented") from error


_SHAPE_ERRORS = (
    *(ArithmeticError, AssertionError, AttributeError, LookupError),
    *(RecursionError, TypeError, ValueError),
)


class TableName(Struct, frozen=True, rename="camel"):
    """A table or a routine."""

    project_id: str
    dataset_id: str
    table_id: str = ""
    routine_id: str = ""

    @property
    def names(self) -> tuple[str, str, str]:
        return self.project_id, self.dataset_id, self.table_id or self.routine_id


class ResponseSchema(Struct, frozen=True):
    fields: tuple[dict[str, Any], ...] = ()


class QueryStatistics(Struct, frozen=True, rename="camel"):
    statement_type: str | None = None
    referenced_tables: tuple[TableName, ...] = ()
    referenced_routines: tuple[TableName, ...] = ()
    total_bytes_processed: _Count | None = None
    total_bytes_processed_accuracy: str = ""
    total_bytes_billed: _Count | None = None
    cache_hit: bool = False
    schema: ResponseSchema | None = None


class JobStatistics(Struct, frozen=True, rename="camel"):
    query: QueryStatistics = field(default_factory=QueryStatistics)
    total_bytes_processed: _Count | None = None
    end_time: _Count | None = None
    """In milliseconds since 1970."""


class JobResource(Struct, frozen=True):
    """A job: https://cloud.google.com/bigquery/docs/reference/rest/v2/Job"""

    statistics: JobStatistics = field(default_factory=JobStatistics)


class QueryResponse(Struct, frozen=True, rename="camel"):
    """The first page of a result.

    https://cloud.google.com/bigquery/docs/reference/rest/v2/jobs/getQueryResults
    """

    total_rows: _Count
    schema: ResponseSchema
    rows: tuple[dict[str, Any], ...] = ()


def read_response(sent: object, shape: type[T]) -> T:
    """What the API sent; its numbers are text. Raises WrongResponse."""
    with response_errors():
        return convert(sent, shape, strict=False)


# --- results -----------------------------------------------------------------------------

WireSchema = Sequence[Mapping[str, object]]
"""`schema.fields`: https://cloud.google.com/bigquery/docs/reference/rest/v2/tables#TableSchema"""


def columns(schema: WireSchema) -> tuple[Column, ...]:
    """The columns of a result, their types as GoogleSQL spells them. Raises WrongResponse."""
    with response_errors():
        return tuple(Column(_name_of(each), _spelled(each)) for each in schema)


def _name_of(field: Mapping[str, object]) -> str:
    name = field["name"]
    if not isinstance(name, str) or not name:
        raise WrongResponse("a column without a name")
    return name


def rows(
    pages: Iterable[Mapping[str, object]], columns: Sequence[Column], total: int | None = None
) -> tuple[tuple[Value, ...], ...]:
    """The rows of `pages`, read only as far as they may be recorded.

    Raises ResultTooLarge, BadValue, and WrongResponse where they are not `total` rows.
    """
    types = [type_of(each.type) for each in columns]
    kept: list[tuple[Value, ...]] = []
    n_bytes = 0
    for row in _raw_rows(pages):
        cells = _cells(row, len(types))
        n_bytes += sum(_size(cell) for cell in cells)
        if total is not None and len(kept) == total:
            raise WrongResponse(f"more rows than 'totalRows', which is {total:,}")
        if len(kept) == MAX_ROWS:
            raise too_many_rows()
        if n_bytes > MAX_BYTES:
            raise too_many_bytes(len(kept))
        kept.append(tuple(map(_cell_value, cells, types)))
    if total is not None and len(kept) < total:
        raise WrongResponse(f"{len(kept):,} rows, where 'totalRows' is {total:,}")
    return tuple(kept)


def _raw_rows(pages: Iterable[Mapping[str, object]]) -> Iterator[object]:
    for page in pages:
        sent = page.get("rows", [])
        if not isinstance(sent, list):
            raise WrongResponse("'rows' is not a list")
        yield from sent


# --- types -------------------------------------------------------------------------------

_GOOGLESQL = {**OTHER_NAMES, "RECORD": "STRUCT"}
"""The schema has some names from legacy SQL."""


def _spelled(field: Mapping[str, object]) -> str:
    name, mode = field["type"], field.get("mode")
    if not isinstance(name, str) or mode not in (None, "", "NULLABLE", "REQUIRED", "REPEATED"):
        raise WrongResponse(f"a column of type '{name}' and mode '{mode}'")
    spelled = _GOOGLESQL.get(name.upper(), name.upper())
    if spelled == "STRUCT":
        fields = read_response(field, ResponseSchema).fields
        inner = (f"{_name_of(each)} {_spelled(each)}" for each in fields)
        spelled = f"STRUCT<{', '.join(inner)}>"
    return f"ARRAY<{spelled}>" if mode == "REPEATED" else spelled


# --- values ------------------------------------------------------------------------------


def _cells(record: object, n_columns: int) -> list[object]:
    cells = record.get("f") if isinstance(record, Mapping) else None
    if not isinstance(cells, list) or len(cells) != n_columns:
        raise WrongResponse("a row that does not have a value for each column")
    return [_content(each) for each in cells]


def _content(cell: object) -> object:
    if not isinstance(cell, Mapping) or "v" not in cell:
        raise WrongResponse("a value without 'v'")
    return cell["v"]


def _size(cell: object) -> int:
    if isinstance(cell, Mapping):
        return sum(map(_size, cell.values()))
    if isinstance(cell, list):
        return sum(map(_size, cell))
    return len(cell.encode()) if isinstance(cell, str) else 4


def _cell_value(cell: object, wanted: Type) -> Value:
    if wanted.name == "ARRAY":
        # BigQuery sends a NULL array as an empty one
        if cell is not None and not isinstance(cell, list):
            raise WrongResponse("an ARRAY that is not a list")
        return tuple(_cell_value(_content(each), wanted.element) for each in cell or ())
    if cell is None:
        return None
    if wanted.name == "STRUCT":
        return _struct(_cells(cell, len(wanted.fields)), wanted.fields)
    if not isinstance(cell, str):
        raise WrongResponse(f"{type(cell).__name__} for a {wanted.name}, expected text")
    if wanted.name == "TIMESTAMP":
        return _timestamp(str(cell))
    return value_of(cell, wanted)


def _struct(cells: Sequence[object], fields: Sequence[Field]) -> Value:
    return {
        field.name: _cell_value(cell, field.type)
        for field, cell in zip(fields, cells, strict=True)
    }


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _timestamp(microseconds: str) -> datetime:
    # 'useInt64Timestamp' is always requested; the other form is seconds as a float, inexact
    try:
        return _EPOCH + timedelta(microseconds=int(microseconds))
    except (ValueError, OverflowError) as error:
        raise BadValue(f"expected TIMESTAMP in microseconds, found '{microseconds}'") from error
