"""The public Python API."""

from __future__ import annotations

import subprocess
import sys

import pytest

from handoff import api

SLOW = ("jinja2", "duckdb", "google", "sqlglot", "markdown_it", "typer")


@pytest.mark.parametrize("name", api.__all__)
def test_every_name_is_there(name: str) -> None:
    assert getattr(api, name).__module__.startswith("handoff.workspace.")


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'rendr'"):
        api.rendr  # noqa: B018


def test_former_name_works_and_names_its_successor() -> None:
    with pytest.deprecated_call(match="handoff.api.Loaded is deprecated; use LoadedSession"):
        assert api.Loaded is api.LoadedSession


def test_importing_the_api_imports_nothing_slow() -> None:
    code = f"import sys\nfrom handoff import api\nprint(set({SLOW!r}) & set(sys.modules))"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)

    assert done.stdout.decode().strip() == "set()"
