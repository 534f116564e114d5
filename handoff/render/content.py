"""Content as Markdown: each kind of it under a heading, behind a label or in a list."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from msgspec.structs import replace

from handoff.base.blanks import DEFAULT
from handoff.base.patterns import lazy_pattern
from handoff.render.document import due_text
from handoff.render.printed_leaves import PrintedLeaves
from handoff.render.shown_blanks import Marks
from handoff.render.tables import rows_table
from handoff.render.tidy import KEPT
from handoff.session.model import (
    LEVELS,
    Action,
    Blank,
    Blocks,
    Bullets,
    ChartBlock,
    Checklist,
    Checkpoint,
    Claim,
    CodeBlock,
    Condition,
    Content,
    Contingency,
    Decision,
    Entries,
    Entry,
    ExpectBlock,
    FilesBlock,
    Flag,
    MarkdownBlock,
    PhasesBlock,
    Reasoned,
    RowsBlock,
    Severity,
    Steps,
    SubHeading,
    TableBlock,
    Text,
    Timestamp,
    Valued,
)
from handoff.session.walk import LeafNode, leaves
from handoff.values import evidence
from handoff.values.interpolate import Interpolator
from handoff.values.printing import NONE, Where

FilledLeaf = Text | Blank | Flag
LEAVES = (Text, Blank, Flag)
_DEEPEST = 6


class LeafRenderer:
    """Prints leaves for one kind of place, with a mark after each blank one on request.

    `printed` records them.
    """

    def __init__(
        self,
        live: Interpolator,
        where: Where,
        marks: Marks | None = None,
        printed: PrintedLeaves | None = None,
    ) -> None:
        self._live = live
        self._where = where
        self._marks = marks
        self.printed = printed or PrintedLeaves()

    def words(self, leaf: FilledLeaf) -> str:
        """The leaf as it prints, with its values filled in."""
        self.printed.note_formatted(leaf.place)
        if isinstance(leaf, Text):
            return self._marked(self._live.text(leaf, self._where), leaf)
        if isinstance(leaf, Flag):
            return "✅" if leaf.value else "❌"
        return self._marked(leaf.text, leaf)

    def cell(self, leaf: FilledLeaf) -> str:
        """The leaf on one line of a table."""
        if isinstance(leaf, Text):
            self.printed.note_formatted(leaf.place)
            return self._marked(self._live.text(leaf, "cell"), leaf)
        return self.words(leaf)

    def leaf(self, value: object) -> str | None:
        """For a template's `{{ }}`: the words of a leaf; `None` for another value."""
        return self.words(value) if isinstance(value, Text | Blank | Flag) else None

    def table(self, table: TableBlock) -> Sequence[str]:
        """The lines of a Markdown table."""
        self.printed.note_formatted(table.place)
        for purpose in table.purpose:
            self.printed.note_formatted(purpose.text.place)
        return self._first_marked(self._live.table(table), table)

    def phases(self, phases: PhasesBlock) -> Sequence[tuple[str, Sequence[tuple[str, str]]]]:
        """A heading for each phase, and its labels with their values."""
        self.printed.note_formatted(phases.place)
        found = self._live.phases(phases, self._where)
        if not self._marks or not found:
            return found
        (heading, ((name, words), *lines)), *others = found
        return [(heading, [(name, self._marked(words, phases)), *lines]), *others]

    def chart(self, chart: ChartBlock) -> Sequence[str]:
        """The lines of a chart: Mermaid, or an image; as text in a prompt."""
        self.printed.note_formatted(chart.place)
        found = self._live.chart(chart)
        if found is None:
            return [self._marked(DEFAULT, chart)]
        from handoff.render import charts  # only where a session has one

        if self._where == "prompt":
            return charts.text_lines(found)
        lines, image = charts.markdown(found, self._live.document)
        if image is not None:
            self.printed.images[image.path] = image.text
        return lines

    def files(self, files: FilesBlock) -> Sequence[tuple[str, Sequence[str]]] | None:
        """A heading for each kind of change, and its paths; `None`: no result."""
        self.printed.note_formatted(files.place)
        found = self._live.files(files)
        if not self._marks or not found:
            return found
        (heading, paths), *others = found
        return [(heading, self._first_marked(paths, files)), *others]

    def expectations(self, expect: ExpectBlock) -> Sequence[str] | None:
        """A line for each expectation; `None`: no result."""
        self.printed.note_formatted(expect.place)
        found = self._live.expectations(expect, self._where)
        return None if found is None else self._first_marked(found, expect)

    def condition(self, condition: Condition) -> str:
        """Its mark, its words, and the values that decide it."""
        self.printed.note_formatted(condition.text.place)
        words = str(evidence.evaluate_condition(condition, self._live, self._where))
        return self._marked(words, condition.text)

    def claim(self, claim: Claim) -> tuple[str, str]:
        """Its mark, and its evidence."""
        mark, basis = evidence.mark_claim(claim, self._live, self._where)
        for leaf in leaves(claim.evidence):
            self.printed.note_formatted(leaf.place)
            basis = self._marked(basis, leaf.node)
        return mark, basis

    def _marked(self, words: str, leaf: LeafNode) -> str:
        return self._marks.mark(words, leaf.place) if self._marks else words

    def _first_marked(self, lines: Sequence[str], block: LeafNode) -> Sequence[str]:
        return [self._marked(line, block) if n == 0 else line for n, line in enumerate(lines)]


