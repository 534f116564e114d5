"""Load a project, its sessions and their queries, or report every problem in them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from handoff.base.data import data_folder
from handoff.base.patterns import lazy_pattern
from handoff.base.problems import InvalidInput, Problem, nearest
from handoff.base.secrets import allow_in_output
from handoff.project.overrides import from_environment, from_words
from handoff.project.project import Project
from handoff.project.project import open_project as _open_project
from handoff.project.settings import keys as settings_keys
from handoff.render.document import no_template
from handoff.session import decode
from handoff.session.model import QueryFact, Session, SourceFact
from handoff.sql.query import BoundQuery, Query, bind
from handoff.sql.query import read as read_query
from handoff.workspace.paths import latest_session, session_path


class HasFacts(Protocol):
    """A session, or what is known of it."""

    @property
    def facts(self) -> tuple[QueryFact | SourceFact, ...]: ...


class LoadedSession(Struct, frozen=True):
    """A session with the queries it runs, both without errors."""

    session: Session
    queries: Mapping[str, Query]
    """By name."""
    warnings: tuple[Problem, ...]


def open_project(
    root: str | None = None,
    *,
    here: Path | None = None,
    settings: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
) -> Project:
    """The project at `root`, else the one around `here` (the current folder).

    `settings` (`KEY=VALUE` each) override the environment, which overrides `handoff.yaml`.
    `HANDOFF_SOURCES=off` removes the folders outside the repository, whatever they set: for
    work that a stranger sent. Raises UsageError and BadSettings.
    """
    variables = os.environ if environment is None else environment
    overrides = (*from_environment(variables, settings_keys()), *from_words(settings))
    project = _open_project(root, here=here or Path.cwd(), overrides=overrides)
    allow_in_output(project.settings.secrets_allow)
    if variables.get("HANDOFF_SOURCES", "").strip().casefold() != "off":
        return project
    return replace(project, settings=replace(project.settings, sources=()))


def find_session(project: Project, name: str, *, here: Path | None = None) -> str:
    """The id for `name`: an id, the path of a session file, or `latest`.

    `latest` is that of `session.order`. Raises UsageError if there is no such session.
    """
    found = latest_session(project) if name == "latest" else None
    return found or project.session_id(name, here=here or Path.cwd())


def read_session(project: Project, session_id: str) -> tuple[Session, tuple[Problem, ...]]:
    """The session file by itself, and its warnings. Raises InvalidInput with every error."""
    path = session_path(session_id)
    session, warnings = decode.load(project.read_input(path) or b"", session_id, path)
    return with_query_names(project, session), warnings


def with_query_names(project: Project, session: Session) -> Session:
    """A session whose queries are named from the folder of the queries, as `sql/…` are."""
    folder = f"{project.settings.queries}/"
    if not any(isinstance(x, QueryFact) and x.sql.startswith(folder) for x in session.facts):
        return session
    facts = [
        replace(each, sql=each.sql.removeprefix(folder))
        if isinstance(each, QueryFact)
        else each
        for each in session.facts
    ]
    return replace(session, facts=tuple(facts))


def read_sessions(project: Project) -> tuple[list[Session], list[Problem]]:
    """Every session file that can be read, and the problems of the others."""
    sessions: list[Session] = []
    problems: list[Problem] = []
    for session_id in project.session_ids():
        try:
            sessions.append(read_session(project, session_id)[0])
        except InvalidInput as error:
            problems += error.report.problems
    return sessions, problems


def successors(project: Project) -> dict[str, tuple[str, ...]]:
    """For each superseded session the ids of those that supersede it."""
    found: dict[str, tuple[str, ...]] = {}
    for session in read_sessions(project)[0]:
        if session.supersedes:
            found[session.supersedes] = (*found.get(session.supersedes, ()), session.id)
    return found


def load_session(
    project: Project, session_id: str, *, known: dict[str, Query] | None = None
) -> LoadedSession:
    """A session and its queries, checked as far as possible without running anything.

    Raises InvalidInput with every error of the session file; where it has none, with every
    error of its queries, parameters and live values. Queries in `known` are not read again;
    the others are added to it.
    """
    session, warnings = read_session(project, session_id)
    loaded = with_queries(project, session, warnings, known=known)
    if known is not None:
        known.update(loaded.queries)
    return loaded


def with_queries(
    project: Project,
    session: Session,
    warnings: tuple[Problem, ...] = (),
    *,
    known: Mapping[str, Query] | None = None,
) -> LoadedSession:
    """A session with its queries; those in `known` are not read again.

    Raises InvalidInput with every error of the queries.
    """
    queries, problems = _queries(project, session, known or {})
    problems += _missing_template(project, session)
    for fact in session.facts:
        if isinstance(fact, SourceFact):
            from handoff.sources import lookup  # only sources other than queries need it

            problems += lookup.problems(fact, project.source)
    problems += bind_queries(session, queries, _ANY_TIME)[1]
    problems += live_problems(session, queries)
    if problems:
        raise InvalidInput([*warnings, *problems])
    return LoadedSession(session, queries, warnings)


_ANY_TIME = datetime(1970, 1, 1, tzinfo=UTC)


def load_queries(
    project: Project, names: Iterable[str] | None = None, *, with_own: bool = False
) -> tuple[dict[str, Query], list[Problem]]:
    """The valid queries `names`, and the problems of the others; no file is no problem.

    `with_own` adds the files whose header has `returns:`, used or not; any other file may be
    another tool's, and has no problems. Without `names` those that sessions use, and the own.
    """
    if names is None:
        names, with_own = used_queries(read_sessions(project)[0]), True
    named = frozenset(names)
    found: dict[str, Query] = {}
    problems: list[Problem] = []
    for name in project.query_names() if with_own else sorted(named):
        path = project.query_path(name)
        try:
            source = project.read_input(path)
        except InvalidInput as error:
            problems += error.report.problems if name in named else ()
            continue
        if source is None or (name not in named and not _RETURNS.search(source)):
            continue
        try:
            found[name] = _read_query(source, path, name)
        except InvalidInput as error:
            problems += error.report.problems
    return found, problems


_RETURNS = lazy_pattern(rb"(?m)^--[ \t]*returns:(?:\s|--)*\w+[ \t]+[A-Z][A-Z0-9]+\b")
"""In the header of every query, a column and its type; prose in another tool's file differs."""


