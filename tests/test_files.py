from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from handoff.base import files
from handoff.base.files import confined, replace_unchanged, write_new, write_whole
from handoff.base.problems import Refused, WorldError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository with a link out of it, a link into .git and a link to itself."""
    root = tmp_path / "root"
    (root / ".git").mkdir(parents=True)
    (root / "out").symlink_to(tmp_path)
    (root / "inside").symlink_to(root / ".git")
    (root / "loop").symlink_to(root / "loop")
    return root


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("../secret", "../secret: error: leads outside the repository"),
        ("out/secret", "out/secret: error: leads outside the repository"),
        ("/etc/passwd", "/etc/passwd: error: leads outside the repository"),
        (".git/config", ".git/config: error: is inside .git, which handoff never touches"),
        ("inside/config", "inside/config: error: is inside .git, which handoff never touches"),
        ("sub/.GIT/x", "sub/.GIT/x: error: is inside .git, which handoff never touches"),
    ],
)
def test_paths_that_leave_the_repository_are_refused(
    root: Path, path: str, message: str
) -> None:
    with pytest.raises(Refused) as refused:
        confined(root, path)

    assert str(refused.value) == message


@pytest.mark.parametrize("path", ["loop/x", "a\0b"])
def test_paths_that_are_none_are_refused(root: Path, path: str) -> None:
    with pytest.raises(Refused, match="invalid path"):
        confined(root, path)


def test_a_folder_named_as_a_source_may_be_read(root: Path, tmp_path: Path) -> None:
    assert confined(root, "../logs/x.log", also=(tmp_path / "logs",)) == tmp_path / "logs/x.log"


def test_an_existing_file_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "x.md"
    path.write_text("old")
    path.chmod(0o640)

    write_whole(path, b"new", place="x.md")

    assert (path.read_text(), path.stat().st_mode & 0o777) == ("new", 0o640)


def test_a_new_file_gets_the_mode_that_the_umask_says(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_whole(tmp_path / "x.md", b"new", place="x.md")
    finally:
        os.umask(before)

    assert (tmp_path / "x.md").stat().st_mode & 0o777 == 0o640


def test_a_failed_replacement_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.md"
    path.write_text("old")
    monkeypatch.setattr(Path, "replace", _no_space)

    with pytest.raises(WorldError) as failed:
        write_whole(path, b"new", place="x.md")

    assert str(failed.value) == "x.md: error: cannot write: no space left on device"
    assert [p.name for p in tmp_path.iterdir()] == ["x.md"]
    assert path.read_text() == "old"


def _no_space(self: Path, target: Path) -> None:
    raise OSError(28, "No space left on device")


def test_a_new_file_never_replaces_one_that_is_there(tmp_path: Path) -> None:
    path = tmp_path / "x.md"

    assert write_new(path, b"first", place="x.md")
    assert not write_new(path, b"second", place="x.md")
    assert path.read_text() == "first"


def test_file_is_replaced_only_where_it_is_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "x.md"
    path.write_bytes(b"saved meanwhile")

    assert not replace_unchanged(path, b"ours", b"read", place="x.md")
    assert not replace_unchanged(path, b"ours", None, place="x.md")
    assert path.read_bytes() == b"saved meanwhile"
    assert replace_unchanged(path, b"ours", b"saved meanwhile", place="x.md")
    assert [(each.name, each.read_bytes()) for each in tmp_path.iterdir()] == [
        ("x.md", b"ours")
    ]


@pytest.mark.skipif(sys.platform not in ("linux", "darwin"), reason="needs exchange")
def test_file_saved_right_before_it_is_replaced_is_put_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.md"
    path.write_bytes(b"read")
    exchanged = files.exchange

    def save_first(one: Path, other: Path) -> bool:
        monkeypatch.setattr(files, "exchange", exchanged)
        other.write_bytes(b"saved")
        return exchanged(one, other)

    monkeypatch.setattr(files, "exchange", save_first)

    assert not replace_unchanged(path, b"ours", b"read", place="x.md")
    assert [(each.name, each.read_bytes()) for each in tmp_path.iterdir()] == [
        ("x.md", b"saved")
    ]


def test_a_folder_that_is_a_file_is_the_disks_failure(tmp_path: Path) -> None:
    (tmp_path / "docs").write_text("")

    with pytest.raises(WorldError, match=r"docs/x.md: error: cannot write: file exists"):
        write_new(tmp_path / "docs/x.md", b"", place="docs/x.md")
