"""The facts that a session declares, read from YAML nodes, and the keys they may have.

A fact comes from a `.sql` file (`QueryFact`) or from a log, a JSON file or git (`SourceFact`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from types import NoneType
from typing import Any, Literal
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from handoff.base.problems import Place
from handoff.session.content import FACT_NAME
from handoff.session.model import (
    BUILT_IN,
    PREVIOUS,
    SESSION_ID,
    AcceptedException,
    Expectation,
    GitRange,
    GitTake,
    JsonFile,
    Limit,
    Limits,
    LogFile,
    QueryFact,
    SourceFact,
)
from handoff.session.shapes import (
    TEXT_SCHEMA,
    Key,
    Schema,
    Shape,
    labels_schema,
    mapping_schema,
    one_of,
    one_or_list,
    properties,
    read_keys,
    whole,
)
from handoff.sql.contracts import CONTRACTS
from handoff.sql.query import Declaration, Param
from handoff.sql.types import BadType, type_of
from handoff.yaml.decode import DAY, Decoder, json_value, scalar_value
from handoff.yaml.nodes import List, Map, Node, Pair, Scalar, is_null

GIT_COLUMNS: Mapping[GitTake, Mapping[str, str]] = {
    "files": {
        "path": "STRING",
        "change": "STRING",
        "old_path": "STRING",
        "insertions": "INT64",
        "deletions": "INT64",
    },
    "commits": {
        "sha": "STRING",
        "author": "STRING",
        "committed_at": "TIMESTAMP",
        "subject": "STRING",
    },
    "summary": {
        "commits": "INT64",
        "authors": "ARRAY<STRING>",
        "files": "INT64",
        "added": "INT64",
        "modified": "INT64",
        "deleted": "INT64",
        "renamed": "INT64",
        "insertions": "INT64",
        "deletions": "INT64",
        "first_at": "TIMESTAMP",
        "last_at": "TIMESTAMP",
        "base": "STRING",
        "head": "STRING",
        "shallow": "BOOL",
    },
}
"""What `take:` may name, and the columns of each."""
TIME = "at"
"""The group, or the column, with the time at which a match was true."""

RESERVED_NAMES = (*BUILT_IN, "true", "false", "none")
"""Built-in names of live values, and words of their language."""
SOURCE_PATH = r"(?!\s)[^\x00-\x1f\x7f]+(?<!\s)"
COLUMN = r"[A-Za-z_][A-Za-z0-9_]*"
_LETTERS = r"A-Za-z0-9_\u00c0-\u1fff\u2c00-\ud7ff"
SQL_NAME = rf"(?!.*\.\.)[{_LETTERS}][{_LETTERS}./ -]*\.sql"
"""Of a query's file; letters of every script, without characters that reverse text."""
LINE = r"[^\u0000-\u001f\u007f-\u009f\u2028\u2029]*"
"""Text on one line."""

Declared = QueryFact | SourceFact
Source = LogFile | JsonFile | GitRange


def read_facts(
    decoder: Decoder, node: Node | None, previous: Sequence[str]
) -> tuple[Declared, ...]:
    """Every fact, with `since: previous` as the id of the session that is meant."""
    found = []
    for pair in decoder.pairs(node, "names of facts"):
        fact = _read_fact(decoder, pair)
        if fact and fact.since == PREVIOUS and len(previous) != 1:
            message = f"fact '{fact.name}' has 'since: previous', but 'previous:' names "
            message += f"{len(previous) or 'no'} sessions"
            decoder.report("Y023", message, fact.place)
        elif fact and fact.since == PREVIOUS:
            fact = replace(fact, since=previous[0])
        found.append(fact)
    return tuple(fact for fact in found if fact)


