"""Receipts: who took a handoff over, and the file that records it.

`sessions/<id>.receipts.json` is written by `handoff accept` and committed, as the facts are.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256

from msgspec import Struct
from msgspec.structs import replace

from handoff.base.problems import InvalidInput, Place, Problem
from handoff.facts import recorded as facts_file
from handoff.facts.recorded import Fact, Facts, Failure, Provenance

VERSION = 1


class Receipt(Struct, frozen=True):
    """One reading back of a handoff."""

    by: str
    at: datetime
    """UTC, to the second."""
    commit: str | None
    """That was checked out; `None` without git."""
    facts: str | None
    """The digest of what was recorded then; `None` where nothing was."""
    note: str | None
    """What the receiver understood, in their words."""


def dump(receipts: Sequence[Receipt]) -> str:
    """The receipts file: JSON, one receipt a line, the oldest first."""
    lines = ",\n".join(f"    {json.dumps(_record(r), ensure_ascii=False)}" for r in receipts)
    return f'{{\n  "handoff_receipts": {VERSION},\n  "receipts": [\n{lines}\n  ]\n}}\n'


def load(source: bytes, path: str) -> tuple[Receipt, ...]:
    """The receipts that a file records. Raises InvalidInput where it cannot be read."""
    try:
        document = json.loads(source.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise _wrong("R001", f"not JSON in UTF-8: {error}", path) from error
    if not isinstance(document, dict) or document.get("handoff_receipts") != VERSION:
        raise _wrong("R002", f"no receipts of version {VERSION}", path)
    try:
        return tuple(_receipt(each) for each in document["receipts"])
    except (KeyError, OverflowError, TypeError, ValueError) as error:
        message = f"not as handoff writes it ({error}), take it from git again"
        raise _wrong("R003", message, path) from error


def digest(facts: Facts | None) -> str | None:
    """Over every answer; the same as long as the same is answered, whenever that is asked."""
    if facts is None:
        return None
    steady = {name: _steady(fact) for name, fact in facts.facts.items()}
    return (
        f"sha256:{sha256(facts_file.dump(replace(facts, facts=steady)).encode()).hexdigest()}"
    )


_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


def _steady(fact: Fact) -> Fact:
    """The fact without what changes though the same is answered."""
    how: Provenance | None = fact.provenance
    steady = how and replace(how, job_id=None, ran_at=_NEVER, bytes_billed=None)
    failure = Failure(fact.failure.message, _NEVER) if fact.failure else None
    return replace(fact, provenance=steady, failure=failure)


def _record(receipt: Receipt) -> dict[str, str | None]:
    at = receipt.at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return {
        "by": receipt.by,
        "at": at,
        "commit": receipt.commit,
        "facts": receipt.facts,
        "note": receipt.note,
    }


def _receipt(record: Mapping[str, object]) -> Receipt:
    at = datetime.fromisoformat(_text(record, "at"))
    if at.tzinfo is None:
        raise ValueError("'at' has no zone")
    optional = {name: _optional(record, name) for name in ("commit", "facts", "note")}
    return Receipt(by=_text(record, "by"), at=at.astimezone(UTC), **optional)


def _text(record: Mapping[str, object], name: str) -> str:
    value = record[name]
    if not isinstance(value, str) or not value:
        raise ValueError(f"'{name}' is no text")
    return value


def _optional(record: Mapping[str, object], name: str) -> str | None:
    return None if record.get(name) is None else _text(record, name)


def _wrong(code: str, message: str, path: str) -> InvalidInput:
    return InvalidInput([Problem(code, message, Place(path))])
