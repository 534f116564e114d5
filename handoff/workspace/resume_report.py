"""What the one who picks a handoff up is told beside its prompt: what happened since."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal

from msgspec import Struct

from handoff.base.report import json_text
from handoff.sources.git_history import Touch
from handoff.values.changes import Kind, ShownValue, ValueChange
from handoff.values.printing import code_span, folded, moment
from handoff.workspace.prompt_report import DATA

Mode = Literal["asked", "frozen", "recorded"]
"""`recorded`: the questions were to be asked, and the warehouse could not be reached."""


class FactAge(Struct, frozen=True):
    """How old a fact's answer is."""

    fact: str
    at: datetime | None
    """The moment it was asked for, UTC; `None` where it never was answered."""
    age: timedelta | None


class ChangedFile(Struct, frozen=True):
    """A file to read that changed since."""

    path: str
    commits: tuple[Touch, ...]
    """The latest, newest first."""


class StartCondition(Struct, frozen=True):
    """A prerequisite that is held against the facts, when it says something else now."""

    words: str
    then: bool | None
    """`None`: not known."""
    now: bool | None


class ResumeReport(Struct, frozen=True):
    """A handoff at pick-up time."""

    session: str
    """The id."""
    document: str
    mode: Mode
    reason: str
    """Why the warehouse could not be reached; empty where it was."""
    then: datetime | None
    """What the recorded facts were asked for, UTC; `None` where nothing is recorded."""
    now: datetime
    """What they were asked for now."""
    prompt: str | None
    """With the facts of now; as recorded where nothing was asked."""
    changes: tuple[ValueChange, ...] = ()
    failures: tuple[tuple[str, str], ...] = ()
    """Facts without an answer now, with why."""
    conditions: tuple[StartCondition, ...] = ()
    overdue: tuple[str, ...] = ()
    """Actions whose day is over, and the checkpoint."""
    touched: tuple[ChangedFile, ...] = ()
    superseded_by: tuple[str, ...] = ()
    ages: tuple[FactAge, ...] = ()
    """Of each recorded fact, where nothing was asked."""
    handed_over_at: str | None = None
    """The commit that the handoff was last changed in; `None` where git knows none."""

    @property
    def is_unchanged(self) -> bool:
        parts = (self.changes, self.failures, self.conditions, self.overdue, self.touched)
        return not any(parts) and not self.superseded_by


def as_text(since: ResumeReport) -> str:
    """The prompt, and below it what happened since; to be pasted together."""
    lines = [*_marked(since), *_prompt(since), *_headline(since)]
    for part in _PARTS:
        lines += part(since)
    if since.is_unchanged:
        lines += _unchanged(since)
    return "\n".join([*lines, "", DATA]) + "\n"


def as_json(since: ResumeReport) -> str:
    """One object for programs; values as they print, not escaped for a prompt."""
    return f"{json_text(_fields(since))}\n"


# --- as text -----------------------------------------------------------------------------


def _marked(since: ResumeReport) -> list[str]:
    if since.mode != "recorded":
        return []
    return [
        "RECORDED PROMPT: the warehouse could not be reached, "
        f"values are as of {_at(since.then)}.",
        f"Why: {code_span(folded(since.reason))}",
        "",
    ]


def _prompt(since: ResumeReport) -> list[str]:
    return [since.prompt, ""] if since.prompt is not None else []


def _headline(since: ResumeReport) -> list[str]:
    if since.mode == "asked":
        return [f"SINCE THE HANDOFF ({_at(since.then)} → {_at(since.now)}):"]
    return [f"SINCE THE HANDOFF ({_at(since.then)}; nothing was asked again):"]


def _unchanged(since: ResumeReport) -> list[str]:
    return ["nothing changed" if since.mode == "asked" else "no other change is known"]


def _changed(since: ResumeReport) -> Iterator[str]:
    for kind, title in _TITLES.items():
        found = [each for each in since.changes if each.kind == kind]
        yield from _listed(title, [_change(each, since) for each in found])


_TITLES: Mapping[Kind, str] = {
    "finished": "Finished",
    "failed": "Stalled or failed",
    "moved": "Moved",
}


def _change(change: ValueChange, since: ResumeReport) -> str:
    times = _times(change.then), _times(change.now)
    usual = (since.then, since.now)
    apart = any(a and a != b for a, b in zip(times, usual, strict=True))
    at = f" ({_at(times[0])} → {_at(times[1])})" if apart else ""
    return f"{change.name}: {_way(change)}{at}"


