"""Render a session and its facts to a document, with the templates."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from msgspec.structs import replace

from handoff.base.problems import InvalidInput, Place, Problem
from handoff.facts.recorded import Fact, Facts, Provenance
from handoff.render.content import LeafRenderer
from handoff.render.document import (
    Document,
    completion,
    count_checked,
    document_path,
    no_template,
    status,
    superseded_link,
)
from handoff.render.environment import Environment, render_template
from handoff.render.filters import AMONG_PROMPTS, Filters
from handoff.render.printed_leaves import PrintedLeaves, unprinted_problems, with_leaves
from handoff.render.shown_blanks import Marks, with_prompts
from handoff.render.templates import Folders, outside_problems
from handoff.render.tidy import tidy
from handoff.session.model import (
    DEFAULT_PROMPT,
    Prompt,
    Session,
)
from handoff.session.titles import (
    OF_THIS_SESSION,
    PLACEHOLDER,
    TITLES,
    ChosenTitles,
    Title,
)
from handoff.session.walk import leaves
from handoff.values import evidence
from handoff.values.interpolate import Interpolator
from handoff.values.printing import code_span, escaped, timestamp_text

if TYPE_CHECKING:
    from handoff.facts.receipts import Receipt
    from handoff.render.standalone import Standalone


def render(
    session: Session,
    live: Interpolator,
    folders: Folders,
    *,
    output: str,
    titles: ChosenTitles | None = None,
    provenance: Sequence[str] = (),
    receipts: Sequence[str] = (),
    standalone: Mapping[str, Standalone] | None = None,
    prompts_of_blanks: bool = True,
) -> Document:
    """The document of `session` with what `live` knows.

    `titles` defaults to those of the session. The prompts named in `standalone` have it,
    shortened to their budget. Without `prompts_of_blanks` no prompt is rendered once more to
    find the blanks that it shows.

    Raises InvalidInput for errors in a template or in an expression.
    """
    found = [(leaf, live.leaf_blanks(leaf)) for leaf in leaves(session)]
    all_claims = evidence.session_claims(session)
    checked = done, total = count_checked(session)
    all_blanks = sum(len(each) for _, each in found)
    known = {
        "session": session,
        "status": status(session, live.text, checked, blanks=all_blanks),
        "completion": completion(checked),
        "provenance": list(provenance),
        "receipts": list(receipts),
        "evidence": evidence.count_claims(all_claims, live),
        "supersedes": superseded_link(session, output),
        "prompt": None,
        "standalone": None,
    }
    written = {each.name: each for each in (session.prompt, *session.prompts) if each}
    printed = PrintedLeaves()
    shown = dict(standalone or {})

    def prompt_text(
        name: str, marks: Marks | None = None, printed: PrintedLeaves | None = None
    ) -> str:
        prompt = written[name]
        own = replace(session, prompt=prompt)
        pen = LeafRenderer(live, "prompt", marks, printed)
        return _prompt(own, prompt, pen, folders, {**known, "standalone": shown.get(name)})

    def prompt_with(name: str, content: Standalone) -> str:
        shown[name] = content
        return prompt_text(name)

    for name, content in (standalone or {}).items():
        from handoff.render.standalone import shorten  # not for other prompts

        shown[name] = shorten(content, partial(prompt_with, name))
    named = {name: prompt_text(name, printed=printed) for name in written}
    prompt = named.get(DEFAULT_PROMPT)
    prompts = [(each, named[name]) for name, each in written.items()]
    template = _template(session, folders)
    pen = LeafRenderer(live, "text", printed=printed)
    known |= {"titles": _titles(session, pen, titles), "prompt": prompt}
    text, unplaced = _text(session, template, pen, folders, known, prompts)
    problems = [*unplaced, *outside_problems(folders.children)]
    walked = [leaf for leaf, _ in found]
    places = [each.place for each in unplaced]
    problems += unprinted_problems(session, walked, printed, folders, template, places, text)
    errors = [*live.errors, *(each for each in problems if each.level == "error")]
    if errors:
        raise InvalidInput(errors)
    to_fill = [blanks for leaf, blanks in found if leaf.is_counted]
    return Document(
        session=session.id,
        path=document_path(session, output),
        text=text,
        prompt=prompt,
        blanks=with_prompts(found, named if prompts_of_blanks else {}, prompt_text),
        leaves=len(to_fill),
        filled=sum(not blanks for blanks in to_fill),
        status=str(known["status"]),
        done=done,
        boxes=total,
        prompts=named,
        images={
            path: image
            for path, image in printed.images.items()
            if f"]({path.rpartition('/')[2]})" in text
        },
        problems=(*live.warnings, *problems, *evidence.refuted_claims(all_claims, live)),
    )


def _prompt(
    session: Session,
    prompt: Prompt,
    pen: LeafRenderer,
    folders: Folders,
    known: dict[str, object],
) -> str:
    """Render one prompt with its template; `session` has it as its own prompt."""
    if prompt.text is not None:
        words = pen.words(prompt.text)
        pen.printed.note_printed()
        return words
    environment = Environment(folders, Filters(pen).table(), pen.leaf, pen.printed)
    names = {**known, "session": session}
    return tidy(render_template(environment, "prompt.md.j2", names)).rstrip("\n")


def _text(
    session: Session,
    template: str,
    pen: LeafRenderer,
    folders: Folders,
    known: dict[str, object],
    prompts: Sequence[tuple[Prompt, str]],
) -> tuple[str, list[Problem]]:
    """The document, and an error for each section and prompt that has no place in it."""
    filters = Filters(pen, prompts, session)
    known = {**known, "session": _without_placed(session)}
    if any(each.key == "prompt" for each in session.sections):
        known["prompt"] = None
    environment = Environment(folders, filters.table(), pen.leaf, pen.printed)
    text = tidy(render_template(environment, template, known))
    problems = []
    for what, after, at in _placed(session):
        if after not in filters.places:
            place = f"after '{after}'" if after else "at the end"
            message = f"template '{session.template}' has no place for a {what} {place}"
            problems.append(Problem("T010", message, at))
    return text, problems


def _titles(
    session: Session, pen: LeafRenderer, chosen: ChosenTitles | None
) -> Mapping[str, object]:
    """What the document prints by key as its titles and labels; under `brief` in its style."""
    own = {"session": lambda: session.session, "title": lambda: session.title}
    following: dict[str, Callable[[], str]] = {}
    if session.next and (number := session.next.session):
        following["session"] = lambda: number
    if session.next and (title := session.next.title):
        following["title"] = lambda: pen.words(title)

    def fill(each: Title, style: str) -> str:
        values = own if each.key in OF_THIS_SESSION else following
        text = each.choose(style, session.titles if chosen is None else chosen, values)
        filled = PLACEHOLDER.sub(lambda match: values[match[1]](), text)
        return with_leaves(filled, pen.printed.take())

    brief, handoff = (
        {each.key: fill(each, style) for each in TITLES} for style in ("brief", "handoff")
    )
    return {**handoff, "brief": brief}


def _without_placed(session: Session) -> Session:
    """The session without the keys that its sections print, for the rest of the template."""
    placed = {each.key for each in session.sections if each.key}
    if not placed:
        return session
    content = {key: None if key in placed else session.content[key] for key in session.content}
    fields = {
        name: () if name in ("header", "summary") else None
        for name in ("header", "summary", "goal", "checklist", "closing", *_LISTS)
        if name in placed
    }
    parts = dict.fromkeys(key[5:] for key in placed if key.startswith("next."))
    following = session.next and replace(session.next, **parts)
    prompts = tuple(each for each in session.prompts if f"prompts.{each.name}" not in placed)
    return replace(session, content=content, next=following, prompts=prompts, **fields)


_LISTS = ("actions", "tried", "do_not")


def _placed(session: Session) -> Iterator[tuple[str, str | None, Place]]:
    """What the template must have a place for."""
    for section in session.sections:
        yield "section", section.after, section.place
    placed = {each.key for each in session.sections}
    for prompt in session.prompts:
        if f"prompts.{prompt.name}" in placed:
            continue
        yield "prompt", prompt.after or AMONG_PROMPTS, prompt.place


def _template(session: Session, folders: Folders) -> str:
    """The session's own template, else the one it names."""
    own, name = folders.own(session.id), f"{session.template}.md.j2"
    if own or folders.has(name):
        return own or name
    raise InvalidInput([no_template(session, folders.list_templates())])


