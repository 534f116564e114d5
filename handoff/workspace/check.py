"""Check sessions, queries, facts and documents against every rule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache, partial
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from msgspec import Struct

from handoff.base.problems import InvalidInput, Problem, Report, UsageError, WorldError
from handoff.base.progress import Progress, counted_items
from handoff.base.secrets import Allowance
from handoff.facts.recorded import Facts, is_current
from handoff.project.project import Project
from handoff.project.session_files import misplaced_sessions
from handoff.publish import gate
from handoff.publish.archive import Places
from handoff.render.document import Document
from handoff.session import decode
from handoff.session.model import QueryFact, Session
from handoff.sources import git_history
from handoff.sql import tables
from handoff.sql.query import Query
from handoff.sql.tables import Schema
from handoff.values.changes import ValueChange, changes_between
from handoff.values.printing import timestamp_text
from handoff.workspace.document import cells, render, template_folders
from handoff.workspace.evidence import evidence_change, evidence_exists
from handoff.workspace.gather import gather, load_facts, load_facts_leniently
from handoff.workspace.history import ProjectFiles
from handoff.workspace.load import (
    LoadedSession,
    bind_queries,
    load_queries,
    load_session,
    used_queries,
    with_queries,
    with_query_names,
)
from handoff.workspace.paths import document_place, facts_path, places, session_path
from handoff.workspace.processes import in_processes

if TYPE_CHECKING:
    from handoff import check as checks


def check(
    project: Project,
    ids: Sequence[str] = (),
    *,
    now: datetime | None = None,
    progress: Progress = lambda _: None,
) -> Report:
    """Every rule over the sessions `ids`, or over the whole project without any.

    With `now` also the rules that need a clock, and the queries run again: nothing of that
    is recorded.
    """
    from handoff import check as rules  # brings markdown_it

    problems: list[Problem] = []
    run = _Run(project, now)
    outlines: list[rules.SessionOutline] = []
    documents: dict[str, str] = {}
    chosen = ids or project.session_ids()
    results = run.check_all(chosen)
    for _ in counted_items(chosen, progress, doing="checking", noun="sessions"):
        result = next(results)
        problems += result.problems
        run.scan.used |= result.used
        if result.outline is not None:
            outlines.append(result.outline)
            documents[result.outline.id] = result.document_path
    queries, invalid = load_queries(project, used_queries(outlines), with_own=not ids)
    problems += invalid
    problems += rules.query_problems(
        queries.values(),
        _schema(project, problems),
        engine=project.settings.engine,
        schema_path=project.schema_path,
    )
    if not ids:
        for query in queries.values():
            problems += run.scan.file(query.text, query.path)
        unread = frozenset(chosen) - documents.keys()
        problems += () if unread else run.scan.unused()
        files = {name: project.query_path(name) for name in project.query_names()}
        context_of_all = rules.ProjectContext(
            outlines, documents, files, tuple(misplaced_sessions(project.root)), unread
        )
        problems += rules.project_problems(context_of_all)
        problems += _template_problems(project)
    return Report.of(problems)


class _SessionResult(Struct, frozen=True):
    """What the rules found in one session."""

    problems: tuple[Problem, ...]
    outline: checks.SessionOutline | None = None
    """`None` if the session file cannot be read."""
    document_path: str = ""
    used: frozenset[Allowance] = frozenset()


class _Run:
    """What the sessions of one run share."""

    def __init__(self, project: Project, now: datetime | None) -> None:
        self.scan = gate.ProjectScan(project.settings.secrets_allow)
        self._project = project
        self._now = now
        self._where = places(project)
        self._files = ProjectFiles(project)

    def check_all(self, session_ids: Sequence[str]) -> Iterator[_SessionResult]:
        """The results in order, from as many processes as there are processors."""
        if self._now:  # '--live' asks the warehouse, which is limited
            return map(self.check_session, session_ids)
        return in_processes(self.check_session, session_ids)

    def check_session(self, session_id: str) -> _SessionResult:
        """Everything that the rules of one session find."""
        from handoff import check as rules

        problems, context = self.check_files(session_id)
        used = frozenset(self.scan.used)
        if context is None:
            return _SessionResult(tuple(problems), used=used)
        problems += rules.session_problems(context)
        problems += drift(self._project, session_id) if self._now else ()
        outline = rules.SessionOutline.of(context.session)
        return _SessionResult(tuple(problems), outline, context.document_path, used)

    def check_files(self, session_id: str) -> tuple[list[Problem], checks.CheckContext | None]:
        """The problems on the way to a session's document, and what its rules look at."""
        project, path = self._project, session_path(session_id)
        source = b""
        try:
            source = project.read_input(path) or b""
            session, warnings = decode.load(source, session_id, path)
            session = with_query_names(project, session)
        except InvalidInput as error:
            secrets = self.scan.file(source.decode("utf-8", "replace"), path)
            return [*error.report.problems, *secrets], None
        facts = load_facts_leniently(project, session_id)
        problems, document = [*warnings], None
        queries = load_queries(project, used_queries([session]))[0]
        try:
            loaded = with_queries(project, session, known=queries)
            load_facts(project, session_id)  # raises where they were edited
            document = render(project, loaded, facts, where=self._where)
            problems += document.problems
        except InvalidInput as error:
            problems += error.report.problems
        context = check_context(
            project,
            session,
            queries,
            facts,
            document,
            where=self._where,
            now=self._now,
            files=self._files,
        )
        texts = gate.SessionTexts(
            source, path, facts, context.facts_path, context.document, context.document_path
        )
        return [*problems, *self.scan.session(texts)], context


