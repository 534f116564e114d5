"""A project in a subfolder of its repository: one root for what is read and printed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from repositories import commit, git, repository, write

from handoff.commands.runner import run

SESSION = """\
session: 1
title: One
created: 2026-01-03
facts:
  work: {{git: start{path}}}
  made: {{git: start, take: commits{path}}}
  total: {{git: start, take: summary{path}}}
files: {{files: work}}
metrics: {{Made: {{table: made, columns: [subject]}}, Count: "{{{{ total.commits }}}}"}}
prompt: {{topic: t, read: [{read}], ask: go}}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """`apps/one` of a repository, with a merged branch that changed it and another app."""
    top = repository(tmp_path / "top [1]")
    root = top / "apps/one"
    commit(top, "Start", **{"apps__one__handoff.yaml": "", "apps__one__old.py": "1\n2\n3\n"})
    git(top, "tag", "start")
    commit(top, "Other", day=2, apps__two__g="2\n")
    git(top, "checkout", "-q", "-b", "side")
    (root / "old.py").rename(root / "new.py")
    commit(top, "Rename", day=3, shared__s="1\n")
    git(top, "checkout", "-q", "main")
    commit(top, "Empty", day=4)
    git(top, "merge", "-q", "--no-ff", "-m", "Merge", "side")
    return root


def facts(root: Path, path: str = "", read: str = "new.py") -> dict[str, object]:
    write(root, "sessions/one.yaml", SESSION.format(path=path, read=read))
    run(["render", "one", "--root", str(root)])
    recorded = json.loads((root / "sessions/one.facts.json").read_text())["facts"]
    names = {
        name: [each["name"] for each in fact["columns"]] for name, fact in recorded.items()
    }
    return {
        name: [dict(zip(names[name], row, strict=True)) for row in fact["rows"]]
        for name, fact in recorded.items()
    }


@pytest.mark.parametrize(
    ("path", "files", "subjects"),
    [
        ("", ["new.py"], ["Merge", "Rename"]),
        (", path: .", ["new.py"], ["Merge", "Rename"]),
        (", path: new.py", ["new.py"], ["Merge", "Rename"]),
        (", path: /apps/one/", ["new.py"], ["Merge", "Rename"]),
        (", path: /shared", ["../../shared/s"], ["Merge", "Rename"]),
        (", path: /apps", ["new.py", "../two/g"], ["Merge", "Rename", "Other"]),
        (
            ", path: /",
            ["new.py", "../two/g", "../../shared/s"],
            ["Merge", "Empty", "Rename", "Other"],
        ),
    ],
)
def test_git_facts_are_limited_to_a_path(
    project: Path, path: str, files: list[str], subjects: list[str]
) -> None:
    found = facts(project, path)

    assert [row["path"] for row in found["work"]] == files
    assert [row["subject"] for row in found["made"]] == subjects
    assert found["total"][0]["commits"] == len(subjects)
    assert found["total"][0]["files"] == len(files)


@pytest.mark.parametrize("path", ["sr", "/apps/three", "../two"])
def test_path_that_does_not_exist_is_no_result(
    project: Path, path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write(project, "sessions/one.yaml", SESSION.format(path=f", path: {path}", read="new.py"))

    code = run(["render", "one", "--stdout", "--root", str(project)])

    shown = capsys.readouterr()
    assert code == (1 if path.startswith("..") else 3)
    expected = "a path from the root" if code == 1 else f"git has no '{path}' in these commits"
    assert expected in shown.err
    assert "0 commits" not in shown.out


def test_paths_are_read_from_the_project(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    facts(project, read="apps/one/new.py")

    run(["check", "--root", str(project)])

    assert (
        "sessions/one.yaml:10:27: warning: file to read 'apps/one/new.py' does not exist, did "
        "you mean 'new.py'? (P001)"
    ) in capsys.readouterr().out


def test_annotations_are_relative_to_the_repository(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_WORKSPACE", str(project.parents[3]))  # checked out below it
    write(project, "sessions/one.yaml", "session: 1\ntitel: x\n")

    run(["check", "--format", "github", "--changed-since", "start", "--root", str(project)])

    out = capsys.readouterr().out
    assert "::error file=apps/one/sessions/one.yaml,line=2,col=1,title=Y020::" in out
