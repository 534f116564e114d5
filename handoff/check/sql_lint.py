"""What a question's words alone tell: nothing is parsed, and no schema is needed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise

from handoff.base.problems import Problem, nearest
from handoff.sql.functions import FUNCTIONS, NOT_CALLED
from handoff.sql.query import Lexeme, Query, lexemes


def clock_read(query: Query) -> Iterator[Problem]:
    """A question that reads the clock gives another answer each time it is asked.

    Fails:

        WHERE game_date < CURRENT_DATE()
    """
    for lexeme in lexemes(query.text):
        instead = _CLOCKS.get(lexeme.text.upper()) if lexeme.kind == "word" else None
        if instead:
            message = f"'{lexeme.text}' reads the clock, write {instead}"
            yield Problem("Q040", message, query.place_at(lexeme.offset), "warning")


def all_columns(query: Query) -> Iterator[Problem]:
    """`SELECT *` reads, and bills, every column, and changes when the table does.

    Fails:

        SELECT * FROM nba_raw.nbac_schedule
    """
    for before, star in pairwise(lexemes(query.text)):
        is_list = before.text.upper() in ("SELECT", "DISTINCT", "ALL") or before.text == "."
        if star.text == "*" and is_list:
            message = "'*' takes all columns, name those that 'returns:' declares"
            yield Problem("Q041", message, query.place_at(star.offset), "warning")


def function_unknown(query: Query) -> Iterator[Problem]:
    """A misspelt function is found when the question is asked, which may be next week.

    Fails:

        SELECT DATE_DIF(a, b, DAY)
    """
    words = [Lexeme("", "", 0), *lexemes(query.text)]
    for (before, word), (_, after) in pairwise(pairwise(words)):
        name = word.text.upper()
        is_call = word.kind == "word" and after.text == "(" and before.text not in (".", "@")
        if is_call and before.text.upper() != "AS" and name not in NOT_CALLED | FUNCTIONS:
            message = f"no function '{name}' in GoogleSQL{nearest(name, FUNCTIONS)}"
            yield Problem("Q042", message, query.place_at(word.offset), "warning")


RULES = (clock_read, all_columns, function_unknown)

_CLOCKS: Mapping[str, str] = {
    "CURRENT_DATE": "'DATE(@as_of)'",
    "CURRENT_DATETIME": "'DATETIME(@as_of)'",
    "CURRENT_TIME": "'TIME(@as_of)'",
    "CURRENT_TIMESTAMP": "'@as_of'",
}
