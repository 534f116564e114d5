"""Where live values land: in running text, or inside the author's own backticks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from handoff.values.expressions import Expression, InvalidExpression, Literal
from handoff.values.printing import Where

Parts = Sequence[Literal | Expression | InvalidExpression]
_CODE = re.compile(r"\\.|(?P<ticks>`+)", re.DOTALL)
_PLACE = "\ue000"


def landings(read: Parts, where: Where) -> list[Where]:
    """Where each part lands: inside the author's backticks a value stands in code."""
    if not any("`" in p.text for p in read if isinstance(p, Literal)):
        return [where] * len(read)
    text = "".join(
        p.text.replace(_PLACE, " ") if isinstance(p, Literal) else _PLACE for p in read
    )
    inside = iter(_in_code(text))
    return [
        where if isinstance(p, Literal) else "code" if next(inside) else where for p in read
    ]


def _in_code(text: str) -> Iterator[bool]:
    """For each live value of the text whether a code span holds it (CommonMark 0.31 §6.1)."""
    spans: list[tuple[int, int]] = []
    at = 0
    while opened := _CODE.search(text, at):
        at = opened.end()
        ticks = opened["ticks"]
        closing = re.compile(rf"(?<!`){ticks}(?!`)").search(text, at) if ticks else None
        if closing:
            spans.append((at, closing.start()))
            at = closing.end()
    places = (match.start() for match in re.finditer(_PLACE, text))
    return (any(start <= n < end for start, end in spans) for n in places)
