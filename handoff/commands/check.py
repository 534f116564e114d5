"""`check`: lint sessions, queries, recorded facts and documents, also handwritten ones."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from handoff.base import report as reports
from handoff.base.problems import Report, UsageError
from handoff.commands import console, options
from handoff.sources import git_command, git_history
from handoff.workspace import check as checks
from handoff.workspace import handwritten
from handoff.workspace.load import find_session, open_project


def check(
    sessions: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[SESSION|FILE.md|FOLDER]...",
            help="Sessions, Markdown documents or folders of these (default: all sessions).",
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
    explain: Annotated[
        str | None,
        typer.Option(
            "--explain",
            metavar="CODE",
            help="Print what a code means, for example Y020; nothing is checked.",
            autocompletion=options.completer("check_codes"),
        ),
    ] = None,
    root: options.Root = None,
) -> int:
    """All rules are run; docs/checks.md lists them."""
    if explain is not None:
        return _explain(explain, format)
    names, here = sessions or [], Path.cwd()
    documents = [name for name in names if handwritten.is_document(name, here, root)]
    report, folder = Report(), here
    if documents:
        report = handwritten.check_documents(documents, here, progress=console.ProgressLine())
    if not documents or len(documents) < len(names):
        project = open_project(root)
        ids = [find_session(project, name) for name in names if name not in documents]
        folder = project.root
        found = checks.check(
            project,
            ids,
            now=datetime.now(UTC) if live else None,
            progress=console.ProgressLine(),
        )
        report = Report.of((*report.problems, *found.problems))
    changed = git_history.changed_since(folder, changed_since) if changed_since else ()
    report = reports.warnings_as_errors(report) if strict else report
    report = reports.unmet_expectations_as_errors(report) if expect else report
    report = reports.changed_first(report, changed) if changed else report
    left = ""
    if format in ("github", "sarif"):
        report = reports.with_folder(report, _folder_in_repository(folder))
    if format == "github":
        left = reports.not_annotated(report)
    console.out(reports.FORMATS[format](report, colour=console.colour(sys.stdout)))
    console.note(reports.summary(report) + (f" ({left} not annotated)" if left else ""))
    return 1 if report.errors else 0


def _explain(code: str, format: str) -> int:
    """Print what `code` means."""
    if format not in ("text", "json"):
        raise UsageError(f"'--explain' prints text or json, not {format}")
    from handoff.check import explain  # brings every rule

    found = explain(code)
    fields = {
        "code": found.code,
        "levels": found.levels,
        "doc": found.doc,
        "details": found.details or None,
    }
    text = f"{found.code}: {' or '.join(found.levels)}: {found.doc}\n"
    text += f"\n{found.details}\n" if found.details else ""
    console.out(text if format == "text" else f"{reports.json_text(fields)}\n")
    return 0


def _folder_in_repository(root: Path) -> str:
    """`root` relative to its repository, or without git to GitHub's workspace."""
    if git_history.head(root) is not None:
        return git_command.prefix_of(root).removesuffix("/")
    workspace = os.environ.get("GITHUB_WORKSPACE")
    folder = Path(workspace).resolve() if workspace else root
    is_below = root != folder and root.is_relative_to(folder)
    return root.relative_to(folder).as_posix() if is_below else ""
