"""What is left to do in a session: each blank with the command that fills it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from shlex import quote

from msgspec import Struct
from msgspec.structs import replace

from handoff import api
from handoff.base.problems import KeyPath
from handoff.base.report import json_text, place_fields, printable
from handoff.project.project import Project
from handoff.session.keys import key_at
from handoff.session.shapes import Key
from handoff.session.walk import OpenBlank
from handoff.yaml.paths import at, places, unmistakable
from handoff.yaml.spans import Tree, tree

PLACEHOLDER = "…"
"""Stands in a command where the words go."""


class TodoItem(Struct, frozen=True):
    """A blank and how it is filled."""

    open: OpenBlank
    path: str
    """As `handoff set` takes it."""
    words: str
    """The whole value, with `…` where the blank is."""
    waits_for: Mapping[str, str | None]
    """The facts without an answer and their questions; `None` for what is built in."""
    command: str
    """A line for the shell."""


class TodoList(Struct, frozen=True):
    """All that is open in one session, in the order of its file."""

    session: str
    document: str
    """The path of the document."""
    tasks: tuple[TodoItem, ...]


def work(project: Project, session_id: str) -> TodoList:
    """What is open with the facts that are recorded. Raises InvalidInput."""
    loaded = api.load(project, session_id)
    document = api.render(project, loaded, api.recorded(project, session_id))
    read = tree((project.read(api.session_path(session_id)) or b"").decode())
    # a fact that is looked up beside the warehouse has no question under sql/
    asked = {each.name: getattr(each, "sql", None) for each in loaded.session.questions}
    written: dict[KeyPath, list[str]] = {}
    for each in document.open:
        written.setdefault(each.place.keys, []).append(each.text)
    tasks = (
        _task(each, session_id, read, asked, written[each.place.keys]) for each in document.open
    )
    return TodoList(session_id, document.path, tuple(tasks))


def _with_choices(each: OpenBlank, key: Key | None) -> OpenBlank:
    """The blank with what its key takes."""
    if key is None:
        return each
    choices, hint = each.choices or key.shape.choices, each.hint or key.shape.hint
    return replace(each, choices=choices, hint=hint)


def _task(
    each: OpenBlank,
    session_id: str,
    read: Tree,
    asked: Mapping[str, str | None],
    written: Sequence[str],
) -> TodoItem:
    path = unmistakable(read, each.place.keys)
    key = key_at(each.place.keys)
    each = _with_choices(each, key)
    if each.waits_for:
        waits_for = {name: asked.get(name) for name in each.waits_for}
        return TodoItem(each, path, "", waits_for, _asking(session_id, read, waits_for))
    words = _words(read, each.place.keys, written)
    dashes = "-- " if words.startswith("-") else ""
    verb = "add" if key and key.is_added_to else "set"
    command = f"handoff {verb} {session_id} {quote(path)} {dashes}{quote(words)}"
    return TodoItem(each, path, words, {}, command)


_TIMES = ("started", "ended")
"""What `duration` is made of, and no question answers."""


def _asking(session_id: str, read: Tree, waits_for: Mapping[str, str | None]) -> str:
    """What gives the values that a blank waits for."""
    if "duration" in waits_for:
        missing = next((key for key in _TIMES if _text(read, (key,)) is None), None)
        if missing:
            return f"handoff set {session_id} {missing} {quote(PLACEHOLDER)}"
    return f"handoff render {session_id}"


def _words(read: Tree, keys: KeyPath, written: Sequence[str]) -> str:
    """The value at `keys` with `…` for each blank written in it."""
    words = _text(read, keys)
    if words is None:
        return PLACEHOLDER
    for each in written:
        words = words.replace(each, PLACEHOLDER)
    return words


def _text(read: Tree, keys: KeyPath) -> str | None:
    """The text at `keys`; `None` for nothing, and for a flow list that spells a blank."""
    if keys not in set(places(read)):
        return None
    kind, inside = at(read, keys)
    return None if kind in ("map", "seq") or kind.endswith(":null") else str(inside)


# --- shown --------------------------------------------------------------------------------


def as_text(all_work: TodoList) -> str:
    """One line a blank: where it stands, the path to set, what it says, what it waits for.

    Blanks at one place that say the same, as those of `phases:` do, are one line.
    """
    lines = dict.fromkeys(printable(_line(task)) for task in all_work.tasks)
    return "".join(f"{line}\n" for line in lines)


def as_json(all_work: TodoList) -> str:
    """One object with every blank."""
    return f"{json_text(_fields_of(all_work))}\n"


def all_as_json(several: tuple[TodoList, ...]) -> str:
    """One object with the work of every session."""
    return f"{json_text({'sessions': [_fields_of(each) for each in several]})}\n"


def _fields_of(all_work: TodoList) -> dict[str, object]:
    listed = [_fields(task) for task in all_work.tasks]
    return {"session": all_work.session, "document": all_work.document, "open": listed}


_SPELLED = {"duration": "'started:' and 'ended:'"}
"""What a blank waits for, where the author has to say it."""


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
    """`62 blanks, 4 of them in the prompt, 9 wait for results`, or `nothing is blank`."""
    if not opens:
        return "nothing is blank"
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
