"""Publish: documents and the index into the output folder, each by the one writer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from handoff import gate, index
from handoff import publish as publishing
from handoff.api.gathering import recorded
from handoff.api.loading import load, session_path
from handoff.api.rendering import render
from handoff.document import Document
from handoff.problems import InvalidInput, Problem, Refused, Report
from handoff.project import Project
from handoff.publish import Written
from handoff.session import Session, Text


@dataclass(frozen=True, slots=True)
class Published:
    """What became of every document and the index."""

    written: tuple[Written, ...]
    refused: tuple[str, ...]
    """For each file that a hand's work kept as it is: why, with the diff."""
    problems: tuple[Problem, ...]
    """Of sessions that could not be rendered."""

    @property
    def exit_code(self) -> int:
        return 1 if self.refused or any(p.level == "error" for p in self.problems) else 0


def publish(project: Project, *, overwrite: bool = False) -> Published:
    """Write every document and the index from what is recorded; nothing is asked."""
    texts, problems = _published(project)
    written: list[Written] = []
    refused: list[str] = []
    for path, owner, text in texts:
        try:
            written.append(_write(project, path, text, owner, overwrite=overwrite))
        except Refused as error:
            refused.append(str(error))
        except InvalidInput as error:  # a secret
            problems += error.report.problems
    return Published(tuple(written), tuple(refused), tuple(problems))


def unpublished(project: Project) -> tuple[Problem, ...]:
    """A problem for each document, and for the index, that `publish` would write or refuse."""
    texts, problems = _published(project)
    for path, owner, text in texts:
        now = publishing.state(project.read(path), text, owner)
        problems += [publishing.problem(path, now)] if now != "current" else []
    return Report.of(problems).problems


def _published(project: Project) -> tuple[list[tuple[str, str, str]], list[Problem]]:
    """Path, owner and text of every document and of the index, and what could not be made."""
    documents: list[tuple[Session, Document]] = []
    problems: list[Problem] = []
    for session_id in project.session_ids():
        try:
            loaded = load(project, session_id)
            document = render(project, loaded, recorded(project, session_id))
            documents.append((loaded.session, document))
        except InvalidInput as error:
            problems += error.report.problems
    texts = [(document.path, session.id, document.text) for session, document in documents]
    if problems:  # an index without a session would say that it is gone
        return texts, problems
    path = f"{project.settings.output}/{index.NAME}"
    return [*texts, (path, index.OWNER, index.index(_listed(documents)))], problems


def _listed(documents: Sequence[tuple[Session, Document]]) -> Iterator[index.Listed]:
    successors = {s.supersedes: s.id for s, _ in documents if s.supersedes}
    for session, document in documents:
        title = session.next.title if session.next else None
        yield index.Listed(
            session=session.id,
            label=f"Session {session.session}",
            title=session.title,
            day=session.created.day,
            status=document.status,
            completion=document.progress,
            path=document.path,
            next_title=title.value if isinstance(title, Text) else "",
            previous=session.previous,
            superseded_by=successors.get(session.id),
        )


def write(project: Project, document: Document, *, overwrite: bool = False) -> Written:
    """Put the document into its file.

    Raises Refused where a hand's work would be lost, and InvalidInput where the document
    looks to hold a secret.
    """
    return _write(project, document.path, document.text, document.session, overwrite=overwrite)


def hold(project: Project, document: Document) -> None:
    """Let nothing out that looks like a secret: raises InvalidInput with each."""
    _hold(project, document.path, document.text, document.session)


def _write(project: Project, path: str, text: str, owner: str, *, overwrite: bool) -> Written:
    def held() -> None:
        _hold(project, path, text, owner)

    return publishing.write(project.root, path, text, owner, overwrite=overwrite, gate=held)


def _hold(project: Project, path: str, text: str, owner: str) -> None:
    gate.hold(gate.document_problems(project, text, path, session_path(owner)))
