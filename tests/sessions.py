"""Small sessions for tests, built from their parts."""

from __future__ import annotations

from datetime import date
from typing import Any

from msgspec.structs import replace

from handoff.base.problems import Place
from handoff.session.keys import KEYS
from handoff.session.model import (
    Bullets,
    Checklist,
    ChecklistItem,
    Created,
    Entry,
    Next,
    Session,
    Text,
)

AT = Place("sessions/s.yaml", 7, 3)


def text(value: str, line: int = 7) -> Text:
    return Text(value, Place("sessions/s.yaml", line, 3))


def entry(label: str, value: str, line: int = 7) -> Entry:
    return Entry(label, text(value, line), AT)


def checklist(*done: bool) -> Checklist:
    return Checklist(
        tuple(ChecklistItem(text(f"box {n}"), d, None, AT) for n, d in enumerate(done)), AT
    )


def following(*prerequisites: str) -> Next:
    items = Bullets(tuple(text(words) for words in prerequisites), AT)
    return Next(None, None, None, None, items, None, AT)


def session(name: str = "s", **changes: Any) -> Session:
    """A session with nothing in it but `changes`."""
    fields = Session.__struct_fields__
    content = {
        key.field: changes.pop(key.field, None) for key in KEYS if key.field not in fields
    }
    empty = Session(
        id=name,
        path=f"sessions/{name}.yaml",
        session="1",
        title="Phase 4",
        slug="PHASE-4",
        created=Created(date(2026, 1, 3), None),
        place=Place(f"sessions/{name}.yaml", 1),
        content=content,
    )
    return replace(empty, **changes)
