"""A query: one `.sql` file, its header, and the parameters it declares."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Protocol

from msgspec import Struct

from handoff.base.conflict_markers import MESSAGE as MERGE_CONFLICT
from handoff.base.conflict_markers import conflicts
from handoff.base.patterns import lazy_pattern
from handoff.base.problems import InvalidInput, Place, Problem, nearest
from handoff.sql.types import BadValue, Value, declarations, type_of, value_of

Param = (
    str
    | int
    | float
    | bool
    | date
    | datetime
    | None
    | tuple["Param", ...]
    | Mapping[str, "Param"]
)
"""The value of a parameter as the author wrote it."""


class Declaration(Struct, frozen=True):
    """A parameter or a column with its type, and where it is declared."""

    name: str
    type: str
    """GoogleSQL, upper case: `INT64`, `ARRAY<STRING>`, `STRUCT<day DATE, n INT64>`."""
    place: Place


class Arguments(Protocol):
    """The parameters that a fact passes to its query."""

    @property
    def params(self) -> Mapping[str, Param]: ...

    @property
    def param_places(self) -> Mapping[str, Place]: ...

    @property
    def place(self) -> Place: ...


class Query(Struct, frozen=True):
    """One file `sql/<subject>/<name>.sql`."""

    name: str
    """`<subject>/<name>.sql`, relative to `sql/`."""
    path: str
    """Relative to the root."""
    text: str
    """The whole file; what is sent, unchanged."""
    sha256: str
    """Of the file's bytes, 64 hex digits, before any translation."""
    summary: str
    """The header's first sentence or lines before `params:`."""
    params: tuple[Declaration, ...]
    """Without `as_of`, which handoff sets."""
    returns: tuple[Declaration, ...]
    contract: str | None
    """One of `CONTRACTS` or none."""

    @property
    def param_types(self) -> Mapping[str, str]:
        """The type of each parameter, `as_of` among them."""
        return {each.name: each.type for each in self.params} | {"as_of": "TIMESTAMP"}

    def place_at(self, offset: int) -> Place:
        """The place of character `offset` of the file."""
        return Place.at(self.path, self.text, offset)

    def place_of(self, *names: str) -> Place:
        """The first place that mentions one of `names`, in any case; else the whole file."""
        wanted = {name.casefold() for name in names}
        for lexeme in lexemes(self.text):
            parts = lexeme.text.strip("`").casefold().split(".")
            if lexeme.kind in ("word", "quoted") and wanted.intersection(parts):
                return self.place_at(lexeme.offset)
        return Place(self.path)


class BoundQuery(Struct, frozen=True):
    """A query with every parameter bound, `as_of` among them."""

    fact: str
    query: Query
    params: Mapping[str, Value]
    """Converted to the declared types."""


def read(source: bytes, path: str, name: str) -> Query:
    """The query in a `.sql` file. Raises InvalidInput with every problem found.

    Line endings are those of git: a checkout with CRLF is the same query.
    """
    source = source.replace(b"\r\n", b"\n")
    text = _decoded(source, path)
    if marked := conflicts(text):
        raise InvalidInput(Problem("Q001", MERGE_CONFLICT, Place(path, n)) for n in marked)
    header = _header(text, path)
    problems = [*header.problems, *_statement_problems(text, path, header)]
    if problems:
        raise InvalidInput(problems)
    return Query(
        name=name,
        path=path,
        text=text,
        sha256=hashlib.sha256(source).hexdigest(),
        summary=header.summary,
        params=header.params,
        returns=header.returns,
        contract=header.contract,
    )


