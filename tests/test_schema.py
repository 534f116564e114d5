"""The JSON Schema of the session file and the decoder accept and refuse the same files."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from handoff.base.problems import InvalidInput, KeyPath, Problem
from handoff.session.content import RESERVED
from handoff.session.decode import load
from handoff.session.keys import NAMES, SCHEMA
from handoff.yaml.decode import Decoder, json_value

FIXTURES = Path(__file__).parent / "fixtures" / "sessions"
VALIDATOR = Draft202012Validator(
    dict(SCHEMA), format_checker=Draft202012Validator.FORMAT_CHECKER
)

BEYOND_A_SCHEMA = {
    r"\(Y0(0\d|1\d)\)$": "how the file is written: before there are values",
    r"invalid (date|time) '": "the calendar, where a value may be a day or a time",
    r"is not among the options|option '.*' is there twice": "one value held against another",
    r"a row of \d+ cells?, expected|in a row, ": "one value held against another",
    r"due before .*, until when it waits": "one value held against another",
    r"ended before it started": "one value held against another",
    r"has 'since: previous', but": "one value held against another",
    r"unknown time zone '": "which zones there are",
    r"column '.*': |column '.*' is .* by the contract": "how types are spelled and compared",
    r"expected text, found a list.*\(Y022\)$": "[TIME] is a blank, a list of dashes is none",
}
"""Problems that no schema can see, by what they say; and why."""


def errors(source: bytes) -> list[Problem]:
    try:
        load(source, "s", "s.yaml")
    except InvalidInput as invalid:
        return list(invalid.report.errors)
    return []


def is_beyond(problem: Problem) -> bool:
    return any(re.search(pattern, str(problem)) for pattern in BEYOND_A_SCHEMA)


def places(problems: Iterable[Problem]) -> set[KeyPath]:
    return {problem.place.keys for problem in problems}


def complaints(document: object) -> set[KeyPath]:
    """Where the schema finds something wrong, in the decoder's manner."""
    return {way for error in VALIDATOR.iter_errors(document) for way in _ways(error)}


def _ways(error: ValidationError) -> Iterator[KeyPath]:
    here = tuple(error.absolute_path)
    if error.validator == "additionalProperties":
        known = error.schema["properties"]
        yield from ((*here, key) for key in error.instance if key not in known)
    elif "propertyNames" in error.absolute_schema_path:
        yield (*here, str(error.instance))
    else:
        yield here


def document(source: bytes) -> object:
    """The file as an editor reads it; nothing where it is no YAML."""
    node = Decoder("s.yaml").root(source)
    return None if node is None else json_value(node)


def differences(source: bytes) -> tuple[set[KeyPath], set[KeyPath]]:
    """Where only the decoder, and where only the schema finds something wrong."""
    value = document(source)
    found = errors(source)
    if value is None:
        return set(), set()
    both = complaints(value)
    refused = places(found)
    # the decoder does not look into what it has refused
    shut = places(problem for problem in found if problem.code != "Y021")
    beneath = {way for way in both if any(way[:n] in shut for n in range(len(way)))}
    unseen = places(problem for problem in found if not is_beyond(problem)) - both
    return unseen, both - (refused | beneath)


def files(folder: str) -> list[Path]:
    return sorted(FIXTURES.glob(f"{folder}/*.yaml"))


def test_schema_is_one() -> None:
    Draft202012Validator.check_schema(dict(SCHEMA))


def test_every_key_has_its_description() -> None:
    def undescribed(schema: Any, way: str) -> Iterator[str]:
        for key, inner in schema.get("properties", {}).items():
            if "description" not in inner:
                yield f"{way}.{key}"
            yield from undescribed(inner, f"{way}.{key}")
        for part in ("items", "additionalProperties"):
            if isinstance(schema.get(part), dict):
                yield from undescribed(schema[part], f"{way}.{part}")

    schemas = {"": SCHEMA, **SCHEMA["$defs"]}  # type: ignore[dict-item]

    assert [way for name in schemas for way in undescribed(schemas[name], name)] == []


@pytest.mark.parametrize("file", files("valid"), ids=lambda p: p.stem)
def test_both_accept(file: Path) -> None:
    assert errors(file.read_bytes()) == []
    assert complaints(document(file.read_bytes())) == set()


@pytest.mark.parametrize("file", files("invalid"), ids=lambda p: p.stem)
def test_both_refuse_the_same_places(file: Path) -> None:
    assert errors(file.read_bytes())
    assert differences(file.read_bytes()) == (set(), set())


