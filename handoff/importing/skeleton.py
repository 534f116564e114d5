"""A document written after the skeleton of `handoff.md.j2`, chapter by chapter.

A chapter whose words are the template's becomes a key of its own; any other is a free
section behind the one before it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from handoff.blanks import DEFAULT
from handoff.importing.blocks import label_lines
from handoff.importing.pieces import Piece
from handoff.importing.sections import one_content, sections
from handoff.importing.values import Name, Unsayable, Value, live_text
from handoff.importing.writing import long_date
from handoff.session_yaml import AFTER

_TITLE = re.compile(r"🎯 Session (?P<label>.+?) Handoff: (?P<title>.+)")
_UNTOUCHED = "⏸️ TO BE COMPLETED"


@dataclass(frozen=True, slots=True)
class Chapter:
    """A heading of the second level, what stands beneath it, and the line above."""

    ruled: bool
    heading: Piece
    body: tuple[Piece, ...]

    @property
    def pieces(self) -> tuple[Piece, ...]:
        rule = (
            (Piece("rule", self.heading.start, self.heading.start, ()),) if self.ruled else ()
        )
        return (*rule, self.heading, *self.body)


@dataclass(frozen=True, slots=True)
class Skeleton:
    """A document that begins as the template does."""

    label: str
    title: str
    header: Mapping[str, str]
    opening: tuple[Piece, ...]
    """Between header and first chapter."""
    chapters: tuple[Chapter, ...]
    closing: Mapping[str, Value] | None
    lines: Sequence[str]
    free: frozenset[int] = field(default=frozenset())
    """Chapters that are not said in the template's words, by their place."""

    @classmethod
    def of(cls, pieces: Sequence[Piece], lines: Sequence[str]) -> Skeleton | None:
        """`None` for a document that does not begin with the template's title and header."""
        if len(pieces) < 2 or (pieces[0].kind, pieces[0].level) != ("heading", 1):
            return None
        title = _TITLE.fullmatch(pieces[0].name)
        found = label_lines(pieces[1].tokens) if pieces[1].kind == "text" else None
        if not title or not found or found[0][0] != "Created":
            return None
        header = dict(found)
        rest, closing = _without_closing(pieces[2:], title["label"], header.get("Status", ""))
        opening, chapters = _chapters(rest)
        if len(header) < len(found) or "Status" not in header:
            return None
        return cls(title["label"], title["title"], header, opening, chapters, closing, lines)

    def session(self, known: Mapping[str, Value]) -> dict[str, Value]:
        """The session file's mapping; `known` stands before the content."""
        typed, free = self._split()
        header = dict(self.header)
        made: dict[str, Value] = {key: known[key] for key in known if key != "status"}
        made |= {"session": number(self.label), "title": Name(self.title)}
        made["created"] = _created(known["created"], header.pop("Created"))
        if "Session Duration" in header:
            made["duration"] = header.pop("Session Duration")
        status = header.pop("Status")
        made["template"] = Name("handoff")
        if status != _UNTOUCHED or _is_begun(typed.get("checklist")):
            made["status"] = status
        if "next" in typed:
            header.pop("Next Session", None)
        if header:
            made["header"] = dict(header)
        made.update(typed)
        if self.closing is not None:
            made["closing"] = dict(self.closing)
        opening = sections(self.opening, self.lines, after="header", ruled=True)
        if opening or free:
            made["sections"] = [*opening, *free]
        return made

    def without(self, lines: range) -> Skeleton | None:
        """With the chapters in or beside `lines` free; `None` where there is none to free."""
        near = {
            n
            for n, chapter in enumerate(self.chapters)
            if n not in self.free
            and chapter.heading.start - 3 <= lines.stop
            and max(piece.end for piece in chapter.pieces) + 1 >= lines.start
        }
        if not near and "Next Session" in self.header:
            near = {n for n, each in enumerate(self.chapters) if _is_next(each)} - self.free
        if not near:
            return None
        return Skeleton(
            self.label, self.title, self.header, self.opening, self.chapters, self.closing,
            self.lines, self.free | near,
        )  # fmt: skip

    def _split(self) -> tuple[dict[str, Value], list[Value]]:
        """The keys of chapters in the template's words, and the other chapters."""
        typed: dict[str, Value] = {}
        at: str | None = "header"
        free: list[tuple[str | None, Chapter]] = []
        for n, chapter in enumerate(self.chapters):
            key, said = self._said(chapter) if n not in self.free else ("", {})
            if said and AFTER.index(key) > AFTER.index(at or "header"):
                typed.update(said)
                at = key
            else:
                free.append((at, chapter))
        made: list[Value] = []
        for after, chapter in free:
            where = None if after == at and after != "header" else after
            made += sections(chapter.pieces, self.lines, after=where, ruled=True)
        return typed, made

    def _said(self, chapter: Chapter) -> tuple[str, dict[str, Value]]:
        """The chapter's key and what it says; nothing where it has other words."""
        if chapter.heading.level != 2 or not chapter.ruled:
            return "", {}
        for key, (pattern, read) in _KEYS.items():
            heading = pattern.fullmatch(chapter.heading.name)
            if heading:
                try:
                    return key, read(heading, chapter.body, self)
                except Unsayable:
                    return "", {}
        return "", {}


