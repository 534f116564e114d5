"""Facts: what was answered, how it was obtained, and the file that records it."""

from __future__ import annotations

import hashlib
import json
import re
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from handoff.base.problems import InvalidInput, Place, Problem
from handoff.sql.types import Type, inferred, type_of, value_of
from handoff.sql.types import Value as Value

VERSION = 1
MAX_ROWS = 1000
"""Of one fact; more is no handoff but a table."""


class Column(Struct, frozen=True):
    name: str
    type: str
    """GoogleSQL, upper case."""


class QueryResult(Struct, frozen=True):
    """What a warehouse returned for one question."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Value, ...], ...]
    job_id: str | None
    bytes_billed: int | None
    """As BigQuery bills it; `None` where nobody pays."""
    ran_at: datetime
    """When the warehouse finished, UTC."""


class Failure(Struct, frozen=True):
    """Why a question has no answer."""

    message: str
    """One line, written for the person who must act."""
    at: datetime
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
    """How an answer was obtained; enough to obtain it again."""

    source: str
    """The question: `orchestrator/phases.sql`; the file looked into; the span of commits."""
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
    """As BigQuery bills it; `None` where nobody pays."""

    @property
    def as_of(self) -> datetime | None:
        """The as-of time of the query, UTC; `None` where none is recorded."""
        value = self.params.get("as_of")
        return value if isinstance(value, datetime) and value.tzinfo else None


class Fact(Struct, frozen=True):
    """A question's recorded answer, its recorded failure, or both (the last answer stands)."""

    name: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Value, ...], ...]
    provenance: Provenance | None
    """`None` where the question has never been answered."""
    failure: Failure | None
    """Why the latest asking gave nothing; `None` when it answered."""
    key: str | None = None
    contract: str | None = None
    edited: bool = False
    """Loaded from a file whose digest does not fit: somebody changed it by hand."""


class Facts(Struct, frozen=True):
    """All facts of one session, in the order it declares them."""

    as_of: datetime | None
    """The moment the questions were asked for, UTC, to the minute; `None`: nothing asked."""
    facts: Mapping[str, Fact]


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


def asks_alike(one: Provenance, other: Provenance) -> bool:
    """Whether both were asked with the same parameters, the moment apart."""
    params = [_params(each.params) for each in (one, other)]
    return params[0].keys() == params[1].keys() and all(
        value == params[1][name] for name, value in params[0].items() if name != "as_of"
    )


def dump(facts: Facts) -> str:
    """The facts file: JSON, keys in a fixed order, one row a line, a digest for each fact.

    Only `ran_at`, `job_id` and `bytes_billed` change when the same is answered again.
    """
    as_of = _utc(facts.as_of)
    blocks = [f'  "handoff_facts": {VERSION},\n  "as_of": {_text(as_of)},\n  "facts": {{']
    for n, fact in enumerate(facts.facts.values()):
        comma = "," if n + 1 < len(facts.facts) else ""
        blocks.append(f"    {_text(fact.name)}: {_block(_record(fact, as_of))}{comma}")
    return "{\n" + "\n".join(blocks) + "\n  }\n}\n"


def load(source: bytes, path: str) -> Facts:
    """The facts that a file records. Raises InvalidInput where it cannot be read.

    A fact whose digest does not fit its rows is loaded with `edited` set.
    """
    text, document = _document(source, path)
    as_of, records = document.get("as_of"), document.get("facts")
    if not isinstance(records, dict):
        raise _unreadable("'facts': expected a mapping", Place(path))
    facts: dict[str, Fact] = {}
    problems: list[Problem] = []
    for name, record in records.items():
        try:
            facts[name] = _fact(name, _mapping(record), as_of)
        except (KeyError, TypeError, ValueError) as error:
            message = f"fact '{name}' is not as handoff writes it ({_reason(error)}), {_AGAIN}"
            problems.append(Problem("F003", message, _fact_place(text, path, name)))
    try:
        moment = value_of(as_of, Type("TIMESTAMP"))
    except ValueError as error:
        problems.append(Problem("F003", f"'as_of': {error}, {_AGAIN}", Place(path)))
    if problems:
        raise InvalidInput(problems)
    return Facts(_moment(moment), facts)


def problems(source: bytes, path: str) -> list[Problem]:
    """Everything wrong with a facts file, edited answers among it, at their lines."""
    try:
        facts = load(source, path)
    except InvalidInput as error:
        return list(error.report.problems)
    text = source.decode("utf-8")
    return [
        Problem(
            "F004",
            f"fact '{fact.name}' was edited by hand, its digest does not fit, {_AGAIN}",
            _fact_place(text, path, fact.name),
        )
        for fact in facts.facts.values()
        if fact.edited
    ]


_AGAIN = "render the session again to record it anew"

# --- writing -----------------------------------------------------------------------------

_VOLATILE = ("job_id", "ran_at", "bytes_billed")
"""What may differ though the same was answered; the digest leaves it out."""

_EXACT = 2**53
"""Beyond this a reader that takes JSON numbers for doubles would change an INT64."""

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


def _record(fact: Fact, as_of: str | None) -> dict[str, Json]:
    record: dict[str, Json] = {
        "key": fact.key,
        "contract": fact.contract,
        "columns": [{"name": column.name, "type": column.type} for column in fact.columns],
        "rows": [list(_row(row, fact.columns)) for row in fact.rows],
        "provenance": _provenance(fact.provenance),
        "failure": _failure(fact.failure),
    }
    return {**record, "digest": _digest(record, as_of)}


