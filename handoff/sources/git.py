"""What git says: commits and files since a commit or a time.

The repository may be a stranger's. So git runs without its hooks, monitors, external diffs and
text filters, without `GIT_*` from the environment, and no word of the session is taken for an
option.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from handoff.sources.log import SourceFailed

TIMEOUT_SECONDS = 30
MAX_COMMITS = 1_000

_HARDENED = (
    "--no-pager",
    "--no-optional-locks",
    "-c", "core.fsmonitor=false",
    "-c", "core.hooksPath=/dev/null",
    "-c", "core.quotePath=false",
    "-c", "diff.external=",
    "-c", "log.showSignature=false",
    "-c", "protocol.allow=never",
)  # fmt: skip
_DIFF = ("-z", "--no-ext-diff", "--no-textconv", "--no-color", "--find-renames")

Change = Literal["added", "modified", "deleted", "renamed"]
_CHANGES: dict[str, Change] = {
    "A": "added",
    "M": "modified",
    "T": "modified",
    "D": "deleted",
    "R": "renamed",
    "C": "added",
}


@dataclass(frozen=True, slots=True)
class Commit:
    sha: str
    """40 hex digits."""
    author: str
    committed_at: datetime
    """UTC."""
    subject: str


@dataclass(frozen=True, slots=True)
class File:
    path: str
    change: Change
    old_path: str | None
    """Where a renamed file was."""
    insertions: int | None
    """Lines; `None` for a binary file."""
    deletions: int | None


@dataclass(frozen=True, slots=True)
class Since:
    """What lies between a base and the head."""

    base: str
    """The commit compared with, 40 hex digits; the empty tree where history begins later."""
    head: str
    shallow: bool
    """The clone is cut off: commits before it are not seen."""


def since(root: Path, base: str, *, until: datetime | None = None) -> Since:
    """The commits that `base` (a revision, or an ISO date or time) and `until` stand for.

    Raises SourceFailed where there is no git, no repository, no commit, or no such revision.
    """
    limit = [f"--until={until.isoformat()}"] if until else []
    head = _git(root, "rev-list", "-1", *limit, "--end-of-options", "HEAD").strip()
    if not head:
        raise SourceFailed("no commit as early as that")
    shallow = _git(root, "rev-parse", "--is-shallow-repository").strip() == "true"
    return Since(_base(root, base, head), head, shallow)


def commits(root: Path, span: Since) -> tuple[Commit, ...]:
    """The commits after the base up to the head, newest first, at most 1,000."""
    form = "--format=%H%x1f%an%x1f%ct%x1f%s"
    between = [span.head] if span.base == _empty_tree(root) else [span.head, f"^{span.base}"]
    said = _git(root, "log", "-z", f"-{MAX_COMMITS}", form, "--end-of-options", *between)
    return tuple(_commit(record) for record in said.split("\0") if record)


def files(root: Path, span: Since) -> tuple[File, ...]:
    """The files that differ between base and head, by path, renames followed."""
    trees = ("--end-of-options", span.base, span.head)
    changes = _changes(_git(root, "diff", *_DIFF, "--name-status", *trees, "--"))
    counts = _counts(_git(root, "diff", *_DIFF, "--numstat", *trees, "--"))
    return tuple(
        File(path, change, old, *counts.get(path, (None, None)))
        for path, (change, old) in sorted(changes.items())
    )


def _base(root: Path, base: str, head: str) -> str:
    moment = _moment(base)
    if moment is None:
        spec = f"{base}^{{commit}}"
        try:
            verify = ("rev-parse", "--verify", "--quiet", "--end-of-options")
            return _git(root, *verify, spec).split()[-1]
        except SourceFailed as error:
            raise SourceFailed(f"git knows no commit '{base}'") from error
    before = f"--before={moment.isoformat()}"
    found = _git(root, "rev-list", "-1", before, "--end-of-options", head).strip()
    return found or _empty_tree(root)


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _empty_tree(root: Path) -> str:
    return _git(root, "hash-object", "-t", "tree", "--stdin").strip()


def _commit(record: str) -> Commit:
    sha, author, seconds, subject = record.split("\x1f", 3)
    return Commit(sha, author, datetime.fromtimestamp(int(seconds), UTC), subject)


def _changes(said: str) -> dict[str, tuple[Change, str | None]]:
    found: dict[str, tuple[Change, str | None]] = {}
    parts = iter(said.split("\0"))
    for status in parts:
        if not status:
            break
        first = next(parts)
        renamed = status[0] in "RC"
        path = next(parts) if renamed else first
        old = first if status[0] == "R" else None
        found[path] = (_CHANGES.get(status[0], "modified"), old)
    return found


def _counts(said: str) -> dict[str, tuple[int | None, int | None]]:
    found: dict[str, tuple[int | None, int | None]] = {}
    parts = iter(said.split("\0"))
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


def _git(root: Path, *words: str) -> str:
    clean = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    clean |= {"LC_ALL": "C.UTF-8", "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0"}
    try:
        done = subprocess.run(
            ("git", *_HARDENED, *words),
            cwd=root,
            env=clean,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
    except FileNotFoundError as error:
        raise SourceFailed("git is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise SourceFailed(f"git gave no answer in {TIMEOUT_SECONDS} seconds") from error
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise SourceFailed(said[-1] if said else f"git {words[0]} failed")
    return done.stdout.decode("utf-8", "replace")