def _read_fact(decoder: Decoder, pair: Pair) -> Declared | None:
    if not re.fullmatch(FACT_NAME, pair.key):
        message = f"'{pair.key}' is not the name of a fact: lower case, digits and '_'"
        decoder.report("Y023", message, pair)
    elif pair.key in RESERVED_NAMES:
        decoder.report("Y023", f"'{pair.key}' is built in, rename the fact", pair)
    kind = _kind_of(pair.node)
    if kind:
        before = len(decoder.problems)
        fact = _read_source_fact(decoder, pair, kind)
        return fact if len(decoder.problems) == before else None
    what = f"fact '{pair.key}'"
    if isinstance(pair.node, Scalar) and not is_null(pair.node):
        name = _sql_name(decoder, pair.node)
        return QueryFact(pair.key, name, {}, None, pair.place, {}) if name else None
    if is_null(pair.node):
        decoder.report("Y021", f"{what} has no query, expected {{sql: …}}", pair)
        return None
    values = read_keys(decoder, pair.node, QUERY_KEYS, what)
    params: Sequence[Pair] = values.pop("params")
    if values["sql"] is None:
        return None
    return QueryFact(
        name=pair.key,
        params={each.key: _param(each.node) for each in params},
        param_places={each.key: each.node.place for each in params},
        place=pair.place,
        **values,
    )


def _kind_of(node: Node) -> str | None:
    """The kind of source of a declaration; `None` for a query."""
    names = {pair.key for pair in node.pairs} if isinstance(node, Map) else set()
    return next((kind for kind in SOURCES if kind in names), None)


def _read_source_fact(decoder: Decoder, pair: Pair, kind: str) -> SourceFact | None:
    what = f"fact '{pair.key}'"
    more = READ_KEYS if kind == "git" else ROW_KEYS
    values = read_keys(decoder, pair.node, (*SOURCES[kind], *more), what)
    given = pair.node.pairs if isinstance(pair.node, Map) else ()
    columns, contract = values.get("columns"), values.get("contract")
    if kind == "git":
        take: GitTake = values["take"] or "files"
        returns: Iterator[Declaration] = (
            Declaration(*each, pair.node.place) for each in GIT_COLUMNS[take].items()
        )
    else:
        returns = _columns(decoder, columns, contract)
        has_contract = any(e.key == "contract" and not is_null(e.node) for e in given)
        if not has_contract and not (isinstance(columns, Map) and columns.pairs):
            message = f"{what} has no columns, expected 'columns:' or 'contract:'"
            decoder.report("Y021", message, pair)
    listed: Node | None = values.get("sources")
    nodes = decoder.nodes(listed, "a list of 'log:' and 'json:'")
    if kind == "sources" and not nodes:
        decoder.report("Y021", f"{what} has no sources", listed or pair)
    sources: list[Source | None] = [_read_source(decoder, each, what) for each in nodes]
    if kind != "sources":
        sources = [_source_of(kind, values, pair.node.place)]
    return SourceFact(
        name=pair.key,
        sources=tuple(source for source in sources if source),
        returns=tuple(returns),
        contract=contract,
        text=_canonical(pair.node),
        place=pair.place,
        **{key.field: values[key.field] for key in READ_KEYS},
    )


def _read_source(decoder: Decoder, node: Node, what: str) -> Source | None:
    kind = _kind_of(node)
    if kind not in ("log", "json"):
        decoder.report("Y022", "expected a mapping with 'log:' or 'json:'", node)
        return None
    return _source_of(kind, read_keys(decoder, node, SOURCES[kind], what), node.place)


def _source_of(kind: str, values: Mapping[str, Any], place: Place) -> Source | None:
    """The source with these values; `None` for one with a problem."""
    if values[kind] is None or values.get("match", "") is None:
        return None
    if kind == "git":
        return GitRange(values["git"], values["take"] or "files", place)
    zone, constants = values["zone"], values["set"]
    if kind == "log":
        take: Literal["last", "all"] = values["take"] or "last"
        return LogFile(values["log"], values["match"], take, zone, constants, place)
    return JsonFile(values["json"], values["rows"], values["from"], zone, constants, place)


def _canonical(node: Node) -> str:
    """The declaration, without the keys that only say how its rows are read."""
    value = json_value(node)
    assert isinstance(value, dict)  # it has the key of a source
    shown = {key.name for key in READ_KEYS}
    return json.dumps({k: v for k, v in value.items() if k not in shown}, sort_keys=True)


# --- columns ---------------------------------------------------------------------------