def section(content: Content, pen: LeafRenderer, level: int) -> str:
    """The text under a heading of `level`.

    Labelled entries are paragraphs; where each of them is a mapping itself they are
    headings one level deeper.
    """
    if isinstance(content, Entries) and content.entries:
        if level < _DEEPEST and all(isinstance(e.content, Entries) for e in content.entries):
            return headed(content, pen, level + 1)
        return _apart(labelled(e.label, e.content, pen) for e in content.entries)
    if isinstance(content, Blocks):
        return _apart(_part(each, pen, level) for each in content.items)
    if isinstance(content, PhasesBlock):
        return _apart(_phase(label, lines) for label, lines in pen.phases(content))
    if isinstance(content, FilesBlock) and (groups := _groups(content, pen)):
        return _apart(_text([f"**{name}**:", *lines]) for name, lines in groups)
    return _text(block(content, pen))


def _part(part: Content | SubHeading, pen: LeafRenderer, level: int) -> str:
    if not isinstance(part, SubHeading):
        return section(part, pen, level)
    own = part.level or min(level + 1, _DEEPEST)
    heading = f"{'#' * own} {part.title}"
    below = [] if part.content is None else [section(part.content, pen, own)]
    return _apart([heading, *below])


def headed(content: Content, pen: LeafRenderer, level: int, *, numbered: bool = False) -> str:
    """Each label as a heading of `level` with its content; other content unchanged."""
    if isinstance(content, FilesBlock) and (groups := _groups(content, pen)):
        return _apart(_text([f"{'#' * level} {name}", *lines]) for name, lines in groups)
    if not isinstance(content, Entries) or not content.entries:
        return section(content, pen, level - 1)
    return _apart(
        f"{'#' * level} {f'{n}. ' if numbered else ''}{_line(entry.label)}\n"
        f"{section(entry.content, pen, level)}"
        for n, entry in enumerate(content.entries, start=1)
    )


def labelled(label: str, content: Content, pen: LeafRenderer) -> str:
    """`**Label**: value`, with longer content below it; `**Label:**` for `Label:`."""
    return _text(_after(bold_label(label), content, pen))


def bold_label(label: str) -> str:
    words = _line(label)
    return f"**{words}**" if words.endswith(":") else f"**{words}**:"


def block(content: Content, pen: LeafRenderer) -> list[str]:
    """The lines of content without a label of its own; labelled entries are bullets."""
    return next(lines(content, pen) for kind, lines in _BLOCKS if isinstance(content, kind))


def numbered(content: Content, pen: LeafRenderer) -> list[str]:
    """A list as numbered steps; other content unchanged."""
    if isinstance(content, Bullets) and content.items:
        return block(Steps(content.items, content.place), pen)
    return block(content, pen)


def fence(text: str, lang: str = "") -> list[str]:
    """`text` in a fence that nothing inside it can close."""
    ticks = max((len(run) for run in re.findall("`+", text)), default=0)
    mark = "`" * max(3, ticks + 1)
    return [f"{mark}{lang}", *text.split("\n"), mark]


# --- blocks --------------------------------------------------------------------------------


def _leaf(content: FilledLeaf, pen: LeafRenderer) -> list[str]:
    return pen.words(content).split("\n")


def _bullets(content: Bullets, pen: LeafRenderer) -> list[str]:
    lines = [line for each in content.items for line in marked("- ", _item(each, pen))]
    return lines or _none(content, pen)


