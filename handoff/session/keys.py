"""The keys of a session file, each written once.

From `KEYS` come the decoder, the JSON Schema, the tables in `docs/session-format.md`
(`docs/tables.py`), the order and the places in which `set` and `add` write, what `new`
carries over, and the hints of `todo`. A key that is content and has no field in `Session`
is carried through by its line here alone. Whether a key is part of the prompt is decided
by `templates/prompt.md.j2`, not here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from handoff.base.problems import KeyPath
from handoff.session.content import CHECKLIST, CONTENT, CONTENT_KEYS, DEFINITIONS, PAIRED
from handoff.session.facts import FACTS
from handoff.session.shapes import BLANKS, Key, one_of, properties
from handoff.session.text import AUTHOR_TEXT, WORDS
from handoff.session.titles import CHOSEN_TITLES
from handoff.session.values import (
    ACTIONS,
    CHECKPOINT,
    CLOSING,
    CREATED,
    DO_NOT,
    IDS,
    LABEL,
    LABELS,
    MAX_LABEL,
    MINUTE,
    NEXT,
    PROMPT,
    PROMPTS,
    SECTIONS,
    SEVERITY,
    SLUG_SHAPE,
    SUMMARY,
    SUPERSEDED,
    TEMPLATE_NAME,
    TIME,
    TITLE,
    TRIED,
)

KEYS: tuple[Key, ...] = (
    Key(
        "session",
        LABEL,
        f"The session's number, or text such as 378b; at most {MAX_LABEL} characters.",
        required=True,
    ),
    Key("title", TITLE, "What the session is about.", required=True),
    Key(
        "slug",
        SLUG_SHAPE,
        "Names the document, <date>-SESSION-<n>-<SLUG>.md; made from the title by default.",
    ),
    Key(
        "created",
        CREATED,
        "The day, 2026-01-03; or the day with your words for it.",
        required=True,
        example="2026-01-03",
    ),
    Key("started", TIME, "When work started: 2026-01-03T14:00:00Z."),
    Key(
        "ended",
        TIME,
        "When work ended; {{ duration }} is the time between.",
        see="[duration](sources.md#session-duration)",
    ),
    Key("duration", WORDS, "How long the session took."),
    Key(
        "template",
        TEMPLATE_NAME,
        "handoff, brief, or a template of your own.",
        see="[templates](templates.md)",
    ),
    Key(
        "titles",
        CHOSEN_TITLES,
        "Renamed titles and labels.",
        see="[titles](#titles)",
        carry="copy",
        carry_comment="the words of your documents",
    ),
    Key(
        "goal",
        WORDS,
        "The goal of the session.",
        starts="always",
        hint="what will be true when this session is done",
    ),
    Key(
        "as_of",
        MINUTE,
        "The timestamp for which queries run; by default the minute in which they run.",
    ),
    Key(
        "status",
        AUTHOR_TEXT,
        "Your words for it; by default it is derived from the checklist.",
        see="[status](#status)",
    ),
    Key(
        "facts",
        FACTS,
        "The queries and sources that the session cites.",
        see="[queries](queries.md)",
        example="{coverage: {sql: coverage/phase4.sql, key: table_name}}",
        carry="facts",
        carry_comment="what this session cites; rendering runs the queries again",
    ),
    Key("header", LABELS, "Additional lines in the header."),
    Key(
        "checklist",
        CHECKLIST,
        "What the session has to do; the status is derived from it.",
        carry="checklist",
        carry_comment="what this session is to do",
    ),
    Key(
        "decisions",
        CONTENT,
        "What was decided.",
        carry="items",
        carry_comment="still binding; remove what is not",
        starts="always",
        hint="what was decided and why, an item each",
        has_items=True,
        example="{text: Keep the sample, evidence: docs/plan.md}",
    ),
    Key(
        "findings",
        CONTENT,
        "What was found.",
        starts="always",
        hint="what was found out, an item each",
        has_items=True,
        example="{text: All days are loaded, evidence: coverage}",
    ),
    Key("summary", SUMMARY, "The executive summary: labels with content, or any content."),
    Key(
        "accomplished",
        CONTENT,
        "What was done; heading: content, numbered.",
        starts="always",
        hint="heading: what was done, and how it was verified",
    ),
    Key(
        "insights",
        CONTENT,
        "What was learned; heading: content.",
        starts="as before",
        hint="heading: what is worth knowing",
    ),
    Key("orchestrator", CONTENT, "The state of the running process.", carry="live"),
    Key("coverage", CONTENT, "How complete the tables are.", carry="live"),
    Key(
        "files",
        CONTENT,
        "Which files were changed; heading: content.",
        starts="as before",
        hint="heading: files, an item each",
    ),
    Key(
        "commands",
        CONTENT,
        "How to run and verify it; heading: content.",
        starts="as before",
        hint="heading: the commands",
    ),
    Key("next", NEXT, "The next session.", example="{id: session-2, title: Review}"),
    Key(
        "prompt",
        PROMPT,
        "Starts the next session.",
        example="{goal: Review the load, ask: Start with the plan.}",
    ),
    Key(
        "troubleshooting",
        CONTENT,
        "What to do about known problems; heading: content.",
        starts="as before",
        hint="heading: what to do about it",
    ),
    Key("metrics", CONTENT, "Time, tokens, quality.", starts="as before", hint="label: value"),
    Key("closing", CLOSING, "The labels of the footer."),
    Key(
        "sections",
        SECTIONS,
        "Free sections.",
        carry="sections",
        example="{title: Risks, content: [One late feed]}",
    ),
    Key("previous", IDS, "The previous sessions."),
    Key(
        "supersedes",
        SUPERSEDED,
        "What this handoff replaces; a document by its path from the root.",
    ),
    Key(
        "blocked_by",
        AUTHOR_TEXT,
        "What the work waits for; printed in the status.",
        carry="text",
        carry_comment="remove it once it is solved",
    ),
    Key("severity", SEVERITY, "How closely the receiver has to look."),
    Key(
        "actions",
        ACTIONS,
        "What is to be done.",
        carry="items",
        carry_comment="remove what is done",
    ),
    Key(
        "actions_by",
        one_of(["owner"]),
        "Groups actions.",
        carry="copy",
    ),
    Key(
        "tried",
        TRIED,
        "What failed; nobody should try it again.",
        carry="items",
        carry_comment="so that nobody tries it again",
    ),
    Key(
        "do_not",
        DO_NOT,
        "What must not be done.",
        carry="guards",
        carry_comment="still binding; remove what is not",
    ),
    Key("checkpoint", CHECKPOINT, "When the work is checked next."),
    Key(
        "prompts",
        PROMPTS,
        "Further prompts.",
        example="{review: {goal: Review the load, ask: Start.}}",
    ),
)
NAMES = tuple(key.name for key in KEYS)
"""In the order in which a session file has them."""

SCHEMA: Mapping[str, object] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Session of a handoff",
    "description": "sessions/<id>.yaml: an absent key leaves its section out, a key without a "
    "value prints it blank.",
    "type": "object",
    **properties(KEYS),
    "$defs": {**DEFINITIONS, **BLANKS},
}


def key_at(path: KeyPath) -> Key | None:
    """The key whose value is at `path`; `None` for a label, an item and an unknown key."""
    return _resolve(path)[0]


def keys_in(path: KeyPath) -> tuple[Key, ...]:
    """The keys that a mapping at `path`, or an item of a list there, may have.

    In content those of claims and conditions; none where it has labels.
    """
    _, keys, inside = _resolve(path)
    return PAIRED if inside == "content" else () if inside == "names" else keys


def outer_key(path: KeyPath) -> tuple[KeyPath, Key] | None:
    """The innermost key that `path` is, or is in."""
    for end in range(len(path), 0, -1):
        key = key_at(path[:end])
        # a label under `steps` or `items` takes content, not what these take
        is_label = end < len(path) and key in CONTENT_KEYS and key.shape.inside == "content"
        if key and not is_label:
            return path[:end], key
    return None


def _resolve(path: KeyPath) -> tuple[Key | None, tuple[Key, ...], str]:
    """The key at `path`, the keys in it and where they are; without keys if unknown."""
    keys: tuple[Key, ...] = KEYS
    inside: str = "mapping"
    key = None
    for part in path:
        key = None
        if isinstance(part, int):
            continue
        if inside == "names":
            inside = "mapping"
            continue
        known = CONTENT_KEYS if inside == "content" else keys
        key = next((each for each in known if each.name == part), None)
        if key:
            keys, inside = key.shape.keys, key.shape.inside
        elif inside != "content":
            return None, (), "mapping"
    return key, keys, inside


def paths(keys: tuple[Key, ...] = KEYS, above: str = "") -> Iterator[tuple[str, Key]]:
    """Every key with its path as the docs show it: `actions[].due`, `prompts.<name>.ask`."""
    for key in keys:
        path = f"{above}{key.name}"
        yield path, key
        if key.shape.inside != "content":
            between = {"items": "[].", "names": ".<name>."}.get(key.shape.inside, ".")
            yield from paths(key.shape.keys, path + between)
