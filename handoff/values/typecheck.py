"""Check what a session's texts and blocks cite, before anything has run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from handoff.base.problems import Place, Problem, nearest
from handoff.session.model import (
    BUILT_IN,
    KEYWORDS,
    ChartBlock,
    ExpectBlock,
    FilesBlock,
    PhasesBlock,
    Session,
    TableBlock,
    Text,
    place_in,
)
from handoff.session.walk import Leaf, leaves
from handoff.sql.query import Query
from handoff.sql.types import Type
from handoff.sql.types import type_of as parse_type
from handoff.values import expectations
from handoff.values.blocks import PURPOSE
from handoff.values.evaluate import EvaluationError, Scope, type_of, unknown_fact
from handoff.values.evidence import parse_reference
from handoff.values.expressions import Expression, InvalidExpression, Literal, operands, parts
from handoff.values.rows import FactView
from handoff.values.view import declared_views

FactViews = Mapping[str, FactView]


def problems(session: Session, queries: Mapping[str, Query]) -> list[Problem]:
    """Every expression, table and status line that cites what no query returns."""
    facts = declared_views(session, queries)
    found = [each for fact in facts.values() for each in _declaration_problems(fact)]
    for fact in facts.values():
        found += expectations.problems(fact) if fact.is_typed else ()
    for leaf in leaves(session):
        if isinstance(leaf.node, Text):
            found += [
                e for part in parts(leaf.node.value) for e in _part(part, leaf.node, facts)
            ]
        found += _leaf(leaf, facts)
    return found


def _declaration_problems(fact: FactView) -> Iterator[Problem]:
    key, declaration = fact.key, fact.declaration
    if fact.name in BUILT_IN or fact.name in KEYWORDS:
        message = f"'{fact.name}' is reserved in '{{{{ }}}}'; rename the fact"
        yield Problem("L013", message, declaration.place)
    is_returned = not fact.is_typed or key is None or key in fact.types
    if not is_returned and key not in declaration.redact:  # Q024 reports a redacted one
        message = f"'key:' names '{key}', which {fact.source} does not return"
        yield Problem("L014", message + nearest(key or "", fact.types), declaration.place)


# --- expressions ---------------------------------------------------------------------------


def _scope(facts: FactViews) -> Scope:
    def find(name: str) -> Type | FactView | None:
        return parse_type(BUILT_IN[name]) if name in BUILT_IN else facts.get(name)

    return Scope(find, facts, zone=None)


def _part(
    part: Literal | Expression | InvalidExpression, text: Text, facts: FactViews
) -> Iterator[Problem]:
    """The first problem of one part, for the next ones may follow from it."""
    if isinstance(part, InvalidExpression):
        yield Problem(part.code, part.message, place_in(text, part.offset))
    elif isinstance(part, Expression):
        try:
            type_of(part.node, _scope(facts))
        except EvaluationError as error:
            yield Problem(error.code, str(error), place_in(text, error.offset))


# --- blocks --------------------------------------------------------------------------------


def _leaf(leaf: Leaf, facts: FactViews) -> Iterator[Problem]:
    match leaf.node:
        case Text() as text if leaf.role == "condition":
            yield from _condition(text, facts)
        case Text(words, place) if leaf.role == "evidence":
            if parse_reference(words, facts).kind == "fact":
                yield from _fact(words.strip(), place, facts)
        case TableBlock() | PhasesBlock() | FilesBlock() | ChartBlock() as block:
            yield from _fact(block.fact, block.place, facts)
            if block.fact in facts and facts[block.fact].is_typed:
                yield from _rows(block, facts[block.fact])
        case ExpectBlock(name, place):
            yield from _fact(name, place, facts)
            if name in facts and not facts[name].declaration.expect:
                yield Problem("E014", f"fact '{name}' has no 'expect:'", place)


def _rows(
    block: TableBlock | PhasesBlock | FilesBlock | ChartBlock, fact: FactView
) -> Iterator[Problem]:
    """What a block needs and the rows do not have."""
    match block:
        case ChartBlock():
            from handoff.values import charts  # only where a session has one

            yield from charts.problems(fact, block)
        case TableBlock(name, columns, place, purpose):
            if purpose and fact.types and "path" not in fact.types:
                message = f"fact '{name}' has no column 'path', which 'purpose:' reads"
                yield Problem("L011", message, place)
            for column in columns if fact.types else ():
                is_own = bool(purpose) and column.name == PURPOSE
                if column.name not in fact.types and not is_own:
                    message = fact.explain_missing(column.name, fact.types)
                    yield Problem("L011", message, column.place)
        case PhasesBlock(_, place):
            if fact.contract != "phases":
                message = f"{fact.source} does not declare the contract 'phases'"
                yield Problem("L015", message, place)
        case FilesBlock(name, changes, place):
            for wanted in ("path", "change") if changes else ("path",):
                if fact.types.get(wanted) != Type("STRING"):
                    message = f"fact '{name}' has no column '{wanted} STRING'"
                    yield Problem("L011", f"{message}, which 'files:' reads", place)


def _condition(when: Text, facts: FactViews) -> Iterator[Problem]:
    """A condition that is not one comparison of facts; `_part` reports the rest."""
    first, *more = parts(when.value.strip())
    if more:
        message = "a condition is one '{{ }}' without other text; join several with 'and'"
        yield Problem("L017", message, when.place)
    elif isinstance(first, Expression) and not [*_part(first, when, facts)]:
        found = type_of(first.node, _scope(facts))
        if found is not None and found.name != "BOOL":
            message = f"a condition is true or false, found {found}; compare it with '=='"
            yield Problem("L017", message, when.place)
        elif not operands(first.node):
            message = "this condition cites no fact, so it never changes"
            yield Problem("L017", message, when.place)


def _fact(name: str, place: Place, facts: FactViews) -> Iterator[Problem]:
    if name not in facts:
        yield Problem("L010", unknown_fact(name, facts, ()), place)
