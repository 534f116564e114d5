"""Names that a console lets out and a query of the project has: datasets, names of columns.

Importing this module brings sqlglot, which is slow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from sqlglot import exp
from sqlglot.errors import SqlglotError

from handoff.sql.functions import FUNCTIONS
from handoff.sql.names import parse
from handoff.sql.query import Lexeme, lexemes, main_statement

_Edits = list[tuple[int, str]]
"""What to insert, and where."""


def parsed(text: str) -> exp.Query | None:
    """The query of a text, after temporary functions; `None` if it cannot be parsed."""
    try:
        found = parse(text)
    except (SqlglotError, RecursionError):
        return None
    return found[-1] if found and isinstance(found[-1], exp.Query) else None


def tables_in(tree: exp.Expr) -> Iterator[exp.Table]:
    """The tables that a query reads, without CTEs, as they are written."""
    ctes = {each.alias.casefold() for each in tree.find_all(exp.CTE)}
    tables = [
        each for each in tree.find_all(exp.Table) if isinstance(each.this, exp.Identifier)
    ]
    for table in sorted(tables, key=lambda each: each.this.meta.get("start", 0)):
        if table.db or table.name.casefold() not in ctes:
            yield table


def add_datasets(
    text: str, tree: exp.Expr, dataset_of: Callable[[str], str | None]
) -> tuple[str, list[tuple[int, str]]]:
    """The text with the dataset of each table, and offset and name of those without one."""
    edits: _Edits = []
    missing = []
    for table in tables_in(tree):
        start = table.this.meta.get("start")
        if table.db or start is None:
            continue
        dataset = dataset_of(table.name)
        if dataset is None:
            missing.append((start, table.name))
            continue
        quoted = text[start] == "`"
        edits.append((start + quoted, f"{dataset}."))
    return _insert(text, edits), missing


def add_column_names(text: str, tree: exp.Expr) -> tuple[str, list[str]]:
    """The text with a name for each column of the result that has none, and these names."""
    select = _first_select(tree)
    items = list(_select_list(main_statement(list(lexemes(text)))))
    if select is None or len(items) != len(select.expressions):
        return text, []
    named = [each for each in select.expressions if _is_named(each)]
    names = {each.alias_or_name.casefold() for each in named}
    edits: _Edits = []
    added = []
    for node, item in zip(select.expressions, items, strict=True):
        if _is_named(node):
            continue
        name = _unique(_name_of(node), names)
        names.add(name)
        added.append(name)
        edits.append((item[-1].offset + len(item[-1].text), f" AS {name}"))
    return _insert(text, edits), added


def _is_named(node: exp.Expr) -> bool:
    is_field = isinstance(node, exp.Dot) and isinstance(node.expression, exp.Identifier)
    return is_field or isinstance(node, (exp.Alias, exp.Column, exp.Star))


def _first_select(tree: exp.Expr) -> exp.Select | None:
    """The SELECT that names the columns of a query."""
    inner = tree.unnest()
    while isinstance(inner, exp.SetOperation):
        inner = inner.this.unnest()
    return inner if isinstance(inner, exp.Select) else None


_ENDS = ("FROM", "WHERE", "GROUP", "HAVING", "QUALIFY", "WINDOW", "ORDER", "LIMIT", "UNION")


def _select_list(found: Sequence[Lexeme]) -> Iterator[Sequence[Lexeme]]:
    """The words of each item of the first SELECT that is not within brackets."""
    while found and found[0].text == "(":
        found = found[1:]
    depth, is_open = 0, False
    item: list[Lexeme] = []
    for n, each in enumerate(found):
        word = each.text.upper()
        before = found[n - 1].text.upper() if n else ""
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(word, 0)
        is_word = each.kind == "word" and before != "."
        if depth == 0 and is_word and word == "SELECT" and not is_open:
            is_open = True
            continue
        if not is_open or (not item and word in ("DISTINCT", "ALL")):
            continue
        # EXCEPT ends the list, and follows '*', too
        is_end = is_word and (
            word in _ENDS or (word in ("EXCEPT", "INTERSECT") and before != "*")
        )
        if depth < 0 or each.kind == "end" or (depth == 0 and is_end):
            break
        if depth == 0 and word == ",":
            yield item
            item = []
        else:
            item.append(each)
    if item:
        yield item


def _name_of(node: exp.Expr) -> str:
    """`COUNT(*)` is `n`, `MAX(day)` is `max_day`; else the first column that it uses."""
    inner = node.unnest()
    if isinstance(inner, (exp.Count, exp.CountIf)):
        column = inner.find(exp.Column)
        return (
            f"{'distinct_' if inner.find(exp.Distinct) else 'n_'}{column.name}"
            if column
            else "n"
        )
    if isinstance(inner, (exp.Parameter, exp.Anonymous)):
        return inner.name.lower()
    if isinstance(inner, exp.Binary):
        return "value"
    column = inner.find(exp.Column)
    word = inner.sql_name() if isinstance(inner, exp.Func) else ""
    if isinstance(inner, (exp.Cast, exp.Case, exp.If)) or word not in FUNCTIONS:
        word = ""
    if column is not None:
        return "_".join(filter(None, (word.lower(), column.name)))
    return word.lower() or "value"


def _unique(name: str, taken: set[str]) -> str:
    number, plain = 2, name.casefold()
    while name.casefold() in taken:
        name = f"{plain}_{number}"
        number += 1
    return name


def _insert(text: str, edits: _Edits) -> str:
    for at, added in sorted(edits, reverse=True):
        text = text[:at] + added + text[at:]
    return text
