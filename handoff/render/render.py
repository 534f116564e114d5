"""Session and facts into a document, by way of the templates."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from msgspec.structs import replace

from handoff.base.problems import InvalidInput, Place, Problem
from handoff.render import content as markdown
from handoff.render import ownership
from handoff.render.content import LeafRenderer
from handoff.render.document import (
    Document,
    completion,
    document_path,
    no_template,
    status,
    ticked,
)
from handoff.render.environment import Environment, Folders, rendered
from handoff.render.shown_blanks import Marks, with_prompts
from handoff.render.tidy import tidy
from handoff.session.model import (
    DEFAULT_PROMPT,
    Action,
    Blank,
    Bullets,
    Checklist,
    Checkpoint,
    Claim,
    Condition,
    Content,
    Created,
    Entry,
    ExpectBlock,
    FilesBlock,
    Flag,
    MarkdownBlock,
    Next,
    PhasesBlock,
    Prompt,
    Reasoned,
    Section,
    Session,
    Severity,
    TableBlock,
    Text,
)
from handoff.session.walk import LeafNode, every, leaves
from handoff.values import claims
from handoff.values.conditions import held
from handoff.values.interpolate import Interpolator
from handoff.values.printing import Where, long_date


def render(
    session: Session,
    live: Interpolator,
    folders: Folders,
    *,
    output: str,
    provenance: Sequence[str] = (),
    receipts: Sequence[str] = (),
) -> Document:
    """The document of `session` with what `live` knows.

    Raises InvalidInput for what is wrong in a template or in a live value.
    """
    found = [(leaf, live.blanks(leaf)) for leaf in leaves(session)]
    known = {
        "session": session,
        "status": status(session, live.text, blanks=sum(len(each) for _, each in found)),
        "completion": completion(session),
        "provenance": list(provenance),
        "receipts": list(receipts),
        "evidence": claims.counted(session, live),
        "prompt": None,
    }
    written = {each.name: each for each in (session.prompt, *session.prompts) if each}

    def prompt_text(name: str, marks: Marks | None = None) -> str:
        prompt = written[name]
        own = replace(session, prompt=prompt)
        return _prompt(own, prompt, _Pen(live, "prompt", marks), folders, known)

    named = {name: prompt_text(name) for name in written}
    prompt = named.get(DEFAULT_PROMPT)
    prompts = [(each, named[name]) for name, each in written.items()]
    text = _text(session, live, folders, {**known, "prompt": prompt}, prompts)
    if live.errors:
        raise InvalidInput(live.errors)
    done, total = ticked(session)
    to_fill = [blanks for leaf, blanks in found if leaf.is_counted]
    return Document(
        session=session.id,
        path=document_path(session, output),
        text=text,
        prompt=prompt,
        open=with_prompts(found, named, prompt_text),
        leaves=len(to_fill),
        filled=sum(not blanks for blanks in to_fill),
        status=str(known["status"]),
        done=done,
        boxes=total,
        prompts=named,
        problems=(*live.warnings, *claims.problems(session, live)),
    )


def _prompt(
    session: Session,
    prompt: Prompt,
    pen: _Pen,
    folders: Folders,
    known: dict[str, object],
) -> str:
    """One of the prompts, by the template for that of `session`, which has it as its own."""
    if prompt.text is not None:
        return pen.words(prompt.text)
    environment = Environment(folders, Filters(pen).table(), pen.leaf)
    names = {**known, "session": session}
    return tidy(rendered(environment, "prompt.md.j2", names)).rstrip("\n")


def _text(
    session: Session,
    live: Interpolator,
    folders: Folders,
    known: dict[str, object],
    prompts: Sequence[tuple[Prompt, str]],
) -> str:
    name = _template(session, folders)
    filters = Filters(pen := _Pen(live, "text"), prompts)
    text = tidy(rendered(Environment(folders, filters.table(), pen.leaf), name, known))
    for what, after, at in _placed(session):
        if after not in filters.places:
            place = f"after '{after}'" if after else "at the end"
            message = f"template '{session.template}' has no place for a {what} {place}"
            raise InvalidInput([Problem("T010", message, at)])
    return text


def _placed(session: Session) -> Iterator[tuple[str, str | None, Place]]:
    """What the template must have a place for."""
    for section in session.sections:
        yield "section", section.after, section.place
    for prompt in session.prompts:
        yield "prompt", prompt.after or _AMONG_PROMPTS, prompt.place


_AMONG_PROMPTS = "prompt"
"""The section after which a further prompt stands."""


def _template(session: Session, folders: Folders) -> str:
    """The session's own template, else the one it names."""
    own, name = folders.own(session.id), f"{session.template}.md.j2"
    if own or folders.has(name):
        return own or name
    raise InvalidInput([no_template(session, folders.list_templates())])


