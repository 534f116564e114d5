"""Logs, checkpoints and git, on real files and a real repository."""

from __future__ import annotations

import io
import json
import os
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handoff.sources import checkpoint, git, log

PATTERN = r"Processing day (?P<done>[\d,]+)/(?P<total>[\d,]+)"


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


# --- logs -------------------------------------------------------------------------------


def test_last_match_comes_first(tmp_path: Path) -> None:
    run = write(tmp_path / "run.log", "Processing day 1/9\nnoise\nProcessing day 2/9\nmore")

    found = list(log.matches(run, log.search(PATTERN)))

    assert found == [{"done": "2", "total": "9"}, {"done": "1", "total": "9"}]


def test_rotated_log_goes_on_in_the_older_part(tmp_path: Path) -> None:
    run = write(tmp_path / "run.log", "just rotated\n")
    write(tmp_path / "run.log.1", "Processing day 7/9\n")

    assert next(log.matches(run, log.search(PATTERN)))["done"] == "7"


def test_broken_bytes_do_not_hide_a_line(tmp_path: Path) -> None:
    run = tmp_path / "run.log"
    run.write_bytes(b"\xff\xfe Processing day 3/9 \xff\r\n")

    assert next(log.matches(run, log.search(PATTERN)))["done"] == "3"


def test_missing_log_says_so(tmp_path: Path) -> None:
    with pytest.raises(log.SourceFailed, match="cannot read the log: no such file"):
        list(log.matches(tmp_path / "no.log", log.search(PATTERN)))


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("day (", "no regular expression that RE2 takes: missing )"),
        (r"(?<=a)(?P<b>b)", "no regular expression that RE2 takes"),
        (r"\d+", "no named group"),
        ("(?P<a>x)" * 200, "more than 1000"),
    ],
)
def test_pattern_is_refused(pattern: str, message: str) -> None:
    with pytest.raises(log.BadPattern) as error:
        log.search(pattern)

    assert message in str(error.value)


def test_hostile_pattern_is_linear() -> None:
    found = log.search(r"(?P<x>(a|aa)+)$")
    started = time.monotonic()

    assert found("a" * 60_000 + "b") is None
    assert time.monotonic() - started < 5  # a backtracking engine would need years


def test_huge_log_is_read_from_its_end(tmp_path: Path) -> None:
    run = tmp_path / "run.log"
    with run.open("wb") as file:
        file.seek(2 * 1024**3)  # 2 GiB with a hole, which costs no disk
        file.write(b"\nProcessing day 514/1,537\n" + b"x" * 1_000_000 + b"\n")
    started = time.monotonic()

    assert next(log.matches(run, log.search(PATTERN)))["total"] == "1,537"
    assert time.monotonic() - started < 1  # the rule: under a second


@given(st.lists(st.binary(max_size=40).map(lambda b: b.replace(b"\n", b"")), max_size=30))
def test_lines_from_the_end_are_the_lines(lines: list[bytes]) -> None:
    content = b"\n".join(lines)
    whole = [n.decode("utf-8", "replace").rstrip("\r") for n in lines if n.strip()]
    block, log.BLOCK_BYTES = log.BLOCK_BYTES, 16
    try:
        found = list(log.lines_from_end(io.BytesIO(content), len(content), at_most=10**6))
    finally:
        log.BLOCK_BYTES = block

    assert found == whole[::-1]


def test_newest_of_several(tmp_path: Path) -> None:
    older = write(tmp_path / "z.log", "")
    newer = write(tmp_path / "a.log", "")
    os.utime(older, (1, 1))

    assert log.newest([older, newer]) == newer
    assert log.newest([]) is None


# --- checkpoints ------------------------------------------------------------------------


def test_checkpoint_gives_rows(tmp_path: Path) -> None:
    content = {"total": 9, "phases": [{"name": "one", "finished": [1, 2]}, {"name": "two"}]}
    file = write(tmp_path / "state.json", json.dumps(content))

    found = checkpoint.rows(
        checkpoint.read(file), "phases", {"phase": "name", "done": "length(finished || `[]`)"}
    )

    assert found == [{"phase": "one", "done": 2}, {"phase": "two", "done": 0}]
    assert checkpoint.rows(content, None, {"total": "total"}) == [{"total": 9}]


