"""Where documents stand: in the output folder, the older ones in one for each month."""

from __future__ import annotations

import posixpath
import re
from datetime import date

from msgspec import Struct

from handoff.project.settings import By

_LENGTH: dict[By, int] = {"month": len("2026-01"), "year": len("2026")}

FOLDER = r"\d{4}(?:-\d\d)?"
"""The name of a folder of older documents."""
NAME = r"\d{4}-\d\d-\d\d-SESSION[A-Za-z0-9._-]*\.md"
"""The name of a document; it starts with its day."""


class Places(Struct, frozen=True):
    """Where each document stands."""

    output: str
    before: date | None = None
    """Documents of a day before this one stand in the archive; `None`: none does."""
    by: By = "month"
    kept: frozenset[str] = frozenset()
    """Paths of older documents that a hand edited: those stay where they are."""

    def of(self, path: str) -> str:
        """Where the document stands that would be at `path` without an archive, or in one.

        Every other path is itself.
        """
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
    """The day in a document's name; `None` where it is no document's."""
    name = posixpath.basename(path)
    if not re.fullmatch(NAME, name):
        return None
    try:
        return date.fromisoformat(name[:10])
    except ValueError:
        return None
