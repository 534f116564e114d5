"""A project: its folder, its settings, and where everything is."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from msgspec import Struct

from handoff.base.data import data_folder
from handoff.base.files import confined, expanded, is_folder, read_plain
from handoff.base.problems import (
    InvalidInput,
    Place,
    Problem,
    Refused,
    UsageError,
    WorldError,
    nearest,
)
from handoff.project.overrides import Override
from handoff.project.session_files import misplaced_sessions
from handoff.project.settings import Settings, load
from handoff.session.model import SESSION_ID

if TYPE_CHECKING:
    from handoff.base.tree import Tree

SETTINGS = "handoff.yaml"
VENDORED = frozenset(
    (
        *("node_modules", "vendor", "third_party", "venv", "site-packages", "__pycache__"),
        *("build", "dist", "target", "coverage"),
    )
)
"""Folders of what others wrote, or programs made."""
_MAX_PATHS = 50_000
"""Files looked through for a `did you mean`."""


class Project(Struct, frozen=True):
    """Everything is found from here; every path it takes or gives is relative to `root`."""

    root: Path
    """Real and absolute."""
    settings: Settings

    def path(self, path: str) -> Path:
        """Where `path` really is. Raises Refused outside the root or inside `.git`."""
        return confined(self.root, path)

    def source(self, path: str) -> Path:
        """Where a file to look into really is, also in `sources:`. Raises Refused."""
        folders = tuple(self.root / expanded(folder) for folder in self.settings.sources)
        return confined(self.root, path, also=folders)

    def read(self, path: str) -> bytes | None:
        """The file's bytes; `None` where there is none. Raises Refused, WorldError."""
        return read_plain(self.path(path), path)

    def read_input(self, path: str) -> bytes | None:
        """The bytes of an author's file; `None` if there is none.

        Raises InvalidInput for what is not a file to read: a folder, a pipe, a link that leads
        outside, a file without permission.
        """
        try:
            return self.read(path)
        except (Refused, WorldError) as error:
            why = str(error).partition(": error: ")[2] or str(error)
            problem = Problem("Y013", f"not a file to read: {why}", Place(path))
            raise InvalidInput([problem]) from error

    def session_ids(self) -> tuple[str, ...]:
        """The stem of every `sessions/<id>.yaml`, sorted."""
        files = (self.root / "sessions").glob("*.yaml")
        return tuple(sorted(file.stem for file in files if re.fullmatch(SESSION_ID, file.stem)))

    def session_id(self, name: str, *, here: Path) -> str:
        """The session that `name` means: an id, or a path to its file taken from `here`.

        Raises UsageError where there is none, with the nearest or all there are.
        """
        ids = self.session_ids()
        wanted = self._stem(name, here) if name.endswith(".yaml") else name
        if wanted in ids:
            return wanted
        known = (nearest(wanted, [*ids, "latest"]) if ids else "") or _listed(ids)
        for each in misplaced_sessions(self.root):
            if each.id.casefold() == PurePosixPath(wanted).stem.casefold():
                known = f"; '{each.path}' {each.why}: {each.fix}"
        raise UsageError(f"unknown session '{name}'{known}")

    def _stem(self, name: str, here: Path) -> str:
        """The id in a path, wherever it is taken from; other folders hold no sessions."""
        file = Path(os.path.normpath(here / name))
        if not file.exists():
            file = self.root / name
        if file.resolve().parent != (self.root / "sessions").resolve():
            raise UsageError(f"'{name}' is not a file in 'sessions/'")
        return file.stem

    def today(self) -> date:
        """The day that it is in the project's time zone."""
        return datetime.now(ZoneInfo(self.settings.timezone)).date()

    def query_names(self) -> tuple[str, ...]:
        """`<subject>/<query>.sql` for each query, without the scripts of the sample."""
        folder = self.root / self.settings.queries
        names = (PurePosixPath(path.relative_to(folder)) for path in folder.rglob("*.sql"))
        sample = PurePosixPath(self.settings.duckdb.sample)
        own = (
            name for name in names if not (self.settings.queries / name).is_relative_to(sample)
        )
        return tuple(sorted(map(str, own)))

    def query_path(self, name: str) -> str:
        """Where the query is: `sql/coverage/phase4.sql`."""
        return str(PurePosixPath(self.settings.queries, name))

    @property
    def schema_path(self) -> str:
        """Where the tables that queries read are recorded."""
        return self.query_path("schema.json")

    def sample_folder(self) -> Path:
        """The scripts of the sample warehouse: the project's, else those of the package."""
        own = self.path(self.settings.duckdb.sample)
        return own if own.is_dir() else data_folder("sql") / "sample"

    def tree(self, *planned: str) -> Tree:
        """The files that a rule may ask about, the `planned` ones as if they were there."""
        from handoff.base.tree import Tree  # only for checks

        return Tree(has=_has(self, frozenset(planned)), paths=lambda: _paths(self.root))


def open_project(
    root: str | None, *, here: Path, overrides: Sequence[Override] = ()
) -> Project:
    """The project at `root`; else at the nearest folder upwards from `here` with settings.

    `overrides` override the settings. Raises UsageError where `root` is not a folder, and
    InvalidSettings where the settings are invalid.
    """
    if root is not None and not is_folder(here / root):
        raise UsageError(f"'--root {root}' is not a folder")
    folder = (here / root).resolve() if root is not None else _nearest(here.resolve())
    found = Project(folder, Settings()).read(SETTINGS)
    return Project(folder, load(found or b"", SETTINGS, overrides))


def _nearest(here: Path) -> Path:
    folders = (here, *here.parents)
    return next((folder for folder in folders if (folder / SETTINGS).is_file()), here)


def _listed(ids: tuple[str, ...]) -> str:
    if not ids:
        return ", 'sessions/' holds none; 'handoff init' writes a first one"
    shown = ", ".join(ids[-10:])
    return f", expected 'latest' or one of {shown}" + (", ..." if len(ids) > 10 else "")


def _has(project: Project, planned: frozenset[str]) -> Callable[[str], bool]:
    def has(path: str) -> bool:
        if path in planned:
            return True
        try:
            return project.path(path).exists()
        except Refused:
            return False

    return has


def _paths(root: Path) -> Iterator[str]:
    """The project's files, hidden folders and what package managers bring left out."""
    count = 0
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(f for f in folders if f[0] != "." and f not in VENDORED)
        for file in sorted(files):
            count += 1
            if count > _MAX_PATHS:
                return
            yield Path(folder, file).relative_to(root).as_posix()
