"""Contracts: sets of columns that templates rely on."""

from __future__ import annotations

from collections.abc import Mapping

CONTRACTS: Mapping[str, Mapping[str, str]] = {
    "phases": {
        "phase": "STRING",
        "title": "STRING",
        "unit": "STRING",
        "done": "INT64",
        "total": "INT64",
        "succeeded": "INT64",
        "failed": "INT64",
        "started_at": "TIMESTAMP",
        "last_progress_at": "TIMESTAMP",
        "done_recent": "INT64",
        "recent_minutes": "INT64",
    },
    "coverage": {
        "table_name": "STRING",
        "scheduled": "INT64",
        "excluded": "INT64",
        "actual": "INT64",
        "first_date": "DATE",
        "last_date": "DATE",
        "target_pct": "FLOAT64",
    },
}
"""The required columns of each contract; a query may return more, in any order."""
ROW_NAMES: Mapping[str, str] = {"phases": "phase", "coverage": "table_name"}
"""The column that names the rows of a contract without a `key:`."""
