"""`sessions/<id>.yaml` into a Session; every mistake told, none of them half read."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import date, datetime

from msgspec.structs import replace

from handoff.base.problems import Place, Problem, nearest
from handoff.session import ownership
from handoff.session.content import (
    FACT_NAME,
    ContentReader,
    as_written,
    is_nothing,
    spelled_blank,
)
from handoff.session.expectations import SHOWN_KEYS, earlier, expectations
from handoff.session.model import (
    BUILT_IN,
    DEFAULT_PROMPT,
    PREVIOUS,
    SESSION_ID,
    Created,
    FileToRead,
    Next,
    Prompt,
    QueryFact,
    Section,
    Session,
    SourceFact,
)
from handoff.session.sources import kind_of, lookup
from handoff.sql.query import Param
from handoff.yaml.decode import found, plain
from handoff.yaml.nodes import List, Map, Node, Pair, Scalar, is_null

KEYS = (
    *("session", "title", "slug", "created", "started", "ended", "duration", "template"),
    *("goal", "as_of"),
    *("status", "facts", "header", "checklist", "decisions", "findings", "summary"),
    *("accomplished", "insights", "orchestrator", "coverage", "files", "next", "prompt"),
    *("troubleshooting", "metrics", "closing", "sections", "previous", "supersedes"),
    *("blocked_by", "severity", "actions", "tried", "do_not", "checkpoint", "prompts"),
)
NEXT_KEYS = ("id", "session", "title", "objectives", "prerequisites", "time")
PROMPT_KEYS = (
    *("topic", "context", "status", "goal", "read", "approach", "ask", "more"),
    "text",
)
NAMED_PROMPT_KEYS = (*PROMPT_KEYS, "after")
SECTION_KEYS = ("title", "after", "content", "level", "rule")
FACT_KEYS = ("sql", "params", "key", "redact", *SHOWN_KEYS)

ID = SESSION_ID
SLUG = ID
TEMPLATE = r"[A-Za-z0-9][A-Za-z0-9_-]*"
_LETTERS = r"A-Za-z0-9_\u00c0-\u1fff\u2c00-\ud7ff"
SQL_NAME = rf"(?!.*\.\.)[{_LETTERS}][{_LETTERS}./ -]*\.sql"
"""Of a question's file; letters of every script, none of the signs that turn text around."""
LINE = r"[^\u0000-\u001f\u007f-\u009f\u2028\u2029]*"
"""Text on one line."""
MAX_LABEL = 40
"""Characters of a session's number, which is a part of the document's name."""
MAX_SLUG = 160
_SLUG_LENGTH = 80
"""Of a slug made from a title: file systems stop at 255 bytes for the whole name."""

_CONTENT_KEYS = (
    *("decisions", "findings", "accomplished", "insights", "orchestrator", "coverage"),
    *("files", "troubleshooting", "metrics"),
)
AFTER = (
    *("header", "summary", "accomplished", "insights", "orchestrator", "coverage", "files"),
    *("next", "prompt", "troubleshooting", "metrics"),
)
"""What a free section may stand after."""
PROMPT_NAME = r"[a-z][a-z0-9_-]*"
RESERVED_NAMES = (*BUILT_IN, "true", "false", "none")
"""Built-in names of live values, and words of their language."""


def load(source: bytes, session_id: str, path: str) -> tuple[Session, tuple[Problem, ...]]:
    """The session in the file at `path`, and the warnings found on the way.

    Raises InvalidInput with every problem found, in file order.
    """
    reader = _Reader(path)
    session = reader.session(reader.root(source), session_id)
    warnings = reader.finish()
    assert session is not None  # no session without an error
    return session, warnings


def created(source: bytes, path: str) -> date | None:
    """The day alone, of a file that may be full of mistakes; `None` where it has none."""
    reader = _Reader(path)
    root = reader.root(source)
    given = {pair.key: pair.node for pair in root.pairs} if isinstance(root, Map) else {}
    found = reader.created(given.get("created"))
    return found.day if found else None


