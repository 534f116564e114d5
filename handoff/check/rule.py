"""What a rule of `handoff check` is, and what it looks at.

A rule takes values that are already loaded and yields findings, so every rule is a pure
function. Problems found while reading files (YAML, query headers, facts) are the caller's.
"""

from __future__ import annotations

import posixpath
import re
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, tzinfo
from functools import cached_property
from types import ModuleType
from typing import Any, Generic, TypeVar

from msgspec import Struct, field

from handoff.base.blanks import blanks_in_document, is_prompt_fence
from handoff.base.markdown import (
    Heading,
    Link,
    Page,
    Table,
    headings,
    line_of,
    links,
    parse_repaired,
    read_table,
)
from handoff.base.patterns import lazy_pattern
from handoff.base.problems import InvalidInput, Level, Place, Problem
from handoff.base.secrets import truncate
from handoff.base.tree import Tree
from handoff.facts.recorded import Fact, Facts, Value, is_current
from handoff.project.session_files import MisplacedSession
from handoff.session.model import QueryFact, Session, SourceFact, Text, place_in
from handoff.session.reading_list import ToRead, to_read
from handoff.session.walk import OpenBlank, texts
from handoff.sql.query import Query, bind
from handoff.sql.tables import Schema
from handoff.values.evidence import Reference
from handoff.values.rows import FactView
from handoff.values.view import Cells, FactHistory

Finding = tuple[Place, str] | tuple[Place, str, Level]
"""The level only where it is not the rule's first."""
Context = TypeVar("Context")
Find = Callable[[Context], Iterable[Finding]]
Found = TypeVar("Found")


class Rule(Struct, Generic[Context], frozen=True):
    """One rule; why it exists, and an example that fails, are in the function's docstring."""

    code: str
    levels: tuple[Level, ...]
    """The usual one first."""
    doc: str
    """What is wrong, for `docs/checks.md`."""
    find: Find[Context]

    def problems(self, context: Context) -> Iterator[Problem]:
        """What the rule finds in `context`."""
        for place, message, *level in self.find(context):
            yield Problem(self.code, message, place, *(level or self.levels[:1]))


def rule(
    code: str, level: Level, doc: str, *others: Level
) -> Callable[[Find[Context]], Rule[Context]]:
    """Turn a function into a rule; `others` are the levels that some findings have."""
    return lambda find: Rule(code, (level, *others), doc, find)


def rule_among(
    code: str, level: Level, doc: str, problems: Callable[[Context], Iterable[Problem]]
) -> Rule[Context]:
    """A rule that takes its findings from a function that finds those of several codes."""

    def find(context: Context) -> Iterator[Finding]:
        found = (each for each in problems(context) if each.code == code)
        return ((each.place, each.message, each.level) for each in found)

    return Rule(code, (level,), doc, find)


def rules_of(*modules: ModuleType) -> tuple[Rule[Any], ...]:
    """The rules of a family, in the order they are written down."""
    found = (value for module in modules for value in vars(module).values())
    return tuple(each for each in found if isinstance(each, Rule))


def run(rules: Iterable[Rule[Context]], context: Context) -> Iterator[Problem]:
    """What `rules` find in `context`."""
    return (problem for each in rules for problem in each.problems(context))


