"""The clauses of a query: names of the select list in them, and what BigQuery rejects there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from sqlglot import exp
from sqlglot.optimizer.qualify import qualify
from sqlglot.schema import MappingSchema

from handoff.sql.analyzer import Rejected, annotate, function_of, type_of_node
from handoff.sql.signatures import not_groupable, not_orderable

_WITHIN = ("order", "having", "qualify")


MAX_ROUNDS = 40
"""Each round types what the one before converted: as many as calls are nested."""


def typed_tree(
    tree: exp.Expr,
    schema: MappingSchema,
    params: Mapping[str, str],
    convert: Callable[[exp.Expr], bool] = lambda _: False,
) -> exp.Expr:
    """`tree` with every column resolved and typed, by the types of tables and parameters.

    `convert` writes implicit conversions out, and says whether there was one.

    Raises Rejected for what BigQuery's analyzer rejects, and SqlglotError.
    """
    for node in list(tree.find_all(exp.TsOrDsToDatetime)):
        # DATETIME(x), which sqlglot does not type
        node.replace(exp.cast(node.this.copy(), "DATETIME", dialect="bigquery"))
    for parameter in list(tree.find_all(exp.Parameter)):
        tree = _cast_parameter(tree, parameter, params)
    check_shape(tree)
    mark_aliases(tree)
    tree = qualify(tree, schema=schema, dialect="bigquery", expand_alias_refs=False)
    put_aliases(tree)
    for _ in range(MAX_ROUNDS):
        tree = annotate(tree, schema)
        if not convert(tree):
            break
    check_clauses(tree)
    return tree


def _cast_parameter(
    tree: exp.Expr, parameter: exp.Parameter, types: Mapping[str, str]
) -> exp.Expr:
    """A parameter as a cast to its declared type: an engine would guess another."""
    wanted = next(v for k, v in types.items() if k.casefold() == parameter.name.casefold())
    typed = exp.cast(parameter.copy(), wanted, dialect="bigquery")
    for node in typed.args["to"].walk():
        node.meta.clear()  # places in the type, not in the query
    if parameter is tree:
        return typed
    parameter.replace(typed)
    return tree


# --- names of the select list ------------------------------------------------------------


def mark_aliases(tree: exp.Expr) -> None:
    """Put a placeholder for each name of the select list in ORDER BY, HAVING and QUALIFY.

    There it wins over a column of that name, also in a larger expression; in GROUP BY only if
    it is alone. sqlglot takes the column.
    """
    for select in tree.find_all(exp.Select):
        names = {name.casefold() for name in map(_written_name, select.expressions) if name}
        for clause in _WITHIN:
            node = select.args.get(clause)
            for column in _columns_of(node, select) if node else ():
                first = column.parts[0]
                is_whole = clause == "order" and isinstance(column.parent, exp.Ordered)
                if first.name.casefold() in names and not (is_whole and not column.table):
                    _mark(column, names)
        group = select.args.get("group")
        for each in group.expressions if group else ():
            is_name = isinstance(each, exp.Column) and not each.table
            if is_name and each.name.casefold() in names:
                each.replace(exp.Placeholder(this=each.name))


def _written_name(selected: exp.Expr) -> str:
    return selected.alias if isinstance(selected, exp.Alias) else ""


def _columns_of(node: exp.Expr, select: exp.Select) -> Iterator[exp.Column]:
    for column in list(node.find_all(exp.Column)):
        if column.find_ancestor(exp.Select) is select:
            yield column


def _mark(column: exp.Column, names: set[str]) -> None:
    """A name, or a path from it: `s.a` is a field if `s` is in the select list."""
    parts = column.parts
    if len(parts) > 1 and parts[0].name.casefold() not in names:
        return
    marked: exp.Expr = exp.Placeholder(this=parts[0].name)
    for part in parts[1:]:
        marked = exp.Dot(this=marked, expression=part.copy())
    for part in parts:
        marked.meta.update(part.meta)
    column.replace(marked)


def put_aliases(tree: exp.Expr) -> None:
    """Put the expression of the select list for each placeholder, once names are resolved."""
    for mark in list(tree.find_all(exp.Placeholder)):
        select = mark.find_ancestor(exp.Select)
        if select is None or mark.name == "":
            continue
        named = [
            e for e in select.expressions if e.output_name.casefold() == mark.this.casefold()
        ]
        if len(named) != 1:
            raise Rejected(f"column name '{mark.this}' is ambiguous", mark)
        inner = named[0].this if isinstance(named[0], exp.Alias) else named[0]
        plain = isinstance(inner, (exp.Column, exp.Literal, exp.Func))
        mark.replace(inner.copy() if plain else exp.Paren(this=inner.copy()))


# --- the shape, before names are resolved ------------------------------------------------


def check_shape(tree: exp.Expr) -> None:
    """Raise Rejected for joins, limits and set operations that BigQuery does not have."""
    for node in tree.walk():
        if isinstance(node, exp.Join):
            _check_join(node)
        elif isinstance(node, (exp.Limit, exp.Offset)):
            _check_limit(node)
        elif isinstance(node, exp.SetOperation):
            _check_set_operation(node)
        elif isinstance(node, exp.Ordered) and isinstance(node.parent, exp.Order):
            is_query = isinstance(node.parent.parent, exp.Query)
            if is_query and _is_constant(node.this):
                raise Rejected("cannot ORDER BY a literal", node)
        elif isinstance(node, exp.Group):
            for each in node.expressions:
                if _is_constant(each):
                    raise Rejected("cannot GROUP BY a literal", each)
        elif isinstance(node, exp.In) and node.args.get("field"):
            raise Rejected("IN requires brackets, or UNNEST(array)", node)
        elif isinstance(node, exp.TableAlias) and node.args.get("columns"):
            if not isinstance(node.parent, (exp.Unnest, exp.CTE)):
                raise Rejected("columns cannot be named after an alias, use AS in SELECT", node)
        elif isinstance(node, exp.With):
            _check_unique([each.alias for each in node.expressions], "WITH", node)
        elif isinstance(node, exp.Values):
            raise Rejected("VALUES is not GoogleSQL, use UNNEST of STRUCTs", node)


def _check_unique(names: list[str], where: str, node: exp.Expr) -> None:
    folded = [name.casefold() for name in names]
    for name in folded:
        if folded.count(name) > 1:
            raise Rejected(f"the name '{name}' is used twice in {where}", node)


def _check_join(node: exp.Join) -> None:
    words = f"{node.method} {node.side} {node.kind}".strip().upper()
    conditions = node.args.get("on") or node.args.get("using")
    if node.method or node.kind in ("SEMI", "ANTI"):
        raise Rejected(f"{words} JOIN is not GoogleSQL", node.this)
    if node.kind == "CROSS":
        if conditions:
            raise Rejected("CROSS JOIN cannot have ON or USING", node.this)
    elif not conditions and _is_table(node.this) and not _is_nested(node):
        name = f"{node.side or node.kind or 'INNER'} JOIN"
        raise Rejected(f"{name} requires ON or USING; CROSS JOIN has none", node.this)


def _is_table(source: exp.Expr) -> bool:
    """False for an array, as in `JOIN UNNEST(tags)` and `JOIN t.tags`."""
    if isinstance(source, exp.Table):
        with_ = source.find_ancestor(exp.Query)
        return bool(source.db and not _is_alias(source.db, with_)) or not source.db
    return isinstance(source, exp.Subquery)


def _is_alias(name: str, query: exp.Expr | None) -> bool:
    sources = query.find_all(exp.Table, exp.Subquery) if query else ()
    return any(each.alias_or_name.casefold() == name.casefold() for each in sources)


def _is_nested(node: exp.Join) -> bool:
    """Whether it is one of `a JOIN b JOIN c ON ... ON ...`."""
    return bool(node.find(exp.Join) is not node) or isinstance(node.parent, exp.Table)


def _check_limit(node: exp.Expr) -> None:
    word, count = node.key.upper(), node.expression
    inner = count.this if isinstance(count, exp.Cast) else count
    if not isinstance(inner, exp.Parameter) and not (
        isinstance(inner, exp.Literal) and inner.is_int
    ):
        raise Rejected(f"{word} requires a whole number or a parameter", node)
    if isinstance(node, exp.Offset) and not (node.parent and node.parent.args.get("limit")):
        raise Rejected("OFFSET requires LIMIT before it", node)


def _check_set_operation(node: exp.SetOperation) -> None:
    for side in (node.this, node.expression):
        modifiers = [side.args.get(name) for name in ("order", "limit", "offset")]
        if (
            isinstance(side, exp.Query)
            and not isinstance(side, exp.Subquery)
            and any(modifiers)
        ):
            raise Rejected("ORDER BY and LIMIT in a set operation require brackets", side)


def _kind(node: exp.SetOperation) -> tuple[str, bool]:
    return node.key, bool(node.args.get("distinct"))


def _is_constant(node: exp.Expr) -> bool:
    is_number = isinstance(node, exp.Literal) and node.is_int
    return isinstance(node, (exp.Literal, exp.Null, exp.Boolean)) and not is_number


# --- the typed tree ----------------------------------------------------------------------


def check_clauses(tree: exp.Expr) -> None:
    """Raise Rejected for types and aggregates where BigQuery does not take them."""
    for order in tree.find_all(exp.Order):
        for key in order.expressions:
            _refuse(not_orderable(type_of_node(key.this)), "ORDER BY does not support {}", key)
    for window in tree.find_all(exp.Window):
        _check_window(window)
    for select in tree.find_all(exp.Select):
        _check_select(select)


def _refuse(bad: str, message: str, node: exp.Expr) -> None:
    if bad:
        raise Rejected(message.format(bad), node)


def _check_window(window: exp.Window) -> None:
    for key in window.args.get("partition_by") or ():
        found = type_of_node(key)
        bad = "FLOAT64" if found.name == "FLOAT64" else not_groupable(found)
        _refuse(bad, "PARTITION BY does not support {}", key)
    call = window.this
    while isinstance(call, (exp.IgnoreNulls, exp.RespectNulls)):
        call = call.this
    function = function_of(call)
    name = function.name if function else ""
    if function and not function.kind:
        raise Rejected(f"{name} does not take OVER", call)
    is_named = window.args.get("alias") is not None
    order, frame = window.args.get("order"), window.args.get("spec")
    if name in _ORDERED and not order and not is_named:
        raise Rejected(f"{name} requires ORDER BY in OVER", call)
    if name in (*_NUMBERED, "LAG", "LEAD") and frame:
        raise Rejected(f"{name} does not take ROWS or RANGE in OVER", call)
    if isinstance(call.this, exp.Distinct) and order:
        raise Rejected(f"{name}(DISTINCT) does not take ORDER BY in OVER", call)
    if isinstance(call, exp.AggFunc) and call.find(exp.Order) and not call.find(exp.Query):
        raise Rejected(f"{name} in OVER does not take ORDER BY in its brackets", call)


_ORDERED = ("RANK", "DENSE_RANK", "PERCENT_RANK", "CUME_DIST", "NTILE", "LAG", "LEAD")
_NUMBERED = ("RANK", "DENSE_RANK", "PERCENT_RANK", "CUME_DIST", "NTILE", "ROW_NUMBER")


def _check_select(select: exp.Select) -> None:
    if select.args.get("distinct"):
        for each in select.expressions:
            _refuse(
                not_groupable(type_of_node(each)), "SELECT DISTINCT does not support {}", each
            )
    group = select.args.get("group")
    for key in group.expressions if group else ():
        _refuse(not_groupable(type_of_node(key)), "GROUP BY does not support {}", key)
    _check_places(select)
    _check_grouping(select)
    windows = [e for e in _own(select, select) if isinstance(e, exp.Window)]
    if select.args.get("qualify") and not windows:
        raise Rejected("QUALIFY requires a window function", select.args["qualify"])


def _own(node: exp.Expr, select: exp.Select) -> Iterator[exp.Expr]:
    """The nodes that belong to `select`, not to a query within it."""
    yield from node.walk(prune=lambda e: isinstance(e, exp.Query) and e is not select)


def _is_aggregate(node: exp.Expr) -> bool:
    """Whether it aggregates rows; over a window it does not."""
    function = function_of(node)
    is_one = function.kind == "aggregate" if function else isinstance(node, exp.AggFunc)
    return is_one and not _is_windowed(node)


def _is_windowed(node: exp.Expr) -> bool:
    child: exp.Expr = node
    while isinstance(child.parent, (exp.IgnoreNulls, exp.RespectNulls)):
        child = child.parent
    return isinstance(child.parent, exp.Window) and child.parent.this is child


def _check_places(select: exp.Select) -> None:
    """Aggregates and window functions only where BigQuery has them."""
    places = [("WHERE", select.args.get("where")), ("GROUP BY", select.args.get("group"))]
    places += [("JOIN ON", join.args.get("on")) for join in select.args.get("joins") or ()]
    for word, clause in places:
        for each in _own(clause, select) if clause is not None else ():
            if _is_aggregate(each):
                raise Rejected(f"an aggregate function is not allowed in {word}", each)
            if isinstance(each, exp.Window):
                raise Rejected(f"a window function is not allowed in {word}", each)
    for each in _own(select, select):
        function = function_of(each)
        if function and function.kind == "window" and not _is_windowed(each):
            raise Rejected(f"{function.name} requires OVER (...)", each)
        if not _is_aggregate(each):
            continue
        for inner in _own(each, select):
            if inner is not each and isinstance(inner, exp.Window):
                raise Rejected("a window function is not allowed in an aggregate", inner)
            if inner is not each and _is_aggregate(inner):
                raise Rejected("an aggregate of an aggregate is not allowed", inner)


def _check_grouping(select: exp.Select) -> None:
    """Columns that are neither grouped nor aggregated."""
    group, having = select.args.get("group"), select.args.get("having")
    listed = [(each, "the select list") for each in select.expressions]
    aggregates = any(_is_aggregate(e) for each, _ in listed for e in _own(each, select))
    if having and not group and not aggregates:
        raise Rejected("HAVING requires GROUP BY or an aggregate in the select list", having)
    if (group and group.args.get("all")) or not (group or aggregates):
        return
    for word in _WITHIN:
        clause = select.args.get(word)
        listed += [(clause, word.upper().replace("ORDER", "ORDER BY"))] if clause else []
    keys = _keys(group) if group else []
    sources = _sources(select)
    names = {each.name for each in keys if isinstance(each, exp.Column)}
    for each, place in listed:
        for column in _ungrouped(each, select, keys):
            is_open = place == "HAVING" and not column.table and column.name not in names
            if column.table in sources or is_open:
                name = f"'{column.name}'"
                raise Rejected(f"{name} in {place} is neither grouped nor aggregated", column)


def _keys(group: exp.Group) -> list[exp.Expr]:
    keys = [each.unnest() for each in group.expressions]
    for sets in group.find_all(exp.Rollup, exp.Cube, exp.GroupingSets):
        keys += sets.find_all(exp.Column)
    return keys


def _sources(select: exp.Select) -> set[str]:
    tables = [select.args.get("from_"), *(select.args.get("joins") or ())]
    return {each.this.alias_or_name for each in tables if each is not None}


def _ungrouped(
    node: exp.Expr, select: exp.Select, keys: list[exp.Expr]
) -> Iterator[exp.Column]:
    if node.unnest() in keys or _is_aggregate(node):
        return
    if isinstance(node, exp.Query) and node is not select:
        return
    if isinstance(node, exp.Dot) and isinstance(node.expression, exp.Func):
        return  # HLL_COUNT.INIT, or a function of the user: it may aggregate
    if isinstance(node, exp.Column):
        yield node
        return
    for child in node.iter_expressions():
        yield from _ungrouped(child, select, keys)
