"""A query as it was pasted from a console or a document, rewritten to one of the project.

The text is edited at the places of its words: what the author wrote around them, comments and
line breaks too, stays. What cannot be rewritten is a problem with its line and advice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from handoff.base.fences import find_fences
from handoff.base.patterns import lazy_pattern
from handoff.base.problems import Place, Problem
from handoff.sql.query import STATEMENTS, Lexeme, lexemes
from handoff.sql.types import OTHER_NAMES, BadType, type_of

CODE = "Q070"


class Param(Struct, frozen=True):
    name: str
    type: str
    value: str
    """As the text had it: `DATE '2026-01-01'`."""


class PastedQuery(Struct, frozen=True):
    """One query of a text, rewritten."""

    summary: str
    """The comments that preceded it, as lines of a header."""
    text: str
    params: tuple[Param, ...]
    problems: tuple[Problem, ...]
    place: Place
    """Where it begins."""


def pasted_queries(text: str, path: str) -> tuple[PastedQuery, ...]:
    """The queries in a text, or in the SQL fences of a Markdown document, rewritten."""
    found: list[PastedQuery] = []
    for block, first in _blocks(text):
        script = _Script(block, path, first)
        queries = list(script.queries())
        rest = script.take_problems()  # of what follows the last query
        if queries and rest:
            queries[-1] = replace(queries[-1], problems=(*queries[-1].problems, *rest))
        found += queries
    return tuple(found)


# --- documents ---------------------------------------------------------------------------

_LANGUAGES = ("sql", "bigquery", "googlesql", "bq", "")
_STARTS = lazy_pattern(
    r"(?is)(?:\s|--[^\n]*\n|#[^\n]*\n|/\*.*?\*/)*(?:WITH|SELECT|DECLARE|FROM)\b"
)


def _blocks(text: str) -> Iterator[tuple[str, int]]:
    """Each text of SQL with the number of its first line."""
    lines = text.splitlines(keepends=True)
    fences = find_fences([line.rstrip("\r\n") for line in lines])
    if not fences or _STARTS.match(text):
        yield text, 1
        return
    for fence in fences:
        language = fence.info.split()[0].casefold() if fence.info.split() else ""
        indent = len(fence.lead)
        body = [line[indent:] for line in lines[fence.first : fence.last - 1]]
        block = "".join(body)
        if language in _LANGUAGES and (language or _STARTS.match(block)):
            yield block, fence.first + 1


# --- scripts -----------------------------------------------------------------------------


class _Edit(Struct, frozen=True):
    start: int
    end: int
    text: str


class _Variable(Struct, frozen=True):
    name: str
    type: str
    value: str
    """The expression, its clock and variables replaced; empty without one."""
    is_constant: bool
    offset: int


_CLOCKS: Mapping[str, str] = {
    "CURRENT_TIMESTAMP": "@as_of",
    "CURRENT_DATE": "DATE(@as_of{})",
    "CURRENT_DATETIME": "DATETIME(@as_of{})",
    "CURRENT_TIME": "TIME(@as_of{})",
}
_RANDOM = ("RAND", "GENERATE_UUID", "SESSION_USER")
_CONSTANT = lazy_pattern(
    r"(?is)\s*(?:(?:DATE|DATETIME|TIMESTAMP|TIME|NUMERIC|BIGNUMERIC|JSON)\s*)?"
    r"(?:r?'(?:\\.|[^'\\])*'|r?\"(?:\\.|[^\"\\])*\"|[+-]?[0-9][0-9_.eE+-]*|TRUE|FALSE|NULL"
    r"|\[[^()@]*\])\s*\Z"
)
_LITERAL_TYPE = lazy_pattern(
    r"(?is)\s*(?:(?P<typed>DATETIME|DATE|TIMESTAMP|TIME|NUMERIC|BIGNUMERIC|JSON)\b"
    r"|(?P<STRING>r?['\"])|(?P<FLOAT64>[+-]?[0-9]+[.eE])|(?P<INT64>[+-]?[0-9])"
    r"|(?P<BOOL>TRUE|FALSE))"
)


class _Script:
    """The statements of a text, and the variables that they declare."""

    def __init__(self, text: str, path: str, first: int) -> None:
        self._text = text
        self._path = path
        self._first = first
        self._variables: dict[str, _Variable] = {}
        self._functions = ""
        self._problems: list[Problem] = []

    def queries(self) -> Iterator[PastedQuery]:
        for statement in _statements(self._text):
            words = [each.text.upper() for each in statement[:4]]
            handler = {"DECLARE": self._declare, "SET": self._set}.get(words[0])
            if handler:
                handler(statement)
            elif words[0] in ("SELECT", "WITH", "(", "FROM"):
                yield self._query(statement)
            elif words[:1] == ["CREATE"] and "FUNCTION" in words and "TEMP" in words[1:4]:
                self._functions += f"{self._slice(statement)};\n"
            elif words[0] != "END":
                advice = STATEMENTS.get(words[0], "expected one SELECT")
                self._problem(statement[0].offset, f"'{words[0][:20]}' was left out; {advice}")

    def take_problems(self) -> tuple[Problem, ...]:
        found, self._problems = tuple(self._problems), []
        return found

    # --- variables ---

    def _declare(self, statement: Sequence[Lexeme]) -> None:
        """`DECLARE a, b TYPE DEFAULT value`."""
        words = [each.text.upper() for each in statement]
        default = words.index("DEFAULT") if "DEFAULT" in words else len(words)
        names = [1]
        while names[-1] + 1 < default and words[names[-1] + 1] == ",":
            names.append(names[-1] + 2)
        after = names[-1] + 1
        spelled = self._slice(statement[after:default]) if after < default else ""
        value = self._rewritten(statement[default + 1 :]) if default < len(words) else ""
        for number in names:
            name = statement[number].text.strip("`")
            type_ = _type(spelled) or _literal_type(value)
            is_constant = bool(value and _CONSTANT.match(value))
            offset = statement[number].offset
            variable = _Variable(name, type_, value, is_constant, offset)
            self._variables[name.casefold()] = variable

    def _set(self, statement: Sequence[Lexeme]) -> None:
        """`SET a = value`."""
        if len(statement) < 4 or statement[2].text != "=":
            message = "'SET' of several variables was left out; write one SET for each"
            self._problem(statement[0].offset, message)
            for each in statement[1:]:  # their defaults are not their values
                known = self._variables.get(each.text.casefold())
                if known:
                    self._variables[each.text.casefold()] = replace(known, value="")
            return
        name = statement[1].text.strip("`")
        known = self._variables.get(name.casefold())
        value = self._rewritten(statement[3:])
        type_ = (known.type if known else "") or _literal_type(value)
        is_constant = bool(_CONSTANT.match(value))
        variable = _Variable(name, type_, value, is_constant, statement[0].offset)
        self._variables[name.casefold()] = variable

    # --- queries ---

    def _query(self, statement: Sequence[Lexeme]) -> PastedQuery:
        body, used = self._rewritten_query(statement)
        lead = self._comments_before(statement[0].offset)
        place = Place(self._path, self._line(statement[0].offset))
        problems = self.take_problems()
        text = f"{self._functions}{body}\n"
        return PastedQuery(lead, text, tuple(used), problems, place)

    def _rewritten_query(self, statement: Sequence[Lexeme]) -> tuple[str, list[Param]]:
        edits, names = self._edits(statement)
        used = []
        for name in names:
            variable = self._variables[name]
            if not variable.type:
                message = f"'{variable.name}' has no type; write it in 'params:'"
                self._problem(variable.offset, message)
            used.append(Param(variable.name, variable.type or "STRING", variable.value))
        self._report_rest(statement)
        return _apply(self._text, statement, edits), used

    def _rewritten(self, part: Sequence[Lexeme]) -> str:
        """An expression without a clock, and without other variables."""
        edits, _ = self._edits(part)
        return _apply(self._text, part, edits)

    def _edits(self, part: Sequence[Lexeme]) -> tuple[list[_Edit], list[str]]:
        edits: list[_Edit] = []
        names: list[str] = []
        for n, each in enumerate(part):
            before = part[n - 1].text.upper() if n else ""
            after = part[n + 1].text if n + 1 < len(part) else ""
            if each.kind != "word" or before in (".", "@"):
                continue
            word = each.text
            if word.upper() in _CLOCKS and before != "AS" and after != ".":
                edits.append(self._clock(part, n))
            variable = self._variables.get(word.casefold())
            if variable and before != "AS" and after not in (".", "("):
                end = each.offset + len(word)
                if variable.value and not variable.is_constant:
                    edits.append(_Edit(each.offset, end, _inlined(variable)))
                else:
                    edits.append(_Edit(each.offset, each.offset, "@"))
                    names.append(word.casefold())
        return edits, list(dict.fromkeys(names))

    def _clock(self, part: Sequence[Lexeme], n: int) -> _Edit:
        """The edit of `CURRENT_DATE`, `CURRENT_DATE()` or `CURRENT_DATE('zone')`."""
        start, end = part[n].offset, part[n].offset + len(part[n].text)
        zone = ""
        if n + 1 < len(part) and part[n + 1].text == "(":
            close = _closing(part, n + 1)
            end = part[close].offset + 1
            argument = part[n + 2 : close]
            zone = f", {self._rewritten(argument)}" if argument else ""
        return _Edit(start, end, _CLOCKS[part[n].text.upper()].format(zone))

    def _report_rest(self, statement: Sequence[Lexeme]) -> None:
        """What no edit makes a query of the project."""
        for n, each in enumerate(statement):
            word = each.text.upper()
            after = statement[n + 1].text if n + 1 < len(statement) else ""
            message = ""
            if each.kind == "system":
                message = f"'{each.text}' is of the session; pass it as a parameter"
            elif each.kind == "positional":
                message = "'?' is a positional parameter; name it '@name' and declare it"
            elif each.kind == "jinja":
                message = f"'{each.text}' is of a template; write its value or a parameter"
            elif each.kind == "param" and word != "@AS_OF":
                message = f"'{each.text}' has no type; declare it in 'params:'"
            elif each.kind == "word" and word in _RANDOM and after == "(":
                message = f"'{word}' has another result on each run; remove it"
            if message:
                self._problem(each.offset, message)

    # --- places ---

    def _comments_before(self, offset: int) -> str:
        """The comment lines just before a statement, else those before the first."""
        start = next(lexemes(self._text)).offset
        found = _last_comments(self._text[:offset]) or _last_comments(self._text[:start])
        return "".join(f"--{line.lstrip('-#')}\n" for line in found)

    def _slice(self, part: Sequence[Lexeme]) -> str:
        return self._text[part[0].offset : part[-1].offset + len(part[-1].text)]

    def _line(self, offset: int) -> int:
        return self._text.count("\n", 0, offset) + self._first

    def _problem(self, offset: int, message: str) -> None:
        column = offset - self._text.rfind("\n", 0, offset)
        place = Place(self._path, self._line(offset), column)
        self._problems.append(Problem(CODE, message, place, "warning"))


def _last_comments(text: str) -> list[str]:
    found: list[str] = []
    for line in reversed(text.splitlines()):
        if not line.startswith(("--", "#")):
            break
        found.insert(0, line)
    return found


def _statements(text: str) -> Iterator[Sequence[Lexeme]]:
    found: list[Lexeme] = []
    for each in lexemes(text):
        if each.kind != "end":
            found.append(each)
        elif found:
            yield found
            found = []
    if found:
        yield found


def _apply(text: str, part: Sequence[Lexeme], edits: Sequence[_Edit]) -> str:
    """The text of a part, edited; a comment on its last line stays."""
    if not part:
        return ""
    at, pieces = part[0].offset, []
    for edit in sorted(edits, key=lambda each: each.start):
        pieces += [text[at : edit.start], edit.text]
        at = edit.end
    return "".join(pieces) + text[at : part[-1].offset + len(part[-1].text)]


def _closing(part: Sequence[Lexeme], opening: int) -> int:
    depth = 0
    for n in range(opening, len(part)):
        depth += {"(": 1, ")": -1}.get(part[n].text, 0)
        if not depth:
            return n
    return len(part) - 1


def _inlined(variable: _Variable) -> str:
    """The expression of a variable that is no constant, as its declared type."""
    value, type_ = variable.value, variable.type
    if not type_ or value.upper().startswith((type_, "(SELECT")):
        return value if value.startswith("(") or value.endswith(")") else f"({value})"
    if type_ == "TIMESTAMP" and value == "@as_of":
        return value
    return f"CAST({value} AS {type_})"


def _type(spelled: str) -> str:
    """The type in the project's spelling; empty if it has none."""
    try:
        return str(type_of(OTHER_NAMES.get(spelled.upper(), spelled)))
    except BadType:
        return ""


def _literal_type(value: str) -> str:
    if value.startswith("["):
        element = _literal_type(value[1:])
        return f"ARRAY<{element}>" if element else ""
    found = _LITERAL_TYPE.match(value)
    if not found:
        return ""
    return found["typed"].upper() if found["typed"] else str(found.lastgroup)
