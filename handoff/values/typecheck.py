"""What a session's texts cite, held against its questions before anything is asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec import Struct
from msgspec.structs import replace

from handoff.base.problems import Place, Problem, nearest
from handoff.session.model import (
    MARK,
    ExpectBlock,
    FilesBlock,
    PhasesBlock,
    QueryFact,
    Session,
    SourceFact,
    TableBlock,
    Text,
    definition,
    place_in,
)
from handoff.session.walk import Leaf, leaves
from handoff.sql.contracts import ROW_NAMES
from handoff.sql.query import Query
from handoff.sql.types import Field, Type, type_of
from handoff.values.evaluate import as_compared, can_compare
from handoff.values.expressions import (
    Attribute,
    Comparison,
    Constant,
    Expression,
    Filtered,
    InvalidExpression,
    Literal,
    Logical,
    Name,
    Node,
    operands,
    parts,
)
from handoff.values.filters import FILTERS
from handoff.values.references import reference

BUILT_IN: Mapping[str, Type] = {
    "document": Type("STRING"),
    "session": Type("STRING"),
    "as_of": Type("TIMESTAMP"),
    "checked_at": Type("TIMESTAMP"),
    "duration": Type("STRING"),
}
"""Names that are no facts: the document's path, the session's number and times."""

_KEPT = frozenset(["and", "or", "not", "in", "is", "if", "else", "true", "false", "none"])
"""Words of the expressions themselves."""

Columns = Mapping[str, Type]


class KnownFact(Struct, frozen=True):
    """A declared fact, as far as its question says what it returns."""

    question: QueryFact | SourceFact
    columns: Columns | None
    """With the derived ones, without the redacted; `None` where the question is not there."""
    contract: str | None

    @property
    def name(self) -> str:
        return self.question.name

    @property
    def asked(self) -> str:
        """What answers, in words."""
        if isinstance(self.question, QueryFact):
            return f"'{self.question.sql}'"
        return f"fact '{self.name}'"


def problems(session: Session, queries: Mapping[str, Query]) -> list[Problem]:
    """Every live value, table and status line that cites what no question returns."""
    facts = known(session, queries)
    found = [*_declared(facts), *_expected(session, queries)]
    for leaf in leaves(session):
        if isinstance(leaf.node, Text):
            found += _expressions(leaf.node, facts)
        found += _leaf(leaf, facts)
    return found


def known(session: Session, queries: Mapping[str, Query]) -> Mapping[str, KnownFact]:
    """The session's facts by name."""
    return {
        question.name: KnownFact(
            question,
            _columns_of(question, query := definition(question, queries)),
            query.contract if query else None,
        )
        for question in session.questions
    }


def _columns_of(
    question: QueryFact | SourceFact, query: Query | SourceFact | None
) -> Columns | None:
    """The columns that texts may cite: returned, not redacted, or derived."""
    if query is None:
        return None
    from handoff.values.progress import DERIVED  # not for a session without facts

    derived = DERIVED.get(query.contract or "", {})
    returned = {each.name: each.type for each in query.returns}
    kept = {name: type_ for name, type_ in returned.items() if name not in question.redact}
    found = {name: type_of(type_) for name, type_ in {**kept, **derived}.items()}
    if question.since:
        from handoff.values.trends import columns  # not for a session without such facts

        found |= columns(found, question.key)
    if question.expect and MARK not in found:
        found[MARK] = Type("STRING")
    return found


def _declared(facts: Mapping[str, KnownFact]) -> Iterator[Problem]:
    for fact in facts.values():
        key, columns = fact.question.key, fact.columns
        if fact.name in BUILT_IN or fact.name in _KEPT:
            message = f"'{fact.name}' has a meaning in '{{{{ }}}}', name the fact otherwise"
            yield Problem("L013", message, fact.question.place)
        if key is not None and columns is not None and key not in columns:
            redacted = key in fact.question.redact
            if not redacted:  # Q024 says so
                message = f"'key:' names '{key}', which {fact.asked} does not return"
                yield Problem("L014", message + nearest(key, columns), fact.question.place)


def _expected(session: Session, queries: Mapping[str, Query]) -> Iterator[Problem]:
    for question in session.questions:
        query = definition(question, queries) if question.expect else None
        # the mark is made of what is expected
        columns = _columns_of(replace(question, expect=()), query)
        if query is not None and columns is not None:
            from handoff.values import expectations  # not for a session without any

            named_by = question.key or ROW_NAMES.get(query.contract or "")
            yield from expectations.problems(question, columns, named_by)


# --- expressions ---------------------------------------------------------------------------


class _Wrong(Exception):
    def __init__(self, code: str, message: str, offset: int) -> None:
        super().__init__(message)
        self.code = code
        self.offset = offset


def _expressions(text: Text, facts: Mapping[str, KnownFact]) -> Iterator[Problem]:
    for part in parts(text.value):
        for wrong in _wrong(part, facts):
            yield Problem(wrong.code, str(wrong), place_in(text, wrong.offset))


