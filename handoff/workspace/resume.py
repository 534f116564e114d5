"""Resume: a handoff at pick-up time, and what happened since."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import PurePosixPath
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace

from handoff.base.problems import WorldError, worst
from handoff.facts.recorded import Facts, Failure
from handoff.project.project import Project
from handoff.render.document import Document
from handoff.session.reading_list import to_read
from handoff.sources import git_history
from handoff.values.cells import Cells
from handoff.values.changes import changes, seen
from handoff.warehouse.port import Progress
from handoff.workspace.document import live_of, render
from handoff.workspace.gather import earlier, facts_path, gather, recorded
from handoff.workspace.load import LoadedSession, load, session_path
from handoff.workspace.overview import overdue, superseded_by
from handoff.workspace.prompt import hold_prompt, named
from handoff.workspace.resume_report import ChangedFile, FactAge, ResumeReport, StartCondition


class ResumeResult(Struct, frozen=True):
    since: ResumeReport
    exit_code: int
    """3 where the warehouse did not answer, 1 where a question needs mending; else 0."""


def resume(
    project: Project,
    session_id: str,
    *,
    now: datetime,
    engine: str | None = None,
    frozen: bool = False,
    name: str | None = None,
    progress: Progress = lambda _: None,
) -> ResumeResult:
    """The handoff as it is at `now`: the same questions asked again, nothing recorded.

    Where the warehouse cannot be reached, and with `frozen`, it is as it was recorded.
    Raises InvalidInput and UsageError.
    """
    loaded = load(project, session_id)
    then = recorded(project, session_id)
    asked: Facts | Failure | None = None
    if loaded.session.questions and not frozen:
        asked = _asked(project, loaded, now=now, engine=engine, progress=progress)
    if isinstance(asked, Facts):
        return _with_answers(project, loaded, then, asked, now, name)
    document = render(project, loaded, then)
    mode = _since(project, loaded, document, then, now, name)
    if asked is None and not frozen:  # there is nothing to ask
        return ResumeResult(mode, 0)
    ages = tuple(_ages(loaded, then, now))
    if asked is None:
        return ResumeResult(replace(mode, mode="frozen", ages=ages), 0)
    unreached = replace(mode, mode="recorded", reason=asked.message, ages=ages)
    return ResumeResult(unreached, asked.exit_code)


def _asked(
    project: Project,
    loaded: LoadedSession,
    *,
    now: datetime,
    engine: str | None,
    progress: Progress,
) -> Facts | Failure:
    """Today's answers; the failure that all of them have in common, where none came."""
    try:
        facts = gather(project, loaded, engine=engine, as_of=now, progress=progress, keep=False)
    except WorldError as error:
        return Failure(str(error), now, error.exit_code)
    failures = [fact.failure for fact in facts.facts.values()]
    unreached = [each for each in failures if each is not None and each.exit_code == 3]
    return unreached[0] if len(unreached) == len(failures) else facts


def _with_answers(
    project: Project,
    loaded: LoadedSession,
    then: Facts | None,
    facts: Facts,
    now: datetime,
    name: str | None,
) -> ResumeResult:
    # the last answer stands where a question failed, marked with its age
    document = render(project, loaded, facts, stale_ok=True)
    failures = [(f.name, f.failure) for f in facts.facts.values() if f.failure]
    since = replace(
        _since(project, loaded, document, then, now, name),
        changes=changes(
            seen(_cells(project, loaded, then)), seen(_cells(project, loaded, facts))
        ),
        conditions=tuple(_conditions(project, loaded, then, facts)),
        overdue=overdue(project, loaded, facts, now),
        failures=tuple((name, failure.message) for name, failure in failures),
    )
    return ResumeResult(since, worst(failure.exit_code for _, failure in failures))


def _conditions(
    project: Project, loaded: LoadedSession, then: Facts | None, facts: Facts
) -> Iterator[StartCondition]:
    """The prerequisites and open boxes that hold now and did not, or the other way round."""
    from handoff.values.evidence import (  # slow: brings jinja2
        evaluate_condition,
        start_conditions,
        unchecked_conditions,
    )

    before = live_of(project, loaded, then)
    after = live_of(project, loaded, facts, stale_ok=True)
    for condition in (
        *start_conditions(loaded.session),
        *unchecked_conditions(loaded.session),
    ):
        old, new = (evaluate_condition(condition, live, "prompt") for live in (before, after))
        if old.holds is not new.holds:
            yield StartCondition(f"{new.text} ({new.evidence})", old.holds, new.holds)


def _since(
    project: Project,
    loaded: LoadedSession,
    document: Document,
    then: Facts | None,
    now: datetime,
    name: str | None,
) -> ResumeReport:
    """What is known without any answer."""
    session_id = loaded.session.id
    prompt = document.prompt if name is None else named(document, name)
    if prompt is not None:
        hold_prompt(project, prompt, document)
    own = (session_path(session_id), facts_path(session_id), document.path)
    base = git_history.last_touched(project.root, own)
    return ResumeReport(
        session=session_id,
        document=document.path,
        mode="asked",
        reason="",
        then=then.as_of if then else None,
        now=now,
        prompt=prompt,
        overdue=overdue(project, loaded, then, now),
        touched=tuple(_touched(project, loaded, document, base)) if base else (),
        superseded_by=superseded_by(project, session_id),
        handed_over_at=base,
    )


def _cells(project: Project, loaded: LoadedSession, facts: Facts | None) -> Cells:
    settings = project.settings
    stalled, zone = settings.progress.stalled_minutes, ZoneInfo(settings.timezone)
    before = earlier(project, loaded.session)
    return Cells(loaded.session, facts, loaded.queries, stalled, zone, before)


def _ages(loaded: LoadedSession, facts: Facts | None, now: datetime) -> Iterator[FactAge]:
    for question in loaded.session.questions:
        fact = facts.facts.get(question.name) if facts else None
        at = fact.provenance.as_of if fact and fact.provenance else None
        at = at or (facts.as_of if facts and fact else None)
        yield FactAge(question.name, at, now - at if at else None)


def _touched(
    project: Project, loaded: LoadedSession, document: Document, base: str
) -> Iterator[ChangedFile]:
    # a file may be named twice, with other lines of it
    for name in dict.fromkeys(each.path for each in to_read(loaded.session, document.path)):
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts:
            continue
        commits = git_history.touches(project.root, name, since=base)
        if commits:
            yield ChangedFile(name, commits)
