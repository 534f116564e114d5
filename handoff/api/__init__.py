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
from handoff.api.publishing import Published, Unpublished, hold, publish, unpublished, write
from handoff.api.rendering import folders, live_of, render
from handoff.api.resuming import Resumed, resume
from handoff.api.standing import document_place, places

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
