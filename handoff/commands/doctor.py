"""`doctor`: show each setting with its source, and the problems to fix."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from handoff.base.cache import cache_folder
from handoff.base.characters import revealed
from handoff.base.problems import DISTRIBUTION, HandoffError, missing_packages, worst_exit_code
from handoff.base.progress import Progress
from handoff.base.report import counted
from handoff.commands import console, options
from handoff.project.project import SETTINGS, Project
from handoff.project.settings import Settings
from handoff.warehouse.port import DoctorStep
from handoff.workspace.load import open_project


def doctor(
    engine: options.EngineOption = None,
    settings: options.SettingsOption = None,
    root: options.Root = None,
) -> int:
    """Shows each setting with its source, and the problems to fix."""
    project = open_project(root, settings=settings or ())
    failed: list[str] = []
    for step in diagnose(project, engine=engine, progress=console.ProgressLine()):
        fix = f"\n   → {revealed(step.fix)}" if step.fix else ""
        mark = "✅" if step.ok else "❌"
        console.out(f"{mark} {step.what}: {revealed(step.detail)}{fix}\n")
        failed += [] if step.ok else [step.what]
    console.note(counted(len(failed), "problem") if failed else "no problems found")
    return worst_exit_code(2 if what in _USAGE else 3 for what in failed)


_USAGE = ("package", "command", "repository", "engine")


def diagnose(
    project: Project, *, engine: str | None, progress: Progress
) -> Iterator[DoctorStep]:
    """Each step as it finishes: the installation first, then the repository, the warehouse."""
    yield from _installation()
    yield _root(project)
    yield from _settings(project.settings)
    yield _output(project)
    yield _cache()
    yield from _git(project.root)
    yield from _engine(project, engine, progress)


def _installation() -> Iterator[DoctorStep]:
    """Another program of the name, which is on the package index; nothing if there is none."""
    from importlib import metadata  # slow: 10 ms

    fix = f"run 'pip uninstall handoff', then 'pip install --force-reinstall {DISTRIBUTION}'"
    for each in metadata.distributions(name="handoff"):
        if any(entry.value.startswith(_ENTRY) for entry in each.entry_points):
            continue  # this package, under its first name
        detail = f"another package 'handoff' {each.version} is installed here, too"
        yield DoctorStep("package", False, detail, fix)
    command = shutil.which("handoff")
    if command and not _is_own(Path(command)):
        detail = f"{command} is another program"
        fix = f"put the folder of {sys.executable} in front of it in PATH"
        yield DoctorStep("command", False, detail, fix)


def _is_own(command: Path) -> bool:
    """Whether it calls this package; a shell script may."""
    try:
        content = command.read_bytes()
    except OSError:
        return True
    line = content.partition(b"\n")[0].rstrip()
    is_shell = line.startswith(b"#!") and line.endswith(b"sh")
    return is_shell or _ENTRY.encode() in content


_ENTRY = "handoff.commands"
"""What the command calls, in pyproject.toml."""


def _root(project: Project) -> DoctorStep:
    if not (project.root / SETTINGS).is_file():
        detail = f"no {SETTINGS} in {project.root}"
        return DoctorStep("repository", False, detail, "run 'handoff init' to write one")
    sessions = counted(len(project.session_ids()), "session")
    queries = counted(len(project.query_names()), "query")
    return DoctorStep("repository", True, f"{project.root}: {sessions}, {queries}")


def _settings(settings: Settings) -> Iterator[DoctorStep]:
    """Every setting that is set, and where; docs/settings.md has the defaults of the others."""
    for key, origin in sorted(settings.origins.items()):
        yield DoctorStep(key, True, f"{_value(settings, key)}, from {origin}")


def _value(settings: Settings, key: str) -> str:
    found: object = settings
    for name in key.split("."):
        found = getattr(found, name, None)
    if key == "secrets.allow":  # an entry may itself look like a secret
        return f"{len(settings.secrets_allow)} allowed"
    if isinstance(found, Mapping):
        return ", ".join(f"{name}={value}" for name, value in found.items())
    return ", ".join(map(str, found)) or "none" if isinstance(found, tuple) else str(found)


def _output(project: Project) -> DoctorStep:
    name = project.settings.output
    folder = project.path(name)
    while not folder.exists():
        folder = folder.parent
    if os.access(folder, os.W_OK):
        return DoctorStep("output folder", True, name)
    return DoctorStep(
        "output folder", False, f"{name} is not writable", "check its permissions"
    )


def _cache() -> DoctorStep:
    folder = cache_folder("samples")
    if folder is not None:
        return DoctorStep("cache folder", True, str(folder.parent))
    fix = "set XDG_CACHE_HOME to a private folder (mode 0700)"
    return DoctorStep("cache folder", False, "none, so nothing is cached between runs", fix)


def _git(root: Path) -> Iterator[DoctorStep]:
    path = shutil.which("git")
    if not path:
        fix = "install git for 'git:' facts and 'resume'"
        yield DoctorStep("git", False, "not found", fix)
        return
    yield DoctorStep("git", True, path)
    from handoff.sources import git_command  # slow: only where git runs

    try:
        top = git_command.run_git(root, "rev-parse", "--show-toplevel").strip()
    except git_command.UntrustedRepository as error:
        detail = str(error).partition(";")[0]
        yield DoctorStep("git repository", False, detail, f"run '{error.fix}'")
    except HandoffError as error:
        found = str(error)
        yield DoctorStep("git repository", "not a git repository" in found, found)
    else:
        yield DoctorStep("git repository", True, top)


def _engine(project: Project, engine: str | None, progress: Progress) -> Iterator[DoctorStep]:
    from handoff.warehouse import engines

    try:
        chosen = engines.choose_engine(project, engine)
    except HandoffError as error:
        detail, _, fix = str(error).partition("; ")
        yield DoctorStep("engine", False, detail, fix)
        return
    if "engine" not in project.settings.origins or engine:
        yield DoctorStep("engine", True, f"{chosen}, for this run")
    try:
        yield from _ENGINES[chosen](project, progress)
    except ModuleNotFoundError as error:
        missing = missing_packages((error.name or chosen).partition(".")[0])
        detail, _, fix = str(missing).partition("; ")
        yield DoctorStep("engine", False, detail.replace("this", chosen), fix)


def _duckdb(project: Project, progress: Progress) -> Iterator[DoctorStep]:
    from handoff.warehouse import engines
    from handoff.warehouse.duckdb import versions  # slow: 0.3 s

    problems = "; ".join(versions.problems())
    found = ", ".join(f"{name} {version}" for name, version in versions.installed().items())
    yield DoctorStep(
        "versions", not problems, problems or found, versions.fix() if problems else ""
    )
    if problems:
        return
    try:
        warehouse = engines.open_warehouse(project, "duckdb", progress)
    except HandoffError as error:
        yield DoctorStep("warehouse", False, str(error), "check 'duckdb:' in handoff.yaml")
        return
    try:
        count = sum(len(tables) for tables in warehouse.schema(()).values())
        yield DoctorStep("warehouse", True, f"{warehouse.engine}, {counted(count, 'table')}")
    finally:
        warehouse.close()


def _bigquery(project: Project, progress: Progress) -> Iterator[DoctorStep]:
    # slow: 0.5 s
    from handoff.warehouse.bigquery.warehouse import doctor_checks

    yield from doctor_checks(project.settings.bigquery)


_ENGINES: Mapping[str, Callable[[Project, Progress], Iterator[DoctorStep]]] = {
    "duckdb": _duckdb,
    "bigquery": _bigquery,
}
