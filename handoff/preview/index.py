"""The index: every session with its status, its figures and who must act."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from msgspec import Struct

from handoff.base.problems import HandoffError, Problem
from handoff.project.project import Project
from handoff.values.printing import printed
from handoff.values.rows import FactView
from handoff.workspace.document import cells
from handoff.workspace.gather import load_facts
from handoff.workspace.load import load_session
from handoff.workspace.status import SessionStatus, statuses

Figure = tuple[str, str, str]
"""A name, a number from 0 to 100 and the number as it prints."""


class Index(Struct, frozen=True):
    """All sessions, the newest first."""

    sessions: Sequence[SessionStatus]
    figures: Mapping[str, Sequence[Figure]]
    """By session: the share of checked items, and the progress and coverage it recorded."""
    problems: Sequence[Problem]


def load_index(project: Project) -> Index:
    """The sessions as their files are now; no query runs."""
    found, problems = statuses(project, now=datetime.now(UTC))
    figures = {each.session: tuple(_figures(project, each)) for each in found}
    return Index(found, figures, problems)


def _figures(project: Project, status: SessionStatus) -> Iterator[Figure]:
    done, _, total = status.items.partition(" of ")
    if done.isdigit() and total.isdigit() and int(total):
        yield "items", f"{100 * int(done) / int(total):.1f}", status.items
    try:
        loaded = load_session(project, status.session)
        facts = load_facts(project, status.session)
    except HandoffError:  # reported with the sessions
        return
    if facts is None:
        return
    views = cells(project, loaded, facts, with_earlier=False).sources()
    for view in views.values():
        if view.contract == "phases":
            yield from _shares(view)
        elif view.contract == "coverage":
            shares = sorted(_shares(view), key=lambda each: float(each[1]))
            known = "" if len(shares) == len(view.rows or ()) else " known"
            yield from ((f"lowest{known} coverage: {n}", p, text) for n, p, text in shares[:1])


def _shares(view: FactView) -> Iterator[Figure]:
    """The percentage of each row that has one."""
    for row in view.rows or ():
        percent, name = row.get("percent"), row.get(view.named_by or "")
        text, words = (printed(each) if each else None for each in (percent, name))
        if percent is None or text is None or words is None:
            continue
        number = min(100.0, max(0.0, float(percent.number)))
        yield words, f"{number:.1f}", f"{text}%{f' {view.stale}' if view.stale else ''}"