def _steps(content: Steps, pen: LeafRenderer) -> list[str]:
    lines: list[str] = []
    for n, each in enumerate(content.items, start=1):
        lines += marked(f"{n}. ", _item(each, pen))
    return lines or _none(content, pen)


def _entries(content: Entries, pen: LeafRenderer) -> list[str]:
    lines: list[str] = []
    for entry in content.entries:
        lines += marked("- ", _entry(entry, pen))
    return lines or _none(content, pen)


def _none(content: Bullets | Steps | Entries, pen: LeafRenderer) -> list[str]:
    pen.printed.note_formatted(content.place)
    return [NONE]


def _valued(content: Valued, pen: LeafRenderer) -> list[str]:
    return [*block(content.value, pen), *_beneath(content, pen)]


def _checklist(content: Checklist, pen: LeafRenderer) -> list[str]:
    lines: list[str] = []
    for item in content.boxes:
        note = f" ({pen.words(item.note)})" if item.note else ""
        mark = "x" if item.done else " "
        waits = item.when if item.when and not item.done else None
        label = pen.condition(waits) if waits else pen.words(item.label)
        if item.claim:
            proof, basis = pen.claim(item.claim)
            label = f"{proof} {label}" if item.done else label
            note += f" ({basis})"
        lines += marked(f"- [{mark}] ", [f"{label}{note}"])
    return lines or _unknown(content, pen)


def _code(content: CodeBlock, pen: LeafRenderer) -> list[str]:
    pen.printed.note_formatted(content.place)
    inside = pen.words(content.code) if isinstance(content.code, Blank) else content.code.value
    return fence(inside.rstrip("\n"), content.lang)


def _table(content: TableBlock, pen: LeafRenderer) -> list[str]:
    return [*pen.table(content)]


def _rows(content: RowsBlock, pen: LeafRenderer) -> list[str]:
    pen.printed.note_formatted(content.place)
    return rows_table(content, pen.cell)


def _decision(content: Decision, pen: LeafRenderer) -> list[str]:
    """`what: **chosen** (why)`, or that it is open; the options below."""
    chosen = f"**{_one_line(content.chosen, pen)}**" if content.chosen else "open"
    chosen = pen.words(content.chosen) if isinstance(content.chosen, Blank) else chosen
    why = f" ({_one_line(content.why, pen)})" if content.why else ""
    lines = [f"{_one_line(content.what, pen)}: {chosen}{why}"]
    for option in content.options:
        mark = " (chosen)" if content.is_chosen(option) else ""
        reason = f": {_one_line(option.why, pen)}" if option.why else ""
        lines.append(f"- {_one_line(option.text, pen)}{mark}{reason}")
    return lines


def _phases(content: PhasesBlock, pen: LeafRenderer) -> list[str]:
    lines: list[str] = []
    for label, inner in pen.phases(content):
        lines += [f"- {label}:", *(f"  - {name}: {words}" for name, words in inner)]
    return lines


def _chart(content: ChartBlock, pen: LeafRenderer) -> list[str]:
    return [*pen.chart(content)]


def _files(content: FilesBlock, pen: LeafRenderer) -> list[str]:
    if groups := _groups(content, pen):
        return [line for name, lines in groups for line in marked("- ", [f"{name}:", *lines])]
    found = pen.files(content)
    if found is None:
        return _unknown(content, pen)
    return [line for _, paths in found for line in _paths(paths)] or [NONE]


def _groups(content: FilesBlock, pen: LeafRenderer) -> list[tuple[str, list[str]]]:
    """A heading and a list for each kind of change of all files; else nothing."""
    found = [] if content.changes else pen.files(content) or []
    return [(name, _paths(paths)) for name, paths in found if name]


def _paths(paths: Sequence[str]) -> list[str]:
    return [f"- {path}" for path in paths]


def _expect(content: ExpectBlock, pen: LeafRenderer) -> list[str]:
    found = pen.expectations(content)
    return _unknown(content, pen) if found is None else [f"- {line}" for line in found]


def _unknown(content: Checklist | FilesBlock | ExpectBlock, pen: LeafRenderer) -> list[str]:
    return _leaf(Blank(DEFAULT, content.place), pen)


def _condition(content: Condition, pen: LeafRenderer) -> list[str]:
    return pen.condition(content).split("\n")


