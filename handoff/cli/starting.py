"""`init`: what a repository needs to begin."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from handoff import starting
from handoff.cli import console, options


def init(root: options.Root = None) -> int:
    """Put settings, a first session and a question into a repository; overwrite nothing."""
    folder = Path(root or ".").resolve()
    written, kept = starting.start(folder, today=date.today())
    for path in written:
        console.note(f"wrote {path}")
    for path in kept:
        console.note(f"kept {path}, which was there")
    console.note("next: handoff render session-1")
    return 0
