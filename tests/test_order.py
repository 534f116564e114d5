"""Modules import downward only, and the slow libraries only where they are used."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "handoff"
SLOW = (
    "google",
    "duckdb",
    "sqlglot",
    "jinja2",
    "markdown_it",
    "re2",
    "jmespath",
    "detect_secrets",
)


def modules() -> dict[str, Path]:
    found = {}
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        found[".".join(parts).removesuffix(".__init__")] = path
    return found


MODULES = modules()


def imports(path: Path) -> Iterator[str]:
    """What a module imports of this package when it is imported itself."""
    tree = ast.parse(path.read_text("utf-8"))
    for node in _at_import(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in MODULES)
        if isinstance(node, ast.ImportFrom) and node.module:
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            found = [name for name in inner if name in MODULES]
            yield from found or [node.module] * (node.module in MODULES)


def _at_import(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef) or _is_for_types(child):
            continue
        yield child
        yield from _at_import(child)


def _is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def test_no_module_imports_itself_in_a_circle() -> None:
    graph = {name: set(imports(path)) - {name} for name, path in MODULES.items()}
    done: set[str] = set()
    while free := [name for name in graph if name not in done and graph[name] <= done]:
        done |= set(free)

    assert sorted(set(graph) - done) == []


ORDER = (
    "cli",
    "api",
    "publishing",
    "warehouse",
    "sources",
    "project",
    "checks",
    "render",
    "document",
    "content",
    "progress",
    "facts",
    "session",
    "sql",
    "blanks",
    "yaml",
    "problems",
)
"""DESIGN's downward order; its `publish` and `decode` are packages here."""


@pytest.mark.parametrize("place", range(len(ORDER)), ids=ORDER)
def test_named_modules_import_downward(place: int) -> None:
    upper = {f"handoff.{name}" for name in ORDER[:place]}
    mine = f"handoff.{ORDER[place]}"
    found = {
        (name, imported)
        for name, path in MODULES.items()
        if name == mine or name.startswith(f"{mine}.")
        for imported in imports(path)
        if any(imported == above or imported.startswith(f"{above}.") for above in upper)
    }

    assert found == set()


@pytest.mark.parametrize("words", [["--help"], ["query", "list"], ["schema"]], ids=str)
def test_commands_that_ask_nothing_import_nothing_slow(words: list[str]) -> None:
    code = (
        "import sys\nfrom handoff.commands.runner import run\n"
        f"run({words!r})\n"
        f"print(sorted(set({SLOW!r}) & set(sys.modules)), file=sys.stderr)"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PACKAGE.parent, capture_output=True, check=True
    )

    assert done.stderr.decode().splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("words", "expected"), [(["--help"], set()), (["tick", "--help"], {"edit"})], ids=str
)
def test_help_imports_no_other_command(words: list[str], expected: set[str]) -> None:
    code = (
        "import sys\nfrom handoff.commands.registry import COMMANDS\n"
        "from handoff.commands.runner import run\n"
        f"run({words!r})\n"
        "names = {each.target.split('.')[0] for each in COMMANDS.values()}\n"
        "loaded = {name for name in names if f'handoff.commands.{name}' in sys.modules}\n"
        "print(sorted(loaded), file=sys.stderr)"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)

    assert done.stderr.decode().splitlines()[-1] == str(sorted(expected))
