"""Where agents keep their logs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from handoff.base.files import expanded
from handoff.base.problems import Refused
from handoff.session.model import Transcript

AGENTS: Mapping[str, tuple[str, str, str]] = {
    "claude-code": ("CLAUDE_CONFIG_DIR", "~/.claude", "projects"),
    "codex": ("CODEX_HOME", "~/.codex", "sessions"),
}
"""A variable with the agent's own folder, that folder by default, and its folder of logs."""


def refused(source: Transcript, error: Refused) -> str:
    """Why a file or folder may not be read, without the machine's path."""
    what, folder = f"reads '{source.file}'", "its folder"
    if source.file is None:
        what = f"reads the logs of {source.agent}"
        if source.agent in AGENTS:
            _, default, logs = AGENTS[source.agent]
            folder = f"'{default}/{logs}'"
    why = str(error).partition(": error: ")[2]
    if "outside" not in why:
        return f"{what}: {why}"
    return f"{what} outside the repository; add {folder} to 'sources:' in handoff.yaml"


def home(agent: str) -> Path:
    """Where the agent keeps its logs."""
    variable, default, logs = AGENTS[agent]
    return expanded(os.environ.get(variable) or default) / logs