# --- generated sessions ----------------------------------------------------------------

WORDS = st.sampled_from(
    [
        *("", " ", "x", "text", "No", "1:30", "[TIME]", "✅/❌", "{{ a.b }}", "two\nlines"),
        *("TIME", "TO BE FILLED", "TO BE FILLED - a", "Other files", "files", "header"),
        *("session-1", "../x", "a/b.sql", "sql/a.sql", "../a.sql", "2026-01-03", "end\n"),
        *("2026-02-30", "2026-01-03T16:20:00Z", "2026-01-03T16:20", "é", "\u2028", "a\x85b"),
        *("python", "c++", "Élan", "coverage", "\u202egnol", "y" * 200, "null", "true"),
    ]
)
KEY = st.sampled_from(
    [
        *(*NAMES, *RESERVED, "items", "columns", "lang", "done", "note", "path", "date"),
        *("text", "level", "rule", "after", "content", "params", "key", "redact", "id"),
        *("objectives", "read", "topic", "more", "document", "Why", "a", "x1", "titel"),
        *("what", "why", "when", "evidence", "do", "due", "at", "if", "then", "default"),
        *("min", "max", "equals", "rows", "except", "reason", "until", "expect", "since"),
    ]
)
NUMBERS = st.integers(-2, 10) | st.sampled_from([0.5, 1.25, 2026])
LEAVES = st.none() | st.booleans() | NUMBERS | WORDS
JUNK = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEY, inner, max_size=3),
    max_leaves=8,
)
LIMITS = {"min": LEAVES | JUNK, "max": LEAVES, "equals": LEAVES}
EXPECTED = st.fixed_dictionaries(
    {},
    optional={
        **LIMITS,
        "rows": st.dictionaries(KEY, st.fixed_dictionaries({}, optional=LIMITS)) | JUNK,
        "except": st.dictionaries(
            KEY,
            st.fixed_dictionaries({}, optional={"reason": LEAVES, "until": WORDS}) | JUNK,
        )
        | JUNK,
    },
)
FACT = st.fixed_dictionaries(
    {},
    optional={
        "sql": WORDS | JUNK,
        "params": JUNK,
        "key": JUNK,
        "redact": JUNK,
        "since": st.sampled_from(["session-1", "previous", "../x"]) | LEAVES,
        "expect": st.dictionaries(KEY, EXPECTED | JUNK, max_size=2) | JUNK,
        "sqll": JUNK,
    },
)
SOURCE = {
    "log": WORDS | JUNK,
    "match": WORDS | JUNK,
    "json": WORDS | JUNK,
    "rows": JUNK,
    "from": st.dictionaries(KEY, LEAVES, max_size=2) | JUNK,
    "take": st.sampled_from(["last", "files"]) | JUNK,
    "zone": st.just("UTC") | JUNK,
    "set": st.dictionaries(KEY, LEAVES, max_size=2) | JUNK,
}
SOURCES = st.fixed_dictionaries({}, optional=SOURCE) | st.fixed_dictionaries(
    {"json": st.just("a.json")}
)
LOOKUP = st.fixed_dictionaries(
    {},
    optional={
        **SOURCE,
        "git": WORDS | JUNK,
        "sources": st.lists(SOURCES | JUNK, max_size=2) | JUNK,
        "columns": st.dictionaries(KEY, st.sampled_from(["INT64", "DATE"]), max_size=2) | JUNK,
        "contract": st.sampled_from(["phases", "phase"]) | JUNK,
        "key": JUNK,
    },
)
COMMAND = st.dictionaries(
    st.sampled_from(["cmd", "expect", "saw", "at"]) | KEY, WORDS | JUNK, max_size=4
)
EVIDENCE = WORDS | COMMAND | st.lists(WORDS | COMMAND, max_size=2) | JUNK
ITEM = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("do", "owner", "if", "then", "what", "text", "why"), JUNK),
        "due": WORDS | JUNK,
        "priority": st.sampled_from(["high", "urgent"]) | JUNK,
        "when": st.sampled_from(["{{ a.b == 'c' }}", "{{ a.b }} and", "{{ a.b }} "]) | JUNK,
        "evidence": EVIDENCE,
    },
)
ITEMS = st.lists(ITEM | JUNK, max_size=3) | JUNK
LIKELY = {
    "session": st.sampled_from([1, "378b", "x" * 50]) | JUNK,
    "title": WORDS | JUNK,
    "created": st.just("2026-01-03")
    | WORDS
    | st.fixed_dictionaries({}, optional={"date": WORDS, "text": WORDS | JUNK}),
    "as_of": WORDS | JUNK,
    "facts": st.dictionaries(KEY, FACT | LOOKUP | JUNK, max_size=3) | JUNK,
    "checklist": st.dictionaries(
        KEY,
        st.booleans() | st.fixed_dictionaries({}, optional={"evidence": EVIDENCE}) | JUNK,
        max_size=3,
    )
    | JUNK,
    "next": st.dictionaries(KEY, JUNK, max_size=3) | JUNK,
    **dict.fromkeys(("findings", "actions", "tried", "do_not"), ITEMS),
    "severity": st.fixed_dictionaries(
        {}, optional={"level": st.sampled_from(["watch", "bad"]) | JUNK, "why": JUNK}
    )
    | JUNK,
    "checkpoint": st.fixed_dictionaries({}, optional={"at": WORDS | JUNK, "what": JUNK}) | JUNK,
    "prompts": st.dictionaries(KEY, st.dictionaries(KEY, JUNK, max_size=3) | JUNK, max_size=3)
    | JUNK,
    "prompt": st.fixed_dictionaries({}, optional={"read": st.lists(JUNK), "text": JUNK}) | JUNK,
    "sections": st.lists(
        st.fixed_dictionaries(
            {},
            optional={
                "title": WORDS | JUNK,
                "content": JUNK,
                "after": WORDS | JUNK,
                "level": NUMBERS | JUNK,
                "rule": LEAVES,
            },
        )
        | JUNK,
        max_size=3,
    )
    | JUNK,
}
OTHERS = {key: JUNK for key in NAMES if key not in LIKELY}
SESSIONS = st.fixed_dictionaries({}, optional={**LIKELY, **OTHERS, "titel": JUNK}) | JUNK
WHOLE = st.fixed_dictionaries(
    {
        "session": st.just(1),
        "title": st.just("Phase 4"),
        "created": st.just("2026-01-03"),
    },
    optional={k: v for k, v in {**LIKELY, **OTHERS}.items() if k not in SCHEMA["required"]},  # type: ignore[operator]
)

