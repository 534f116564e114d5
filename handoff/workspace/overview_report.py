"""All sessions at a glance: how far each is, and who has it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Literal

from msgspec import Struct

from handoff.base.report import json_text, printable
from handoff.facts.receipts import Receipt
from handoff.values.printing import escaped, moment

Stand = Literal["open", "handed over", "accepted", "superseded", "unreadable"]
"""`open` until its document is written, a box is ticked and no blank is in its prompt; then
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
    """As the document says it."""
    boxes: str
    """`4 of 5`; empty without a checklist."""
    blanks: int
    blanks_in_prompt: int
    stand: Stand
    receipts: tuple[Receipt, ...] = ()
    """The oldest first."""
    superseded_by: tuple[str, ...] = ()
    overdue: tuple[str, ...] = ()
    """Actions whose day is over, and the checkpoint."""

    @property
    def words(self) -> str:
        """Where it stands, and with whom."""
        if self.stand == "superseded":
            words = f"superseded by {', '.join(self.superseded_by)}"
        elif self.receipts:
            last = self.receipts[-1]
            words = f"accepted by {last.by}, {moment(last.at)}"
        else:
            words = self.stand
        late = len(self.overdue)
        return f"{words}; {late} overdue" if late else words


def stand(
    *,
    is_written: bool,
    is_begun: bool,
    blanks_in_prompt: int,
    receipts: Sequence[Receipt],
    superseded_by: Sequence[str],
) -> Stand:
    """Where a session stands; `is_begun`: a box is ticked, or there are none."""
    if superseded_by:
        return "superseded"
    if receipts:
        return "accepted"
    is_ready = is_written and is_begun and not blanks_in_prompt
    return "handed over" if is_ready else "open"


def newest_first(overviews: Iterable[SessionStatus]) -> tuple[SessionStatus, ...]:
    return tuple(sorted(overviews, key=lambda each: (each.day, each.session), reverse=True))


def as_text(overviews: Sequence[SessionStatus]) -> str:
    """Two lines a session."""
    return "".join(
        f"{printable(f'{each.session}  {each.title} ({each.day})')}\n"
        f"    {printable(f'{_state(each)}; {each.words}')}\n"
        for each in overviews
    )


def as_markdown(overviews: Sequence[SessionStatus]) -> str:
    """A table of GitHub's Markdown."""
    head = ["| Session | Created | Status | Blanks | Stands |", "|---|---|---|--:|---|"]
    return "".join(f"{line}\n" for line in [*head, *map(_row, overviews)])


def as_json(overviews: Sequence[SessionStatus]) -> str:
    """A list of objects."""
    return f"{json_text([_fields(each) for each in overviews])}\n"


FORMATS: Mapping[str, Callable[[Sequence[SessionStatus]], str]] = {
    "text": as_text,
    "json": as_json,
    "md": as_markdown,
}


def _state(each: SessionStatus) -> str:
    if each.stand == "unreadable":
        return each.status
    boxes = f", {each.boxes} boxes" if each.boxes and each.boxes not in each.status else ""
    return f"{each.status}{boxes}, {_blanks(each)}"


def _blanks(each: SessionStatus) -> str:
    if not each.blanks:
        return "nothing blank"
    counted = "1 blank" if each.blanks == 1 else f"{each.blanks} blanks"
    inside = f" ({each.blanks_in_prompt} in the prompt)" if each.blanks_in_prompt else ""
    return f"{counted}{inside}"


def _row(each: SessionStatus) -> str:
    cells = (
        escaped(f"{each.session}: {each.title}", "cell"),
        str(each.day),
        escaped(each.status, "cell"),
        str(each.blanks),
        escaped(each.words, "cell"),
    )
    return f"| {' | '.join(cells)} |"


def _fields(each: SessionStatus) -> dict[str, object]:
    return {
        "session": each.session,
        "title": each.title,
        "created": str(each.day),
        "document": each.document,
        "status": each.status,
        "boxes": each.boxes or None,
        "blanks": each.blanks,
        "blanks_in_prompt": each.blanks_in_prompt,
        "stand": each.stand,
        "accepted_by": [
            {"by": r.by, "at": f"{r.at:%Y-%m-%dT%H:%M:%SZ}", "commit": r.commit, "note": r.note}
            for r in each.receipts
        ],
        "superseded_by": list(each.superseded_by),
        "overdue": list(each.overdue),
    }
