"""GoogleSQL as sqlglot's tree, with pipe syntax as the nested queries that it stands for.

sqlglot puts operators of a pipe into one SELECT where their order would matter: here each
one that needs it becomes a query around those before it.
https://cloud.google.com/bigquery/docs/reference/standard-sql/pipe-syntax
"""

from __future__ import annotations

from sqlglot import TokenType, exp
from sqlglot.dialects.bigquery import BigQuery
from sqlglot.parsers.bigquery import BigQueryParser


class GoogleSQL(BigQuery):
    """BigQuery's dialect with every operator of a pipe that a query can have."""

    class Parser(BigQueryParser):
        def _parse_pipe_syntax_query(self, query: exp.Query) -> exp.Query | None:
            pipe = query if isinstance(query, exp.Select) else _nested(query)
            while self._match(TokenType.PIPE_GT):
                pipe = self._pipe_operator(pipe)
            return pipe

        def _pipe_operator(self, query: exp.Select) -> exp.Select:
            if self._match_text_seq("WHERE"):
                return _open(query).where(self._parse_disjunction(), copy=False)
            if self._match_text_seq("SELECT"):
                distinct = bool(self._match_text_seq("DISTINCT"))
                chosen = _open(query).select(*self._items(), append=False, copy=False)
                return chosen.distinct(copy=False) if distinct else chosen
            if self._match_text_seq("EXTEND"):
                items = [exp.Star(), *self._items()]
                return _nested(_open(query).select(*items, append=False, copy=False))
            if self._match_text_seq("AGGREGATE"):
                return self._pipe_aggregate(_open(query))
            if self._match_text_seq("DISTINCT"):
                return _open(query).distinct(copy=False)
            if self._match_text_seq("AS"):
                return _nested(query, self._parse_id_var())
            for word, build in (("SET", _set), ("DROP", _drop), ("RENAME", _rename)):
                if self._match_text_seq(word):
                    return build(_open(query), self._items())
            return self._pipe_clause(query)

        def _pipe_clause(self, query: exp.Select) -> exp.Select:
            kind = self._curr.token_type if self._curr else None
            if kind == TokenType.ORDER_BY:
                query = _open(query)
                query.set("order", self._parse_order())
                return query
            if kind == TokenType.LIMIT:
                query = _nested(query) if query.args.get("limit") else query
                query.set("limit", self._parse_limit())
                query.set("offset", self._parse_offset())
                return query
            if kind in (TokenType.PIVOT, TokenType.UNPIVOT):
                nested = _nested(query)
                nested.args["from_"].this.set("pivots", self._parse_pivots())
                return _nested(nested)
            if kind in (TokenType.UNION, TokenType.INTERSECT, TokenType.EXCEPT):
                return self._pipe_set_operation(query)
            is_joinable = _is_open(query) and not query.args.get("where")
            joined = query if is_joinable else _nested(query)
            join = self._parse_join()
            if join is None:
                word = self._curr.text.upper() if self._curr else "the end"
                self.raise_error(f"Expected an operator after '|>', found '{word}'")
                return query
            return joined.join(join, copy=False)

        def _items(self) -> list[exp.Expr]:
            return [each for each in self._parse_expressions() if each is not None]

        def _pipe_aggregate(self, query: exp.Select) -> exp.Select:
            orders: list[exp.Expr] = []
            totals = self._aggregate_items(orders)
            groups: list[exp.Expr] = []
            is_ordered = bool(self._match_text_seq("GROUP", "AND"))
            if (is_ordered and self._match(TokenType.ORDER_BY)) or self._match(
                TokenType.GROUP_BY
            ):
                groups = self._aggregate_items(orders)
            query.select(*groups, *totals, append=False, copy=False)
            if groups:
                places = [exp.Literal.number(n + 1) for n in range(len(groups))]
                query.group_by(*places, copy=False)
            nested = _nested(query)
            names = [exp.column(each.output_name) for each in groups] if is_ordered else []
            return (
                nested.order_by(*(orders or names), copy=False) if orders or names else nested
            )

        def _aggregate_items(self, orders: list[exp.Expr]) -> list[exp.Expr]:
            items: list[exp.Expr] = []
            while not items or self._match(TokenType.COMMA):
                if self._match_text_seq("GROUP", advance=False) or not self._curr:
                    break
                item = self._parse_expression()
                if item is None:
                    break
                items.append(item)
                if self._match_set((TokenType.ASC, TokenType.DESC)):
                    descending = self._prev.token_type == TokenType.DESC
                    name = exp.column(item.output_name)
                    orders.append(
                        exp.Ordered(this=name, desc=descending, nulls_first=not descending)
                    )
            return items

        def _pipe_set_operation(self, query: exp.Select) -> exp.Select:
            whole: exp.Expr | None = self.parse_set_operation(this=query)
            while whole is not None and self._match(TokenType.COMMA):
                operation = type(whole)
                distinct = whole.args.get("distinct")
                other = self._parse_paren()
                whole = operation(this=whole, expression=other, distinct=distinct)
            return _nested(whole or query)


# --- queries around queries --------------------------------------------------------------


def _is_open(query: exp.Expr) -> bool:
    """Whether an operator may join the query without changing what comes before it."""
    if not isinstance(query, exp.Select) or not query.args.get("from_"):
        return False
    closed = ("distinct", "group", "having", "qualify", "order", "limit", "offset", "windows")
    is_star = len(query.expressions) == 1 and isinstance(query.expressions[0], exp.Star)
    has_args = is_star and any(query.expressions[0].args.values())
    return is_star and not has_args and not any(query.args.get(name) for name in closed)


def _open(query: exp.Select) -> exp.Select:
    return query if _is_open(query) else _nested(query)


def _nested(query: exp.Expr, alias: exp.Expr | None = None) -> exp.Select:
    """`SELECT * FROM (query)`, under the name of its only source."""
    with_ = query.args.get("with_") if isinstance(query, exp.Query) else None
    if with_:
        with_.pop()
    name = alias.name if alias is not None else _name(query)
    inner = query if isinstance(query, exp.Subquery) else exp.Subquery(this=query)
    if name:
        inner.set("alias", exp.TableAlias(this=exp.to_identifier(name)))
    outer = exp.Select(expressions=[exp.Star()], from_=exp.From(this=inner))
    if with_:
        outer.set("with_", with_)
    return outer


def _name(query: exp.Expr) -> str:
    """What the columns of a query may be qualified with afterwards."""
    if not isinstance(query, exp.Select) or query.args.get("joins") or query.args.get("group"):
        return ""
    stars = [each for each in query.expressions if isinstance(each, exp.Star)]
    from_ = query.args.get("from_")
    return str(from_.this.alias_or_name) if stars and from_ else ""


def _set(query: exp.Select, items: list[exp.Expr]) -> exp.Select:
    """`|> SET x = 1`, which the parser reads as a comparison."""
    changed = [
        exp.alias_(item.args["expression"], item.this.name)
        for item in items
        if isinstance(item, exp.EQ)
    ]
    return _nested(query.select(_star("replace", changed), append=False, copy=False))


def _drop(query: exp.Select, items: list[exp.Expr]) -> exp.Select:
    names: list[exp.Expr] = [exp.to_identifier(item.name) for item in items]
    return _nested(query.select(_star("except_", names), append=False, copy=False))


def _rename(query: exp.Select, items: list[exp.Expr]) -> exp.Select:
    return _nested(query.select(_star("rename", items), append=False, copy=False))


def _star(name: str, items: list[exp.Expr]) -> exp.Star:
    return exp.Star(**{name: items})
