"""The prompt before somebody pastes it: the files to read, commands, numbers and dates."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal, InvalidOperation

from msgspec import Struct

from handoff.base.characters import hidden_characters
from handoff.base.markdown import line_of
from handoff.base.problems import Place
from handoff.base.tokens import BYTES_PER_TOKEN, estimate_tokens
from handoff.base.tree import is_outside
from handoff.check.paths import exists, is_known, namesakes
from handoff.check.rule import (
    AuthorContext,
    CheckContext,
    DocumentContext,
    Finding,
    rule,
    shorten,
)
from handoff.check.scripts import is_command, scripts
from handoff.session.model import CodeBlock, Prompt, Text, place_in
from handoff.session.reading_list import prompts
from handoff.session.walk import leaves, texts
from handoff.sql.types import NUMBERS
from handoff.values.expressions import Literal, parts
from handoff.values.printing import MONTHS, folded, printed, timestamp_text
from handoff.values.view import Cell, Cells, EarlierValue

LONG = 2_000
"""Lines that a coding agent's own tools read at once."""

# --- files to read -----------------------------------------------------------------------


@rule("P001", "warning", "a file to read does not exist")
def file_to_read_missing(context: CheckContext) -> Iterator[Finding]:
    """The next session begins by reading these; one in seven did not exist.

    A warning, because a file may come with a branch that is not merged yet.

    Fails:

        prompt:
          read:
            - {path: ml/trian.py}
    """
    for each in context.to_read:
        if not is_outside(each.path) and not _exists(each.path, context):
            message = f"file to read '{each.path}' does not exist{context.hint(each.path)}"
            yield each.place, message


@rule("P002", "warning", "a file to read is outside the repository")
def file_to_read_outside(context: CheckContext) -> Iterator[Finding]:
    """A clone of the repository does not have files outside of it.

    Fails: `/etc/hosts`
    """
    for each in context.to_read:
        if is_outside(each.path):
            yield each.place, f"file to read '{each.path}' is outside the repository"


@rule("P003", "warning", "the prompt is estimated to take more than `prompt.budget_tokens`")
def over_budget(context: CheckContext) -> Iterator[Finding]:
    """A long prompt costs room in every session that begins with it, and its end is not read.

    Fails: a prompt of more than `prompt.budget_tokens`, by its bytes of UTF-8 ÷ 4.
    """
    for name, text in context.prompts.items():
        tokens = estimate_tokens(text)
        if context.budget_tokens is not None and tokens > context.budget_tokens:
            message = (
                f"the prompt takes about {tokens:,} tokens (bytes ÷ {BYTES_PER_TOKEN}), "
                f"but 'prompt.budget_tokens' is {context.budget_tokens:,}"
            )
            yield prompts(context.session)[name].place, message


@rule("P004", "warning", "a file to read is shorter than the lines named")
def lines_to_read(context: CheckContext) -> Iterator[Finding]:
    """A range of lines was right once; the file has become shorter since.

    Fails: `ml/train.py:400-450`, where the file has 300 lines.
    """
    for each in context.to_read:
        count = context.lines(each.path) if each.last_line else None
        if count is not None and each.last_line > count:
            yield each.place, f"file to read '{each.words}' has only {count:,} lines"


@rule("P005", "note", "a file to read has more than 2,000 lines, and none are named")
def long_file_to_read(context: CheckContext) -> Iterator[Finding]:
    """A file too long to read at once is read in part, and maybe not the part that matters.

    Fails: a file of more than 2,000 lines without `:first-last`.
    """
    for each in context.to_read:
        count = None if each.last_line else context.lines(each.path)
        if count is not None and count > LONG:
            message = (
                f"file to read '{each.path}' has {count:,} lines; "
                f"name those that matter, for example '{each.path}:1-200'"
            )
            yield each.place, message


