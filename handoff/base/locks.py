"""A lock on a folder, for one writer at a time; it leaves no file behind."""

from __future__ import annotations

import errno
import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from hashlib import sha256
from pathlib import Path

from handoff.base.cache import cache_folder
from handoff.base.characters import revealed
from handoff.base.files import sweep
from handoff.base.problems import WorldError

_SECONDS = 60.0
"""A render holds the lock while its templates run; what holds it longer is stopped."""
_PAUSE = 0.01
_REPORT_SECONDS = 1.0
_BUSY = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK)


@contextmanager
def locked(folder: Path, *, place: str, seconds: float = _SECONDS) -> Iterator[None]:
    """Keep other handoff processes from writing to files of `folder`.

    What a killed process left there is removed first. Waiting is reported after a second.
    The lock is on the folder itself, or on a file in the user's cache if the file system has
    no locks for folders (Windows, some network drives). It is released when the process ends.
    Raises WorldError after `seconds`; `place` is the file's name in the message.
    """
    with ExitStack() as stack:
        handle = _acquire(folder, stack, place, seconds)
        sweep(folder)
        yield
        with suppress(OSError):
            _free(handle)


def _acquire(folder: Path, stack: ExitStack, place: str, seconds: float) -> int:
    for open_ in (_folder_itself, _file_in_cache):
        handle = open_(folder)
        if handle is None:
            continue
        stack.callback(os.close, handle)
        if _wait(handle, place, seconds):
            return handle
    raise WorldError(f"{place}: error: cannot lock the file: the file system has no locks")


def _wait(handle: int, place: str, seconds: float) -> bool:
    """Wait for the lock; `False` if the file system has none."""
    start, is_reported = time.monotonic(), False
    end = start + seconds
    while True:
        try:
            _try(handle)
        except OSError as error:
            if error.errno not in _BUSY:
                return False
            if time.monotonic() > end:
                message = f"another handoff process has held it for {seconds:.0f} seconds"
                raise WorldError(f"{place}: error: cannot lock the file: {message}") from error
            if not is_reported and time.monotonic() > start + _REPORT_SECONDS:
                is_reported = True
                line = f"{place}: waiting for another handoff process, at most {seconds:.0f} s"
                sys.stderr.write(f"{revealed(line)}\n")
            time.sleep(_PAUSE)
        else:
            return True


def _folder_itself(folder: Path) -> int | None:
    if sys.platform == "win32":  # which cannot open folders
        return None
    try:
        return os.open(folder, os.O_RDONLY)
    except OSError:
        return None


def _file_in_cache(folder: Path) -> int | None:
    cache = cache_folder("locks")
    if cache is None:
        return None
    name = sha256(str(folder.resolve()).encode("utf-8", "surrogateescape")).hexdigest()[:16]
    try:
        return os.open(cache / name, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError:
        return None


if sys.platform == "win32":
    import msvcrt

    def _try(handle: int) -> None:
        os.lseek(handle, 0, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)

    def _free(handle: int) -> None:
        os.lseek(handle, 0, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _try(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _free(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_UN)
