"""Check handwritten documents: files and whole folders, in a project or outside of any."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from handoff.base.files import read_plain
from handoff.base.problems import (
    HandoffError,
    Place,
    Problem,
    Report,
    UsageError,
    nearest,
)
from handoff.base.progress import Progress, counted_items
from handoff.project.project import SETTINGS, VENDORED, Project
from handoff.project.settings import Settings
from handoff.sources import git_history
from handoff.sources.source import SourceFailed
from handoff.workspace.processes import in_processes

if TYPE_CHECKING:
    from handoff import check as checks

SUFFIXES = (".md", ".markdown")
MAX_DOCUMENTS = 20_000
MAX_BYTES = 2 * 1024 * 1024
"""Of one document; a longer one is not read."""


def is_document(name: str, here: Path, root: str | None = None) -> bool:
    """Whether an argument of `check` is a document or a folder of them, and no session's id."""
    is_path = "/" in name and not name.endswith(".yaml")
    if is_path or name.casefold().endswith(SUFFIXES):
        return True
    is_session = (here / (root or "") / "sessions" / f"{name}.yaml").is_file()
    return (here / name).is_dir() and not is_session


def check_documents(
    names: Sequence[str], here: Path, *, progress: Progress = lambda _: None
) -> Report:
    """The problems of documents and of those in folders, named from the folder `here`.

    Raises UsageError where there is none of that name.
    """
    from handoff import check as rules  # brings markdown_it

    files = list(dict.fromkeys(file for name in names for file in _files(name, here)))
    repositories: dict[Path, _Repository] = {}
    of_folder: dict[Path, _Repository] = {}
    for file in files:
        if file.parent not in of_folder:
            root = _root(file.parent)
            of_folder[file.parent] = repositories.setdefault(root, _Repository(root))

    def check_file(file: Path) -> tuple[Problem, ...]:
        shown = _shown(file, here)
        try:
            context = of_folder[file.parent].context(file)
        except _Unreadable as error:
            return (Problem("I002", str(error), Place(shown)),)
        return tuple(_at(each, shown) for each in rules.handwritten_problems(context))

    problems: list[Problem] = []
    results = in_processes(check_file, files)
    for _ in counted_items(files, progress, doing="checking", noun="documents"):
        problems += next(results)
    return Report.of(problems)


class _Unreadable(Exception):
    """Why a document cannot be checked."""


def _files(name: str, here: Path) -> Iterator[Path]:
    """The documents that a name means; those of a folder in order."""
    path = Path(os.path.normpath(here / name))
    if path.is_file():
        yield path
        return
    if not path.is_dir():
        raise UsageError(f"no such file or folder '{name}'{_nearest(path, here)}")
    found = list(documents_in(path))
    if not found:
        raise UsageError(f"no Markdown documents in '{name}', expected files such as 'X.md'")
    yield from found


def _nearest(path: Path, here: Path) -> str:
    """What a missing path may mean: a name in the nearest folder above it that exists."""
    folder = next(each for each in path.parents if each.is_dir())
    name = path.relative_to(folder).parts[0]
    above = "" if folder == here else f"{_shown(folder, here)}/"
    others = [x.name for x in folder.iterdir() if x.is_dir() or x.suffix in SUFFIXES]
    return nearest(name, others).replace("'", f"'{above}", 1)


def documents_in(root: Path) -> Iterator[Path]:
    """The Markdown files in a folder and those in it, in order."""
    count = 0
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(f for f in folders if f[0] != "." and f not in VENDORED)
        for file in sorted(files):
            if file.casefold().endswith(SUFFIXES):
                count += 1
                if count > MAX_DOCUMENTS:
                    return
                yield Path(folder, file)


def _root(folder: Path) -> Path:
    """The repository or the project around a folder, else the folder itself."""
    above = (folder.resolve(), *folder.resolve().parents)
    for mark in (".git", SETTINGS):
        found = next((each for each in above if (each / mark).exists()), None)
        if found is not None:
            return found
    return folder.resolve()


def _shown(file: Path, here: Path) -> str:
    """The path for messages: from the current folder, if the file is below it."""
    return (file.relative_to(here) if file.is_relative_to(here) else file).as_posix()


def _at(problem: Problem, path: str) -> Problem:
    return replace(problem, place=replace(problem.place, path=path))


class _Repository:
    """What rules ask about the files around a document; each answer is found once in a run."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._is_known = any((root / mark).exists() for mark in (".git", SETTINGS))
        self._project = Project(root, Settings())
        self._tree = self._project.tree()
        self._tree.has = cache(self._tree.has)
        self._ignored = partial(git_history.ignored_paths, root)
        self._text = cache(partial(_text, root))

    def context(self, file: Path) -> checks.DocumentContext:
        """What the rules look at. Raises _Unreadable."""
        from handoff.check import DocumentContext

        try:
            size = file.stat().st_size
            content = file.read_bytes() if size <= MAX_BYTES else b""
        except OSError as error:
            raise _Unreadable(f"cannot be read: {error.strerror}") from error
        if size > MAX_BYTES:
            raise _Unreadable(f"longer than {MAX_BYTES:,} bytes, so it is not checked")
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            message = "the document is not UTF-8 text; save it as UTF-8"
            raise _Unreadable(message) from None
        path = file.resolve()
        name = path.relative_to(self._root) if path.is_relative_to(self._root) else file.name
        return DocumentContext.of(
            text.replace("\r\n", "\n").replace("\r", "\n"),
            Path(name).as_posix(),
            self._tree,
            read=self._text,
            is_deleted=self._is_deleted,
            ignored=self._ignored,
            has_root=self._is_known,
        )

    def _is_deleted(self, path: str) -> bool:
        return path in _deleted(self._root)


@cache
def _deleted(root: Path) -> frozenset[str]:
    try:
        return git_history.deleted_paths(root)
    except SourceFailed:
        return frozenset()


def _text(root: Path, path: str) -> str | None:
    try:
        content = read_plain(Project(root, Settings()).path(path), path)
    except (HandoffError, OSError):
        return None
    return None if content is None else content.decode("utf-8", "replace")
