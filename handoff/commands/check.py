"""`check`: lint sessions, queries, recorded facts and documents."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from handoff.base import report as reports
from handoff.commands import console, options
from handoff.sources import git_command, git_history
from handoff.workspace import check as checks
from handoff.workspace.load import find_session, open_project


def check(
    sessions: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[SESSION]...",
            help="Sessions to check (default: all).",
            autocompletion=options.completer("session_ids"),
        ),
    ] = None,
    format: Annotated[str, options.format_option(*reports.FORMATS)] = "text",
    strict: Annotated[bool, typer.Option("--strict", help="Treat warnings as errors.")] = False,
    expect: Annotated[
        bool,
        typer.Option("--expect", help="Treat failed expectations ('expect:') as errors."),
    ] = False,
    live: Annotated[
        bool,
        typer.Option(
            "--live", help="Run queries again: report what is overdue and which data changed."
        ),
    ] = False,
    changed_since: Annotated[
        str | None,
        typer.Option(
            "--changed-since",
            metavar="REVISION",
            help="List the problems of files that differ from a git revision first.",
        ),
    ] = None,
    root: options.Root = None,
) -> int:
    """All rules are run; docs/checks.md lists them."""
    project = open_project(root)
    ids = [find_session(project, name) for name in sessions or ()]
    changed = git_history.changed_since(project.root, changed_since) if changed_since else ()
    report = checks.check(
        project,
        ids,
        now=datetime.now(UTC) if live else None,
        progress=console.ProgressLine(),
    )
    report = reports.warnings_as_errors(report) if strict else report
    report = reports.unmet_expectations_as_errors(report) if expect else report
    report = reports.changed_first(report, changed) if changed else report
    left = ""
    if format == "github":
        report = reports.with_folder(report, _folder_in_repository(project.root))
        left = reports.not_annotated(report)
    console.out(reports.FORMATS[format](report, colour=console.colour(sys.stdout)))
    console.note(reports.summary(report) + (f" ({left} not annotated)" if left else ""))
    return 1 if report.errors else 0


def _folder_in_repository(root: Path) -> str:
    """`root` relative to its repository, or without git to GitHub's workspace."""
    if git_history.head(root) is not None:
        return git_command.prefix_of(root).removesuffix("/")
    workspace = os.environ.get("GITHUB_WORKSPACE")
    folder = Path(workspace).resolve() if workspace else root
    is_below = root != folder and root.is_relative_to(folder)
    return root.relative_to(folder).as_posix() if is_below else ""
