"""`init`: write the first settings, session and query into a repository."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Sequence
from contextlib import suppress
from datetime import date
from itertools import count
from pathlib import Path, PurePosixPath
from string import Template
from typing import Annotated

import typer
from msgspec import Struct
from msgspec.structs import replace

from handoff.base.files import confined, is_folder, read_plain, write_new
from handoff.base.problems import InvalidInput, Refused, UsageError, WorldError, nearest
from handoff.base.report import counted
from handoff.commands import agent as agent_files
from handoff.commands import console, options
from handoff.commands.detection import (
    detect_engine,
    find_database,
    find_documents,
    find_folder,
    is_handoff,
)
from handoff.edit.carry_over import PLACEHOLDERS
from handoff.project.project import SETTINGS, Project, open_project
from handoff.project.settings import ENGINES, Engine
from handoff.project.settings import Settings as Chosen
from handoff.publish import index
from handoff.publish.signature import signature
from handoff.sql.query import read as parse_query
from handoff.workspace.paths import session_path
from handoff.yaml.emitter import ScalarContext, format_flow, format_scalar

_STARTER = Path(__file__).parent / "starter"
"""A folder for each engine; `$name` in its files is filled in."""
ATTRIBUTES = ".gitattributes"
_LF = ("*.sql", "handoff.yaml", "sessions/*.yaml", "sessions/*.json", "templates/**")
_RECORDS = ("sessions/*.facts.json", "sessions/*.receipts.json")
_DRIVER = (
    "# optional, in each clone: "
    "git config merge.handoff.driver 'handoff merge-driver %O %A %B %P'"
)


class InitPlan(Struct, frozen=True):
    """What to write, as detected or chosen."""

    engine: Engine
    output: str
    number: int
    """Of the first session."""
    today: date
    project: str | None = None
    """The Google Cloud project."""
    read: str | None = None
    """The newest existing document, for the first prompt."""
    is_in_git: bool = False
    """Whether the first session records the state of the working tree."""
    with_session: bool = True
    """Whether to write a first session and its query; not where there are sessions."""
    queries: str = "sql"
    templates: str = "templates"
    database: str | None = None
    """The DuckDB file of the repository whose tables the first query reads."""
    tables: tuple[str, ...] = ()
    """Of the database: `main.orders`."""

    @property
    def session(self) -> str:
        """The id of the first session."""
        return f"session-{self.number}"


def init(
    engine: Annotated[
        str | None,
        typer.Option(
            "--engine",
            metavar="ENGINE",
            help="Set up duckdb or bigquery (default: auto-detect).",
            autocompletion=options.completer("engines"),
        ),
    ] = None,
    agent: Annotated[
        bool,
        typer.Option(
            "--agent",
            help="Also install a skill for coding agents, with a pointer in AGENTS.md.",
        ),
    ] = False,
    hooks: Annotated[
        bool,
        typer.Option(
            "--hooks",
            help="With '--agent' also install hooks that load the handoff by themselves.",
        ),
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Accept defaults; do not prompt.")
    ] = False,
    root: options.Root = None,
) -> int:
    """Existing files are never replaced."""
    if hooks and not agent:
        raise UsageError("'--hooks' needs '--agent'")
    if root is not None and not is_folder(Path(root)):
        raise UsageError(f"'--root {root}' is not a folder")
    folder = Path(root or ".").resolve()
    project = open_project(str(folder), here=folder)
    has_settings = project.read(SETTINGS) is not None
    found = find_documents(
        path for path in project.tree().paths.all if not _is_own(project, path)
    )
    wants_database = not has_settings and engine != "bigquery"
    database, tables = _read_database(project) if wants_database else (None, ())
    detected = detect_engine(os.environ, Path.home(), database)
    if found:
        where = f", most in {found.folder}" if found.folder and len(found.paths) > 1 else ""
        count = counted(len(found.paths), "handoff")
        console.note(f"found {count}{where}, named {found.naming}: {found.paths[-1]}")
    sessions = [each for each in project.session_ids() if _is_session(project, each)]
    if sessions:
        console.note(f"found sessions: {', '.join(sessions[-5:])}")
    if engine is None and not has_settings:
        console.note(f"engine {detected.engine}: {detected.because}")
    plan = InitPlan(
        engine=(_engine(engine) if engine else project.settings.engine) or detected.engine,
        output=(found.folder if found else None) or find_folder(folder, Chosen().output),
        number=_free_number(project, found.next_number if found else 1),
        today=project.today(),
        project=detected.project,
        read=found.paths[-1] if found else None,
        is_in_git=_is_in_git(folder),
        with_session=not sessions,
        queries=project.settings.queries,
        templates=project.settings.templates,
        database=database,
        tables=tables,
    )
    plan = plan if has_settings else _beside_existing_files(project, plan)
    _report_existing_files(project, sessions)
    if not yes and sys.stdin.isatty() and sys.stdout.isatty():
        plan = _prompt_for_plan(plan, engine, has_settings=has_settings)
    for path, is_new in write_files(project.root, plan).items():
        console.note(f"wrote {path}" if is_new else f"kept existing {path}")
    _write_attributes(project.root, project.settings.output if has_settings else plan.output)
    if agent:
        agent_files.install(project.root, hooks=hooks)
    console.note(f"next: handoff render {plan.session if plan.with_session else 'latest'}")
    if found:
        console.note(f"to convert a document to a session: handoff import {found.paths[-1]}")
    if found and len(found.paths) > 1 and found.folder:
        console.note(f"to convert all of them: handoff import {found.folder} --dry-run")
    return 0


def _read_database(project: Project) -> tuple[str | None, tuple[str, ...]]:
    """A DuckDB file in the repository and its tables; none where it has none to read."""
    from handoff.warehouse import engines  # slow: only where there is a file

    path = find_database(project.root, project.tree().paths.all)
    if path is None:
        return None, ()
    own = replace(project.settings.duckdb, path=path)
    settings = replace(project.settings, duckdb=own)
    try:
        warehouse = engines.open_warehouse(
            Project(project.root, settings), "duckdb", console.ProgressLine()
        )
    except (Refused, UsageError, WorldError) as error:
        console.note(f"found {path}, not used: {error}")
        return None, ()
    try:
        schema = warehouse.schema(())
    finally:
        warehouse.close()
    tables = [
        f"{schema_name}.{table}" for schema_name in schema for table in schema[schema_name]
    ]
    if not tables:
        console.note(f"found {path}, not used: it has no tables")
    return (path if tables else None), tuple(tables)


_MOST_TABLES = 20
"""That the first query counts: a chart of more is hard to read."""


def _counts(tables: Sequence[str]) -> str:
    """The query that counts the rows of each table."""
    shown = tables[:_MOST_TABLES]
    lines = [
        f"SELECT {_literal(_label(table, tables))} AS table_name, COUNT(*) AS row_count "
        f"FROM {_name(table)}"
        for table in shown
    ]
    return "\nUNION ALL\n".join(lines)


def _label(table: str, tables: Sequence[str]) -> str:
    """The name without its schema, if no other table has it."""
    name = table.partition(".")[2]
    is_unique = [each.partition(".")[2] for each in tables].count(name) == 1
    return name if is_unique else table


def _literal(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _name(table: str) -> str:
    """The table's name in GoogleSQL; parts that are not words are quoted."""
    parts = table.split(".", 1)
    return ".".join(
        part if re.fullmatch("[a-z_][a-z0-9_]*", part) else f"`{part}`" for part in parts
    )


