"""`accept`: record who took a handoff over."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from handoff.base.files import replace_unchanged
from handoff.base.locks import locked
from handoff.base.problems import InvalidInput, Refused, UsageError
from handoff.commands import console, options
from handoff.facts import receipts
from handoff.facts.receipts import Receipt
from handoff.project.project import Project
from handoff.publish import gate
from handoff.sources import git_history
from handoff.values.printing import folded, timestamp_text
from handoff.workspace.document import load_receipts
from handoff.workspace.gather import load_facts
from handoff.workspace.load import find_session, open_project, read_session, successors
from handoff.workspace.paths import receipts_path
from handoff.workspace.tree import tree_changes

MAX_NAME = 80
MAX_NOTE = 1_000
"""Characters."""


def accept(
    session: options.SessionName,
    by: Annotated[
        str, typer.Option("--by", metavar="NAME", help="Name the person or agent accepting it.")
    ],
    note: Annotated[
        str | None,
        typer.Option(
            "--note", metavar="TEXT", help="Say in your own words what you understood."
        ),
    ] = None,
    root: options.Root = None,
) -> int:
    """The receipt also holds the time, the commit and a digest of the facts."""
    project = open_project(root)
    session_id = find_session(project, session)
    receipt = Receipt(
        by=_one_line("--by", by, MAX_NAME),
        at=datetime.now(UTC).replace(microsecond=0),
        commit=git_history.head(project.root),
        facts=receipts.digest(load_facts(project, session_id)),
        note=_one_line("--note", note, MAX_NOTE) if note else None,
    )
    path = receipts_path(session_id)
    with locked(project.path("sessions"), place=path):
        was = project.read(path)
        content = receipts.dump([*load_receipts(project, session_id), receipt])
        gate.hold(gate.text_problems(project, content, path))
        if not replace_unchanged(project.path(path), content.encode(), was, place=path):
            raise Refused(f"{path}: error: changed on disk meanwhile; run the command again")
    commit = f" at {receipt.commit[:7]}" if receipt.commit else ""
    console.note(f"{session_id} accepted by {receipt.by}, {timestamp_text(receipt.at)}{commit}")
    for change in _tree_changes(project, session_id):
        console.note(f"working tree: {change}")
    for other in successors(project).get(session_id, ()):
        console.note(f"it is superseded by {other}: handoff resume {other}")
    console.note(f"next: run 'handoff publish' to update the document, and commit {path} too")
    return 0


def _tree_changes(project: Project, session_id: str) -> tuple[str, ...]:
    """What differs from the recorded working tree; nothing for a session with errors."""
    try:
        session, _ = read_session(project, session_id)
        return tree_changes(project, session, load_facts(project, session_id))
    except InvalidInput:
        return ()


def _one_line(option: str, text: str, most: int) -> str:
    """The text as one line of visible characters. Raises UsageError."""
    line = folded(text)
    if not line or len(line) > most:
        found = f"has {len(line):,} characters" if line else "is empty"
        raise UsageError(f"'{option}' {found}, expected 1 to {most:,}")
    return line
