"""`ready`: whether the next session may start, for people and for scripts that wait."""

from __future__ import annotations

from typing import Annotated

import typer

from handoff import api
from handoff.base.problems import UsageError
from handoff.base.report import printable
from handoff.commands import console, options
from handoff.workspace.readiness import Readiness
from handoff.workspace.readiness import ready as ask


def ready(
    session: Annotated[
        str,
        typer.Argument(
            metavar="SESSION", help="The session that is to start; it need not have a file yet."
        ),
    ],
    engine: options.Engine = None,
    frozen: Annotated[
        bool, typer.Option("--frozen", help="Ask nothing: use the recorded facts only.")
    ] = False,
    as_of: options.AsOf = None,
    root: options.Root = None,
) -> int:
    """Tell whether what a session waits for holds; for scripts.

    Exits with 0 when every condition for the session to start holds, with 1 until then.
    The conditions are those under 'next:' of the session before it.

    until handoff ready session-2; do sleep 300; done
    """
    for option, value in (("--engine", engine), ("--as-of", as_of)):
        if frozen and value:
            message = f"'--frozen' asks nothing, so it does not go with '{option}'"
            raise UsageError(f"handoff: error: {message}")
    found = ask(
        api.open_project(root),
        session,
        now=options.moment(as_of) or options.this_minute(),
        engine=engine,
        frozen=frozen,
        progress=console.ProgressLine(),
    )
    for each in found.conditions:
        console.out(f"{printable(' '.join(str(each).split()))}\n")
    console.problems(found.problems)
    console.note(_summary(found))
    return found.exit_code


def _summary(found: Readiness) -> str:
    count = len(found.conditions)
    if not count:
        where = " and ".join(found.written_in)
        return (
            f"{found.session} waits for nothing{f', no condition in {where}' if where else ''}"
        )
    if found.holding == count:
        return f"{found.session} is ready"
    return f"{found.session} is not ready: {found.holding} of {count} conditions hold"
