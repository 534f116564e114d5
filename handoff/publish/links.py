"""Links to documents that stand in the archive, and links of those that do."""

from __future__ import annotations

import posixpath
import re

from handoff.publish.archive import FOLDER, NAME, Places
from handoff.render.tidy import prose

_BEFORE = r"(?<![^\s\"'`(\[<>=:|*])(?P<before>https?://[^\s\"'`()<>\[\]]*?/|(?:\.{0,2}/)*)"
_ONE_COMMIT = re.compile(r"/[0-9a-f]{7,40}/")
_TARGET = r"<[^<>\n]*>|[^\s()<>]*(?:\([^\s()]*\)[^\s()]*)*"
_LINK = re.compile(
    r"(?<!`)(?P<ticks>`+)(?!`).*?(?<!`)(?P=ticks)(?!`)"
    rf"|(?P<head>\]\(\s*|^ {{0,3}}\[[^\]\n]+\]:[ \t]*|\b(?:href|src)=[\"'])(?P<to>{_TARGET})"
)


def named(text: str, places: Places) -> dict[str, str]:
    """Where each document stands that `text` names, by its path in the output folder."""
    names = sorted(set(re.findall(NAME, text)))
    return {path: places.of(path) for path in (f"{places.output}/{name}" for name in names)}


def relinked(text: str, path: str, places: Places) -> str:
    """The Markdown of a document made for `path` in the output folder, for where it stands.

    Links outside code lead where they led from there, those to documents to where these
    stand. A path from the root to a document is followed everywhere, in code too.
    """
    if places.before is None:
        return text
    now = places.of(path)
    if now == path and not named(text, places):
        return text
    linked = (
        _LINK.sub(lambda found: _link(found, path, now, places), line) if is_prose else line
        for line, is_prose in prose(text)
    )
    return rooted("\n".join(linked), places)


def rooted(text: str, places: Places) -> str:
    """`text` with every path from the root to a document as it is now.

    An address of one commit stays: there the document is where it was.
    """
    if places.before is None or places.output == ".":
        return text
    folder = rf"{re.escape(places.output)}/(?:{FOLDER}/)?"

    def replaced(found: re.Match[str]) -> str:
        if _ONE_COMMIT.search(found["before"]):
            return found[0]
        return found["before"] + places.of(found["path"])

    return re.sub(rf"{_BEFORE}(?P<path>{folder}{NAME})(?![\w/-]|\.\w)", replaced, text)


def _link(found: re.Match[str], was: str, now: str, places: Places) -> str:
    target = found["to"]
    if not target:  # code, or a link to nothing
        return found[0]
    if target.startswith("<"):
        return f"{found['head']}<{_target(target[1:-1], was, now, places)}>"
    return found["head"] + _target(target, was, now, places)


def _target(target: str, was: str, now: str, places: Places) -> str:
    """A link's target as it is from the folder of `now`."""
    path = re.split(r"[?#]", target, maxsplit=1)[0]
    if not path or path.startswith("/") or re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", path):
        return target
    folder, new = posixpath.dirname(was), posixpath.dirname(now)
    leads_to = posixpath.normpath(posixpath.join(folder, path))
    place = places.of(leads_to)
    if folder == new and posixpath.normpath(place) == leads_to:
        return target
    slash = "/" if path.endswith("/") else ""
    return posixpath.relpath(place, new) + slash + target[len(path) :]
