"""Paths confined to the repository, and atomic writes."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from handoff.base.patterns import lazy_pattern
from handoff.base.problems import Refused, WorldError


def confined(root: Path, path: str | Path, *, also: tuple[Path, ...] = ()) -> Path:
    """The absolute path of `path`, relative to `root`, with all symlinks resolved.

    Raises Refused if it is outside `root` and the folders in `also`, or inside `.git`.
    """
    full = _resolved(root / path, path)
    if full.is_relative_to(root):  # then `root` is resolved, too
        home: Path | None = root
    else:
        folders = (folder.resolve() for folder in (root, *also))
        home = next((folder for folder in folders if full.is_relative_to(folder)), None)
    if home is None:
        raise Refused(f"{path}: error: leads outside the repository")
    # casefold: on a file system that ignores case, .GIT is .git
    if any(part.casefold() == ".git" for part in full.relative_to(home).parts):
        raise Refused(f"{path}: error: is inside .git, which handoff never touches")
    return full


def _resolved(full: Path, path: str | Path) -> Path:
    try:
        return full.resolve()
    except (OSError, ValueError, RuntimeError) as error:  # a loop of links, a NUL, too long
        # its message has a path of this machine
        why = "symbolic links in a circle" if isinstance(error, RuntimeError) else str(error)
        raise Refused(f"{path}: error: invalid path: {why}") from error


def expanded(path: str) -> Path:
    """The path with `~` as the home folder, if there is one."""
    try:
        return Path(path).expanduser()
    except RuntimeError:  # no home folder
        return Path(path)


def read_plain(file: Path, place: str) -> bytes | None:
    """The bytes of `file`; `None` if it does not exist.

    Raises WorldError, also for anything but a plain file: reading a pipe would block.
    """
    with disk(place, "read"):
        if not file.exists():
            return None
        if not (file.is_file() or file.is_dir()):
            raise WorldError(f"{place}: error: cannot read: not a plain file")
        return file.read_bytes()


def is_folder(path: Path) -> bool:
    """Whether `path` is a folder; `False` for an invalid name."""
    with suppress(OSError, ValueError):
        return path.is_dir()
    return False


def is_plain(path: Path) -> bool:
    """Whether `path` is a plain file; `False` for an invalid name."""
    with suppress(OSError, ValueError):
        return path.is_file()
    return False


def write_whole(
    path: Path,
    content: bytes,
    *,
    place: str,
) -> None:
    """Write `content` to `path` atomically: a reader sees the old or the new content.

    An existing file keeps its mode. Raises WorldError, with the old file unchanged; `place` is
    the file's name in the message.
    """
    with disk(place, "write"):
        path.parent.mkdir(parents=True, exist_ok=True)
        spare = _spare(path)
        _create(spare, content, mode=_mode(path))
        with _removed_on_failure(spare):
            spare.replace(path)
        _sync_folder(path.parent)


def replace_unchanged(path: Path, content: bytes, was: bytes | None, *, place: str) -> bool:
    """Replace the file if it still holds `was` (`None`: does not exist); `False` if not.

    An editor takes no lock and may save at any time, also between the comparison and the
    replacement. So the two files are exchanged, and exchanged back if what was taken out is
    not `was`. Raises WorldError.
    """
    if was is None:
        return write_new(path, content, place=place)
    with disk(place, "write"):
        spare = _spare(path)
        _create(spare, content, mode=_mode(path))
        with _removed_on_failure(spare):
            kept = read_plain(path, place) == was and _swap(spare, path, was)
            spare.unlink(missing_ok=True)
        _sync_folder(path.parent)
        return kept


def _swap(spare: Path, path: Path, was: bytes) -> bool:
    """Put `spare` into the place of `path`; `False` if that held something else than `was`."""
    ours = spare.read_bytes()
    if not exchange(spare, path):
        spare.replace(path)  # a system without exchange: as soon after the comparison as may be
        return True
    if spare.read_bytes() == was:
        return True
    exchange(spare, path)
    if spare.read_bytes() != ours:  # saved again meanwhile, which is the newest
        exchange(spare, path)
    return False


def exchange(one: Path, other: Path) -> bool:
    """Exchange two files in one step; `False` if the system cannot."""
    if sys.platform not in ("linux", "darwin"):
        return False
    import ctypes  # 2 ms: only where a file is replaced

    library = ctypes.CDLL(None)
    names = os.fsencode(one), os.fsencode(other)
    try:
        if sys.platform == "darwin":
            return bool(library.renamex_np(*names, _RENAME_SWAP) == 0)
        return bool(library.renameat2(_AT_FDCWD, names[0], _AT_FDCWD, names[1], 2) == 0)
    except AttributeError:  # an older library
        return False


_AT_FDCWD, _RENAME_SWAP = -100, 2


def write_new(path: Path, content: bytes, *, place: str) -> bool:
    """Create `path` with `content`; `False` if it exists, which is never overwritten."""
    with disk(place, "write"):
        path.parent.mkdir(parents=True, exist_ok=True)
        spare = _spare(path)
        _create(spare, content, mode=None)
        try:
            _link(spare, path, content)
        except FileExistsError:
            return False
        finally:
            with suppress(OSError):
                spare.unlink()
        _sync_folder(path.parent)
        return True


def remove(path: Path, *, place: str) -> None:
    """Delete a file. Raises WorldError."""
    with disk(place, "remove"):
        path.unlink(missing_ok=True)
        _sync_folder(path.parent)


def sweep(folder: Path) -> None:
    """Delete temporary files that a killed process left in `folder`, as far as possible.

    The caller must hold the lock on the folder: another process may be writing one.
    """
    with suppress(OSError):
        for each in os.scandir(folder):
            if _SPARE.fullmatch(each.name) and each.is_file(follow_symlinks=False):
                with suppress(OSError):
                    Path(each).unlink()


_SPARE = lazy_pattern(r"\..+\.[0-9a-f]{8}\.tmp")


@contextmanager
def disk(place: str, verb: str) -> Iterator[None]:
    """Turn an OSError into a WorldError that names `place`."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise WorldError(f"{place}: error: cannot {verb}: {reason.lower()}") from error


def _spare(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.urandom(4).hex()}.tmp")


def _link(spare: Path, path: Path, content: bytes) -> None:
    """Link `path` to the file at `spare`. Raises FileExistsError."""
    try:
        path.hardlink_to(spare)
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        _create(path, content, mode=None)


def _create(path: Path, content: bytes, *, mode: int | None) -> None:
    with path.open("xb") as file, _removed_on_failure(path):
        if mode is not None:
            path.chmod(mode)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def _removed_on_failure(path: Path) -> Iterator[None]:
    try:
        yield
    except BaseException:
        with suppress(OSError):
            path.unlink()
        raise


def _mode(path: Path) -> int | None:
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        return None


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":  # Windows cannot open a folder
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
