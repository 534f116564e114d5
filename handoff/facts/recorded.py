"""Facts: recorded results, their provenance, and the file that records them."""

from __future__ import annotations

import hashlib
import json
import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Annotated, Any, TypeVar

from msgspec import Meta, Struct, to_builtins
from msgspec.structs import asdict, replace

from handoff.base.conflict_markers import marker_line
from handoff.base.problems import InvalidInput, Place, Problem
from handoff.base.records import convert_record
from handoff.sql.types import Type, inferred, type_of, value_of
from handoff.sql.types import Value as Value

T = TypeVar("T")

VERSION = 1
MAX_ROWS = 1000
"""Of one fact; more is a table, not a handoff."""
Time = Annotated[datetime, Meta(tz=True)]


class Column(Struct, frozen=True):
    name: str
    type: str
    """GoogleSQL, upper case."""


class QueryResult(Struct, frozen=True):
    """What a warehouse returned for one query."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Value, ...], ...]
    job_id: str | None
    bytes_billed: int | None
    """As BigQuery bills it; `None` where nothing is billed."""
    ran_at: datetime
    """When the warehouse finished, UTC."""
    versions: Mapping[str, str] | None = None
    """Of the libraries that ran the query; `None` where a server did."""


class Failure(Struct, frozen=True, omit_defaults=True):
    """Why a query has no result."""

    message: str
    """One line that says what to do."""
    at: Time
    """UTC."""
    exit_code: int = 3
    """1 where the author's files need fixing; neither recorded nor compared."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Failure) and (self.message, self.at) == (
            other.message,
            other.at,
        )

    def __hash__(self) -> int:
        return hash((self.message, self.at))


class Provenance(Struct, frozen=True):
    """How a result was obtained; enough to obtain it again."""

    source: str
    """The query `orchestrator/phases.sql`, the file that was read, or the span of commits."""
    sha256: str
    """Of the `.sql` file's bytes, before any translation, or of the declaration; in hex."""
    params: Mapping[str, Value]
    """As bound, `as_of` among them."""
    engine: str
    """`duckdb`, `duckdb sample`, `bigquery`; `log`, `json`, `git`."""
    job_id: str | None
    ran_at: datetime
    """When the warehouse finished, UTC."""
    bytes_billed: int | None
    """As BigQuery bills it; `None` where nothing is billed."""
    versions: Mapping[str, str] | None = None
    """Of the libraries that ran the query; `None` where a server did, or in older files."""

    @property
    def as_of(self) -> datetime | None:
        """The as-of time of the query, UTC; `None` where none is recorded."""
        value = self.params.get("as_of")
        return value if isinstance(value, datetime) and value.tzinfo else None


class Fact(Struct, frozen=True):
    """A recorded result, a recorded failure, or both: then the result is the last one."""

    name: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Value, ...], ...]
    provenance: Provenance | None
    """`None` where there never was a result."""
    failure: Failure | None
    """Why the latest run has no result; `None` if it has one."""
    key: str | None = None
    contract: str | None = None
    edited: bool = False
    """Loaded from a file whose digest does not match: it was edited manually."""


class EvidenceRecord(Struct, frozen=True, omit_defaults=True):
    """What evidence in the repository was when the session was rendered.

    Its file has the keys in this order, and a digest.
    """

    found: bool | None
    """Whether the commit, the file or its lines existed; `None` if that could not be known."""
    sha256: str | None
    """Of the file or of the lines, with line endings normalised, in hex."""
    commit: str | None
    """The commit in full; for a file the commit that was checked out."""
    at: Time
    """When it was recorded, UTC, to the second."""
    edited: bool = False
    """Loaded from a file whose digest does not match: it was edited manually."""

    def is_same(self, other: EvidenceRecord) -> bool:
        """Whether both show the same content, wherever and whenever they were recorded."""
        if self.sha256 is None and self.found:
            return bool(other.found) and self.commit == other.commit
        return (self.found, self.sha256) == (other.found, other.sha256)


def incomplete(fact: Fact) -> str | None:
    """Why a transcript of an agent could not be read completely; `None` for other facts."""
    if fact.failure or fact.provenance is None or fact.provenance.engine != "transcript":
        return None
    names = [column.name for column in fact.columns]
    found = (dict(zip(names, row, strict=True)).get("problem") for row in fact.rows)
    reason = next((each for each in found if isinstance(each, str)), None)
    return reason and f"fact '{fact.name}' is incomplete, what it counts is blank: {reason}"


