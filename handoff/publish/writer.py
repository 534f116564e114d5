"""The only writer of documents; it never overwrites manual edits."""

from __future__ import annotations

from collections.abc import Callable
from difflib import unified_diff
from hashlib import sha256
from itertools import count, islice
from pathlib import Path
from typing import Literal

from msgspec import Struct

from handoff.base.conflict_markers import conflicts
from handoff.base.files import confined, read_plain, remove, replace_unchanged, write_new
from handoff.base.problems import Level, Place, Problem, Refused
from handoff.publish.markdown_content import has_same_content, unformatted
from handoff.publish.signature import INDEX_OWNER, LATEST_OWNER, MOVED, signature, signed

FileState = Literal["missing", "current", "outdated", "edited", "foreign", "taken", "conflict"]
"""Of a document file against what is rendered now: `edited` since handoff wrote it, `foreign`
where handoff never did, `taken` by another session, in `conflict` where a merge left markers
and manual edits."""


class WriteResult(Struct, frozen=True):
    """What became of one document."""

    path: str
    """Relative to the root."""
    changed: bool
    saved: str | None = None
    """Where the text that it replaced was put aside, relative to the root."""


def state(content: bytes | None, text: str, owner: str) -> FileState:
    """How a document file with `content` (`None`: no file) stands to `text` as rendered now."""
    if content is None:
        return "missing"
    there = signature(content)
    if there.text == text and there.owner in (owner, None):
        return "current" if there.intact else "outdated"
    if there.owner is None:
        return "foreign"
    is_plain = there.intact and not there.formatted
    if there.owner == owner and not is_plain and has_same_content(there.text, text):
        # a formatter changed it, or its manual edits were merged
        return "current" if there.intact else "outdated"
    if not there.intact:
        return "edited"
    # a document and a stub may replace each other
    is_own = owner.removeprefix(MOVED) == there.owner or there.owner.startswith(MOVED)
    return "outdated" if is_own else "taken"


def merged_state(
    root: Path, path: str, content: bytes | None, text: str, owner: str
) -> tuple[FileState, int]:
    """The state of the document file `path`, which git may have merged, and its line.

    A merge conflict between versions that handoff wrote is only outdated. The line is the
    first of a conflict that handoff did not write; 0 for every other state.
    """
    now = state(content, text, owner)
    if content is None or now in ("current", "outdated"):
        return now, 0
    merged = content.decode(errors="replace").replace("\r\n", "\n")
    if not conflicts(merged):
        return now, 0
    from handoff.publish.conflicts import manual_line  # asks git, after a merge only

    line = manual_line(root, path, merged, owner)
    return ("conflict", line) if line else ("outdated", 0)


def is_published(content: bytes | None, file_digest: str, owner: str) -> bool:
    """Whether a file with `content` is the owner's document, current, outdated or edited.

    `file_digest` is that of the whole file as it would be written now.
    """
    if content is None:
        return False
    there = signature(content)
    if there.owner is None:  # the document without its signature, or a foreign file
        return sha256(signed(there.text, owner).encode()).hexdigest() == file_digest
    return there.owner == owner or not there.intact


def write(
    root: Path,
    path: str,
    text: str,
    owner: str,
    *,
    overwrite: bool = False,
    gate: Callable[[], None] = lambda: None,
) -> WriteResult:
    """Write `text` to the document file `path` under `root`, signed for `owner`.

    `gate` is called where it is not there already, and raises where nobody may see it.
    Raises Refused with the diff if manual edits would be lost; with `overwrite` they are
    put aside first, under a name that is free. Raises WorldError.
    """
    file = confined(root, path)
    content = read_plain(file, path)
    now, line = merged_state(root, path, content, text, owner)
    if now == "current":
        return WriteResult(path, changed=False)
    gate()
    saved = None
    if content is not None and now != "outdated":
        if not overwrite:
            found = problem(path, now, owner, line=line)
            raise Refused(f"{found}\n{difference(path, content, text)}")
        saved = _put_aside(root, path, content)

    if not replace_unchanged(file, signed(text, owner).encode(), content, place=path):
        raise Refused(f"{path}: error: changed on disk while rendering; left untouched")
    return WriteResult(path, changed=True, saved=saved)


