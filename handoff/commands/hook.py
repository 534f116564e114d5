"""What the hooks of coding agents print: little, in little time, and never a failure."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread

from handoff.commands import console
from handoff.values.printing import open_ticks

SECONDS = 10
"""After which a hook prints nothing."""
MAX_LINES = 12
MAX_LINE = 200
"""Characters."""


def print_hook(make_text: Callable[[], str]) -> int:
    """Print the text; nothing where it cannot be made. The exit code is always 0.

    An agent starts and ends whatever state the files of the session have, so no error is
    reported here; `handoff check` reports it.
    """
    found: list[str] = []

    def run() -> None:
        try:
            found.append(make_text())
        except Exception:  # whatever it is, the agent's session goes on
            return

    thread = Thread(target=run, daemon=True)
    thread.start()
    thread.join(SECONDS)
    if found:
        console.out(found[0])
    return 0


def shorten(line: str) -> str:
    """At most `MAX_LINE` characters of the line; a code span that is cut is closed."""
    if len(line) <= MAX_LINE:
        return line
    cut = line[:MAX_LINE].rstrip("`\\")
    return f"{cut}…{open_ticks(cut)}"