# --- cutting ---------------------------------------------------------------------------------


def _without_closing(
    pieces: Sequence[Piece], label: str, status: str
) -> tuple[Sequence[Piece], Mapping[str, Value] | None]:
    """The pieces, and the labels of the last ones where these are the template's footer."""
    if len(pieces) < 2 or pieces[-2].kind != "rule" or pieces[-1].kind not in ("text", "entry"):
        return pieces, None
    found = label_lines(pieces[-1].tokens)
    if not found or found[0] != (f"Session {label} Status", status):
        return pieces, None
    labels: dict[str, Value] = dict(found[1:])
    return (pieces[:-2], labels) if len(labels) == len(found) - 1 else (pieces, None)


def _chapters(pieces: Sequence[Piece]) -> tuple[tuple[Piece, ...], tuple[Chapter, ...]]:
    starts = [n for n, p in enumerate(pieces) if p.kind == "heading" and p.level <= 2]
    begins = [n - 1 if n and pieces[n - 1].kind == "rule" else n for n in starts]
    ends = [*begins[1:], len(pieces)][: len(begins)]
    chapters = tuple(
        Chapter(begin < start, pieces[start], tuple(pieces[start + 1 : end]))
        for begin, start, end in zip(begins, starts, ends, strict=True)
    )
    return tuple(pieces[: begins[0]] if begins else pieces), chapters


def _is_next(chapter: Chapter) -> bool:
    return _KEYS["next"][0].fullmatch(chapter.heading.name) is not None


def _created(day: Value, words: str) -> Value:
    return day if words == long_date(str(day)) else {"date": day, "text": Name(words)}


def _is_begun(checklist: Value | None) -> bool:
    return isinstance(checklist, dict) and any(checklist.values())


# --- chapters --------------------------------------------------------------------------------


def _summary(heading: re.Match[str], body: Sequence[Piece], of: Skeleton) -> dict[str, Value]:
    """Labels in the template's order have keys of their own, up to the first other one."""
    entries = {piece.name: piece.value for piece in body if piece.kind == "entry"}
    if not entries or len(entries) < len(body):
        raise Unsayable
    said: dict[str, Value] = {}
    left = list(entries.items())
    for key, label in _SUMMARY:
        if left and left[0][0] == label:
            value = left[0][1]
            boxes = _boxes(value) if key == "checklist" else value
            if boxes is None:
                break
            said[key] = boxes
            left = left[1:]
    if left:
        said["summary"] = dict(left)
    return said


_SUMMARY = (
    ("goal", "Session Goal"),
    ("checklist", "Completion Status"),
    ("decisions", "Key Decisions Made"),
    ("findings", "Critical Findings"),
)


def _boxes(value: Value) -> Value | None:
    """The boxes where the words above them are those that are derived from them."""
    inner = value.get("items") if isinstance(value, dict) else None
    boxes = inner.get("checklist") if isinstance(inner, dict) else None
    if not isinstance(value, dict) or not isinstance(boxes, dict):
        return None
    done = sum(map(bool, boxes.values()))
    return boxes if value["value"] == (f"{done} of {len(boxes)}" if done else DEFAULT) else None


