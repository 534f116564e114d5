"""The embedded engine runs only with the versions whose results were compared."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from commands import ROOT, Handoff, caller

from handoff.facts import recorded
from handoff.warehouse.duckdb import versions

OTHERS = [
    ("duckdb", "1.5.6", "duckdb 1.5.6, expected >=2.0.0,<2.1"),
    ("duckdb", "2.1.0.dev3", "duckdb 2.1.0.dev3, expected >=2.0.0,<2.1"),
    ("sqlglot", "30.20.0", "sqlglot 30.20.0, expected >=30.30.0,<30.31"),
    ("sqlglot", "31.0.0", "sqlglot 31.0.0, expected >=30.30.0,<30.31"),
]


@pytest.fixture
def handoff(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> Handoff:
    """In a repository with one query."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sessions").mkdir()
    (tmp_path / "sql/q").mkdir(parents=True)
    Path("handoff.yaml").write_text("engine: duckdb\n")
    Path("sql/q/one.sql").write_text("-- returns: n INT64\nSELECT 1 AS n\n")
    Path("sessions/s.yaml").write_text(
        "session: 1\ntitle: t\ncreated: 2026-01-03\nfacts: {n: q/one.sql}\ngoal: '{{ n.n }}'\n"
    )
    return caller(capfdbinary)


def test_installed_versions_are_compared_ones() -> None:
    assert [*versions.problems()] == []


def test_package_allows_only_compared_versions() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]

    assert set(versions.newest()) <= set(project["dependencies"])


@pytest.mark.parametrize(("name", "version", "problem"), OTHERS)
def test_other_version_runs_no_query(
    handoff: Handoff, monkeypatch: pytest.MonkeyPatch, name: str, version: str, problem: str
) -> None:
    monkeypatch.setattr(f"{name}.__version__", version)

    done = handoff("render", "s", "--stdout")

    assert done.code == 3
    assert f"the embedded engine does not run with {problem}: results may differ" in done.err


@pytest.mark.parametrize(("name", "version", "problem"), OTHERS)
def test_doctor_reports_other_versions(
    handoff: Handoff, monkeypatch: pytest.MonkeyPatch, name: str, version: str, problem: str
) -> None:
    monkeypatch.setattr(f"{name}.__version__", version)

    done = handoff("doctor")

    assert done.code == 3
    assert (
        f"❌ versions: {problem}\n"
        '   → run \'pip install "duckdb>=2.0.0,<2.1" "sqlglot>=30.30.0,<30.31"\'\n'
    ) in done.out


def test_versions_are_recorded_and_change_no_digest(
    handoff: Handoff, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, known = Path("sessions/s.facts.json"), versions.installed()
    handoff("render", "s")
    first = recorded.load(file.read_bytes(), "f").facts["n"]
    document = [path.read_bytes() for path in Path("docs").rglob("*.md")]
    monkeypatch.setattr("duckdb.__version__", "2.0.99")

    handoff("render", "s")
    second = recorded.load(file.read_bytes(), "f").facts["n"]

    assert first.provenance
    assert first.provenance.versions == known
    assert second.provenance
    assert second.provenance.versions["duckdb"] == "2.0.99"  # type: ignore[index]
    assert (first.edited, second.edited) == (False, False)
    assert [path.read_bytes() for path in Path("docs").rglob("*.md")] == document


def test_file_without_versions_is_read_and_written_as_it_is(handoff: Handoff) -> None:
    file = Path("sessions/s.facts.json")
    handoff("render", "s")
    lines = file.read_text().splitlines(keepends=True)
    (at,) = [n for n, line in enumerate(lines) if '"versions"' in line]
    older = "".join([*lines[: at - 1], lines[at - 1].rstrip(",\n") + "\n", *lines[at + 1 :]])

    facts = recorded.load(older.encode(), "f")

    assert not facts.facts["n"].edited
    assert recorded.dump(facts) == older
