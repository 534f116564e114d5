"""Run a session's queries, record the results, and read recorded facts back."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from handoff.base.files import replace_unchanged
from handoff.base.problems import InvalidInput, Level, Problem, WorldError
from handoff.facts import recorded as facts_file
from handoff.facts.recorded import Column, Fact, Facts, Failure, Provenance, QueryResult, Value
from handoff.project.project import Project
from handoff.publish import gate
from handoff.session.model import ChartBlock, QueryFact, Session, SourceFact, TableList
from handoff.session.walk import leaves
from handoff.sql.query import Query
from handoff.workspace.load import LoadedSession, bind_queries
from handoff.workspace.paths import facts_path, is_own_file, position, session_path

if TYPE_CHECKING:
    from handoff.base.progress import Progress
    from handoff.sources.lookup import LookupResult
    from handoff.sql.query import BoundQuery
    from handoff.values.rows import EarlierSession
    from handoff.warehouse.port import Warehouse

ResultRow = tuple[Value, ...]
Look = Callable[[SourceFact, datetime], "LookupResult"]


def gather(
    project: Project,
    loaded: LoadedSession,
    *,
    engine: str | None = None,
    as_of: datetime | None = None,
    progress: Progress = lambda _: None,
    note: Progress = lambda _: None,
    keep: bool = True,
    verbose: bool = False,
    locks: ExitStack | None = None,
) -> Facts:
    """Run every query of the session and record the results; failures keep the last result.

    The time is `as_of`, else the session's own, else this minute; `note` gets a line about
    the cost, and with `verbose` one on each job. Without `keep` nothing is recorded. The lock
    for recording is held until `locks` are closed: no other run writes between. Raises
    UsageError, WorldError, and InvalidInput where the session file or a result holds a
    secret: then nothing is run or recorded.
    """
    from handoff.sources.lookup import look_up  # slow: only for running
    from handoff.sources.source import SourceContext
    from handoff.warehouse import engines
    from handoff.workspace.evidence import look_up_evidence

    session, settings = loaded.session, project.settings
    gate.hold(gate.file_problems(project, session_path(session.id)))
    now = datetime.now(UTC)
    context = SourceContext(
        root=project.root,
        file=project.source,
        zone=ZoneInfo(settings.timezone),
        recent_minutes=settings.progress.recent_minutes,
        now=now,
        own=partial(is_own_file, project),
        transcripts=settings.transcripts,
    )
    previous = load_facts_leniently(project, session.id)
    has_queries = any(map(_needs_warehouse, session.facts))
    # an unknown '--engine' is an error even where no query runs on it
    chosen = engines.choose_engine(project, engine) if engine or has_queries else None
    warehouse = (
        engines.open_warehouse(project, chosen, progress) if chosen and has_queries else None
    )
    if warehouse:
        context = replace(context, table_infos=warehouse.table_infos)
    try:
        facts = run_queries(
            session,
            loaded.queries,
            warehouse,
            previous,
            as_of or session.as_of or now,
            lambda fact, at: look_up(fact, context, at),
            patient=keep,
        )
        cost = warehouse.cost() if warehouse else None
        links = warehouse.job_links() if warehouse and verbose else ()
    finally:
        if warehouse:
            warehouse.close()
    facts = replace(facts, evidence=look_up_evidence(project, session, now, previous))
    for line in (*links, *([cost] if cost else [])):
        note(line)
    if keep:
        with ExitStack() as own_locks:
            (locks or own_locks).enter_context(locked_sessions(project))
            record(project, session.id, facts)
    else:
        gate.hold(gate.facts_problems(project, facts, facts_path(session.id)))
    return facts


def _needs_warehouse(fact: QueryFact | SourceFact) -> bool:
    if isinstance(fact, QueryFact):
        return True
    return any(isinstance(each, TableList) for each in fact.sources)


def run_queries(
    session: Session,
    queries: Mapping[str, Query],
    warehouse: Warehouse | None,
    previous: Facts | None,
    as_of: datetime,
    look: Look | None = None,
    *,
    patient: bool = False,
) -> Facts:
    """The facts of `session`, its queries run in one call; `queries` by name.

    `look` reads the other sources; it and the warehouse may be left out where the
    session has no such fact. A fact that fails keeps the result it has in `previous`, with
    its provenance; with `patient` an unreachable warehouse is a failure of each query.
    Raises InvalidInput, before anything runs, with every parameter and column that does not
    fit, and WorldError.
    """
    as_of = as_of.astimezone(UTC).replace(second=0, microsecond=0)
    recorded = previous.facts if previous else {}
    bound, problems = bind_queries(session, queries, as_of)
    if problems:
        raise InvalidInput(problems)
    facts: dict[str, Fact] = {}
    if bound:
        assert warehouse is not None  # the session has a query for it
        results = _results(warehouse, [query for _, query in bound], patient=patient)
        for (fact, query), result in zip(bound, results, strict=True):
            contract, last = query.query.contract, recorded.get(fact.name)
            facts[fact.name] = (
                _failed(fact, contract, result, last)
                if isinstance(result, Failure)
                else _from_query(fact, query, result, warehouse.engine)
            )
    for source in session.facts:
        if isinstance(source, SourceFact):
            assert look is not None  # the session has a source to read
            found = look(source, as_of)
            facts[source.name] = (
                _failed(source, source.contract, found.result, recorded.get(source.name))
                if isinstance(found.result, Failure)
                else _from_source(source, found, found.result, as_of)
            )
    return Facts(as_of, {each.name: facts[each.name] for each in session.facts})


def _results(
    warehouse: Warehouse, queries: Sequence[BoundQuery], *, patient: bool
) -> tuple[QueryResult | Failure, ...]:
    try:
        return warehouse.run(queries)
    except WorldError as error:
        if not patient:
            raise
        return (Failure(str(error), datetime.now(UTC)),) * len(queries)


def _from_query(fact: QueryFact, bound: BoundQuery, result: QueryResult, engine: str) -> Fact:
    columns, rows = _redacted(result.columns, result.rows, fact.redact)
    return Fact(
        name=fact.name,
        columns=columns,
        rows=rows,
        provenance=Provenance(
            source=bound.query.name,
            sha256=bound.query.sha256,
            params=bound.params,
            engine=engine,
            job_id=result.job_id,
            ran_at=result.ran_at,
            bytes_billed=result.bytes_billed,
            versions=result.versions,
        ),
        failure=None,
        key=fact.key,
        contract=bound.query.contract,
    )


def _from_source(
    fact: SourceFact, found: LookupResult, result: QueryResult, as_of: datetime
) -> Fact:
    return Fact(
        name=fact.name,
        columns=result.columns,
        rows=result.rows,
        provenance=Provenance(
            source=found.source,
            sha256=fact.sha256,
            params={"as_of": as_of},
            engine=found.engine,
            job_id=None,
            ran_at=result.ran_at,
            bytes_billed=None,
        ),
        failure=None,
        key=fact.key,
        contract=fact.contract,
    )


def _failed(
    fact: QueryFact | SourceFact, contract: str | None, failure: Failure, last: Fact | None
) -> Fact:
    """The failure, with the last result where there is one to trust."""
    # recorded anew, a manually edited result would get a digest that fits
    if last is None or last.edited:
        return Fact(fact.name, (), (), None, failure, fact.key, contract)
    columns, rows = _redacted(last.columns, last.rows, fact.redact)
    return replace(last, columns=columns, rows=rows, failure=failure, key=fact.key)


def _redacted(
    columns: tuple[Column, ...], rows: tuple[ResultRow, ...], names: tuple[str, ...]
) -> tuple[tuple[Column, ...], tuple[ResultRow, ...]]:
    kept = [n for n, column in enumerate(columns) if column.name not in names]
    return (
        tuple(columns[n] for n in kept),
        tuple(tuple(row[n] for n in kept) for row in rows),
    )


# --- recorded facts ------------------------------------------------------------------------


def record(project: Project, session_id: str, facts: Facts) -> None:
    """Write the facts file where its content changed; the caller has locked the sessions.

    Raises WorldError, and InvalidInput where a result looks like a secret.
    """
    path = facts_path(session_id)
    content = facts_file.dump(facts).encode()
    was = project.read(path)
    if was == content:
        return
    gate.hold(gate.facts_problems(project, facts, path))
    if not replace_unchanged(project.path(path), content, was, place=path):
        raise WorldError(f"{path}: error: changed on disk while recording; run it again")


def locked_sessions(project: Project) -> AbstractContextManager[None]:
    """A lock on the session files and what is recorded for them."""
    from handoff.base.locks import locked  # only for writing

    return locked(project.path("sessions"), place="sessions")


def load_facts(project: Project, session_id: str) -> Facts | None:
    """The session's recorded facts; `None` where there are none.

    Raises InvalidInput where they cannot be read or were edited, and WorldError.
    """
    path = facts_path(session_id)
    source = project.read_input(path)
    if source is None:
        return None
    facts = _load(source, path)
    edited = [each.edited for each in facts.facts.values()]
    if any([*edited, *(each.edited for each in facts.evidence.values())]):
        raise InvalidInput(facts_file.problems(source, path))
    return facts


_load = lru_cache(maxsize=16)(facts_file.load)
"""A command needs the same facts several times: for the document, its rules, its receipts."""


def load_facts_leniently(project: Project, session_id: str) -> Facts | None:
    """The session's recorded facts; `None` also where the file cannot be read."""
    try:
        source = project.read_input(facts_path(session_id))
        return _load(source, facts_path(session_id)) if source is not None else None
    except InvalidInput:
        return None