def _headed(numbered: bool) -> Callable[..., Mapping[str, Value]]:
    def read(body: Sequence[Piece], of: Skeleton) -> Mapping[str, Value]:
        made: dict[str, Value] = {}
        for n, (name, inner) in enumerate(_headings(body), start=1):
            label = name.removeprefix(f"{n}. ") if numbered else name
            if (numbered and label == name) or label in made:
                raise Unsayable
            made[label] = one_content(inner, of.lines)
        return made

    return read


def _headings(body: Sequence[Piece]) -> list[tuple[str, Sequence[Piece]]]:
    """Headings of the third level with what stands beneath; nothing stands before or deeper."""
    starts = [n for n, piece in enumerate(body) if piece.kind == "heading"]
    plain = all(body[n].level == 3 for n in starts)
    if not starts or starts[0] or not plain or any(p.kind == "rule" for p in body):
        raise Unsayable
    ends = [*starts[1:], len(body)]
    return [
        (body[n].name, body[n + 1 : end]) for n, end in zip(starts, ends, strict=True)
    ]  # fmt: skip


def _under(key: str, numbered: bool | None = None) -> Callable[..., dict[str, Value]]:
    """A chapter that is one content; with headings where `numbered` is said."""

    def read(heading: re.Match[str], body: Sequence[Piece], of: Skeleton) -> dict[str, Value]:
        if numbered is not None:
            return {key: dict(_headed(numbered)(body, of))}
        if not body or any(piece.kind in ("heading", "rule") for piece in body):
            raise Unsayable
        return {key: one_content(body, of.lines)}

    return read


def _next(heading: re.Match[str], body: Sequence[Piece], of: Skeleton) -> dict[str, Value]:
    made: dict[str, Value] = {}
    said = re.fullmatch(r"Session (\S+)(?: - (.+))?", of.header.get("Next Session", ""))
    order = [*of.header]
    at = 2 if "Session Duration" in of.header else 1
    if not said or order[at : at + 2] != ["Status", "Next Session"]:
        raise Unsayable
    if said[2] != heading["title"]:
        raise Unsayable
    made["session"] = number(said[1])
    if said[2]:
        made["title"] = said[2]
    for name, inner in _headings(body):
        key = _NEXT.get(name.replace(f"Session {said[1]} ", "", 1))
        value = one_content(inner, of.lines)
        if key is None or key in made:
            raise Unsayable
        made[key] = value["steps"] if isinstance(value, dict) and "steps" in value else value
    return {"next": made}


_NEXT = {
    "Objectives": "objectives",
    "Prerequisites": "prerequisites",
    "Time Estimate": "time",
}


def number(label: str) -> Value:
    return int(label) if re.fullmatch(r"0|[1-9]\d{0,8}", label) else Name(label)


def _prompt(heading: re.Match[str], body: Sequence[Piece], of: Skeleton) -> dict[str, Value]:
    found = _headings(body)
    if len(found) != 1 or found[0][0] != "Copy-Paste This Message:" or len(found[0][1]) != 1:
        raise Unsayable
    value = found[0][1][0].value
    code = value.get("text") if isinstance(value, dict) else None
    if not isinstance(code, str):
        raise Unsayable
    return {"prompt": {"text": live_text(code)}}


_Reader = Callable[[re.Match[str], Sequence[Piece], Skeleton], dict[str, Value]]
_KEYS: Mapping[str, tuple[re.Pattern[str], _Reader]] = {
    "summary": (re.compile("⚡ EXECUTIVE SUMMARY"), _summary),
    "accomplished": (re.compile("📋 WHAT WE ACCOMPLISHED"), _under("accomplished", True)),
    "insights": (re.compile("🔍 KEY FINDINGS & INSIGHTS"), _under("insights", False)),
    "orchestrator": (re.compile("📊 CURRENT ORCHESTRATOR STATUS"), _under("orchestrator")),
    "coverage": (re.compile("📈 COVERAGE"), _under("coverage")),
    "files": (re.compile("📁 KEY FILES CREATED/MODIFIED"), _under("files", False)),
    "next": (re.compile(r"➡️ NEXT SESSION(?:: (?P<title>.+))?"), _next),
    "prompt": (re.compile(r"🚀 HOW TO START (?:THE NEXT )?SESSION.*"), _prompt),
    "troubleshooting": (re.compile("🔧 TROUBLESHOOTING"), _under("troubleshooting", False)),
    "metrics": (re.compile("📊 SESSION METRICS"), _under("metrics")),
}
