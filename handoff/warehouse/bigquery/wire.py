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
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from handoff.base.problems import UsageError
from handoff.facts.recorded import MAX_ROWS, Column
from handoff.project.settings import BigQuerySettings as Settings
from handoff.sql.query import BoundQuery
from handoff.sql.types import OTHER_NAMES, BadValue, Field, Type, Value, type_of, value_of
from handoff.warehouse.port import MAX_BYTES, ResultTooLarge, too_many_rows

JsonObject = Mapping[str, object]


def dry_run_configuration(
    bound: BoundQuery, settings: Settings, *, use_cache: bool = False
) -> dict[str, object]:
    """The job configuration that estimates and checks `bound`, which is not billed.

    The cache is off by default: a cached result is estimated at 0 bytes, and may
    expire before the run.
    """
    return {**_configuration(bound, settings, use_cache=use_cache), "dryRun": True}


def run_configuration(
    bound: BoundQuery, settings: Settings, *, maximum_bytes_billed: int | None
) -> dict[str, object]:
    """The job configuration that runs `bound` and stops at what it may cost."""
    configuration = _configuration(bound, settings, use_cache=True)
    query = dict(_mapping(configuration["query"]))
    if maximum_bytes_billed is not None:
        query["maximumBytesBilled"] = str(maximum_bytes_billed)
    timeout_ms = str(settings.timeout_seconds * 1000)
    return {**configuration, "query": query, "jobTimeoutMs": timeout_ms}


def _configuration(
    bound: BoundQuery, settings: Settings, *, use_cache: bool
) -> dict[str, object]:
    query: dict[str, object] = {
        "useLegacySql": False,
        "useQueryCache": use_cache,
        "parameterMode": "NAMED",
        "queryParameters": parameters(bound),
    }
    if settings.dataset:
        project, dataset = dataset_of(settings.dataset, settings.project or "")
        query["defaultDataset"] = {"projectId": project, "datasetId": dataset}
    return {"query": query, "labels": labels(bound, settings)}


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


# --- results -----------------------------------------------------------------------------

WireSchema = Sequence[Mapping[str, object]]
"""`schema.fields`: https://cloud.google.com/bigquery/docs/reference/rest/v2/tables#TableSchema"""


def columns(schema: WireSchema) -> tuple[Column, ...]:
    """The columns of a result, their types as GoogleSQL spells them."""
    return tuple(Column(str(each["name"]), _spelled(each)) for each in schema)


def rows(
    pages: Iterable[Mapping[str, object]], columns: Sequence[Column]
) -> tuple[tuple[Value, ...], ...]:
    """The rows of `pages`, read only as far as they may be recorded. Raises ResultTooLarge."""
    types = [type_of(each.type) for each in columns]
    kept: list[tuple[Value, ...]] = []
    n_bytes = 0
    for row in _raw_rows(pages):
        cells = _cells(row)
        n_bytes += sum(_size(cell) for cell in cells)
        if len(kept) == MAX_ROWS:
            raise too_many_rows()
        if n_bytes > MAX_BYTES:
            raise ResultTooLarge(
                f"the result is over {MAX_BYTES // 2**20} MiB after {len(kept):,} rows,"
                " return fewer or shorter columns"
            )
        kept.append(tuple(map(_cell_value, cells, types)))
    return tuple(kept)


def _raw_rows(pages: Iterable[Mapping[str, object]]) -> Iterator[object]:
    for page in pages:
        sent = page.get("rows")
        if isinstance(sent, list):
            yield from sent


# --- types -------------------------------------------------------------------------------

_GOOGLESQL = {**OTHER_NAMES, "RECORD": "STRUCT"}
"""The schema has some names from legacy SQL."""


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
        raise BadValue("the response has rows in an unknown format")
    return [each.get("v") for each in cells]


def _size(cell: object) -> int:
    if isinstance(cell, Mapping):
        return sum(map(_size, cell.values()))
    if isinstance(cell, list):
        return sum(map(_size, cell))
    return len(cell.encode()) if isinstance(cell, str) else 4


def _cell_value(cell: object, wanted: Type) -> Value:
    if wanted.name == "ARRAY":
        # BigQuery sends a NULL array as an empty one
        elements = cell if isinstance(cell, list) else []
        return tuple(_cell_value(each.get("v"), wanted.element) for each in elements)
    if cell is None:
        return None
    if wanted.name == "STRUCT":
        return _struct(_cells(cell), wanted.fields)
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
