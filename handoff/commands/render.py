"""`render`: one session's document."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from handoff import api
from handoff.base.problems import UsageError, worst
from handoff.commands import console, options
from handoff.facts.recorded import Facts
from handoff.project.project import Project
from handoff.render.document import Document


def render(
    session: options.SessionName,
    stdout: Annotated[
        bool, typer.Option("--stdout", help="Print the document; facts are still recorded.")
    ] = False,
    engine: options.Engine = None,
    frozen: Annotated[
        bool, typer.Option("--frozen", help="Ask nothing: use the recorded facts only.")
    ] = False,
    no_queries: Annotated[
        bool,
        typer.Option(
            "--no-queries",
            help="Ask nothing and use nothing recorded; print the document, write nothing.",
        ),
    ] = False,
    as_of: options.AsOf = None,
    stale_ok: Annotated[
        bool,
        typer.Option(
            "--stale-ok", help="Where a question fails, show its last answer with its age."
        ),
    ] = False,
    overwrite: options.Overwrite = False,
    settings: options.Settings = None,
    root: options.Root = None,
) -> int:
    """Ask the questions, record the answers, write the document."""
    _together(frozen=frozen, no_queries=no_queries, engine=engine, as_of=as_of)
    project = api.open_project(root, settings=settings or ())
    loaded = api.load(project, api.session_named(project, session))
    if no_queries:
        document = api.render(project, loaded, None)
        console.problems([*loaded.warnings, *document.problems])
        console.out(document.text)
        return 0
    if frozen:
        facts = api.frozen(project, loaded)
    else:
        facts = api.gather(
            project,
            loaded,
            engine=engine,
            as_of=options.moment(as_of),
            progress=console.ProgressLine(),
            note=console.note,
        )
    document = api.render(project, loaded, facts, stale_ok=stale_ok)
    failures = api.failures(loaded, facts, "warning" if frozen else "error")
    console.problems([*loaded.warnings, *document.problems, *failures])
    _give(project, document, stdout=stdout, overwrite=overwrite)
    _sum_up(project, document)
    return _code(facts, frozen=frozen)


def _together(*, frozen: bool, no_queries: bool, engine: str | None, as_of: str | None) -> None:
    """Raises UsageError for options that contradict each other."""
    given = {"--frozen": frozen, "--engine": engine, "--as-of": as_of}
    asks_nothing = "--no-queries" if no_queries else "--frozen" if frozen else None
    clash = [name for name, value in given.items() if value and name != asks_nothing]
    if asks_nothing and clash:
        message = f"'{asks_nothing}' asks nothing, so it does not go with '{clash[0]}'"
        raise UsageError(f"handoff: error: {message}")


def _give(project: Project, document: Document, *, stdout: bool, overwrite: bool) -> None:
    if stdout:
        api.hold(project, document)
        console.out(document.text)
        return
    written = api.write(project, document, overwrite=overwrite)
    if written.saved:
        console.note(f"{document.path}: the text that was there is kept in {written.saved}")


def _sum_up(project: Project, document: Document) -> None:
    """The one summary: the document, how far it is, where to look next."""
    path = Path(project.root, document.path)
    here = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
    filled = f"filled {document.filled} of {document.leaves}"
    console.note(f"{here}: {document.status}, {filled}; {_next_step(document)}")


def _next_step(document: Document) -> str:
    if document.open:
        return f"next: handoff todo {document.session}"
    if document.prompt:
        return f"next: handoff prompt {document.session}"
    return "nothing is blank"


def _code(facts: Facts, *, frozen: bool) -> int:
    if frozen:
        return 0
    return worst(f.failure.exit_code for f in facts.facts.values() if f.failure)
