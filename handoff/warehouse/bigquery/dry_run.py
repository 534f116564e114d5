"""What a dry run tells about a question, and whether the question may then be asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from handoff.facts.recorded import Column
from handoff.project.settings import BigQuerySettings as Settings
from handoff.sql.query import Lexeme, Query, lexemes
from handoff.warehouse.bigquery.request import dataset_of
from handoff.warehouse.bigquery.result import columns
from handoff.warehouse.result import different

Resource = Mapping[str, object]
"""A job: https://cloud.google.com/bigquery/docs/reference/rest/v2/Job"""


class DryRunPlan(Struct, frozen=True):
    statement_type: str | None
    """`SELECT`, `SCRIPT`, `EXPORT_DATA`; `None` from a server that does not say."""
    reads: tuple[tuple[str, str, str], ...]
    """Project, dataset and name of every table."""
    calls: tuple[tuple[str, str, str], ...]
    """Of every routine."""
    bytes_processed: int
    is_bound: bool
    cached: bool
    columns: tuple[Column, ...] | None
    """`None` from a server that does not say."""

    @property
    def tables(self) -> tuple[str, ...]:
        return tuple(".".join(each) for each in self.reads)


def plan(job: Resource) -> DryRunPlan:
    """The plan in a dry run's `job`."""
    statistics = _under(job, "statistics")
    query = _under(statistics, "query")
    processed = query.get("totalBytesProcessed") or statistics.get("totalBytesProcessed") or 0
    schema = query.get("schema")
    return DryRunPlan(
        statement_type=str(query["statementType"]) if query.get("statementType") else None,
        reads=tuple(_names(query.get("referencedTables"), "tableId")),
        calls=tuple(_names(query.get("referencedRoutines"), "routineId")),
        bytes_processed=int(str(processed)),
        is_bound=query.get("totalBytesProcessedAccuracy") not in ("LOWER_BOUND", "UNKNOWN"),
        cached=query.get("cacheHit") is True,
        columns=columns(_listed(schema.get("fields"))) if isinstance(schema, Mapping) else None,
    )


def _under(resource: Resource, key: str) -> Resource:
    value = resource.get(key)
    return value if isinstance(value, Mapping) else {}


def _listed(value: object) -> Sequence[Resource]:
    return (
        [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []
    )


def _names(value: object, key: str) -> Iterator[tuple[str, str, str]]:
    for each in _listed(value):
        yield str(each.get("projectId")), str(each.get("datasetId")), str(each.get(key))


# --- whether it may be asked -------------------------------------------------------------


def refused_words(query: Query) -> str | None:
    """Why the text of `query` may not even be sent; `None`: it may.

    A dry run does not list what EXTERNAL_QUERY reads: it is another database's.
    """
    every = list(lexemes(query.text))
    if not _is_one_select(every):
        return f"{query.path}: expected one SELECT"
    found = [lexeme for lexeme in every if lexeme.kind in ("word", "quoted")]
    for lexeme in found:
        name = lexeme.text.strip("`").casefold()
        # an identifier in backticks has the escapes of a string: `EXTERNAL\x5fQUERY`
        if name == "external_query" or (lexeme.kind == "quoted" and "\\" in name):
            place = query.place_of(lexeme.text.strip("`"))
            what = "EXTERNAL_QUERY" if "\\" not in name else f"{lexeme.text} with an escape"
            return f"{place}: {what} is refused, read a table of BigQuery"
    return None


def _is_one_select(every: Sequence[Lexeme]) -> bool:
    """Before BigQuery is trusted with a dry run: an emulator runs what it is asked to check."""
    kinds = [lexeme.kind for lexeme in every]
    statement = kinds[: kinds.index("end")] if "end" in kinds else kinds
    starts = bool(statement) and every[0].text.upper() in ("SELECT", "WITH", "(")
    return starts and set(kinds[len(statement) :]) <= {"end"}


def refused_plan(
    query: Query, found: DryRunPlan, settings: Settings, project: str
) -> str | None:
    """Why what BigQuery would do is refused; `None`: it may be run."""
    if found.statement_type not in (None, "SELECT"):
        return f"{query.path}: expected one SELECT, BigQuery sees {found.statement_type}"
    return _outside(query, found, settings, project) or different(query, found.columns)


def _outside(query: Query, found: DryRunPlan, settings: Settings, project: str) -> str | None:
    if not settings.allowed_datasets:
        return None
    if found.statement_type is None:
        return (
            f"{query.path}: the server does not say which tables it reads, which"
            " 'bigquery: allowed_datasets:' asks for"
        )
    allowed = {dataset_of(each, project) for each in settings.allowed_datasets}
    for owner, dataset, name in (*found.reads, *found.calls):
        if (owner, dataset) not in allowed:
            place = query.place_of(name, dataset)
            listed = ", ".join(settings.allowed_datasets)
            return (
                f"{place}: '{owner}.{dataset}.{name}' is not in an allowed dataset ({listed})"
            )
    return None
