"""Live values: an author's text filled in from the facts, and what is still open in it."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import tzinfo

from msgspec import Struct
from msgspec.structs import replace

from handoff.base.blanks import DEFAULT, FoundBlank, blank, blanks, blanks_in_document
from handoff.base.problems import Place, Problem, Report
from handoff.facts.recorded import Facts
from handoff.session.model import (
    BUILT_IN,
    CHANGES,
    Blank,
    CodeBlock,
    ExpectBlock,
    FilesBlock,
    PhasesBlock,
    Session,
    TableBlock,
    Text,
    place_in,
)
from handoff.session.open_blanks import OpenBlank
from handoff.session.walk import FactBlock, Leaf, leaves
from handoff.sql.query import Query
from handoff.sql.types import Type
from handoff.values.contexts import Parts, landings
from handoff.values.evaluate import EvaluationError, Missing, Scope, value
from handoff.values.expectations import line
from handoff.values.expressions import (
    Expression,
    InvalidExpression,
    Literal,
    Node,
    cited,
    parts,
)
from handoff.values.filters import NUMBERS
from handoff.values.phases import plain
from handoff.values.printing import NONE, Typed, Where, code_span, folded, printed, shown
from handoff.values.rows import EarlierSession, FactView, Row
from handoff.values.view import ViewFactory

MAX_OUTPUT = 2_000
"""Characters of one value."""
MAX_TEXT = 20_000
"""Characters of the values in one text."""
NULL = "—"
"""In a table, where no author could fill it in."""


class _Filled(Struct, frozen=True):
    """What one `{{ }}` became."""

    text: str
    is_blank: bool
    printed: str = ""
    """The value without escapes, to be put in a code span where it made a blank."""
    problem: Problem | None = None


class Interpolator:
    """The names of one render.

    `errors` and `warnings` gather what was found while texts were filled in; the text has
    a blank there. What can be known without answers, `problems` finds before.
    """

    def __init__(
        self,
        session: Session,
        facts: Facts | None,
        queries: Mapping[str, Query],
        *,
        document: str,
        stalled_minutes: int,
        zone: tzinfo,
        stale_ok: bool = False,
        earlier: Mapping[str, EarlierSession] | None = None,
    ) -> None:
        self._views = ViewFactory(
            facts, queries, stalled_minutes, zone, stale_ok, earlier or {}
        )
        self._questions = {question.name: question for question in session.questions}
        self._zone = zone
        self._sources: dict[str, FactView] = {}
        self._problems: dict[Problem, None] = {}
        checked_at = facts.as_of if facts else None
        as_of = checked_at or session.as_of
        built_in = {
            "document": document,
            "session": session.session,
            "as_of": as_of,
            "checked_at": checked_at,
            "duration": session.duration_words,
        }
        self._built_in = {
            name: Typed(built_in[name], Type(type_), is_own=type_ == "STRING")
            for name, type_ in BUILT_IN.items()
        }

    @property
    def errors(self) -> tuple[Problem, ...]:
        return Report.of(self._problems).errors

    @property
    def warnings(self) -> tuple[Problem, ...]:
        return Report.of(self._problems).warnings

    def text(self, text: Text, where: Where = "text") -> str:
        """The author's text with every `{{ }}` filled in, or a blank in its place."""
        if "{{" not in text.value:
            return _literal(text.value, where)
        return self._joined(text, where)

    def table(self, table: TableBlock) -> Sequence[str]:
        """The fact's rows as the lines of a Markdown table; a blank without an answer."""
        source = self._source(table.fact)
        if source is None or source.rows is None:
            return [DEFAULT]
        names = [(c.name, c.heading) for c in table.columns] or _own_columns(source)
        known = [(name, heading) for name, heading in names if name in source.types]
        if not source.rows or not known:
            return [NONE]
        ruler = ["--:" if source.types[n].name in NUMBERS else "---" for n, _ in known]
        lines = [_row(_literal(heading, "cell") for _, heading in known), _row(ruler)]
        lines += [_row(_cell(row[name]) for name, _ in known) for row in source.rows]
        return [*lines, "", source.stale] if source.stale else lines

    def phases(
        self, phases: PhasesBlock, where: Where = "text"
    ) -> Sequence[tuple[str, Sequence[tuple[str, str]]]]:
        """For each phase a heading, and its labels with their words."""
        source = self._source(phases.fact)
        if source is None or source.rows is None:
            unknown = [(label, DEFAULT) for label in ("Progress", "Success rate", "ETA")]
            return [("Orchestrator Status", unknown)]
        return [_status(row, source, where) for row in source.rows]

    def files(self, files: FilesBlock) -> Sequence[tuple[str, Sequence[str]]] | None:
        """A heading for each kind of change, and its paths as code; `None`: no answer."""
        source = self._source(files.fact)
        if source is None or source.rows is None:
            return None
        found: dict[str, list[str]] = {each: [] for each in files.changes or (*CHANGES, "")}
        for row in source.rows:
            change = _bare(row, "change")
            change = change if change in CHANGES else ""
            if change in found:
                found[change].append(_path(row))
        age = [source.stale] if source.stale else []
        return [(_HEADINGS[each], [*paths, *age]) for each, paths in found.items() if paths]

    def expectations(self, expect: ExpectBlock, where: Where = "text") -> Sequence[str] | None:
        """A line for each limit and row it is for; `None`: no answer."""
        source = self._source(expect.fact)
        if source is None or source.rows is None:
            return None
        age = f" {source.stale}" if source.stale else ""
        return [f"{line(each, where)}{age}" for each in source.verdicts]

    @property
    def facts(self) -> Collection[str]:
        """The names of those the session declares."""
        return self._questions.keys()

    def is_answered(self, name: str) -> bool:
        """Whether the fact has an answer that counts."""
        source = self._source(name)
        return source is not None and source.rows is not None

    def truth(self, node: Node, text: Text) -> bool | None:
        """Whether an expression in `text` holds; `None` where that is not known."""
        found = self._answer(node, text, self._scope())
        return bool(found.value) if found and found.type.name == "BOOL" else None

    def shown(self, node: Node, text: Text, where: Where = "text") -> str | None:
        """How a part of an expression in `text` prints; `None` where there is no value."""
        scope = self._scope()
        found = self._answer(node, text, scope)
        words = shown(found, where) if found else None
        if words is None:
            return None
        words = words if len(words) <= MAX_OUTPUT else f"{len(words):,} characters"
        return "".join([words, *(f" {note}" for note in self._notes(scope))])

    def open(self, node: object) -> tuple[OpenBlank, ...]:
        """The blanks at or under `node`, a session or a part of it, in the author's order."""
        return tuple(each for leaf in leaves(node) for each in self.blanks(leaf))

    def blanks(self, leaf: Leaf) -> tuple[OpenBlank, ...]:
        """The blanks of one leaf: those its author wrote, and those without an answer."""
        node = leaf.node
        if not leaf.can_be_blank:
            return ()
        if isinstance(node, Text):
            return tuple(self._open_in(node, in_list=leaf.in_list))
        if isinstance(node, FactBlock):
            names = (node.fact,)
            return tuple(
                _left(each, node.place, waits_for=names) for each in self._unanswered(node)
            )
        written = node.code if isinstance(node, CodeBlock) else node
        if not isinstance(written, Blank):
            return ()
        found = blanks(written.text, item=leaf.in_list) or blanks(DEFAULT)
        return (_left(found[0], written.place, written.text),)

    # --- names ---------------------------------------------------------------------------

    def _scope(self) -> Scope:
        return Scope(self._named, self._questions, self._zone)

    def _named(self, name: str) -> Typed | FactView | None:
        return self._built_in.get(name) or self._source(name)

    def _source(self, name: str) -> FactView | None:
        """The fact as texts see it; `None` for one that is not declared."""
        if name not in self._questions:
            return None
        if name not in self._sources:
            self._sources[name] = self._views.view(self._questions[name])
        return self._sources[name]

    # --- texts ---------------------------------------------------------------------------

    def _joined(self, text: Text, where: Where) -> str:
        read = parts(text.value)
        wheres = landings(read, where)
        made: list[_Filled] = []
        left = MAX_TEXT
        for part, lands in zip(read, wheres, strict=True):
            filled = self._filled(part, text, lands, left)
            if where == "cell" and lands == "code":
                filled = replace(filled, text=_literal(filled.text, where))
            left -= 0 if isinstance(part, Literal) else len(filled.text)
            made.append(filled)
        for each in made:
            if each.problem:
                self._problems[each.problem] = None
        return _without_new_blanks(read, made, wheres, where)

    def _filled(
        self,
        part: Literal | Expression | InvalidExpression,
        text: Text,
        where: Where,
        left: int,
    ) -> _Filled:
        match part:
            case Literal(words):
                return _Filled(_literal(words, where), is_blank=False)
            case InvalidExpression(code, message, offset):
                return _blank("", where, Problem(code, message, place_in(text, offset)))
        scope = self._scope()
        try:
            found = value(part.node, scope)
            return self._bounded(found, scope, part, where, left)
        except Missing as missing:
            return _blank(part.hint or str(missing), where)
        except EvaluationError as wrong:
            place = place_in(text, wrong.offset)
            problem = Problem(wrong.code, str(wrong), place, wrong.level)
            return _blank(part.hint, where, problem)

    def _bounded(
        self, found: Typed, scope: Scope, part: Expression, where: Where, left: int
    ) -> _Filled:
        bare, words = printed(found), shown(found, where)
        if bare is None or words is None:
            raise Missing
        if len(words) > min(MAX_OUTPUT, left):
            bound = f"{MAX_OUTPUT:,} fit in one '{{{{ }}}}', {MAX_TEXT:,} in a text"
            raise EvaluationError(
                "L023", f"a value of {len(words):,} characters, {bound}", part.start
            )
        stale = "".join(f" {note}" for note in self._notes(scope))
        return _Filled(f"{words}{stale}", is_blank=False, printed=f"{folded(bare)}{stale}")

    def _answer(self, node: Node, text: Text, scope: Scope) -> Typed | None:
        try:
            return value(node, scope)
        except Missing:
            return None
        except EvaluationError as wrong:
            place = place_in(text, wrong.offset)
            self._problems[Problem(wrong.code, str(wrong), place, wrong.level)] = None
            return None

    def _notes(self, scope: Scope) -> Iterator[str]:
        """Behind an old answer its age, once for facts of the same age."""
        found = (self._source(name) for name in scope.cited)
        return iter(dict.fromkeys(each.stale for each in found if each and each.stale))

    # --- what is open --------------------------------------------------------------------

    def _unanswered(self, block: FactBlock) -> tuple[FoundBlank, ...]:
        """The blanks in what a block makes of its fact."""
        match block:
            case TableBlock():
                return blanks_in_document("\n".join(self.table(block)))
            case PhasesBlock():
                lines = [line for _, labels in self.phases(block) for _, line in labels]
                return tuple(each for line in lines for each in blanks(line))
            case FilesBlock():
                return blanks(DEFAULT) if self.files(block) is None else ()
            case ExpectBlock(fact):
                source = self._source(fact)
                if source is None or source.rows is None:
                    return blanks(DEFAULT)
                states = [verdict.state for verdict in source.verdicts]
                return blanks(DEFAULT) * states.count("unanswered")

    def _open_in(self, text: Text, *, in_list: bool) -> Iterator[OpenBlank]:
        """The blanks the author wrote, and those that live values left."""
        read = parts(text.value)
        masked = text.value
        left: list[tuple[int, FoundBlank, tuple[str, ...]]] = []
        for part in read:
            if isinstance(part, Literal):
                continue
            masked = masked[: part.start] + _MASK * (part.end - part.start) + masked[part.end :]
            filled = self._filled(part, text, "text", MAX_TEXT)
            if filled.is_blank:
                names = cited(part) if isinstance(part, Expression) else ()
                left.append((part.start, blanks(filled.text)[0], names))
        if "\n" in masked:
            left += [(each.start, each, ()) for each in blanks_in_document(masked)]
        else:
            left += [(each.start, each, ()) for each in blanks(masked, item=in_list)]
        for start, found, names in sorted(left, key=lambda each: each[0]):
            yield _left(found, place_in(text, start), waits_for=names)


