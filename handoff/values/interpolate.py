"""Interpolate: fill an author's text from the facts, and find the blanks that remain."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import tzinfo
from functools import cache
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct
from msgspec.structs import replace

from handoff.base.blanks import DEFAULT, FoundBlank, blank, blanks, blanks_in_document
from handoff.base.patterns import lazy_pattern
from handoff.base.problems import Place, Problem, Report
from handoff.facts.recorded import EvidenceRecord, Facts
from handoff.session.model import (
    BUILT_IN,
    Blank,
    ChartBlock,
    CodeBlock,
    ExpectBlock,
    FilesBlock,
    PhasesBlock,
    Session,
    TableBlock,
    Text,
    place_in,
)
from handoff.session.walk import FactBlock, Leaf, OpenBlank, leaves
from handoff.sql.query import Query
from handoff.sql.types import Type
from handoff.values import blocks
from handoff.values.evaluate import EvaluationError, Missing, Scope, value
from handoff.values.expressions import (
    Expression,
    ExpressionNode,
    InvalidExpression,
    Literal,
    cited,
    escape_braces,
    parts,
)
from handoff.values.printing import (
    Typed,
    Where,
    code_span,
    code_spans,
    escaped,
    folded,
    printed,
    shown,
    verbatim,
)
from handoff.values.rows import EarlierSession, FactView
from handoff.values.view import ViewFactory

if TYPE_CHECKING:
    from handoff.values.charts import Chart  # only where a session has one

MAX_OUTPUT = 2_000
"""Characters of one value."""
MAX_TEXT = 20_000
"""Characters of the values in one text."""
Parts = Sequence[Literal | Expression | InvalidExpression]


class _Evaluated(Struct, frozen=True):
    """The value of one expression in one text."""

    found: Typed | None
    hint: str = ""
    """Why there is none, if that helps."""
    problem: Problem | None = None
    stale: str = ""
    """The notes on the age of old results that it cites, once for facts of the same age."""


class _Filled(Struct, frozen=True):
    """One part of a text, filled in."""

    text: str
    is_blank: bool
    printed: str = ""
    """The value without escapes, for a code span where it would make a blank."""
    problem: Problem | None = None


class ValueMarker(Protocol):
    """Puts marks around printed values, to find them again in the document."""

    def mark_text(self, part: Expression, text: Text, words: str) -> str:
        """`words`, which `part` of `text` prints."""
        ...

    def mark_cell(self, view: FactView, column: str, index: int, words: str) -> str:
        """`words`, which a block prints for a column of a row."""
        ...


class Interpolator:
    """The values of one render: each fact, expression and block is evaluated once.

    `errors` and `warnings` gather what was found while texts were filled in; the text has
    a blank there. `typecheck.problems` finds what can be known before anything has run.
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
        marker: ValueMarker | None = None,
    ) -> None:
        self._views = ViewFactory(
            facts, queries, stalled_minutes, zone, stale_ok, earlier or {}
        )
        self.evidence: Mapping[str, EvidenceRecord] = facts.evidence if facts else {}
        """What evidence in the repository was when it was recorded, by reference."""
        self._declarations = {each.name: each for each in session.facts}
        self._zone = zone
        self._marker = marker
        self._session = session.id
        self.document = document
        """The document's path."""
        self._problems: dict[Problem, None] = {}
        checked_at = facts.as_of if facts else None
        built_in = {
            "document": document,
            "session": session.session,
            "as_of": checked_at or session.as_of,
            "checked_at": checked_at,
            "duration": session.duration_words,
        }
        self._built_in = {
            name: Typed(built_in[name], Type(type_), is_own=type_ == "STRING")
            for name, type_ in BUILT_IN.items()
        }
        # caches of this object alone, which go when it does
        self._view, self._evaluated = cache(self._find_view), cache(self._evaluate)
        view = self._view
        mark = marker.mark_cell if marker else None
        self.table = cache(
            lambda block: blocks.table(view(block.fact), block, self._purposes(block), mark)
        )
        self.files = cache(lambda block: blocks.files(view(block.fact), block))
        self.chart = cache(self._chart)
        self.phases = cache(lambda block, where: blocks.phases(view(block.fact), where, mark))
        self.expectations = cache(
            lambda block, where: blocks.expectations(view(block.fact), where)
        )

    @property
    def errors(self) -> tuple[Problem, ...]:
        return Report.of(self._problems).errors

    @property
    def warnings(self) -> tuple[Problem, ...]:
        return Report.of(self._problems).warnings

    def text(self, text: Text, where: Where = "text") -> str:
        """The author's text with every `{{ }}` filled in, or a blank in its place."""
        if "{{" not in text.value:
            return verbatim(text.value, where)
        return self._joined(text, where)

    def _purposes(self, block: TableBlock) -> Mapping[str, str]:
        """What each file of a table is for, as a cell."""
        given = ((each.path, each.text) for each in block.purpose)
        return {p: self.text(t, "cell") if isinstance(t, Text) else t.text for p, t in given}

    def carried(self, text: Text) -> str | None:
        """`text` for another session file, each value in a code span, so that it stays data.

        `None` if a value is missing.
        """
        read = parts(text.value)
        wheres = contexts(read, "carried")
        made = self._fill(read, wheres, text, "carried")
        if any(each.is_blank for each in made):
            return None
        return escape_braces("".join(_texts(read, made, wheres, "carried")))

    @property
    def facts(self) -> Collection[str]:
        """The names of those the session declares."""
        return self._declarations.keys()

    def is_answered(self, name: str) -> bool:
        """Whether the fact has a result that counts."""
        view = self._view(name)
        return view is not None and view.rows is not None

    def truth(self, node: ExpressionNode, text: Text) -> bool | None:
        """Whether an expression in `text` holds; `None` if that is unknown."""
        found = self._reported(node, text).found
        return bool(found.value) if found and found.type.name == "BOOL" else None

    def shown(self, node: ExpressionNode, text: Text, where: Where = "text") -> str | None:
        """How a part of an expression in `text` prints; `None` if it has no value."""
        evaluated = self._reported(node, text)
        words = shown(evaluated.found, where) if evaluated.found else None
        if words is None:
            return None
        words = words if len(words) <= MAX_OUTPUT else f"{len(words):,} characters"
        return f"{words}{evaluated.stale}"

    def bare(self, node: ExpressionNode, text: Text) -> str | None:
        """How a part of an expression in `text` prints, not escaped; `None`: no value."""
        found = self._evaluated(node, text).found
        words = printed(found) if found else None
        return None if words is None else folded(words)[:MAX_OUTPUT]

    def _reported(self, node: ExpressionNode, text: Text) -> _Evaluated:
        evaluated = self._evaluated(node, text)
        if evaluated.problem:
            self._problems[evaluated.problem] = None
        return evaluated

    def blanks(self, node: object) -> tuple[OpenBlank, ...]:
        """The blanks at or under `node`, a session or a part of it, by the order of keys."""
        return tuple(each for leaf in leaves(node) for each in self.leaf_blanks(leaf))

    def leaf_blanks(self, leaf: Leaf) -> tuple[OpenBlank, ...]:
        """The blanks of one leaf: those its author wrote, and values without a result."""
        node = leaf.node
        if not leaf.can_be_blank:
            return ()
        if isinstance(node, Text):
            return tuple(self._text_blanks(node, in_list=leaf.in_list))
        if isinstance(node, FactBlock):
            names = (node.fact,)
            return tuple(
                _document_blank(each, node.place, waits_for=names)
                for each in self._block_blanks(node)
            )
        written = node.code if isinstance(node, CodeBlock) else node
        if not isinstance(written, Blank):
            return ()
        found = blanks(written.text, item=leaf.in_list) or blanks(DEFAULT)
        return (_document_blank(found[0], written.place, written.text),)

    # --- values --------------------------------------------------------------------------

    def _find_view(self, name: str) -> FactView | None:
        """The fact as texts see it; `None` for one that is not declared."""
        declaration = self._declarations.get(name)
        return self._views.view(declaration) if declaration else None

    def _chart(self, block: ChartBlock) -> Chart | None:
        """What is drawn of the fact; `None` without a result."""
        from handoff.values import charts  # only where a session has one

        view = self._view(block.fact)
        if view is None or view.rows is None:
            return None
        if missing := charts.missing_row(view, block):
            self._problems[Problem("L022", missing, block.place, "warning")] = None
        at = self._views.as_of(view.name)
        return charts.chart(
            view, block, lambda: self._views.history(view.declaration), self._session, at
        )

    def _named(self, name: str) -> Typed | FactView | None:
        return self._built_in.get(name) or self._view(name)

    def _evaluate(self, node: ExpressionNode, text: Text) -> _Evaluated:
        scope = Scope(self._named, self._declarations, self._zone)
        try:
            found = value(node, scope)
        except Missing as missing:
            return _Evaluated(None, str(missing))
        except EvaluationError as error:
            place = place_in(text, error.offset)
            problem = Problem(error.code, str(error), place, error.level)
            return _Evaluated(None, problem=problem)
        views = (self._view(name) for name in scope.cited)
        notes = dict.fromkeys(view.stale for view in views if view and view.stale)
        return _Evaluated(found, stale="".join(f" {note}" for note in notes))

    # --- texts ---------------------------------------------------------------------------

    def _joined(self, text: Text, where: Where) -> str:
        read = parts(text.value)
        wheres = contexts(read, where)
        made = self._fill(read, wheres, text, where)
        texts = _texts(read, made, wheres, where)
        if self._marker:
            mark = self._marker.mark_text
            texts = [
                mark(part, text, words)
                if isinstance(part, Expression) and not filled.is_blank
                else words
                for part, filled, words in zip(read, made, texts, strict=True)
            ]
        return "".join(texts)

    def _fill(
        self, read: Parts, wheres: Sequence[Where], text: Text, where: Where
    ) -> list[_Filled]:
        made: list[_Filled] = []
        left = MAX_TEXT
        for part, lands in zip(read, wheres, strict=True):
            filled = self._filled(part, text, lands, left)
            if where == "cell" and lands == "code":
                filled = replace(filled, text=verbatim(filled.text, where))
            left -= 0 if isinstance(part, Literal) else len(filled.text)
            made.append(filled)
        for each in made:
            if each.problem:
                self._problems[each.problem] = None
        return made

    def _filled(
        self,
        part: Literal | Expression | InvalidExpression,
        text: Text,
        where: Where,
        left: int,
    ) -> _Filled:
        match part:
            case Literal(written):
                return _Filled(verbatim(written, where), is_blank=False)
            case InvalidExpression(code, message, offset):
                return _blank("", where, Problem(code, message, place_in(text, offset)))
        evaluated = self._evaluated(part.node, text)
        found = evaluated.found
        bare, words = (printed(found), shown(found, where)) if found else (None, None)
        if bare is None or words is None:
            return _blank(part.hint or evaluated.hint, where, evaluated.problem)
        if len(words) > min(MAX_OUTPUT, left):
            bound = f"{MAX_OUTPUT:,} fit in one '{{{{ }}}}', {MAX_TEXT:,} in a text"
            message = f"a value of {len(words):,} characters, {bound}"
            return _blank(
                part.hint, where, Problem("L023", message, place_in(text, part.start))
            )
        stale = evaluated.stale
        return _Filled(f"{words}{stale}", is_blank=False, printed=f"{folded(bare)}{stale}")

    # --- blanks --------------------------------------------------------------------------

    def _block_blanks(self, block: FactBlock) -> Iterator[FoundBlank]:
        """The blanks in the lines that a block prints."""
        lines: Iterable[str] | None
        match block:
            case TableBlock():
                lines = self.table(block)
            case PhasesBlock():
                phases = self.phases(block, "text")
                lines = (line for _, labels in phases for _, line in labels)
            case FilesBlock():
                groups = self.files(block)
                lines = None if groups is None else (p for _, paths in groups for p in paths)
            case ChartBlock():
                lines = None if self.chart(block) is None else ()
            case ExpectBlock():
                lines = self.expectations(block, "text")
        for line in [DEFAULT] if lines is None else lines:
            yield from blanks(line)

    def _text_blanks(self, text: Text, *, in_list: bool) -> Iterator[OpenBlank]:
        """The blanks the author wrote, and those of values that are missing."""
        read = parts(text.value)
        masked = text.value
        found: list[tuple[int, FoundBlank, tuple[str, ...]]] = []
        for part in read:
            if isinstance(part, Literal):
                continue
            masked = masked[: part.start] + _MASK * (part.end - part.start) + masked[part.end :]
            filled = self._filled(part, text, "text", MAX_TEXT)
            if filled.is_blank:
                names = cited(part) if isinstance(part, Expression) else ()
                found.append((part.start, blanks(filled.text)[0], names))
        if "\n" in masked:
            found += [(each.start, each, ()) for each in blanks_in_document(masked)]
        else:
            found += [(each.start, each, ()) for each in blanks(masked, item=in_list)]
        for start, each, names in sorted(found, key=lambda each: each[0]):
            yield _document_blank(each, place_in(text, start), waits_for=names)