@pytest.mark.parametrize(
    ("text", "message"),
    [("{", "no JSON: expecting property name"), ("[" * 100_000, "nested too deeply")],
)
def test_broken_checkpoint_says_where(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(log.SourceFailed, match=message):
        checkpoint.read(write(tmp_path / "state.json", text))


def test_wrong_expressions() -> None:
    with pytest.raises(checkpoint.BadExpression, match="no JMESPath expression"):
        checkpoint.check("a..b")
    with pytest.raises(log.SourceFailed, match="cannot be read so"):
        checkpoint.rows({"total": 9}, None, {"n": "length(total)"})
    with pytest.raises(log.SourceFailed, match="'total' is no list"):
        checkpoint.rows({"total": 9}, "total", {"n": "n"})


# --- git --------------------------------------------------------------------------------


def run(root: Path, *words: str) -> str:
    env = {
        **os.environ,
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_AUTHOR_DATE": "2026-01-03T10:00:00Z",
        "GIT_COMMITTER_DATE": "2026-01-03T10:00:00Z",
    }
    identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
    done = subprocess.run(
        ("git", *identity, *words), cwd=root, env=env, check=True, capture_output=True
    )
    return done.stdout.decode().strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    run(tmp_path, "init", "-q", "-b", "main")
    write(tmp_path / "kept.py", "one\ntwo\nthree\nfour\n")
    write(tmp_path / "gone.py", "x\n")
    write(tmp_path / "öld name.py", "".join(f"line {n}\n" for n in range(20)))
    run(tmp_path, "add", ".")
    run(tmp_path, "commit", "-q", "-m", "First | [TIME]")
    run(tmp_path, "tag", "base")
    write(tmp_path / "kept.py", "one\ntwo\nthree\nfive\n")
    write(tmp_path / "new.py", "n\n")
    run(tmp_path, "mv", "öld name.py", "moved.py")
    run(tmp_path, "rm", "-q", "gone.py")
    run(tmp_path, "add", ".")
    run(tmp_path, "commit", "-q", "-m", "Second")
    return tmp_path


def test_files_since_a_commit(repository: Path) -> None:
    span = git.since(repository, "base")

    assert git.files(repository, span) == (
        git.File("gone.py", "deleted", None, 0, 1),
        git.File("kept.py", "modified", None, 1, 1),
        git.File("moved.py", "renamed", "öld name.py", 0, 0),
        git.File("new.py", "added", None, 1, 0),
    )


def test_commits_since_a_commit(repository: Path) -> None:
    (commit,) = git.commits(repository, git.since(repository, "base"))

    assert (commit.author, commit.subject) == ("Ada", "Second")
    assert commit.committed_at == datetime(2026, 1, 3, 10, tzinfo=UTC)


def test_since_before_all_history_takes_everything(repository: Path) -> None:
    span = git.since(repository, "2020-01-01")

    assert [c.subject for c in git.commits(repository, span)] == ["Second", "First | [TIME]"]
    assert {f.change for f in git.files(repository, span)} == {"added"}


@pytest.mark.parametrize("base", ["--upload-pack=touch x", "nothing", "-1", "base:new.py", ""])
def test_no_word_of_a_session_is_an_option(repository: Path, base: str) -> None:
    with pytest.raises(log.SourceFailed, match="git knows no commit"):
        git.since(repository, base)
    assert not (repository / "x").exists()


def test_hostile_repository_runs_nothing(repository: Path, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    script = write(tmp_path / "evil.sh", f"#!/bin/sh\ntouch {mark}\n")
    script.chmod(0o755)
    for key in ("core.fsmonitor", "diff.external", "diff.evil.textconv", "diff.evil.command"):
        run(repository, "config", key, str(script))
    write(repository / ".gitattributes", "*.py diff=evil\n")

    git.files(repository, git.since(repository, "base"))

    assert not mark.exists()


def test_shallow_clone_is_said(repository: Path, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    run(tmp_path, "clone", "-q", "--depth", "1", f"file://{repository}", str(clone))

    assert git.since(clone, "HEAD").shallow


def test_no_repository_says_so(tmp_path: Path) -> None:
    with pytest.raises(log.SourceFailed, match="not a git repository"):
        git.since(tmp_path, "HEAD")