def _wrong(
    part: Literal | Expression | InvalidExpression, facts: Mapping[str, KnownFact]
) -> list[_Wrong]:
    """What is wrong with one part: the first thing, for the next may follow from it."""
    if isinstance(part, InvalidExpression):
        return [_Wrong(part.code, part.message, part.offset)]
    try:
        if isinstance(part, Expression):
            _type(part.node, facts)
    except _Wrong as wrong:
        return [wrong]
    return []


class _Row(Struct, frozen=True):
    of: KnownFact
    name: str


class _Rows(Struct, frozen=True):
    of: KnownFact


_Shape = Type | KnownFact | _Row | _Rows | None
"""What a part of an expression will be; `None` where that is not known."""


def _type(node: Node, facts: Mapping[str, KnownFact]) -> Type | None:
    """The type of a whole expression, or of one side of a comparison."""
    shape = _shape(node, facts)
    match shape:
        case KnownFact():
            raise _Wrong("L012", _needs_column(shape), node.offset)
        case _Row(of, name):
            raise _Wrong("L012", _needs_row(of, name), node.offset)
        case _Rows(of):
            message = f"'{of.name}.rows' is no value, expected '| count' or '| join(...)'"
            raise _Wrong("L012", message, node.offset)
    return shape


def _needs_column(fact: KnownFact) -> str:
    row = f".<{fact.question.key}>" if fact.question.key else ""
    return f"fact '{fact.name}' is no value, expected '{fact.name}{row}.<column>'"


def _needs_row(fact: KnownFact, name: str) -> str:
    if fact.columns and name in fact.columns and fact.question.key:
        row = f"{fact.name}.<{fact.question.key}>.{name}"
        return f"fact '{fact.name}' has a key, so a row comes first: '{row}'"
    return f"a row is no value, expected '{fact.name}.{name}.<column>'"


def _shape(node: Node, facts: Mapping[str, KnownFact]) -> _Shape:
    match node:
        case Constant(value):
            return _constant(value)
        case Name():
            return _name(node, facts)
        case Attribute():
            return _part(node, _shape(node.of, facts))
        case Filtered():
            return _filtered(node, _shape(node.of, facts), facts)
        case Comparison():
            return _compared(node, _type(node.left, facts), _type(node.right, facts))
        case Logical():
            return _logical(node, facts)


def _constant(value: str | int | float | bool) -> Type:
    names = {bool: "BOOL", int: "INT64", float: "FLOAT64", str: "STRING"}
    return Type(names[type(value)])


def _name(node: Name, facts: Mapping[str, KnownFact]) -> _Shape:
    if node.name in BUILT_IN:
        return BUILT_IN[node.name]
    if node.name in facts:
        return facts[node.name]
    names = [*facts, *BUILT_IN]
    close = nearest(node.name, names) or f", 'facts:' declares {', '.join(facts) or 'none'}"
    raise _Wrong("L010", f"unknown fact '{node.name}'{close}", node.offset)


def _part(node: Attribute, of: _Shape) -> _Shape:
    match of:
        case KnownFact():
            return _of_fact(node, of)
        case _Row(fact):
            return _column(node.name, node.offset, fact)
        case _Rows(fact):
            message = f"'{fact.name}.rows' has no part, expected '({fact.name}.rows | first)'"
            raise _Wrong("L012", message, node.offset)
        case Type("STRUCT", known):
            names = {each.name: each.type for each in known}
            if node.name not in names:
                message = f"no field '{node.name}'{_near(node.name, names)}"
                raise _Wrong("L011", message, node.offset)
            return names[node.name]
        case Type():
            raise _Wrong("L012", f"{of} has no part '{node.name}'", node.offset)
    return None


def _of_fact(node: Attribute, fact: KnownFact) -> _Shape:
    if node.name == "rows":
        return _Rows(fact)
    if node.name == "overall" and fact.contract == "phases":
        return _Row(fact, node.name)
    if fact.question.key is not None:
        return _Row(fact, node.name)
    return _column(node.name, node.offset, fact, keyless=True)


def _column(name: str, offset: int, fact: KnownFact, *, keyless: bool = False) -> Type | None:
    if fact.columns is None or name in fact.columns:
        return fact.columns[name] if fact.columns else None
    if name in fact.question.redact:
        raise _Wrong("L011", f"column '{name}' of fact '{fact.name}' is redacted", offset)
    hint = _near(name, fact.columns)
    if keyless:
        hint += ", and it has no 'key:' to name a row by"
    raise _Wrong("L011", f"fact '{fact.name}' has no column '{name}'{hint}", offset)


def _near(name: str, names: Columns) -> str:
    return nearest(name, names) or f", it has {', '.join(names)}"


