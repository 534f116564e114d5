"""What there is to show of a session now: its document, or why the last one still stands."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from handoff import api
from handoff.api import LoadedSession
from handoff.base.problems import HandoffError, InvalidInput, Problem, Report
from handoff.facts.recorded import Facts
from handoff.project.project import Project
from handoff.render.document import Document


class PreviewSnapshot(Struct, frozen=True):
    """A session as the page has it at one moment."""

    session: str
    """The id."""
    document: Document | None = None
    """The last that could be made; `None` where none could yet."""
    made_at: datetime | None = None
    """When, in the time of this machine."""
    recorded: str = ""
    """Where its values come from, in words."""
    problems: tuple[Problem, ...] = ()
    """Of the files as they are now."""
    failure: str = ""
    """What else stands in the way now, as the command line would say it."""
    is_current: bool = True
    """Whether `document` is that of the files as they are now."""


def shown(root: str, last: PreviewSnapshot) -> PreviewSnapshot:
    """The session as its files are now; the document of `last` where there are mistakes.

    The settings are read again too. Nothing is asked.
    """
    try:
        return _made(api.open_project(root), last.session)
    except InvalidInput as error:
        return replace(last, is_current=False, problems=error.report.problems, failure="")
    except HandoffError as error:
        return replace(last, is_current=False, problems=(), failure=str(error))
    except Exception as error:  # a bug: a page that stood still would say nothing of it
        failure = f"handoff: bug: {type(error).__name__}: {error}"
        return replace(last, is_current=False, problems=(), failure=failure)


def _made(project: Project, session_id: str) -> PreviewSnapshot:
    """Raises HandoffError, also where the document holds a secret."""
    loaded = api.load(project, api.session_named(project, session_id))
    facts = api.recorded(project, session_id)
    document = api.render(project, loaded, facts)
    api.hold(project, document)
    found = (*loaded.warnings, *document.problems, *_of_facts(project, loaded, facts, document))
    return PreviewSnapshot(
        session=session_id,
        document=document,
        made_at=datetime.now().astimezone(),
        recorded=_recorded(loaded, facts),
        problems=Report.of(found).problems,
    )


def _of_facts(
    project: Project, loaded: LoadedSession, facts: Facts | None, document: Document
) -> Iterator[Problem]:
    """Facts that are missing, answer another question than is asked now, or failed."""
    from handoff.check import queries  # brings markdown_it

    case = api.case_of(project, loaded.session, loaded.queries, facts, document)
    for rule in (queries.fact_missing, queries.fact_stale, queries.fact_failed):
        yield from rule(case)


def _recorded(loaded: LoadedSession, facts: Facts | None) -> str:
    if not loaded.session.questions:
        return "the session asks nothing"
    if facts is None or facts.as_of is None:
        return "nothing is recorded: live values are blank"
    return f"values recorded as of {facts.as_of:%Y-%m-%d %H:%M} UTC, nothing is asked here"
