"""`set`, `add`, `tick`, `untick`: edit a session file, changing only the requested place."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from handoff.base.problems import UsageError
from handoff.commands import completers, console, options
from handoff.session.keys import NAMES
from handoff.workspace.load import find_session, open_project

if TYPE_CHECKING:
    from handoff.edit.operations import Change, EditResult
    from handoff.yaml.nodes import ParsedYAML

_VALUE_HELP = "'-' reads standard input; use '--' before values that start with a dash."
New = Annotated[
    bool, typer.Option("--new", help="Create the key even if a similar one exists.")
]
Item = Annotated[
    str,
    typer.Argument(
        metavar="ITEM",
        help="Label of the item; case-insensitive, prefixes and globs allowed.",
        autocompletion=completers.item_labels,
    ),
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
            autocompletion=completers.field_paths,
        ),
    ],
    value: Annotated[
        str | None, typer.Argument(metavar="[VALUE]", help=f"Text to write; {_VALUE_HELP}")
    ] = None,
    blank: Annotated[bool, typer.Option("--blank", help="Make the field blank again.")] = False,
    text: Annotated[
        bool, typer.Option("--text", help="Treat VALUE as text, not as a boolean.")
    ] = False,
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
    scalar: str | bool | None = None if value is None else _read_value(value)
    if isinstance(scalar, str) and not text:
        scalar = operations.FLAGS.get(scalar, scalar)
    return _save(
        session, root, lambda old: operations.set_at(old, path, scalar, order=NAMES, new=new)
    )


def add(
    session: options.SessionName,
    path: Annotated[
        str,
        typer.Argument(
            metavar="PATH",
            help="Path to a list, or 'checklist'.",
            autocompletion=completers.field_paths,
        ),
    ],
    values: Annotated[
        list[str], typer.Argument(metavar="VALUE...", help=f"Items to add; {_VALUE_HELP}")
    ],
    new: New = False,
    root: options.Root = None,
) -> int:
    from handoff.edit import operations  # slow: brings yaml

    items = [_read_value(value) for value in values]

    def add_all(old: ParsedYAML) -> EditResult:
        for item in items:
            result = operations.add_to(old, path, item, order=NAMES, new=new)
            old = result.parsed
        return result

    return _save(session, root, add_all)


def tick(
    session: options.SessionName, item: Item, note: Note = None, root: options.Root = None
) -> int:
    return _tick(session, item, root, done=True, note=note)


def untick(
    session: options.SessionName, item: Item, note: Note = None, root: options.Root = None
) -> int:
    return _tick(session, item, root, done=False, note=note)


def _tick(session: str, item: str, root: str | None, *, done: bool, note: str | None) -> int:
    from handoff.edit import operations  # slow: brings yaml

    _refuse_other_encodings(note or "")
    return _save(
        session,
        root,
        lambda old: operations.tick(old, item, done=done, note=note),
        change="checked" if done else "unchecked",
    )


def _save(session: str, root: str | None, edit: Change, *, change: str | None = None) -> int:
    """Save the edit and report `sessions/session-1.yaml:18:9: checklist > Docs: checked`."""
    from handoff.edit.save import save  # slow: brings yaml

    project = open_project(root)
    saved = save(project, find_session(project, session), edit)
    console.problems(saved.warnings)
    change = change or ("added" if saved.added else "set")
    field = " > ".join(map(str, saved.place.keys))
    line = f"{saved.place}: {field}: {change if saved.changed else 'already set'}"
    if saved.session is None:
        line = f"{line}; the file has errors: handoff check {saved.place.path}"
    console.note(line)
    return 0


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
