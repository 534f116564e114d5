"""Session logs of coding agents as sources: times, tokens, files and commands of a session.

`claude` and `codex` read one format each, `logs` finds and reads the files; `tally` counts.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from handoff.base.files import expanded
from handoff.base.problems import Problem, Refused
from handoff.session.model import SourceFact, Transcript
from handoff.sources.source import (
    InvalidSource,
    Request,
    SourceContext,
    SourceRows,
    named_errors,
)

ENGINE = "transcript"
AGENTS: Mapping[str, tuple[str, str, str]] = {
    "claude-code": ("CLAUDE_CONFIG_DIR", "~/.claude", "projects"),
    "codex": ("CODEX_HOME", "~/.codex", "sessions"),
}
"""A variable with the agent's own folder, that folder by default, and its folder of logs."""


def describe(source: Transcript) -> str:
    return source.file or source.agent


def problems(
    fact: SourceFact, source: Transcript, file: Callable[[str], Path]
) -> Iterator[Problem]:
    """A file or a folder of logs that may not be read."""
    path = source.file
    if path is None and source.agent in AGENTS:
        path = _home(source.agent)
    try:
        if path is not None:
            file(path)
    except Refused as error:
        yield Problem("F030", f"fact '{fact.name}' {_refusal(source, error)}", source.place)


def read(request: Request, source: Transcript) -> SourceRows:
    """What the agent did until the as-of time, in its newest log or the one that is named."""
    from handoff.sources.transcript.logs import read_transcript  # slow: only for running

    context = request.context
    if source.agent not in AGENTS and source.agent not in context.transcripts:
        known = ", ".join((*AGENTS, *context.transcripts))
        raise InvalidSource(f"unknown agent '{source.agent}', known are {known}")
    with named_errors(describe(source)):
        return read_transcript(request, source, _file_or_folder(context, source))


def _file_or_folder(context: SourceContext, source: Transcript) -> Path:
    """The log that is named, or the folder of the agent's logs. Raises InvalidSource."""
    mapping = context.transcripts.get(source.agent)
    where = source.file
    if where is None and mapping is None:
        where = _home(source.agent)
    elif where is None and mapping is not None and mapping.folder is not None:
        where = str(expanded(mapping.folder))
    if where is None:
        raise InvalidSource("the settings have no 'folder:' for its logs; name a 'file:'")
    try:
        return context.file(where)
    except Refused as error:
        raise InvalidSource(_refusal(source, error)) from error


def _home(agent: str) -> str:
    """Where the agent keeps its logs."""
    variable, default, logs = AGENTS[agent]
    return str(expanded(os.environ.get(variable) or default) / logs)


def _refusal(source: Transcript, error: Refused) -> str:
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
