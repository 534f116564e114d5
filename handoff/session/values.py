"""The values of session keys: single ones, and mappings and lists made of other keys."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any

from msgspec.structs import replace

from handoff.base.blanks import DEFAULT
from handoff.base.problems import nearest
from handoff.session.content import CONTENT, HEADING_LEVEL, ContentReader
from handoff.session.model import (
    DEFAULT_PROMPT,
    LEVELS,
    SESSION_ID,
    STYLES,
    Action,
    Blank,
    Checkpoint,
    Contingency,
    Created,
    DocumentLink,
    Entries,
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
    DAY_SHAPE,
    ITEM_SCHEMA,
    LINE,
    LINE_TEXT,
    TEXT_SCHEMA,
    JsonSchema,
    Key,
    Shape,
    labels_schema,
    list_schema,
    mapping_schema,
    one_of,
    one_or_list,
    or_blank,
    properties,
    read_keys,
    read_line,
    ref,
    whole,
)
from handoff.session.text import (
    AUTHOR_TEXT,
    DUE,
    FLAG,
    LANG,
    WORDS,
    as_written,
    is_nothing,
    spelled_blank,
)
from handoff.yaml.decode import DAY, TIMESTAMP, describe
from handoff.yaml.nodes import List, Map, Node, is_null

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


PRINTED = (
    *("header", "goal", "checklist", "decisions", "findings", "summary", "accomplished"),
    *("insights", "orchestrator", "coverage", "files", "commands", "actions", "tried"),
    *("do_not", "next.objectives", "next.prerequisites", "next.time", "prompt"),
    *("troubleshooting", "metrics", "closing"),
)
"""What a section may print with `key:`, in addition to each of `prompts`."""


# --- single values ---------------------------------------------------------------------


def _read_title(reader: ContentReader, node: Node | None) -> str | None:
    line = read_line(reader, node)
    if line is not None and not line.strip() and node is not None:
        reader.report("Y021", "expected text, found only quotes or spaces", node)
    return line


def _read_label(reader: ContentReader, node: Node | None) -> str | None:
    label = _read_title(reader, node)
    if label is not None and len(label) > MAX_LABEL and node is not None:
        message = f"a session number of {len(label)} characters, at most {MAX_LABEL}"
        reader.report("Y023", message, node)
    return label


def _read_slug(reader: ContentReader, node: Node | None) -> str | None:
    text = reader.matching(node, SLUG, "a name of letters, digits, '.', '_' and '-'")
    if text is not None and len(text) > MAX_SLUG and node is not None:
        message = f"a slug of {len(text)} characters, at most {MAX_SLUG}"
        reader.report("Y023", message, node)
    return text.upper() if text is not None else None


def slug_of(title: str) -> str:
    """A title as part of a file's name: `Phase 4: Prep 🎯` as `PHASE-4-PREP`."""
    if not title.isascii():
        import unicodedata

        title = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode()
    words = re.findall(r"[A-Za-z0-9]+", title)
    slug = ""
    for word in words:
        if len(slug) + len(word) >= _SLUG_LENGTH:
            break
        slug += f"-{word}" if slug else word
    return slug.upper() or (words[0][:_SLUG_LENGTH].upper() if words else "")


def _read_template(reader: ContentReader, node: Node | None) -> str:
    return reader.matching(node, TEMPLATE, "the name of a template") or "handoff"


def _read_minute(reader: ContentReader, node: Node | None) -> datetime | None:
    time = reader.timestamp(node)
    return time.replace(second=0, microsecond=0) if time else None


def _read_id(reader: ContentReader, node: Node | None) -> str | None:
    return reader.matching(node, ID, "the id of a session, the stem of its file")


def _read_superseded(reader: ContentReader, node: Node | None) -> str | DocumentLink | None:
    """The id of a session, or a document: its path or a link to it."""
    found = reader.matching(node, _SUPERSEDED, "the id of a session, or a document (*.md)")
    link = re.fullmatch(_LINK, found or "")
    if found is None or node is None or not (link or re.fullmatch(DOCUMENT, found)):
        return found
    return DocumentLink(link[2] if link else found, link[1] if link else None, node.place)


def read_ids(reader: ContentReader, node: Node | None) -> tuple[str, ...]:
    """One id, or a list of them."""
    nodes = reader.nodes(node) if isinstance(node, List) else (node,)
    return tuple(name for each in nodes if (name := _read_id(reader, each)))


