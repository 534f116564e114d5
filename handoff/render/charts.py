"""Charts as Mermaid, as an SVG image next to the document, and as lines of text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from fractions import Fraction

from msgspec import Struct

from handoff.base.data import data_folder
from handoff.base.patterns import lazy_pattern
from handoff.base.report import counted
from handoff.values.charts import DATE_STATES, Chart, Day, Mark, age, description
from handoff.values.printing import MONTHS, escaped, folded

_CELLS = 8
_MOST_NAMED = 10
"""Dates that are named."""
_MOST_CHARACTERS = 80
"""Of a label in a drawing, as it is spelled."""
_MOST_WITH_NUMBERS = 4
"""Points whose labels have room for the number."""
_MOST_BESIDE = 26
"""Of the label of a bar: where one is longer, Mermaid leaves out all."""


class Image(Struct, frozen=True):
    """An SVG file of a document."""

    path: str
    text: str


def markdown(chart: Chart, document: str) -> tuple[list[str], Image | None]:
    """The lines of a chart in the document at that path, and the image that they show."""
    if chart.kind == "calendar":
        if not chart.days:
            return _listed(chart), None
        path = f"{document.removesuffix('.md')}.{chart.fact}.svg"
        name = path.rpartition("/")[2]
        lines = [f"![{description(chart)}]({name})"]
        lines += _apart([*_named_dates(chart), *_remarks(chart)])
        return lines, Image(path, calendar_svg(chart))
    drawn = _DRAWN[chart.kind](chart)
    if drawn is None:
        return _listed(chart), None
    fence = ["```mermaid", *_config(chart), *drawn, "```"]
    return [*fence, *_apart([*_undrawn(chart), *_remarks(chart)])], None


def _apart(paragraphs: Sequence[str]) -> list[str]:
    return [line for each in paragraphs for line in ("", each)]


# --- text ----------------------------------------------------------------------------------


def text_lines(chart: Chart) -> list[str]:
    """The chart as lines of a list, for a prompt and for a terminal."""
    if chart.kind == "calendar":
        months = [f"- {line}" for line in _months(chart.days)] or ["- no dates"]
        return [*months, *(f"- {each}" for each in _remarks(chart))]
    return [
        *(f"- {_line(each, is_prompt=True)}" for each in chart.marks),
        *([] if chart.marks else ["- no rows"]),
        *(f"- {each}" for each in _remarks(chart)),
    ]


def _listed(chart: Chart) -> list[str]:
    """What cannot be drawn, as a list in the document."""
    lines = [f"- {_line(each, is_prompt=False)}" for each in chart.marks] or ["None"]
    return [*lines, *_apart([*_remarks(chart)])]


def _line(mark: Mark, *, is_prompt: bool) -> str:
    """`Phase 1: █████░░░ 71.4 % (514 of 720 days, running)`."""
    where = "prompt" if is_prompt else "text"
    label = escaped(mark.label, where, is_own=is_prompt and mark.is_plain)  # type: ignore[arg-type]
    drawn = f"{bar(mark.share)} " if mark.share is not None else ""
    notes = f" ({', '.join(mark.notes)})" if mark.notes else ""
    return f"{label}: {drawn}{mark.words}{notes}"


def bar(share: Fraction) -> str:
    """`█████░░░`; full only where nothing is missing, and never empty of something."""
    filled = max(0, min(_CELLS, int(share * _CELLS)))
    filled = max(filled, 1) if share > 0 else filled
    return "█" * filled + "░" * (_CELLS - filled)


def _months(days: Sequence[Day]) -> Iterator[str]:
    """`2026-01: █████░░░ 20 of 28 present, 8 missing (…), 3 excluded`."""
    by_month: dict[str, list[Day]] = {}
    for each in days:
        by_month.setdefault(f"{each.day:%Y-%m}", []).append(each)
    for month, inside in by_month.items():
        count = {state: sum(d.state == state for d in inside) for state in DATE_STATES}
        wanted = count["present"] + count["missing"]
        drawn = f"{bar(Fraction(count['present'], wanted))} " if wanted else ""
        parts = [f"{count['present']} of {wanted} present"] if wanted else []
        for state in DATE_STATES:
            if count[state] and state != "present":
                named = [f"{d.day}" for d in inside if d.state == state]
                which = f" ({_few(named)})" if state in ("missing", "unexpected") else ""
                parts.append(f"{count[state]} {state}{which}")
        yield f"{month}: {drawn}{', '.join(parts)}"


def _few(names: Sequence[str]) -> str:
    rest = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {rest} more" if rest > 0 else "")


def _named_dates(chart: Chart) -> Iterator[str]:
    for state in ("missing", "unexpected"):
        if named := [f"{each.day}" for each in chart.days if each.state == state]:
            yield f"{state.capitalize()}: {_few(named)}"


def _undrawn(chart: Chart) -> Iterator[str]:
    """The rows that have no bar and no point, and why."""
    for each in chart.marks:
        if not _is_drawn(each, chart):
            yield f"Not drawn: {_line(each, is_prompt=False)}"


def _is_drawn(mark: Mark, chart: Chart) -> bool:
    return mark.number is not None if chart.kind != "timeline" else mark.span is not None


def _remarks(chart: Chart) -> Iterator[str]:
    if chart.more:
        yield f"{counted(chart.more, 'more row')} not shown"
    if chart.unknown:
        yield f"{counted(chart.unknown, 'row')} without a date or a state"
    if chart.stale:
        yield chart.stale


# --- Mermaid -------------------------------------------------------------------------------

_UNSAFE = lazy_pattern(r"[^\w .,/()+'·→=:%-]|%(?=[%{])|:(?=\S*[^\w\s.,/()+'·→=:%-])")
"""Any character but those of words; `%%` and a colon where Mermaid would read them."""


def quoted(text: str, most: int = _MOST_CHARACTERS) -> str:
    """`text` as Mermaid shows it and reads nothing in it: entity codes for all but words.

    Cut where it would be longer than `most` characters.
    """
    line = folded(text)
    spelled = _spelled(line)
    if len(spelled) <= most:
        return spelled
    size = next(n for n in range(most, -1, -1) if len(_spelled(line[:n])) < most)
    return f"{_spelled(line[:size])}…"


def _spelled(line: str) -> str:
    return _UNSAFE.sub(lambda found: f"#{ord(found[0])};", line)


def _task(text: str) -> str:
    """`text` in front of a task's colon."""
    return quoted(text).replace(":", "#58;")


