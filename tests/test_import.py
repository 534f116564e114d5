"""Handwritten documents become sessions that render to the same documents."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from markdown_pieces import DOCUMENTS, HANDOFFS

from handoff import api
from handoff.base.markdown import parse_markdown
from handoff.base.problems import InvalidInput, UsageError
from handoff.commands.runner import run
from handoff.import_.convert import ImportedSession, import_document
from handoff.import_.document import read_document
from handoff.import_.verify import find_difference
from handoff.session import decode
from handoff.session.keys import SCHEMA
from handoff.session.model import Session
from handoff.yaml.decode import Decoder, json_value

ROOT = Path(__file__).parent.parent
SHARED = ROOT.parent / "shared"
FIXTURES = Path(__file__).parent / "fixtures/import"
DOCUMENT_FILES = [
    *sorted(FIXTURES.glob("*.md")),
    *sorted((ROOT / "docs/09-handoff").glob("2*.md")),
    *sorted(Path(__file__).parent.glob("golden/*/expected/*.md")),
]
"""Documents of many shapes, published ones and the expected ones of the golden tests."""
OPEN_FENCES = {
    "2026-02-03-SESSION-5-FENCES.md": ["D001"],
    "2026-03-01-SESSION-29-BROKEN.md": ["D001"],
}
DAY = date(2026, 1, 3)
STRUCTURE = yaml.safe_load((FIXTURES / "structure.yaml").read_text("utf-8"))


@pytest.fixture(scope="module")
def render() -> Callable[[Session], str]:
    project = api.open_project(str(ROOT))
    return lambda session: api.render(project, api.LoadedSession(session, {}, ()), None).text


def import_and_render(
    content: bytes, path: str, render: Callable[[Session], str]
) -> tuple[ImportedSession, str]:
    """The session made from a document, and the document it renders to."""
    made = import_document(read_document(content, path), render, (), created=DAY)
    session, warnings = decode.load(made.yaml.encode(), made.id, "s.yaml")
    assert warnings == ()
    return made, render(session)


def is_equal(content: bytes, text: str) -> bool:
    original = parse_markdown(read_document(content, "x.md").text)
    return find_difference(original, parse_markdown(text)) is None


# --- documents -------------------------------------------------------------------------------


@pytest.mark.parametrize("file", DOCUMENT_FILES, ids=lambda file: file.stem)
def test_imported_document_renders_the_same(
    file: Path, render: Callable[[Session], str]
) -> None:
    content = file.read_bytes()

    made, text = import_and_render(content, file.name, render)

    assert [each.code for each in made.problems] == OPEN_FENCES.get(file.name, [])
    assert is_equal(content, text)


@pytest.mark.parametrize("file", sorted(FIXTURES.glob("*.md")), ids=lambda file: file.stem)
def test_imported_session_fits_the_schema(file: Path, render: Callable[[Session], str]) -> None:
    made, _ = import_and_render(file.read_bytes(), file.name, render)

    root = Decoder("s.yaml").root(made.yaml.encode())
    assert root is not None
    assert [*Draft202012Validator(SCHEMA).iter_errors(json_value(root))] == []


@pytest.mark.parametrize("name", STRUCTURE)
def test_markdown_becomes_content_where_possible(
    name: str, render: Callable[[Session], str]
) -> None:
    made, _ = import_and_render(
        STRUCTURE[name]["document"].encode(), "2026-01-03-SESSION-1-T.md", render
    )

    session = yaml.load(made.yaml, Loader=yaml.BaseLoader)
    assert session == yaml.load(STRUCTURE[name]["session"], Loader=yaml.BaseLoader)


def test_seed_imports_to_the_seed(render: Callable[[Session], str]) -> None:
    content = (ROOT / "tests/golden/seed.md").read_bytes()

    made, text = import_and_render(content, "2026-01-03-SESSION-1-PHASE4-DEEP-PREP.md", render)

    assert text.encode() == content
    assert (made.id, made.template, made.verbatim) == ("session-1", "handoff", 0)
    assert "markdown:" not in made.yaml


@pytest.mark.skipif(not SHARED.is_dir(), reason="the field documents are not in the repository")
@pytest.mark.parametrize("name", ["*COMPLETED.md", "*PRELIMINARY.md"])
def test_field_documents_render_the_same(name: str, render: Callable[[Session], str]) -> None:
    (file,) = (SHARED / "field").glob(name)
    content = file.read_bytes()

    made, text = import_and_render(content, file.name, render)

    assert made.problems == ()
    assert is_equal(content, text)
    assert made.verbatim < made.structured / 10


def test_long_document_is_imported(render: Callable[[Session], str]) -> None:
    part = "## Part {0}\n\n**Label**: {0}\n- a\n  - b: {0}\n\n```sql\nSELECT {0}\n```\n\n"
    content = ("# Session 1\n\n" + "".join(part.format(n) for n in range(230))).encode()

    made, text = import_and_render(content, "x.md", render)

    assert text.encode() == content.rstrip(b"\n") + b"\n"
    assert made.verbatim == 0


# --- any document ----------------------------------------------------------------------------

EXAMPLES = int(os.environ.get("HANDOFF_IMPORT_EXAMPLES", "60"))


@settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck),
)  # fmt: skip
@given(document=st.one_of(DOCUMENTS, HANDOFFS))
def test_any_document_renders_the_same_or_its_lines_are_reported(
    document: str, render: Callable[[Session], str]
) -> None:
    try:
        source = read_document(document.encode(), "x.md")
    except InvalidInput:
        assert document.removeprefix("\ufeff").strip() == ""
        return

    made, text = import_and_render(document.encode(), "x.md", render)

    assert {each.code for each in made.problems} <= {"I010", "D001", "D002"}
    assert all(each.place.line for each in made.problems)
    assert find_difference(parse_markdown(source.text), parse_markdown(text)) is None


@pytest.mark.parametrize("file", DOCUMENT_FILES[:5], ids=lambda file: file.stem)
def test_import_is_deterministic(file: Path, render: Callable[[Session], str]) -> None:
    first, _ = import_and_render(file.read_bytes(), file.name, render)
    second, _ = import_and_render(file.read_bytes(), file.name, render)

    assert first == second


@given(left=st.text(max_size=40), right=st.text(max_size=40))
def test_equal_documents_have_the_same_words(left: str, right: str) -> None:
    if find_difference(parse_markdown(left), parse_markdown(right)) is None:
        assert words(left) == words(right)


def words(text: str) -> list[str]:
    inline = [token for token in parse_markdown(text).tokens if token.type == "inline"]
    return " ".join(child.content for token in inline for child in token.children or ()).split()


# --- metadata --------------------------------------------------------------------------------

NAMES = yaml.load((FIXTURES / "names.yaml").read_text("utf-8"), Loader=yaml.BaseLoader)


@pytest.mark.parametrize("name", NAMES)
def test_metadata_comes_from_the_file_name_else_the_first_lines(
    name: str, render: Callable[[Session], str]
) -> None:
    file, text, *expected = NAMES[name]

    made = import_document(read_document(text.encode(), file), render, ())

    session = yaml.load(made.yaml, Loader=yaml.BaseLoader)
    found = [made.id, session["session"], session.get("slug", ""), session["created"]]
    assert found == expected


def test_existing_id_gets_its_month(render: Callable[[Session], str]) -> None:
    source = read_document(b"# T", "2026-01-03-SESSION-1-X.md")
    existing = (["Session-1"], ["session-1", "2026-01-session-1"])
    found = [import_document(source, render, ids).id for ids in existing]

    assert found == ["2026-01-session-1", "2026-01-03-session-1"]


def test_date_is_never_invented(render: Callable[[Session], str]) -> None:
    with pytest.raises(UsageError, match="--created YYYY-MM-DD"):
        import_document(read_document(b"# T", "notes.md"), render, ())


# --- the command -----------------------------------------------------------------------------


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "handoff.yaml").write_text("engine: duckdb\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_session_file_is_written_and_renders(
    project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    document = "# Session 3\n\n**Status**: done\n\n- a\n\n| a |\n|---|\n"
    (project / "2026-01-03-SESSION-3-X.md").write_text(document)

    assert run(["import", "2026-01-03-SESSION-3-X.md"]) == 0
    assert run(["render", "session-3", "--no-queries"]) == 0

    out, err = capfd.readouterr()
    assert out == document
    assert err.splitlines()[:2] == [
        "sessions/session-3.yaml: template 'plain', 2 blocks as content, 1 verbatim",
        "next: handoff render session-3",
    ]


def test_stdout_writes_nothing(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (project / "a.md").write_text("# T\n\nText\n")

    code = run(["import", "a.md", "--stdout", "--created", "2026-01-03", "--id", "x"])

    assert (code, (project / "sessions").exists()) == (0, False)
    assert capfd.readouterr().out == (
        "session: a\ntitle: T\nslug: HANDOFF\ncreated: 2026-01-03\ntemplate: plain\n"
        "summary: Text\n\nsections:\n  - key: summary\n"
    )


def test_existing_file_is_kept(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (project / "a.md").write_text("# T")
    (project / "sessions").mkdir()
    (project / "sessions/x.yaml").write_text("mine")

    code = run(["import", "a.md", "--created", "2026-01-03", "--id", "x"])

    assert (code, (project / "sessions/x.yaml").read_text()) == (1, "mine")
    assert "sessions/x.yaml: error: already exists" in capfd.readouterr().err


def test_unsupported_character_is_reported(
    project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (project / "a.md").write_text("# T\n\n\x1b[31mred\x1b[0m\n\n```\n\x07\n```\n")

    code = run(["import", "a.md", "--created", "2026-01-03"])

    err = capfd.readouterr().err
    assert code == 1
    assert [line.partition(": ")[0] for line in err.splitlines()[:2]] == [
        "a.md:3:1",
        "a.md:6:1",
    ]
    assert "U+001B" in err
    assert "\ufffd[31mred" in (project / "sessions/a.yaml").read_text()


INVALID = [
    ("none.md", None, 2, "no document 'none.md'"),
    (".", None, 2, "no Markdown documents in '.'"),
    ("a.md", b"", 1, "a.md: error: the document is empty (I001)"),
    ("a.md", b"\xef\xbb\xbf \n\t\n", 1, "a.md: error: the document is empty (I001)"),
    ("a.md", b"# T\n\nna\xefve\n", 1, "a.md:3: error: byte 0xef is not UTF-8"),
    ("a.md", "# T".encode("utf-16"), 1, "a.md:1: error: the document is UTF-16"),
    (
        "a.md",
        b"\x7fELF\n\x00\x01",
        1,
        "a.md:2: error: NUL byte: expected a Markdown document",
    ),
    (
        "a.md",
        b"x" * 2_100_000,
        1,
        "a.md: error: the document is longer than 2,097,152 bytes",
    ),
    ("a.md", b"# T", 2, "'a.md' has no date in its name or its first lines"),
    (
        "2026-01-03-a.md",
        b"# T\n\n<<<<<<< HEAD\n- run\n=======\n- ran\n>>>>>>> other\n",
        1,
        "2026-01-03-a.md:3: error: merge conflict, keep what is right and remove the marker",
    ),
]


@pytest.mark.parametrize(("name", "content", "code", "message"), INVALID)
def test_invalid_document_is_reported(
    project: Path,
    name: str,
    content: bytes | None,
    code: int,
    message: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    if content is not None:
        (project / name).write_bytes(content)

    assert run(["import", name]) == code
    assert message in capfd.readouterr().err
    assert not (project / "sessions").exists()


BROKEN_FENCES = [
    (
        "## Commands\n```bash\nmake\n\n## Next steps\n- [ ] Deploy\n",
        "2026-01-03-a.md:2: warning: fence opened with '```bash' is never closed; the code "
        "seems to end in line 3 (D001)",
        {
            "commands": {"bash": "make"},
            "next": {"objectives": {"checklist": {"Deploy": False}}},
        },
    ),
    (
        "Paste this prompt:\n```\nRun:\n```bash\nmake\n```\nthen report.\n```\n",
        "2026-01-03-a.md:2: warning: '```bash' in line 4, inside this fence of '```', ends it "
        "early; open this one with '````' (D002)",
        {"prompt": {"text": "Run:\n```bash\nmake\n```\nthen report.\n"}},
    ),
]


@pytest.mark.parametrize(("text", "message", "keys"), BROKEN_FENCES)
def test_broken_fence_is_closed_and_reported(
    project: Path,
    text: str,
    message: str,
    keys: dict[str, object],
    capfd: pytest.CaptureFixture[str],
) -> None:
    (project / "2026-01-03-a.md").write_text(text, "utf-8")

    assert run(["import", "2026-01-03-a.md"]) == 0

    assert capfd.readouterr().err.splitlines()[0] == message
    session = yaml.safe_load((project / "sessions/a.yaml").read_text("utf-8"))
    assert {key: session[key] for key in keys} == keys


def test_document_of_a_session_is_no_second_one(
    project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (project / "2026-01-03-SESSION-1-a.md").write_text("# T\n\nWords.\n", "utf-8")
    run(["import", "2026-01-03-SESSION-1-a.md"])
    run(["render", "session-1"])
    (document,) = (project / "docs/09-handoff").glob("2*.md")
    name = document.relative_to(project).as_posix()
    ids = [each.name for each in (project / "sessions").iterdir()]
    capfd.readouterr()

    assert run(["import", name, "--id", "copy"]) == 1

    assert capfd.readouterr().err == (
        f"{name}: error: already the document of the session 'session-1'; to merge its manual "
        f"edits: handoff import --into session-1 {name}\n"
    )
    assert [each.name for each in (project / "sessions").iterdir()] == ids


@pytest.mark.parametrize("option", [["--created", "soon"], ["--id", "../x"]])
def test_invalid_option_is_reported(
    option: list[str], project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (project / "2026-01-03-x.md").write_text("# T")

    assert run(["import", "2026-01-03-x.md", *option]) == 2
    assert option[1] in capfd.readouterr().err


# --- folders ---------------------------------------------------------------------------------


FOLDER = FIXTURES / "folder"


@pytest.fixture
def folder(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with the documents of the fixture, the undated one committed."""
    monkeypatch.setattr("handoff.base.progress._FIRST_SECONDS", 600.0)
    shutil.copytree(FOLDER / "docs", project / "docs")
    (project / "docs/undated.md").write_text("# Loose notes\n\n## Next steps\n\n- train\n")
    environment = {**os.environ, "GIT_AUTHOR_DATE": "2026-02-03T12:00:00Z"}
    names = {f"GIT_{who}_{what}": "a@b.c" for who in USERS for what in ("NAME", "EMAIL")}
    for command in (["init", "-q"], ["add", "docs/undated.md"], ["commit", "-qm", "x"]):
        subprocess.run(["git", *command], cwd=project, env=environment | names, check=True)
    return project


