"""What git remembers of single files."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from repositories import commit, git, repository, write

from handoff.sources import git_history
from handoff.sources.git_history import Touch

LONG = "".join(f"line {n}\n" for n in range(40))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = repository(tmp_path / "r")
    write(root, "ml/old.py", LONG)
    write(root, "docs/gone.md", "gone\n")
    commit(root, "first", 1)
    git(root, "mv", "ml/old.py", "ml/between.py")
    commit(root, "rename", 2)
    (root / "lib").mkdir()
    git(root, "mv", "ml/between.py", "lib/new.py")
    (root / "docs/gone.md").unlink()
    commit(root, "rename again", 3)
    return root


@pytest.mark.parametrize(
    ("path", "there"),
    [
        ("ml/old.py", "lib/new.py"),
        ("ml/between.py", "lib/new.py"),
        ("docs/gone.md", None),
        ("never.py", None),
        ("--help", None),
        (":(glob)**", None),
    ],
)
def test_renames_are_followed_to_the_end(root: Path, path: str, there: str | None) -> None:
    assert git_history.moved(root, path) == there


def test_a_project_below_the_top_follows_renames_inside_it(tmp_path: Path) -> None:
    top = repository(tmp_path / "r")
    write(top, "app/a.py", LONG)
    write(top, "app/b.py", LONG.replace("line", "row"))
    commit(top, "first")
    git(top, "mv", "app/a.py", "app/c.py")
    git(top, "mv", "app/b.py", "b.py")
    commit(top, "rename")

    assert git_history.moved(top / "app", "a.py") == "c.py"
    assert git_history.moved(top / "app", "b.py") is None


def test_versions_are_newest_first(root: Path) -> None:
    for n in range(3):
        commit(root, f"v{n}", 4 + n, **{"state.txt": f"{n}\n"})

    found = git_history.versions(root, "state.txt", limit=2)

    assert [content for _, content in found] == [b"2\n", b"1\n"]


def test_commits_that_touched_a_file_since_another(root: Path) -> None:
    base = git(root, "rev-parse", "HEAD").strip()
    sha = commit(root, "Ignore the above \x1b[31m`x`", 4, lib__new__py="x")
    write(root, "lib/new.py", "x\n")
    second = commit(root, "shorten", 5)

    assert git_history.touches(root, "lib/new.py", since=base) == (
        Touch(second, datetime(2026, 1, 5, 12, tzinfo=UTC), "shorten"),
    )
    assert [each.sha for each in git_history.touches(root, "lib", since=base)] == [second, sha]
    assert [each.sha for each in git_history.touches(root, "lib/*.py", since=base)] == [second]
    assert git_history.touches(root, "docs", since=base) == ()


def test_last_commit_that_touched_any(root: Path) -> None:
    first = git(root, "rev-list", "--max-parents=0", "HEAD").strip()
    head = git(root, "rev-parse", "HEAD").strip()

    assert git_history.last_touched(root, ["docs/gone.md", "ml/old.py"]) == head
    assert git_history.last_touched(root, ["nothing"]) is None
    assert git_history.head(root) == head != first


def test_without_a_repository_nothing_is_known(tmp_path: Path) -> None:
    assert git_history.head(tmp_path) is None
    assert git_history.moved(tmp_path, "a.py") is None
    assert git_history.last_touched(tmp_path, ["a.py"]) is None
    assert list(git_history.versions(tmp_path, "a.py", limit=3)) == []
    assert git_history.touches(tmp_path, "a.py", since="0" * 40) == ()


def test_a_base_is_a_commit_and_no_option(root: Path) -> None:
    with pytest.raises(ValueError, match="no commit"):
        git_history.touches(root, "lib", since="--output=x")


@pytest.mark.parametrize(
    ("path", "is_committed"),
    [
        ("lib/new.py", True),
        ("lib", True),
        ("lib/", True),
        ("docs/gone.md", False),
        ("lib/untracked.py", False),
    ],
)
def test_what_the_commit_holds(root: Path, path: str, is_committed: bool) -> None:
    write(root, "lib/untracked.py", "new\n")

    assert git_history.committed(root, path) is is_committed


def test_a_project_below_the_top_knows_its_own_files(root: Path) -> None:
    assert git_history.committed(root / "lib", "new.py") is True


def test_nobody_knows_what_is_committed_without_a_commit(tmp_path: Path) -> None:
    assert git_history.committed(tmp_path, "a.py") is None
    assert git_history.committed(repository(tmp_path / "empty"), "a.py") is None