_SAYS: dict[FileState, tuple[str, str]] = {
    "edited": (
        "X001",
        "edited manually since handoff wrote it: move the edits into the session file{into}",
    ),
    "foreign": (
        "X002",
        "not written by handoff (its signature line is missing or not last): move it away",
    ),
    "taken": ("X003", "the document of another session: give one of the two another 'slug'"),
    "conflict": (
        "X010",
        "merge conflict with a manual edit in this line: move the edit into the session file",
    ),
    "missing": ("X004", "not published"),
    "outdated": ("X005", "out of date"),
}


def problem(
    path: str, state: FileState, owner: str, *, why: str = "", line: int = 0
) -> Problem:
    """What is wrong with the owner's document file in `state`, and how to fix it."""
    code, message = _SAYS[state]
    is_session = owner not in (INDEX_OWNER, LATEST_OWNER) and not path.endswith(".svg")
    into = f" with 'handoff import --into {owner}'" if is_session else ""
    message = message.replace("{into}", into)
    fix = "; 'handoff publish' writes it"
    if state not in ("missing", "outdated"):
        fix = ", or replace it with '--overwrite', which keeps its text aside"
    return Problem(code, message + why + fix, Place(path, line))


def clash(path: str, other: str) -> Problem:
    """That a document would have the path of session `other`, upper and lower case apart."""
    code, message = _SAYS["taken"]
    return Problem(code, f"{message} ('{other}' has it)", Place(path))


def difference(path: str, content: bytes | None, text: str, *, most: int | None = None) -> str:
    """The way from the file to what would replace it, cut after `most` lines."""
    there = signature(content or b"")
    before = there.text
    if there.owner is not None and (there.formatted or not there.intact):
        before = unformatted(text, before)
    names = f"{path} (as it is)", f"{path} (as rendered)"
    found = unified_diff(before.splitlines(), text.splitlines(), *names, lineterm="")
    lines = list(islice(found, most))
    rest = sum(1 for _ in found)
    return "\n".join([*lines, *([f"... {rest} more lines"] if rest else [])])


# --- orphaned documents --------------------------------------------------------------------


class OrphanDocument(Struct, frozen=True):
    """A document file that no session has any more."""

    path: str
    owner: str
    intact: bool
    now: str | None
    """Where the owner's document stands now; `None` where there is no such session."""
    named: Place | None = None
    """Where a file names it, so that it is not removed."""

    @property
    def is_image(self) -> bool:
        return self.path.endswith(".svg")

    @property
    def is_moved(self) -> bool:
        """Whether the same document stands elsewhere, and this one can go."""
        is_same = self.is_image or _name(self.now or "") == _name(self.path)
        return self.intact and self.now is not None and is_same


def left_over(left: OrphanDocument, level: Level) -> Problem:
    """The problem of an orphaned document, and how to fix it."""
    place = Place(left.path)
    if left.is_moved and left.is_image:
        message = f"an image that {left.now} no longer shows; 'handoff publish' removes it"
        return Problem("X007", message, place, level)
    if left.is_moved:
        message = f"belongs at {left.now} now; 'handoff publish' moves it"
        return Problem("X007", message, place, level)
    if left.now is not None and left.intact:
        message = f"belongs at {left.now} now; 'handoff publish' leaves a link to it here"
        return Problem("X007", message, place, level)
    code, message = "X006", f"orphaned: session '{left.owner}' no longer exists"
    if left.now is not None:
        code, message = "X007", f"orphaned: the document of '{left.owner}' is now {left.now}"
    fix = "edited manually, so remove it yourself"
    if left.intact:
        fix = "'handoff publish --prune' removes it"
    if left.named is not None:
        fix = f"kept, because {left.named} names it: remove that link first"
    return Problem(code, f"{message}; {fix}", place, level)


def prune(root: Path, left: OrphanDocument) -> bool:
    """Remove an orphaned document unless it was edited; whether it was removed.

    Raises Refused, WorldError.
    """
    file = confined(root, left.path)
    there = signature(read_plain(file, left.path) or b"")
    if not there.intact or (there.owner or "").removeprefix(MOVED) != left.owner:
        return False
    remove(file, place=left.path)
    return True


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def _put_aside(root: Path, path: str, content: bytes) -> str:
    names = (f"{path}.saved-{n}" for n in count(1))
    return next(name for name in names if write_new(root / name, content, place=name))
