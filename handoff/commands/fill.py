"""`fill`: fill the blanks of a session one by one, at a terminal."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from handoff.base.problems import HandoffError, InvalidInput, UsageError
from handoff.base.report import counted
from handoff.commands import console, options
from handoff.workspace.load import find_session, open_project

if TYPE_CHECKING:
    from handoff.edit.fill import FillPrompt, Walk

_KEYS = "Enter skips, :b back, :e editor, := copy from the last session, :q quit, :? help"
_CUT = "# ---------------- everything below this line is ignored ----------------"


def fill(session: options.LatestSession = "latest", root: options.Root = None) -> int:
    """Each value is saved at once."""
    from handoff.edit.fill import start_fill  # slow: brings jinja2

    project = open_project(root)
    name = find_session(project, session)
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        instead = (
            f"'handoff todo {name} --json' lists the blanks, 'handoff set {name} PATH VALUE'"
        )
        raise UsageError(f"'fill' needs a terminal; {instead} fills one")
    with suppress(ImportError):
        import readline  # noqa: F401 - arrow keys while typing
    at = start_fill(project, name)
    _show_summary(at)
    try:
        _through(at)
    finally:
        left = len(at.prompts) - at.filled
        console.note(
            f"filled {at.filled} of {len(at.prompts)}, {left} left; all values are saved"
        )
    return 0


def _show_summary(at: Walk) -> None:
    console.note(f"{at.session}: {counted(len(at.prompts), 'blank')} to fill; {_KEYS}")
    if at.waiting:
        wait = "1 more waits" if at.waiting == 1 else f"{at.waiting} more wait"
        console.note(f"{wait} for query results; run 'handoff render {at.session}'")


def _through(at: Walk) -> None:
    n = 0
    while n < len(at.prompts):
        _show(at, n)
        step = _step(at, n)
        if step is None:
            return
        n = max(0, n + step)


def _show(at: Walk, n: int) -> None:
    each = at.prompts[n]
    console.note("")
    console.note(f"[{n + 1}/{len(at.prompts)}] {each.item.open.place}")
    console.note(f"  {' > '.join(map(str, each.keys))}")
    for line in _about(at, each, n):
        console.note(f"  {line}")


def _about(at: Walk, each: FillPrompt, n: int) -> Iterator[str]:
    around, given = at.around(n), at.filled_text(n)
    if around is not None:
        yield f"in: {around}"
    if each.item.open.hint:
        yield f"expected: {each.item.open.hint}"
    if each.item.open.choices:
        yield "  ".join(f"{i}) {choice}" for i, choice in enumerate(each.item.open.choices, 1))
    if each.last is not None:
        yield f"last session: {each.last}"
    if given is not None:
        yield f"now: {given}"


def _step(at: Walk, n: int) -> int | None:
    """How many blanks to move on after one input; `None` to stop."""
    while True:
        try:
            typed = input("> ").strip()
        except EOFError:
            console.note("")
            return None
        if typed in _STEPS:
            return _STEPS[typed]
        words = _COMMANDS[typed](at, n) if typed in _COMMANDS else typed.removeprefix(":")
        if typed.startswith(":") and typed not in _COMMANDS and not typed.startswith("::"):
            console.note(
                f"  '{typed}' is not a command, ':?' lists them; "
                "type '::' for a value that starts with ':'"
            )
        elif words and _is_saved(at, n, words):
            return 1


_STEPS: dict[str, int | None] = {"": 1, ":b": -1, ":q": None}


def _help(at: Walk, n: int) -> str:
    console.note(f"  {_KEYS}")
    return ""


def _last(at: Walk, n: int) -> str:
    words = at.prompts[n].last
    if words is None:
        console.note("  the last session has no value here")
    return words or ""


def _edited(at: Walk, n: int) -> str:
    """The text from an editor; empty to ask again."""
    about = "\n".join(f"# {line}" for line in _about(at, at.prompts[n], n))
    way = " > ".join(map(str, at.prompts[n].keys))
    with tempfile.TemporaryDirectory(prefix="handoff-") as folder:
        file = Path(folder, "value.md")
        file.write_text(f"{at.filled_text(n) or ''}\n\n{_CUT}\n# {way}\n{about}\n", "utf-8")
        command = [*_editor(), str(file)]
        try:
            code = subprocess.run(command, check=False).returncode
            text = file.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            console.note(f"  {command[0]}: {error}")
            return ""
    if code:
        console.note(f"  {command[0]} failed with exit code {code}; nothing was saved")
        return ""
    return text.partition(_CUT)[0].strip("\n").rstrip()


def _editor() -> list[str]:
    chosen = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    return shlex.split(chosen) if chosen else ["notepad" if os.name == "nt" else "vi"]


_COMMANDS: dict[str, Callable[[Walk, int], str]] = {":?": _help, ":=": _last, ":e": _edited}


def _is_saved(at: Walk, n: int, words: str) -> bool:
    try:
        words.encode()
        saved = at.fill(n, words)
    except UnicodeEncodeError:
        console.note("  the value is not valid UTF-8")
        return False
    except InvalidInput as error:
        console.problems(error.report.problems)
        return False
    except HandoffError as error:
        console.lines(f"  {error.lines}")
        return False
    console.problems(saved.warnings)
    return True
