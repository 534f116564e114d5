"""Which warehouse a project asks, opened."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from handoff.base.problems import UsageError, nearest
from handoff.project.project import Project
from handoff.project.settings import ENGINES, Engine
from handoff.warehouse import Progress, Warehouse


def engine_of(project: Project, given: str | None) -> Engine:
    """The engine that was given, else the one in the settings; never an assumed one.

    Raises UsageError.
    """
    chosen = given or project.settings.engine
    if chosen is None:
        raise UsageError(
            "handoff: error: no engine is set: write 'engine: duckdb' or 'engine: bigquery' "
            "into handoff.yaml, or give '--engine'"
        )
    if chosen not in ENGINES:
        known = nearest(chosen, ENGINES) or f", expected {' or '.join(ENGINES)}"
        raise UsageError(f"handoff: error: unknown engine '{chosen}'{known}")
    return next(engine for engine in ENGINES if engine == chosen)


def opened(project: Project, engine: Engine, progress: Progress) -> Warehouse:
    """The warehouse of `project`, ready to be asked. Raises UsageError and WorldError."""
    return _OPEN[engine](project, progress)


def _duckdb(project: Project, progress: Progress) -> Warehouse:
    from handoff.warehouse.duckdb import warehouse  # slow: only asking needs it

    path = project.settings.duckdb.path
    if path is not None:
        return warehouse.open_file(project.path(path))
    return warehouse.open_sample(project.sample_folder(), progress=progress)


def _bigquery(project: Project, progress: Progress) -> Warehouse:
    from handoff.warehouse.bigquery.warehouse import (
        BigQueryWarehouse,  # slow: only asking needs it
    )

    return BigQueryWarehouse(project.settings.bigquery, progress)


_OPEN: Mapping[str, Callable[[Project, Progress], Warehouse]] = {
    "duckdb": _duckdb,
    "bigquery": _bigquery,
}
