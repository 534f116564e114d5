"""What a FROM clause holds: its columns, with their types as far as they are known."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase

from msgspec import Struct
from sqlglot import exp

from handoff.sql.tables import Tables, TableSchema
from handoff.sql.types import BadType, Field, Type, type_of

ALIAS_ONLY = "alias"


class Column(Struct, frozen=True):
    name: str
    type: Type | None = None
    """`None` if it is unknown."""
    kind: str = ""

    @classmethod
    def of(cls, field: Field) -> Column:
        return cls(field.name, field.type)


Columns = tuple[Column, ...] | None
"""`None` if they are unknown."""


class Relation(Struct, frozen=True):
    """A table, a subquery or an array in FROM."""

    name: str
    """Its alias; empty if it has none."""
    columns: Columns
    node: exp.Table | None = None
    table: TableSchema | None = None
    extra: tuple[Column, ...] = ()
    """What can be named and is not among the columns of `*`."""
    value: Type | None = None
    """The type of an array's elements."""
    hidden: frozenset[str] = frozenset()
    """The pseudo-columns."""

    def is_named(self, parts: Sequence[str]) -> int:
        """How many of the first names are its own: `t`, or `dataset.t`; 0 if they are not."""
        if self.name and self.name.casefold() == parts[0].casefold():
            return 1
        if self.node is None or not self.node.db or self.node.alias:
            return 0
        path = [each for each in (self.node.catalog, self.node.db, self.node.name) if each]
        for names in (path, path[-2:]):
            if [each.casefold() for each in parts[: len(names)]] == [
                each.casefold() for each in names
            ]:
                return len(names)
        return 0

    def type_of(self, name: str) -> Type | None:
        return next((each.type for each in named(self, name.casefold())), None)

    def has_hidden(self, name: str) -> bool:
        return name.casefold() in self.hidden


def named(relation: Relation, name: str) -> Iterator[Column]:
    for column in (*(relation.columns or ()), *relation.extra):
        if column.name.casefold() == name:
            yield column


def fields_of(type_: Type | None) -> Mapping[str, Type | None] | None:
    """The fields of a STRUCT by name; `None` for what has no fields."""
    if type_ is None or type_.name not in ("STRUCT", "TABLE"):
        return None
    return {field.name.casefold(): field.type for field in type_.fields}


# --- tables ------------------------------------------------------------------------------

_PSEUDO = frozenset(("_partitiontime", "_partitiondate", "_file_name"))
_CHANGES = frozenset(("_change_type", "_change_timestamp", "_change_sequence_number"))
_SUFFIX = frozenset(("_table_suffix",))
_LISTING = (
    "project_id dataset_id table_id creation_time last_modified_time row_count size_bytes type"
)
_SYSTEM_TABLES: Mapping[str, str] = {
    "__tables__": _LISTING,
    "__tables_summary__": "project_id dataset_id table_id creation_time type",
}
"""https://cloud.google.com/bigquery/docs/information-schema-tables and its predecessors."""


def table_relation(node: exp.Table, alias: str, tables: Tables | None) -> Relation | None:
    """A table of the schema; `None` if the schema has no such table."""
    name = node.name
    if name.casefold() in _SYSTEM_TABLES:
        listed = _SYSTEM_TABLES[name.casefold()].split()
        return Relation(alias, tuple(map(Column, listed)), node)
    if "information_schema" in f"{node.db}.{name}".casefold() or tables is None:
        return Relation(alias, None, node)
    members = tables.get(node.db, {})
    if "*" in name:
        found = [members[each] for each in sorted(members) if fnmatchcase(each, name)]
        if not found:
            return Relation(alias, None, node)
        columns = {k: v for table in found for k, v in table.columns.items()}
        return Relation(alias, _columns(columns), node, hidden=_PSEUDO | _SUFFIX)
    table = members.get(name)
    if table is None:
        return None
    is_ingested = table.partition is None or table.partition.startswith("_")
    hidden = (_PSEUDO if is_ingested else frozenset(("_file_name",))) | _CHANGES
    return Relation(alias, _columns(table.columns), node, table, hidden=hidden)


def _columns(columns: Mapping[str, str]) -> tuple[Column, ...]:
    return tuple(Column(name, _read(spelled)) for name, spelled in columns.items())


def _read(spelled: str) -> Type | None:
    try:
        return type_of(spelled)
    except BadType:  # GEOGRAPHY, or not known
        return None


# --- PIVOT and UNPIVOT -------------------------------------------------------------------


