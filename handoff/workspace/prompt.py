"""Prompt: one of a session, with what is recorded, and what is wrong with it."""

from __future__ import annotations

from msgspec.structs import replace

from handoff.base.problems import UsageError, nearest
from handoff.project.project import Project
from handoff.publish import gate
from handoff.render.document import Document
from handoff.session.model import DEFAULT_PROMPT, Session
from handoff.session.reading_list import prompts, to_read
from handoff.workspace.check import case_of
from handoff.workspace.document import render
from handoff.workspace.gather import recorded
from handoff.workspace.history import lines
from handoff.workspace.load import load, session_path
from handoff.workspace.prompt_report import FileSize, PromptResult


def get_prompt(project: Project, session_id: str, name: str = DEFAULT_PROMPT) -> PromptResult:
    """A prompt of the session with what is recorded, and what is wrong with it.

    Raises InvalidInput, also where it holds a secret, and UsageError where there is no such
    prompt.
    """
    from handoff import check  # brings markdown_it

    loaded = load(project, session_id)
    facts = recorded(project, session_id)
    document = render(project, loaded, facts)
    text = named(document, name)
    hold_prompt(project, text, document)
    # as if it were the session's only one, for its own findings
    session = _with_one(loaded.session, name)
    case = case_of(project, session, loaded.queries, facts, document)
    blanks = tuple(each for each in document.open if name in each.prompts)
    case = replace(case, prompts={name: text}, open=blanks)
    count = lines(project)
    return PromptResult(
        session=session_id,
        name=name,
        document=document.path,
        text=text,
        blanks=blanks,
        read=tuple(
            FileSize(each.words, count(each.path)) for each in to_read(session, document.path)
        ),
        budget_tokens=project.settings.budget_tokens,
        findings=check.prompt_problems(case),
    )


def named(document: Document, name: str) -> str:
    """The prompt of that name. Raises UsageError where there is none."""
    path, names = session_path(document.session), tuple(document.prompts)
    if name in names:
        return document.prompts[name]
    if not names:
        raise UsageError(f"{path}: error: the session has no 'prompt:'")
    known = nearest(name, names) or f", expected {' or '.join(names)}"
    raise UsageError(f"{path}: error: the session has no prompt '{name}'{known}")


def _with_one(session: Session, name: str) -> Session:
    return replace(session, prompt=prompts(session)[name], prompts=())


def hold_prompt(project: Project, text: str, document: Document) -> None:
    """Raises InvalidInput where the text holds a secret."""
    source = session_path(document.session)
    gate.hold(gate.document_problems(project, text, document.path, source))