class Facts(Struct, frozen=True):
    """All facts of one session, in the order it declares them."""

    as_of: datetime | None
    """The as-of time of the queries, UTC, to the minute; `None` without any."""
    facts: Mapping[str, Fact]
    evidence: Mapping[str, EvidenceRecord] = {}
    """By reference: `3f9c2d1`, `ml/train.py:120-140`, `docs/plan.md`."""


def is_current(fact: Fact, sha256: str, params: Mapping[str, Value]) -> bool:
    """Whether `fact` is the result of the query with `sha256`, run with `params`.

    Its age does not matter: an old result of the same query is still its result.
    """
    provenance = fact.provenance
    return (
        provenance is not None
        and provenance.sha256 == sha256
        and _params(provenance.params) == _params(params)
    )


def has_same_params(one: Provenance, other: Provenance) -> bool:
    """Whether both queries ran with the same parameters, apart from `as_of`."""
    first, second = _params(one.params), _params(other.params)
    return {**first, "as_of": None} == {**second, "as_of": None} and (
        first.keys() == second.keys()
    )


def dump(facts: Facts) -> str:
    """The facts file: JSON, keys in a fixed order, one row a line, a digest for each fact.

    Only `ran_at`, `job_id`, `bytes_billed` and `versions` change when a run has the same
    result.
    """
    as_of = _utc(facts.as_of)
    blocks = [f'  "handoff_facts": {VERSION},\n  "as_of": {_text(as_of)},\n  "facts": {{']
    for n, fact in enumerate(facts.facts.values()):
        comma = "," if n + 1 < len(facts.facts) else ""
        blocks.append(f"    {_text(fact.name)}: {_block(_record(fact, as_of))}{comma}")
    evidence = ",\n".join(
        f"    {_text(name)}: {_text(_evidence_record(record))}"
        for name, record in sorted(facts.evidence.items())
    )
    # absent without any, so that older files stay as they are
    tail = f',\n  "evidence": {{\n{evidence}\n  }}' if evidence else ""
    return "{\n" + "\n".join(blocks) + f"\n  }}{tail}\n}}\n"


def load(source: bytes, path: str) -> Facts:
    """The facts that a file records. Raises InvalidInput where it cannot be read.

    A fact whose digest does not match its rows is loaded with `edited` set.
    """
    text, document = _document(source, path)
    as_of = document.get("as_of")
    problems: list[Problem] = []

    def read(key: str, what: str, of: Callable[[str, Json], T]) -> dict[str, T]:
        records = document.get(key, {} if key == "evidence" else None)
        if not isinstance(records, dict):
            raise _unreadable(f"'{key}': expected a mapping", Place(path))
        found: dict[str, T] = {}
        for name, record in records.items():
            try:
                found[name] = of(name, record)
            except (OverflowError, ValueError) as error:
                message = f"{what} '{name}' has an unknown format ({error}), {_AGAIN}"
                problems.append(Problem("F003", message, _fact_place(text, path, name)))
        return found

    facts = read("facts", "fact", lambda name, record: _fact(name, record, as_of))
    try:
        time = value_of(as_of, Type("TIMESTAMP"))
    except ValueError as error:
        problems.append(Problem("F003", f"'as_of': {error}, {_AGAIN}", Place(path)))
    evidence = read("evidence", "evidence", lambda _, record: _evidence(record))
    if problems:
        raise InvalidInput(problems)
    return Facts(time if isinstance(time, datetime) else None, facts, evidence)


def problems(source: bytes, path: str) -> list[Problem]:
    """Everything wrong with a facts file, including edited facts, with their lines."""
    try:
        facts = load(source, path)
    except InvalidInput as error:
        return list(error.report.problems)
    text = source.decode("utf-8")
    named: list[tuple[str, Mapping[str, Fact | EvidenceRecord]]]
    named = [("fact", facts.facts), ("evidence", facts.evidence)]
    edited = [
        (f"{what} '{name}'", name)
        for what, records in named
        for name, each in records.items()
        if each.edited
    ]
    return [
        Problem(
            "F004",
            f"{what} was edited manually (its digest does not match), {_AGAIN}",
            _fact_place(text, path, name),
        )
        for what, name in edited
    ]


