"""Git as a source: commits and files since a commit or a time."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from functools import partial
from pathlib import Path

from msgspec import Struct
from msgspec.structs import asdict

from handoff.base.patterns import lazy_pattern
from handoff.base.problems import Problem
from handoff.session.model import CHANGES, GitRange, SourceFact
from handoff.sources.git_command import (
    NoCommit,
    commit_id,
    commit_time,
    has_path,
    is_shallow,
    prefix_of,
    run_git,
)
from handoff.sources.source import (
    InvalidSource,
    Request,
    SourceFailed,
    SourceRows,
    TypedRow,
    utc_times,
)

ENGINE = "git"
MAX_COMMITS = 10_000
_DATE_LENGTH = len("2026-01-03")
_SHORT = 12
"""Digits of a commit, for people."""
_HASH = lazy_pattern("[0-9a-f]{7,64}")
_SHOWN = 60
"""Characters of a revision in a message."""

EMPTY_TREES = (
    "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
    "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321",
)
"""The base of a history that begins later: in SHA-1, and in SHA-256."""

_CUT_OFF = (
    "this is a shallow clone, whose history begins later; "
    "fetch the rest with 'git fetch --unshallow'"
)
_DIFF = (
    *("-z", "--no-ext-diff", "--no-textconv", "--no-color", "--find-renames"),
    # override the user's settings
    *("--no-relative", "--submodule=short", "--diff-algorithm=myers", "-O/dev/null"),
)

_CHANGES: Mapping[str, str] = {
    "A": "added",
    "M": "modified",
    "T": "modified",
    "D": "deleted",
    "R": "renamed",
    "C": "added",
}


class Commit(Struct, frozen=True):
    sha: str
    """40 hex digits."""
    author: str
    committed_at: datetime | None
    """UTC; `None` for a time outside the calendar."""
    subject: str


class File(Struct, frozen=True):
    path: str
    change: str
    """One of `CHANGES`."""
    old_path: str | None
    """The former path of a renamed file."""
    insertions: int | None
    """Lines; `None` for a binary file."""
    deletions: int | None


class CommitRange(Struct, frozen=True):
    """The commits between a base and the head."""

    base: str
    """The commit compared with, 40 hex digits; the empty tree where history begins later."""
    head: str
    shallow: bool
    """The clone is shallow: older commits are missing."""

    @property
    def name(self) -> str:
        """`0123456..789abcd` or `start..789abcd`, with a note if the clone is shallow."""
        cut_off = " (shallow clone)" if self.shallow else ""
        base = "start" if self.base in EMPTY_TREES else self.base[:_SHORT]
        return f"{base}..{self.head[:_SHORT]}{cut_off}"


def describe(source: GitRange) -> str:
    return source.since


def problems(
    fact: SourceFact, source: GitRange, file: Callable[[str], Path]
) -> Iterator[Problem]:
    """None: a revision can only be checked in the repository."""
    return iter(())


def read(request: Request, source: GitRange) -> SourceRows:
    """The files, commits or summary of the commits up to the as-of time."""
    root, context = request.context.root, request.context
    span = since(
        root,
        source.since,
        until=request.as_of if request.is_past else None,
        now=max(request.as_of, context.now),
        zone=context.zone,
        session_files=_session_files(request.fact),
    )
    where = _where(root, source.path, span)
    return SourceRows(_ROWS[source.take](root, span, where), span.name)


def _where(root: Path, path: str, span: CommitRange) -> str | None:
    """The path from `root` that limits a range; `None` for the whole repository.

    Raises SourceFailed where neither commit of the range has it.
    """
    prefix = prefix_of(root)
    inside = path.strip("/") if path.startswith("/") else posixpath.normpath(prefix + path)
    if inside in ("", "."):
        return None
    if path != "." and not any(has_path(root, at, inside) for at in (span.head, span.base)):
        raise SourceFailed(f"git has no '{path}' in these commits, expected another 'path'")
    return posixpath.relpath(inside, prefix or ".")


def _session_files(fact: SourceFact) -> tuple[str, ...]:
    """The files of the session that declares `fact`, some of which need not exist."""
    stem = fact.place.path.removesuffix(".yaml")
    return tuple(f"{stem}.{ending}" for ending in ("yaml", "facts.json", "receipts.json"))


def _summary(root: Path, span: CommitRange, where: str | None) -> list[TypedRow]:
    changed, made = files(root, span, where), commits(root, span, where)
    if len(made) == MAX_COMMITS:
        raise SourceFailed(f"{MAX_COMMITS:,} commits or more, too many for a summary")
    times = [each.committed_at for each in made if each.committed_at]
    changes = [each.change for each in changed]
    return [
        {
            "commits": len(made),
            "authors": tuple(dict.fromkeys(each.author for each in reversed(made))),
            "files": len(changed),
            **{change: changes.count(change) for change in CHANGES},
            "insertions": sum(each.insertions or 0 for each in changed),
            "deletions": sum(each.deletions or 0 for each in changed),
            "first_at": min(times, default=None),
            "last_at": max(times, default=None),
            "base": span.base,
            "head": span.head,
            "shallow": span.shallow,
        }
    ]


_ROWS: Mapping[str, Callable[[Path, CommitRange, str | None], list[TypedRow]]] = {
    "files": lambda *range_: [asdict(each) for each in files(*range_)],
    "commits": lambda *range_: [asdict(each) for each in commits(*range_)],
    "summary": _summary,
}


# --- commits and files -------------------------------------------------------------------


def since(
    root: Path,
    base: str,
    *,
    until: datetime | None = None,
    now: datetime | None = None,
    zone: tzinfo = UTC,
    session_files: Sequence[str] = (),
) -> CommitRange:
    """The commits from `base` (a revision, or an ISO date or time) until `until`.

    A date begins at midnight in `zone`. Commits that only the branch of `base` has are left
    out. A range from a date may be empty. One from a revision may not: where the head is not
    ahead of it, nobody knows what was meant, except for a merge that brought one of
    `session_files`, whose range begins at its first parent.

    Raises SourceFailed without git, a repository, a commit or such a revision, for a date
    after `until` or `now`, or where a shallow clone does not reach back far enough.
    """
    head = _head(root, until)
    shallow = is_shallow(root)
    time = _time(base, zone)
    if time is not None:
        limit = until or now
        if limit is not None and time > limit:
            raise SourceFailed(f"'{base}' is after {limit:%Y-%m-%d %H:%M} UTC, the as-of time")
        return CommitRange(_commit_before(root, time, head, shallow=shallow), head, shallow)
    named = _commit_named(root, base, shallow=shallow)
    start = _merge_base(root, named, head, shallow=shallow)
    # nothing was done since a commit that is named by its hash, which never moves
    is_fixed = named == head and head.startswith(base) and not _is_branch(root, base)
    if start == head and not (is_fixed and _HASH.fullmatch(base)):
        start = _before_merge(root, base, named, head, session_files)
    return CommitRange(start, head, shallow)


def commits(root: Path, span: CommitRange, where: str | None = None) -> tuple[Commit, ...]:
    """The commits after the base up to the head, newest first, at most 10,000.

    With `where`, a path from `root`, only those that changed something there.
    """
    form = "--format=%H%x00%ct%x00%an%x00%s"
    between = [span.head] if span.base in EMPTY_TREES else [span.head, f"^{span.base}"]
    options = ("-z", f"-{MAX_COMMITS}", "--encoding=UTF-8", form)
    # git would leave out a merged branch whose changes were made on both sides
    limit = ("--full-history",) if where else ()
    paths = ("--", where) if where else ()
    log = ("--literal-pathspecs", "log", *options, *limit, "--end-of-options")
    words = run_git(root, *log, *between, *paths).split("\0")
    return tuple(_commit(*words[n : n + 4]) for n in range(0, len(words) - 3, 4))


def files(root: Path, span: CommitRange, where: str | None = None) -> tuple[File, ...]:
    """The files that differ between base and head, by path from `root`, renames followed.

    With `where`, a path from `root`, only those there.
    """
    trees = ("--end-of-options", span.base, span.head, "--", *([where] if where else []))
    diff = ("--literal-pathspecs", "diff", *_DIFF)
    changes = _changes(run_git(root, *diff, "--name-status", *trees))
    counts = _counts(run_git(root, *diff, "--numstat", *trees))
    prefix = prefix_of(root)
    from_root = partial(posixpath.relpath, start=prefix) if prefix else str
    return tuple(
        File(
            from_root(path),
            change,
            from_root(old) if old else None,
            *counts.get(path, (None, None)),
        )
        for path, (change, old) in sorted(changes.items())
    )


def _head(root: Path, until: datetime | None) -> str:
    try:
        head = commit_id(root, "HEAD")
    except NoCommit as error:
        raise SourceFailed("the repository has no commit yet") from error
    if until is None:
        return head
    found = _newest(root, f"--until={until.isoformat()}", head)
    if not found:
        raise SourceFailed(f"no commit as early as {until:%Y-%m-%d %H:%M} UTC")
    return found


def _commit_named(root: Path, base: str, *, shallow: bool) -> str:
    try:
        return commit_id(root, base)
    except NoCommit as error:
        why = ", and this is a shallow clone" if shallow else ""
        line = " ".join(base.split())[:_SHOWN]
        raise SourceFailed(f"git has no commit '{line}'{why}") from error


def _commit_before(root: Path, time: datetime, head: str, *, shallow: bool) -> str:
    """The last commit before `time`; the empty tree where history begins later."""
    found = _newest(root, f"--before={time.isoformat()}", head)
    if found or not shallow:
        return found or next(tree for tree in EMPTY_TREES if len(tree) == len(head))
    raise SourceFailed(_CUT_OFF)


def _merge_base(root: Path, base: str, head: str, *, shallow: bool) -> str:
    """The last common commit of two histories; `base` if there is none."""
    try:
        return run_git(root, "merge-base", "--end-of-options", base, head).split()[0]
    except (NoCommit, IndexError):
        if shallow:
            raise SourceFailed(_CUT_OFF) from None
        return base


def _before_merge(
    root: Path, base: str, named: str, head: str, session_files: Sequence[str]
) -> str:
    """The first parent of `head`, where `base` is the branch that it merged the session into.

    Raises SourceFailed for every other `base` that has all commits of `head`.
    """
    line = " ".join(base.split())[:_SHOWN]
    if named == head:
        parents = run_git(root, "rev-list", "--parents", "-1", head).split()[1:]
        if len(parents) > 1 and session_files and _is_branch(root, base):
            options = ("--name-only", "--no-ext-diff", "--no-textconv", "--no-relative")
            trees = ("--end-of-options", parents[0], head, "--", *session_files)
            if run_git(root, "--literal-pathspecs", "diff", *options, *trees):
                return parents[0]
        why = f"'{line}' is the last commit itself"
    else:
        why = f"'{line}' already contains the last commit"
    raise SourceFailed(
        f"{why}, so what was done since it is not known; name an earlier commit, tag or date"
    )


def _is_branch(root: Path, name: str) -> bool:
    words = ("rev-parse", "--symbolic-full-name", "--end-of-options", name)
    return any(
        line.startswith(("refs/heads/", "refs/remotes/"))
        for line in run_git(root, *words).splitlines()
    )


def _newest(root: Path, limit: str, head: str) -> str:
    return run_git(root, "rev-list", "-1", limit, "--end-of-options", head).strip()


def _time(text: str, zone: tzinfo) -> datetime | None:
    """The beginning of a date, or a time; `None` for a revision. Raises InvalidSource."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    if time.tzinfo is not None:
        return time
    if len(text) <= _DATE_LENGTH:  # the first time of the day, also where clocks change then
        return time.replace(tzinfo=zone)
    try:
        times = utc_times(time, zone)
    except OverflowError:
        return None
    if len(times) == 1:
        return times[0]
    problem = "occurs twice" if times else "does not exist"
    raise InvalidSource(f"'{text}' {problem} in {zone}, expected a time with its offset")


def _commit(sha: str, seconds: str, author: str, subject: str) -> Commit:
    return Commit(sha, author, commit_time(seconds), subject)


def _changes(output: str) -> dict[str, tuple[str, str | None]]:
    found: dict[str, tuple[str, str | None]] = {}
    parts = iter(output.split("\0"))
    for status in parts:
        if not status:
            break
        first = next(parts)
        renamed = status[0] in "RC"
        path = next(parts) if renamed else first
        old = first if status[0] == "R" else None
        found[path] = (_CHANGES.get(status[0], "modified"), old)
    return found


def _counts(output: str) -> dict[str, tuple[int | None, int | None]]:
    found: dict[str, tuple[int | None, int | None]] = {}
    parts = iter(output.split("\0"))
    for part in parts:
        if not part:
            break
        added, deleted, path = part.split("\t", 2)
        if not path:  # a rename: the old and the new path follow
            next(parts)
            path = next(parts)
        found[path] = (_count(added), _count(deleted))
    return found


def _count(text: str) -> int | None:
    return None if text == "-" else int(text)
