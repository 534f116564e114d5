"""The filters of templates: content as Markdown, and the check of what they are given."""

from __future__ import annotations

import functools
import inspect
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from jinja2 import StrictUndefined
from jinja2.exceptions import FilterArgumentError

from handoff.render import content as markdown
from handoff.render.content import LeafRenderer
from handoff.render.tidy import KEPT
from handoff.session.model import (
    DEFAULT_PROMPT,
    Action,
    Blank,
    Bullets,
    Checklist,
    Checkpoint,
    Condition,
    Content,
    Created,
    Entry,
    MarkdownBlock,
    Next,
    Prompt,
    Reasoned,
    Section,
    Session,
    Severity,
)
from handoff.session.walk import every
from handoff.values.printing import long_date

AMONG_PROMPTS = "prompt"
"""The section after which a further prompt is placed."""


class Filters:
    """What templates do with content; each filter returns text, empty for an absent key."""

    def __init__(
        self,
        pen: LeafRenderer,
        prompts: Sequence[tuple[Prompt, str]] = (),
        session: Session | None = None,
    ) -> None:
        self._pen = pen
        self._prompts = prompts
        self._session = session
        """For the sections that print one of its keys."""
        self.places: set[str | None] = set()
        """The places that the template has for free sections and further prompts."""

    def table(self) -> dict[str, Callable[..., Any]]:
        """Every filter by its name in a template."""
        names = [name for name in vars(Filters) if name[0] != "_" and name != "table"]
        return {name: getattr(self, name) for name in names}

    def labelled(self, content: Content | None, label: str) -> str:
        """`**label**: content`."""
        return "" if content is None else markdown.labelled(label, content, self._pen)

    def alone(self, content: Content | None) -> str:
        """Content as a paragraph of its own."""
        return "" if content is None else self.under(content, 6)

    def under(self, content: Content | None, level: int) -> str:
        """The text under a heading of `level`."""
        return "" if content is None else markdown.section(content, self._pen, level)

    def headings(self, content: Content | None, level: int, numbered: bool = False) -> str:
        """Each label as a heading of `level`, with its content."""
        if content is None:
            return ""
        return markdown.headed(content, self._pen, level, numbered=numbered)

    def listed(self, content: Content | None) -> str:
        """A list; labelled entries as `- Label: value`."""
        return "" if content is None else "\n".join(markdown.block(content, self._pen))

    def steps(self, content: Content | None) -> str:
        """A numbered list."""
        return "" if content is None else "\n".join(markdown.numbered(content, self._pen))

    def paragraphs(self, entries: Sequence[Entry] | Content | None) -> str:
        """`**Label**: value`, each a paragraph; other content as it is."""
        if entries is None or isinstance(entries, Sequence):
            return "\n\n".join(self._labelled(entries))
        return self.under(entries, 2)

    def lines(self, entries: Sequence[Entry] | None) -> str:
        """`**Label**: value`, each on the line after the last."""
        return "\n".join(self._labelled(entries))

    def bullets(self, entries: Sequence[Entry] | None) -> str:
        """`- **Label**: value`."""
        return "\n".join(f"- {_indented(each)}" for each in self._labelled(entries))

    def done(self, checklist: Checklist | None) -> str:
        """The checked items, with their notes."""
        return self._boxes(checklist, done=True)

    def undone(self, checklist: Checklist | None) -> str:
        """The unchecked items; a blank for a checklist without items."""
        if checklist is not None and not checklist.boxes:
            return self.listed(checklist)
        return self._boxes(checklist, done=False)

    def after(
        self, sections: Sequence[Section], place: str | None = None, rule: bool = False
    ) -> str:
        """The prompts and free sections after `place`; those at the end without one."""
        self.places.add(place)
        placed = {each.key for each in sections}
        prompts = (
            self._section(_of_prompt(prompt, text), rule)
            for prompt, text in self._prompts
            if prompt.name != DEFAULT_PROMPT
            and (prompt.after or AMONG_PROMPTS) == place
            and f"prompts.{prompt.name}" not in placed
        )
        found = (self._section(each, rule) for each in sections if each.after == place)
        return "\n\n".join([*prompts, *found])

    def fence(self, text: str, lang: str = "") -> str:
        """`text` in a fence that nothing inside it can close."""
        return "\n".join(markdown.fence(text, lang))

    def severity(self, severity: Severity | Blank | None) -> str:
        """`🟡 watch: why`."""
        return "" if severity is None else markdown.severity(severity, self._pen)

    def actions(
        self,
        actions: tuple[Action, ...] | Blank | None,
        titles: Mapping[str, str] | None = None,
        by: str | None = None,
    ) -> str:
        """A bullet for each, with its owner, its time, and what to do if.

        With `titles` those that wait or are parked stand apart; by `owner`, all do.
        """
        if actions is None or isinstance(actions, Blank) or not titles:
            return "" if actions is None else markdown.actions(actions, self._pen)
        return markdown.grouped_actions(actions, self._pen, titles, by_owner=by == "owner")

    def reasons(self, reasoned: tuple[Reasoned, ...] | Blank | None) -> str:
        """What was tried, or must not be done, and why: a bullet for each."""
        return "" if reasoned is None else markdown.reasons(reasoned, self._pen)

    def checkpoint(self, checkpoint: Checkpoint | Blank | None) -> str:
        """`2026-01-04 15:00 UTC: what`."""
        return "" if checkpoint is None else markdown.checkpoint(checkpoint, self._pen)

    def conditions(self, following: Next | None) -> str:
        """The conditions for the next session to start, evaluated."""
        if following is None:
            return ""
        found = tuple(every(following, Condition))
        return self.listed(Bullets(found, following.place)) if found else ""

    def created(self, created: Created) -> str:
        """`January 3, 2026`, or the author's words for the day."""
        return created.text or long_date(created.day)

    def next_session(self, following: Next) -> str:
        """`Session 2 - Title`, as far as they are set; else the id."""
        title = self._pen.words(following.title) if following.title else ""
        number = f"Session {following.session}" if following.session else ""
        return " - ".join(part for part in (number, title) if part) or following.id or ""

    def _labelled(self, entries: Sequence[Entry] | None) -> list[str]:
        return [markdown.labelled(e.label, e.content, self._pen) for e in entries or ()]

    def _boxes(self, checklist: Checklist | None, *, done: bool) -> str:
        found = tuple(box for box in checklist.boxes if box.done == done) if checklist else ()
        if checklist is None or not found:
            return ""
        return self.listed(Checklist(found, checklist.place))

    def _section(self, section: Section, rule: bool) -> str:
        content = self._content(section)
        if section.key and not content:
            return ""
        is_chapter = section.title is not None and section.level <= 2
        wanted = rule and is_chapter if section.rule is None else section.rule
        parts = ["---"] if wanted else []
        if section.title is not None:
            parts.append(f"{'#' * section.level} {section.title}")
        return "\n\n".join([*parts, content] if content else parts)

    def _content(self, section: Section) -> str:
        """What is below the heading: content of its own, or a key of the session."""
        if not section.key or not self._session:
            return self._under(section, section.content)
        texts = {prompt.name: text for prompt, text in self._prompts}
        texts = {_PROMPT_KEYS.get(name, f"prompts.{name}"): texts[name] for name in texts}
        if section.key in texts:
            label = [] if section.label is None else [markdown.bold_label(section.label)]
            return "\n".join([*label, *_prompt_lines(texts[section.key], section)])
        value: Any = self._session
        for part in section.key.split("."):
            value = value and getattr(value, part)
        if section.key == "actions":
            return self.actions(value)
        if section.key in ("tried", "do_not"):
            return self.reasons(value)
        entries = value if isinstance(value, tuple) else getattr(value, "entries", ())
        named = (e.content for e in entries if e.label in (section.title, section.label))
        if (own := next(named, None)) is not None:
            return self._under(section, own)
        if isinstance(value, tuple):
            return _JOINED[section.style or "lines"](self._labelled(value))
        if section.key in HEADED and section.label is None:
            return self.headings(value, min(section.level + 1, 6))
        return self._under(section, value)

    def _under(self, section: Section, content: Content | None) -> str:
        if section.label is not None:
            return self.labelled(content, section.label)
        return self.under(content, section.level)


