"""Charts: what is drawn, escaped, published and reported; documents are in golden/charts."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handoff.commands import action
from handoff.commands.runner import run
from handoff.render.charts import bar, quoted

CASE = Path(__file__).parent / "golden/charts"
IMAGE = "docs/09-handoff/2026-01-04-SESSION-2-SECOND.dates.svg"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "repository"
    shutil.copytree(CASE, root, ignore=shutil.ignore_patterns("expected"))
    monkeypatch.chdir(root)
    run(["render", "first"])
    run(["render", "second"])
    return root


def test_image_is_as_expected(project: Path, request: pytest.FixtureRequest) -> None:
    found = (project / IMAGE).read_text("utf-8")
    expected = CASE / "expected/second.dates.svg"
    if request.config.getoption("--update"):
        expected.write_text(found, "utf-8")

    assert found == expected.read_text("utf-8")
    ElementTree.fromstring(found)


def test_image_is_published_checked_and_removed_with_its_chart(
    project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    image = project / IMAGE
    assert run(["publish"]) == 0
    assert run(["publish", "--check"]) == 0

    written = image.read_text("utf-8")
    image.write_text(written.replace("Mon", "Sun"), "utf-8")
    assert run(["publish", "--check"]) == 1
    assert run(["publish"]) == 1
    assert f"{IMAGE}: error: edited manually" in capfd.readouterr().err
    assert "Sun" in image.read_text("utf-8")

    image.unlink()
    assert run(["publish", "--check"]) == 1
    assert run(["publish"]) == 0
    assert image.read_text("utf-8") == written

    session = project / "sessions/second.yaml"
    text = session.read_text("utf-8")
    session.write_text(re.sub(r" +Dates: \{chart: dates\}\n", "", text), "utf-8")
    assert run(["publish"]) == 0
    assert not image.exists()


def test_image_goes_into_the_archive_with_its_document(project: Path) -> None:
    (project / "handoff.yaml").write_text("engine: duckdb\narchive: {after_days: 10}\n")
    later = (project / "sessions/first.yaml").read_text("utf-8")
    text = later.replace("session: 1", "session: 3").replace("2026-01-03", "2026-03-01", 1)
    (project / "sessions/third.yaml").write_text(text, "utf-8")

    assert run(["publish"]) == 0

    folder = project / "docs/09-handoff/2026-01"
    document = (folder / "2026-01-04-SESSION-2-SECOND.md").read_text("utf-8")
    assert "](2026-01-04-SESSION-2-SECOND.dates.svg)" in document
    assert (folder / Path(IMAGE).name).is_file()
    assert not (project / IMAGE).exists()
    assert run(["publish", "--check"]) == 0


@pytest.mark.parametrize(
    ("chart", "message"),
    [
        (
            "{chart: coverage, kind: calendar}",
            "'q/coverage.sql' does not declare the contract 'dates', which 'calendar' draws; "
            "'kind: bars' fits it (L026)",
        ),
        (
            "{chart: counts}",
            "which number is drawn? name one with 'column:', counted, price (L026)",
        ),
        (
            "{chart: counts, column: kind}",
            "column 'kind' of fact 'counts' is STRING, expected a number, "
            "such as 'counted' (L026)",
        ),
        (
            "{chart: counts, column: countd}",
            "fact 'counts' has no column 'countd', did you mean 'counted'? (L011)",
        ),
        (
            "{chart: coverage, kind: line}",
            "a line follows one number: name a row by its 'table_name' with 'row:' (L026)",
        ),
        (
            "{chart: dates, kind: calendar, column: n}",
            "'column:' is for bars and line, not for a calendar; remove it (L026)",
        ),
        ("{chart: covrage}", "unknown fact 'covrage', did you mean 'coverage'? (L010)"),
        ("{chart: coverage, kind: bar}", "unknown value 'bar', did you mean 'bars'? (Y023)"),
    ],
)
def test_chart_that_does_not_fit_its_fact_is_reported(
    chart: str, message: str, project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    session = project / "sessions/second.yaml"
    text = session.read_text("utf-8").replace("{chart: gone}\norch", f"{chart}\norch")
    session.write_text(text, "utf-8")
    capfd.readouterr()

    assert run(["check", "second"]) == 1

    shown = capfd.readouterr()
    line = text[: text.index(f"{chart}\norch")].count("\n") + 1
    lines = [each for each in (shown.out + shown.err).splitlines() if ".yaml" in each]
    found = [each for each in lines if each.startswith(f"sessions/second.yaml:{line}:")]
    assert any(each.endswith(message) for each in found), found


def test_chart_of_an_old_result_says_how_old_it_is(
    project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    query = project / "sql/q/dates.sql"
    query.write_text(query.read_text("utf-8").replace("d.dates", "d.gone"), "utf-8")
    old = (project / IMAGE).read_text("utf-8")

    run(["render", "second", "--stale-ok"])

    document = project / "docs/09-handoff/2026-01-04-SESSION-2-SECOND.md"
    text = document.read_text("utf-8")
    assert "\n(as of 2026-01-04 15:00 UTC, not answered since)\n" in text
    assert "  - (as of 2026-01-04 15:00 UTC, not answered since)\n" in text
    assert (project / IMAGE).read_text("utf-8") == old

    run(["render", "second"])

    assert "**Dates**:\n[TO BE FILLED]\n" in document.read_text("utf-8")
    assert run(["publish"]) == 0
    assert not (project / IMAGE).exists()


def test_job_summary_draws_the_charts_of_a_changed_document(
    project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (project / "docs/09-handoff/2026-01-04-SESSION-2-SECOND.md").unlink()
    capfd.readouterr()

    assert action.main(["differences", "."]) == 0

    summary = capfd.readouterr().out
    drawn = summary[summary.index("**Charts of ") : summary.rindex("<details>")]
    assert drawn.count("```mermaid\n") == 5
    assert "  71.4 %, 655 of 917 days :active" in drawn
    assert "%%{" not in drawn


@given(st.text())
def test_quoted_text_ends_nothing_in_mermaid(text: str) -> None:
    found = quoted(text)

    assert not re.search(r"[\"`<>\n\r\[\]{}\\|]|%%|(?<!&)#(?!\d+;)", found)
    assert len(found) <= 80


@given(st.fractions(min_value=0, max_value=1))
def test_bar_is_full_only_where_nothing_is_missing(share: Fraction) -> None:
    found = bar(share)

    assert (found == "█" * 8) == (share == 1)
    assert (found == "░" * 8) == (share == 0)


def test_frozen_render_without_charts_imports_nothing_of_them(project: Path) -> None:
    session = project / "sessions/first.yaml"
    text = re.sub(r"(?m)^(orchestrator|coverage): .*chart.*\n", "", session.read_text("utf-8"))
    session.write_text(text, "utf-8")
    code = "import sys; from handoff.commands.runner import run; run(sys.argv[1:]); "
    code += "print(sorted(each for each in sys.modules if 'charts' in each))"
    command = [sys.executable, "-c", code, "render", "first", "--frozen"]

    done = subprocess.run(command, capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"
