"""Commands as a user calls them, in a copy of this repository's own example."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from handoff.commands.runner import run

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


THIRD = """\
session: 3
title: First Training Run
created: 2026-01-04
template: brief
severity:
facts:
  orchestrator: {sql: orchestrator/phases.sql, key: phase}
actions:
  - {do: Rebuild the store, owner: Ann, due: 2026-01-04}
  - {do: Train once, owner: Bob, due: 2026-01-06}
next:
  session: 4
  prerequisites:
    - {text: Phase 1 complete, when: "{{ orchestrator.phase_1.state == 'complete' }}"}
    - {text: Phase 2 complete, when: "{{ orchestrator.phase_2.state == 'complete' }}"}
prompt: {goal: Go on}
prompts:
  review:
    goal: Look at the weights
    read: [{path: ml/weights.bin}]
  retry: {goal: "Look at [WHAT]"}
"""
"""A session with actions, conditions and several prompts."""
