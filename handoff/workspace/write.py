"""Write: one document into its file, by the one writer, past the gate."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from handoff.base.files import disk, sweep
from handoff.base.locks import locked
from handoff.project.project import Project
from handoff.publish import archive, gate, writer
from handoff.publish.writer import WriteResult
from handoff.render.document import Document
from handoff.workspace.load import session_path

PATIENCE_SECONDS = 600.0
"""How long one waits for another that publishes."""


def write(project: Project, document: Document, *, overwrite: bool = False) -> WriteResult:
    """Put the document into its file.

    Raises Refused where a hand's work would be lost, and InvalidInput where the document
    looks to hold a secret.
    """
    with alone(project):
        return put(project, document.path, document.session, document.text, overwrite=overwrite)


def hold(project: Project, document: Document) -> None:
    """Let nothing out that looks like a secret: raises InvalidInput with each."""
    _hold(project, document.path, document.text, document.session)


def put(project: Project, path: str, owner: str, text: str, *, overwrite: bool) -> WriteResult:
    """Put `text` into the file at `path` for `owner`, nobody else being at work there."""

    def held() -> None:
        _hold(project, path, text, owner)

    return writer.write(project.root, path, text, owner, overwrite=overwrite, gate=held)


@contextmanager
def alone(project: Project) -> Iterator[None]:
    """Keep every other handoff out of the output folder, and tidy up what died there."""
    output = project.settings.output
    folder = project.path(output)
    with disk(output, "write"):
        folder.mkdir(parents=True, exist_ok=True)
    with locked(folder, place=output, seconds=PATIENCE_SECONDS):
        for each in (folder, *archives(folder)):
            sweep(each)
        yield


def _hold(project: Project, path: str, text: str, owner: str) -> None:
    gate.hold(gate.document_problems(project, text, path, session_path(owner)))


def archives(folder: Path) -> list[Path]:
    found = folder.iterdir() if folder.is_dir() else ()
    return sorted(
        each
        for each in found
        if re.fullmatch(archive.FOLDER, each.name) and each.is_dir() and not each.is_symlink()
    )