def check_context(
    project: Project,
    session: Session,
    queries: Mapping[str, Query],
    facts: Facts | None,
    document: Document | None,
    *,
    where: Places | None = None,
    now: datetime | None = None,
    files: ProjectFiles | None = None,
) -> checks.CheckContext:
    """What the rules look at; `document` as rendered with `facts`."""
    from handoff.check import CheckContext

    where = places(project) if where is None else where
    files = files or ProjectFiles(project)
    planned = document_place(project, session, where)
    values = cells(project, LoadedSession(session, queries, ()), facts)
    return CheckContext(
        session=session,
        queries=queries,
        facts=facts,
        facts_path=facts_path(session.id),
        document_path=planned,
        document=document.text if document else None,
        tree=files.tree(planned, where),
        blanks=document.blanks if document else (),
        prompts=document.prompts if document else {},
        budget_tokens=project.settings.prompt.budget_tokens,
        cells=values,
        past=files.past(values),
        lines=files.lines,
        evidence_exists=cache(partial(evidence_exists, project)),
        evidence_change=cache(partial(evidence_change, project, facts)),
        ignored=partial(git_history.ignored_paths, project.root),
        query_names=files.query_names,
        query_path=project.query_path,
        now=now,
        zone=ZoneInfo(project.settings.timezone),
    )


def _schema(project: Project, problems: list[Problem]) -> Schema | None:
    try:
        source = project.read_input(project.schema_path)
        return tables.load(source, project.schema_path) if source is not None else None
    except InvalidInput as error:
        problems += error.report.problems
        return None


def _template_problems(project: Project) -> list[Problem]:
    from handoff.render import templates  # slow: brings jinja2

    folders = template_folders(project)
    problems = [*templates.block_problems(folders, folders.of_project())]
    return [*problems, *templates.outside_problems(folders.children)]


# --- drift: recorded facts against a new run for the same timestamp ------------------------

MAX_CHANGES = 3
"""Changed values that a warning lists, for one fact."""


def drift(project: Project, session_id: str) -> tuple[Problem, ...]:
    """A warning for each fact whose data changed since it was recorded.

    Nothing is recorded. Queries that changed themselves are stale (F021) and not compared;
    logs, checkpoints, git and transcripts are not read again, for they always move on.
    """
    try:
        loaded = load_session(project, session_id)
        then = load_facts(project, session_id)
    except InvalidInput:  # other rules report it
        return ()
    if then is None or then.as_of is None:
        return ()
    facts = tuple(
        fact
        for fact, query in bind_queries(loaded.session, loaded.queries, then.as_of)[0]
        if (old := then.facts.get(fact.name)) is not None
        and not old.failure
        and is_current(old, query.query.sha256, query.params)
    )
    if not facts:
        return ()
    try:
        now = gather(project, loaded, as_of=then.as_of, keep=False)
    except (InvalidInput, UsageError, WorldError) as error:
        reason = error.lines.partition("\n")[0].rpartition(": error: ")[2]
        return tuple(_warning("F025", fact, f"cannot be run again: {reason}") for fact in facts)
    return tuple(_drift(project, loaded, then, now, facts))


def _drift(
    project: Project,
    loaded: LoadedSession,
    then: Facts,
    now: Facts,
    facts: Sequence[QueryFact],
) -> Iterator[Problem]:
    before, after = (cells(project, loaded, each, with_earlier=False) for each in (then, now))
    changed = changes_between(before, after)
    for fact in facts:
        failure = now.facts[fact.name].failure
        if failure:
            yield _warning("F025", fact, f"cannot be run again: {failure.message}")
            continue
        own = [each for each in changed if each.name.split(".")[0].split(" ")[0] == fact.name]
        if own and then.as_of:
            at = timestamp_text(then.as_of)
            words = ", ".join(map(_change, own[:MAX_CHANGES]))
            more = f" and {len(own) - MAX_CHANGES} more" if len(own) > MAX_CHANGES else ""
            message = f"data changed since it was recorded as of {at}: {words}{more}"
            fix = f"run 'handoff render {loaded.session.id}' to record it again"
            yield _warning("F024", fact, f"{message}; {fix}")


def _change(change: ValueChange) -> str:
    """`coverage.actual 823 → 830`."""
    then, now = (each.bare if each else None for each in (change.then, change.now))
    return f"{change.name} {then or 'nothing'} → {now or 'nothing'}"


def _warning(code: str, fact: QueryFact, message: str) -> Problem:
    return Problem(code, f"fact '{fact.name}': {message}", fact.place, "warning")
