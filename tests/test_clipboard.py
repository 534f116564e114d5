"""`prompt --copy`: which tool takes the text, and what is said where none does."""

from __future__ import annotations

import io
import os
import pty
import sys
from base64 import b64encode
from collections.abc import Iterator
from contextlib import redirect_stderr
from pathlib import Path
from typing import TextIO

import pytest

from handoff.base.problems import WorldError
from handoff.commands import clipboard

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="stands in for tools of Linux")


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all of PATH, and a desktop of both kinds."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    monkeypatch.setenv("DISPLAY", ":0")
    return tmp_path


def tool(folder: Path, name: str, code: int = 0) -> Path:
    """A stand-in that keeps its arguments and what it is given."""
    taken = folder / f"{name}.taken"
    file = folder / name
    file.write_text(f'#!/bin/sh\n{{ echo "$@"; /bin/cat; }} > "{taken}"\nexit {code}\n')
    file.chmod(0o755)
    return taken


@pytest.mark.parametrize(
    ("name", "words", "encoding"),
    [
        ("wl-copy", "", "utf-8"),
        ("xclip", "-selection clipboard", "utf-8"),
        ("xsel", "--clipboard --input", "utf-8"),
        ("clip.exe", "", "utf-16"),
    ],
)
def test_the_available_tool_is_used(tools: Path, name: str, words: str, encoding: str) -> None:
    taken = tool(tools, name)

    assert clipboard.copy("Phase 1 → ✅\n") == name
    assert taken.read_bytes() == f"{words}\n".encode() + "Phase 1 → ✅\n".encode(encoding)


def test_the_next_tool_is_tried_where_one_fails(tools: Path) -> None:
    tool(tools, "wl-copy", 1)
    taken = tool(tools, "xclip")

    assert clipboard.copy("x") == "xclip"
    assert taken.read_text().endswith("x")


def test_a_tool_without_a_desktop_is_not_tried(
    tools: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WAYLAND_DISPLAY")
    tool(tools, "wl-copy")
    tool(tools, "xsel")

    assert clipboard.copy("x") == "xsel"


def test_without_a_tool_the_reason_is_reported(tools: Path) -> None:
    tool(tools, "xclip", 1)

    with (
        redirect_stderr(io.StringIO()),
        pytest.raises(WorldError, match="cannot copy: xclip failed with exit code 1"),
    ):
        clipboard.copy("x")


@pytest.fixture
def terminal(tools: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[int, TextIO]]:
    """A terminal's own end, and the other as a stream."""
    mine, theirs = pty.openpty()
    monkeypatch.setenv("TERM", "xterm")
    with os.fdopen(theirs, "w") as stream:
        yield mine, stream
    os.close(mine)


def test_without_a_tool_the_terminal_is_used(terminal: tuple[int, TextIO]) -> None:
    text = "Phase 1 → ✅\x1b[31m"

    with redirect_stderr(terminal[1]):
        taken = clipboard.copy(text)

    assert taken.startswith("the terminal")
    assert os.read(terminal[0], 1000) == b"\x1b]52;c;" + b64encode(text.encode()) + b"\x07"


def test_text_too_long_for_a_terminal_is_refused(terminal: tuple[int, TextIO]) -> None:
    with (
        redirect_stderr(terminal[1]),
        pytest.raises(WorldError, match="80,000 bytes, a terminal accepts 74,994"),
    ):
        clipboard.copy("x" * 80_000)