def bind(query: Query, arguments: Arguments, as_of: datetime) -> Mapping[str, Value]:
    """The parameters converted to the types that `query` declares, and `as_of` to the minute.

    Raises InvalidInput with every parameter that is missing, unused or not of its type.
    """
    problems = [*_unused(query, arguments)]
    bound: dict[str, Value] = {}
    for declared in query.params:
        if declared.name not in arguments.params:
            message = f"'{query.name}' needs the parameter '{declared.name}' ({declared.type})"
            problems.append(Problem("Q022", message, arguments.place))
            continue
        try:
            bound[declared.name] = value_of(
                arguments.params[declared.name], type_of(declared.type)
            )
        except BadValue as error:
            place = arguments.param_places.get(declared.name, arguments.place)
            problems.append(Problem("Q021", f"parameter '{declared.name}': {error}", place))
    if problems:
        raise InvalidInput(problems)
    return {**bound, "as_of": as_of.astimezone(UTC).replace(second=0, microsecond=0)}


def _unused(query: Query, arguments: Arguments) -> Iterator[Problem]:
    names = [declared.name for declared in query.params]
    for name in arguments.params:
        if name in names:
            continue
        place = arguments.param_places.get(name, arguments.place)
        if name == "as_of":
            message = "'as_of' is set by handoff, use 'as_of:' of the session"
        else:
            listed = ", ".join(names) or "none"
            known = nearest(name, names) or f", it declares {listed}"
            message = f"'{query.name}' has no parameter '{name}'{known}"
        yield Problem("Q020", message, place)


# --- contracts ---------------------------------------------------------------------------

CONTRACTS: Mapping[str, Mapping[str, str]] = {
    "phases": {
        "phase": "STRING",
        "title": "STRING",
        "unit": "STRING",
        "done": "INT64",
        "total": "INT64",
        "succeeded": "INT64",
        "failed": "INT64",
        "started_at": "TIMESTAMP",
        "last_progress_at": "TIMESTAMP",
        "done_recent": "INT64",
        "recent_minutes": "INT64",
    },
    "coverage": {
        "table_name": "STRING",
        "scheduled": "INT64",
        "excluded": "INT64",
        "actual": "INT64",
        "first_date": "DATE",
        "last_date": "DATE",
        "target_pct": "FLOAT64",
    },
    "dates": {"date": "DATE", "expected": "BOOL", "excluded": "BOOL", "present": "BOOL"},
    "freshness": {
        "table_name": "STRING",
        "last_modified": "TIMESTAMP",
        "max_age_hours": "FLOAT64",
    },
}
"""The required columns of each contract; a query may return more, in any order."""
ROW_NAMES: Mapping[str, str] = {
    "phases": "phase",
    "coverage": "table_name",
    "freshness": "table_name",
}
"""The column that names the rows of a contract without a `key:`."""


# --- the header --------------------------------------------------------------------------

_WORDS = ("params", "returns", "contract")
_CHOICES = " or ".join(f"'{word}:'" for word in _WORDS)
_COMMENT = lazy_pattern(r"--[^\n]*(?:\n|\Z)")
_WORD = lazy_pattern(r"-- ?([A-Za-z_]+)[ \t]*:")
_CONTINUED = lazy_pattern(r"--(?: {2,}|\t)\S")


class _Header(Struct, frozen=True):
    summary: str
    params: tuple[Declaration, ...]
    returns: tuple[Declaration, ...]
    contract: str | None
    problems: tuple[Problem, ...]


class _Part(Struct, frozen=True):
    """The text after a header word, comment marks as blanks so that offsets stay the same."""

    text: str
    start: int


def _decoded(source: bytes, path: str) -> str:
    try:
        return source.decode().removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = source.count(b"\n", 0, error.start) + 1
        message = f"not UTF-8 at byte {error.start}, save the file as UTF-8"
        raise InvalidInput([Problem("Q001", message, Place(path, line))]) from error


def _header(text: str, path: str) -> _Header:
    summary, parts, problems = _parts(text, path)
    params, bad_params = _declared(text, path, parts.get("params"))
    returns, bad_returns = _declared(text, path, parts.get("returns"))
    contract, bad_contract = _contract(text, path, parts.get("contract"), returns)
    problems += [*bad_params, *bad_returns, *bad_contract]
    for declared in params:
        if declared.name == "as_of":
            message = "'as_of' is set by handoff, remove it from 'params:'"
            problems.append(Problem("Q006", message, declared.place))
    if "returns" not in parts:
        message = "the header has no 'returns:', expected '-- returns: name TYPE, ...'"
        problems.append(Problem("Q007", message, Place(path, 1)))
    return _Header(summary, params, returns, contract, tuple(problems))