def _config(chart: Chart) -> list[str]:
    """As high as its bars need, in colors that are seen on light and dark pages."""
    if chart.kind == "timeline":
        return []
    height = 320 if chart.kind == "line" else 90 + 34 * len(chart.marks)
    colors = 'themeVariables: {xyChart: {plotColorPalette: "#218bff, #bf8700"}}'
    return [
        "---",
        f"config: {{xyChart: {{height: {height}, xAxis: {{labelFontSize: 12}}}}, {colors}}}",
        "---",
    ]


def _described(chart: Chart) -> list[str]:
    what = f"{chart.fact}, {chart.column}" if chart.column else chart.fact
    said = [f"{each.label}: {each.words}" for each in chart.marks]
    return [
        f"  accTitle: {quoted(what)}",
        f"  accDescr: {', '.join(map(quoted, said))}",
    ]


def _timeline(chart: Chart) -> list[str] | None:
    """A section for each phase: what is done until now, then the way to its end."""
    drawn = [each for each in chart.marks if each.span]
    if not drawn:
        return None
    times = [t for each in drawn for t in (*(each.span or ()), each.end) if t]
    span = max(times) - min(times)
    is_long = span > timedelta(days=3)
    has_halves = timedelta(days=1) < span and not is_long
    lines = [
        "gantt",
        *_described(chart),
        *([f"  title {quoted(age(chart))}"] if chart.at else []),
        "  dateFormat YYYY-MM-DD HH:mm",
        f"  axisFormat {'%b %d' if is_long else '%b %d %H:%M'}",
        *(["  tickInterval 12hour"] if has_halves else []),
    ]
    for each in drawn:
        start, until = each.span or (min(times), max(times))
        words = ", ".join((each.words, *each.notes[:1]))
        tag = _TAGS.get(each.state, "")
        lines += [f"  section {_task(each.label)}"]
        lines += [f"  {_task(words)} :{tag}{_minute(start)}, {_minute(until)}"]
        if each.end and each.end > until:
            what = _task(f"ETA {_minute(each.end)} UTC")
            lines += [f"  {what} :{_minute(until)}, {_minute(each.end)}"]
    return lines


_TAGS: Mapping[str, str] = {"complete": "done, ", "running": "active, ", "stalled": "crit, "}


def _minute(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M}"


def _bars(chart: Chart) -> list[str] | None:
    """A bar for each row; the targets as a line across, where every row has one."""
    drawn = [each for each in chart.marks if each.number is not None]
    numbers = [each.number or "" for each in drawn]
    if not drawn or any(each.startswith("-") for each in numbers):
        return None  # Mermaid draws every bar from the same edge
    labels = ", ".join(f'"{quoted(e.label, _MOST_BESIDE)} {quoted(e.words)}"' for e in drawn)
    targets = [each.target for each in drawn if each.target]
    has_targets = len(targets) == len(drawn)
    series = [f"  bar [{', '.join(numbers)}]"]
    series += [f"  line [{', '.join(targets)}]"] if has_targets else []
    what = f"{chart.column}, line: target" if has_targets else chart.column
    return [
        "xychart-beta horizontal",
        *_described(chart),
        f"  x-axis [{labels}]",
        _y_axis(chart, what, [*numbers, *targets]),
        *series,
    ]


