"""Changes between two results of the same queries, of the values that the handoff shows.

A value counts if the session's texts or tables show it, or if it is the progress of a phase
or a table by a contract. Other values may change without notice.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from typing import Literal

from msgspec import Struct

from handoff.session.model import (
    BUILT_IN,
    MARK,
    ExpectBlock,
    FilesBlock,
    PhasesBlock,
    Text,
)
from handoff.session.walk import FactBlock, leaves
from handoff.sql.types import Type
from handoff.values.cells import Cell, Cells
from handoff.values.evaluate import EvaluationError, Missing, Scope, value
from handoff.values.expressions import (
    Attribute,
    Comparison,
    Constant,
    Expression,
    Filtered,
    Logical,
    Name,
    Node,
    parts,
)
from handoff.values.printing import Typed, printed, shown
from handoff.values.rows import FactView, row_name

WATCHED: Mapping[str, tuple[str, ...]] = {
    "phases": ("state", "progress", "failed"),
    "coverage": ("actual", "percent", "status"),
}
"""The columns of each contract that count although no text cites them."""

Kind = Literal["finished", "failed", "moved"]


class ShownValue(Struct, frozen=True):
    """One value of the handoff at one time."""

    name: str
    """As a text cites it: `orchestrator.phase_1.state`."""
    column: str
    """The last part of the name; empty for an expression that is not a name."""
    bare: str | None
    """As it prints, not escaped; `None`: not known."""
    words: str | None
    """As it prints in a prompt."""
    at: datetime | None
    """The as-of time of its query, UTC."""


class ValueChange(Struct, frozen=True):
    """A value that changed."""

    name: str
    kind: Kind
    """`failed`: it stalled, or more of it failed."""
    then: ShownValue | None
    """`None`: it was not there."""
    now: ShownValue | None


def changes(
    then: Mapping[str, ShownValue], now: Mapping[str, ShownValue]
) -> tuple[ValueChange, ...]:
    """What differs, in the order of the handoff, also from or to an unknown value."""
    names = dict.fromkeys([*now, *then])
    pairs = ((name, then.get(name), now.get(name)) for name in names)
    return tuple(
        ValueChange(name, _kind(before, after), before, after)
        for name, before, after in pairs
        if _bare(before) != _bare(after)
    )


def shown_values(cells: Cells) -> dict[str, ShownValue]:
    """Every value that counts, by name: those of texts first, in the author's order."""
    sources = cells.sources()
    found: dict[str, ShownValue] = {}
    for where in (_cited, _listed, _watched):
        for each in where(cells, sources):
            found.setdefault(each.name, each)
    return found


# --- values that count --------------------------------------------------------------------


def _cited(cells: Cells, sources: Mapping[str, FactView]) -> Iterator[ShownValue]:
    """The expressions in texts that cite facts, each once."""

    def named(name: str) -> Typed | FactView | None:
        built_in = BUILT_IN.get(name)
        return Typed(None, Type(built_in)) if built_in else sources.get(name)

    for leaf in leaves(cells.session):
        # conditions are reported as such
        if not isinstance(leaf.node, Text) or leaf.role == "condition":
            continue
        for part in parts(leaf.node.value):
            if isinstance(part, Expression):
                scope = Scope(named, sources, cells.zone)
                found = _value(part.node, scope)
                if scope.cited:
                    at = cells.as_of(scope.cited[0])
                    column = part.node.name if isinstance(part.node, Attribute) else ""
                    yield _seen(expression_text(part.node), column, found, at)


def _value(node: Node, scope: Scope) -> Typed | None:
    try:
        return value(node, scope)
    except (Missing, EvaluationError):
        return None


def _listed(cells: Cells, sources: Mapping[str, FactView]) -> Iterator[ShownValue]:
    """The values of a fact's rows that blocks show."""
    for block in (leaf.node for leaf in leaves(cells.session)):
        if not isinstance(block, FactBlock) or block.fact not in sources:
            continue
        source = sources[block.fact]
        columns = _columns(block, source)
        for cell in cells.of(source, by_first=True):
            if cell.column in columns and not cell.name.startswith(f"{source.name}.overall."):
                yield _of(cell)


def _columns(block: FactBlock, source: FactView) -> Collection[str]:
    if isinstance(block, PhasesBlock):
        return ("progress", "success_rate", "eta")
    if isinstance(block, FilesBlock):
        return ("old_path", "path")
    if isinstance(block, ExpectBlock):
        return (MARK,)
    own = [name for name in source.types if name not in source.derived]
    return [each.name for each in block.columns] or own


def _watched(cells: Cells, sources: Mapping[str, FactView]) -> Iterator[ShownValue]:
    for source in sources.values():
        columns = WATCHED.get(cells.contract(source.name) or "", ())
        yield from (_of(cell) for cell in cells.of(source) if cell.column in columns)


def _of(cell: Cell) -> ShownValue:
    return _seen(cell.name, cell.column, cell.typed, cell.at)


def _seen(name: str, column: str, typed: Typed | None, at: datetime | None) -> ShownValue:
    if typed is None:
        return ShownValue(name, column, None, None, at)
    return ShownValue(name, column, printed(typed), shown(typed, "prompt"), at)


# --- names -------------------------------------------------------------------------------


def expression_text(node: Node) -> str:
    """An expression in one spelling, with any spaces and quotes; without `blank`."""
    match node:
        case Constant():
            return repr(node.value)
        case Name():
            return node.name
        case Attribute():
            return f"{_inner(node.of, Filtered, Comparison, Logical)}.{_part(node)}"
        case Filtered():
            arguments = ", ".join(map(repr, node.arguments))
            inside = f"({arguments})" if arguments else ""
            return f"{_inner(node.of, Comparison, Logical)} | {node.name}{inside}"
        case Comparison():
            sides = (_inner(each, Comparison, Logical) for each in (node.left, node.right))
            return f" {node.operator} ".join(sides)
        case Logical():
            joined = f" {node.operator} ".join(_inner(each, Logical) for each in node.of)
            return joined if len(node.of) > 1 else f"{node.operator} {joined}"


def _inner(node: Node, *loose: type) -> str:
    """In brackets if the operator around it binds closer."""
    return f"({expression_text(node)})" if isinstance(node, loose) else expression_text(node)


def _part(node: Attribute) -> str:
    return row_name(node.name) or node.name if node.is_subscript else node.name


# --- kinds of changes --------------------------------------------------------------------


def _bare(each: ShownValue | None) -> str | None:
    return each.bare if each else None


def _kind(then: ShownValue | None, now: ShownValue | None) -> Kind:
    column = now.column if now else ""
    if column == "state" and _bare(now) in _STATES:
        return _STATES[_bare(now) or ""]
    is_more = column == "failed" and _count(now) > _count(then)
    return "failed" if is_more else "moved"


_STATES: Mapping[str, Kind] = {"complete": "finished", "stalled": "failed"}


def _count(each: ShownValue | None) -> int:
    digits = (_bare(each) or "").replace(",", "")
    return int(digits) if digits.isdecimal() else 0
