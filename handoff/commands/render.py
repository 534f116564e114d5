"""`render`: run a session's queries and write its document."""

# without 'from __future__ import annotations': typer evaluates each text four times (1 ms)

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from handoff.base.problems import worst_exit_code
from handoff.commands import console, options
from handoff.workspace import document as documents
from handoff.workspace.gather import (
    failure_problems,
    gather,
    load_frozen_facts,
    locked_sessions,
)
from handoff.workspace.load import find_session, load_session, open_project


def render(
    session: options.SessionName,
    stdout: Annotated[
        bool, typer.Option("--stdout", help="Print the document; facts are still recorded.")
    ] = False,
    engine: options.EngineOption = None,
    frozen: options.Frozen = False,
    no_queries: Annotated[
        bool,
        typer.Option(
            "--no-queries",
            help="Run no queries and use no recorded facts; print the document, write nothing.",
        ),
    ] = False,
    as_of: options.AsOf = None,
    stale_ok: Annotated[
        bool,
        typer.Option(
            "--stale-ok", help="Where a query fails, show its last result with its age."
        ),
    ] = False,
    overwrite: options.Overwrite = False,
    verbose: options.Verbose = False,
    settings: options.SettingsOption = None,
    root: options.Root = None,
) -> int:
    query_options = [("--engine", engine), ("--as-of", as_of)]
    if no_queries:
        options.refuse_together("--no-queries", [("--frozen", frozen), *query_options])
    if frozen:
        options.refuse_together("--frozen", query_options)
    project = open_project(root, settings=settings or ())
    loaded = load_session(project, find_session(project, session))
    if no_queries:
        document = documents.render(project, loaded, None, prompts_of_blanks=False)
        console.problems([*loaded.warnings, *document.problems])
        console.out(document.text)
        return 0
    with ExitStack() as locks:  # from the facts to the document, so that both are of one run
        if frozen:
            if not stdout:
                locks.enter_context(locked_sessions(project))
            facts = load_frozen_facts(project, loaded)
        else:
            facts = gather(
                project,
                loaded,
                engine=engine,
                as_of=options.as_of_time(as_of),
                progress=console.ProgressLine(),
                note=console.note,
                verbose=verbose,
                locks=locks,
            )
        document = documents.render(
            project, loaded, facts, stale_ok=stale_ok, prompts_of_blanks=False
        )
        failures = failure_problems(loaded, facts, "warning" if frozen else "error")
        console.problems([*loaded.warnings, *document.problems, *failures])
        if stdout:
            documents.refuse_secrets(project, document.text, document.path, document.session)
            console.out(document.text)
        else:
            from handoff.workspace.publish import write  # brings what publishing all needs

            console.note_saved(write(project, document, overwrite=overwrite))
    path, here = Path(project.root, document.path), Path.cwd()
    shown = path.relative_to(here) if path.is_relative_to(here) else path
    filled = f"filled {document.filled} of {document.leaves}"
    if document.blanks:
        next_step = f"next: handoff todo {document.session}"
    elif document.prompt:
        next_step = f"next: handoff prompt {document.session}"
    else:
        next_step = "no blanks"
    console.note(f"{shown}: {document.status}, {filled}; {next_step}")
    if frozen:
        return 0
    return worst_exit_code(
        each.failure.exit_code for each in facts.facts.values() if each.failure
    )