HEADED = ("accomplished", "insights", "files", "commands", "troubleshooting")
"""Keys whose labels are printed as headings."""
_PROMPT_KEYS = {DEFAULT_PROMPT: "prompt"}
_JOINED: Mapping[str, Callable[[list[str]], str]] = {
    "lines": "\n".join,
    "breaks": "  \n".join,
    "paragraphs": "\n\n".join,
    "list": lambda labels: "\n".join(f"- {_indented(each)}" for each in labels),
}


def _prompt_lines(text: str, section: Section) -> Sequence[str]:
    """A prompt as `as:` says: in a fence, as a quote, or as it is."""
    lines = text.split("\n")
    if section.style == "quote":
        return [f"> {line}".rstrip() + KEPT for line in lines]
    if section.style == "text":
        return [f"{line}{KEPT}" for line in lines]
    return markdown.fence(text, section.lang or "")


def _of_prompt(prompt: Prompt, text: str) -> Section:
    """A prompt other than the default one, as a section of its own."""
    block = MarkdownBlock("\n".join(markdown.fence(text)), prompt.place)
    return Section(f"Prompt: {prompt.name}", None, block, prompt.place)


def _indented(text: str) -> str:
    return text.replace("\n", "\n  ")


# --- checking arguments --------------------------------------------------------------------