def _filtered(node: Filtered, of: _Shape, facts: Mapping[str, KnownFact]) -> _Shape:
    wanted = FILTERS[node.name]
    if isinstance(of, KnownFact | _Row):
        raise _Wrong("L012", f"'{node.name}' takes {_list(wanted.takes)}", node.offset)
    given = "rows" if isinstance(of, _Rows) else of.name if of else None
    if given is not None and given not in wanted.takes:
        message = f"'{node.name}' takes {_list(wanted.takes)}, found {given}"
        raise _Wrong("L016", message, node.offset)
    if node.name == "since":
        _hold_since(node, facts)
    if not isinstance(of, _Rows):
        return Type(wanted.gives) if wanted.gives in ("STRING", "INT64") else None
    if wanted.gives == "row":
        return _Row(of.of, f"rows | {node.name}")
    if wanted.gives == "column":
        element = _column(str(node.arguments[0]), node.offset, of.of)
        return Type("ARRAY", (Field("", element),)) if element else None
    return Type(wanted.gives)


def _hold_since(node: Filtered, facts: Mapping[str, KnownFact]) -> None:
    """`since` follows a number of a fact that has one before."""
    root: Node = node.of
    while isinstance(root, Attribute | Filtered):
        root = root.of
    fact = facts.get(root.name) if isinstance(root, Name) else None
    if fact is not None and not fact.question.since:
        message = f"fact '{fact.name}' has no 'since:' that names an earlier session"
        raise _Wrong("L018", message, node.offset)
    column = node.of.name if isinstance(node.of, Attribute) else ""
    if fact is None or (fact.columns is not None and f"{column}_before" not in fact.columns):
        message = "'since' follows a column that can become more or less"
        raise _Wrong("L018", message, node.offset)


def _list(names: tuple[str, ...]) -> str:
    return " or ".join(names)


def _compared(node: Comparison, left: Type | None, right: Type | None) -> Type:
    if left and right:
        one = as_compared(node.left, left, right)
        two = as_compared(node.right, right, left)
        if not can_compare(one, node.operator, two):
            message = f"{left} {node.operator} {right} cannot be compared"
            raise _Wrong("L016", message, node.offset)
    return Type("BOOL")


def _logical(node: Logical, facts: Mapping[str, KnownFact]) -> Type:
    for each in node.of:
        found = _type(each, facts)
        if found and found.name != "BOOL":
            message = f"'{node.operator}' takes BOOL, found {found}"
            raise _Wrong("L016", message, each.offset)
    return Type("BOOL")


# --- tables and status lines ---------------------------------------------------------------


def _leaf(leaf: Leaf, facts: Mapping[str, KnownFact]) -> Iterator[Problem]:
    match leaf.node:
        case Text() as text if leaf.role == "condition":
            yield from _condition(text, facts)
        case Text(words, place) if leaf.role == "evidence":
            if reference(words, facts).kind == "fact":
                yield from _fact(words.strip(), place, facts)
        case TableBlock() | PhasesBlock() | FilesBlock() as block:
            yield from _fact(block.fact, block.place, facts)
            if block.fact in facts:
                yield from _rows(block, facts[block.fact])
        case ExpectBlock(name, place):
            yield from _fact(name, place, facts)
            if name in facts and not facts[name].question.expect:
                message = f"fact '{name}' has no 'expect:' that says what it is to be"
                yield Problem("E014", message, place)


def _rows(block: TableBlock | PhasesBlock | FilesBlock, fact: KnownFact) -> Iterator[Problem]:
    """What a block takes from rows that they do not have, once their columns are known."""
    if fact.columns is None:
        return
    match block:
        case TableBlock(name, columns):
            for column in columns if fact.columns else ():
                if column.name not in fact.columns:
                    message = f"fact '{name}' has no column '{column.name}'"
                    hint = _near(column.name, fact.columns)
                    yield Problem("L011", message + hint, column.place)
        case PhasesBlock(_, place):
            if fact.contract != "phases":
                message = f"{fact.asked} does not keep the contract 'phases'"
                yield Problem("L015", message, place)
        case FilesBlock(name, changes, place):
            for wanted in ("path", "change") if changes else ("path",):
                if fact.columns.get(wanted) != Type("STRING"):
                    message = f"fact '{name}' has no column '{wanted} STRING'"
                    yield Problem("L011", f"{message}, which 'files:' reads", place)


def _condition(when: Text, facts: Mapping[str, KnownFact]) -> Iterator[Problem]:
    """A condition that is not one comparison of what facts say; `_wrong` tells the rest."""
    first, *more = parts(when.value.strip())
    if more:
        message = "a condition is one '{{ }}' and nothing beside it, join such with 'and'"
        yield Problem("L017", message, when.place)
    elif isinstance(first, Expression) and not _wrong(first, facts):
        found = _type(first.node, facts)
        if found is not None and found.name != "BOOL":
            message = f"a condition is true or false, found {found}: compare it with '=='"
            yield Problem("L017", message, when.place)
        elif not operands(first.node):
            yield Problem("L017", "a condition that cites no fact always says so", when.place)


def _fact(name: str, place: Place, facts: Mapping[str, KnownFact]) -> Iterator[Problem]:
    if name not in facts:
        close = nearest(name, facts) or f", 'facts:' declares {', '.join(facts) or 'none'}"
        yield Problem("L010", f"unknown fact '{name}'{close}", place)
