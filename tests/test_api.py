"""The public Python API: every name is there, and none is imported before it is asked for."""

from __future__ import annotations

import subprocess
import sys

import pytest

from handoff import api


@pytest.mark.parametrize("name", api.__all__)
def test_every_name_is_there(name: str) -> None:
    assert getattr(api, name).__module__.startswith("handoff.workspace.")


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'rendr'"):
        api.rendr  # noqa: B018


def test_verbs_are_imported_when_they_are_asked_for() -> None:
    code = (
        "import sys\nfrom handoff import api\napi.load\n"
        "print([f'handoff.workspace.{name}' in sys.modules for name in ('load', 'build')])"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)

    assert done.stdout.decode().strip() == "[True, False]"
