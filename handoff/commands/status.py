"""`status`: list the sessions, how complete each is and who has it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated

from handoff.base.characters import revealed
from handoff.base.report import json_text
from handoff.commands import console, options
from handoff.values.printing import escaped
from handoff.workspace.load import open_project
from handoff.workspace.status import SessionStatus, statuses


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


def _as_text(sessions: Sequence[SessionStatus]) -> str:
    """Two lines a session, and one more if somebody has to act."""
    return "".join(f"{line}\n" for each in sessions for line in _lines(each))


def _lines(each: SessionStatus) -> Iterator[str]:
    """On a terminal in its width, with colours."""
    title = revealed(f"{each.title} ({each.day})")
    lines = [(f"{console.bold(revealed(each.session))}  {title}", 0)]
    lines.append((revealed(f"{each.progress_words}; {each.state_words}"), 4))
    if each.who_acts:
        words = revealed(each.who_acts)
        lines.append((console.red(words) if each.overdue else console.yellow(words), 4))
    for line, indent in lines:
        yield from console.wrapped(line, indent)


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
