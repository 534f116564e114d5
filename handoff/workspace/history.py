"""Files, git history and earlier facts, for the rules of `check`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache, cached_property, partial
from itertools import islice

from msgspec.structs import replace

from handoff.base.problems import HandoffError, InvalidInput
from handoff.base.tree import Tree
from handoff.facts import recorded as facts_file
from handoff.facts.recorded import Fact, Facts
from handoff.project.project import Project
from handoff.publish.archive import Places
from handoff.sources import git_history
from handoff.values.view import Cells, EarlierValue, FactHistory
from handoff.workspace.gather import load_facts_leniently

VERSIONS = 10
"""Of a facts file in git that are compared."""
RECORDINGS = 10
"""Of other sessions that are compared."""
MOVES_ASKED_ONE_BY_ONE = 20
_FACTS = ".facts.json"
_MAX_BYTES = 5_000_000


class ProjectFiles:
    """What rules ask about the project's files and git; each answer is found once in a run."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._found = project.tree()
        self._asked_for_moves = 0
        self.exists = cache(self._found.has)
        self.lines = cache(partial(_lines, project))
        self.moved = cache(self._moved)
        self.knows = cache(partial(git_history.knows, project.root))

    def tree(self, planned: str, where: Places) -> Tree:
        """The files that a rule may ask about; a document exists where it would be."""

        def has(path: str) -> bool:
            return path == planned or self.exists(path) or self.exists(where.of(path))

        return Tree(has, self._found.paths)

    def past(self, cells: Cells) -> FactHistory:
        """What was before `cells`, from git and from the facts of other sessions."""
        return FactHistory(
            moved=self.moved,
            knows=self.knows,
            committed=self._committed,
            old=lambda: tuple(self._old(cells)),
        )

    @cached_property
    def query_names(self) -> tuple[str, ...]:
        """Of every query file."""
        return self._project.query_names()

    @cached_property
    def _head(self) -> str | None:
        return git_history.head(self._project.root)

    def _committed(self, path: str) -> bool | None:
        if self._head is None:
            return None
        return path.rstrip("/") in git_history.committed_paths(self._project.root, self._head)

    @cached_property
    def _deleted(self) -> frozenset[str]:
        return git_history.deleted_paths(self._project.root)

    def _moved(self, path: str) -> str | None:
        self._asked_for_moves += 1
        # git takes 10 ms for one path; for many it lists all that ever were deleted
        if self._asked_for_moves > MOVES_ASKED_ONE_BY_ONE and path not in self._deleted:
            return None
        return git_history.moved(self._project.root, path)

    def _old(self, cells: Cells) -> Iterator[EarlierValue]:
        """Committed versions of the session's own facts, then what other sessions recorded."""
        if cells.facts is None:
            return
        for recorded, facts in self.recordings(cells.session.id, cells.facts):
            yield from _each(replace(cells, facts=facts), recorded)

    def recordings(self, session_id: str, facts: Facts) -> Iterator[tuple[str, Facts]]:
        """Where facts like these were recorded before, and what: see `_old`."""
        root, path = self._project.root, f"sessions/{session_id}{_FACTS}"
        for sha, content in git_history.versions(root, path, limit=VERSIONS):
            committed = _loaded(content, path)
            if committed is not None:
                yield f"{path} at {sha[:7]}", committed
        yield from self._of_others(session_id, facts)

    def _of_others(self, own: str, facts: Facts) -> Iterator[tuple[str, Facts]]:
        """Earlier results of the same queries, under the names they have here, latest first."""
        names = {_source(fact): fact.name for fact in facts.facts.values() if fact.provenance}
        earlier = (
            (session_id, _renamed(other, names))
            for session_id, other in self._recordings
            if session_id != own and _as_of(other) < _as_of(facts)
        )
        return islice((each for each in earlier if each[1].facts), RECORDINGS)

    @cached_property
    def _recordings(self) -> tuple[tuple[str, Facts], ...]:
        """Every session's facts, the latest first."""
        found: list[tuple[str, Facts]] = []
        for file in sorted((self._project.root / "sessions").glob(f"*{_FACTS}")):
            session_id = file.name.removesuffix(_FACTS)
            facts = load_facts_leniently(self._project, session_id)
            found += [(session_id, facts)] if facts else []
        return tuple(sorted(found, key=lambda each: _as_of(each[1]), reverse=True))


def _lines(project: Project, path: str) -> int | None:
    """The number of lines of a file; `None` if it is missing, too large or not text."""
    try:
        file = project.path(path)
        is_text = file.is_file() and file.stat().st_size <= _MAX_BYTES
        content = (project.read(path) or b"") if is_text else b"\0"
    except (HandoffError, OSError):
        return None
    is_cut = content[-1:] not in (b"\n", b"")
    return None if b"\0" in content else content.count(b"\n") + is_cut


def _each(cells: Cells, recorded: str) -> Iterator[EarlierValue]:
    for source in cells.sources().values():
        for cell in cells.of(source):
            yield EarlierValue(cell, recorded)


def _renamed(facts: Facts, names: dict[str, str]) -> Facts:
    same = [(names.get(_source(fact)), fact) for fact in facts.facts.values()]
    return Facts(facts.as_of, {name: replace(fact, name=name) for name, fact in same if name})


def _source(fact: Fact) -> str:
    return fact.provenance.source if fact.provenance else ""


def _as_of(facts: Facts) -> datetime:
    return facts.as_of or datetime.min.replace(tzinfo=UTC)


def _loaded(content: bytes, path: str) -> Facts | None:
    try:
        return facts_file.load(content, path)
    except InvalidInput:
        return None
