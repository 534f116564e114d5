"""Copy text to the clipboard, with the system's tool or else through the terminal."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping

from msgspec import Struct

from handoff.base.problems import WorldError

TIMEOUT_SECONDS = 5
MAX_OSC52_BYTES = 74_994
"""Of text; xterm and terminals after it silently drop more."""


class Tool(Struct, frozen=True):
    """A program that reads the text for the clipboard from its standard input."""

    words: tuple[str, ...]
    is_for: Callable[[Mapping[str, str]], bool]
    """Whether it can reach a clipboard with these variables of the environment."""
    encoding: str = "utf-8"


TOOLS: tuple[Tool, ...] = (
    Tool(("pbcopy",), lambda _: sys.platform == "darwin"),
    Tool(("wl-copy",), lambda env: bool(env.get("WAYLAND_DISPLAY"))),
    Tool(("xclip", "-selection", "clipboard"), lambda env: bool(env.get("DISPLAY"))),
    Tool(("xsel", "--clipboard", "--input"), lambda env: bool(env.get("DISPLAY"))),
    # Windows and WSL; it recognizes UTF-16 by the byte order mark
    Tool(("clip.exe",), lambda _: True, "utf-16"),
)


def copy(text: str) -> str:
    """Copy `text` to the clipboard and return the name of the tool. Raises WorldError."""
    reasons: list[str] = []
    for tool, program in _available(os.environ):
        reason = _run(program, tool, text)
        if reason is None:
            return tool.words[0]
        reasons.append(f"{tool.words[0]} {reason}")
    if sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        return _copy_through_terminal(text)
    names = ", ".join(tool.words[0] for tool in TOOLS)
    why = "; ".join(reasons) or f"none of {names} is available, and stderr is not a terminal"
    raise _cannot_copy(why)


def _available(environment: Mapping[str, str]) -> Iterator[tuple[Tool, str]]:
    for tool in TOOLS:
        program = shutil.which(tool.words[0]) if tool.is_for(environment) else None
        if program:
            yield tool, program


def _run(program: str, tool: Tool, text: str) -> str | None:
    """Why the tool failed; `None` where it copied the text."""
    try:
        done = subprocess.run(
            (program, *tool.words[1:]),
            input=text.encode(tool.encoding, "replace"),
            # not captured: xclip and wl-copy keep running and would hold a pipe open
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
    except OSError as error:
        return f"does not start: {(error.strerror or str(error)).lower()}"
    except subprocess.TimeoutExpired:
        return f"did not finish in {TIMEOUT_SECONDS} seconds"
    return f"failed with exit code {done.returncode}" if done.returncode else None


def _copy_through_terminal(text: str) -> str:
    """Send the sequence OSC 52, which also works over SSH; the terminal never replies."""
    content = text.encode("utf-8", "replace")
    if len(content) > MAX_OSC52_BYTES:
        size = f"{len(content):,} bytes, a terminal accepts {MAX_OSC52_BYTES:,}"
        raise _cannot_copy(size)
    sys.stderr.flush()
    sys.stderr.buffer.write(b"\x1b]52;c;" + b64encode(content) + b"\x07")
    sys.stderr.buffer.flush()
    return "the terminal (OSC 52), if it allows it"


def _cannot_copy(reason: str) -> WorldError:
    message = f"cannot copy: {reason}; run 'handoff prompt' to print it"
    return WorldError(message, place="handoff")
