"""Documents whose session has another path for them now, or is gone; stubs in their place."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from posixpath import basename, dirname, relpath, split

from msgspec import structs
from msgspec.structs import replace

from handoff.base.files import disk
from handoff.base.problems import HandoffError, Place, Refused
from handoff.project.project import SETTINGS, Project
from handoff.project.settings import Settings, load
from handoff.publish import index, writer
from handoff.publish.archive import FOLDER
from handoff.publish.build_cache import load_cache
from handoff.publish.signature import (
    INDEX_OWNER,
    LATEST_OWNER,
    MOVED,
    SignedDocument,
    signature,
)
from handoff.publish.writer import OrphanDocument
from handoff.sources import git_history
from handoff.workspace.paths import archive_folders

MAX_SETTINGS = 20
"""Versions of the settings in git that are searched for another output folder."""

_MAX_BYTES = 2_000_000
"""Of a file that is searched for the name of a document."""


def orphans(
    project: Project, owners: Mapping[str, str], images: Collection[str]
) -> Iterator[OrphanDocument]:
    """The signed documents and images in the output folder that belong to no session there.

    `owners` has the path of each session's document; that of a session that cannot be
    rendered now is not orphaned, and neither is a stub that links to one. `images` are the
    paths of those that documents show.
    """
    ids = set(project.session_ids())
    drawn = (each for each in _signed(project, owners, ".svg") if each[0] not in images)
    for path, there in (*_signed(project, owners), *drawn):
        owner = str(there.owner)
        session = owner.removeprefix(MOVED)
        if session not in ids or (owner == session and session in owners):
            yield OrphanDocument(path, session, there.intact, owners.get(session))


def write_stubs(
    project: Project, owners: Mapping[str, str], there: Collection[str]
) -> tuple[str, ...]:
    """Replace documents with another path by a link to it, once they are `there`.

    Links from outside keep working. The paths of the files that changed.
    """
    changed = []
    for path, document in _signed(project, owners):
        session = str(document.owner).removeprefix(MOVED)
        now = owners.get(session)
        if now in there and now and document.intact and basename(now) != basename(path):
            changed += _write_stub(project, path, session, now)
    return tuple(changed)


def _write_stub(project: Project, path: str, session: str, now: str) -> list[str]:
    link = f"[{basename(now)}]({relpath(now, dirname(path))})"
    text = f"# Moved\n\nThis document is now {link}.\n"
    written = writer.write(project.root, path, text, f"{MOVED}{session}")
    return [path] if written.changed else []


def remove(
    project: Project, left: Collection[OrphanDocument], there: Collection[str], *, prune: bool
) -> tuple[list[OrphanDocument], list[str]]:
    """Remove what has moved and, with `prune`, orphans and stubs that no file names.

    The orphans that are kept, and the paths of the removed files.
    """
    moved = [each for each in left if each.is_moved and each.now in there]
    pruned = [each for each in left if each.intact and each.now is None] if prune else []
    stubs = list(_stubs(project)) if prune else []
    names = {basename(each.path) for each in (*pruned, *stubs)}
    named = _named(project, names, {each.path for each in (*pruned, *stubs)})
    kept = [
        replace(each, named=named.get(basename(each.path)) if each in pruned else None)
        for each in left
    ]
    free = [each for each in (*pruned, *stubs) if basename(each.path) not in named]
    removed = [each.path for each in (*moved, *free) if writer.prune(project.root, each)]
    return [each for each in kept if each.path not in removed], removed


def require_sessions(project: Project) -> None:
    """Raises WorldError, and Refused where every document would look orphaned."""
    with disk("sessions", "read"):
        os.listdir(project.path("sessions"))  # noqa: PTH208  # a glob hides the error
    if not project.session_ids():
        raise Refused("sessions: error: no session there, so '--prune' removes nothing")


def _stubs(project: Project) -> Iterator[OrphanDocument]:
    ids = set(project.session_ids())
    for path, there in _signed(project, {}):
        owner = str(there.owner)
        if owner.startswith(MOVED) and owner.removeprefix(MOVED) in ids:
            yield OrphanDocument(path, owner.removeprefix(MOVED), there.intact, None)


def _named(project: Project, names: Collection[str], own: Collection[str]) -> dict[str, Place]:
    """The first place in a file written by a person that names each document."""
    found: dict[str, Place] = {}
    if not names:
        return found
    for path in project.tree().paths.all:
        if not path.endswith((".md", ".yaml", ".yml", ".j2", ".txt")) or path in own:
            continue
        try:
            content = project.read(path) or b""
        except HandoffError:
            continue
        if len(content) > _MAX_BYTES or signature(content).intact:
            continue
        text = content.decode(errors="replace")
        for name in names:
            if name not in found and name in text:
                found[name] = Place.at(path, text, text.index(name))
    return found


# --- another output folder -----------------------------------------------------------------


def earlier_outputs(project: Project) -> list[str]:
    """Other folders that `output:` was, as far as git and the build cache know.

    Empty as soon as the present one has an index.
    """
    output = project.settings.output
    with suppress(HandoffError):
        if signature(project.read(f"{output}/{index.NAME}") or b"").owner == INDEX_OWNER:
            return []
    found = {Settings().output}
    for each in load_cache(project.root).made.values():
        folder, last = split(dirname(each.listed.path))
        found.add(folder if re.fullmatch(FOLDER, last) else f"{folder}/{last}".strip("/"))
    for _, content in git_history.versions(project.root, SETTINGS, limit=MAX_SETTINGS):
        with suppress(HandoffError):
            found.add(load(content, SETTINGS, ()).output)
    return sorted(each for each in found - {output} if project.path(each).is_dir())


def move_output(
    project: Project,
    folders: Collection[str],
    owners: Mapping[str, str],
    there: Collection[str],
) -> tuple[list[OrphanDocument], list[str], list[str]]:
    """Take along what is in the `folders` that `output:` was.

    Documents become links to the new ones; the index and the pointer do where a file names
    them, else they are removed. Manual edits are kept. The files that are kept, the paths of
    the removed ones and those of the links.
    """
    output = project.settings.output
    places = {
        **owners,
        INDEX_OWNER: f"{output}/{index.NAME}",
        LATEST_OWNER: f"{output}/{index.LATEST}",
    }
    kept: list[OrphanDocument] = []
    removed: list[str] = []
    links: list[str] = []
    found = [(folder, end) for end in (".md", ".svg") for folder in folders]
    for path in [each for folder in found for each in _documents(project, *folder)]:
        try:
            document = signature(project.read(path) or b"")
        except HandoffError:
            continue
        owner = (document.owner or "").removeprefix(MOVED)
        now = places.get(owner)
        if now is None or now not in there:
            continue
        left = OrphanDocument(path, owner, document.intact, now)
        full_name = _named(project, {path}, {path}) if owner not in owners else {path}
        if not document.intact:
            kept.append(left)
        elif full_name and not left.is_image:
            links += _write_stub(project, path, owner, now)
        elif writer.prune(project.root, left):
            removed.append(path)
    return kept, removed, links


def _signed(
    project: Project, owners: Mapping[str, str], suffix: str = ".md"
) -> Iterator[tuple[str, SignedDocument]]:
    """The signed files of the output folder, apart from the index and current documents."""
    known = {*owners.values()}
    for path in _documents(project, project.settings.output, suffix):
        if path in known:
            continue
        try:
            there = signature(project.read(path) or b"")
        except HandoffError:  # a link elsewhere, a folder: not written by handoff
            continue
        if there.owner not in (None, INDEX_OWNER, LATEST_OWNER):
            yield path, there


def _documents(project: Project, output: str, suffix: str = ".md") -> Iterator[str]:
    """Every Markdown file, or image, of an output folder and its archive."""
    moved = Project(project.root, structs.replace(project.settings, output=output))
    for folder in (output, *(f"{output}/{each}" for each in archive_folders(moved))):
        yield from (
            f"{folder}/{file.name}" for file in sorted(project.path(folder).glob(f"*{suffix}"))
        )
