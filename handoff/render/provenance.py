"""What a document says of its numbers: who answered, as of when, and what did not answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from handoff.facts.receipts import Receipt, digest
from handoff.facts.recorded import Fact, Facts, Provenance
from handoff.values.printing import code_span, escaped, moment

_ENGINES: Mapping[str, str] = {
    "duckdb": "DuckDB",
    "duckdb sample": "DuckDB over the sample warehouse (made-up data)",
    "bigquery": "BigQuery",
}
_BESIDE = ("log", "json", "git")
"""What is looked up beside a warehouse."""


def provenance(facts: Facts | None, *, stale_ok: bool) -> tuple[str, ...]:
    """A sentence for each engine that answered, and one for each fact that has no answer.

    Nothing in it changes when the same is answered again.
    """
    if facts is None or not facts.facts:
        return ()
    return (*_answered(facts), *_failed(facts, stale_ok=stale_ok))


def _answered(facts: Facts) -> Iterator[str]:
    at = f", as of {moment(facts.as_of)}" if facts.as_of else ""
    by_origin: dict[str, list[str]] = {}
    for fact in facts.facts.values():
        if fact.provenance and not fact.failure:
            by_origin.setdefault(_origin(fact.provenance), []).append(fact.name)
    for origin, names in by_origin.items():
        yield f"Live values from {origin}{at}: {', '.join(names)}."


def _origin(provenance: Provenance) -> str:
    """The warehouse; for what was looked up beside it, the kind and what was looked into."""
    engine = provenance.engine
    if engine.partition(" ")[0] in _BESIDE:
        return f"{engine} {code_span(provenance.source)}"
    return _ENGINES.get(engine, engine)


def _failed(facts: Facts, *, stale_ok: bool) -> Iterator[str]:
    """A sentence for each reason, the facts it left without an answer together."""
    by_reason: dict[tuple[str, str], list[str]] = {}
    for fact in facts.facts.values():
        if fact.failure is not None:
            reason = fact.failure.message, _age(fact) if stale_ok else ""
            by_reason.setdefault(reason, []).append(fact.name)
    for (message, age), names in by_reason.items():
        instead = f"; the answer as of {age} stands instead" if age else ""
        yield f"No answer for {', '.join(names)}: {code_span(message)}{instead}."


def _age(fact: Fact) -> str:
    """The moment that the last answer was asked for; empty where there is none."""
    at = fact.provenance.as_of if fact.provenance else None
    return moment(at) if at else ""


def receipt_lines(receipts: Sequence[Receipt], facts: Facts | None) -> tuple[str, ...]:
    """A line of Markdown for each receipt, for the document that shows `facts`."""
    now = digest(facts)
    return tuple(_receipt_line(each, is_same=each.facts == now) for each in receipts)


def _receipt_line(receipt: Receipt, *, is_same: bool) -> str:
    at = f" at {code_span(receipt.commit[:7])}" if receipt.commit else ""
    since = "" if is_same else ", with facts recorded before these"
    note = f": {escaped(receipt.note, 'text')}" if receipt.note else ""
    return f"{escaped(receipt.by, 'text')}, {moment(receipt.at)}{at}{since}{note}"