def _columns(
    decoder: Decoder, node: Node | None, contract: str | None
) -> Iterator[Declaration]:
    """Those of the contract, at the place of the declaration, then the fact's own."""
    given = {pair.key: pair for pair in decoder.pairs(node, "columns and types")}
    known = CONTRACTS.get(contract or "", {})
    place = node.place if node else Place(decoder.path)
    for name, type_ in known.items():
        yield Declaration(name, type_, given[name].node.place if name in given else place)
    for name, pair in given.items():
        own = _type(decoder, pair, known.get(name))
        if own and name not in known:
            yield Declaration(name, own, pair.place)


def _type(decoder: Decoder, pair: Pair, known: str | None) -> str | None:
    name = pair.key
    if not re.fullmatch(COLUMN, name):
        decoder.report("Y023", f"'{name}' is not the name of a column", pair)
        return None
    text = decoder.text(pair.node, "a type such as INT64")
    if text is None:
        if is_null(pair.node):
            decoder.report("Y021", f"column '{name}' has no type", pair)
        return None
    try:
        type_ = str(type_of(text))
    except BadType as error:
        decoder.report("Y023", f"column '{name}': {error}", pair.node)
        return None
    if known and type_ != known:
        message = f"column '{name}' is {known} by the contract, not {type_}"
        decoder.report("Y023", message, pair.node)
    return type_


# --- values ----------------------------------------------------------------------------


def _sql_name(decoder: Decoder, node: Node | None) -> str | None:
    text = decoder.matching(node, SQL_NAME, "a '.sql' file under 'sql/'")
    return text.removeprefix("sql/") if text else None


def _param(node: Node) -> Param:
    if isinstance(node, List):
        return tuple(_param(each) for each in node.nodes)
    if isinstance(node, Map):
        return {pair.key: _param(pair.node) for pair in node.pairs}
    return scalar_value(node)


def read_line(decoder: Decoder, node: Node | None) -> str | None:
    """Text in a heading or a name, so on one line."""
    text = decoder.text(node)
    if text is None or node is None or re.fullmatch(LINE, text):
        return text
    lines = len(text.splitlines())
    message = f"text of {lines} lines, expected one; a long line may be folded after '>-'"
    if lines < 2:
        message = "a control character or line break, expected printable text on one line"
    decoder.report("Y023", message, node)
    return text


def _path(decoder: Decoder, node: Node | None) -> str | None:
    return decoder.matching(node, SOURCE_PATH, "a file's path from the root")


def _match(decoder: Decoder, node: Node | None) -> str | None:
    return decoder.matching(node, r"(?s).+", "a regular expression")


def _zone(decoder: Decoder, node: Node | None) -> str | None:
    name = decoder.text(node, "a time zone such as America/New_York")
    if name is None or node is None:
        return None
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # ZoneInfoNotFoundError is a KeyError
        decoder.report("Y023", f"unknown time zone '{name}'", node)
    return name


def _constants(decoder: Decoder, node: Node | None) -> Mapping[str, str | bool | None]:
    found: dict[str, str | bool | None] = {}
    for pair in decoder.pairs(node, "columns and their values"):
        if isinstance(pair.node, Scalar):
            value = scalar_value(pair.node)
            found[pair.key] = value if isinstance(value, bool | NoneType) else pair.node.text
        else:
            decoder.report("Y022", "expected one value", pair.node)
    return found


def _paths_by_column(decoder: Decoder, node: Node | None) -> Mapping[str, str]:
    pairs = decoder.pairs(node, "columns and their paths")
    return {pair.key: decoder.text(pair.node) or pair.key for pair in pairs}


def _since(decoder: Decoder, node: Node | None) -> str | None:
    return decoder.matching(node, SESSION_ID, "the id of a session, or 'previous'")


# --- expectations ----------------------------------------------------------------------


def expectations(decoder: Decoder, node: Node | None) -> tuple[Expectation, ...]:
    """What `expect:` says about each column."""
    pairs = decoder.pairs(node, "columns and what is expected of them")
    return tuple(_expectation(decoder, pair) for pair in pairs)


