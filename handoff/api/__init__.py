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
    from handoff.api.accepting import accept, receipts_path, received
    from handoff.api.checking import case_of, check
    from handoff.api.gathering import facts_path, failures, frozen, gather, record, recorded
    from handoff.api.loading import (
        Loaded,
        load,
        loaded,
        open_project,
        queries,
        session_named,
        session_path,
    )
    from handoff.api.overviewing import overviews, superseded_by
    from handoff.api.prompting import given
    from handoff.api.publishing import Published, Unpublished, publish, unpublished
    from handoff.api.rendering import folders, live_of, render
    from handoff.api.resuming import Resumed, resume
    from handoff.api.standing import document_place, places
    from handoff.api.writing import hold, write

__all__ = [
    "Loaded",
    "Published",
    "Resumed",
    "Unpublished",
    "accept",
    "case_of",
    "check",
    "document_place",
    "facts_path",
    "failures",
    "folders",
    "frozen",
    "gather",
    "given",
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
    "accepting": (
        "accept",
        "receipts_path",
        "received",
    ),
    "checking": (
        "case_of",
        "check",
    ),
    "gathering": (
        "facts_path",
        "failures",
        "frozen",
        "gather",
        "record",
        "recorded",
    ),
    "loading": (
        *("Loaded", "load", "loaded", "open_project", "queries"),
        *("session_named", "session_path"),
    ),
    "overviewing": (
        "overviews",
        "superseded_by",
    ),
    "prompting": ("given",),
    "publishing": ("Published", "Unpublished", "publish", "unpublished"),
    "rendering": (
        "folders",
        "live_of",
        "render",
    ),
    "resuming": (
        "Resumed",
        "resume",
    ),
    "standing": ("document_place", "places"),
    "writing": ("hold", "write"),
}
"""Which module defines which names; imported when one of them is first asked for."""


def __getattr__(name: str) -> object:
    # slow: all verbs together import what only some of them need
    for module, names in _MODULES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
