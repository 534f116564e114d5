"""A session as its author wrote it: typed, frozen, every leaf with its place."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from msgspec import Struct
from msgspec.structs import replace

from handoff.base.problems import Place
from handoff.sql.query import Declaration, Param, Query

# --- content: what a label may hold ----------------------------------------------------


class Blank(Struct, frozen=True):
    """Nothing yet."""

    text: str
    """As it prints: `[TO BE FILLED]`, `[TIME]`, `✅/❌`."""
    place: Place


class Text(Struct, frozen=True):
    """The author's words; `{{ }}` in them cites facts, a number is kept as written."""

    value: str
    place: Place
    block: bool = False
    """A YAML block scalar: its text begins on the line after `place`."""


class Flag(Struct, frozen=True):
    """A boolean, printed ✅ or ❌."""

    value: bool
    place: Place


class Bullets(Struct, frozen=True):
    """A list."""

    items: tuple[Content, ...]
    place: Place


class Entry(Struct, frozen=True):
    """A label or heading with its content; the label is literal."""

    label: str
    content: Content
    place: Place


class Entries(Struct, frozen=True):
    """A mapping, in the author's order."""

    entries: tuple[Entry, ...]
    place: Place


class Valued(Struct, frozen=True):
    """`{value:, items:}`: a value with a list or labels under it."""

    value: Content
    items: Content
    place: Place


class Steps(Struct, frozen=True):
    """`{steps: []}`: a numbered list."""

    items: tuple[Content, ...]
    place: Place


class ChecklistItem(Struct, frozen=True):
    """An item of a checklist."""

    label: Text
    done: bool
    note: Text | None
    place: Place
    when: Condition | None = None
    """What the facts must show; printed while the item is unchecked."""
    claim: Claim | None = None
    """The label with its evidence."""


class Checklist(Struct, frozen=True):
    """`{checklist:}`: items that are checked or not."""

    boxes: tuple[ChecklistItem, ...]
    place: Place


class CodeBlock(Struct, frozen=True):
    """A fenced block; literal, never live."""

    lang: str
    """Empty for a fence without a language."""
    code: Text | Blank
    place: Place


class TableColumn(Struct, frozen=True):
    """A column of a table: which of the fact's, under which heading."""

    name: str
    heading: str
    place: Place


class TableBlock(Struct, frozen=True):
    """`{table: fact}`: the fact's rows."""

    fact: str
    columns: tuple[TableColumn, ...]
    """Empty for all columns of the query, in its order."""
    place: Place
    purpose: tuple[Purpose, ...] = ()
    """What an author wrote about rows, by the path in them."""


class Purpose(Struct, frozen=True):
    """What one file of a table is for."""

    path: str
    text: Text | Blank
    place: Place


class PhasesBlock(Struct, frozen=True):
    """`{phases: fact}`: status lines of each phase."""

    fact: str
    place: Place


ChartKind = Literal["timeline", "bars", "calendar", "line"]
CHART_KINDS: tuple[ChartKind, ...] = ("timeline", "bars", "calendar", "line")


class ChartBlock(Struct, frozen=True):
    """`{chart: fact}`: a drawing of the fact's rows, or of one number over sessions."""

    fact: str
    kind: ChartKind | None
    """`None`: by the contract and the columns."""
    column: str | None
    """What is drawn; `None` where the fact has one number, or a contract with a percentage."""
    row: str | None
    """The row that a line follows over the sessions."""
    sessions: int
    """How many points a line has at most."""
    place: Place


CHANGES = ("added", "modified", "renamed", "deleted")
"""How a file may have changed, in the order in which it is printed."""


class FilesBlock(Struct, frozen=True):
    """`{files: fact}`: the paths of its rows."""

    fact: str
    changes: tuple[str, ...]
    """Which of them, `added`; empty for all, under a heading for each kind of change."""
    place: Place


class ExpectBlock(Struct, frozen=True):
    """`{expect: fact}`: what the fact is expected to be, and what it is."""

    fact: str
    place: Place


class MarkdownBlock(Struct, frozen=True):
    """`{markdown:}`: printed unchanged; without live values, never searched for blanks."""

    text: str
    place: Place


