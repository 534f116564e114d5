"""GoogleSQL's types: their spelling, and the conversion of values."""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import TypeVar

from msgspec import Struct

from handoff.base.budget import TYPE_DEPTH
from handoff.base.characters import has_half
from handoff.base.patterns import lazy_pattern
from handoff.base.problems import nearest

Value = (
    None
    | bool
    | int
    | float
    | Decimal
    | str
    | bytes
    | date
    | datetime
    | time
    | tuple["Value", ...]
    | Mapping[str, "Value"]
)
"""DATETIME is a naive `datetime`, TIMESTAMP an aware one in UTC; ARRAY a tuple, STRUCT a
mapping in field order, JSON the text as sent."""

NUMBERS = ("INT64", "FLOAT64", "NUMERIC", "BIGNUMERIC")
DAYS = ("DATE", "DATETIME", "TIMESTAMP")

T = TypeVar("T")


class BadType(ValueError):
    """An invalid spelling of a type, with the offset of the error."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


class BadValue(ValueError):
    """A value that does not fit its type."""


class Type(Struct, frozen=True):
    name: str
    """`INT64`, `ARRAY`, `STRUCT`."""
    fields: tuple[Field, ...] = ()
    """Of a STRUCT, in order; an ARRAY has one without a name, its element."""

    @property
    def element(self) -> Type:
        return self.fields[0].type

    def __str__(self) -> str:
        inner = ", ".join(f"{field.name} {field.type}".strip() for field in self.fields)
        return f"{self.name}<{inner}>" if inner else self.name


class Field(Struct, frozen=True):
    name: str
    type: Type
    offset: int = 0
    """Of its name in the text."""


def type_of(text: str) -> Type:
    """The type spelled `text`, in any case. Raises BadType."""
    tokens = _Tokens(text)
    read = _type(tokens)
    if tokens.word:
        raise BadType(f"unexpected '{tokens.word}' after the type", tokens.offset)
    return read


def declarations(text: str) -> tuple[list[Field], list[BadType]]:
    """`name TYPE, name TYPE` as fields, with all errors."""
    tokens = _Tokens(text)
    fields: list[Field] = []
    bad: list[BadType] = []
    while tokens.word:
        try:
            fields.append(_field(tokens))
            if tokens.word and tokens.word != ",":
                raise BadType(f"expected ',' before '{tokens.word}'", tokens.offset)
        except BadType as problem:
            bad.append(problem)
            tokens.skip_to_comma()
        tokens.advance()
    return fields, bad


def inferred(value: Value) -> Type:
    """The type of a bound value, as printed and recorded; STRING for NULL."""
    if isinstance(value, tuple):
        known = [inferred(each) for each in value if each is not None]
        return Type("ARRAY", (Field("", known[0] if known else Type("STRING")),))
    if isinstance(value, Mapping):
        return Type("STRUCT", tuple(Field(k, inferred(v)) for k, v in value.items()))
    if isinstance(value, datetime):
        return Type("TIMESTAMP" if value.tzinfo else "DATETIME")
    return Type(next((name for kind, name in _INFERRED if isinstance(value, kind)), "STRING"))


def value_of(raw: object, wanted: Type) -> Value:
    """`raw`, from an author or a warehouse, as a value of `wanted`.

    Raises BadValue: nothing is rounded, cut or guessed.
    """
    if raw is None:
        return None
    return _VALUES[wanted.name](raw, wanted)


# --- spelling ----------------------------------------------------------------------------

_TOKEN = lazy_pattern(r"\s*([A-Za-z_][A-Za-z0-9_]*|\S)")

OTHER_NAMES: Mapping[str, str] = {
    "INT": "INT64",
    "INTEGER": "INT64",
    "BIGINT": "INT64",
    "FLOAT": "FLOAT64",
    "DOUBLE": "FLOAT64",
    "DECIMAL": "NUMERIC",
    "BIGDECIMAL": "BIGNUMERIC",
    "BOOLEAN": "BOOL",
    "TEXT": "STRING",
    "VARCHAR": "STRING",
    "BLOB": "BYTES",
}
"""What other engines, and legacy SQL, call the types."""
_INFERRED: tuple[tuple[type, str], ...] = (
    (bool, "BOOL"),
    (int, "INT64"),
    (float, "FLOAT64"),
    (Decimal, "BIGNUMERIC"),
    (bytes, "BYTES"),
    (date, "DATE"),
    (time, "TIME"),
)


class _Tokens:
    def __init__(self, text: str) -> None:
        self._text = text
        self._end = 0
        self.word = ""
        self.offset = 0
        self.advance()

    def advance(self) -> None:
        found = _TOKEN.match(self._text, self._end)
        self.word = found[1] if found else ""
        self.offset = found.start(1) if found else len(self._text.rstrip())
        self._end = found.end() if found else len(self._text)

    def take(self, word: str) -> None:
        if self.word != word:
            found = f"'{self.word}'" if self.word else "the end"
            raise BadType(f"expected '{word}', found {found}", self.offset)
        self.advance()

    def skip_to_comma(self) -> None:
        depth = 0
        while self.word and (self.word != "," or depth):
            depth = max(0, depth + {"<": 1, ">": -1}.get(self.word, 0))
            self.advance()


def _field(tokens: _Tokens, depth: int = 1) -> Field:
    name, offset = tokens.word, tokens.offset
    if not re.match(r"[A-Za-z_]", name):
        raise BadType(
            f"expected a name, found '{name}'" if name else "a name is missing", offset
        )
    tokens.advance()
    if tokens.word in ("", ",", ">"):
        raise BadType(f"'{name}' has no type, expected '{name} TYPE'", offset)
    return Field(name, _type(tokens, depth), offset)


def _type(tokens: _Tokens, depth: int = 1) -> Type:
    if depth > TYPE_DEPTH:
        raise BadType(f"types nested more than {TYPE_DEPTH} deep", tokens.offset)
    name, offset = tokens.word.upper(), tokens.offset
    if name not in _VALUES:
        raise BadType(_unknown(tokens.word), offset)
    tokens.advance()
    if name not in ("ARRAY", "STRUCT"):
        return Type(name)
    tokens.take("<")
    inner = depth + 1
    fields = _struct(tokens, inner) if name == "STRUCT" else (Field("", _type(tokens, inner)),)
    tokens.take(">")
    if name == "ARRAY" and fields[0].type.name == "ARRAY":
        raise BadType("an ARRAY cannot hold ARRAYs, wrap them in a STRUCT", offset)
    return Type(name, fields)


def _struct(tokens: _Tokens, depth: int) -> tuple[Field, ...]:
    fields = [_field(tokens, depth)]
    while tokens.word == ",":
        tokens.advance()
        field = _field(tokens, depth)
        if field.name.casefold() in (each.name.casefold() for each in fields):
            raise BadType(f"field '{field.name}' is repeated", field.offset)
        fields.append(field)
    return tuple(Field(field.name, field.type) for field in fields)


def _unknown(word: str) -> str:
    if not word:
        return "a type is missing"
    known = OTHER_NAMES.get(word.upper())
    hint = f", did you mean '{known}'?" if known else nearest(word, _VALUES)
    return f"unknown type '{word}'{hint or ', expected one of ' + ', '.join(_VALUES)}"


# --- values ------------------------------------------------------------------------------

_INT64 = range(-(2**63), 2**63)
_NUMERIC = {"NUMERIC": (29, 9), "BIGNUMERIC": (38, 38)}
"""The digits before and after the point."""
_SPECIAL = {"nan": math.nan, "inf": math.inf, "infinity": math.inf}


def _string(raw: object, wanted: Type) -> Value:
    if not isinstance(raw, str):
        raise _expected(wanted, raw, ", put it in quotes")
    if has_half(raw):  # JSON can escape it
        raise BadValue("half of a surrogate pair, which is not text")
    return raw


def _int64(raw: object, wanted: Type) -> Value:
    if isinstance(raw, str) and re.fullmatch(r"[+-]?[0-9]{1,20}", raw):
        raw = int(raw)
    if isinstance(raw, Decimal) and raw == raw.to_integral_value():
        raw = int(raw)
    if not isinstance(raw, int) or isinstance(raw, bool):
        raise _expected(wanted, raw)
    if raw not in _INT64:
        raise BadValue(f"{raw} does not fit in INT64")
    return raw


def _float64(raw: object, wanted: Type) -> Value:
    if isinstance(raw, str):
        sign = -1.0 if raw.startswith("-") else 1.0
        special = _SPECIAL.get(raw.lstrip("+-").casefold())
        raw = sign * special if special is not None else _number(raw, wanted)
    if isinstance(raw, bool) or not isinstance(raw, (int, float, Decimal)):
        raise _expected(wanted, raw)
    try:
        return float(raw)
    except OverflowError as error:
        raise BadValue(f"{raw} does not fit in FLOAT64") from error


def _numeric(raw: object, wanted: Type) -> Value:
    number = _number(raw, wanted)
    if not number.is_finite():
        raise _expected(wanted, raw)
    whole, fraction = _NUMERIC[wanted.name]
    if not (_fits(number, whole, 200) and _fits(_plain(number), whole, fraction)):
        raise BadValue(
            f"{raw} does not fit in {wanted}: {whole} digits before the point, {fraction} after"
        )
    return _plain(number)


def _fits(number: Decimal, whole: int, fraction: int) -> bool:
    exponent = number.as_tuple().exponent
    return isinstance(exponent, int) and -exponent <= fraction and number.adjusted() < whole


def _number(raw: object, wanted: Type) -> Decimal:
    # a float is read as the author wrote it: 0.1 is one tenth
    text = repr(raw) if isinstance(raw, float) else raw
    if isinstance(text, bool) or not isinstance(text, (int, str, Decimal)):
        raise _expected(wanted, raw)
    try:
        return Decimal(text)
    except InvalidOperation as error:
        raise _expected(wanted, raw) from error


def _plain(number: Decimal) -> Decimal:
    """Without trailing zeros or an exponent, so that a number has one spelling."""
    text = f"{number:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return Decimal("0" if text in ("-0", "") else text)


def _bool(raw: object, wanted: Type) -> Value:
    if isinstance(raw, bool):
        return raw
    if isinstance(raw, str) and raw.casefold() in ("true", "false"):
        return raw.casefold() == "true"
    raise _expected(wanted, raw, ", true or false")


def _date(raw: object, wanted: Type) -> Value:
    if isinstance(raw, date) and not isinstance(raw, datetime):
        return raw
    if isinstance(raw, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", raw):
        return _iso(date.fromisoformat, raw, wanted)
    raise _expected(wanted, raw, ", such as 2026-01-03")


def _time(raw: object, wanted: Type) -> Value:
    if isinstance(raw, str) and re.fullmatch(r"\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?", raw):
        raw = _iso(time.fromisoformat, raw, wanted)
    if isinstance(raw, time) and raw.tzinfo is None:
        return raw
    raise _expected(wanted, raw, ", such as '16:20:00'")


def _datetime(raw: object, wanted: Type) -> Value:
    time_ = _parsed_time(raw, wanted)
    if isinstance(time_, datetime) and time_.tzinfo is None:
        return time_
    raise _expected(wanted, raw, ", such as '2026-01-03 16:20:00', without a time zone")


def _timestamp(raw: object, wanted: Type) -> Value:
    time_ = _parsed_time(raw, wanted)
    if isinstance(time_, datetime) and time_.tzinfo is not None:
        return _utc(time_, raw, wanted)
    raise _expected(wanted, raw, ", such as 2026-01-03T16:20:00Z, with a time zone")


def _utc(time_: datetime, raw: object, wanted: Type) -> datetime:
    try:
        return time_.astimezone(UTC)
    except OverflowError as error:  # the first or the last day of the calendar
        raise BadValue(f"'{raw}' is not a valid {wanted}: {error}") from error


def _parsed_time(raw: object, wanted: Type) -> object:
    if isinstance(raw, str) and re.match(r"\d{4}-\d{2}-\d{2}[T ]", raw):
        text = re.sub(r" ?(UTC|Z)$", "+00:00", raw)
        return _iso(datetime.fromisoformat, text, wanted)
    return raw


def _iso(read: Callable[[str], T], text: str, wanted: Type) -> T:
    try:
        return read(text)
    except (ValueError, OverflowError) as error:
        raise BadValue(f"'{text}' is not a valid {wanted}: {error}") from error


def _bytes(raw: object, wanted: Type) -> Value:
    if isinstance(raw, (bytes, bytearray)):
        return bytes(raw)
    if isinstance(raw, str):
        try:
            return base64.b64decode(raw, validate=True)
        except ValueError as error:
            raise _expected(wanted, raw, " in base64") from error
    raise _expected(wanted, raw, " in base64")


def _json(raw: object, wanted: Type) -> Value:
    if not isinstance(raw, str):
        raise _expected(wanted, raw, " as text")
    try:
        json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise _expected(wanted, raw) from error
    return raw


def _array(raw: object, wanted: Type) -> Value:
    if not isinstance(raw, (list, tuple)):
        raise _expected(wanted, raw, ", a list")
    return tuple(value_of(each, wanted.element) for each in raw)


def _struct_value(raw: object, wanted: Type) -> Value:
    if not isinstance(raw, Mapping):
        raise _expected(wanted, raw, ", a mapping")
    names = [field.name for field in wanted.fields]
    for name in raw:
        if name not in names:
            raise BadValue(f"{wanted} has no field '{name}'{nearest(str(name), names)}")
    return {field.name: value_of(raw.get(field.name), field.type) for field in wanted.fields}


_VALUES: Mapping[str, Callable[[object, Type], Value]] = {
    "STRING": _string,
    "INT64": _int64,
    "FLOAT64": _float64,
    "NUMERIC": _numeric,
    "BIGNUMERIC": _numeric,
    "BOOL": _bool,
    "DATE": _date,
    "DATETIME": _datetime,
    "TIME": _time,
    "TIMESTAMP": _timestamp,
    "BYTES": _bytes,
    "JSON": _json,
    "ARRAY": _array,
    "STRUCT": _struct_value,
}
"""Every type, in the order that messages list them."""


def _expected(wanted: Type, raw: object, hint: str = "") -> BadValue:
    return BadValue(f"expected {wanted}{hint}, found {_found(raw)}")


def _found(raw: object) -> str:
    if isinstance(raw, str):
        return f"'{raw[:40]}…'" if len(raw) > 41 else f"'{raw}'"
    if isinstance(raw, bool):
        return str(raw).lower()
    if isinstance(raw, (list, tuple)):
        return "a list"
    return "a mapping" if isinstance(raw, Mapping) else str(raw)