def _parts(text: str, path: str) -> tuple[str, dict[str, _Part], list[Problem]]:
    summary: list[str] = []
    parts: dict[str, _Part] = {}
    problems: list[Problem] = []
    current, offset = "", len(text) - len(text.lstrip())
    while comment := _COMMENT.match(text, offset):
        line, start, offset = comment[0], offset, comment.end()
        word = _WORD.match(line)
        if current and _CONTINUED.match(line):
            part = parts[current]
            gap = " " * (start - part.start - len(part.text))
            parts[current] = _Part(f"{part.text}{gap}  {line[2:]}", part.start)
        elif word and (known := word[1]) in _WORDS:
            if known in parts:
                message = f"'{known}:' is repeated, continue it on '--   ' lines"
                problems.append(Problem("Q003", message, Place.at(path, text, start)))
            current = known
            parts[known] = _Part(line[word.end() :], start + word.end())
        elif word and word[1].islower() and (current or nearest(word[1], _WORDS)):
            expected = nearest(word[1], _WORDS) or f", expected {_CHOICES}"
            message = f"unknown header word '{word[1]}:'{expected}"
            problems.append(Problem("Q002", message, Place.at(path, text, start)))
        elif not current and line.strip():
            summary.append(line[2:].strip())
    return " ".join(summary).strip(), parts, problems


def _declared(
    text: str, path: str, part: _Part | None
) -> tuple[tuple[Declaration, ...], list[Problem]]:
    if part is None:
        return (), []
    fields, bad = declarations(part.text)
    found: list[Declaration] = []
    problems = [
        Problem("Q004", str(each), Place.at(path, text, part.start + each.offset))
        for each in bad
    ]
    seen: set[str] = set()
    for field in fields:
        place = Place.at(path, text, part.start + field.offset)
        if field.name.casefold() in seen:
            problems.append(Problem("Q005", f"'{field.name}' is declared twice", place))
        seen.add(field.name.casefold())
        found.append(Declaration(field.name, str(field.type), place))
    return tuple(found), problems


def _contract(
    text: str, path: str, part: _Part | None, returns: tuple[Declaration, ...]
) -> tuple[str | None, list[Problem]]:
    if part is None:
        return None, []
    name = part.text.strip()
    place = Place.at(path, text, part.start + len(part.text) - len(part.text.lstrip()))
    if name not in CONTRACTS:
        expected = nearest(name, CONTRACTS) or f", expected {' or '.join(CONTRACTS)}"
        return None, [Problem("Q008", f"unknown contract '{name}'{expected}", place)]
    return name, [*_contract_problems(name, returns, place)]


def _contract_problems(
    contract: str, returns: tuple[Declaration, ...], place: Place
) -> Iterator[Problem]:
    types = {declared.name: declared for declared in returns}
    for name, wanted in CONTRACTS[contract].items():
        declared = types.get(name)
        if declared is None:
            message = f"contract '{contract}' needs the column '{name} {wanted}' in 'returns:'"
            yield Problem("Q009", message, place)
        elif declared.type != wanted:
            message = f"contract '{contract}' needs '{name}' as {wanted}, not {declared.type}"
            yield Problem("Q009", message, declared.place)


# --- the statement -----------------------------------------------------------------------

