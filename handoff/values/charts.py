"""Charts: what is drawn of a fact, with the same numbers and the same rounding as its text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from fractions import Fraction

from msgspec import Struct
from msgspec.structs import replace

from handoff.base.patterns import lazy_pattern
from handoff.base.problems import Problem, nearest
from handoff.session.model import ChartBlock, ChartKind
from handoff.sql.types import NUMBERS
from handoff.values.phases import plain
from handoff.values.printing import Typed, is_percentage, printed, timestamp_text, whole_of
from handoff.values.rows import EarlierView, FactView, Row, row_name

MAX_MARKS = 40
"""Bars of one chart; the others are counted."""


class Mark(Struct, frozen=True):
    """A bar or a point."""

    label: str
    """As the warehouse has it."""
    is_plain: bool
    """Whether nothing in the label could be markup."""
    number: str | None
    """The digits as they print, without grouping; `None`: not known, so nothing is drawn."""
    words: str
    """The number as it prints, `33.4 %`; else why there is none."""
    share: Fraction | None = None
    """Of the whole bar."""
    target: str | None = None
    notes: tuple[str, ...] = ()
    """Handoff's own words about it: `running`."""
    state: str = ""
    span: tuple[datetime, datetime] | None = None
    """From the start to the last progress."""
    end: datetime | None = None
    """The estimated end."""


class Day(Struct, frozen=True):
    """A date of a calendar."""

    day: date
    state: str


class Chart(Struct, frozen=True):
    """One chart, before it is drawn as Mermaid, SVG or text."""

    fact: str
    kind: ChartKind
    column: str = ""
    """What its numbers are."""
    marks: tuple[Mark, ...] = ()
    more: int = 0
    """Rows that are not drawn."""
    days: tuple[Day, ...] = ()
    unknown: int = 0
    """Rows without a date or a state."""
    stale: str = ""
    """The note on the age of an old result."""
    at: datetime | None = None
    """The as-of time."""

    @property
    def is_share(self) -> bool:
        return whole_of(self.column) == 100


# --- what fits a fact ----------------------------------------------------------------------

_BY_CONTRACT: Mapping[str, ChartKind] = {
    "phases": "timeline",
    "coverage": "bars",
    "dates": "calendar",
}
_NEEDS: Mapping[ChartKind, str] = {"timeline": "phases", "calendar": "dates"}
"""The contract that a kind draws."""
_OPTIONS: Mapping[str, tuple[ChartKind, ...]] = {"column": ("bars", "line"), "row": ("line",)}
"""The kinds that read a key."""


def kind_of(view: FactView, block: ChartBlock) -> ChartKind:
    """The kind that is drawn."""
    by_contract = "bars" if block.column else _BY_CONTRACT.get(view.contract or "", "bars")
    return block.kind or by_contract


def column_of(view: FactView, block: ChartBlock) -> str | None:
    """The column whose numbers are drawn; `None` where it has to be named."""
    if block.column is not None:
        return block.column
    if view.contract in ("phases", "coverage"):
        return "percent"
    numbers = _numbers(view)
    return numbers[0] if len(numbers) == 1 else None


def problems(view: FactView, block: ChartBlock) -> Iterator[Problem]:
    """Why the fact's rows cannot be drawn like this, and what fits them."""
    kind, column = kind_of(view, block), column_of(view, block)
    needed = _NEEDS.get(kind)
    for name, kinds in _OPTIONS.items():
        if getattr(block, name) is not None and kind not in kinds:
            message = f"'{name}:' is for {' and '.join(kinds)}, not for a {kind}; remove it"
            yield Problem("L026", message, block.place)
    if needed is not None:
        if view.contract != needed:
            fits = _BY_CONTRACT.get(view.contract or "", "bars")
            message = f"{view.source} does not declare the contract '{needed}', which "
            message += f"'{kind}' draws; 'kind: {fits}' fits it"
            yield Problem("L026", message, block.place)
        return
    if not view.types:
        return
    numbers = _numbers(view)
    if column is None:
        message = f"fact '{view.name}' has no column of numbers to draw"
        if numbers:
            message = f"which number is drawn? name one with 'column:', {', '.join(numbers)}"
        yield Problem("L026", message, block.place)
    elif column not in view.types:
        yield Problem("L011", view.explain_missing(column, view.types), block.place)
    elif view.types[column].name not in NUMBERS:
        found = view.types[column]
        message = f"column '{column}' of fact '{view.name}' is {found}, expected a number"
        known = nearest(column, numbers) or (f", such as '{numbers[0]}'" if numbers else "")
        yield Problem("L026", message + known, block.place)
    if kind == "line" and block.row is None and view.named_by is not None:
        message = f"a line follows one number: name a row by its '{view.named_by}' with 'row:'"
        yield Problem("L026", message, block.place)
    if block.row is not None and view.named_by is None:
        message = f"the rows of fact '{view.name}' have no names for 'row:'; add 'key:' to it"
        yield Problem("L026", message, block.place)