def _is_session(project: Project, session_id: str) -> bool:
    """Whether the file has a key that every session has; others are someone else's."""
    try:
        content = project.read(session_path(session_id)) or b""
    except (Refused, WorldError):
        return False
    return bool(re.search(rb"(?m)^(session|title|created):", content))


def _free_number(project: Project, number: int) -> int:
    taken = project.session_ids()
    return next(n for n in count(number) if f"session-{n}" not in taken)


def _beside_existing_files(project: Project, plan: InitPlan) -> InitPlan:
    """The plan with other folders where those of the defaults hold someone else's files."""
    foreign = [name for name in project.query_names() if not _is_query(project, name)]
    if foreign:
        queries = _free_folder(project, "queries")
        files = counted(len(foreign), "SQL file")
        console.note(f"found {files} in {plan.queries}/, not read: queries are in {queries}/")
        plan = replace(plan, queries=queries)
    if any(_entries(project, plan.templates)):
        templates = _free_folder(project, "templates")
        console.note(f"found {plan.templates}/, not read: your templates are in {templates}/")
        plan = replace(plan, templates=templates)
    for name in (index.NAME, index.LATEST):
        path = f"{plan.output}/{name}"
        if project.path(path).exists() and not _has_signature(project, path):
            output = f"{plan.output}/handoff"
            console.note(f"found {path}, kept: documents and their index are in {output}/")
            return replace(plan, output=output)
    return plan


def _report_existing_files(project: Project, sessions: Sequence[str]) -> None:
    others = [each for each in project.session_ids() if each not in sessions]
    if others:
        files = counted(len(others), "file")
        verb = "is not a session" if len(others) == 1 else "are not sessions"
        paths = ", ".join(map(session_path, others[:5]))
        console.note(f"{files} in sessions/ {verb}, move elsewhere what is not: {paths}")
    if _entries(project, "dbt_project.yml"):
        console.note("found dbt_project.yml: models of dbt are not read, queries are plain SQL")


def _is_query(project: Project, name: str) -> bool:
    """Whether an `.sql` file has the header of a query."""
    try:
        content = project.read(project.query_path(name)) or b""
        parse_query(content, name, name)
    except (InvalidInput, Refused, WorldError):
        return False
    return True


def _entries(project: Project, path: str) -> list[str]:
    """The names in a folder, or of a file; empty if there is none."""
    place = project.root / path
    if is_folder(place):
        with suppress(OSError):
            return [each.name for each in place.iterdir() if each.name[0] != "."]
    return [place.name] if place.is_file() else []


def _free_folder(project: Project, name: str) -> str:
    """A folder that does not exist yet, or is empty."""
    names = ([name] if name == "queries" else []) + [f"handoff-{name}", f"handoff/{name}"]
    return next((each for each in names if not _entries(project, each)), names[-1])


