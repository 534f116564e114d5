"""`new`: the file of the next session, with what the previous one left for it."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import date
from itertools import count
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace

from handoff.base.files import write_new
from handoff.base.problems import InvalidInput, KeyPath, Problem, Refused, UsageError
from handoff.edit.carry_over import (
    FACTS_COMMENT,
    PLACEHOLDERS,
    PreviousSession,
    carry_facts,
    carry_over,
    is_live,
)
from handoff.project.project import Project
from handoff.session import decode
from handoff.session.keys import KEYS, NAMES
from handoff.session.model import (
    Claim,
    Entries,
    GitRange,
    GitTree,
    Prompt,
    Session,
    SourceFact,
    Text,
)
from handoff.session.shapes import Key
from handoff.session.values import ID
from handoff.session.walk import FactBlock, every, leaves, texts
from handoff.sources import git_history
from handoff.values.expressions import Expression, cited
from handoff.values.expressions import parts as parse_parts
from handoff.workspace.document import render
from handoff.workspace.gather import load_facts, load_facts_leniently, locked_sessions
from handoff.workspace.load import LoadedSession, load_queries, load_session, used_queries
from handoff.workspace.paths import document_place, facts_path, session_path
from handoff.yaml.emitter import Comment, EmittedKey, Flow, YamlValue, format_page, value_of
from handoff.yaml.nodes import List, Map, Node, parse

_NUMBER = re.compile(r"\d+[a-z]?$")
_DATED = re.compile(r"\d{4}-\d{2}-")


_Parts = dict[str, EmittedKey]
"""The keys of a new file."""


class NewSession(Struct, frozen=True):
    """A session file that `new` wrote."""

    session: str
    path: str
    source: str | None
    """The session it continues."""
    counts: dict[str, int]
    """How many of a kind it holds."""
    left_out: tuple[str, ...]
    """Titles of sections that the template has no place for."""
    unprinted: tuple[str, ...] = ()
    """Keys that were left out, or made for another template, as the template lacks them."""
    template: str = ""
    """The template in place of the previous session's; empty if it is the same."""


def begin(
    project: Project,
    session_id: str | None,
    *,
    created: date,
    source_id: str | None = None,
    template: str | None = None,
) -> NewSession:
    """Write the file of the session that follows `source_id`, or a skeleton without one.

    Raises UsageError for an id that is invalid or taken; InvalidInput if the source has
    errors or the new session would not render; Refused if the file exists.
    """
    source = _source(project, source_id) if source_id else None
    session_id = session_id or _next_id(project, source)
    _refuse_taken(project, session_id, created)
    parts = _parts(session_id, source, created, template)
    path = session_path(session_id)
    page = _rendering(project, session_id, parts, source, is_chosen=template is not None)
    with locked_sessions(project):
        is_new = write_new(project.path(path), page.text.encode(), place=path)
    if not is_new:
        raise Refused(f"{path}: error: the file exists")
    return NewSession(
        session_id,
        path,
        source_id,
        _counts(page.parts),
        page.left_out,
        page.unprinted,
        page.template,
    )


def _source(project: Project, session_id: str) -> PreviousSession:
    path = session_path(session_id)
    raw = project.read(path) or b""
    session, _ = decode.load(raw, session_id, path)
    root = parse(raw, path, [])
    assert isinstance(root, Map)  # it was loaded
    bases = _git_bases(project, session)
    return PreviousSession(session, raw.decode(), root, _speaker(project, session), bases)


_HEAD = re.compile(r"\.\.([0-9a-f]{7,64})(?: |$)")
"""Of the span of commits in a fact's provenance."""


def _git_bases(project: Project, session: Session) -> dict[str, str | None]:
    """By git fact, the last session's commit.

    That is the last commit its fact contains, else the time of its facts, else when it ended,
    else the last commit of its file, else its day. `None` for the state of the tree.
    """
    declared = [fact for fact in session.facts if isinstance(fact, SourceFact)]
    found: dict[str, str | None] = {
        fact.name: None
        for fact in declared
        if any(isinstance(each, GitTree) for each in fact.sources)
    }
    ranges = [
        fact.name
        for fact in declared
        if any(isinstance(each, GitRange) for each in fact.sources)
    ]
    if not ranges:
        return found
    facts = load_facts_leniently(project, session.id)
    at = (facts.as_of if facts else None) or session.as_of or session.ended
    paths = (session_path(session.id), facts_path(session.id))
    other = (
        at.strftime("%Y-%m-%dT%H:%M:%SZ")
        if at
        else git_history.last_touched(project.root, paths) or str(session.created.day)
    )
    for name in ranges:
        fact = facts.facts.get(name) if facts else None
        head = _HEAD.search(fact.provenance.source) if fact and fact.provenance else None
        found[name] = head[1] if head else other
    return found


