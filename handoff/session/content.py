"""The content algebra: what may stand under a label, from YAML nodes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from handoff.base.blanks import DEFAULT, Kind, blanks
from handoff.session.model import (
    CHANGES,
    Blank,
    Bullets,
    Checklist,
    ChecklistItem,
    Claim,
    CodeBlock,
    Condition,
    Content,
    Entries,
    Entry,
    ExpectBlock,
    FilesBlock,
    Flag,
    MarkdownBlock,
    PhasesBlock,
    Steps,
    TableBlock,
    TableColumn,
    Text,
    Valued,
)
from handoff.yaml.decode import Decoder, plain
from handoff.yaml.nodes import List, Map, Node, Pair, Scalar, is_null

CODE_LANGS: Mapping[str, str] = {
    "sql": "sql",
    "bash": "bash",
    "python": "python",
    "text": "",
}
"""Reserved key to the language of its fence."""
RESERVED: Mapping[str, tuple[str, ...]] = {
    "value": ("value", "items"),
    "steps": ("steps",),
    "checklist": ("checklist",),
    **{key: (key,) for key in CODE_LANGS},
    "code": ("code", "lang"),
    "table": ("table", "columns"),
    "phases": ("phases",),
    "files": ("files", "change"),
    "expect": ("expect",),
    "markdown": ("markdown",),
}
"""A mapping with the key is no labelled text, and may hold these keys only."""
CONDITION_KEYS = ("text", "when")
BOX_KEYS = ("done", "note", "when")
CLAIM_KEYS = (("text", "evidence"), ("what", "evidence"))
"""A mapping with these two keys is a condition, a claim."""


FACT_NAME = r"[a-z][a-z0-9_]*"
CODE_LANG = r"[A-Za-z0-9_+#.-]+"
LIVE = r"\s*\{\{[\s\S]*\}\}\s*"
"""Of a condition; that it is only one, and true or false, is held against the facts."""


class ContentReader(Decoder):
    """Reads words and content; a key that is absent (`None`) gives `None`."""

    # --- words ---

    def words(self, node: Node | None, *, item: bool = False) -> Text | Blank | None:
        """Text that may be a blank; `None` only where the key is absent."""
        if node is None:
            return None
        blank = _blank(node, item=item)
        if blank:
            return blank
        text = self.text(node)
        return self.as_text(node, text) if text is not None else None

    def author_text(self, node: Node | None) -> Text | None:
        """Text, a blank as it is spelled; `None` where nothing is said."""
        if is_nothing(node):
            return None
        words = self.words(node)
        return as_written(words) if words else None

    def as_text(self, node: Node, text: str) -> Text:
        block = isinstance(node, Scalar) and node.style == "block"
        return Text(text.rstrip("\n") if block else text, node.place, block)

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
        """What stands under a label; `None` only where the key is absent."""
        if node is None:
            return None
        blank = _blank(node, item=item)
        if blank:
            return blank
        if isinstance(node, List):
            return Bullets(self.items(node), node.place)
        if isinstance(node, Map):
            return self.mapping(node)
        flag = plain(node)
        if isinstance(flag, bool):
            return Flag(flag, node.place)
        return self.as_text(node, node.text)

    def some(self, node: Node | None, at: Node) -> Content:
        """Content, blank where nothing is."""
        return self.content(node) or Blank(DEFAULT, at.place)

    def items(self, node: Node | None) -> tuple[Content, ...]:
        if node is None:
            return ()
        blank = Blank(DEFAULT, node.place) if is_null(node) else spelled_blank(node)
        if blank:
            return (blank,)
        found = (self.content(each, item=True) for each in self.nodes(node))
        return _claimed(tuple(content for content in found if content is not None))

    def mapping(self, node: Map) -> Content:
        keys = [pair.key for pair in node.pairs]
        pair_of = _PAIRS.get(frozenset(keys))
        if pair_of is not None:
            return pair_of(self, node, {pair.key: pair.node for pair in node.pairs})
        special = next((key for key in RESERVED if key in keys), None)
        if special is None:
            return Entries(tuple(self.entry(pair) for pair in node.pairs), node.place)
        for pair in node.pairs:
            if pair.key not in RESERVED[special]:
                message = f"'{pair.key}' cannot stand beside '{special}', which is a reserved "
                message += f"key; if a label is meant, write it '{special.capitalize()}'"
                self.report("Y024", message, pair)
        given = {pair.key: pair.node for pair in node.pairs}
        return _SPECIAL[special](self, node, given)

    def condition(self, node: Map, given: Mapping[str, Node]) -> Content:
        text = self.words(given["text"]) or Blank(DEFAULT, node.place)
        return self.holds(text, given["when"], node)

    def holds(self, text: Text | Blank, when: Node, node: Node) -> Condition:
        if is_null(when):
            self.report("Y021", "key 'when' has no value", when)
        what = "a condition in quotes, such as \"{{ phases.phase_4.state == 'complete' }}\""
        live = self.matching(when, LIVE, what)
        return Condition(text, self.as_text(when, live or ""), node.place)

    def claim(self, node: Map, given: Mapping[str, Node]) -> Content:
        what = next(given[key] for key in ("text", "what") if key in given)
        words = self.words(what) or Blank(DEFAULT, node.place)
        return Claim(words, self.evidence(given["evidence"]), node.place)

    def evidence(self, node: Node) -> tuple[Text, ...] | Blank:
        """One or a list; a blank where it is still to be named."""
        if not isinstance(node, Scalar) and not spelled_blank(node):
            found = (self.words(each, item=True) for each in self.nodes(node, "text or a list"))
            return tuple(as_written(words) for words in found if words)
        words = self.words(node)
        return words if isinstance(words, Blank) else (words,) if words else ()

    def valued(self, node: Map, given: Mapping[str, Node]) -> Content:
        items = given.get("items")
        inner = self.content(items) if items else Bullets((), node.place)
        assert inner is not None  # the node is there
        return Valued(self.some(given.get("value"), node), inner, node.place)

    def steps(self, node: Map, given: Mapping[str, Node]) -> Content:
        return Steps(self.items(given["steps"]), node.place)

    def boxes(self, node: Map, given: Mapping[str, Node]) -> Content:
        found = self.checklist(given["checklist"])
        assert found is not None  # the node is there
        return found

    def checklist(self, node: Node | None) -> Checklist | None:
        if node is None:
            return None
        if isinstance(node, List):
            return self.open_boxes(node)
        found = [self.box(pair) for pair in self.pairs(node, "labels with true or false")]
        return Checklist(tuple(box for box in found if box), node.place)

    def open_boxes(self, node: List) -> Checklist:
        if spelled_blank(node):
            return Checklist((), node.place)
        labels = [as_written(words) for each in node.nodes if (words := self.label(each))]
        return Checklist(
            tuple(ChecklistItem(label, False, None, label.place) for label in labels),
            node.place,
        )

    def label(self, node: Node) -> Text | Blank | None:
        """What one item of a list of boxes is called."""
        if isinstance(node, Map) and node.pairs:
            label = node.pairs[0].key
            message = "expected text, found a mapping: boxes are either a list of text or "
            message += f"a mapping, write '{label}: …' without the dash"
            self.report("Y022", message, node)
            return None
        return self.words(node, item=True)

    def box(self, pair: Pair) -> ChecklistItem | None:
        label = Text(pair.key, pair.place)
        if not isinstance(pair.node, Map):
            done = self.flag(pair.node)
            return ChecklistItem(label, bool(done), None, pair.node.place)
        given = self.fields(pair.node, BOX_KEYS, what=f"'{pair.key}'")
        note = self.author_text(given.get("note"))
        done = bool(self.flag(given.get("done")))
        when = self.holds(label, given["when"], pair.node) if "when" in given else None
        return ChecklistItem(label, done, note, pair.node.place, when)

    def code(self, node: Map, given: Mapping[str, Node]) -> Content:
        key = next(key for key in (*CODE_LANGS, "code") if key in given)
        lang = CODE_LANGS.get(key)
        if lang is None:
            lang = self.matching(given.get("lang"), CODE_LANG, "a language's name") or ""
        words = self.words(given[key]) or Blank(DEFAULT, node.place)
        return CodeBlock(lang, words, node.place)

    def table(self, node: Map, given: Mapping[str, Node]) -> Content:
        fact = self.fact(given["table"])
        return TableBlock(fact, self.columns(given.get("columns")), node.place)

    def columns(self, node: Node | None) -> tuple[TableColumn, ...]:
        if isinstance(node, Map):
            return tuple(self.column(pair) for pair in node.pairs)
        texts = [(each, self.required_text(each)) for each in self.nodes(node)]
        return tuple(TableColumn(text, text, each.place) for each, text in texts if text)

    def column(self, pair: Pair) -> TableColumn:
        heading = self.text(pair.node)
        return TableColumn(pair.key, pair.key if heading is None else heading, pair.place)

    def required_text(self, node: Node) -> str | None:
        if is_null(node) or (isinstance(node, Scalar) and not node.text.strip()):
            self.report("Y021", "expected a column's name, found nothing", node)
            return None
        return self.text(node)

    def phases(self, node: Map, given: Mapping[str, Node]) -> Content:
        return PhasesBlock(self.fact(given["phases"]), node.place)

    def files(self, node: Map, given: Mapping[str, Node]) -> Content:
        what = "a fact's name; if a label is meant, write it 'Files'"
        fact = self.fact(given["files"], what)
        change = given.get("change")
        nodes = change.nodes if isinstance(change, List) else (change,)
        found = (self.choice(each, CHANGES) for each in nodes)
        return FilesBlock(fact, tuple(each for each in found if each), node.place)

    def expected(self, node: Map, given: Mapping[str, Node]) -> Content:
        what = "a fact's name; if a label is meant, write it 'Expect'"
        return ExpectBlock(self.fact(given["expect"], what), node.place)

    def fact(self, node: Node, what: str = "a fact's name") -> str:
        if is_null(node):
            self.report("Y021", "expected a fact's name, found nothing", node)
        return self.matching(node, FACT_NAME, what) or ""

    def markdown(self, node: Map, given: Mapping[str, Node]) -> Content:
        return MarkdownBlock((self.text(given["markdown"]) or "").rstrip("\n"), node.place)


_SPECIAL: Mapping[str, Callable[[ContentReader, Map, Mapping[str, Node]], Content]] = {
    "value": ContentReader.valued,
    "steps": ContentReader.steps,
    "checklist": ContentReader.boxes,
    **dict.fromkeys((*CODE_LANGS, "code"), ContentReader.code),
    "table": ContentReader.table,
    "phases": ContentReader.phases,
    "files": ContentReader.files,
    "expect": ContentReader.expected,
    "markdown": ContentReader.markdown,
}


_PAIRS: Mapping[frozenset[str], Callable[[ContentReader, Map, Mapping[str, Node]], Content]] = {
    frozenset(CONDITION_KEYS): ContentReader.condition,
    **{frozenset(keys): ContentReader.claim for keys in CLAIM_KEYS},
}


def _claimed(items: tuple[Content, ...]) -> tuple[Content, ...]:
    """Beside an item with evidence, one without is a claim that has none."""
    if not any(isinstance(each, Claim) for each in items):
        return items
    said = (Text, Entries, Valued)
    return tuple(
        Claim(each, (), each.place) if isinstance(each, said) else each for each in items
    )


def _blank(node: Node, *, item: bool) -> Blank | None:
    """The blank that `node` spells, or that it is by saying nothing."""
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


def _is_text(node: List, kind: Kind) -> bool:
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
    return not isinstance(plain(node), bool | None)


def spelled_blank(node: Node | None) -> Blank | None:
    """The blank that a list without quotes spells, `[TO BE FILLED]`."""
    return _blank(node, item=False) if isinstance(node, List) else None


def is_nothing(node: Node | None) -> bool:
    return node is None or is_null(node)


def as_written(words: Text | Blank) -> Text:
    return words if isinstance(words, Text) else Text(words.text, words.place)
