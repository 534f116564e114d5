"""Trends: what a fact said in an earlier session, beside what it says now.

Only an answer to the same question is compared: the same SQL, parameters and engine, of an
earlier moment, as it was recorded. Else there is nothing before, and why.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal, localcontext
from fractions import Fraction
from math import ceil
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from handoff.facts.recorded import Fact, Facts, Provenance, asks_alike
from handoff.sql.types import Type, Value
from handoff.values.filters import NUMBERS
from handoff.values.printing import PreviousNumber, Typed, is_name, printed

if TYPE_CHECKING:
    from handoff.values.evaluate import Row
    from handoff.values.view import FactView

BEFORE, CHANGE = "_before", "_change"
"""How the columns end that stand beside a number: `percent_before`, `percent_change`."""


class EarlierSession(Struct, frozen=True):
    """What another session recorded."""

    session: str
    """The id."""
    facts: Facts | None
    why: str = "has nothing recorded"
    """Why there are none."""


def columns(types: Mapping[str, Type], key: str | None) -> dict[str, Type]:
    """The columns that a fact's rows are given where it is compared, each with its type."""
    added: dict[str, Type] = {}
    for name in _quantities(types, key):
        added |= {f"{name}{BEFORE}": types[name], f"{name}{CHANGE}": types[name]}
    return added


def _quantities(types: Mapping[str, Type], key: str | None) -> list[str]:
    """The columns that can have become more or less."""
    return [
        name
        for name, type_ in types.items()
        if type_.name in NUMBERS
        and name != key
        and not is_name(name)
        and not {f"{name}{BEFORE}", f"{name}{CHANGE}"} & {*types}
    ]


def answer(fact: Fact, earlier: EarlierSession) -> tuple[Fact | None, str]:
    """The earlier answer to the same question as `fact`; else `None` and why.

    It may have another name there.
    """
    if earlier.facts is None:
        return None, f"{earlier.session} {earlier.why}"
    there = earlier.facts.facts
    named = [there[fact.name]] if fact.name in there else []
    others = [each for each in there.values() if _is_same(each, fact)]
    whys = [(each, _why(each, fact, earlier)) for each in (*others, *named)]
    if not whys:
        return None, f"{earlier.session} did not ask this"
    found, why = next((each for each in whys if not each[1]), whys[0])
    return (None, why) if why else (found, "")


def compared(
    source: FactView, then: FactView | None, why: str, *, session: str, named_by: str | None
) -> FactView:
    """The source with what each of its numbers was, and by how much it changed."""
    names = _quantities(source.types, source.key)
    added = columns(source.types, source.key)
    told = replace(
        source,
        types={**source.types, **added},
        derived=(*source.derived, *added),
        apart=why,
    )
    if source.rows is None:
        return told
    pairs = _pairs(source.rows, then, named_by)
    rows = [_beside(row, old, names, session, why) for row, old in pairs]
    overall = source.overall
    if overall is not None:
        overall = _beside(overall, then.overall if then else None, names, session, why)
    return replace(told, rows=tuple(rows), overall=overall)


def words(now: Typed, before: PreviousNumber) -> str | None:
    """`71.4% → 89.3%, +17.9 points since session-1`; `None` where one is not known."""
    old, new = printed(before.typed) if before.typed else None, printed(now)
    if before.typed is None or old is None or new is None:
        return None
    sign, points = ("%", " points") if before.is_share else ("", "")
    since = f"since {before.session}"
    change, true = _difference(now, before.typed), _exact(now) - _exact(before.typed)
    by = printed(Typed(_value(change, now.type), now.type)) or "0"
    if not true or (by == "0" and now.exact is None):
        return f"{new}{sign}, unchanged {since}"
    if _sign(change) == _sign(true):
        plus = "+" if change > 0 else ""
        return f"{old}{sign} → {new}{sign}, {plus}{by}{points} {since}"
    way = "up" if true > 0 else "down"
    most = _rounded_up(abs(true), old, new)
    return f"{old}{sign} → {new}{sign}, {way} by at most {most}{points} {since}"


# --- the same question -------------------------------------------------------------------


def _is_same(there: Fact, fact: Fact) -> bool:
    """Whether it is the same file, or the same declaration, whatever it was asked with."""
    one, two = there.provenance, fact.provenance
    if one is None or two is None:
        return False
    # of a lookup the source is a file's name, which can be that of many
    is_file = two.source.endswith(".sql") and one.source == two.source
    return is_file or one.sha256 == two.sha256


