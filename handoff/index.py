"""The index of the output folder: every session, newest first, by month."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from posixpath import basename

from handoff.printing import escaped

NAME = "README.md"
OWNER = "index"
"""What the index's file is signed as; no session may be called so."""


@dataclass(frozen=True, slots=True)
class Listed:
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
    next_title: str
    previous: tuple[str, ...]
    superseded_by: str | None


def index(listed: Iterable[Listed]) -> str:
    """The Markdown of the index."""
    newest = sorted(listed, key=lambda each: (each.day, each.session), reverse=True)
    paths = {each.session: basename(each.path) for each in newest}
    lines = ["# Session handoffs", ""]
    if newest:
        lines += [f"Latest: {_link(newest[0])}", ""]
    for month, sessions in groupby(newest, key=lambda each: f"{each.day:%Y-%m}"):
        lines += [f"## {month}", "", *_table(list(sessions), paths), ""]
    return "\n".join(lines).rstrip("\n") + "\n"


def _table(listed: Sequence[Listed], paths: dict[str, str]) -> list[str]:
    head = ["| Session | Created | Status | Checklist | Next |", "|---|---|---|---|---|"]
    return [*head, *(_row(each, paths) for each in listed)]


def _row(each: Listed, paths: dict[str, str]) -> str:
    cells = (
        _link(each),
        str(each.day),
        _cell(each.status) + _superseded(each, paths),
        each.completion or "–",
        _cell(each.next_title) or "–",
    )
    return f"| {' | '.join(cells)} |"


def _superseded(each: Listed, paths: dict[str, str]) -> str:
    by = each.superseded_by
    if by is None:
        return ""
    link = f"[{_cell(by)}]({paths[by]})" if by in paths else _cell(by)
    return f"; superseded by {link}"


def _link(each: Listed) -> str:
    return f"[{_cell(each.label)}: {_cell(each.title)}]({basename(each.path)})"


def _cell(text: str) -> str:
    return escaped(text, "cell")
