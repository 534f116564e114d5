"""Changes between two results of the same queries, of the values that the handoff shows.

A value counts if the session's texts or tables show it, or if it is the progress of a phase
or a table by a contract. Other values may change without notice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Literal

from msgspec import Struct

from handoff.session.model import (
    BUILT_IN,
    MARK,
    ChartBlock,
    ExpectBlock,
    FilesBlock,
    GitRange,
    LogFile,
    PhasesBlock,
    QueryFact,
    Session,
    SourceFact,
    TableBlock,
    Text,
)
from handoff.session.walk import FactBlock, leaves
from handoff.sql.types import Type, Value
from handoff.values.evaluate import EvaluationError, Missing, Scope, value
from handoff.values.expressions import (
    Attribute,
    Comparison,
    Constant,
    Expression,
    ExpressionNode,
    Filtered,
    Logical,
    Name,
    parts,
)
from handoff.values.printing import Typed, printed, shown
from handoff.values.rows import FactView, row_name
from handoff.values.view import Cell, Cells

WATCHED: Mapping[str, tuple[str, ...]] = {
    "phases": ("state", "progress", "failed"),
    "coverage": ("actual", "percent", "status"),
    "freshness": ("status",),
}
"""The columns of each contract that count although no text cites them."""

ChangeKind = Literal["finished", "failed", "moved"]


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
    kind: ChangeKind
    """`failed`: it stalled, or more of it failed."""
    then: ShownValue | None
    """`None`: it was not there."""
    now: ShownValue | None
    is_row: bool = False
    """It is a whole row of the fact with this name, the values that the handoff shows."""


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


def changes_between(then: Cells, now: Cells) -> tuple[ValueChange, ...]:
    """What differs between two results of one session, rows without a key by their content."""
    lists = frozenset(
        name
        for cells in (then, now)
        for name, source in cells.sources().items()
        if len(source.rows or ()) > 1
    )
    before, after = shown_values(then, lists), shown_values(now, lists)
    return (*changes(before, after), *_row_changes(then, now))


def shown_values(cells: Cells, lists: Collection[str] = ()) -> dict[str, ShownValue]:
    """Every value that counts, by name: those of texts first, in the author's order.

    Without those of `_row_changes`. A row of one of the facts `lists` has a name of its own
    also where it is the only one.
    """
    sources = cells.sources()
    found: dict[str, ShownValue] = {}
    for values in (
        _cited(cells, sources),
        _listed(cells, sources, lists),
        _watched(cells, sources, lists),
    ):
        for each in values:
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


def _value(node: ExpressionNode, scope: Scope) -> Typed | None:
    try:
        return value(node, scope)
    except (Missing, EvaluationError):
        return None


def _listed(
    cells: Cells, sources: Mapping[str, FactView], lists: Collection[str]
) -> Iterator[ShownValue]:
    """The values of a fact's rows that blocks show."""
    for block in _blocks(cells.session):
        source = sources.get(block.fact)
        if source is None or _is_compared_by_row(source.declaration, block):
            continue
        columns = _columns(block, source)
        for cell in cells.of(source, by_first=True, is_list=source.name in lists):
            if cell.column in columns and not cell.name.startswith(f"{source.name}.overall."):
                yield _of(cell)


def _columns(block: FactBlock, source: FactView) -> Collection[str]:
    if isinstance(block, PhasesBlock):
        return ("progress", "success_rate", "eta")
    if isinstance(block, ChartBlock):
        return _charted(block, source)
    if isinstance(block, FilesBlock):
        return ("old_path", "path")
    if isinstance(block, ExpectBlock):
        return (MARK,)
    own = [name for name in source.types if name not in source.derived]
    return [each.name for each in block.columns] or own


def _charted(block: ChartBlock, source: FactView) -> Collection[str]:
    from handoff.values import charts  # only where a session has one

    if charts.kind_of(source, block) == "timeline":
        return ("progress", "eta")
    column = charts.column_of(source, block)
    return ("state",) if column is None else (column,)


def _blocks(session: Session) -> Iterator[FactBlock]:
    return (leaf.node for leaf in leaves(session) if isinstance(leaf.node, FactBlock))


def _watched(
    cells: Cells, sources: Mapping[str, FactView], lists: Collection[str]
) -> Iterator[ShownValue]:
    for source in sources.values():
        columns = WATCHED.get(cells.contract(source.name) or "", ())
        found = cells.of(source, is_list=source.name in lists)
        yield from (_of(cell) for cell in found if cell.column in columns)


def _of(cell: Cell) -> ShownValue:
    return _seen(cell.name, cell.column, cell.typed, cell.at)


