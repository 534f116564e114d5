"""What `check` finds in any handoff, whether a session file describes it or not."""

import json
import re
from pathlib import Path

import pytest
from commands import caller

from handoff.base.tree import Tree
from handoff.check import DocumentContext, handwritten_problems

FIXTURES = Path(__file__).parent / "fixtures" / "handwritten"
TREE = Tree(lambda _: True)


def rows(name: str) -> list[list[str]]:
    lines = (FIXTURES / name).read_text(encoding="utf-8").splitlines()
    return [line.split("\t") for line in lines if not line.startswith("#")]


@pytest.mark.parametrize("row", rows("sentences.tsv"), ids=lambda row: row[0])
def test_sentence(row: list[str]):
    words, *expected = row

    context = DocumentContext.of(words, "docs/2026-01-03-SESSION-1.md", TREE)

    found = handwritten_problems(context)
    assert [f"{each.code} {each.message}" for each in found] == expected


FILES = (
    *("src/models/train.py", "src/app.py", "docs/guide.md", "docs/archive/old-plan.md"),
    *("packages/web/lib/ui.ts", "packages/web/package.json"),
    *("docs/handoff/2026-01-03-SESSION-1.md"),
)
FOLDERS = {str(folder) for file in FILES for folder in Path(file).parents}
REPOSITORY = Tree({*FILES, *FOLDERS}.__contains__, lambda: FILES)


@pytest.mark.parametrize("row", rows("paths.tsv"), ids=lambda row: row[0])
def test_path(row: list[str]):
    words, *expected = row

    context = DocumentContext.of(words, "docs/handoff/2026-01-03-SESSION-1.md", REPOSITORY)

    assert [each.message for each in handwritten_problems(context)] == expected


def documents() -> list[tuple[str, str]]:
    text = (FIXTURES / "documents.md").read_text(encoding="utf-8")
    parts = re.split(r"^===(?!=)(.*)\n", text, flags=re.MULTILINE)[1:]
    return [(name.strip(), body) for name, body in zip(parts[::2], parts[1::2], strict=True)]


@pytest.mark.parametrize(("expected", "document"), documents())
def test_document(expected: str, document: str):
    read = {"docs/guide.md": "# Guide\n\n## Setup\n\n## Install\n"}.get
    path = "docs/handoff/2026-01-03-SESSION-1.md"
    context = DocumentContext.of(document, path, REPOSITORY, read=read)

    found = handwritten_problems(context)
    assert ", ".join(f"{each.place.line} {each.code}" for each in found) == expected


OPEN_FENCE = "# A\n\n```bash\nmake\n\n## B\n\n45/60 (80 %)\n"


def test_documents_are_checked_outside_of_any_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "docs" / "node_modules").mkdir(parents=True)
    (tmp_path / "docs" / "a.md").write_text(OPEN_FENCE)
    (tmp_path / "docs" / "b.md").write_text("# B\n\nAll is well.\n")
    (tmp_path / "docs" / "node_modules" / "c.md").write_text(OPEN_FENCE)
    handoff = caller(capfdbinary)
    lines = (
        "docs/a.md:3: error: fence opened with '```bash' is never closed; the code seems to "
        "end in line 4 (D001)\n"
        "docs/a.md:8:1: warning: '45/60 (80 %)': 45 of 60 is 75 % (C009)\n"
    )

    whole, one = handoff("check", "docs"), handoff("check", "docs/b.md")

    assert (whole.code, whole.out, whole.err) == (1, lines, "1 error, 1 warning\n")
    assert (one.code, one.out, one.err) == (0, "", "no problems\n")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("c.md", "no such file or folder 'c.md', did you mean 'b.md'?"),
        ("emty/", "no such file or folder 'emty/', did you mean 'empty'?"),
        ("empty/sub/x.md", "no such file or folder 'empty/sub/x.md'"),
        ("empty", "no Markdown documents in 'empty', expected files such as 'X.md'"),
    ],
)
def test_missing_document_is_a_usage_error(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfdbinary: pytest.CaptureFixture[bytes],
    name: str,
    message: str,
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "b.md").write_text("# B\n")

    done = caller(capfdbinary)("check", name)

    assert (done.code, done.err) == (2, f"handoff: error: {message}\n")


def test_document_that_is_no_text_is_a_problem_and_the_others_are_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.md").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "b.md").write_text(OPEN_FENCE)

    done = caller(capfdbinary)("check", ".", "--format", "json")

    codes = [(each["path"], each["code"]) for each in json.loads(done.out)["problems"]]
    assert codes == [("a.md", "I002"), ("b.md", "D001"), ("b.md", "C009")]


def test_sarif(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a b.md").write_text(OPEN_FENCE)

    log = json.loads(caller(capfdbinary)("check", "a b.md", "--format", "sarif").out)

    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    assert run["tool"]["driver"]["rules"] == [{"id": "C009"}, {"id": "D001"}]
    assert run["results"][1] == {
        "ruleId": "C009",
        "ruleIndex": 0,
        "level": "warning",
        "message": {"text": "'45/60 (80 %)': 45 of 60 is 75 %"},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": "a%20b.md"},
                    "region": {"startLine": 8, "startColumn": 1},
                }
            }
        ],
    }