def _claim(content: Claim, pen: LeafRenderer) -> list[str]:
    """With its mark before and its evidence after it, apart from text of several lines."""
    mark, basis = pen.claim(content)
    lines = _item(content.what, pen)
    is_apart = len(lines) > 1 and _STARTS_BLOCK.match("\n".join(lines))
    said = [mark, "", *lines] if is_apart else [f"{mark} {lines[0]}", *lines[1:]]
    if not isinstance(content.what, LEAVES):
        return said
    return [f"{said[0]} ({basis})"] if len(said) == 1 else [*said, "", f"({basis})"]


def _blocks(content: Blocks, pen: LeafRenderer) -> list[str]:
    return section(content, pen, _DEEPEST - 1).split("\n")


def _markdown(content: MarkdownBlock, pen: LeafRenderer) -> list[str]:
    pen.printed.note_formatted(content.place)
    return [f"{line}{KEPT}" for line in content.text.split("\n")]


_BLOCKS: Sequence[tuple[type | tuple[type, ...], Callable[..., list[str]]]] = (
    (LEAVES, _leaf),
    (Bullets, _bullets),
    (Entries, _entries),
    (Valued, _valued),
    (Steps, _steps),
    (Checklist, _checklist),
    (CodeBlock, _code),
    (TableBlock, _table),
    (RowsBlock, _rows),
    (Decision, _decision),
    (PhasesBlock, _phases),
    (ChartBlock, _chart),
    (FilesBlock, _files),
    (ExpectBlock, _expect),
    (MarkdownBlock, _markdown),
    (Blocks, _blocks),
    (Condition, _condition),
    (Claim, _claim),
)

# --- labels and items ----------------------------------------------------------------------

_STARTS_BLOCK = lazy_pattern(r"\s*(?:[-+*>|#]|\d{1,9}[.)]\s|```|~~~)|.*\n\s*(?:\n|\||```|~~~)")
"""Text that begins on a new line: a list, a quote, a table, a fence, paragraphs."""
_APART = (ChartBlock, TableBlock, RowsBlock, MarkdownBlock, Blocks)
"""Content that needs a blank line after a line of text."""


def _after(label: str, content: Content, pen: LeafRenderer) -> list[str]:
    """The lines of content behind a label that ends in a colon."""
    if isinstance(content, LEAVES):
        words = pen.words(content)
        if _STARTS_BLOCK.match(words) and "\n" in words:
            return [label, "", *words.split("\n")]
        return (f"{label} {words}" if words else label).split("\n")
    if isinstance(content, Condition | Claim):
        first, *rest = block(content, pen)
        return [f"{label} {first}", *rest]
    if isinstance(content, Valued):
        return [*_after(label, content.value, pen), *_beneath(content, pen)]
    if isinstance(content, Bullets | Entries | Steps) and not _inner(content):
        return [f"{label} {_none(content, pen)[0]}"]
    lines = block(content, pen)
    is_list = isinstance(content, ChartBlock) and lines[0].startswith(("- ", "["))
    apart = [""] if isinstance(content, _APART) and not is_list else []
    return [label, *apart, *lines]


def _beneath(content: Valued, pen: LeafRenderer) -> list[str]:
    return block(content.items, pen) if _inner(content.items) else []


def _inner(content: Content) -> bool:
    if isinstance(content, Bullets | Steps):
        return bool(content.items)
    return not isinstance(content, Entries) or bool(content.entries)


def _item(content: Content, pen: LeafRenderer) -> list[str]:
    """One item of a list; of several labels the first is the item, the rest are below it."""
    if not isinstance(content, Entries) or not content.entries:
        return block(content, pen)
    first, rest = content.entries[0], content.entries[1:]
    below = _entries(Entries(rest, content.place), pen) if rest else []
    return [*_entry(first, pen), *below]


def _entry(entry: Entry, pen: LeafRenderer) -> list[str]:
    return _after(f"{_line(entry.label)}:", entry.content, pen)


def marked(marker: str, lines: Sequence[str]) -> list[str]:
    """`lines` as one list item, indented so that all of them belong to it."""
    indent = " " * (2 if marker.startswith("-") else len(marker))
    first, *rest = lines or [""]
    # trailing spaces stay: they are a hard break, or of code
    return [
        f"{marker}{first}" if first else marker.rstrip(),
        *(line and f"{indent}{line}" for line in rest),
    ]


