"""The verbs, as Python calls: load, gather, render, check, publish.

    project = open_project()
    loaded = load(project, "session-1")
    facts = gather(project, loaded, engine="duckdb")
    document = render(project, loaded, facts)
    write(project, document)

Each raises a HandoffError (InvalidInput, Refused, UsageError, WorldError) for what a person
can mend; its `exit_code` is that of the command.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from handoff.workspace.check import case_of, check
    from handoff.workspace.document import folders, live_of, render
    from handoff.workspace.gather import facts_path, failures, frozen, gather, record, recorded
    from handoff.workspace.load import (
        LoadedSession,
        load,
        loaded,
        open_project,
        queries,
        session_named,
        session_path,
    )
    from handoff.workspace.locations import document_place, places
    from handoff.workspace.overview import overviews, superseded_by
    from handoff.workspace.prompt import get_prompt
    from handoff.workspace.publish import PublishResult, UnpublishedChange, publish, unpublished
    from handoff.workspace.receipts import accept, receipts_path, received
    from handoff.workspace.resume import ResumeResult, resume
    from handoff.workspace.write import hold, write

__all__ = [
    "LoadedSession",
    "PublishResult",
    "ResumeResult",
    "UnpublishedChange",
    "accept",
    "case_of",
    "check",
    "document_place",
    "facts_path",
    "failures",
    "folders",
    "frozen",
    "gather",
    "get_prompt",
    "hold",
    "live_of",
    "load",
    "loaded",
    "open_project",
    "overviews",
    "places",
    "publish",
    "queries",
    "receipts_path",
    "received",
    "record",
    "recorded",
    "render",
    "resume",
    "session_named",
    "session_path",
    "superseded_by",
    "unpublished",
    "write",
]

_MODULES: Mapping[str, tuple[str, ...]] = {
    "workspace.receipts": (
        "accept",
        "receipts_path",
        "received",
    ),
    "workspace.check": (
        "case_of",
        "check",
    ),
    "workspace.gather": (
        "facts_path",
        "failures",
        "frozen",
        "gather",
        "record",
        "recorded",
    ),
    "workspace.load": (
        *("LoadedSession", "load", "loaded", "open_project", "queries"),
        *("session_named", "session_path"),
    ),
    "workspace.overview": (
        "overviews",
        "superseded_by",
    ),
    "workspace.prompt": ("get_prompt",),
    "workspace.publish": ("PublishResult", "UnpublishedChange", "publish", "unpublished"),
    "workspace.document": (
        "folders",
        "live_of",
        "render",
    ),
    "workspace.resume": (
        "ResumeResult",
        "resume",
    ),
    "workspace.locations": ("document_place", "places"),
    "workspace.write": ("hold", "write"),
}
"""Which module defines which names; imported when one of them is first asked for."""


def __getattr__(name: str) -> object:
    # slow: all verbs together import what only some of them need
    for module, names in _MODULES.items():
        if name in names:
            return getattr(import_module(f"handoff.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