def load_frozen_facts(project: Project, loaded: LoadedSession) -> Facts:
    """The session's recorded facts, all of them, for a document without running queries.

    Raises InvalidInput where a fact that the session declares is missing, or was edited.
    """
    facts = load_facts(project, loaded.session.id) or Facts(None, {})
    fix = f"run 'handoff render {loaded.session.id}' without '--frozen'"
    problems = [
        Problem("F020", f"fact '{each.name}' is not recorded; {fix}", each.place)
        for each in loaded.session.facts
        if each.name not in facts.facts
    ]
    if problems:
        raise InvalidInput(problems)
    return facts


def earlier(project: Project, session: Session) -> Mapping[str, EarlierSession]:
    """The recorded facts of other sessions that this one's facts are compared with."""
    from handoff.values.rows import EarlierSession  # not for a session without such facts

    found: dict[str, EarlierSession] = {}
    for session_id in earlier_ids(project, session):
        is_there = os.path.lexists(project.root / facts_path(session_id))
        facts = load_facts_leniently(project, session_id)
        why = {"why": "has facts that cannot be read"} if is_there else {}
        found[session_id] = EarlierSession(session_id, facts, **why)
    return found


def earlier_ids(project: Project, session: Session) -> tuple[str, ...]:
    """The other sessions whose recorded facts the session's document also uses."""
    named = [each.since for each in session.facts]
    charts = [leaf.node for leaf in leaves(session) if isinstance(leaf.node, ChartBlock)]
    count = max((each.sessions - 1 for each in charts if each.kind == "line"), default=0)
    found = dict.fromkeys((*named, *_previous(project, session, count)))
    return tuple(each for each in found if each and each != session.id)


def _previous(project: Project, session: Session, count: int) -> Iterator[str]:
    """The sessions before this one, the latest first, at most `count`."""
    seen, waiting = {session.id}, [*session.previous]
    while waiting and len(seen) <= count:
        session_id = waiting.pop(0)
        if session_id not in seen:
            seen.add(session_id)
            waiting += position(project, session_id).previous
            yield session_id


def failure_problems(
    loaded: LoadedSession, facts: Facts, level: Level = "error"
) -> tuple[Problem, ...]:
    """A problem for each fact whose query failed, a warning for one that is incomplete."""
    problems: list[Problem] = []
    for declared in loaded.session.facts:
        fact = facts.facts.get(declared.name)
        if fact and fact.failure:
            message = f"fact '{fact.name}' has no result: {fact.failure.message}"
            problems.append(Problem("F022", message, declared.place, level))
        elif fact and (reason := facts_file.incomplete(fact)):
            problems.append(Problem("F026", reason, declared.place, "warning"))
    return tuple(problems)
