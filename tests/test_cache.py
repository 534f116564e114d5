"""Compiled templates are kept in a private folder, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from handoff.base.cache import cache_folder
from handoff.render.environment import Environment, render_template
from handoff.render.templates import Folders


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def text(root: Path) -> str:
    folders = Folders(root, project="templates", sessions="sessions", package=root)
    return render_template(Environment(folders, {}, lambda _: None), "t.md.j2", {})


def test_cache_folder_is_private(home: Path) -> None:
    folder = cache_folder("templates")

    assert folder == home / "handoff/templates"
    assert folder.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("mode", [0o777, 0o750, 0o705])
def test_folder_that_others_may_use_is_no_cache(home: Path, mode: int) -> None:
    (home / "handoff").mkdir(parents=True)
    (home / "handoff").chmod(mode)

    assert cache_folder("templates") is None


def test_folder_that_is_a_link_is_no_cache(home: Path, tmp_path: Path) -> None:
    home.mkdir()
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    (home / "handoff").symlink_to(tmp_path / "elsewhere")

    assert cache_folder("templates") is None


def test_home_that_is_a_file_is_no_cache(home: Path) -> None:
    home.write_text("")

    assert cache_folder("templates") is None


def test_changed_template_is_compiled_anew(home: Path, tmp_path: Path) -> None:
    template = tmp_path / "t.md.j2"
    template.write_text("one")
    first = text(tmp_path)
    template.write_text("two")

    assert (first, text(tmp_path)) == ("one", "two")
    assert len(list((home / "handoff/templates").iterdir())) == 2


@pytest.mark.parametrize("content", [b"", b"x" * 100])
def test_broken_cache_file_is_compiled_anew(home: Path, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "t.md.j2").write_text("one")
    text(tmp_path)
    (cached,) = (home / "handoff/templates").iterdir()
    cached.write_bytes(content)

    assert text(tmp_path) == "one"


def test_without_a_cache_templates_render_all_the_same(home: Path, tmp_path: Path) -> None:
    home.write_text("")
    (tmp_path / "t.md.j2").write_text("one")

    assert text(tmp_path) == "one"
