"""Formatters leave a document as handoff wrote it; every other edit is seen."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from handoff.commands.runner import run
from handoff.publish.markdown_content import has_same_content, unformatted
from handoff.publish.signature import signature, signed, was_written
from handoff.publish.writer import state
from tests.projects import OUTPUT, project, write_session

TEXT = (Path(__file__).parent / "fixtures/formatters/document.md").read_text("utf-8")
OLD_SIGNATURE = re.compile(r" content:[0-9a-f]{32}")

MDFORMAT = (sys.executable, "-m", "mdformat")

# prettier formats code, too, unless it is told not to
FORMATTERS = {
    "mdformat": "mdformat",
    "mdformat --wrap": "mdformat --wrap 60 --number",
    "mdformat --no-wrap": "mdformat --wrap no",
    "prettier": "npm:prettier@3 --write --embedded-language-formatting off",
    "prettier --prose-wrap": "npm:prettier@3 --write --prose-wrap always --tab-width 4",
    "markdownlint": "npm:markdownlint-cli@0.45 --fix --disable MD010 MD051 --",
}


@cache
def npm(package: str) -> tuple[str, ...]:
    """The command of a package, or a reason to skip."""
    name = package.partition("@")[0].removesuffix("-cli")
    command = ("npm", "exec", "--yes", f"--package={package}", "--", name)
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    try:
        done = subprocess.run((*command, "--version"), capture_output=True, timeout=90)
    except subprocess.TimeoutExpired:
        pytest.skip(f"the npm registry does not answer: {package}")
    if done.returncode:
        pytest.skip(f"the npm registry cannot be reached: {package}")
    return command


def formatted(folder: Path, name: str, content: str) -> str:
    """What the formatter makes of the document."""
    file = folder / "document.md"
    file.write_text(content, "utf-8")
    first, *options = FORMATTERS[name].split()
    command = npm(first.removeprefix("npm:")) if first.startswith("npm:") else MDFORMAT
    done = subprocess.run((*command, *options, str(file)), cwd=folder, capture_output=True)
    assert done.returncode == 0 or name == "markdownlint", done.stderr  # 1: not all is fixed
    return file.read_text("utf-8")


@pytest.mark.parametrize("name", FORMATTERS)
def test_formatted_document_is_current(tmp_path: Path, name: str) -> None:
    found = formatted(tmp_path, name, signed(TEXT, "s"))

    assert found != signed(TEXT, "s")
    assert signature(found.encode()).formatted
    assert state(found.encode(), TEXT, "s") == "current"
    assert state(found.encode(), f"{TEXT}More.\n", "s") == "outdated"
    assert was_written(found.encode(), TEXT)


@pytest.mark.parametrize("name", FORMATTERS)
def test_edit_of_a_formatted_document_is_the_only_difference(tmp_path: Path, name: str) -> None:
    found = formatted(tmp_path, name, signed(TEXT, "s")).replace("694", "693")

    assert state(found.encode(), TEXT, "s") == "edited"
    plain = unformatted(TEXT, signature(found.encode()).text)
    assert plain == TEXT.replace("694", "693")


@pytest.mark.parametrize("name", ["mdformat", "prettier"])
def test_old_signature_stays_valid(tmp_path: Path, name: str) -> None:
    old = OLD_SIGNATURE.sub("", signed(TEXT, "s"))

    assert state(old.encode(), TEXT, "s") == "current"
    assert state(old.encode(), f"{TEXT}More.\n", "s") == "outdated"
    assert state(formatted(tmp_path, name, old).encode(), TEXT, "s") == "outdated"


EDITS = (
    ("Read the code", "Read the codes"),
    ("694", "695"),
    ("81.9", "-81.9"),
    ("[ ] Load", "[x] Load"),
    ("- [ ] Load", "- Load"),
    ("SELECT 1", "SELECT 2"),
    ("query  --nouse", "query --nouse"),
    ("`player daily`", "`player  daily`"),
    ("`player daily`", "player daily"),
    ("\ttabbed", "    tabbed"),
    ("docs/plan.md", "docs/plan2.md"),
    ('"Plan"', '"Plans"'),
    ("example.org/ref", "example.org/other"),
    ("img/a.png", "img/b.png"),
    ("*emphasis*", "emphasis"),
    ("__strong__", "*strong*"),
    ("~~struck~~", "struck"),
    ("|--:|", "|---|"),
    ("| Phase 4 | 694 |", "| Phase 4 694 | |"),
    ("## What next?", "### What next?"),
    ("## What next?", "What next?"),
    ("    - another", "- another"),
    ("2. second", "- second"),
    ("text\n\nSetext", "text\n\nNew paragraph.\n\nSetext"),
    ("> quoted\n> text", "quoted\ntext"),
    ("2 * 3 < 7", "2 * 3 > 7"),
    ("snake_case_name", "snake_casename"),
    ("```bash", "```sh"),
    ("\n***\n", "\n"),
    ("<b>tag</b>", "<i>tag</i>"),
    ("Hidden text.", "Hidden\n\ntext."),
    ("in progress", "in progress!"),
)


@pytest.mark.parametrize(("old", "new"), EDITS)
def test_edit_is_seen(old: str, new: str) -> None:
    edited = TEXT.replace(old, new, 1)

    assert edited != TEXT
    assert not has_same_content(edited, TEXT)
    assert state(signed(TEXT, "s").replace(old, new, 1).encode(), TEXT, "s") == "edited"


@pytest.mark.parametrize("place", ["start", "end", "below the signature"])
def test_words_put_anywhere_are_an_edit(place: str) -> None:
    whole = signed(TEXT, "s")
    content = {
        "start": f"Added.\n\n{whole}",
        "end": whole.replace("another list\n", "another list, added\n"),
        "below the signature": f"{whole}\nAdded.\n",
    }[place]

    there = signature(content.encode())

    assert state(content.encode(), TEXT, "s") == "edited"
    assert "added" in there.text.casefold()
    assert "sha256" not in there.text


SESSION = """\
summary:
  Result: 694 of 851 games
  Next: look at the rest
