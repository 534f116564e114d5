"""What became of the working tree that a handoff recorded."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from handoff.base.report import counted
from handoff.facts.recorded import Facts
from handoff.project.project import Project
from handoff.session.model import GitTree, Session, SourceFact
from handoff.sources.git_command import run_git
from handoff.sources.git_tree import WorkingTree, difference, read_tree
from handoff.sources.source import SourceFailed
from handoff.values.printing import code_span, folded
from handoff.workspace.paths import is_own_file

MAX_NAMED = 20
"""Files that are named in a line."""


def tree_changes(project: Project, session: Session, then: Facts | None) -> tuple[str, ...]:
    """What differs now from each working tree that the session recorded, in Markdown."""
    found: dict[str, None] = {}
    for fact in session.facts:
        recorded = then.facts.get(fact.name) if then else None
        if not isinstance(fact, SourceFact) or recorded is None or not recorded.rows:
            continue
        names = [column.name for column in recorded.columns]
        before = _tree_of(dict(zip(names, recorded.rows[0], strict=True)))
        for source in fact.sources:
            if isinstance(source, GitTree) and before is not None:
                found |= dict.fromkeys(_changes(project, source, before))
    return tuple(found)


def _changes(project: Project, source: GitTree, before: WorkingTree) -> Iterator[str]:
    try:
        now = read_tree(project.root, source.base, partial(is_own_file, project))
    except SourceFailed as error:
        yield f"unknown now: {_code(str(error))}"
        return
    yield from differences(project.root, before, now)


def _tree_of(row: Mapping[str, object]) -> WorkingTree | None:
    """The working tree that a fact recorded; `None` for a row of another version."""
    names = WorkingTree.__struct_fields__
    if any(name not in row for name in names):
        return None
    return WorkingTree(**{name: row[name] for name in names})  # type: ignore[arg-type]


def differences(root: Path, then: WorkingTree, now: WorkingTree) -> Iterator[str]:
    """What differs between the working tree of the handoff and that of now, in Markdown."""
    if then.branch != now.branch:
        yield f"on {_branch(now)}, the handoff on {_branch(then)}"
    if then.worktree != now.worktree:
        yield f"in {_worktree_name(now)}, the handoff in {_worktree_name(then)}"
    if then.head != now.head:
        yield _head_change(root, then.head, now.head)
    if (then.ahead, then.behind, then.upstream) != (now.ahead, now.behind, now.upstream):
        yield f"{_upstream(now)}; at the handoff: {_upstream(then)}"
    yield from _file_changes(root, then, now)
    if then.stashes != now.stashes:
        yield f"{_stashes(now.stashes)}, {then.stashes} at the handoff"


def _stashes(count: int) -> str:
    return "1 stash" if count == 1 else f"{count} stashes"


def _branch(tree: WorkingTree) -> str:
    return f"branch {_code(tree.branch)}" if tree.branch else "no branch (detached HEAD)"


def _worktree_name(tree: WorkingTree) -> str:
    return f"worktree {_code(tree.worktree)}" if tree.worktree else "the main worktree"


def _upstream(tree: WorkingTree) -> str:
    if tree.upstream is None:
        return "no upstream"
    if tree.ahead is None or tree.behind is None:
        return f"unknown against {_code(tree.upstream)}"
    return f"{tree.ahead} ahead of and {tree.behind} behind {_code(tree.upstream)}"


def _head_change(root: Path, then: str | None, now: str | None) -> str:
    if then is None or now is None:
        return (
            "the repository had no commit" if then is None else "the repository has no commit"
        )
    ahead, behind = difference(root, then, now)
    at = f"the handoff's commit {_code(then[:7])}"
    if ahead is None or behind is None:
        return f"at commit {_code(now[:7])}; {at} is not in this history"
    parts = [f"{counted(ahead, 'commit')} ahead of"] if ahead else []
    parts += [f"{counted(behind, 'commit')} behind"] if behind else []
    return f"{' and '.join(parts)} {at}"


def _file_changes(root: Path, then: WorkingTree, now: WorkingTree) -> Iterator[str]:
    before = (*then.changed_files, *then.untracked_files)
    after = {*now.changed_files, *now.untracked_files}
    committed = _committed(root, then.head, now.head)
    gone = [path for path in before if path not in after]
    is_whole = now.changed <= len(now.changed_files) and now.untracked <= len(
        now.untracked_files
    )
    done = [path for path in gone if path in committed]
    lost = [path for path in gone if path not in committed] if is_whole else []
    if done:
        yield f"committed since: {_listed(done)}"
    if lost:
        yield f"not committed at the handoff, and not here: {_listed(lost)}"
    new = sorted(after.difference(before))
    if new and then.changed + then.untracked <= len(before):
        yield f"not committed here, and not at the handoff: {_listed(new)}"


def _committed(root: Path, then: str | None, now: str | None) -> Collection[str]:
    """The files that differ between two commits."""
    if then is None or now is None or then == now:
        return ()
    options = ("-z", "--name-only", "--no-renames", "--relative", "--no-ext-diff")
    try:
        output = run_git(root, "diff", *options, "--end-of-options", then, now, "--")
    except SourceFailed:
        return ()
    return set(output.split("\0"))


def _listed(paths: Sequence[str]) -> str:
    shown = ", ".join(_code(path) for path in paths[:MAX_NAMED])
    rest = len(paths) - MAX_NAMED
    return f"{shown} and {rest:,} more" if rest > 0 else shown


def _code(text: str | None) -> str:
    return code_span(folded(text or ""))
