"""Which signature of a function or an operator fits its arguments, and what it returns.

Types coerce as BigQuery documents it: numbers to wider numbers, a DATE to a DATETIME, literals
also to what they can be read as.
https://cloud.google.com/bigquery/docs/reference/standard-sql/conversion_rules
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache

from msgspec import Struct

from handoff.sql.functions import KINDS, LINES
from handoff.sql.types import NUMBERS, Field, Type, type_of

UNKNOWN = Type("UNKNOWN")
NULL = Type("NULL")
"""Of the bare word."""
INTERVAL = Type("INTERVAL")

_WIDER: Mapping[str, tuple[str, ...]] = {
    "INT64": ("NUMERIC", "BIGNUMERIC", "FLOAT64"),
    "NUMERIC": ("BIGNUMERIC", "FLOAT64"),
    "BIGNUMERIC": ("FLOAT64",),
    "DATE": ("DATETIME",),
}
_READ_AS: Mapping[str, tuple[str, ...]] = {
    "FLOAT64": ("NUMERIC", "BIGNUMERIC"),
    "STRING": ("DATE", "DATETIME", "TIMESTAMP", "TIME"),
}
"""What a literal, or a parameter, is also."""


class Argument(Struct, frozen=True):
    """The type of an argument, and whether it is a literal or a parameter."""

    type: Type
    is_literal: bool = False

    def coerces_to(self, wanted: Type) -> bool:
        found = self.type
        if UNKNOWN in (found, wanted) or found == NULL:
            return True
        if found.name != wanted.name:
            literal = _READ_AS.get(found.name, ()) if self.is_literal else ()
            return wanted.name in (*_WIDER.get(found.name, ()), *literal)
        if len(found.fields) != len(wanted.fields):
            return not found.fields or not wanted.fields
        fields = zip(found.fields, wanted.fields, strict=True)
        if found.name == "ARRAY" and not self.is_literal:
            return all(_is_same(one.type, other.type) for one, other in fields)
        return all(
            Argument(one.type, self.is_literal).coerces_to(other.type) for one, other in fields
        )


def _is_same(one: Type, other: Type) -> bool:
    """Whether types are equal, as far as they are known; names of fields do not count."""
    if UNKNOWN in (one, other) or NULL in (one, other):
        return True
    return (one.name, len(one.fields)) == (other.name, len(other.fields)) and all(
        _is_same(first.type, second.type)
        for first, second in zip(one.fields, other.fields, strict=True)
    )


class Mismatch(Exception):
    """No signature fits; the message names those there are."""


class Signature(Struct, frozen=True):
    """The types of the arguments and of the result, as the table spells them."""

    arguments: tuple[str, ...]
    result: str

    @property
    def bounds(self) -> tuple[int, float]:
        """The fewest and the most arguments."""
        optional = sum(each.startswith("[") or each.endswith("...") for each in self.arguments)
        repeats = any(each.endswith("...") for each in self.arguments)
        count = len(self.arguments)
        return count - optional, float("inf") if repeats else count

    def returns(self, found: Sequence[Argument]) -> Type | None:
        """The result for these arguments; `None` if they do not fit."""
        least, most = self.bounds
        if not least <= len(found) <= most:
            return None
        wanted = [each.strip("[].") for each in self.arguments]
        wanted += wanted[-1:] * (len(found) - len(wanted))
        letters: dict[str, list[Argument]] = {}
        for spelled, each in zip(wanted, found, strict=False):
            if spelled in ("T", "N"):
                letters.setdefault(spelled, []).append(each)
            elif spelled == "ARRAY<T>":
                if each.type.name not in ("ARRAY", "NULL", "UNKNOWN"):
                    return None
                is_array = each.type.name == "ARRAY" and each.type.fields
                element = each.type.element if is_array else UNKNOWN
                letters.setdefault("T", []).append(Argument(element, each.is_literal))
            elif spelled not in ("ANY", "PART") and not each.coerces_to(_type(spelled)):
                return None
        bound: dict[str, Type] = {}
        for letter, members in letters.items():
            common = supertype(members)
            if common is None or (letter == "N" and common.name not in _ANY_NUMBER):
                return None
            bound[letter] = common
        if self.result == "ARRAY<T>":
            return Type("ARRAY", (Field("", bound.get("T", UNKNOWN)),))
        return bound.get(self.result) or _type(self.result)

    def fits_exactly(self, found: Sequence[Argument]) -> bool:
        names = [each.strip("[].") for each in self.arguments]
        return all(
            name == each.type.name or name in ("ANY", "PART", "T", "N")
            for name, each in zip(names, found, strict=False)
        )


_ANY_NUMBER = (*NUMBERS, "NULL", "UNKNOWN")


@cache
def _type(spelled: str) -> Type:
    if spelled == "INTERVAL":
        return INTERVAL  # no type of a header's columns
    return UNKNOWN if spelled == "ANY" else type_of(spelled)


class Function(Struct, frozen=True):
    """A function of the table."""

    name: str
    kind: str
    """`aggregate`, `window` or none."""
    signatures: tuple[Signature, ...]
    """None if it has a grammar of its own."""

    @property
    def bounds(self) -> tuple[int, float]:
        """The fewest and the most arguments."""
        bounds = [each.bounds for each in self.signatures] or [(0, float("inf"))]
        return min(least for least, _ in bounds), max(most for _, most in bounds)

    def returns(self, found: Sequence[Argument]) -> Type:
        """The type of a call. Raises Mismatch."""
        if not self.signatures:
            return UNKNOWN
        results = [
            result
            for each in sorted(self.signatures, key=lambda s: not s.fits_exactly(found))
            if (result := each.returns(found)) is not None
        ]
        if not results:
            types = ", ".join(spell(each.type) for each in found) or "no arguments"
            expected = " or ".join(
                f"{self.name}({', '.join(each.arguments)})" for each in self.signatures[:3]
            )
            message = f"no matching signature for {self.name} with {types}, expected {expected}"
            raise Mismatch(message)
        is_open = any(each.type == UNKNOWN for each in found)
        return results[0] if not is_open or len(set(results)) == 1 else UNKNOWN


@cache
def table() -> Mapping[str, Function]:
    """Every function by its name."""
    return {each.name: each for line in LINES for each in _functions(*line)}


def _functions(words: str, _: str, spelled: str) -> Iterator[Function]:
    kind = next((each for each in words.split() if each in KINDS), "")
    signatures = () if spelled.strip() == "*" else tuple(map(_signature, spelled.split("|")))
    for name in words.split():
        if name != kind:
            yield Function(name, kind, signatures)


def _signature(spelled: str) -> Signature:
    arguments, _, result = spelled.partition("->")
    found = (each.strip() for each in arguments.split(","))
    return Signature(tuple(filter(None, found)), result.strip())


# --- supertypes --------------------------------------------------------------------------


def supertype(found: Sequence[Argument]) -> Type | None:
    """The type that all have in common; `None` if there is none.

    Literals give way to other expressions: `1.5` next to a NUMERIC is a NUMERIC.
    """
    typed = [each for each in found if each.type != NULL]
    if not typed:
        return NULL
    if any(each.type == UNKNOWN for each in typed):
        known = [each for each in typed if each.type != UNKNOWN]
        return UNKNOWN if not known or supertype(known) is not None else None
    firm = [each.type for each in typed if not each.is_literal]
    every = [each.type for each in typed]
    candidates = [_widest(firm) if firm else None, _widest(every), *every]
    for common in candidates:
        if common and all(each.coerces_to(common) for each in typed):
            return _renamed(common, every[0])
    return None


def _renamed(type_: Type, like: Type) -> Type:
    """`type_` with the names of the fields of `like`: those of the first STRUCT count."""
    if len(type_.fields) != len(like.fields) or type_.name != like.name:
        return type_
    pairs = zip(type_.fields, like.fields, strict=True)
    fields = (Field(other.name, _renamed(one.type, other.type)) for one, other in pairs)
    return Type(type_.name, tuple(fields))


def _widest(types: Sequence[Type]) -> Type | None:
    first = types[0]
    if any(first.name != each.name for each in types):
        candidates = [each for each in types if all(_widens(one, each) for one in types)]
        return candidates[0] if candidates else None
    if first.name == "STRUCT":
        known = [each for each in types if each.fields]
        if not known or len({len(each.fields) for each in known}) > 1:
            return None if known else first
        fields = [_widest([each.fields[n].type for each in known]) for n in _positions(known)]
        names = [field.name for field in known[0].fields]
        pairs = zip(names, fields, strict=True)
        members = tuple(Field(name, type_) for name, type_ in pairs if type_)
        return Type("STRUCT", members) if len(members) == len(names) else None
    if first.name == "ARRAY":
        known = [each for each in types if each.fields and each.element != UNKNOWN]
        return known[0] if known else first
    return first


def _positions(structs: Sequence[Type]) -> range:
    return range(len(structs[0].fields))


def _widens(one: Type, other: Type) -> bool:
    return one.name in (other.name, "NULL") or other.name in _WIDER.get(one.name, ())


def spell(type_: Type) -> str:
    """A type as BigQuery's messages name it."""
    return re.sub(r"^(STRUCT)<.*", r"\1", str(type_)) if type_ != NULL else "NULL"