def _read_after(reader: ContentReader, node: Node | None) -> str | None:
    """The section that something is placed after."""
    after = reader.text(node)
    if after is not None and after not in AFTER and node is not None:
        guess = nearest(after, AFTER) or f", expected one of {', '.join(AFTER)}"
        reader.report("Y023", f"unknown section '{after}'{guess}", node)
    return after


def _read_printed_key(reader: ContentReader, node: Node | None) -> str | None:
    key = reader.text(node)
    if key is None or node is None or re.fullmatch(_PRINTED_KEY_PATTERN, key):
        return key
    guess = nearest(key, PRINTED) or f", expected one of {', '.join(PRINTED)}"
    reader.report("Y023", f"a section cannot print '{key}'{guess}", node)
    return None


def _read_word(reader: ContentReader, node: Node | None, choices: Sequence[str]) -> object:
    """One of these words; null is a blank."""
    if node is None or is_null(node):
        return Blank(DEFAULT, node.place) if node else None
    chosen = reader.choice(node, choices)
    return Text(chosen, node.place) if chosen else None


DOCUMENT = r"[^\s()\[\]<>|`:]+\.(?:md|markdown)"
"""The path of a document."""
_LINK = rf"\[([^\[\]\n]+)\]\(({DOCUMENT}|https?://[^\s()]+)\)"
_SUPERSEDED = f"{ID}|{DOCUMENT}|{_LINK}"
_ID_SCHEMA: JsonSchema = {**TEXT_SCHEMA, "minimum": 0, "pattern": whole(ID)}
_TITLE_SCHEMA: JsonSchema = {"type": ["string", "number"], "pattern": whole(rf"(?=.*\S){LINE}")}
_TIME_SCHEMA: JsonSchema = {"type": ["string", "null"], "pattern": whole(TIMESTAMP)}
ID_SHAPE = Shape("the id of a session", _read_id, _ID_SCHEMA, example="session-2")
SUPERSEDED = Shape(
    "the id of a session, or a document",
    _read_superseded,
    {**_ID_SCHEMA, "pattern": whole(_SUPERSEDED)},
    example="session-2",
)
IDS = Shape("an id, or a list of ids", read_ids, one_or_list(_ID_SCHEMA), example="session-1")
TIME = Shape(
    "a time with its zone",
    ContentReader.timestamp,
    _TIME_SCHEMA,
    example="2026-01-03T16:20:00Z",
)
LABELS = Shape(
    "`label:` [content](#content)",
    ContentReader.entries,
    labels_schema(ref("content")),
    inside="content",
)
SECTION_NAME = Shape("the key of a section", _read_after, {"enum": [*AFTER, None]})


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
    return Shape(
        words,
        read,
        schema,
        keys,
        choices=first.shape.choices,
        hint=first.shape.hint,
        takes_first=True,
    )


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
        _items = (read_item(reader, each) for each in reader.nodes(node, what))
        return tuple(item for item in _items if item is not None)

    return Shape(
        f"a list of text or {_spelled(keys)}",
        read,
        list_schema({**_item_schema(keys), **schema}),
        keys,
        "items",
        takes_items=True,
        takes_first=True,
    )


def _with_blank(
    reader: ContentReader, node: Map, keys: tuple[Key, ...], what: str
) -> dict[str, Any]:
    """The values, with a blank for a required one that is missing."""
    values = read_keys(reader, node, keys, what)
    missing = [key.field for key in keys if key.required and not values[key.field]]
    return {**values, **dict.fromkeys(missing, Blank(DEFAULT, node.place))}


def _item_schema(keys: tuple[Key, ...]) -> JsonSchema:
    """Text, or a mapping with these keys."""
    types = ["string", "number", "null", "array", "object"]
    return {**ITEM_SCHEMA, "type": types, **properties(keys)}


def _spelled(keys: tuple[Key, ...]) -> str:
    return f"`{{{', '.join(f'{key.name}: ' for key in keys)}}}`"


def read_created(reader: ContentReader, node: Node | None) -> Created | None:
    """A day, or `{date: , text: }`."""
    if not isinstance(node, Map):
        day: date | None = reader.day(node)
        found = Created(day, None) if day else None
    else:
        values = read_keys(reader, node, _CREATED_KEYS, "'created'")
        found = Created(**values) if values["day"] else None
    reader.day_of_session = found.day if found else reader.day_of_session
    return found


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
        if {"after", "parked"} <= names:
            reader.report("Y024", "'after' next to 'parked', expected one of them", each)
    found = _ACTION_ITEMS.read(reader, node)
    for action in found if isinstance(found, tuple) else ():
        due, after = action.due, action.after
        if not isinstance(due, Timestamp) or not isinstance(after, Timestamp):
            continue
        if str(due.at)[:10] < (start := str(after.start)[:10]):
            reader.report("Y023", f"due before {start}, until when it waits", due.place)
    return found


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


