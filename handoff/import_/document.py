"""A handoff document to import: its lines, and what its name and first lines say about it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import PurePath

from msgspec import Struct

from handoff.base.conflict_markers import MESSAGE as MERGE_CONFLICT
from handoff.base.conflict_markers import conflicts
from handoff.base.fences import fence_problem, find_fences, repair_fences
from handoff.base.problems import InvalidInput, Place, Problem
from handoff.session.shapes import LINE
from handoff.session.values import MAX_LABEL, MAX_SLUG
from handoff.values.printing import MONTHS

MAX_BYTES = 2 * 1024 * 1024
"""Of one document; the longest handoff seen so far has 2,263 lines."""
# characters YAML does not allow, not even in quotes (see yaml/nodes), and the marker of tidy
_CONTROL = re.compile(r"[\x01-\x08\x0b\x0c\x0e-\x1f\x7f\ufdd0\ufffe\uffff]")
_REPLACEMENT = "\ufffd"


class SourceDocument(Struct, frozen=True):
    """A Markdown document as lines that a session file can hold."""

    path: str
    """As the user named it."""
    lines: tuple[str, ...]
    """With every fence closed where its author is likely to have meant it."""
    problems: tuple[Problem, ...]
    """Lines with characters that had to be replaced, and fences that had to be closed."""
    numbers: tuple[int, ...] = ()
    """The number of each line in the document, from 0; empty if no line was added."""

    @property
    def text(self) -> str:
        """The document with `\\n` line ends."""
        return "".join(f"{line}\n" for line in self.lines)


class Metadata(Struct, frozen=True):
    """The keys of a session file that are not content."""

    label: str
    """The session's number, or words if it has none."""
    slug: str | None
    """`None` if it follows from the title."""
    created: date | None
    title: str
    status: str | None
    next: str | None = None
    """What the header says about the next session."""
    day_from: str = "name"
    """Where the date is: `name`, `header` or `title`."""


def read_document(content: bytes, path: str) -> SourceDocument:
    """Decode a document, and close its fences.

    Raises InvalidInput if it is empty, too long, not UTF-8 text or has a merge conflict.
    """
    if len(content) > MAX_BYTES:
        message = f"the document is longer than {MAX_BYTES:,} bytes"
        raise InvalidInput([Problem("I001", message, Place(path))])
    text = _decode(content, path).removeprefix("\ufeff")
    if not text.strip():
        raise InvalidInput([Problem("I001", "the document is empty", Place(path))])
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if found_conflicts := conflicts("\n".join(lines)):
        places = (Place(path, line) for line in found_conflicts)
        raise InvalidInput([Problem("D014", MERGE_CONFLICT, place) for place in places])
    while not lines[-1].strip(" \t"):
        lines.pop()
    problems = [
        Problem(
            "I010",
            f"character U+{ord(found[0]):04X} is not allowed in a session file, replaced "
            "with U+FFFD",
            Place(path, number, found.start() + 1),
        )
        for number, line in enumerate(lines, start=1)
        if (found := _CONTROL.search(line))
    ]
    clean = [_CONTROL.sub(_REPLACEMENT, line) for line in lines]
    fences = find_fences(clean)
    for each in fences:
        if broken := fence_problem(each, clean):
            problems.append(Problem(*broken, Place(path, each.first), "warning"))
    repaired, numbers = repair_fences(clean, fences)
    is_longer = len(repaired) > len(clean)
    return SourceDocument(
        path, tuple(repaired), tuple(problems), tuple(numbers) if is_longer else ()
    )


def _decode(content: bytes, path: str) -> str:
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        message, at = "the document is UTF-16, save it as UTF-8", 0
    elif (at := content.find(b"\0")) >= 0:
        message = "NUL byte: expected a Markdown document, not a binary file"
    else:
        try:
            return content.decode()
        except UnicodeDecodeError as error:
            at = error.start
            message = f"byte 0x{content[at]:02x} is not UTF-8, save the document as UTF-8"
    place = Place(path, content.count(b"\n", 0, at) + 1)
    raise InvalidInput([Problem("I002", message, place)])


