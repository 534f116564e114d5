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


def test_query_with_a_header_is_checked_before_a_session_uses_it(handoff: Handoff) -> None:
    foreign_sql("sql")
    write("sql/q/later.sql", "-- Later.\n-- returns: n INT64\nSELECT 1 AS n FORM t\n")

    done = handoff("check")

    assert (done.code, done.out.count("error")) == (1, 1)
    assert "sql/q/later.sql:3:15: error: " in done.out


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


def test_query_may_be_named_from_the_root(handoff: Handoff) -> None:
    write("handoff.yaml", "engine: duckdb\nqueries: data/queries\n")
    write("data/queries/q/n.sql", QUERY)
    text = Path("sessions/s.yaml").read_text()
    write("sessions/s.yaml", text.replace("q/n.sql", "data/queries/q/n.sql"))

    assert handoff("render", "s").code == 0
    assert "Q031" not in handoff("check").out


@pytest.mark.parametrize("kind", ["folder", "pipe", "outside", "loop"])
@pytest.mark.parametrize(
    "path",
    [
        *("sessions/odd.yaml", "sql/q/n.sql", "sessions/s.facts.json"),
        *("docs/09-handoff/README.md", "docs/09-handoff/2026-01-01-SESSION-9-X.md"),
    ],
)
def test_odd_file_is_a_problem_at_its_path(handoff: Handoff, path: str, kind: str) -> None:
    write(
        "sessions/other.yaml", 'session: 2\ntitle: Other\ncreated: 2026-01-04\ngoal: "[TBD]"\n'
    )
    handoff("publish")
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
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

    for command in (["check"], ["status"], ["publish", "--check"], ["render", "other"]):
        done = handoff(*command)

        assert done.code in (0, 1), command
        assert "Traceback" not in done.err
        is_listed = "other" in f"{done.out}{done.err}".casefold()
        assert is_listed or command[0] == "publish", command
    assert handoff("publish").code in (0, 1)
    if path.startswith(("sessions/odd", "sql")):
        assert f"{path}: error: not a file to read: " in handoff("check").out


VALID = "session: 3\ntitle: Three\ncreated: 2026-01-05\n"


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        (
            "sessions/session-3.yml",
            "ends with '.yml', expected '.yaml'; rename it to 'sessions/session-3.yaml'",
        ),
        (
            "sessions/session-3.YAML",
            "ends with '.YAML', expected '.yaml'; rename it to 'sessions/session-3.yaml'",
        ),
        (
            "sessions/Session-3.yaml",
            "has upper case in its name; rename it to 'sessions/session-3.yaml'",
        ),
        (
            "sessions/session 3 (copy).yaml",
            "has a name that is not a session's id (letters, digits, '.', '_' and '-'); "
            "rename it to 'sessions/session-3-copy.yaml'",
        ),
        (
            "sessions/sub/session-3.yaml",
            "is in a subfolder, which is not read; move it to 'sessions/session-3.yaml'",
        ),
        (
            "sessions/sub/s.yaml",
            "is in a subfolder, which is not read; merge it into 'sessions/s.yaml', "
            "or remove it",
        ),
        ("sessions/s.yaml~", "looks like a backup of 'sessions/s.yaml'; remove it"),
        ("sessions/s.yaml.orig", "looks like a backup of 'sessions/s.yaml'; remove it"),
        (
            "docs/session-3.yaml",
            "is outside 'sessions/'; move it to 'sessions/session-3.yaml'",
        ),
        ("session.yml", "is outside 'sessions/'; move it to 'sessions/session.yaml'"),
    ],
)
def test_session_that_is_not_read_is_reported(
    handoff: Handoff, path: str, problem: str
) -> None:
    write(path, VALID)

    assert f"{path}: warning: {problem} (S026)\n" in handoff("check").out


@pytest.mark.parametrize(
    "path", ["docs/session-3.yaml", ".github/session.yaml", "sessions/notes.txt", "app.yaml"]
)
def test_other_files_are_no_sessions(handoff: Handoff, path: str) -> None:
    write(path, "title: what it is\n")
    os.mkfifo("session-pipe.yaml")
    Path("session-folder.yaml").mkdir()
    Path("sessions/sub").mkdir()
    Path("sessions/sub/notes").symlink_to("nowhere")

    assert "(S026)" not in handoff("check").out


def test_unknown_session_that_is_misplaced(handoff: Handoff) -> None:
    write("sessions/session-3.yml", VALID)

    assert handoff("render", "session-3").err == (
        "handoff: error: unknown session 'session-3'; 'sessions/session-3.yml' ends with "
        "'.yml', "
        "expected '.yaml': rename it to 'sessions/session-3.yaml'\n"
    )


def test_created_is_today_in_the_zone_of_the_project(handoff: Handoff) -> None:
    days = []
    for zone in ("Pacific/Kiritimati", "Etc/GMT+12"):  # never on the same day
        write("handoff.yaml", f"engine: duckdb\ntimezone: {zone}\n")
        assert handoff("new", f"session-{len(days) + 2}", "--bare").code == 0
        days.append(Path(f"sessions/session-{len(days) + 2}.yaml").read_text())

    first, second = (text.partition("created: ")[2][:10] for text in days)
    assert first > second
