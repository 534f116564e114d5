"""What a key of a YAML file takes: how its value is read, its JSON Schema, its keys.

A `Key` joins a name with a `Shape`. The decoder, the JSON Schema, the tables in the docs
and the commands that edit a session are all derived from keys, so a key is written once.

Where a mapping is expected an empty list is accepted, and the other way round: `{}` and
`[]` both say that there is nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct

from handoff.yaml.decode import DAY, Decoder
from handoff.yaml.nodes import Map, Node, is_null

JsonSchema = Mapping[str, Any]
"""JSON Schema, draft 2020-12."""
Read = Callable[[Any, Node | None], Any]
"""Reads a value with a decoder; `None` for an absent key."""


class Shape(Struct, frozen=True):
    """What a key takes."""

    words: str
    """For the docs: `text`, `a list of ids`."""
    read: Read
    schema: JsonSchema
    keys: tuple[Key, ...] = ()
    """Of the mapping, or of each mapping inside it."""
    inside: Literal["mapping", "items", "names", "content"] = "mapping"
    """Where `keys` are: in the mapping itself, in each item of a list, under each name."""
    choices: tuple[str, ...] = ()
    hint: str = ""
    """What to write where the value is blank."""
    takes_items: bool = False
    """A list of text or mappings; text alone is not accepted in its place."""
    takes_first: bool = False
    """The value of the first of `keys` may be written in place of the mapping."""
    example: str = ""
    """A value as it is written in YAML; by default it is made from the keys."""


_ELLIPSIS = "…"
"""An example of text."""
Carry = Literal["", "copy", "facts", "items", "guards", "live", "checklist", "sections", "text"]
"""What `new` takes over from the previous session; see `edit.carry_over`."""


class Key(Struct, frozen=True):
    """A key of a YAML file."""

    name: str
    shape: Shape
    description: str
    """One sentence, for editors and the docs."""
    required: bool = False
    attribute: str = ""
    """Of the object that is read, where it differs from the name."""
    see: str = ""
    """A link for the docs."""
    carry: Carry = ""
    carry_comment: str = ""
    """Written next to what is carried over."""
    starts: Literal["", "always", "as before"] = ""
    """When `new` starts the key with a blank: always, or if the previous session had it."""
    hint: str = ""
    """Written next to that blank."""
    has_items: bool = False
    """Content with one item for each statement."""
    example: str = ""
    """A value of this key, where the shape's own says less."""

    @property
    def takes(self) -> str:
        """What the key takes, in words without Markdown."""
        if self.has_items:
            return "a list of text or {text: , evidence: }"
        words = re.sub(r"\[([^]]+)\]\([^)]*\)", r"\1", self.shape.words).replace("`", "")
        return "text, a list, or label: content" if words == "content" else words

    @property
    def sample(self) -> str:
        """A value of the key in YAML on one line; an item, where it takes a list of them."""
        shape = self.shape
        given = self.example or shape.example or next(iter(shape.choices), "")
        if given or not shape.keys:
            return given or _ELLIPSIS
        used = [key for key in shape.keys if key.required or key.has_sample]
        used = used or [*shape.keys[:1]]
        return f"{{{', '.join(f'{key.name}: {key.sample}' for key in used)}}}"

    @property
    def has_sample(self) -> bool:
        return self.sample != _ELLIPSIS

    @property
    def field(self) -> str:
        return self.attribute or self.name

    @property
    def is_added_to(self) -> bool:
        """Whether a blank in its place is filled by adding an item."""
        return self.has_items or self.shape.takes_items

    @property
    def is_nullable(self) -> bool:
        """Whether the key may be there without a value."""
        types, choices = self.shape.schema.get("type"), self.shape.schema.get("enum")
        if types is None and choices is None:
            return True
        return "null" in (types or ()) or None in (choices or ())


# --- schema fragments ------------------------------------------------------------------


def whole(pattern: str) -> str:
    # `$` alone matches before a last line break in some languages
    return rf"^(?:{pattern})$(?!\n)"


def described(schema: JsonSchema, description: str) -> JsonSchema:
    return {**schema, "description": description}


def properties(keys: Iterable[Key]) -> JsonSchema:
    """What an object with these keys, and no others, is made of."""
    keys = tuple(keys)
    return {
        "properties": {key.name: described(key.shape.schema, key.description) for key in keys},
        "required": [key.name for key in keys if key.required],
        "additionalProperties": False,
    }


def mapping_schema(keys: Iterable[Key]) -> JsonSchema:
    """A mapping with these keys, or nothing."""
    return {"type": ["object", "array", "null"], "maxItems": 0, **properties(keys)}


