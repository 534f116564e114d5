"""What an answer must be to become a fact: the declared columns, and not too many rows."""

from __future__ import annotations

from collections.abc import Sequence

from handoff.facts.recorded import MAX_ROWS, Column
from handoff.sql.query import Query

MAX_BYTES = 4 * 2**20
"""Of the values as sent; a facts file is committed, and read by people."""


class ResultTooLarge(Exception):
    """An answer that is no fact: more than is recorded."""


def differences(query: Query, found: Sequence[Column]) -> list[str]:
    """How an answer's columns differ from `returns:`, a phrase each.

    Any order will do, for a column is cited by its name.
    """
    types = {each.name: each.type for each in found}
    declared = {each.name: each.type for each in query.returns}
    return [
        *(f"no column '{name} {kind}'" for name, kind in declared.items() if name not in types),
        *(
            f"'{name}' is {types[name]}, not {kind}"
            for name, kind in declared.items()
            if name in types and types[name] != kind
        ),
        *(
            f"undeclared '{name} {kind}'"
            for name, kind in types.items()
            if name not in declared
        ),
    ]


def different(query: Query, found: Sequence[Column] | None) -> str | None:
    """How the columns differ from the header's `returns:`; `None`: they do not."""
    phrases = differences(query, found) if found is not None else []
    if not phrases:
        return None
    place = query.returns[0].place if query.returns else query.path
    return f"{place}: the answer is not what 'returns:' says: {'; '.join(phrases)}"


def too_many_rows(n: int | None = None) -> ResultTooLarge:
    """What to say about `n` rows; `None` where nobody counted them."""
    count = f"{n:,}" if n is not None else f"more than {MAX_ROWS:,}"
    return ResultTooLarge(
        f"the answer has {count} rows, at most {MAX_ROWS:,} are recorded,"
        " aggregate in the question or add a LIMIT"
    )