def _expectation(decoder: Decoder, pair: Pair) -> Expectation:
    what = f"what is expected of '{pair.key}'"
    values = read_keys(decoder, pair.node, EXPECTED_KEYS, what)
    _require_one(decoder, pair.node, (*LIMIT_KEYS, _ROWS_KEY), what)
    names = {each.key for each in pair.node.pairs} if isinstance(pair.node, Map) else set()
    has_limits = not names.isdisjoint(key.name for key in LIMIT_KEYS)
    return Expectation(
        column=pair.key,
        limits=_limits(values, pair.node) if has_limits else None,
        rows=values["rows"],
        accepted=values["accepted"],
        place=pair.place,
    )


def _rows(decoder: Decoder, node: Node | None) -> tuple[tuple[str, Limits], ...]:
    pairs = decoder.pairs(node, "rows and their limits")
    if node is not None and not pairs and not is_null(node) and _is_empty(node):
        decoder.report("Y021", "key 'rows' has no value", node)
    found = []
    for pair in pairs:
        what = f"what is expected of row '{pair.key}'"
        values = read_keys(decoder, pair.node, LIMIT_KEYS, what)
        _require_one(decoder, pair.node, LIMIT_KEYS, what)
        found.append((pair.key, _limits(values, pair.node)))
    return tuple(found)


def _accepted(decoder: Decoder, node: Node | None) -> tuple[AcceptedException, ...]:
    found = []
    for pair in decoder.pairs(node, "rows with the reason and the last day"):
        what = f"the exception for '{pair.key}'"
        if is_null(pair.node):
            decoder.report("Y021", f"{what} has no reason", pair.node)
            continue
        values = read_keys(decoder, pair.node, ACCEPTED_KEYS, what)
        reason: str | None = values["reason"]
        until: date | None = values["until"]
        if reason is not None and until is not None:
            found.append(AcceptedException(pair.key, reason.strip(), until, pair.place))
    return tuple(found)


def _require_one(decoder: Decoder, node: Node, keys: Sequence[Key], what: str) -> None:
    names = {pair.key for pair in node.pairs} if isinstance(node, Map) else set()
    is_missing = names.isdisjoint(key.name for key in keys)
    if is_missing and (isinstance(node, Map) or _is_empty(node)):
        expected = ", ".join(f"'{key.name}'" for key in keys)
        decoder.report("Y021", f"{what} is missing, one of {expected}", node)


def _limits(values: Mapping[str, Any], node: Node) -> Limits:
    return Limits(values["min"], values["max"], values["equals"], node.place)


def _bound(decoder: Decoder, node: Node | None) -> Limit | None:
    return _limit(decoder, node, "a number, a day or a time", takes_flag=False)


def _exactly(decoder: Decoder, node: Node | None) -> Limit | None:
    return _limit(decoder, node, "text, a number, true or false", takes_flag=True)


def _limit(decoder: Decoder, node: Node | None, what: str, *, takes_flag: bool) -> Limit | None:
    value = scalar_value(node) if isinstance(node, Scalar) else None
    if not isinstance(node, Scalar) or isinstance(value, str | NoneType):
        return decoder.text(node, what)
    if isinstance(value, bool):
        return value if takes_flag else decoder.text(node, what)
    if value - value == 0:
        # as it was written: 87.96 is no binary fraction
        exact = value if isinstance(value, int) else node.text
        return Decimal(exact) if value else Decimal(0)
    decoder.report("Y023", f"'{node.text}' is too large a number", node)
    return None


def _reason(decoder: Decoder, node: Node | None) -> str | None:
    return decoder.matching(node, REASON, "a reason on one line")


def _is_empty(node: Node) -> bool:
    return (
        is_null(node)
        or (isinstance(node, List) and not node.nodes)
        or (isinstance(node, Map) and not node.pairs)
    )


# --- the keys of facts -----------------------------------------------------------------

REASON = rf"(?=.*\S){LINE}"
"""On one line, for it is printed in one."""
TEXT = Shape("text", Decoder.text, TEXT_SCHEMA)
LINE_TEXT = Shape("text on one line", read_line, {**TEXT_SCHEMA, "pattern": whole(LINE)})
DAY_SHAPE = Shape(
    "a day", Decoder.day, {"type": ["string"], "format": "date", "pattern": whole(DAY)}
)


def _some_schema(keys: Sequence[Key], one_of: Sequence[Key]) -> Schema:
    """A mapping with at least one of the keys."""
    return {
        "type": "object",
        **properties(keys),
        "anyOf": [{"required": [key.name]} for key in one_of],
    }


