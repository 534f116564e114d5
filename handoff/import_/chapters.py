"""Chapters of the skeleton: what stands under a heading of the template, as keys."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

from handoff.base.blanks import DEFAULT
from handoff.import_.pieces import Piece
from handoff.import_.sections import one_content
from handoff.import_.values import NotExpressible, Value, is_label, live_text, number


class Chapter(Struct, frozen=True):
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


class ChapterContext(Struct, frozen=True):
    """What a chapter must fit."""

    header: Mapping[str, str]
    """The lines below the title, in their order."""
    lines: Sequence[str]
    """The whole document."""


def said(chapter: Chapter, known: ChapterContext) -> tuple[str, dict[str, Value]]:
    """The chapter's key and what it says; nothing where it has other words."""
    if chapter.heading.level != 2 or not chapter.ruled:
        return "", {}
    for key, (pattern, read) in _KEYS.items():
        heading = pattern.fullmatch(chapter.heading.name)
        if heading:
            try:
                return key, read(heading, chapter.body, known)
            except NotExpressible:
                return "", {}
    return "", {}


def is_next(chapter: Chapter) -> bool:
    """Whether the chapter is the one of the next session."""
    return _KEYS["next"][0].fullmatch(chapter.heading.name) is not None


# --- one kind of chapter each -----------------------------------------------------------------


def _summary(
    heading: re.Match[str], body: Sequence[Piece], of: ChapterContext
) -> dict[str, Value]:
    """Labels in the template's order have keys of their own, up to the first other one."""
    entries = {piece.name: piece.value for piece in body if piece.kind == "entry"}
    if not entries or len(entries) < len(body):
        raise NotExpressible
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
    def read(body: Sequence[Piece], of: ChapterContext) -> Mapping[str, Value]:
        made: dict[str, Value] = {}
        for n, (name, inner) in enumerate(_headings(body), start=1):
            label = name.removeprefix(f"{n}. ") if numbered else name
            if (numbered and label == name) or label in made or not is_label(label):
                raise NotExpressible
            made[label] = one_content(inner, of.lines)
        return made

    return read


def _headings(body: Sequence[Piece]) -> list[tuple[str, Sequence[Piece]]]:
    """Headings of the third level with what stands beneath; nothing stands before or deeper."""
    starts = [n for n, piece in enumerate(body) if piece.kind == "heading"]
    plain = all(body[n].level == 3 for n in starts)
    if not starts or starts[0] or not plain or any(p.kind == "rule" for p in body):
        raise NotExpressible
    ends = [*starts[1:], len(body)]
    return [
        (body[n].name, body[n + 1 : end]) for n, end in zip(starts, ends, strict=True)
    ]  # fmt: skip


def _under(key: str, numbered: bool | None = None) -> Callable[..., dict[str, Value]]:
    """A chapter that is one content; with headings where `numbered` is said."""

    def read(
        heading: re.Match[str], body: Sequence[Piece], of: ChapterContext
    ) -> dict[str, Value]:
        if numbered is not None:
            return {key: dict(_headed(numbered)(body, of))}
        if not body or any(piece.kind in ("heading", "rule") for piece in body):
            raise NotExpressible
        return {key: one_content(body, of.lines)}

    return read


def _next(
    heading: re.Match[str], body: Sequence[Piece], of: ChapterContext
) -> dict[str, Value]:
    made: dict[str, Value] = {}
    said = re.fullmatch(r"Session (\S+)(?: - (.+))?", of.header.get("Next Session", ""))
    order = [*of.header]
    at = 2 if "Session Duration" in of.header else 1
    if not said or order[at : at + 2] != ["Status", "Next Session"]:
        raise NotExpressible
    if said[2] != heading["title"]:
        raise NotExpressible
    made["session"] = number(said[1])
    if said[2]:
        made["title"] = said[2]
    for name, inner in _headings(body):
        key = _NEXT.get(name.replace(f"Session {said[1]} ", "", 1))
        value = one_content(inner, of.lines)
        if key is None or key in made:
            raise NotExpressible
        made[key] = value["steps"] if isinstance(value, dict) and "steps" in value else value
    return {"next": made}


_NEXT = {
    "Objectives": "objectives",
    "Prerequisites": "prerequisites",
    "Time Estimate": "time",
}


def _prompt(
    heading: re.Match[str], body: Sequence[Piece], of: ChapterContext
) -> dict[str, Value]:
    found = _headings(body)
    if len(found) != 1 or found[0][0] != "Copy-Paste This Message:" or len(found[0][1]) != 1:
        raise NotExpressible
    value = found[0][1][0].value
    code = value.get("text") if isinstance(value, dict) else None
    if not isinstance(code, str):
        raise NotExpressible
    return {"prompt": {"text": live_text(code)}}


_Reader = Callable[[re.Match[str], Sequence[Piece], ChapterContext], dict[str, Value]]
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
