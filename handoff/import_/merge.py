"""Words that a hand edited in a document, taken back into the session file they belong in.

Each edit is tried at every place that says the old words. What is taken is proved: rendered
anew, the session says at that line what the hand wrote.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from difflib import SequenceMatcher

from msgspec import Struct

from handoff.base.blanks import DEFAULT, is_blank
from handoff.base.problems import KeyPath
from handoff.yaml.edits import add_item, set_value
from handoff.yaml.paths import at, places
from handoff.yaml.spans import NULL, CannotEdit, Tree, tree

Draw = Callable[[str], str | None]
"""The document of a session file's text; `None` where that has mistakes."""

MAX_DRAWN = 1_000
"""Documents rendered to prove edits; what is not tried by then is not taken."""


class EditedRange(Struct, frozen=True):
    """One place where a hand's document is not what was rendered."""

    line: int
    """In the hand's document, from 1."""
    old: tuple[str, ...]
    new: tuple[str, ...]
    before: str
    """The line above."""

    @property
    def end(self) -> int:
        """The line after the last, counted from 0."""
        return self.line - 1 + len(self.new)


class MergeResult(Struct, frozen=True):
    """What became of a hand's edits."""

    source: str
    """The session file's text with them."""
    text: str
    """The document that it gives."""
    places: tuple[tuple[EditedRange, KeyPath], ...]
    """What was taken, and where it is now."""
    left: tuple[EditedRange, ...]
    """What no field says."""


def pieces(base: str, edited: str) -> tuple[EditedRange, ...]:
    """What a hand changed; as many new lines as old ones are taken one by one."""
    old, new = base.split("\n"), edited.split("\n")
    found: list[EditedRange] = []
    for i1, i2, j1, j2 in _differences(old, new):
        if i2 - i1 != j2 - j1:
            before = old[i1 - 1] if i1 else ""
            found.append(EditedRange(j1 + 1, tuple(old[i1:i2]), tuple(new[j1:j2]), before))
            continue
        for i, j in zip(range(i1, i2), range(j1, j2), strict=True):
            found.append(EditedRange(j + 1, (old[i],), (new[j],), old[i - 1] if i else ""))
    return tuple(found)


def taken(source: str, base: str, edited: str, draw: Draw) -> MergeResult:
    """The session file `source` with what a hand changed of `base`, as far as is proved."""
    text = draw(source)
    if text is None:
        return MergeResult(source, base, (), pieces(base, edited))
    done: list[tuple[EditedRange, KeyPath]] = []
    left: list[EditedRange] = []
    drawn = _Counted(draw)
    for piece in pieces(base, edited):
        if _says(text, edited, piece):
            continue
        last = done[-1][1] if done else ()
        found = _best(_proved(source, edited, piece, last, drawn), text, edited)
        if found is None:
            left.append(piece)
            continue
        source, text = found.source, found.text
        done.append((piece, found.keys))
    return MergeResult(source, text, tuple(done), tuple(left))


class _Try(Struct, frozen=True):
    source: str
    text: str
    keys: KeyPath


class _Counted:
    """Renders as long as that is within bounds."""

    def __init__(self, draw: Draw) -> None:
        self._draw = draw
        self._left = MAX_DRAWN

    def __call__(self, source: str) -> str | None:
        self._left -= 1
        return self._draw(source) if self._left >= 0 else None


def _best(tries: Iterator[_Try], text: str, edited: str) -> _Try | None:
    """The first that brings the document nearer to the hand's; else the first there is.

    A field that is said in several places changes them all, and a box the status.
    """
    cost, first = _distance(text, edited), None
    for each in tries:
        if _distance(each.text, edited) < cost:
            return each
        first = first or each
    return first


def _proved(
    source: str, edited: str, piece: EditedRange, last: KeyPath, draw: Draw
) -> Iterator[_Try]:
    for keys, changed in _candidates(source, piece, last):
        text = draw(changed)
        if text is not None and _says(text, edited, piece):
            yield _Try(changed, text, keys)


def _says(text: str, edited: str, piece: EditedRange) -> bool:
    """Whether `text` has at the piece's lines what the hand wrote."""
    start, end = piece.line - 1, piece.end
    return not any(
        (j1 < end and start < j2) or (j1 == j2 and start <= j1 <= end) or start == end == j1
        for _, _, j1, j2 in _differences(text.split("\n"), edited.split("\n"))
    )


def _distance(text: str, edited: str) -> int:
    differences = _differences(text.split("\n"), edited.split("\n"))
    return sum(i2 - i1 + j2 - j1 for i1, i2, j1, j2 in differences)


def _differences(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[int, int, int, int]]:
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    return (tuple_[1:] for tuple_ in matcher.get_opcodes() if tuple_[0] != "equal")


