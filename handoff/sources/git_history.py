"""The history of single files in git: renames, versions and the commits that changed them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path, PurePosixPath

from msgspec import Struct

from handoff.sources.git_command import commit_id, commit_time, is_shallow, prefix_of, run_git
from handoff.sources.source import SourceFailed

MAX_MOVES = 10
"""Renames of one file that are followed."""
MAX_COMMITS = 5
"""Of one file; more would not help a reader."""
_HEX = re.compile(r"[0-9a-f]{40,64}")


class Touch(Struct, frozen=True):
    """A commit that changed a file."""

    sha: str
    at: datetime | None
    """UTC; `None` for a time outside the calendar."""
    subject: str


def head(root: Path) -> str | None:
    """The commit that is checked out; `None` without git, repository or commit."""
    return full_id(root, "HEAD")


def committed(root: Path, path: str) -> bool | None:
    """Whether a file or folder is in the commit that is checked out.

    `None` where that is not known: without a repository or a commit.
    """
    commit = head(root)
    return None if commit is None else path.rstrip("/") in committed_paths(root, commit)


@lru_cache(2)
def committed_paths(root: Path, commit: str) -> frozenset[str]:
    """Every file of a commit at or below `root`, and their folders."""
    options = ("-r", "-z", "--name-only", "--end-of-options")
    output = run_git(root, "ls-tree", *options, commit)
    files = [PurePosixPath(path) for path in output.split("\0") if path]
    folders = {str(folder) for file in files for folder in file.parents}
    return frozenset({*map(str, files), *folders})


def knows(root: Path, sha: str) -> bool | None:
    """Whether a commit exists, by the first digits of its id.

    `None` where that is not known: without a repository, and in a shallow clone.
    """
    if head(root) is None:
        return None
    if full_id(root, sha):
        return True
    return None if is_shallow(root) else False


def full_id(root: Path, sha: str) -> str | None:
    """The whole id of a commit; `None` if git does not have it."""
    try:
        return commit_id(root, sha)
    except SourceFailed:
        return None


def last_touched(root: Path, paths: Sequence[str]) -> str | None:
    """The last commit that changed one of `paths`; `None` if there is none."""
    found = _log(root, ("-1", "--format=%H"), paths)
    return found.strip() or None


@lru_cache(2)
def first_days(root: Path) -> Mapping[str, date]:
    """The day of the first commit of each file at or below `root`; empty without git."""
    options = ("--format=%x00%x00%as", "--name-only", "--diff-filter=A", "--no-renames")
    days: dict[str, date] = {}
    day: date | None = None
    words = _log(root, ("-z", *options, "--relative"), ["."]).split("\0")
    for word in (each.strip("\n") for each in words):
        if re.fullmatch(r"\d{4}-\d\d-\d\d", word):
            day = date.fromisoformat(word)
        elif word and day:
            days[word] = day  # the commits are listed from the newest to the oldest
    return days


def deleted_paths(root: Path) -> frozenset[str]:
    """Every file at or below `root` that some commit deleted or renamed."""
    options = ("-z", "--format=", "--name-only", "--diff-filter=D", "--no-renames")
    return frozenset(_log(root, (*options, "--relative"), ["."]).split("\0"))


def ignored_paths(root: Path, paths: Collection[str]) -> frozenset[str]:
    """Those of `paths` that git ignores; none without a repository."""
    if not paths:  # git would refuse that
        return frozenset()
    try:
        output = run_git(root, "check-ignore", "-z", "--", *paths)
    except SourceFailed:  # as where it ignores none
        return frozenset()
    return frozenset(output.split("\0"))


def moved(root: Path, path: str) -> str | None:
    """The present path of a file that was renamed, possibly twice; `None` if it was not."""
    above = prefix_of(root)
    here, known = path, {path}
    for _ in range(MAX_MOVES):
        there = _renamed(root, above, here)
        if there is None or there in known:
            return None
        if (root / there).exists():
            return there
        known.add(there)
        here = there
    return None


def versions(root: Path, path: str, *, limit: int) -> Iterator[tuple[str, bytes]]:
    """The content of committed versions of a file, with their commits, newest first."""
    for sha in _log(root, (f"-{limit}", "--format=%H"), [path]).split():
        content = content_at(root, sha, path)
        if content is not None:  # else the commit removed it
            yield sha, content


def content_at(root: Path, revision: str, path: str) -> bytes | None:
    """The content that a file had in a commit; `None` if it did not exist."""
    place = f"{revision}:./{path}"
    try:
        return run_git(root, "show", "--no-textconv", "--end-of-options", place).encode()
    except SourceFailed:
        return None


def changed_since(root: Path, revision: str) -> frozenset[str]:
    """The files at or below `root` that a commit and HEAD differ in. Raises SourceFailed."""
    commit = full_id(root, revision)
    if commit is None:
        raise SourceFailed(f"git has no commit '{revision}'")
    options = ("-z", "--name-only", "--no-renames", "--relative", "--no-ext-diff")
    changed = run_git(
        root, "diff", *options, "--no-textconv", "--end-of-options", commit, "HEAD"
    )
    return frozenset(changed.split("\0"))


def merged_versions(root: Path, path: str) -> tuple[list[bytes], list[bytes]]:
    """The versions of a file that git merged last, and the one they have in common.

    While the merge is under way, or in the commit that is checked out.
    """
    for names in _MERGED:
        found = [each for name in names if (each := content_at(root, name, path)) is not None]
        if len(found) > 1:
            base = content_at(root, ":1", path)
            return found, [base] if base is not None else []
    return [], []


_MERGED = (
    (":2", ":3"),
    *(("HEAD", f"{name}_HEAD") for name in ("MERGE", "CHERRY_PICK", "REBASE", "REVERT")),
    ("HEAD^1", "HEAD^2"),
)
"""The names of both versions in git: conflicting, added, committed."""


def touches(root: Path, path: str, *, since: str) -> tuple[Touch, ...]:
    """The last commits after `since` that changed a file or folder, newest first.

    `*` in the path matches any part of a name.
    """
    if not _HEX.fullmatch(since):
        raise ValueError(f"'{since}' is no commit")
    form = ("-z", f"-{MAX_COMMITS}", "--encoding=UTF-8", "--format=%H%x00%ct%x00%s")
    words = _log(root, (*form, f"^{since}"), [path], globs="*" in path).split("\0")
    return tuple(
        Touch(words[n].strip(), commit_time(words[n + 1]), words[n + 2])
        for n in range(0, len(words) - 2, 3)
    )


def _renamed(root: Path, above: str, path: str) -> str | None:
    """The name that the last commit of `path` gave it."""
    sha = last_touched(root, [path])
    if sha is None:
        return None
    options = ("--name-status", "-z", "--no-ext-diff", "--no-textconv", "--find-renames")
    try:
        output = run_git(
            root, "diff", *options, "--diff-filter=R", "--no-relative",
            "--end-of-options", f"{sha}^", sha, "--",
        )  # fmt: skip
    except SourceFailed:  # the first commit has none before it
        return None
    words = output.split("\0")
    renames = {words[n + 1]: words[n + 2] for n in range(0, len(words) - 2, 3)}
    there = renames.get(f"{above}{path}", "")
    return there.removeprefix(above) if there.startswith(above) and there else None


def _log(
    root: Path, options: Sequence[str], paths: Sequence[str], *, globs: bool = False
) -> str:
    """The output of `git log` for `paths`; empty if git fails."""
    pathspecs = "--glob-pathspecs" if globs else "--literal-pathspecs"
    try:
        return run_git(root, pathspecs, "log", *options, "HEAD", "--", *paths)
    except SourceFailed:
        return ""
