"""Logs, checkpoints and git, on real files and a real repository."""

from __future__ import annotations

import io
import json
import os
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handoff.sources import git, json_file, log
from handoff.sources.source import InvalidSource, SourceFailed

PATTERN = r"Processing day (?P<done>[\d,]+)/(?P<total>[\d,]+)"


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


# --- logs -------------------------------------------------------------------------------


def test_last_match_comes_first(tmp_path: Path) -> None:
    run = write(tmp_path / "run.log", "Processing day 1/9\nnoise\nProcessing day 2/9\nmore")

    found = list(log.matches(run, log.compile_pattern(PATTERN)))

    assert found == [{"done": "2", "total": "9"}, {"done": "1", "total": "9"}]


def test_rotated_log_goes_on_in_the_older_part(tmp_path: Path) -> None:
    run = write(tmp_path / "run.log", "just rotated\n")
    write(tmp_path / "run.log.1", "Processing day 7/9\n")

    assert next(log.matches(run, log.compile_pattern(PATTERN)))["done"] == "7"


def test_broken_bytes_do_not_hide_a_line(tmp_path: Path) -> None:
    run = tmp_path / "run.log"
    run.write_bytes(b"\xff\xfe Processing day 3/9 \xff\r\n")

    assert next(log.matches(run, log.compile_pattern(PATTERN)))["done"] == "3"


@pytest.mark.parametrize(
    ("content", "done"),
    [
        ("\rProcessing day 1/9\rProcessing day 2/9\rProcessing day 3/9 it/s", "3"),
        ("\x1b[32mProcessing\x1b[0m day \x1b[1m4\x1b[0m/9\n", "4"),
        ("Processing day 5/1537\nProcessing day 6/15", "5"),  # 1537, still being written
        ("Processing day 6/15", "6"),
        ("Processing day 7/9\n\n \n", "7"),
        ("Processing day 8/9\r\n", "8"),
    ],
)
def test_last_line_as_it_was_meant(tmp_path: Path, content: str, done: str) -> None:
    run = tmp_path / "run.log"
    run.write_bytes(content.encode())

    assert next(log.matches(run, log.compile_pattern(PATTERN)))["done"] == done


def test_group_that_took_no_part_has_no_value() -> None:
    match = log.compile_pattern(r"(?P<done>\d+)(?: of (?P<total>\d+))?")("at 5")

    assert match == log.LogMatch({"done": "5", "total": None}, is_to_the_end=True)


def test_older_part_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    run = write(tmp_path / "run.log", "rotated\n")
    outside = write(tmp_path / "secret", "Processing day 7/9\n")
    (tmp_path / "run.log.1").symlink_to(outside)

    assert list(log.matches(run, log.compile_pattern(PATTERN))) == []


def test_log_that_is_not_a_file_is_an_error(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "run.log")  # to open it would wait for ever

    with pytest.raises(SourceFailed, match="not a plain file"):
        list(log.matches(tmp_path / "run.log", log.compile_pattern(PATTERN)))


def test_missing_log_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceFailed, match="cannot read the log: no such file"):
        list(log.matches(tmp_path / "no.log", log.compile_pattern(PATTERN)))


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("day (", "not a regular expression of RE2: missing )"),
        (r"(?<=a)(?P<b>b)", "not a regular expression of RE2"),
        (r"\d+", "no named group"),
        ("(?P<a>x)" * 200, "at most 1000"),
    ],
)
def test_pattern_is_refused(pattern: str, message: str) -> None:
    with pytest.raises(log.BadPattern) as error:
        log.compile_pattern(pattern)

    assert message in str(error.value)


def test_hostile_pattern_is_linear() -> None:
    found = log.compile_pattern(r"(?P<x>(a|aa)+)$")
    started = time.monotonic()

    assert found("a" * 60_000 + "b") is None
    assert time.monotonic() - started < 5  # a backtracking engine would need years


