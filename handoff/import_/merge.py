"""Manual edits of a document, merged into its session file.

Each edit is tried at every place of the session file that has the old text. It is merged if
the session, rendered again, has the new text in the same lines.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from difflib import SequenceMatcher

from msgspec import Struct

from handoff.base.blanks import DEFAULT, is_blank
from handoff.base.conflict_markers import MESSAGE as MERGE_CONFLICT
from handoff.base.conflict_markers import conflicts
from handoff.base.problems import InvalidInput, KeyPath, Place, Problem, UsageError
from handoff.base.secrets import truncate
from handoff.edit.operations import EditResult
from handoff.edit.save import save
from handoff.facts.recorded import Facts
from handoff.project.project import Project
from handoff.publish.markdown_content import has_same_content, unformatted
from handoff.publish.signature import signature, was_written
from handoff.session import decode
from handoff.sources import git_history
from handoff.workspace.document import render
from handoff.workspace.gather import load_facts
from handoff.workspace.load import load_session, with_queries
from handoff.workspace.paths import places, session_path
from handoff.yaml.decode import scalar_value
from handoff.yaml.edits import CannotEdit, add_item, set_value
from handoff.yaml.nodes import List, Map, Node, ParsedYAML, Scalar, parse_yaml
from handoff.yaml.paths import format_path, walk

MAX_VERSIONS = 50
"""Of the document in git that are searched for the one that was edited."""
MAX_RENDERS = 1_000
"""For all edits of a document; edits not tried by then are not merged."""
RenderSource = Callable[[ParsedYAML], str | None]
"""The document of a session file; `None` if the file has errors."""


class EditedRange(Struct, frozen=True):
    """One place where the edited document differs from what was rendered."""

    line: int
    """In the edited document, from 1."""
    old: tuple[str, ...]
    new: tuple[str, ...]
    before: str
    """The line above."""

    @property
    def end(self) -> int:
        """The line after the last, counted from 0."""
        return self.line - 1 + len(self.new)


class MergeResult(Struct, frozen=True):
    """A session file with the manual edits that could be merged."""

    source: ParsedYAML
    text: str
    """The document rendered from it."""
    merged: tuple[tuple[EditedRange, KeyPath], ...]
    """With the place of each in the session file."""
    unmerged: tuple[EditedRange, ...]
    """What no field contains."""


class MergedDocument(Struct, frozen=True):
    """What was merged from a document into its session."""

    places: tuple[tuple[Place, str], ...]
    """In the document, and the path of the field that has it now."""
    problems: tuple[Problem, ...]
    """A warning for each edit that belongs to no field."""
    is_whole: bool
    """Whether the session now renders exactly the edited document."""


def merge_document(
    project: Project, session_id: str, content: bytes, path: str
) -> MergedDocument:
    """Merge the edits in `content`, of the document `path`, into the session file.

    Raises WorldError, UsageError if it is the document of another session, and InvalidInput,
    also if the edits cannot be determined.
    """
    edited = signature(content)
    if marked := conflicts(edited.text):
        raise InvalidInput(Problem("X010", MERGE_CONFLICT, Place(path, n)) for n in marked)
    if edited.owner not in (None, session_id):
        message = f"'{path}' is the document of '{edited.owner}', not of '{session_id}'"
        raise UsageError(f"{message}")
    checked = load_session(project, session_id)
    facts = load_facts(project, session_id)
    document = render(project, checked, facts)
    base = _find_base(project, content, document.text, document.path)
    if base is None:
        raise InvalidInput([Problem("X008", _UNKNOWN, Place(path))])
    name = session_path(session_id)
    source = parse_yaml(project.read(name) or b"", name)
    # slow, so the session file is locked only afterwards
    renderer = _renderer(project, session_id, document.path, facts)
    result = merge_edits(source, base, _without_formatting(base, edited.text), renderer)

    def edit(now: ParsedYAML) -> EditResult:
        if now.encode() != source.encode():
            raise CannotEdit("the file was changed in the meantime, try again")
        return EditResult(result.source, ())

    save(project, session_id, edit)
    return MergedDocument(
        tuple((Place(path, each.line), format_path(keys)) for each, keys in result.merged),
        tuple(_unmerged_problem(each, path) for each in result.unmerged),
        result.text == edited.text or has_same_content(result.text, edited.text),
    )


_UNKNOWN = (
    "the manual edits cannot be determined: the session, its facts or its template changed "
    "since this was written, and git has no version of it as it was written"
)


def _find_base(project: Project, content: bytes, now: str, path: str) -> str | None:
    """The text that the digest in `content` was computed from."""
    if was_written(content, now):
        return now
    for _, old in git_history.versions(project.root, path, limit=MAX_VERSIONS):
        text = signature(old).text
        if was_written(content, text):
            return text
    return None


def _without_formatting(base: str, edited: str) -> str:
    """The edited document as it was before a formatter changed it, too.

    A single change of spaces or markers was made by a person.
    """
    pairs = (("\n".join(each.old), "\n".join(each.new)) for each in edited_ranges(base, edited))
    is_formatted = sum(has_same_content(old, new) for old, new in pairs) > 1
    return unformatted(base, edited) if is_formatted else edited


def _renderer(
    project: Project, session_id: str, path: str, facts: Facts | None
) -> RenderSource:
    where = places(project)

    def render_source(source: ParsedYAML) -> str | None:
        try:
            session, warnings = decode.load(source, session_id, source.path)
            checked = with_queries(project, session, warnings)
            document = render(project, checked, facts, where=where)
        except InvalidInput:
            return None
        # another date, number or slug makes another document
        return document.text if document.path == path else None

    return render_source


def _unmerged_problem(each: EditedRange, path: str) -> Problem:
    texts = (" ".join(" ".join(part).split()) for part in (each.old, each.new))
    old, new = (truncate(text, 60) for text in texts)
    edit = (
        f"'{old}' → '{new}'" if old and new else f"removed '{old}'" if old else f"added '{new}'"
    )
    message = f"this edit belongs to no field of the session: {edit}"
    return Problem("X009", message, Place(path, each.line), "warning")


# --- edits -----------------------------------------------------------------------------------


def merge_edits(
    source: ParsedYAML, base: str, edited: str, render: RenderSource
) -> MergeResult:
    """The session file with the changes from `base` to `edited` that can be merged."""
    text = render(source)
    if text is None:
        return MergeResult(source, base, (), edited_ranges(base, edited))
    merged: list[tuple[EditedRange, KeyPath]] = []
    unmerged: list[EditedRange] = []
    renders = 0

    def limited(changed: ParsedYAML) -> str | None:
        nonlocal renders
        renders += 1
        return render(changed) if renders <= MAX_RENDERS else None

    for each in edited_ranges(base, edited):
        if _contains(text, edited, each):
            continue
        last = merged[-1][1] if merged else ()
        found = _try_places(source, text, edited, each, last, limited)
        if found is None:
            unmerged.append(each)
            continue
        source, text, keys = found
        merged.append((each, keys))
    return MergeResult(source, text, tuple(merged), tuple(unmerged))


def edited_ranges(base: str, edited: str) -> tuple[EditedRange, ...]:
    """The differences, line by line where as many lines were added as removed."""
    old, new = base.split("\n"), edited.split("\n")
    found: list[EditedRange] = []
    for i1, i2, j1, j2 in _differences(old, new):
        if i2 - i1 != j2 - j1:
            before = old[i1 - 1] if i1 else ""
            found.append(EditedRange(j1 + 1, tuple(old[i1:i2]), tuple(new[j1:j2]), before))
            continue
        for i, j in zip(range(i1, i2), range(j1, j2), strict=True):
            found.append(EditedRange(j + 1, (old[i],), (new[j],), old[i - 1] if i else ""))
    return tuple(found)


def _try_places(
    source: ParsedYAML,
    text: str,
    edited: str,
    each: EditedRange,
    last: KeyPath,
    render: RenderSource,
) -> tuple[ParsedYAML, str, KeyPath] | None:
    """The session file with the edit merged, its document, and the changed place.

    The first place that makes the document more similar to the edited one, else the first: a
    field may be printed in several places, and a checklist item changes the status too.
    """
    cost, first = _distance(text, edited), None
    for keys, changed in _candidates(source, each, last):
        rendered = render(changed)
        if rendered is None or not _contains(rendered, edited, each):
            continue
        if _distance(rendered, edited) < cost:
            return changed, rendered, keys
        first = first or (changed, rendered, keys)
    return first


def _contains(text: str, edited: str, each: EditedRange) -> bool:
    """Whether `text` has the lines of this edit."""
    start, end = each.line - 1, each.end
    return not any(
        (j1 < end and start < j2) or (j1 == j2 and start <= j1 <= end) or start == end == j1
        for _, _, j1, j2 in _differences(text.split("\n"), edited.split("\n"))
    )


def _distance(text: str, edited: str) -> int:
    differences = _differences(text.split("\n"), edited.split("\n"))
    return sum(i2 - i1 + j2 - j1 for i1, i2, j1, j2 in differences)


def _differences(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[int, int, int, int]]:
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    return (opcode[1:] for opcode in matcher.get_opcodes() if opcode[0] != "equal")


# --- candidates ----------------------------------------------------------------------------


def _candidates(
    source: ParsedYAML, each: EditedRange, last: KeyPath
) -> Iterator[tuple[KeyPath, ParsedYAML]]:
    """Session files with another value at one place; places after `last` come first."""
    places = list(walk(source.root)) if source.root is not None else []
    start = next((n + 1 for n, (keys, _) in enumerate(places) if keys == last), 0)
    for keys, node in places[start:] + places[:start]:
        for place, change in _changes(source, keys, node, each):
            with suppress(CannotEdit):
                yield place, change()


def _changes(
    source: ParsedYAML, keys: KeyPath, node: Node, each: EditedRange
) -> Iterator[tuple[KeyPath, Callable[[], ParsedYAML]]]:
    added = _ADDED_ITEM.fullmatch(each.new[0]) if len(each.new) == 1 and not each.old else None
    if isinstance(node, List) and added:
        yield (*keys, len(node.nodes)), lambda: add_item(source, keys, added["text"])
    if isinstance(node, Map) and keys[-1] == "checklist" and added and added["mark"]:
        item, is_checked = (*keys, added["text"]), added["mark"] != " "
        yield item, lambda: set_value(source, item, is_checked)
    for value in dict.fromkeys(_values(node, each)):
        yield keys, lambda value=value: set_value(source, keys, value)  # type: ignore[misc]


_ADDED_ITEM = re.compile(r"\s*(?:[-*+]|\d+[.)])\s+(?:\[(?P<mark>[ xX])\]\s+)?(?P<text>\S.*)")


def _values(node: Node, each: EditedRange) -> Iterator[str | bool]:
    """The value of a scalar with the new words in place of the old ones."""
    if isinstance(node, List):
        item = node.nodes[0] if len(node.nodes) == 1 else None
        if isinstance(item, Scalar) and is_blank(f"[{item.text}]"):
            yield from _replaced(f"[{item.text}]", each)
    elif isinstance(node, Scalar):
        meaning = scalar_value(node)
        if meaning is None:
            yield from _replaced(DEFAULT, each)
        elif isinstance(meaning, bool):
            yield from _flags(meaning, each)
        else:
            yield from _replaced(node.text, each)
            yield from _with_lines(node.text, each)


def _flags(value: bool, each: EditedRange) -> Iterator[bool]:
    old, new = "\n".join(each.old), "\n".join(each.new)
    marks = (("[x]", "[ ]"), ("✅", "❌")) if value else (("[ ]", "[x]"), ("❌", "✅"))
    if any(old.replace(was, now, 1).casefold() == new.casefold() for was, now in marks):
        yield not value


def _replaced(value: str, each: EditedRange) -> Iterator[str]:
    """`value`, part of which is in the old words around all that changed, with the new ones."""
    old, new = "\n".join(each.old), "\n".join(each.new)
    prefix, suffix = _common(old, new)
    for start, part in _literals(value):
        for found in re.finditer(re.escape(part), old):
            after = len(old) - found.end()
            if found.start() <= prefix and after <= suffix:
                words = new[found.start() : len(new) - after]
                end = start + len(part)
                yield value[:start] + words.replace("{{", "\\{{") + value[end:]


def _with_lines(value: str, each: EditedRange) -> Iterator[str]:
    """A text of several lines, the old ones among them replaced."""
    lines = value.split("\n")
    old, new = ([line.strip() for line in part] for part in (each.old, each.new))
    stripped = [line.strip() for line in lines]
    if not old:  # inserted below the line that is above it
        ends = (n + 1 for n, line in enumerate(stripped) if line and line in each.before)
        yield from ("\n".join([*lines[:n], *new, *lines[n:]]) for n in ends)
        return
    for n in range(len(lines) - len(old) + 1):
        if stripped[n : n + len(old)] == old:
            yield "\n".join([*lines[:n], *new, *lines[n + len(old) :]])


def _common(old: str, new: str) -> tuple[int, int]:
    """The lengths of the common beginning and, after that, of the common end."""
    shorter = min(len(old), len(new))
    prefix = next((n for n in range(shorter) if old[n] != new[n]), shorter)
    rest = shorter - prefix
    return prefix, next((n for n in range(rest) if old[-1 - n] != new[-1 - n]), rest)


def _literals(value: str) -> Iterator[tuple[int, str]]:
    """The parts of a text that print as they are, with their offsets."""
    start = 0
    for found in re.finditer(r"(?<!\\)\{\{.*?\}\}", value, re.DOTALL):
        if value[start : found.start()].strip():
            yield start, value[start : found.start()]
        start = found.end()
    if value[start:].strip():
        yield start, value[start:]
