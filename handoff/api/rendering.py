"""Render: a loaded session and its facts as a document."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from handoff.api.accepting import received
from handoff.api.loading import Loaded
from handoff.data import data_folder
from handoff.document import Document, document_path
from handoff.facts import Facts
from handoff.project import Project

if TYPE_CHECKING:
    from handoff.live import Live
    from handoff.templating import Folders


def render(
    project: Project, loaded: Loaded, facts: Facts | None, *, stale_ok: bool = False
) -> Document:
    """The session's document with `facts`; without any its live values are blanks.

    Raises InvalidInput.
    """
    from handoff.provenance import provenance
    from handoff.receipts import words
    from handoff.render import render as rendered  # slow: brings jinja2

    return rendered(
        loaded.session,
        live_of(project, loaded, facts, stale_ok=stale_ok),
        folders(project),
        output=project.settings.output,
        provenance=provenance(facts, stale_ok=stale_ok),
        receipts=words(received(project, loaded.session.id), facts),
    )


def live_of(
    project: Project, loaded: Loaded, facts: Facts | None, *, stale_ok: bool = False
) -> Live:
    """What the session's texts and conditions cite, answered from `facts`."""
    from handoff.live import Live  # slow: brings jinja2

    settings = project.settings
    return Live(
        loaded.session,
        facts,
        loaded.queries,
        document=document_path(loaded.session, settings.output),
        stalled_minutes=settings.progress.stalled_minutes,
        zone=ZoneInfo(settings.timezone),
        stale_ok=stale_ok,
    )


def folders(project: Project) -> Folders:
    """Where the project's templates are found."""
    from handoff.templating import Folders  # slow: brings jinja2

    return Folders(
        project.root,
        project=project.settings.templates,
        sessions="sessions",
        package=data_folder("templates"),
    )
