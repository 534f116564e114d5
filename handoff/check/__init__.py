"""Every rule of `handoff check`, by family.

A new rule is a decorated function in its family's module; the row in `docs/checks.md` is
generated from it.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

from handoff.base.data import data_folder
from handoff.base.problems import Place, Problem, UsageError, nearest
from handoff.base.tree import Tree
from handoff.check import (
    claims,
    counts,
    dates,
    document,
    facts,
    numbers,
    paths,
    project,
    prompt,
    raw_html,
    session,
    shares,
    sql,
)
from handoff.check.rule import (
    CheckContext,
    DocumentContext,
    ProjectContext,
    QueryContext,
    Rule,
    SessionOutline,
    rules_of,
    run,
)
from handoff.sql.query import Query
from handoff.sql.tables import Schema

__all__ = ["CheckContext", "DocumentContext", "ProjectContext", "SessionOutline"]

AUTHOR_RULES = rules_of(numbers, dates, paths)
"""Those of what an author wrote, in a session file or in a document of any shape."""
HANDWRITTEN_RULES = (
    session.document_blanks,
    session.prompt_blanks,
    session.status_contradicted,
    counts.list_counts,
    prompt.script_missing,
    *rules_of(document),
    *AUTHOR_RULES,
)
"""Those of documents that no session file describes."""
SESSION_RULES = (
    *rules_of(facts, session, prompt, counts, raw_html, shares),
    *claims.RULES,
    *AUTHOR_RULES,
)
PROMPT_RULES = (session.prompt_blanks, *rules_of(prompt), *claims.PROMPT_RULES)
"""Those of `SESSION_RULES` that `handoff prompt` runs too, for what the prompt shows."""
DOCUMENT_RULES = rules_of(document)
PROJECT_RULES = rules_of(project)
QUERY_RULES = rules_of(sql)
RULES = (*SESSION_RULES, *DOCUMENT_RULES, *PROJECT_RULES, *QUERY_RULES)


def session_problems(context: CheckContext) -> tuple[Problem, ...]:
    """What the rules of one session find in its files, its words and its document."""
    found = tuple(run(SESSION_RULES, context))
    if context.document is None:
        return found
    return found + document_problems(context.document, context.document_path, context.tree)


def document_problems(text: str, path: str, tree: Tree) -> tuple[Problem, ...]:
    """What the rules of Markdown find in a document that is, or will be, at `path`."""
    return tuple(run(DOCUMENT_RULES, DocumentContext.of(text, path, tree)))


def handwritten_problems(context: DocumentContext) -> tuple[Problem, ...]:
    """What the rules of any handoff find in a document that no session file describes.

    Both sides of a merge conflict would be found to contradict each other, so it is alone.
    """
    conflicts = tuple(run((document.merge_conflict,), context))
    return conflicts or tuple(run(HANDWRITTEN_RULES, context))


def prompt_problems(context: CheckContext) -> tuple[Problem, ...]:
    """What the rules of the prompts find, blanks included."""
    return tuple(run(PROMPT_RULES, context))


def project_problems(context: ProjectContext) -> tuple[Problem, ...]:
    """What the rules over all sessions find."""
    return tuple(run(PROJECT_RULES, context))


_NOT_CHECKED = {
    False: "no schema recorded, so tables, columns and types of the queries were not checked; "
    "run 'handoff query pull-schema'",
    True: "names of tables and columns were checked, types of the queries were not; "
    "run 'handoff query estimate'",
}
"""What was not checked, so that no problems are not taken for valid."""


def query_problems(
    queries: Iterable[Query],
    schema: Schema | None,
    *,
    engine: str | None = None,
    schema_path: str = "sql/schema.json",
) -> tuple[Problem, ...]:
    """What is wrong with queries as far as that shows without a warehouse."""
    if schema is not None and not any(schema.tables.values()):
        schema = None  # else it would have no table of any query
    contexts = [QueryContext(query, schema, engine) for query in queries]
    found = [problem for each in contexts for problem in run(QUERY_RULES, each)]
    if contexts:
        note = Problem("Q047", _NOT_CHECKED[schema is not None], Place(schema_path), "note")
        found.append(note)
    return tuple(found)


def update_table(page: str) -> str:
    """`docs/checks.md` with the row of every rule as the rule has it."""
    rows = {each.code: _row(each) for each in RULES}
    return re.sub(
        r"^\| ([A-Z]\d{3}) \|.*$", lambda found: rows.get(found[1], found[0]), page, flags=re.M
    )


class CodeDoc(Struct, frozen=True):
    """What a code means."""

    code: str
    levels: tuple[str, ...]
    """The usual one first."""
    doc: str
    """What is wrong."""
    details: str = ""
    """Why that matters, and an example that fails; empty where nothing more is written."""


def code_docs() -> Mapping[str, CodeDoc]:
    """Every code of `docs/checks.md`, in its order."""
    page = (data_folder("docs") / "checks.md").read_text("utf-8")
    details = {each.code: inspect.getdoc(each.find) or "" for each in RULES}
    rows = re.findall(r"^\| ([A-Z]\d{3}) \| ([a-z, ]+) \| (.*) \|$", page, flags=re.M)
    return {
        code: CodeDoc(code, tuple(levels.split(", ")), doc, details.get(code, ""))
        for code, levels, doc in rows
    }


def explain(code: str) -> CodeDoc:
    """What `code` means, in upper or lower case. Raises UsageError."""
    docs = code_docs()
    found = docs.get(code.strip().upper())
    if found is None:
        hint = nearest(code, docs) or ", expected for example Y020"
        raise UsageError(f"unknown code '{code}'{hint}; docs/checks.md lists them")
    return found


def _row(each: Rule[Any]) -> str:
    return f"| {each.code} | {', '.join(each.levels)} | {each.doc} |"
