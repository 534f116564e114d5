"""What stands in the prompt, before somebody pastes it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from decimal import Decimal, InvalidOperation

from msgspec import Struct

from handoff.base.problems import Place, Problem
from handoff.base.tokens import BYTES_PER_TOKEN, estimated
from handoff.check.context import CheckContext
from handoff.check.scripts import is_command, scripts
from handoff.session.model import CodeBlock, Prompt, Text, place_in
from handoff.session.reading_list import prompts
from handoff.session.walk import leaves, texts
from handoff.values.cells import Cell, Cells
from handoff.values.expressions import Literal, parts
from handoff.values.filters import NUMBERS
from handoff.values.history import EarlierValue
from handoff.values.printing import MONTHS, folded, moment, printed


def over_budget(case: CheckContext) -> Iterator[Problem]:
    """A long prompt costs room in every session that begins with it, and its end is not read.

    Fails: a prompt of more than `prompt.budget_tokens`, by its bytes of UTF-8 ÷ 4.
    """
    for name, text in case.prompts.items():
        tokens = estimated(text)
        if case.budget_tokens is not None and tokens > case.budget_tokens:
            message = (
                f"the prompt takes about {tokens:,} tokens (bytes ÷ {BYTES_PER_TOKEN}), "
                f"'prompt.budget_tokens' is {case.budget_tokens:,}"
            )
            yield Problem("P003", message, _place(case, name), "warning")


def script_missing(case: CheckContext) -> Iterator[Problem]:
    """A command that the next session runs as it stands, and whose script is not there.

    Fails:

        prompt:
          more:
            FIRST: {bash: python scripts/backfil.py --dry-run}
    """
    for shell in _shells(case):
        for script in scripts(shell.words):
            if script.path.startswith("..") or case.tree.has(script.path):
                continue
            there = case.past.moved(script.path)
            hint = f", it was moved to '{there}'" if there else case.tree.nearest(script.path)
            message = f"command runs '{script.path}', which does not exist{hint}"
            yield Problem("P006", message, shell.place(script.line), "warning")


def old_number(case: CheckContext) -> Iterator[Problem]:
    """A number typed by hand is right until the next time somebody asks.

    Told only where a fact had this value before, has another now, and no fact has it any
    more; of three digits that count at least, and no year: 12 or 100 are everywhere.

    Fails: `514 of 1,537 days are done`, where `orchestrator.phase_1.done` is 800 by now.
    """
    typed = [each for prompt in prompts(case.session).values() for each in _numbers(prompt)]
    if not typed or case.cells is None:
        return
    current = {cell.name: cell for cell in _all(case.cells)}
    now = {number for cell in current.values() if (number := _number(cell)) is not None}
    stale = [each for each in typed if each[0] not in now]
    old = _first_of_each(case.past.old()) if stale else {}
    for number, words, place in stale:
        if number in old and _has_changed(old[number], current):
            yield Problem("P007", _copied(words, old[number], current), place, "warning")


def eta_in_the_past(case: CheckContext) -> Iterator[Problem]:
    """An end that is announced for a day before the handoff was never true of it.

    Compared with the moment the facts were asked for, else the day of `created`.

    Fails: `ETA: 2026-01-02 18:00`, in a handoff of January 3.
    """
    recorded = case.facts.as_of if case.facts else None
    as_of = recorded or case.session.as_of
    day = as_of.date() if as_of else case.session.created.day
    for name, text in case.prompts.items():
        for line in text.splitlines():
            found = _announced(line)
            if found and found < day:
                message = f"'{_short(line)}' names a day before the handoff, {day}"
                yield Problem("P008", message, _where(case, name, line), "warning")


def unseen_character(case: CheckContext) -> Iterator[Problem]:
    """What nobody sees but a model or a terminal obeys: controls, and letters turned around.

    Fails: a prompt with an escape sequence, a bidirectional control or tag characters.
    """
    for name, text in case.prompts.items():
        for line in text.split("\n"):
            found = next(
                (c for c in line if c not in " \t" and folded(f"x{c}x") != f"x{c}x"), None
            )
            if found and not found.isspace():
                message = f"the prompt holds a character that nobody sees, U+{ord(found):04X}"
                yield Problem("P009", message, _place(case, name), "warning")
                break


RULES: tuple[Callable[[CheckContext], Iterator[Problem]], ...] = (
    over_budget,
    script_missing,
    old_number,
    eta_in_the_past,
    unseen_character,
)

# --- places ------------------------------------------------------------------------------


def _place(case: CheckContext, name: str) -> Place:
    return prompts(case.session)[name].place


def _where(case: CheckContext, name: str, line: str) -> Place:
    """The author's text that a line was made of, as far as one of it can be found."""
    prompt = prompts(case.session)[name]
    for text in texts(prompt):
        words = next((w for w in text.value.split("\n") if w.strip() and w.strip() in line), "")
        if words and _announced(f"ETA {words}"):
            return place_in(text, text.value.index(words))
    return prompt.place