_BOUND = Shape("a number, a day or a time", _bound, {"type": ["number", "string"]})
_EXACT = Shape("a value", _exactly, {"type": ["number", "string", "boolean"]})
LIMIT_KEYS = (
    Key("min", _BOUND, "The minimum: a number, a day or a time."),
    Key("max", _BOUND, "The maximum."),
    Key("equals", _EXACT, "The exact value."),
)
_ROWS_KEY = Key(
    "rows",
    Shape(
        "`row: {min: , max: , equals: }`",
        _rows,
        {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": _some_schema(LIMIT_KEYS, LIMIT_KEYS),
        },
        keys=LIMIT_KEYS,
        inside="names",
    ),
    "Separate limits for single rows.",
)
ACCEPTED_KEYS = (
    Key(
        "reason",
        Shape(
            "text on one line",
            _reason,
            {"type": ["string", "number"], "pattern": whole(REASON)},
        ),
        "Why the row is accepted.",
        required=True,
    ),
    Key("until", DAY_SHAPE, "The last day on which it is accepted.", required=True),
)
EXPECTED_KEYS = (
    *LIMIT_KEYS,
    _ROWS_KEY,
    Key(
        "except",
        Shape(
            "`row: {reason: , until: }`",
            _accepted,
            labels_schema({"type": "object", **properties(ACCEPTED_KEYS)}),
            keys=ACCEPTED_KEYS,
            inside="names",
        ),
        "Rows that may miss it for a while.",
        attribute="accepted",
    ),
)
_SHOWN_KEYS = (
    Key(
        "expect",
        Shape(
            "`column: {min: , max: , equals: , rows: , except: }`",
            expectations,
            labels_schema(_some_schema(EXPECTED_KEYS, (*LIMIT_KEYS, _ROWS_KEY))),
            keys=EXPECTED_KEYS,
            inside="names",
        ),
        "What each column is expected to be.",
        see="[expectations](expectations.md)",
    ),
    Key(
        "since",
        Shape(
            "the id of a session, or `previous`",
            _since,
            {**TEXT_SCHEMA, "minimum": 0, "pattern": whole(SESSION_ID)},
        ),
        "The session whose result is shown next to this one.",
    ),
)
_KEY = "The column whose values name the rows: fact.row.column."
QUERY_KEYS = (
    Key(
        "sql",
        Shape("a path", _sql_name, {"type": ["string"], "pattern": whole(SQL_NAME)}),
        "The query: a file under sql/.",
        required=True,
    ),
    Key(
        "params",
        Shape("`name: value`", Decoder.pairs, labels_schema({})),
        "The parameters of the query.",
        see="[queries](queries.md)",
    ),
    Key("key", LINE_TEXT, _KEY),
    Key(
        "redact",
        Shape("text or a list of it", Decoder.texts, one_or_list(TEXT_SCHEMA)),
        "Columns that are never recorded.",
    ),
    *_SHOWN_KEYS,
)
READ_KEYS = (Key("key", TEXT, _KEY), *_SHOWN_KEYS)
"""How the rows of a source are read, whatever they are."""
ROW_KEYS = (
    Key(
        "columns",
        Shape(
            "`column: type`",
            lambda _, node: node,
            {
                **labels_schema({"type": "string"}),
                "propertyNames": {"pattern": whole(COLUMN)},
            },
        ),
        "The columns of a log or JSON file and their types, such as INT64.",
    ),
    Key("contract", one_of(CONTRACTS), "Adds the columns of the contract."),
    *READ_KEYS,
)
"""What the rows of a source are; the columns of `git:` are known."""


def _take(what: str, choices: Sequence[str]) -> Key:
    """The first is the default."""
    return Key("take", one_of(choices), f"{what} (default: {choices[0]}).")


