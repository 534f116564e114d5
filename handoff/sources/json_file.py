"""JSON files as sources: rows by JMESPath expressions."""

from __future__ import annotations

import json
import re
import stat
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from handoff.base.budget import (
    EXPRESSION_DEPTH,
    EXPRESSION_SECONDS,
    EXPRESSION_WORK,
    LINE_SECONDS,
    LINE_WORK,
    Budget,
    Exceeded,
    depth_of,
)
from handoff.base.problems import Problem
from handoff.session.facts import TIME
from handoff.session.model import JsonFile, SourceFact
from handoff.sources.source import (
    InvalidSource,
    Request,
    SourceFailed,
    SourceRows,
    file_problems,
    named_errors,
    no_column,
    past_unknown,
    row_time,
    typed_rows,
)

ENGINE = "json"
MAX_BYTES = 64 * 1024 * 1024
MAX_EXPRESSION = 1_000
TOP = "$."
"""Begins an expression on the whole file, not on one row of it."""
KEY = "$key"
"""The expression for the key of a row, where the rows are a mapping."""

AnyJson = Any
_SHOWN = 80
"""Characters of an expression in a message."""


class BadExpression(InvalidSource):
    """An invalid JMESPath expression."""


def describe(source: JsonFile) -> str:
    return source.path


def problems(
    fact: SourceFact, source: JsonFile, file: Callable[[str], Path]
) -> Iterator[Problem]:
    """Paths that may not be read, unknown columns and invalid expressions."""
    yield from file_problems(fact, source, file, source.path)
    columns = [each.name for each in fact.returns]
    expressions = [*source.read.values()] + ([source.rows] if source.rows is not None else [])
    for name in source.read:
        if name != TIME and name not in columns:
            yield no_column(fact, source, "'from:' has", name)
    for expression in expressions:
        try:
            check_expression(expression)
        except BadExpression as error:
            message = f"fact '{fact.name}': '{_short(expression)}' is {error}"
            yield Problem("F032", message, source.place)


def read(request: Request, source: JsonFile) -> SourceRows:
    """The rows of the file, if it was written by the as-of time."""
    with named_errors(source.path):
        rows = _rows(request, source)
        return SourceRows(typed_rows(request.fact, source, rows), source.path)


def _rows(request: Request, source: JsonFile) -> list[dict[str, AnyJson]]:
    names = [each.name for each in request.fact.returns if each.name not in source.constants]
    expressions = {name: source.read.get(name, f'"{name}"') for name in [*names, TIME]}
    content = read_json(request.context.file(source.path))
    rows = select_rows(content, source.rows, expressions)
    if not request.is_past:
        return rows
    times = [row_time(row[TIME], source.zone) for row in rows]
    known = [time for time in times if time is not None]
    if len(known) < len(rows):
        raise past_unknown(f"the file has no '{TIME}', the time it was written")
    if any(time > request.as_of for time in known):
        raise SourceFailed(f"written later, at {max(known):%Y-%m-%d %H:%M} UTC")
    return rows


