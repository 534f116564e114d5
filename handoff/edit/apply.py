"""Many edits of a session in one document: all are made, or none."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from re import Match

from msgspec import Struct
from msgspec.structs import replace

from handoff.base.patterns import lazy_pattern
from handoff.base.problems import InvalidInput, KeyPath, Place, Problem
from handoff.edit.operations import (
    FLAGS,
    EditResult,
    add_to,
    find_place,
    remove,
    set_at,
    tick,
    to_value,
)
from handoff.edit.save import SaveResult, save
from handoff.project.project import Project
from handoff.session.keys import NAMES, outer_key
from handoff.session.text import spelled_blank
from handoff.workspace.paths import session_path
from handoff.yaml.decode import Decoder, scalar_value
from handoff.yaml.edits import CannotEdit, NewValue, is_value, root_of
from handoff.yaml.emitter import PlainValue
from handoff.yaml.nodes import List, Map, Node, ParsedYAML, Scalar, is_null, parse_yaml
from handoff.yaml.paths import NotFound, format_path, node_at, split_new_path

VERBS = ("set", "add", "tick", "untick", "remove")
"""The keys of the document, in the order in which they are applied."""
NOTES = ("takes", "choices", "example", "hint", "in_prompt")
"""What `todo --json` writes next to the changes; ignored, so that it can be sent back."""
_FLAGS = {word: FLAGS[word] for word in ("✅", "❌")}
_DONE = {"set": "set", "add": "added", "tick": "checked", "untick": "unchecked"}


class ChangeRequest(Struct, frozen=True):
    """One change of the document."""

    verb: str
    path: str
    place: Place
    node: Node | None = None
    """The value in the document."""


class ApplyResult(Struct, frozen=True):
    """What was written, and how many changes of which kind."""

    saved: SaveResult
    counts: Mapping[str, int]


class _Made(Struct):
    """A change that was made."""

    request: ChangeRequest
    keys: KeyPath
    value: NewValue


def apply_changes(
    project: Project, session_id: str, document: bytes, name: str, *, new: bool = False
) -> ApplyResult:
    """Make every change of `document`, or none.

    What `remove` names is removed last and looked up before all changes, so that numbers of
    items do not shift. Raises InvalidInput with every problem, with its place in the
    document `name`.
    """
    requests = read_requests(document, name)
    made: list[_Made] = []
    counts: Counter[str] = Counter()

    def edit(parsed: ParsedYAML) -> EditResult:
        made.clear()
        counts.clear()
        return _apply_all(parsed, requests, made, counts, new=new)

    try:
        return ApplyResult(save(project, session_id, edit), counts)
    except InvalidInput as error:
        path, found = session_path(session_id), error.report.problems
        problems = [
            _in_document(each, made) if each.place.path == path else each for each in found
        ]
        raise InvalidInput(problems) from error


# --- reading -------------------------------------------------------------------------------


def read_requests(document: bytes, name: str) -> tuple[ChangeRequest, ...]:
    """The changes in the order in which they are made. Raises InvalidInput.

    The document is a mapping of `VERBS`, a list of such mappings, or one of both under
    `apply`, as `todo --json` prints it.
    """
    decoder = Decoder(name)
    root = decoder.root(parse_yaml(_json_as_yaml(document), name))
    if isinstance(root, Map):
        root = next((pair.node for pair in root.pairs if pair.key == "apply"), root)
    requests: list[ChangeRequest] = []
    for group in root.nodes if isinstance(root, List) else (root,):
        known = [pair.key for pair in group.pairs] if isinstance(group, Map) else []
        notes = [key for key in NOTES if key in known]  # not suggested for a typo
        given = decoder.fields(group, (*VERBS, *notes))
        for verb in VERBS:
            requests += _requests(decoder, verb, given.get(verb))
    if root is not None and not requests and not decoder.problems:
        message = f"no changes, expected one of {', '.join(VERBS)}"
        decoder.report("Y030", message, root)
    decoder.finish()
    return tuple(sorted(requests, key=lambda each: VERBS.index(each.verb)))


def read_yaml_value(text: str) -> NewValue:
    """The value that a text in YAML or JSON is. Raises InvalidInput."""
    decoder = Decoder("VALUE")
    node = decoder.root(parse_yaml(_json_as_yaml(text.encode()), "VALUE"))
    decoder.finish()
    return None if node is None else to_value(node)


def _requests(decoder: Decoder, verb: str, node: Node | None) -> Iterator[ChangeRequest]:
    if verb == "set" or verb == "add" or isinstance(node, Map):
        if verb == "remove":
            decoder.nodes(node, "a path or a list of paths")
            return
        for pair in decoder.pairs(node, "paths and their values"):
            is_list = isinstance(pair.node, List) and not spelled_blank(pair.node)
            items = pair.node.nodes if isinstance(pair.node, List) and is_list else (pair.node,)
            if verb == "add" and any(map(is_null, items)):
                decoder.report("Y030", f"nothing to add to '{pair.key}'", pair)
            elif verb == "add":
                yield from (ChangeRequest(verb, pair.key, each.place, each) for each in items)
            elif verb == "set" or isinstance(pair.node, Scalar):
                yield ChangeRequest(verb, pair.key, pair.place, pair.node)
            else:
                decoder.text(pair.node, "the text of a note")
        return
    for each in node.nodes if isinstance(node, List) else (node,):
        path = decoder.text(each, "a path")
        if path is not None and each is not None:
            yield ChangeRequest(verb, path, each.place)


_PAIRED_ESCAPE = lazy_pattern(
    r"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
)


def _json_as_yaml(document: bytes) -> bytes:
    """JSON without what YAML does not read: tabs between tokens, surrogate pairs."""
    if not document.lstrip().startswith((b"{", b"[")):
        return document
    try:
        text = document.decode()
        json.loads(text)
    except ValueError:
        return document

    def character(match: Match[str]) -> str:
        return match[0] if match[0] == "\\\\" else str(json.loads(f'"{match[0]}"'))

    return _PAIRED_ESCAPE.sub(character, text.replace("\t", " ")).encode()


# --- making the changes --------------------------------------------------------------------


def _apply_all(
    parsed: ParsedYAML,
    requests: tuple[ChangeRequest, ...],
    made: list[_Made],
    counts: Counter[str],
    *,
    new: bool,
) -> EditResult:
    problems: list[Problem] = []
    original, removed = root_of(parsed), {}
    for each in requests:
        try:
            if each.verb == "remove":
                removed[find_place(original, each.path)] = each
                continue
            edited, value = _change(parsed, each, new=new)
        except (NotFound, CannotEdit) as error:
            problems.append(_problem(f"{error}{_hint(_keys_of(each.path))}", each))
            continue
        counts[_DONE[each.verb] if edited.parsed.text != parsed.text else "unchanged"] += 1
        parsed = edited.parsed
        made.append(_Made(each, edited.keys, value))
    problems += _overwritten(root_of(parsed), made)
    for keys in sorted(removed, key=_last_item_last, reverse=True):
        if any(keys[:end] in removed for end in range(len(keys))):
            continue  # is removed with what holds it
        try:
            parsed = _remove(parsed, original, keys, made)
            if keys[:-1]:  # an error in what held it comes from this
                made.append(_Made(removed[keys], keys[:-1], None))
            counts["removed"] += 1
        except CannotEdit as error:
            problems.append(_problem(str(error), removed[keys]))
    return EditResult(parsed, (), problems=tuple(problems))


def _change(
    parsed: ParsedYAML, each: ChangeRequest, *, new: bool
) -> tuple[EditResult, NewValue]:
    if each.verb in ("tick", "untick"):
        has_note = isinstance(each.node, Scalar) and isinstance(scalar_value(each.node), str)
        note = each.node.text if has_note and isinstance(each.node, Scalar) else None
        is_done = each.verb == "tick"
        return tick(parsed, each.path, done=is_done, note=note), is_done
    value = None if each.node is None else to_value(each.node)
    if each.verb == "add":
        return add_to(parsed, each.path, value, order=NAMES, new=new), value
    value = _FLAGS.get(value, value) if isinstance(value, str) else value
    return set_at(parsed, each.path, value, order=NAMES, new=new), value


def _overwritten(root: Map, made: list[_Made]) -> Iterator[Problem]:
    """A problem for each change that another one of the document replaced."""
    for each in made:
        # a list of items became a mapping when one of them was checked
        label = (*each.keys[:-1], str(each.value))
        node = node_at(root, each.keys) or node_at(root, label)
        is_label = node is not None and node is node_at(root, label)
        if not is_label and not _holds(node, each.value):
            message = f"'{format_path(each.keys)}' is changed twice in different ways"
            yield _problem(message, each.request)


def _holds(node: Node | None, value: NewValue) -> bool:
    """Whether `node` says `value`, and perhaps more."""
    if node is None:
        return value is None
    if isinstance(value, Mapping):
        return isinstance(node, List) or all(
            _holds(node_at(node, (key,)), inner) for key, inner in value.items()
        )
    if isinstance(node, List) and isinstance(value, str):
        return node.source == value
    if isinstance(node, List) and not isinstance(value, PlainValue):
        return all(map(_holds, node.nodes, value))
    if isinstance(node, Map) and isinstance(value, PlainValue):
        return bool(node.entries) and _holds(node.entries[0].node, value)
    return is_value(node, value)


def _remove(parsed: ParsedYAML, original: Map, keys: KeyPath, made: list[_Made]) -> ParsedYAML:
    """`parsed` without `keys`; the numbers of the changes after it are adapted."""
    item = node_at(original, keys)
    if node_at(root_of(parsed), keys) is None and isinstance(item, Scalar):
        keys = (*keys[:-1], item.text)  # a list of items became a mapping
    changed = next((each for each in made if each.keys[: len(keys)] == keys), None)
    if changed:
        path = changed.request.path
        raise CannotEdit(f"'{format_path(keys)}' is removed, but '{path}' changes it")
    edited = remove(parsed, keys).parsed
    at, last = len(keys) - 1, keys[-1]
    for each in made:
        number = each.keys[at] if len(each.keys) > at and each.keys[:at] == keys[:at] else None
        if isinstance(number, int) and isinstance(last, int) and number > last:
            each.keys = (*each.keys[:at], number - 1, *each.keys[at + 1 :])
    return edited


def _last_item_last(keys: KeyPath) -> tuple[tuple[int, str], ...]:
    return tuple((key, "") if isinstance(key, int) else (-1, key) for key in keys)


# --- problems ------------------------------------------------------------------------------


def _problem(message: str, each: ChangeRequest) -> Problem:
    one_line = message.replace(":\n  ", ": ").replace("\n  ", ", ")
    return Problem("Y030", one_line, each.place)


def _in_document(problem: Problem, made: list[_Made]) -> Problem:
    """A problem of the edited session at the change that causes it."""
    keys = problem.place.keys
    inside = [each for each in made if keys[: len(each.keys)] == each.keys]
    around = [each for each in made if keys and each.keys[: len(keys)] == keys]
    found = max(inside, key=lambda each: len(each.keys), default=None) or next(
        iter(around), None
    )
    if found is None:  # the lines are those of a text that is not written
        return replace(problem, place=Place(problem.place.path, keys=keys))
    place, node = found.request.place, found.request.node
    if node is not None and not is_null(node):
        place = (node_at(node, keys[len(found.keys) :]) or node).place
    hint = _hint(keys) if problem.code.startswith("Y02") else ""
    return replace(problem, place=place, message=problem.message + hint)


def _hint(keys: KeyPath) -> str:
    """What the key takes, with an example: `; 'actions' takes …, for example '…'`."""
    found = outer_key(keys)
    if found is None:
        return ""
    path, key = found
    is_list = key.has_items or key.shape.inside == "items"
    takes = f"; '{format_path(path)}' takes {key.takes}"
    if not key.has_sample:
        return takes
    example = f"- {key.sample}" if is_list else f"{key.name}: {key.sample}"
    return f"{takes}, for example '{example}'"


def _keys_of(path: str) -> KeyPath:
    return tuple(int(part) if part.isdecimal() else part for part in split_new_path(path))
