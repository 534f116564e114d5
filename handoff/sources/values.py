"""What a log or a checkpoint says, as a value of a declared type."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from handoff.sources.log import plain_number
from handoff.sql.types import BadValue, Type, Value, value_of

_TIME = re.compile(r"\d{4}[-/]\d{2}[-/]\d{2}[T ]\d{2}:\d{2}.*", re.DOTALL)
_SECONDS = re.compile(r"\d{9,10}(\.\d+)?")
_NUMBERS = ("INT64", "FLOAT64", "NUMERIC", "BIGNUMERIC")


def as_column(raw: object, wanted: Type, zone: str | None) -> Value:
    """`raw` as exactly one value of `wanted`; `zone` is that of times without one.

    `1,537` is a number, a number may be text, and nothing at all is no value. Raises
    BadValue: nothing is rounded, cut or guessed.
    """
    if isinstance(raw, str) and not raw.strip() and wanted.name != "STRING":
        return None
    if wanted.name == "TIMESTAMP":
        return moment_of(raw, zone)
    if wanted.name in _NUMBERS and isinstance(raw, str):
        return value_of(plain_number(raw.strip()), wanted)
    if wanted.name == "STRING" and isinstance(raw, int | float) and not isinstance(raw, bool):
        return str(raw)
    if wanted.name == "JSON" and raw is not None:
        return value_of(json.dumps(raw, ensure_ascii=False), wanted)
    return value_of(raw, wanted)


def moment_of(raw: object, zone: str | None) -> datetime | None:
    """A time as logs write it, or seconds since 1970, in UTC. Raises BadValue."""
    if raw is None or raw == "":
        return None
    if isinstance(raw, datetime):
        return raw
    text = str(raw).strip()
    if _SECONDS.fullmatch(text):
        return datetime.fromtimestamp(float(text), UTC)
    if not _TIME.fullmatch(text):
        raise BadValue(f"'{_short(text)}' is no time such as 2026-01-03T16:20:00Z")
    try:
        moment = datetime.fromisoformat(_iso(text))
        if moment.tzinfo is None and zone is not None:
            moment = moment.replace(tzinfo=ZoneInfo(zone))
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise BadValue(f"'{_short(text)}' is no time: {error}") from error
    raise BadValue(f"'{_short(text)}' has no zone, 'zone: UTC' would say which is meant")


def _iso(text: str) -> str:
    text = text[:10].replace("/", "-") + text[10:].replace(",", ".")
    return re.sub(r" ?(UTC|GMT|[Zz])$", "+00:00", text).replace(" +", "+").replace(" -", "-")


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:39]}…"