def read_json(path: Path) -> AnyJson:
    """The content of `path`; raises SourceFailed, with line and column, if it is not JSON."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise SourceFailed("cannot read the file: not a plain file")
        if path.stat().st_size > MAX_BYTES:
            raise SourceFailed(f"more than {MAX_BYTES // 2**20} MiB of JSON")
        content = path.read_bytes()
        text = content.decode(json.detect_encoding(content))
        return json.loads(text, object_pairs_hook=_mapping)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise SourceFailed(f"cannot read the file: {reason}") from error
    except json.JSONDecodeError as error:
        at = f"line {error.lineno}, column {error.colno}"
        raise SourceFailed(f"not JSON: {error.msg.lower()} at {at}") from error
    except _DuplicateKey as error:
        line, column = _duplicate_place(text)
        at = f"line {line}, column {column}"
        raise SourceFailed(f"duplicate key '{error.args[0]}' at {at}") from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise SourceFailed("not JSON: not UTF-8, or nested too deeply") from error
    except ValueError as error:  # Python's limit on the digits of a number
        raise SourceFailed("not JSON: a number of too many digits") from error


class _DuplicateKey(Exception):
    """A mapping has a key twice, and only one of its values could count."""


def _mapping(pairs: list[tuple[str, AnyJson]]) -> dict[str, AnyJson]:
    found = dict(pairs)
    if len(found) < len(pairs):
        counts = Counter(key for key, _ in pairs)
        raise _DuplicateKey(next(key for key in counts if counts[key] > 1))
    return found


_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]')


def _duplicate_place(text: str) -> tuple[int, int]:
    """Line and column of the first key that `_mapping` finds twice, where it is repeated."""
    open_mappings: list[tuple[set[str], list[int]]] = []
    key = None
    for token in _TOKEN.finditer(text):
        word = token[0]
        if word[0] == '"':
            key = token
        elif word in "{[":
            open_mappings.append((set(), []))
        elif word in "}]":
            _, repeated = open_mappings.pop()  # the innermost mapping ends first
            if repeated:
                start = repeated[0]
                return text.count("\n", 0, start) + 1, start - text.rfind("\n", 0, start)
        elif word == ":" and key is not None:
            keys, repeated = open_mappings[-1]
            name = json.loads(key[0])
            repeated += [key.start()] if name in keys else []
            keys.add(name)
    raise ValueError("no key is repeated")


# --- expressions -------------------------------------------------------------------------


def check_expression(expression: str) -> None:
    """Raises BadExpression unless `expression` is JMESPath (https://jmespath.org)."""
    import jmespath  # slow: only sessions with JSON files need it
    from jmespath.exceptions import JMESPathError

    if expression == KEY:
        return
    if len(expression) > MAX_EXPRESSION:
        raise BadExpression(f"an expression of more than {MAX_EXPRESSION} characters")
    try:
        tree = jmespath.compile(expression.removeprefix(TOP)).parsed
    except RecursionError as error:
        raise BadExpression(_NESTED) from error
    except JMESPathError as error:
        at = getattr(error, "lex_position", None)
        where = f", see character {at + 1}" if isinstance(at, int) else ""
        raise BadExpression(f"not a JMESPath expression{where}") from error
    if depth_of(tree, 2 * EXPRESSION_DEPTH) > 2 * EXPRESSION_DEPTH:  # nodes and their lists
        raise BadExpression(_NESTED)


_NESTED = f"nested too deeply, at most {EXPRESSION_DEPTH} levels are read"


def select_rows(
    content: AnyJson, at: str | None, expressions: Mapping[str, str]
) -> list[dict[str, AnyJson]]:
    """One row for each element of the list or mapping at `at`, or one for the whole file.

    `expressions` has one for each column. Raises SourceFailed where `at` is neither a list
    nor a mapping, or a value has the wrong type (`length(total)` of a number).
    """
    budget = Budget(EXPRESSION_WORK, EXPRESSION_SECONDS)
    elements = [(None, content)] if at is None else _elements(content, at, budget)
    return [
        {name: _evaluate(each, key, row, content, budget) for name, each in expressions.items()}
        for key, row in elements
    ]


def _elements(content: AnyJson, at: str, budget: Budget) -> list[tuple[str | None, AnyJson]]:
    found = search(at, content, budget)
    if isinstance(found, dict):
        return list(found.items())
    if not isinstance(found, list):
        raise SourceFailed(f"'{at}' is neither a list nor a mapping in this file")
    return [(None, row) for row in found]


def _evaluate(
    expression: str, key: str | None, row: AnyJson, content: AnyJson, budget: Budget
) -> AnyJson:
    if expression == KEY:
        return key
    is_top = expression.startswith(TOP)
    return search(expression.removeprefix(TOP), content if is_top else row, budget)


def search(expression: str, value: AnyJson, budget: Budget | None = None) -> AnyJson:
    """What a JMESPath expression finds in a value, such as a line of a log.

    Raises SourceFailed, and InvalidSource for an expression that costs more than the budget.
    """
    import jmespath  # slow: only sessions with JSON files need it
    from jmespath.exceptions import JMESPathError, JMESPathTypeError

    try:
        tree = jmespath.compile(expression).parsed
        return _interpreter()(budget or Budget(LINE_WORK, LINE_SECONDS)).visit(tree, value)
    except Exceeded as error:
        message = f"'{_short(expression)}' takes too long, or makes too large values"
        raise InvalidSource(message) from error
    except JMESPathTypeError as error:  # its message has the value, which may be a whole file
        raise _wrong_type(expression) from error
    except JMESPathError as error:
        raise SourceFailed(f"cannot be evaluated: {str(error).splitlines()[0]}") from error
    except (ArithmeticError, AttributeError, RecursionError, TypeError, ValueError) as error:
        raise _wrong_type(expression) from error


@cache
def _interpreter() -> Any:
    """jmespath's interpreter, which pays for every step and every element of its results."""
    from jmespath.visitor import TreeInterpreter  # slow: only sessions with JSON files need it

    class Interpreter(TreeInterpreter):
        def __init__(self, budget: Budget) -> None:
            super().__init__()
            self._budget = budget

        def visit(self, node: Any, value: Any) -> Any:
            found = super().visit(node, value)
            self._budget.spend(1 + (len(found) if isinstance(found, list | dict | str) else 0))
            return found

        def visit_multi_select_list(self, node: Any, value: Any) -> Any:
            return self._paid(super().visit_multi_select_list(node, value))

        def visit_multi_select_dict(self, node: Any, value: Any) -> Any:
            return self._paid(super().visit_multi_select_dict(node, value))

        def _paid(self, found: Any) -> Any:
            self._budget.spend_on(found)  # what is in it twice may be walked through twice
            return found

    return Interpreter


def _short(expression: str) -> str:
    return expression if len(expression) <= _SHOWN else f"{expression[:_SHOWN]}…"


def _wrong_type(expression: str) -> SourceFailed:
    return SourceFailed(f"'{_short(expression)}' cannot be applied to a value of this type")
