"""`init`: what is found, what is asked, and what is written."""

from __future__ import annotations

import os
import sys
from datetime import date
from pathlib import Path

import duckdb
import pexpect
import pytest

from handoff import api
from handoff.commands.detection import (
    DetectedEngine,
    FoundDocuments,
    detect_engine,
    find_documents,
)
from handoff.commands.init import InitPlan, write_files
from handoff.commands.runner import run

PLAN = InitPlan("duckdb", "docs/09-handoff", 1, date(2026, 2, 1))
FILES = ("handoff.yaml", "sessions/session-1.yaml", "sql/schedule/game_dates.sql")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty repository on a machine that knows nothing of Google Cloud."""
    (tmp_path / "home").mkdir()
    (tmp_path / "repo").mkdir()
    for name in os.environ:
        if name.startswith(("GOOGLE_", "GCLOUD_", "CLOUDSDK_", "BIGQUERY_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", "")
    monkeypatch.chdir(tmp_path / "repo")
    return tmp_path / "repo"


def put(root: Path, *paths: str) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text("# x\n")


def files(root: Path) -> list[str]:
    return sorted(p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file())


def test_an_empty_folder_gets_settings_a_session_and_a_query(tmp_path: Path) -> None:
    assert write_files(tmp_path, PLAN) == dict.fromkeys(FILES, True)
    assert "created: 2026-02-01\n" in (tmp_path / "sessions/session-1.yaml").read_text()


def test_what_is_there_is_kept(tmp_path: Path) -> None:
    (tmp_path / "handoff.yaml").write_text("engine: bigquery\n")

    assert write_files(tmp_path, PLAN) == {**dict.fromkeys(FILES, True), FILES[0]: False}
    assert (tmp_path / "handoff.yaml").read_text() == "engine: bigquery\n"


@pytest.mark.parametrize("engine", ["duckdb", "bigquery"])
def test_starter_files_load_and_render(tmp_path: Path, engine: str) -> None:
    plan = InitPlan(
        engine,  # type: ignore[arg-type]
        output="docs/it's: here",
        number=7,
        today=date(2026, 2, 1),
        project="my-project" if engine == "bigquery" else None,
        read="docs/old handoff.md",
    )

    write_files(tmp_path, plan)

    project = api.open_project(str(tmp_path))
    document = api.render(project, api.load(project, "session-7"), None)
    assert document.path == "docs/it's: here/2026-02-01-SESSION-7-FIRST-SESSION.md"
    assert "docs/old handoff.md (the previous handoff)" in document.text
    assert project.settings.bigquery.project == plan.project


FOUND = [
    ([], None),
    (["README.md", "docs/guide.md", "docs/handoffs/README.md", "src/handoff.py"], None),
    (
        ["docs/09-handoff/2026-01-03-SESSION-1.md", "docs/09-handoff/2026-01-04-SESSION-2.md"],
        ("docs/09-handoff", "DATE-SESSION-N", 3),
    ),
    (
        # by date, not by number: numbers repeat
        [
            "docs/handoffs/2025-12/2025-12-30-SESSION-161-HANDOFF.md",
            "docs/handoffs/2026-01/2026-01-05-session-4-HANDOFF.md",
        ],
        ("docs/handoffs", "DATE-SESSION-N-HANDOFF", 5),
    ),
    (["SESSION_378b_HANDOFF.md"], (None, "SESSION-N-HANDOFF", 379)),
    (["notes/2026-01-03-session-12-x.md", "notes/a.md"], ("notes", "DATE-SESSION-N", 13)),
    (["docs/HANDOFF.md", "HANDOFF-old.md", "docs/b-handoff.md"], ("docs", "TOPIC-HANDOFF", 1)),
    (["handoff/2026-01-01-x.md"], ("handoff", "DATE-TOPIC", 1)),
]  # fmt: skip


@pytest.mark.parametrize(("paths", "expected"), FOUND)
def test_handoffs_are_found_by_their_names(
    paths: list[str], expected: tuple[str | None, str, int] | None
) -> None:
    found = find_documents(paths)

    assert (found and (found.folder, found.naming, found.next_number)) == expected


def test_the_newest_document_is_last() -> None:
    assert find_documents(
        ["h/2026-01-02-handoff.md", "h/2026-01-03-handoff.md"]
    ) == FoundDocuments(
        ("h/2026-01-02-handoff.md", "h/2026-01-03-handoff.md"), "h", "DATE-TOPIC-HANDOFF", 1
    )


CONFIG = "[core]\nproject = from-gcloud\n"
NOTHING = "no Google Cloud configuration found; using the sample warehouse"
ADC = ".config/gcloud/application_default_credentials.json"
GCLOUD = ".config/gcloud/configurations/config_default"
KEY = "GOOGLE_APPLICATION_CREDENTIALS"
MACHINES: list[tuple[dict[str, str], dict[str, str], tuple[str, str, str | None]]] = [
    ({}, {}, ("duckdb", NOTHING, None)),
    ({"GOOGLE_CLOUD_PROJECT": "p"}, {}, ("bigquery", "GOOGLE_CLOUD_PROJECT is set", "p")),
    ({KEY: "k.json"}, {}, ("bigquery", f"{KEY} is set", None)),
    ({}, {GCLOUD: CONFIG}, ("bigquery", "gcloud configuration found", "from-gcloud")),
    ({}, {ADC: '{"quota_project_id": "q"}'}, ("bigquery", "gcloud credentials found", "q")),
    ({}, {ADC: "[broken"}, ("bigquery", "gcloud credentials found", None)),
    ({}, {GCLOUD: "broken"}, ("bigquery", "gcloud configuration found", None)),
]


@pytest.mark.parametrize(("environment", "put_there", "expected"), MACHINES)
def test_engine_is_detected_from_variables_and_files(
    tmp_path: Path,
    environment: dict[str, str],
    put_there: dict[str, str],
    expected: tuple[str, str, str | None],
) -> None:
    for path, text in put_there.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)

    assert detect_engine(environment, tmp_path) == DetectedEngine(*expected)  # type: ignore[arg-type]


@pytest.mark.skipif(os.name == "nt", reason="programs are marked otherwise there")
def test_bq_alone_does_not_select_bigquery(tmp_path: Path) -> None:
    (tmp_path / "bq").write_text("#!/bin/sh\n")
    (tmp_path / "bq").chmod(0o755)

    found = detect_engine({"PATH": str(tmp_path)}, tmp_path)

    why = "'bq' is installed but has no project or credentials; using the sample warehouse"
    assert found == DetectedEngine("duckdb", why, None)


def create_database(file: Path, *statements: str) -> None:
    file.parent.mkdir(exist_ok=True)
    with duckdb.connect(str(file)) as connection:
        for each in statements:
            connection.execute(each)


def test_init_reads_the_tables_of_a_duckdb_file(
    root: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "p")
    (root / "a.db").write_bytes(b"SQLite format 3\0")
    (root / "Doc").mkdir()
    create_database(
        root / "shop.duckdb",
        "CREATE TABLE orders AS SELECT range AS id FROM range(20)",
        'CREATE TABLE "it\'s odd" AS SELECT 1 AS id',
        "CREATE SCHEMA raw",
        "CREATE TABLE raw.orders (id INT)",
    )

    assert run(["init"]) == 0

    assert capfd.readouterr().err.splitlines()[0] == "engine duckdb: found shop.duckdb"
    settings = (root / "handoff.yaml").read_text()
    assert "engine: duckdb\nduckdb:\n  path: shop.duckdb\noutput: Doc/09-handoff\n" in settings
    assert run(["render", "session-1"]) == 0
    (document,) = (root / "Doc/09-handoff").glob("*.md")
    assert '["it\'s odd 1", "main.orders 20", "raw.orders 0"]' in document.read_text("utf-8")
    assert run(["check"]) == 0


UNUSED = [
    ("shop.duckdb", (), "found shop.duckdb, not used: it has no tables"),
    ("deep/er/shop.duckdb", ("CREATE TABLE t (id INT)",), ""),
]


@pytest.mark.parametrize(("path", "statements", "note"), UNUSED)
def test_other_duckdb_files_are_not_used(
    root: Path,
    path: str,
    statements: tuple[str, ...],
    note: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    create_database(root / path, *statements)

    assert run(["init"]) == 0

    assert capfd.readouterr().err.startswith(f"{note}\nengine duckdb: {NOTHING}\n".lstrip())
    assert "path:" not in (root / "handoff.yaml").read_text()


def test_a_duckdb_file_that_cannot_be_read_is_not_used(
    root: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (root / "shop.duckdb").write_bytes(b"12345678DUCK" + b"x" * 5000)

    assert run(["init"]) == 0

    first = capfd.readouterr().err.splitlines()[0]
    assert first.startswith("found shop.duckdb, not used: shop.duckdb: error: cannot open the")


def test_a_chosen_bigquery_wins_over_a_duckdb_file(root: Path) -> None:
    create_database(root / "shop.duckdb", "CREATE TABLE t (id INT)")

    assert run(["init", "--engine", "bigquery"]) == 0

    assert "shop.duckdb" not in (root / "handoff.yaml").read_text()


# --- attributes ----------------------------------------------------------------------------

ATTRIBUTES = [
    "*.sql text eol=lf",
    "handoff.yaml text eol=lf",
    "sessions/*.yaml text eol=lf",
    "sessions/*.json text eol=lf",
    "templates/** text eol=lf",
    "docs/09-handoff/**/*.md text eol=lf",
    "# optional, in each clone: "
    "git config merge.handoff.driver 'handoff merge-driver %O %A %B %P'",
    "sessions/*.facts.json merge=handoff",
    "sessions/*.receipts.json merge=handoff",
    "docs/09-handoff/**/*.md merge=handoff",
]


def test_init_writes_attributes_for_line_endings_and_merges(root: Path) -> None:
    assert run(["init"]) == 0

    assert Path(root, ".gitattributes").read_text().splitlines() == ATTRIBUTES


def test_init_keeps_existing_attributes_and_prints_the_lines_to_add(
    root: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    existing = "*.png binary\r\n*.sql   text eol=lf\r\n"
    Path(root, ".gitattributes").write_bytes(existing.encode())
    Path(root, "handoff.yaml").write_text("engine: duckdb\noutput: my docs\n")

    assert run(["init"]) == 0

    assert Path(root, ".gitattributes").read_bytes() == existing.encode()
    lines = [
        line.replace("docs/09-handoff/**/*.md", '"my docs/**/*.md"') for line in ATTRIBUTES[1:]
    ]
    assert (
        "\n  ".join(
            [
                "kept existing .gitattributes; for line endings on Windows and merges add:",
                *lines,
            ]
        )
        in capfd.readouterr().err
    )
    Path(root, ".gitattributes").write_text("\n".join(["*.sql text eol=lf", *lines]))
    run(["init"])
    assert "gitattributes" not in capfd.readouterr().err


def test_init_lists_what_it_found_and_wrote(
    root: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    put(
        root,
        "docs/handoffs/2026-01-03-SESSION-12-A.md",
        "docs/handoffs/2026-01-04-SESSION-13.md",
    )

    assert run(["init"]) == 0

    assert capfd.readouterr().err.splitlines() == [
        "found 2 handoffs, most in docs/handoffs, named DATE-SESSION-N: "
        "docs/handoffs/2026-01-04-SESSION-13.md",
        f"engine duckdb: {NOTHING}",
        "wrote handoff.yaml",
        "wrote sessions/session-14.yaml",
        "wrote sql/schedule/game_dates.sql",
        "wrote .gitattributes",
        "next: handoff render session-14",
        "to convert a document to a session: handoff import "
        "docs/handoffs/2026-01-04-SESSION-13.md",
        "to convert all of them: handoff import docs/handoffs --dry-run",
    ]
    assert "output: docs/handoffs\n" in (root / "handoff.yaml").read_text()


def test_init_twice_writes_nothing_more(root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run(["init", "--engine", "bigquery"])
    before = {path: (root / path).read_bytes() for path in files(root)}
    capfd.readouterr()

    assert run(["init", "--yes"]) == 0

    assert {path: (root / path).read_bytes() for path in files(root)} == before
    assert capfd.readouterr().err.splitlines() == [
        "found sessions: session-1",
        "kept existing handoff.yaml",
        "next: handoff render latest",
    ]


def test_an_unknown_engine_writes_nothing(root: Path) -> None:
    assert run(["init", "--engine", "duckbd"]) == 2
    assert files(root) == []


def asked(root: Path, *words: str) -> pexpect.spawn:
    code = "from handoff.commands import main; main()"
    return pexpect.spawn(
        sys.executable,
        ["-c", code, "init", *words],
        cwd=str(root),
        encoding="utf-8",
        timeout=30,
    )


def test_init_prompts_three_times_at_a_terminal(root: Path) -> None:
    init = asked(root)

    for question, answer in [
        ("engine [duckdb]: ", ""),
        ("folder of the documents [docs/09-handoff]: ", "notes"),
        ("number of the first session [1]: ", "3"),
    ]:
        init.expect_exact(question)
        init.sendline(answer)
    init.expect_exact("next: handoff render session-3")
    init.expect(pexpect.EOF)

    assert "output: notes\n" in (root / "handoff.yaml").read_text()
    assert "session: 3\n" in (root / "sessions/session-3.yaml").read_text()


def test_init_does_not_prompt_with_yes(root: Path) -> None:
    init = asked(root, "--yes")
    init.expect(pexpect.EOF)

    assert "[" not in init.before
    assert files(root) == sorted([".gitattributes", *FILES])


def test_an_invalid_input_writes_nothing(root: Path) -> None:
    init = asked(root)
    init.expect_exact("engine [duckdb]: ")
    init.sendline("")
    init.expect_exact("]: ")
    init.sendline("../x")
    init.expect_exact("'../x' is outside the repository")
    init.expect(pexpect.EOF)

    assert files(root) == []


def test_the_first_session_renders_on_the_sample(root: Path) -> None:
    run(["init", "--yes"])

    assert run(["render", "session-1"]) == 0


def test_documents_of_handoff_are_not_taken_for_handwritten_ones(
    root: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run(["init", "-y", "--engine", "duckdb"])
    run(["render", "session-1"])
    run(["publish"])
    capfd.readouterr()

    assert run(["init", "-y"]) == 0
    assert "found 1" not in (err := capfd.readouterr().err)
    assert "import" not in err

    (document,) = (root / "docs/09-handoff").glob("*SESSION-1*.md")
    document.write_bytes(document.read_bytes().replace(b"\n", b"\r\n") + b"Edited below.\r\n")
    put(root, "docs/09-handoff/2026-01-01-SESSION-7.md")
    assert run(["init", "-y"]) == 0
    assert "found 1 handoff, " in (err := capfd.readouterr().err)
    assert "handoff import docs/09-handoff/2026-01-01-SESSION-7.md" in err

    run(["import", str(document.relative_to(root)), "--stdout"])
    assert "handoff import --into session-1 docs/" in capfd.readouterr().err


BESIDE = [
    (
        "sql/create.sql",
        "queries: queries\n",
        "found 1 SQL file in sql/, not read: queries are in",
    ),
    (
        "templates/page.html",
        "templates: handoff-templates\n",
        "found templates/, not read: your",
    ),
    (
        "docs/09-handoff/README.md",
        "output: docs/09-handoff/handoff\n",
        "found docs/09-handoff/README.md, kept: documents and their index are in",
    ),
    (
        "sessions/web.yaml",
        "output: docs/09-handoff\n",
        "1 file in sessions/ is not a session, move",
    ),
    (
        "dbt_project.yml",
        "output: docs/09-handoff\n",
        "found dbt_project.yml: models of dbt are",
    ),
]


@pytest.mark.parametrize(("path", "setting", "note"), BESIDE, ids=[each[0] for each in BESIDE])
def test_existing_files_stay_someone_elses(
    root: Path, path: str, setting: str, note: str, capsys: pytest.CaptureFixture[str]
) -> None:
    put(root, path)

    assert run(["init", "--yes", "--engine", "duckdb"]) == 0
    said = capsys.readouterr().err
    codes = [run(words) for words in (["render", "session-1"], ["publish"])]
    report = api.check(api.open_project(str(root)))

    assert note in said
    assert setting in (root / "handoff.yaml").read_text()
    assert (root / path).read_text() == "# x\n"
    assert codes == ([0, 1] if path.startswith("sessions/") else [0, 0])
    errors = [str(each.place) for each in report.errors]
    assert set(errors) <= {path}


def test_every_folder_of_handoff_is_taken(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("sql/a.sql", "queries/b.sql", "templates/c.md.j2", "sessions/session-1.yaml"):
        put(root, name)

    assert run(["init", "--yes", "--engine", "duckdb"]) == 0

    assert (root / "handoff-queries/schedule/game_dates.sql").exists()
    assert (root / "sessions/session-2.yaml").exists()
    assert run(["render", "session-2"]) == 0
    assert "Replace handoff-queries/schedule" in (root / "sessions/session-2.yaml").read_text()
    assert run(["new", "session-3"]) == 0
    assert "Replace" not in (root / "sessions/session-3.yaml").read_text()


def test_second_init_changes_nothing(root: Path) -> None:
    run(["init", "--yes", "--engine", "duckdb"])
    before = {path: (root / path).read_bytes() for path in files(root)}

    assert run(["init", "--yes"]) == 0

    assert {path: (root / path).read_bytes() for path in files(root)} == before
