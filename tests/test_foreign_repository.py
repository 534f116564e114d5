"""A repository that belongs to another user: trusted where git's settings say so."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from repositories import commit, git, repository, write

from handoff.commands.runner import run
from handoff.sources.git_command import UntrustedRepository, run_git
from handoff.sources.git_tree import read_tree
from handoff.sources.source import SourceFailed

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


@pytest.fixture
def foreign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of another user, in a folder with a space in its name; git has no settings."""
    for name in [each for each in os.environ if each.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    root = repository(tmp_path / "of another" / "repo")
    commit(root, "First", **{"handoff.yaml": "", "a.py": "1\n"})
    for path in (root, *root.rglob("*")):
        os.chown(path, 12345, 12345)
    return root


@needs_root
@pytest.mark.parametrize("value", ["*", "{root}"])
@pytest.mark.parametrize("where", ["environment", "global", "system", "home", "xdg"])
def test_safe_directory_is_followed_wherever_it_is(
    foreign: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str, value: str
) -> None:
    value = value.format(root=foreign)
    file = {"home": ".gitconfig", "xdg": "config/git/config"}.get(where, "settings")
    if where == "environment":
        monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
        monkeypatch.setenv("GIT_CONFIG_KEY_0", "safe.directory")
        monkeypatch.setenv("GIT_CONFIG_VALUE_0", value)
    else:
        write(tmp_path, file, f"[safe]\n\tdirectory = {value}\n")
    if where in ("global", "system"):
        monkeypatch.setenv(f"GIT_CONFIG_{where.upper()}", str(tmp_path / file))

    assert run_git(foreign, "log", "--format=%s") == "First\n"


@needs_root
@pytest.mark.parametrize("value", ["", "/elsewhere"])
def test_repository_of_another_user_is_refused_without_a_path(
    foreign: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    config = foreign / ".git/config"  # does not count
    config.write_text(f"{config.read_text()}[safe]\n\tdirectory = *\n")
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "safe.directory")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", value)

    with pytest.raises(UntrustedRepository) as refused:
        run_git(foreign, "log")

    assert str(refused.value) == (
        "the repository belongs to another user, and git does not trust it; "
        "'handoff doctor' shows how to allow it"
    )
    assert str(foreign) in refused.value.fix


@needs_root
def test_trusted_repository_still_runs_no_filter(
    foreign: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(foreign, ".gitattributes", "*.py filter=evil\n")
    write(foreign, "a.py", "2\n")
    config = foreign / ".git/config"
    config.write_text(f'{config.read_text()}[filter "evil"]\n\tclean = touch {foreign}/ran\n')
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "safe.directory")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "*")

    assert read_tree(foreign, "HEAD", lambda _: False).changed_files == ("a.py",)
    assert not (foreign / "ran").exists()


@needs_root
def test_doctor_shows_how_to_trust_a_repository(
    foreign: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = run(["doctor", "--root", str(foreign), "--engine", "duckdb"])

    assert code == 3
    assert (
        "❌ git repository: the repository belongs to another user, and git does not trust it\n"
        "   → run 'git config --global --add safe.directory "
    ) in capsys.readouterr().out


@pytest.mark.parametrize("folder", ["plain", "with a space", "it's"])
def test_error_of_git_has_no_path_of_this_machine(tmp_path: Path, folder: str) -> None:
    root = repository(tmp_path / folder)
    write(root, ".git/config", "[broken\n")

    with pytest.raises(SourceFailed) as failed:
        run_git(root, "log")

    assert str(failed.value) == "git failed: bad config line 1 in file .git/config"
    with pytest.raises(SourceFailed, match=r"^git failed: "):
        run_git(git_with_missing_object(tmp_path / folder / "2"), "log", "-p")


def git_with_missing_object(root: Path) -> Path:
    repository(root)
    commit(root, "First", a="1")
    objects = [each for each in (root / ".git/objects").glob("??/*") if each.is_file()]
    for each in objects:
        if git(root, "cat-file", "-t", each.parent.name + each.name).strip() == "tree":
            each.unlink()
    return root