_MASK = "0"  # which makes no blank of brackets around it


def _document_blank(
    found: FoundBlank, place: Place, words: str = "", *, waits_for: tuple[str, ...] = ()
) -> OpenBlank:
    text = words or found.text
    return OpenBlank(text, found.kind, found.hint, found.choices, place, waits_for)


# --- joining the parts ---------------------------------------------------------------------


def _texts(
    read: Parts, made: Sequence[_Filled], wheres: Sequence[Where], where: Where
) -> list[str]:
    """The parts to join, where a value that is in a code span stays in it.

    The author's own backticks next to it, or a single one, could end it earlier.
    """
    texts = _without_new_blanks(read, made, wheres, where)
    joined = "".join(texts)
    if where not in _WITH_CODE_SPANS or "`" not in joined:
        return texts
    are_values = [
        isinstance(part, Expression) and lands == where
        for part, lands in zip(read, wheres, strict=True)
    ]
    marked = (
        _CODE_SPAN.sub(_with_marks, words) if is_value else _unmarked(words)
        for is_value, words in zip(are_values, texts, strict=True)
    )
    if all(_in_code("".join(marked))):
        return texts
    ticks = "`" * (max(map(len, re.findall("`+", joined))) + 1)
    apart: list[str] = []
    for is_value, words in zip(are_values, texts, strict=True):
        own = words
        if is_value:
            own = _CODE_SPAN.sub(
                lambda span: f"{ticks}{escaped(span[2].strip(), 'code')}{ticks}", words
            )
        touches = "".join(apart[-1:]).endswith("`") and own.startswith("`")
        apart.append(f" {own}" if touches else own)
    return apart


