"""Accept: a handoff's receipts, read and added to."""

from __future__ import annotations

from datetime import UTC, datetime

from handoff.base import secrets
from handoff.base.files import write_whole
from handoff.base.locks import locked
from handoff.base.problems import UsageError
from handoff.facts import receipts
from handoff.facts.receipts import Receipt
from handoff.project.project import Project
from handoff.publish import gate
from handoff.sources import git_history
from handoff.values.printing import folded
from handoff.workspace.gather import recorded
from handoff.workspace.load import session_path

MAX_NAME = 80
MAX_NOTE = 1_000
"""Characters."""


def receipts_path(session_id: str) -> str:
    """Where the session's receipts are recorded, relative to the root."""
    return f"sessions/{session_id}.receipts.json"


def received(project: Project, session_id: str) -> tuple[Receipt, ...]:
    """The session's receipts, the oldest first. Raises InvalidInput, WorldError."""
    path = receipts_path(session_id)
    source = project.read(path)
    return receipts.load(source, path) if source is not None else ()


def accept(project: Project, session_id: str, *, by: str, note: str | None = None) -> Receipt:
    """Record that `by` took the handoff over now, as it is recorded and checked out.

    Raises UsageError, WorldError, and InvalidInput where the facts or the receipts cannot be
    read, or the receipt looks to hold a secret.
    """
    receipt = Receipt(
        by=_bounded("--by", by, MAX_NAME),
        at=datetime.now(UTC).replace(microsecond=0),
        commit=git_history.head(project.root),
        facts=receipts.digest(recorded(project, session_id)),
        note=_bounded("--note", note, MAX_NOTE) if note else None,
    )
    path = receipts_path(session_id)
    with locked(project.path(session_path(session_id)).parent, place=path):
        content = receipts.dump([*received(project, session_id), receipt])
        allowances = project.settings.secrets_allow
        gate.hold(secrets.problems(secrets.scan(content, path, allowances).findings, path))
        write_whole(project.path(path), content.encode(), place=path)
    return receipt


def _bounded(option: str, words: str, most: int) -> str:
    """The words as one line in which each character can be seen. Raises UsageError."""
    line = folded(words)
    if not line or len(line) > most:
        found = f"has {len(line):,} characters" if line else "is empty"
        message = f"'{option}' {found}, expected 1 to {most:,}"
        raise UsageError(f"handoff: error: {message}")
    return line
