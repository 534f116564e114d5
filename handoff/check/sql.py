"""Queries, checked without running them: by their words alone and by the recorded schema."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise

from handoff.base.problems import Problem, nearest
from handoff.check.rule import Finding, QueryContext, rule, rule_among
from handoff.sql.functions import FUNCTIONS, NOT_CALLED
from handoff.sql.grammar import grammar_problems
from handoff.sql.query import Lexeme, lexemes


@rule("Q040", "warning", "a query reads the clock instead of `@as_of`")
def clock_read(context: QueryContext) -> Iterator[Finding]:
    """A query that reads the clock has another result each time it runs.

    Fails:

        WHERE game_date < CURRENT_DATE()
    """
    for lexeme in lexemes(context.query.text):
        instead = _CLOCKS.get(lexeme.text.upper()) if lexeme.kind == "word" else None
        if instead:
            message = f"'{lexeme.text}' reads the clock; write {instead}"
            yield context.query.place_at(lexeme.offset), message


@rule("Q041", "warning", "a query selects all columns with `*`")
def all_columns(context: QueryContext) -> Iterator[Finding]:
    """`SELECT *` reads, and bills, every column, and changes when the table does.

    Fails:

        SELECT * FROM nba_raw.nbac_schedule
    """
    for before, star in pairwise(lexemes(context.query.text)):
        is_list = before.text.upper() in ("SELECT", "DISTINCT", "ALL") or before.text == "."
        if star.text == "*" and is_list:
            message = "'*' selects all columns; name those that 'returns:' declares"
            yield context.query.place_at(star.offset), message


@rule("Q042", "warning", "a function that GoogleSQL does not have")
def function_unknown(context: QueryContext) -> Iterator[Finding]:
    """A misspelt function is found when the query runs, which may be next week.

    Fails:

        SELECT DATE_DIF(a, b, DAY)
    """
    words = [Lexeme("", "", 0), *lexemes(context.query.text)]
    own = {
        name.text.upper() for word, name in pairwise(words) if word.text.upper() == "FUNCTION"
    }
    for (before, word), (_, after) in pairwise(pairwise(words)):
        name = word.text.upper()
        is_call = word.kind == "word" and after.text == "(" and before.text not in (".", "@")
        if is_call and before.text.upper() != "AS" and name not in NOT_CALLED | FUNCTIONS | own:
            message = f"no function '{name}' in GoogleSQL{nearest(name, FUNCTIONS)}"
            yield context.query.place_at(word.offset), message


@rule("Q055", "error", "SQL of other engines, which GoogleSQL does not have")
def not_googlesql(context: QueryContext) -> Iterator[Finding]:
    """Operators, types and clauses of other engines, and calls with too few or many arguments.

    Fails:

        SELECT MAX(n)::STRING AS s FROM t
    """
    for problem in grammar_problems(context.query):
        yield problem.place, problem.message


def _by_schema(context: QueryContext) -> tuple[Problem, ...]:
    """A misspelt table or column is found when the query runs; the recorded schema knows it.

    Fails:

        SELECT game_dte FROM nba_raw.nbac_schedule
    """
    return context.schema_problems


table_unknown = rule_among(
    "Q043", "warning", "a table that the recorded schema does not have", _by_schema
)
column_unknown = rule_among(
    "Q044",
    "warning",
    "a column that the recorded schema does not have, or that is ambiguous",
    _by_schema,
)
filter_missing = rule_among(
    "Q045",
    "warning",
    "a table is read without its required partition filter",
    _by_schema,
)
unparsed = rule_among(
    "Q046",
    "warning",
    "a query cannot be parsed, so its names are not checked; BigQuery may accept it",
    _by_schema,
)


def _by_engine(context: QueryContext) -> tuple[Problem, ...]:
    """What `render` will refuse is an error before it runs, with or without a schema.

    Only with `engine: duckdb`. A query that reads tables is judged as a whole if the schema
    is recorded from that engine, else by its grammar alone.

    Fails:

        WITH a AS (SELECT 1 AS n) SELEKT n FROM a
    """
    return context.engine_problems


not_a_select = rule_among("Q011", "error", "not a SELECT", _by_engine)
not_parsed = rule_among(
    "Q050", "error", "the embedded engine cannot parse the query", _by_engine
)
unresolved = rule_among("Q052", "error", "the embedded engine has no such column", _by_engine)
unsupported = rule_among(
    "Q053",
    "error",
    "GoogleSQL that behaves differently in the embedded engine and BigQuery",
    _by_engine,
)


def _by_types(context: QueryContext) -> tuple[Problem, ...]:
    """A wrong type or GROUP BY: with a recorded schema, or where no table is read.

    Fails:

        SELECT team, COUNT(*) AS n FROM nba_raw.games
    """
    return (*context.engine_problems, *context.schema_problems)


rejected = rule_among("Q054", "error", "GoogleSQL that BigQuery rejects", _by_types)

_CLOCKS: Mapping[str, str] = {
    "CURRENT_DATE": "'DATE(@as_of)'",
    "CURRENT_DATETIME": "'DATETIME(@as_of)'",
    "CURRENT_TIME": "'TIME(@as_of)'",
    "CURRENT_TIMESTAMP": "'@as_of'",
}
