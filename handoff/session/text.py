"""Text in a session: words that may be a blank, dates, conditions, and their schemas."""

from __future__ import annotations

import re
from datetime import date

from msgspec.structs import replace

from handoff.base.blanks import DEFAULT, BlankKind, blanks
from handoff.base.secrets import truncate
from handoff.session.model import Blank, CodeBlock, Text, Timestamp
from handoff.session.periods import PERIOD, nearest_period, parse_period
from handoff.session.shapes import TEXT_SCHEMA, WORDS_SCHEMA, JsonSchema, Shape, whole
from handoff.yaml.decode import DAY, TIMESTAMP, Decoder, scalar_value
from handoff.yaml.nodes import List, Map, Node, Scalar, is_null

FACT_NAME = r"[a-z][a-z0-9_]*"
CODE_LANG = r"[A-Za-z0-9_+#.-]+"
_A_DAY_OR_TIME = "a date such as 2026-01-03 or a time such as 2026-01-03T16:20:00Z"
LIVE = r"\s*\{\{[\s\S]*\}\}\s*"
"""Of a condition; that it is one true or false expression is checked with the facts."""


class TextReader(Decoder):
    """Reads text; an absent key (`None`) gives `None`."""

    day_of_session: date = date.min
    """What `August` and `Friday` are counted from."""

    def words(self, node: Node | None, *, item: bool = False) -> Text | Blank | None:
        """Text that may be a blank; `None` only where the key is absent."""
        if node is None:
            return None
        blank = blank_in(node, item=item)
        if blank:
            return blank
        text = self.text(node)
        return self.as_text(node, text) if text is not None else None

    def author_text(self, node: Node | None) -> Text | None:
        """Text, a blank as it is spelled; `None` for an absent key and for null."""
        if is_nothing(node):
            return None
        words = self.words(node)
        return as_written(words) if words else None

    def as_text(self, node: Node, text: str) -> Text:
        block = isinstance(node, Scalar) and node.style == "block"
        return Text(text.rstrip("\n") if block else text, node.place, block)

    def when(self, node: Node | None) -> Text | None:
        what = "a condition in quotes, such as \"{{ phases.phase_4.state == 'complete' }}\""
        live = self.matching(node, LIVE, what)
        return self.as_text(node, live or "") if node is not None else None

    def literal(self, node: Node | None) -> CodeBlock | None:
        """Text in which `{{` means nothing; null is a blank."""
        words = self.words(node)
        return CodeBlock("", words, words.place) if words else None

    def due(self, node: Node | None) -> Timestamp | Blank | None:
        """A day, a time or a period in words; null is a blank."""
        if not isinstance(node, Scalar) or is_null(node) or re.match(DAY, node.text):
            return self.moment(node)
        text = self.text(node)
        if text is None:
            return None
        try:
            period = parse_period(text, self.day_of_session)
        except (ValueError, OverflowError) as error:
            self.report("Y023", f"invalid date '{text}': {error}", node)
            return None
        if period is None:
            message = f"'{truncate(text, 40)}' is not a date{nearest_period(text)}"
            self.report("Y023", message, node)
            return None
        return Timestamp(period.last, node.place, text, period.first)

    def moment(self, node: Node | None) -> Timestamp | Blank | None:
        """A day or a time, to the minute; null is a blank."""
        if node is None or is_null(node):
            return Blank(DEFAULT, node.place) if node else None
        at: date | None = None
        if isinstance(node, Scalar) and re.match(f"{DAY}[Tt ]", node.text):
            time = self.timestamp(node)
            at = time.replace(second=0, microsecond=0) if time else None
        elif self.matching(node, DAY, _A_DAY_OR_TIME):
            at = self.day(node)
        return Timestamp(at, node.place) if at else None

    def required_text(self, node: Node) -> str | None:
        if is_null(node) or (isinstance(node, Scalar) and not node.text.strip()):
            self.report("Y021", "expected a column's name, found nothing", node)
            return None
        return self.text(node)

    def lang(self, node: Node | None) -> str | None:
        return self.matching(node, CODE_LANG, "the name of a language")

    def fact(self, node: Node | None, label: str = "") -> str:
        what = "the name of a fact"
        what += f"; to use it as a label, write '{label}'" if label else ""
        if node is not None and is_null(node):
            self.report("Y021", "expected the name of a fact, found nothing", node)
        return self.matching(node, FACT_NAME, what) or ""


def blank_in(node: Node, *, item: bool) -> Blank | None:
    """The blank that `node` spells, or that null is."""
    if is_null(node):
        return Blank(DEFAULT, node.place)
    if isinstance(node, Map):
        return None
    text = node.source if isinstance(node, List) else node.text
    words = " ".join(text.split())
    if not words or "{{" in words:
        return None
    found = blanks(words, item=item)
    if len(found) != 1 or found[0].text != words:
        return None
    is_list = isinstance(node, List) and not _is_text(node, found[0].kind)
    return None if is_list else Blank(words, node.place)


def _is_text(node: List, kind: BlankKind) -> bool:
    """Whether the brackets are those of a blank; `[SQL, BASH]` and `["TIME"]` are lists.

    `[TO BE FILLED - dates, counts]` is one blank, its comma and colon are text.
    """
    first, *others = node.nodes
    if kind != "blank":
        return not others and _is_plain_text(first)
    return all(map(_is_plain_text, others)) and (
        isinstance(first, Map) or _is_plain_text(first)
    )


def _is_plain_text(node: Node) -> bool:
    if not isinstance(node, Scalar) or node.style != "plain":
        return False
    return not isinstance(scalar_value(node), bool | None)


def spelled_blank(node: Node | None) -> Blank | None:
    """The blank that a list without quotes spells, `[TO BE FILLED]`."""
    return blank_in(node, item=False) if isinstance(node, List) else None


def is_nothing(node: Node | None) -> bool:
    return node is None or is_null(node)


def as_written(words: Text | Blank) -> Text:
    return words if isinstance(words, Text) else Text(words.text, words.place)


# --- shapes --------------------------------------------------------------------------------

FACT_SCHEMA: JsonSchema = {"type": ["string"], "pattern": whole(FACT_NAME)}


def fact_shape(label: str = "") -> Shape:
    return Shape("a fact", lambda reader, node: reader.fact(node, label), FACT_SCHEMA)


WORDS = Shape("text", TextReader.words, WORDS_SCHEMA)
AUTHOR_TEXT = Shape("text", TextReader.author_text, WORDS_SCHEMA)
FLAG = Shape("`true` or `false`", Decoder.flag, {"type": ["boolean", "null"]}, example="true")
WHEN = Shape("a condition", TextReader.when, {"type": ["string"], "pattern": whole(LIVE)})
MOMENT = Shape(
    "a day, or a time with its zone",
    TextReader.moment,
    {"type": ["string", "null"], "pattern": whole(f"{DAY}|{TIMESTAMP}")},
    hint="a date such as 2026-01-03, or a time with its zone",
    example="2026-01-05",
)
DUE = replace(
    MOMENT,
    words="a [date](#dates)",
    read=TextReader.due,
    schema={"type": ["string", "null"], "pattern": whole(f"{DAY}|{TIMESTAMP}|{PERIOD}")},
    hint="a date such as 2026-01-03, a time with its zone, or August, Q3, Friday",
)
LITERAL = Shape("text, literal", TextReader.literal, WORDS_SCHEMA)
LANG = Shape("text", TextReader.lang, {**TEXT_SCHEMA, "pattern": whole(CODE_LANG)})
