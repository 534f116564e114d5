"""Filling the blanks of a session one by one."""

from __future__ import annotations

from msgspec import Struct, field

from handoff.base.blanks import blanks
from handoff.base.problems import HandoffError, KeyPath
from handoff.edit.operations import (
    FLAGS,
    EditResult,
    EditStep,
    is_blank_label,
    put,
    rename_label,
)
from handoff.edit.save import SaveResult, save
from handoff.edit.todo import TodoItem, list_todo
from handoff.project.project import Project
from handoff.workspace.load import read_session
from handoff.workspace.paths import newest_first, session_path
from handoff.yaml.edits import is_same
from handoff.yaml.emitter import PlainValue
from handoff.yaml.nodes import Node, ParsedYAML, parse_yaml
from handoff.yaml.paths import node_at, text_of, walk

_CHANGED = "the field was changed in the meantime and is left as it is"
_YES = ("y", "yes", "+", "true", "✅", "pass", "go", "done")
_NO = ("n", "no", "-", "false", "❌", "fail", "no-go", "not done")


class PlaceChanged(HandoffError):
    """The field no longer has the value that was shown; nothing was changed."""

    exit_code = 1


class FillPrompt(Struct, frozen=True):
    """One blank to fill."""

    item: TodoItem
    last: str | None
    """The text at the same place of the previous session."""

    @property
    def keys(self) -> KeyPath:
        return self.item.open.place.keys

    @property
    def blank(self) -> str:
        return self.item.open.text


class Walk(Struct):
    """The blanks of one session and those filled so far; each one is saved at once."""

    project: Project
    session: str
    prompts: tuple[FillPrompt, ...]
    waiting: int
    """Number of blanks that wait for query results: rendering fills them."""
    _nodes: dict[KeyPath, Node | None]
    """The value of each place, as far as known here."""
    _done: dict[int, tuple[Node | None, Node | None]] = field(default_factory=dict)
    """Number of a filled blank to the value of its place before and after."""
    _labels: dict[int, tuple[str, str]] = field(default_factory=dict)
    """Number of a blank that was filled in a label to the label before and after."""
    _renamed: dict[KeyPath, KeyPath] = field(default_factory=dict)
    """Where a checklist item with another label is now."""

    @property
    def filled(self) -> int:
        return len(self._done)

    def around(self, n: int) -> str | None:
        """The text that the blank is a part of; `None` where it is the whole value."""
        if is_blank_label(self.prompts[n].keys):
            text: str | None = self._label(n)
        else:
            text = text_of(self._base(n))
        return text if text is not None and text != self.prompts[n].blank else None

    def filled_text(self, n: int) -> str | None:
        """What the blank was filled with; `None`: nothing yet."""
        return text_of(self._done[n][1]) if n in self._done else None

    def fill(self, n: int, words: str) -> SaveResult:
        """Fill a blank, or fill it again. Raises PlaceChanged and what `save` raises."""
        each, base = self.prompts[n], self._base(n)
        if is_blank_label(each.keys):
            return self._rename(n, words)
        current = self._done[n][1] if n in self._done else base
        new = self._value(n, choose(each, words))
        saved = save(self.project, self.session, change(each.keys, current, new))
        now = node_at(saved.parsed.root, each.keys) if saved.parsed.root else None
        self._done[n] = (base, now)
        self._nodes[each.keys] = now
        return saved

    def _label(self, n: int) -> str:
        keys = self.prompts[n].keys
        return (
            self._labels[n][0] if n in self._labels else str(self._renamed.get(keys, keys)[-1])
        )

    def _rename(self, n: int, words: str) -> SaveResult:
        each, base = self.prompts[n], self._label(n)
        now = self._renamed.get(each.keys, each.keys)
        new = str(self._value(n, choose(each, words))) if base != each.blank else words

        def edit(parsed: ParsedYAML) -> EditResult:
            is_changed = n in self._labels and self._labels[n][1] != now[-1]
            if is_changed or parsed.root is None or node_at(parsed.root, now) is None:
                raise PlaceChanged(_CHANGED)
            return rename_label(parsed, now, new)

        saved = save(self.project, self.session, edit)
        self._labels[n] = base, str(saved.place.keys[-1])
        self._renamed[each.keys] = saved.place.keys
        self._done[n] = None, None
        return saved

    def _base(self, n: int) -> Node | None:
        return self._done[n][0] if n in self._done else self._nodes[self.prompts[n].keys]

    def _value(self, n: int, words: str) -> PlainValue:
        """The whole value of the place with `words` for its blank."""
        text = self.around(n)
        if text is None:
            return FLAGS.get(words, words)
        keys, blank = self.prompts[n].keys, self.prompts[n].blank
        above = (self.prompts[each] for each in range(n) if each not in self._done)
        nth = sum((each.keys, each.blank) == (keys, blank) for each in above)
        parts = text.split(blank)
        return blank.join(parts[: nth + 1]) + words + blank.join(parts[nth + 1 :])


def start_fill(project: Project, session_id: str) -> Walk:
    """The blanks to fill, in the order of the session file. Raises InvalidInput."""
    items = list_todo(project, session_id).tasks
    nodes = _read(project, session_id)
    previous = _previous(project, session_id)
    last = _read(project, previous) if previous else {}
    mine = [item for item in items if not item.waits_for]
    prompts = tuple(FillPrompt(item, _words(last.get(item.open.place.keys))) for item in mine)
    values = {each.keys: nodes.get(each.keys) for each in prompts}
    return Walk(project, session_id, prompts, len(items) - len(mine), values)


def choose(each: FillPrompt, answer: str) -> str:
    """The text to write for an answer: a choice by its number, its word or a `y` for it."""
    choices = each.item.open.choices
    if answer.isdecimal() and 0 < int(answer) <= len(choices):
        return choices[int(answer) - 1]
    word = answer.casefold()
    same = next((group for group in (_YES, _NO) if word in group), (word,))
    exact = [choice for choice in choices if choice.casefold() == word]
    close = [choice for choice in choices if choice.casefold() in same]
    return next(iter([*exact, *close]), answer)


def change(keys: KeyPath, expected: Node | None, new: PlainValue) -> EditStep:
    """The edit that puts `new` at `keys`, provided that its value is still `expected`."""

    def edit(parsed: ParsedYAML) -> EditResult:
        node = node_at(parsed.root, keys) if parsed.root is not None else None
        if node is None or expected is None or not is_same(node, expected):
            raise PlaceChanged(_CHANGED)
        return put(parsed, keys, new)

    return edit


def _read(project: Project, session_id: str) -> dict[KeyPath, Node]:
    path = session_path(session_id)
    root = parse_yaml(project.read(path) or b"", path).root
    return dict(walk(root)) if root is not None else {}


def _previous(project: Project, session_id: str) -> str | None:
    """The previous session: the one it names, else the latest older one; if it is valid."""
    session, _ = read_session(project, session_id)
    newest = newest_first(project)
    named = [each for each in session.previous if each in newest and each != session_id]
    older = newest[newest.index(session_id) + 1 :]
    found = named[-1] if named else next(iter(older), None)
    try:
        return found if found and read_session(project, found) else None
    except HandoffError:
        return None


def _words(node: Node | None) -> str | None:
    """The text of the place, where it has no blanks."""
    words = text_of(node)
    return words if words and not blanks(words) else None
