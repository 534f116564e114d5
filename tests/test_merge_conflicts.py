"""Branches merged by git: generated files never need a person, others say where."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from handoff.base.conflict_markers import conflicts, marker_line, sides
from handoff.commands.runner import run
from tests.projects import OUTPUT, documents, project, write_session
from tests.repositories import commit, git, repository, write

ROOT = Path(__file__).parent.parent
README, LATEST = f"{OUTPUT}/README.md", f"{OUTPUT}/LATEST.md"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """On branch `ours`; both branches added a session to the base and published."""
    root = repository(tmp_path)
    project(root, base="checklist: {A: true}\n")
    monkeypatch.chdir(root)
    publish_on(root, "base")
    git(root, "checkout", "-qb", "theirs")
    write_session(root, "alpha", "created: 2026-01-10\n", 2)
    publish_on(root, "alpha")
    git(root, "checkout", "-qb", "ours", "main")
    write_session(root, "beta", "created: 2026-02-11\nprompt: {ask: go}\n", 3)
    publish_on(root, "beta")
    return root


def publish_on(root: Path, subject: str) -> None:
    assert run(["publish"]) == 0
    commit(root, subject)


def merge(root: Path, *words: str) -> list[str]:
    """The paths left with a conflict."""
    with pytest.raises(subprocess.CalledProcessError):
        git(root, *(words or ("merge", "-q", "theirs")))
    return git(root, "diff", "--name-only", "--diff-filter=U").split()


def published_afresh(root: Path, folder: Path) -> dict[str, str]:
    """The documents that the same sessions have where nothing was merged."""
    for file in [root / "handoff.yaml", *sorted((root / "sessions").iterdir())]:
        write(folder, file.relative_to(root).as_posix(), file.read_text("utf-8"))
    assert run(["publish", "--root", str(folder)]) == 0
    return documents(folder)


@pytest.mark.parametrize("style", ["merge", "diff3", "zdiff3"])
@pytest.mark.parametrize(
    "words", [("merge", "-q", "theirs"), ("rebase", "-q", "theirs"), ("cherry-pick", "theirs")]
)
def test_publish_repairs_generated_files(
    root: Path, tmp_path_factory: pytest.TempPathFactory, style: str, words: tuple[str, ...]
) -> None:
    git(root, "config", "merge.conflictStyle", style)
    assert merge(root, *words) == [LATEST, README]
    assert run(["publish", "--check"]) == 1

    assert run(["publish"]) == 0

    assert documents(root) == published_afresh(root, tmp_path_factory.mktemp("afresh"))
    assert run(["publish", "--check"]) == 0


@pytest.mark.parametrize("words", [("add",), ("add", "commit")], ids=" ".join)
def test_publish_repairs_conflicts_that_were_added_or_committed(
    root: Path, words: tuple[str, ...]
) -> None:
    merge(root)
    git(root, "add", "-A")
    if "commit" in words:
        git(root, "commit", "-qm", "merged with markers")

    assert run(["publish"]) == 0

    assert "<<<<<<<" not in (root / README).read_text()


def test_whole_signed_sides_need_no_git(root: Path) -> None:
    ours = (root / LATEST).read_text()
    theirs = git(root, "show", f"theirs:{LATEST}")
    (root / ".git").rename(root / "no-git")
    write(root, LATEST, f"<<<<<<< HEAD\n{ours}=======\n{theirs}>>>>>>> theirs\n")

    assert run(["publish"]) == 0

    assert (root / LATEST).read_text() == ours


@pytest.mark.parametrize("branch", ["ours", "theirs"])
def test_manual_edit_of_one_side_is_kept_with_its_line(
    root: Path, branch: str, capsys: pytest.CaptureFixture[str]
) -> None:
    git(root, "checkout", "-q", branch)
    text = (root / LATEST).read_text()
    write(root, LATEST, text.replace("# Latest handoff", "# Latest handoff\n\nRead me first."))
    commit(root, "manual edit")
    git(root, "checkout", "-q", "ours")
    merge(root)
    conflict = (root / LATEST).read_text()
    line = conflict.split("\n").index("Read me first.") + 1
    capsys.readouterr()

    assert run(["publish"]) == 1

    assert (root / LATEST).read_text() == conflict
    assert capsys.readouterr().err.splitlines()[1] == (
        f"{LATEST}:{line}: error: merge conflict with a manual edit in this line: move the "
        "edit into the session file, or replace it with '--overwrite', which keeps its text "
        "aside (X010)"
    )


def test_edit_while_resolving_is_kept(root: Path) -> None:
    merge(root)
    write(root, README, (root / README).read_text() + "A note.\n")

    assert run(["publish"]) == 1

    assert "A note.\n" in (root / README).read_text()


def test_line_removed_on_one_side_is_a_manual_edit(root: Path) -> None:
    text = (root / LATEST).read_text()
    write(root, LATEST, text.replace("# Latest handoff\n", ""))
    commit(root, "manual edit")
    merge(root)

    assert run(["publish"]) == 1


# --- facts and receipts ------------------------------------------------------------------

FACTS = 'facts: {n: {sql: q/n.sql}}\nsummary: {L: "{{ n.n }}"}\n'
QUERY = "-- N.\n-- returns: n INT64, day TIMESTAMP\nSELECT 1 AS n, @as_of AS day\n"


@pytest.fixture
def recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Both branches rendered and accepted the same session; theirs later."""
    root = repository(tmp_path)
    write(root, "sql/q/n.sql", QUERY)
    project(root, one=FACTS)
    monkeypatch.chdir(root)
    commit(root, "base")
    for branch, day, name in (("theirs", 4, "Bo"), ("ours", 3, "Al")):
        git(root, "checkout", "-qb", branch, "main")
        assert run(["render", "one", "--as-of", f"2026-01-0{day}T10:00Z"]) == 0
        assert run(["accept", "one", "--by", name]) == 0
        publish_on(root, branch)
    return root