_MASK = "0"  # which makes no blank of brackets around it


def _left(
    found: FoundBlank, place: Place, words: str = "", *, waits_for: tuple[str, ...] = ()
) -> OpenBlank:
    text = words or found.text
    return OpenBlank(text, found.kind, found.hint, found.choices, place, waits_for)


# --- tables and status lines ---------------------------------------------------------------


def _own_columns(source: FactView) -> list[tuple[str, str]]:
    return [(name, name) for name in source.types if name not in source.derived]


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
    "": "FilesBlock",
}


def _bare(row: Row, name: str) -> str:
    """A column that the row may not have, not escaped."""
    return (printed(row[name]) if name in row else None) or ""


def _path(row: Row) -> str:
    """The path as code; of a renamed file what it was and what it is."""
    paths = [folded(each) for name in ("old_path", "path") if (each := _bare(row, name))]
    return " → ".join(code_span(each) for each in paths) or DEFAULT


def _status(row: Row, source: FactView, where: Where) -> tuple[str, list[tuple[str, str]]]:
    def words(name: str) -> str:
        # what the ETA calls them needs no escapes, nor a code span in the prompt
        own = plain(_bare(row, name)) if name in ("title", "phase", "unit") else None
        return own or shown(row[name], where) or ""

    labels: list[tuple[str, str]] = [("Progress", _progress(words))]
    if words("success_rate"):
        labels.append(("Success rate", f"{words('success_rate')}%"))
    labels.append(("ETA", words("eta") or DEFAULT))
    if source.stale:
        labels.append(("As of", source.stale.strip("()").removeprefix("as of ")))
    return f"{words('title') or words('phase') or 'Phase'} Status", labels


