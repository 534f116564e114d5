"""The tables, columns and fields that a query names, resolved by GoogleSQL's rules of scope.

`check` and the embedded engine share it. What cannot be followed has unknown columns, and no
name of it is judged. Importing this module brings sqlglot, which is slow.

https://cloud.google.com/bigquery/docs/reference/standard-sql/query-syntax
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal

import sqlglot
from msgspec import Struct
from sqlglot import exp
from sqlglot.errors import ParseError

from handoff.base.problems import Place, nearest
from handoff.sql.parser import GoogleSQL
from handoff.sql.query import Query
from handoff.sql.relations import (
    ALIAS_ONLY,
    Column,
    Columns,
    Relation,
    fields_of,
    is_keyword,
    pivoted,
    simple_type,
    table_relation,
)
from handoff.sql.scope import (
    Level,
    bad_field,
    find_relation,
    meanings_of,
    names_of,
    spelled_names,
    star_columns,
)
from handoff.sql.tables import Tables
from handoff.sql.types import Type


def parse(text: str) -> list[exp.Expr]:
    """The statements of a text; what follows the last ';' may be a comment, left out.

    Raises SqlglotError, also where sqlglot fails by itself, and RecursionError.
    """
    logging.getLogger("sqlglot").setLevel(logging.ERROR)  # it warns of what it cannot parse
    try:
        found = sqlglot.parse(text, read=GoogleSQL)
    except AttributeError as error:  # as for `f(a, AS b)`
        raise ParseError(f"unexpected text: {error}") from error
    return [each for each in found if each and not isinstance(each, exp.Semicolon)]


Kind = Literal["table", "column", "filter"]


class BadName(Struct, frozen=True):
    """A name that the tables do not have, or that is not allowed where it is."""

    kind: Kind
    message: str
    node: exp.Expr
    name: str = ""
    known: tuple[str, ...] = ()
    """What could have been meant."""

    def text(self, where: str = "") -> str:
        """The message with what could have been meant; `where` follows what is missing."""
        place = where if self.message.startswith("no ") else ""
        return f"{self.message}{place}{nearest(self.name, self.known) if self.known else ''}"


def bad_names(tree: exp.Expr, tables: Tables | None) -> tuple[BadName, ...]:
    """What is wrong with the names in `tree`, in the order they are resolved.

    Without `tables`, only what shows in the query alone.
    """
    resolver = _Resolver(tree, tables)
    resolver.query(tree, {}, None)
    return tuple(resolver.found)


CTEs = Mapping[str, Columns]


class _Resolver:
    def __init__(self, tree: exp.Expr, tables: Tables | None) -> None:
        self.found: list[BadName] = []
        self._tree = tree
        self._tables = tables

    # --- queries -------------------------------------------------------------------------

    def query(self, node: exp.Expr, ctes: CTEs, outer: Level | None) -> Columns:
        """The columns of a query, once its names are resolved."""
        ctes = self._with(node, ctes, outer)
        if isinstance(node, (exp.Subquery, exp.Paren)) and isinstance(node.this, exp.Expr):
            inner = self.query(node.this, ctes, outer)
            self._order_of(node, inner, ctes, outer)
            return inner
        if isinstance(node, exp.SetOperation):
            left = self.query(node.this, ctes, outer)
            right = self.query(node.expression, ctes, outer)
            if node.args.get("by_name") or node.args.get("on"):
                left = None if left is None or right is None else left
            self._order_of(node, left, ctes, outer)
            return left
        if isinstance(node, exp.Select):
            return self._select(node, ctes, outer)
        for inner_query in _queries_in(node):
            self.query(inner_query, ctes, outer)
        return None

    def _with(self, node: exp.Expr, ctes: CTEs, outer: Level | None) -> CTEs:
        with_ = node.args.get("with_")
        if not isinstance(with_, exp.Expr):
            return ctes
        is_recursive = bool(with_.args.get("recursive"))
        for cte in with_.expressions:
            name, body = cte.alias.casefold(), cte.this
            around = {**ctes, name: None}
            if is_recursive and isinstance(body, exp.SetOperation):
                counted = len(self.found)
                around[name] = self.query(body.this, around, outer)
                del self.found[counted:]  # found again with the whole
            ctes = {**ctes, name: self.query(body, around, outer)}
        return ctes

    def _order_of(
        self, node: exp.Expr, columns: Columns, ctes: CTEs, outer: Level | None
    ) -> None:
        """ORDER BY of a set operation sees its columns only."""
        order = node.args.get("order")
        if isinstance(order, exp.Expr):
            level = Level(outer, [Relation("", columns)], {}, {})
            self._names(order, level, ctes)

    def _select(self, node: exp.Select, ctes: CTEs, outer: Level | None) -> Columns:
        level = Level(outer, [], {}, {})
        from_ = node.args.get("from_")
        if isinstance(from_, exp.Expr):
            self._from(from_.this, level, ctes)
        for join in node.args.get("joins") or ():
            self._join(join, level, ctes)
        level.aliases = {
            each.alias.casefold(): simple_type(each.this, lambda c: self._known_type(c, level))
            for each in node.expressions
            if isinstance(each, exp.Alias)
        }
        self._filters(node, level)
        self._names(node.args.get("where"), level, ctes)
        columns = self._selected(node, level, ctes)
        level.aliases_seen = True
        clauses = [node.args.get(name) for name in ("group", "having", "qualify", "order")]
        for clause in (*clauses, *(node.args.get("windows") or ())):
            self._names(clause, level, ctes)
        value = node.args.get("kind")
        return None if value and str(value).upper() == "VALUE" else columns

    # --- FROM ----------------------------------------------------------------------------

    def _from(self, node: exp.Expr, level: Level, ctes: CTEs) -> None:
        relation = self._relation(node, level, ctes)
        for pivot in node.args.get("pivots") or ():
            relation = self._pivot(pivot, relation, level, ctes)
        level.relations.append(relation)
        for join in node.args.get("joins") or ():  # FROM (a JOIN b ...)
            self._join(join, level, ctes)

    def _pivot(self, pivot: exp.Expr, relation: Relation, level: Level, ctes: CTEs) -> Relation:
        inner = Level(level.outer, [relation], {}, {})
        for part in (*pivot.expressions, *(pivot.args.get("fields") or ())):
            self._names(part, inner, ctes)
        return pivoted(pivot, relation)

    def _join(self, join: exp.Expr, level: Level, ctes: CTEs) -> None:
        left = list(level.relations)
        self._from(join.this, level, ctes)
        right = level.relations[len(left) :]
        for identifier in join.args.get("using") or ():
            name = identifier.name.casefold()
            missing = [
                side
                for side in (left, right)
                if all(each.columns is not None for each in side)
                and not any(name in names_of(each) for each in side)
            ]
            if missing:
                known = tuple(
                    c for side in missing for each in side for c in spelled_names(each)
                )
                message = f"no column '{identifier.name}'"
                self._report("column", message, identifier, identifier.name, known)
            has = {n for n, each in enumerate(level.relations) if name in names_of(each)}
            level.merged[name] = level.merged.get(name, set()) | has
        self._names(join.args.get("on"), level, ctes)

    def _relation(self, node: exp.Expr, level: Level, ctes: CTEs) -> Relation:
        if isinstance(node, exp.Table):
            return self._table(node, level, ctes)
        if isinstance(node, exp.Unnest):
            return self._unnest(node, level, ctes)
        if isinstance(node, (exp.Subquery, exp.Paren)):
            if isinstance(node.this, (exp.Table, exp.Unnest, exp.Join)):
                self._from(node.this, level, ctes)
                return level.relations.pop()
            return Relation(node.alias, self.query(node, ctes, level.outer))
        return Relation(node.alias_or_name, None)

    def _table(self, node: exp.Table, level: Level, ctes: CTEs) -> Relation:
        alias = node.alias or node.name
        if not isinstance(node.this, exp.Identifier):
            self._names(node.this, level, ctes)
            return Relation(node.alias, None)
        if not node.db:
            columns = ctes.get(node.name.casefold(), None)
            return Relation(alias, columns, node)
        array = self._array_of(node, level)
        if array is not None:
            return array
        relation = table_relation(node, alias, self._tables)
        if relation is None:
            every = tuple(
                f"{d}.{t}" for d, members in (self._tables or {}).items() for t in members
            )
            name = f"{node.db}.{node.name}"
            self._report("table", f"no table '{name}'", node, name, every)
            return Relation(alias, None, node)
        return relation

    def _array_of(self, node: exp.Table, level: Level) -> Relation | None:
        """`FROM t, t.items`: an array of a table before it, or of a query around it."""
        around: Level | None = level
        while around is not None:
            for relation in around.relations:
                if relation.name.casefold() == node.db.casefold():
                    type_ = relation.type_of(node.name)
                    return _elements(node.alias or node.name, type_, "")
            around = around.outer
        return None

    def _unnest(self, node: exp.Unnest, level: Level, ctes: CTEs) -> Relation:
        types = []
        for array in node.expressions:
            self._names(array, level, ctes)
            types.append(simple_type(array, lambda c: self._known_type(c, level)))
        alias = node.args.get("alias")
        names = alias.args.get("columns") or [alias.this] if isinstance(alias, exp.Expr) else []
        name = names[0].name if names and names[0] is not None else ""
        offset = node.args.get("offset")
        offset_name = getattr(offset, "name", "offset") if offset else ""
        return _elements(name, types[0] if len(types) == 1 else None, offset_name)

    # --- the select list -----------------------------------------------------------------

    def _selected(self, node: exp.Select, level: Level, ctes: CTEs) -> Columns:
        found: list[Column] = []
        is_known = True
        for each in node.expressions:
            star = _star(each)
            if star is None:
                self._names(each, level, ctes)
                type_ = simple_type(each, lambda c: self._known_type(c, level))
                found.append(Column(each.alias_or_name, type_))
                continue
            columns = self._all(each, star, level, ctes)
            is_known = is_known and columns is not None
            found += columns or ()
        return tuple(found) if is_known else None

    def _all(self, each: exp.Expr, star: exp.Star, level: Level, ctes: CTEs) -> Columns:
        """The columns of `*`, `t.*` or `struct.*`, without those of EXCEPT."""
        columns = self._star_columns(each, level)
        known = tuple(column.name for column in columns or ())
        folded = {name.casefold() for name in known}
        dropped = {item.name.casefold(): item for item in star.args.get("except_") or ()}
        replaced = {item.alias.casefold(): item for item in star.args.get("replace") or ()}
        for item in replaced.values():
            self._names(item.this, level, ctes)
        if columns is None:
            return None
        renamed = {
            item.this.name.casefold(): item.this for item in star.args.get("rename") or ()
        }
        for name, item in (*dropped.items(), *replaced.items(), *renamed.items()):
            if name not in folded:
                bad = item.alias_or_name
                self._report("column", f"no column '{bad}'", item, bad, known)
        names = {name: item.parent.alias for name, item in renamed.items() if item.parent}
        return tuple(
            Column(names.get(each.name.casefold(), each.name), each.type, each.kind)
            for each in columns
            if each.name.casefold() not in dropped
        )

    def _star_columns(self, each: exp.Expr, level: Level) -> Columns:
        if not isinstance(each, exp.Column):
            if isinstance(each, exp.Dot):
                return None
            return star_columns(level)
        parts = [part.name for part in each.parts[:-1]]
        relation = find_relation(parts, level)
        if relation is not None:
            return relation.columns
        self._column(each, parts, level)
        type_ = self._type_of_parts(parts, level)
        return tuple(map(Column.of, type_.fields)) if type_ and type_.name == "STRUCT" else None

    # --- names ---------------------------------------------------------------------------

    def _names(self, node: object, level: Level, ctes: CTEs) -> None:
        """Resolve each column of an expression, and each query in it."""
        if not isinstance(node, exp.Expr):
            return
        stack: list[exp.Expr] = [node]
        while stack:
            each = stack.pop()
            if isinstance(each, exp.Query):
                self.query(each, ctes, level)
            elif isinstance(each, exp.Unnest):
                self._unnest(each, level, ctes)
            elif isinstance(each, exp.Column):
                if not isinstance(each.this, exp.Star):
                    fields = _fields_after(each)
                    self._column(each, [*(part.name for part in each.parts), *fields], level)
            else:
                self._field(each, level)
                stack += reversed(list(each.iter_expressions()))

    def _column(self, node: exp.Expr, parts: Sequence[str], level: Level) -> None:
        meanings = list(meanings_of(parts, level))
        if not meanings:
            if not is_keyword(node):
                self._unknown(node, parts[0], level)
            return
        owners = [owner for owner, _, _ in meanings if owner is not None]
        if len(owners) > 1:
            name = parts[0]
            sources = [f"'{each}.{name}'" if each else "a subquery" for each in owners]
            places = " and ".join(dict.fromkeys(sources))
            if len(set(owners)) == 1:
                places = f"two columns of {owners[0] or 'the subquery'}"
            self._report("column", f"column '{name}' is ambiguous: {places}", node)
            return
        refusals = [bad_field(type_, rest) for _, type_, rest in meanings]
        if all(refusals) and refusals[0]:
            message, name, known = refusals[0]
            self._report("column", message, node, name, known)

    def _field(self, node: exp.Expr, level: Level) -> None:
        """`array[OFFSET(0)].field`: the fields of other expressions."""
        field = node.expression if isinstance(node, exp.Dot) else None
        if isinstance(field, exp.Identifier) and not isinstance(node.this, exp.Column):
            type_ = simple_type(node.this, lambda column: self._known_type(column, level))
            refusal = bad_field(type_, [field.name])
            if refusal:
                message, name, known = refusal
                self._report("column", message, field, name, known)

    def _unknown(self, node: exp.Expr, name: str, level: Level) -> None:
        if name.casefold() in level.aliases:
            message = f"'{name}' is an alias of this SELECT, which is not visible here"
            fix = "repeat its expression, or select from a subquery"
            self._report("column", f"{message}; {fix}", node)
            return
        qualifier = name if len(getattr(node, "parts", ())) > 1 else ""
        known = [c for each in level.relations for c in spelled_names(each)]
        known += [each.name for each in level.relations if qualifier and each.name]
        what = "column or alias" if qualifier else "column"
        self._report("column", f"no {what} '{name}'", node, name, tuple(known))

    def _known_type(self, column: exp.Column, level: Level) -> Type | None:
        return self._type_of_parts([part.name for part in column.parts], level)

    def _type_of_parts(self, parts: Sequence[str], level: Level) -> Type | None:
        for _, type_, rest in meanings_of(parts, level):
            for name in rest:
                fields = fields_of(type_) or {}
                type_ = fields.get(name.casefold())
            return type_
        return None

    # --- partition filters ---------------------------------------------------------------

    def _filters(self, node: exp.Select, level: Level) -> None:
        """BigQuery reads a table that requires a partition filter only with one."""
        for relation in level.relations:
            table = relation.table
            if table is None or not table.needs_filter or relation.node is None:
                continue
            wanted = (table.partition or "").casefold()
            names = {wanted} | (_INGESTION if wanted in _INGESTION else set())
            if not self._has_filter(node, relation, names):
                name = f"{relation.node.db}.{relation.node.name}"
                message = f"'{name}' requires a filter on '{table.partition}'"
                self._report("filter", message, relation.node)

    def _has_filter(self, node: exp.Select, relation: Relation, names: set[str]) -> bool:
        """Also in a query around it: BigQuery moves filters inwards."""
        around: exp.Expr | None = node
        while around is not None:
            for column in _filter_columns(around):
                owner = column.table.casefold()
                is_own = around is not node or owner in ("", relation.name.casefold())
                if column.name.casefold() in names and is_own:
                    return True
            if isinstance(around, exp.CTE):  # where it is read is not followed
                selects = self._tree.find_all(exp.Select)
                columns = (c for select in selects for c in _filter_columns(select))
                return any(c.name.casefold() in names for c in columns)
            around = around.parent
        return False

    def _report(
        self,
        kind: Kind,
        message: str,
        node: exp.Expr,
        name: str = "",
        known: Iterable[str] = (),
    ) -> None:
        found = BadName(kind, message, node, name, tuple(known))
        if found not in self.found:
            self.found.append(found)


def place_of_node(node: exp.Expr | None, query: Query) -> Place:
    """The place of the first name in or around a node; sqlglot marks only names."""
    around = node
    while around is not None:
        offsets = [each.meta["start"] for each in around.walk() if "start" in each.meta]
        if offsets:
            return query.place_at(min(offsets))
        around = around.parent
    return Place(query.path)


# --- helpers -----------------------------------------------------------------------------

_INGESTION = {"_partitiontime", "_partitiondate"}


def _queries_in(node: exp.Expr) -> Iterator[exp.Expr]:
    for child in node.iter_expressions():
        if isinstance(child, exp.Query):
            yield child
        else:
            yield from _queries_in(child)


def _filter_columns(node: exp.Expr) -> Iterator[exp.Column]:
    joins = node.args.get("joins") or () if isinstance(node, exp.Select) else ()
    where = node.args.get("where") if isinstance(node, exp.Select) else None
    for place in (where, *(join.args.get("on") for join in joins)):
        if isinstance(place, exp.Expr):
            yield from place.find_all(exp.Column)


def _elements(name: str, type_: Type | None, offset: str) -> Relation:
    """What UNNEST of an array returns: its elements, and their fields."""
    element = type_.element if type_ and type_.name == "ARRAY" else None
    own = (Column(name, element, ALIAS_ONLY),) if name else ()
    numbers = (Column(offset, Type("INT64")),) if offset else ()
    if element is None:
        return Relation(name, None, extra=(*own, *numbers))
    fields = tuple(map(Column.of, element.fields)) if element.name == "STRUCT" else ()
    listed = (*fields, *numbers) if fields else (*own, *numbers)
    return Relation(name, listed, extra=own if fields else (), value=element)


def _star(node: exp.Expr) -> exp.Star | None:
    if isinstance(node, exp.Star):
        return node
    if isinstance(node, exp.Column | exp.Dot):
        last = node.this if isinstance(node, exp.Column) else node.expression
        return last if isinstance(last, exp.Star) else None
    return None


def _fields_after(column: exp.Column) -> list[str]:
    """The names after a column that sqlglot keeps apart: `a.b.c.d.e`."""
    found: list[str] = []
    node: exp.Expr = column
    while isinstance(node.parent, exp.Dot) and node.parent.this is node:
        node = node.parent
        if not isinstance(node.expression, exp.Identifier):
            break
        found.append(node.expression.name)
    return found
