"""Blocks that a template replaces, held against those of the template it extends."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from jinja2 import Environment, TemplateSyntaxError, nodes

from handoff.base.problems import InvalidInput, Place, Problem, nearest
from handoff.render.environment import Folders


def block_problems(folders: Folders, names: Iterable[str]) -> Iterator[Problem]:
    """A warning for each block of the templates `names` that replaces nothing.

    Jinja leaves such a block out without a word. What cannot be read is told by `render`.
    """
    for name in names:
        tree = _tree(folders, name)
        parent = _extended(tree) if tree else None
        known = _blocks(folders, parent) if parent else frozenset()
        for block in tree.body if tree and known else ():
            if isinstance(block, nodes.Block) and block.name not in known:
                guess = nearest(block.name, known) or f", it has {', '.join(sorted(known))}"
                message = f"no block '{block.name}' in '{parent}'{guess}"
                place = Place(folders.paths[name], block.lineno)
                yield Problem("T011", message, place, "warning")


def _blocks(folders: Folders, name: str) -> frozenset[str]:
    """The blocks of a template and of all that it extends; empty where it cannot be read."""
    found: set[str] = set()
    seen: set[str] = set()
    parent: str | None = name
    while parent and parent not in seen:
        seen.add(parent)
        tree = _tree(folders, parent)
        if tree is None:
            return frozenset()
        found |= {block.name for block in tree.find_all(nodes.Block)}
        parent = _extended(tree)
    return frozenset(found)


def _extended(tree: nodes.Template) -> str | None:
    extends = tree.find(nodes.Extends)
    named = extends.template if extends else None
    return str(named.value) if isinstance(named, nodes.Const) else None


def _tree(folders: Folders, name: str) -> nodes.Template | None:
    environment = Environment(autoescape=False)
    try:
        return environment.parse(folders.get_source(environment, name)[0])
    except (TemplateSyntaxError, InvalidInput, LookupError, OSError):
        return None