def test_huge_log_is_read_from_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "MAX_SCANNED_BYTES", 4 * 2**20)
    run = tmp_path / "run.log"
    with run.open("wb") as file:
        file.seek(2 * 1024**3)  # 2 GiB with a hole, which costs no disk
        file.write(b"\nProcessing day 514/1,537\n" + b"x" * 1_000_000 + b"\n")

    assert next(log.matches(run, log.compile_pattern(PATTERN)))["total"] == "1,537"


def test_part_of_a_log_that_was_searched_is_reported(
    tmp_path: Path,
) -> None:
    run = write(tmp_path / "run.log", "Processing day 1/2\n")
    assert log.searched(run) == ""

    with (tmp_path / "run.log.1").open("wb") as older:
        older.truncate(log.MAX_SCANNED_BYTES)

    assert log.searched(run) == " of its last 256 MiB"


@given(st.lists(st.binary(max_size=40).filter(lambda b: b"\x1b" not in b), max_size=30))
def test_lines_from_the_end_are_the_lines(lines: list[bytes]) -> None:
    content = b"\n".join(lines)
    split = content.replace(b"\r", b"\n").split(b"\n")
    texts = [line.decode("utf-8", "replace") for line in split]
    whole = [
        log.LogLine(text, n + 1 < len(texts)) for n, text in enumerate(texts) if text.strip()
    ]
    block, log.BLOCK_BYTES = log.BLOCK_BYTES, 16
    try:
        found = list(log.lines_from_end(io.BytesIO(content), len(content), at_most=10**6))
    finally:
        log.BLOCK_BYTES = block

    assert found == whole[::-1]


@pytest.mark.parametrize(
    "pattern",
    [
        *(r"(?P<a>x+)", r"^(?P<a>\w+)$", r"^(?P<a>\s*)x", r"(?P<a>.*)y", r"x(?P<a>[^a])y"),
        *(r"(?P<a>x|^$|y\b)", r"(?s)x(?P<a>.)", r"(?i)(?P<a>X)$", r"\A(?P<a>x)", r"(?P<a>y)\z"),
        *(r"(?P<a>\W)x", r"(?P<a>é.)", r"(?P<a>x)\Q$\E", r"(?m)^(?P<a>y)", r"(?P<a>x?)"),
    ],
)
@given(lines=st.lists(st.text("xy é$\t", max_size=6).map(str.encode) | st.binary(max_size=3)))
def test_blocks_are_skipped_only_where_no_line_matches(
    pattern: str, lines: list[bytes]
) -> None:
    found = log.compile_pattern(pattern)
    content = b"\n".join(lines)

    def matched(wanted: Callable[[bytes], bool]) -> list[log.LogMatch]:
        read = log.lines_from_end(
            io.BytesIO(content), len(content), at_most=10**6, wanted=wanted
        )
        return [match for line in read if (match := found(line.text))]

    assert matched(found.may_match) == matched(lambda _: True)


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

    found = json_file.select_rows(
        json_file.read_json(file),
        "phases",
        {"phase": "name", "done": "length(finished || `[]`)"},
    )

    assert found == [{"phase": "one", "done": 2}, {"phase": "two", "done": 0}]
    assert json_file.select_rows(content, None, {"total": "total"}) == [{"total": 9}]


def test_checkpoint_of_named_rows() -> None:
    content = {"at": "12:00", "phases": {"one": {"done": 1}, "two": {}}}

    found = json_file.select_rows(
        content, "phases", {"phase": "$key", "done": "done", "at": "$.at"}
    )

    assert found == [
        {"phase": "one", "done": 1, "at": "12:00"},
        {"phase": "two", "done": None, "at": "12:00"},
    ]


def test_checkpoint_that_is_not_a_file_is_an_error(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "state.json")

    with pytest.raises(SourceFailed, match="not a plain file"):
        json_file.read_json(tmp_path / "state.json")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not JSON: expecting property name"),
        ("[" * 100_000, "nested too deeply"),
        ("9" * 5000, "a number of too many digits"),
    ],
)
def test_broken_checkpoint_says_where(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SourceFailed, match=message):
        json_file.read_json(write(tmp_path / "state.json", text))


