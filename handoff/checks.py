"""Every rule of `handoff check`: what each one is for stands in its docstring.

A rule takes values that are loaded and yields Problems; reading files, and the problems
found on the way (YAML, question headers, facts files), are the caller's part.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase

from handoff import evidence, structure
from handoff.facts import Fact, Facts, is_current
from handoff.problems import InvalidInput, Place, Problem, nearest
from handoff.session import Question, Reading, Session
from handoff.sql import Query, bind
from handoff.todo import Open
from handoff.tree import Tree, is_outside


@dataclass(frozen=True, slots=True)
class Case:
    """One session and all that its rules look at."""

    session: Session
    queries: Mapping[str, Query]
    """By name, those that could be read."""
    facts: Facts | None
    """What is recorded; `None` where nothing is."""
    facts_path: str
    document_path: str
    """Where the document stands or will stand."""
    document: str | None
    """As rendered from what is recorded; `None` where it could not be."""
    tree: Tree
    open: Sequence[Open] = ()
    """The document's blanks."""

    def fact(self, name: str) -> Fact | None:
        return self.facts.facts.get(name) if self.facts else None


@dataclass(frozen=True, slots=True)
class Whole:
    """All of a project, for rules that compare."""

    sessions: Sequence[Session]
    documents: Mapping[str, str]
    """Each session's document path, by its id."""
    queries: Mapping[str, Query]


def problems(case: Case) -> tuple[Problem, ...]:
    """What the rules of one session find."""
    return tuple(problem for rule in RULES for problem in rule(case))


def project_problems(whole: Whole) -> tuple[Problem, ...]:
    """What the rules over all sessions find."""
    return tuple(problem for rule in PROJECT_RULES for problem in rule(whole))


# --- questions and facts ---------------------------------------------------------------


def question_file(case: Case) -> Iterator[Problem]:
    """A fact whose question is not there can never be answered.

    Fails:

        facts:
          coverage: {sql: coverage/phase5.sql}
    """
    for question in case.session.questions:
        if not case.tree.has(f"sql/{question.sql}"):
            near = nearest(question.sql, case.queries)
            message = (
                f"fact '{question.name}' asks 'sql/{question.sql}', which is not there{near}"
            )
            yield Problem("Q030", message, question.place)


def question_parameters(case: Case) -> Iterator[Problem]:
    """What the session gives must be what the question declares, by name and by type.

    Fails:

        facts:
          coverage: {sql: coverage/phase4.sql, params: {season_strat: 2021-10-19}}
    """
    for question, query in _asked(case):
        try:
            bind(query, question, _moment(case))
        except InvalidInput as error:
            yield from error.report.problems


def fact_missing(case: Case) -> Iterator[Problem]:
    """A declared fact that was never asked leaves its values blank.

    Fails: a name under `facts:` that the facts file does not have.
    """
    for question in case.session.questions:
        if case.fact(question.name) is None:
            message = (
                f"fact '{question.name}' is not recorded, "
                f"'handoff render {case.session.id}' asks for it"
            )
            yield Problem("F020", message, question.place, "warning")


def fact_stale(case: Case) -> Iterator[Problem]:
    """An answer to another question, or to other parameters, is no answer to this one.

    By content, never by age: an old answer to the same question is still its answer.

    Fails: `sql/coverage/phase4.sql` edited after `handoff render`.
    """
    for question, query in _asked(case):
        fact = case.fact(question.name)
        if fact is None or fact.provenance is None or fact.failure:
            continue
        try:
            params = bind(query, question, _moment(case))
        except InvalidInput:
            continue
        if not is_current(fact, query, params):
            edited = fact.provenance.sha256 != query.sha256
            why = f"'{query.path}' changed" if edited else "its parameters changed"
            message = (
                f"fact '{question.name}' is stale, {why} since, "
                f"'handoff render {case.session.id}' asks again"
            )
            yield Problem("F021", message, question.place, "warning")


def fact_failed(case: Case) -> Iterator[Problem]:
    """A question that failed shows as a blank, also where an older answer is recorded.

    Fails: a fact with a `failure` in the facts file.
    """
    for question in case.session.questions:
        fact = case.fact(question.name)
        if fact and fact.failure:
            message = f"fact '{question.name}' failed when last asked: {fact.failure.message}"
            yield Problem("F022", message, question.place, "warning")


def fact_orphaned(case: Case) -> Iterator[Problem]:
    """An answer that no question asks for any more is read by nobody, and trusted by somebody.

    Fails: a name in the facts file that `facts:` does not declare.
    """
    declared = {question.name for question in case.session.questions}
    for name in case.facts.facts if case.facts else ():
        if name not in declared:
            message = (
                f"fact '{name}' is recorded but '{case.session.path}' does not declare it"
                f"{nearest(name, declared)}"
            )
            yield Problem("F023", message, Place(case.facts_path), "warning")


