"""Prompt: one of a session, with what is recorded, and what is wrong with it."""

from __future__ import annotations

from dataclasses import replace

from handoff.api.checking import case_of
from handoff.api.gathering import recorded
from handoff.api.loading import load, session_path
from handoff.api.rendering import render
from handoff.document import Document
from handoff.pickup.prompting import FileSize, Given
from handoff.pickup.remembered import lines
from handoff.pickup.to_read import prompts, to_read
from handoff.problems import UsageError, nearest
from handoff.project import Project
from handoff.publishing import gate
from handoff.session import DEFAULT_PROMPT, Session
from handoff.todo import Open


def given(project: Project, session_id: str, name: str = DEFAULT_PROMPT) -> Given:
    """A prompt of the session with what is recorded, and what is wrong with it.

    Raises InvalidInput, also where it holds a secret, and UsageError where there is no such
    prompt.
    """
    from handoff import checks  # brings markdown_it

    loaded = load(project, session_id)
    facts = recorded(project, session_id)
    document = render(project, loaded, facts)
    text = named(document, name)
    hold_prompt(project, text, document)
    # as if it were the session's only one, for its own findings
    session = _with_one(loaded.session, name)
    case = case_of(project, session, loaded.queries, facts, document)
    case = replace(case, prompts={name: text}, open=_outside_others(document, name))
    count = lines(project)
    return Given(
        session=session_id,
        name=name,
        document=document.path,
        text=text,
        blanks=tuple(each for each in case.open if checks.blanks.in_prompt(case, each)),
        read=tuple(
            FileSize(each.words, count(each.path)) for each in to_read(session, document.path)
        ),
        budget_tokens=project.settings.budget_tokens,
        findings=checks.prompt_problems(case),
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


def _outside_others(document: Document, name: str) -> tuple[Open, ...]:
    """The document's blanks but those of other prompts."""
    own = ("prompt",) if name == DEFAULT_PROMPT else ("prompts", name)
    return tuple(
        each
        for each in document.open
        if not each.in_prompt or each.place.keys[: len(own)] == own
    )


def hold_prompt(project: Project, text: str, document: Document) -> None:
    """Raises InvalidInput where the text holds a secret."""
    source = session_path(document.session)
    gate.hold(gate.document_problems(project, text, document.path, source))