_MAX_LINE = 300
_ALONE = ("status", "date", "created")
"""Fields whose heading may have the value on the line below it."""
_MAX_ALONE = 60
_FIRST_LINES = 60
"""How many lines are searched for metadata."""
NEXT_LABELS = ("next session", "next", "next up", "next chat", "next focus")
_STATUS_LABELS = ("status", "session status", "overall status", "current status")


def read_metadata(
    source: SourceDocument, title: str | None, header: Sequence[str] | None = None
) -> Metadata:
    """Metadata from the file name, else from the lines of the header; `title` is the heading.

    What is below the first section is about that section.
    """
    lines = source.lines if header is None else header
    fields = dict(reversed([x for x in _fields(lines[:_FIRST_LINES]) if x[1]]))
    created, topic = _split_date(PurePath(source.path).stem)
    in_name = _SESSION.search(topic)
    found = in_name or _SESSION.search(title or "") or _NUMBER.match(fields.get("session", ""))
    slug = words = _slug(_SESSION.sub("-", topic, count=1) if in_name else topic)
    title_in_name = re.sub(r"[-_]+", " ", words or topic)
    status = next((fields[name] for name in _STATUS_LABELS if name in fields), "")
    label = found["label"] if found else ""
    if not label:
        label, slug = _split_label(words or "document")
    return Metadata(
        label=label,
        slug=slug[:MAX_SLUG].rstrip("-._") or None,
        created=created or _labelled_date(fields, title),
        title=_one_line(title or "") or _one_line(title_in_name) or label,
        status=_one_line(re.sub(r"[*_]{2}", "", status)) or None,
        day_from="name" if created else "header" if _labelled_date(fields, "") else "title",
        next=next((fields[name] for name in NEXT_LABELS if fields.get(name)), None),
    )


def is_prompt_file(path: str, title: str | None) -> bool:
    """Whether the whole document is a prompt, by its name, its folder or its title."""
    file = PurePath(path)
    words = {*re.split(r"[^a-z]+", f"{file.stem} {title or ''}".casefold())}
    in_prompts = file.parent.name.casefold() in ("prompt", "prompts")
    return (in_prompts or bool({"prompt", "kickoff"} & words)) and not {
        "handoff",
        "prompts",
    } & words


# --- the file name ---------------------------------------------------------------------------

_SESSION = re.compile(
    r"(?i)(?:^|(?<=[^A-Za-z0-9]))session[-_ #]*(?P<label>\d{1,6}[a-z]?)(?![A-Za-z0-9])"
)
_NUMBER = re.compile(r"(?i)\W{0,3}(?P<label>\d{1,6}[a-z]?)(?![A-Za-z0-9])")
_DATE = re.compile(r"[-_ .]*(?<!\d)(\d{4})[-_.]?(\d{2})[-_.]?(\d{2})(?!\d)[-_ .]*")


def _split_date(stem: str) -> tuple[date | None, str]:
    """The first date in the name, and the rest of the name."""
    for found in _DATE.finditer(stem):
        if day := _date(*found.groups()):
            rest = (stem[: found.start()], stem[found.end() :])
            return day, "-".join(part for part in rest if part)
    return None, stem


def _slug(words: str) -> str:
    return re.sub(r"-{2,}", "-", re.sub(r"[^A-Za-z0-9._]+", "-", words)).strip("-._")


def _split_label(words: str) -> tuple[str, str]:
    """As many whole words as fit into a label, and the rest as the slug."""
    parts = re.sub(r"(?i)[-_.]?handoff$", "", words) or words
    label = parts if len(parts) <= MAX_LABEL else parts[:MAX_LABEL].rpartition("-")[0]
    label = label or parts[:MAX_LABEL]
    return label.strip("-._"), words[len(label) :].strip("-._") or "HANDOFF"


# --- the first lines -------------------------------------------------------------------------