# --- blanks ----------------------------------------------------------------------------


def blanks(case: Case) -> Iterator[Problem]:
    """A handoff that was never completed; of six templates four were not.

    One line for all of them, at the first: `handoff todo` lists each.

    Fails: a key with nothing behind it, or `[TO BE FILLED]`.
    """
    yield from _blank(case, "B001", [each for each in case.open if not each.in_prompt], "")


def prompt_blanks(case: Case) -> Iterator[Problem]:
    """A blank in the prompt is pasted into the next session as if it were an answer.

    Fails:

        prompt:
          status: {ETA: "[ETA]"}
    """
    inside = [each for each in case.open if each.in_prompt]
    yield from _blank(case, "B002", inside, " in the prompt")


def _blank(case: Case, code: str, opens: Sequence[Open], where: str) -> Iterator[Problem]:
    if opens:
        first = min(opens, key=lambda each: each.place)
        count, them = ("1 blank", "it") if len(opens) == 1 else (f"{len(opens)} blanks", "each")
        message = f"{count}{where}, 'handoff todo {case.session.id}' lists {them}"
        yield Problem(code, message, first.place, "warning")


# --- the prompt ------------------------------------------------------------------------


def file_to_read(case: Case) -> Iterator[Problem]:
    """The next session begins by reading these; one in seven was not there.

    A warning, for a file may come with a branch that is not merged yet.

    Fails:

        prompt:
          read:
            - {path: ml/trian.py}
    """
    for reading in case.session.prompt.read if case.session.prompt else ():
        path = _path_read(case, reading)
        if path is None or path == case.document_path:
            continue
        if is_outside(path):
            message = f"file to read '{path}' lies outside the repository"
            yield Problem("P002", message, reading.path.place, "warning")
        elif not _is_there(path, case.tree):
            message = f"file to read '{path}' does not exist{case.tree.nearest(path)}"
            yield Problem("P001", message, reading.path.place, "warning")


# --- words and structure ---------------------------------------------------------------


def words(case: Case) -> Iterator[Problem]:
    """Every rule of `evidence`: what the session asserts and its boxes do not show."""
    for rule in evidence.RULES:
        yield from rule(case.session)


def document_structure(case: Case) -> Iterator[Problem]:
    """Every rule of `structure`: what GitHub would show otherwise than meant."""
    if case.document is not None:
        yield from structure.problems(case.document, case.document_path, case.tree)


Rule = Callable[[Case], Iterator[Problem]]

RULES: tuple[Rule, ...] = (
    question_file,
    question_parameters,
    fact_missing,
    fact_stale,
    fact_failed,
    fact_orphaned,
    blanks,
    prompt_blanks,
    file_to_read,
    words,
    document_structure,
)
"""Of one session; grows by a function and a row of `docs/checks.md`."""


# --- all sessions together -------------------------------------------------------------


def session_named(whole: Whole) -> Iterator[Problem]:
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


def superseded_twice(whole: Whole) -> Iterator[Problem]:
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


def same_document(whole: Whole) -> Iterator[Problem]:
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


def question_unused(whole: Whole) -> Iterator[Problem]:
    """A question that no session asks is either forgotten or ready to be deleted.

    Fails: a `.sql` file that stands under no session's `facts:`.
    """
    asked = {question.sql for session in whole.sessions for question in session.questions}
    for query in whole.queries.values():
        if query.name not in asked:
            yield Problem("Q031", "no session asks this question", Place(query.path), "note")


PROJECT_RULES: tuple[Callable[[Whole], Iterator[Problem]], ...] = (
    session_named,
    superseded_twice,
    same_document,
    question_unused,
)


# --- helpers ---------------------------------------------------------------------------

_DOCUMENT = re.compile(r"\{\{\s*document\s*\}\}")
_SPOT = re.compile(r"(?:#.*|:\d+(?:-\d+)?)$")
_ANY_MOMENT = datetime(1970, 1, 1, tzinfo=UTC)


def _asked(case: Case) -> Iterator[tuple[Question, Query]]:
    for question in case.session.questions:
        if question.sql in case.queries:
            yield question, case.queries[question.sql]


def _moment(case: Case) -> datetime:
    """The moment the session asks for; without one, that of what is recorded."""
    recorded = case.facts.as_of if case.facts else None
    return case.session.as_of or recorded or _ANY_MOMENT


def _path_read(case: Case, reading: Reading) -> str | None:
    """The file that stands to be read, without `#anchor` or `:line`; `None` where undecided."""
    path = _DOCUMENT.sub(case.document_path, reading.path.value.strip())
    if not path or path.startswith("[") or "{{" in path or "://" in path:
        return None
    return posixpath.normpath(_SPOT.sub("", path))


def _is_there(path: str, tree: Tree) -> bool:
    return tree.has(path) or ("*" in path and any(fnmatchcase(p, path) for p in tree.paths()))
