"""Receipts: who accepted a handoff, and the file that records it.

`handoff accept` writes `sessions/<id>.receipts.json`, which is committed like the facts.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

from msgspec import Meta, Struct, to_builtins
from msgspec.structs import replace

from handoff.base.conflict_markers import marker_line
from handoff.base.problems import InvalidInput, Place, Problem
from handoff.base.records import convert_record
from handoff.facts import recorded as facts_file
from handoff.facts.recorded import Fact, Facts, Failure, Provenance, Time

VERSION = 1

NonEmptyText = Annotated[str, Meta(min_length=1)]


class Receipt(Struct, frozen=True):
    """One acceptance of a handoff, in the order of the keys in the file."""

    by: NonEmptyText
    at: Time
    """UTC, to the second."""
    commit: NonEmptyText | None = None
    """The commit that was checked out; `None` without git."""
    facts: NonEmptyText | None = None
    """The digest of the facts recorded then; `None` without any."""
    note: NonEmptyText | None = None
    """What the receiver understood, in their words."""


class _ReceiptsFile(Struct, frozen=True):
    receipts: tuple[Receipt, ...]


def dump(receipts: Sequence[Receipt]) -> str:
    """The receipts file: JSON, one receipt a line, the oldest first."""
    records = [to_builtins(replace(each, at=_utc(each.at))) for each in receipts]
    lines = ",\n".join(f"    {json.dumps(each, ensure_ascii=False)}" for each in records)
    return f'{{\n  "handoff_receipts": {VERSION},\n  "receipts": [\n{lines}\n  ]\n}}\n'


def load(source: bytes, path: str) -> tuple[Receipt, ...]:
    """The receipts that a file records. Raises InvalidInput where it cannot be read."""
    try:
        document = json.loads(source.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        if line := marker_line(source.decode(errors="replace")):
            problem = Problem(
                "R001", "a merge conflict, keep the receipts of both", Place(path, line)
            )
            raise InvalidInput([problem]) from error
        raise _invalid("R001", f"not JSON in UTF-8: {error}", path) from error
    if not isinstance(document, dict) or document.get("handoff_receipts") != VERSION:
        raise _invalid("R002", f"not a receipts file of version {VERSION}", path)
    try:
        found = convert_record(document, _ReceiptsFile).receipts
        return tuple(replace(each, at=each.at.astimezone(UTC)) for each in found)
    except (OverflowError, ValueError) as error:
        message = f"unknown format ({error}), restore the file from git"
        raise _invalid("R003", message, path) from error


def digest(facts: Facts | None) -> str | None:
    """The digest of all results, which does not change when a run has the same results."""
    if facts is None:
        return None
    steady = {name: _steady(fact) for name, fact in facts.facts.items()}
    return facts_file.digest_of(facts_file.dump(replace(facts, facts=steady)))


_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


def _steady(fact: Fact) -> Fact:
    """The fact without what changes when a run has the same result."""
    how: Provenance | None = fact.provenance
    constant = {"job_id": None, "ran_at": _NEVER, "bytes_billed": None, "versions": None}
    steady = how and replace(how, **constant)
    failure = Failure(fact.failure.message, _NEVER) if fact.failure else None
    return replace(fact, provenance=steady, failure=failure)


def _utc(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(microsecond=0)


def _invalid(code: str, message: str, path: str) -> InvalidInput:
    return InvalidInput([Problem(code, message, Place(path))])