def pivoted(pivot: exp.Expr, relation: Relation) -> Relation:
    """The relation after PIVOT or UNPIVOT."""
    alias = pivot.alias
    columns = (
        _unpivoted(pivot, relation) if pivot.args.get("unpivot") else _pivoted(pivot, relation)
    )
    return Relation(alias, columns)


def _pivoted(pivot: exp.Expr, relation: Relation) -> Columns:
    """The columns that are not used, and one for each aggregate and value."""
    if relation.columns is None:
        return None
    used = {column.name.casefold() for column in pivot.find_all(exp.Column)}
    found = [each for each in relation.columns if each.name.casefold() not in used]
    for field in pivot.args.get("fields") or ():
        for value in field.expressions:
            name = _value_name(value)
            if name is None:
                return None
            prefixes = [each.alias for each in pivot.expressions]
            found += [Column(f"{each}_{name}" if each else name) for each in prefixes]
    return tuple(found)


def _value_name(value: exp.Expr) -> str | None:
    """How a value of IN names a column; `None` where BigQuery rewrites it."""
    if value.alias:
        return value.alias
    if isinstance(value, exp.Literal):
        text = value.name
        return (
            text
            if value.is_string and text.isidentifier()
            else f"_{text}"
            if text.isdigit()
            else None
        )
    return None


def _unpivoted(pivot: exp.Expr, relation: Relation) -> Columns:
    """The columns that are not rotated, and those of values and names."""
    if relation.columns is None:
        return None
    new = [each.name for part in pivot.expressions for each in part.find_all(exp.Identifier)]
    rotated: set[str] = set()
    for field in pivot.args.get("fields") or ():
        new.append(field.this.name)
        for each in field.expressions:
            rotated |= {column.name.casefold() for column in each.find_all(exp.Column)}
    kept = [each for each in relation.columns if each.name.casefold() not in rotated]
    return (*kept, *map(Column, new))


# --- types that show in the text ---------------------------------------------------------


def simple_type(node: exp.Expr, column: Callable[[exp.Column], Type | None]) -> Type | None:
    """The type of an expression, as far as it is a column, a cast, or a value of them."""
    if isinstance(node, (exp.Alias, exp.Paren)):
        return simple_type(node.this, column)
    if isinstance(node, exp.Column):
        return column(node)
    if isinstance(node, exp.Dot) and isinstance(node.expression, exp.Identifier):
        fields = fields_of(simple_type(node.this, column)) or {}
        return fields.get(node.expression.name.casefold())
    if isinstance(node, (exp.Cast, exp.TryCast)):
        return _read(node.args["to"].sql("bigquery"))
    if isinstance(node, exp.Literal):
        return Type("STRING" if node.is_string else "INT64" if node.is_int else "FLOAT64")
    if isinstance(node, exp.Bracket):
        array = simple_type(node.this, column)
        return array.element if array and array.name == "ARRAY" else None
    if isinstance(node, exp.Struct):
        fields_ = [_field(each, column) for each in node.expressions]
        known = [each for each in fields_ if each is not None]
        return Type("STRUCT", tuple(known)) if len(known) == len(fields_) else None
    element = _element(node, column)
    return Type("ARRAY", (Field("", element),)) if element else None


def _element(node: exp.Expr, column: Callable[[exp.Column], Type | None]) -> Type | None:
    """The type of an array's elements."""
    if isinstance(node, exp.Split):
        return Type("STRING")
    if isinstance(node, exp.GenerateSeries):
        return Type("INT64")
    if isinstance(node, exp.GenerateDateArray):
        return Type("DATE")
    if isinstance(node, exp.Array) and node.expressions:
        return simple_type(node.expressions[0], column)
    return None


def _field(node: exp.Expr, column: Callable[[exp.Column], Type | None]) -> Field | None:
    if isinstance(node, exp.PropertyEQ):
        name, value = node.this.name, node.expression
    else:
        name, value = node.alias_or_name, node
    return Field(name, simple_type(value, column) or Type("ANY")) if name else None


# --- words that are no columns -----------------------------------------------------------

_PARTS = """
    microsecond millisecond second minute hour day dayofweek dayofyear week isoweek month
    quarter year isoyear sunday monday tuesday wednesday thursday friday saturday nfc nfd nfkc
    nfkd
"""


def is_keyword(node: exp.Expr) -> bool:
    """Whether a word is a part of a date, or similar, in a function that sqlglot lacks."""
    return isinstance(node.parent, exp.Func) and node.name.casefold() in _PARTS.split()
