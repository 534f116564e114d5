"""`import`: convert a Markdown handoff to a session file."""

from __future__ import annotations

import re
from pathlib import Path
from shlex import quote
from typing import Annotated

import typer

from handoff.base.files import disk, is_folder, is_plain, write_new
from handoff.base.problems import Refused, UsageError
from handoff.base.report import counted
from handoff.commands import console, options
from handoff.import_.document import MAX_BYTES
from handoff.publish.signature import signature
from handoff.session.values import ID
from handoff.workspace.document import render
from handoff.workspace.load import LoadedSession, find_session, load_session, open_project
from handoff.workspace.paths import document_place, session_path


def import_(
    document: Annotated[
        str | None, typer.Argument(metavar="DOC.md", help="The Markdown document.")
    ] = None,
    id: Annotated[
        str | None,
        typer.Option("--id", metavar="ID", help="ID of the new session."),
    ] = None,
    created: Annotated[
        str | None,
        typer.Option(
            "--created", metavar="DATE", help="Date of the session, if the document has none."
        ),
    ] = None,
    into: Annotated[
        str | None,
        typer.Option(
            "--into",
            metavar="SESSION",
            help="Merge manual edits of the session's document into its file.",
            autocompletion=options.completer("session_ids"),
        ),
    ] = None,
    stdout: Annotated[
        bool, typer.Option("--stdout", help="Print the session file; write nothing.")
    ] = False,
    root: options.Root = None,
) -> int:
    """With --into, merge manual edits of a session's document into its file. What cannot be
    carried over is reported with its line; the document stays unchanged.
    """
    if into is not None:
        if id or created or stdout:
            message = "'--into' cannot be combined with '--id', '--created' or '--stdout'"
            raise UsageError(f"{message}")
        return _merge(into, document, root)
    if document is None:
        raise UsageError("missing argument 'DOC.md'")
    from handoff.import_.convert import import_document  # brings yaml and markdown_it
    from handoff.import_.document import read_document

    day, content = options.day("--created", created), _read(document)
    project = open_project(root)
    ids = project.session_ids()
    if id is not None and not re.fullmatch(ID, id):
        message = f"invalid session id '{id}' (expected letters, digits, '.', '_' and '-')"
        raise UsageError(f"{message}")
    if id in ids and not stdout:
        raise _exists(session_path(str(id)))
    result = import_document(
        read_document(content, document),
        lambda session: render(project, LoadedSession(session, {}, ()), None).text,
        ids,
        session_id=id,
        created=day,
        titles=project.settings.titles,
    )
    path = session_path(result.id)
    if stdout:
        console.out(result.yaml)
    elif not write_new(project.path(path), result.yaml.encode(), place=path):
        raise _exists(path)
    console.problems(result.problems)
    blocks = f"{counted(result.structured, 'block')} as content, {result.verbatim} verbatim"
    console.note(f"{path}: template '{result.template}', {blocks}")
    owner = signature(content).owner
    if owner in ids:
        console.note(
            f"{document} was written by handoff; to merge its manual edits: "
            f"handoff import --into {owner} {quote(document)}"
        )
    if not stdout:
        console.note(f"next: handoff render {result.id}")
    return 1 if any(each.level == "error" for each in result.problems) else 0


def _merge(session: str, document: str | None, root: str | None) -> int:
    """Merge manual edits; without a document, those of the published one."""
    from handoff.import_.merge import merge_document  # brings yaml

    project = open_project(root)
    session_id = find_session(project, session)
    path = document or document_place(project, load_session(project, session_id).session)
    content = _read(document or str(project.path(path)))
    result = merge_document(project, session_id, content, path)
    for place, field in result.places:
        console.note(f"{place}: merged into {field}")
    console.problems(result.problems)
    if result.is_whole and not result.places:
        console.note(f"the session has every edit of {path}; next: handoff publish")
    elif result.is_whole:
        console.note(f"all edits of {path} were merged into the session; next: handoff publish")
    elif not result.problems:
        console.note(
            f"all edits of {path} were merged into the session, which changes other lines, "
            "too; next: handoff publish --overwrite"
        )
    return 1 if result.problems else 0


def _read(document: str) -> bytes:
    """The document's bytes. Raises UsageError, WorldError."""
    file = Path(document)
    with disk(document, "read"):
        if is_folder(file):
            raise UsageError(f"'{document}' is a folder, expected a document")
        if not is_plain(file):
            raise UsageError(f"no document '{document}'")
        with file.open("rb") as opened:
            return opened.read(MAX_BYTES + 1)


def _exists(path: str) -> Refused:
    return Refused(f"{path}: error: already exists; choose another id with '--id'")