def test_wrong_expressions() -> None:
    with pytest.raises(json_file.BadExpression, match="not a JMESPath expression"):
        json_file.check_expression("a..b")
    with pytest.raises(SourceFailed, match="of this type"):
        json_file.select_rows({"total": 9}, None, {"n": "length(total)"})
    with pytest.raises(SourceFailed, match="'total' is neither a list nor a mapping"):
        json_file.select_rows({"total": 9}, "total", {"n": "n"})


# --- git --------------------------------------------------------------------------------


def run(
    root: Path, *words: str, date: str = "2026-01-03T10:00:00Z", author: str = "Ada"
) -> str:
    env = {
        **os.environ,
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_AUTHOR_DATE": date,
        "GIT_COMMITTER_DATE": date,
    }
    identity = ("-c", f"user.name={author}", "-c", "user.email=ada@example.org")
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


def test_since_a_branch_is_since_where_both_parted(repository: Path) -> None:
    run(repository, "checkout", "-q", "-b", "work", "base")
    write(repository / "work.py", "w\n")
    run(repository, "add", ".")
    run(repository, "commit", "-q", "-m", "Work")

    span = git.since(repository, "main")

    assert [file.path for file in git.files(repository, span)] == ["work.py"]
    assert [commit.subject for commit in git.commits(repository, span)] == ["Work"]


def test_past_time_has_its_own_head(repository: Path) -> None:
    write(repository / "later.py", "l\n")
    run(repository, "add", ".")
    run(repository, "commit", "-q", "-m", "Later", date="2026-01-04T10:00:00Z")

    span = git.since(repository, "base", until=datetime(2026, 1, 3, 12, tzinfo=UTC))

    assert [commit.subject for commit in git.commits(repository, span)] == ["Second"]
    with pytest.raises(SourceFailed, match="no commit as early as 2020-01-01 00:00 UTC"):
        git.since(repository, "base", until=datetime(2020, 1, 1, tzinfo=UTC))


def test_date_begins_at_midnight_where_its_people_are(repository: Path) -> None:
    kiritimati = ZoneInfo("Pacific/Kiritimati")  # its 4th began at 10:00 UTC on the 3rd

    assert git.files(repository, git.since(repository, "2026-01-04")) == ()
    assert git.files(repository, git.since(repository, "2026-01-04", zone=kiritimati)) == ()
    assert git.files(repository, git.since(repository, "2026-01-03", zone=kiritimati)) != ()


def test_detached_head_and_folder_beneath_the_top(repository: Path) -> None:
    run(repository, "checkout", "-q", "--detach", "main")
    (repository / "inner").mkdir()

    assert len(git.files(repository / "inner", git.since(repository, "base"))) == 4


def test_repository_without_a_commit_is_an_error(tmp_path: Path) -> None:
    run(tmp_path, "init", "-q")

    with pytest.raises(SourceFailed, match="the repository has no commit yet"):
        git.since(tmp_path, "HEAD")


def test_binary_file_has_no_lines(repository: Path) -> None:
    (repository / "image.png").write_bytes(bytes(range(256)))
    run(repository, "add", ".")
    run(repository, "commit", "-q", "-m", "Image")

    (found,) = git.files(repository, git.since(repository, "HEAD~"))

    assert found == git.File("image.png", "added", None, None, None)


def test_hostile_names_and_subjects_are_read_whole(repository: Path) -> None:
    names = ["--output=x", "a\tb\nc.py", '"quoted" `ticks`', "[TIME] | x", "*"]
    for name in names:
        write(repository / name, "x\n")
    run(repository, "add", "--all", "--", ".")
    run(repository, "commit", "-q", "-m", "One\x1ftwo | `three`", author="A\x1fda")

    span = git.since(repository, "HEAD~")

    assert [file.path for file in git.files(repository, span)] == sorted(names)
    (commit,) = git.commits(repository, span)
    assert (commit.author, commit.subject) == ("A\x1fda", "One\x1ftwo | `three`")


