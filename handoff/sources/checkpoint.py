"""What a checkpoint file says: JMESPath expressions over its JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from handoff.problems import HandoffError
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


def check(expression: str) -> None:
    """Raises BadExpression unless `expression` is JMESPath (https://jmespath.org)."""
    import jmespath  # slow: only sessions that read checkpoints need it
    from jmespath.exceptions import JMESPathError

    if len(expression) > MAX_EXPRESSION:
        raise BadExpression(f"an expression of more than {MAX_EXPRESSION} characters")
    try:
        jmespath.compile(expression)
    except JMESPathError as error:
        first = str(error).splitlines()[0].rstrip(":")
        raise BadExpression(f"no JMESPath expression: {first}") from error


def rows(content: Json, at: str | None, columns: Mapping[str, str]) -> list[dict[str, Json]]:
    """One row for each element of the list at `at`, or one for the whole file.

    `columns` names an expression each. Raises SourceFailed where `at` gives no list, or an
    expression is put to a value of the wrong kind (`length(total)` of a number).
    """
    import jmespath  # slow: only sessions that read checkpoints need it
    from jmespath.exceptions import JMESPathError

    elements = [content] if at is None else jmespath.search(at, content)
    if not isinstance(elements, list):
        raise SourceFailed(f"'{at}' is no list in this file")
    try:
        return [{k: jmespath.search(v, row) for k, v in columns.items()} for row in elements]
    except JMESPathError as error:
        raise SourceFailed(f"cannot be read so: {str(error).splitlines()[0]}") from error
