"""`status`: list the sessions, how complete each is and who has it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from msgspec import Struct

from handoff.base.characters import revealed
from handoff.base.problems import InvalidInput, Problem
from handoff.base.progress import Progress
from handoff.base.report import counted, json_text
from handoff.commands import console, options
from handoff.facts.receipts import Receipt
from handoff.project.project import Project
from handoff.publish.build_cache import BuildRecord
from handoff.session.order import Position, sorted_newest_first
from handoff.values.printing import escaped, timestamp_text
from handoff.workspace.build import ProjectBuild
from handoff.workspace.document import load_receipts
from handoff.workspace.load import open_project
from handoff.workspace.paths import position, receipts_path

SessionState = Literal["open", "handed over", "accepted", "superseded", "unreadable"]
"""`open` until its document is published, an item is checked and its prompt has no blank; then
`handed over` until somebody accepts it. A session that another supersedes is `superseded`."""


class SessionStatus(Struct, frozen=True):
    """One session."""

    session: str
    """The id."""
    title: str
    day: date
    """Of `created`."""
    document: str
    """Its path, relative to the root."""
    status: str
    """As printed in the document."""
    items: str
    """`4 of 5`; empty without a checklist."""
    blanks: int
    blanks_in_prompt: int
    state: SessionState
    receipts: tuple[Receipt, ...] = ()
    """The oldest first."""
    superseded_by: tuple[str, ...] = ()
    overdue: tuple[str, ...] = ()
    """Overdue actions, and the checkpoint."""
    severity: str = ""
    """`🟡 watch`; empty without one."""
    owners: tuple[str, ...] = ()
    """Who has an action of the session."""

    @property
    def who_acts(self) -> str:
        """`🟡 watch; owners: Ann, Ben`; empty if nobody has to act."""
        noun = "owner" if len(self.owners) == 1 else "owners"
        parts = [self.severity, f"{noun}: {', '.join(self.owners)}" if self.owners else ""]
        return "; ".join(filter(None, parts))

    @property
    def state_words(self) -> str:
        """The state, with whom and what is overdue."""
        if self.state == "superseded":
            words = f"superseded by {', '.join(self.superseded_by)}"
        elif self.receipts:
            last = self.receipts[-1]
            words = f"accepted by {last.by}, {timestamp_text(last.at)}"
        else:
            words = self.state
        late = len(self.overdue)
        return f"{words}; {late} overdue" if late else words


def status(
    format: Annotated[str, options.format_option("text", "json", "md")] = "text",
    root: options.Root = None,
) -> int:
    """Recorded facts are used; no query runs."""
    project = open_project(root)
    found, problems = statuses(
        project, now=options.this_minute(), progress=console.ProgressLine()
    )
    console.problems(problems)
    console.out(_FORMATS[format](found))
    if not found and not problems:
        console.note("no sessions yet; run 'handoff init' to write a first one")
    return 1 if problems else 0


def statuses(
    project: Project, *, now: datetime, progress: Progress = lambda _: None
) -> tuple[list[SessionStatus], list[Problem]]:
    """Every session, newest first, and the problems of those that cannot be read.

    `now` is only for what is overdue. Documents are rendered only if their inputs changed
    since they were last published or listed.
    """
    build = ProjectBuild(project, progress)
    records: dict[str, tuple[BuildRecord, bool]] = {}
    unreadable: list[SessionStatus] = []
    problems: list[Problem] = []
    positions: list[Position] = []
    superseded_by: dict[str, tuple[str, ...]] = {}
    for session_id in build.session_ids("reading"):
        try:
            record = records[session_id] = build.record(session_id)
            where = record[0].position
        except InvalidInput as error:
            problems += error.report.problems
            unreadable.append(_unreadable(project, session_id, len(error.report.errors)))
            where = position(project, session_id)
        positions.append(where)
        if where.supersedes:
            others = superseded_by.get(where.supersedes, ())
            superseded_by[where.supersedes] = (*others, session_id)
    build.save()
    here = now.astimezone(ZoneInfo(project.settings.timezone))
    found = [
        _status(project, record, superseded_by.get(session_id, ()), here, is_written=written)
        for session_id, (record, written) in records.items()
    ]
    found += unreadable
    order = {name: place for place, name in enumerate(sorted_newest_first(positions))}
    return sorted(found, key=lambda each: order[each.session]), problems


def _status(
    project: Project,
    record: BuildRecord,
    superseded_by: tuple[str, ...],
    now: datetime,
    *,
    is_written: bool,
) -> SessionStatus:
    row, overview = record.listed, record.overview
    receipts: tuple[Receipt, ...] = ()
    if record.inputs.get(receipts_path(row.session)) is not None:
        receipts = load_receipts(project, row.session)
    return SessionStatus(
        session=row.session,
        title=row.title,
        day=row.day,
        document=row.path,
        status=row.status,
        items=row.completion,
        blanks=overview.blanks,
        blanks_in_prompt=overview.blanks_in_prompt,
        state=session_state(
            is_written=is_written,
            is_begun=overview.is_begun,
            blanks_in_prompt=overview.blanks_in_prompt,
            receipts=receipts,
            superseded_by=superseded_by,
        ),
        receipts=receipts,
        superseded_by=superseded_by,
        overdue=tuple(each.text for each in overview.due if each.is_past(now)),
        severity=row.severity,
        owners=row.owners,
    )


def session_state(
    *,
    is_written: bool,
    is_begun: bool,
    blanks_in_prompt: int,
    receipts: Sequence[Receipt],
    superseded_by: Sequence[str],
) -> SessionState:
    """The state of a session; `is_begun`: an item is checked, or there are none."""
    if superseded_by:
        return "superseded"
    if receipts:
        return "accepted"
    is_ready = is_written and is_begun and not blanks_in_prompt
    return "handed over" if is_ready else "open"


def _unreadable(project: Project, session_id: str, errors: int) -> SessionStatus:
    return SessionStatus(
        session=session_id,
        title="",
        day=position(project, session_id).created,
        document="",
        status=f"cannot be read, {counted(errors, 'error')}: handoff check {session_id}",
        items="",
        blanks=0,
        blanks_in_prompt=0,
        state="unreadable",
    )


def _as_text(sessions: Sequence[SessionStatus]) -> str:
    """Two lines a session, and one more if somebody has to act."""
    return "".join(f"{line}\n" for each in sessions for line in _lines(each))


def _lines(each: SessionStatus) -> Iterator[str]:
    """On a terminal in its width, with colours."""
    title = revealed(f"{each.title} ({each.day})")
    lines = [(f"{console.bold(revealed(each.session))}  {title}", 0)]
    lines.append((revealed(f"{_progress(each)}; {each.state_words}"), 4))
    if each.who_acts:
        words = revealed(each.who_acts)
        lines.append((console.red(words) if each.overdue else console.yellow(words), 4))
    for line, indent in lines:
        yield from console.wrapped(line, indent)


def _progress(each: SessionStatus) -> str:
    if each.state == "unreadable":
        return each.status
    items = f", {each.items} items" if each.items and each.items not in each.status else ""
    inside = f" ({each.blanks_in_prompt} in the prompt)" if each.blanks_in_prompt else ""
    blanks = f"{counted(each.blanks, 'blank')}{inside}" if each.blanks else "no blanks"
    return f"{each.status}{items}, {blanks}"


def _as_markdown(sessions: Sequence[SessionStatus]) -> str:
    """A table of GitHub's Markdown."""
    lines = ["| Session | Created | Status | Blanks | State |", "|---|---|---|--:|---|"]
    for each in sessions:
        cells = (
            escaped(f"{each.session}: {each.title}", "cell"),
            str(each.day),
            escaped(each.status, "cell"),
            str(each.blanks),
            escaped("; ".join(filter(None, (each.state_words, each.who_acts))), "cell"),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "".join(f"{line}\n" for line in lines)


def _as_json(sessions: Sequence[SessionStatus]) -> str:
    """A list of objects."""
    return f"{json_text([_fields(each) for each in sessions])}\n"


def _fields(each: SessionStatus) -> dict[str, object]:
    return {
        "session": each.session,
        "title": each.title,
        "created": str(each.day),
        "document": each.document,
        "status": each.status,
        "boxes": each.items or None,
        "blanks": each.blanks,
        "blanks_in_prompt": each.blanks_in_prompt,
        "stand": each.state,
        "accepted_by": [
            {"by": r.by, "at": f"{r.at:%Y-%m-%dT%H:%M:%SZ}", "commit": r.commit, "note": r.note}
            for r in each.receipts
        ],
        "superseded_by": list(each.superseded_by),
        "overdue": list(each.overdue),
        "severity": each.severity.rpartition(" ")[2] or None,
        "owners": list(each.owners),
    }


_FORMATS = {"text": _as_text, "json": _as_json, "md": _as_markdown}
