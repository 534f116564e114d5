"""What a project remembers for the rules of the prompt: files, and what facts were before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime

from handoff import facts as facts_file
from handoff.cells import Cells
from handoff.facts import Fact, Facts
from handoff.past import Old, Past
from handoff.problems import HandoffError, InvalidInput
from handoff.project import Project
from handoff.sources import history

VERSIONS = 10
"""Of a facts file in git that are looked at."""
_MAX_BYTES = 5_000_000


def past(project: Project, cells: Cells) -> Past:
    """What was before `cells`, from git and from the facts of other sessions."""
    return Past(
        moved=lambda path: history.moved(project.root, path),
        knows=lambda sha: history.knows(project.root, sha),
        old=lambda: tuple(_old(project, cells)),
    )


def lines(project: Project) -> Callable[[str], int | None]:
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


def _old(project: Project, cells: Cells) -> Iterator[Old]:
    """Committed versions of the session's own facts, then what other sessions recorded."""
    if cells.facts is None:
        return
    path = f"sessions/{cells.session.id}.facts.json"
    for sha, content in history.versions(project.root, path, limit=VERSIONS):
        facts = _loaded(content, path)
        if facts is not None:
            yield from _each(replace(cells, facts=facts), f"{path} at {sha[:7]}")
    for session_id, facts in _of_others(project, cells.session.id, cells.facts):
        yield from _each(replace(cells, facts=facts), session_id)


def _each(cells: Cells, recorded: str) -> Iterator[Old]:
    for source in cells.sources().values():
        for cell in cells.of(source):
            yield Old(cell, recorded)


def _of_others(project: Project, own: str, facts: Facts) -> list[tuple[str, Facts]]:
    """Earlier answers to the same questions, under the names they have here, latest first."""
    names = {_question(fact): fact.name for fact in facts.facts.values() if fact.provenance}
    found: list[tuple[str, Facts]] = []
    for session_id in project.session_ids():
        path = f"sessions/{session_id}.facts.json"
        content = project.read(path) if session_id != own else None
        other = _loaded(content, path) if content is not None else None
        if other is not None and _moment(other) < _moment(facts):
            found.append((session_id, _renamed(other, names)))
    return sorted(found, key=lambda each: _moment(each[1]), reverse=True)


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