class DocumentContext(Struct, frozen=True, dict=True):
    """A Markdown document, parsed."""

    text: str
    page: Page
    tree: Tree
    read: Callable[[str], str | None] = lambda _: None
    """The text of a file; `None` if it is missing or no text."""
    is_deleted: Callable[[str], bool] = lambda _: False
    """Whether git had a file of that path, and has no more."""
    ignored: Callable[[Collection[str]], Collection[str]] = lambda _: ()
    """Those of some paths that git ignores."""
    has_root: bool = True
    """False outside of any repository or project: nothing is known of paths from its root."""

    @classmethod
    def of(cls, text: str, path: str, tree: Tree, **more: Any) -> DocumentContext:
        return cls(text, parse_repaired(text, path), tree, **more)

    @property
    def path(self) -> str:
        return self.page.path

    @property
    def document_path(self) -> str:
        return self.page.path

    def moved(self, path: str) -> str | None:
        """None: what git knows of renames costs too much for thousands of paths."""
        return None

    def heading_line(self, line: int) -> str:
        """The last heading above a line, as written; empty without one."""
        at = bisect_right(self.headings, line, key=lambda each: each.line)
        return self.page.lines[self.headings[at - 1].line - 1] if at else ""

    def heading_of(self, line: int) -> str:
        """The headings above a line, the outermost first, without the document's title."""
        at = bisect_right(self.headings, line, key=lambda each: each.line)
        return self._trails[at - 1] if at else ""

    @cached_property
    def _trails(self) -> tuple[str, ...]:
        """For each heading, itself and those that it is in."""
        has_title = sum(each.level == 1 for each in self.headings) == 1
        found: list[str] = []
        trail: list[Heading] = []
        for each in self.headings:
            trail = [above for above in trail if above.level < each.level]
            trail += [] if has_title and each.level == 1 else [each]
            found.append(" / ".join(above.text for above in trail))
        return tuple(found)

    @cached_property
    def texts(self) -> tuple[Text, ...]:
        """The author's words, a text for each line of a block and for each table cell.

        Without code, except the lines of prompts.
        """
        found = [
            Text(words, Place(self.path, line, self.page.lines[line - 1].find(words) + 1))
            for inline in self.page.of_type("inline")
            for line, words in enumerate(inline.content.split("\n"), start=line_of(inline))
        ]
        prompts = (Text(line, Place(self.path, n)) for n, line in self.prompt_lines)
        return (*found, *prompts)

    @cached_property
    def prompt_lines(self) -> tuple[tuple[int, str], ...]:
        """The lines of its prompts, with their numbers."""
        found: list[tuple[int, str]] = []
        lines = self.page.lines
        before = ""
        for fence in self.page.fences:
            above = next((x.strip() for x in lines[fence.first - 2 :: -1] if x.strip()), "")
            heading = self.heading_line(fence.first)
            heading, before = "" if heading == before else heading, heading
            if is_prompt_fence(fence.info, above, heading):
                last = fence.last - (fence.state != "open")
                found += [(n, lines[n - 1]) for n in range(fence.first + 1, last + 1)]
        return tuple(found)

    @property
    def is_prompt(self) -> bool:
        """Whether the whole document is one, by its name."""
        return re.search(r"(?i)(?<![a-z])prompt", posixpath.basename(self.path)) is not None

    @cached_property
    def blanks(self) -> tuple[OpenBlank, ...]:
        numbers = {n for n, _ in self.prompt_lines}
        found = []
        for each in blanks_in_document(self.text):
            place = Place.at(self.path, self.text, each.start)
            prompts = ("prompt",) if self.is_prompt or place.line in numbers else ()
            blank = OpenBlank(each.text, each.kind, each.hint, each.choices, place, (), prompts)
            found.append(blank)
        return tuple(found)

    @cached_property
    def tables(self) -> tuple[Table, ...]:
        found, start = [], 0
        for n, token in enumerate(self.page.tokens):
            if token.type == "table_open":
                start = n
            elif token.type == "table_close":
                found.append(read_table(self.page.tokens[start : n + 1]))
        return tuple(found)

    @cached_property
    def day(self) -> date | None:
        """The day in its name, else the first one in its first lines."""
        words = "\n".join((self.path.rpartition("/")[2], *self.page.lines[:20]))
        for match in _ISO_DAY.finditer(words):
            with suppress(ValueError):
                return date(*map(int, match.groups()))
        return None

    @cached_property
    def headings(self) -> tuple[Heading, ...]:
        return headings(self.page)

    @cached_property
    def links(self) -> tuple[Link, ...]:
        return tuple(links(self.page))

    def place(self, line: int) -> Place:
        return Place(self.page.path, line)