def _speaker(project: Project, session: Session) -> Callable[[Text], str]:
    """Prints a text with the recorded results, as data; without them as written."""
    try:
        facts = load_facts(project, session.id)
        loaded = load_session(project, session.id)
    except InvalidInput:
        return lambda text: text.value
    if facts is None:
        return lambda text: text.value
    from handoff.values.interpolate import Interpolator  # slow: brings jinja2

    names = Interpolator(
        session,
        facts,
        loaded.queries,
        document=document_place(project, session),
        stalled_minutes=project.settings.progress.stalled_minutes,
        zone=ZoneInfo(project.settings.timezone),
    )

    def say(text: Text) -> str:
        words = names.carried(text) if "{{" in text.value else None
        return text.value if words is None else words

    return say


# --- which session it is -------------------------------------------------------------------


def _next_id(project: Project, source: PreviousSession | None) -> str:
    if source is None:
        return "session-1"
    following = source.session.next
    if following and following.id:
        return following.id
    label = _label(None, source)
    if re.match(r"\d", source.session.session) or (following and following.session):
        return f"session-{label}"
    # a label such as 'spike' has no successor: use the first free number
    taken = project.session_ids()
    return next(name for n in count(1) if (name := f"session-{n}") not in taken)


def _refuse_taken(project: Project, session_id: str, created: date) -> None:
    if not re.fullmatch(ID, session_id):
        expected = "expected for example session-2"
        raise UsageError(f"invalid session id '{session_id}' ({expected})")
    taken = {each.casefold() for each in project.session_ids()}
    if session_id.casefold() not in taken:
        return
    free = next(each for each in _dated(session_id, created) if each.casefold() not in taken)
    message = f"session '{session_id}' exists; use for example '{free}'"
    raise UsageError(f"{message}: handoff new {free}")


def _dated(session_id: str, created: date) -> Iterator[str]:
    """`2026-02-session-1`, then with a letter behind it."""
    name = f"{created:%Y-%m}-{_DATED.sub('', session_id)}"
    yield name
    yield from (f"{name}{letter}" for letter in "bcdefghijklmnopqrstuvwxyz")
    yield from (f"{name}-{n}" for n in range(2, 1000))


def _label(session_id: str | None, source: PreviousSession | None) -> str:
    """The session's number: as the previous one announced, as in the id, else one more."""
    following = source.session.next if source else None
    if following and following.session and session_id in (None, following.id):
        return following.session
    own = _NUMBER.search(session_id or "")
    if own:
        return own[0]
    if following and following.session:
        return following.session
    number = re.match(r"\d+", source.session.session) if source else None
    return str(int(number[0]) + 1) if number else "1"


# --- its parts -----------------------------------------------------------------------------


def _parts(
    session_id: str, source: PreviousSession | None, created: date, template: str | None
) -> dict[str, EmittedKey]:
    """Every key of the new file, in a session's order."""
    label = _label(session_id, source)
    title = _title(source)
    parts = {
        "session": EmittedKey(label),
        "title": (
            EmittedKey(title.replace(r"\{{", "{{"))  # a title has no live values
            if title
            else EmittedKey(f"Session {label}", "what it is about")
        ),
        "created": EmittedKey(str(created)),
        "duration": _duration(source),
        "checklist": EmittedKey({PLACEHOLDERS["item"]: False}, "label: true once it is done"),
        **{key.name: EmittedKey(None, key.hint) for key in _blank_keys(source)},
        "next": EmittedKey(
            _following(label), "the session after this one; 'handoff new' reads it"
        ),
        "prompt": EmittedKey(_prompt(label, title, source), "the prompt that starts it"),
    }
    chosen = template or (source.session.template if source else "handoff")
    if chosen != "handoff":
        parts["template"] = EmittedKey(chosen)
    if source:
        parts |= {"previous": EmittedKey(source.session.id), **carry_over(source)}
        prompts = _further_prompts(source, label)
        if prompts:
            parts["prompts"] = EmittedKey(prompts)
    facts = carry_facts(source, _cited(session_id, parts)) if source else None
    parts["facts"] = (
        replace(facts, comment=FACTS_COMMENT)
        if facts
        else EmittedKey({}, "name: {sql: subject/query.sql}, cited as '{{ name.column }}'")
    )
    return {key: parts[key] for key in NAMES if key in parts}