# --- provenance ----------------------------------------------------------------------------

_ENGINES: Mapping[str, str] = {
    "duckdb": "DuckDB",
    "duckdb sample": "DuckDB over the sample warehouse (made-up data)",
    "bigquery": "BigQuery",
}
_SOURCES = ("log", "json", "git", "transcript")
"""The engines of sources other than a warehouse."""


def provenance(facts: Facts | None, *, stale_ok: bool) -> tuple[str, ...]:
    """A sentence for each engine that answered, and one for each fact that has no answer.

    Nothing in it changes when the same is answered again.
    """
    if facts is None or not facts.facts:
        return ()
    return (*_answered(facts), *_failed(facts, stale_ok=stale_ok))


def _answered(facts: Facts) -> Iterator[str]:
    at = f", as of {timestamp_text(facts.as_of)}" if facts.as_of else ""
    by_origin: dict[str, list[str]] = {}
    for fact in facts.facts.values():
        if fact.provenance and not fact.failure:
            by_origin.setdefault(_origin(fact.provenance), []).append(fact.name)
    for origin, names in by_origin.items():
        yield f"Live values from {origin}{at}: {', '.join(names)}."


def _origin(provenance: Provenance) -> str:
    """The warehouse; for another source its kind and its file."""
    engine = provenance.engine
    if engine.partition(" ")[0] in _SOURCES:
        return f"{engine} {code_span(provenance.source)}"
    return _ENGINES.get(engine, engine)


def _failed(facts: Facts, *, stale_ok: bool) -> Iterator[str]:
    """A sentence for each reason, the facts it left without an answer together."""
    by_reason: dict[tuple[str, str], list[str]] = {}
    for fact in facts.facts.values():
        if fact.failure is not None:
            reason = fact.failure.message, _age(fact) if stale_ok else ""
            by_reason.setdefault(reason, []).append(fact.name)
    for (message, age), names in by_reason.items():
        instead = f"; the answer as of {age} stands instead" if age else ""
        yield f"No answer for {', '.join(names)}: {code_span(message)}{instead}."


def _age(fact: Fact) -> str:
    """The as-of time of the last result; empty if there is none."""
    at = fact.provenance.as_of if fact.provenance else None
    return timestamp_text(at) if at else ""


def receipt_lines(receipts: Sequence[Receipt], facts: Facts | None) -> tuple[str, ...]:
    """A line of Markdown for each receipt, for the document that shows `facts`."""
    from handoff.facts.receipts import digest  # not for a session without receipts

    now = digest(facts)
    return tuple(_receipt_line(each, is_same=each.facts == now) for each in receipts)


def _receipt_line(receipt: Receipt, *, is_same: bool) -> str:
    at = f" at {code_span(receipt.commit[:7])}" if receipt.commit else ""
    since = "" if is_same else ", with facts recorded before these"
    note = f": {escaped(receipt.note, 'text')}" if receipt.note else ""
    return f"{escaped(receipt.by, 'text')}, {timestamp_text(receipt.at)}{at}{since}{note}"