def _seen(name: str, column: str, typed: Typed | None, at: datetime | None) -> ShownValue:
    if typed is None:
        return ShownValue(name, column, None, None, at)
    return ShownValue(name, column, printed(typed), shown(typed, "prompt"), at)


# --- rows --------------------------------------------------------------------------------

_IDENTITY = {"files": "path", "commits": "sha"}
"""The column of a git fact by which a row at one time is that at another."""


class _ShownRow(Struct, frozen=True):
    identity: str
    """Empty: nothing but its content."""
    value: ShownValue


def _is_compared_by_row(declared: QueryFact | SourceFact, block: FactBlock) -> bool:
    """Whether rows of `declared` come and go as a whole: commits, files, lines of a log."""
    if not isinstance(declared, SourceFact) or not isinstance(block, TableBlock | FilesBlock):
        return False
    return any(
        each.take in _IDENTITY
        if isinstance(each, GitRange)
        else isinstance(each, LogFile) and each.take == "all" and declared.key is None
        for each in declared.sources
    )


def _row_changes(then: Cells, now: Cells) -> Iterator[ValueChange]:
    """Rows that came, went or have other values, wherever they are in the result."""
    before, after = then.sources(), now.sources()
    blocks: dict[str, list[FactBlock]] = {}
    for block in _blocks(now.session):
        if block.fact in after and _is_compared_by_row(after[block.fact].declaration, block):
            blocks.setdefault(block.fact, []).append(block)
    for name, some in blocks.items():
        old = _shown_rows(before[name], some, then.as_of(name)) if name in before else []
        new = _shown_rows(after[name], some, now.as_of(name))
        gone, added = _without(old, new), _without(new, old)
        earlier = {each.identity: each.value for each in gone if each.identity}
        for row in added:
            known = earlier.pop(row.identity, None) if row.identity else None
            yield ValueChange(name, "moved", known, row.value, is_row=True)
        for row in gone:
            if not row.identity or row.identity in earlier:
                yield ValueChange(name, "moved", row.value, None, is_row=True)


def _shown_rows(
    source: FactView, blocks: Sequence[FactBlock], at: datetime | None
) -> list[_ShownRow]:
    """The rows that one of `blocks` shows, of each the columns that one of them shows."""
    columns = dict.fromkeys(name for block in blocks for name in _columns(block, source))
    takes = [getattr(each, "take", "") for each in getattr(source.declaration, "sources", ())]
    identity = next((_IDENTITY[take] for take in takes if take in _IDENTITY), "")
    found = []
    for row in source.rows or ():
        change = row["change"].value if "change" in row else None
        if any(_shows(block, change) for block in blocks):
            typed = [row[name] for name in columns if name in row]
            values = [each for each in typed if each.value is not None]
            bare = ", ".join(printed(each) or "" for each in values)
            words = ", ".join(shown(each, "prompt") or "" for each in values)
            value = ShownValue(source.name, "", bare, words, at)
            found.append(_ShownRow(str(row[identity].value) if identity in row else "", value))
    return found


def _shows(block: FactBlock, change: Value) -> bool:
    kinds = block.changes if isinstance(block, FilesBlock) else ()
    return not kinds or change in kinds


def _without(rows: Sequence[_ShownRow], others: Sequence[_ShownRow]) -> list[_ShownRow]:
    """The rows whose content is not that of one of `others`, each of which counts once."""
    known = Counter(each.value.bare for each in others)
    found = []
    for row in rows:
        if known[row.value.bare]:
            known[row.value.bare] -= 1
        else:
            found.append(row)
    return found


# --- names -------------------------------------------------------------------------------


def expression_text(node: ExpressionNode) -> str:
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


def _inner(node: ExpressionNode, *loose: type) -> str:
    """In brackets if the operator around it binds closer."""
    return f"({expression_text(node)})" if isinstance(node, loose) else expression_text(node)


def _part(node: Attribute) -> str:
    return row_name(node.name) or node.name if node.is_subscript else node.name


# --- kinds of changes --------------------------------------------------------------------


def _bare(each: ShownValue | None) -> str | None:
    return each.bare if each else None


def _kind(then: ShownValue | None, now: ShownValue | None) -> ChangeKind:
    column = now.column if now else ""
    if column == "state" and _bare(now) in _STATES:
        return _STATES[_bare(now) or ""]
    is_more = column == "failed" and _count(now) > _count(then)
    return "failed" if is_more else "moved"


_STATES: Mapping[str, ChangeKind] = {"complete": "finished", "stalled": "failed"}


def _count(each: ShownValue | None) -> int:
    digits = (_bare(each) or "").replace(",", "")
    return int(digits) if digits.isdecimal() else 0
