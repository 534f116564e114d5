"""The walk through a session's blanks: what is asked of each, and what an answer changes."""

from __future__ import annotations

from datetime import date

from msgspec import Struct, field

from handoff import api
from handoff.base.blanks import blanks
from handoff.base.problems import HandoffError, KeyPath
from handoff.edit.operations import FLAGS, Change, EditResult, put
from handoff.edit.save import SaveResult, save
from handoff.edit.todo import TodoItem, work
from handoff.project.project import Project
from handoff.session import decode
from handoff.yaml.paths import at, places
from handoff.yaml.scalars import Scalar
from handoff.yaml.spans import Tree, tree

_YES = ("y", "yes", "+", "true", "✅", "pass", "go", "done")
_NO = ("n", "no", "-", "false", "❌", "fail", "no-go", "not done")


class PlaceChanged(HandoffError):
    """The place does not say what it said when it was shown; nothing was changed."""

    exit_code = 1


class FillPrompt(Struct, frozen=True):
    """One blank, as it is put to a person."""

    task: TodoItem
    last: str | None
    """What the session before says at the same place."""

    @property
    def keys(self) -> KeyPath:
        return self.task.open.place.keys

    @property
    def blank(self) -> str:
        return self.task.open.text


class Walk(Struct):
    """The blanks of one session and what was answered so far; each answer is saved at once."""

    project: Project
    session: str
    asked: tuple[FillPrompt, ...]
    waiting: int
    """Blanks that wait for answers from the warehouse: rendering fills them."""
    _leaves: dict[KeyPath, Tree]
    """What stands at each place, as far as is known here."""
    _done: dict[int, tuple[Tree, Tree]] = field(default_factory=dict)
    """Number of an answered blank to what stood there before and after."""

    @property
    def filled(self) -> int:
        return len(self._done)

    def around(self, n: int) -> str | None:
        """The text that the blank is a part of; `None` where it is all there is."""
        text = _text(self._base(n))
        return text if text is not None and text != self.asked[n].blank else None

    def given(self, n: int) -> str | None:
        """What was answered before; `None`: nothing yet."""
        return _text(self._done[n][1]) if n in self._done else None

    def answer(self, n: int, words: str) -> SaveResult:
        """Write an answer, or another one. Raises PlaceChanged and what `save` raises."""
        each, base = self.asked[n], self._base(n)
        stood = self._done[n][1] if n in self._done else base
        new = self._value(n, meant(each, words))
        saved = save(self.project, self.session, change(each.keys, stood, new))
        now = at(_tree(self.project, self.session), each.keys)
        self._done[n] = (base, now)
        self._leaves[each.keys] = now
        return saved

    def _base(self, n: int) -> Tree:
        return self._done[n][0] if n in self._done else self._leaves[self.asked[n].keys]

    def _value(self, n: int, words: str) -> Scalar:
        """The whole value of the place with `words` for its blank."""
        text = self.around(n)
        if text is None:
            return FLAGS.get(words, words)
        twins = (self.asked[each] for each in range(n) if each not in self._done)
        nth = sum((each.keys, each.blank) == _which(self.asked[n]) for each in twins)
        parts = text.split(self.asked[n].blank)
        before, after = parts[: nth + 1], parts[nth + 1 :]
        return self.asked[n].blank.join(before) + words + self.asked[n].blank.join(after)


def walk(project: Project, session_id: str) -> Walk:
    """The walk through a session's blanks, in the order of its file. Raises InvalidInput."""
    tasks = work(project, session_id).tasks
    read = _tree(project, session_id)
    before = _before(project, session_id)
    last = _tree(project, before) if before else ("map", ())
    mine = [task for task in tasks if not task.waits_for]
    asked = tuple(FillPrompt(task, _words(last, task.open.place.keys)) for task in mine)
    leaves = {each.keys: at(read, each.keys) for each in asked}
    return Walk(project, session_id, asked, len(tasks) - len(mine), leaves)


def meant(each: FillPrompt, answer: str) -> str:
    """An answer as it is written: a choice by its number, its word or a `y` for it."""
    choices = each.task.open.choices
    if answer.isdecimal() and 0 < int(answer) <= len(choices):
        return choices[int(answer) - 1]
    word = answer.casefold()
    same = next((group for group in (_YES, _NO) if word in group), (word,))
    exact = [choice for choice in choices if choice.casefold() == word]
    close = [choice for choice in choices if choice.casefold() in same]
    return next(iter([*exact, *close]), answer)


def change(keys: KeyPath, stood: Tree, new: Scalar) -> Change:
    """The edit that puts `new` at `keys`, where still stands what `stood` there."""

    def edited(text: str) -> EditResult:
        read = tree(text)
        if keys not in set(places(read)) or at(read, keys) != stood:
            raise PlaceChanged("the place was changed meanwhile and is left as it is now")
        return put(text, keys, new)

    return edited


def _which(each: FillPrompt) -> tuple[KeyPath, str]:
    return each.keys, each.blank


def _text(node: Tree) -> str | None:
    kind, inside = node
    return None if kind in ("map", "seq") or kind.endswith(":null") else str(inside)


def _tree(project: Project, session_id: str) -> Tree:
    return tree((project.read(api.session_path(session_id)) or b"").decode())


def _before(project: Project, session_id: str) -> str | None:
    """The session before: the one it names, else the latest of those that are older."""
    path = api.session_path(session_id)
    session, _ = decode.load(project.read(path) or b"", session_id, path)
    ids = [each for each in project.session_ids() if each != session_id]
    named = [each for each in session.previous if each in ids]
    mine = (session.created.day, session_id)
    older = sorted(key for each in ids if (key := (_day(project, each), each)) < mine)
    found = named[-1] if named else older[-1][1] if older else None
    return found if found and _is_readable(project, found) else None


def _day(project: Project, session_id: str) -> date:
    path = api.session_path(session_id)
    return decode.created(project.read(path) or b"", path) or date.min


def _is_readable(project: Project, session_id: str) -> bool:
    path = api.session_path(session_id)
    try:
        decode.load(project.read(path) or b"", session_id, path)
    except HandoffError:
        return False
    return True


def _words(last: Tree, keys: KeyPath) -> str | None:
    """The text at `keys`, where it says something."""
    words = _text(at(last, keys)) if keys in set(places(last)) else None
    return words if words and not blanks(words) else None
