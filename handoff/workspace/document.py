"""Build a session's document from its facts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from handoff.base.data import data_folder
from handoff.base.patterns import import_with_lazy_patterns
from handoff.base.problems import UsageError, nearest
from handoff.facts.recorded import Facts
from handoff.project.project import Project
from handoff.publish import gate
from handoff.publish.archive import Places, relinked, rooted
from handoff.render.document import DATA as DATA
from handoff.render.document import Document, count_checked, document_path, status
from handoff.session.model import Session
from handoff.session.reading_list import prompts
from handoff.session.titles import join_titles
from handoff.session.walk import leaves
from handoff.workspace.gather import earlier
from handoff.workspace.load import LoadedSession
from handoff.workspace.paths import document_place, places, receipts_path, session_path

if TYPE_CHECKING:
    from handoff.facts.receipts import Receipt
    from handoff.render.standalone import Standalone
    from handoff.render.templates import Folders
    from handoff.values.interpolate import Interpolator, ValueMarker
    from handoff.values.view import Cells


def render(
    project: Project,
    loaded: LoadedSession,
    facts: Facts | None,
    *,
    stale_ok: bool = False,
    where: Places | None = None,
    prompts_of_blanks: bool = True,
    marker: ValueMarker | None = None,
) -> Document:
    """The session's document with `facts`; without any its live values are blanks.

    `where` defaults to the project's places; without `prompts_of_blanks` its blanks do not
    say which prompts show them; `marker` marks the values. Raises InvalidInput.
    """
    import_with_lazy_patterns("jinja2")
    from handoff.render.render import provenance, receipt_lines
    from handoff.render.render import render as render_document  # slow: brings jinja2

    where = places(project) if where is None else where
    planned = document_path(loaded.session, project.settings.output)
    receipts = load_receipts(project, loaded.session.id)
    live = interpolator(project, loaded, facts, stale_ok=stale_ok, where=where, marker=marker)
    sentences = provenance(facts, stale_ok=stale_ok)
    document = render_document(
        loaded.session,
        live,
        template_folders(project),
        output=project.settings.output,
        titles=join_titles(loaded.session.titles, project.settings.titles),
        provenance=sentences,
        receipts=receipt_lines(receipts, facts) if receipts else (),
        standalone=_standalone(project, loaded.session, facts, live, planned, sentences),
        prompts_of_blanks=prompts_of_blanks,
    )
    return replace(
        document,
        path=where.home(planned),
        text=relinked(document.text, planned, where),
        prompt=None if document.prompt is None else rooted(document.prompt, where),
        prompts={name: rooted(text, where) for name, text in document.prompts.items()},
    )


def _standalone(
    project: Project,
    session: Session,
    facts: Facts | None,
    live: Interpolator,
    path: str,
    provenance: Sequence[str],
) -> Mapping[str, Standalone]:
    """What each standalone prompt has in addition, by the name of the prompt."""
    settings = project.settings.prompt
    wanted = [
        name
        for name, prompt in prompts(session).items()
        if prompt.text is None
        and (settings.standalone if prompt.standalone is None else prompt.standalone)
    ]
    if not wanted:
        return {}
    from handoff.render.standalone import standalone_content  # only where it is set

    blanks = sum(len(live.leaf_blanks(leaf)) for leaf in leaves(session))
    words = status(
        session,
        lambda text: live.text(text, "prompt"),
        count_checked(session),
        blanks=blanks,
    )
    content = standalone_content(
        session,
        facts,
        document=path,
        budget_tokens=settings.budget_tokens,
        status=words,
        provenance=provenance,
    )
    return dict.fromkeys(wanted, content)


def interpolator(
    project: Project,
    loaded: LoadedSession,
    facts: Facts | None,
    *,
    stale_ok: bool = False,
    where: Places | None = None,
    marker: ValueMarker | None = None,
) -> Interpolator:
    """Evaluates the live values in the session's texts and conditions with `facts`."""
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
        marker=marker,
    )


def cells(
    project: Project, loaded: LoadedSession, facts: Facts | None, *, with_earlier: bool = True
) -> Cells:
    """Every value of `facts`, by name; also those of the sessions they are compared with."""
    from handoff.values.view import Cells

    settings = project.settings
    stalled, zone = settings.progress.stalled_minutes, ZoneInfo(settings.timezone)
    before = earlier(project, loaded.session) if with_earlier else {}
    return Cells(loaded.session, facts, loaded.queries, stalled, zone, before)


def template_folders(project: Project) -> Folders:
    """Where the project's templates are looked up."""
    from handoff.render.templates import Folders  # slow: brings jinja2

    return Folders(
        project.root,
        project=project.settings.templates,
        sessions="sessions",
        package=data_folder("templates"),
    )


def load_receipts(project: Project, session_id: str) -> tuple[Receipt, ...]:
    """The session's receipts, the oldest first. Raises InvalidInput, WorldError."""
    path = receipts_path(session_id)
    source = project.read_input(path)
    if source is None:
        return ()
    from handoff.facts import receipts  # not for a session without receipts

    return receipts.load(source, path)


def overdue(
    project: Project, loaded: LoadedSession, facts: Facts | None, now: datetime
) -> tuple[str, ...]:
    """The session's overdue actions and checkpoint, their texts with the values of `facts`."""
    from handoff.render.document import deadline_text, overdue_deadlines

    late = overdue_deadlines(loaded.session, now, ZoneInfo(project.settings.timezone))
    if not late:
        return ()
    live = interpolator(project, loaded, facts, stale_ok=True)
    return tuple(deadline_text(each, lambda text: live.text(text, "prompt")) for each in late)


def get_prompt(project: Project, document: Document, name: str) -> str:
    """The prompt of that name.

    Raises UsageError where there is none, and InvalidInput where it holds a secret.
    """
    path, names = session_path(document.session), tuple(document.prompts)
    if not names:
        raise UsageError("the session has no 'prompt:'", place=path)
    if name not in names:
        known = nearest(name, names) or f", expected {' or '.join(names)}"
        raise UsageError(f"the session has no prompt '{name}'{known}", place=path)
    refuse_secrets(project, document.prompts[name], document.path, document.session)
    return document.prompts[name]


def refuse_secrets(project: Project, text: str, path: str, session_id: str) -> None:
    """Raises InvalidInput where `text`, printed or written to `path`, looks like a secret."""
    gate.hold(gate.document_problems(project, text, path, session_path(session_id)))
