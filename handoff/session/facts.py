"""The facts that a session declares, read from YAML nodes, and the keys they may have.

A fact comes from a `.sql` file (`QueryFact`) or from a log, a JSON file, git, the transcript
of a coding agent, or what a warehouse knows of its tables (`SourceFact`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from types import NoneType
from typing import Any, Literal
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from handoff.base.problems import Place
from handoff.session.expectations import EXPECT
from handoff.session.model import (
    BUILT_IN,
    PREVIOUS,
    SESSION_ID,
    GitRange,
    GitTake,
    GitTree,
    JsonFile,
    LogFile,
    QueryFact,
    SourceFact,
    TableList,
    Transcript,
    TranscriptTake,
)
from handoff.session.shapes import (
    LINE_TEXT,
    TEXT,
    TEXT_SCHEMA,
    JsonSchema,
    Key,
    Shape,
    labels_schema,
    mapping_schema,
    one_of,
    one_or_list,
    properties,
    read_keys,
    whole,
)
from handoff.session.text import FACT_NAME
from handoff.sql.query import CONTRACTS, Declaration, Param
from handoff.sql.types import BadType, type_of
from handoff.yaml.decode import Decoder, json_value, scalar_value
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
    "tree": {
        "branch": "STRING",
        "head": "STRING",
        "upstream": "STRING",
        "ahead": "INT64",
        "behind": "INT64",
        "clean": "BOOL",
        "changed": "INT64",
        "untracked": "INT64",
        "elsewhere": "INT64",
        "stashes": "INT64",
        "worktree": "STRING",
        "shallow": "BOOL",
        "changed_files": "ARRAY<STRING>",
        "untracked_files": "ARRAY<STRING>",
    },
}
"""What `take:` may name, and the columns of each."""
_PATHS = {"path": "STRING"}
TRANSCRIPT_COLUMNS: Mapping[TranscriptTake, Mapping[str, str]] = {
    "summary": {
        "agent": "STRING",
        "version": "STRING",
        "model": "STRING",
        "started_at": "TIMESTAMP",
        "ended_at": "TIMESTAMP",
        "elapsed": "STRING",
        "active": "STRING",
        "active_minutes": "INT64",
        "turns": "INT64",
        "requests": "INT64",
        "tokens": "STRING",
        "context_tokens": "INT64",
        "window_tokens": "INT64",
        "input_tokens": "INT64",
        "output_tokens": "INT64",
        "cache_read_tokens": "INT64",
        "cache_write_tokens": "INT64",
        "files_read": "INT64",
        "files_changed": "INT64",
        "files_outside": "INT64",
        "commands": "INT64",
        "commands_failed": "INT64",
        "commands_unknown": "INT64",
        "problem": "STRING",
    },
    "files": {**_PATHS, "change": "STRING"},
    "reads": _PATHS,
    "commands": {"n": "INT64", "at": "TIMESTAMP", "exit_status": "INT64"},
}
"""What `take:` of a transcript may name, and the columns of each."""
TABLE_COLUMNS: Mapping[str, str] = {
    **CONTRACTS["freshness"],
    "dataset": "STRING",
    "kind": "STRING",
    "row_count": "INT64",
    "byte_count": "INT64",
    "created": "TIMESTAMP",
    "partitions": "INT64",
    "partitioned_by": "STRING",
}
"""Of `tables:`, a row for each table."""
COMMAND_TEXT = {"command": "STRING"}
"""The column of commands that `text: true` adds."""
TIME = "at"
"""The group, or the column, with the time at which a match was true."""

RESERVED_NAMES = (*BUILT_IN, "true", "false", "none")
"""Built-in names of live values, and words of their language."""
SOURCE_PATH = r"(?!\s)[^\x00-\x1f\x7f]+(?<!\s)"
COLUMN = r"[A-Za-z_][A-Za-z0-9_]*"
_SCRIPTS = r"\u00c0-\u1fff\u2c00-\ud7ff"
_LETTERS = rf"A-Za-z0-9_{_SCRIPTS}"
SQL_NAME = rf"(?!.*\.\.)[{_LETTERS}][{_LETTERS}./ -]*\.sql"
"""Of a query's file; letters of every script, without characters that reverse text."""
Declared = QueryFact | SourceFact
DeclaredSource = LogFile | JsonFile | GitRange | GitTree | Transcript | TableList


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
    more = READ_KEYS if kind in _OWN_COLUMNS else ROW_KEYS
    values = read_keys(decoder, pair.node, (*SOURCES[kind], *more), what)
    given = pair.node.pairs if isinstance(pair.node, Map) else ()
    columns, contract = values.get("columns"), values.get("contract")
    if kind == "tables":
        contract = "freshness"
    if values.get("path") and values["take"] == "tree":
        decoder.report("Y023", f"{what} has 'path:', which 'take: tree' does not have", pair)
    if kind in _OWN_COLUMNS:
        own = _OWN_COLUMNS[kind]
        types = {**own[values.get("take") or next(iter(own))]}
        if values.get("text") and values["take"] == "commands":
            types |= COMMAND_TEXT
        returns: Iterator[Declaration] = (
            Declaration(*each, pair.node.place) for each in types.items()
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
    sources: list[DeclaredSource | None] = [_read_source(decoder, each, what) for each in nodes]
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


def _read_source(decoder: Decoder, node: Node, what: str) -> DeclaredSource | None:
    kind = _kind_of(node)
    if kind not in ("log", "json"):
        decoder.report("Y022", "expected a mapping with 'log:' or 'json:'", node)
        return None
    return _source_of(kind, read_keys(decoder, node, SOURCES[kind], what), node.place)


def _source_of(kind: str, values: Mapping[str, Any], place: Place) -> DeclaredSource | None:
    """The source with these values; `None` for one with a problem."""
    if values[kind] is None or values.get("match", "") is None:
        return None
    if kind == "tables":
        return TableList(values["tables"], values["max_age_hours"], place)
    if kind == "git" and values["take"] == "tree":
        return GitTree(values["git"], place)
    if kind == "git":
        path = (values["path"] or ".").rstrip("/") or "/"
        return GitRange(values["git"], values["take"] or "files", place, path)
    if kind == "transcript":
        return Transcript(
            agent=values["transcript"],
            take=values["take"] or "summary",
            text=bool(values["text"]),
            place=place,
            **{name: values[name] for name in ("file", "id", "window")},
        )
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
    is_ascii = isinstance(node, Scalar) and node.text.isascii()
    # the ranges of all scripts take 4 ms to compile
    pattern = SQL_NAME.replace(_SCRIPTS, "") if is_ascii else SQL_NAME
    text = decoder.matching(node, pattern, "a '.sql' file under 'sql/'")
    return text.removeprefix("sql/") if text else None


def _param(node: Node) -> Param:
    if isinstance(node, List):
        return tuple(_param(each) for each in node.nodes)
    if isinstance(node, Map):
        return {pair.key: _param(pair.node) for pair in node.pairs}
    return scalar_value(node)


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


def _rows_path(decoder: Decoder, node: Node | None) -> str | None:
    return decoder.text(node, "a path into the file")


def _revision(decoder: Decoder, node: Node | None) -> str | None:
    return decoder.text(node, "a commit, a branch, a date or a time")


def _folder(decoder: Decoder, node: Node | None) -> str | None:
    expected = "a path from the root, or from the top of the repository as '/shared'"
    return decoder.matching(node, _GIT_PATH, expected)


def _table_names(decoder: Decoder, node: Node | None) -> tuple[str, ...] | None:
    names = decoder.texts(node)
    expected = "expected a dataset or 'dataset.table'"
    if node is not None and not names:
        decoder.report("Y021", f"no tables, {expected}", node)
    for name in names:
        if node is not None and not re.fullmatch(_TABLE_NAME, name):
            decoder.report("Y023", f"'{name}' is not the name of a table, {expected}", node)
            return None
    return tuple(names) or None


def _max_age(decoder: Decoder, node: Node | None) -> float | None:
    if node is None or is_null(node):
        return None
    value = scalar_value(node) if isinstance(node, Scalar) else None
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1e6:
        return float(value)
    decoder.report("Y023", "expected a number of hours, such as 24", node)
    return None


def _since(decoder: Decoder, node: Node | None) -> str | None:
    return decoder.matching(node, SESSION_ID, "the id of a session, or 'previous'")


# --- the keys of facts -----------------------------------------------------------------


def _by_kind(schemas: Mapping[str, JsonSchema], otherwise: JsonSchema) -> JsonSchema:
    """The schema of the first key that is there."""
    for kind, schema in reversed([*schemas.items()]):
        is_kind = {"type": "object", "required": [kind]}
        otherwise = {"if": is_kind, "then": schema, "else": otherwise}
    return otherwise


def _object(*keys: Key, **more: object) -> JsonSchema:
    return {"type": "object", **properties(keys), **more}


def _take(what: str, choices: Sequence[str]) -> Key:
    """The first is the default."""
    return Key("take", one_of(choices), f"{what} (default: {choices[0]}).")


_ID_SCHEMA: JsonSchema = {**TEXT_SCHEMA, "minimum": 0, "pattern": whole(SESSION_ID)}
_COLUMNS_SCHEMA: JsonSchema = {
    **labels_schema({"type": "string"}),
    "propertyNames": {"pattern": whole(COLUMN)},
}
_FILE_SCHEMA: JsonSchema = {"type": ["string", "number"], "pattern": whole(SOURCE_PATH)}
_MATCH_SCHEMA: JsonSchema = {"type": ["string", "number"], "minLength": 1}
_VALUE_SCHEMA: JsonSchema = {"type": ["string", "number", "boolean", "null"]}
_SQL = Shape("a path", _sql_name, {"type": ["string"], "pattern": whole(SQL_NAME)})
_PARAMS = Shape("`name: value`", Decoder.pairs, labels_schema({}))
_TEXTS = Shape("text or a list of it", Decoder.texts, one_or_list(TEXT_SCHEMA))
_COLUMNS = Shape("`column: type`", lambda _, node: node, _COLUMNS_SCHEMA)
_FILE = Shape("a path", _path, _FILE_SCHEMA)
_MATCH = Shape("a regular expression", _match, _MATCH_SCHEMA)
_ZONE = Shape("a time zone", _zone, TEXT_SCHEMA)
_CONSTANTS = Shape("`column: value`", _constants, labels_schema(_VALUE_SCHEMA))
_ROWS = Shape("a JMESPath expression", _rows_path, TEXT_SCHEMA)
_FROM = Shape("`column: JMESPath`", _paths_by_column, labels_schema(TEXT_SCHEMA))
_REVISION = Shape(
    "a commit, a branch, a day or a time", _revision, {"type": ["string", "number"]}
)
_GIT_PATH = r"(?!(?:.*/)?\.\.(?:/|$))/?(?:[^/\n]+/)*[^/\n]*"
_FOLDER = Shape(
    "a path from the root, or from the repository as `/shared`",
    _folder,
    {"type": ["string", "null"], "pattern": whole(_GIT_PATH)},
)
_AGENT_NAME = r"[a-z][a-z0-9-]*"
_AGENT = Shape(
    "`claude-code`, `codex` or a name",
    lambda decoder, node: decoder.matching(node, _AGENT_NAME, "the name of an agent"),
    {"type": ["string"], "pattern": whole(_AGENT_NAME)},
)
_LOG_ID = r"[A-Za-z0-9._-]{4,}"
_ID = Shape(
    "text without spaces",
    lambda decoder, node: decoder.matching(node, _LOG_ID, "4 or more letters, digits, '-'"),
    {"type": ["string", "number"], "pattern": whole(_LOG_ID)},
)
_WINDOW = Shape(
    "a whole number from 1",
    lambda decoder, node: decoder.integer(node, minimum=1),
    {"type": ["integer", "null"], "minimum": 1},
)
_TABLE_NAME = r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_$-]+){0,2}"
_TABLE_NAMES = Shape(
    "a dataset, `dataset.table`, or a list of them",
    _table_names,
    one_or_list({**TEXT_SCHEMA, "pattern": whole(_TABLE_NAME)}),
)
_MAX_AGE = Shape(
    "a number of hours", _max_age, {"type": ["number", "null"], "exclusiveMinimum": 0}
)
_FLAG = Shape("`true` or `false`", Decoder.flag, {"type": ["boolean", "null"]})

