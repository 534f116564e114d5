"""Find templates in their folders, and check the blocks that they replace."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from jinja2 import BaseLoader, Environment, TemplateNotFound, TemplateSyntaxError, nodes

from handoff.base.files import confined, is_plain
from handoff.base.problems import InvalidInput, Place, Problem, Refused, nearest

MAX_SOURCE = 1_000_000
"""Bytes of one template."""
PACKAGE = "package/"
"""Before a template's name: the one that comes with handoff, also if it is overridden."""


class Folders(BaseLoader):
    """A session's own template, then the project's folder, then the package's."""

    def __init__(self, root: Path, *, project: str, sessions: str, package: Path) -> None:
        self.root = root
        self.project = project
        self.sessions = sessions
        self.package = package
        self.paths: dict[str, str] = {}
        """The path of each template that was read, for problems."""

    def own(self, session_id: str) -> str | None:
        """The name of the session's own template; `None` where it has none."""
        name = f"{self.sessions}/{session_id}.md.j2"
        return name if is_plain(self.root / name) else None

    def has(self, name: str) -> bool:
        return self._file(name) is not None

    def get_source(
        self, environment: Any, template: str
    ) -> tuple[str, str | None, Callable[[], bool] | None]:
        found = self._file(template)
        if found is None:
            raise TemplateNotFound(template)
        self.paths[template] = found[1]
        return _source(*found), found[1], None

    def list_templates(self) -> list[str]:
        """The names that a session or an `include` may give, for 'did you mean'."""
        folders = (self.root / self.project, self.package)
        return sorted(
            {
                file.relative_to(folder).as_posix()
                for folder in folders
                for file in folder.rglob("*.md.j2")
                if is_plain(file)
            }
        )

    def of_project(self) -> list[str]:
        """The names of the project's templates, those of single sessions among them."""
        own, sessions = self.root / self.project, self.root / self.sessions
        found = [each.relative_to(own).as_posix() for each in own.rglob("*.md.j2")]
        found += [f"{self.sessions}/{each.name}" for each in sessions.glob("*.md.j2")]
        return sorted(name for name in found if self.has(name))

    def _file(self, name: str) -> tuple[Path, str] | None:
        if not re.fullmatch(r"(?!.*\.\.)[\w-][\w. /-]*\.j2", name):
            return None
        if name.startswith(f"{self.sessions}/"):
            return self._in_project(name)
        if not name.startswith(PACKAGE):
            found = self._in_project(f"{self.project}/{name}")
            if found:
                return found
        return self._in_package(name.removeprefix(PACKAGE))

    def _in_project(self, path: str) -> tuple[Path, str] | None:
        if not is_plain(self.root / path):
            return None
        try:
            return confined(self.root, path), path
        except Refused as error:
            message = "a template must lie under the root and outside '.git'"
            raise InvalidInput([Problem("T007", message, Place(path))]) from error

    def _in_package(self, name: str) -> tuple[Path, str] | None:
        file = self.package / name
        return (file, file.as_posix()) if is_plain(file) else None


def _source(file: Path, path: str) -> str:
    try:
        content = file.read_bytes()
        if len(content) > MAX_SOURCE:
            message = f"a template of {len(content):,} bytes, at most {MAX_SOURCE:,} are read"
            raise InvalidInput([Problem("T008", message, Place(path))])
        return content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        problem = Problem("T008", "the template is not UTF-8", Place(path, line))
        raise InvalidInput([problem]) from error
    except OSError as error:
        message = f"cannot read the template: {(error.strerror or str(error)).lower()}"
        raise InvalidInput([Problem("T008", message, Place(path))]) from error


# --- blocks --------------------------------------------------------------------------------


def block_problems(folders: Folders, names: Iterable[str]) -> Iterator[Problem]:
    """A warning for each block of the templates `names` that replaces nothing.

    Jinja silently leaves such a block out. `render` reports templates that cannot be read.
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