@rule("P010", "note", "a file to read exists but is not committed")
def uncommitted_file_to_read(context: CheckContext) -> Iterator[Finding]:
    """The next session may start from a clone, which has only what was committed.

    A note, because the commit often follows the handoff.

    Fails: a file that is in the folder but not in git.
    """
    for each in context.to_read:
        if context.tree.has(each.path) and context.past.committed(each.path) is False:
            message = f"file to read '{each.path}' is not committed, so clones do not have it"
            yield each.place, message


def _exists(path: str, context: CheckContext) -> bool:
    return context.tree.has(path) or ("*" in path and context.tree.matches(path))


# --- commands ----------------------------------------------------------------------------


@rule("P006", "warning", "a command runs a script that does not exist")
def script_missing(context: AuthorContext) -> Iterator[Finding]:
    """A command that the next session runs unchanged, and whose script does not exist.

    Outside of prompts only if the script's folder exists, or a file of its name does.

    Fails:

        prompt:
          more:
            FIRST: {bash: python scripts/backfil.py --dry-run}
    """
    if isinstance(context, DocumentContext):
        yield from _scripts_of_document(context)
        return
    for shell, in_prompt in _shells(context):
        for script in scripts(shell.words):
            if script.path.startswith("..") or context.tree.has(script.path):
                continue
            if in_prompt or ("/" in script.path and is_known(script.path, context)):
                hint = context.hint(script.path)
                message = f"command runs '{script.path}', which does not exist{hint}"
                yield shell.place(script.line), message


def _scripts_of_document(context: DocumentContext) -> Iterator[Finding]:
    for fence in context.page.of_type("fence"):
        if fence.info.strip().casefold() not in _SHELLS:
            continue
        for script in scripts(fence.content):
            is_missing = is_known(script.path, context) and not exists(script.path, context)
            if is_missing and "/" in script.path and not script.path.startswith(".."):
                where = namesakes(script.path, context)
                message = f"command runs '{script.path}', which does not exist{where}"
                yield context.place(line_of(fence) + 1 + script.line), message


_SHELLS = ("bash", "sh", "shell", "zsh", "console")
_INLINE_CODE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")


class _Shell(Struct, frozen=True):
    """Shell commands in an author's text."""

    words: str
    text: Text
    start: int
    """Where they begin in `text`."""

    def place(self, line: int) -> Place:
        before = self.words.split("\n")[:line]
        return place_in(self.text, self.start + sum(len(each) + 1 for each in before))


def _shells(context: CheckContext) -> Iterator[tuple[_Shell, bool]]:
    """The shell commands of a session, and whether they are in a prompt."""
    pasted = {id(x.node) for each in prompts(context.session).values() for x in leaves(each)}
    for node in (leaf.node for leaf in leaves(context.session)):
        in_prompt = id(node) in pasted
        if isinstance(node, CodeBlock):
            if node.lang in _SHELLS and isinstance(node.code, Text):
                yield _Shell(node.code.value, node.code, 0), in_prompt
        elif isinstance(node, Text) and in_prompt:
            for match in _INLINE_CODE.finditer(node.value):
                if is_command(match[1]):
                    yield _Shell(match[1], node, match.start(1)), in_prompt


# --- numbers -----------------------------------------------------------------------------


@rule("P007", "warning", "a typed number is a fact's old value")
def old_number(context: CheckContext) -> Iterator[Finding]:
    """A typed number is right until the next time the query runs.

    Reported only if a fact had this value before, has another now, and no fact has it any
    more; with at least three significant digits, and not for years: 12 or 100 are everywhere.

    Fails: `514 of 1,537 days are done`, when `orchestrator.phase_1.done` is 800 now.
    """
    typed = [each for prompt in prompts(context.session).values() for each in _numbers(prompt)]
    if not typed or context.cells is None:
        return
    current = {cell.name: cell for cell in _all(context.cells)}
    now = {number for cell in current.values() if (number := _number(cell)) is not None}
    stale = [each for each in typed if each[0] not in now]
    old = _first_of_each(context.past.old()) if stale else {}
    for number, words, place in stale:
        if number in old and _has_changed(old[number], current):
            yield place, _copied(words, old[number], current)


