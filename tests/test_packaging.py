"""What is installed: another `handoff`, packages that are missing, wheel and sdist."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from commands import Handoff, caller, example


@pytest.fixture
def handoff(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> Handoff:
    monkeypatch.chdir(example(tmp_path))
    return caller(capfdbinary)


# --- another handoff -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "is_foreign"),
    [
        ("#!/usr/bin/python3\nfrom handoff.cli import main\nmain()\n", True),
        ("#!/opt/x/bin/python\nfrom handoff.commands import main\nmain()\n", False),
        ('#!/bin/sh\nexec pyenv exec "$0" "$@"\n', False),
        ("#!/usr/bin/env bash\nexec uvx handoff-docs\n", False),
        ("\x7fELF\x02", True),
    ],
    ids=["python", "own", "shell", "env", "binary"],
)
def test_doctor_notices_another_command(
    handoff: Handoff, monkeypatch: pytest.MonkeyPatch, script: str, is_foreign: bool
) -> None:
    command = Path("bin/handoff").absolute()
    command.parent.mkdir()
    command.write_text(script)
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{command.parent}{os.pathsep}{os.environ['PATH']}")

    done = handoff("doctor")

    reported = (
        f"❌ command: {command} is another program\n"
        f"   → put the folder of {sys.executable} in front of it in PATH\n"
    )
    assert (done.out.startswith(reported), done.code) == (is_foreign, 2 * is_foreign)


def test_doctor_notices_another_package(
    handoff: Handoff, monkeypatch: pytest.MonkeyPatch
) -> None:
    metadata = Path("site/handoff-2.1.0.dist-info/METADATA")
    metadata.parent.mkdir(parents=True)
    metadata.write_text("Metadata-Version: 2.1\nName: handoff\nVersion: 2.1.0\n")
    monkeypatch.syspath_prepend(str(Path("site").absolute()))

    done = handoff("doctor")

    assert done.code == 2
    assert done.out.startswith(
        "❌ package: another package 'handoff' 2.1.0 is installed here, too\n   → run "
        "'pip uninstall handoff', then 'pip install --force-reinstall handoff-docs'\n"
    )


# --- missing packages ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "module", "package"),
    [
        ("render session-1", "duckdb", "duckdb"),
        ("render session-1 --engine bigquery", "google.auth", "google-cloud-bigquery"),
        ("query run orchestrator/phases", "duckdb", "duckdb"),
        ("preview session-1", "nh3", "nh3"),
        ("check", "sqlglot", "sqlglot"),
    ],
)
def test_command_names_the_missing_package(
    handoff: Handoff, monkeypatch: pytest.MonkeyPatch, words: str, module: str, package: str
) -> None:
    missing(monkeypatch, module)

    done = handoff(*words.split())

    (line,) = [each for each in done.err.splitlines() if "not installed" in each]
    start = f"handoff: error: this needs {package}, which is not installed; run 'pip install "
    assert line.startswith(f'{start}"{package}')
    assert (done.code, done.out, "bug" in done.err) == (2, "", False)


def test_doctor_names_the_missing_package(
    handoff: Handoff, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing(monkeypatch, "duckdb")

    done = handoff("doctor")

    assert done.code == 2
    assert "❌ engine: duckdb needs duckdb, which is not installed\n   → run 'pip" in done.out


IMPORTED = ("handoff.warehouse.duckdb", "handoff.warehouse.bigquery", "handoff.check.schema")


def missing(monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    """As if `module` were not installed, and nothing had imported it."""
    package = module.partition(".")[0]
    for name in [*sys.modules]:
        if name.partition(".")[0] == package or name.startswith(IMPORTED):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)  # type: ignore[arg-type]