def _way(change: ValueChange) -> str:
    if change.then is None:
        return f"new, {_words(change.now)}"
    if change.now is None:
        return f"gone, was {_words(change.then)}"
    return f"{_words(change.then)} → {_words(change.now)}"


def _times(each: ShownValue | None) -> datetime | None:
    return each.at if each else None


_LONGEST = 500
"""Characters of a value that are shown; JSON has all of them."""


def _words(each: ShownValue | None) -> str:
    if each is None or each.words is None:
        return "not known"
    length = len(each.words)
    return each.words if length <= _LONGEST else f"{length:,} characters"


def _failed(since: ResumeReport) -> Iterator[str]:
    told = [f"{name}: {code_span(folded(message))}" for name, message in since.failures]
    yield from _listed("No answer now", told)


def _held(since: ResumeReport) -> Iterator[str]:
    for now, title in (
        (True, "Holds now"),
        (False, "Holds no longer"),
        (None, "Not known now"),
    ):
        found = [each.words for each in since.conditions if each.now is now]
        yield from _listed(title, found)


def _late(since: ResumeReport) -> Iterator[str]:
    yield from _listed("Overdue", since.overdue)


def _files(since: ResumeReport) -> Iterator[str]:
    yield from _listed("Files to read that changed", [_touched(t) for t in since.touched])


def _touched(touched: ChangedFile) -> str:
    commits = (f"{each.sha[:7]} {code_span(_subject(each))}" for each in touched.commits)
    return f"{code_span(folded(touched.path))}: {', '.join(commits)}"


def _subject(touch: Touch) -> str:
    words = folded(touch.subject) or "no subject"
    return words if len(words) <= 80 else f"{words[:79]}…"


def _superseded(since: ResumeReport) -> Iterator[str]:
    yield from _listed("Superseded by", since.superseded_by)


def _old(since: ResumeReport) -> Iterator[str]:
    yield from _listed("How old its facts are", [_age(each) for each in since.ages])


def _age(each: FactAge) -> str:
    if each.at is None or each.age is None:
        return f"{each.fact}: never answered"
    return f"{each.fact}: as of {moment(each.at)}, {aged(each.age)} old"


_PARTS = (_old, _changed, _failed, _held, _late, _files, _superseded)


def _listed(title: str, lines: Sequence[str]) -> Iterator[str]:
    if lines:
        yield f"{title}:"
        yield from (f"- {line}" for line in lines)


def _at(at: datetime | None) -> str:
    return moment(at) if at else "nothing recorded"


def aged(age: timedelta) -> str:
    """`35 min`, `22 h`, `3 days`; cut, not rounded."""
    minutes = int(age.total_seconds()) // 60
    if minutes < 120:
        return f"{max(minutes, 0)} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // 1440} days"


# --- as JSON -----------------------------------------------------------------------------


def _fields(since: ResumeReport) -> dict[str, object]:
    return {
        "session": since.session,
        "document": since.document,
        "mode": since.mode,
        "reason": since.reason or None,
        "then": _iso(since.then),
        "now": _iso(since.now),
        "prompt": since.prompt,
        "is_unchanged": since.is_unchanged if since.mode == "asked" else None,
        "changes": [_change_fields(each) for each in since.changes],
        "failures": [{"fact": name, "message": message} for name, message in since.failures],
        "conditions": [
            {"text": each.words, "then": each.then, "now": each.now}
            for each in since.conditions
        ],
        "overdue": list(since.overdue),
        "handed_over_at": since.handed_over_at,
        "files": [_touched_fields(each) for each in since.touched],
        "superseded_by": list(since.superseded_by),
        "ages": [{"fact": each.fact, "as_of": _iso(each.at)} for each in since.ages],
        "note": DATA,
    }


def _change_fields(change: ValueChange) -> dict[str, object]:
    return {
        "name": change.name,
        "kind": change.kind,
        "then": change.then.bare if change.then else None,
        "now": change.now.bare if change.now else None,
        "then_at": _iso(_times(change.then)),
        "now_at": _iso(_times(change.now)),
    }


def _touched_fields(touched: ChangedFile) -> dict[str, object]:
    commits = [
        {"commit": each.sha, "at": _iso(each.at), "subject": each.subject}
        for each in touched.commits
    ]
    return {"path": touched.path, "commits": commits}


def _iso(at: datetime | None) -> str | None:
    return at.isoformat().replace("+00:00", "Z") if at else None
