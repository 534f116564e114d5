"""`status`: list the sessions, how complete each is and who has it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Literal

from msgspec import Struct

from handoff.base.characters import revealed
from handoff.base.problems import InvalidInput, Problem
from handoff.base.report import counted, json_text
from handoff.commands import console, options
from handoff.facts.receipts import Receipt
from handoff.project.project import Project
from handoff.publish import writer
from handoff.publish.archive import Places
from handoff.values.printing import escaped, moment
from handoff.workspace.document import load_receipts, overdue, render
from handoff.workspace.gather import load_facts
from handoff.workspace.load import load_session, open_project, successors
from handoff.workspace.paths import newest_first, places, position

State = Literal["open", "handed over", "accepted", "superseded", "unreadable"]
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
    state: State
    receipts: tuple[Receipt, ...] = ()
    """The oldest first."""
    superseded_by: tuple[str, ...] = ()
    overdue: tuple[str, ...] = ()
    """Overdue actions, and the checkpoint."""

    @property
    def state_words(self) -> str:
        """The state, with whom and what is overdue."""
        if self.state == "superseded":
            words = f"superseded by {', '.join(self.superseded_by)}"
        elif self.receipts:
            last = self.receipts[-1]
            words = f"accepted by {last.by}, {moment(last.at)}"
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
    found, problems = statuses(project, now=options.this_minute())
    console.problems(problems)
    console.out(_FORMATS[format](found))
    if not found and not problems:
        console.note("no sessions yet; run 'handoff init' to write a first one")
    return 1 if problems else 0


def statuses(project: Project, *, now: datetime) -> tuple[list[SessionStatus], list[Problem]]:
    """Every session, newest first, and the problems of those that cannot be read.

    `now` is only for what is overdue.
    """
    superseded_by, where = successors(project), places(project)
    found: list[SessionStatus] = []
    problems: list[Problem] = []
    for session_id in project.session_ids():
        try:
            successor_ids = superseded_by.get(session_id, ())
            found.append(_status(project, session_id, successor_ids, now, where))
        except InvalidInput as error:
            problems += error.report.problems
            found.append(_unreadable(project, session_id, len(error.report.errors)))
    order = {name: place for place, name in enumerate(newest_first(project))}
    return sorted(found, key=lambda each: order[each.session]), problems


def _status(
    project: Project,
    session_id: str,
    superseded_by: tuple[str, ...],
    now: datetime,
    where: Places,
) -> SessionStatus:
    loaded = load_session(project, session_id)
    facts = load_facts(project, session_id)
    document = render(project, loaded, facts, where=where)
    receipts = load_receipts(project, session_id)
    file = writer.state(project.read(document.path), document.text, session_id)
    in_prompt = sum(each.in_prompt for each in document.blanks)
    return SessionStatus(
        session=session_id,
        title=loaded.session.title,
        day=loaded.session.created.day,
        document=document.path,
        status=document.status,
        items=document.progress,
        blanks=len(document.blanks),
        blanks_in_prompt=in_prompt,
        state=session_state(
            is_written=file in ("current", "outdated", "edited"),
            is_begun=document.done > 0 or not document.boxes,
            blanks_in_prompt=in_prompt,
            receipts=receipts,
            superseded_by=superseded_by,
        ),
        receipts=receipts,
        superseded_by=superseded_by,
        overdue=overdue(project, loaded, facts, now),
    )


def session_state(
    *,
    is_written: bool,
    is_begun: bool,
    blanks_in_prompt: int,
    receipts: Sequence[Receipt],
    superseded_by: Sequence[str],
) -> State:
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
    """Two lines a session."""
    return "".join(
        f"{revealed(f'{each.session}  {each.title} ({each.day})')}\n"
        f"    {revealed(f'{_progress(each)}; {each.state_words}')}\n"
        for each in sessions
    )


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
            escaped(each.state_words, "cell"),
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
    }


_FORMATS = {"text": _as_text, "json": _as_json, "md": _as_markdown}
