"""Load: a session and its questions, without mistakes, or every mistake of them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import lru_cache
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from handoff.base.data import data_folder
from handoff.base.problems import InvalidInput, Problem, nearest
from handoff.project.overrides import from_environment, from_words
from handoff.project.project import Project
from handoff.project.project import open_project as _open_project
from handoff.project.settings import keys as settings_keys
from handoff.render.document import no_template
from handoff.session import decode
from handoff.session.model import Session, SourceFact
from handoff.sql.query import Query, bind
from handoff.sql.query import read as read_query
from handoff.workspace import run_queries as gathering


class LoadedSession(Struct, frozen=True):
    """A session with the questions it asks, both without mistakes."""

    session: Session
    queries: Mapping[str, Query]
    """Those the session asks, by name."""
    warnings: tuple[Problem, ...]


def open_project(
    root: str | None = None,
    *,
    here: Path | None = None,
    settings: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
) -> Project:
    """The project at `root`, else the one around `here` (the current folder).

    Its settings are those of `handoff.yaml`, with what the environment says over them, and
    `settings` (`KEY=VALUE` each) over both. `HANDOFF_SOURCES=off` takes the folders outside
    the repository away, whatever they say: for work that a stranger sent. Raises UsageError
    and BadSettings.
    """
    variables = os.environ if environment is None else environment
    overrides = (*from_environment(variables, settings_keys()), *from_words(settings))
    project = _open_project(root, here=here or Path.cwd(), overrides=overrides)
    if variables.get("HANDOFF_SOURCES", "").strip().casefold() != "off":
        return project
    return replace(project, settings=replace(project.settings, sources=()))


def load(project: Project, session_id: str) -> LoadedSession:
    """A session and its questions, checked as far as that goes without asking anything.

    Raises InvalidInput with every mistake of the session file; where it has none, with
    every mistake of its questions, parameters and live values.
    """
    path = session_path(session_id)
    session, warnings = decode.load(project.read(path) or b"", session_id, path)
    return loaded(project, session, warnings)


def loaded(
    project: Project, session: Session, warnings: tuple[Problem, ...] = ()
) -> LoadedSession:
    """A session with its questions. Raises InvalidInput with every mistake of these."""
    queries, problems = _queries(project, session)
    problems += _template_missing(project, session)
    problems += _bound(project, session, queries)
    problems += live_problems(session, queries)
    if problems:
        raise InvalidInput([*warnings, *problems])
    return LoadedSession(session, queries, warnings)


def _template_missing(project: Project, session: Session) -> Iterator[Problem]:
    """The template is looked for before anything is asked."""
    folders = (project.root / project.settings.templates, data_folder("templates"))
    name = f"{session.template}.md.j2"
    own = project.root / "sessions" / f"{session.id}.md.j2"
    if own.exists() or any((folder / name).exists() for folder in folders):
        return
    known = (file.name for folder in folders for file in folder.glob("*.md.j2"))
    yield no_template(session, known)


def session_named(project: Project, name: str, *, here: Path | None = None) -> str:
    """The id that `name` means: an id, a path to a session file, or `latest`.

    `latest` is the newest by `created`, then id. Raises UsageError where there is none.
    """
    if name != "latest" or not project.session_ids():
        return project.session_id(name, here=here or Path.cwd())
    return max(project.session_ids(), key=lambda each: (_day(project, each), each))


def _day(project: Project, session_id: str) -> date:
    source = project.read(session_path(session_id)) or b""
    return decode.created(source, session_path(session_id)) or date.min


def session_path(session_id: str) -> str:
    """Where the session's YAML lies, relative to the root."""
    return f"sessions/{session_id}.yaml"


def queries(project: Project) -> tuple[dict[str, Query], list[Problem]]:
    """Every question of the project by name, and what is wrong with those left out."""
    found: dict[str, Query] = {}
    problems: list[Problem] = []
    for name in project.query_names():
        try:
            found[name] = read_query(project.read(f"sql/{name}") or b"", f"sql/{name}", name)
        except InvalidInput as error:
            problems += error.report.problems
    return found, problems


def _queries(project: Project, session: Session) -> tuple[dict[str, Query], list[Problem]]:
    queries: dict[str, Query] = {}
    problems: list[Problem] = []
    for question in session.questions:
        if isinstance(question, SourceFact):
            continue
        path = f"sql/{question.sql}"
        source = project.read(path)
        if source is None:
            guess = nearest(question.sql, project.query_names())
            message = f"fact '{question.name}' needs '{path}', which does not exist{guess}"
            problems.append(Problem("Q030", message, question.place))
            continue
        try:
            queries[question.sql] = _read_query(source, path, question.sql)
        except InvalidInput as error:
            problems += error.report.problems
    return queries, problems


_read_query = lru_cache(maxsize=256)(read_query)
"""Many sessions ask the same questions."""


def _bound(project: Project, session: Session, queries: Mapping[str, Query]) -> list[Problem]:
    problems: list[Problem] = []
    for question in session.questions:
        if isinstance(question, SourceFact):
            from handoff.sources import declaration  # only logs, checkpoints and git need it

            problems += declaration.problems(question, project.source)
            continue
        if question.sql not in queries:
            continue
        query = queries[question.sql]
        problems += gathering.column_problems(question, query)
        try:
            bind(query, question, _ANY_MOMENT)
        except InvalidInput as error:
            problems += error.report.problems
    return problems


_ANY_MOMENT = datetime(1970, 1, 1, tzinfo=UTC)


def live_problems(session: Session, queries: Mapping[str, Query]) -> Sequence[Problem]:
    from handoff.values import typecheck  # brings jinja2 where a text has '{{'

    return typecheck.problems(session, queries)