def test_publish_keeps_all_receipts_and_the_facts_recorded_last(recorded: Path) -> None:
    assert len(merge(recorded)) == 3
    theirs = git(recorded, "show", "theirs:sessions/one.facts.json")

    assert run(["publish"]) == 0

    assert (recorded / "sessions/one.facts.json").read_text() == theirs
    receipts = (recorded / "sessions/one.receipts.json").read_text()
    assert [name for name in ("Al", "Bo") if f'"by": "{name}"' in receipts] == ["Al", "Bo"]
    assert run(["publish", "--check"]) == 0


def test_edited_facts_stay_a_conflict(
    recorded: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = "sessions/one.facts.json"
    write(recorded, path, (recorded / path).read_text().replace("[1,", "[2,"))
    commit(recorded, "edited")
    merge(recorded)
    conflict = (recorded / path).read_text()
    capsys.readouterr()

    assert run(["publish"]) == 1

    assert (recorded / path).read_text() == conflict
    assert f"{path}:3:1: error: a merge conflict" in capsys.readouterr().err


# --- the merge driver --------------------------------------------------------------------


def configure_driver(root: Path) -> None:
    """As `handoff init` proposes it."""
    lines = ["sessions/*.json merge=handoff", f"{OUTPUT}/**/*.md merge=handoff"]
    write(root, ".git/info/attributes", "\n".join(lines) + "\n")
    start = "from handoff.commands import main; main()"
    command = f"{sys.executable} -c '{start}' merge-driver %O %A %B %P"
    git(root, "config", "merge.handoff.driver", f"PYTHONPATH={ROOT} {command}")


def test_driver_merges_without_a_conflict(root: Path) -> None:
    configure_driver(root)

    git(root, "merge", "-q", "theirs")

    assert run(["publish"]) == 0
    assert "ALPHA" in (root / README).read_text()


def test_driver_leaves_manual_edits_as_a_conflict(root: Path) -> None:
    configure_driver(root)
    write(root, LATEST, f"Mine\n{(root / LATEST).read_text()}")
    commit(root, "edited")

    assert merge(root) == [LATEST]
    assert (root / LATEST).read_text().startswith("Mine\n")


def test_driver_merges_facts_and_receipts(recorded: Path) -> None:
    configure_driver(recorded)

    git(recorded, "merge", "-q", "theirs")

    theirs = git(recorded, "show", "theirs:sessions/one.facts.json")
    receipts = (recorded / "sessions/one.receipts.json").read_text()
    assert (recorded / "sessions/one.facts.json").read_text() == theirs
    assert '"by": "Al"' in receipts
    assert '"by": "Bo"' in receipts


def test_driver_without_its_files_is_a_usage_error(root: Path) -> None:
    assert run(["merge-driver", "a", "b", "c", README]) == 2


# --- files of people ---------------------------------------------------------------------

CONFLICT = "<<<<<<< HEAD\n{}\n=======\n{}\n>>>>>>> theirs\n"
WHERE = "merge conflict, keep what is right and remove the marker lines"


@pytest.mark.parametrize(
    ("path", "content", "line"),
    [
        ("sessions/one.yaml", "session: 1\n" + CONFLICT.format("title: A", "title: B"), 2),
        ("sessions/one.yaml", 'session: 1\ntitle: "\n' + CONFLICT.format("a", "b") + '"\n', 3),
        ("sessions/one.yaml", "session: 1\n=======\ntitle: B\n>>>>>>> theirs\n", 4),
        ("handoff.yaml", CONFLICT.format("engine: duckdb", "engine: bigquery"), 1),
        ("sql/q/n.sql", QUERY + CONFLICT.format("WHERE TRUE", "WHERE FALSE"), 4),
        ("sql/q/n.sql", "/*\n" + CONFLICT.format("a", "b") + "*/\n" + QUERY, 2),
        ("templates/handoff.md.j2", CONFLICT.format("a", "b"), 1),
        ("sessions/one.md.j2", "a\r\n" + CONFLICT.format("a", "b").replace("\n", "\r\n"), 2),
    ],
)
def test_conflict_in_a_file_of_people_is_called_one_at_its_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    path: str,
    content: str,
    line: int,
) -> None:
    write(tmp_path, "sql/q/n.sql", QUERY)
    project(tmp_path, one=FACTS)
    monkeypatch.chdir(tmp_path)
    (tmp_path / path).parent.mkdir(exist_ok=True)
    (tmp_path / path).write_bytes(content.encode())

    assert run(["check"]) in (1, 2)

    printed = "".join(capsys.readouterr())
    assert f"{path}:{line}: error: {WHERE}" in printed