_LEXEME = lazy_pattern(
    r"""
      (?P<comment> --[^\n]* | \#[^\n]* | /\*.*?(?:\*/|\Z) )
    | (?P<string> (?i:rb|br|r|b)?
        (?: '{3}(?:\\.|(?!''').)*(?:'{3}|\Z) | "{3}(?:\\.|(?!\"{3}).)*(?:"{3}|\Z)
          | '(?:\\.|[^'\\\n])*(?:'|$) | "(?:\\.|[^"\\\n])*(?:"|$) ) )
    | (?P<quoted> `(?:\\.|[^`\\\n])*(?:`|$) )
    | (?P<system> @@[A-Za-z_.]+ )
    | (?P<param> @[A-Za-z_][A-Za-z0-9_]* )
    | (?P<jinja> \{\{ | \{% | \{\# )
    | (?P<end> ; )
    | (?P<positional> \? )
    | (?P<word> [A-Za-z_][A-Za-z0-9_]* )
    | (?P<other> [^\s] )
    """,
    re.VERBOSE | re.DOTALL | re.MULTILINE,
)


class Lexeme(Struct, frozen=True):
    kind: str
    text: str
    offset: int


def lexemes(text: str) -> Iterator[Lexeme]:
    """The words, parameters and marks of a GoogleSQL text, without comments.

    https://cloud.google.com/bigquery/docs/reference/standard-sql/lexical
    """
    for found in _LEXEME.finditer(text):
        if found.lastgroup != "comment":
            yield Lexeme(found.lastgroup or "", found[0], found.start())


STARTS = ("SELECT", "WITH", "FROM", "(")
"""How a query begins; FROM is that of pipe syntax."""
_IMPORT = "'handoff query import FILE'"
STATEMENTS: Mapping[str, str] = {
    "DECLARE": f"declare variables in 'params:' and write '@name', or run {_IMPORT}",
    "SET": f"pass the value as a parameter, or run {_IMPORT}",
    "CREATE": "write what fills the table as a WITH clause of the SELECT",
    "INSERT": "keep only its SELECT",
    "MERGE": "write a SELECT of the rows to record",
    "BEGIN": "write the SELECT without the block",
    "IF": "write the condition with IF() or WHERE",
    "LOOP": "write a recursive WITH clause or GENERATE_ARRAY",
    "WHILE": "write a recursive WITH clause or GENERATE_ARRAY",
    "FOR": "write a join instead of the loop",
    "EXECUTE": "write the SELECT that it builds",
    "CALL": "write the SELECT of the procedure",
    "EXPORT": "keep only its SELECT",
    "ASSERT": "write the condition as a column, and expect it in the session",
}
"""What to write in place of other statements of a script."""


def main_statement(found: Sequence[Lexeme]) -> Sequence[Lexeme]:
    """What follows the temporary functions at the beginning of a text.

    BigQuery takes `CREATE TEMP FUNCTION …; SELECT …` for one SELECT.
    """
    words = [each.text.upper() for each in found[:5]]
    if words[1:3] == ["OR", "REPLACE"]:
        del words[1:3]
    if words[:1] != ["CREATE"] or words[1:2] not in (["TEMP"], ["TEMPORARY"]):
        return found
    if words[2:3] != ["FUNCTION"]:
        return found
    end = next((n for n, each in enumerate(found) if each.kind == "end"), len(found))
    return main_statement(found[end + 1 :])


def _statement_problems(text: str, path: str, header: _Header) -> Iterator[Problem]:
    found = list(lexemes(text))
    statement = [each for each in found if each.kind != "end"]
    if not statement:
        yield Problem("Q010", "no statement, expected one SELECT", Place(path))
        return
    yield from _shape_problems(found, text, path)
    if all(problem.code != "Q004" for problem in header.problems):
        yield from _param_problems(found, text, path, header.params)


