"""`sessions/<id>.yaml` into a Session, with every problem reported."""

from __future__ import annotations

from datetime import date
from typing import Any

from handoff.base.problems import Place, Problem
from handoff.session.content import ContentReader
from handoff.session.facts import read_facts
from handoff.session.keys import KEYS
from handoff.session.model import DocumentLink, Session
from handoff.session.order import Position
from handoff.session.shapes import read_keys
from handoff.session.values import read_created, slug_of
from handoff.yaml.nodes import Map, Node, ParsedYAML


def load(
    source: bytes | ParsedYAML, session_id: str, path: str
) -> tuple[Session, tuple[Problem, ...]]:
    """The session in the file at `path`, and the warnings found on the way.

    Raises InvalidInput with every problem found, in file order.
    """
    reader = ContentReader(path)
    session = _session(reader, reader.root(source), session_id)
    warnings = reader.finish()
    assert session is not None  # no session without an error
    return session, warnings


def position(source: bytes, session_id: str, path: str) -> Position:
    """What places a session that may have errors; of such a file the day alone counts."""
    reader = ContentReader(path)
    root = reader.root(source)
    session = _session(reader, root, session_id)
    if session is None or any(each.level == "error" for each in reader.finish()):
        found = read_created(ContentReader(path), _given(root).get("created"))
        return Position(session_id, found.day if found else date.min)
    return position_of(session)


def position_of(session: Session) -> Position:
    """What places a session among the others."""
    return Position(
        session.id,
        session.created.day,
        session.started,
        session.ended,
        session.previous,
        session.supersedes,
        session.next.id if session.next else None,
    )


def _session(reader: ContentReader, root: Node | None, session_id: str) -> Session | None:
    values = read_keys(reader, root, KEYS)
    given = _given(root)
    values["facts"] = read_facts(reader, values["facts"], values["previous"])
    values["slug"] = values["slug"] or slug_of(values["title"] or "")
    started, ended = values["started"], values["ended"]
    if started and ended and ended < started:
        message = f"ended before it started, at {started:%Y-%m-%d %H:%M} UTC"
        reader.report("Y023", message, given["ended"])
    if any(values[key.field] is None for key in KEYS if key.required):
        return None
    known: dict[str, Any] = {
        key.field: values.pop(key.field)
        for key in KEYS
        if key.field in Session.__struct_fields__
    }
    document = known["supersedes"]
    if isinstance(document, DocumentLink):
        known |= {"supersedes": None, "superseded_document": document}
    return Session(
        id=session_id,
        path=reader.path,
        place=Place(reader.path),
        content=values,
        template_place=given["template"].place if "template" in given else None,
        title_place=given["title"].place,
        **known,
    )


def _given(root: Node | None) -> dict[str, Node]:
    return {pair.key: pair.node for pair in root.pairs} if isinstance(root, Map) else {}