class QueryContext(Struct, frozen=True, dict=True):
    """One query."""

    query: Query
    schema: Schema | None
    """As recorded; `None` if it is not."""
    engine: str | None = None
    """The project's, as set."""

    @cached_property
    def engine_problems(self) -> tuple[Problem, ...]:
        """What the embedded engine will refuse; empty for any other."""
        if self.engine != "duckdb":
            return ()
        from handoff.warehouse.duckdb.translate import find_refusal  # slow: brings sqlglot

        found = find_refusal(self.query, self.schema)
        return (found,) if found else ()

    @cached_property
    def schema_problems(self) -> tuple[Problem, ...]:
        """Names that the recorded schema does not have, and missing filters."""
        if any(each.code in ("Q050", "Q052", "Q054") for each in self.engine_problems):
            return ()  # reported as an error
        from handoff.check.schema import schema_problems  # slow: brings sqlglot

        return schema_problems(self.query, self.schema)


_ISO_DAY = lazy_pattern(r"(?<!\d)(20\d{2})-(\d{2})-(\d{2})(?!\d)")

AnyFact = QueryFact | SourceFact
Binding = tuple[AnyFact, Query | SourceFact, Mapping[str, Value]]
_ANY_TIME = datetime(1970, 1, 1, tzinfo=UTC)


def _unchanged(_: Reference) -> str | None:
    return ""


class CheckContext(Struct, frozen=True, dict=True):
    """One session and everything its rules look at."""

    session: Session
    queries: Mapping[str, Query]
    """By name, those that the session uses and that could be read."""
    facts: Facts | None
    """As recorded; `None` if nothing is."""
    facts_path: str
    document_path: str
    """Where the document is or will be."""
    document: str | None
    """As rendered from the recorded facts; `None` if that failed."""
    tree: Tree
    blanks: Sequence[OpenBlank] = ()
    """The document's blanks."""
    prompts: Mapping[str, str] = field(default_factory=dict)
    """As rendered, by name."""
    budget_tokens: int | None = None
    """For one prompt; `None` for any number."""
    cells: Cells | None = None
    """The recorded values."""
    past: FactHistory = field(default_factory=FactHistory)
    lines: Callable[[str], int | None] = lambda _: None
    """The number of lines of a file; `None` if it is missing or not text."""
    evidence_exists: Callable[[Reference], bool] = lambda _: True
    evidence_change: Callable[[Reference], str | None] = _unchanged
    """How evidence changed since it was recorded, `was moved to 'x'`; empty if it did not,
    `None` if it exists and is not recorded."""
    ignored: Callable[[Collection[str]], Collection[str]] = lambda _: ()
    """Those of some paths that git ignores."""
    query_names: Sequence[str] = ()
    """Of every query file of the project."""
    query_path: Callable[[str], str] = "sql/{}".format
    """Where the query of a name is."""
    now: datetime | None = None
    """For rules that need a clock; `None` without `--live`."""
    zone: tzinfo = UTC

    def once(self, find: Callable[[CheckContext], Iterable[Found]]) -> tuple[Found, ...]:
        """What `find` finds here, for several rules that share it."""
        found: dict[object, tuple[Found, ...]] = vars(self).setdefault("_once", {})
        if find not in found:
            found[find] = tuple(find(self))
        return found[find]

    has_root = True

    @property
    def path(self) -> str:
        return self.session.path

    def moved(self, path: str) -> str | None:
        return self.past.moved(path)

    def is_deleted(self, path: str) -> bool:
        return self.past.moved(path) is not None

    @cached_property
    def texts(self) -> tuple[Text, ...]:
        """What the author wrote, the title first."""
        session = self.session
        title = Text(session.title, session.title_place or Place(session.path))
        return (title, *texts(session))

    @property
    def tables(self) -> tuple[Table, ...]:
        """None, as their cells are values of facts."""
        return ()

    @property
    def day(self) -> date | None:
        return self.session.created.day

    def fact(self, name: str) -> Fact | None:
        return self.facts.facts.get(name) if self.facts else None

    @property
    def as_of(self) -> datetime:
        """The session's as-of time, else that of the recorded facts, else any."""
        recorded = self.facts.as_of if self.facts else None
        return self.session.as_of or recorded or _ANY_TIME

    def hint(self, path: str) -> str:
        """Where a missing file was moved to, or the nearest one, to append to a message."""
        moved = self.past.moved(path)
        return f"; it was moved to '{moved}'" if moved else self.tree.nearest(path)

    @cached_property
    def to_read(self) -> tuple[ToRead, ...]:
        """The files to read except the document, which is about to be written."""
        found = to_read(self.session, self.document_path)
        return tuple(each for each in found if each.path != self.document_path)

    @cached_property
    def bound(self) -> tuple[Binding, ...]:
        """Each fact with its query, or itself, and the parameters that fit it."""
        return tuple(each for each in self._bindings if not isinstance(each, Problem))

    @cached_property
    def binding_problems(self) -> tuple[Problem, ...]:
        """Parameters that do not fit their query."""
        return tuple(each for each in self._bindings if isinstance(each, Problem))

    @cached_property
    def _bindings(self) -> tuple[Binding | Problem, ...]:
        found: list[Binding | Problem] = []
        for fact in self.session.facts:
            if isinstance(fact, SourceFact):
                found.append((fact, fact, {"as_of": self.as_of}))
            elif query := self.queries.get(fact.sql):
                try:
                    found.append((fact, query, bind(query, fact, self.as_of)))
                except InvalidInput as error:
                    found += error.report.problems
        return tuple(found)

    @cached_property
    def stale(self) -> Mapping[str, tuple[AnyFact, str]]:
        """The facts recorded from another query or other parameters, and what changed."""
        found = {}
        for fact, query, params in self.bound:
            recorded = self.fact(fact.name)
            if recorded is None or recorded.provenance is None or recorded.failure:
                continue
            if not is_current(recorded, query.sha256, params):
                edited = recorded.provenance.sha256 != query.sha256
                what = f"'{query.path}'" if isinstance(query, Query) else "its declaration"
                why = f"{what} changed" if edited else "its parameters changed"
                found[fact.name] = fact, why
        return found

    @property
    def expecting(self) -> Iterator[AnyFact]:
        """The facts with expectations."""
        return (fact for fact in self.session.facts if fact.expect)

    @cached_property
    def judged(self) -> tuple[tuple[AnyFact, FactView], ...]:
        """The facts with expectations whose recorded result is valid."""
        found = []
        for fact in self.expecting:
            recorded = self.fact(fact.name)
            if self.cells and recorded and not recorded.edited and fact.name not in self.stale:
                view = self.cells.source(fact)
                found += [(fact, view)] if view.rows is not None else []
        return tuple(found)