class SubHeading(Struct, frozen=True):
    """`{heading:, content:}` among blocks."""

    title: str
    level: int | None
    """`None`: one deeper than the heading above the blocks."""
    content: Content | None
    place: Place


class Blocks(Struct, frozen=True):
    """`{blocks: []}`: blocks of any kind under one heading, one after the other."""

    items: tuple[Content | SubHeading, ...]
    place: Place


STATUSES: Mapping[str, str] = {
    "done": "✅",
    "in progress": "🔄",
    "open": "⏸️",
    "blocked": "🔴",
    "failed": "❌",
    "skipped": "⏭️",
}
"""Each status in a table, and its mark."""
ALIGNMENTS = ("left", "right", "center")
TOTALS = ("sum", "count")


class RowsColumn(Struct, frozen=True):
    """A column of a handwritten table."""

    name: str
    heading: str
    type: str
    """One of `tables.CELL_TYPES`."""
    place: Place
    align: str | None = None
    total: str | None = None
    """One of `TOTALS`, for the last row."""


class RowsBlock(Struct, frozen=True):
    """`{rows:, columns:}`: a handwritten table; a cell is text of its column's type."""

    columns: tuple[RowsColumn, ...]
    rows: tuple[tuple[Text | Blank | Flag, ...], ...]
    place: Place


class Option(Struct, frozen=True):
    """Something that could be decided."""

    text: Text | Blank
    why: Text | Blank | None
    """What speaks for or against it."""
    place: Place


class Decision(Struct, frozen=True):
    """`{text:, options:, chosen:, why:}`: what could be decided, what was, and why."""

    what: Text | Blank
    options: tuple[Option, ...]
    chosen: Text | Blank | None
    """The text of one of the options; `None` while it is open."""
    why: Text | Blank | None
    place: Place

    def is_chosen(self, option: Option) -> bool:
        chosen, text = self.chosen, option.text
        are_texts = isinstance(chosen, Text) and isinstance(text, Text)
        return are_texts and chosen.value == text.value  # type: ignore[union-attr]


class Condition(Struct, frozen=True):
    """`{text:, when:}`: what the facts say holds, or not yet."""

    text: Text | Blank
    when: Text
    """One `{{ }}` that is true or false."""
    place: Place


class CommandOutput(Struct, frozen=True):
    """`{cmd:, expect:, saw:, at:}`: what a command printed, and what it should have printed.

    All of it is literal, as the author copied it; the command is never run.
    """

    cmd: CodeBlock
    expect: CodeBlock | None
    saw: CodeBlock | None
    at: Timestamp | Blank | None
    place: Place


class Claim(Struct, frozen=True):
    """`{text:, evidence:}`, or an item in a list with one: verified, assumed or refuted."""

    what: Content
    evidence: tuple[Text | CommandOutput, ...] | Blank
    """Facts, commits, places in files, commands: see `evidence`. Empty: there is none."""
    place: Place


Content = (
    Blank
    | Text
    | Flag
    | Bullets
    | Entries
    | Valued
    | Steps
    | Checklist
    | CodeBlock
    | TableBlock
    | PhasesBlock
    | ChartBlock
    | FilesBlock
    | ExpectBlock
    | MarkdownBlock
    | Blocks
    | Condition
    | Claim
    | RowsBlock
    | Decision
)

# --- facts -----------------------------------------------------------------------------

SESSION_ID = r"[A-Za-z0-9][A-Za-z0-9._-]*"
PREVIOUS = "previous"
"""For `since:`, the one session under `previous:`."""

BUILT_IN: Mapping[str, str] = {
    "document": "STRING",
    "session": "STRING",
    "as_of": "TIMESTAMP",
    "checked_at": "TIMESTAMP",
    "duration": "STRING",
}
"""The names in `{{ }}` that are not facts, with their GoogleSQL types."""
KEYWORDS = ("and", "or", "not", "in", "is", "if", "else", "true", "false", "none")
"""Words of the expressions themselves."""

MARK = "mark"
"""The column that rows of a fact with expectations are given: 🟢, 🟡 or 🔴."""

Limit = str | bool | Decimal
"""A number as it was written; a day or a time is text."""


class Limits(Struct, frozen=True):
    """`{min:, max:}` or `{equals:}`: what a value is held to."""

    least: Limit | None
    most: Limit | None
    equals: Limit | None
    place: Place