def _with_marks(span: re.Match[str]) -> str:
    return f"{span[1]}{_PLACE}{_unmarked(span[2])}{_PLACE}{span[1]}"


def _unmarked(text: str) -> str:
    return text.replace(_PLACE, " ")


_WITH_CODE_SPANS = ("prompt", "carried")
_CODE_SPAN = lazy_pattern(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)


def _blank(hint: str, where: Where, problem: Problem | None = None) -> _Filled:
    return _Filled(verbatim(blank(folded(hint)), where), is_blank=True, problem=problem)


def _without_new_blanks(
    read: Parts, made: Sequence[_Filled], wheres: Sequence[Where], where: Where
) -> list[str]:
    """The text of each part; a value that would be a blank with the words around it is in code.

    `[{{ run.state }}]` would be one where the state is QUEUED.
    """
    texts = [filled.text for filled in made]
    found = _all_blanks("".join(texts))
    at = 0
    for n, (part, filled, lands) in enumerate(zip(read, made, wheres, strict=True)):
        start, at = at, at + len(filled.text)
        is_value = isinstance(part, Expression) and not filled.is_blank and lands != "code"
        if is_value and any(each.start < at and start < each.end for each in found):
            texts[n] = verbatim(code_span(filled.printed), where)
    return texts


def _all_blanks(text: str) -> tuple[FoundBlank, ...]:
    """Those of running text, of a list item, and of several lines each line's own."""
    inline = (*blanks(text), *blanks(text, item=True))
    return (*inline, *blanks_in_document(text)) if "\n" in text else inline


# --- code spans ----------------------------------------------------------------------------

_PLACE = "\ue000"


def contexts(read: Parts, where: Where) -> list[Where]:
    """Where each part is: a value inside the author's backticks is in code."""
    if not any("`" in p.text for p in read if isinstance(p, Literal)):
        return [where] * len(read)
    text = "".join(
        p.text.replace(_PLACE, " ") if isinstance(p, Literal) else _PLACE for p in read
    )
    inside = iter(_in_code(text))
    return [
        where if isinstance(p, Literal) else "code" if next(inside) else where for p in read
    ]


def _in_code(text: str) -> Iterator[bool]:
    """For each value of the text whether it is in a code span."""
    spans = [(start, end) for _, start, end in code_spans(text) if end is not None]
    places = (match.start() for match in re.finditer(_PLACE, text))
    return (any(start <= n < end for start, end in spans) for n in places)
