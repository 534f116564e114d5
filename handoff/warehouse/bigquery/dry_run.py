"""What BigQuery would do with a query, by its dry run, and whether the query may then run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from handoff.facts.recorded import Column
from handoff.project.settings import BigQuerySettings as Settings
from handoff.sql.query import Lexeme, Query, lexemes
from handoff.warehouse.bigquery.wire import columns, dataset_of
from handoff.warehouse.port import describe_differences

Resource = Mapping[str, object]
"""A job: https://cloud.google.com/bigquery/docs/reference/rest/v2/Job"""


class DryRunPlan(Struct, frozen=True):
    statement_type: str | None
    """`SELECT`, `SCRIPT`, `EXPORT_DATA`; `None` from a server that does not report it."""
    reads: tuple[tuple[str, str, str], ...]
    """Project, dataset and name of every table."""
    calls: tuple[tuple[str, str, str], ...]
    """Project, dataset and name of every routine."""
    bytes_processed: int
    is_bound: bool
    """`False` where `bytes_processed` is only a guess."""
    cached: bool
    columns: tuple[Column, ...] | None
    """`None` from a server that does not report them."""

    @property
    def tables(self) -> tuple[str, ...]:
        return tuple(".".join(each) for each in self.reads)


def read_plan(job: Resource) -> DryRunPlan:
    """The plan in the resource of a dry run."""
    statistics = _mapping(job.get("statistics"))
    query = _mapping(statistics.get("query"))
    processed = query.get("totalBytesProcessed") or statistics.get("totalBytesProcessed") or 0
    schema = query.get("schema")
    return DryRunPlan(
        statement_type=str(query["statementType"]) if query.get("statementType") else None,
        reads=tuple(_names(query.get("referencedTables"), "tableId")),
        calls=tuple(_names(query.get("referencedRoutines"), "routineId")),
        bytes_processed=int(str(processed)),
        is_bound=query.get("totalBytesProcessedAccuracy") not in ("LOWER_BOUND", "UNKNOWN"),
        cached=query.get("cacheHit") is True,
        columns=columns(_list(schema.get("fields"))) if isinstance(schema, Mapping) else None,
    )


def _mapping(value: object) -> Resource:
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> Sequence[Resource]:
    items = value if isinstance(value, list) else []
    return [each for each in items if isinstance(each, Mapping)]


def _names(value: object, key: str) -> Iterator[tuple[str, str, str]]:
    for each in _list(value):
        yield str(each.get("projectId")), str(each.get("datasetId")), str(each.get(key))


# --- whether the query may run -----------------------------------------------------------


def refuse_text(query: Query) -> str | None:
    """Why the text of `query` may not even be sent; `None`: it may.

    A dry run does not list what EXTERNAL_QUERY reads: it is another database's.
    """
    every = list(lexemes(query.text))
    if not _is_one_select(every):
        return f"{query.path}: expected one SELECT"
    for lexeme in every:
        if lexeme.kind not in ("word", "quoted"):
            continue
        name = lexeme.text.strip("`")
        # an identifier in backticks has the escapes of a string: `EXTERNAL\x5fQUERY`
        escaped = lexeme.kind == "quoted" and "\\" in name
        if name.casefold() == "external_query" or escaped:
            what = f"{lexeme.text} with an escape" if escaped else "EXTERNAL_QUERY"
            return f"{query.place_of(name)}: {what} is refused, read a table of BigQuery"
    return None


def _is_one_select(every: Sequence[Lexeme]) -> bool:
    """Checked before BigQuery gets a dry run: an emulator runs what it should only check."""
    kinds = [lexeme.kind for lexeme in every]
    statement = kinds[: kinds.index("end")] if "end" in kinds else kinds
    starts = bool(statement) and every[0].text.upper() in ("SELECT", "WITH", "(")
    return starts and set(kinds[len(statement) :]) <= {"end"}


def refuse_plan(query: Query, plan: DryRunPlan, settings: Settings, project: str) -> str | None:
    """Why what BigQuery would do is refused; `None`: it may run."""
    if plan.statement_type not in (None, "SELECT"):
        return f"{query.path}: expected one SELECT, BigQuery found {plan.statement_type}"
    outside = _outside_datasets(query, plan, settings, project)
    return outside or describe_differences(query, plan.columns)


def _outside_datasets(
    query: Query, plan: DryRunPlan, settings: Settings, project: str
) -> str | None:
    if not settings.allowed_datasets:
        return None
    if plan.statement_type is None:
        return (
            f"{query.path}: the server does not report which tables the query reads, which"
            " 'bigquery: allowed_datasets:' requires"
        )
    allowed = {dataset_of(each, project) for each in settings.allowed_datasets}
    for owner, dataset, name in (*plan.reads, *plan.calls):
        if (owner, dataset) not in allowed:
            place = query.place_of(name, dataset)
            datasets = ", ".join(settings.allowed_datasets)
            return (
                f"{place}: '{owner}.{dataset}.{name}' is not in an allowed dataset ({datasets})"
            )
    return None