def _cited(session_id: str, parts: _Parts) -> set[str] | None:
    """The names in the live values, blocks and evidence of the new session.

    `None` if they cannot be known.
    """
    ordered = {key: parts[key] for key in NAMES if key in parts}
    try:
        text = format_page([], ordered).encode()
        session, _ = decode.load(text, session_id, session_path(session_id))
    except InvalidInput:
        return None
    found = {leaf.node.fact for leaf in leaves(session) if isinstance(leaf.node, FactBlock)}
    for text_ in texts(session):
        for part in parse_parts(text_.value):
            if isinstance(part, Expression):
                found.update(cited(part))
    for claim in every(session, Claim):
        evidence = claim.evidence if isinstance(claim.evidence, tuple) else ()
        found.update(e.value.split(".")[0] for e in evidence if isinstance(e, Text))
    return found


def _blank_keys(source: PreviousSession | None) -> list[Key]:
    had = {pair.key for pair in source.root.pairs} if source else set()
    return [key for key in KEYS if key.starts and (key.starts == "always" or key.name in had)]


def _title(source: PreviousSession | None) -> str | None:
    following = source.session.next if source else None
    if source and following and isinstance(following.title, Text):
        return " ".join(source.say(following.title).split())
    return None


def _duration(source: PreviousSession | None) -> EmittedKey:
    """How long the previous session expected this one to take."""
    time = source.session.next.time if source and source.session.next else None
    if isinstance(time, Entries):
        named = (e.content for e in time.entries if e.label.casefold() == "duration")
        time = next(named, None)
    if source and isinstance(time, Text):
        return EmittedKey(source.say(time))
    return EmittedKey(None, "such as 2.5-3 hours, or '{{ duration }}' of started: and ended:")


def _following(label: str) -> YamlValue:
    number = re.fullmatch(r"\d+", label)
    return {
        "session": str(int(label) + 1) if number else None,
        "title": None,
        "objectives": None,
        "prerequisites": None,
        "time": {"Duration": None},
    }


def _prompt(label: str, title: str | None, source: PreviousSession | None) -> YamlValue:
    prompt = _pair(source.root, "prompt") if source else None
    status = _status(prompt, source.session.prompt) if source else None
    return {
        "topic": title,
        "context": None,
        **({"status": status} if status else {}),
        "goal": None,
        "read": [_results(label)],
        "ask": f"Please read the Session {label} handoff and let's begin.",
        **_whether_standalone(source.session.prompt if source else None),
    }


def _results(label: str) -> Flow:
    return Flow({"path": "{{ document }}", "note": f"Session {label} results"})


_BLANK = ("topic", "context", "goal")
"""The keys of a prompt that are written again, as they were there."""


def _further_prompts(source: PreviousSession, label: str) -> dict[str, YamlValue]:
    """Each of `prompts:` to be written again, with what the author's words say every time."""
    number = re.compile(rf"\b(session[ -]){re.escape(source.session.session)}\b", re.IGNORECASE)
    node = _pair(source.root, "prompts")
    found: dict[str, YamlValue] = {}
    for prompt in source.session.prompts:
        written = _pair(node, prompt.name)
        topic, ask = (
            number.sub(rf"\g<1>{label}", source.say(words)) if isinstance(words, Text) else None
            for words in (prompt.topic, prompt.ask)
        )
        parts: dict[str, YamlValue] = {
            "topic": topic,
            "context": None,
            "status": _status(written, prompt),
            "goal": None,
            "read": [_results(label)],
            "ask": ask,
            "after": prompt.after,
            **_whether_standalone(prompt),
        }
        had = {pair.key for pair in written.pairs} if isinstance(written, Map) else set()
        found[prompt.name] = {
            key: value
            for key, value in parts.items()
            if key in ("read", "ask") or (key in had and (value is not None or key in _BLANK))
        }
    return found


def _whether_standalone(prompt: Prompt | None) -> dict[str, YamlValue]:
    if prompt is None or prompt.standalone is None:
        return {}
    return {"standalone": prompt.standalone}


def _pair(node: Node | None, key: str) -> Node | None:
    pairs = node.pairs if isinstance(node, Map) else ()
    return next((pair.node for pair in pairs if pair.key == key), None)


def _status(node: Node | None, prompt: Prompt | None) -> YamlValue:
    """The status in the prompt, if all of it is live values."""
    status = _pair(node, "status")
    if status is None or isinstance(status, List) or not prompt:
        return None
    return value_of(status) if is_live(prompt.status) else None


# --- as a file -----------------------------------------------------------------------------


