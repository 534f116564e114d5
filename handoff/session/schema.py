"""The JSON Schema (draft 2020-12) of the session file: what editors complete and underline.

Keys and patterns come from the tables of the decoder; `tests/test_schema.py` holds that
both accept and refuse the same files. What a schema cannot see is left to the decoder:
how a value was written, and whether a date is in the calendar.

Where a mapping is expected an empty list will do, and the other way round: `{}` and `[]`
both say that there is nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from handoff.session.content import (
    CLAIM_KEYS,
    CODE_LANG,
    CODE_LANGS,
    CONDITION_KEYS,
    FACT_NAME,
    LIVE,
    RESERVED,
)
from handoff.session.decode import (
    AFTER,
    FACT_KEYS,
    ID,
    KEYS,
    LINE,
    MAX_LABEL,
    MAX_SLUG,
    NAMED_PROMPT_KEYS,
    NEXT_KEYS,
    PROMPT_KEYS,
    PROMPT_NAME,
    RESERVED_NAMES,
    SECTION_KEYS,
    SLUG,
    SQL_NAME,
    TEMPLATE,
)
from handoff.session.expectations import ACCEPTED_KEYS, EXPECTED_KEYS, LIMIT_KEYS, REASON
from handoff.session.model import CHANGES, DEFAULT_PROMPT, LEVELS
from handoff.session.ownership import (
    ACTION_KEYS,
    CHECKPOINT_KEYS,
    DO_NOT_KEYS,
    PRIORITIES,
    SEVERITY_KEYS,
    TRIED_KEYS,
)
from handoff.session.sources import (
    COLUMN,
    LOOKUP_KEYS,
    READ_KEYS,
    REQUIRED,
    ROW_KEYS,
    SOURCE_PATH,
    TAKES,
)
from handoff.sql.contracts import CONTRACTS
from handoff.yaml.decode import DAY, MOMENT

Schema = Mapping[str, object]


def _whole(pattern: str) -> str:
    # `$` alone matches before a last line break in some languages
    return rf"^(?:{pattern})$(?!\n)"


def _described(schema: Schema, description: str) -> Schema:
    return {"description": description, **schema}


def _mapping(properties: Mapping[str, Schema], required: Iterable[str] = ()) -> Schema:
    """A mapping with these keys, or nothing."""
    return {
        "type": ["object", "array", "null"],
        "maxItems": 0,
        "properties": properties,
        "required": [*required],
        "additionalProperties": False,
    }


def _labels(schema: Schema) -> Schema:
    """A mapping of labels, or nothing."""
    return {
        "type": ["object", "array", "null"],
        "maxItems": 0,
        "additionalProperties": schema,
    }


def _list(schema: Schema) -> Schema:
    """A list, or nothing."""
    return {"type": ["array", "object", "null"], "maxProperties": 0, "items": schema}


def _listed(schema: Schema) -> Schema:
    """One, or a list of it."""
    return {**schema, "type": [*_types(schema), "array"], "items": schema}


def _types(schema: Schema) -> list[str]:
    types = schema["type"]
    assert isinstance(types, list)  # so it is written here, always
    return types


def _of(keys: Iterable[str], schemas: Mapping[str, Schema]) -> Mapping[str, Schema]:
    """The schema of each key; a key without one does not get past the import."""
    return {key: schemas[key] for key in keys}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


# --- text ------------------------------------------------------------------------------

_TEXT: Schema = {"type": ["string", "number", "null"]}
_LINE: Schema = {**_TEXT, "pattern": _whole(LINE)}
_TITLE: Schema = {"type": ["string", "number"], "pattern": _whole(rf"(?=.*\S){LINE}")}
_FLAG: Schema = {"type": ["boolean", "null"]}
_NAME: Schema = {"type": ["string", "integer", "null"], "minimum": 0}
_ID: Schema = {**_NAME, "type": ["string", "number", "null"], "pattern": _whole(ID)}
_DAY: Schema = {"type": ["string"], "format": "date", "pattern": _whole(DAY)}
_MOMENT: Schema = {"type": ["string", "null"], "pattern": _whole(MOMENT)}
_FACT_REF: Schema = {"type": ["string"], "pattern": _whole(FACT_NAME)}
_SQL: Schema = {"type": ["string"], "pattern": _whole(SQL_NAME)}

_TO_BE_FILLED = "[Tt][Oo] [Bb][Ee] [Ff][Ii][Ll][Ll][Ee][Dd](?![A-Za-z]).*"
_FIRST: Schema = {"type": ["string", "object"]}


def _opening(pattern: str) -> Schema:
    """A list whose first item begins like a blank, `[TIME]` or `[TO BE FILLED: when]`."""
    spelled = {"pattern": _whole(pattern)}
    return {"minItems": 1, "prefixItems": [{**_FIRST, **spelled, "propertyNames": spelled}]}


_BLANKS: Mapping[str, Schema] = {
    "spelled": {
        "description": "A blank written without quotes: [TIME], [TO BE FILLED - hint].",
        "anyOf": [
            {"maxItems": 1, **_opening("[^a-z]*")},
            _opening(_TO_BE_FILLED),
        ],
    },
    "phrase": {
        "description": "As a list item, a bracketed phrase is a blank: [Other files].",
        "anyOf": [
            {"minItems": 1, "maxItems": 1, "prefixItems": [{"type": "string"}]},
            _opening(_TO_BE_FILLED),
        ],
    },
}


def _or_blank(schema: Schema, blank: str = "spelled") -> Schema:
    """`schema`, or a blank that YAML reads as a list."""
    return {
        **schema,
        "type": [*_types(schema), "array"],
        "if": {"type": "array"},
        "then": _ref(blank),
    }


_WORDS = _or_blank(_TEXT)
_ITEM_WORDS = _or_blank(_TEXT, "phrase")

# --- content ---------------------------------------------------------------------------

_COLUMNS: Schema = {
    "type": ["object", "array", "null"],
    "additionalProperties": _TEXT,
    "items": {"type": ["string", "number"], "pattern": r"\S"},
    "description": "Which columns, in which order: a list of names, or name: heading.",
}
_CODE = _described(_WORDS, "A fenced block; literal, never live, never searched for blanks.")
_CHANGE: Schema = {"enum": [*CHANGES, None]}
_CHANGES: Schema = {
    "if": {"type": "array"},
    "then": {"items": _CHANGE},
    "else": _CHANGE,
    "description": "Which files: added, modified, renamed, deleted, or a list of these.",
}
_BESIDE: Mapping[str, Mapping[str, Schema]] = {
    "table": {"columns": _COLUMNS},
    "files": {"change": _CHANGES},
    "code": {
        "lang": {
            **_TEXT,
            "pattern": _whole(CODE_LANG),
            "description": "The language of the fence.",
        }
    },
}
"""What a key means only beside a reserved one."""
_SPECIAL: Mapping[str, Schema] = {
    "value": _described(_ref("content"), "A value, with a list or labels beneath: items."),
    "steps": {
        **_list(_ref("content")),
        "description": "A numbered list.",
    },
    "checklist": _described(_ref("checklist"), "Boxes, label: true or false."),
    **dict.fromkeys((*CODE_LANGS, "code"), _CODE),
    "table": _described(_FACT_REF, "The rows of this fact as a table."),
    "phases": _described(_FACT_REF, "Status lines of each phase of this fact."),
    "files": _described(_FACT_REF, "The paths in this fact, a heading for each change."),
    "expect": _described(_FACT_REF, "What this fact is expected to be, and what it is."),
    "markdown": _described(_TEXT, "Markdown as it stands; never live, never a blank."),
}


_PAIRED: Mapping[str, Schema] = {
    "text": _WORDS,
    "what": _WORDS,
    "when": {"type": ["string"], "pattern": _whole(LIVE)},
    "evidence": {
        "type": ["string", "number", "null", "array", "object"],
        "maxProperties": 0,
        "items": _ITEM_WORDS,
    },
}
"""A condition is `{text:, when:}`, a claim `{text:, evidence:}` or `{what:, evidence:}`."""


def _alone(keys: Sequence[str]) -> Schema:
    """What may stand beside the first reserved key that is there."""
    if not keys:
        return {}
    key, *others = keys
    then = {"propertyNames": {"enum": [*RESERVED[key]]}, "properties": _BESIDE.get(key, {})}
    return {"if": {"required": [key]}, "then": then, "else": _alone(others)}


def _paired() -> Schema:
    """A condition or a claim, which two keys make; else what the reserved keys say."""
    schema = _alone(tuple(RESERVED))
    for keys in (CONDITION_KEYS, *CLAIM_KEYS):
        both = {"required": [*keys], "maxProperties": len(keys)}
        schema = {"if": both, "then": {"properties": _of(keys, _PAIRED)}, "else": schema}
    return schema


_CONTENT: Schema = {
    "description": (
        "Content: nothing (a blank), text, a number, true or false (✅/❌), a list, labels "
        "with content, or a mapping with one of the reserved keys."
    ),
    "properties": _of(RESERVED, _SPECIAL),
    "additionalProperties": _ref("content"),
    "items": _ref("content"),
    "if": {"type": "object"},
    "then": _paired(),
}
_BOX: Schema = {
    "type": ["boolean", "object", "null"],
    "properties": {
        "done": _described(_FLAG, "Whether the box is ticked."),
        "note": _described(_WORDS, "What stands behind the label, in parentheses."),
        "when": {
            "description": "What the facts say of it while it is not ticked.",
            "type": "string",
            "pattern": _whole(LIVE),
        },
    },
    "additionalProperties": False,
}
_CHECKLIST: Schema = {
    "description": "Boxes: label: true, false or {done: , note: }; a list is open boxes.",
    "type": ["object", "array", "null"],
    "additionalProperties": _BOX,
    "items": _ITEM_WORDS,
}

# --- facts -----------------------------------------------------------------------------

_LIMIT: Schema = {"type": ["number", "string"]}
_LIMITS: Mapping[str, Schema] = {
    "min": _described(_LIMIT, "The least: a number, a day or a time."),
    "max": _described(_LIMIT, "The most."),
    "equals": _described(
        {"type": ["number", "string", "boolean"]}, "What it is to be, to the letter."
    ),
}


def _some(keys: Sequence[str], schemas: Mapping[str, Schema], one_of: Sequence[str]) -> Schema:
    """A mapping with at least one of the keys."""
    return {
        "type": "object",
        "properties": _of(keys, schemas),
        "additionalProperties": False,
        "anyOf": [{"required": [key]} for key in one_of],
    }


_ACCEPTED: Mapping[str, Schema] = {
    "reason": _described({"type": ["string", "number"], "pattern": _whole(REASON)}, "Why."),
    "until": _described(_DAY, "The last day on which it is accepted."),
}
_EXPECTED: Mapping[str, Schema] = {
    **_LIMITS,
    "rows": {
        "type": "object",
        "minProperties": 1,
        "additionalProperties": _some(LIMIT_KEYS, _LIMITS, LIMIT_KEYS),
        "description": "Limits of their own, row: {min: , max: , equals: }.",
    },
    "except": _described(
        _labels(
            {
                "type": "object",
                "properties": _of(ACCEPTED_KEYS, _ACCEPTED),
                "required": [*ACCEPTED_KEYS],
                "additionalProperties": False,
            }
        ),
        "Rows that may miss it for a while, row: {reason: , until: }.",
    ),
}
_READ_FIELDS: Mapping[str, Schema] = {
    "expect": _described(
        _labels(_some(EXPECTED_KEYS, _EXPECTED, (*LIMIT_KEYS, "rows"))),
        "Column: what it is expected to be, {min: , max: , equals: , rows: , except: }.",
    ),
    "since": _described(
        {**_NAME, "type": ["string", "number", "null"], "pattern": _whole(ID)},
        "The id of the session whose answer stands beside this one, or previous.",
    ),
}

_FACT_FIELDS: Mapping[str, Schema] = {
    "sql": _described(_SQL, "The question: a file beneath sql/."),
    "params": _described(_labels({}), "The question's parameters, name: value."),
    "key": _described(_LINE, "The column whose values name the rows: fact.row.column."),
    "redact": _described(_listed(_TEXT), "Columns that are never recorded."),
    **_READ_FIELDS,
}
_SOURCE: Schema = {"type": ["string", "number"], "pattern": _whole(SOURCE_PATH)}
_LOOKUP_FIELDS: Mapping[str, Schema] = {
    "log": _described(_SOURCE, "A log, from the root; * in its name stands for the newest."),
    "match": _described(
        {"type": ["string", "number"], "minLength": 1},
        "A regular expression (RE2); its named groups are columns, 'at' is the line's time.",
    ),
    "json": _described(_SOURCE, "A checkpoint file, from the root."),
    "rows": _described(_TEXT, "Where its rows stand (JMESPath); else the file is one row."),
    "from": _described(_labels(_TEXT), "Column: the JMESPath expression that gives it."),
    "zone": _described(_TEXT, "The time zone of times that carry none, such as UTC."),
    "set": _described(
        _labels({"type": ["string", "number", "boolean", "null"]}),
        "Column: its value, where the file cannot know it.",
    ),
    "git": _described(
        {"type": ["string", "number"]}, "Since when: a commit, a branch, a date or a time."
    ),
}
_ROW_FIELDS: Mapping[str, Schema] = {
    "columns": _described(
        {**_labels({"type": "string"}), "propertyNames": {"pattern": _whole(COLUMN)}},
        "Column: its type, such as INT64.",
    ),
    "contract": _described({"enum": [*CONTRACTS, None]}, "Adds the contract's columns."),
    "key": _described(_TEXT, "The column whose values name the rows: fact.row.column."),
    **_READ_FIELDS,
}
_HAS_COLUMNS: Schema = {
    "anyOf": [
        {"required": ["contract"], "properties": {"contract": {"not": {"type": "null"}}}},
        {
            "required": ["columns"],
            "properties": {"columns": {"type": "object", "minProperties": 1}},
        },
    ]
}


def _take(kind: str) -> Mapping[str, Schema]:
    """Of a kind that has a choice."""
    if kind not in TAKES:
        return {}
    choices = {"enum": [*TAKES[kind], None]}
    return {"take": _described(choices, f"Which of them; '{TAKES[kind][0]}' if not given.")}


def _lookup(kind: str, more: Mapping[str, Schema]) -> Schema:
    """A mapping with the keys of one kind of source, and `more`."""
    fields = {**_LOOKUP_FIELDS, **_take(kind)}
    return {
        "type": "object",
        "properties": {**_of(LOOKUP_KEYS[kind], fields), **more},
        "required": [*REQUIRED[kind]],
        "additionalProperties": False,
    }


def _by_kind(schemas: Mapping[str, Schema], otherwise: Schema) -> Schema:
    """The schema of the first key that is there."""
    for kind, schema in reversed([*schemas.items()]):
        is_kind = {"type": "object", "required": [kind]}
        otherwise = {"if": is_kind, "then": schema, "else": otherwise}
    return otherwise


_FILES = ("log", "json")
_NOTHING: Schema = {"not": {}}
_QUESTION: Schema = {
    **_mapping(_of(FACT_KEYS, _FACT_FIELDS), required=("sql",)),
    "type": ["object", "string"],
    "pattern": _whole(SQL_NAME),
}
_SOURCES: Schema = {
    "type": "array",
    "minItems": 1,
    "items": _by_kind({kind: _lookup(kind, {}) for kind in _FILES}, _NOTHING),
    "description": "Several logs and checkpoints as one fact.",
}
_ROWS = _of(ROW_KEYS, _ROW_FIELDS)
_FACT: Schema = _by_kind(
    {
        **{kind: {**_lookup(kind, _ROWS), **_HAS_COLUMNS} for kind in _FILES},
        "git": _lookup("git", _of(READ_KEYS, _ROW_FIELDS)),
        "sources": {
            "type": "object",
            "properties": {"sources": _SOURCES, **_ROWS},
            "additionalProperties": False,
            **_HAS_COLUMNS,
        },
    },
    _QUESTION,
)
_FACTS: Schema = {
    **_labels(_FACT),
    "propertyNames": {"pattern": _whole(FACT_NAME), "not": {"enum": [*RESERVED_NAMES]}},
}

# --- parts -----------------------------------------------------------------------------

_NEXT: Mapping[str, Schema] = {
    "id": _described(_ID, "The id of the next session: the stem of its file."),
    "session": _described(_LINE, "Its number."),
    "title": _described(_WORDS, "Its title."),
    "objectives": _described(_ref("content"), "What it is to reach."),
    "prerequisites": _described(_ref("content"), "What must be there before it starts."),
    "time": _described(_ref("content"), "How long it takes and when it can start."),
}
_READING: Schema = {
    **_or_blank(_TEXT, "phrase"),
    "type": ["string", "number", "null", "array", "object"],
    "properties": {
        "path": _described(_or_blank({"type": ["string", "number"]}, "phrase"), "The file."),
        "note": _described(_WORDS, "Why it is to be read."),
    },
    "required": ["path"],
    "additionalProperties": False,
}
_PROMPT: Mapping[str, Schema] = {
    "topic": _described(_WORDS, "What the session is about."),
    "context": _described(_ref("content"), "What was done before."),
    "status": _described(_ref("content"), "How things stand, label: text."),
    "goal": _described(_ref("content"), "What the next session is for."),
    "read": {**_list(_READING), "description": "The files to read first, {path: , note: }."},
    "approach": _described(_ref("content"), "How to work."),
    "ask": _described(_WORDS, "The request that ends the prompt."),
    "more": _described(_labels(_ref("content")), "Further parts, HEADING: content."),
    "text": _described(_WORDS, "The whole prompt in your words, in place of the parts."),
}
_AFTER: Schema = {"enum": [*AFTER, None]}
_PROMPTS: Schema = {
    **_labels(
        _mapping(
            _of(
                NAMED_PROMPT_KEYS,
                {
                    **_PROMPT,
                    "after": _described(_AFTER, "Which section it stands after."),
                },
            )
        )
    ),
    "propertyNames": {"pattern": _whole(PROMPT_NAME), "not": {"enum": [DEFAULT_PROMPT]}},
}
_SECTION_FIELDS: Mapping[str, Schema] = {
    "title": _described(_LINE, "The heading; without one the content stands alone."),
    "after": _described(_AFTER, "Which section it stands after; else at the end."),
    "content": _described(_ref("content"), "What stands beneath the heading."),
    "level": _described(
        {"type": ["integer", "null"], "minimum": 1, "maximum": 6},
        "Of the heading, 1 to 6; 2 if not given.",
    ),
    "rule": _described(_FLAG, "Whether a line stands above; else the template decides."),
}
_SECTION: Schema = {
    "type": "object",
    "properties": _of(SECTION_KEYS, _SECTION_FIELDS),
    "additionalProperties": False,
    "anyOf": [
        {"required": ["content"]},
        {"required": ["title"], "properties": {"title": {"not": {"type": "null"}}}},
    ],
}
_CREATED: Schema = {
    "type": ["string", "object"],
    "format": "date",
    "pattern": _whole(DAY),
    "properties": {
        "date": _described(_DAY, "The day, such as 2026-01-03."),
        "text": _described(_LINE, "Your words for it: January 3-4, 2026."),
    },
    "required": ["date"],
    "additionalProperties": False,
}

# --- what the receiver must know -------------------------------------------------------

_DUE: Schema = {"type": ["string", "null"], "pattern": _whole(f"{DAY}|{MOMENT}")}


def _one_of(words: Iterable[str]) -> Schema:
    return {"enum": [*words, None]}


def _item(keys: Sequence[str], fields: Mapping[str, Schema]) -> Schema:
    """Text, or a mapping with these keys, of which the first must be there."""
    return {
        **_or_blank(_TEXT, "phrase"),
        "type": ["string", "number", "null", "array", "object"],
        "properties": _of(keys, fields),
        "required": [keys[0]],
        "additionalProperties": False,
    }


def _whole_or(keys: Sequence[str], fields: Mapping[str, Schema], alone: Schema) -> Schema:
    """The first of these keys without the others, or a mapping with it."""
    mapping = {
        "type": "object",
        "properties": _of(keys, fields),
        "required": [keys[0]],
        "additionalProperties": False,
    }
    return {"if": {"type": "object"}, "then": mapping, "else": alone}


_SEVERITY: Mapping[str, Schema] = {
    "level": _described(_one_of(LEVELS), "How closely the receiver has to look."),
    "why": _described(_WORDS, "What makes it so."),
}
_ACTION: Mapping[str, Schema] = {
    "do": _described(_WORDS, "What is to be done."),
    "owner": _described(_WORDS, "Who does it."),
    "due": _described(_DUE, "By when: 2026-01-03 or 2026-01-03T16:20:00Z."),
    "priority": _described(_one_of(PRIORITIES), "How it weighs against the others."),
    "if": _described(_WORDS, "What may happen instead."),
    "then": _described(_WORDS, "What is to be done in that case."),
}
_REASONED: Mapping[str, Schema] = {
    "what": _described(_WORDS, "What was tried."),
    "text": _described(_WORDS, "What must not be done."),
    "why": _described(_WORDS, "Why it failed, or would."),
}
_CHECKPOINT: Mapping[str, Schema] = {
    "at": _described(_DUE, "When: 2026-01-03 or 2026-01-03T16:20:00Z."),
    "what": _described(_WORDS, "What is looked at then."),
}
_OTHERWISE: Schema = {"dependentRequired": {"if": ["then"], "then": ["if"]}}

# --- the file --------------------------------------------------------------------------

_CONTENT_REF = _ref("content")
_FIELDS: Mapping[str, Schema] = {
    "session": _described(
        {**_TITLE, "maxLength": MAX_LABEL}, "The session's number, or text such as 378b."
    ),
    "title": _described(_TITLE, "What the session is about, on one line."),
    "slug": _described(
        {**_ID, "pattern": _whole(SLUG), "maxLength": MAX_SLUG},
        "Names the document, <date>-SESSION-<n>-<SLUG>.md; made from the title if not given.",
    ),
    "created": _described(_CREATED, "The day, 2026-01-03, or {date: , text: }."),
    "started": _described(_MOMENT, "When work began: 2026-01-03T14:00:00Z."),
    "ended": _described(_MOMENT, "When work ended; {{ duration }} tells the time between."),
    "duration": _described(_WORDS, "How long the session took."),
    "template": _described(
        {**_NAME, "pattern": _whole(TEMPLATE)}, "handoff, brief, or one of your own."
    ),
    "goal": _described(_WORDS, "What the session is for."),
    "as_of": _described(
        _MOMENT, "The moment the questions are asked for; else the minute of asking."
    ),
    "status": _described(_WORDS, "Your words in place of the status that boxes give."),
    "facts": _described(_FACTS, "name: which question, asked with which parameters."),
    "header": _described(_labels(_CONTENT_REF), "Extra header lines, label: text."),
    "checklist": _described(_ref("checklist"), "What the session has to do; gives its status."),
    "decisions": _described(_CONTENT_REF, "What was decided."),
    "findings": _described(_CONTENT_REF, "What was found."),
    "summary": _described(_labels(_CONTENT_REF), "Extra labels in the executive summary."),
    "accomplished": _described(_CONTENT_REF, "What was done; heading: content, numbered."),
    "insights": _described(_CONTENT_REF, "What was learnt; heading: content."),
    "orchestrator": _described(_CONTENT_REF, "How the running process stands."),
    "coverage": _described(_CONTENT_REF, "How complete the tables are."),
    "files": _described(_CONTENT_REF, "Which files were touched; heading: content."),
    "next": _described(_mapping(_of(NEXT_KEYS, _NEXT)), "The next session."),
    "prompt": _described(
        _mapping(_of(PROMPT_KEYS, _PROMPT)), "The prompt to start the next session with."
    ),
    "troubleshooting": _described(_CONTENT_REF, "What to do if; heading: content."),
    "metrics": _described(_CONTENT_REF, "Time, tokens, quality."),
    "closing": _described(_labels(_CONTENT_REF), "The footer's labels."),
    "sections": _described(_list(_SECTION), "Free sections."),
    "previous": _described(_listed(_ID), "The id, or ids, of the sessions before."),
    "supersedes": _described(_ID, "The id of the session whose handoff this replaces."),
    "blocked_by": _described(_WORDS, "What the work waits for; the status says so."),
    "severity": _described(
        _whole_or(SEVERITY_KEYS, _SEVERITY, _SEVERITY["level"]),
        "stable, watch or unstable; or {level: , why: }.",
    ),
    "actions": {
        **_list({**_item(ACTION_KEYS, _ACTION), **_OTHERWISE}),
        "description": "What is to be done: text or {do: , owner: , due: , if: , then: }.",
    },
    "tried": {
        **_list(_item(TRIED_KEYS, _REASONED)),
        "description": "What failed, so that nobody tries it again: {what: , why: }.",
    },
    "do_not": {
        **_list(_item(DO_NOT_KEYS, _REASONED)),
        "description": "What must not be done: text or {text: , why: }.",
    },
    "checkpoint": _described(
        _whole_or(CHECKPOINT_KEYS, _CHECKPOINT, _CHECKPOINT["at"]),
        "When somebody looks at it next: a time or {at: , what: }.",
    ),
    "prompts": _described(_PROMPTS, "Further prompts, name: as under prompt."),
}

SCHEMA: Schema = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Session of a handoff",
    "description": "sessions/<id>.yaml: an absent key leaves its section out, a key with "
    "nothing prints it blank.",
    "type": "object",
    "properties": _of(KEYS, _FIELDS),
    "required": ["session", "title", "created"],
    "additionalProperties": False,
    "$defs": {"content": _CONTENT, "checklist": _CHECKLIST, **_BLANKS},
}