class AcceptedException(Struct, frozen=True):
    """A row that may miss what is expected, for a while and for a reason."""

    row: str
    reason: str
    until: date
    """The last day on which it is accepted, in UTC."""
    place: Place


class Expectation(Struct, frozen=True):
    """What one column of a fact is expected to be."""

    column: str
    limits: Limits | None
    """Of each row without limits of its own; `None`: of no other."""
    rows: tuple[tuple[str, Limits], ...]
    """`rows:`, limits of their own."""
    accepted: tuple[AcceptedException, ...]
    place: Place


class QueryFact(Struct, frozen=True):
    """A fact the session declares: its `.sql` file and its parameters."""

    name: str
    """`[a-z][a-z0-9_]*`."""
    sql: str
    """Path under `sql/`, with forward slashes."""
    params: Mapping[str, Param]
    """As the author wrote them; converted to the declared types in `sql`."""
    key: str | None
    """The column whose values name the rows."""
    place: Place
    param_places: Mapping[str, Place]
    redact: tuple[str, ...] = ()
    """Columns that are never recorded."""
    expect: tuple[Expectation, ...] = ()
    since: str | None = None
    """The id of the session whose result is shown next to this one."""


Constants = Mapping[str, str | bool | None]
"""Column to value, a number as it was written."""


class LogFile(Struct, frozen=True):
    """`{log:, match:}`: what the lines of a log say."""

    path: str
    """From the root; `*` in the file's name means the newest."""
    match: str
    """A regular expression whose named groups are columns."""
    take: Literal["last", "all"]
    """The last matching line (of each key, where the key is a group), or all of them."""
    zone: str | None
    """Of times that carry none."""
    constants: Constants
    """`set:`, for columns that the log cannot know."""
    place: Place


class JsonFile(Struct, frozen=True):
    """`{json:}`: rows of a JSON file."""

    path: str
    rows: str | None
    """Where its rows are, in JMESPath; `None`: the file as a whole is one."""
    read: Mapping[str, str]
    """`from:`, JMESPath for each column that is not called as in the file."""
    zone: str | None
    constants: Constants
    place: Place


GitTake = Literal["files", "commits", "summary", "tree"]


class GitRange(Struct, frozen=True):
    """`{git:}`: what was committed since a revision, a date or a time."""

    since: str
    take: GitTake
    place: Place
    path: str = "."
    """Only what was committed there: a path from the root, or from the repository with `/`."""


class GitTree(Struct, frozen=True):
    """`{git:, take: tree}`: the state of the working tree."""

    base: str
    """The revision to count commits against; `HEAD` means the branch's upstream."""
    place: Place


class TableList(Struct, frozen=True):
    """`{tables:}`: what the warehouse knows of its tables without reading them."""

    names: tuple[str, ...]
    """`dataset` for all of its tables, `dataset.table`, `project.dataset.table`."""
    max_age_hours: float | None
    place: Place


TranscriptTake = Literal["summary", "files", "reads", "commands"]


class Transcript(Struct, frozen=True):
    """`{transcript:}`: what a coding agent did in a session, from its own log."""

    agent: str
    """`claude-code`, `codex`, or a name under `transcripts:` in the settings."""
    file: str | None
    """The log, from the root; `None`: the newest of the agent's logs for this folder."""
    id: str | None
    """Part of the name of the log, where it is not the newest."""
    take: TranscriptTake
    window: int | None
    """The context window in tokens, where the log does not have it."""
    text: bool
    """Whether the text of commands is recorded."""
    place: Place


class SourceFact(Struct, frozen=True):
    """A fact the session declares that does not come from the warehouse."""

    name: str
    sources: tuple[LogFile | JsonFile | GitRange | GitTree | Transcript | TableList, ...]
    """Each gives rows, one after the other."""
    returns: tuple[Declaration, ...]
    contract: str | None
    key: str | None
    """The column whose values name the rows."""
    text: str
    """The declaration in one spelling, whatever its order and quotes."""
    place: Place
    redact: tuple[str, ...] = ()
    """Nothing: what is not to be recorded is not declared."""
    expect: tuple[Expectation, ...] = ()
    since: str | None = None

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