def _short(line: str) -> str:
    words = folded(line).lstrip("- ")
    return words if len(words) <= 60 else f"{words[:59]}…"


# --- commands ----------------------------------------------------------------------------

_SHELLS = ("bash", "sh", "shell", "zsh", "console")
_INLINE_CODE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")


class _Shell(Struct, frozen=True):
    """Lines of a shell in an author's text."""

    words: str
    text: Text
    start: int
    """Where they begin in `text`."""

    def place(self, line: int) -> Place:
        before = self.words.split("\n")[:line]
        return place_in(self.text, self.start + sum(len(each) + 1 for each in before))


def _shells(case: CheckContext) -> Iterator[_Shell]:
    for prompt in prompts(case.session).values():
        for node in (leaf.node for leaf in leaves(prompt)):
            if isinstance(node, CodeBlock):
                if node.lang in _SHELLS and isinstance(node.code, Text):
                    yield _Shell(node.code.value, node.code, 0)
            elif isinstance(node, Text):
                for match in _INLINE_CODE.finditer(node.value):
                    if is_command(match[1]):
                        yield _Shell(match[1], node, match.start(1))


# --- numbers -----------------------------------------------------------------------------

# a number of its own: no part of a word, a path, a date, a time, a version or an anchor
_NUMBER = re.compile(
    r"(?<![\w.,/:#$@+=-])(?:\d{1,3}(?:,\d{3})+|\d{1,18})(?:\.\d{1,6})?(?![\w/:-]|[.,]\d)"
)
_DIGITS_THAT_COUNT = 3


def _numbers(prompt: Prompt) -> Iterator[tuple[Decimal, str, Place]]:
    for text in texts(prompt):
        for part in parts(text.value):
            if not isinstance(part, Literal):
                continue
            bare = _INLINE_CODE.sub(lambda m: " " * len(m[0]), part.text)
            for match in _NUMBER.finditer(bare):
                number = Decimal(match[0].replace(",", ""))
                if _is_telling(number, match[0]):
                    yield number, match[0], place_in(text, part.start + match.start())


def _is_telling(number: Decimal, words: str) -> bool:
    digits = str(number).replace(".", "").strip("0")
    is_year = words.isdigit() and 1900 <= number <= 2100
    return len(digits) >= _DIGITS_THAT_COUNT and not is_year


def _all(cells: Cells) -> Iterator[Cell]:
    for source in cells.sources().values():
        yield from cells.of(source)


def _number(cell: Cell) -> Decimal | None:
    if cell.typed.type.name not in NUMBERS:
        return None
    try:
        return Decimal((printed(cell.typed) or "").replace(",", ""))
    except InvalidOperation:
        return None


def _first_of_each(old: Iterable[EarlierValue]) -> dict[Decimal, EarlierValue]:
    """For each number the latest recording that had it."""
    found: dict[Decimal, EarlierValue] = {}
    for each in old:
        number = _number(each.cell)
        if number is not None:
            found.setdefault(number, each)
    return found


def _has_changed(old: EarlierValue, current: dict[str, Cell]) -> bool:
    cell = current.get(old.cell.name)
    return cell is not None and cell.typed.value is not None


def _copied(words: str, old: EarlierValue, current: dict[str, Cell]) -> str:
    name, at = old.cell.name, f" as of {moment(old.cell.at)}" if old.cell.at else ""
    now = printed(current[name].typed)
    return (
        f"'{words}' is what '{name}' was{at} ({old.recorded}), it is '{now}' now: "
        f"cite it, '{{{{ {name} }}}}'"
    )


# --- days --------------------------------------------------------------------------------

_ETA = re.compile(r"\bETAs?\b")
_OVER = re.compile(
    r"(?i)\b(?:complete|completed|done|finished|since|was|passed|missed|ended)\b"
)
_ISO = re.compile(r"\b(\d{4})-(\d{2})-(\d{2})\b")
_MONTHS = tuple(month[:3].casefold() for month in MONTHS)
_WORDS = re.compile(r"\b([A-Z][a-z]{2})[a-z]*\.? (\d{1,2})(?:st|nd|rd|th)?,? (\d{4})\b")


def _announced(line: str) -> date | None:
    """The last day that a line names as an ETA; `None` where it says that it is over."""
    if not _ETA.search(line) or _OVER.search(line):
        return None
    days = [_day(*map(int, match.groups())) for match in _ISO.finditer(line)]
    for month, day, year in _WORDS.findall(line):
        if month.casefold() in _MONTHS:
            days.append(_day(int(year), _MONTHS.index(month.casefold()) + 1, int(day)))
    return max(filter(None, days), default=None)


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