USERS = ("AUTHOR", "COMMITTER")


def test_folder_is_imported(
    folder: Path, capfd: pytest.CaptureFixture[str], request: pytest.FixtureRequest
) -> None:
    code = run(["import", "docs"])

    out, err = capfd.readouterr()
    expected = FOLDER / "expected.txt"
    found = f"{out}{err}exit {code}\n"
    if request.config.getoption("--update"):
        expected.write_text(found, "utf-8")
    assert found == expected.read_text("utf-8")
    for file in sorted((folder / "sessions").glob("*.yaml")):
        session = FOLDER / f"sessions/{file.name}"
        if request.config.getoption("--update"):
            session.parent.mkdir(exist_ok=True)
            session.write_bytes(file.read_bytes())
        assert file.read_text("utf-8") == session.read_text("utf-8")
    assert len(list((FOLDER / "sessions").iterdir())) == len(
        list((folder / "sessions").iterdir())
    )


def test_links_between_imported_documents_are_valid(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run(["import", "docs"])
    run(["publish"])
    broken = [line for line in capfd.readouterr().err.splitlines() if "link" in line]

    assert len(list((folder / "docs/09-handoff").glob("2*.md"))) == 5
    assert broken == []


def test_folder_is_imported_once(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run(["import", "docs"])
    before = {file: file.read_bytes() for file in (folder / "sessions").iterdir()}
    capfd.readouterr()

    assert run(["import", "docs"]) == 1
    assert "imported 0 of 9 documents" in capfd.readouterr().err
    assert {file: file.read_bytes() for file in (folder / "sessions").iterdir()} == before


def test_dry_run_writes_nothing(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["import", "docs", "--dry-run"]) == 1
    assert run(["import", "docs/2026-02-01-SESSION-1-LOAD.md", "--dry-run"]) == 0
    assert not (folder / "sessions").exists()
    assert "would import 5 of 9 documents" in capfd.readouterr().err


@pytest.mark.parametrize("option", [["--id", "x"], ["--stdout"], ["--created", "2026-01-01"]])
def test_options_for_one_document_are_refused(folder: Path, option: list[str]) -> None:
    assert run(["import", "docs", *option]) == 2
