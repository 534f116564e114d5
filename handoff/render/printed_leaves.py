"""Which leaves of a session its document and its prompts print, and problems for the others.

A filter may be called and its text left out again. So a text remembers the leaves in it, and
they count as printed once a `{{ }}` prints the text.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from handoff.base.problems import KeyPath, Place, Problem
from handoff.session.model import (
    DEFAULT_PROMPT,
    Blank,
    Bullets,
    CodeBlock,
    Entries,
    Flag,
    MarkdownBlock,
    Session,
    Steps,
    Text,
    Timestamp,
)
from handoff.session.walk import Leaf, every_entry

if TYPE_CHECKING:
    from handoff.render.templates import Folders  # slow: brings jinja2


class Words(str):
    """Text in a template that remembers which leaves it holds, also when it is cut."""

    __slots__ = ("leaves",)
    leaves: frozenset[int]
    """The identities of their places."""

    def __iter__(self) -> Iterator[str]:
        return (with_leaves(each, self.leaves) for each in super().__iter__())

    def __getitem__(self, index: Any) -> str:
        return with_leaves(super().__getitem__(index), self.leaves)


def with_leaves(text: str, leaves: Iterable[int]) -> str:
    """`text` that remembers `leaves`."""
    if not (found := frozenset(leaves)):
        return text
    words = Words(text)
    words.leaves = found
    return words


def leaves_of(values: Iterable[object]) -> Iterator[int]:
    """The leaves that texts among `values` hold."""
    return (place for each in values if isinstance(each, Words) for place in each.leaves)


class PrintedLeaves:
    """The places of the leaves that were printed while a document was rendered."""

    def __init__(self) -> None:
        self._places: set[int] = set()
        self._formatted: list[int] = []
        self.images: dict[str, str] = {}
        """The SVG of each image that was drawn, by its path."""

    def __contains__(self, place: Place) -> bool:
        return id(place) in self._places  # a leaf keeps its place, and hashing is slow

    def note_formatted(self, place: Place) -> None:
        """The leaf at `place` is in the text that is being put together."""
        self._formatted.append(id(place))

    def take(self) -> list[int]:
        """The leaves formatted since the last call."""
        found, self._formatted = self._formatted, []
        return found

    def note_printed(self, value: object = None) -> None:
        """A template prints `value`, or what was just formatted."""
        self._places.update(self.take())
        if isinstance(value, Words):
            self._places |= value.leaves

    def note_read(self, node: object, value: object) -> object:
        """`value`, which a template read from `node`, as a text that remembers its leaf."""
        if isinstance(node, Text | Blank | MarkdownBlock) and isinstance(value, str):
            return with_leaves(value, (id(node.place),))
        if isinstance(node, Flag | Timestamp) and not isinstance(value, Place):
            self._places.add(id(node.place))
        return value

    def remembered(self, apply: Callable[..., Any]) -> Callable[..., Any]:
        """A filter whose text remembers the leaves that it formatted or was given."""

        def filtered(*given: object, **named: object) -> Any:
            self._formatted = []
            text = apply(*given, **named)
            found = [*self.take(), *leaves_of(given)]
            return with_leaves(text, found) if isinstance(text, str) else text

        return filtered


# --- leaves that nothing prints ------------------------------------------------------------

PrintedNode = Leaf | Bullets | Steps | Entries
"""A leaf, or a label's list without items, which has none."""


def unprinted_problems(
    session: Session,
    leaves: Iterable[Leaf],
    printed: PrintedLeaves,
    folders: Folders,
    template: str,
    unplaced: Collection[Place] = (),
    text: str = "",
) -> Iterator[Problem]:
    """A problem for each key, or part of one, that neither `template` nor a prompt prints.

    An error, or a warning where nothing but a blank is lost. Sections that are `unplaced`
    are left out.
    """
    walked = [*leaves, *_empty_labels(session)]
    if all(_is_printed(node, printed) for node in walked):
        return
    is_printed: dict[KeyPath, bool] = {}
    nodes: dict[KeyPath, PrintedNode] = {}
    for node in walked:
        keys = node.place.keys
        if not keys or (isinstance(node, Leaf) and _is_used_elsewhere(node, session, text)):
            continue
        if keys[0] == "sections" and session.sections[int(keys[1])].place in unplaced:
            continue
        if not (shown := _is_printed(node, printed)) or keys not in nodes:
            nodes[keys], is_printed[keys] = node, shown
    above = {keys[:n] for keys in nodes if is_printed[keys] for n in range(len(keys) + 1)}
    dropped: dict[KeyPath, list[PrintedNode]] = {}
    for keys, node in nodes.items():
        if not is_printed[keys]:
            ends = (n for n in range(1, len(keys)) if keys[:n] not in above)
            shortest = next(ends, len(keys))
            dropped.setdefault(keys[:shortest], []).append(node)
    for keys, found in dropped.items():
        name, fix = _advice(session, keys, folders, template)
        path = " > ".join(str(key) for key in keys)
        is_blank = all(
            isinstance(each, Leaf) and isinstance(each.node, Blank) for each in found
        )
        message = (
            f"{name} does not print '{path}'{', which is blank' if is_blank else ''}; {fix}"
        )
        place = replace(min(each.place for each in found), keys=keys)
        yield Problem("T012", message, place, "warning" if is_blank else "error")


def _advice(
    session: Session, keys: KeyPath, folders: Folders, template: str
) -> tuple[str, str]:
    """What does not print the key, and how to have it printed."""
    if keys[0] in ("prompt", "prompts"):
        written = {each.name: each for each in (session.prompt, *session.prompts) if each}
        prompt = written.get(DEFAULT_PROMPT if keys[0] == "prompt" else str(keys[1]))
        if prompt and prompt.text:
            return "a prompt with 'text'", "add it to the text, or remove one of them"
        template = "prompt.md.j2"
    path = folders.paths.get(template, template)
    name = f"template '{template.removesuffix('.md.j2')}'"
    if not Path(path).is_absolute():
        return name, f"print it in {path}, or remove the key"
    return (
        name,
        "use 'template: handoff', print it in a template of your own, or remove the key",
    )


def _is_printed(node: PrintedNode, printed: PrintedLeaves) -> bool:
    inner = node.node if isinstance(node, Leaf) else None
    is_code = isinstance(inner, CodeBlock) and inner.code.place in printed
    return is_code or node.place in printed


def _empty_labels(session: Session) -> Iterator[Bullets | Steps | Entries]:
    """The content of labels with an empty list, which have no leaf."""
    for entry in every_entry(session):
        content = entry.content
        if isinstance(content, Bullets | Steps) and not content.items:
            yield content
        if isinstance(content, Entries) and not content.entries:
            yield content


def _is_used_elsewhere(leaf: Leaf, session: Session, text: str) -> bool:
    """Whether the leaf is used although no template prints it.

    The index prints the status; a condition is evaluated; the files to read are listed by
    `prompt` and `resume`; a heading or a header may name the next session in `text`.
    """
    if leaf.path == ("next", "title"):
        return any(each.key for each in session.sections) and str(leaf.text) in text
    if leaf.role == "status":
        return leaf.path[0] == "status" or session.status is None
    return leaf.role == "condition" or (
        leaf.path[0] in ("prompt", "prompts") and "read" in leaf.path[1:3]
    )
