"""Run git on a repository that may be a stranger's.

git runs without hooks, monitors, external diffs and text filters, without `GIT_*` from the
environment and the settings of the system, and no text of a session becomes an option. One
setting is followed wherever it is: `safe.directory`, by which users trust a repository that
belongs to another user.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from handoff.base.budget import limit_memory
from handoff.base.files import expanded
from handoff.base.patterns import lazy_pattern
from handoff.sources.source import InvalidSource, SourceFailed

TIMEOUT_SECONDS = 30
_HARDENED = (
    "--no-pager",
    "--no-optional-locks",
    # a folder that only looks like a repository would bring its own settings
    "-c", "safe.bareRepository=explicit",
    "-c", "core.fsmonitor=false",
    "-c", "core.hooksPath=/dev/null",
    "-c", "core.quotePath=false",
    "-c", "diff.external=",
    "-c", "log.showSignature=false",
    "-c", "protocol.allow=never",
)  # fmt: skip
_ENVIRONMENT = {
    "LC_ALL": "C.UTF-8",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    # a partial clone must not fetch what it lacks, over any protocol
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_NO_LAZY_FETCH": "1",
}

_SEARCH = lazy_pattern(r"(?s)(?:\^\{/|(?:^|\.\.):/)(.*)")
_WORDS = lazy_pattern(r"[\w ,:#/'\"-]*\}?")
_SHOWN = 60
"""Characters of a revision in a message."""
_TRUST = "safe.directory"
_UNTRUSTED = "dubious ownership"
_TRUSTING = lazy_pattern(r"git config --global --add safe\.directory .+")
_FOR_A_MACHINE = lazy_pattern(r"'(?:[A-Za-z]:)?/[^']*'|(?<![\w.:/-])(?:[A-Za-z]:)?/[^'\"\s:]+")


class NoCommit(SourceFailed):
    """git fails without a message: there is no such commit."""


class UntrustedRepository(SourceFailed):
    """The repository belongs to another user, and no setting of git allows it."""

    def __init__(self, fix: str) -> None:
        super().__init__(
            "the repository belongs to another user, and git does not trust it; "
            "'handoff doctor' shows how to allow it"
        )
        self.fix = fix
        """The command that allows it, with a path of this machine."""


def run_git(root: Path, *words: str) -> str:
    """The output of a git command, run hardened. Raises SourceFailed."""
    done = _run(root, *_HARDENED, *_trust(root), *words)
    if done.returncode:
        raise _failure(root, done.stderr)
    return done.stdout.decode("utf-8", "replace")


def commit_id(root: Path, revision: str) -> str:
    """The whole id of a commit. Raises SourceFailed where git does not have it.

    Raises InvalidSource for a revision with a regular expression: git's may take gigabytes.
    """
    searched = _SEARCH.search(revision)
    if searched and not _WORDS.fullmatch(searched[1]):
        message = "a search in commit messages takes words only, not a regular expression"
        raise InvalidSource(f"'{' '.join(revision.split())[:_SHOWN]}': {message}")
    verify = ("rev-parse", "--verify", "--quiet", "--end-of-options")
    return run_git(root, *verify, f"{revision}^{{commit}}").split()[-1]


def commit_time(seconds: str) -> datetime | None:
    """The time that git prints as seconds, UTC; `None` for one outside the calendar."""
    try:
        return datetime.fromtimestamp(int(seconds), UTC)
    except (ValueError, OverflowError, OSError):
        return None


def has_path(root: Path, tree: str, path: str) -> bool:
    """Whether a commit has a file or folder, by its path from the top of the repository."""
    try:
        run_git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{tree}:{path}")
    except SourceFailed:
        return False
    return True


def is_shallow(root: Path) -> bool:
    """Whether the clone lacks older commits. Raises SourceFailed."""
    return run_git(root, "rev-parse", "--is-shallow-repository").strip() == "true"


def prefix_of(root: Path) -> str:
    """The path from the top of the repository to `root`; empty without a repository."""
    try:
        return run_git(root, "rev-parse", "--show-prefix").removesuffix("\n")
    except SourceFailed:
        return ""


def _run(
    root: Path, *words: str, settings: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    try:
        process = subprocess.Popen(
            ("git", *words),
            cwd=root,
            env={**clean, **_ENVIRONMENT, **(settings or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        with process:
            limit_memory(process.pid)
            try:
                output, errors = process.communicate(timeout=TIMEOUT_SECONDS)
            except BaseException:
                process.kill()
                raise
        return subprocess.CompletedProcess(process.args, process.returncode, output, errors)
    except FileNotFoundError as error:
        raise SourceFailed("git is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise SourceFailed(f"git did not finish in {TIMEOUT_SECONDS} seconds") from error
    except ValueError as error:  # a NUL in a word
        raise NoCommit(str(error)) from error


@lru_cache(maxsize=32)
def _trust(root: Path) -> tuple[str, ...]:
    """The options by which git trusts the repository; empty where it belongs to this user.

    Asked before any other command: some, such as `git config`, do not fail without trust, but
    ignore the repository's settings. Raises UntrustedRepository, which is not cached.
    """
    words = ("rev-parse", "--git-dir")
    refused = _run(root, *_HARDENED, *words).stderr
    if _UNTRUSTED.encode() not in refused:
        return ()
    values = _trusted_folders()
    # an empty value removes those of the files that git reads anyway
    options = [part for each in ("", *values) for part in ("-c", f"{_TRUST}={each}")]
    if _UNTRUSTED.encode() in _run(root, *_HARDENED, *options, *words).stderr:
        raise _failure(root, refused)
    return tuple(options)


def _trusted_folders() -> list[str]:
    """The values of `safe.directory` outside repositories: of the system, user, environment."""
    own = {k: v for k, v in os.environ.items() if k.startswith("GIT_CONFIG")}
    options = ("config", "--null", "--show-scope", "--get-all", _TRUST)
    done = _run(Path(os.sep), *options, settings={"GIT_CONFIG_NOSYSTEM": "0", **own})
    words = done.stdout.decode("utf-8", "surrogateescape").split("\0")
    pairs = zip(words[::2], words[1::2], strict=False)
    return [value for scope, value in pairs if scope not in ("local", "worktree")]


def _failure(root: Path, errors: bytes) -> SourceFailed:
    """The error that git reports in one of its lines; hints follow it."""
    text = errors.decode("utf-8", "replace").strip()
    if not text:
        return NoCommit("no such commit")
    if _UNTRUSTED in text:
        found = _TRUSTING.search(text)
        return UntrustedRepository(found[0] if found else "")
    if "not a git repository" in text:
        return SourceFailed("this is not a git repository")
    lines = text.splitlines()
    fatal = [line for line in lines if line.startswith(("fatal: ", "error: "))]
    reason = [*fatal, *lines][0].removeprefix("fatal: ").removeprefix("error: ")
    return SourceFailed(f"git failed: {_without_places(root, reason)}")


def _without_places(root: Path, text: str) -> str:
    """The text, which is recorded, without paths of this machine."""
    for folder in (root, *root.parents, expanded("~")):
        if folder != folder.parent:
            text = text.replace(str(folder), "/…")
    return _FOR_A_MACHINE.sub("…", text)