def used_queries(sessions: Iterable[HasFacts]) -> frozenset[str]:
    """The names of the queries that sessions use."""
    facts = (fact for session in sessions for fact in session.facts)
    return frozenset(fact.sql for fact in facts if isinstance(fact, QueryFact))


def bind_queries(
    session: Session, queries: Mapping[str, Query], as_of: datetime
) -> tuple[list[tuple[QueryFact, BoundQuery]], list[Problem]]:
    """The session's query facts with their parameters, and what does not fit."""
    bound: list[tuple[QueryFact, BoundQuery]] = []
    problems: list[Problem] = []
    for fact in session.facts:
        if isinstance(fact, SourceFact) or fact.sql not in queries:
            continue
        query = queries[fact.sql]
        problems += _column_problems(fact, query)
        try:
            bound.append((fact, BoundQuery(fact.name, query, bind(query, fact, as_of))))
        except InvalidInput as error:
            problems += error.report.problems
    return bound, problems


def live_problems(session: Session, queries: Mapping[str, Query]) -> Sequence[Problem]:
    """What is wrong with the live values in the session's texts."""
    from handoff.values import typecheck  # brings jinja2 where a text has '{{'

    return typecheck.problems(session, queries)


def _queries(
    project: Project, session: Session, known: Mapping[str, Query]
) -> tuple[dict[str, Query], list[Problem]]:
    queries: dict[str, Query] = {}
    problems: list[Problem] = []
    for fact in session.facts:
        if isinstance(fact, SourceFact):
            continue
        if fact.sql in known:
            queries[fact.sql] = known[fact.sql]
            continue
        path = project.query_path(fact.sql)
        try:
            source = project.read_input(path)
        except InvalidInput as error:
            problems += error.report.problems
            continue
        if source is None:
            guess = nearest(fact.sql, project.query_names())
            message = f"fact '{fact.name}' needs '{path}', which does not exist{guess}"
            problems.append(Problem("Q030", message, fact.place))
            continue
        try:
            queries[fact.sql] = _read_query(source, path, fact.sql)
        except InvalidInput as error:
            problems += error.report.problems
    return queries, problems


_read_query = lru_cache(maxsize=256)(read_query)
"""Many sessions run the same queries."""


def _column_problems(fact: QueryFact, query: Query) -> Iterator[Problem]:
    names = [declared.name for declared in query.returns]
    for name in fact.redact:
        if name not in names:
            message = f"'redact:' names '{name}', which '{query.name}' does not return"
            yield Problem("Q023", message + nearest(name, names), fact.place)
        if name == fact.key:
            message = f"'{name}' is the key and cannot be redacted"
            yield Problem("Q024", message, fact.place)


def _missing_template(project: Project, session: Session) -> Iterator[Problem]:
    """The template is looked up before any query runs."""
    folders = (project.root / project.settings.templates, data_folder("templates"))
    name = f"{session.template}.md.j2"
    own = project.root / "sessions" / f"{session.id}.md.j2"
    if own.exists() or any((folder / name).exists() for folder in folders):
        return
    known = (file.name for folder in folders for file in folder.glob("*.md.j2"))
    yield no_template(session, known)