HEADING_LEVELS = range(7)
"""Of headings in Markdown; 0 where there is none above."""


def checked(name: str, apply: Callable[..., Any]) -> Callable[..., Any]:
    """`apply` as a filter that refuses what its annotations do not take.

    The template's author wrote the arguments, so the error is theirs.
    """

    owner = (apply.__self__,) if inspect.ismethod(apply) else ()

    def filtered(*given: object, **named: object) -> Any:
        wanted, hints = _signature(getattr(apply, "__func__", apply))
        try:
            arguments = wanted.bind(*owner, *given, **named).arguments
        except TypeError as error:
            raise FilterArgumentError(f"filter '{name}': {error}") from error
        for key, value in arguments.items():
            if key in hints:
                _check(name, key, value, hints[key])
        return apply(*given, **named)

    return filtered


@functools.cache
def _signature(
    function: Callable[..., Any],
) -> tuple[inspect.Signature, dict[str, object]]:
    signature = inspect.signature(function, eval_str=True)
    parameters = signature.parameters.items()
    hints = {name: each.annotation for name, each in parameters if name != "self"}
    return signature, hints


def _check(name: str, key: str, value: object, hint: object) -> None:
    if isinstance(value, StrictUndefined):
        str(value)  # raises, with the name
    if not _fits(value, hint):
        kind = "nothing" if value is None else f"such a '{type(value).__name__}'"
        raise FilterArgumentError(f"filter '{name}' does not take {kind} as its '{key}'")
    if key == "level" and value not in HEADING_LEVELS:
        message = f"filter '{name}' takes a level from 0 to {HEADING_LEVELS[-1]}, found {value}"
        raise FilterArgumentError(message)


def _fits(value: object, hint: object) -> bool:
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        return any(_fits(value, each) for each in typing.get_args(hint))
    if typing.get_origin(hint) in (Sequence, tuple):
        inner = typing.get_args(hint)[0]
        return isinstance(value, list | tuple) and all(_fits(each, inner) for each in value)
    return isinstance(value, hint) if isinstance(hint, type) else True
