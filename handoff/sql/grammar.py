"""What other engines' SQL has and GoogleSQL does not, by the words of a query alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from handoff.base.problems import Problem
from handoff.sql.functions import NOT_CALLED
from handoff.sql.query import Lexeme, Query, lexemes
from handoff.sql.signatures import table

_RESERVED = """
    ALL AND ANY ARRAY AS ASC ASSERT_ROWS_MODIFIED AT BETWEEN BY CASE CAST COLLATE
    CONTAINS CREATE CROSS CUBE CURRENT DEFAULT DEFINE DESC DISTINCT ELSE END ENUM ESCAPE
    EXCEPT EXCLUDE EXISTS EXTRACT FALSE FETCH FOLLOWING FOR FROM FULL GROUP GROUPING
    GROUPS HASH HAVING IF IGNORE IN INNER INTERSECT INTERVAL INTO IS JOIN LATERAL LEFT
    LIKE LIMIT LOOKUP MERGE NATURAL NEW NO NOT NULL NULLS OF ON OR ORDER OUTER OVER
    PARTITION PRECEDING PROTO QUALIFY RANGE RECURSIVE RESPECT RIGHT ROLLUP ROWS SELECT
    SET SOME STRUCT TABLESAMPLE THEN TO TREAT TRUE UNBOUNDED UNION UNNEST USING WHEN
    WHERE WINDOW WITH WITHIN
"""
RESERVED = frozenset(_RESERVED.split())
"""Words that are names only in backquotes.

https://cloud.google.com/bigquery/docs/reference/standard-sql/lexical#reserved_keywords
"""
_SYMBOLS: Mapping[str, str] = {
    "<=>": "IS NOT DISTINCT FROM",
    "!==": "!=",
    "::": "CAST(... AS type)",
    "==": "=",
    "**": "POW(x, y)",
    "//": "DIV(x, y)",
    "&&": "AND",
    "->>": "JSON_VALUE(x, path)",
    "!~": "NOT REGEXP_CONTAINS(text, pattern)",
    "%": "MOD(x, y)",
}
_BEFORE_OPERATOR = ("string", "quoted", "param", "word")
_OPERATORS: Mapping[str, str] = {
    "ILIKE": "LOWER(x) LIKE",
    "RLIKE": "REGEXP_CONTAINS(text, pattern)",
    "REGEXP": "REGEXP_CONTAINS(text, pattern)",
    "GLOB": "LIKE",
    "SIMILAR": "REGEXP_CONTAINS(text, pattern)",
}
_OPERATORS_AFTER: Mapping[str, str] = {"ISNULL": "IS NULL", "NOTNULL": "IS NOT NULL"}
_TYPES = ("ARRAY", "STRUCT", "RANGE", "INTERVAL")
_OTHER_TYPES: Mapping[str, str] = {
    "VARCHAR": "STRING",
    "TEXT": "STRING",
    "CHAR": "STRING",
    "BLOB": "BYTES",
    "REAL": "FLOAT64",
    "HUGEINT": "BIGNUMERIC",
    "TIMESTAMPTZ": "TIMESTAMP",
}
_CALLS: Mapping[str, str] = {
    "TRY_CAST": "SAFE_CAST",
    "TO_DATE": "PARSE_DATE",
    "TO_TIMESTAMP": "PARSE_TIMESTAMP",
    "STRFTIME": "FORMAT_TIMESTAMP",
    "LIST": "ARRAY_AGG",
}


def grammar_problems(query: Query) -> Iterator[Problem]:
    """Each place of `query` that GoogleSQL's grammar does not have, with what to write."""
    words = list(lexemes(query.text))
    for number, word in enumerate(words):
        before = words[number - 1] if number else Lexeme("", "", -1)
        after = words[number + 1 : number + 4]
        for message in _messages(word, before, after, words, number):
            yield Problem("Q055", message, query.place_at(word.offset))