def definition(
    fact: QueryFact | SourceFact, queries: Mapping[str, Query]
) -> Query | SourceFact | None:
    """Where the columns of `fact` are declared; `None` for a query whose file is missing."""
    return fact if isinstance(fact, SourceFact) else queries.get(fact.sql)


# --- what the receiver must know ----------------------------------------------------------


LEVELS: Mapping[str, str] = {"stable": "🟢", "watch": "🟡", "unstable": "🔴"}
"""Each level of severity and its mark."""


class Severity(Struct, frozen=True):
    """How closely the receiver has to look."""

    level: Text | Blank
    """One of `LEVELS`."""
    why: Text | Blank | None
    place: Place


class Timestamp(Struct, frozen=True):
    """A day, a time in UTC to the minute, or the days that words mean."""

    at: date | datetime
    """The last day, where there are several."""
    place: Place
    words: str = ""
    """The author's, such as `August`; empty for a date or a time."""
    first: date | None = None
    """The first day that the words mean."""

    @property
    def start(self) -> date | datetime:
        return self.first or self.at


class Contingency(Struct, frozen=True):
    """`if:` and `then:`, what to do where it goes otherwise."""

    condition: Text | Blank
    then: Text | Blank


class Action(Struct, frozen=True):
    """Something that is to be done, by somebody."""

    do: Text | Blank
    owner: Text | Blank | None
    due: Timestamp | Blank | None
    priority: Text | Blank | None
    """`high`, `medium` or `low`."""
    contingency: Contingency | None
    place: Place
    after: Timestamp | Blank | None = None
    """Before then it cannot begin."""
    parked: Timestamp | Blank | None = None
    """It rests until somebody looks at it again then."""

    @property
    def times(self) -> tuple[tuple[str, Timestamp | Blank], ...]:
        """`due`, `waiting until` and `parked until`, as far as they are set."""
        given = {
            "due": self.due,
            "waiting until": self.after,
            "parked until": self.parked,
        }
        return tuple((name, at) for name, at in given.items() if at)


class Reasoned(Struct, frozen=True):
    """What was tried, or must not be done, and why."""

    what: Text | Blank
    why: Text | Blank | None
    place: Place


class Checkpoint(Struct, frozen=True):
    """When somebody looks at it next, and at what."""

    at: Timestamp | Blank
    what: Text | Blank | None
    place: Place


# --- the session -----------------------------------------------------------------------


class DocumentLink(Struct, frozen=True):
    """A Markdown document that is not of a session."""

    target: str
    """Its path from the root, or its address."""
    text: str | None
    """The author's words for it."""
    place: Place

    @property
    def is_path(self) -> bool:
        return "://" not in self.target


class Created(Struct, frozen=True):
    """The day of the session."""

    day: date
    text: str | None
    """The author's words for it; else the template's own form."""


class Next(Struct, frozen=True):
    """What the next session is to do."""

    id: str | None
    session: str | None
    title: Text | Blank | None
    objectives: Content | None
    prerequisites: Content | None
    time: Content | None
    place: Place


class FileToRead(Struct, frozen=True):
    """A file the next session is to read."""

    path: Text
    note: Text | Blank | None
    place: Place


DEFAULT_PROMPT = "default"
"""The name of the prompt under `prompt:`."""


class Prompt(Struct, frozen=True):
    """The parts of the copy-paste prompt, in their order."""

    topic: Text | Blank | None
    context: Content | None
    status: Content | None
    goal: Content | None
    read: tuple[FileToRead, ...]
    approach: Content | None
    ask: Text | Blank | None
    more: tuple[Entry, ...]
    place: Place
    text: Text | None = None
    """The whole prompt in the author's words, in place of the parts."""
    standalone: bool | None = None
    """Whether it has what a receiver needs who has nothing else; `None`: as in the settings."""
    name: str = DEFAULT_PROMPT
    """As `handoff prompt --name` takes it."""
    after: str | None = None
    """The section it is placed after; `None` where the template has the prompt."""


STYLES = ("lines", "breaks", "paragraphs", "list", "fence", "quote", "text")
"""How a section prints a key: the first four labels, the last three a prompt."""