class _Pen:
    """Writes leaves for one kind of place, with a mark after each blank one on request."""

    def __init__(self, live: Interpolator, where: Where, marks: Marks | None = None) -> None:
        self._live = live
        self._where = where
        self._marks = marks

    def words(self, leaf: markdown.Leaf) -> str:
        if isinstance(leaf, Text):
            return self._marked(self._live.text(leaf, self._where), leaf)
        if isinstance(leaf, Flag):
            return "✅" if leaf.value else "❌"
        return self._marked(leaf.text, leaf)

    def leaf(self, value: object) -> str | None:
        """For a template's `{{ }}`: the words of a leaf; `None` for another value."""
        return self.words(value) if isinstance(value, Text | Blank | Flag) else None

    def table(self, table: TableBlock) -> Sequence[str]:
        return self._first_marked(self._live.table(table), table)

    def phases(self, phases: PhasesBlock) -> Sequence[tuple[str, Sequence[tuple[str, str]]]]:
        found = self._live.phases(phases, self._where)
        if not self._marks or not found:
            return found
        (heading, ((name, words), *lines)), *others = found
        return [(heading, [(name, self._marked(words, phases)), *lines]), *others]

    def files(self, files: FilesBlock) -> Sequence[tuple[str, Sequence[str]]] | None:
        return self._live.files(files)

    def expectations(self, expect: ExpectBlock) -> Sequence[str] | None:
        found = self._live.expectations(expect, self._where)
        return None if found is None else self._first_marked(found, expect)

    def condition(self, condition: Condition) -> str:
        words = str(held(condition, self._live, self._where))
        return self._marked(words, condition.text)

    def claim(self, claim: Claim) -> tuple[str, str]:
        mark, basis = claims.marked(claim, self._live, self._where)
        evidence = claim.evidence if isinstance(claim.evidence, tuple) else (claim.evidence,)
        for each in evidence:
            basis = self._marked(basis, each)
        return mark, basis

    def _marked(self, words: str, leaf: LeafNode) -> str:
        return self._marks.mark(words, leaf.place) if self._marks else words

    def _first_marked(self, lines: Sequence[str], block: LeafNode) -> Sequence[str]:
        return [self._marked(line, block) if n == 0 else line for n, line in enumerate(lines)]


