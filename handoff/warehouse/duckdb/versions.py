"""The versions of DuckDB and sqlglot for which every case of docs/engines.md is compared.

A minor version of either has changed results before: `REGEXP_EXTRACT` without a match was an
empty text with sqlglot 30.29, and `MOD(5, 0)` NULL with DuckDB 1.5. So others are refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import duckdb
import sqlglot

from handoff.base.problems import WorldError

COMPARED: Mapping[str, tuple[str, str]] = {
    "duckdb": ("2.0.0", "2.1"),
    "sqlglot": ("30.30.0", "30.31"),
}
"""From the first to below the second; pyproject.toml has the same."""


def installed() -> Mapping[str, str]:
    """The versions that are installed, as provenance records them."""
    sqlglot_version: str = sqlglot.__version__  # type: ignore[attr-defined]
    return {"duckdb": duckdb.__version__, "sqlglot": sqlglot_version}


def lowest() -> tuple[str, ...]:
    """The first version of each: `duckdb==2.0.0`."""
    return tuple(f"{name}=={first}" for name, (first, _) in COMPARED.items())


def newest() -> tuple[str, ...]:
    """The newest compared version of each, for pip: `duckdb>=2.0.0,<2.1`."""
    return tuple(f"{name}>={first},<{end}" for name, (first, end) in COMPARED.items())


def problems() -> Iterator[str]:
    """Each installed version that is not compared, with the expected one."""
    for name, version in installed().items():
        first, end = COMPARED[name]
        if not _numbers(first) <= _numbers(version) < _numbers(end):
            yield f"{name} {version}, expected >={first},<{end}"


def require() -> None:
    """Raise WorldError where results may differ from those of BigQuery."""
    found = "; ".join(problems())
    if found:
        raise WorldError(
            f"the embedded engine does not run with {found}: results may differ from "
            f"BigQuery's; {fix()}"
        )


def fix() -> str:
    """How to install the compared versions."""
    return "run 'pip install " + " ".join(f'"{each}"' for each in newest()) + "'"


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", version)[:3]))
