"""GoogleSQL on both engines: the cases in `fixtures/engines/`, and their list in the documents.

`python tests/engines.py` writes the list into `docs/engines.md`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import yaml

from handoff.facts.recorded import Failure, QueryResult
from handoff.sql.query import BoundQuery, read
from handoff.sql.types import Value

TESTS = Path(__file__).parent
DOCUMENT = TESTS.parent / "docs" / "engines.md"
AS_OF = datetime(2026, 1, 3, 16, 20, tzinfo=UTC)
ERROR = "an error"

TABLES = """
CREATE SCHEMA shop.shop;
CREATE TABLE shop.shop.orders (
  id BIGINT, day DATE, moment TIMESTAMPTZ, local TIMESTAMP, price DECIMAL(38, 9), weight DOUBLE,
  name VARCHAR, paid BOOLEAN, body JSON, tags VARCHAR[]
);
INSERT INTO shop.shop.orders VALUES
  (1, '2026-01-01', '2026-01-01 10:00:00.5+00', '2026-01-01 10:00:00', 1.10, 0.1, 'a', TRUE,
   '{"s":"x","n":3,"f":1.5,"b":true,"o":{"k":1},"l":["p","q"],"z":null}', ['x', 'y']),
  (2, '2026-01-02', '2026-01-02 11:59:59+00', '2026-01-02 12:00:00', 2.20, 0.2, 'b', FALSE,
   '{"s":"y"}', []),
  (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, []);
CREATE TABLE shop.shop.games (n BIGINT, g VARCHAR, x BIGINT);
INSERT INTO shop.shop.games VALUES
  (1, 'a', NULL), (2, 'a', 1), (3, 'b', 2), (4, 'b', 2), (5, 'c', NULL);
"""
"""An array in a column of BigQuery is never NULL, and the emulator garbles BYTES sent to it."""


@dataclass(frozen=True, slots=True)
class Case:
    """GoogleSQL, what BigQuery documents for it, and what the engines make of it."""

    subject: str
    sql: str
    """An expression, or a whole query."""
    table: str = ""
    """What follows FROM, where an expression reads a table."""
    type: str = "INT64"
    """Of the column, or each column of a query with its name."""
    rows: tuple[str, ...] | None = None
    """As `printed`; `None` where it is an error."""
    fails: str = ""
    """How the embedded engine words that error."""
    told: str = ""
    """Why the embedded engine refuses it."""
    rejected: bool = False
    """Whether BigQuery's analyzer rejects it, too."""
    alone: str = ""
    """What sqlglot and DuckDB answer by themselves, where that is something else."""
    emulator: str = ""
    """What the emulator answers where it is wrong."""
    why: str = ""
    """What the documentation says there."""

    @property
    def is_query(self) -> bool:
        return self.sql.startswith(("SELECT ", "WITH ", "FROM "))

    @property
    def asked(self) -> BoundQuery:
        source = f" FROM {self.table}" if self.table else ""
        question = self.sql if self.is_query else f"SELECT {self.sql} AS x{source}"
        is_named = self.is_query and not self.rejected
        columns = self.type if is_named else f"x {self.type}"
        return asked(question, columns)

    @property
    def verdict(self) -> str:
        return "refused" if self.told else "corrected" if self.alone else "equal"

    @property
    def answer(self) -> str:
        return ERROR if self.rows is None else joined(self.rows)


def cases() -> list[Case]:
    """All cases, subject by subject."""
    return [
        Case(path.stem, **{**case, "rows": tuple(case["rows"]) if "rows" in case else None})
        for path in sorted((TESTS / "fixtures" / "engines").glob("*.yaml"))
        for case in yaml.safe_load(path.read_text("utf-8"))
    ]


def asked(question: str, columns: str) -> BoundQuery:
    """`question` under a header that declares `columns`."""
    query = read(f"-- returns: {columns}\n{question}".encode(), "sql/q.sql", "q.sql")
    # the emulator takes no parameter that is not used
    return BoundQuery("case", query, {"as_of": AS_OF} if "@as_of" in question else {})


def said(found: QueryResult | Failure) -> str:
    """Every row as one text, or the error."""
    if isinstance(found, Failure):
        return ERROR
    return joined(tuple(", ".join(map(printed, row)) for row in found.rows))


def joined(rows: tuple[str, ...]) -> str:
    """The rows of an answer as one text."""
    return " · ".join(rows) or "no rows"


def printed(value: Value) -> str:
    """A value so that another one, or one of another kind, is another text."""
    if isinstance(value, bool) or value is None:
        return {None: "NULL", True: "TRUE", False: "FALSE"}[value]
    if isinstance(value, tuple):
        return f"[{', '.join(map(printed, value))}]"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{name}: {printed(each)}' for name, each in value.items())}}}"
    return repr(value) if isinstance(value, (str, float, bytes)) else str(value)


# --- the list in the documents -----------------------------------------------------------

BEGIN = "<!-- made by tests/engines.py from tests/fixtures/engines/ -->"


def document(text: str) -> str:
    """`text` of docs/engines.md with the list as the cases have it now."""
    kept = text.partition(BEGIN)[0].rstrip()
    return f"{kept}\n\n{BEGIN}\n\n" + "\n".join(_list(cases())) + "\n"


def _list(all_cases: list[Case]) -> Iterator[str]:
    counts = {
        verdict: sum(each.verdict == verdict for each in all_cases)
        for verdict in ("equal", "corrected", "refused")
    }
    yield "## Compared, one by one"
    yield ""
    rejected = sum(each.rejected for each in all_cases)
    yield (
        f"{len(all_cases)} expressions and queries: {counts['equal']} equal,"
        f" {counts['corrected']} corrected, {counts['refused']} refused, {rejected} of them"
        " rejected by BigQuery as well. `·` separates rows."
    )
    for subject in dict.fromkeys(each.subject for each in all_cases):
        yield f"\n### {subject.capitalize()}\n"
        yield "| GoogleSQL | BigQuery | the embedded engine |\n|---|---|---|"
        for each in all_cases:
            if each.subject == subject:
                yield _line(each)


def _line(case: Case) -> str:
    sql = case.sql + (f" … FROM {case.table}" if case.table else "")
    answer = "" if case.told else _code(case.answer)
    answer = "rejected" if case.rejected else answer
    return f"| {_code(sql)} | {answer} | {_here(case)} |"


def _here(case: Case) -> str:
    alone = f"; DuckDB alone: {_code(case.alone)}" if case.alone else ""
    if case.told:
        return f"refused: {_code(case.told.partition(': ')[2])}{alone}"
    return f"corrected{alone}" if case.alone else "equal"


def _code(text: str) -> str:
    if text in (ERROR, "no rows"):
        return text
    mark = "``" if "`" in text else "`"
    space = " " if text.startswith("`") or text.endswith("`") else ""
    plain = text.replace("|", "\\|").replace("\n", " ")
    return f"{mark}{space}{plain}{space}{mark}"


def main() -> int:
    DOCUMENT.write_text(document(DOCUMENT.read_text("utf-8")), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
