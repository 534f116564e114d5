"""What is wrong with a lookup, as far as it can be seen before anything is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from handoff.base.problems import Problem, Refused, nearest
from handoff.session.facts import TIME
from handoff.session.model import GitRange, JsonFile, LogFile, SourceFact
from handoff.sources import json_file, log
from handoff.sources.values import as_column
from handoff.sql.contracts import CONTRACTS
from handoff.sql.types import BadValue, type_of


def problems(lookup: SourceFact, file: Callable[[str], Path]) -> Iterator[Problem]:
    """Paths that lead where they may not, patterns and expressions that are none, and
    columns that nothing gives; `file` raises Refused."""
    for source in lookup.sources:
        if isinstance(source, GitRange):
            continue
        yield from _path(lookup, source, file)
        yield from _constants(lookup, source)
        yield from (
            _log(lookup, source) if isinstance(source, LogFile) else _json(lookup, source)
        )


def _path(
    lookup: SourceFact, source: LogFile | JsonFile, file: Callable[[str], Path]
) -> Iterator[Problem]:
    folder, _, name = source.path.rpartition("/")
    is_pattern = "*" in name and isinstance(source, LogFile)
    try:
        file((folder or ".") if is_pattern else source.path)
    except Refused as error:
        why = str(error).partition(": error: ")[2]
        message = f"fact '{lookup.name}' reads '{source.path}', which {why}"
        hint = ", 'sources:' in handoff.yaml names folders that may be read"
        yield Problem("F030", message + (hint if "outside" in why else ""), source.place)


def _constants(lookup: SourceFact, source: LogFile | JsonFile) -> Iterator[Problem]:
    types = {each.name: each.type for each in lookup.returns}
    for name, value in source.constants.items():
        if name not in types:
            yield _no_column(lookup, source, "'set:' gives", name)
            continue
        try:
            as_column(value, type_of(types[name]), source.zone)
        except BadValue as error:
            yield Problem("Q021", f"'set:' gives '{name}': {error}", source.place)


def _log(lookup: SourceFact, source: LogFile) -> Iterator[Problem]:
    try:
        groups = log.group_names(source.match)
    except log.BadPattern as error:
        yield Problem("F031", f"fact '{lookup.name}': {error}", source.place)
        return
    for name in sorted(groups):
        if name != TIME and name not in [each.name for each in lookup.returns]:
            yield _no_column(lookup, source, "the pattern has a group", name)
    for name in _own_columns(lookup):
        if name not in groups and name not in source.constants:
            message = f"column '{name}' comes from no group of the pattern and not from 'set:'"
            yield Problem("F033", message + nearest(name, groups), source.place)


def _json(lookup: SourceFact, source: JsonFile) -> Iterator[Problem]:
    for name, expression in source.read.items():
        if name != TIME and name not in [each.name for each in lookup.returns]:
            yield _no_column(lookup, source, "'from:' gives", name)
        yield from _expression(lookup, source, expression)
    if source.rows is not None:
        yield from _expression(lookup, source, source.rows)


def _expression(lookup: SourceFact, source: JsonFile, expression: str) -> Iterator[Problem]:
    try:
        json_file.check(expression)
    except json_file.BadExpression as error:
        message = f"fact '{lookup.name}': '{expression}' is {error}"
        yield Problem("F032", message, source.place)


def _own_columns(lookup: SourceFact) -> Iterator[str]:
    """Those of `columns:`; what a contract adds may stay empty."""
    known = CONTRACTS.get(lookup.contract or "", {})
    return (each.name for each in lookup.returns if each.name not in known)


def _no_column(lookup: SourceFact, source: LogFile | JsonFile, what: str, name: str) -> Problem:
    columns = [each.name for each in lookup.returns]
    known = nearest(name, columns) or f", it has {', '.join(columns)}"
    message = f"{what} '{name}', which is no column of fact '{lookup.name}'{known}"
    return Problem("F033", message, source.place)
