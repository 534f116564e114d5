"""Choose and open the warehouse of a project."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from handoff.base.problems import UsageError, missing_packages, nearest
from handoff.base.progress import Progress
from handoff.project.project import Project
from handoff.project.settings import ENGINES, Engine
from handoff.warehouse.port import Warehouse


def choose_engine(project: Project, engine: str | None) -> Engine:
    """`engine`, else the one in the settings; there is no default. Raises UsageError."""
    chosen = engine or project.settings.engine
    if chosen is None:
        raise UsageError(
            "no engine is set; write 'engine: duckdb' or 'engine: bigquery' "
            "in handoff.yaml, or use '--engine'"
        )
    if chosen not in ENGINES:
        known = nearest(chosen, ENGINES) or f", expected {' or '.join(ENGINES)}"
        raise UsageError(f"unknown engine '{chosen}'{known}")
    return next(engine for engine in ENGINES if engine == chosen)


def open_warehouse(
    project: Project, engine: Engine, progress: Progress, *, seconds: float | None = None
) -> Warehouse:
    """The warehouse of `project`, ready to run queries.

    The embedded one ends each after `seconds`. Raises UsageError and WorldError.
    """
    try:
        return _OPEN[engine](project, progress, seconds)
    except ModuleNotFoundError as error:
        raise missing_packages((error.name or engine).partition(".")[0]) from error


# the packages of the engines import their slow libraries, so they are imported only here


def _duckdb(project: Project, progress: Progress, seconds: float | None) -> Warehouse:
    from handoff.warehouse.duckdb import warehouse
    from handoff.warehouse.duckdb.limits import Limits

    settings = project.settings.duckdb
    limit = settings.timeout_seconds if seconds is None else seconds
    limits = Limits(limit, settings.memory_mb)
    if settings.path is not None:
        return warehouse.open_file(project.path(settings.path), limits=limits)
    return warehouse.open_sample(
        project.sample_folder(),
        progress=progress,
        limits=limits,
        build_seconds=settings.timeout_seconds,
    )


def _bigquery(project: Project, progress: Progress, _: float | None) -> Warehouse:
    from handoff.warehouse.bigquery.warehouse import BigQueryWarehouse

    return BigQueryWarehouse(project.settings.bigquery, progress)


_OPEN: Mapping[str, Callable[[Project, Progress, float | None], Warehouse]] = {
    "duckdb": _duckdb,
    "bigquery": _bigquery,
}
