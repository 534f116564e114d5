"""`new`: the file of the next session, with what the previous one left for it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date
from itertools import count
from zoneinfo import ZoneInfo

from msgspec import Struct

from handoff.base.files import write_new
from handoff.base.problems import InvalidInput, Refused, UsageError
from handoff.edit.carry_over import PreviousSession, carry_over, is_live
from handoff.project.project import Project
from handoff.session import decode
from handoff.session.keys import KEYS, NAMES
from handoff.session.model import Entries, Session, Text
from handoff.session.shapes import Key
from handoff.session.values import ID
from handoff.workspace.document import render
from handoff.workspace.gather import load_facts
from handoff.workspace.load import LoadedSession, load_queries, load_session
from handoff.workspace.paths import document_place, session_path
from handoff.yaml.emitter import Comment, EmittedKey, Flow, Value, format_page, value_of
from handoff.yaml.nodes import List, Map, parse

_NUMBER = re.compile(r"\d+[a-z]?$")
_DATED = re.compile(r"\d{4}-\d{2}-")


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
    text, left_out = _rendering(project, session_id, parts, source)
    if not write_new(project.path(path), text.encode(), place=path):
        raise Refused(f"{path}: error: the file exists")
    return NewSession(session_id, path, source_id, _counts(parts), left_out)


def _source(project: Project, session_id: str) -> PreviousSession:
    path = session_path(session_id)
    raw = project.read(path) or b""
    session, _ = decode.load(raw, session_id, path)
    root = parse(raw, path, [])
    assert isinstance(root, Map)  # it was loaded
    return PreviousSession(session, raw.decode(), root, _speaker(project, session))


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
        "checklist": EmittedKey({"First thing to do": False}, "label: true once it is done"),
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
    else:
        parts["facts"] = EmittedKey(
            {}, "name: {sql: subject/query.sql}, cited as '{{ name.column }}'"
        )
    return {key: parts[key] for key in NAMES if key in parts}


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


def _following(label: str) -> Value:
    number = re.fullmatch(r"\d+", label)
    return {
        "session": str(int(label) + 1) if number else None,
        "title": None,
        "objectives": None,
        "prerequisites": None,
        "time": {"Duration": None},
    }


def _prompt(label: str, title: str | None, source: PreviousSession | None) -> Value:
    read = Flow({"path": "{{ document }}", "note": f"Session {label} results"})
    status = _status(source) if source else None
    return {
        "topic": title,
        "context": None,
        **({"status": status} if status else {}),
        "goal": None,
        "read": [read],
        "ask": f"Please read the Session {label} handoff and let's begin.",
    }


def _status(source: PreviousSession) -> Value:
    """The status in the prompt, if all of it is live values."""
    prompt = next((pair.node for pair in source.root.pairs if pair.key == "prompt"), None)
    pairs = prompt.pairs if isinstance(prompt, Map) else ()
    node = next((pair.node for pair in pairs if pair.key == "status"), None)
    if node is None or isinstance(node, List) or not source.session.prompt:
        return None
    return value_of(node) if is_live(source.session.prompt.status) else None


# --- as a file -----------------------------------------------------------------------------


def _rendering(
    project: Project,
    session_id: str,
    parts: dict[str, EmittedKey],
    source: PreviousSession | None,
) -> tuple[str, tuple[str, ...]]:
    """The text of the file, which loads and renders, and what had to be left out.

    A template of the author's own may have no place for sections. Raises InvalidInput.
    """
    head = _head(session_id, source)
    for variant, left_out in _variants(parts):
        text = format_page(head, variant)
        try:
            _render(project, session_id, text)
        except InvalidInput as error:
            problems = error.report.problems
            continue
        return text, left_out
    raise InvalidInput(problems)


def _variants(
    parts: dict[str, EmittedKey],
) -> Iterator[tuple[dict[str, EmittedKey], tuple[str, ...]]]:
    yield parts, ()
    sections = parts["sections"].value if "sections" in parts else None
    if isinstance(sections, list):
        anywhere = [{k: v for k, v in each.items() if k != "after"} for each in sections]
        yield {**parts, "sections": EmittedKey(anywhere)}, ()
        titles = tuple(str(each["title"]) for each in sections)
        yield {key: part for key, part in parts.items() if key != "sections"}, titles


def _render(project: Project, session_id: str, text: str) -> None:
    path = session_path(session_id)
    session, warnings = decode.load(text.encode(), session_id, path)
    queries, _ = load_queries(project)
    render(project, LoadedSession(session, queries, warnings), None)


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
