"""docs/tutorial.md: its steps, run as written in an empty folder, lead to what it shows."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from commands import Handoff, caller

PAGE = (Path(__file__).parent.parent / "docs/tutorial.md").read_text("utf-8")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MOST_COMMANDS = 8


def blocks() -> Iterator[tuple[str, str, str]]:
    """The paragraph above each block, its language and its content."""
    for found in BLOCK.finditer(PAGE):
        yield PAGE[: found.start()].rstrip().rpartition("\n\n")[2], found[1], found[2]


def steps(text: str) -> Iterator[tuple[str, str]]:
    """The commands of a block, each with the output shown for it."""
    for part in re.split(r"^\$ ", text, flags=re.M)[1:]:
        command, _, output = part.partition("\n")
        yield command, output


def assert_shown(shown: str, output: str) -> None:
    """Each line shown is in the output, in this order; '…' is for any text."""
    position = 0
    for line in filter(lambda line: line not in ("", "…"), shown.splitlines()):
        pattern = "[^\n]*".join(map(re.escape, line.split("…")))
        found = re.compile(pattern).search(output, position)
        assert found, (line, output)
        position = found.end()


def write(before: str, text: str) -> None:
    """Write a block to the last file that the text above it names."""
    path = Path(re.findall(r"`([\w./-]+\.\w+)`", before)[-1])
    kept = ""
    if "replace the rest" in before:
        (kept,) = re.findall(r"\A.*?^created: [^\n]*\n", path.read_text("utf-8"), re.M | re.S)
    path.write_text(kept + text, "utf-8")


def test_tutorial_leads_to_a_published_document_with_a_chart_and_a_prompt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    handoff: Handoff = caller(capfdbinary)
    ran: list[str] = []
    for before, lang, text in blocks():
        if lang == "markdown":
            (document,) = Path("docs/09-handoff").glob("*-SESSION-1-*.md")
            assert_shown(text, document.read_text("utf-8"))
        elif lang != "console":
            write(before, text)
        for command, output in steps(text) if lang == "console" else ():
            program, *words = shlex.split(command)
            if program == "python":
                subprocess.run([sys.executable, *words], check=True)
                continue
            assert program == "handoff"
            done = handoff(*words)
            assert (command, done.code) == (command, 0), done
            assert_shown(output, done.err + done.out)
            ran.append(command)

    assert len(ran) <= MOST_COMMANDS
    assert {"handoff publish", "handoff prompt session-1"} <= set(ran)
    (document,) = Path("docs/09-handoff").glob("*-SESSION-1-*.md")
    assert "```mermaid\ngantt\n" in document.read_text("utf-8")
    assert document.name in Path("docs/09-handoff/README.md").read_text("utf-8")
