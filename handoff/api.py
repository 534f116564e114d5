"""The verbs, as Python calls: load, gather, render, check, publish.

    project = open_project()
    loaded = load(project, "session-1")
    facts = gather(project, loaded, engine="duckdb")
    document = render(project, loaded, facts)
    write(project, document)

Each raises a HandoffError (InvalidInput, Refused, UsageError, WorldError) for what a person
can mend; its `exit_code` is that of the command.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from handoff import facts as facts_file
from handoff import gate, index, session_yaml
from handoff import gather as gathering
from handoff import publish as publishing
from handoff.data import data_folder
from handoff.document import Document, document_path
from handoff.facts import Answer, Facts, Failure
from handoff.files import write_whole
from handoff.overrides import from_environment, from_words
from handoff.problems import (
    InvalidInput,
    Place,
    Problem,
    Refused,
    Report,
    UsageError,
    nearest,
)
from handoff.project import Project
from handoff.project import open_project as _open_project
from handoff.publish import Written
from handoff.session import Lookup, Param, Question, Session, Text
from handoff.settings import keys as settings_keys
from handoff.sources import asking, declared
from handoff.sql import Query, bind
from handoff.sql import read as read_query
from handoff.warehouse import Progress

if TYPE_CHECKING:
    from handoff import checks
    from handoff.templating import Folders

__all__ = [
    "Loaded",
    "Published",
    "ask",
    "check",
    "failures",
    "frozen",
    "gather",
    "hold",
    "load",
    "open_project",
    "publish",
    "queries",
    "recorded",
    "render",
    "session_named",
    "unpublished",
    "write",
]


@dataclass(frozen=True, slots=True)
class Loaded:
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


def load(project: Project, session_id: str) -> Loaded:
    """A session and its questions, checked as far as that goes without asking anything.

    Raises InvalidInput with every mistake of the session file; where it has none, with
    every mistake of its questions, parameters and live values.
    """
    path = session_path(session_id)
    session, warnings = session_yaml.load(project.read(path) or b"", session_id, path)
    queries, problems = _queries(project, session)
    problems += _bound(project, session, queries)
    problems += _live_problems(session, queries)
    if problems:
        raise InvalidInput([*warnings, *problems])
    return Loaded(session, queries, warnings)


def session_named(project: Project, name: str, *, here: Path | None = None) -> str:
    """The id that `name` means: an id, a path to a session file, or `latest`.

    `latest` is the newest by `created`, then id. Raises UsageError where there is none.
    """
    if name != "latest" or not project.session_ids():
        return project.session_id(name, here=here or Path.cwd())
    return max(project.session_ids(), key=lambda each: (_day(project, each), each))


def _day(project: Project, session_id: str) -> date:
    source = project.read(session_path(session_id)) or b""
    return session_yaml.created(source, session_path(session_id)) or date.min


def session_path(session_id: str) -> str:
    """Where the session's YAML lies, relative to the root."""
    return f"sessions/{session_id}.yaml"


def facts_path(session_id: str) -> str:
    """Where the session's facts are recorded, relative to the root."""
    return f"sessions/{session_id}.facts.json"


def recorded(project: Project, session_id: str) -> Facts | None:
    """What is recorded of the session; `None`: nothing.

    Raises InvalidInput where it cannot be read or a hand changed it, and WorldError.
    """
    path = facts_path(session_id)
    source = project.read(path)
    if source is None:
        return None
    problems = facts_file.problems(source, path)
    if problems:
        raise InvalidInput(problems)
    return facts_file.load(source, path)


def gather(
    project: Project,
    loaded: Loaded,
    *,
    engine: str | None = None,
    as_of: datetime | None = None,
    progress: Progress = lambda _: None,
) -> Facts:
    """Ask every question of the session and record the answers, and failures beside the last.

    `as_of` stands in place of the session's own; without either it is this minute.
    Raises UsageError, WorldError, and InvalidInput where the session file or an answer
    holds a secret: then nothing is asked or recorded.
    """
    from handoff.warehouse import engines  # only asking needs it

    session = loaded.session
    gate.hold(gate.file_problems(project, session_path(session.id)))
    now = datetime.now(UTC)
    moment = as_of or session.as_of or now
    previous = _trusted(project, session.id)
    world = _world(project, now)
    warehouse = None
    if engine or any(isinstance(each, Question) for each in session.questions):
        warehouse = engines.opened(project, engines.engine_of(project, engine), progress)
    try:
        facts = gathering.gather(
            session,
            loaded.queries,
            warehouse,
            previous,
            moment,
            lambda lookup, at: asking.look(lookup, world, at),
        )
    finally:
        if warehouse:
            warehouse.close()
    record(project, session.id, facts)
    return facts