AuthorContext = CheckContext | DocumentContext
"""What an author wrote: a session file, or a document of any shape."""


def find_in(text: Text, words: str) -> Place:
    """The place of some words of a text, of the text itself if they are not found."""
    return place_in(text, max(text.value.find(words), 0))


class SessionOutline(Struct, frozen=True):
    """What other sessions are compared with, without the content, which takes memory."""

    id: str
    path: str
    previous: tuple[str, ...]
    supersedes: str | None
    facts: tuple[AnyFact, ...]

    @classmethod
    def of(cls, session: Session) -> SessionOutline:
        return cls(*(getattr(session, name) for name in cls.__struct_fields__))


class ProjectContext(Struct, frozen=True, dict=True):
    """All sessions of a project, for rules that compare them."""

    sessions: Sequence[SessionOutline | Session]
    documents: Mapping[str, str]
    """Each session's document path, by its id."""
    query_files: Mapping[str, str]
    """The path of every query file, by its name."""
    misplaced: Sequence[MisplacedSession] = ()
    unread: frozenset[str] = frozenset()
    """Ids of sessions whose files have errors: they exist, but what they say is unknown."""

    @cached_property
    def ids(self) -> frozenset[str]:
        return self.unread | {session.id for session in self.sessions}


def shorten(words: str) -> str:
    """The first line, at most 60 characters of it."""
    return truncate(words.strip().partition("\n")[0], 60)