def _is_in_git(folder: Path) -> bool:
    """Whether git can read the working tree around `folder`."""
    is_repository = any((each / ".git").exists() for each in (folder, *folder.parents))
    return is_repository and shutil.which("git") is not None


def _prompt_for_plan(plan: InitPlan, engine: str | None, *, has_settings: bool) -> InitPlan:
    """The plan as the user wants it; Enter accepts the default."""
    if not has_settings:
        if engine is None:
            plan = replace(plan, engine=_engine(_input("engine", plan.engine)))
        plan = replace(plan, output=_folder(_input("folder of the documents", plan.output)))
    if plan.with_session:
        number = _input("number of the first session", str(plan.number))
        if not number.isdecimal():
            raise UsageError(f"invalid session number '{number}'")
        plan = replace(plan, number=int(number))
    return plan


def _input(label: str, default: str) -> str:
    try:
        return input(f"{label} [{default}]: ").strip() or default
    except EOFError:
        console.note("")
        return default


def _engine(name: str) -> Engine:
    for each in ENGINES:
        if each == name:
            return each
    guess = nearest(name, ENGINES) or f", expected {' or '.join(ENGINES)}"
    raise UsageError(f"unknown engine '{name}'{guess}")


def _folder(name: str) -> str:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise UsageError(f"'{name}' is outside the repository")
    return str(path)


# --- the files -----------------------------------------------------------------------------


def write_files(root: Path, plan: InitPlan) -> dict[str, bool]:
    """Write the starter files; each path and whether it is new. Raises WorldError."""
    is_database = plan.engine == "duckdb" and plan.database is not None
    folder = _STARTER / ("database" if is_database else plan.engine)
    values = _values(plan)
    result: dict[str, bool] = {}
    for file in sorted(folder.rglob("*")):
        path = file.relative_to(folder).as_posix().replace("session-1", plan.session)
        path = re.sub("^sql/", f"{plan.queries}/", path)
        if file.is_file() and (plan.with_session or "/" not in path):
            content = Template(file.read_text("utf-8")).substitute(values).encode()
            result[path] = write_new(confined(root, path), content, place=path)
    return result


def _write_attributes(root: Path, output: str) -> None:
    """Write `.gitattributes`: the same line endings on Windows, and the merge driver.

    Prints the lines to add where there is one without them.
    """
    documents = f"{output}/**/*.md" if output != "." else "*.md"
    lines = [f"{pattern} text eol=lf" for pattern in (*_LF, _quoted(documents))]
    lines.append(_DRIVER)
    lines += [f"{pattern} merge=handoff" for pattern in (*_RECORDS, _quoted(documents))]
    file = confined(root, ATTRIBUTES)
    content = "".join(f"{line}\n" for line in lines).encode()
    if write_new(file, content, place=ATTRIBUTES):
        console.note(f"wrote {ATTRIBUTES}")
        return
    existing = (read_plain(file, ATTRIBUTES) or b"").decode("utf-8", "replace")
    known = {" ".join(line.split()) for line in existing.splitlines()}
    missing = [line for line in lines if line not in known]
    if missing:
        advice = "for line endings on Windows and merges add"
        console.note(f"kept existing {ATTRIBUTES}; {advice}:")
        for line in missing:
            console.note(f"  {line}")


def _quoted(pattern: str) -> str:
    return json.dumps(pattern, ensure_ascii=False) if re.search(r'[\s"]', pattern) else pattern


def _values(plan: InitPlan) -> dict[str, str]:
    project = f"bigquery: {{project: {format_flow(plan.project)}}}" if plan.project else ""
    without = "# bigquery: {project: my-project, location: US, dataset: my_dataset}"
    read = f"    - {{path: {format_flow(plan.read)}, note: the previous handoff}}\n"
    folders = {"queries": plan.queries, "templates": plan.templates}
    changed = [(key, each) for key, each in folders.items() if each != getattr(Chosen(), key)]
    return {
        **{
            name: text.replace("sql/", f"{plan.queries}/")
            for name, text in PLACEHOLDERS.items()
        },
        "queries": plan.queries,
        "folders": "".join(f"{key}: {format_flow(each)}\n" for key, each in changed),
        "number": str(plan.number),
        "next": str(plan.number + 1),
        "day": str(plan.today),
        "output": format_scalar(plan.output, ScalarContext(0))[0],
        "bigquery": project or without,
        "read": read if plan.read else "",
        "database": format_scalar(plan.database or "", ScalarContext(0))[0],
        "tables": _counts(plan.tables),
        "tree": "  tree: {git: HEAD, take: tree}\n" if plan.is_in_git else "",
    }


# --- existing documents ------------------------------------------------------------------


def _is_own(project: Project, path: str) -> bool:
    """Whether handoff wrote the document, by its signature line."""
    return is_handoff(path) and _has_signature(project, path)


def _has_signature(project: Project, path: str) -> bool:
    try:
        return signature(project.read(path) or b"").owner is not None
    except (Refused, WorldError):
        return False
