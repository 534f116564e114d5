"""`prompt`: what the next session pastes, where it is to go."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from handoff import api
from handoff.base.files import disk, write_whole
from handoff.base.problems import Refused, UsageError
from handoff.commands import clipboard, console, options
from handoff.session.model import DEFAULT_PROMPT
from handoff.workspace import prompt_report
from handoff.workspace.prompt_report import PromptResult

FORMATS = ("text", "json")


def prompt(
    session: options.SessionName,
    name: Annotated[
        str, typer.Argument(metavar="[NAME]", help="Of several prompts which.")
    ] = DEFAULT_PROMPT,
    copy: Annotated[
        bool, typer.Option("--copy", help="Put it on the clipboard in place of stdout.")
    ] = False,
    out: Annotated[
        str | None,
        typer.Option("--out", metavar="FILE", help="Write it to a file in place of stdout."),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Let '--out' replace another file.")
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Give nothing that is not fit to paste; exit 1.")
    ] = False,
    format: Annotated[  # noqa: A002 - the option's name
        str, typer.Option("--format", metavar="FORMAT", help="text or json.")
    ] = "text",
    root: options.Root = None,
) -> int:
    """Print the prompt to paste into the next session.

    It is the one that stands in the document: nothing is asked.
    """
    options.known_format(format, FORMATS)
    project = api.open_project(root)
    given = api.get_prompt(project, api.session_named(project, session), name)
    console.problems(given.findings)
    if strict and not given.is_fit:
        console.note(prompt_report.unfit(given))
        return 1
    text = prompt_report.as_json(given) if format == "json" else f"{given.text}\n"
    _give(given, text, copy=copy, out=out, overwrite=overwrite)
    for line in prompt_report.summary(given):
        console.note(line)
    return 0


def _give(
    given: PromptResult, text: str, *, copy: bool, out: str | None, overwrite: bool
) -> None:
    if out is not None:
        console.note(f"{_written(Path(out), text.encode(), overwrite=overwrite)} {out}")
    if copy:
        taken = clipboard.copy(text)
        console.note(f"the prompt of {given.session} is copied, by {taken}")
    if out is None and not copy:
        console.out(text)


def _written(file: Path, content: bytes, *, overwrite: bool) -> str:
    """Write the user's own choice of a file, its symlink followed; what was done."""
    path = file.resolve()
    with disk(str(file), "read"):
        if path.exists() and not path.is_file():
            raise UsageError(f"handoff: error: '--out {file}' is no file")
        there = path.read_bytes() if path.exists() else None
    if there == content:
        return "unchanged"
    if there is not None and not overwrite:
        message = "is there and says something else, '--overwrite' replaces it"
        raise Refused(f"{file}: error: {message}")
    write_whole(path, content, place=str(file))
    return "wrote"
