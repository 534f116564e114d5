"""The user's cache folder: private, outside the repository, and optional."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path


def cache_folder(name: str) -> Path | None:
    """The private folder `handoff/<name>` in the user's cache; `None` if there can be none.

    Its content may be executed, so it is not used if it is a link, belongs to another user, or
    is readable or writable by others.
    """
    try:
        home = _home() / "handoff"
        for folder in (home, home / name):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not _is_private(folder):
                return None
    except (OSError, RuntimeError):  # no home, no space, not writable
        return None
    return home / name


def read_cached(path: Path) -> bytes | None:
    """The content cached at `path`; `None` without a regular file."""
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
    except OSError:
        return None
    with os.fdopen(handle, "rb") as file:
        return file.read() if stat.S_ISREG(os.fstat(handle).st_mode) else None


def write_cached(path: Path, content: bytes) -> None:
    """Write `content` to `path` atomically; without a cache if that fails."""
    spare = path.with_name(f".{path.name}.{os.getpid()}")
    with suppress(OSError):
        spare.write_bytes(content)
        spare.replace(path)


def _home() -> Path:
    # the XDG Base Directory specification ignores relative paths
    chosen = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return chosen if chosen.is_absolute() else Path.home() / ".cache"


def _is_private(folder: Path) -> bool:
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode):
        return False
    if os.name == "nt":  # where the mode does not show permissions
        return True
    return status.st_uid == os.getuid() and not stat.S_IMODE(status.st_mode) & 0o077