def _numbers(view: FactView) -> list[str]:
    """The columns of numbers, the query's own first."""
    own = [name for name in view.types if name not in view.derived]
    names = [*own, *view.derived]
    return [name for name in names if view.types[name].name in NUMBERS and name != view.key]


# --- the chart -----------------------------------------------------------------------------


def chart(
    view: FactView | None,
    block: ChartBlock,
    history: Callable[[], Sequence[EarlierView]],
    session: str,
    at: datetime | None,
) -> Chart | None:
    """The chart of a fact with its result; `None` without one.

    `history` has what earlier sessions recorded, the oldest first.
    """
    if view is None or view.rows is None or next(problems(view, block), None):
        return None
    kind, column = kind_of(view, block), column_of(view, block) or ""
    made = Chart(view.name, kind, stale=view.stale, at=at)
    if kind == "calendar":
        return _calendar(made, view.rows)
    if kind == "line":
        views = [*history(), EarlierView(session, view)][-block.sessions :]
        return _with_marks(made, column, [_point(each, column, block.row) for each in views])
    draw = _phase if view.contract == "phases" and column == "percent" else _bar
    marks = [draw(_label(row, view), row, column, at) for row in view.rows]
    return _with_marks(made, column, marks)


def find_row(view: FactView, name: str | None) -> Row | None:
    """The row with that name, or the only one without; `None` where there is none."""
    rows = view.rows or ()
    if name is None:
        return rows[0] if len(rows) == 1 else None
    if name == "overall" and view.overall is not None:
        return view.overall
    named = [(_words(row, view.named_by or ""), row) for row in rows]
    found = [row for label, row in named if name in (label, row_name(label))]
    return found[0] if len(found) == 1 else None


def missing_row(view: FactView, block: ChartBlock) -> str | None:
    """What to say of a row that is not there, or there more than once."""
    if kind_of(view, block) != "line" or not view.rows or find_row(view, block.row):
        return None
    if block.row is None:
        count = len(view.rows)
        return f"fact '{view.name}' has {count} rows, and a line follows one; add 'key:' to it"
    names = [_words(row, view.named_by or "") for row in view.rows]
    known = nearest(block.row, names) or f", it has {', '.join(names[:8])}"
    return f"fact '{view.name}' has no single row '{block.row}'{known}"


def _with_marks(made: Chart, column: str, marks: Sequence[Mark]) -> Chart:
    shown = marks[:MAX_MARKS]
    most = max((abs(Fraction(each.number)) for each in shown if each.number), default=None)
    whole = whole_of(column) or most
    drawn = [
        replace(each, share=Fraction(each.number) / whole) if each.number and whole else each
        for each in shown
    ]
    more = len(marks) - len(shown)
    return replace(made, column=column, marks=tuple(drawn), more=more)


def _bar(label: tuple[str, bool], row: Row, column: str, _: datetime | None) -> Mark:
    number, words = _number(row.get(column), column)
    # coverage compares with the target what is a part of the schedule
    is_judged = column in ("percent", "scheduled_pct")
    target = _number(row.get("target_pct"), column)[0] if is_judged else None
    notes = []
    if target is not None:
        notes.append(f"target {target} %")
    status = _words(row, "status") if is_judged else ""
    if number is not None and status in ("🟢", "🟡", "🔴"):
        notes.append(status)
    return Mark(*label, number, words, target=target, notes=tuple(notes))


