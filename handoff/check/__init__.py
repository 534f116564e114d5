"""Every rule of `handoff check`: what each one is for stands in its docstring.

A rule takes values that are loaded and yields Problems; reading files, and the problems
found on the way (YAML, question headers, facts files), are the caller's part.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, tzinfo

from handoff.base.problems import Place, Problem
from handoff.check import (
    blanks,
    clock,
    evidence,
    expectations,
    ownership,
    project,
    prompt_files,
    prompt_text,
    sql_lint,
    sql_schema,
    structure,
)
from handoff.check import queries as questions
from handoff.check.context import CheckContext, ProjectContext
from handoff.session.model import Session
from handoff.sql import tables
from handoff.sql.query import Query
from handoff.sql.tables import Schema

__all__ = [
    "PROJECT_RULES",
    "PROMPT_RULES",
    "RULES",
    "CheckContext",
    "ProjectContext",
    "live_problems",
    "problems",
    "project_problems",
    "prompt_problems",
    "question_problems",
]


def problems(case: CheckContext) -> tuple[Problem, ...]:
    """What the rules of one session find, over its files, its words and its document."""
    found = [problem for rule in RULES for problem in rule(case)]
    found += [problem for rule in evidence.RULES for problem in rule(case.session)]
    if case.document is not None:
        found += structure.problems(case.document, case.document_path, case.tree)
    return tuple(found)


def prompt_problems(case: CheckContext) -> tuple[Problem, ...]:
    """What the rules of the prompts find, blanks inside them among it."""
    return tuple(problem for rule in PROMPT_RULES for problem in rule(case))


def live_problems(session: Session, now: datetime, zone: tzinfo) -> tuple[Problem, ...]:
    """What the rules find that need a clock."""
    return tuple(problem for rule in clock.RULES for problem in rule(session, now, zone))


def project_problems(whole: ProjectContext) -> tuple[Problem, ...]:
    """What the rules over all sessions find."""
    return tuple(problem for rule in PROJECT_RULES for problem in rule(whole))


_NOT_CHECKED = {
    False: "tables, columns and types of the questions are not checked, no schema is recorded: "
    "'handoff query pull-schema' records it",
    True: "types of the questions are not checked, only the names of tables and columns: "
    "'handoff query estimate' asks BigQuery's analyzer",
}
"""What nobody looked at, so that silence is not taken for 'valid'."""
AT_SCHEMA = Place(tables.PATH)


def question_problems(queries: Iterable[Query], schema: Schema | None) -> tuple[Problem, ...]:
    """What is wrong with questions as far as that shows without asking a warehouse."""
    asked = tuple(queries)
    found = [problem for query in asked for rule in sql_lint.RULES for problem in rule(query)]
    if schema is not None:
        found += [problem for query in asked for problem in sql_schema.reads(query, schema)]
    if asked:
        found.append(Problem("Q047", _NOT_CHECKED[schema is not None], AT_SCHEMA, "note"))
    return tuple(found)


PROMPT_RULES: tuple[Callable[[CheckContext], Iterator[Problem]], ...] = (
    blanks.prompt_blanks,
    prompt_files.file_to_read,
    prompt_files.uncommitted_file_to_read,
    prompt_files.lines_to_read,
    prompt_files.long_file_to_read,
    *prompt_text.RULES,
)
"""Of `RULES` those that `handoff prompt` tells too."""

RULES: tuple[Callable[[CheckContext], Iterator[Problem]], ...] = (
    questions.question_file,
    questions.question_parameters,
    questions.fact_missing,
    questions.fact_stale,
    questions.fact_failed,
    questions.fact_orphaned,
    blanks.blanks,
    *expectations.RULES,
    *ownership.RULES,
    *PROMPT_RULES,
)
"""Over one session. A new rule is a function, a line here and a row of `docs/checks.md`."""

PROJECT_RULES: tuple[Callable[[ProjectContext], Iterator[Problem]], ...] = (
    project.session_named,
    project.compared_with,
    project.superseded_twice,
    project.same_document,
    project.question_unused,
)
