"""How complete each session is, and who has it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Literal
from zoneinfo import ZoneInfo

from msgspec import Struct

from handoff.base.problems import InvalidInput, Problem
from handoff.base.progress import Progress
from handoff.base.report import counted
from handoff.facts.receipts import Receipt
from handoff.project.project import Project
from handoff.publish.build_cache import BuildRecord
from handoff.session.order import Position, sorted_newest_first
from handoff.values.printing import timestamp_text
from handoff.workspace.build import ProjectBuild
from handoff.workspace.document import load_receipts
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

    @property
    def progress_words(self) -> str:
        """The status, checked items and blanks."""
        if self.state == "unreadable":
            return self.status
        items = f", {self.items} items" if self.items and self.items not in self.status else ""
        inside = f" ({self.blanks_in_prompt} in the prompt)" if self.blanks_in_prompt else ""
        blanks = f"{counted(self.blanks, 'blank')}{inside}" if self.blanks else "no blanks"
        return f"{self.status}{items}, {blanks}"


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
