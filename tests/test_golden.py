"""Whole documents: each folder of `golden/` is a repository and what it must render to.

`expected/<id>.md` is the document and `expected/<id>.txt` what `render` says on stderr.
`pytest tests/test_golden.py --update` writes them anew: read the diff.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from handoff.commands.runner import run

ROOT = Path(__file__).parent.parent
GOLDEN = Path(__file__).parent / "golden"
SEED = ROOT.parent / "shared/seed/2026-01-03-SESSION-1-PHASE4-DEEP-PREP.md"
CASES = sorted((path.parent.parent, path.stem) for path in GOLDEN.glob("*/sessions/*.yaml"))


@pytest.mark.parametrize(("case", "session"), CASES, ids=lambda v: getattr(v, "name", v))
def test_document_is_as_expected(
    case: Path,
    session: str,
    tmp_path: Path,
    capfdbinary: pytest.CaptureFixture[bytes],
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    shutil.copytree(case, tmp_path / "repository", ignore=shutil.ignore_patterns("expected"))
    monkeypatch.chdir(tmp_path / "repository")

    code = run(["render", session, "--stdout"])

    found = capfdbinary.readouterr()
    told = b"\n".join(line for line in found.err.splitlines() if b"sample ware" not in line)
    _compare(case / f"expected/{session}.md", found.out, request)
    _compare(case / f"expected/{session}.txt", told + f"\nexit {code}\n".encode(), request)


def test_first_session_without_queries_is_the_seed(
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    code = run(["render", "session-1", "--no-queries", "--stdout", "--root", str(ROOT)])

    assert capfdbinary.readouterr().out == (GOLDEN / "seed.md").read_bytes()
    assert code == 0


@pytest.mark.skipif(not SEED.is_file(), reason="the seed is outside the repository")
def test_golden_seed_is_the_seed() -> None:
    assert (GOLDEN / "seed.md").read_bytes() == SEED.read_bytes()


def _compare(path: Path, found: bytes, request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--update"):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(found)
    assert found.decode() == path.read_text("utf-8")
