"""The verbs of the one who picks a handoff up, as Python calls."""

from __future__ import annotations

from handoff import api
from handoff.problems import UsageError, nearest
from handoff.project import Project
from handoff.prompting import FileSize, Given
from handoff.remembered import lines
from handoff.to_read import DEFAULT, to_read


def given(project: Project, session_id: str, name: str = DEFAULT) -> Given:
    """A prompt of the session with what is recorded, and what is wrong with it.

    Raises InvalidInput, and UsageError where there is no such prompt.
    """
    from handoff import checks  # brings markdown_it

    loaded = api.load(project, session_id)
    facts = api.recorded(project, session_id)
    document = api.render(project, loaded, facts)
    case = api.case_of(project, loaded.session, loaded.queries, facts, document)
    if name not in case.prompts:
        raise UsageError(_unknown(session_id, name, tuple(case.prompts)))
    count = lines(project)
    return Given(
        session=session_id,
        name=name,
        document=document.path,
        text=case.prompts[name],
        blanks=tuple(each for each in document.open if each.in_prompt),
        read=tuple(
            FileSize(each.words, count(each.path))
            for each in to_read(loaded.session, document.path)
        ),
        budget_tokens=project.settings.budget_tokens,
        findings=checks.prompt_problems(case),
    )


def _unknown(session_id: str, name: str, names: tuple[str, ...]) -> str:
    path = api.session_path(session_id)
    if not names:
        return f"{path}: error: the session has no 'prompt:'"
    known = nearest(name, names) or f", expected {' or '.join(names)}"
    return f"{path}: error: the session has no prompt '{name}'{known}"