def _read_summary(reader: ContentReader, node: Node | None) -> object:
    """Labels as entries, for templates that walk through them; else content."""
    content = None if is_nothing(node) else reader.content(node)
    if content is None:
        return ()
    return content.entries if isinstance(content, Entries) else content


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
    given = {pair.key for pair in node.pairs if not is_null(pair.node)}
    if values["content"] is None and given.isdisjoint(("title", "key")):
        reader.report("Y021", "a section needs a 'title', 'content' or 'key'", node)
    values["level"] = values["level"] or 2
    return Section(**values, place=node.place)


# --- the keys of mappings --------------------------------------------------------------

_CREATED_KEYS = (
    Key("date", DAY_SHAPE, "The day, such as 2026-01-03.", required=True, attribute="day"),
    Key("text", LINE_TEXT, "Your words for it: January 3-4, 2026."),
)
_CREATED_SCHEMA: JsonSchema = {
    "type": ["string", "object"],
    "format": "date",
    "pattern": whole(DAY),
    **properties(_CREATED_KEYS),
}
_NEXT_KEYS = (
    Key("id", ID_SHAPE, "The id of the next session: the stem of its file."),
    Key("session", LINE_TEXT, "Its number."),
    Key("title", WORDS, "Its title."),
    Key("objectives", CONTENT, "What it should achieve."),
    Key("prerequisites", CONTENT, "What must hold before it starts."),
    Key("time", CONTENT, "How long it takes and when it can start."),
)
_FILE = Shape(
    "a path",
    lambda reader, node: reader.words(node, item=True),
    or_blank({"type": ["string", "number"]}, "phrase"),
)
_READ_KEYS = (
    Key("path", _FILE, "The file.", required=True, example="docs/plan.md"),
    Key("note", WORDS, "Why to read it."),
)
_FILES_TO_READ = Shape(
    f"a list of paths or {_spelled(_READ_KEYS)}",
    _files_to_read,
    list_schema(_item_schema(_READ_KEYS)),
    _READ_KEYS,
    "items",
    takes_items=True,
    takes_first=True,
)
_PROMPT_KEYS = (
    Key("topic", WORDS, "What the session is about."),
    Key("context", CONTENT, "What was done before."),
    Key("status", CONTENT, "The current status, label: text."),
    Key("goal", CONTENT, "The goal of the next session."),
    Key("read", _FILES_TO_READ, "The files to read first."),
    Key("approach", CONTENT, "How to work."),
    Key("ask", WORDS, "The request that ends the prompt."),
    Key("more", LABELS, "Further parts, HEADING: content."),
    Key("text", AUTHOR_TEXT, "The whole prompt in your words, in place of the parts."),
    Key(
        "standalone",
        FLAG,
        "Whether state, actions, open items and findings are added; by default the setting.",
        see="[standalone prompts](resuming.md#a-prompt-that-stands-alone)",
    ),
)
_AFTER = Key("after", SECTION_NAME, "Which section it is placed after.")
_NAMED_PROMPT_KEYS = (*_PROMPT_KEYS, _AFTER)
_PRINTED_KEY_PATTERN = "|".join(
    (*(key.replace(".", r"\.") for key in PRINTED), rf"prompts\.{PROMPT_NAME}")
)
_PRINTED_KEY = Shape(
    "the path of a key",
    _read_printed_key,
    {"type": ["string"], "pattern": whole(_PRINTED_KEY_PATTERN)},
    example="findings",
)
_SECTION_KEYS = (
    Key("title", LINE_TEXT, "The heading; without one the content has none."),
    Key("after", SECTION_NAME, "Which section it is placed after; at the end by default."),
    Key("content", CONTENT, "What is printed under the heading."),
    Key("level", HEADING_LEVEL, "The level of the heading (default: 2)."),
    Key("rule", FLAG, "Whether a line is drawn above; by default the template decides."),
    Key(
        "key",
        _PRINTED_KEY,
        "The key of the session that is printed here, not where the template has it.",
        see="[sections](#sections)",
        example="next.objectives",
    ),
    Key("label", LINE_TEXT, "A label before the content, in place of a heading above it."),
    Key("as", one_of(STYLES), "How labels, or a prompt, are printed.", attribute="style"),
    Key("lang", LANG, "The language of the fence that a prompt is in."),
)
_SECTION_SCHEMA: JsonSchema = {
    "type": "object",
    **properties(_SECTION_KEYS),
    "anyOf": [
        {"required": ["content"]},
        {"required": ["key"], "properties": {"key": {"not": {"type": "null"}}}},
        {"required": ["title"], "properties": {"title": {"not": {"type": "null"}}}},
    ],
}
_LEVEL = one_of(LEVELS, _read_word)
_SEVERITY_KEYS = (
    Key("level", _LEVEL, "How closely the receiver has to look.", required=True),
    Key("why", WORDS, "The reason."),
)
_DUE_ALONE = replace(DUE, example="")  # an example of an action has one of these at most
_ACTION_KEYS = (
    Key("do", WORDS, "What is to be done.", required=True, example="Call the vendor"),
    Key("owner", WORDS, "Who does it.", example="Ann"),
    Key("due", DUE, "By when: 2026-01-03, August, Q3 or Friday."),
    Key("after", _DUE_ALONE, "It waits until then."),
    Key("parked", _DUE_ALONE, "It rests; when to look at it again."),
    Key("priority", one_of(PRIORITIES, _read_word), "The priority of the action."),
    Key("if", WORDS, "What may happen instead."),
    Key("then", WORDS, "What is to be done in that case."),
)
_ACTION_ITEMS = _items(
    _ACTION_KEYS,
    _action,
    "a list of actions",
    "an action",
    dependentRequired={"if": ["then"], "then": ["if"]},
    **{"not": {"type": "object", "required": ["after", "parked"]}},
)
_TRIED_KEYS = (
    Key("what", WORDS, "What was tried.", required=True, example="Larger batches"),
    Key("why", WORDS, "Why it failed.", example="out of memory"),
)
_DO_NOT_KEYS = (
    Key(
        "text",
        WORDS,
        "What must not be done.",
        required=True,
        attribute="what",
        example="Drop the staging table",
    ),
    Key("why", WORDS, "Why it would fail.", example="the backfill reads it"),
)
_CHECKPOINT_KEYS = (
    Key("at", DUE, "When: 2026-01-03 or 2026-01-03T16:20:00Z.", required=True),
    Key("what", WORDS, "What is checked then."),
)


