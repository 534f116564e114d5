"""The keys of a session file, each written once.

From `KEYS` come the decoder, the JSON Schema, the tables in `docs/session-format.md`
(`docs/tables.py`), the order and the places in which `set` and `add` write, what `new`
carries over, and the hints of `todo`. A key that is content and has no field in `Session`
is carried through by its line here alone. Whether a key is part of the prompt is decided
by `templates/prompt.md.j2`, not here.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from handoff.base.blanks import DEFAULT
from handoff.base.problems import KeyPath, nearest
from handoff.session.content import (
    AUTHOR_TEXT,
    CHECKLIST,
    CONTENT,
    CONTENT_KEYS,
    DEFINITIONS,
    FLAG,
    WORDS,
    ContentReader,
    as_written,
    is_nothing,
    spelled_blank,
)
from handoff.session.facts import DAY_SHAPE, FACTS, LINE, LINE_TEXT, read_line
from handoff.session.model import (
    DEFAULT_PROMPT,
    LEVELS,
    SESSION_ID,
    Action,
    Blank,
    Checkpoint,
    Contingency,
    Created,
    FileToRead,
    Next,
    Prompt,
    Reasoned,
    Section,
    Severity,
    Text,
    Timestamp,
)
from handoff.session.shapes import (
    BLANKS,
    ITEM_SCHEMA,
    TEXT_SCHEMA,
    Key,
    Schema,
    Shape,
    labels_schema,
    list_schema,
    mapping_schema,
    one_of,
    one_or_list,
    or_blank,
    properties,
    read_keys,
    ref,
    whole,
)
from handoff.yaml.decode import DAY, TIMESTAMP, describe
from handoff.yaml.nodes import List, Map, Node, Scalar, is_null

ID = SESSION_ID
SLUG = ID
TEMPLATE = r"[A-Za-z0-9][A-Za-z0-9_-]*"
PROMPT_NAME = r"[a-z][a-z0-9_-]*"
MAX_LABEL = 40
"""Characters of a session's number, which is a part of the document's name."""
MAX_SLUG = 160
_SLUG_LENGTH = 80
"""Of a slug made from a title: file systems stop at 255 bytes for the whole name."""
PRIORITIES = ("high", "medium", "low")
AFTER = (
    *("header", "summary", "accomplished", "insights", "orchestrator", "coverage", "files"),
    *("next", "prompt", "troubleshooting", "metrics"),
)
"""What a free section or a further prompt may be placed after."""
_DUE = f"{DAY}|{TIMESTAMP}"
_WHEN = "a date such as 2026-01-03 or a time such as 2026-01-03T16:20:00Z"


# --- single values ---------------------------------------------------------------------


def _title(reader: ContentReader, node: Node | None) -> str | None:
    line = read_line(reader, node)
    if line is not None and not line.strip() and node is not None:
        reader.report("Y021", "expected text, found only quotes or spaces", node)
    return line


def _label(reader: ContentReader, node: Node | None) -> str | None:
    label = _title(reader, node)
    if label is not None and len(label) > MAX_LABEL and node is not None:
        message = f"a session number of {len(label)} characters, at most {MAX_LABEL}"
        reader.report("Y023", message, node)
    return label


def _slug(reader: ContentReader, node: Node | None) -> str | None:
    text = reader.matching(node, SLUG, "a name of letters, digits, '.', '_' and '-'")
    if text is not None and len(text) > MAX_SLUG and node is not None:
        message = f"a slug of {len(text)} characters, at most {MAX_SLUG}"
        reader.report("Y023", message, node)
    return text.upper() if text is not None else None


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


def read_created(reader: ContentReader, node: Node | None) -> Created | None:
    """A day, or `{date: , text: }`."""
    if not isinstance(node, Map):
        day: date | None = reader.day(node)
        return Created(day, None) if day else None
    values = read_keys(reader, node, _CREATED_KEYS, "'created'")
    return Created(**values) if values["day"] else None


def _template(reader: ContentReader, node: Node | None) -> str:
    return reader.matching(node, TEMPLATE, "the name of a template") or "handoff"


def _minute(reader: ContentReader, node: Node | None) -> datetime | None:
    time = reader.timestamp(node)
    return time.replace(second=0, microsecond=0) if time else None


def _id(reader: ContentReader, node: Node | None) -> str | None:
    return reader.matching(node, ID, "the id of a session, the stem of its file")


def read_ids(reader: ContentReader, node: Node | None) -> tuple[str, ...]:
    """One id, or a list of them."""
    nodes = reader.nodes(node) if isinstance(node, List) else (node,)
    return tuple(name for each in nodes if (name := _id(reader, each)))


def _after(reader: ContentReader, node: Node | None) -> str | None:
    """The section that something is placed after."""
    after = reader.text(node)
    if after is not None and after not in AFTER and node is not None:
        guess = nearest(after, AFTER) or f", expected one of {', '.join(AFTER)}"
        reader.report("Y023", f"unknown section '{after}'{guess}", node)
    return after


def _level(reader: ContentReader, node: Node | None) -> int:
    level = reader.integer(node, minimum=1)
    if level is not None and level > 6 and node is not None:
        reader.report("Y023", f"a heading of level {level}, expected 1 to 6", node)
    return 2 if level is None else min(level, 6)


def _word(reader: ContentReader, node: Node | None, choices: Sequence[str]) -> object:
    """One of these words; null is a blank."""
    if node is None or is_null(node):
        return Blank(DEFAULT, node.place) if node else None
    chosen = reader.choice(node, choices)
    return Text(chosen, node.place) if chosen else None


def _due(reader: ContentReader, node: Node | None) -> Timestamp | Blank | None:
    """A day or a time; null is a blank."""
    if node is None or is_null(node):
        return Blank(DEFAULT, node.place) if node else None
    at: date | None = None
    if isinstance(node, Scalar) and re.match(f"{DAY}[Tt ]", node.text):
        at = _minute(reader, node)
    elif reader.matching(node, DAY, _WHEN):
        at = reader.day(node)
    return Timestamp(at, node.place) if at else None


_ID_SCHEMA: Schema = {**TEXT_SCHEMA, "minimum": 0, "pattern": whole(ID)}
_TITLE_SCHEMA: Schema = {"type": ["string", "number"], "pattern": whole(rf"(?=.*\S){LINE}")}
_TIME_SCHEMA: Schema = {"type": ["string", "null"], "pattern": whole(TIMESTAMP)}
_ID = Shape("the id of a session", _id, _ID_SCHEMA)
_IDS = Shape("an id, or a list of ids", read_ids, one_or_list(_ID_SCHEMA))
_TIME = Shape("a time with its zone", ContentReader.timestamp, _TIME_SCHEMA)
_DUE_SHAPE = Shape(
    "a day, or a time with its zone",
    _due,
    {"type": ["string", "null"], "pattern": whole(_DUE)},
    hint="a date such as 2026-01-03, or a time with its zone",
)
_LABELS = Shape(
    "`label:` [content](#content)",
    ContentReader.entries,
    labels_schema(ref("content")),
    inside="content",
)
_SECTION_NAME = Shape("the key of a section", _after, {"enum": [*AFTER, None]})


# --- mappings and lists ----------------------------------------------------------------


def _mapping(keys: tuple[Key, ...], build: Callable[..., object], what: str) -> Shape:
    """A mapping with these keys, and nothing else."""

    def read(reader: ContentReader, node: Node | None) -> object:
        if node is None:
            return None
        return build(**read_keys(reader, node, keys, what), place=node.place)

    return Shape(_spelled(keys), read, mapping_schema(keys), keys)


def _first_or_mapping(keys: tuple[Key, ...], build: Callable[..., Any], what: str) -> Shape:
    """The value of the first key alone, or a mapping with it."""
    first = keys[0]

    def read(reader: ContentReader, node: Node | None) -> object:
        if isinstance(node, Map):
            return build(**_with_blank(reader, node, keys, what), place=node.place)
        value = first.shape.read(reader, node)
        if value is None or isinstance(value, Blank):
            return value
        others = dict.fromkeys(key.field for key in keys[1:])
        return build(**{first.field: value}, **others, place=value.place)

    schema = {
        "if": {"type": "object"},
        "then": {"type": "object", **properties(keys)},
        "else": first.shape.schema,
    }
    words = f"{first.shape.words}; or {_spelled(keys)}"
    return Shape(words, read, schema, keys, choices=first.shape.choices, hint=first.shape.hint)


def _items(
    keys: tuple[Key, ...], build: Callable[..., object], what: str, each: str, **schema: object
) -> Shape:
    """A list of text, or of mappings with these keys; null, and a spelled blank, is a blank."""

    def read_item(reader: ContentReader, node: Node) -> object:
        if isinstance(node, Map):
            return build(**_with_blank(reader, node, keys, each), place=node.place)
        words = reader.words(node, item=True)
        others = dict.fromkeys(key.field for key in keys[1:])
        return build(**{keys[0].field: words}, **others, place=node.place) if words else None

    def read(reader: ContentReader, node: Node | None) -> object:
        if node is None:
            return None
        blank = Blank(DEFAULT, node.place) if is_null(node) else spelled_blank(node)
        if blank:
            return blank
        items = (read_item(reader, each) for each in reader.nodes(node, what))
        return tuple(item for item in items if item is not None)

    return Shape(
        f"a list of text or {_spelled(keys)}",
        read,
        list_schema({**_item_schema(keys), **schema}),
        keys,
        "items",
        takes_items=True,
    )


def _with_blank(
    reader: ContentReader, node: Map, keys: tuple[Key, ...], what: str
) -> dict[str, Any]:
    """The values, with a blank for a required one that is missing."""
    values = read_keys(reader, node, keys, what)
    missing = [key.field for key in keys if key.required and not values[key.field]]
    return {**values, **dict.fromkeys(missing, Blank(DEFAULT, node.place))}


def _item_schema(keys: tuple[Key, ...]) -> Schema:
    """Text, or a mapping with these keys."""
    types = ["string", "number", "null", "array", "object"]
    return {**ITEM_SCHEMA, "type": types, **properties(keys)}


def _spelled(keys: tuple[Key, ...]) -> str:
    return f"`{{{', '.join(f'{key.name}: ' for key in keys)}}}`"


def _action(**values: Any) -> Action:
    condition, then = values.pop("if"), values.pop("then")
    both = Contingency(condition, then) if condition and then else None
    return Action(**values, contingency=both)


def _read_actions(reader: ContentReader, node: Node | None) -> object:
    for each in node.nodes if isinstance(node, List) else ():
        names = {pair.key for pair in each.pairs} if isinstance(each, Map) else set()
        for key, other in (("if", "then"), ("then", "if")):
            if key in names and other not in names:
                reader.report("Y021", f"'{key}' without '{other}'", each)
    return _ACTION_ITEMS.read(reader, node)


def _files_to_read(reader: ContentReader, node: Node | None) -> tuple[FileToRead, ...]:
    blank = spelled_blank(node)
    if blank:
        return (FileToRead(as_written(blank), None, blank.place),)
    nodes = reader.nodes(node, "a list such as - {path: a.md, note: why}")
    return tuple(file for each in nodes if (file := _file_to_read(reader, each)))


def _file_to_read(reader: ContentReader, node: Node) -> FileToRead | None:
    values: dict[str, Any] = {"path": None, "note": None}
    if isinstance(node, Map):
        values = read_keys(reader, node, _READ_KEYS, "a file to read")
    else:
        values["path"] = reader.words(node, item=True)
    path = values.pop("path")
    return FileToRead(as_written(path), **values, place=node.place) if path else None


def _prompts(reader: ContentReader, node: Node | None) -> tuple[Prompt, ...]:
    """Those in addition to `prompt`, by name."""
    prompts = []
    for pair in reader.pairs(node, "names of prompts"):
        if not re.fullmatch(PROMPT_NAME, pair.key):
            message = f"'{pair.key}' is not the name of a prompt: lower case, digits, '_', '-'"
            reader.report("Y023", message, pair)
        elif pair.key == DEFAULT_PROMPT:
            message = f"'{pair.key}' is the prompt under 'prompt:', rename this one"
            reader.report("Y023", message, pair)
        values = read_keys(reader, pair.node, _NAMED_PROMPT_KEYS, f"prompt '{pair.key}'")
        prompts.append(Prompt(**values, name=pair.key, place=pair.node.place))
    return tuple(prompts)


def _sections(reader: ContentReader, node: Node | None) -> tuple[Section, ...]:
    nodes = reader.nodes(node, "a list of sections")
    return tuple(section for each in nodes if (section := _section(reader, each)))


def _section(reader: ContentReader, node: Node) -> Section | None:
    if not isinstance(node, Map):
        reader.report("Y022", f"expected {{title: , content: }}, found {describe(node)}", node)
        return None
    values = read_keys(reader, node, _SECTION_KEYS, "a section")
    title = next((pair.node for pair in node.pairs if pair.key == "title"), None)
    if is_nothing(title) and values["content"] is None:
        reader.report("Y021", "a section needs a 'title' or 'content'", node)
    return Section(**values, place=node.place)


# --- the keys of mappings --------------------------------------------------------------

_CREATED_KEYS = (
    Key("date", DAY_SHAPE, "The day, such as 2026-01-03.", required=True, attribute="day"),
    Key("text", LINE_TEXT, "Your words for it: January 3-4, 2026."),
)
_CREATED_SCHEMA: Schema = {
    "type": ["string", "object"],
    "format": "date",
    "pattern": whole(DAY),
    **properties(_CREATED_KEYS),
}
_NEXT_KEYS = (
    Key("id", _ID, "The id of the next session: the stem of its file."),
    Key("session", LINE_TEXT, "Its number."),
    Key("title", WORDS, "Its title."),
    Key("objectives", CONTENT, "What it should achieve."),
    Key("prerequisites", CONTENT, "What must hold before it starts."),
    Key("time", CONTENT, "How long it takes and when it can start."),
)
_READ_KEYS = (
    Key(
        "path",
        Shape(
            "a path",
            lambda reader, node: reader.words(node, item=True),
            or_blank({"type": ["string", "number"]}, "phrase"),
        ),
        "The file.",
        required=True,
    ),
    Key("note", WORDS, "Why to read it."),
)
_FILES_TO_READ = Shape(
    f"a list of paths or {_spelled(_READ_KEYS)}",
    _files_to_read,
    list_schema(_item_schema(_READ_KEYS)),
    _READ_KEYS,
    "items",
    takes_items=True,
)
_PROMPT_KEYS = (
    Key("topic", WORDS, "What the session is about."),
    Key("context", CONTENT, "What was done before."),
    Key("status", CONTENT, "The current status, label: text."),
    Key("goal", CONTENT, "The goal of the next session."),
    Key("read", _FILES_TO_READ, "The files to read first."),
    Key("approach", CONTENT, "How to work."),
    Key("ask", WORDS, "The request that ends the prompt."),
    Key("more", _LABELS, "Further parts, HEADING: content."),
    Key("text", AUTHOR_TEXT, "The whole prompt in your words, in place of the parts."),
)
_NAMED_PROMPT_KEYS = (
    *_PROMPT_KEYS,
    Key("after", _SECTION_NAME, "Which section it is placed after."),
)
_SECTION_KEYS = (
    Key("title", LINE_TEXT, "The heading; without one the content has none."),
    Key("after", _SECTION_NAME, "Which section it is placed after; at the end by default."),
    Key("content", CONTENT, "What is printed under the heading."),
    Key(
        "level",
        Shape("1 to 6", _level, {"type": ["integer", "null"], "minimum": 1, "maximum": 6}),
        "The level of the heading, 1 to 6 (default: 2).",
    ),
    Key("rule", FLAG, "Whether a line is drawn above; by default the template decides."),
)
_SECTION_SCHEMA: Schema = {
    "type": "object",
    **properties(_SECTION_KEYS),
    "anyOf": [
        {"required": ["content"]},
        {"required": ["title"], "properties": {"title": {"not": {"type": "null"}}}},
    ],
}
_SEVERITY_KEYS = (
    Key("level", one_of(LEVELS, _word), "How closely the receiver has to look.", required=True),
    Key("why", WORDS, "The reason."),
)
_ACTION_KEYS = (
    Key("do", WORDS, "What is to be done.", required=True),
    Key("owner", WORDS, "Who does it."),
    Key("due", _DUE_SHAPE, "By when: 2026-01-03 or 2026-01-03T16:20:00Z."),
    Key("priority", one_of(PRIORITIES, _word), "The priority of the action."),
    Key("if", WORDS, "What may happen instead."),
    Key("then", WORDS, "What is to be done in that case."),
)
_ACTION_ITEMS = _items(
    _ACTION_KEYS,
    _action,
    "a list of actions",
    "an action",
    dependentRequired={"if": ["then"], "then": ["if"]},
)
_TRIED_KEYS = (
    Key("what", WORDS, "What was tried.", required=True),
    Key("why", WORDS, "Why it failed."),
)
_DO_NOT_KEYS = (
    Key("text", WORDS, "What must not be done.", required=True, attribute="what"),
    Key("why", WORDS, "Why it would fail."),
)
_CHECKPOINT_KEYS = (
    Key("at", _DUE_SHAPE, "When: 2026-01-03 or 2026-01-03T16:20:00Z.", required=True),
    Key("what", WORDS, "What is checked then."),
)

# --- the keys of the file --------------------------------------------------------------

KEYS: tuple[Key, ...] = (
    Key(
        "session",
        Shape("a number or text", _label, {**_TITLE_SCHEMA, "maxLength": MAX_LABEL}),
        f"The session's number, or text such as 378b; at most {MAX_LABEL} characters.",
        required=True,
    ),
    Key(
        "title",
        Shape("text on one line", _title, _TITLE_SCHEMA),
        "What the session is about, on one line.",
        required=True,
    ),
    Key(
        "slug",
        Shape("a name", _slug, {**_ID_SCHEMA, "maxLength": MAX_SLUG}),
        "Names the document, <date>-SESSION-<n>-<SLUG>.md; made from the title by default.",
    ),
    Key(
        "created",
        Shape(
            f"a day; or {_spelled(_CREATED_KEYS)}", read_created, _CREATED_SCHEMA, _CREATED_KEYS
        ),
        "The day, 2026-01-03; or the day with your words for it.",
        required=True,
    ),
    Key("started", _TIME, "When work started: 2026-01-03T14:00:00Z."),
    Key(
        "ended",
        _TIME,
        "When work ended; {{ duration }} is the time between.",
        see="[duration](sources.md#how-long-a-session-took)",
    ),
    Key("duration", WORDS, "How long the session took."),
    Key(
        "template",
        Shape(
            "a name",
            _template,
            {
                "type": ["string", "integer", "null"],
                "minimum": 0,
                "pattern": whole(TEMPLATE),
            },
        ),
        "handoff, brief, or a template of your own.",
        see="[templates](templates.md)",
    ),
    Key(
        "goal",
        WORDS,
        "The goal of the session.",
        starts="always",
        hint="what will be true when this session is done",
    ),
    Key(
        "as_of",
        Shape("a time with its zone", _minute, _TIME_SCHEMA),
        "The timestamp for which queries run; by default the minute in which they run.",
    ),
    Key(
        "status",
        AUTHOR_TEXT,
        "Your words in place of the status derived from the checklist.",
        see="[status](#status)",
    ),
    Key(
        "facts",
        FACTS,
        "The queries and sources whose results the session cites.",
        attribute="questions",
        see="[queries](queries.md)",
        carry="verbatim",
        carry_comment="the same queries; rendering runs them again",
    ),
    Key("header", _LABELS, "Additional lines in the header."),
    Key(
        "checklist",
        CHECKLIST,
        "What the session has to do; the status is derived from it.",
        carry="checklist",
        carry_comment="what this session is to do",
    ),
    Key(
        "decisions",
        CONTENT,
        "What was decided.",
        carry="items",
        carry_comment="still binding; remove what is not",
        starts="always",
        hint="what was decided and why, an item each",
        has_items=True,
    ),
    Key(
        "findings",
        CONTENT,
        "What was found.",
        starts="always",
        hint="what was found out, an item each",
        has_items=True,
    ),
    Key("summary", _LABELS, "Additional labels in the executive summary."),
    Key(
        "accomplished",
        CONTENT,
        "What was done; heading: content, numbered.",
        starts="always",
        hint="heading: what was done, and how it was verified",
    ),
    Key(
        "insights",
        CONTENT,
        "What was learned; heading: content.",
        starts="as before",
        hint="heading: what is worth knowing",
    ),
    Key("orchestrator", CONTENT, "The state of the running process.", carry="live"),
    Key("coverage", CONTENT, "How complete the tables are.", carry="live"),
    Key(
        "files",
        CONTENT,
        "Which files were changed; heading: content.",
        starts="as before",
        hint="heading: files, an item each",
    ),
    Key("next", _mapping(_NEXT_KEYS, Next, "'next'"), "The next session."),
    Key(
        "prompt",
        _mapping(_PROMPT_KEYS, Prompt, "'prompt'"),
        "The prompt that starts the next session.",
    ),
    Key(
        "troubleshooting",
        CONTENT,
        "What to do about known problems; heading: content.",
        starts="as before",
        hint="heading: what to do about it",
    ),
    Key(
        "metrics",
        CONTENT,
        "Time, tokens, quality.",
        starts="as before",
        hint="label: value",
    ),
    Key(
        "closing",
        Shape(
            _LABELS.words,
            ContentReader.given_entries,
            _LABELS.schema,
            inside="content",
        ),
        "The labels of the footer.",
    ),
    Key(
        "sections",
        Shape(
            f"a list of {_spelled(_SECTION_KEYS)}",
            _sections,
            list_schema(_SECTION_SCHEMA),
            _SECTION_KEYS,
            "items",
        ),
        "Free sections.",
        carry="sections",
    ),
    Key("previous", _IDS, "The id, or ids, of the previous sessions."),
    Key("supersedes", _ID, "The id of the session whose handoff this replaces."),
    Key(
        "blocked_by",
        AUTHOR_TEXT,
        "What the work waits for; printed in the status.",
        carry="text",
        carry_comment="remove it once it is solved",
    ),
    Key(
        "severity",
        _first_or_mapping(_SEVERITY_KEYS, Severity, "'severity'"),
        "How closely the receiver has to look, and why.",
    ),
    Key(
        "actions",
        Shape(
            _ACTION_ITEMS.words,
            _read_actions,
            _ACTION_ITEMS.schema,
            _ACTION_KEYS,
            "items",
            takes_items=True,
        ),
        "What is to be done.",
        carry="items",
        carry_comment="remove what is done",
    ),
    Key(
        "tried",
        _items(_TRIED_KEYS, Reasoned, "a list of {what: , why: }", "an item"),
        "What failed, so that nobody tries it again.",
        carry="items",
        carry_comment="so that nobody tries it again",
    ),
    Key(
        "do_not",
        _items(_DO_NOT_KEYS, Reasoned, "a list of text or {text: , why: }", "an item"),
        "What must not be done.",
        carry="guards",
        carry_comment="still binding; remove what is not",
    ),
    Key(
        "checkpoint",
        _first_or_mapping(_CHECKPOINT_KEYS, Checkpoint, "'checkpoint'"),
        "When the work is checked next, and what.",
    ),
    Key(
        "prompts",
        Shape(
            "`name:` as under `prompt`",
            _prompts,
            {
                **labels_schema(mapping_schema(_NAMED_PROMPT_KEYS)),
                "propertyNames": {
                    "pattern": whole(PROMPT_NAME),
                    "not": {"enum": [DEFAULT_PROMPT]},
                },
            },
            _NAMED_PROMPT_KEYS,
            "names",
        ),
        "Further prompts.",
    ),
)
NAMES = tuple(key.name for key in KEYS)
"""In the order in which a session file has them."""

SCHEMA: Mapping[str, object] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Session of a handoff",
    "description": "sessions/<id>.yaml: an absent key leaves its section out, a key without a "
    "value prints it blank.",
    "type": "object",
    **properties(KEYS),
    "$defs": {**DEFINITIONS, **BLANKS},
}


def key_at(path: KeyPath) -> Key | None:
    """The key whose value is at `path`; `None` for a label, an item and an unknown key."""
    keys, inside, describe = KEYS, "mapping", None
    for part in path:
        describe = None
        if isinstance(part, int):
            continue
        if inside == "names":
            inside = "mapping"
            continue
        known = CONTENT_KEYS if inside == "content" else keys
        describe = next((key for key in known if key.name == part), None)
        if describe:
            keys, inside = describe.shape.keys, describe.shape.inside
        elif inside != "content":
            return None
    return describe


def paths(keys: tuple[Key, ...] = KEYS, above: str = "") -> Iterator[tuple[str, Key]]:
    """Every key with its path as the docs show it: `actions[].due`, `prompts.<name>.ask`."""
    for key in keys:
        path = f"{above}{key.name}"
        yield path, key
        if key.shape.inside != "content":
            between = {"items": "[].", "names": ".<name>."}.get(key.shape.inside, ".")
            yield from paths(key.shape.keys, path + between)
