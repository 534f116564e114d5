"""Convert a document to a session file, with the most specific keys that reproduce it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from types import MappingProxyType

from msgspec import Struct
from msgspec.structs import replace

from handoff.base.markdown import Page, parse_markdown
from handoff.base.problems import InvalidInput, Place, Problem, UsageError
from handoff.import_.content import ContentValue, PlainText
from handoff.import_.document import (
    MAX_BYTES,
    Metadata,
    SourceDocument,
    is_prompt_file,
    read_metadata,
)
from handoff.import_.handoff_layout import HandoffLayout
from handoff.import_.headings import Recognizer
from handoff.import_.sections import PlainLayout, count_blocks
from handoff.import_.segments import Segment, split_segments
from handoff.import_.typed_layout import TypedLayout, header_end
from handoff.import_.verify import RenderSession, Verifier, to_yaml
from handoff.session.keys import NAMES
from handoff.session.shapes import LINE
from handoff.session.titles import ChosenTitles
from handoff.session.values import slug_of
from handoff.values.expressions import escape_braces

_LONG = 400_000
"""Characters beyond which only headings are converted, everything else is kept verbatim."""
_MAX_ATTEMPTS = 12
"""With one layout, each coarser than the one before."""


class ImportedSession(Struct, frozen=True):
    """A session file made from a document."""

    id: str
    yaml: str
    template: str
    structured: int
    """Blocks of the document that became content."""
    verbatim: int
    """Blocks that are kept as Markdown."""
    problems: tuple[Problem, ...]
    """An error for each line that could not be carried over."""
    session: Mapping[str, ContentValue]
    """What the file is written from."""


class OutlinedDocument(Struct, frozen=True):
    """A document to import, in segments, with what its name and its header say about it."""

    source: SourceDocument
    page: Page
    segments: Sequence[Segment]
    title: str | None
    metadata: Metadata
    recognizer: Recognizer


def outline(source: SourceDocument, recognizer: Recognizer) -> OutlinedDocument:
    """Raises InvalidInput if the document is too large for a session."""
    size = sum(len(line.encode()) + _INDENT for line in source.lines if line)
    if size > MAX_BYTES:
        message = (
            f"the session file would have {size:,} bytes, at most {MAX_BYTES:,} are allowed"
        )
        raise InvalidInput([Problem("I001", message, Place(source.path))])
    page = parse_markdown(source.text)
    segments = split_segments(page, source.lines)
    first = segments[0]
    has_title = first.kind == "heading" and first.level == 1 and re.fullmatch(LINE, first.name)
    title = first.name if has_title else None
    header = source.lines[: header_end(segments, recognizer)]
    metadata = read_metadata(source, title, header)
    return OutlinedDocument(source, page, segments, title, metadata, recognizer)


def import_document(
    source: SourceDocument,
    render: RenderSession,
    existing_ids: Iterable[str],
    *,
    session_id: str | None = None,
    created: date | None = None,
    committed: Callable[[], date | None] = lambda: None,
    titles: ChosenTitles = MappingProxyType({}),
) -> ImportedSession:
    """Convert `source` to a session file.

    `committed` is asked for the day of a document without one.

    Raises UsageError if the date is unknown or no id is free, and InvalidInput if the document
    is too large for a session.
    """
    document = outline(source, Recognizer(titles))
    day = created or document.metadata.created or committed()
    if day is None:
        raise UsageError(
            f"'{source.path}' has no date in its name or its first lines; "
            "add '--created YYYY-MM-DD'"
        )
    existing = {each.casefold() for each in existing_ids}
    name = session_id or free_id(document.metadata, day, existing)
    return convert(document, render, name, day)


def convert(
    document: OutlinedDocument,
    render: RenderSession,
    session_id: str,
    day: date,
    slug: str | None = None,
) -> ImportedSession:
    """The session file of a document; `slug` is for another name of the rendered one.

    Raises InvalidInput.
    """
    source, segments = document.source, document.segments
    verifier = Verifier(document.page, source.lines, render)
    verified = verifier.verify_segments(
        segments if len(source.text) <= _LONG else _only_headings(segments)
    )
    keys = _metadata_keys(document.metadata, day)
    if slug:
        keys["slug"] = PlainText(slug)
    try:
        made = _convert(verifier, _layouts(verified, document), keys)
    except InvalidInput as error:
        reason = error.report.problems[0].message
        problem = Problem("I001", f"cannot be converted: {reason}", Place(source.path))
        raise InvalidInput([problem]) from error
    blocks = [
        count_blocks(value) for key, value in made.session.items() if key not in _NO_CONTENT
    ]
    return ImportedSession(
        id=session_id,
        yaml=to_yaml(made.session),
        template=str(made.session["template"]),
        structured=sum(n for n, _ in blocks),
        verbatim=sum(n for _, n in blocks),
        problems=(*source.problems, *_lost_lines(made, source)),
        session=made.session,
    )


_INDENT = 9
"""Characters that a line of Markdown gets in a session file, with its line end."""
_NO_CONTENT = ("session", "title", "slug", "created", "duration", "template", "status")


# --- metadata --------------------------------------------------------------------------------


def free_id(metadata: Metadata, day: date, existing: set[str]) -> str:
    label = metadata.label.lower()
    base = f"session-{label}" if re.fullmatch(r"\d+[a-z]?", label) else label
    slug = (metadata.slug or "").lower()
    names = (base, f"{day:%Y-%m}-{base}", f"{day}-{base}", f"{day}-{base}-{slug}".strip("-"))
    for name in (*names, *(f"{names[-1]}-{n}" for n in range(2, _MAX_SAME))):
        if name.casefold() not in existing:
            return name
    raise UsageError(f"the ids '{base}', '{names[1]}' and '{names[-1]}' exist; add '--id'")


_MAX_SAME = 1000
"""Documents of one day with the same name."""


def _metadata_keys(metadata: Metadata, day: date) -> dict[str, ContentValue]:
    keys: dict[str, ContentValue] = {
        "session": PlainText(metadata.label),
        "title": PlainText(metadata.title),
    }
    if metadata.slug and metadata.slug.upper() != slug_of(metadata.title):
        keys["slug"] = PlainText(metadata.slug)
    keys["created"] = PlainText(day)
    if metadata.status:
        keys["status"] = escape_braces(metadata.status)
    return keys


# --- layouts ---------------------------------------------------------------------------------

Layout = HandoffLayout | TypedLayout | PlainLayout


class _Attempt(Struct, frozen=True):
    session: Mapping[str, ContentValue]
    lost: range | None = None
    """Lines that the session does not reproduce."""
    exact: bool = True
    """Whether more than white space is lost."""


def _layouts(segments: Sequence[Segment], document: OutlinedDocument) -> Iterator[Layout]:
    """From the most specific keys to the document as Markdown."""
    source, title, label = document.source, document.title, document.metadata.label
    lines = source.lines
    if (handoff := HandoffLayout.of(segments, lines)) and handoff.is_whole:
        yield handoff
    yield TypedLayout(
        segments,
        lines,
        title is not None,
        document.recognizer,
        next=document.metadata.next,
        following=str(int(number[0]) + 1) if (number := re.match(r"\d+", label)) else "",
        is_prompt=is_prompt_file(source.path, title),
    )
    yield PlainLayout.of(segments, lines, title)
    yield PlainLayout.of(_only_headings(segments), lines, title)
    yield PlainLayout.of([each.verbatim for each in segments], lines, title)


def _only_headings(segments: Sequence[Segment]) -> list[Segment]:
    """Headings and rules, everything else verbatim."""
    kept = ("heading", "rule")
    return [each if each.kind in kept else each.verbatim for each in segments]


def _convert(
    verifier: Verifier, layouts: Iterable[Layout], metadata: Mapping[str, ContentValue]
) -> _Attempt:
    """The first session that reproduces the document, else one that loses only white space.

    As long as lines are lost, each layout is tried again in a coarser form. Raises InvalidInput
    if no layout makes a valid session.
    """
    tried: list[_Attempt] = []
    invalid: InvalidInput | None = None
    for layout in layouts:
        coarser: Layout | None = layout
        for _ in range(_MAX_ATTEMPTS):
            if coarser is None:
                break
            keys = coarser.session(metadata)
            session = {key: keys[key] for key in NAMES if key in keys}
            try:
                lost = verifier.find_lost(session)
            except InvalidInput as error:
                invalid = error
                break
            tried.append(_Attempt(session, lost))
            if lost is None:
                return tried[-1]
            coarser = coarser.without(lost)
    for attempt in tried:
        if verifier.find_lost(attempt.session, exact=False) is None:
            return replace(attempt, exact=False)
    if tried:
        return tried[-1]
    assert invalid is not None  # there is always a last layout
    raise invalid


def _lost_lines(made: _Attempt, source: SourceDocument) -> Iterator[Problem]:
    for n in made.lost or ():
        if not source.lines[n].strip():
            continue
        place = Place(source.path, (source.numbers[n] if source.numbers else n) + 1)
        if made.exact:
            message = "this line is not reproduced exactly by the session file"
            yield Problem("I011", message, place)
        else:
            message = "white space in this line is not reproduced exactly"
            yield Problem("I012", message, place, "warning")
