"""Small projects for tests: sessions without questions, in a folder of their own."""

from __future__ import annotations

from pathlib import Path

from handoff import api
from handoff.project.project import Project

OUTPUT = "docs/09-handoff"


def project(root: Path, settings: str = "engine: duckdb\n", **sessions: str) -> Project:
    """A project at `root`; `one='...'` is what `sessions/one.yaml` has beside its head."""
    (root / "sessions").mkdir(parents=True, exist_ok=True)
    (root / "handoff.yaml").write_text(settings, "utf-8")
    for n, (name, rest) in enumerate(sessions.items(), 1):
        write_session(root, name, rest, n)
    return api.open_project(str(root), environment={})


def write_session(root: Path, name: str, rest: str = "", n: int = 1) -> None:
    """`sessions/<name>.yaml`, number `n`, of that day of 2026 unless `rest` says another."""
    head = "" if "created:" in rest else f"created: 2026-01-{n:02}\n"
    text = f"session: {n}\ntitle: {name.title()}\n{head}{rest}"
    (root / f"sessions/{name}.yaml").write_text(text, "utf-8")


def documents(root: Path) -> dict[str, str]:
    """Every file of the output folder, by its path there."""
    folder = root / OUTPUT
    files = sorted(each for each in folder.rglob("*") if each.is_file())
    return {each.relative_to(folder).as_posix(): each.read_text("utf-8") for each in files}
