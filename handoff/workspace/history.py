"""What a project remembers for the rules of the prompt: files, and what facts were before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import lru_cache
from itertools import islice
from pathlib import Path

from msgspec.structs import replace

from handoff.base.problems import HandoffError, InvalidInput
from handoff.facts import recorded as facts_file
from handoff.facts.recorded import Fact, Facts
from handoff.project.project import Project
from handoff.project.settings import Settings
from handoff.sources import git_history
from handoff.values.cells import Cells, EarlierValue, FactHistory

VERSIONS = 10
"""Of a facts file in git that are looked at."""
RECORDINGS = 10
"""Of other sessions that are looked at."""
_FACTS = ".facts.json"
_MAX_BYTES = 5_000_000


def past(project: Project, cells: Cells) -> FactHistory:
    """What was before `cells`, from git and from the facts of other sessions."""
    return FactHistory(
        moved=lambda path: git_history.moved(project.root, path),
        knows=lambda sha: git_history.knows(project.root, sha),
        committed=lambda path: git_history.committed(project.root, path),
        old=lambda: tuple(_old(project, cells)),
    )


def line_counter(project: Project) -> Callable[[str], int | None]:
    """For a path how many lines its file has; `None` where it is no text file."""

    def count(path: str) -> int | None:
        try:
            file = project.path(path)
            is_text = file.is_file() and file.stat().st_size <= _MAX_BYTES
            content = (project.read(path) or b"") if is_text else b"\0"
        except (HandoffError, OSError):
            return None
        is_cut = content[-1:] not in (b"\n", b"")
        return None if b"\0" in content else content.count(b"\n") + is_cut

    return count


def _old(project: Project, cells: Cells) -> Iterator[EarlierValue]:
    """Committed versions of the session's own facts, then what other sessions recorded."""
    if cells.facts is None:
        return
    path = f"sessions/{cells.session.id}.facts.json"
    for sha, content in git_history.versions(project.root, path, limit=VERSIONS):
        facts = _loaded(content, path)
        if facts is not None:
            yield from _each(replace(cells, facts=facts), f"{path} at {sha[:7]}")
    for session_id, facts in _of_others(project, cells.session.id, cells.facts):
        yield from _each(replace(cells, facts=facts), session_id)


def _each(cells: Cells, recorded: str) -> Iterator[EarlierValue]:
    for source in cells.sources().values():
        for cell in cells.of(source):
            yield EarlierValue(cell, recorded)


def _of_others(project: Project, own: str, facts: Facts) -> Iterator[tuple[str, Facts]]:
    """Earlier answers to the same questions, under the names they have here, latest first."""
    names = {_question(fact): fact.name for fact in facts.facts.values() if fact.provenance}
    earlier = (
        (session_id, _renamed(other, names))
        for session_id, other in _recordings(project.root, _stamp(project.root))
        if session_id != own and _moment(other) < _moment(facts)
    )
    return islice((each for each in earlier if each[1].facts), RECORDINGS)


Stamp = tuple[tuple[str, int, int], ...]


def _stamp(root: Path) -> Stamp:
    """What changes when a facts file does: all are read once, not once for each session."""
    files = sorted((root / "sessions").glob(f"*{_FACTS}"))
    stats = ((file.name, file.stat()) for file in files)
    return tuple((name, stat.st_mtime_ns, stat.st_size) for name, stat in stats)


@lru_cache(2)
def _recordings(root: Path, stamp: Stamp) -> tuple[tuple[str, Facts], ...]:
    """Every session's facts, the latest first."""
    project = Project(root, Settings())
    found: list[tuple[str, Facts]] = []
    for name, _, _ in stamp:
        content = project.read(f"sessions/{name}")
        facts = _loaded(content, name) if content is not None else None
        found += [(name.removesuffix(_FACTS), facts)] if facts else []
    return tuple(sorted(found, key=lambda each: _moment(each[1]), reverse=True))


def _renamed(facts: Facts, names: dict[str, str]) -> Facts:
    same = [(names.get(_question(fact)), fact) for fact in facts.facts.values()]
    return Facts(facts.as_of, {name: replace(fact, name=name) for name, fact in same if name})


def _question(fact: Fact) -> str:
    return fact.provenance.source if fact.provenance else ""


def _moment(facts: Facts) -> datetime:
    return facts.as_of or datetime.min.replace(tzinfo=UTC)


def _loaded(content: bytes, path: str) -> Facts | None:
    try:
        return facts_file.load(content, path)
    except InvalidInput:
        return None