def _lines(chart: Chart) -> list[str] | None:
    """A line over the sessions; not of a single point, which would draw nothing."""
    drawn = [each for each in chart.marks if each.number is not None]
    if len(drawn) < 2:
        return None
    few = len(drawn) <= _MOST_WITH_NUMBERS
    labels = ", ".join(
        f'"{quoted(f"{each.label} {each.words}" if few else each.label)}"' for each in drawn
    )
    numbers = [each.number or "" for each in drawn]
    return [
        "xychart-beta",
        *_described(chart),
        f"  x-axis [{labels}]",
        _y_axis(chart, chart.column, numbers),
        f"  line [{', '.join(numbers)}]",
    ]


def _y_axis(chart: Chart, what: str, numbers: Sequence[str]) -> str:
    """From zero to the whole, or to the largest number, so that no bar looks longer."""
    values = [Fraction(each) for each in numbers]
    least, most = min(values, default=Fraction(0)), max(values, default=Fraction(0))
    low = min(least, Fraction(0))
    high = max(most, Fraction(100 if chart.is_share else 0))
    high = high if high > low else low + 1
    return f'  y-axis "{quoted(what)}" {_whole(low, -1)} --> {_whole(high, 1)}'


def _whole(value: Fraction, way: int) -> int:
    return -int(-value // 1) if way > 0 else int(value // 1)


_DRAWN = {"timeline": _timeline, "bars": _bars, "line": _lines}

# --- SVG -----------------------------------------------------------------------------------

_WEEKS = 53
"""In a row of a calendar."""
_ROWS = 12
"""Of weeks at most, the newest: a dozen years."""
_PITCH, _SIZE = 13, 11
_LEFT, _TOP, _ROW = 34, 34, 7 * 13 + 30
_CLASSES: Mapping[str, str] = {
    "present": "present",
    "missing": "missing",
    "excluded": "excluded",
    "due": "due",
    "unexpected": "unexpected",
    "not expected": "none",
}


class _WeekRow(Struct, frozen=True):
    """One row of weeks; y is that of Monday."""

    y: int
    months: Sequence[tuple[int, str]]
    """The x and the name of each month."""
    paths: Sequence[tuple[str, str]]
    """The class and the squares of each state."""


def calendar_svg(chart: Chart) -> str:
    """The dates as an SVG image: a column for each week, a square for each date."""
    import jinja2  # slow; there where a document is rendered

    text = (data_folder("templates") / "charts/calendar.svg.j2").read_text("utf-8")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    rows = [*_week_rows(chart.days)]
    shown = {each.state for each in chart.days}
    legend = [each for each in DATE_STATES if each in shown]
    weeks = min(_WEEKS, _week(chart.days[-1].day, chart.days[0].day) + 1)
    states = [(_CLASSES[each], each) for each in legend]
    return environment.from_string(text).render(
        title=f"{chart.fact}: {age(chart)}" if chart.at else chart.fact,
        description=description(chart),
        missing=[*_named_dates(chart)],
        width=max(_LEFT + weeks * _PITCH + 8, 24 + 100 * len(legend)),
        height=_TOP + len(rows) * _ROW + 20,
        rows=rows,
        weekdays=[(n * _PITCH + 9, name) for n, name in ((0, "Mon"), (2, "Wed"), (4, "Fri"))],
        legend=[(12 + n * 100, *each) for n, each in enumerate(states)],
        bottom=_TOP + len(rows) * _ROW,
        size=_SIZE,
    )


def _week(day: date, first: date) -> int:
    """Which week after that of `first`; weeks start on Monday."""
    return (day - first + timedelta(days=first.weekday())).days // 7


def _week_rows(days: Sequence[Day]) -> Iterator[_WeekRow]:
    first = days[0].day
    by_row: dict[int, list[Day]] = {}
    for each in days:
        by_row.setdefault(_week(each.day, first) // _WEEKS, []).append(each)
    for n, inside in enumerate([*by_row.items()][-_ROWS:]):
        number, dates = inside
        y, at = _TOP + n * _ROW + 16, number * _WEEKS
        months: dict[int, str] = {}
        for each in dates:
            x = _LEFT + (_week(each.day, first) - at) * _PITCH
            name = f"{MONTHS[each.day.month - 1][:3]} {each.day:%Y}"
            if name not in months.values() and all(x - other >= 56 for other in months):
                months[x] = name
        paths = []
        for state in DATE_STATES:
            squares = "".join(
                _square(_LEFT + (_week(d.day, first) - at) * _PITCH, y, d.day.weekday(), state)
                for d in dates
                if d.state == state
            )
            paths += [(_CLASSES[state], squares)] if squares else []
        yield _WeekRow(y, [*months.items()], paths)


def _square(x: int, y: int, weekday: int, state: str) -> str:
    """A small one for what does not count."""
    inset = 3 if state in ("excluded", "not expected") else 0
    size = _SIZE - 2 * inset
    return f"M{x + inset} {y + weekday * _PITCH + inset}h{size}v{size}h-{size}z"
