"""The blanks of a session, each with the command that fills it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from shlex import quote

from msgspec import Struct
from msgspec.structs import replace

from handoff.base.characters import revealed
from handoff.base.problems import KeyPath, Place
from handoff.base.report import json_text, place_fields
from handoff.edit.operations import is_blank_label
from handoff.project.project import Project
from handoff.session.keys import key_at
from handoff.session.shapes import Key
from handoff.session.walk import OpenBlank
from handoff.workspace.document import render
from handoff.workspace.gather import load_facts
from handoff.workspace.load import load_session
from handoff.workspace.paths import session_path
from handoff.yaml.nodes import Map, Node, parse_yaml
from handoff.yaml.paths import PathIndex, text_of

PLACEHOLDER = "…"
"""Marks in a command where the words go."""


class TodoItem(Struct, frozen=True):
    """A blank and how it is filled."""

    open: OpenBlank
    path: str
    """As `handoff set` takes it."""
    words: str
    """The whole value, with `…` where the blank is."""
    waits_for: Mapping[str, str | None]
    """The facts without a result and their queries; `None` for what is built in."""
    command: str
    """A line for the shell."""


class TodoList(Struct, frozen=True):
    """Every blank of one session, in the order of its file."""

    session: str
    document: str
    """The path of the document."""
    tasks: tuple[TodoItem, ...]


def list_todo(project: Project, session_id: str) -> TodoList:
    """The blanks that remain with the recorded facts. Raises InvalidInput."""
    path = session_path(session_id)
    loaded = load_session(project, session_id)
    document = render(project, loaded, load_facts(project, session_id))
    root = parse_yaml(project.read(path) or b"", path).root
    index = PathIndex(root or Map((), Place(path)))
    # a fact that does not come from the warehouse has no query under sql/
    queries = {each.name: getattr(each, "sql", None) for each in loaded.session.facts}
    blanks: dict[KeyPath, list[str]] = {}
    for each in document.blanks:
        blanks.setdefault(each.place.keys, []).append(each.text)
    items = []
    for each in document.blanks:
        keys, key = each.place.keys, key_at(each.place.keys)
        name = index.exact_path(keys)
        waits_for = {name: queries.get(name) for name in each.waits_for}
        if waits_for:
            command, words = _command_for_facts(session_id, index.nodes, waits_for), ""
        else:
            node = index.nodes.get(keys)
            text = str(keys[-1]) if is_blank_label(keys) else text_of(node)
            words = _words(text, blanks[keys])
            verb = "add" if key and key.is_added_to else "set"
            dashes = "-- " if words.startswith("-") else ""
            command = f"handoff {verb} {session_id} {quote(name)} {dashes}{quote(words)}"
        items.append(TodoItem(_with_choices(each, key), name, words, waits_for, command))
    return TodoList(session_id, document.path, tuple(items))


def _with_choices(each: OpenBlank, key: Key | None) -> OpenBlank:
    """The blank with what its key takes."""
    if key is None:
        return each
    choices, hint = each.choices or key.shape.choices, each.hint or key.shape.hint
    return replace(each, choices=choices, hint=hint)


_TIMES = ("started", "ended")
"""What `duration` is computed from; no query returns them."""


def _command_for_facts(
    session_id: str, nodes: Mapping[KeyPath, Node], waits_for: Mapping[str, str | None]
) -> str:
    if "duration" in waits_for:
        missing = next((key for key in _TIMES if text_of(nodes.get((key,))) is None), None)
        if missing:
            return f"handoff set {session_id} {missing} {quote(PLACEHOLDER)}"
    return f"handoff render {session_id}"


def _words(words: str | None, blanks: Sequence[str]) -> str:
    """The text of a place with `…` for each of its blanks."""
    if words is None:
        return PLACEHOLDER
    for each in blanks:
        words = words.replace(each, PLACEHOLDER)
    return words


# --- output --------------------------------------------------------------------------------


def as_text(todo: TodoList) -> str:
    """One line for each blank: its place, the path to set, its text, what it waits for.

    Blanks at one place with the same text, as those of `phases:`, share a line.
    """
    lines = dict.fromkeys(revealed(_line(task)) for task in todo.tasks)
    return "".join(f"{line}\n" for line in lines)


def as_json(todo: TodoList) -> str:
    """One object with every blank."""
    return f"{json_text(_fields_of(todo))}\n"


def all_as_json(lists: tuple[TodoList, ...]) -> str:
    """One object with the blanks of every session."""
    return f"{json_text({'sessions': [_fields_of(each) for each in lists]})}\n"


def _fields_of(todo: TodoList) -> dict[str, object]:
    listed = [_fields(task) for task in todo.tasks]
    return {"session": todo.session, "document": todo.document, "open": listed}


_SPELLED = {"duration": "'started:' and 'ended:'"}
"""What a blank waits for, where the author has to provide it."""


def _line(task: TodoItem) -> str:
    waits = ", ".join(
        f"{name} ({sql})" if sql else _SPELLED.get(name, name)
        for name, sql in task.waits_for.items()
    )
    ending = f", waits for {waits}" if waits else ""
    return f"{task.open.place}: {task.path}: {task.open.text}{ending}"


def _fields(task: TodoItem) -> dict[str, object]:
    each = task.open
    return {
        "place": str(each.place),
        "set": task.path,
        "text": each.text,
        "kind": "live" if task.waits_for else each.kind,
        "hint": each.hint or None,
        "choices": list(each.choices),
        "in_prompt": each.in_prompt,
        "waits_for": [{"fact": name, "sql": sql} for name, sql in task.waits_for.items()],
        "command": task.command,
        **place_fields(each.place),
    }


def summary(opens: Sequence[OpenBlank]) -> str:
    """`62 blanks, 4 of them in the prompt, 9 wait for results`, or `no blanks`."""
    if not opens:
        return "no blanks"
    in_prompt = sum(each.in_prompt for each in opens)
    waiting = sum(bool(each.waits_for) for each in opens)
    return ", ".join(
        [
            "1 blank" if len(opens) == 1 else f"{len(opens)} blanks",
            *([f"{in_prompt} of them in the prompt"] if in_prompt else []),
            *(
                [f"{waiting} {'waits' if waiting == 1 else 'wait'} for results"]
                if waiting
                else []
            ),
        ]
    )
