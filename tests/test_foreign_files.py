"""A repository that already has files where handoff has its own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from commands import Handoff, caller

SESSION = "session: 1\ntitle: S\ncreated: 2026-01-03\nfacts: {n: q/n.sql}\n"
QUERY = "-- How many.\n-- returns: n INT64\nSELECT 12 AS n\n"


def write(path: str, content: str | bytes) -> None:
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content.encode() if isinstance(content, str) else content)


@pytest.fixture
def handoff(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> Handoff:
    """In a project of one session with a query."""
    monkeypatch.chdir(tmp_path)
    write("handoff.yaml", "engine: duckdb\n")
    write("sessions/s.yaml", SESSION)
    write("sql/q/n.sql", QUERY)
    return caller(capfdbinary)


def foreign_sql(folder: str) -> None:
    write(f"{folder}/create.sql", "CREATE TABLE a.b (x INT64);")
    write(f"{folder}/dbt/model.sql", "-- returns: what it says\n{{ ref('a') }}")
    write(f"{folder}/binary.sql", b"\xff\x00returns:")
    Path(folder, "folder.sql").mkdir()
    Path(folder, "gone.sql").symlink_to("nowhere")
    Path(folder, "outside.sql").symlink_to("/etc/passwd")
    os.mkfifo(Path(folder, "pipe.sql"))


def test_only_queries_that_a_session_uses_are_read(handoff: Handoff) -> None:
    foreign_sql("sql")

    assert handoff("render", "s").code == 0
    done = handoff("check")

    assert done.code == 0
    assert (
        "sql/binary.sql: note: no session uses this query, nor 6 more: create.sql, "
        "dbt/model.sql, folder.sql, gone.sql, outside.sql, ... (Q031)\n"
    ) in done.out
    listed = handoff("query", "list")
    assert (listed.code, listed.out) == (0, "q/n.sql\n    How many.\n")
    assert listed.err == "7 other files in sql/ are no queries, and no session uses them\n"
    assert handoff("query", "pull-schema").code == 0


@pytest.mark.parametrize("folder", ["queries", "data/handoff", "."])
def test_folder_of_queries_is_a_setting(handoff: Handoff, folder: str) -> None:
    write("handoff.yaml", f"engine: duckdb\nqueries: {folder}\n")
    Path("sql").rename("old")
    write(f"{folder}/q/n.sql", QUERY)
    foreign_sql("sql")

    assert handoff("render", "s").code == 0
    assert "(12)" not in handoff("check", "--strict").out
    assert handoff("query", "run", "q/n").code == 0
    assert handoff("query", "pull-schema").code == 0
    assert Path(folder, "schema.json").exists()
    Path(folder, "q/n.sql").unlink()
    where = "q/n.sql" if folder == "." else f"{folder}/q/n.sql"
    assert f"fact 'n' needs '{where}', which does not exist" in handoff("check").out


@pytest.mark.parametrize("kind", ["folder", "pipe", "outside", "loop"])
@pytest.mark.parametrize("path", ["sessions/odd.yaml", "sql/q/n.sql"])
def test_odd_file_is_a_problem_at_its_path(handoff: Handoff, path: str, kind: str) -> None:
    write(
        "sessions/other.yaml", 'session: 2\ntitle: Other\ncreated: 2026-01-04\ngoal: "[TBD]"\n'
    )
    file = Path(path)
    file.unlink(missing_ok=True)
    match kind:
        case "folder":
            file.mkdir()
        case "pipe":
            os.mkfifo(file)
        case "outside":
            file.symlink_to("/etc/passwd")
        case "loop":
            file.symlink_to(file.name)

    for command in (["check"], ["status"], ["publish"], ["render", "other"]):
        done = handoff(*command)

        assert done.code in (0, 1), command
        assert "Traceback" not in done.err
        assert "other" in f"{done.out}{done.err}".casefold(), command
    assert f"{path}: error: not a file to read: " in handoff("check").out