_FILE: Schema = {"type": ["string", "number"], "pattern": whole(SOURCE_PATH)}
_FILE_KEYS = (
    Key(
        "zone",
        Shape("a time zone", _zone, TEXT_SCHEMA),
        "The time zone of times without one, such as UTC.",
    ),
    Key(
        "set",
        Shape(
            "`column: value`",
            _constants,
            labels_schema({"type": ["string", "number", "boolean", "null"]}),
        ),
        "Values of columns that the file does not contain.",
    ),
)
SOURCES: Mapping[str, tuple[Key, ...]] = {
    "log": (
        Key(
            "log",
            Shape("a path", _path, _FILE),
            "A log file, from the root; * in its name means the newest.",
            required=True,
            see="[log, JSON and git](sources.md)",
        ),
        Key(
            "match",
            Shape(
                "a regular expression",
                _match,
                {"type": ["string", "number"], "minLength": 1},
            ),
            "A regular expression (RE2); its named groups are columns, 'at' is the time.",
            required=True,
        ),
        _take("Which matches of a log", ("last", "all")),
        *_FILE_KEYS,
    ),
    "json": (
        Key(
            "json",
            Shape("a path", _path, _FILE),
            "A JSON file, from the root.",
            required=True,
        ),
        Key(
            "rows",
            Shape(
                "a JMESPath expression",
                lambda decoder, node: decoder.text(node, "a path into the file"),
                TEXT_SCHEMA,
            ),
            "Where the rows are; without it the file is one row.",
        ),
        Key(
            "from",
            Shape("`column: JMESPath`", _paths_by_column, labels_schema(TEXT_SCHEMA)),
            "Where the value of a column is, if it has another name in the file.",
        ),
        *_FILE_KEYS,
    ),
    "git": (
        Key(
            "git",
            Shape(
                "a commit, a branch, a day or a time",
                lambda decoder, node: decoder.text(
                    node, "a commit, a branch, a date or a time"
                ),
                {"type": ["string", "number"]},
            ),
            "Since when: a commit, a branch, a date or a time.",
            required=True,
        ),
        _take("What git lists", tuple(GIT_COLUMNS)),
    ),
}
"""The key that makes a fact come from a source, and those that go with it."""
_HAS_COLUMNS: Schema = {
    "anyOf": [
        {"required": ["contract"], "properties": {"contract": {"not": {"type": "null"}}}},
        {
            "required": ["columns"],
            "properties": {"columns": {"type": "object", "minProperties": 1}},
        },
    ]
}


def _by_kind(schemas: Mapping[str, Schema], otherwise: Schema) -> Schema:
    """The schema of the first key that is there."""
    for kind, schema in reversed([*schemas.items()]):
        is_kind = {"type": "object", "required": [kind]}
        otherwise = {"if": is_kind, "then": schema, "else": otherwise}
    return otherwise


def _object(*keys: Key, **more: object) -> Schema:
    return {"type": "object", **properties(keys), **more}


_FILES = ("log", "json")
SOURCES = {
    **SOURCES,
    "sources": (
        Key(
            "sources",
            Shape(
                "a list of `{log: }` and `{json: }`",
                lambda _, node: node,
                {
                    "type": "array",
                    "minItems": 1,
                    "items": _by_kind(
                        {kind: _object(*SOURCES[kind]) for kind in _FILES}, {"not": {}}
                    ),
                },
            ),
            "Several logs and JSON files as one fact.",
            required=True,
        ),
    ),
}
_ALL = {
    (key.name, key.description): key
    for keys in (QUERY_KEYS, *SOURCES.values(), ROW_KEYS)
    for key in keys
}
FACTS = Shape(
    "`name: {sql: , …}`, or `name: subject/query.sql`",
    lambda _, node: node,
    {
        **labels_schema(
            _by_kind(
                {
                    "log": _object(*SOURCES["log"], *ROW_KEYS, **_HAS_COLUMNS),
                    "json": _object(*SOURCES["json"], *ROW_KEYS, **_HAS_COLUMNS),
                    "git": _object(*SOURCES["git"], *READ_KEYS),
                    "sources": _object(*SOURCES["sources"], *ROW_KEYS, **_HAS_COLUMNS),
                },
                {
                    **mapping_schema(QUERY_KEYS),
                    "type": ["object", "string"],
                    "pattern": whole(SQL_NAME),
                },
            )
        ),
        "propertyNames": {"pattern": whole(FACT_NAME), "not": {"enum": [*RESERVED_NAMES]}},
    },
    keys=tuple(_ALL.values()),
    inside="names",
)
