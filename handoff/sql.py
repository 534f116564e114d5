"""A question: one `.sql` file, its header, and the parameters it declares."""

from __future__ import annotations

from dataclasses import dataclass

from handoff.problems import Place


@dataclass(frozen=True, slots=True)
class Declared:
    """A parameter or a column as the header declares it."""

    name: str
    type: str
    """GoogleSQL, upper case: `INT64`, `ARRAY<STRING>`, `STRUCT<day DATE, n INT64>`."""
    place: Place


@dataclass(frozen=True, slots=True)
class Query:
    """One `sql/<subject>/<question>.sql`."""

    name: str
    """`<subject>/<question>.sql`, relative to `sql/`."""
    path: str
    """Relative to the root."""
    text: str
    """The whole file; what is sent, unchanged."""
    sha256: str
    """Of the file's bytes, 64 hex digits, before any translation."""
    summary: str
    """The header's first sentence or lines before `params:`."""
    params: tuple[Declared, ...]
    """Without `as_of`, which the tool binds."""
    returns: tuple[Declared, ...]
    contract: str | None
    """`phases`, `coverage` or none."""
