"""Blocks: the rows of a fact as a table, as status lines, as lists of files or expectations."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from handoff.base.blanks import DEFAULT
from handoff.session.model import CHANGES, FilesBlock, TableBlock
from handoff.sql.types import NUMBERS
from handoff.values.expectations import line
from handoff.values.phases import plain
from handoff.values.printing import (
    NONE,
    Typed,
    Where,
    code_span,
    folded,
    printed,
    shown,
    verbatim,
)
from handoff.values.rows import FactView, Row

NULL = "—"
"""NULL in a table, where no author could fill it in."""
MarkCell = Callable[[FactView, str, int, str], str]
"""As `interpolate.ValueMarker.mark_cell`."""
Labels = Sequence[tuple[str, str]]
"""Labels with their values: `ETA`, `2026-01-03 20:03 UTC`."""


PURPOSE = "purpose"
"""The column with what an author wrote about each file, where the rows have none so called."""


def table(
    view: FactView | None,
    block: TableBlock,
    purposes: Mapping[str, str],
    mark: MarkCell | None = None,
) -> Sequence[str]:
    """The fact's rows as the lines of a Markdown table; a blank without a result.

    `purposes` has the cells of an additional column by the path in the row.
    """
    if view is None or view.rows is None:
        return [DEFAULT]
    own = [(name, name) for name in view.types if name not in view.derived]
    names = [(c.name, c.heading) for c in block.columns] or own
    if purposes and PURPOSE not in dict(names):
        names.append((PURPOSE, PURPOSE))
    columns = {*view.types, *([PURPOSE] if purposes else [])}
    known = [(name, heading) for name, heading in names if name in columns]
    if not view.rows or not known:
        return [NONE]
    numbers = {name for name, each in view.types.items() if each.name in NUMBERS}
    lines = [_row(verbatim(heading, "cell") for _, heading in known)]
    lines += [_row(["--:" if name in numbers else "---" for name, _ in known])]
    shows = mark or _unmarked
    for index, row in enumerate(view.rows):
        purpose = purposes.get(_bare(row, "path"), "")
        lines.append(
            _row(
                shows(view, name, index, _cell(row[name])) if name in view.types else purpose
                for name, _ in known
            )
        )
    return [*lines, "", view.stale] if view.stale else lines


def phases(
    view: FactView | None, where: Where, mark: MarkCell | None = None
) -> Sequence[tuple[str, Labels]]:
    """A heading for each phase, and its labels."""
    if view is None or view.rows is None:
        unknown = [(label, DEFAULT) for label in ("Progress", "Success rate", "ETA")]
        return [("Orchestrator Status", unknown)]
    shows = mark or _unmarked
    return [
        (
            heading,
            [(label, _marked(label, words, view, index, shows)) for label, words in labels],
        )
        for index, row in enumerate(view.rows)
        for heading, labels in (_status(row, view, where),)
    ]


def _unmarked(view: FactView, column: str, index: int, words: str) -> str:
    return words


_COLUMNS = {"Progress": "progress", "Success rate": "success_rate", "ETA": "eta"}
"""Which column of a phase each label prints first."""


def _marked(label: str, words: str, view: FactView, index: int, mark: MarkCell) -> str:
    return mark(view, _COLUMNS[label], index, words) if label in _COLUMNS else words


def files(
    view: FactView | None, block: FilesBlock
) -> Sequence[tuple[str, Sequence[str]]] | None:
    """A heading for each kind of change, and its paths as code; `None`: no result."""
    if view is None or view.rows is None:
        return None
    found: dict[str, list[str]] = {each: [] for each in block.changes or (*CHANGES, "")}
    for row in view.rows:
        change = _bare(row, "change")
        change = change if change in CHANGES else ""
        if change in found:
            found[change].append(_path(row))
    age = [view.stale] if view.stale else []
    return [(_HEADINGS[each], [*paths, *age]) for each, paths in found.items() if paths]


def expectations(view: FactView | None, where: Where) -> Sequence[str] | None:
    """A line for each limit and row it is for; `None`: no result."""
    if view is None or view.rows is None:
        return None
    age = f" {view.stale}" if view.stale else ""
    return [f"{line(each, where)}{age}" for each in view.verdicts]


def _row(cells: Iterator[str] | Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(found: Typed) -> str:
    words = shown(found, "cell")
    return NULL if words is None else words


_HEADINGS: Mapping[str, str] = {
    "added": "New Files",
    "modified": "Modified Files",
    "renamed": "Renamed Files",
    "deleted": "Deleted Files",
    "": "Files",
}


def _bare(row: Row, name: str) -> str:
    """A column that the row may not have, not escaped."""
    return (printed(row[name]) if name in row else None) or ""


def _path(row: Row) -> str:
    """The path as code; of a renamed file the old and the new one."""
    paths = [folded(each) for name in ("old_path", "path") if (each := _bare(row, name))]
    return " → ".join(code_span(each) for each in paths) or DEFAULT


def _status(row: Row, view: FactView, where: Where) -> tuple[str, Labels]:
    def words(name: str) -> str:
        # plain names need no escapes, nor a code span in the prompt
        own = plain(_bare(row, name)) if name in ("title", "phase", "unit") else None
        return own or shown(row[name], where) or ""

    labels: list[tuple[str, str]] = [("Progress", _progress(words))]
    if words("success_rate"):
        labels.append(("Success rate", f"{words('success_rate')}%"))
    labels.append(("ETA", words("eta") or DEFAULT))
    if view.stale:
        labels.append(("As of", view.stale.strip("()").removeprefix("as of ")))
    return f"{words('title') or words('phase') or 'Phase'} Status", labels


def _progress(words: Callable[[str], str]) -> str:
    if not words("progress"):
        return DEFAULT
    unit = f" {words('unit')}" if words("unit") else ""
    percent = f" ({words('percent')}%)" if words("percent") else ""
    return f"{words('progress')}{unit}{percent}"