PLAIN_ITEM = re.compile(r"[A-Z][A-Za-z -]*[A-Za-z]")


def flow(value: Any) -> str:
    """`value` as YAML in one line; words in lists without quotes, as people write blanks."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)}: {flow(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_item(each) for each in value) + "]"
    return json.dumps(value)


def _item(value: Any) -> str:
    is_plain = isinstance(value, str) and PLAIN_ITEM.fullmatch(value)
    return value if is_plain else flow(value)


@settings(max_examples=300, deadline=None)
@given(SESSIONS)
def test_any_document_is_judged_alike(value: object) -> None:
    assert differences(flow(value).encode()) == (set(), set())


@settings(max_examples=300, deadline=None)
@given(WHOLE)
def test_any_session_is_judged_alike(value: object) -> None:
    assert differences(flow(value).encode()) == (set(), set())


TEXTS = st.sampled_from(["x", "two words", "[TIME]", "1:30", "No", "é"])
GOOD = st.fixed_dictionaries(
    {
        "session": st.just(1),
        "title": TEXTS,
        "created": st.just("2026-01-03"),
        "facts": st.dictionaries(st.sampled_from(["a", "b1"]), st.just("a/b.sql")),
        "checklist": st.dictionaries(TEXTS, st.none() | st.booleans()) | st.lists(TEXTS),
        "sections": st.lists(st.fixed_dictionaries({"title": TEXTS, "content": LEAVES})),
        "read": st.lists(TEXTS | st.none() | st.fixed_dictionaries({"path": TEXTS})),
    }
)


@settings(max_examples=100, deadline=None)
@given(GOOD)
def test_nothing_of_what_is_accepted_is_dropped(value: dict[str, Any]) -> None:
    counts = [len(value[key]) for key in ("facts", "checklist", "sections", "read")]
    source = flow(value | {"prompt": {"read": value.pop("read")}}).encode()

    session, _ = load(source, "s", "s.yaml")

    assert session.checklist
    assert session.prompt
    assert counts == [
        len(session.facts),
        len(session.checklist.boxes),
        len(session.sections),
        len(session.prompt.read),
    ]