_BOLD = re.compile(r"(?P<mark>\*{2,3}|__)(?P<label>[^*_:\n]{2,40})(?::(?P=mark)|(?P=mark)\s?:)")
"""A label; several may be on one line."""
_BOLD_ITEM = re.compile(
    r"^\s*[-*+]\s+(?P<mark>\*\*|__)(?P<label>[^*_:\n]{2,40})(?P=mark)(?=\s)"
    r"|^(?:\*\*|__)(?P<name>(?i:status|date|created|session|next session))(?:\*\*|__)(?=\s)"
)
_PLAIN = re.compile(r"[^\w\n]*(?P<label>[A-Za-z][A-Za-z /]{1,30}?)\s*[:|]\s*(?P<value>.*)")
_BETWEEN = re.compile(r"\s+[|·•]\s+")
_ENDS_HEADER = re.compile(r" {0,3}(?:\d{1,3}[.)]\s|```|~~~)")
_BOLD_LINE = re.compile(r"\s*(?:\*\*|__)[^*_]*[^*_:](?:\*\*|__)\s*")
"""In place of a heading."""
_MAX_TITLE = 3
"""Lines at the top, in which a bold line is a subtitle."""
_EDGES = " \t|·•\\"
_HEADING = re.compile(r"#{2,6}\s+")
_DATE_LABELS = (
    *("created", "date", "session date", "handoff date", "prepared", "generated"),
    *("started", "session start", "last updated", "updated"),
)
_MONTHS = tuple(month[:3].casefold() for month in MONTHS)
_MONTH = rf"(?P<month>{'|'.join(_MONTHS)})[a-z]*\.?"
_DATES = (
    re.compile(r"(?<!\d)(?P<year>\d{4})[-/](?P<number>\d{1,2})[-/](?P<day>\d{1,2})(?!\d)"),
    re.compile(
        rf"(?i)\b{_MONTH} (?P<day>\d{{1,2}})(?:st|nd|rd|th)?"
        r"(?: ?[-–] ?\d+)?,? (?P<year>\d{4})"
    ),
    re.compile(rf"(?i)(?<!\d)(?P<day>\d{{1,2}})(?:st|nd|rd|th)? {_MONTH},? (?P<year>\d{{4}})"),
)


def _fields(lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Label (lower case) and value of each line such as `**Date**: January 3, 2026`."""
    for n, line in enumerate(lines):
        text = _HEADING.sub("", line)
        if _ENDS_HEADER.match(line) or (n > _MAX_TITLE and _BOLD_LINE.fullmatch(line)):
            return
        if len(text) > _MAX_LINE or line.startswith(("# ", "   ")):
            continue
        labels = [*_BOLD.finditer(text)] or [*_BOLD_ITEM.finditer(text)]
        if labels and not re.search(r"[^\W_]", text[: labels[0].start()]):
            ends = [*(each.start() for each in labels[1:]), len(text)]
            for label, end in zip(labels, ends, strict=True):
                name = label["label"] or label["name"]
                yield _field(name, text[label.end() : end])
            continue
        cells = [each.strip() for each in text.strip("| ").split("|")]
        if text.lstrip().startswith("|") and len(cells) == 2:
            yield _field(cells[0].rstrip(":"), cells[1])
            continue
        for part in _BETWEEN.split(text):
            if found := _PLAIN.fullmatch(part):
                yield _field(found["label"], found["value"])
        if (name := text.strip(" :").lower()) in _ALONE:
            below = [each.strip() for each in lines[n + 1 : n + 5]]
            filled = [each for each in below if each.strip("-=")]
            if filled and len(filled[0]) <= _MAX_ALONE and filled[0][0] not in "#-*|>":
                yield name, filled[0]


def _field(label: str, value: str) -> tuple[str, str]:
    words = re.sub(r"^\W+|\W+$", "", label).lower()
    return words, re.sub(r"^[*_]+|[*_]+$", "", value.strip(_EDGES)).strip(_EDGES)


def _labelled_date(fields: Mapping[str, str], title: str | None) -> date | None:
    """The date of the first field that has one, else of the title."""
    texts = [*(fields[label] for label in _DATE_LABELS if label in fields), title or ""]
    return next((day for text in texts if (day := _find_date(text))), None)


def _find_date(text: str) -> date | None:
    for pattern in _DATES:
        if found := pattern.search(text):
            parts = found.groupdict()
            month = parts.get("number") or _MONTHS.index(parts["month"].lower()) + 1
            return _date(parts["year"], month, parts["day"])
    return None


def _date(year: str, month: str | int, day: str) -> date | None:
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None


def _one_line(text: str) -> str:
    """`text` folded to one line; empty if a session file cannot hold it."""
    folded = " ".join(text.split())
    return folded if re.fullmatch(LINE, folded) else ""
