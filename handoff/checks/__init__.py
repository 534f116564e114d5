"""Every rule of `handoff check`: what each one is for stands in its docstring.

A rule takes values that are loaded and yields Problems; reading files, and the problems
found on the way (YAML, question headers, facts files), are the caller's part.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from handoff.checks import blanks, evidence, prompt, questions, structure, together
from handoff.checks.case import Case, Whole
from handoff.problems import Problem

__all__ = ["PROJECT_RULES", "RULES", "Case", "Whole", "problems", "project_problems"]


def problems(case: Case) -> tuple[Problem, ...]:
    """What the rules of one session find, over its files, its words and its document."""
    found = [problem for rule in RULES for problem in rule(case)]
    found += [problem for rule in evidence.RULES for problem in rule(case.session)]
    if case.document is not None:
        found += structure.problems(case.document, case.document_path, case.tree)
    return tuple(found)


def project_problems(whole: Whole) -> tuple[Problem, ...]:
    """What the rules over all sessions find."""
    return tuple(problem for rule in PROJECT_RULES for problem in rule(whole))


RULES: tuple[Callable[[Case], Iterator[Problem]], ...] = (
    questions.question_file,
    questions.question_parameters,
    questions.fact_missing,
    questions.fact_stale,
    questions.fact_failed,
    questions.fact_orphaned,
    blanks.blanks,
    blanks.prompt_blanks,
    prompt.file_to_read,
)
"""Over one session. A new rule is a function, a line here and a row of `docs/checks.md`."""

PROJECT_RULES: tuple[Callable[[Whole], Iterator[Problem]], ...] = (
    together.session_named,
    together.superseded_twice,
    together.same_document,
    together.question_unused,
)
