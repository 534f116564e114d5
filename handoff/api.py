"""The public Python calls: load, gather, render, write, check, publish.

    project = open_project()
    loaded = load(project, "session-1")
    facts = gather(project, loaded, engine="duckdb")
    document = render(project, loaded, facts)
    write(project, document)

Each raises a HandoffError (InvalidInput, Refused, UsageError, WorldError) for what the user can
fix; its `exit_code` is that of the command.
"""

from __future__ import annotations

from collections.abc import Mapping
from warnings import warn

from handoff.workspace.check import check
from handoff.workspace.document import render
from handoff.workspace.gather import failure_problems, gather, load_facts, record
from handoff.workspace.gather import load_frozen_facts as frozen
from handoff.workspace.load import LoadedSession, load_queries, open_project
from handoff.workspace.load import find_session as session_named
from handoff.workspace.load import load_session as load
from handoff.workspace.paths import (
    document_place,
    facts_path,
    places,
    receipts_path,
    session_path,
)
from handoff.workspace.publish import (
    PublishResult,
    UnpublishedChange,
    publish,
    unpublished,
    write,
)

__all__ = [
    "LoadedSession",
    "PublishResult",
    "UnpublishedChange",
    "check",
    "document_place",
    "facts_path",
    "failure_problems",
    "frozen",
    "gather",
    "load",
    "load_facts",
    "load_queries",
    "open_project",
    "places",
    "publish",
    "receipts_path",
    "record",
    "render",
    "session_named",
    "session_path",
    "unpublished",
    "write",
]

_RENAMED: Mapping[str, str] = {
    "Loaded": "LoadedSession",
    "Published": "PublishResult",
    "Unpublished": "UnpublishedChange",
    "failures": "failure_problems",
    "queries": "load_queries",
    "recorded": "load_facts",
}


def __getattr__(name: str) -> object:
    """Former names, which work for a while. Raises AttributeError."""
    new = _RENAMED.get(name)
    if new is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    warn(f"handoff.api.{name} is deprecated; use {new}", DeprecationWarning, stacklevel=2)
    return globals()[new]
