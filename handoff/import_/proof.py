"""Rendering what was made of a document, and comparing it with the document."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from msgspec import Struct

from handoff.base.markdown import Page, parse_markdown
from handoff.base.problems import InvalidInput
from handoff.import_.equality import differing, marks, same
from handoff.import_.pieces import Piece
from handoff.import_.sections import sections
from handoff.import_.values import LiteralName, Value
from handoff.import_.write import yaml
from handoff.session import decode
from handoff.session.model import Session

Draw = Callable[[Session], str]
"""Renders a session that declares no facts. Raises InvalidInput."""
_AT_ONCE = 200
"""Pieces tried in one session, so that one that cannot be read costs little."""


class Prover(Struct, frozen=True):
    """Knows the document, and how sessions are rendered."""

    page: Page
    lines: Sequence[str]
    draw: Draw

    def rendered(self, session: Mapping[str, Value]) -> str:
        """The document of a session as it would be read from its file. Raises InvalidInput."""
        source = yaml(session).encode()
        return self.draw(decode.load(source, "imported", "sessions/imported.yaml")[0])

    def differing(self, session: Mapping[str, Value], *, exact: bool = True) -> range | None:
        """The lines that the session does not say; `None` where it says all of them.

        Raises InvalidInput.
        """
        other = parse_markdown(self.rendered(session))
        if same(self.page, other, exact=exact):
            return None
        found = differing(self.page, other, exact=exact)
        return found or range(len(self.lines))  # only references differ: anywhere

    def proven(self, pieces: Sequence[Piece]) -> list[Piece]:
        """The pieces; those that would not be said the same stand as they are."""
        tried = [n for n, piece in enumerate(pieces) if piece.kind not in ("rule", "verbatim")]
        wrong: set[int] = set()
        for at in range(0, len(tried), _AT_ONCE):
            wrong.update(self._wrong(pieces, tried[at : at + _AT_ONCE]))
        return [piece.verbatim if n in wrong else piece for n, piece in enumerate(pieces)]

    def _wrong(self, pieces: Sequence[Piece], tried: Sequence[int]) -> Iterator[int]:
        try:
            parts = self._apart([pieces[n] for n in tried])
        except InvalidInput:
            if len(tried) == 1:
                yield tried[0]
                return
            half = len(tried) // 2
            yield from self._wrong(pieces, tried[:half])
            yield from self._wrong(pieces, tried[half:])
            return
        for n, part in zip(tried, parts, strict=True):
            found = parse_markdown(part, references=self.page.references)
            if marks(found.tokens) != marks(pieces[n].tokens):
                yield n

    def _apart(self, pieces: Sequence[Piece]) -> list[str]:
        """What each piece is rendered to, from one session that has a mark between them."""
        word = "piece"
        while any(f"<!-- {word} -->" in line for line in self.lines):
            word += "e"
        mark = f"<!-- {word} -->"
        made: list[Value] = []
        for piece in pieces:
            made += [
                {"content": {"markdown": LiteralName(mark)}},
                *sections([piece], self.lines),
            ]
        text = self.rendered({**_EMPTY, "sections": made})
        return re.split(rf"^{mark}$", text, flags=re.MULTILINE)[1:]


_EMPTY: Mapping[str, Value] = {
    "session": 1,
    "title": "imported",
    "created": LiteralName("2026-01-01"),
    "template": LiteralName("untitled"),
}