_EXPECT = Key(
    "expect",
    EXPECT,
    "What each column is expected to be.",
    see="[expectations](expectations.md)",
)
_SINCE = Key(
    "since",
    Shape("the id of a session, or `previous`", _since, _ID_SCHEMA),
    "The session whose result is shown next to this one.",
)
_KEY = "The column whose values name the rows: fact.row.column."
_QUERIES = "[queries](queries.md)"
QUERY_KEYS = (
    Key("sql", _SQL, "The query: a file under sql/.", required=True),
    Key("params", _PARAMS, "The parameters of the query.", see=_QUERIES),
    Key("key", LINE_TEXT, _KEY),
    Key("redact", _TEXTS, "Columns that are never recorded."),
    *(_EXPECT, _SINCE),
)
READ_KEYS = (Key("key", TEXT, _KEY), _EXPECT, _SINCE)
"""How the rows of a source are read, whatever they are."""
ROW_KEYS = (
    Key("columns", _COLUMNS, "The columns of a log or JSON file and their types."),
    Key("contract", one_of(CONTRACTS), "Adds the columns of the contract."),
    *READ_KEYS,
)
"""What the rows of a source are; the columns of the others are known."""
_OWN_COLUMNS: Mapping[str, Mapping[Any, Mapping[str, str]]] = {
    "git": GIT_COLUMNS,
    "transcript": TRANSCRIPT_COLUMNS,
    "tables": {"tables": TABLE_COLUMNS},
}
"""Kinds of source whose columns are known, with those of each `take:`, the default first."""
_FILE_KEYS = (
    Key("zone", _ZONE, "The time zone of times without one, such as UTC."),
    Key("set", _CONSTANTS, "Values of columns that the file does not contain."),
)
_LOG = (
    Key(
        "log",
        _FILE,
        "A log file, from the root; * in its name means the newest.",
        required=True,
        see="[logs, JSON and git](sources.md)",
    ),
    Key(
        "match",
        _MATCH,
        "In RE2; its named groups are columns, 'at' is the time.",
        required=True,
    ),
    _take("Which matches of a log", ("last", "all")),
    *_FILE_KEYS,
)
_JSON = (
    Key("json", _FILE, "A JSON file, from the root.", required=True),
    Key("rows", _ROWS, "Where the rows are; without it the file is one row."),
    Key("from", _FROM, "Where the value of a column is, if its name differs in the file."),
    *_FILE_KEYS,
)
_FILES = _by_kind({"log": _object(*_LOG), "json": _object(*_JSON)}, {"not": {}})
_SOURCES = Shape(
    "a list of `{log: }` and `{json: }`",
    lambda _, node: node,
    {"type": "array", "minItems": 1, "items": _FILES},
)
SOURCES: Mapping[str, tuple[Key, ...]] = {
    "log": _LOG,
    "json": _JSON,
    "git": (
        Key("git", _REVISION, "The revision or time since when.", required=True),
        _take("What git lists", tuple(GIT_COLUMNS)),
        Key("path", _FOLDER, "Only what was committed there; / is the whole repository."),
    ),
    "transcript": (
        Key(
            "transcript",
            _AGENT,
            "The agent whose log is read: claude-code, codex, or one of the settings.",
            required=True,
            see="[transcripts](sources.md#transcripts-of-coding-agents)",
        ),
        Key("file", _FILE, "The log, from the root; by default the newest for this folder."),
        Key("id", _ID, "Part of the log's name, where it is not the newest."),
        _take("What of a transcript", tuple(TRANSCRIPT_COLUMNS)),
        Key("window", _WINDOW, "The context window in tokens, where the log lacks it."),
        Key("text", _FLAG, "Whether take: commands records their text (default: false)."),
    ),
    "tables": (
        Key(
            "tables",
            _TABLE_NAMES,
            "Tables of the warehouse: their size and last change are read, not their rows.",
            required=True,
            see="[tables](sources.md#tables)",
        ),
        Key("max_age_hours", _MAX_AGE, "The age up to which a table is fresh."),
    ),
    "sources": (
        Key("sources", _SOURCES, "Several logs and JSON files as one fact.", required=True),
    ),
}
"""The key that makes a fact come from a source, and those that go with it."""
_HAS_COLUMNS: Sequence[JsonSchema] = (
    {"required": ["contract"], "properties": {"contract": {"not": {"type": "null"}}}},
    {
        "required": ["columns"],
        "properties": {"columns": {"type": "object", "minProperties": 1}},
    },
)
_FACT_SCHEMA = _by_kind(
    {
        kind: _object(*keys, *READ_KEYS)
        if kind in _OWN_COLUMNS
        else _object(*keys, *ROW_KEYS, anyOf=[*_HAS_COLUMNS])
        for kind, keys in SOURCES.items()
    },
    {
        **mapping_schema(QUERY_KEYS),
        "type": ["object", "string"],
        "pattern": whole(SQL_NAME),
    },
)
_NAME_SCHEMA: JsonSchema = {"pattern": whole(FACT_NAME), "not": {"enum": [*RESERVED_NAMES]}}
_ALL = (key for keys in (QUERY_KEYS, *SOURCES.values(), ROW_KEYS) for key in keys)
FACTS = Shape(
    "`name: {sql: , …}`, or `name: subject/query.sql`",
    lambda _, node: node,
    {**labels_schema(_FACT_SCHEMA), "propertyNames": _NAME_SCHEMA},
    keys=tuple({(key.name, key.description): key for key in _ALL}.values()),
    inside="names",
)