class Filters:
    """What templates do with content; each filter gives text, nothing for an absent key."""

    def __init__(self, pen: LeafRenderer, prompts: Sequence[tuple[Prompt, str]] = ()) -> None:
        self._pen = pen
        self._prompts = prompts
        self.places: set[str | None] = set()
        """Where the template had a place for free sections and further prompts."""

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
        """What stands beneath a heading of `level`."""
        return "" if content is None else markdown.section(content, self._pen, level)

    def headings(self, content: Content | None, level: int, numbered: bool = False) -> str:
        """Each label a heading of `level`, its content beneath."""
        if content is None:
            return ""
        return markdown.headed(content, self._pen, level, numbered=numbered)

    def listed(self, content: Content | None) -> str:
        """A list; labelled entries as `- Label: value`."""
        return "" if content is None else "\n".join(markdown.block(content, self._pen))

    def steps(self, content: Content | None) -> str:
        """A numbered list."""
        return "" if content is None else "\n".join(markdown.numbered(content, self._pen))

    def paragraphs(self, entries: Sequence[Entry] | None) -> str:
        """`**Label**: value`, each a paragraph."""
        return "\n\n".join(self._labelled(entries))

    def lines(self, entries: Sequence[Entry] | None) -> str:
        """`**Label**: value`, each on the line after the last."""
        return "\n".join(self._labelled(entries))

    def bullets(self, entries: Sequence[Entry] | None) -> str:
        """`- **Label**: value`."""
        return "\n".join(f"- {_indented(each)}" for each in self._labelled(entries))

    def done(self, checklist: Checklist | None) -> str:
        """The ticked boxes, with their notes."""
        return self._boxes(checklist, done=True)

    def undone(self, checklist: Checklist | None) -> str:
        """The boxes that are not ticked."""
        return self._boxes(checklist, done=False)

    def after(
        self, sections: Sequence[Section], place: str | None = None, rule: bool = False
    ) -> str:
        """The prompts and free sections that stand after `place`; at the end without one."""
        self.places.add(place)
        prompts = (
            self._section(_of_prompt(prompt, text), rule)
            for prompt, text in self._prompts
            if prompt.name != DEFAULT_PROMPT and (prompt.after or _AMONG_PROMPTS) == place
        )
        found = (self._section(each, rule) for each in sections if each.after == place)
        return "\n\n".join([*prompts, *found])

    def fence(self, text: str, lang: str = "") -> str:
        """`text` in a fence that nothing inside it can close."""
        return "\n".join(markdown.fence(text, lang))

    def severity(self, severity: Severity | Blank | None) -> str:
        """`🟡 watch: why`."""
        return "" if severity is None else ownership.severity(severity, self._pen)

    def actions(self, actions: tuple[Action, ...] | Blank | None) -> str:
        """A bullet for each, with its owner, its time, and what to do if."""
        return "" if actions is None else ownership.actions(actions, self._pen)

    def reasons(self, reasoned: tuple[Reasoned, ...] | Blank | None) -> str:
        """What was tried, or must not be done, and why: a bullet for each."""
        return "" if reasoned is None else ownership.reasons(reasoned, self._pen)

    def checkpoint(self, checkpoint: Checkpoint | Blank | None) -> str:
        """`2026-01-04 15:00 UTC: what`."""
        return "" if checkpoint is None else ownership.checkpoint(checkpoint, self._pen)

    def conditions(self, following: Next | None) -> str:
        """The conditions for the next session to start, with what the facts say of them."""
        if following is None:
            return ""
        found = tuple(every(following, Condition))
        return self.listed(Bullets(found, following.place)) if found else ""

    def created(self, created: Created) -> str:
        """`January 3, 2026`, or the author's words for the day."""
        return created.text or long_date(created.day)

    def next_session(self, following: Next) -> str:
        """`Session 2 - Title`, as much of it as is said; else the id."""
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
        is_chapter = section.title is not None and section.level <= 2
        wanted = rule and is_chapter if section.rule is None else section.rule
        parts = ["---"] if wanted else []
        if section.title is not None:
            parts.append(f"{'#' * section.level} {section.title}")
        if section.content is not None:
            parts.append(self.under(section.content, section.level))
        return "\n\n".join(parts)


def _of_prompt(prompt: Prompt, text: str) -> Section:
    """A prompt beside the default one, as a section of its own."""
    block = MarkdownBlock("\n".join(markdown.fence(text)), prompt.place)
    return Section(f"Prompt: {prompt.name}", None, block, prompt.place)


def _indented(text: str) -> str:
    return text.replace("\n", "\n  ")
