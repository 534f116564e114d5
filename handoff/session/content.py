"""The content of a session: what a label may hold, read from YAML nodes, and its schema."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from handoff.base.blanks import DEFAULT
from handoff.base.problems import Place
from handoff.session.model import (
    CHANGES,
    CHART_KINDS,
    Blank,
    Blocks,
    Bullets,
    ChartBlock,
    ChartKind,
    Checklist,
    ChecklistItem,
    Claim,
    CodeBlock,
    CommandOutput,
    Condition,
    Content,
    Entries,
    Entry,
    ExpectBlock,
    FilesBlock,
    Flag,
    MarkdownBlock,
    PhasesBlock,
    Purpose,
    Steps,
    SubHeading,
    TableBlock,
    TableColumn,
    Text,
    Valued,
)
from handoff.session.shapes import (
    ITEM_SCHEMA,
    LINE_TEXT,
    TEXT_SCHEMA,
    WORDS_SCHEMA,
    JsonSchema,
    Key,
    Shape,
    described,
    labels_schema,
    list_schema,
    one_of,
    properties,
    read_keys,
    ref,
)
from handoff.session.tables import (
    DECISION_KEYS,
    IS_TABLE,
    TABLE_SCHEMA,
    is_table,
    read_decision,
    read_table,
)
from handoff.session.text import (
    AUTHOR_TEXT,
    FLAG,
    LANG,
    LITERAL,
    MOMENT,
    WHEN,
    WORDS,
    TextReader,
    as_written,
    blank_in,
    fact_shape,
    spelled_blank,
)
from handoff.yaml.decode import Decoder, scalar_value
from handoff.yaml.nodes import List, Map, Node, Pair, Scalar, is_null

CODE_LANGS: Mapping[str, str] = {"sql": "sql", "bash": "bash", "python": "python", "text": ""}
"""Reserved key to the language of its fence."""


class ContentReader(TextReader):
    """Reads text and content; an absent key (`None`) gives `None`."""

    # --- text ---

    def entries(self, node: Node | None) -> tuple[Entry, ...]:
        return tuple(self.entry(pair) for pair in self.pairs(node, "labels and their content"))

    def given_entries(self, node: Node | None) -> tuple[Entry, ...] | None:
        return None if node is None else self.entries(node)

    def entry(self, pair: Pair) -> Entry:
        content = self.content(pair.node)
        assert content is not None  # the node is there
        return Entry(pair.key, content, pair.place)

    # --- content ---

    def content(self, node: Node | None, *, item: bool = False) -> Content | None:
        """The content of a label; `None` only where the key is absent."""
        if node is None:
            return None
        blank = blank_in(node, item=item)
        if blank:
            return blank
        if isinstance(node, List):
            return Bullets(self.items(node), node.place)
        if isinstance(node, Map):
            return self.mapping(node)
        flag = scalar_value(node)
        if isinstance(flag, bool):
            return Flag(flag, node.place)
        return self.as_text(node, node.text)

    def some(self, node: Node | None, at: Node) -> Content:
        """Content; a blank for an absent key."""
        return self.content(node) or Blank(DEFAULT, at.place)

    def items(self, node: Node | None) -> tuple[Content, ...]:
        if node is None:
            return ()
        blank = Blank(DEFAULT, node.place) if is_null(node) else spelled_blank(node)
        if blank:
            return (blank,)
        found = (self.content(each, item=True) for each in self.nodes(node))
        return _claimed(tuple(content for content in found if content is not None))

    def blocks(self, node: Node | None) -> tuple[Content | SubHeading, ...]:
        return tuple(self.block(each) for each in self.nodes(node))

    def block(self, node: Node) -> Content | SubHeading:
        is_heading = isinstance(node, Map) and any(p.key == "heading" for p in node.pairs)
        if not is_heading:
            return self.some(node, node)
        values = read_keys(self, node, HEADING_KEYS, "a heading")
        return SubHeading(**values, place=node.place)

    def level(self, node: Node | None) -> int | None:
        level = self.integer(node, minimum=1)
        if level is not None and level > 6 and node is not None:
            self.report("Y023", f"a heading of level {level}, expected 1 to 6", node)
        return None if level is None else min(level, 6)

    def mapping(self, node: Map) -> Content:
        names = [pair.key for pair in node.pairs]
        if is_table(node):
            return read_table(self, node, self.content)
        if "options" in names and not {"text", "chosen"}.isdisjoint(names):
            return read_decision(self, node)
        pair = _PAIRS.get(frozenset(names))
        if pair is not None:
            return pair.build(read_keys(self, node, pair.keys), node.place)
        special = next((name for name in RESERVED if name in names), None)
        if special is None:
            return Entries(tuple(self.entry(pair) for pair in node.pairs), node.place)
        for each in node.pairs:
            if each.key not in RESERVED[special]:
                message = (
                    f"'{each.key}' is not allowed next to '{special}', which is a reserved "
                )
                message += f"key; to use it as a label, write '{special.capitalize()}'"
                self.report("Y024", message, each)
        given = {pair.key: pair.node for pair in node.pairs}
        reserved = _RESERVED[special]
        values = {k.name: k.shape.read(self, given.get(k.name)) for k in reserved.keys}
        return reserved.build(values, node.place)

    def purposes(self, node: Node | None) -> tuple[Purpose, ...]:
        found = ((pair, self.words(pair.node)) for pair in self.pairs(node, "paths with text"))
        return tuple(Purpose(pair.key, words, pair.place) for pair, words in found if words)

    def evidence(self, node: Node | None) -> tuple[Text | CommandOutput, ...] | Blank:
        """One or a list; a blank where it is still to be named."""
        if isinstance(node, Map) and node.pairs:
            return (self.command(node),)
        if not isinstance(node, Scalar | None) and not spelled_blank(node):
            found = map(self.piece_of_evidence, self.nodes(node, "text or a list"))
            return tuple(each for each in found if each)
        words = self.words(node)
        return words if isinstance(words, Blank) else (words,) if words else ()

    def piece_of_evidence(self, node: Node) -> Text | CommandOutput | None:
        if isinstance(node, Map):
            return self.command(node)
        words = self.words(node, item=True)
        return as_written(words) if words else None

    def command(self, node: Map) -> CommandOutput:
        values = read_keys(self, node, COMMAND_KEYS, "evidence")
        cmd = values["cmd"] or CodeBlock("", Blank(DEFAULT, node.place), node.place)
        return CommandOutput(cmd, values["expect"], values["saw"], values["at"], node.place)

    def checklist(self, node: Node | None) -> Checklist | None:
        if node is None:
            return None
        if isinstance(node, List):
            return self.unchecked_items(node)
        found = [
            self.checklist_item(pair) for pair in self.pairs(node, "labels with true or false")
        ]
        return Checklist(tuple(item for item in found if item), node.place)

    def unchecked_items(self, node: List) -> Checklist:
        if spelled_blank(node):
            return Checklist((), node.place)
        labels = [as_written(words) for each in node.nodes if (words := self.label(each))]
        items = tuple(ChecklistItem(label, False, None, label.place) for label in labels)
        return Checklist(items, node.place)

    def label(self, node: Node) -> Text | Blank | None:
        """The label of one item in a checklist that is a list."""
        if isinstance(node, Map) and node.pairs:
            label = node.pairs[0].key
            message = "expected text, found a mapping: a checklist is either a list of text or "
            message += f"a mapping, write '{label}: …' without the dash"
            self.report("Y022", message, node)
            return None
        return self.words(node, item=True)

    def checklist_item(self, pair: Pair) -> ChecklistItem | None:
        label = Text(pair.key, pair.place)
        if not isinstance(pair.node, Map):
            done = self.flag(pair.node)
            return ChecklistItem(label, bool(done), None, pair.node.place)
        values = read_keys(self, pair.node, ITEM_KEYS, f"'{pair.key}'")
        when, evidence, place = values["when"], values["evidence"], pair.node.place
        has_evidence = any(each.key == "evidence" for each in pair.node.pairs)
        return ChecklistItem(
            label=label,
            done=bool(values["done"]),
            note=values["note"],
            place=place,
            when=Condition(label, when, place) if when else None,
            claim=Claim(label, evidence, place) if has_evidence else None,
        )

    def columns(self, node: Node | None) -> tuple[TableColumn, ...]:
        if isinstance(node, Map):
            return tuple(self.column(pair) for pair in node.pairs)
        texts = [(each, self.required_text(each)) for each in self.nodes(node)]
        return tuple(TableColumn(text, text, each.place) for each, text in texts if text)

    def column(self, pair: Pair) -> TableColumn:
        heading = self.text(pair.node)
        return TableColumn(pair.key, pair.key if heading is None else heading, pair.place)

    def sessions(self, node: Node | None) -> int:
        return self.integer(node, minimum=2) or _SESSIONS

    def changes(self, node: Node | None) -> tuple[str, ...]:
        nodes = node.nodes if isinstance(node, List) else (node,)
        found = (self.choice(each, CHANGES) for each in nodes)
        return tuple(each for each in found if each)


def _claimed(items: tuple[Content, ...]) -> tuple[Content, ...]:
    """In a list with evidence, an item without is a claim that has none."""
    if not any(isinstance(each, Claim) for each in items):
        return items
    return tuple(
        Claim(each, (), each.place) if isinstance(each, Text | Entries | Valued) else each
        for each in items
    )


# --- the keys of content ---------------------------------------------------------------


COMMAND_KEYS = (
    Key("cmd", LITERAL, "The command as it was run; handoff never runs it.", required=True),
    Key("expect", LITERAL, "What it should print; ... stands for any text."),
    Key("saw", LITERAL, "What it printed."),
    Key("at", MOMENT, "When it was run: 2026-01-03 or 2026-01-03T16:20:00Z."),
)
_COMMAND_SCHEMA = properties(COMMAND_KEYS)
_EVIDENCE = Shape(
    "text, a command with its output, or a list of them",
    ContentReader.evidence,
    {
        "type": ["string", "number", "null", "array", "object"],
        **{key: _COMMAND_SCHEMA[key] for key in ("properties", "additionalProperties")},
        "if": {"type": "object", "minProperties": 1},
        "then": {"required": _COMMAND_SCHEMA["required"]},
        "items": {
            **ITEM_SCHEMA,
            **_COMMAND_SCHEMA,
            "type": [*ITEM_SCHEMA["type"], "object"],
        },
    },
    keys=COMMAND_KEYS,
    hint="a fact, a commit, a file with its line, or a command",
)
_TEXT = Key("text", WORDS, "The statement.")
_WHAT = Key("what", WORDS, "The statement.")
_IF = Key("when", WHEN, "What the facts must show.")
_PROOF = Key("evidence", _EVIDENCE, "What proves it.")
PAIRED = (_TEXT, _WHAT, _IF, _PROOF)
CONTENT = Shape(
    "[content](#content)",
    ContentReader.content,
    ref("content"),
    inside="content",
    example="[one point, {Label: text}]",
)

ITEM_KEYS = (
    Key("done", FLAG, "Whether the item is checked."),
    Key("note", AUTHOR_TEXT, "Printed after the label, in parentheses."),
    Key("when", WHEN, "What the facts say about the item while it is unchecked."),
    _PROOF,
)
CHECKLIST = Shape(
    "a [checklist](#checklists)",
    ContentReader.checklist,
    ref("checklist"),
    keys=ITEM_KEYS,
    inside="names",
    takes_items=True,
    takes_first=True,
    example="{Docs read: false}",
)
_COLUMNS = Shape(
    "a list of columns, or `column: heading`",
    ContentReader.columns,
    {
        "type": ["object", "array", "null"],
        "additionalProperties": TEXT_SCHEMA,
        "items": {"type": ["string", "number"], "pattern": r"\S"},
    },
)
_CHANGE: JsonSchema = {"enum": [*CHANGES, None]}
_CHANGES = Shape(
    "one or a list",
    ContentReader.changes,
    {"if": {"type": "array"}, "then": {"items": _CHANGE}, "else": _CHANGE},
)

_SESSIONS = 8
_SESSION_COUNT = Shape(
    "a number from 2",
    ContentReader.sessions,
    {"type": ["integer", "null"], "minimum": 2},
    example="8",
)
_NAME = Shape("a name", Decoder.text, {"type": ["string", "null"]})

Values = Mapping[str, Any]
"""What was read under each key; `None` for an absent one."""


class Reserved(Struct, frozen=True):
    """A mapping with certain keys, which is not a mapping of labels."""

    build: Callable[[Values, Place], Content]
    keys: tuple[Key, ...]
    """The first makes the mapping what it is; only these are allowed."""


def _build_valued(values: Values, place: Place) -> Content:
    items = values["items"]
    inner = Bullets((), place) if items is None else items
    return Valued(values["value"] or Blank(DEFAULT, place), inner, place)


def _build_code(values: Values, place: Place) -> Content:
    key, words = next(iter(values.items()))
    return CodeBlock(CODE_LANGS.get(key, values.get("lang") or ""), words, place)


def _build_chart(values: Values, place: Place) -> Content:
    kind: ChartKind | None = values["kind"] or ("line" if values["row"] else None)
    column, row = values["column"], values["row"]
    return ChartBlock(values["chart"], kind, column, row, values["sessions"], place)


def _build_markdown(values: Values, place: Place) -> Content:
    return MarkdownBlock((values["markdown"] or "").rstrip("\n"), place)


def _build_condition(values: Values, place: Place) -> Content:
    return Condition(values["text"] or Blank(DEFAULT, place), values["when"], place)


def _build_claim(values: Values, place: Place) -> Content:
    words, evidence = values.values()
    return Claim(words or Blank(DEFAULT, place), evidence, place)


def _reserved(build: Callable[[Values, Place], Content], *keys: Key) -> Reserved:
    return Reserved(build, keys)


HEADING_LEVEL = Shape(
    "1 to 6",
    ContentReader.level,
    {"type": ["integer", "null"], "minimum": 1, "maximum": 6},
    example="2",
)
HEADING_KEYS = (
    Key("heading", LINE_TEXT, "A heading among the blocks.", required=True, attribute="title"),
    Key("content", CONTENT, "What is printed under the heading."),
    Key("level", HEADING_LEVEL, "Its level; one deeper than the heading above by default."),
)
_BLOCKS = Shape(
    "a list of content, or `{heading: , content: }`",
    ContentReader.blocks,
    list_schema(
        {
            "if": {"type": "object", "required": ["heading"]},
            "then": properties(HEADING_KEYS),
            "else": ref("content"),
        }
    ),
    inside="content",
)
_PURPOSE = Shape("`path: text`", ContentReader.purposes, labels_schema(WORDS_SCHEMA))
_STEPS = Shape("a list", ContentReader.items, list_schema(ref("content")), inside="content")
_MARKDOWN = Shape("text", Decoder.text, TEXT_SCHEMA)
_IS_CODE = "A fenced block; literal, without live values, never searched for blanks."
_ALL_RESERVED = (
    _reserved(
        _build_valued,
        Key("value", CONTENT, "A value, with a list or labels under it: items."),
        Key("items", CONTENT, "A list or labels under the value."),
    ),
    _reserved(
        lambda values, place: Steps(values["steps"], place),
        Key("steps", _STEPS, "A numbered list."),
    ),
    _reserved(
        lambda values, _: values["checklist"],
        Key("checklist", CHECKLIST, "Items, label: true or false."),
    ),
    *(_reserved(_build_code, Key(name, WORDS, _IS_CODE)) for name in CODE_LANGS),
    _reserved(
        _build_code,
        Key("code", WORDS, _IS_CODE),
        Key("lang", LANG, "The language of the fence."),
    ),
    _reserved(
        lambda values, place: TableBlock(
            values["table"], values["columns"], place, values["purpose"]
        ),
        Key("table", fact_shape(), "The rows of this fact as a table."),
        Key("columns", _COLUMNS, "Which columns, in which order: names or headings."),
        Key("purpose", _PURPOSE, "What each file is for; a column, by the path in the row."),
    ),
    _reserved(
        lambda values, place: PhasesBlock(values["phases"], place),
        Key("phases", fact_shape(), "Status lines for each phase of this fact."),
    ),
    _reserved(
        _build_chart,
        Key("chart", fact_shape("Chart"), "A chart of this fact."),
        Key("kind", one_of(CHART_KINDS), "How it is drawn; by default what fits the fact."),
        Key("column", _NAME, "The number that is drawn."),
        Key("row", _NAME, "The row whose number is drawn over the last sessions."),
        Key("sessions", _SESSION_COUNT, f"How many sessions ({_SESSIONS} by default)."),
    ),
    _reserved(
        lambda values, place: FilesBlock(values["files"], values["change"], place),
        Key("files", fact_shape("Files"), "The paths in this fact, by kind of change."),
        Key("change", _CHANGES, f"Which files: {', '.join(CHANGES)}, or a list."),
    ),
    _reserved(
        lambda values, place: ExpectBlock(values["expect"], place),
        Key(
            "expect", fact_shape("Expect"), "What this fact is expected to be, and what it is."
        ),
    ),
    _reserved(
        lambda values, place: Blocks(values["blocks"], place),
        Key("blocks", _BLOCKS, "Content of several kinds, one after the other; headings too."),
    ),
    _reserved(
        _build_markdown,
        Key("markdown", _MARKDOWN, "Printed unchanged; without live values or blanks."),
    ),
)
_RESERVED: Mapping[str, Reserved] = {each.keys[0].name: each for each in _ALL_RESERVED}
RESERVED: Mapping[str, tuple[str, ...]] = {
    name: tuple(key.name for key in each.keys) for name, each in _RESERVED.items()
}
"""A mapping with the key has no labels, and may hold these keys only."""
_PAIRS: Mapping[frozenset[str], Reserved] = {
    frozenset((_TEXT.name, _IF.name)): _reserved(_build_condition, _TEXT, _IF),
    frozenset((_TEXT.name, _PROOF.name)): _reserved(_build_claim, _TEXT, _PROOF),
    frozenset((_WHAT.name, _PROOF.name)): _reserved(_build_claim, _WHAT, _PROOF),
}
"""A mapping with exactly these two keys is a condition or a claim."""
PAIRS = tuple(_PAIRS)
CONTENT_KEYS = (*PAIRED, *(each.keys[0] for each in _RESERVED.values()))
"""What a key inside content means that is not a label."""


def _described(keys: tuple[Key, ...]) -> JsonSchema:
    return {key.name: described(key.shape.schema, key.description) for key in keys}


def _object_schema() -> JsonSchema:
    """A condition or a claim, which two keys make; else labels, or reserved keys."""
    schema: JsonSchema = {}
    for name, each in reversed([*_RESERVED.items()]):
        allowed = {
            "propertyNames": {"enum": [*RESERVED[name]]},
            "properties": _described(each.keys[1:]),
        }
        schema = {"if": {"required": [name]}, "then": allowed, "else": schema}
    schema = {
        "properties": _described(tuple(each.keys[0] for each in _RESERVED.values())),
        "additionalProperties": ref("content"),
        **schema,
    }
    is_decision = {
        "required": ["options"],
        "anyOf": [{"required": ["text"]}, {"required": ["chosen"]}],
    }
    schema = {"if": is_decision, "then": properties(DECISION_KEYS), "else": schema}
    schema = {"if": IS_TABLE, "then": TABLE_SCHEMA, "else": schema}
    for each in _PAIRS.values():
        both = {"required": [key.name for key in each.keys], "maxProperties": len(each.keys)}
        then = {"properties": _described(each.keys)}
        schema = {"if": both, "then": then, "else": schema}
    return schema


DEFINITIONS: Mapping[str, JsonSchema] = {
    "content": {
        "description": (
            "Content: nothing (a blank), text, a number, true or false (✅/❌), a list, labels "
            "with content, or a mapping with one of the reserved keys."
        ),
        "items": ref("content"),
        "if": {"type": "object"},
        "then": _object_schema(),
    },
    "checklist": {
        "description": (
            "Items: label: true, false or {done: , note: , when: , evidence: }; "
            "a list is unchecked items."
        ),
        "type": ["object", "array", "null"],
        "additionalProperties": {
            "type": ["boolean", "object", "null"],
            "properties": _described(ITEM_KEYS),
            "additionalProperties": False,
        },
        "items": ITEM_SCHEMA,
    },
}
"""Parts of the schema that refer to each other."""