def labels_schema(schema: JsonSchema) -> JsonSchema:
    """A mapping of labels, or nothing."""
    return {"type": ["object", "array", "null"], "maxItems": 0, "additionalProperties": schema}


def list_schema(schema: JsonSchema) -> JsonSchema:
    """A list, or nothing."""
    return {"type": ["array", "object", "null"], "maxProperties": 0, "items": schema}


def one_or_list(schema: JsonSchema) -> JsonSchema:
    """One value, or a list of them."""
    return {**schema, "type": [*schema["type"], "array"], "items": schema}


def ref(name: str) -> JsonSchema:
    return {"$ref": f"#/$defs/{name}"}


def or_blank(schema: JsonSchema, blank: str = "spelled") -> JsonSchema:
    """`schema`, or a blank that YAML reads as a list."""
    return {
        **schema,
        "type": [*schema["type"], "array"],
        "if": {"type": "array"},
        "then": ref(blank),
    }


LINE = r"[^\u0000-\u001f\u007f-\u009f\u2028\u2029]*"
"""Text on one line."""
TEXT_SCHEMA: JsonSchema = {"type": ["string", "number", "null"]}
WORDS_SCHEMA = or_blank(TEXT_SCHEMA)
ITEM_SCHEMA = or_blank(TEXT_SCHEMA, "phrase")

_TO_BE_FILLED = "[Tt][Oo] [Bb][Ee] [Ff][Ii][Ll][Ll][Ee][Dd](?![A-Za-z]).*"


def _starting(pattern: str) -> JsonSchema:
    """A list whose first item starts like a blank, `[TIME]` or `[TO BE FILLED: when]`."""
    spelled = {"pattern": whole(pattern)}
    first = {"type": ["string", "object"], **spelled, "propertyNames": spelled}
    return {"minItems": 1, "prefixItems": [first]}


BLANKS: Mapping[str, JsonSchema] = {
    "spelled": {
        "description": "A blank without quotes: [TIME], [TO BE FILLED - hint].",
        "anyOf": [{"maxItems": 1, **_starting("[^a-z]*")}, _starting(_TO_BE_FILLED)],
    },
    "phrase": {
        "description": "As a list item, a phrase in brackets is a blank: [Other files].",
        "anyOf": [
            {"minItems": 1, "maxItems": 1, "prefixItems": [{"type": "string"}]},
            _starting(_TO_BE_FILLED),
        ],
    },
}


# --- mappings and choices --------------------------------------------------------------


def read_keys(
    decoder: Decoder, node: Node | None, keys: Sequence[Key], what: str = ""
) -> dict[str, Any]:
    """The value of each key in a mapping, by attribute; `None` for a required blank one."""
    has_value = [key.name for key in keys if key.required and not key.is_nullable]
    given = decoder.fields(node, [key.name for key in keys], required=has_value, what=what)
    for key in keys:
        inner = given.get(key.name)
        if key.required and key.is_nullable and inner is None and isinstance(node, Map):
            decoder.report("Y021", f"key '{key.name}' is missing", node)
        if not key.required and not key.is_nullable and inner and is_null(inner):
            decoder.report("Y021", f"key '{key.name}' has no value", inner)
    return {key.field: key.shape.read(decoder, given.get(key.name)) for key in keys}


def one_of(words: Iterable[str], read: Callable[..., Any] = Decoder.choice) -> Shape:
    """One of these words."""
    choices = tuple(words)

    def read_choice(decoder: Any, node: Node | None) -> Any:
        return read(decoder, node, choices)

    *others, last = (f"`{word}`" for word in choices)
    schema = {"enum": [*choices, None]}
    return Shape(f"{', '.join(others)} or {last}", read_choice, schema, choices=choices)


# --- text ------------------------------------------------------------------------------


def read_line(decoder: Decoder, node: Node | None) -> str | None:
    """Text in a heading or a name, so on one line."""
    text = decoder.text(node)
    if text is None or node is None or text.isprintable() or re.fullmatch(LINE, text):
        return text
    lines = len(text.splitlines())
    message = f"text of {lines} lines, expected one; a long line may be folded after '>-'"
    if lines < 2:
        message = "a control character or line break, expected printable text on one line"
    decoder.report("Y023", message, node)
    return text


TEXT = Shape("text", Decoder.text, TEXT_SCHEMA)
LINE_TEXT = Shape("text on one line", read_line, {**TEXT_SCHEMA, "pattern": whole(LINE)})
DAY_SHAPE = Shape(
    "a day",
    Decoder.day,
    {"type": ["string"], "format": "date", "pattern": whole(DAY)},
    example="2026-01-03",
)
