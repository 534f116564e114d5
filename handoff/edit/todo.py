"""The blanks of a session, each with the command that fills it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from shlex import quote

from msgspec import Struct
from msgspec.structs import replace

from handoff.base.characters import revealed
from handoff.base.problems import KeyPath, Place
from handoff.base.report import json_text, place_fields
from handoff.edit.operations import is_blank_label, to_value
from handoff.project.project import Project
from handoff.session.keys import key_at, outer_key
from handoff.session.shapes import Key
from handoff.session.walk import OpenBlank
from handoff.workspace.document import render
from handoff.workspace.gather import load_facts
from handoff.workspace.load import load_session
from handoff.workspace.paths import session_path
from handoff.yaml.edits import NewValue
from handoff.yaml.nodes import List, Map, Node, ParsedYAML, Scalar, parse_yaml
from handoff.yaml.paths import PathIndex, text_of, walk

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
    parsed: ParsedYAML | None = None
    """The session file."""


def list_todo(project: Project, session_id: str) -> TodoList:
    """The blanks that remain with the recorded facts. Raises InvalidInput."""
    path = session_path(session_id)
    loaded = load_session(project, session_id)
    document = render(project, loaded, load_facts(project, session_id))
    parsed = parse_yaml(project.read(path) or b"", path)
    root = parsed.root
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
    return TodoList(session_id, document.path, tuple(items), parsed)


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


def as_brief(todo: TodoList) -> str:
    """One line for each key of the session: how many blanks it has, and their lines."""
    found: dict[str, list[int]] = {}
    for task in todo.tasks:
        keys = task.open.place.keys
        found.setdefault(str(keys[0]) if keys else "", []).append(task.open.place.line)
    width = max((len(revealed(key)) for key in found), default=0)
    return "".join(
        f"{revealed(key):{width}}  {len(lines):3} {'blank ' if len(lines) == 1 else 'blanks'}  "
        f"{'line' if min(lines) == max(lines) else 'lines'} {_span(lines)}\n"
        for key, lines in found.items()
    )


def _span(lines: list[int]) -> str:
    return "–".join(dict.fromkeys((str(min(lines)), str(max(lines)))))


def as_json(lists: tuple[TodoList, ...], *, places: bool = False, many: bool = False) -> str:
    """The blanks of a session as one object; of `many` under `sessions`.

    `places` lists each blank with its line and command, else they are changes to fill in.
    """
    fields = [_places_of(each) if places else _changes_of(each) for each in lists]
    return f"{json_text({'sessions': fields} if many else fields[0])}\n"


def _places_of(todo: TodoList) -> dict[str, object]:
    listed = [_fields(task) for task in todo.tasks]
    return {"session": todo.session, "document": todo.document, "open": listed}


# --- the changes that fill the blanks ------------------------------------------------------


def _changes_of(todo: TodoList) -> dict[str, object]:
    """The document that `apply` takes, blanks of one type together, each once."""
    root = todo.parsed.root if todo.parsed else None
    nodes = dict(walk(root)) if root else {}
    groups: dict[str, dict[str, object]] = {}
    changes: dict[str, dict[str, object]] = {}
    for task in todo.tasks:
        keys = task.open.place.keys
        if task.waits_for:
            continue
        kind = _type_of(task, nodes.get(keys), todo.parsed)
        name = json_text(kind)
        groups.setdefault(name, kind)
        changes.setdefault(name, {})[task.path] = _current(keys, nodes.get(keys))
    waits: dict[str, dict[str, object]] = {}
    for task in todo.tasks:
        for fact, sql in task.waits_for.items():
            each = {"fact": fact, "sql": sql, "command": task.command}
            waits.setdefault(fact, {key: value for key, value in each.items() if value})
    return {
        "session": todo.session,
        "file": session_path(todo.session),
        "document": todo.document,
        "blanks": len(todo.tasks),
        "apply": [{**groups[name], "set": changes[name]} for name in groups],
        **({"waits_for": [*waits.values()]} if waits else {}),
    }


def _type_of(task: TodoItem, node: Node | None, parsed: ParsedYAML | None) -> dict[str, object]:
    """What the place of a blank takes."""
    found = outer_key(task.open.place.keys)
    key = found[1] if found else None
    kind: dict[str, object] = {}
    if task.open.choices:
        kind |= {"takes": "one of the choices", "choices": [*task.open.choices]}
    elif task.words not in (PLACEHOLDER, ""):
        kind |= {"takes": "text; replace what is in brackets"}
    elif key is not None:
        is_item = isinstance(task.open.place.keys[-1], int)
        takes = key.takes.removeprefix("a list of ") if is_item else key.takes
        kind |= {"takes": takes, **({"example": key.sample} if key.has_sample else {})}
    is_whole = found is not None and found[0] == task.open.place.keys
    hint = _comment(node, parsed) or task.open.hint or (key.hint if key and is_whole else "")
    if hint and hint not in (node.source if isinstance(node, List) else text_of(node) or ""):
        kind |= {"hint": hint}
    return kind | ({"in_prompt": True} if task.open.in_prompt else {})


def _comment(node: Node | None, parsed: ParsedYAML | None) -> str:
    """The author's comment on the line of a blank."""
    if parsed is None or not isinstance(node, Scalar | List) or "\n" in (text_of(node) or ""):
        return ""
    line = parsed.text[node.end :].partition("\n")[0]
    words = line.strip().removeprefix("#")
    return words.strip() if line.strip().startswith("#") else ""


def _current(keys: KeyPath, node: Node | None) -> NewValue:
    """The value as the file has it, which `apply` leaves as it is."""
    if is_blank_label(keys):
        return str(keys[-1])
    if isinstance(node, Map):  # without the key that is blank
        has_items = any(pair.key == "items" for pair in node.pairs)
        return {"value" if has_items else "text": None}
    if isinstance(node, List) and node.source:
        return node.source
    return None if node is None else to_value(node)


# --- lines ---------------------------------------------------------------------------------

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