# --- what can be compared ----------------------------------------------------------------


def comparison(operator: str, found: Sequence[Argument]) -> None:
    """Raise Mismatch unless the arguments can be compared."""
    types = " and ".join(spell(each.type) for each in found[:2])
    common = supertype(found)
    if common is None:
        raise Mismatch(f"no matching signature for {operator} of {types}, CAST one of them")
    only_equal = operator in ("=", "!=", "IN", "IS DISTINCT FROM")
    bad = not_orderable(common) if not only_equal else not_comparable(common)
    if bad:
        raise Mismatch(f"{operator} is not defined for {bad}")


def not_orderable(type_: Type) -> str:
    """The name of a type that has no order; empty if it has one."""
    names = ("ARRAY", "STRUCT", "JSON", "GEOGRAPHY")
    return type_.name if type_.name in names else ""


def not_comparable(type_: Type) -> str:
    """The name of a type without equality, in a STRUCT too; empty if there is none."""
    if type_.name in ("ARRAY", "JSON", "GEOGRAPHY"):
        return type_.name
    inner = (not_comparable(field.type) for field in type_.fields)
    return next((f"{type_.name} with {each}" for each in inner if each), "")


def not_groupable(type_: Type) -> str:
    """The name of a type that GROUP BY and DISTINCT refuse; empty if they take it."""
    return not_comparable(type_)
