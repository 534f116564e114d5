"""`prompt`: print the prompt for the next session."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from msgspec import Struct
from msgspec.structs import replace

from handoff.base.characters import revealed
from handoff.base.files import disk, write_whole
from handoff.base.problems import Problem, Refused, UsageError
from handoff.base.report import json_text, place_fields
from handoff.base.tokens import HOW, estimate_tokens
from handoff.commands import clipboard, console, options
from handoff.project.project import Project
from handoff.session.model import DEFAULT_PROMPT
from handoff.session.reading_list import prompts, to_read
from handoff.session.walk import OpenBlank
from handoff.workspace.check import check_context
from handoff.workspace.document import DATA, get_prompt, render
from handoff.workspace.gather import load_facts
from handoff.workspace.history import ProjectFiles
from handoff.workspace.load import find_session, load_session, open_project


class FileSize(Struct, frozen=True):
    """A file that the prompt says to read."""

    path: str
    lines: int | None
    """`None` where it is missing, or not text."""


class PromptResult(Struct, frozen=True):
    """One prompt of a session."""

    session: str
    """The id."""
    name: str
    document: str
    """Its path, relative to the root."""
    text: str
    """As in the document's code block."""
    blanks: tuple[OpenBlank, ...]
    """Those inside it."""
    read: tuple[FileSize, ...]
    budget_tokens: int
    findings: tuple[Problem, ...]
    """What the rules of the prompt find, including blanks and notes."""

    @property
    def is_ready(self) -> bool:
        """Whether it has no errors or warnings; notes do not count."""
        return all(each.level == "note" for each in self.findings)

    @property
    def not_ready(self) -> str:
        name = "" if self.name == DEFAULT_PROMPT else f" '{self.name}'"
        return f"the prompt{name} is not ready to paste; see the findings above"


def prompt(
    session: options.SessionName,
    name: Annotated[
        str,
        typer.Argument(
            metavar="[NAME]",
            help="Name of the prompt.",
            autocompletion=options.completer("prompt_names"),
        ),
    ] = DEFAULT_PROMPT,
    copy: Annotated[
        bool, typer.Option("--copy", help="Copy it to the clipboard instead of stdout.")
    ] = False,
    out: Annotated[
        str | None,
        typer.Option("--out", metavar="FILE", help="Write it to FILE instead of stdout."),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Let '--out' replace an existing file.")
    ] = False,
    strict: Annotated[
        bool,
        typer.Option("--strict", help="Fail with exit code 1 if the prompt has warnings."),
    ] = False,
    format: Annotated[str, options.format_option("text", "json")] = "text",
    root: options.Root = None,
) -> int:
    """It is the same as in the document: recorded facts are used, and no query runs."""
    project = open_project(root)
    result = build_prompt(project, find_session(project, session), name)
    console.problems(result.findings)
    if strict and not result.is_ready:
        console.note(result.not_ready)
        return 1
    text = f"{json_text(_fields(result)) if format == 'json' else result.text}\n"
    if out is not None:
        console.note(f"{_write(Path(out), text.encode(), overwrite=overwrite)} {out}")
    if copy:
        tool = clipboard.copy(text)
        console.note(f"copied the prompt of {result.session} with {tool}")
    if out is None and not copy:
        console.out(text)
    for line in _summary(result):
        console.note(line)
    return 0


def build_prompt(project: Project, session_id: str, name: str) -> PromptResult:
    """A prompt of the session with recorded facts, and the problems in it.

    Raises InvalidInput, also where it holds a secret, and UsageError where there is no such
    prompt.
    """
    from handoff import check  # brings markdown_it

    loaded = load_session(project, session_id)
    facts = load_facts(project, session_id)
    document = render(project, loaded, facts)
    text = get_prompt(project, document, name)
    # as if it were the session's only one, for its own findings
    session = replace(loaded.session, prompt=prompts(loaded.session)[name], prompts=())
    blanks = tuple(each for each in document.blanks if name in each.prompts)
    context = replace(
        check_context(project, session, loaded.queries, facts, document),
        prompts={name: text},
        blanks=blanks,
    )
    count_lines = ProjectFiles(project).lines
    return PromptResult(
        session=session_id,
        name=name,
        document=document.path,
        text=text,
        blanks=blanks,
        read=tuple(
            FileSize(each.words, count_lines(each.path))
            for each in to_read(session, document.path)
        ),
        budget_tokens=project.settings.prompt.budget_tokens,
        findings=check.prompt_problems(context),
    )


def _write(file: Path, content: bytes, *, overwrite: bool) -> str:
    """Write the file, following symlinks as the user chose it; `wrote` or `unchanged`."""
    path = file.resolve()
    with disk(str(file), "read"):
        if path.exists() and not path.is_file():
            raise UsageError(f"'--out {file}' is not a file")
        current = path.read_bytes() if path.exists() else None
    if current == content:
        return "unchanged"
    if current is not None and not overwrite:
        message = "exists with other content; use '--overwrite' to replace it"
        raise Refused(f"{file}: error: {message}")
    write_whole(path, content, place=str(file))
    return "wrote"


def _summary(result: PromptResult) -> list[str]:
    """Lines for people: its size, the files to read, whether it is ready to paste."""
    files = [f"{each.path} ({_lines(each.lines)})" for each in result.read]
    return [
        f"about {estimate_tokens(result.text):,} of {result.budget_tokens:,} tokens ({HOW})",
        *([f"to read: {', '.join(files)}"] if files else []),
        DATA,
        *([] if result.is_ready else [result.not_ready]),
    ]


def _lines(count: int | None) -> str:
    if count is None:
        return "missing, or not text"
    return "1 line" if count == 1 else f"{count:,} lines"


def _fields(result: PromptResult) -> dict[str, object]:
    return {
        "session": result.session,
        "name": result.name,
        "document": result.document,
        "prompt": result.text,
        "is_fit": result.is_ready,
        "tokens": {
            "estimated": estimate_tokens(result.text),
            "budget": result.budget_tokens,
            "how": HOW,
        },
        "read": [{"path": each.path, "lines": each.lines} for each in result.read],
        "blanks": [
            {"text": each.text, "hint": each.hint or None, **place_fields(each.place)}
            for each in result.blanks
        ],
        "findings": [
            {
                "code": each.code,
                "level": each.level,
                "message": revealed(each.message),
                **place_fields(each.place),
            }
            for each in result.findings
        ],
        "note": DATA,
    }
