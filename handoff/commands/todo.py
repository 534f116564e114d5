"""`todo`: list what is still blank in a session."""

from __future__ import annotations

from typing import Annotated

import typer

from handoff.base.problems import InvalidInput, Problem, UsageError
from handoff.base.report import json_text
from handoff.commands import console, options
from handoff.commands.hook import print_hook
from handoff.workspace.load import find_session, open_project


def todo(
    session: Annotated[
        str | None,
        typer.Argument(
            metavar="[SESSION]",
            help="A session ID, the path of its YAML file, or 'latest' (default: latest).",
            autocompletion=options.completer("session_ids"),
        ),
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print a document for 'handoff apply' to fill in.")
    ] = False,
    places: Annotated[
        bool,
        typer.Option("--places", help="With --json, list each blank, its line and command."),
    ] = False,
    brief: Annotated[
        bool, typer.Option("--brief", help="Print one line for each key of the session.")
    ] = False,
    all_sessions: Annotated[
        bool, typer.Option("--all", help="List the blanks of all sessions.")
    ] = False,
    hook: Annotated[
        bool,
        typer.Option("--hook", help="Print a reminder for an agent's hook, as JSON."),
    ] = False,
    root: options.Root = None,
) -> int:
    """'--json' groups the blanks by what they take; its output can be sent to 'apply'.

    '--hook' prints nothing if there are no blanks, and exits with 0.
    """
    if hook:
        return print_hook(lambda: _hook_text(root, session or "latest"))
    from handoff.edit import todo as todo_lists  # slow: brings jinja2

    if session and all_sessions:
        raise UsageError("'--all' cannot be combined with a session")
    if places and not json:
        raise UsageError("'--places' needs '--json'")
    if brief and json:
        raise UsageError("'--brief' cannot be combined with '--json'")
    project = open_project(root)
    names = project.session_ids() if all_sessions else [session or "latest"]
    found: list[todo_lists.TodoList] = []
    problems: list[Problem] = []
    for name in names:
        try:
            found.append(todo_lists.list_todo(project, find_session(project, name)))
        except InvalidInput as error:
            problems += error.report.problems
    if json and (found or all_sessions):
        console.out(todo_lists.as_json(tuple(found), places=places, many=all_sessions))
    elif found:
        as_text = todo_lists.as_brief if brief else todo_lists.as_text
        console.out("".join(as_text(each) for each in found))
    if found and not json:
        blanks = [task.open for each in found for task in each.tasks]
        can_fill = not all_sessions and any(not each.waits_for for each in blanks)
        name = found[0].session
        next_step = f"; next: handoff fill {name}, or handoff set {name} PATH VALUE"
        console.note(todo_lists.summary(blanks) + (next_step if can_fill else ""))
    console.problems(problems)
    return 1 if problems else 0


def _hook_text(root: str | None, session: str) -> str:
    """A message for the user of an agent; empty if nothing is blank."""
    from handoff.edit import todo as todo_lists  # slow: brings jinja2

    project = open_project(root)
    if not project.session_ids():
        return ""
    found = todo_lists.list_todo(project, find_session(project, session))
    blanks = [task.open for task in found.tasks]
    if not blanks:
        return ""
    summary = f"handoff {found.session}: {todo_lists.summary(blanks)}"
    message = f"{summary}; before you hand over, run 'handoff todo {found.session}'"
    return json_text({"systemMessage": message}) + "\n"