def _world(project: Project, now: datetime) -> asking.World:
    settings = project.settings
    return asking.World(
        root=project.root,
        file=project.source,
        zone=ZoneInfo(settings.timezone),
        recent_minutes=settings.progress.recent_minutes,
        now=now,
    )


def frozen(project: Project, loaded: Loaded) -> Facts:
    """What is recorded, for a document that asks nothing.

    Raises InvalidInput where a fact that the session declares is missing, or was edited.
    """
    facts = recorded(project, loaded.session.id) or Facts(None, {})
    again = f"'handoff render {loaded.session.id}' without '--frozen' asks for it"
    problems = [
        Problem("F020", f"fact '{each.name}' is not recorded, {again}", each.place)
        for each in loaded.session.questions
        if each.name not in facts.facts
    ]
    if problems:
        raise InvalidInput(problems)
    return facts


def failures(loaded: Loaded, facts: Facts) -> tuple[Problem, ...]:
    """A problem for each fact that was asked for and has no answer now."""
    found = (
        (q, facts.facts[q.name]) for q in loaded.session.questions if q.name in facts.facts
    )
    return tuple(
        Problem("F022", f"fact '{fact.name}' has no answer: {fact.failure.message}", q.place)
        for q, fact in found
        if fact.failure
    )


def record(project: Project, session_id: str, facts: Facts) -> None:
    """Write the facts file, where it says something else than it did.

    Raises WorldError, and InvalidInput where an answer looks like a secret.
    """
    path = facts_path(session_id)
    content = facts_file.dump(facts).encode()
    if project.read(path) != content:
        gate.hold(gate.facts_problems(project, facts, path))
        write_whole(project.path(path), content, place=path)


def render(
    project: Project, loaded: Loaded, facts: Facts | None, *, stale_ok: bool = False
) -> Document:
    """The session's document with `facts`; without any its live values are blanks.

    Raises InvalidInput.
    """
    from handoff.live import Live  # slow: brings jinja2
    from handoff.provenance import provenance
    from handoff.render import render as rendered

    settings = project.settings
    live = Live(
        loaded.session,
        facts,
        loaded.queries,
        document=document_path(loaded.session, settings.output),
        stalled_minutes=settings.progress.stalled_minutes,
        zone=ZoneInfo(settings.timezone),
        stale_ok=stale_ok,
    )
    return rendered(
        loaded.session,
        live,
        folders(project),
        output=settings.output,
        provenance=provenance(facts, stale_ok=stale_ok),
    )


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


def ask(
    project: Project,
    name: str,
    params: Mapping[str, str],
    *,
    engine: str | None = None,
    as_of: datetime | None = None,
    progress: Progress = lambda _: None,
) -> Answer | Failure:
    """One question's answer; nothing is recorded.

    `params` as words; a list or mapping as JSON. Raises InvalidInput, UsageError, WorldError.
    """
    from handoff.warehouse import Asked, engines  # only asking needs it

    wanted = name.removeprefix("sql/")
    wanted = wanted if wanted.endswith(".sql") else f"{wanted}.sql"
    if wanted not in project.query_names():
        guess = nearest(wanted, project.query_names())
        raise UsageError(f"handoff: error: no question '{name}'{guess}")
    query = read_query(project.read(f"sql/{wanted}") or b"", f"sql/{wanted}", wanted)
    place = Place("--param")
    question = Question("answer", wanted, _words(query, params), None, place, {})
    try:
        bound = bind(query, question, as_of or datetime.now(UTC))
    except InvalidInput as error:  # of the command line, not of a file
        raise UsageError(str(error)) from error
    warehouse = engines.opened(project, engines.engine_of(project, engine), progress)
    try:
        return warehouse.answers((Asked("answer", query, bound),))[0]
    finally:
        warehouse.close()


