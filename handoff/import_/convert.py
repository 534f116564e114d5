"""The way of a document into a session file: the finest words that still say all of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import PurePath
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from handoff.base.markdown import parse_markdown
from handoff.base.problems import InvalidInput, Place, Problem, UsageError
from handoff.import_.header import HeaderNames, names
from handoff.import_.layout import LayoutPlan
from handoff.import_.pieces import Piece, pieces
from handoff.import_.proof import Draw, Prover
from handoff.import_.sections import blocks
from handoff.import_.skeleton import Skeleton
from handoff.import_.source import MAX_BYTES, SourceDocument
from handoff.import_.values import LiteralName, Value, live_text, number
from handoff.import_.write import yaml
from handoff.session.decode import KEYS, LINE, slug_of

_LONG = 400_000
"""Characters from which only the headings of a document are told apart."""
_ROUNDS = 12
"""How often a layout is made coarser before another one is tried."""


class ImportedSession(Struct, frozen=True):
    """A session file made of a document."""

    id: str
    yaml: str
    template: str
    structured: int
    """Blocks of the document that are said in the content algebra."""
    verbatim: int
    """Blocks that stand as they are."""
    problems: tuple[Problem, ...]
    """An error for each line that could not be carried."""


def imported(
    source: SourceDocument,
    draw: Draw,
    taken: Iterable[str],
    *,
    session_id: str | None = None,
    created: date | None = None,
) -> ImportedSession:
    """The session file of `source`; `taken` are the ids that other sessions have.

    Raises UsageError where nobody says the day or no id is free, and InvalidInput where
    the document is too large for one session.
    """
    _refuse_too_long(source)
    page = parse_markdown(source.text)
    found = pieces(page, source.lines)
    title = _title(found)
    called = names(PurePath(source.path).stem, source.lines, title)
    day = created or called.day
    if day is None:
        message = f"handoff: error: '{source.path}' does not say its day, neither in its name "
        raise UsageError(f"{message}nor in its first lines; add '--created YYYY-MM-DD'")
    name = session_id or _free_id(called, day, {each.casefold() for each in taken})
    prover = Prover(page, source.lines, draw)
    proven = prover.proven(found if len(source.text) <= _LONG else _coarse(found))
    try:
        made = _made(prover, _layouts(proven, source.lines, title), _known(called, day))
    except InvalidInput as error:
        reason = error.report.problems[0].message
        problem = Problem("I001", f"makes no session file: {reason}", Place(source.path))
        raise InvalidInput([problem]) from error
    structured, verbatim = _blocks(made.session)
    return ImportedSession(
        id=name,
        yaml=yaml(made.session),
        template=str(made.session["template"]),
        structured=structured,
        verbatim=verbatim,
        problems=(*source.problems, *_lost(made, source)),
    )


def _refuse_too_long(source: SourceDocument) -> None:
    """Raises InvalidInput where the lines alone, indented as YAML, are past the bound."""
    size = sum(len(line.encode()) + _INDENT for line in source.lines if line)
    if size > MAX_BYTES:
        message = f"makes a session file of {size:,} bytes, the limit is {MAX_BYTES:,}"
        raise InvalidInput([Problem("I001", message, Place(source.path))])


_INDENT = 9
"""Characters before and behind a line of a section that stands as it is."""


# --- names -----------------------------------------------------------------------------------


def _title(found: Sequence[Piece]) -> str | None:
    """The heading that a document begins with."""
    first = found[0]
    is_title = first.kind == "heading" and first.level == 1 and re.fullmatch(LINE, first.name)
    return first.name if is_title else None


def _free_id(called: HeaderNames, day: date, taken: set[str]) -> str:
    words = called.label.lower()
    base = f"session-{words}" if re.fullmatch(r"\d+[a-z]?", words) else words
    for name in (base, f"{day:%Y-%m}-{base}", f"{day}-{base}"):
        if name.casefold() not in taken:
            return name
    raise UsageError(f"handoff: error: '{base}' and what follows from it are taken; add '--id'")


def _known(called: HeaderNames, day: date) -> dict[str, Value]:
    """What stands before the content."""
    known: dict[str, Value] = {
        "session": number(called.label),
        "title": LiteralName(called.title),
    }
    if called.slug and called.slug.upper() != slug_of(called.title):
        known["slug"] = LiteralName(called.slug)
    known["created"] = LiteralName(day)
    if called.status:
        known["status"] = live_text(called.status)
    return known


# --- layouts ---------------------------------------------------------------------------------


class _Layout(Protocol):
    def session(self, known: Mapping[str, Value]) -> dict[str, Value]: ...

    def without(self, lines: range) -> _Layout | None:
        """A coarser layout, for one that does not say `lines`; `None`: there is none."""
        ...


class _Made(Struct, frozen=True):
    session: Mapping[str, Value]
    lost: range | None = None
    """Lines that the session does not say."""
    exact: bool = True
    """Whether it says more than white space in other ways than the document."""


def _layouts(
    found: Sequence[Piece], lines: Sequence[str], title: str | None
) -> Iterator[_Layout]:
    """From the finest words to the document as it stands."""
    skeleton = Skeleton.of(found, lines)
    if skeleton:
        yield skeleton
    yield LayoutPlan.of(found, lines, title)
    yield LayoutPlan.of(_coarse(found), lines, title)
    yield LayoutPlan.of([piece.verbatim for piece in found], lines, title)


def _coarse(found: Sequence[Piece]) -> list[Piece]:
    """Headings and lines between them, everything else as it stands."""
    kept = ("heading", "rule")
    return [piece if piece.kind in kept else piece.verbatim for piece in found]


def _made(prover: Prover, layouts: Iterable[_Layout], known: Mapping[str, Value]) -> _Made:
    """The first layout that says all of the document, else one that loses white space only.

    Raises InvalidInput where no layout makes a session.
    """
    tried: list[_Made] = []
    refused: InvalidInput | None = None
    for layout in layouts:
        try:
            for made in _rounds(prover, layout, known):
                if made.lost is None:
                    return made
                tried.append(made)
        except InvalidInput as error:
            refused = error
    for made in tried:
        if prover.differing(made.session, exact=False) is None:
            return replace(made, exact=False)
    if tried:
        return tried[-1]
    assert refused is not None  # there is always a last layout
    raise refused


def _rounds(prover: Prover, layout: _Layout, known: Mapping[str, Value]) -> Iterator[_Made]:
    """The layout, then coarser ones where it does not say all. Raises InvalidInput."""
    following: _Layout | None = layout
    for _ in range(_ROUNDS):
        if following is None:
            return
        session = _ordered(following.session(known))
        lost = prover.differing(session)
        yield _Made(session, lost)
        following = following.without(lost) if lost is not None else None


def _ordered(session: Mapping[str, Value]) -> dict[str, Value]:
    """The keys in the order in which the session file is told of."""
    return {key: session[key] for key in KEYS if key in session}


def _blocks(session: Mapping[str, Value]) -> tuple[int, int]:
    found = [blocks(value) for key, value in session.items() if key not in _NO_BLOCKS]
    return sum(n for n, _ in found), sum(n for _, n in found)


_NO_BLOCKS = ("session", "title", "slug", "created", "duration", "template", "status")


def _lost(made: _Made, source: SourceDocument) -> Iterator[Problem]:
    for n in made.lost or ():
        if not source.lines[n].strip():
            continue
        place = Place(source.path, n + 1)
        if made.exact:
            yield Problem("I011", "the session file does not say this line as it was", place)
        else:
            message = "white space in this line is not carried as it was"
            yield Problem("I012", message, place, "warning")