# a number of its own: not part of a word, a path, a date, a time, a version or an anchor
_NUMBER = re.compile(
    r"(?<![\w.,/:#$@+=-])(?:\d{1,3}(?:,\d{3})+|\d{1,18})(?:\.\d{1,6})?(?![\w/:-]|[.,]\d)"
)
_SIGNIFICANT_DIGITS = 3


def _numbers(prompt: Prompt) -> Iterator[tuple[Decimal, str, Place]]:
    for text in texts(prompt):
        for part in parts(text.value):
            if not isinstance(part, Literal):
                continue
            bare = _INLINE_CODE.sub(lambda m: " " * len(m[0]), part.text)
            for match in _NUMBER.finditer(bare):
                number = Decimal(match[0].replace(",", ""))
                if _is_significant(number, match[0]):
                    yield number, match[0], place_in(text, part.start + match.start())


def _is_significant(number: Decimal, words: str) -> bool:
    digits = str(number).replace(".", "").strip("0")
    is_year = words.isdigit() and 1900 <= number <= 2100
    return len(digits) >= _SIGNIFICANT_DIGITS and not is_year


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
    name, at = old.cell.name, f" as of {timestamp_text(old.cell.at)}" if old.cell.at else ""
    now = printed(current[name].typed)
    return (
        f"'{words}' is the old value of '{name}'{at} ({old.recorded}), which is now '{now}'; "
        f"write '{{{{ {name} }}}}'"
    )


# --- dates -------------------------------------------------------------------------------


@rule("P008", "warning", "an ETA before the day of the handoff")
def eta_in_the_past(context: CheckContext) -> Iterator[Finding]:
    """An ETA before the handoff was already over when the handoff was written.

    Compared with the as-of time of the recorded facts, else with `created`.

    Fails: `ETA: 2026-01-02 18:00`, in a handoff of January 3.
    """
    recorded = context.facts.as_of if context.facts else None
    as_of = recorded or context.session.as_of
    day = as_of.date() if as_of else context.session.created.day
    for name, text in context.prompts.items():
        for line in text.splitlines():
            found = _announced(line)
            if found and found < day:
                words = shorten(folded(line).lstrip("- "))
                message = f"'{words}' names a day before the handoff, {day}"
                yield _find_place(context, name, line), message


_ETA = re.compile(r"\bETAs?\b")
_OVER = re.compile(
    r"(?i)\b(?:complete|completed|done|finished|since|was|passed|missed|ended)\b"
)
_ISO = re.compile(r"\b(\d{4})-(\d{2})-(\d{2})\b")
_MONTHS = tuple(month[:3].casefold() for month in MONTHS)
_WORDS = re.compile(r"\b([A-Z][a-z]{2})[a-z]*\.? (\d{1,2})(?:st|nd|rd|th)?,? (\d{4})\b")


def _announced(line: str) -> date | None:
    """The last day that a line names as an ETA; `None` if it says that it is over."""
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


def _find_place(context: CheckContext, name: str, line: str) -> Place:
    """The author's text that a rendered line comes from, else the prompt."""
    prompt = prompts(context.session)[name]
    for text in texts(prompt):
        words = next((w for w in text.value.split("\n") if w.strip() and w.strip() in line), "")
        if words and _announced(f"ETA {words}"):
            return place_in(text, text.value.index(words))
    return prompt.place


# --- characters --------------------------------------------------------------------------


@rule("P009", "warning", "an invisible character: a control, a change of direction, a tag")
def invisible_character(context: CheckContext) -> Iterator[Finding]:
    """A model or a terminal obeys characters that no reader sees.

    Fails: a prompt with an escape sequence, a bidirectional control or tag characters.
    """
    for name, text in context.prompts.items():
        for _, character in hidden_characters(text):
            message = f"the prompt has an invisible character, U+{ord(character):04X}"
            yield prompts(context.session)[name].place, message
            break
