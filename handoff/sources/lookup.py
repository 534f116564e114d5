"""Check and read the sources of a fact: logs, JSON files, git, transcripts, tables.

A new kind of source is a module with the functions of `source.Source`, and a row in SOURCES.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path

from msgspec import Struct

from handoff.base.problems import Problem, Refused
from handoff.facts.recorded import MAX_ROWS, Column, Failure, QueryResult
from handoff.session.model import (
    GitRange,
    GitTree,
    JsonFile,
    LogFile,
    SourceFact,
    TableList,
    Transcript,
)
from handoff.sources import git, git_tree, json_file, log, tables, transcript
from handoff.sources.source import (
    InvalidSource,
    Request,
    Source,
    SourceContext,
    SourceFailed,
    TypedRow,
)

SOURCES: Mapping[type, Source] = {
    LogFile: log,
    JsonFile: json_file,
    GitRange: git,
    GitTree: git_tree,
    Transcript: transcript,
    TableList: tables,
}


class LookupResult(Struct, frozen=True):
    """The rows of a fact, or why there are none."""

    result: QueryResult | Failure
    source: str
    """`logs/run.log`, `0123abc..4567def`."""
    engine: str
    """`log`, `json`, `git`, `transcript`."""


def problems(fact: SourceFact, file: Callable[[str], Path]) -> Iterator[Problem]:
    """Errors of the sources of `fact` that show without reading them; `file` raises Refused."""
    for source in fact.sources:
        yield from SOURCES[type(source)].problems(fact, source, file)


def look_up(fact: SourceFact, context: SourceContext, as_of: datetime) -> LookupResult:
    """The rows of `fact` as of a timestamp, or why there are none."""
    request = Request(fact, context, as_of)
    pairs = [(SOURCES[type(source)], source) for source in fact.sources]
    engine = " and ".join(dict.fromkeys(kind.ENGINE for kind, _ in pairs))
    names = [kind.describe(source) for kind, source in pairs]
    rows: list[TypedRow] = []
    try:
        for n, (kind, source) in enumerate(pairs):
            read = kind.read(request, source)
            names[n] = read.name
            rows += read.rows
        if len(rows) > MAX_ROWS:
            raise InvalidSource(f"{len(rows):,} rows, at most {MAX_ROWS:,} are recorded")
    except (SourceFailed, InvalidSource, Refused) as error:
        failure = Failure(str(error), context.now, error.exit_code)
        return LookupResult(failure, ", ".join(dict.fromkeys(names)), engine)
    result = QueryResult(
        columns=tuple(Column(each.name, each.type) for each in fact.returns),
        rows=tuple(tuple(row.get(each.name) for each in fact.returns) for row in rows),
        job_id=None,
        bytes_billed=None,
        ran_at=context.now,
    )
    return LookupResult(result, ", ".join(dict.fromkeys(names)), engine)
