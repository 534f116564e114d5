from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from handoff.base.problems import UsageError, WorldError
from handoff.project.project import Project, open_project
from handoff.project.settings import Settings

Files = Callable[..., Path]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for path in (
        "handoff.yaml",
        "sessions/session-1.yaml",
        "sessions/2026-02-session-1.yaml",
        "sessions/session-1.facts.json",
        "sql/coverage/phase4.sql",
        "sql/orchestrator/phases.sql",
        "sql/sample/games.sql",
        "docs/deep/notes.md",
    ):
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    return tmp_path


@pytest.fixture
def project(root: Path) -> Project:
    return open_project(None, here=root)


def test_the_root_is_the_nearest_folder_with_settings(root: Path) -> None:
    assert open_project(None, here=root / "docs/deep") == Project(root, Settings())


def test_without_settings_the_root_is_the_current_folder(tmp_path: Path) -> None:
    assert open_project(None, here=tmp_path) == Project(tmp_path, Settings())


def test_a_root_that_is_named_is_taken_from_the_current_folder(root: Path) -> None:
    assert open_project("docs", here=root).root == root / "docs"


@pytest.mark.parametrize("name", ["nowhere", "x" * 300, "a\0b"])
def test_a_root_that_is_no_folder_is_refused(root: Path, name: str) -> None:
    with pytest.raises(UsageError, match=f"'--root {name}' is not a folder"):
        open_project(name, here=root)


def test_a_pipe_in_place_of_a_file_is_not_waited_for(project: Project) -> None:
    os.mkfifo(project.root / "sessions/pipe.facts.json")

    with pytest.raises(WorldError, match="cannot read: not a plain file"):
        project.read("sessions/pipe.facts.json")


def test_sessions_and_questions_are_found(project: Project) -> None:
    assert project.session_ids() == ("2026-02-session-1", "session-1")
    assert project.query_names() == ("coverage/phase4.sql", "orchestrator/phases.sql")


@pytest.mark.parametrize(
    ("here", "name"),
    [
        (".", "session-1"),
        (".", "sessions/session-1.yaml"),
        ("sessions", "session-1.yaml"),
        ("docs/deep", "../../sessions/session-1.yaml"),
        ("docs/deep", "sessions/session-1.yaml"),
    ],
)
def test_an_id_or_a_path_names_a_session(project: Project, here: str, name: str) -> None:
    assert project.session_id(name, here=project.root / here) == "session-1"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("sesion-1", "unknown session 'sesion-1', did you mean 'session-1'?"),
        ("lattest", "unknown session 'lattest', did you mean 'latest'?"),
        (
            "zzz",
            "unknown session 'zzz', expected 'latest' or one of 2026-02-session-1, session-1",
        ),
        ("docs/other.yaml", "'docs/other.yaml' is not a file in 'sessions/'"),
    ],
)
def test_an_unknown_session_is_told_what_there_is(
    project: Project, name: str, message: str
) -> None:
    with pytest.raises(UsageError) as unknown:
        project.session_id(name, here=project.root)

    assert unknown.value.lines == f"handoff: error: {message}"


def test_a_repository_without_sessions_is_told_how_to_begin(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="'handoff init' writes a first one"):
        open_project(None, here=tmp_path).session_id("session-1", here=tmp_path)


def test_a_sample_of_its_own_goes_before_the_packages(project: Project, root: Path) -> None:
    assert project.sample_folder() == root / "sql/sample"


def test_rules_see_planned_files_and_nothing_outside(project: Project) -> None:
    tree = project.tree("docs/planned.md")

    there = {path: tree.has(path) for path in ("docs/planned.md", "docs", "x.md", "../..")}

    assert there == {"docs/planned.md": True, "docs": True, "x.md": False, "../..": False}
    assert tree.nearest("docs/notes.md") == ", did you mean 'docs/deep/notes.md'?"
