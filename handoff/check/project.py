"""All sessions of a project compared with each other."""

from __future__ import annotations

from collections.abc import Iterator

from handoff.base.problems import Place, nearest
from handoff.check.rule import Finding, ProjectContext, SessionOutline, rule
from handoff.session.model import QueryFact, Session


@rule("S020", "error", "`previous:` names no session, or the session itself")
def previous_missing(project: ProjectContext) -> Iterator[Finding]:
    """A session that follows none breaks the chain that a reader follows back.

    `next.id` may name a session that is not written yet.

    Fails:

        previous: sesion-1
    """
    for session in project.sessions:
        for name in session.previous:
            yield from _wrong_name(project, session, "'previous'", name, Place(session.path))


@rule("S021", "error", "`supersedes:` names no session, or the session itself")
def superseded_missing(project: ProjectContext) -> Iterator[Finding]:
    """A successor of a session that does not exist leaves the right one looking current.

    Fails:

        supersedes: sesion-1
    """
    for session in project.sessions:
        if name := session.supersedes:
            yield from _wrong_name(project, session, "'supersedes'", name, Place(session.path))


@rule("S022", "error", "two sessions supersede the same one")
def superseded_twice(project: ProjectContext) -> Iterator[Finding]:
    """With two successors a reader cannot know which one to follow.

    Fails: `supersedes: session-1` in session-2 and in session-3.
    """
    first: dict[str, SessionOutline | Session] = {}
    for session in project.sessions:
        if not session.supersedes:
            continue
        other = first.setdefault(session.supersedes, session)
        if other is not session:
            message = f"'{session.supersedes}' is already superseded by '{other.id}'"
            yield Place(session.path), message


@rule("S023", "error", "two sessions have the same document, ignoring case")
def same_document(project: ProjectContext) -> Iterator[Finding]:
    """Two sessions with one document overwrite each other, on some disks whatever the case.

    Fails: two sessions with the same `created`, `session` and `slug`.
    """
    first: dict[str, str] = {}
    for session in project.sessions:
        path = project.documents.get(session.id)
        other = first.setdefault(path.casefold(), session.id) if path else session.id
        if other != session.id:
            message = f"'{other}' has the same document '{path}'; set another 'slug'"
            yield Place(session.path), message


@rule("S024", "error", "`since:` of a fact names no session, or the session itself")
def compared_with_missing(project: ProjectContext) -> Iterator[Finding]:
    """A fact is compared with what another session recorded, so that session must exist.

    Fails:

        facts:
          coverage: {sql: coverage/phase4.sql, since: sesion-1}
    """
    for session in project.sessions:
        for fact in session.facts:
            if name := fact.since:
                key = f"'since' of fact '{fact.name}'"
                yield from _wrong_name(project, session, key, name, fact.place)


@rule("S026", "warning", "a session file that is not read, because of its name or place")
def misplaced_session(project: ProjectContext) -> Iterator[Finding]:
    """A session is read from `sessions/<id>.yaml` only; a file next to it is easily missed.

    Fails: `sessions/session-3.yml`, `sessions/old/session-3.yaml`, `docs/session-3.yaml`.
    """
    for each in project.misplaced:
        yield Place(each.path), f"{each.why}; {each.fix}"


@rule("Q031", "note", "a query that no session uses")
def query_unused(project: ProjectContext) -> Iterator[Finding]:
    """A query that no session uses is forgotten, ready to be deleted, or not of handoff.

    It is read only if its header has `returns:`. Not judged while a session file has errors,
    for it may use the query.

    Fails: a `.sql` file that no session names under `facts:`.
    """
    if project.unread:
        return
    facts = (fact for session in project.sessions for fact in session.facts)
    used = {fact.sql for fact in facts if isinstance(fact, QueryFact)}
    unused = [name for name in project.query_files if name not in used]
    if unused:
        first, *others = unused
        names = ", ".join(others[:_MAX_NAMED]) + (", ..." if len(others) > _MAX_NAMED else "")
        more = f", nor {len(others)} more: {names}" if others else ""
        yield Place(project.query_files[first]), f"no session uses this query{more}"


_MAX_NAMED = 5
"""Unused queries that are named in addition to the first."""


def _wrong_name(
    project: ProjectContext,
    session: SessionOutline | Session,
    key: str,
    name: str,
    place: Place,
) -> Iterator[Finding]:
    if name == session.id:
        yield place, f"{key} names the session itself"
    elif name not in project.ids:
        yield place, f"{key} names an unknown session '{name}'{nearest(name, project.ids)}"