_AGAIN = "render the session again to record it"

# --- format ------------------------------------------------------------------------------

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


class _ParamRecord(Struct, frozen=True):
    type: str
    value: Any


class _ProvenanceRecord(Struct, frozen=True, omit_defaults=True):
    source: str
    sha256: str
    params: dict[str, _ParamRecord]
    engine: str
    job_id: str | None
    ran_at: Time
    bytes_billed: int | None
    versions: dict[str, str] | None = None


class _FactRecord(Struct, frozen=True):
    """A fact as its file has it, in the order of its keys; rows as JSON."""

    key: str | None
    contract: str | None
    columns: list[Column]
    rows: list[list[Any]]
    provenance: _ProvenanceRecord | None
    failure: Failure | None
    digest: Any = None


# --- writing -----------------------------------------------------------------------------

_VOLATILE = ("job_id", "ran_at", "bytes_billed", "versions")
"""May differ between runs with the same result; not part of the digest."""

_EXACT = 2**53
"""A reader that takes JSON numbers for doubles would change larger INT64s."""


def _record(fact: Fact, as_of: str | None) -> dict[str, Json]:
    types = [type_of(column.type) for column in fact.columns]
    record: dict[str, Json] = to_builtins(
        _FactRecord(
            key=fact.key,
            contract=fact.contract,
            columns=[*fact.columns],
            rows=[list(map(_json, row, types)) for row in fact.rows],
            provenance=_provenance_record(fact.provenance),
            failure=_failure(fact.failure),
        )
    )
    return {**record, "digest": _digest(record, as_of)}


def _provenance_record(how: Provenance | None) -> _ProvenanceRecord | None:
    if how is None:
        return None
    changed = {"params": _params(how.params), "ran_at": how.ran_at.astimezone(UTC)}
    return _ProvenanceRecord(**{**asdict(how), **changed})


def _evidence_record(record: EvidenceRecord) -> dict[str, Json]:
    found: dict[str, Json] = to_builtins(
        replace(record, at=record.at.astimezone(UTC), edited=False)
    )
    return {**found, "digest": _evidence_digest(found)}


def _evidence_digest(record: Mapping[str, Json]) -> str:
    steady = [record[key] for key in ("found", "sha256", "commit")]
    text = json.dumps(steady, separators=(",", ":"))
    return digest_of(text)


def _params(params: Mapping[str, Value]) -> dict[str, _ParamRecord]:
    types = {name: inferred(value) for name, value in params.items()}
    return {
        name: _ParamRecord(str(types[name]), _json(value, types[name]))
        for name, value in sorted(params.items())
    }


def _json(value: Value, type_: Type) -> Json:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, tuple):
        return [_json(each, type_.element) for each in value]
    if isinstance(value, Mapping):
        return {field.name: _json(value[field.name], field.type) for field in type_.fields}
    return next(write(value) for kind, write in _WRITTEN if isinstance(value, kind))


def _int64(value: int) -> Json:
    return value if abs(value) <= _EXACT else str(value)


def _float64(value: float) -> Json:
    return value if value - value == 0 else str(value)


