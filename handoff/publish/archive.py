"""Paths of documents: in the output folder, older ones in the archive; and links to them."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Mapping
from datetime import date

from msgspec import Struct

from handoff.base.patterns import lazy_pattern
from handoff.project.settings import By
from handoff.render.tidy import prose

_LENGTH: dict[By, int] = {"month": len("2026-01"), "year": len("2026")}

FOLDER = r"\d{4}(?:-\d\d)?"
"""The name of a folder of older documents."""
NAME = r"\d{4}-\d\d-\d\d-SESSION[A-Za-z0-9._-]*\.md"
"""The name of a document; it starts with its day."""

_IMAGE = lazy_pattern(r"(.*)(\.[a-z][a-z0-9_]*\.svg)")
"""The path of an image: that of its document, and the fact that it shows."""


class Places(Struct, frozen=True):
    """The path of each document."""

    output: str
    before: date | None = None
    """Documents of a day before this one are in the archive; `None`: none is."""
    by: By = "month"
    kept: frozenset[str] = frozenset()
    """Paths of older documents with manual edits: those are not moved."""
    moved: Mapping[str, str] = {}
    """Where documents that had another title are now, by their old paths."""

    def of(self, path: str) -> str:
        """The path of the document that was at `path`, or would be without an archive.

        Every other path is unchanged.
        """
        if _IMAGE.fullmatch(path):
            return self.home(path)
        for _ in self.moved:  # a title may have changed more than once
            plain = self._unarchived(path)
            if plain is None or plain not in self.moved:
                break
            path = self.moved[plain]
        return self.home(path)

    def home(self, path: str) -> str:
        """The path of the document planned for `path`: there, or in the archive.

        An image of a document is always next to it.
        """
        if image := _IMAGE.fullmatch(path):
            return self.home(f"{image[1]}.md").removesuffix(".md") + image[2]
        plain = self._unarchived(path)
        day = day_of(plain) if plain is not None else None
        if plain is None or day is None:
            return path
        if self.before is None or day >= self.before or plain in self.kept:
            return plain
        name = posixpath.basename(plain)
        return posixpath.join(self.output, name[: _LENGTH[self.by]], name)

    def _unarchived(self, path: str) -> str | None:
        folder, name = posixpath.split(path)
        above, last = posixpath.split(folder)
        in_archive = re.fullmatch(FOLDER, last) and name.startswith(last)
        if folder == self.output:
            return path
        if in_archive and (above or ".") == self.output:
            return f"{self.output}/{name}"
        return None


def day_of(path: str) -> date | None:
    """The day in a document's name; `None` for the name of another file."""
    name = posixpath.basename(path)
    if not re.fullmatch(NAME, name):
        return None
    try:
        return date.fromisoformat(name[:10])
    except ValueError:
        return None


# --- links to documents ------------------------------------------------------------------

_BEFORE = r"(?<![^\s\"'`(\[<>=:|*])(?P<before>https?://[^\s\"'`()<>\[\]]*?/|(?:\.{0,2}/)*)"
_ONE_COMMIT = lazy_pattern(r"/[0-9a-f]{7,40}/")
_TARGET = r"<[^<>\n]*>|[^\s()<>]*(?:\([^\s()]*\)[^\s()]*)*"
_LINK = lazy_pattern(
    r"(?<!`)(?P<ticks>`+)(?!`).*?(?<!`)(?P=ticks)(?!`)"
    rf"|(?P<head>\]\(\s*|^ {{0,3}}\[[^\]\n]+\]:[ \t]*|\b(?:href|src)=[\"'])(?P<to>{_TARGET})"
)


def named(text: str, places: Places) -> dict[str, str]:
    """The path of each document that `text` names, by its path in the output folder."""
    names = sorted(set(re.findall(NAME, text)))
    return {path: places.of(path) for path in (f"{places.output}/{name}" for name in names)}


def relinked(text: str, path: str, places: Places) -> str:
    """The Markdown of a document written for `path` in the output folder, for its own path.

    Links outside code keep their targets; those to documents follow the documents. A path
    from the root to a document is replaced everywhere, in code too.
    """
    if places.before is None and not places.moved:
        return text
    now = places.home(path)
    if now == path and not named(text, places):
        return text
    return rooted(move_links(text, path, now, places.of), places)


def move_links(text: str, was: str, now: str, of: Callable[[str], str]) -> str:
    """The Markdown of the document `was` for the path `now`; `of` is where each file is then.

    Relative links outside code keep their targets.
    """
    linked = (
        _LINK.sub(lambda found: _link(found, was, now, of), line) if is_prose else line
        for line, is_prose in prose(text)
    )
    return "\n".join(linked)


def rooted(text: str, places: Places) -> str:
    """`text` with the present path of every document that it names from the root.

    A URL of one commit is unchanged: there the document has its old path.
    """
    if (places.before is None and not places.moved) or places.output == ".":
        return text
    folder = rf"{re.escape(places.output)}/(?:{FOLDER}/)?"

    def replaced(found: re.Match[str]) -> str:
        if _ONE_COMMIT.search(found["before"]):
            return found[0]
        return found["before"] + places.of(found["path"])

    return re.sub(rf"{_BEFORE}(?P<path>{folder}{NAME})(?![\w/-]|\.\w)", replaced, text)


def _link(found: re.Match[str], was: str, now: str, of: Callable[[str], str]) -> str:
    target = found["to"]
    if not target:  # code, or a link to nothing
        return found[0]
    if target.startswith("<"):
        return f"{found['head']}<{_target(target[1:-1], was, now, of)}>"
    return found["head"] + _target(target, was, now, of)


def _target(target: str, was: str, now: str, of: Callable[[str], str]) -> str:
    """A link's target relative to the folder of `now`."""
    path = re.split(r"[?#]", target, maxsplit=1)[0]
    if not path or path.startswith("/") or re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", path):
        return target
    folder, new = posixpath.dirname(was), posixpath.dirname(now)
    leads_to = posixpath.normpath(posixpath.join(folder, path))
    place = of(leads_to)
    if folder == new and posixpath.normpath(place) == leads_to:
        return target
    slash = "/" if path.endswith("/") else ""
    return posixpath.relpath(place, new) + slash + target[len(path) :]
