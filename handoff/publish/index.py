"""The index of the output folder, newest first, by month; and the pointer to the latest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from itertools import groupby
from posixpath import relpath

from msgspec import Struct

from handoff.render.content import fence
from handoff.session.model import DEFAULT_PROMPT
from handoff.values.printing import escaped, verbatim

NAME = "README.md"
LATEST = "LATEST.md"


class IndexRow(Struct, frozen=True):
    """One session in the index."""

    session: str
    """The id."""
    label: str
    title: str
    day: date
    status: str
    completion: str
    """`2 of 6`; empty without a checklist."""
    path: str
    """Of the document, relative to the root."""
    next_id: str | None
    next_title: str
    previous: tuple[str, ...]
    supersedes: str | None
    superseded_document: str = ""
    """A link to a document that it supersedes and that is not of a session."""
    severity: str = ""
    """`🟡 watch`; empty without one."""
    owners: tuple[str, ...] = ()
    """Who has an action of the session, each once."""


class _Chain(Struct, frozen=True):
    """How sessions hang together; every tuple is in the order of time."""

    sessions: Mapping[str, IndexRow]
    before: Mapping[str, tuple[str, ...]]
    after: Mapping[str, tuple[str, ...]]
    superseded_by: Mapping[str, tuple[str, ...]]
    folder: str

    def link(self, session: str) -> str:
        """A link to its document; its id where there is none."""
        each = self.sessions.get(session)
        return _link(each, self.folder, each.label) if each else _cell(session)


def index(newest: Sequence[IndexRow], folder: str, latest: str | None) -> str:
    """The Markdown of the index in `folder`, over sessions in the order newest first.

    `latest` is the id of the latest session.
    """
    chain = _chain(newest, folder)
    lines = ["# Session handoffs", ""]
    lines += [
        line
        for each in newest
        if each.session == latest
        for line in (f"Latest: {_link(each, folder)}", "")
    ]
    by_month = sorted(newest, key=_month, reverse=True)
    for month, sessions in groupby(by_month, key=_month):
        lines += [f"## {month}", "", *_table(list(sessions), chain), ""]
    return "\n".join(lines).rstrip("\n") + "\n"


def _month(row: IndexRow) -> str:
    return str(row.day)[:7]


def pointer(latest: IndexRow | None, folder: str, prompts: Mapping[str, str]) -> str:
    """The Markdown in `folder` that points to the latest session, with its prompts to copy."""
    if latest is None:
        return "# Latest handoff\n\nNone yet.\n"
    lines = ["# Latest handoff", "", f"{_link(latest, folder)}, {_text(latest.status)}", ""]
    for name, text in prompts.items():
        title = "Prompt" if name == DEFAULT_PROMPT else f"Prompt: {_text(name)}"
        lines += [f"## {title}", "", *fence(text), ""]
    return "\n".join(lines)


def _chain(newest: Sequence[IndexRow], folder: str) -> _Chain:
    oldest = newest[::-1]
    sessions = {each.session: each for each in newest}
    steps = [(before, each.session) for each in oldest for before in each.previous]
    # planned, as long as there is no session of that id
    steps += [(e.session, e.next_id) for e in oldest if e.next_id and e.next_id in sessions]
    superseding = [(each.supersedes, each.session) for each in oldest if each.supersedes]
    return _Chain(
        sessions=sessions,
        before=_by_first((after, before) for before, after in steps),
        after=_by_first(steps),
        superseded_by=_by_first(superseding),
        folder=folder,
    )


def _by_first(pairs: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    found: dict[str, dict[str, None]] = {}
    for first, second in pairs:
        found.setdefault(first, {})[second] = None
    return {first: tuple(each) for first, each in found.items()}


def _table(listed: Sequence[IndexRow], chain: _Chain) -> Iterator[str]:
    yield "| Session | Created | Status | Checklist | Previous | Next |"
    yield "|---|---|---|---|---|---|"
    yield from (_row(each, chain) for each in listed)


def _row(each: IndexRow, chain: _Chain) -> str:
    cells = (
        _link(each, chain.folder),
        str(each.day),
        "; ".join(
            [
                _cell(each.status),
                *_superseded(each, chain),
                *_supersedes(each),
                *_who_acts(each),
            ]
        ),
        each.completion or "–",
        _links(chain.before.get(each.session, ()), chain) or "–",
        _next(each, chain) or "–",
    )
    return f"| {' | '.join(cells)} |"


def _who_acts(each: IndexRow) -> Iterator[str]:
    if each.severity:
        yield _cell(each.severity)
    if each.owners:
        noun = "owner" if len(each.owners) == 1 else "owners"
        yield f"{noun}: {_cell(', '.join(each.owners))}"


def _superseded(each: IndexRow, chain: _Chain) -> Iterator[str]:
    by = chain.superseded_by.get(each.session)
    if by:
        yield f"superseded by {_links(by, chain)}"


def _supersedes(each: IndexRow) -> Iterator[str]:
    if each.superseded_document:
        yield f"supersedes {verbatim(each.superseded_document, 'cell')}"


def _next(each: IndexRow, chain: _Chain) -> str:
    """Those that followed; else what was planned."""
    return _links(chain.after.get(each.session, ()), chain) or _cell(each.next_title)


def _links(sessions: Sequence[str], chain: _Chain) -> str:
    return ", ".join(map(chain.link, sessions))


def _link(each: IndexRow, folder: str, words: str | None = None) -> str:
    words = words or f"{each.label}: {each.title}"
    return f"[{_cell(words)}]({relpath(each.path, folder)})"


def _text(text: str) -> str:
    return escaped(text, "text")


def _cell(text: str) -> str:
    return escaped(text, "cell")