def _utc(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _datetime(value: datetime) -> Json:
    return _utc(value) if value.tzinfo else value.isoformat()


_WRITTEN: tuple[tuple[type, Callable[..., Json]], ...] = (
    (str, str),
    (int, _int64),
    (float, _float64),
    (Decimal, "{:f}".format),
    (datetime, _datetime),
    (date, date.isoformat),
    (time, time.isoformat),
    (bytes, lambda value: b64encode(value).decode("ascii")),
)


def _digest(record: Mapping[str, Json], as_of: Json) -> str:
    steady = {key: value for key, value in record.items() if key != "digest"}
    for key in ("provenance", "failure"):
        part = steady[key]
        if isinstance(part, dict):
            steady[key] = {k: v for k, v in part.items() if k not in (*_VOLATILE, "at")}
    text = json.dumps([as_of, steady], sort_keys=True, separators=(",", ":"))
    return digest_of(text)


def digest_of(text: str) -> str:
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def _text(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _block(record: Mapping[str, Json]) -> str:
    lines = [f'      "{key}": {_part(value)}' for key, value in record.items()]
    return "{\n" + ",\n".join(lines) + "\n    }"


def _part(value: Json) -> str:
    if isinstance(value, list) and value:
        rows = ",\n".join(f"        {_text(row)}" for row in value)
        return f"[\n{rows}\n      ]"
    if isinstance(value, dict) and value:
        lines = ",\n".join(f'        "{key}": {_text(part)}' for key, part in value.items())
        return f"{{\n{lines}\n      }}"
    return _text(value)


# --- reading -----------------------------------------------------------------------------


def _document(source: bytes, path: str) -> tuple[str, dict[str, Json]]:
    try:
        text = source.decode("utf-8")
        document = json.loads(text, object_pairs_hook=_once)
        _refuse_halves(text, document)
    except UnicodeDecodeError as error:
        line = source.count(b"\n", 0, error.start) + 1
        raise _unreadable("not UTF-8", Place(path, line)) from error
    except json.JSONDecodeError as error:
        if marked := marker_line(text):
            raise _unreadable("a merge conflict", Place(path, marked, 1)) from error
        place = Place(path, error.lineno, error.colno)
        raise _unreadable(f"not JSON: {error.msg.lower()}", place) from error
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise _unreadable(reason, Place(path)) from error
    if not isinstance(document, dict) or "handoff_facts" not in document:
        raise _unreadable("not a facts file", Place(path))
    if document["handoff_facts"] != VERSION:
        message = f"facts of version {document['handoff_facts']!r}, expected {VERSION}"
        raise InvalidInput([Problem("F002", f"{message}, {_AGAIN}", Place(path))])
    return text, document


def _refuse_halves(text: str, document: Json) -> None:
    """Raises ValueError for half of a surrogate pair, which JSON can escape but is not text."""
    if re.search(r"\\ud[89a-f]", text, re.IGNORECASE):
        try:
            json.dumps(document, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            raise ValueError("half of a surrogate pair, which is not text") from error


def _once(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    record = dict(pairs)
    if len(record) < len(pairs):
        twice = next(key for n, (key, _) in enumerate(pairs) if key in dict(pairs[:n]))
        raise ValueError(f"duplicate key '{twice}'")
    return record


def _unreadable(message: str, place: Place) -> InvalidInput:
    return InvalidInput([Problem("F001", f"{message}, {_AGAIN}", place)])


def _fact(name: str, source: Json, as_of: Json) -> Fact:
    record = convert_record(source, _FactRecord)
    assert isinstance(source, dict)  # else it is no record
    types = [type_of(column.type) for column in record.columns]
    names = [column.name for column in record.columns]
    return Fact(
        name=name,
        columns=tuple(Column(*each) for each in zip(names, map(str, types), strict=True)),
        rows=tuple(_row(row, types) for row in record.rows),
        provenance=_provenance(record.provenance),
        failure=_failure(record.failure),
        key=record.key,
        contract=record.contract,
        edited=record.digest != _digest(source, as_of),
    )


def _evidence(source: Json) -> EvidenceRecord:
    record = convert_record(source, EvidenceRecord)
    assert isinstance(source, dict)  # else it is no record
    edited = source.get("digest") != _evidence_digest(source)
    return replace(record, at=record.at.astimezone(UTC), edited=edited)


def _provenance(record: _ProvenanceRecord | None) -> Provenance | None:
    if record is None:
        return None
    params = {name: _param(each) for name, each in record.params.items()}
    changed = {"params": params, "ran_at": record.ran_at.astimezone(UTC)}
    return Provenance(**{**asdict(record), **changed})


def _failure(failure: Failure | None) -> Failure | None:
    """Without its exit code, in UTC."""
    return Failure(failure.message, failure.at.astimezone(UTC)) if failure else None


def _param(record: _ParamRecord) -> Value:
    return value_of(record.value, type_of(record.type))


def _row(row: list[Json], types: list[Type]) -> tuple[Value, ...]:
    if len(row) != len(types):
        raise ValueError(f"a row of {len(row)} values for {len(types)} columns")
    return tuple(map(value_of, row, types))


def _fact_place(text: str, path: str, name: str) -> Place:
    found = re.search(rf"(?:^|[{{,])\s*{re.escape(_text(name))}\s*:\s*\{{", text, re.MULTILINE)
    return Place(path, text.count("\n", 0, found.end()) + 1 if found else 0)