checklist: {Read it: true, Run it: false}
findings:
  - {text: The queue was full, evidence: README.md}
"""


@pytest.fixture
def published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Path:
    """The document of a session, published and formatted as a whole folder."""
    project(tmp_path, one=SESSION, two="")
    monkeypatch.chdir(tmp_path)
    assert run(["publish"]) == 0
    subprocess.run([*MDFORMAT, OUTPUT], check=True, cwd=tmp_path)
    capsys.readouterr()
    return tmp_path / OUTPUT / "2026-01-01-SESSION-1-ONE.md"


def test_formatted_folder_is_current_and_stays_formatted(published: Path) -> None:
    before = published.read_text()

    assert "|---|" not in (published.parent / "README.md").read_text()
    assert run(["publish", "--check"]) == 0
    assert run(["publish"]) == 0
    assert published.read_text() == before


def test_formatted_document_follows_its_session(published: Path) -> None:
    write_session(published.parents[2], "one", SESSION.replace("851", "852"), 1)

    assert run(["publish"]) == 0

    assert "694 of 852 games" in published.read_text()


def test_edit_in_a_formatted_document_can_be_merged(
    published: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = published.read_text()
    published.write_text(text.replace("look at the rest", "look at the others"))

    assert run(["publish", "--check"]) == 1
    shown = capsys.readouterr()
    assert run(["import", "--into", "one"]) == 0

    assert "with 'handoff import --into one'" in shown.err
    assert [line for line in shown.err.splitlines() if line[0] in "+-"][2:] == [
        "-**Next**: look at the others",
        "+**Next**: look at the rest",
    ]
    assert "look at the others" in (published.parents[2] / "sessions/one.yaml").read_text()
    assert run(["publish", "--check"]) == 1
    assert run(["publish"]) == 0


def test_merged_edit_that_changes_other_lines_is_published_over_it(
    published: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    published.write_text(published.read_text().replace("[ ] Run it", "[x] Run it"))

    assert run(["import", "--into", "one"]) == 0

    assert capsys.readouterr().err.endswith("next: handoff publish --overwrite\n")
    assert "Run it: true" in (published.parents[2] / "sessions/one.yaml").read_text()
    assert run(["publish", "--overwrite"]) == 0
