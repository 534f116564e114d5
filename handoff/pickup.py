"""The verbs of the one who picks a handoff up, as Python calls."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import PurePosixPath
from zoneinfo import ZoneInfo

from handoff import api, gate
from handoff.api import Loaded
from handoff.cells import Cells
from handoff.document import Document
from handoff.facts import Facts, Failure
from handoff.problems import UsageError, WorldError, nearest, worst
from handoff.project import Project
from handoff.prompting import FileSize, Given
from handoff.remembered import lines
from handoff.resuming import changes, seen
from handoff.since import Age, Since, Touched
from handoff.sources import history
from handoff.to_read import DEFAULT, to_read
from handoff.warehouse import Progress

# --- the prompt --------------------------------------------------------------------------


def given(project: Project, session_id: str, name: str = DEFAULT) -> Given:
    """A prompt of the session with what is recorded, and what is wrong with it.

    Raises InvalidInput, also where it holds a secret, and UsageError where there is no such
    prompt.
    """
    from handoff import checks  # brings markdown_it

    loaded = api.load(project, session_id)
    facts = api.recorded(project, session_id)
    document = api.render(project, loaded, facts)
    case = api.case_of(project, loaded.session, loaded.queries, facts, document)
    if name not in case.prompts:
        raise UsageError(_unknown(session_id, name, tuple(case.prompts)))
    _hold(project, case.prompts[name], document)
    count = lines(project)
    return Given(
        session=session_id,
        name=name,
        document=document.path,
        text=case.prompts[name],
        blanks=tuple(each for each in document.open if each.in_prompt),
        read=tuple(
            FileSize(each.words, count(each.path))
            for each in to_read(loaded.session, document.path)
        ),
        budget_tokens=project.settings.budget_tokens,
        findings=checks.prompt_problems(case),
    )


def _unknown(session_id: str, name: str, names: tuple[str, ...]) -> str:
    path = api.session_path(session_id)
    if not names:
        return f"{path}: error: the session has no 'prompt:'"
    known = nearest(name, names) or f", expected {' or '.join(names)}"
    return f"{path}: error: the session has no prompt '{name}'{known}"


def _hold(project: Project, text: str, document: Document) -> None:
    """Raises InvalidInput where the text holds a secret."""
    source = api.session_path(document.session)
    gate.hold(gate.document_problems(project, text, document.path, source))


# --- what happened since -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Resumed:
    since: Since
    exit_code: int
    """3 where the warehouse did not answer, 1 where a question needs mending; else 0."""


def resume(
    project: Project,
    session_id: str,
    *,
    now: datetime,
    engine: str | None = None,
    frozen: bool = False,
    progress: Progress = lambda _: None,
) -> Resumed:
    """The handoff as it is at `now`: the same questions asked again, nothing recorded.

    Where the warehouse cannot be reached, and with `frozen`, it is as it was recorded.
    Raises InvalidInput and UsageError.
    """
    loaded = api.load(project, session_id)
    then = api.recorded(project, session_id)
    asked: Facts | Failure | None = None
    if loaded.session.questions and not frozen:
        asked = _asked(project, loaded, now=now, engine=engine, progress=progress)
    if isinstance(asked, Facts):
        return _with_answers(project, loaded, then, asked, now)
    document = api.render(project, loaded, then)
    mode: Since = _since(project, loaded, document, then, now)
    if asked is None and not frozen:  # there is nothing to ask
        return Resumed(mode, 0)
    ages = tuple(_ages(loaded, then, now))
    if asked is None:
        return Resumed(replace(mode, mode="frozen", ages=ages), 0)
    unreached = replace(mode, mode="recorded", reason=asked.message, ages=ages)
    return Resumed(unreached, asked.exit_code)


def _asked(
    project: Project, loaded: Loaded, *, now: datetime, engine: str | None, progress: Progress
) -> Facts | Failure:
    """Today's answers; the failure that all of them have in common, where none came."""
    try:
        facts = api.gather(
            project, loaded, engine=engine, as_of=now, progress=progress, keep=False
        )
    except WorldError as error:
        return Failure(str(error), now, error.exit_code)
    failures = [fact.failure for fact in facts.facts.values()]
    unreached = [each for each in failures if each is not None and each.exit_code == 3]
    return unreached[0] if len(unreached) == len(failures) else facts


def _with_answers(
    project: Project, loaded: Loaded, then: Facts | None, facts: Facts, now: datetime
) -> Resumed:
    # the last answer stands where a question failed, marked with its age
    document = api.render(project, loaded, facts, stale_ok=True)
    failures = [(f.name, f.failure) for f in facts.facts.values() if f.failure]
    since = replace(
        _since(project, loaded, document, then, now),
        changes=changes(
            seen(_cells(project, loaded, then)), seen(_cells(project, loaded, facts))
        ),
        failures=tuple((name, failure.message) for name, failure in failures),
    )
    return Resumed(since, worst(failure.exit_code for _, failure in failures))


def _since(
    project: Project, loaded: Loaded, document: Document, then: Facts | None, now: datetime
) -> Since:
    """What is known without any answer."""
    session_id = loaded.session.id
    if document.prompt:
        _hold(project, document.prompt, document)
    own = (api.session_path(session_id), api.facts_path(session_id), document.path)
    base = history.last_touched(project.root, own)
    return Since(
        session=session_id,
        document=document.path,
        mode="asked",
        reason="",
        then=then.as_of if then else None,
        now=now,
        prompt=document.prompt,
        touched=tuple(_touched(project, loaded, document, base)) if base else (),
        superseded_by=api.superseded_by(project, session_id),
        handed_over_at=base,
    )


def _cells(project: Project, loaded: Loaded, facts: Facts | None) -> Cells:
    settings = project.settings
    stalled, zone = settings.progress.stalled_minutes, ZoneInfo(settings.timezone)
    return Cells(loaded.session, facts, loaded.queries, stalled, zone)


def _ages(loaded: Loaded, facts: Facts | None, now: datetime) -> Iterator[Age]:
    for question in loaded.session.questions:
        fact = facts.facts.get(question.name) if facts else None
        asked = fact.provenance.params.get("as_of") if fact and fact.provenance else None
        at = asked if isinstance(asked, datetime) else facts.as_of if facts and fact else None
        yield Age(question.name, at, now - at if at else None)


def _touched(
    project: Project, loaded: Loaded, document: Document, base: str
) -> Iterator[Touched]:
    for each in to_read(loaded.session, document.path):
        path = PurePosixPath(each.path)
        if path.is_absolute() or ".." in path.parts:
            continue
        commits = history.touches(project.root, each.path, since=base)
        if commits:
            yield Touched(each.path, commits)


def this_minute() -> datetime:
    """Now, UTC, cut to the minute as every moment is that questions are asked for."""
    return datetime.now(UTC).replace(second=0, microsecond=0)