def _words(query: Query, params: Mapping[str, str]) -> dict[str, Param]:
    """Words of the command line as a session file would give them."""
    types = {each.name: each.type for each in query.params}
    return {name: _param(word, types.get(name, "STRING")) for name, word in params.items()}


def _param(word: str, type_: str) -> Param:
    if word == "NULL":
        return None
    if not type_.startswith(("ARRAY", "STRUCT")):
        return word
    try:
        value: Param = json.loads(word)
    except ValueError as error:
        raise UsageError(f"handoff: error: '{word}' is no JSON, for {type_}") from error
    return value


# --- over the whole project ----------------------------------------------------------------


def check(project: Project, ids: Sequence[str] = ()) -> Report:
    """Every rule over the sessions `ids`, or over the whole project without any."""
    from handoff import checks  # brings markdown_it

    every, problems = queries(project)
    cases: list[checks.Case] = []
    for session_id in ids or project.session_ids():
        found, case = _case(project, session_id, every)
        problems += found
        cases += [case] if case else []
    for case in cases:
        problems += checks.problems(case)
    files = [session_path(each) for each in ids or project.session_ids()]
    files += [query.path for query in every.values() if not ids]
    problems += gate.check(project, files, cases, whole=not ids)
    if not ids:
        sessions = [case.session for case in cases]
        documents = {case.session.id: case.document_path for case in cases}
        problems += checks.project_problems(checks.Whole(sessions, documents, every))
    return Report.of(problems)


def _case(
    project: Project, session_id: str, every: Mapping[str, Query]
) -> tuple[list[Problem], checks.Case | None]:
    """What is wrong on the way to a session's document, and what its rules look at."""
    path = session_path(session_id)
    try:
        session, warnings = session_yaml.load(project.read(path) or b"", session_id, path)
    except InvalidInput as error:
        return [*error.report.problems], None
    problems = [*warnings, *_live_problems(session, every)]
    document, facts = None, _trusted(project, session_id)
    try:
        recorded(project, session_id)  # raises where a hand changed it
        document = render(project, load(project, session_id), facts)
        problems += document.problems
    except InvalidInput as error:
        problems += error.report.problems
    return problems, case_of(project, session, every, facts, document)


def case_of(
    project: Project,
    session: Session,
    queries: Mapping[str, Query],
    facts: Facts | None,
    document: Document | None,
) -> checks.Case:
    """What the rules look at; `document` as rendered with `facts`."""
    from handoff import remembered
    from handoff.cells import Cells
    from handoff.checks import Case
    from handoff.to_read import DEFAULT

    settings = project.settings
    planned = document_path(session, settings.output)
    stalled, zone = settings.progress.stalled_minutes, ZoneInfo(settings.timezone)
    cells = Cells(session, facts, queries, stalled, zone)
    return Case(
        session=session,
        queries=queries,
        facts=facts,
        facts_path=facts_path(session.id),
        document_path=planned,
        document=document.text if document else None,
        tree=project.tree(planned),
        open=document.open if document else (),
        prompts={DEFAULT: document.prompt} if document and document.prompt else {},
        budget_tokens=settings.budget_tokens,
        cells=cells,
        past=remembered.past(project, cells),
        lines=remembered.lines(project),
    )


@dataclass(frozen=True, slots=True)
class Published:
    """What became of every document and the index."""

    written: tuple[Written, ...]
    refused: tuple[str, ...]
    """For each file that a hand's work kept as it is: why, with the diff."""
    problems: tuple[Problem, ...]
    """Of sessions that could not be rendered."""

    @property
    def exit_code(self) -> int:
        return 1 if self.refused or any(p.level == "error" for p in self.problems) else 0


def publish(project: Project, *, overwrite: bool = False) -> Published:
    """Write every document and the index from what is recorded; nothing is asked."""
    texts, problems = _published(project)
    written: list[Written] = []
    refused: list[str] = []
    for path, owner, text in texts:
        try:
            written.append(_write(project, path, text, owner, overwrite=overwrite))
        except Refused as error:
            refused.append(str(error))
        except InvalidInput as error:  # a secret
            problems += error.report.problems
    return Published(tuple(written), tuple(refused), tuple(problems))


