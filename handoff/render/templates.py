"""Find templates in their folders, and check the blocks that they replace."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import BaseLoader, Environment, TemplateNotFound, TemplateSyntaxError, nodes
from jinja2.lexer import Token, TokenStream
from jinja2.parser import Parser

from handoff.base.budget import TEMPLATE_TOKENS
from handoff.base.conflict_markers import MESSAGE as MERGE_CONFLICT
from handoff.base.conflict_markers import conflicts
from handoff.base.files import confined, is_plain
from handoff.base.problems import InvalidInput, Place, Problem, Refused, nearest

MAX_SOURCE = 1_000_000
"""Bytes of one template."""
NESTED = "expressions or tags are nested too deeply"
PACKAGE = "package/"
"""Before a template's name: the one that comes with handoff, also if it is overridden."""


class WithinTokens(Environment):
    """Compiles no template of more tokens than the budget has: each takes 4 kB of memory."""

    def _tokenize(self, source: str, name: str | None, *args: Any, **options: Any) -> Any:
        stream = super()._tokenize(source, name, *args, **options)
        return TokenStream(_within_budget(stream, name), name, stream.filename)


def _within_budget(stream: Iterable[Token], name: str | None) -> Iterator[Token]:
    for n, token in enumerate(stream):
        if n > TEMPLATE_TOKENS:
            message = f"too long: more than {TEMPLATE_TOKENS:,} words and signs in its tags"
            raise TemplateSyntaxError(message, token.lineno, name)
        yield token


def nested_line(error: RecursionError) -> int | None:
    """The line where parsing or compiling a template ended; `None` if neither did."""
    line = None
    trace = error.__traceback__
    while trace is not None:
        subject = trace.tb_frame.f_locals.get("self")
        if isinstance(subject, Parser):
            line = subject.stream.current.lineno
        elif isinstance(node := trace.tb_frame.f_locals.get("node"), nodes.Node):
            line = node.lineno
        trace = trace.tb_next
    return line


class Folders(BaseLoader):
    """A session's own template, then the project's folder, then the package's."""

    def __init__(self, root: Path, *, project: str, sessions: str, package: Path) -> None:
        self.root = root
        self.project = project
        self.sessions = sessions
        self.package = package
        self.paths: dict[str, str] = {}
        """The path of each template that was read, for problems."""
        self.last_read: str | None = None
        """The name of the last template that was read, while it is compiled."""
        self.children: dict[str, str] = {}
        """The text of those of the project that extend another, by their paths."""

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
        self.paths[template] = path = found[1]
        self.last_read = template
        text = _source(*found)
        if "extends" in text and self.package not in found[0].parents:
            self.children[path] = text
        return text, path, None

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
        text = content.decode()
        if marked := conflicts(text):
            raise InvalidInput(Problem("T008", MERGE_CONFLICT, Place(path, n)) for n in marked)
        return text
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


def outside_problems(children: Mapping[str, str]) -> Iterator[Problem]:
    """An error for each line outside the blocks of a template that extends another.

    Jinja silently leaves them out. `children` has the text of each template by its path.
    """
    for path, text in children.items():
        for line, parent, words in _outside(text):
            message = f"{words} is outside the blocks of '{parent}' and is not printed"
            yield Problem("T013", f"{message}; put it into a block", Place(path, line))


@lru_cache(maxsize=64)
def _outside(text: str) -> tuple[tuple[int, str, str], ...]:
    """The line of what is never printed, the template that is extended, and what it is."""
    try:
        tree = WithinTokens(autoescape=False).parse(text)
    except (TemplateSyntaxError, RecursionError):  # `render` reports it
        return ()
    extends = next((each for each in tree.body if isinstance(each, nodes.Extends)), None)
    if extends is None:  # or only under a condition
        return ()
    parent = _extended(tree) or "the extended template"
    after = tree.body[tree.body.index(extends) + 1 :]
    found: dict[int, str] = {}
    for node in (inner for each in after for inner in _printing(each)):
        if not isinstance(node, nodes.TemplateData):
            found.setdefault(node.lineno, "a '{{ }}'")
            continue
        for n, line in enumerate(node.data.split("\n"), start=node.lineno):
            if words := " ".join(line.split()):
                found.setdefault(n, f"'{words[:_LONGEST]}{'…' * (len(words) > _LONGEST)}'")
    return tuple((line, parent, words) for line, words in sorted(found.items()))


_LONGEST = 40
"""Characters of a line that a problem quotes."""
_OWN_TEXT = (nodes.Block, nodes.Macro, nodes.AssignBlock, nodes.CallBlock)
"""Their text is printed elsewhere, or where they are."""


def _printing(node: nodes.Node) -> Iterator[nodes.Node]:
    """The parts at or under `node` that would print text where they are."""
    if isinstance(node, nodes.Output):
        yield from node.nodes
    elif not isinstance(node, _OWN_TEXT):
        for each in node.iter_child_nodes():
            yield from _printing(each)


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
    environment = WithinTokens(autoescape=False)
    try:
        return environment.parse(folders.get_source(environment, name)[0])
    except (TemplateSyntaxError, InvalidInput, LookupError, OSError, RecursionError):
        return None
