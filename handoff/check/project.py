"""All sessions of a project beside each other."""

from __future__ import annotations

from collections.abc import Iterator

from handoff.base.problems import Place, Problem, nearest
from handoff.check.context import ProjectContext
from handoff.session.model import QueryFact, Session


def session_named(whole: ProjectContext) -> Iterator[Problem]:
    """A successor that points at nobody breaks the chain that a reader follows back.

    `next.id` may name a session that is not written yet.

    Fails:

        supersedes: sesion-1
    """
    ids = {session.id for session in whole.sessions}
    for session in whole.sessions:
        named = [("previous", "S020", name) for name in session.previous]
        named += [("supersedes", "S021", session.supersedes)] if session.supersedes else []
        for key, code, name in named:
            if name == session.id:
                message = f"'{key}' names the session itself"
            elif name not in ids:
                message = f"'{key}' names no session: '{name}'{nearest(name, ids)}"
            else:
                continue
            yield Problem(code, message, Place(session.path))


def compared_with(whole: ProjectContext) -> Iterator[Problem]:
    """A fact is compared with what another session recorded, so there must be one.

    Fails:

        facts:
          coverage: {sql: coverage/phase4.sql, since: sesion-1}
    """
    ids = {session.id for session in whole.sessions}
    for session in whole.sessions:
        for fact in session.questions:
            if fact.since == session.id:
                message = f"'since' of fact '{fact.name}' names the session itself"
                yield Problem("S024", message, fact.place)
            elif fact.since and fact.since not in ids:
                message = f"'since' of fact '{fact.name}' names no session: '{fact.since}'"
                yield Problem("S024", f"{message}{nearest(fact.since, ids)}", fact.place)


def superseded_twice(whole: ProjectContext) -> Iterator[Problem]:
    """Of two successors a reader cannot know which one holds.

    Fails: `supersedes: session-1` in session-2 and in session-3.
    """
    first: dict[str, Session] = {}
    for session in whole.sessions:
        if not session.supersedes:
            continue
        other = first.setdefault(session.supersedes, session)
        if other is not session:
            message = f"'{session.supersedes}' is superseded by '{other.id}' already"
            yield Problem("S022", message, Place(session.path))


def same_document(whole: ProjectContext) -> Iterator[Problem]:
    """Two sessions with one document overwrite each other, on some disks whatever the case.

    Fails: two sessions with the same `created`, `session` and `slug`.
    """
    first: dict[str, str] = {}
    for session in whole.sessions:
        path = whole.documents.get(session.id)
        other = first.setdefault(path.casefold(), session.id) if path else session.id
        if other != session.id:
            message = f"its document '{path}' is also that of '{other}', give it another 'slug'"
            yield Problem("S023", message, Place(session.path))


def question_unused(whole: ProjectContext) -> Iterator[Problem]:
    """A question that no session asks is either forgotten or ready to be deleted.

    Fails: a `.sql` file that stands under no session's `facts:`.
    """
    asked = {
        question.sql
        for session in whole.sessions
        for question in session.questions
        if isinstance(question, QueryFact)
    }
    unused = [query for query in whole.queries.values() if query.name not in asked]
    if unused:
        first, *others = unused
        names = ", ".join(each.name for each in others)
        more = f", nor {len(others)} more: {names}" if others else ""
        yield Problem("Q031", f"no session asks this question{more}", Place(first.path), "note")
