"""Why a query cannot be parsed, and where: the parser's error in the words of a user."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from handoff.base.problems import Place, nearest
from handoff.sql.functions import FUNCTIONS, NOT_CALLED
from handoff.sql.query import Lexeme, Query, lexemes

KEYWORDS = (
    *("SELECT", "DISTINCT", "FROM", "WHERE", "GROUP", "HAVING", "QUALIFY", "WINDOW", "ORDER"),
    *("LIMIT", "OFFSET", "JOIN", "INNER", "LEFT", "RIGHT", "FULL", "CROSS", "UNION", "EXCEPT"),
    *("INTERSECT", "BETWEEN", "WHEN", "THEN", "ELSE", "PARTITION", "UNNEST", "USING", "WITH"),
    *("AND", "LIKE", "RECURSIVE"),
)
"""Those whose typos are reported as such."""
_BEFORE_NAMES = (".", ",", "=", "FROM", "JOIN", "AS", "SELECT", "DISTINCT", "ON", "BY", "WHERE")
_WORDS_BEFORE = 3
"""A parser takes a misspelt keyword for a name, and stops a word or two after it."""


def reason_and_place(error: Exception, query: Query) -> tuple[str, Place]:
    """What is wrong with the text of `query`, of an error of sqlglot's parser.

    The place is that of a misspelt keyword, if that explains the error.
    """
    first: Mapping[str, Any] = next(iter(getattr(error, "errors", ())), {})
    if not first:
        opened = _unclosed(query)
        if opened:
            message = f"{opened.text[:1]} is never closed"
            return message, query.place_at(opened.offset)
        return _plain(str(error)), Place(query.path)
    near = f" near '{first['highlight']}'" if first.get("highlight") else ""
    reason = f"{_plain(str(first.get('description') or error))}{near}"
    line, end = int(first.get("line") or 0), int(first.get("col") or 0)
    column = max(end - len(str(first.get("highlight") or "")) + 1, 1) if end else 0
    place = Place(query.path, line, column)
    for lexeme in reversed(_words_up_to(place, query)):
        meant = _misspelt(lexeme)
        if meant:
            return f"{reason}; '{lexeme.text}'{meant}", query.place_at(lexeme.offset)
    return reason, place


def _plain(message: str) -> str:
    text = message.split("\n")[0].split(" but got <")[0].split(" for <")[0].rstrip(".")
    return text[:1].lower() + text[1:]


def _unclosed(query: Query) -> Lexeme | None:
    """The string or the quoted name that has no end."""
    for lexeme in lexemes(query.text):
        if lexeme.kind in ("string", "quoted"):
            bare = re.sub(r"^(?i:rb|br|r|b)", "", lexeme.text)
            if len(bare) < 2 or bare[0] != bare[-1]:
                return Lexeme(lexeme.kind, bare, lexeme.offset)
    return None


def _words_up_to(place: Place, query: Query) -> list[Lexeme]:
    """The last words before the place, and the one there, where a keyword may be."""
    found = [each for each in lexemes(query.text) if not place < query.place_at(each.offset)]
    pairs = list(pairwise([Lexeme("", "", 0), *found]))[-_WORDS_BEFORE:]
    return [
        each
        for before, each in pairs
        if each.kind == "word" and before.text.upper() not in _BEFORE_NAMES
    ]


def _misspelt(lexeme: Lexeme) -> str:
    word = lexeme.text.upper()
    is_plural = word.endswith("S") and word[:-1] in KEYWORDS  # `orders`, a name
    if len(word) < 3 or word in KEYWORDS or word in FUNCTIONS | NOT_CALLED or is_plural:
        return ""
    return nearest(word, KEYWORDS)
