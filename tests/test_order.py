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
    """What a module imports of this package, inside functions and for types too."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in MODULES)
        if isinstance(node, ast.ImportFrom) and node.module:
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            found = [name for name in inner if name in MODULES]
            yield from found or [node.module] * (node.module in MODULES)


GRAPH = {name: set(imports(path)) - {name} for name, path in MODULES.items()}
ORDER = (
    *("commands", "api", "preview", "import_", "edit", "workspace", "check", "publish"),
    *("render", "values", "sources", "warehouse", "facts", "project", "session", "sql"),
    *("yaml", "base"),
)
"""The packages, each of which imports only from those after it."""


def package(module: str) -> str:
    """`values` of `handoff.values.rows`; empty for `handoff` itself."""
    return module.partition(".")[2].partition(".")[0]


def test_no_module_imports_itself_in_a_circle() -> None:
    done: set[str] = set()
    while free := [name for name in GRAPH if name not in done and GRAPH[name] <= done]:
        done |= set(free)

    assert sorted(set(GRAPH) - done) == []


def test_every_package_has_its_place() -> None:
    assert {package(name) for name in MODULES} - {""} == set(ORDER)


def test_packages_import_downward_only() -> None:
    place = {name: n for n, name in enumerate(ORDER)}
    upward = {
        (name, imported)
        for name, found in GRAPH.items()
        for imported in found
        if package(name)
        and package(imported)
        and place[package(imported)] < place[package(name)]
    }

    assert upward == set()


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


NOT_FOR_A_RENDER = (
    *("handoff.base.progress", "handoff.base.report", "handoff.base.tokens"),
    *("handoff.base.tree", "handoff.commands.completers", "handoff.facts.receipts"),
    *("handoff.publish.index", "handoff.publish.writer", "handoff.render.standalone"),
    *("handoff.sql.tables", "handoff.warehouse.port"),
)
"""Modules that a frozen render of a valid session imports only if the session needs them."""


def test_frozen_render_imports_what_it_uses() -> None:
    unused = {*SLOW, *NOT_FOR_A_RENDER} - {"jinja2"}
    code = (
        "import sys\nfrom handoff.commands.runner import run\n"
        "run(['render', 'session-1', '--frozen', '--stdout'])\n"
        f"print(sorted({unused!r} & set(sys.modules)), file=sys.stderr)"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PACKAGE.parent, capture_output=True, check=True
    )

    assert set(NOT_FOR_A_RENDER) <= set(MODULES)
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