class Section(Struct, frozen=True):
    """A free section, placed after the one named or at the end."""

    title: str | None
    """`None` for content without a heading of its own."""
    after: str | None
    content: Content | None
    """`None` for a heading without content."""
    place: Place
    level: int = 2
    """Of the heading, 1 to 6."""
    rule: bool | None = None
    """Whether a line is drawn above it; `None`: where the template has one above chapters."""
    key: str | None = None
    """The key of the session that is printed here, and nowhere else: `next.objectives`."""
    label: str | None = None
    """Printed before the content in place of a heading above it."""
    style: str | None = None
    """How labels, or a prompt, are printed: one of `STYLES`."""
    lang: str | None = None
    """Of the fence that a prompt is in."""


class Session(Struct, frozen=True, dict=True):
    """One `sessions/<id>.yaml`.

    A key that is absent is `None` (its section is left out); a key without a value
    holds a `Blank` (its section is printed, and is blank).
    """

    id: str
    """The file's stem."""
    path: str
    """Relative to the root."""
    session: str
    """The label: `1`, `378b`."""
    title: str
    slug: str
    """Upper case, for the document's name; made from the title where not given."""
    created: Created
    place: Place
    content: Mapping[str, Content | None]
    """Every key of the session that has no field here, in the order of the table of keys.

    Each is an attribute too: `session.decisions`.
    """
    started: datetime | None = None
    """When work started, UTC."""
    ended: datetime | None = None
    """When work ended, UTC; not before it started."""
    duration: Text | Blank | None = None
    template: str = "handoff"
    titles: Mapping[str, tuple[str, ...]] = {}
    """By key, see `session.titles`."""
    goal: Text | Blank | None = None
    as_of: datetime | None = None
    """UTC, to the minute; `None` for the minute in which the queries run."""
    status: Text | None = None
    """The author's own words in place of the derived status."""
    facts: tuple[QueryFact | SourceFact, ...] = ()
    """`facts:`, in the author's order."""
    header: tuple[Entry, ...] = ()
    checklist: Checklist | None = None
    summary: tuple[Entry, ...] | Content = ()
    next: Next | None = None
    prompt: Prompt | None = None
    closing: tuple[Entry, ...] | None = None
    sections: tuple[Section, ...] = ()
    previous: tuple[str, ...] = ()
    supersedes: str | None = None
    superseded_document: DocumentLink | None = None
    """What `supersedes` names that is not a session."""
    blocked_by: Text | None = None
    severity: Severity | Blank | None = None
    actions: tuple[Action, ...] | Blank | None = None
    """Empty where the author says that there are none; so are the two below."""
    tried: tuple[Reasoned, ...] | Blank | None = None
    """What failed, so that nobody tries it again."""
    do_not: tuple[Reasoned, ...] | Blank | None = None
    actions_by: str | None = None
    """`owner` to group the actions of the document by owner."""
    checkpoint: Checkpoint | Blank | None = None
    prompts: tuple[Prompt, ...] = ()
    """Those in addition to `prompt`."""
    template_place: Place | None = None
    """Where the template is named; `None` where it is not."""
    title_place: Place | None = None

    if not TYPE_CHECKING:  # a misspelled field must not type-check as content

        def __getattr__(self, name: str) -> Content | None:
            try:
                return self.content[name]
            except KeyError:
                message = f"'Session' object has no attribute '{name}'"
                raise AttributeError(message) from None

    @property
    def duration_words(self) -> str | None:
        """`2 h 40 min`, from start to end; `None` where one of them is not known."""
        if self.started is None or self.ended is None:
            return None
        return duration_text((self.ended - self.started).total_seconds())


def duration_text(seconds: float) -> str:
    """`2 h 40 min`; cut, not rounded."""
    hours, minutes = divmod(int(seconds) // 60, 60)
    return f"{hours:,} h {minutes} min" if hours else f"{minutes} min"


def place_in(text: Text, offset: int) -> Place:
    """The place of a character of the text in its file, as far as that can be known.

    A block scalar is indented by what the text does not say, so only its line is known.
    """
    line = text.value.count("\n", 0, offset)
    if text.block:
        return replace(text.place, line=text.place.line + 1 + line, column=0)
    if "\n" in text.value or not text.place.column:
        return text.place
    return replace(text.place, column=text.place.column + offset)
