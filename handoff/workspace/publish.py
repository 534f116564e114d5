"""Publish: documents and the index into the output folder, each by the one writer."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from msgspec import Struct

from handoff.base.files import sweep
from handoff.base.locks import locked
from handoff.base.problems import InvalidInput, Problem, Refused, Report
from handoff.project.project import Project
from handoff.publish import index
from handoff.publish import writer as publishing
from handoff.publish.writer import OrphanDocument, WriteResult
from handoff.workspace.build import BuiltDocument, ProjectBuild
from handoff.workspace.write import alone, archives, put

SHORT = 20
"""Lines of a difference that `--check` shows."""


class PublishResult(Struct, frozen=True):
    """What became of every document and the index."""

    written: tuple[WriteResult, ...]
    refused: tuple[str, ...]
    """For each file that a hand's work kept as it is: why, with the diff."""
    problems: tuple[Problem, ...]
    """Of sessions that could not be rendered."""
    removed: tuple[str, ...] = ()
    """Documents that moved into the archive or out of it, or that were pruned."""
    left: tuple[Problem, ...] = ()
    """Documents that no session has any more, as warnings."""

    @property
    def exit_code(self) -> int:
        return 1 if self.refused or any(p.level == "error" for p in self.problems) else 0


class UnpublishedChange(Struct, frozen=True):
    """A file that is not as `publish` would have it."""

    problem: Problem
    difference: str = ""
    """The way from the file to what would replace it, shortened."""


def publish(project: Project, *, overwrite: bool = False, prune: bool = False) -> PublishResult:
    """Write every document and the index from what is recorded; nothing is asked.

    Documents that are left over are named; with `prune` those are removed that are as they
    were written. Raises WorldError.
    """
    written: list[WriteResult] = []
    refused: list[str] = []
    problems: list[Problem] = []
    with alone(project):
        _swept_sessions(project)
        making = ProjectBuild(project)
        try:
            for edition in making.editions():
                try:
                    written.append(_published(project, making, edition, overwrite=overwrite))
                except Refused as error:
                    refused.append(str(error))
                except InvalidInput as error:  # a secret
                    problems += error.report.problems
        finally:
            making.save()
        left = tuple(_left(project, making.owners))
        there = {each.path for each in written}
        removed = [
            each
            for each in left
            if _may_go(each, there, prune=prune) and publishing.prune(project.root, each)
        ]
    return PublishResult(
        tuple(written),
        tuple(refused),
        (*making.problems, *problems),
        tuple(each.path for each in removed),
        tuple(publishing.left_over(each, "warning") for each in left if each not in removed),
    )


def unpublished(project: Project) -> tuple[UnpublishedChange, ...]:
    """Each document, and the index, that `publish` would write, refuse or name as left over.

    Sessions that cannot be rendered are told as well.
    """
    making = ProjectBuild(project)
    found: list[UnpublishedChange] = []
    for edition in making.editions():
        text = edition.text
        content = project.read(edition.path) if text is not None else None
        now = publishing.state(content, text, edition.owner) if text is not None else "current"
        if now == "current":
            making.done(edition)
            continue
        problem = publishing.problem(edition.path, now, why=_why(edition, now))
        shown = now != "missing" and text is not None
        difference = publishing.difference(edition.path, content, text or "", most=SHORT)
        found.append(UnpublishedChange(problem, difference if shown else ""))
    making.save()
    left = _left(project, making.owners)
    found += [UnpublishedChange(publishing.left_over(each, "error")) for each in left]
    found += [UnpublishedChange(problem) for problem in Report.of(making.problems).problems]
    return tuple(sorted(found, key=lambda each: each.problem.place))


def _swept_sessions(project: Project) -> None:
    """Tidy up what died while it wrote facts or an edit."""
    folder = project.path("sessions")
    if folder.is_dir():
        with locked(folder, place="sessions"):
            sweep(folder)


def _published(
    project: Project, making: ProjectBuild, edition: BuiltDocument, *, overwrite: bool
) -> WriteResult:
    if edition.text is None:
        return WriteResult(edition.path, changed=False)
    written = put(project, edition.path, edition.owner, edition.text, overwrite=overwrite)
    making.done(edition)
    return written


def _why(edition: BuiltDocument, now: publishing.State) -> str:
    """What made the document out of date, as far as that is remembered."""
    if now != "outdated" or not edition.changed:
        return ""
    return f", for {' and '.join(edition.changed)} changed since"


# --- what is left over ---------------------------------------------------------------------


def _may_go(left: OrphanDocument, there: Collection[str], *, prune: bool) -> bool:
    """Whether the document can be removed: never before its session's own is `there`."""
    if left.now is not None and left.now not in there:
        return False
    return left.is_moved or (prune and left.intact)


def _left(project: Project, owners: Mapping[str, str]) -> Iterator[OrphanDocument]:
    """The signed documents in the output folder that stand where no session has one.

    `owners` has the path of each session's document; that of a session that cannot be
    rendered now is not left over.
    """
    ids = set(project.session_ids())
    known = {*owners.values()}
    for path in _documents(project):
        if path in known:
            continue
        try:
            there = publishing.signature(project.read(path) or b"")
        except Refused:  # a link out of the repository: not written by handoff
            continue
        owner = there.owner
        if owner in (None, index.OWNER, index.LATEST_OWNER):
            continue
        if owner not in ids or owner in owners:
            yield OrphanDocument(path, owner, there.intact, owners.get(owner))


def _documents(project: Project) -> Iterator[str]:
    """Every Markdown file of the output folder and its archive."""
    output = project.settings.output
    folder = project.path(output)
    for each in (folder, *archives(folder)):
        inside = output if each == folder else f"{output}/{each.name}"
        yield from (f"{inside}/{file.name}" for file in sorted(each.glob("*.md")))