def _phase(label: str, lines: Sequence[tuple[str, str]]) -> str:
    return _text([f"**{label}**:", *(f"- {name}: {words}" for name, words in lines)])


def _line(label: str) -> str:
    return " ".join(label.split())


def _text(lines: Sequence[str]) -> str:
    return "\n".join(lines)


def _apart(parts: Iterable[str]) -> str:
    return "\n\n".join(parts)


# --- information for the receiver -----------------------------------------------------------


def severity(given: Severity | Blank, pen: LeafRenderer) -> str:
    """`🟡 watch: why`."""
    if isinstance(given, Blank):
        return pen.words(given)
    level = pen.words(given.level)
    word = f"{LEVELS[level]} {level}" if level in LEVELS else level
    return f"{word}: {_one_line(given.why, pen)}" if given.why else word


def actions(given: tuple[Action, ...] | Blank, pen: LeafRenderer) -> str:
    """A bullet for each, `- **High**: what (owner: who, due: when)`, the contingency below."""
    if isinstance(given, Blank):
        return pen.words(given)
    return _bulleted(_action(each, pen) for each in given)


def grouped_actions(
    given: tuple[Action, ...], pen: LeafRenderer, titles: Mapping[str, str], *, by_owner: bool
) -> str:
    """The actions to do now, on request under the names of their owners; then those that
    wait, and those that are parked.
    """
    groups: dict[str, list[Action]] = {}
    for action in given:
        if action.parked or action.after:
            continue
        owner = _one_line(action.owner, pen) if by_owner and action.owner else ""
        shown = replace(action, owner=None) if by_owner else action
        groups.setdefault(owner or (titles["unowned"] if by_owner else ""), []).append(shown)
    waiting = [each for each in given if each.after]
    parked = [each for each in given if each.parked]
    found = [*groups.items(), (titles["waiting"], waiting), (titles["parked"], parked)]
    return _apart(_under_name(name, inner, pen) for name, inner in found if inner) or NONE


def _under_name(name: str, given: Sequence[Action], pen: LeafRenderer) -> str:
    lines = _bulleted(_action(each, pen) for each in given)
    return f"**{name}**:\n{lines}" if name else lines


def reasons(given: tuple[Reasoned, ...] | Blank, pen: LeafRenderer) -> str:
    """A bullet for each, `- what: why`."""
    if isinstance(given, Blank):
        return pen.words(given)
    return _bulleted(_reasoned(each, pen) for each in given)


def checkpoint(given: Checkpoint | Blank, pen: LeafRenderer) -> str:
    """`2026-01-04 15:00 UTC: what`."""
    if isinstance(given, Blank):
        return pen.words(given)
    at = _when(given.at, pen)
    return f"{at}: {_one_line(given.what, pen)}" if given.what else at


def _action(action: Action, pen: LeafRenderer) -> list[str]:
    priority = f"**{pen.words(action.priority).capitalize()}**: " if action.priority else ""
    about = ", ".join(f"{label}: {words}" for label, words in _about(action, pen))
    what = f"{priority}{_one_line(action.do, pen)}{f' ({about})' if about else ''}"
    return [what, *_otherwise(action.contingency, pen)]


def _about(action: Action, pen: LeafRenderer) -> Iterator[tuple[str, str]]:
    if action.owner:
        yield "owner", _one_line(action.owner, pen)
    for name, at in action.times:
        yield name, _when(at, pen, name)


def _otherwise(contingency: Contingency | None, pen: LeafRenderer) -> list[str]:
    if contingency is None:
        return []
    condition, then = _one_line(contingency.condition, pen), _one_line(contingency.then, pen)
    return [f"- If {condition}, then {then}"]


def _reasoned(reasoned: Reasoned, pen: LeafRenderer) -> list[str]:
    why = f": {_one_line(reasoned.why, pen)}" if reasoned.why else ""
    return [f"{_one_line(reasoned.what, pen)}{why}"]


def _when(at: Timestamp | Blank, pen: LeafRenderer, name: str = "due") -> str:
    if isinstance(at, Blank):
        return pen.words(at)
    pen.printed.note_formatted(at.place)
    return due_text(at, name)


def _one_line(words: Text | Blank, pen: LeafRenderer) -> str:
    """On one line, so that other text can be on the line too."""
    return " ".join(pen.words(words).split())


def _bulleted(items: Iterable[list[str]]) -> str:
    return "\n".join(line for lines in items for line in marked("- ", lines)) or NONE
