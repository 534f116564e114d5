"""What is sent to BigQuery for one question, as its REST API spells it.

Built here and not with the client's classes: those send what they are given (a JSON text is
encoded twice, a year under 1000 loses its zeros, a NULL has no type of its own).
https://cloud.google.com/bigquery/docs/reference/rest/v2/Job#jobconfiguration
"""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal

from handoff.base.problems import UsageError
from handoff.project.settings import BigQuerySettings as Settings
from handoff.sql.types import Field, Type, Value, type_of
from handoff.warehouse import BoundQuery

Json = Mapping[str, object]


def dry_run(
    asked: BoundQuery, settings: Settings, *, use_cache: bool = False
) -> dict[str, object]:
    """The job configuration that estimates and checks `asked` for nothing.

    The cache is off unless asked for: a cached answer is estimated at 0 bytes, and may be
    gone a moment later.
    """
    return {**_configuration(asked, settings, use_cache=use_cache), "dryRun": True}


def run(
    asked: BoundQuery, settings: Settings, *, maximum_bytes_billed: int | None
) -> dict[str, object]:
    """The job configuration that answers `asked` and stops at what it may cost."""
    configuration = _configuration(asked, settings, use_cache=True)
    query = dict(_mapping(configuration["query"]))
    if maximum_bytes_billed is not None:
        query["maximumBytesBilled"] = str(maximum_bytes_billed)
    timeout_ms = str(settings.timeout_seconds * 1000)
    return {**configuration, "query": query, "jobTimeoutMs": timeout_ms}


def _configuration(
    asked: BoundQuery, settings: Settings, *, use_cache: bool
) -> dict[str, object]:
    query: dict[str, object] = {
        "useLegacySql": False,
        "useQueryCache": use_cache,
        "parameterMode": "NAMED",
        "queryParameters": parameters(asked),
    }
    if settings.dataset:
        project, dataset = dataset_of(settings.dataset, settings.project or "")
        query["defaultDataset"] = {"projectId": project, "datasetId": dataset}
    return {"query": query, "labels": labels(asked, settings)}


def dataset_of(name: str, project: str) -> tuple[str, str]:
    """The project and dataset that `dataset` or `project.dataset` names."""
    owner, _, dataset = name.replace(":", ".").rpartition(".")
    return owner or project, dataset


def _mapping(value: object) -> Mapping[str, object]:
    assert isinstance(value, Mapping)
    return value


# --- labels ------------------------------------------------------------------------------

_KEY = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_VALUE = re.compile(r"[a-z0-9_-]{0,63}")


def labels(asked: BoundQuery, settings: Settings) -> dict[str, str]:
    """All labels of a job: a job's labels replace whatever the client has as default."""
    question = asked.query.name.removesuffix(".sql")
    ours = {"tool": "handoff", "fact": asked.fact, "question": question}
    return {**{key: _label(value) for key, value in ours.items()}, **settings.labels}


def _label(text: str) -> str:
    return re.sub(r"[^a-z0-9_-]", "_", text.lower())[:63]


def check_labels(settings: Settings) -> None:
    """Raises UsageError where BigQuery would refuse a label, and with it every question.

    https://cloud.google.com/bigquery/docs/labels-intro#requirements
    """
    for key, value in settings.labels.items():
        if not _KEY.fullmatch(key) or not _VALUE.fullmatch(value):
            raise UsageError(
                f"bigquery.labels: '{key}: {value}', expected lower case letters, digits,"
                " '-' and '_', at most 63, the key beginning with a letter"
            )


# --- parameters --------------------------------------------------------------------------


def parameters(asked: BoundQuery) -> list[Json]:
    """`queryParameters`: every parameter of `asked` with its declared type."""
    types = {each.name: type_of(each.type) for each in asked.query.params}
    types["as_of"] = Type("TIMESTAMP")
    return [
        {
            "name": name,
            "parameterType": _type(types[name]),
            "parameterValue": _value(value, types[name]),
        }
        for name, value in asked.params.items()
    ]


def _type(wanted: Type) -> Json:
    if wanted.name == "ARRAY":
        return {"type": "ARRAY", "arrayType": _type(wanted.element)}
    if wanted.name == "STRUCT":
        return {"type": "STRUCT", "structTypes": [_field(each) for each in wanted.fields]}
    return {"type": wanted.name}


def _field(field: Field) -> Json:
    return {"name": field.name, "type": _type(field.type)}


def _value(value: Value, wanted: Type) -> Json:
    if value is None:
        return {"value": None}
    if isinstance(value, tuple):
        return {"arrayValues": [_value(each, wanted.element) for each in value]}
    if isinstance(value, Mapping):
        fields = {each.name: _value(value[each.name], each.type) for each in wanted.fields}
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
"""Each kind before those it is also one of: a `bool` is an `int`, a `datetime` a `date`."""
