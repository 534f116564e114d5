"""Write documents and the index into the output folder, all through one writer."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct, field

from handoff.base.files import disk, is_plain, replace_unchanged, sweep
from handoff.base.locks import locked
from handoff.base.problems import InvalidInput, Problem, Refused, Report
from handoff.base.progress import Progress
from handoff.project.project import Project
from handoff.publish import writer
from handoff.publish.writer import WriteResult
from handoff.render.document import Document
from handoff.workspace import moves
from handoff.workspace.build import BuiltDocument, ProjectBuild
from handoff.workspace.document import refuse_secrets
from handoff.workspace.paths import archive_folders

MAX_DIFFERENCE = 20
"""Lines of a difference that `--check` shows."""
LOCK_SECONDS = 600.0
"""How long to wait for another process that publishes."""


class PublishResult(Struct, frozen=True):
    """The result for every document and the index."""

    written: tuple[WriteResult, ...]
    refused: tuple[str, ...]
    """For each file left untouched because of manual edits: why, with the diff."""
    problems: tuple[Problem, ...]
    """Of sessions that could not be rendered."""
    removed: tuple[str, ...] = ()
    """Documents that moved into the archive or out of it, or that were pruned."""
    left: tuple[Problem, ...] = ()
    """Orphaned documents, as warnings."""
    resolved: tuple[str, ...] = ()
    """Files of recorded facts and receipts whose merge conflict was resolved."""
    links: tuple[str, ...] = ()
    """Documents that were replaced by a link to where they are now."""

    @property
    def exit_code(self) -> int:
        return 1 if self.refused or any(p.level == "error" for p in self.problems) else 0


class UnpublishedChange(Struct, frozen=True):
    """A file that `publish` would change."""

    problem: Problem
    difference: str = ""
    """The diff from the file to what would replace it, shortened."""


def write(project: Project, document: Document, *, overwrite: bool = False) -> WriteResult:
    """Write the document into its file, and its images next to it.

    Raises Refused where manual edits would be lost, and InvalidInput where the document
    looks like it holds a secret.
    """
    with lock_output(project):
        owner = document.session
        written = _put(project, document.path, owner, document.text, overwrite=overwrite)
        for path, text in document.images.items():
            _put(project, path, owner, text, overwrite=overwrite)
        return written


def _put(project: Project, path: str, owner: str, text: str, *, overwrite: bool) -> WriteResult:
    def gate() -> None:
        refuse_secrets(project, text, path, owner)

    return writer.write(project.root, path, text, owner, overwrite=overwrite, gate=gate)


@contextmanager
def lock_output(project: Project) -> Iterator[None]:
    """Keep other processes out of the output folder; first remove what they left behind."""
    output = project.settings.output
    folder = project.path(output)
    with disk(output, "write"):
        folder.mkdir(parents=True, exist_ok=True)
    with locked(folder, place=output, seconds=LOCK_SECONDS):
        for each in archive_folders(project):
            sweep(folder / each)
        yield


def publish(
    project: Project,
    *,
    overwrite: bool = False,
    prune: bool = False,
    progress: Progress = lambda _: None,
) -> PublishResult:
    """Write every document and the index from recorded facts; no query runs.

    Orphaned documents are reported; with `prune` those without manual edits are removed.
    Raises WorldError.
    """
    if prune:
        moves.require_sessions(project)
    resolved = _repair_sessions(project)  # 'render' locks the sessions before documents, too
    with lock_output(project):
        earlier = moves.earlier_outputs(project)
        done = _publish_all(project, overwrite=overwrite, progress=progress)
        owners, there = done.build.owners, done.there
        kept, removed, links = moves.move_output(project, earlier, owners, there)
        links += moves.write_stubs(project, owners, there)
        if links:  # documents that name these have other links now
            done = _publish_all(project, overwrite=overwrite, before=done)
        left = tuple(moves.orphans(project, done.build.owners, done.build.images))
        orphaned, pruned = moves.remove(project, left, done.there, prune=prune)
    return PublishResult(
        tuple(done.written.values()),
        tuple(done.refused),
        (*done.build.problems, *done.problems),
        (*removed, *pruned),
        tuple(writer.left_over(each, "warning") for each in (*kept, *orphaned)),
        resolved,
        tuple(links),
    )


class _Published(Struct):
    """What one run over all documents did."""

    build: ProjectBuild
    written: dict[str, WriteResult] = field(default_factory=dict)
    """By path."""
    refused: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    @property
    def there(self) -> Collection[str]:
        """The paths of the files that are current."""
        return self.written.keys()


def _publish_all(
    project: Project,
    *,
    overwrite: bool,
    progress: Progress = lambda _: None,
    before: _Published | None = None,
) -> _Published:
    build = ProjectBuild(project, progress)
    done = _Published(build)
    earlier = before.written if before else {}
    try:
        for built in build.documents():
            try:
                result = _publish(project, build, built, overwrite=overwrite)
                first = earlier.get(result.path)
                done.written[result.path] = first if first and first.changed else result
            except Refused as error:
                done.refused.append(str(error))
            except InvalidInput as error:  # a secret, or a folder in its place
                done.problems += error.report.problems
    finally:
        build.save()
    return done


def unpublished(
    project: Project, *, progress: Progress = lambda _: None
) -> tuple[UnpublishedChange, ...]:
    """Each document, and the index, that `publish` would write, refuse or report as orphaned.

    Sessions that cannot be rendered are reported too.
    """
    build = ProjectBuild(project, progress)
    found: list[UnpublishedChange] = []
    for built in build.documents():
        text = built.text
        if text is None:
            continue
        try:
            content = project.read_input(built.path)
        except InvalidInput as error:  # a folder, a link that leads elsewhere
            found += map(UnpublishedChange, error.report.problems)
            continue
        now, line = writer.merged_state(project.root, built.path, content, text, built.owner)
        if content is not None and now == "current":
            build.done(built, content)
            continue
        problem = writer.problem(built.path, now, built.owner, why=_why(built, now), line=line)
        difference = writer.difference(built.path, content, text, most=MAX_DIFFERENCE)
        found.append(UnpublishedChange(problem, difference if now != "missing" else ""))
    build.save()
    left = moves.orphans(project, build.owners, build.images)
    found += [UnpublishedChange(writer.left_over(each, "error")) for each in left]
    found += [UnpublishedChange(problem) for problem in Report.of(build.problems).problems]
    return tuple(sorted(found, key=lambda each: each.problem.place))


def _repair_sessions(project: Project) -> tuple[str, ...]:
    """Remove what an interrupted write left behind; resolve conflicts in recorded files."""
    folder = project.path("sessions")
    if not folder.is_dir():
        return ()
    with locked(folder, place="sessions"):
        return tuple(_resolve_records(project, folder))


def _resolve_records(project: Project, folder: Path) -> Iterator[str]:
    for file in sorted(folder.glob("*.json")):
        path = f"sessions/{file.name}"
        if not path.endswith((".facts.json", ".receipts.json")) or not is_plain(file):
            continue
        try:
            content = project.read_input(path) or b""
        except InvalidInput:  # a link that leads elsewhere: 'check' reports it
            continue
        if b"<<<<<<<" not in content:
            continue
        from handoff.publish.conflicts import merged_record  # asks git, after a merge only

        resolved = merged_record(project.root, path, content)
        if resolved is not None and replace_unchanged(
            project.path(path), resolved, content, place=path
        ):
            yield path


def _publish(
    project: Project, build: ProjectBuild, built: BuiltDocument, *, overwrite: bool
) -> WriteResult:
    if built.text is None:
        return WriteResult(built.path, changed=False)
    file = project.path(built.path)
    if file.exists() and not is_plain(file):
        project.read_input(built.path)  # raises
    content = project.read(built.path)
    if content is not None and writer.state(content, built.text, built.owner) == "current":
        build.done(built, content)
        return WriteResult(built.path, changed=False)
    written = _put(project, built.path, built.owner, built.text, overwrite=overwrite)
    build.done(built)
    return written


def _why(built: BuiltDocument, now: writer.FileState) -> str:
    """What made the document out of date, as far as the cache knows."""
    if now != "outdated" or not built.changed:
        return ""
    return f" because {' and '.join(built.changed)} changed"
