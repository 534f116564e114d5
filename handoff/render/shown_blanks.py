"""Which of a session's blanks its rendered prompts show.

Many blanks are spelled alike, so the text alone does not say which of them it shows. A
prompt is rendered once more with a mark after each leaf that is blank: the marks that are
in that text are those of the blanks in the prompt, whatever its template prints or leaves
out.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial

from msgspec.structs import replace

from handoff.base.patterns import lazy_pattern
from handoff.base.problems import InvalidInput, Place
from handoff.session.model import Text
from handoff.session.walk import Leaf, OpenBlank

BlankLeaves = Sequence[tuple[Leaf, Sequence[OpenBlank]]]
"""Each leaf of a session with its blanks, none for most."""


class Marks:
    """A mark for each leaf that is blank, by the place under which it is printed."""

    def __init__(self, leaves: BlankLeaves) -> None:
        self._blanks = {printed_at(leaf, found): found for leaf, found in leaves if found}
        self._numbers = {place: n for n, place in enumerate(self._blanks)}

    def mark(self, text: str, place: Place) -> str:
        """`text` with the mark of the leaf that is printed at `place`, if that is blank."""
        if place not in self._numbers:
            return text
        mark = f"{_OPEN}{str(self._numbers[place]).translate(_SPELLED)}{_CLOSE}"
        start, blank, end = text.partition(self._blanks[place][0].text)
        if blank:
            return f"{start}{blank}{mark}{end}"
        words = text.rstrip()
        return f"{words}{mark}{text[len(words) :]}"

    def shown(self, prompt: str, render_marked: Callable[[Marks], str]) -> Collection[Place]:
        """Where the leaves are printed whose blanks `prompt` shows."""
        words = _folded(prompt)
        spelled = [
            place
            for place, found in self._blanks.items()
            if any(_folded(each.text) in words for each in found)
        ]
        if not spelled:
            return ()
        try:
            marked = render_marked(self)
        except InvalidInput:  # with the marks it is beyond the limits of a template
            return spelled
        if _MARK.sub("", marked) != prompt:  # its template looks at the text of a leaf
            return spelled
        numbers = {int(match[1].translate(_READ)) for match in _MARK.finditer(marked)}
        return [place for place, n in self._numbers.items() if n in numbers]


def with_prompts(
    leaves: BlankLeaves,
    prompts: Mapping[str, str],
    render_marked: Callable[[str, Marks], str],
) -> tuple[OpenBlank, ...]:
    """The blanks of the leaves in the order of the file, with the `prompts` that show each."""
    marks = Marks(leaves)
    names: dict[Place, tuple[str, ...]] = {}
    for name, text in prompts.items():
        for place in marks.shown(text, partial(render_marked, name)):
            names[place] = (*names.get(place, ()), name)
    blanks = (
        replace(each, prompts=names.get(printed_at(leaf, found), ()))
        for leaf, found in leaves
        for each in found
    )
    return tuple(sorted(blanks, key=lambda each: each.place))


def printed_at(leaf: Leaf, found: Sequence[OpenBlank]) -> Place:
    """The place that a leaf has when it is printed: a text's own, a blank's, a block's."""
    return leaf.place if isinstance(leaf.node, Text) else found[0].place


_DIGITS = "".join(map(chr, range(0xFDE0, 0xFDEA)))
"""No characters of any text (Unicode 16 §23.7)."""
_OPEN, _CLOSE = "\ufdd4", "\ufdd5"
_MARK = lazy_pattern(f"{_OPEN}([{_DIGITS}]+){_CLOSE}")
_SPELLED = str.maketrans("0123456789", _DIGITS)
_READ = str.maketrans(_DIGITS, "0123456789")


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())
