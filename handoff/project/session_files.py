"""Files that look like a session, but have a name or a place where none is read."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from msgspec import Struct

from handoff.base.patterns import lazy_pattern
from handoff.session.model import SESSION_ID

FOLDER = "sessions"
_YAML = lazy_pattern(
    r"#?(?P<stem>.+?)\.ya?ml(?P<backup>[~#]|\.(?:bak|orig|old|rej|save|tmp|\d+)~?)?", re.I
)
_NAME = lazy_pattern(r"session|hand[-_ ]?(?:off|over)", re.IGNORECASE)
_KEYS = (b"session:", b"title:", b"created:")
"""Every session has these keys, at the beginning of a line."""
_MAX_BYTES = 64 * 1024
_MAX_DEPTH = 3
_MAX_ENTRIES = 5_000
"""Files and folders looked at outside of `sessions/`."""
_SKIPPED = ("node_modules", "venv", "target", "build", "dist", "vendor")


class MisplacedSession(Struct, frozen=True):
    """A file that is not read as a session."""

    path: str
    """Relative to the root."""
    why: str
    fix: str
    """`rename it to 'sessions/session-3.yaml'`."""
    id: str
    """That of the session, with the right name."""


def misplaced_sessions(root: Path) -> Iterator[MisplacedSession]:
    """Each file below `sessions/`, or near the root, that should be a session."""
    inside = sorted(_files(root, root / FOLDER, depth=_MAX_DEPTH))
    for path in inside:
        found = _YAML.fullmatch(path.name)
        if found:
            yield from _in_folder(root, path, found)
    for path in sorted(_files(root, root, depth=_MAX_DEPTH)):
        found = _YAML.fullmatch(path.name)
        if found and _NAME.search(str(path)) and _is_session(root / path):
            yield _moved(root, path, "is outside 'sessions/'", _id(found["stem"]))


def _in_folder(
    root: Path, path: PurePosixPath, found: re.Match[str]
) -> Iterator[MisplacedSession]:
    name = _id(found["stem"])
    if found["backup"] or path.name.startswith("#"):
        original = f"{path.parent}/{found['stem']}.yaml"
        why = f"looks like a backup of '{original}'"
        yield MisplacedSession(str(path), why, "remove it", "")
    elif str(path.parent) != FOLDER:
        yield _moved(root, path, "is in a subfolder, which is not read", name)
    elif path.suffix != ".yaml":
        yield _moved(root, path, f"ends with '{path.suffix}', expected '.yaml'", name)
    elif not re.fullmatch(SESSION_ID, path.stem):
        why = "has a name that is not a session's id (letters, digits, '.', '_' and '-')"
        yield _moved(root, path, why, name)
    elif re.match("session-", path.stem, re.IGNORECASE) and path.stem != path.stem.lower():
        yield _moved(root, path, "has upper case in its name", path.stem.lower())


def _moved(root: Path, path: PurePosixPath, why: str, name: str) -> MisplacedSession:
    wanted = f"{FOLDER}/{name}.yaml"
    is_itself = str(path).casefold() == wanted.casefold()  # on a disk that ignores case
    if (root / wanted).exists() and not (is_itself and (root / wanted).samefile(root / path)):
        return MisplacedSession(str(path), why, f"merge it into '{wanted}', or remove it", name)
    verb = "rename" if str(path.parent) == FOLDER else "move"
    return MisplacedSession(str(path), why, f"{verb} it to '{wanted}'", name)


def _id(stem: str) -> str:
    """The nearest valid id, in lower case where it is the usual one."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("-._") or "session-1"
    return name.lower() if re.match("session-", name, re.IGNORECASE) else name


def _files(root: Path, start: Path, *, depth: int) -> Iterator[PurePosixPath]:
    """The files below `start`, from `root`, without hidden ones and the folder of sessions."""
    level, count = [start], 0
    for _ in range(depth):
        below: list[Path] = []
        for folder in level:
            try:
                entries = sorted(os.scandir(folder), key=lambda each: each.name)
            except OSError:  # gone, not a folder, or without permission
                continue
            for entry in entries:
                count += 1
                if count > _MAX_ENTRIES:
                    return
                if not entry.is_dir(follow_symlinks=False):
                    yield PurePosixPath(Path(entry.path).relative_to(root).as_posix())
                elif entry.name[0] != "." and entry.name not in (*_SKIPPED, FOLDER):
                    below.append(Path(entry.path))
        level = below


def _is_session(file: Path) -> bool:
    """Whether a file has the keys of a session."""
    try:
        if not file.is_file() or file.is_symlink():
            return False
        with file.open("rb") as opened:
            lines = opened.read(_MAX_BYTES).split(b"\n")
    except OSError:
        return False
    return all(any(line.startswith(key) for line in lines) for key in _KEYS)