def unpublished(project: Project) -> tuple[Problem, ...]:
    """A problem for each document, and for the index, that `publish` would write or refuse."""
    texts, problems = _published(project)
    for path, owner, text in texts:
        now = publishing.state(project.read(path), text, owner)
        problems += [publishing.problem(path, now)] if now != "current" else []
    return Report.of(problems).problems


def _published(project: Project) -> tuple[list[tuple[str, str, str]], list[Problem]]:
    """Path, owner and text of every document and of the index, and what could not be made."""
    documents: list[tuple[Session, Document]] = []
    problems: list[Problem] = []
    for session_id in project.session_ids():
        try:
            loaded = load(project, session_id)
            document = render(project, loaded, recorded(project, session_id))
            documents.append((loaded.session, document))
        except InvalidInput as error:
            problems += error.report.problems
    texts = [(document.path, session.id, document.text) for session, document in documents]
    if problems:  # an index without a session would say that it is gone
        return texts, problems
    path = f"{project.settings.output}/{index.NAME}"
    return [*texts, (path, index.OWNER, index.index(_listed(documents)))], problems


def _listed(documents: Sequence[tuple[Session, Document]]) -> Iterator[index.Listed]:
    successors = {s.supersedes: s.id for s, _ in documents if s.supersedes}
    for session, document in documents:
        title = session.next.title if session.next else None
        yield index.Listed(
            session=session.id,
            label=f"Session {session.session}",
            title=session.title,
            day=session.created.day,
            status=document.status,
            completion=document.progress,
            path=document.path,
            next_title=title.value if isinstance(title, Text) else "",
            previous=session.previous,
            superseded_by=successors.get(session.id),
        )


# --- helpers -------------------------------------------------------------------------------


def folders(project: Project) -> Folders:
    """Where the project's templates are found."""
    from handoff.templating import Folders  # slow: brings jinja2

    return Folders(
        project.root,
        project=project.settings.templates,
        sessions="sessions",
        package=data_folder("templates"),
    )


def write(project: Project, document: Document, *, overwrite: bool = False) -> Written:
    """Put the document into its file.

    Raises Refused where a hand's work would be lost, and InvalidInput where the document
    looks to hold a secret.
    """
    return _write(project, document.path, document.text, document.session, overwrite=overwrite)


def hold(project: Project, document: Document) -> None:
    """Let nothing out that looks like a secret: raises InvalidInput with each."""
    _hold(project, document.path, document.text, document.session)


def _write(project: Project, path: str, text: str, owner: str, *, overwrite: bool) -> Written:
    def held() -> None:
        _hold(project, path, text, owner)

    return publishing.write(project.root, path, text, owner, overwrite=overwrite, gate=held)


def _hold(project: Project, path: str, text: str, owner: str) -> None:
    gate.hold(gate.document_problems(project, text, path, session_path(owner)))


def _queries(project: Project, session: Session) -> tuple[dict[str, Query], list[Problem]]:
    queries: dict[str, Query] = {}
    problems: list[Problem] = []
    for question in session.questions:
        if isinstance(question, Lookup):
            continue
        path = f"sql/{question.sql}"
        source = project.read(path)
        if source is None:
            guess = nearest(question.sql, project.query_names())
            message = f"fact '{question.name}' asks '{path}', which is not there{guess}"
            problems.append(Problem("Q030", message, question.place))
            continue
        try:
            queries[question.sql] = read_query(source, path, question.sql)
        except InvalidInput as error:
            problems += error.report.problems
    return queries, problems


def _bound(project: Project, session: Session, queries: Mapping[str, Query]) -> list[Problem]:
    problems: list[Problem] = []
    for question in session.questions:
        if isinstance(question, Lookup):
            problems += declared.problems(question, project.source)
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


def _live_problems(session: Session, queries: Mapping[str, Query]) -> Sequence[Problem]:
    from handoff import live  # brings jinja2 where a text has '{{'

    return live.problems(session, queries)


def _trusted(project: Project, session_id: str) -> Facts | None:
    """What is recorded, for answers that fail now; a file that cannot be read is none."""
    source = project.read(facts_path(session_id))
    try:
        return facts_file.load(source, facts_path(session_id)) if source is not None else None
    except InvalidInput:
        return None