class _Page(Struct, frozen=True):
    """The text of a file, and what had to be left out."""

    text: str
    parts: _Parts
    left_out: tuple[str, ...]
    dropped: tuple[Problem, ...]
    """A problem for each key that the template does not print."""
    unprinted: tuple[str, ...] = ()
    template: str = ""


def _rendering(
    project: Project,
    session_id: str,
    parts: _Parts,
    source: PreviousSession | None,
    *,
    is_chosen: bool,
) -> _Page:
    """The file, which loads and renders.

    A template may have no place for sections, and not print other keys. Unless the author
    has chosen it, another one is taken if it would lose what is carried over; else the keys
    are left out. Raises InvalidInput.
    """
    head = _head(session_id, source)
    page = _page(project, session_id, head, parts)
    template = str(parts["template"].value) if "template" in parts else "handoff"
    own = project.path(f"{project.settings.templates}/{template}.md.j2")
    is_lost = any(each.level == "error" for each in page.dropped) or not own.exists()
    if page.dropped and is_lost and not is_chosen:
        for name in ("handoff", "brief"):
            try:
                other = _page(project, session_id, head, _with_template(parts, name))
            except InvalidInput:  # the project has its own template of that name
                continue
            if not other.dropped:
                return replace(other, unprinted=_top_keys(page.dropped), template=name)
    lost: dict[str, None] = {}
    while page.dropped:
        lost |= dict.fromkeys(_top_keys(p for p in page.dropped if p.level == "error"))
        fewer = _without(page.parts, {each.place.keys for each in page.dropped})
        page = replace(_page(project, session_id, head, fewer), left_out=page.left_out)
    return replace(page, unprinted=tuple(lost))


def _page(project: Project, session_id: str, head: list[str], parts: _Parts) -> _Page:
    """Raises InvalidInput for other errors than keys that the template does not print."""
    for variant, left_out in _variants(parts):
        text = format_page(head, variant)
        problems = _problems(project, session_id, text)
        dropped = tuple(each for each in problems if each.code == "T012")
        errors = [each for each in problems if each.level == "error" and each not in dropped]
        if not errors:
            return _Page(text, variant, left_out, dropped)
    raise InvalidInput(errors)


def _with_template(parts: _Parts, name: str) -> _Parts:
    others = {key: part for key, part in parts.items() if key != "template"}
    named = {**others, "template": EmittedKey(name)} if name != "handoff" else others
    return {key: named[key] for key in NAMES if key in named}


def _top_keys(problems: Iterable[Problem]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(str(each.place.keys[0]) for each in problems))


def _without(parts: _Parts, dropped: Collection[KeyPath]) -> _Parts:
    """The parts without the keys; of a key within a mapping only that, if it can be."""
    found = dict(parts)
    for name, *inner in dropped:
        value = found[str(name)].value if str(name) in found else None
        if len(inner) == 1 and isinstance(value, dict) and inner[0] in value:
            left = {key: each for key, each in value.items() if key != inner[0]}
            found[str(name)] = replace(found[str(name)], value=left)
        else:
            found.pop(str(name), None)
    return found


def _variants(parts: _Parts) -> Iterator[tuple[_Parts, tuple[str, ...]]]:
    yield parts, ()
    sections = parts["sections"].value if "sections" in parts else None
    if isinstance(sections, list):
        anywhere = [{k: v for k, v in each.items() if k != "after"} for each in sections]
        yield {**parts, "sections": EmittedKey(anywhere)}, ()
        titles = tuple(str(each["title"]) for each in sections)
        yield {key: part for key, part in parts.items() if key != "sections"}, titles


def _problems(project: Project, session_id: str, text: str) -> tuple[Problem, ...]:
    path = session_path(session_id)
    try:
        session, warnings = decode.load(text.encode(), session_id, path)
        queries, _ = load_queries(project, used_queries([session]))
        return render(project, LoadedSession(session, queries, warnings), None).problems
    except InvalidInput as error:
        return error.report.problems


def _head(session_id: str, source: PreviousSession | None) -> list[str]:
    begun = f", continues {source.session.id}" if source else ""
    return [
        f"Created with 'handoff new'{begun}.",
        "A key without a value prints a blank; a key that is removed leaves its section out.",
        f"List the blanks: handoff todo {session_id}",
    ]


def _counts(parts: dict[str, EmittedKey]) -> dict[str, int]:
    found = {}
    for word, key in _COUNTED.items():
        value = parts[key].value if key in parts else None
        entries = value if isinstance(value, list | dict) else ()
        found[word] = sum(not isinstance(each, Comment) for each in entries)
    return found


_COUNTED = {"item": "checklist", "decision": "decisions"}
