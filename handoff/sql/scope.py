"""What a name may mean in a SELECT and in those around it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from handoff.sql.relations import Column, Columns, Relation, fields_of, named
from handoff.sql.types import Field, Type


class Level(Struct):
    """What a name may mean in one SELECT, and in those around it."""

    outer: Level | None
    relations: list[Relation]
    merged: dict[str, set[int]]
    """Columns of USING: which relations have them."""
    aliases: dict[str, Type | None]
    """Of the select list, where they are visible."""
    aliases_seen: bool = False


def star_columns(level: Level) -> Columns:
    """The columns of `*`: those of USING once."""
    found: list[Column] = []
    seen: set[str] = set()
    for relation in level.relations:
        if relation.columns is None:
            return None
        for column in relation.columns:
            name = column.name.casefold()
            if name in level.merged and name in seen:
                continue
            seen.add(name)
            found.append(column)
    return tuple(found)


def names_of(relation: Relation) -> set[str]:
    return {each.name.casefold() for each in (*(relation.columns or ()), *relation.extra)}


def spelled_names(relation: Relation) -> list[str]:
    return [each.name for each in relation.columns or ()]


def find_relation(parts: Sequence[str], level: Level) -> Relation | None:
    around: Level | None = level
    while around is not None:
        for relation in around.relations:
            if relation.is_named(parts) == len(parts):
                return relation
        around = around.outer
    return None


Meaning = tuple[str | None, Type | None, Sequence[str]]
"""The relation that a column without a qualifier is of, the type, the names after it."""


def meanings_of(parts: Sequence[str], level: Level) -> Iterator[Meaning]:
    """What a name may mean, on the innermost level that has it."""
    around: Level | None = level
    while around is not None:
        found = list(_on_level(parts, around))
        if found:
            yield from found
            return
        around = around.outer


def _on_level(parts: Sequence[str], level: Level) -> Iterator[Meaning]:
    first = parts[0].casefold()
    if level.aliases_seen and first in level.aliases:
        yield None, level.aliases[first], parts[1:]
        return
    for relation in level.relations:
        length = relation.is_named(parts)
        if length and len(parts) == length:
            yield None, relation.value, ()
            return
        if length:
            name, rest = parts[length], parts[length + 1 :]
            if relation.columns is None or name.casefold() in names_of(relation):
                yield None, relation.type_of(name), rest
                return
            if relation.value is not None or relation.has_hidden(name):
                yield None, relation.value if not relation.hidden else None, parts[length:]
                return
            yield None, _row_type(relation), (name,)
            return
    owners = [
        (relation, column)
        for n, relation in enumerate(level.relations)
        for column in named(relation, first)
        if n not in level.merged.get(first, ()) or n == min(level.merged[first])
    ]
    for relation, column in owners:
        yield relation.name, column.type, parts[1:]
    if not owners and any(
        each.columns is None or each.has_hidden(first) for each in level.relations
    ):
        yield None, None, parts[1:]


def _row_type(relation: Relation) -> Type:
    """For the message on a column that the relation lacks."""
    return Type("TABLE", tuple(Field(name, Type("ANY")) for name in spelled_names(relation)))


def bad_field(
    type_: Type | None, rest: Sequence[str]
) -> tuple[str, str, tuple[str, ...]] | None:
    for name in rest:
        if type_ is None or type_.name in ("JSON", "ANY"):
            return None
        fields = fields_of(type_)
        if fields is None:
            return f"'{name}' is not a field: the column is {type_}", "", ()
        if name.casefold() not in fields:
            known = tuple(field.name for field in type_.fields)
            what = "column" if type_.name == "TABLE" else "field"
            return f"no {what} '{name}'", name, known
        type_ = fields[name.casefold()]
    return None
