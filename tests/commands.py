"""Commands as a user calls them, in a copy of this repository's own example."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from handoff.cli.running import run

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True, slots=True)
class Done:
    code: int
    out: str
    err: str


Handoff = Callable[..., Done]


def example(folder: Path) -> Path:
    """A copy of this repository's sessions, questions and settings, with nothing recorded."""
    for name in ("sessions", "sql", "handoff.yaml"):
        source = ROOT / name
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, folder / name)
    for pattern in ("*.facts.json", "*.receipts.json"):
        for path in folder.glob(f"sessions/{pattern}"):
            path.unlink()
    return folder


def caller(capfdbinary: pytest.CaptureFixture[bytes]) -> Handoff:
    """Calls a command and gives what it said."""

    def call(*words: str) -> Done:
        capfdbinary.readouterr()
        code = run(words)
        found = capfdbinary.readouterr()
        return Done(code, found.out.decode(), found.err.decode())

    return call