# --- the shapes of keys ----------------------------------------------------------------

LABEL = Shape(
    "a number or text",
    _read_label,
    {**_TITLE_SCHEMA, "maxLength": MAX_LABEL},
    example="2",
)
TITLE = Shape("text on one line", _read_title, _TITLE_SCHEMA)
SLUG_SHAPE = Shape("a name", _read_slug, {**_ID_SCHEMA, "maxLength": MAX_SLUG})
TEMPLATE_NAME = Shape(
    "a name",
    _read_template,
    {"type": ["string", "integer", "null"], "minimum": 0, "pattern": whole(TEMPLATE)},
)
MINUTE = replace(TIME, read=_read_minute)
CREATED = Shape(
    f"a day; or {_spelled(_CREATED_KEYS)}",
    read_created,
    _CREATED_SCHEMA,
    _CREATED_KEYS,
    takes_first=True,
)
SUMMARY = Shape(CONTENT.words, _read_summary, CONTENT.schema, inside="content")
CLOSING = Shape(LABELS.words, ContentReader.given_entries, LABELS.schema, inside="content")
NEXT = _mapping(_NEXT_KEYS, Next, "'next'")
PROMPT = _mapping(_PROMPT_KEYS, Prompt, "'prompt'")
PROMPTS = Shape(
    "`name:` as under `prompt`",
    _prompts,
    {
        **labels_schema(mapping_schema(_NAMED_PROMPT_KEYS)),
        "propertyNames": {"pattern": whole(PROMPT_NAME), "not": {"enum": [DEFAULT_PROMPT]}},
    },
    _NAMED_PROMPT_KEYS,
    "names",
)
SECTIONS = Shape(
    f"a list of {_spelled(_SECTION_KEYS)}",
    _sections,
    list_schema(_SECTION_SCHEMA),
    _SECTION_KEYS,
    "items",
)
SEVERITY = _first_or_mapping(_SEVERITY_KEYS, Severity, "'severity'")
ACTIONS = replace(_ACTION_ITEMS, read=_read_actions)
TRIED = _items(_TRIED_KEYS, Reasoned, "a list of {what: , why: }", "an item")
DO_NOT = _items(_DO_NOT_KEYS, Reasoned, "a list of text or {text: , why: }", "an item")
CHECKPOINT = _first_or_mapping(_CHECKPOINT_KEYS, Checkpoint, "'checkpoint'")
