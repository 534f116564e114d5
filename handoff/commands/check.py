"""`check` and `publish`: the whole of a project, held to account."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Annotated

import typer

from handoff import api
from handoff.base import report as reporting
from handoff.commands import console, options


def check(
    sessions: Annotated[
        list[str] | None, typer.Argument(metavar="[SESSION]...", help="All without any.")
    ] = None,
    format: Annotated[  # noqa: A002 - the option's name
        str, typer.Option("--format", metavar="FORMAT", help="text, json or github.")
    ] = "text",
    strict: Annotated[bool, typer.Option("--strict", help="Warnings are errors.")] = False,
    expect: Annotated[
        bool,
        typer.Option("--expect", help="What 'expect:' asks for and is not met is an error."),
    ] = False,
    live: Annotated[
        bool,
        typer.Option(
            "--live", help="Read the clock and ask again: what is overdue, what moved."
        ),
    ] = False,
    root: options.Root = None,
) -> int:
    """Hold YAML, SQL, facts and documents to every rule.

    docs/checks.md lists the rules.
    """
    options.known_format(format, reporting.FORMATS)
    project = api.open_project(root)
    ids = [api.session_named(project, name) for name in sessions or ()]
    report = api.check(project, ids, now=datetime.now(UTC) if live else None)
    report = reporting.strict(report) if strict else report
    report = reporting.gated(report) if expect else report
    if format == "github":
        report = reporting.below(report, options.folder_in_workspace(project.root))
    shown = reporting.FORMATS[format](report, colour=console.colour(sys.stdout))
    console.out(shown)
    console.note(reporting.summary(report))
    return 1 if report.errors else 0


def publish(
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit 1 where something would be.")
    ] = False,
    overwrite: options.Overwrite = False,
    prune: Annotated[
        bool,
        typer.Option(
            "--prune", help="Remove documents left over, but none that a hand edited."
        ),
    ] = False,
    root: options.Root = None,
) -> int:
    """Write all documents and the index; nothing is asked.

    They are made from what is recorded.
    """
    project = api.open_project(root)
    if check:
        found = api.unpublished(project)
        for each in found:
            console.problems([each.problem])
            console.lines(each.difference)
        return 1 if found else 0
    done = api.publish(project, overwrite=overwrite, prune=prune)
    for written in done.written:
        if written.changed:
            console.note(f"wrote {written.path}")
        if written.saved:
            console.note(f"{written.path}: the text that was there is kept in {written.saved}")
    for refusal in done.refused:
        console.lines(refusal)
    for path in done.removed:
        console.note(f"removed {path}")
    console.problems([*done.problems, *done.left])
    changed = sum(each.changed for each in done.written)
    console.note(f"{len(done.written)} documents, {changed} written")
    return done.exit_code
