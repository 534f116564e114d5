"""Session logs of coding agents as sources: times, tokens, files and commands of a session."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from handoff.base.problems import Problem, Refused
from handoff.session.model import SourceFact, Transcript
from handoff.sources.agents.folders import AGENTS, home, refused
from handoff.sources.source import (
    Request,
    SourceRows,
)

ENGINE = "transcript"


def describe(source: Transcript) -> str:
    return source.file or source.agent


def problems(
    fact: SourceFact, source: Transcript, file: Callable[[str], Path]
) -> Iterator[Problem]:
    """A file or a folder of logs that may not be read."""
    path = source.file
    if path is None and source.agent in AGENTS:
        path = str(home(source.agent))
    try:
        if path is not None:
            file(path)
    except Refused as error:
        yield Problem("F030", f"fact '{fact.name}' {refused(source, error)}", source.place)


def read(request: Request, source: Transcript) -> SourceRows:
    """What the agent did until the as-of time, in its newest log or the one that is named."""
    from handoff.sources.agents.logs import read_transcript  # slow: only for running

    return read_transcript(request, source)
