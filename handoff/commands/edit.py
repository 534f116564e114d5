"""`new`, `todo`, `set`, `add`, `tick`, `untick`: writing sessions from the command line."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from handoff import api
from handoff.base.problems import InvalidInput, Problem, UsageError
from handoff.commands import console, options
from handoff.project.project import Project
from handoff.session.keys import NAMES
from handoff.session.walk import OpenBlank

if TYPE_CHECKING:
    from handoff.edit.new_session import NewSession
    from handoff.edit.operations import Change, EditResult
    from handoff.edit.save import SaveResult
    from handoff.edit.todo import TodoList
    from handoff.yaml.nodes import ParsedYAML

Way = Annotated[
    str,
    typer.Argument(
        metavar="PATH",
        help="Labels from the outside in: 'accomplished.Date SQL.Created'; any case, "
        "a beginning or a glob will do.",
    ),
]
_DASHES = "'-' reads it from standard input; behind '--' it may begin with a dash."
New = Annotated[
    bool, typer.Option("--new", help="The last label is meant, however close to another.")
]
Box = Annotated[
    str,
    typer.Argument(metavar="BOX", help="Its label: any case, a beginning or a glob."),
]
Note = Annotated[
    str | None, typer.Option("--note", metavar="TEXT", help="Written beside the box.")
]


def todo(
    session: Annotated[
        str | None,
        typer.Argument(
            metavar="[SESSION]", help="An id, a path or 'latest'; the latest without any."
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="For programs and agents.")] = False,
    every: Annotated[bool, typer.Option("--all", help="Of all sessions.")] = False,
    root: options.Root = None,
) -> int:
    """List what is still blank, and where.

    With '--json' also the command that fills each blank.
    """
    from handoff.edit import todo as work  # slow: brings jinja2

    if session and every:
        raise UsageError("handoff: error: '--all' goes without a session")
    project = api.open_project(root)
    wanted = project.session_ids() if every else [session or "latest"]
    found: list[work.TodoList] = []
    mistakes: list[Problem] = []
    for name in wanted:
        try:
            found.append(work.list_todo(project, api.session_named(project, name)))
        except InvalidInput as error:
            mistakes += error.report.problems
    if found or every:
        several = tuple(found)
        console.out(_todo(several, json=json, every=every))
    opens = [task.open for each in found for task in each.tasks]
    if found and not json:
        console.note(
            work.summary(opens) + ("" if every else _next_step(found[0].session, opens))
        )
    console.problems(mistakes)
    return 1 if mistakes else 0


def _next_step(session: str, opens: Sequence[OpenBlank]) -> str:
    """`; next: …`, how blanks are filled that do not wait for answers."""
    if all(each.waits_for for each in opens):
        return ""
    return f"; next: handoff fill {session}, or handoff set {session} PATH WORDS"


def _todo(several: tuple[TodoList, ...], *, json: bool, every: bool) -> str:
    from handoff.edit import todo as work

    if json:
        return work.all_as_json(several) if every else work.as_json(several[0])
    return "".join(work.as_text(each) for each in several)


def new(
    session: Annotated[
        str | None,
        typer.Argument(
            metavar="[SESSION]", help="Its id; else the one the last session named."
        ),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option("--from", metavar="SESSION", help="What it carries on; else the latest."),
    ] = None,
    bare: Annotated[bool, typer.Option("--bare", help="Carry nothing over.")] = False,
    created: Annotated[
        str | None, typer.Option("--created", metavar="DATE", help="Its day; else today.")
    ] = None,
    template: Annotated[
        str | None,
        typer.Option("--template", metavar="NAME", help="handoff, brief or one of your own."),
    ] = None,
    root: options.Root = None,
) -> int:
    """Begin the next session, with what the last one left open.

    Its objectives, open boxes, decisions and questions come over.
    """
    from handoff.edit.new_session import begin  # slow: brings yaml

    if bare and source:
        raise UsageError("handoff: error: '--bare' and '--from' do not go together")
    project = api.open_project(root)
    has_source = source or (project.session_ids() and not bare)
    begun = begin(
        project,
        session,
        created=_day(created),
        source_id=api.session_named(project, source or "latest") if has_source else None,
        template=template,
    )
    console.note(_begun(begun))
    for title in begun.left_out:
        console.note(f"the template has no place for a section, so '{title}' was left out")
    return _mistakes(project, begun.session)


def _begun(begun: NewSession) -> str:
    """`wrote sessions/session-2.yaml: 6 boxes, 1 decision, after session-1; next: …`."""
    plural = {"box": "boxes", "decision": "decisions"}
    counts = [
        f"{n} {word if n == 1 else plural[word]}" for word, n in begun.counts.items() if n
    ]
    after = [f"after {begun.source}"] if begun.source else []
    said = ", ".join([*counts, *after]) or "a skeleton"
    return f"wrote {begun.path}: {said}; next: handoff todo {begun.session}"


def _mistakes(project: Project, session_id: str) -> int:
    """Tell what is wrong with a session that was written, and the exit code."""
    try:
        api.load(project, session_id)
    except InvalidInput as error:
        console.problems(error.report.problems)
        return 1
    return 0


def _day(text: str | None) -> date:
    if text is None:
        return date.today()
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        message = f"'--created {text}' is not a date such as 2026-01-03"
        raise UsageError(f"handoff: error: {message}") from error


def set_(
    session: options.SessionName,
    path: Way,
    value: Annotated[
        str | None,
        typer.Argument(metavar="[VALUE]", help=f"Text; {_DASHES}"),
    ] = None,
    blank: Annotated[bool, typer.Option("--blank", help="Make it a blank again.")] = False,
    text: Annotated[
        bool, typer.Option("--text", help="'true' is the word, no checked box.")
    ] = False,
    new: New = False,
    root: options.Root = None,
) -> int:
    """Set the value at one place; no other byte changes."""
    from handoff.edit import operations  # slow: brings yaml

    words = _value(value, blank=blank)
    meant = operations.FLAGS.get(words, words) if words is not None and not text else words
    return _save(
        session,
        root,
        lambda old: operations.set_at(old, path, meant, order=NAMES, new=new),
    )


def add(
    session: options.SessionName,
    path: Annotated[
        str, typer.Argument(metavar="PATH", help="A list, or 'checklist' for a new box.")
    ],
    values: Annotated[
        list[str],
        typer.Argument(metavar="VALUE...", help=f"Each an item; {_DASHES}"),
    ],
    new: New = False,
    root: options.Root = None,
) -> int:
    """Add to the end of a list, or boxes to a checklist."""
    from handoff.edit import operations  # slow: brings yaml

    given = [_value(value, blank=False) or "" for value in values]

    def added(old: ParsedYAML) -> EditResult:
        for value in given:
            done = operations.add_to(old, path, value, order=NAMES, new=new)
            old = done.parsed
        return done

    return _save(session, root, added)


def tick(
    session: options.SessionName,
    box: Box,
    note: Note = None,
    root: options.Root = None,
) -> int:
    """Tick a checkbox."""
    return _tick(session, box, root, done=True, note=note)


def untick(
    session: options.SessionName,
    box: Box,
    note: Note = None,
    root: options.Root = None,
) -> int:
    """Take the tick from a checkbox; a note beside it stays."""
    return _tick(session, box, root, done=False, note=note)


def _tick(session: str, box: str, root: str | None, *, done: bool, note: str | None) -> int:
    from handoff.edit import operations  # slow: brings yaml

    note = _utf8(note)
    done_to_it = "ticked" if done else "unticked"
    return _save(
        session,
        root,
        lambda old: operations.tick(old, box, done=done, note=note),
        said=done_to_it,
    )


def _save(session: str, root: str | None, change: Change, *, said: str | None = None) -> int:
    from handoff.edit.save import save  # slow: brings yaml

    project = api.open_project(root)
    saved = save(project, api.session_named(project, session), change)
    console.problems(saved.warnings)
    console.note(_said(saved, said or ("added" if saved.added else "set")))
    return 0


def _said(saved: SaveResult, done_to_it: str) -> str:
    """`sessions/session-1.yaml:18:9: checklist > Docs: ticked`."""
    way = " > ".join(map(str, saved.place.keys))
    said = f"{saved.place}: {way}: {done_to_it if saved.changed else 'already set'}"
    if saved.session is None:
        return f"{said}; the file has mistakes: handoff check {saved.place.path}"
    return said


_TOO_MANY = "a value and '--blank' do not go together"
_TOO_FEW = "no value; '-' reads it from standard input"


def _value(value: str | None, *, blank: bool) -> str | None:
    """The words to write, `None` for a blank. Raises UsageError."""
    if blank != (value is None):
        raise UsageError(f"handoff: error: {_TOO_MANY if blank else _TOO_FEW}")
    if value is None:
        return None
    words = _utf8(_from_input() if value == "-" else value)
    if not words or not words.strip():
        message = "nothing to write, expected words; 'handoff set … --blank' empties a place"
        raise UsageError(f"handoff: error: {message}")
    return words


def _from_input() -> str:
    """Standard input, its line endings made one and those at its end left out."""
    if sys.stdin.isatty():
        console.note("reading the value from the terminal; Ctrl-D ends it")
    words = sys.stdin.buffer.read().decode("utf-8", "surrogateescape").removeprefix("\ufeff")
    return words.replace("\r\n", "\n").rstrip("\n")


def _utf8(words: str | None) -> str | None:
    try:
        (words or "").encode()
    except UnicodeEncodeError as error:
        raise UsageError("handoff: error: the value is not UTF-8") from error
    return words
