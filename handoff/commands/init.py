"""`init`: what a repository needs to begin."""

from __future__ import annotations

import os
import sys
from datetime import date
from pathlib import Path, PurePosixPath
from typing import Annotated

import typer
from msgspec.structs import replace

from handoff.base.files import is_folder
from handoff.base.problems import UsageError, nearest
from handoff.commands import console, init_detect, init_files, options
from handoff.commands.init_detect import DetectedEngine, FoundDocuments
from handoff.commands.init_files import InitPlan
from handoff.project.project import SETTINGS, Project, open_project
from handoff.project.settings import ENGINES, Engine
from handoff.project.settings import Settings as Chosen


def init(
    engine: Annotated[
        str | None,
        typer.Option(
            "--engine", metavar="ENGINE", help="duckdb or bigquery; else what is there."
        ),
    ] = None,
    agent: Annotated[
        bool, typer.Option("--agent", help="Also teach coding agents the commands.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing.")] = False,
    root: options.Root = None,
) -> int:
    """Put settings, a session and a question into a repository.

    No file that is there is replaced.
    """
    if root is not None and not is_folder(Path(root)):
        raise UsageError(f"handoff: error: '--root {root}' is no folder")
    folder = Path(root or ".").resolve()
    project = open_project(str(folder), here=folder)
    found = init_detect.documents(project.tree().paths())
    there = init_detect.warehouse(os.environ, Path.home())
    _tell(project, found, there, engine)
    plan = _plan(project, found, there, engine)
    if not yes and sys.stdin.isatty() and sys.stdout.isatty():
        plan = _asked(plan, engine, has_settings=_has_settings(project))
    written, kept = init_files.start(project.root, plan)
    for path in written:
        console.note(f"wrote {path}")
    for path in kept:
        console.note(f"kept {path}, which was there")
    if agent:
        _guide(project)
    latest = plan.session if plan.with_session else "latest"
    console.note(f"next: handoff render {latest}")
    if found:
        console.note(f"a document becomes a session with: handoff import {found.paths[-1]}")
    return 0


def _guide(project: Project) -> None:
    is_new = init_files.guide(project.root)
    told = (
        f"wrote {init_files.GUIDE}" if is_new else f"kept {init_files.GUIDE}, which was there"
    )
    console.note(f"{told}; name it in AGENTS.md for agents that look nowhere else")


def _has_settings(project: Project) -> bool:
    return project.read(SETTINGS) is not None


def _tell(
    project: Project, found: FoundDocuments | None, there: DetectedEngine, engine: str | None
) -> None:
    """What is there already."""
    if found:
        count = "1 handoff" if len(found.paths) == 1 else f"{len(found.paths)} handoffs"
        where = f", most in {found.folder}" if found.folder and len(found.paths) > 1 else ""
        console.note(f"found {count}{where}, named {found.naming}: {found.paths[-1]}")
    if project.session_ids():
        console.note(f"found sessions: {', '.join(project.session_ids()[-5:])}")
    if engine is None and not _has_settings(project):
        console.note(f"engine {there.engine}: {there.because}")


def _plan(
    project: Project, found: FoundDocuments | None, there: DetectedEngine, engine: str | None
) -> InitPlan:
    given = _engine(engine) if engine else project.settings.engine
    return InitPlan(
        engine=given or there.engine,
        output=(found.folder if found else None) or Chosen().output,
        number=found.next_number if found else 1,
        today=date.today(),
        project=there.project,
        read=found.paths[-1] if found else None,
        with_session=not project.session_ids(),
    )


def _engine(name: str) -> Engine:
    for each in ENGINES:
        if each == name:
            return each
    guess = nearest(name, ENGINES) or f", expected {' or '.join(ENGINES)}"
    raise UsageError(f"handoff: error: unknown engine '{name}'{guess}")


def _asked(plan: InitPlan, engine: str | None, *, has_settings: bool) -> InitPlan:
    """The plan as a person wants it: Enter takes what is proposed."""
    if not has_settings:
        if engine is None:
            plan = replace(plan, engine=_engine(_answer("engine", plan.engine)))
        plan = replace(plan, output=_folder(_answer("documents go to", plan.output)))
    if plan.with_session:
        number = _answer("number of the first session", str(plan.number))
        if not number.isdecimal():
            raise UsageError(f"handoff: error: '{number}' is no number of a session")
        plan = replace(plan, number=int(number))
    return plan


def _folder(name: str) -> str:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise UsageError(f"handoff: error: '{name}' leads outside the repository")
    return str(path)


def _answer(question: str, proposed: str) -> str:
    try:
        return input(f"{question} [{proposed}]: ").strip() or proposed
    except EOFError:
        console.note("")
        return proposed
