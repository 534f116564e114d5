"""What a checkpoint file says: JMESPath expressions over its JSON."""

from __future__ import annotations

import json
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from handoff.base.problems import HandoffError
from handoff.sources.log import SourceFailed

MAX_BYTES = 64 * 1024 * 1024
MAX_EXPRESSION = 1_000

Json = Any


class BadExpression(HandoffError):
    """An expression that JMESPath does not take."""

    exit_code = 1


def read(path: Path) -> Json:
    """The JSON in `path`; raises SourceFailed, with line and column, where it is none."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise SourceFailed("cannot read the file: is no file")
        if path.stat().st_size > MAX_BYTES:
            raise SourceFailed(f"more than {MAX_BYTES // 2**20} MiB of JSON")
        return json.loads(path.read_bytes())
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise SourceFailed(f"cannot read the file: {reason}") from error
    except json.JSONDecodeError as error:
        at = f"line {error.lineno}, column {error.colno}"
        raise SourceFailed(f"no JSON: {error.msg.lower()} at {at}") from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise SourceFailed("no JSON: not UTF-8, or nested too deeply") from error
    except ValueError as error:  # Python's bound on what it makes a number of
        raise SourceFailed("no JSON: a number of too many digits") from error


TOP = "$."
"""Begins an expression that is put to the whole file, not to one row of it."""
KEY = "$key"
"""The expression for what a row is called, where the rows are a mapping."""


def check(expression: str) -> None:
    """Raises BadExpression unless `expression` is JMESPath (https://jmespath.org)."""
    import jmespath  # slow: only sessions that read checkpoints need it
    from jmespath.exceptions import JMESPathError

    if expression == KEY:
        return
    if len(expression) > MAX_EXPRESSION:
        raise BadExpression(f"an expression of more than {MAX_EXPRESSION} characters")
    try:
        jmespath.compile(expression.removeprefix(TOP))
    except JMESPathError as error:
        at = getattr(error, "lex_position", None)
        where = f", see its character {at + 1}" if isinstance(at, int) else ""
        raise BadExpression(f"no JMESPath expression{where}") from error


def rows(content: Json, at: str | None, columns: Mapping[str, str]) -> list[dict[str, Json]]:
    """One row for each element of the list or mapping at `at`, or one for the whole file.

    `columns` names an expression each. Raises SourceFailed where `at` gives neither, or an
    expression is put to a value of the wrong kind (`length(total)` of a number).
    """
    elements = [(None, content)] if at is None else _elements(content, at)
    return [
        {name: _found(expression, key, row, content) for name, expression in columns.items()}
        for key, row in elements
    ]


def _elements(content: Json, at: str) -> list[tuple[str | None, Json]]:
    found = _search(at, content)
    if isinstance(found, dict):
        return list(found.items())
    if not isinstance(found, list):
        raise SourceFailed(f"'{at}' is no list and no mapping in this file")
    return [(None, row) for row in found]


def _found(expression: str, key: str | None, row: Json, content: Json) -> Json:
    if expression == KEY:
        return key
    is_top = expression.startswith(TOP)
    return _search(expression.removeprefix(TOP), content if is_top else row)


def _search(expression: str, value: Json) -> Json:
    import jmespath  # slow: only sessions that read checkpoints need it
    from jmespath.exceptions import JMESPathError, JMESPathTypeError

    try:
        return jmespath.search(expression, value)
    except JMESPathTypeError as error:  # its words hold the value, which may be the whole file
        raise _put_wrongly(expression) from error
    except JMESPathError as error:
        raise SourceFailed(f"cannot be read so: {str(error).splitlines()[0]}") from error
    except (ArithmeticError, AttributeError, RecursionError, TypeError, ValueError) as error:
        raise _put_wrongly(expression) from error


def _put_wrongly(expression: str) -> SourceFailed:
    return SourceFailed(f"'{expression}' is put to a value of another kind than it takes")