# --- where the words may stand -------------------------------------------------------------


def _candidates(
    source: str, piece: EditedRange, last: KeyPath
) -> Iterator[tuple[KeyPath, str]]:
    """Session files in which one place says something else; those after `last` come first."""
    read = tree(source)
    ordered = list(places(read))
    start = ordered.index(last) + 1 if last in ordered else 0
    for keys in ordered[start:] + ordered[:start]:
        for place, change in _changes(source, keys, at(read, keys), piece):
            with suppress(CannotEdit):
                yield place, change()


def _changes(
    source: str, keys: KeyPath, there: Tree, piece: EditedRange
) -> Iterator[tuple[KeyPath, Callable[[], str]]]:
    kind, inside = there
    item = _item(piece)
    if kind == "seq" and item is not None:
        yield (*keys, len(inside)), lambda: add_item(source, keys, item[0])
    if kind == "map" and keys[-1] == "checklist" and item is not None and item[1] is not None:
        box = (*keys, item[0])
        yield box, lambda: set_value(source, box, item[1])
    for value in dict.fromkeys(_values(there, piece)):
        yield keys, lambda value=value: set_value(source, keys, value)  # type: ignore[misc]


_ITEM = re.compile(r"\s*(?:[-*+]|\d+[.)])\s+(?:\[([ xX])\]\s+)?(\S.*)")


def _item(piece: EditedRange) -> tuple[str, bool | None] | None:
    """The words of a list's item that was added, and whether its box is ticked."""
    found = _ITEM.fullmatch(piece.new[0]) if len(piece.new) == 1 and not piece.old else None
    if found is None:
        return None
    return found[2], None if found[1] is None else found[1] != " "


def _values(there: Tree, piece: EditedRange) -> Iterator[str | bool]:
    """What a scalar would say with the piece's new words in place of the old ones."""
    kind, inside = there
    if kind == NULL:
        yield from _replaced(DEFAULT, piece)
    elif kind == "seq" and len(inside) == 1 and is_blank(f"[{inside[0][1]}]"):
        yield from _replaced(f"[{inside[0][1]}]", piece)
    elif kind.endswith(":bool"):
        yield from _flags(inside == "true", piece)
    elif isinstance(inside, str):
        yield from _replaced(inside, piece)
        yield from _relined(inside, piece)


def _flags(value: bool, piece: EditedRange) -> Iterator[bool]:
    old, new = "\n".join(piece.old), "\n".join(piece.new)
    marks = (("[x]", "[ ]"), ("✅", "❌")) if value else (("[ ]", "[x]"), ("❌", "✅"))
    if any(old.replace(was, now, 1).casefold() == new.casefold() for was, now in marks):
        yield not value


def _replaced(value: str, piece: EditedRange) -> Iterator[str]:
    """`value` where a part of it stands in the old words around all that changed."""
    old, new = "\n".join(piece.old), "\n".join(piece.new)
    same, rest = _common(old, new)
    for start, part in _literals(value):
        for found in re.finditer(re.escape(part), old):
            after = len(old) - found.end()
            if found.start() <= same and after <= rest:
                words = new[found.start() : len(new) - after]
                end = start + len(part)
                yield value[:start] + words.replace("{{", "\\{{") + value[end:]


def _relined(value: str, piece: EditedRange) -> Iterator[str]:
    """A text of several lines with the piece's old ones among them replaced."""
    lines = value.split("\n")
    old, new = ([line.strip() for line in each] for each in (piece.old, piece.new))
    stripped = [line.strip() for line in lines]
    if not old:  # put in below the line that is above it
        ends = (n + 1 for n, line in enumerate(stripped) if line and line in piece.before)
        yield from ("\n".join([*lines[:n], *new, *lines[n:]]) for n in ends)
        return
    for n in range(len(lines) - len(old) + 1):
        if stripped[n : n + len(old)] == old:
            yield "\n".join([*lines[:n], *new, *lines[n + len(old) :]])


def _common(old: str, new: str) -> tuple[int, int]:
    """How many characters both begin with, and end with beside those."""
    shorter = min(len(old), len(new))
    same = next((n for n in range(shorter) if old[n] != new[n]), shorter)
    rest = shorter - same
    return same, next((n for n in range(rest) if old[-1 - n] != new[-1 - n]), rest)


def _literals(value: str) -> Iterator[tuple[int, str]]:
    """The parts of a text that print as they are, with where they begin."""
    start = 0
    for found in re.finditer(r"(?<!\\)\{\{.*?\}\}", value, re.DOTALL):
        if value[start : found.start()].strip():
            yield start, value[start : found.start()]
        start = found.end()
    if value[start:].strip():
        yield start, value[start:]