def _progress(words: Callable[[str], str]) -> str:
    if not words("progress"):
        return DEFAULT
    unit = f" {words('unit')}" if words("unit") else ""
    percent = f" ({words('percent')}%)" if words("percent") else ""
    return f"{words('progress')}{unit}{percent}"


# --- putting it together -------------------------------------------------------------------


def _blank(hint: str, where: Where, problem: Problem | None = None) -> _Filled:
    return _Filled(_literal(blank(folded(hint)), where), is_blank=True, problem=problem)


_PIPE = re.compile(r"\\.|\|", re.DOTALL)


def _literal(text: str, where: Where) -> str:
    """The author's own words; in a cell they stay in it."""
    if where != "cell":
        return text
    line = " ".join(text.split("\n"))
    return _PIPE.sub(lambda match: "\\|" if match[0] == "|" else match[0], line)


def _without_new_blanks(
    read: Parts, made: Sequence[_Filled], wheres: Sequence[Where], where: Where
) -> str:
    """The parts together; a value that the words around it make a blank of is put in code.

    `[{{ run.state }}]` would be one where the state is RUNNING.
    """
    texts = [filled.text for filled in made]
    found = _all_blanks("".join(texts))
    at = 0
    for n, (part, filled, lands) in enumerate(zip(read, made, wheres, strict=True)):
        start, at = at, at + len(filled.text)
        is_value = isinstance(part, Expression) and not filled.is_blank and lands != "code"
        if is_value and any(each.start < at and start < each.end for each in found):
            texts[n] = _literal(code_span(filled.printed), where)
    return "".join(texts)


def _all_blanks(text: str) -> tuple[FoundBlank, ...]:
    """As running text, as a list item, and of more lines line by line."""
    inline = (*blanks(text), *blanks(text, item=True))
    return (*inline, *blanks_in_document(text)) if "\n" in text else inline
