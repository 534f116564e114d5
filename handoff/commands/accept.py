"""`accept` and `status`: who has which handoff."""

from __future__ import annotations

from typing import Annotated

import typer

from handoff import api
from handoff.commands import console, options
from handoff.values.printing import moment
from handoff.workspace import overview_report


def accept(
    session: options.SessionName,
    by: Annotated[str, typer.Option("--by", metavar="NAME", help="Who takes it over.")],
    note: Annotated[
        str | None,
        typer.Option("--note", metavar="TEXT", help="What you understood, in your words."),
    ] = None,
    root: options.Root = None,
) -> int:
    """Record who took a handoff over.

    When, at which commit and with which facts is recorded with it.
    """
    project = api.open_project(root)
    session_id = api.session_named(project, session)
    receipt = api.accept(project, session_id, by=by, note=note)
    commit = f" at {receipt.commit[:7]}" if receipt.commit else ""
    console.note(f"{session_id} is accepted by {receipt.by}, {moment(receipt.at)}{commit}")
    for other in api.superseded_by(project, session_id):
        console.note(f"it is superseded by {other}: handoff resume {other}")
    path = api.receipts_path(session_id)
    console.note(f"next: 'handoff publish' shows it in the document, commit {path} with it")
    return 0


def status(
    format: Annotated[  # noqa: A002 - the option's name
        str, typer.Option("--format", metavar="FORMAT", help="text, json or md.")
    ] = "text",
    root: options.Root = None,
) -> int:
    """List the sessions: how far each is, and who has it."""
    options.known_format(format, overview_report.FORMATS)
    project = api.open_project(root)
    found, problems = api.overviews(project, now=options.this_minute())
    console.problems(problems)
    console.out(overview_report.FORMATS[format](found))
    if not found and not problems:
        console.note("no session here; 'handoff init' writes a first one")
    return 1 if problems else 0
