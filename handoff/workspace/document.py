"""Render: a loaded session and its facts as a document."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from handoff.base.data import data_folder
from handoff.facts.recorded import Facts
from handoff.project.project import Project
from handoff.publish.archive import Places
from handoff.publish.links import relinked, rooted
from handoff.render.document import Document, document_path
from handoff.workspace.gather import earlier
from handoff.workspace.load import LoadedSession
from handoff.workspace.locations import document_place, places
from handoff.workspace.receipts import received

if TYPE_CHECKING:
    from handoff.render.templates import Folders
    from handoff.values.interpolate import Interpolator


def render(
    project: Project,
    loaded: LoadedSession,
    facts: Facts | None,
    *,
    stale_ok: bool = False,
    where: Places | None = None,
) -> Document:
    """The session's document with `facts`; without any its live values are blanks.

    `where` documents stand is found out where it is not given. Raises InvalidInput.
    """
    from handoff.render.render import provenance, receipt_lines
    from handoff.render.render import render as rendered  # slow: brings jinja2

    where = places(project) if where is None else where
    planned = document_path(loaded.session, project.settings.output)
    document = rendered(
        loaded.session,
        live_of(project, loaded, facts, stale_ok=stale_ok, where=where),
        folders(project),
        output=project.settings.output,
        provenance=provenance(facts, stale_ok=stale_ok),
        receipts=receipt_lines(received(project, loaded.session.id), facts),
    )
    return replace(
        document,
        path=where.of(planned),
        text=relinked(document.text, planned, where),
        prompt=None if document.prompt is None else rooted(document.prompt, where),
        prompts={name: rooted(text, where) for name, text in document.prompts.items()},
    )


def live_of(
    project: Project,
    loaded: LoadedSession,
    facts: Facts | None,
    *,
    stale_ok: bool = False,
    where: Places | None = None,
) -> Interpolator:
    """What the session's texts and conditions cite, answered from `facts`."""
    from handoff.values.interpolate import Interpolator  # slow: brings jinja2

    settings = project.settings
    return Interpolator(
        loaded.session,
        facts,
        loaded.queries,
        document=document_place(project, loaded.session, where),
        stalled_minutes=settings.progress.stalled_minutes,
        zone=ZoneInfo(settings.timezone),
        stale_ok=stale_ok,
        earlier=earlier(project, loaded.session) if facts else {},
    )


def folders(project: Project) -> Folders:
    """Where the project's templates are found."""
    from handoff.render.templates import Folders  # slow: brings jinja2

    return Folders(
        project.root,
        project=project.settings.templates,
        sessions="sessions",
        package=data_folder("templates"),
    )