def test_environment_does_not_lead_elsewhere(
    repository: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path_factory.mktemp("other")
    run(other, "init", "-q")
    mark = other / "ran"
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", f"touch {mark}")
    monkeypatch.setenv("GIT_CONFIG_PARAMETERS", f"'core.fsmonitor'='touch {mark}'")

    assert len(git.files(repository, git.since(repository, "base"))) == 4
    assert not mark.exists()


def test_folder_that_looks_like_a_repository_is_none(repository: Path) -> None:
    """A pull request can bring such a folder, with settings that name programs."""
    bare = repository / "bare"
    run(repository, "clone", "-q", "--bare", ".", str(bare))
    mark = repository / "ran"
    run(bare, "config", "core.fsmonitor", f"touch {mark}")

    with pytest.raises(SourceFailed, match="cannot use bare repository"):
        git.since(bare, "base")
    assert not mark.exists()


def test_settings_of_a_person_change_nothing(repository: Path) -> None:
    before = git.files(repository, git.since(repository, "base"))
    order = write(repository / "order", "new.py\n")
    for key, value in {
        "diff.relative": "true",
        "diff.renames": "false",
        "diff.orderFile": str(order),
        "diff.algorithm": "patience",
        "diff.noprefix": "true",
        "color.ui": "always",
        "log.showSignature": "true",
        "i18n.logOutputEncoding": "latin1",
    }.items():
        run(repository, "config", key, value)

    span = git.since(repository, "base")

    assert git.files(repository, span) == before
    assert [commit.subject for commit in git.commits(repository, span)] == ["Second"]


def test_since_before_all_history_takes_everything(repository: Path) -> None:
    span = git.since(repository, "2020-01-01")

    assert [c.subject for c in git.commits(repository, span)] == ["Second", "First | [TIME]"]
    assert {f.change for f in git.files(repository, span)} == {"added"}


@pytest.mark.parametrize("base", ["--upload-pack=touch x", "nothing", "-1", "base:new.py", ""])
def test_no_word_of_a_session_is_an_option(repository: Path, base: str) -> None:
    with pytest.raises(SourceFailed, match="no commit"):
        git.since(repository, base)
    assert not (repository / "x").exists()


def test_hostile_repository_runs_nothing(repository: Path, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    script = write(tmp_path / "evil.sh", f"#!/bin/sh\ntouch {mark}\n")
    script.chmod(0o755)
    for key in (
        *("core.fsmonitor", "core.pager", "core.sshCommand", "diff.external"),
        *("diff.evil.textconv", "diff.evil.command", "filter.evil.clean", "filter.evil.smudge"),
        *("filter.evil.process", "gpg.program"),
    ):
        run(repository, "config", key, str(script))
    run(repository, "config", "log.showSignature", "true")
    write(repository / ".gitattributes", "*.py diff=evil filter=evil\n")
    hook = write(repository / ".git" / "hooks" / "post-index-change", script.read_text())
    hook.chmod(0o755)

    span = git.since(repository, "base")
    git.files(repository, span)
    git.commits(repository, span)

    assert not mark.exists()


def test_shallow_clone_is_reported(repository: Path, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    write(repository / "later.py", "l\n")
    run(repository, "add", "later.py")
    run(repository, "commit", "-q", "-m", "Later")
    run(tmp_path, "clone", "-q", "--depth", "2", f"file://{repository}", str(clone))

    assert git.since(clone, "HEAD~").shallow
    with pytest.raises(SourceFailed, match="this is a shallow clone, whose history"):
        git.since(clone, "2020-01-01")  # all it has would seem to be new
    with pytest.raises(SourceFailed, match="no commit 'base', and this is a shallow"):
        git.since(clone, "base")


@pytest.mark.parametrize("base", ["main", "HEAD", "v1", "on-top", "refs/heads/main"])
def test_base_that_has_every_commit_is_no_result(repository: Path, base: str) -> None:
    run(repository, "tag", "v1")
    run(repository, "branch", "on-top")

    with pytest.raises(SourceFailed, match="is the last commit itself, so what was done"):
        git.since(repository, base, session_files=["new.py"])


def test_merged_branch_is_no_result_for_the_branch_it_is_merged_into(repository: Path) -> None:
    _merge(repository, "work.py")
    run(repository, "checkout", "-q", "work")

    with pytest.raises(SourceFailed, match="'main' already contains the last commit, so"):
        git.since(repository, "main", session_files=["work.py"])


def _merge(repository: Path, file: str) -> None:
    """Commit `file` on the branch `work` and merge it into main."""
    run(repository, "checkout", "-q", "-b", "work")
    write(repository / file, "w\n")
    run(repository, "add", ".")
    run(repository, "commit", "-q", "-m", "Work")
    run(repository, "checkout", "-q", "main")
    run(repository, "merge", "-q", "--no-ff", "-m", "Merge", "work")


def test_merge_of_the_session_begins_at_its_first_parent(repository: Path) -> None:
    _merge(repository, "s.facts.json")

    span = git.since(repository, "main", session_files=["s.yaml", "s.facts.json"])

    assert span.base == run(repository, "rev-parse", "main^1")
    assert [commit.subject for commit in git.commits(repository, span)] == ["Merge", "Work"]


def test_nothing_was_done_since_the_last_commit_named_by_its_hash(repository: Path) -> None:
    head = run(repository, "rev-parse", "HEAD")
    run(repository, "branch", head[:9])

    for base in (head, head[:12]):
        assert git.commits(repository, git.since(repository, base)) == ()
    with pytest.raises(SourceFailed, match="is the last commit itself"):
        git.since(repository, head[:9])


def test_merge_of_something_else_is_no_result(repository: Path) -> None:
    _merge(repository, "other.py")
    run(repository, "tag", "v1")

    with pytest.raises(SourceFailed, match="'main' is the last commit itself"):
        git.since(repository, "main", session_files=["s.yaml"])
    with pytest.raises(SourceFailed, match="'v1' is the last commit itself"):
        git.since(repository, "v1", session_files=["other.py"])


def test_no_commit_since_a_date_is_known_and_after_the_as_of_time_is_not(
    repository: Path,
) -> None:
    now = datetime(2026, 1, 5, 12, tzinfo=UTC)

    span = git.since(repository, "2026-01-05", now=now)
    assert (git.commits(repository, span), git.files(repository, span)) == ((), ())
    for until in (None, now):
        with pytest.raises(SourceFailed, match="'2026-01-06' is after 2026-01-05 12:00 UTC"):
            git.since(repository, "2026-01-06", until=until, now=now)


@pytest.mark.parametrize(
    ("base", "message"),
    [
        ("2025-11-02T01:30", "'2025-11-02T01:30' occurs twice in America/New_York"),
        ("2025-03-09 02:30", "'2025-03-09 02:30' does not exist in America/New_York"),
    ],
)
def test_local_time_that_is_not_one_time_is_an_error(
    repository: Path, base: str, message: str
) -> None:
    with pytest.raises(InvalidSource, match=message):
        git.since(repository, base, zone=ZoneInfo("America/New_York"))


def test_date_begins_with_its_first_time_where_midnight_is_left_out_or_repeated(
    repository: Path,
) -> None:
    for zone, day in (("America/Sao_Paulo", "2018-11-04"), ("America/Havana", "2025-11-02")):
        assert git.files(repository, git.since(repository, day, zone=ZoneInfo(zone))) != ()


def test_shallow_clone_without_a_common_commit_is_no_result(
    repository: Path, tmp_path: Path
) -> None:
    run(repository, "checkout", "-q", "-b", "work", "base")
    write(repository / "work.py", "w\n")
    run(repository, "add", ".")
    run(repository, "commit", "-q", "-m", "Work")
    clone = tmp_path / "clone"
    url = f"file://{repository}"
    run(tmp_path, "clone", "-q", "--depth", "1", "--no-single-branch", url, str(clone))

    with pytest.raises(SourceFailed, match="this is a shallow clone, whose history"):
        git.since(clone, "origin/main")


def test_no_repository_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceFailed, match="not a git repository"):
        git.since(tmp_path, "HEAD")
