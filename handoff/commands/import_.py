"""`import`: convert a Markdown handoff to a session file."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated

import typer

from handoff.base.files import disk, is_folder, is_plain, write_new
from handoff.base.problems import Refused, UsageError
from handoff.base.report import counted
from handoff.commands import console, options
from handoff.import_.document import MAX_BYTES
from handoff.project.project import Project
from handoff.publish import gate
from handoff.publish.signature import MOVED, signature
from handoff.session.model import Session
from handoff.session.values import ID
from handoff.sources import git_history
from handoff.workspace.document import render
from handoff.workspace.gather import locked_sessions
from handoff.workspace.load import LoadedSession, find_session, load_session, open_project
from handoff.workspace.paths import document_place, session_path

if TYPE_CHECKING:
    from handoff.import_.folder import ImportedDocument, PlannedDocument


def import_(
    document: Annotated[
        str | None,
        typer.Argument(metavar="DOC.md", help="The Markdown document, or a folder of them."),
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
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Report what would be imported; write nothing.")
    ] = False,
    root: options.Root = None,
) -> int:
    """With --into, merge manual edits of a session's document into its file. What cannot be
    carried over is reported with its line; the document stays unchanged.
    """
    if into is not None:
        if id or created or stdout or dry_run:
            message = "'--into' cannot be combined with '--id', '--created', '--stdout' or "
            message += "'--dry-run'"
            raise UsageError(f"{message}")
        return _merge(into, document, root)
    if document is None:
        raise UsageError("missing argument 'DOC.md'")
    if is_folder(Path(document)):
        if id or created or stdout:
            message = "a folder cannot be combined with '--id', '--created' or '--stdout'"
            raise UsageError(message)
        return _import_folder(Path(document), root, dry_run=dry_run)
    from handoff.import_.convert import import_document  # brings yaml and markdown_it
    from handoff.import_.document import read_document

    day, content = options.day("--created", created), _read(document)
    project = open_project(root)
    text = content.decode("utf-8", "replace")
    gate.hold(gate.text_problems(project, text, document))
    ids = project.session_ids()
    if id is not None and not re.fullmatch(ID, id):
        message = f"invalid session id '{id}' (expected letters, digits, '.', '_' and '-')"
        raise UsageError(f"{message}")
    if id in ids and not stdout:
        raise _exists(session_path(str(id)))
    owner = (signature(content).owner or "").removeprefix(MOVED)
    own = (
        f"already the document of the session '{owner}'; to merge its manual edits: "
        f"handoff import --into {owner} {quote(document)}"
    )
    if owner in ids and not stdout:
        raise Refused(f"{document}: error: {own}")
    result = import_document(
        read_document(content, document),
        _renderer(project),
        ids,
        session_id=id,
        created=day,
        committed=lambda: _first_commit(project, document),
        titles=project.settings.titles,
    )
    path = session_path(result.id)
    if stdout:
        console.out(result.yaml)
    elif not dry_run:
        with locked_sessions(project):
            is_new = write_new(project.path(path), result.yaml.encode(), place=path)
        if not is_new:
            raise _exists(path)
    console.problems(result.problems)
    blocks = f"{counted(result.structured, 'block')} as content, {result.verbatim} verbatim"
    console.note(f"{path}: template '{result.template}', {blocks}")
    if owner in ids:
        console.note(f"{document}: {own}")
    if not stdout and not dry_run:
        console.note(f"next: handoff render {result.id}")
    return 1 if any(each.level == "error" for each in result.problems) else 0


def _first_commit(project: Project, document: str) -> date | None:
    """The day on which git has the document first."""
    path = Path(os.path.relpath(Path(document).resolve(), project.root)).as_posix()
    return git_history.first_days(project.root).get(path)


def _renderer(project: Project) -> Callable[[Session], str]:
    return lambda session: render(project, LoadedSession(session, {}, ()), None).text


# --- folders -------------------------------------------------------------------------------


def _import_folder(folder: Path, root: str | None, *, dry_run: bool) -> int:
    """Import every document of a folder; print a line for each, and the figures of all."""
    from handoff.import_.folder import FolderImport  # brings yaml and markdown_it

    project = open_project(root)
    progress = console.ProgressLine()
    work = FolderImport(project, folder, _renderer(project))
    if not work.count:
        raise UsageError(f"no Markdown documents in '{folder}', expected files such as 'X.md'")
    plans = work.plan(progress)
    done: list[ImportedDocument] = []
    widths = [max(map(len, each)) for each in zip(_HEAD, *map(_names, plans), strict=True)]
    for each in work.convert(plans, progress, dry_run=dry_run):
        if not done:
            console.out(_row(_HEAD, widths, "day (from)", "typed", "prompts", "next", "status"))
        done.append(each)
        work.problems += each.problems
        day, has_next = (
            f"{each.plan.day} ({each.plan.day_from})",
            "yes" if each.has_next else "no",
        )
        columns = (day, f"{each.typed:.0%}", f"{each.prompts}", has_next, each.status or "-")
        console.out(_row(_names(each.plan), widths, *columns))
    console.problems(work.problems)
    for line in _figures(done, work.count, dry_run=dry_run):
        console.note(line)
    if done and not dry_run:
        console.note("next: handoff publish")
    return 1 if any(each.level == "error" for each in work.problems) else 0


_HEAD = ("document", "session")


def _row(names: Sequence[str], widths: Sequence[int], *columns: str) -> str:
    day, typed, prompts, following, status = columns
    cells = [f"{name:<{width}}" for name, width in zip(names, widths, strict=True)]
    cells += [f"{day:<19}", f"{typed:>5}", f"{prompts:>7}", f"{following:>4}", status]
    return f"{'  '.join(cells)}\n"


def _names(plan: PlannedDocument) -> tuple[str, str]:
    return plan.path, plan.session_id


def _figures(done: Sequence[ImportedDocument], count: int, *, dry_run: bool) -> Iterator[str]:
    """What was found in all documents together."""
    what = "would import" if dry_run else "imported"
    yield f"{what} {len(done):,} of {counted(count, 'document')}"
    if not done:
        return
    keys = Counter(key for each in done for key in each.keys)
    typed = sum(bool(each.keys) for each in done)
    share = sum(each.typed * each.size for each in done) / (sum(x.size for x in done) or 1)
    yield f"typed: {typed:,} documents, {share:.0%} of the bytes"
    yield f"keys: {', '.join(f'{key} {n:,}' for key, n in keys.most_common())}"
    found = {
        "prompt": sum(each.prompts > 0 for each in done),
        "next session": sum(each.has_next for each in done),
        "status": sum(each.status is not None for each in done),
    }
    days = Counter(each.plan.day_from for each in done)
    yield f"found: {', '.join(f'{name} {n:,}' for name, n in found.items())}"
    yield f"day from: {', '.join(f'{name} {n:,}' for name, n in days.most_common())}"


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