def _row(row: tuple[Value, ...], columns: tuple[Column, ...]) -> Iterator[Json]:
    for value, column in zip(row, columns, strict=True):
        yield _json(value, type_of(column.type))


def _failure(failure: Failure | None) -> Json:
    if failure is None:
        return None
    return {"message": failure.message, "at": _utc(failure.at)}


def _provenance(provenance: Provenance | None) -> Json:
    if provenance is None:
        return None
    return {
        "source": provenance.source,
        "sha256": provenance.sha256,
        "params": _params(provenance.params),
        "engine": provenance.engine,
        "job_id": provenance.job_id,
        "ran_at": _utc(provenance.ran_at),
        "bytes_billed": provenance.bytes_billed,
    }


def _params(params: Mapping[str, Value]) -> dict[str, Json]:
    return {
        name: {"type": str(inferred(value)), "value": _json(value, inferred(value))}
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


def _utc(moment: datetime | None) -> str | None:
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


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
        place = Place(path, error.lineno, error.colno)
        conflict = re.search(r"^(<{7}|={7}|>{7})", text, re.MULTILINE)
        message = "a merge conflict" if conflict else f"not JSON: {_lower(error.msg)}"
        raise _unreadable(message, place) from error
    except (ValueError, RecursionError) as error:
        raise _unreadable(_reason(error), Place(path)) from error
    if not isinstance(document, dict) or "handoff_facts" not in document:
        raise _unreadable("not a facts file", Place(path))
    if document["handoff_facts"] != VERSION:
        message = f"facts of version {document['handoff_facts']!r}, expected {VERSION}"
        raise InvalidInput([Problem("F002", f"{message}, {_AGAIN}", Place(path))])
    return text, document


def _refuse_halves(text: str, document: Json) -> None:
    """Raises ValueError for half of a surrogate pair, which JSON can spell and no file hold."""
    if re.search(r"\\ud[89a-f]", text, re.IGNORECASE):
        try:
            json.dumps(document, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            raise ValueError("half of a surrogate pair, which is no text") from error


def _once(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    record = dict(pairs)
    if len(record) < len(pairs):
        twice = next(key for n, (key, _) in enumerate(pairs) if key in dict(pairs[:n]))
        raise ValueError(f"'{twice}' is there twice")
    return record


def _unreadable(message: str, place: Place) -> InvalidInput:
    return InvalidInput([Problem("F001", f"{message}, {_AGAIN}", place)])


def _lower(message: str) -> str:
    return message[:1].lower() + message[1:]


def _reason(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"'{error.args[0]}' is missing"
    return "nested too deeply" if isinstance(error, RecursionError) else str(error)


def _mapping(value: Json) -> dict[str, Json]:
    if not isinstance(value, dict):
        raise ValueError("expected a mapping")
    return value


def _list(value: Json) -> list[Json]:
    if not isinstance(value, list):
        raise ValueError("expected a list")
    return value


def _str(value: Json) -> str:
    if not isinstance(value, str):
        raise ValueError(f"expected text, found {value!r}")
    return value


def _optional(value: Json) -> str | None:
    return None if value is None else _str(value)


def _fact(name: str, record: dict[str, Json], as_of: Json) -> Fact:
    columns = tuple(_column(_mapping(each)) for each in _list(record["columns"]))
    fact = Fact(
        name=name,
        columns=columns,
        rows=tuple(_loaded_row(_list(row), columns) for row in _list(record["rows"])),
        provenance=_loaded_provenance(record["provenance"]),
        failure=_loaded_failure(record["failure"]),
        key=_optional(record["key"]),
        contract=_optional(record["contract"]),
    )
    return replace(fact, edited=record["digest"] != _digest(record, as_of))


def _column(record: dict[str, Json]) -> Column:
    return Column(_str(record["name"]), str(type_of(_str(record["type"]))))


def _loaded_row(row: list[Json], columns: tuple[Column, ...]) -> tuple[Value, ...]:
    if len(row) != len(columns):
        raise ValueError(f"a row of {len(row)} values for {len(columns)} columns")
    return tuple(value_of(v, type_of(c.type)) for v, c in zip(row, columns, strict=True))


def _loaded_provenance(value: Json) -> Provenance | None:
    if value is None:
        return None
    record = _mapping(value)
    return Provenance(
        source=_str(record["source"]),
        sha256=_str(record["sha256"]),
        params={
            name: _param(_mapping(each)) for name, each in _mapping(record["params"]).items()
        },
        engine=_str(record["engine"]),
        job_id=_optional(record["job_id"]),
        ran_at=_timestamp(record["ran_at"]),
        bytes_billed=_bytes_billed(record["bytes_billed"]),
    )


def _param(record: dict[str, Json]) -> Value:
    return value_of(record["value"], type_of(_str(record["type"])))


def _loaded_failure(value: Json) -> Failure | None:
    if value is None:
        return None
    record = _mapping(value)
    return Failure(_str(record["message"]), _timestamp(record["at"]))


def _bytes_billed(value: Json) -> int | None:
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    raise ValueError(f"'bytes_billed' is {value!r}")


def _timestamp(value: Json) -> datetime:
    moment = _moment(value_of(value, Type("TIMESTAMP")))
    if moment is None:
        raise ValueError("a time is missing")
    return moment


def _moment(value: Value) -> datetime | None:
    return value if isinstance(value, datetime) else None


def _fact_place(text: str, path: str, name: str) -> Place:
    found = re.search(rf"(?:^|[{{,])\s*{re.escape(_text(name))}\s*:\s*\{{", text, re.MULTILINE)
    return Place(path, text.count("\n", 0, found.end()) + 1 if found else 0)
