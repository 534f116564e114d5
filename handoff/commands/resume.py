"""`resume`: the handoff as it is when somebody picks it up."""

from __future__ import annotations

from typing import Annotated

import typer

from handoff import api
from handoff.base.problems import UsageError
from handoff.commands import console, options
from handoff.workspace import resume_report

FORMATS = {"text": resume_report.as_text, "json": resume_report.as_json}


def resume(
    session: Annotated[
        str,
        typer.Argument(
            metavar="[SESSION]", help="A session's id, the path of its YAML file, or 'latest'."
        ),
    ] = "latest",
    engine: options.Engine = None,
    frozen: Annotated[
        bool, typer.Option("--frozen", help="Ask nothing: tell how old the recorded facts are.")
    ] = False,
    as_of: options.AsOf = None,
    prompt: Annotated[
        str | None, typer.Option("--prompt", metavar="NAME", help="Of several prompts which.")
    ] = None,
    format: Annotated[  # noqa: A002 - the option's name
        str, typer.Option("--format", metavar="FORMAT", help="text or json.")
    ] = "text",
    root: options.Root = None,
) -> int:
    """Print the prompt with today's facts, and what changed since.

    The handoff's questions are asked again. Nothing is recorded, and the handoff
    stays as it is.
    """
    options.known_format(format, FORMATS)
    if frozen and engine:
        message = "'--frozen' asks nothing, so it does not go with '--engine'"
        raise UsageError(f"handoff: error: {message}")
    project = api.open_project(root)
    resumed = api.resume(
        project,
        api.session_named(project, session),
        now=options.moment(as_of) or options.this_minute(),
        engine=engine,
        frozen=frozen,
        name=prompt,
        progress=console.ProgressLine(),
    )
    console.out(FORMATS[format](resumed.since))
    if resumed.since.mode == "recorded":
        console.lines(resumed.since.reason)
        console.note("the warehouse could not be reached: this is the recorded prompt")
    for name, message in resumed.since.failures:
        console.note(f"fact '{name}' has no answer now: {message}")
    return resumed.exit_code
