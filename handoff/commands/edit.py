"""`set`, `add`, `tick`, `untick`, `remove`, `apply`: edit a session file.

Only the requested places change.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from handoff.base.problems import UsageError
from handoff.commands import console, options
from handoff.session.keys import NAMES
from handoff.workspace.load import find_session, open_project

if TYPE_CHECKING:
    from handoff.edit.operations import EditResult, EditStep
    from handoff.edit.save import SaveResult
    from handoff.yaml.edits import NewValue
    from handoff.yaml.nodes import ParsedYAML

_VALUE_HELP = "'-' reads standard input; use '--' before values that start with a dash."
New = Annotated[
    bool, typer.Option("--new", help="Create the key even if a similar one exists.")
]
ItemArgument = Annotated[
    str,
    typer.Argument(
        metavar="ITEM",
        help="Label of the item; case-insensitive, prefixes and globs allowed.",
        autocompletion=options.completer("item_labels"),
    ),
]
AsText = Annotated[
    bool, typer.Option("--text", help="Treat VALUE as text, not as a boolean or a mapping.")
]
AsYAML = Annotated[
    bool,
    typer.Option("--yaml", help="Read VALUE as YAML or JSON: a list, a mapping, a number."),
]
Note = Annotated[
    str | None, typer.Option("--note", metavar="TEXT", help="Write a note next to the item.")
]


def set_(
    session: options.SessionName,
    path: Annotated[
        str,
        typer.Argument(
            metavar="PATH",
            help="Dotted path to a field, such as 'accomplished.Date SQL.Created'; "
            "case-insensitive, prefixes and globs allowed.",
            autocompletion=options.completer("field_paths"),
        ),
    ],
    value: Annotated[
        str | None, typer.Argument(metavar="[VALUE]", help=f"Text to write; {_VALUE_HELP}")
    ] = None,
    blank: Annotated[bool, typer.Option("--blank", help="Make the field blank again.")] = False,
    text: AsText = False,
    yaml: AsYAML = False,
    new: New = False,
    root: options.Root = None,
) -> int:
    from handoff.edit import operations  # slow: brings yaml

    if blank != (value is None):
        message = (
            "a value cannot be combined with '--blank'"
            if blank
            else "missing value; '-' reads it from standard input"
        )
        raise UsageError(f"{message}")
    written = None if value is None else _read_typed(value, as_text=text, as_yaml=yaml)
    if isinstance(written, str) and not text and not yaml:
        written = operations.FLAGS.get(written, written)
    return _save(
        session,
        root,
        lambda old: operations.set_at(
            old, path, written, order=NAMES, new=new, as_text=text or yaml
        ),
    )


def add(
    session: options.SessionName,
    path: Annotated[
        str,
        typer.Argument(
            metavar="PATH",
            help="Path to a list, or 'checklist'.",
            autocompletion=options.completer("field_paths"),
        ),
    ],
    values: Annotated[
        list[str], typer.Argument(metavar="VALUE...", help=f"Items to add; {_VALUE_HELP}")
    ],
    text: AsText = False,
    yaml: AsYAML = False,
    new: New = False,
    root: options.Root = None,
) -> int:
    from handoff.edit import operations  # slow: brings yaml

    items = [_read_typed(value, as_text=text, as_yaml=yaml) for value in values]

    def add_all(old: ParsedYAML) -> EditResult:
        for item in items:
            result = operations.add_to(
                old, path, item, order=NAMES, new=new, as_text=text or yaml
            )
            old = result.parsed
        return result

    return _save(session, root, add_all)


def tick(
    session: options.SessionName,
    item: ItemArgument,
    note: Note = None,
    root: options.Root = None,
) -> int:
    return _tick(session, item, root, done=True, note=note)


def untick(
    session: options.SessionName,
    item: ItemArgument,
    note: Note = None,
    root: options.Root = None,
) -> int:
    return _tick(session, item, root, done=False, note=note)


def remove(
    session: options.SessionName,
    path: Annotated[
        str,
        typer.Argument(
            metavar="PATH",
            help="Path to a key, an item of a list, or a checklist item's label.",
            autocompletion=options.completer("field_paths"),
        ),
    ],
    root: options.Root = None,
) -> int:
    """Keys that a session must have are not removed; comments above the place stay."""
    from handoff.edit import operations  # slow: brings yaml

    return _save(session, root, lambda old: operations.remove_at(old, path), change="removed")


def apply(
    session: options.SessionName,
    document: Annotated[
        str,
        typer.Argument(
            metavar="FILE", help="A YAML or JSON file of changes; '-' reads standard input."
        ),
    ],
    new: New = False,
    root: options.Root = None,
) -> int:
    """All changes are made, or none.

    'set' and 'add' map paths to values, 'tick' and 'untick' take labels, or labels with
    notes, 'remove' takes paths: {set: {goal: Ship}, add: {actions: [{do: Call, owner:
    Ann}]}, tick: [Docs], remove: [tried.0]}. 'handoff todo --json' prints a document with
    every blank.
    """
    from handoff.edit.apply import apply_changes  # slow: brings yaml

    project = open_project(root)
    name = "<stdin>" if document == "-" else document
    result = apply_changes(
        project, find_session(project, session), _read_document(document), name, new=new
    )
    console.problems(result.saved.warnings)
    counts = ", ".join(f"{count} {what}" for what, count in result.counts.items())
    line = f"{result.saved.place.path}: {counts}"
    console.note(_with_errors(line, result.saved))
    return 0


def _read_document(path: str) -> bytes:
    if path == "-":
        if sys.stdin.isatty():
            console.note("reading the changes from the terminal; end with Ctrl-D")
        return sys.stdin.buffer.read()
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read '{path}': {error.strerror}") from error


def _tick(session: str, item: str, root: str | None, *, done: bool, note: str | None) -> int:
    from handoff.edit import operations  # slow: brings yaml

    _refuse_other_encodings(note or "")
    return _save(
        session,
        root,
        lambda old: operations.tick(old, item, done=done, note=note),
        change="checked" if done else "unchecked",
    )


def _save(session: str, root: str | None, edit: EditStep, *, change: str | None = None) -> int:
    """Save the edit and report `sessions/session-1.yaml:18:9: checklist > Docs: checked`."""
    from handoff.edit.save import save  # slow: brings yaml

    project = open_project(root)
    saved = save(project, find_session(project, session), edit)
    console.problems(saved.warnings)
    change = change or ("added" if saved.added else "set")
    field = " > ".join(map(str, saved.place.keys))
    # what is removed has no line any more
    place = saved.place.path if change == "removed" else saved.place
    line = f"{place}: {field}: {change if saved.changed else 'already set'}"
    console.note(_with_errors(line, saved))
    return 0


def _with_errors(line: str, saved: SaveResult) -> str:
    if saved.session is not None:
        return line
    return f"{line}; the file has errors: handoff check {saved.place.path}"


def _read_typed(value: str, *, as_text: bool, as_yaml: bool) -> NewValue:
    if as_text and as_yaml:
        raise UsageError("'--text' cannot be combined with '--yaml'")
    text = _read_value(value)
    if not as_yaml:
        return text
    from handoff.edit.apply import read_yaml_value  # slow: brings yaml

    return read_yaml_value(text)


def _read_value(value: str) -> str:
    """The text to write, from standard input for `-`. Raises UsageError."""
    if value == "-":
        if sys.stdin.isatty():
            console.note("reading the value from the terminal; end with Ctrl-D")
        text = sys.stdin.buffer.read().decode("utf-8", "surrogateescape")
        value = text.removeprefix("\ufeff").replace("\r\n", "\n").rstrip("\n")
    _refuse_other_encodings(value)
    if not value.strip():
        message = "the value is empty; 'handoff set … --blank' makes a field blank"
        raise UsageError(f"{message}")
    return value


def _refuse_other_encodings(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise UsageError("the value is not valid UTF-8") from error