def _shape_problems(every: list[Lexeme], text: str, path: str) -> Iterator[Problem]:
    found = main_statement(every)
    first = next((each for each in found if each.kind != "end"), None)
    if first is None:
        message = "temporary functions without a query, expected one SELECT after them"
        yield Problem("Q011", message, Place(path))
        return
    if first.text.upper() not in STARTS:
        word = first.text[:20].upper()
        advice = f"; {STATEMENTS[word]}" if word in STATEMENTS else ""
        message = f"expected one SELECT, found '{word}'{advice}"
        yield Problem("Q011", message, Place.at(path, text, first.offset))
        if advice:
            return
    ends = [n for n, each in enumerate(found) if each.kind == "end"]
    after = [each for n, each in enumerate(found) if ends and n > ends[0]]
    for lexeme in after[:1]:
        message = "a second statement, expected one SELECT per file"
        yield Problem("Q012", message, Place.at(path, text, lexeme.offset))
    for lexeme in every:
        if lexeme.kind == "jinja":
            message = f"'{lexeme.text}' in SQL, expected a named parameter such as '@as_of'"
            yield Problem("Q013", message, Place.at(path, text, lexeme.offset))
        if lexeme.kind in ("string", "quoted"):
            for offset, message in illegal_escapes(lexeme.text):
                yield Problem("Q017", message, Place.at(path, text, lexeme.offset + offset))


_PREFIX = lazy_pattern("[A-Za-z]*")
_ESCAPE = lazy_pattern(
    r"""\\(?:
        [abfnrtv\\?"'`] | [0-3][0-7]{2} | [xX][0-9A-Fa-f]{2}
      | (?P<unicode> u[0-9A-Fa-f]{4} | U[0-9A-Fa-f]{8} )
      | (?P<illegal> \r?\n | . | \Z )
    )""",
    re.VERBOSE | re.DOTALL,
)
_EXPECTED = {
    **dict.fromkeys("0123", "three octal digits"),
    **dict.fromkeys("xX", "two hexadecimal digits after it"),
    "u": "four hexadecimal digits after it",
    "U": "eight hexadecimal digits after it",
}


def illegal_escapes(literal: str) -> Iterator[tuple[int, str]]:
    """Offset and problem of each escape sequence of a literal that GoogleSQL refuses.

    https://cloud.google.com/bigquery/docs/reference/standard-sql/lexical#escape_sequences
    """
    if "\\" not in literal:  # nearly every one
        return
    prefix = _PREFIX.match(literal.casefold())
    kind = prefix[0] if prefix else ""
    if "r" in kind:
        return
    for escape in _ESCAPE.finditer(literal):
        word, digits, illegal = escape[0], escape["unicode"], escape["illegal"]
        message = ""
        if digits and "b" in kind:
            message = f"illegal escape sequence '{word}' in bytes, expected for example '\\x41'"
        elif digits and not _is_character(int(digits[1:], 16)):
            message = f"illegal escape sequence '{word}', which is not a Unicode character"
        elif illegal and illegal[-1] == "\n":
            message = "illegal '\\' at the end of a line in a string, expected '\\n'"
        elif illegal:
            digits = f"{_EXPECTED[illegal]}, or " if illegal in _EXPECTED else ""
            expected = f"{digits}'\\{word}' or a raw string such as r'{word}'"
            message = f"illegal escape sequence '{word}' in a string, expected {expected}"
        if message:
            yield escape.start(), message


def _is_character(code: int) -> bool:
    return code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF


def _param_problems(
    found: list[Lexeme], text: str, path: str, params: tuple[Declaration, ...]
) -> Iterator[Problem]:
    declared = {each.name.casefold(): each for each in params}
    names = [*(each.name for each in params), "as_of"]
    used: set[str] = set()
    for lexeme in found:
        name = lexeme.text[1:]
        if lexeme.kind == "positional":
            message = "'?' is a positional parameter, expected a named one such as '@name'"
            yield Problem("Q014", message, Place.at(path, text, lexeme.offset))
        if lexeme.kind != "param" or name.casefold() in used:
            continue
        used.add(name.casefold())
        if name.casefold() not in (*declared, "as_of"):
            known = nearest(name, names) or ", declare it in the header's 'params:'"
            message = f"undeclared parameter '@{name}'{known}"
            yield Problem("Q015", message, Place.at(path, text, lexeme.offset))
    for key, each in declared.items():
        if key not in used:
            message = f"parameter '{each.name}' is declared but not used as '@{each.name}'"
            yield Problem("Q016", message, each.place)
