"""Trends: the numbers of a fact next to those of an earlier session.

Only results of the same query are compared: the same SQL, parameters and engine, as of an
earlier time, not edited. Otherwise there is no earlier number, and a reason why.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal, localcontext
from fractions import Fraction
from math import ceil

from msgspec.structs import replace

from handoff.facts.recorded import Fact, Provenance, has_same_params
from handoff.sql.types import NUMBERS, Type, Value
from handoff.values.printing import PreviousNumber, Typed, is_name, is_percentage, printed
from handoff.values.rows import EarlierSession, FactView, Row

BEFORE, CHANGE = "_before", "_change"
"""The ends of the columns that are added for a number: `percent_before`, `percent_change`."""


def with_columns(view: FactView) -> FactView:
    """The view with the columns that are added where a fact is compared."""
    if not view.declaration.since:
        return view
    added: dict[str, Type] = {}
    for name in _quantities(view):
        type_ = view.types[name]
        added |= {f"{name}{BEFORE}": type_, f"{name}{CHANGE}": type_}
    return replace(view, types={**view.types, **added}, derived=(*view.derived, *added))


def _quantities(view: FactView) -> list[str]:
    """The columns whose numbers can go up or down."""
    return [
        name
        for name, type_ in view.types.items()
        if type_.name in NUMBERS
        and name != view.key
        and not is_name(name)
        and not {f"{name}{BEFORE}", f"{name}{CHANGE}"} & {*view.types}
    ]


def answer(fact: Fact, earlier: EarlierSession) -> tuple[Fact | None, str]:
    """The earlier result of the same query as that of `fact`; else `None` and why.

    It may have another name there.
    """
    if earlier.facts is None:
        return None, f"{earlier.session} {earlier.why}"
    there = earlier.facts.facts
    named = [there[fact.name]] if fact.name in there else []
    others = [each for each in there.values() if _is_same(each, fact)]
    whys = [(each, _why(each, fact, earlier)) for each in (*others, *named)]
    if not whys:
        return None, f"{earlier.session} did not run this query"
    found, why = next((each for each in whys if not each[1]), whys[0])
    return (None, why) if why else (found, "")


def compared(view: FactView, then: FactView | None, why: str, *, session: str) -> FactView:
    """The view with what each of its numbers was, and by how much it changed."""
    names, found = _quantities(view), replace(with_columns(view), apart=why)
    if view.rows is None:
        return found
    pairs = _pairs(view.rows, then, view.named_by)
    rows = [_with_previous(row, old, names, session, why) for row, old in pairs]
    overall = view.overall
    if overall is not None:
        old = then.overall if then else None
        overall = _with_previous(overall, old, names, session, why)
    return replace(found, rows=tuple(rows), overall=overall)


def words(now: Typed, before: PreviousNumber) -> str | None:
    """`71.4% → 89.3%, +17.9 points since session-1`; `None` where one is not known."""
    old, new = printed(before.typed) if before.typed else None, printed(now)
    if before.typed is None or old is None or new is None:
        return None
    sign, points = ("%", " points") if before.is_share else ("", "")
    since = f"since {before.session}"
    change, true = _difference(now, before.typed), now.exact_number - before.typed.exact_number
    by = printed(Typed(_value(change, now.type), now.type)) or "0"
    if not true or (by == "0" and now.exact is None):
        return f"{new}{sign}, unchanged {since}"
    if _sign(change) == _sign(true):
        plus = "+" if change > 0 else ""
        return f"{old}{sign} → {new}{sign}, {plus}{by}{points} {since}"
    way = "up" if true > 0 else "down"
    most = _rounded_up(abs(true), old, new)
    return f"{old}{sign} → {new}{sign}, {way} by at most {most}{points} {since}"


# --- the same query ----------------------------------------------------------------------


def _is_same(there: Fact, fact: Fact) -> bool:
    """Whether it is the same file or the same declaration, with any parameters."""
    one, two = there.provenance, fact.provenance
    if one is None or two is None:
        return False
    # the source of a lookup is the name of a file that many lookups can read
    is_file = two.source.endswith(".sql") and one.source == two.source
    return is_file or one.sha256 == two.sha256


def _why(there: Fact, fact: Fact, earlier: EarlierSession) -> str:
    """Why the two are not to be compared; empty where they are."""
    session, old, new = earlier.session, there.provenance, fact.provenance
    if there.failure is not None:
        return f"it failed in {session}"
    if old is None or new is None or not _is_same(there, fact):
        return f"{session} did not run this query"
    if there.edited:
        return f"its result in {session} was edited manually"
    if old.sha256 != new.sha256:
        return f"the query changed since {session}"
    if not has_same_params(old, new):
        return f"{session} ran with other parameters"
    if old.engine != new.engine:
        return f"{session} ran on another engine"
    return f"the as-of time of {session} is later" if _as_of(old) > _as_of(new) else ""


def _as_of(provenance: Provenance) -> datetime:
    return provenance.as_of or provenance.ran_at


# --- rows of two sessions ----------------------------------------------------------------


def _pairs(
    rows: Sequence[Row], then: FactView | None, named_by: str | None
) -> Iterator[tuple[Row, Row | None]]:
    """Each row with the earlier row of its name, or with the only one if rows have no names."""
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


def _with_previous(
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
    is_share = is_percentage(name) or (name == "success_rate" and now.is_own)
    if then is not None and then.type == now.type and printed(then) is not None:
        return PreviousNumber(session, then, "", is_share)
    absent = f"{session} has no such row" if old is None else f"it was not known in {session}"
    return PreviousNumber(session, None, why or absent, is_share)


def _change(now: Typed, before: PreviousNumber) -> Typed:
    """What the printed numbers differ by, so that they add up; never with the wrong sign."""
    if before.typed is None or printed(now) is None:
        return Typed(None, now.type, is_own=True)
    change, true = _difference(now, before.typed), now.exact_number - before.typed.exact_number
    change = change if _sign(change) == _sign(true) else Fraction(0)
    return Typed(_value(change, now.type), now.type, True, is_signed=True, exact=true)


def _difference(now: Typed, then: Typed) -> Fraction:
    return now.number - then.number


def _sign(number: Fraction) -> int:
    return (number > 0) - (number < 0)


def _value(number: Fraction, type_: Type) -> Value:
    """A difference of two values of the type, as a value of that type."""
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