class _Reader(ContentReader):
    def session(self, root: Node | None, session_id: str) -> Session | None:
        given = self.fields(root, KEYS, required=("session", "title", "created"))
        label = self.label_of_session(given.get("session"))
        title = self.title(given.get("title"))
        created = self.created(given.get("created"))
        parts = {
            "duration": self.words(given.get("duration")),
            "goal": self.words(given.get("goal")),
            "checklist": self.checklist(given.get("checklist")),
            "next": self.next(given.get("next")),
            "prompt": self.prompt(given.get("prompt")),
            "closing": self.given_entries(given.get("closing")),
            **{key: self.content(given.get(key)) for key in _CONTENT_KEYS},
        }
        slug = self.slug(given.get("slug"), title)
        rest = {
            "template": self.template(given.get("template")),
            "template_place": given["template"].place if "template" in given else None,
            "as_of": self.minute(given.get("as_of")),
            **self.times(given.get("started"), given.get("ended")),
            "status": self.author_text(given.get("status")),
            "questions": self.compared(given),
            "header": self.entries(given.get("header")),
            "summary": self.entries(given.get("summary")),
            "sections": self.sections(given.get("sections")),
            "previous": self.ids(given.get("previous")),
            "supersedes": self.id(given.get("supersedes")),
            "blocked_by": self.author_text(given.get("blocked_by")),
            "severity": ownership.severity(self, given.get("severity")),
            "actions": ownership.actions(self, given.get("actions")),
            "tried": ownership.tried(self, given.get("tried")),
            "do_not": ownership.do_not(self, given.get("do_not")),
            "checkpoint": ownership.checkpoint(self, given.get("checkpoint")),
            "prompts": self.prompts(given.get("prompts")),
        }
        if label is None or title is None or created is None:
            return None
        return Session(
            id=session_id,
            path=self.path,
            session=label,
            title=title,
            slug=slug,
            created=created,
            place=Place(self.path),
            **parts,  # type: ignore[arg-type]
            **rest,  # type: ignore[arg-type]
        )

    # --- fields of their own kind ---

    def label_of_session(self, node: Node | None) -> str | None:
        label = self.title(node)
        if label is not None and len(label) > MAX_LABEL and node is not None:
            message = f"a session's number of {len(label)} characters, at most {MAX_LABEL}"
            self.report("Y023", message, node)
        return label

    def title(self, node: Node | None) -> str | None:
        """One line that says something."""
        line = self.line(node)
        if line is not None and not line.strip() and node is not None:
            self.report("Y021", "expected text, found only quotes or spaces", node)
        return line

    def line(self, node: Node | None) -> str | None:
        """Text that stands in a heading or a name, so on one line."""
        text = self.text(node)
        if text is None or node is None or re.fullmatch(LINE, text):
            return text
        lines = len(text.splitlines())
        message = f"text of {lines} lines, expected one; a long line may be folded after '>-'"
        if lines < 2:
            message = "a control character or line break, expected printable text on one line"
        self.report("Y023", message, node)
        return text

    def created(self, node: Node | None) -> Created | None:
        if not isinstance(node, Map):
            day = self.day(node)
            return Created(day, None) if day else None
        given = self.fields(node, ("date", "text"), required=("date",), what="'created'")
        day = self.day(given.get("date"))
        text = self.line(given.get("text"))
        return Created(day, text) if day else None

    def slug(self, node: Node | None, title: str | None) -> str:
        what = "a name of letters, digits, '.', '_' and '-'"
        text = self.matching(node, SLUG, what)
        if text is not None and len(text) > MAX_SLUG and node is not None:
            message = f"a slug of {len(text)} characters, at most {MAX_SLUG}"
            self.report("Y023", message, node)
        return text.upper() if text is not None else slug_of(title or "")

    def template(self, node: Node | None) -> str:
        return self.matching(node, TEMPLATE, "a template's name") or "handoff"

    def minute(self, node: Node | None) -> datetime | None:
        moment = self.moment(node)
        return moment.replace(second=0, microsecond=0) if moment else None

    def times(self, started: Node | None, ended: Node | None) -> Mapping[str, datetime | None]:
        begin, end = self.moment(started), self.moment(ended)
        if begin and end and ended and end < begin:
            message = f"ended before it started, at {begin:%Y-%m-%d %H:%M} UTC"
            self.report("Y023", message, ended)
        return {"started": begin, "ended": end}

    def id(self, node: Node | None) -> str | None:
        return self.matching(node, ID, "a session's id, the stem of its file")

    def ids(self, node: Node | None) -> tuple[str, ...]:
        nodes = self.nodes(node) if isinstance(node, List) else (node,)
        return tuple(name for each in nodes if (name := self.id(each)))

    # --- what is asked ---

    def questions(self, node: Node | None) -> tuple[QueryFact | SourceFact, ...]:
        found = (self.question(pair) for pair in self.pairs(node, "names of facts"))
        return tuple(question for question in found if question)

    def compared(self, given: Mapping[str, Node]) -> tuple[QueryFact | SourceFact, ...]:
        """The questions, `since: previous` as the id of the session that is meant."""
        previous = self.ids(given.get("previous")) if "facts" in given else ()
        found = []
        for question in self.questions(given.get("facts")):
            if question.since == PREVIOUS and len(previous) != 1:
                message = (
                    f"fact '{question.name}' has 'since: previous', but 'previous:' names "
                )
                message += f"{len(previous) or 'no'} sessions"
                self.report("Y023", message, question.place)
            is_previous = question.since == PREVIOUS and len(previous) == 1
            found.append(replace(question, since=previous[0]) if is_previous else question)
        return tuple(found)

    def question(self, pair: Pair) -> QueryFact | SourceFact | None:
        if not re.fullmatch(FACT_NAME, pair.key):
            message = f"'{pair.key}' is not a fact's name: lower case, digits and '_'"
            self.report("Y023", message, pair)
        elif pair.key in RESERVED_NAMES:
            self.report("Y023", f"'{pair.key}' is built in, give the fact another name", pair)
        kind = kind_of(pair.node)
        if kind:
            return lookup(self, pair, kind)
        what = f"fact '{pair.key}'"
        if isinstance(pair.node, Scalar) and not is_null(pair.node):
            name = self.sql_name(pair.node)
            return QueryFact(pair.key, name, {}, None, pair.place, {}) if name else None
        if is_null(pair.node):
            self.report("Y021", f"{what} has no question, expected {{sql: …}}", pair)
            return None
        given = self.fields(pair.node, FACT_KEYS, required=("sql",), what=what)
        name = self.sql_name(given.get("sql"))
        params = self.params(given.get("params"))
        key = self.line(given.get("key"))
        redact = self.texts(given.get("redact"))
        expect = expectations(self, given.get("expect"))
        since = earlier(self, given.get("since"))
        if name is None:
            return None
        places = {each.key: each.node.place for each in self.pairs(given.get("params"))}
        return QueryFact(
            *(pair.key, name, params, key, pair.place, places, redact, expect, since)
        )

    def sql_name(self, node: Node | None) -> str | None:
        text = self.matching(node, SQL_NAME, "a '.sql' file beneath 'sql/'")
        return text.removeprefix("sql/") if text else None

    def params(self, node: Node | None) -> Mapping[str, Param]:
        return {pair.key: self.param(pair.node) for pair in self.pairs(node)}

    def param(self, node: Node) -> Param:
        if isinstance(node, List):
            return tuple(self.param(each) for each in node.nodes)
        if isinstance(node, Map):
            return {pair.key: self.param(pair.node) for pair in node.pairs}
        return plain(node)

    # --- parts ---

    def next(self, node: Node | None) -> Next | None:
        if node is None:
            return None
        given = self.fields(node, NEXT_KEYS, what="'next'")
        return Next(
            id=self.id(given.get("id")),
            session=self.line(given.get("session")),
            title=self.words(given.get("title")),
            objectives=self.content(given.get("objectives")),
            prerequisites=self.content(given.get("prerequisites")),
            time=self.content(given.get("time")),
            place=node.place,
        )

    def prompts(self, node: Node | None) -> tuple[Prompt, ...]:
        """Those beside `prompt`, by name."""
        found = []
        for pair in self.pairs(node, "names of prompts"):
            if not re.fullmatch(PROMPT_NAME, pair.key):
                message = f"'{pair.key}' is not a prompt's name: lower case, digits, '_', '-'"
                self.report("Y023", message, pair)
            elif pair.key == DEFAULT_PROMPT:
                message = f"'{pair.key}' is the prompt under 'prompt:', name this one otherwise"
                self.report("Y023", message, pair)
            given = self.fields(pair.node, NAMED_PROMPT_KEYS, what=f"prompt '{pair.key}'")
            parts = self.parts_of_prompt(given, pair.node.place)
            after = self.after(given.get("after"))
            found.append(replace(parts, name=pair.key, after=after))
        return tuple(found)

    def prompt(self, node: Node | None) -> Prompt | None:
        if node is None:
            return None
        given = self.fields(node, PROMPT_KEYS, what="'prompt'")
        return self.parts_of_prompt(given, node.place)

    def parts_of_prompt(self, given: Mapping[str, Node], place: Place) -> Prompt:
        return Prompt(
            topic=self.words(given.get("topic")),
            context=self.content(given.get("context")),
            status=self.content(given.get("status")),
            goal=self.content(given.get("goal")),
            read=self.readings(given.get("read")),
            approach=self.content(given.get("approach")),
            ask=self.words(given.get("ask")),
            more=self.entries(given.get("more")),
            place=place,
            text=self.author_text(given.get("text")),
        )

    def readings(self, node: Node | None) -> tuple[FileToRead, ...]:
        blank = spelled_blank(node)
        if blank:
            return (FileToRead(as_written(blank), None, blank.place),)
        found = (
            self.reading(each)
            for each in self.nodes(node, "a list such as - {path: a.md, note: why}")
        )
        return tuple(reading for reading in found if reading)

    def reading(self, node: Node) -> FileToRead | None:
        if not isinstance(node, Map):
            words = self.words(node, item=True)
            return FileToRead(as_written(words), None, node.place) if words else None
        given = self.fields(node, ("path", "note"), required=("path",), what="a file to read")
        words = self.words(given.get("path"), item=True)
        note = self.words(given.get("note"))
        return FileToRead(as_written(words), note, node.place) if words else None

    def sections(self, node: Node | None) -> tuple[Section, ...]:
        found = (self.section(each) for each in self.nodes(node, "a list of sections"))
        return tuple(section for section in found if section)

    def section(self, node: Node) -> Section | None:
        if not isinstance(node, Map):
            self.report("Y022", f"expected {{title: , content: }}, found {found(node)}", node)
            return None
        given = self.fields(node, SECTION_KEYS, what="a section")
        if is_nothing(given.get("title")) and "content" not in given:
            self.report("Y021", "a section needs a 'title' or 'content'", node)
        return Section(
            title=self.line(given.get("title")),
            after=self.after(given.get("after")),
            content=self.content(given.get("content")),
            place=node.place,
            level=self.level(given.get("level")),
            rule=self.flag(given.get("rule")),
        )

    def after(self, node: Node | None) -> str | None:
        """The section that something stands after."""
        after = self.text(node)
        if after is not None and after not in AFTER and node is not None:
            guess = nearest(after, AFTER) or f", expected one of {', '.join(AFTER)}"
            self.report("Y023", f"no section '{after}'{guess}", node)
        return after

    def level(self, node: Node | None) -> int:
        level = self.integer(node, minimum=1)
        if level is not None and level > 6 and node is not None:
            self.report("Y023", f"a heading of level {level}, expected 1 to 6", node)
        return 2 if level is None else min(level, 6)


def slug_of(title: str) -> str:
    """A title as part of a file's name: `Phase 4: Prep 🎯` as `PHASE-4-PREP`."""
    letters = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode()
    words = re.findall(r"[A-Za-z0-9]+", letters)
    slug = ""
    for word in words:
        if len(slug) + len(word) >= _SLUG_LENGTH:
            break
        slug += f"-{word}" if slug else word
    return slug.upper() or (words[0][:_SLUG_LENGTH].upper() if words else "")