def _messages(
    word: Lexeme, before: Lexeme, after: Sequence[Lexeme], words: Sequence[Lexeme], number: int
) -> Iterator[str]:
    name = word.text.upper() if word.kind == "word" else ""
    following = after[0].text.upper() if after else ""
    if word.text == "{":
        yield "'{' is not GoogleSQL, write STRUCT(value AS name)"
    elif word.kind == "other":
        symbol = _symbol(word, before, after)
        if symbol:
            yield f"'{symbol}' is not GoogleSQL, write {_SYMBOLS[symbol]}"
        if word.text == "," and following in ("", ")", ";"):
            yield f"',' before '{following or 'the end'}', remove it"
    elif name == "FILTER" and following == "(" and before.text == ")":
        yield "FILTER is not GoogleSQL, write COUNTIF(...) or SUM(IF(condition, x, NULL))"
    elif name == "ON" and before.text.upper() == "DISTINCT":
        yield "DISTINCT ON is not GoogleSQL, write QUALIFY ROW_NUMBER() OVER (...) = 1"
    elif name in _OPERATORS and _is_operator(word, before, after):
        yield f"{name} is not GoogleSQL, write {_OPERATORS[name]}"
    elif name in _OPERATORS_AFTER and (following == "AS" or following in RESERVED - {"FROM"}):
        yield f"{name} is not GoogleSQL, write {_OPERATORS_AFTER[name]}"
    elif name in _CALLS and following == "(":
        yield f"{name} is not GoogleSQL, write {_CALLS[name]}"
    elif name in _OTHER_TYPES and before.text.upper() == "AS" and following in (")", "("):
        yield f"{name} is not a type of GoogleSQL, write {_OTHER_TYPES[name]}"
    elif name in RESERVED and before.text.upper() == "AS":
        is_type = name in _TYPES or words[number - 2].text.upper() == "SELECT"
        is_time = name == "OF" and words[number - 2].text.upper() == "SYSTEM_TIME"
        if not (is_type or is_time) and not following.startswith("("):
            yield f"'{word.text}' is a reserved word, write `{word.text}`"
    elif name == "EXCLUDE" and before.text == "*":
        yield "EXCLUDE is not GoogleSQL, write EXCEPT"
    elif word.kind == "string":
        yield from _string(word, before, following)
    is_call = following == "(" and before.text not in (".", "@", "*", ")")
    if name and is_call and name not in NOT_CALLED:
        yield from _counted(name, before, words, number)


def _symbol(word: Lexeme, before: Lexeme, after: Sequence[Lexeme]) -> str:
    """The symbol of another engine that starts here; empty if there is none."""
    if (
        before.kind == "other"
        and before.offset + 1 == word.offset
        and before.text in "<=>!:*/&"
    ):
        return ""
    text = word.text
    for each in after:
        if each.kind != "other" or each.offset != word.offset + len(text):
            break
        text += each.text
    return next((each for each in _SYMBOLS if text.startswith(each)), "")


def _is_operator(word: Lexeme, before: Lexeme, after: Sequence[Lexeme]) -> bool:
    """Whether the word is between two operands, so no name."""
    is_after = before.kind in _BEFORE_OPERATOR or before.text in (")", "]")
    operands = ("string", "param")
    is_before = bool(after) and (after[0].kind in operands or after[0].text.upper() == "TO")
    return is_after and is_before


def _string(word: Lexeme, before: Lexeme, following: str) -> Iterator[str]:
    if before.kind == "string":
        yield "two strings in a row, write '||' between them"
    elif before.text.upper() == "AS" or (
        before.text.upper() in ("FROM", "JOIN") and following != ")"
    ):
        name = word.text.strip("'\"")
        yield f"{word.text[:40]} is a string, write a name in backquotes: `{name[:40]}`"


_ENDS = (
    "ORDER",
    "LIMIT",
    "HAVING",
    "IGNORE",
    "RESPECT",
    "USING",
    "SELECT",
    "WITH",
    "FROM",
    "AT",
)


def _counted(name: str, before: Lexeme, words: Sequence[Lexeme], number: int) -> Iterator[str]:
    """That a call has too few or too many arguments."""
    function = table().get(name)
    if function is None or not function.signatures or before.text.upper() == "AS":
        return
    count = _arguments(words, number + 2)
    least, most = function.bounds
    if count is None or least <= count <= most:
        return
    expected = f"{least}" if least == most else f"{least} to {most}"
    if most == float("inf"):
        expected = f"at least {least}"
    yield f"{name} has {count} arguments, expected {expected}"


def _arguments(words: Sequence[Lexeme], start: int) -> int | None:
    """The number of arguments of a call; `None` where it has a grammar of its own."""
    depth, commas, first = 0, 0, words[start] if start < len(words) else None
    if first is None or first.text == ")":
        return 0 if first else None
    for number in range(start, len(words)):
        text = words[number].text.upper()
        if depth == 0 and words[number].kind == "word" and text in _ENDS:
            return commas + 1 if number > start and text not in ("SELECT", "FROM") else None
        if text in ("<", "=") and words[number - 1].text.upper() in ("ARRAY", "STRUCT"):
            return None
        if text == ">" and words[number - 1].text == "=":
            return None  # a named argument
        depth += (text in ("(", "[")) - (text in (")", "]"))
        if depth < 0:
            return commas + 1
        commas += text == "," and depth == 0
    return None