def test_edits_are_not_taken_back_from_a_conflict(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = f"{OUTPUT}/2026-02-11-SESSION-3-BETA.md"
    write(root, path, CONFLICT.format("# A", "# B"))

    assert run(["import", "--into", "beta"]) == 1

    assert f"{path}:1: error: {WHERE} (X010)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "lines", "ours", "theirs"),
    [
        ("a\n", (), "a\n", "a\n"),
        ("<<<<<<< a\n1\n=======\n2\n>>>>>>> b\n", (1,), "1\n", "2\n"),
        ("<<<<<<<\n||||||| x\n0\n=======\n2\n>>>>>>>\n", (1,), "", "2\n"),
        ("<<<<<<< a\n1\n", (), "<<<<<<< a\n1\n", "<<<<<<< a\n1\n"),
        ("<<<<<<< a\n1\n=======\nT\n=======\n>>>>>>> b\n", (1,), "1\n", "T\n=======\n"),
    ],
)
def test_sides_of_a_conflict(text: str, lines: tuple[int, ...], ours: str, theirs: str) -> None:
    assert conflicts(text) == lines
    assert sides(text) == (ours, theirs)


def test_markers_of_an_inner_conflict_are_longer() -> None:
    inner = "<<<<<<<<< x\np\n=========\nq\n>>>>>>>>> y\n"
    text = f"<<<<<<< a\n1\n||||||| base\n{inner}=======\n2\n>>>>>>> b\n"

    assert sides(text) == ("1\n", "2\n")
    assert marker_line("a\n>>>>>>> b\n") == 2
