"""What a session looks up beside the warehouse: the rows of a declared fact."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta, tzinfo
from pathlib import Path

from msgspec import Struct

from handoff.base.problems import HandoffError, Refused
from handoff.facts.recorded import MAX_ROWS, Column, Failure, QueryResult
from handoff.session.facts import TIME
from handoff.session.model import GitRange, JsonFile, LogFile, SourceFact
from handoff.sources import git, json_file, log
from handoff.sources.log import SourceFailed
from handoff.sources.log_matches import RecentWindow, logged
from handoff.sources.values import as_column, moment_of
from handoff.sql.query import Declaration
from handoff.sql.types import BadValue, Value, type_of

Raw = Mapping[str, object]


class SourceContext(Struct, frozen=True):
    """Where sources lie, and when they are asked."""

    root: Path
    file: Callable[[str], Path]
    """Where a path really leads, and that it may; raises Refused."""
    zone: tzinfo
    """Where a date begins."""
    recent_minutes: int
    """The window in which progress counts as recent."""
    now: datetime
    """UTC; what was asked for before this minute is past."""


class LookupResult(Struct, frozen=True):
    """What looking up a fact gave."""

    answer: QueryResult | Failure
    source: str
    """`logs/run.log`, `0123abc..4567def`."""
    engine: str
    """`log`, `json`, `git`."""


class _Unanswerable(HandoffError):
    """The declaration, not the world, keeps an answer away."""

    exit_code = 1


def look(lookup: SourceFact, world: SourceContext, as_of: datetime) -> LookupResult:
    """The rows of `lookup` as of a moment, or why there are none."""
    is_past = as_of < world.now.replace(second=0, microsecond=0)
    asked = _Asked(lookup, world, as_of, is_past)
    engine = " and ".join(dict.fromkeys(_ENGINES[type(each)] for each in lookup.sources))
    source = ", ".join(dict.fromkeys(_named(each) for each in lookup.sources))
    try:
        rows: list[Mapping[str, Value]] = []
        for each in lookup.sources:
            if isinstance(each, GitRange):
                source, found = _git(asked, each)
            else:
                found = _rows(asked, each)
            rows += found
        return LookupResult(_answer(lookup, rows, world.now), source, engine)
    except (SourceFailed, _Unanswerable, Refused, log.BadPattern) as error:
        return LookupResult(Failure(str(error), world.now, error.exit_code), source, engine)


class _Asked(Struct, frozen=True):
    lookup: SourceFact
    world: SourceContext
    as_of: datetime
    is_past: bool

    @property
    def recent(self) -> RecentWindow | None:
        """The window in which the log is to tell what was done; of phases only."""
        if self.lookup.contract != "phases":
            return None
        minutes = self.world.recent_minutes
        return RecentWindow(self.as_of - timedelta(minutes=minutes), self.as_of, minutes)


def _answer(
    lookup: SourceFact, rows: Sequence[Mapping[str, Value]], now: datetime
) -> QueryResult:
    if len(rows) > MAX_ROWS:
        message = f"{len(rows):,} rows, at most {MAX_ROWS:,} are recorded"
        raise _Unanswerable(message)
    return QueryResult(
        columns=tuple(Column(each.name, each.type) for each in lookup.returns),
        rows=tuple(tuple(row.get(each.name) for each in lookup.returns) for row in rows),
        job_id=None,
        bytes_billed=None,
        ran_at=now,
    )


def _named(source: LogFile | JsonFile | GitRange) -> str:
    return source.since if isinstance(source, GitRange) else source.path


def _rows(asked: _Asked, source: LogFile | JsonFile) -> list[Mapping[str, Value]]:
    """The typed rows of one file; what fails is told with the file."""
    try:
        rows = _log(asked, source) if isinstance(source, LogFile) else _json(asked, source)
        return [
            {each.name: _value(raw, each, source) for each in asked.lookup.returns}
            for raw in rows
        ]
    except (SourceFailed, _Unanswerable, log.BadPattern) as error:
        failed = _Unanswerable if error.exit_code == 1 else SourceFailed
        raise failed(f"{source.path}: {error}") from error


_NONE = (None, 0, "0", "")
"""Nothing done, so what said so is no progress."""


def _value(raw: Raw, column: Declaration, source: LogFile | JsonFile) -> Value:
    given = source.constants.get(column.name, raw.get(column.name))
    if given is None and column.name == "last_progress_at" and raw.get("done") not in _NONE:
        given = raw.get(TIME)
    try:
        return as_column(given, type_of(column.type), source.zone)
    except BadValue as error:
        raise _Unanswerable(f"'{column.name}': {error}") from error


# --- logs ----------------------------------------------------------------------------------


def _log(asked: _Asked, source: LogFile) -> Sequence[Raw]:
    found = log.search(source.match)
    names = log.group_names(source.match)
    if asked.is_past and TIME not in names:
        raise _no_past(f"the pattern has no group '{TIME}', the time of a line")
    key = asked.lookup.key if asked.lookup.key in names else None
    recent = asked.recent if {TIME, "done"} <= {*names} else None
    file = _log_file(asked.world, source.path)
    rows = logged(
        log.matches(file, found),
        lambda groups: _time(groups.get(TIME), source.zone) if TIME in names else None,
        key=key,
        take=source.take,
        until=asked.as_of if asked.is_past else None,
        recent=recent,
    )
    if not rows and source.take == "last":
        when = f" up to {asked.as_of:%Y-%m-%d %H:%M} UTC" if asked.is_past else ""
        raise SourceFailed(f"no line{log.searched(file)} matches{when}")
    return rows


_STARS = re.compile(r"\*+")


def _log_file(world: SourceContext, path: str) -> Path:
    """The file; of those that a `*` in its name stands for the newest."""
    folder, _, name = path.rpartition("/")
    if "*" not in name:
        return world.file(path)
    parent = world.file(folder or ".")
    prefix = f"{folder}/" if folder else ""
    found = (
        world.file(f"{prefix}{each.name}")
        for each in sorted(parent.glob(_STARS.sub("*", name)))
    )
    newest = log.newest([each for each in found if each.is_file()])
    if newest is None:
        raise SourceFailed("there is no such file")
    return newest


def _time(text: object, zone: str | None) -> datetime | None:
    try:
        return moment_of(text, zone)
    except BadValue as error:
        raise _Unanswerable(f"'{TIME}': {error}") from error


def _no_past(why: str) -> _Unanswerable:
    return _Unanswerable(f"cannot say what was so at a past moment: {why}")


# --- checkpoints ---------------------------------------------------------------------------


def _json(asked: _Asked, source: JsonFile) -> Sequence[Raw]:
    names = [each.name for each in asked.lookup.returns if each.name not in source.constants]
    read = {name: source.read.get(name, f'"{name}"') for name in [*names, TIME]}
    content = json_file.read(asked.world.file(source.path))
    rows = json_file.rows(content, source.rows, read)
    if not asked.is_past:
        return rows
    moments = [_time(row[TIME], source.zone) for row in rows]
    known = [moment for moment in moments if moment is not None]
    if len(known) < len(rows):
        raise _no_past(f"the file has no '{TIME}', the time it was written")
    if any(moment > asked.as_of for moment in known):
        latest = f"{max(known):%Y-%m-%d %H:%M}"
        raise SourceFailed(f"was written later, at {latest} UTC")
    return rows


# --- git -----------------------------------------------------------------------------------


def _git(asked: _Asked, source: GitRange) -> tuple[str, list[Mapping[str, Value]]]:
    until = asked.as_of if asked.is_past else None
    root, zone = asked.world.root, asked.world.zone
    span = git.since(root, source.since, until=until, zone=zone)
    return span.words, _GIT[source.take](root, span)


def _files(root: Path, span: git.CommitRange) -> list[Mapping[str, Value]]:
    return [
        {
            "path": each.path,
            "change": each.change,
            "old_path": each.old_path,
            "insertions": each.insertions,
            "deletions": each.deletions,
        }
        for each in git.files(root, span)
    ]


def _commits(root: Path, span: git.CommitRange) -> list[Mapping[str, Value]]:
    return [
        {
            "sha": each.sha,
            "author": each.author,
            "committed_at": each.committed_at,
            "subject": each.subject,
        }
        for each in git.commits(root, span)
    ]


def _summary(root: Path, span: git.CommitRange) -> list[Mapping[str, Value]]:
    files, commits = git.files(root, span), git.commits(root, span)
    if len(commits) == git.MAX_COMMITS:
        raise SourceFailed(f"{git.MAX_COMMITS:,} commits or more, too many to sum up")
    times = [each.committed_at for each in commits if each.committed_at]
    changes = [each.change for each in files]
    return [
        {
            "commits": len(commits),
            "authors": tuple(dict.fromkeys(each.author for each in reversed(commits))),
            "files": len(files),
            **{change: changes.count(change) for change in git.CHANGES},
            "insertions": sum(each.insertions or 0 for each in files),
            "deletions": sum(each.deletions or 0 for each in files),
            "first_at": min(times, default=None),
            "last_at": max(times, default=None),
            "base": span.base,
            "head": span.head,
            "shallow": span.shallow,
        }
    ]


_GIT: Mapping[str, Callable[[Path, git.CommitRange], list[Mapping[str, Value]]]] = {
    "files": _files,
    "commits": _commits,
    "summary": _summary,
}
_ENGINES = {LogFile: "log", JsonFile: "json", GitRange: "git"}