def _phase(label: tuple[str, bool], row: Row, column: str, at: datetime | None) -> Mark:
    number, words = _number(row.get(column), column)
    counts, unit = _words(row, "progress"), plain(_words(row, "unit"))
    progress = f"{counts} {unit}" if counts and unit else counts
    state, eta = _words(row, "state"), _words(row, "eta")
    estimate = f"ETA {eta}" if state == "running" else eta
    is_said = estimate.removeprefix("none: ").startswith(state)
    notes = (progress, "" if is_said else state, estimate.removeprefix("none: "))
    start = _time(row, "started_at")
    until = _time(row, "last_progress_at") if state == "complete" else at
    span = (start, until) if start and until and start < until else None
    return Mark(
        *label,
        number,
        words,
        notes=tuple(each for each in notes if each),
        state=state,
        span=span if state not in ("unknown", "not started") else None,
        end=_end(eta) if span else None,
    )


_END = lazy_pattern(r"(\d{4}-\d\d-\d\d) (\d\d:\d\d) UTC\b")


def _end(eta: str) -> datetime | None:
    """The estimated end that an ETA begins with."""
    found = _END.match(eta)
    return datetime.fromisoformat(f"{found[1]}T{found[2]}+00:00") if found else None


def _point(earlier: EarlierView, column: str, name: str | None) -> Mark:
    label = (earlier.session, True)
    if earlier.view is None:
        return Mark(*label, None, f"not comparable: {earlier.why}")
    row = find_row(earlier.view, name)
    if row is None:
        return Mark(*label, None, "no such row")
    return Mark(*label, *_number(row.get(column), column))


def _calendar(made: Chart, rows: Sequence[Row]) -> Chart:
    """Each date once: of several rows the one that says most against it."""
    found: dict[date, str] = {}
    unknown = 0
    for row in rows:
        day, state = row["date"].value, row["state"].value
        if not isinstance(day, date) or not isinstance(state, str):
            unknown += 1
            continue
        known = found.get(day)
        if known is None or DATE_STATES.index(state) < DATE_STATES.index(known):
            found[day] = state
    days = tuple(Day(day, found[day]) for day in sorted(found))
    return replace(made, days=days, unknown=unknown)


DATE_STATES = ("missing", "unexpected", "due", "present", "excluded", "not expected")
"""Those that say most first."""


def _label(row: Row, view: FactView) -> tuple[str, bool]:
    """The row's name, and whether it is plain text."""
    names = ("title", "phase") if view.contract == "phases" else (view.named_by or "",)
    first = next((n for n in view.types if n not in _numbers(view)), "")
    own = next((words for n in (*names, first) if (words := _words(row, n))), view.name)
    return own, plain(own) is not None


def _number(typed: Typed | None, column: str) -> tuple[str | None, str]:
    """The digits of a number, and how it prints."""
    words = printed(typed) if typed is not None and typed.type.name in NUMBERS else None
    if words is None:
        return None, "not known"
    is_share = is_percentage(column) or whole_of(column) == 100
    return words.replace(",", ""), f"{words} %" if is_share else words


def _words(row: Row, name: str) -> str:
    return (printed(row[name]) if name in row else None) or ""


def _time(row: Row, name: str) -> datetime | None:
    found = row[name].value if name in row else None
    return found if isinstance(found, datetime) and found.tzinfo else None


def description(chart: Chart) -> str:
    """What a calendar shows, in a sentence of handoff's own words."""
    if not chart.days:
        return f"{chart.fact}: no dates"
    counts = dict.fromkeys(DATE_STATES, 0)
    for each in chart.days:
        counts[each.state] += 1
    first, last = chart.days[0].day, chart.days[-1].day
    parts = [f"{counts[each]:,} {each}" for each in DATE_STATES if counts[each]]
    return f"{chart.fact}, {first} to {last}: {', '.join(parts)}"


def age(chart: Chart) -> str:
    """The as-of time in words; empty where it is not known."""
    return f"as of {timestamp_text(chart.at)}" if chart.at else ""
