"""What a shell offers for an argument or the value of an option."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import typer

from handoff.base.characters import revealed
from handoff.base.problems import HandoffError
from handoff.project.project import Project
from handoff.yaml.nodes import List, Map, Node, parse


class _Match(str):
    """A match that differs in upper and lower case; Typer would drop it."""

    __slots__ = ()

    def startswith(self, *_: Any) -> bool:
        return True


def _completer(values: Callable[[Project, str, str], Iterable[str]]) -> Any:
    """For Typer: those of `values(project, session, incomplete)` that start with `incomplete`.

    Upper and lower case only count where that leaves something; errors offer nothing.
    """

    def complete(ctx: typer.Context, incomplete: str) -> list[str]:
        from handoff.workspace.load import open_project

        try:
            project = open_project(ctx.params.get("root"))
            session = ctx.params.get("session") or "latest"
            found = _matching(values(project, session, incomplete), incomplete)
            # a shell takes the only match for the whole word and closes its quotes
            while len(found) == 1 and found[0].endswith("."):
                found = _matching(values(project, session, found[0]), found[0])
        except HandoffError:
            return []
        return [_Match(each) for each in found]

    return complete


def _matching(values: Iterable[str], incomplete: str) -> list[str]:
    safe = [each for each in values if each == revealed(each)]
    exact = [each for each in safe if each.startswith(incomplete)]
    folded = [each for each in safe if each.casefold().startswith(incomplete.casefold())]
    return list(dict.fromkeys(exact or folded))


def _sessions(project: Project, session: str, incomplete: str) -> Iterable[str]:
    ids = project.session_ids()
    return [*ids, "latest"] if ids else []


def _queries(project: Project, session: str, incomplete: str) -> Iterable[str]:
    return project.query_names()


def _names(project: Project, session: str, incomplete: str) -> Iterable[str]:
    return [*_sessions(project, session, incomplete), *project.query_names()]


def _engines(project: Project, session: str, incomplete: str) -> Iterable[str]:
    from handoff.project.settings import ENGINES

    return ENGINES


def _contracts(project: Project, session: str, incomplete: str) -> Iterable[str]:
    from handoff.sql.query import CONTRACTS

    return CONTRACTS


def _check_codes(project: Project, session: str, incomplete: str) -> Iterable[str]:
    from handoff.check import code_docs

    return code_docs()


def _templates(project: Project, session: str, incomplete: str) -> Iterable[str]:
    from handoff.base.data import data_folder

    folders = (project.root / project.settings.templates, data_folder("templates"))
    files = (file for folder in folders for file in folder.glob("*.md.j2"))
    return sorted({file.name.removesuffix(".md.j2") for file in files})


def _prompts(project: Project, session: str, incomplete: str) -> Iterable[str]:
    found = {key: node for above, key, node in _places(_root(project, session)) if not above}
    default = ["default"] if "prompt" in found else []
    return [*default, *(key for key, _ in _children(found.get("prompts")))]


def _fields(project: Project, session: str, incomplete: str) -> Iterable[str]:
    """The fields one level below the typed path; one with fields of its own ends in a dot.

    Where none matches, the keys that the session may have.
    """
    root = _root(project, session)
    found = []
    for above, key, node in _places(root):
        path = f"{above}{key}{'.' if _children(node) else ''}"
        is_typed = path.endswith(".") and path.casefold() == incomplete.casefold()
        if incomplete.casefold().startswith(above.casefold()) and not is_typed:
            found.append(path)
    return found if root is None or _matching(found, incomplete) else _new_fields(incomplete)


def _new_fields(incomplete: str) -> Iterator[str]:
    from handoff.session.keys import paths

    for path, _ in paths():
        is_fixed = "<" not in path and "[" not in path
        if is_fixed and incomplete.startswith(path[: path.rfind(".") + 1]):
            yield path


def _items(project: Project, session: str, incomplete: str) -> Iterable[str]:
    """The labels of every checklist."""
    for _, key, node in _places(_root(project, session)):
        if key == "checklist" and isinstance(node, Map):
            yield from (pair.key for pair in node.pairs)


def _root(project: Project, session: str) -> Node | None:
    from handoff.workspace.load import find_session
    from handoff.workspace.paths import session_path

    path = session_path(find_session(project, session))
    return parse(project.read(path) or b"", path, [])


def _places(node: Node | None, above: str = "") -> Iterator[tuple[str, str, Node]]:
    """Every field: the path above it with a dot at its end, its key, and its node."""
    for key, inner in _children(node):
        yield above, key, inner
        yield from _places(inner, f"{above}{key}.")


def _children(node: Node | None) -> Iterable[tuple[str, Node]]:
    if isinstance(node, Map):
        return [(pair.key, pair.node) for pair in node.pairs]
    if isinstance(node, List):
        return [(str(n), each) for n, each in enumerate(node.nodes)]
    return ()


session_ids = _completer(_sessions)
query_names = _completer(_queries)
session_ids_and_query_names = _completer(_names)
engines = _completer(_engines)
check_codes = _completer(_check_codes)
contracts = _completer(_contracts)
templates = _completer(_templates)
prompt_names = _completer(_prompts)
field_paths = _completer(_fields)
item_labels = _completer(_items)
