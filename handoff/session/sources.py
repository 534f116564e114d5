"""Facts from beside the warehouse, as a session declares them: YAML nodes into Lookups."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from types import NoneType
from zoneinfo import ZoneInfo

from handoff.base.problems import Place
from handoff.session.content import is_nothing
from handoff.session.expectations import SHOWN_KEYS, earlier, expectations
from handoff.session.model import GitRange, GitTake, JsonFile, LogFile, SourceFact
from handoff.sql.contracts import CONTRACTS
from handoff.sql.query import Declaration
from handoff.sql.types import BadType, type_of
from handoff.yaml.decode import Decoder, json_value, plain
from handoff.yaml.nodes import Map, Node, Pair, Scalar, is_null

LOOKUP_KEYS: Mapping[str, tuple[str, ...]] = {
    "log": ("log", "match", "take", "zone", "set"),
    "json": ("json", "rows", "from", "zone", "set"),
    "git": ("git", "take"),
    "sources": ("sources",),
}
"""The key that makes a fact a lookup, and those that go with it."""
REQUIRED: Mapping[str, tuple[str, ...]] = {
    "log": ("log", "match"),
    "json": ("json",),
    "git": ("git",),
    "sources": ("sources",),
}
READ_KEYS = ("key", *SHOWN_KEYS)
"""What says how the rows are read, whatever they are."""
ROW_KEYS = ("columns", "contract", *READ_KEYS)
"""What says what the rows are; of `git:` the columns are known."""
TAKES: Mapping[str, tuple[str, ...]] = {
    "log": ("last", "all"),
    "git": ("files", "commits", "summary"),
}
"""The first is taken where nothing is said."""
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
"""What git can be asked, and the columns it answers with."""
TIME = "at"
"""The group, or the column, that says when a match was true."""

SOURCE_PATH = r"(?!\s)[^\x00-\x1f\x7f]+(?<!\s)"
COLUMN = r"[A-Za-z_][A-Za-z0-9_]*"


def kind_of(node: Node) -> str | None:
    """Which kind of lookup a declaration is; `None` for a question in SQL."""
    keys = {pair.key for pair in node.pairs} if isinstance(node, Map) else set()
    return next((kind for kind in LOOKUP_KEYS if kind in keys), None)


def lookup(decoder: Decoder, pair: Pair, kind: str) -> SourceFact | None:
    """The fact in `pair`, whose kind is known; `None` with every mistake reported."""
    before = len(decoder.problems)
    reader = _Reader(decoder, f"fact '{pair.key}'")
    found = reader.git(pair) if kind == "git" else reader.files(pair, kind)
    return found if len(decoder.problems) == before else None


class _Reader:
    def __init__(self, decoder: Decoder, what: str) -> None:
        self._decoder = decoder
        self._what = what

    def git(self, pair: Pair) -> SourceFact | None:
        given = self._fields(pair.node, "git", *READ_KEYS)
        since = self._decoder.text(given.get("git"), "a commit, a branch, a date or a time")
        take: GitTake = self._decoder.choice(given.get("take"), GIT_COLUMNS) or "files"
        key = self._decoder.text(given.get("key"))
        if since is None:
            return None
        place = pair.node.place
        returns = [Declaration(*each, place) for each in GIT_COLUMNS[take].items()]
        return SourceFact(
            name=pair.key,
            sources=(GitRange(since, take, place),),
            returns=tuple(returns),
            contract=None,
            key=key,
            text=_canonical(pair.node),
            place=pair.place,
            expect=expectations(self._decoder, given.get("expect")),
            since=earlier(self._decoder, given.get("since")),
        )

    def files(self, pair: Pair, kind: str) -> SourceFact | None:
        given = self._fields(pair.node, kind, *ROW_KEYS)
        contract = self._decoder.choice(given.get("contract"), CONTRACTS)
        returns = tuple(self._columns(given.get("columns"), contract))
        columns = given.get("columns")
        if is_nothing(given.get("contract")) and not (
            isinstance(columns, Map) and columns.pairs
        ):
            message = f"{self._what} has no columns, expected 'columns:' or 'contract:'"
            self._decoder.report("Y021", message, pair)
        nodes = self._decoder.nodes(given.get("sources"), "a list of 'log:' and 'json:'")
        sources = [self._source(each) for each in (nodes if kind == "sources" else ())]
        if kind == "sources" and not sources:
            self._decoder.report("Y021", f"{self._what} has no sources", given.get(kind, pair))
        if kind != "sources":
            sources = [_SOURCES[kind](self, given, pair.node.place)]
        return SourceFact(
            name=pair.key,
            sources=tuple(source for source in sources if source),
            returns=returns,
            contract=contract,
            key=self._decoder.text(given.get("key")),
            text=_canonical(pair.node),
            place=pair.place,
            expect=expectations(self._decoder, given.get("expect")),
            since=earlier(self._decoder, given.get("since")),
        )

    # --- one source ---

    def _source(self, node: Node) -> LogFile | JsonFile | None:
        kind = kind_of(node)
        if kind is None or kind not in _SOURCES:
            message = "expected a mapping with 'log:' or 'json:'"
            self._decoder.report("Y022", message, node)
            return None
        return _SOURCES[kind](self, self._fields(node, kind), node.place)

    def log(self, given: Mapping[str, Node], place: Place) -> LogFile | None:
        path = self._path(given.get("log"))
        match = self._decoder.matching(given.get("match"), r"(?s).+", "a regular expression")
        take = self._decoder.choice(given.get("take"), TAKES["log"])
        zone, constants = self._zone(given.get("zone")), self._set(given.get("set"))
        if path is None or not match:
            return None
        return LogFile(path, match, "all" if take == "all" else "last", zone, constants, place)

    def json(self, given: Mapping[str, Node], place: Place) -> JsonFile | None:
        path = self._path(given.get("json"))
        rows = self._decoder.text(given.get("rows"), "a path into the file")
        pairs = self._decoder.pairs(given.get("from"), "columns and their paths")
        read = {pair.key: self._decoder.text(pair.node) or pair.key for pair in pairs}
        zone, constants = self._zone(given.get("zone")), self._set(given.get("set"))
        return JsonFile(path, rows, read, zone, constants, place) if path else None

    # --- parts ---

    def _fields(self, node: Node, kind: str, *more: str) -> Mapping[str, Node]:
        keys = (*LOOKUP_KEYS[kind], *more)
        return self._decoder.fields(node, keys, required=REQUIRED[kind], what=self._what)

    def _columns(self, node: Node | None, contract: str | None) -> Iterator[Declaration]:
        """Those of the contract, at the place of the declaration, and those beside it."""
        given = {pair.key: pair for pair in self._decoder.pairs(node, "columns and types")}
        known = CONTRACTS.get(contract or "", {})
        place = node.place if node else Place(self._decoder.path)
        for name, type_ in known.items():
            yield Declaration(name, type_, given[name].node.place if name in given else place)
        for name, pair in given.items():
            own = self._type(name, pair, known.get(name))
            if own and name not in known:
                yield Declaration(name, own, pair.place)

    def _type(self, name: str, pair: Pair, known: str | None) -> str | None:
        if not re.fullmatch(COLUMN, name):
            self._decoder.report("Y023", f"'{name}' is not a column's name", pair)
            return None
        text = self._decoder.text(pair.node, "a type such as INT64")
        if text is None:
            if is_null(pair.node):
                self._decoder.report("Y021", f"column '{name}' has no type", pair)
            return None
        try:
            type_ = str(type_of(text))
        except BadType as error:
            self._decoder.report("Y023", f"column '{name}': {error}", pair.node)
            return None
        if known and type_ != known:
            message = f"column '{name}' is {known} by the contract, not {type_}"
            self._decoder.report("Y023", message, pair.node)
        return type_

    def _path(self, node: Node | None) -> str | None:
        return self._decoder.matching(node, SOURCE_PATH, "a file's path from the root")

    def _zone(self, node: Node | None) -> str | None:
        name = self._decoder.text(node, "a time zone such as America/New_York")
        if name is None or node is None:
            return None
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError):  # ZoneInfoNotFoundError is a KeyError
            self._decoder.report("Y023", f"unknown time zone '{name}'", node)
        return name

    def _set(self, node: Node | None) -> Mapping[str, str | bool | None]:
        found: dict[str, str | bool | None] = {}
        for pair in self._decoder.pairs(node, "columns and their values"):
            if isinstance(pair.node, Scalar):
                value = plain(pair.node)
                found[pair.key] = (
                    value if isinstance(value, bool | NoneType) else pair.node.text
                )
            else:
                self._decoder.report("Y022", "expected one value", pair.node)
        return found


_Source = Callable[[_Reader, Mapping[str, Node], Place], LogFile | JsonFile | None]
_SOURCES: Mapping[str, _Source] = {"log": _Reader.log, "json": _Reader.json}


def _canonical(node: Node) -> str:
    """The declaration, without what only says how rows that are there anyway are read."""
    value = json_value(node)
    assert isinstance(value, dict)  # it has the key of a lookup
    return json.dumps({k: v for k, v in value.items() if k not in READ_KEYS}, sort_keys=True)
