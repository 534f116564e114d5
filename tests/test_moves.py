"""Documents that get another path: links to them stay alive, and nothing is left unsaid."""

from __future__ import annotations

from pathlib import Path

import pytest

from handoff.commands.runner import run
from tests.projects import OUTPUT, documents, project, write_session
from tests.repositories import commit, repository, write

OLD, NEW = "2026-01-01-SESSION-1-OLD.md", "2026-01-01-SESSION-1-NEW.md"
TWO = "2026-01-02-SESSION-2-TWO.md"
NAMES_OLD = f"""\
slug: two
summary: {{L: "[one]({OLD}#state) and `{OUTPUT}/{OLD}`"}}
prompt: {{topic: t, read: [{OUTPUT}/{OLD}], ask: go}}
"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Session two names the document of session one."""
    root = repository(tmp_path)
    project(root, one="slug: old\n", two=NAMES_OLD)
    monkeypatch.chdir(root)
    assert run(["publish"]) == 0
    return root


def rename(root: Path, slug: str) -> None:
    write_session(root, "one", f"slug: {slug}\n", 1)
    assert run(["publish"]) == 0


def leads_to(root: Path, path: str) -> str:
    """The name of the document that a stub links to."""
    text = documents(root)[path]
    assert text.startswith("# Moved\n")
    return text.partition("](")[2].partition(")")[0]


def is_settled(root: Path) -> bool:
    return run(["publish", "--check"]) == 0 and run(["check", "--strict"]) == 0


def test_links_to_a_document_with_another_title_follow_it(root: Path) -> None:
    rename(root, "new")

    text = documents(root)[TWO]
    assert leads_to(root, OLD) == NEW
    assert OLD not in text
    assert text.count(NEW) == 3
    assert f"[one]({NEW}#state)" in text
    assert OLD not in documents(root)["README.md"]
    assert is_settled(root)


def test_title_that_changes_twice_is_followed_to_the_last(root: Path) -> None:
    rename(root, "new")
    rename(root, "newest")
    newest = "2026-01-01-SESSION-1-NEWEST.md"

    assert (leads_to(root, OLD), leads_to(root, NEW)) == (newest, newest)
    assert f"[one]({newest}#state)" in documents(root)[TWO]
    assert is_settled(root)


def test_title_that_changes_back_has_its_document_again(root: Path) -> None:
    before = documents(root)
    rename(root, "new")
    rename(root, "old")

    assert leads_to(root, NEW) == OLD
    assert {**before, NEW: documents(root)[NEW]} == documents(root)
    assert is_settled(root)


def test_manual_edits_of_the_old_document_are_kept(root: Path) -> None:
    edited = f"Mine\n{documents(root)[OLD]}"
    write(root, f"{OUTPUT}/{OLD}", edited)

    rename(root, "new")

    assert documents(root)[OLD] == edited


def test_other_day_in_the_archive(root: Path) -> None:
    write(root, "handoff.yaml", "engine: duckdb\narchive: {after_days: 30, by: month}\n")
    write_session(root, "late", "created: 2026-06-01\n", 9)
    assert run(["publish"]) == 0
    rename(root, "new")

    assert leads_to(root, f"2026-01/{OLD}") == NEW
    assert f"[one]({NEW}#state)" in documents(root)[f"2026-01/{TWO}"]
    assert is_settled(root)


# --- prune -------------------------------------------------------------------------------


def test_prune_keeps_links_that_a_file_names(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rename(root, "new")

    assert run(["publish", "--prune"]) == 0
    assert OLD in documents(root)

    write_session(root, "two", "slug: two\n", 2)
    capsys.readouterr()
    assert run(["publish", "--prune"]) == 0
    assert OLD not in documents(root)
    assert f"removed {OUTPUT}/{OLD}" in capsys.readouterr().err


def test_prune_keeps_the_document_of_a_deleted_session_that_a_file_names(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (root / "sessions/one.yaml").unlink()

    assert run(["publish", "--prune"]) == 0

    assert OLD in documents(root)
    assert (
        f"{OUTPUT}/{OLD}: warning: orphaned: session 'one' no longer exists; kept, because "
        "sessions/two.yaml:5:21 names it: remove that link first (X006)"
    ) in capsys.readouterr().err


@pytest.mark.parametrize(
    ("is_file", "code", "message"),
    [
        (True, 3, "sessions: error: cannot read: not a directory"),
        (False, 1, "sessions: error: no session there, so '--prune' removes nothing"),
    ],
)
def test_prune_removes_nothing_where_no_session_can_be_read(
    root: Path, capsys: pytest.CaptureFixture[str], is_file: bool, code: int, message: str
) -> None:
    before = documents(root)
    (root / "sessions").rename(root / "away")
    if is_file:
        write(root, "sessions", "")
    else:
        (root / "sessions").mkdir()

    assert run(["publish", "--prune"]) == code

    assert message in capsys.readouterr().err
    assert documents(root) == before


# --- another output folder ---------------------------------------------------------------


def set_output(root: Path, folder: str) -> None:
    write(root, "handoff.yaml", f"engine: duckdb\noutput: {folder}\n")
    assert run(["publish"]) == 0


def test_other_output_takes_documents_and_index_along(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    set_output(root, "docs/handoffs")

    assert documents(root).keys() == {OLD, TWO}
    assert leads_to(root, TWO) == f"../handoffs/{TWO}"
    told = capsys.readouterr().err
    assert f"removed {OUTPUT}/LATEST.md" in told
    assert f"moved {OUTPUT}/{OLD}; a link to the new place is left there" in told
    assert is_settled(root)


def test_index_that_a_file_names_becomes_a_link(root: Path) -> None:
    write(root, "AGENTS.md", f"Read {OUTPUT}/LATEST.md first.\n")

    set_output(root, "docs/handoffs")

    assert documents(root).keys() == {OLD, TWO, "LATEST.md"}
    assert leads_to(root, "LATEST.md") == "../handoffs/LATEST.md"


def test_earlier_output_is_known_from_git_and_can_come_back(root: Path) -> None:
    set_output(root, "a")
    commit(root, "a")
    set_output(root, "b")

    assert not (root / "a/LATEST.md").exists()
    assert "](../b/" in (root / "a" / TWO).read_text()

    set_output(root, "a")
    assert "](../a/" in (root / "b" / TWO).read_text()
    assert (root / "a" / TWO).read_text().startswith("# 🎯")


def test_edited_document_in_the_earlier_output_is_kept_and_reported(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edited = f"Mine\n{documents(root)[OLD]}"
    write(root, f"{OUTPUT}/{OLD}", edited)

    set_output(root, "docs/handoffs")

    assert documents(root)[OLD] == edited
    assert (
        f"{OUTPUT}/{OLD}: warning: orphaned: the document of 'one' is now docs/handoffs/{OLD}; "
        "edited manually, so remove it yourself (X007)"
    ) in capsys.readouterr().err
