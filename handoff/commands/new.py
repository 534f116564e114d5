"""`new`: create the next session."""

from __future__ import annotations

from typing import Annotated

import typer

from handoff.base.problems import InvalidInput, UsageError
from handoff.base.report import counted
from handoff.commands import console, options
from handoff.workspace.load import find_session, load_session, open_project


def new(
    session: Annotated[
        str | None,
        typer.Argument(
            metavar="[SESSION]",
            help="ID of the new session (default: 'next.id' of the previous one).",
        ),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="SESSION",
            help="Session to continue from (default: latest).",
            autocompletion=options.completer("session_ids"),
        ),
    ] = None,
    bare: Annotated[bool, typer.Option("--bare", help="Carry nothing over.")] = False,
    created: Annotated[
        str | None,
        typer.Option("--created", metavar="DATE", help="Date of the session (default: today)."),
    ] = None,
    template: Annotated[
        str | None,
        typer.Option(
            "--template",
            metavar="NAME",
            help="Use the template handoff, brief or your own.",
            autocompletion=options.completer("templates"),
        ),
    ] = None,
    root: options.Root = None,
) -> int:
    """Objectives, unchecked items, decisions and facts are carried over."""
    from handoff.edit.new_session import begin  # slow: brings yaml

    if bare and source:
        raise UsageError("'--bare' cannot be combined with '--from'")
    project = open_project(root)
    has_source = source or (project.session_ids() and not bare)
    created_session = begin(
        project,
        session,
        created=options.day("--created", created) or project.today(),
        source_id=find_session(project, source or "latest") if has_source else None,
        template=template,
    )
    counts = created_session.counts.items()
    parts = [counted(count, word) for word, count in counts if count]
    parts += [f"after {created_session.source}"] if created_session.source else []
    content = ", ".join(parts) or "a skeleton"
    session_id = created_session.session
    console.note(f"wrote {created_session.path}: {content}; next: handoff todo {session_id}")
    unprinted = ", ".join(f"'{key}'" for key in created_session.unprinted)
    if created_session.template:
        name = created_session.template
        console.note(f"uses template '{name}', as the previous one does not print {unprinted}")
    elif unprinted:
        console.note(f"left out {unprinted}: the template does not print them")
    for title in created_session.left_out:
        console.note(f"left out '{title}': the template has no place for a section")
    try:
        load_session(project, session_id)
    except InvalidInput as error:
        console.problems(error.report.problems)
        return 1
    return 0
