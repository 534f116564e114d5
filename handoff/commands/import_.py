"""`import`: a handoff written by hand becomes a session file."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from handoff import api
from handoff.base.files import disk, is_folder, is_plain, write_new
from handoff.base.problems import Refused, UsageError
from handoff.base.report import counted
from handoff.commands import console, options
from handoff.import_.document import MAX_BYTES
from handoff.session.keys import ID


def import_(
    document: Annotated[
        str | None, typer.Argument(metavar="DOC.md", help="The document.")
    ] = None,
    id: Annotated[  # noqa: A002 - the option's name
        str | None,
        typer.Option("--id", metavar="ID", help="The session's id."),
    ] = None,
    created: Annotated[
        str | None,
        typer.Option("--created", metavar="DATE", help="The day, where it does not say it."),
    ] = None,
    into: Annotated[
        str | None,
        typer.Option(
            "--into",
            metavar="SESSION",
            help="Take what a hand edited in the session's document into its file.",
        ),
    ] = None,
    stdout: Annotated[
        bool, typer.Option("--stdout", help="Print the session file; write nothing.")
    ] = False,
    root: options.Root = None,
) -> int:
    """Make a session file of a handoff written by hand.

    With --into, take what a hand edited in a session's document into its file.
    What cannot be carried over is told with its line; the document is not touched.
    """
    if into is not None:
        return _into(into, document, root, is_alone=not (id or created or stdout))
    if document is None:
        raise UsageError("handoff: error: missing argument 'DOC.md'")
    from handoff.import_.convert import import_document  # brings yaml and markdown_it
    from handoff.import_.document import read_document

    day, content = _day(created), _content(document)
    project = api.open_project(root)
    ids = project.session_ids()
    if id is not None and not re.fullmatch(ID, id):
        raise UsageError(f"handoff: error: '{id}' is no id: letters, digits, '.', '_' and '-'")
    if id in ids and not stdout:
        raise _is_there(api.session_path(str(id)))
    made = import_document(
        read_document(content, document),
        lambda session: api.render(project, api.LoadedSession(session, {}, ()), None).text,
        ids,
        session_id=id,
        created=day,
    )
    path = api.session_path(made.id)
    if stdout:
        console.out(made.yaml)
    elif not write_new(project.path(path), made.yaml.encode(), place=path):
        raise _is_there(path)
    console.problems(made.problems)
    blocks = f"{counted(made.structured, 'block')} as content, {made.verbatim} as they stand"
    console.note(f"{path}: template '{made.template}', {blocks}")
    if not stdout:
        console.note(f"next: handoff render {made.id}")
    return 1 if any(each.level == "error" for each in made.problems) else 0


def _into(session: str, document: str | None, root: str | None, *, is_alone: bool) -> int:
    """Take a hand's edits back; without a document, those of the published one."""
    from handoff.import_.merge import merge_document  # brings yaml

    if not is_alone:
        message = "'--into' does not go with '--id', '--created' or '--stdout'"
        raise UsageError(f"handoff: error: {message}")
    project = api.open_project(root)
    session_id = api.session_named(project, session)
    path = document or api.document_place(project, api.load(project, session_id).session)
    content = _content(document or str(project.path(path)))
    back = merge_document(project, session_id, content, path)
    for place, field in back.places:
        console.note(f"{place}: taken into {field}")
    console.problems(back.problems)
    if back.is_whole:
        console.note(f"the session says all of {path} now; next: handoff publish")
    return 1 if back.problems else 0


def _content(document: str) -> bytes:
    """The document's bytes. Raises UsageError, WorldError."""
    file = Path(document)
    with disk(document, "read"):
        if is_folder(file):
            raise UsageError(f"handoff: error: '{document}' is a folder, expected a document")
        if not is_plain(file):
            raise UsageError(f"handoff: error: no document '{document}'")
        with file.open("rb") as opened:
            return opened.read(MAX_BYTES + 1)


def _day(created: str | None) -> date | None:
    if created is None:
        return None
    try:
        return date.fromisoformat(created)
    except ValueError as error:
        message = f"handoff: error: '--created {created}' is not a day such as 2026-01-03"
        raise UsageError(message) from error


def _is_there(path: str) -> Refused:
    return Refused(f"{path}: error: is there already, give another id with '--id'")
