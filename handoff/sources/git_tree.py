"""The state of the working tree: branch, commit, upstream, files that are not committed.

What handoff writes itself (documents and the files in `sessions/`) does not count. Paths are
relative to the project; in a subfolder of its repository, other files are counted, not named.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from msgspec import Struct
from msgspec.structs import asdict

from handoff.base.problems import Problem
from handoff.session.model import GitTree, SourceFact
from handoff.sources.git_command import commit_id, is_shallow, prefix_of, run_git
from handoff.sources.source import Request, SourceFailed, SourceRows, past_unknown

ENGINE = "git"
MAX_PATHS = 200
"""Of changed, and of untracked files, that are named; all of them are counted."""


class WorkingTree(Struct, frozen=True):
    """One state of a working tree."""

    branch: str | None
    """`None` where HEAD is detached."""
    head: str | None
    """40 hex digits; `None` before the first commit."""
    upstream: str | None
    """`origin/main`, or the revision that the declaration compares with."""
    ahead: int | None
    """Commits that the upstream lacks; `None` where that cannot be known."""
    behind: int | None
    clean: bool
    """No file of the project is changed or untracked."""
    changed: int
    untracked: int
    elsewhere: int
    """Changed and untracked files of the repository, outside the project's folder."""
    stashes: int
    worktree: str | None
    """The name of a linked worktree; `None` for the main one."""
    shallow: bool
    changed_files: tuple[str, ...]
    untracked_files: tuple[str, ...]


def describe(source: GitTree) -> str:
    return source.base


def problems(
    fact: SourceFact, source: GitTree, file: Callable[[str], Path]
) -> Iterator[Problem]:
    """None: a revision can only be checked in the repository."""
    return iter(())


def read(request: Request, source: GitTree) -> SourceRows:
    """One row; a working tree has no past."""
    if request.is_past:
        raise past_unknown("git does not record the working tree")
    tree = read_tree(request.context.root, source.base, request.context.own)
    at = (tree.head or "no commit")[:12]
    return SourceRows([asdict(tree)], f"{at}{'' if tree.clean else ' with changes'}")


def read_tree(root: Path, base: str, own: Callable[[str], bool]) -> WorkingTree:
    """The working tree around `root`, without the files that handoff writes, `own`.

    `base` is what ahead and behind count against; `HEAD` means the branch's upstream. Raises
    SourceFailed without git or a repository.
    """
    headers, entries = _status(root)
    above = prefix_of(root)
    head = None if headers["oid"] == "(initial)" else headers["oid"]
    upstream = headers.get("upstream") if base == "HEAD" else base
    ahead, behind = difference(root, upstream, head)
    changed: list[str] = []
    untracked: list[str] = []
    elsewhere = 0
    for is_tracked, path in entries:
        name = path.removeprefix(above)
        if not path.startswith(above):
            elsewhere += 1
        elif not own(name):
            (changed if is_tracked else untracked).append(name)
    return WorkingTree(
        branch=None if headers["head"] == "(detached)" else headers["head"],
        head=head,
        upstream=upstream,
        ahead=ahead,
        behind=behind,
        clean=not changed and not untracked,
        changed=len(changed),
        untracked=len(untracked),
        elsewhere=elsewhere,
        stashes=len(_stashes(root)),
        worktree=_worktree(root),
        shallow=is_shallow(root),
        changed_files=tuple(sorted(changed)[:MAX_PATHS]),
        untracked_files=tuple(sorted(untracked)[:MAX_PATHS]),
    )


def _status(root: Path) -> tuple[dict[str, str], list[tuple[bool, str]]]:
    """The headers of `git status`, and each file with whether it is tracked.

    A submodule counts where another commit is checked out: its own files are not looked at,
    which would run git with its settings.
    """
    output = run_git(
        root,
        *_without_filters(root),
        *("status", "--porcelain=v2", "-z", "--branch", "--untracked-files=all"),
        *("--ignore-submodules=dirty", "--no-renames", "--ahead-behind"),
    )
    headers: dict[str, str] = {}
    entries: list[tuple[bool, str]] = []
    for part in output.split("\0"):
        if part.startswith("# branch."):
            name, _, value = part.removeprefix("# branch.").partition(" ")
            headers[name] = value
        elif part.startswith("? "):
            entries.append((False, part[2:]))
        elif part[:2] in ("1 ", "u "):
            # `1 XY sub mH mI mW hH hI path`, an unmerged file has two fields more
            entries.append((True, part.split(" ", 8 if part[0] == "1" else 10)[-1]))
    return headers, entries


def _without_filters(root: Path) -> Iterator[str]:
    """Options that switch off the filters of the repository's own settings.

    `git status` runs the clean filter of a file that may have changed; the filters of the
    user's settings, such as git-lfs, are the user's.
    """
    options = ("--null", "--show-scope", "--name-only", "--get-regexp")
    try:
        output = run_git(root, "config", *options, r"^filter\..*\.(clean|process|required)$")
    except SourceFailed:  # there are none
        return
    words = output.split("\0")
    for scope, name in zip(words[::2], words[1::2], strict=False):
        if scope in ("local", "worktree") and "=" not in name:
            yield from ("-c", f"{name}=" + ("false" if name.endswith(".required") else ""))
        elif scope in ("local", "worktree"):
            raise SourceFailed("the repository's own settings define a filter, which would run")


def difference(
    root: Path, base: str | None, head: str | None
) -> tuple[int, int] | tuple[None, None]:
    """Commits ahead of and behind a revision; `None` where they cannot be counted."""
    if base is None or head is None:
        return None, None
    try:
        other = commit_id(root, base)
        if other != head:  # of a shallow clone, the common commit may be missing
            run_git(root, "merge-base", "--end-of-options", other, head)
        options = ("--left-right", "--count", "--end-of-options")
        counts = run_git(root, "rev-list", *options, f"{head}...{other}").split()
        return int(counts[0]), int(counts[1])
    except (SourceFailed, ValueError, IndexError):
        return None, None


def _stashes(root: Path) -> Sequence[str]:
    try:
        return run_git(root, "stash", "list", "--format=%H").split()
    except SourceFailed:
        return ()


def _worktree(root: Path) -> str | None:
    own, common = run_git(
        root, "rev-parse", "--path-format=absolute", "--git-dir", "--git-common-dir"
    ).splitlines()[:2]
    return Path(own).name if own != common and Path(own).parent.name == "worktrees" else None