def _why(there: Fact, fact: Fact, earlier: EarlierSession) -> str:
    """Why the two are not to be compared; empty where they are."""
    session, old, new = earlier.session, there.provenance, fact.provenance
    if there.failure is not None:
        return f"it failed in {session}"
    if old is None or new is None or not _is_same(there, fact):
        return f"{session} did not ask this"
    if there.edited:
        return f"its answer in {session} was edited by hand"
    if old.sha256 != new.sha256:
        return f"the question changed since {session}"
    if not asks_alike(old, new):
        return f"{session} asked with other parameters"
    if old.engine != new.engine:
        return f"another engine answered in {session}"
    return f"{session} is of a later moment" if _moment(old) > _moment(new) else ""


def _moment(provenance: Provenance) -> datetime:
    return provenance.as_of or provenance.ran_at


# --- rows beside each other --------------------------------------------------------------


def _pairs(
    rows: Sequence[Row], then: FactView | None, named_by: str | None
) -> Iterator[tuple[Row, Row | None]]:
    """Each row with the earlier one of its name, or with the only one where none has a name."""
    old = then.rows or () if then else ()
    if named_by is None:
        is_single = len(rows) == len(old) == 1
        yield from ((row, old[0] if is_single else None) for row in rows)
        return
    now_names, old_names = _names(rows, named_by), _names(old, named_by)
    for row, name in zip(rows, now_names, strict=True):
        is_one = name is not None and now_names.count(name) == old_names.count(name) == 1
        yield row, old[old_names.index(name)] if is_one else None


def _names(rows: Sequence[Row], named_by: str) -> list[Value]:
    return [row[named_by].value if named_by in row else None for row in rows]


def _beside(
    row: Row, old: Row | None, names: Sequence[str], session: str, why: str
) -> dict[str, Typed]:
    found = dict(row)
    for name in names:
        before = _before(name, row[name], old, session, why)
        found[name] = replace(row[name], before=before)
        was = before.typed or replace(row[name], value=None, exact=None)
        found[f"{name}{BEFORE}"] = replace(was, is_own=True)
        found[f"{name}{CHANGE}"] = _change(row[name], before)
    return found


def _before(name: str, now: Typed, old: Row | None, session: str, why: str) -> PreviousNumber:
    then = old.get(name) if old is not None else None
    is_share = name.endswith(_SHARES) or (name == "success_rate" and now.is_own)
    if then is not None and then.type == now.type and printed(then) is not None:
        return PreviousNumber(session, then, "", is_share)
    absent = f"{session} has no such row" if old is None else f"it was not known in {session}"
    return PreviousNumber(session, None, why or absent, is_share)


_SHARES = ("percent", "percentage", "_pct")
"""How a column ends whose numbers are percentages."""


def _change(now: Typed, before: PreviousNumber) -> Typed:
    """What the printed numbers differ by, so that they add up; never with the wrong sign."""
    if before.typed is None or printed(now) is None:
        return Typed(None, now.type, is_own=True)
    change, true = _difference(now, before.typed), _exact(now) - _exact(before.typed)
    change = change if _sign(change) == _sign(true) else Fraction(0)
    return Typed(_value(change, now.type), now.type, True, is_signed=True, exact=true)


def _difference(now: Typed, then: Typed) -> Fraction:
    return _number(now) - _number(then)


def _exact(cell: Typed) -> Fraction:
    return cell.exact if cell.exact is not None else _number(cell)


def _number(cell: Typed) -> Fraction:
    number = cell.value
    assert isinstance(number, int | float | Decimal)  # what prints has a value
    return Fraction(Decimal(str(number)))


def _sign(number: Fraction) -> int:
    return (number > 0) - (number < 0)


def _value(number: Fraction, type_: Type) -> Value:
    """The number as a value of the type, which it is of as a difference of two."""
    if type_.name == "INT64":
        return int(number)
    if type_.name == "FLOAT64":
        return float(number)
    with localcontext() as context:
        context.prec = 400
        return Decimal(number.numerator) / Decimal(number.denominator)


def _rounded_up(number: Fraction, old: str, new: str) -> str:
    """To the last decimal that both show, and one at least, after which percentages are cut."""
    digits = max(1, min(len(each.partition(".")[2]) for each in (old, new)))
    return f"{Decimal(ceil(number * 10**digits)).scaleb(-digits):f}"
