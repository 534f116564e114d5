"""Charts as a browser draws them, from the Mermaid and the SVG in the published documents."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import browser
import pytest
from preview_server import served

from handoff.commands.runner import run

REPOSITORY = Path(__file__).parent.parent
HOSTILE = Path(__file__).parent / "golden/charts"
SOURCES = "(all) => all.map((each) => each.src)"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with browser.opened() as found:
        yield found


def _drawn_texts(page: Any) -> list[str]:
    """The words in each diagram that was drawn."""
    sources = page.locator(".diagram img").evaluate_all(SOURCES)
    found = []
    for source in sources:
        svg = page.evaluate("(url) => fetch(url).then((each) => each.text())", source)
        parts = re.findall(r"<text[^>]*>(.*?)</text>", svg, re.DOTALL)
        found.append(unescape(unquote(" ".join(re.sub("<[^>]*>", "", each) for each in parts))))
    return found


def _take_picture(page: Any, name: str) -> None:
    """From the first chart to the end of the second."""
    page.set_viewport_size({"width": 1000, "height": 3000})
    first, second = (page.locator(".diagram").nth(n).bounding_box() for n in (0, 1))
    bottom = second["y"] + second["height"] + 10
    clip = {"x": 60, "y": first["y"] - 50, "width": 880, "height": bottom - first["y"] + 50}
    browser.PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=str(browser.PICTURES / f"{name}.png"), clip=clip)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_sample_charts_are_drawn_with_the_numbers_of_the_text(
    chromium: Any, tmp_path: Path, scheme: str
) -> None:
    for name in ("handoff.yaml", "sessions", "sql", "docs"):
        source = REPOSITORY / name
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, tmp_path / name)
    for image in (tmp_path / "docs/09-handoff").glob("*.svg"):
        image.unlink()  # shown before it is published
    context = chromium.new_context(
        viewport={"width": 1000, "height": 800}, color_scheme=scheme, bypass_csp=True
    )
    page = context.new_page()
    with served(tmp_path, "session-2") as server:
        page.goto(server.url)
        page.locator(".diagram img").nth(2).wait_for()
        calendar = page.locator("main img[src*='calendar.svg']")
        calendar.evaluate("(each) => each.decode()")
        assert calendar.evaluate("(each) => each.naturalWidth") > 200
        assert "14 missing, 42 present" in str(calendar.get_attribute("alt"))
        timeline, coverage, line = _drawn_texts(page)
        _take_picture(page, f"charts-{scheme}")
    context.close()

    assert "83.5 %, 766 of 917 game dates" in timeline
    assert "ETA 2026-01-04 18:47 UTC" in timeline
    assert "ml_feature_store_v2 71.3 %" in coverage
    assert "session-1 27.3 %" in line


def test_hostile_labels_are_drawn_as_text(
    chromium: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "repository"
    shutil.copytree(HOSTILE, root, ignore=shutil.ignore_patterns("expected"))
    monkeypatch.chdir(root)
    run(["render", "second"])
    context = chromium.new_context(bypass_csp=True)
    page = context.new_page()
    dialogs: list[str] = []
    page.on("dialog", lambda each: dialogs.append(each.message))
    with served(root, "second") as server:
        page.goto(server.url)
        page.locator(".diagram img").nth(4).wait_for()
        texts = _drawn_texts(page)
        errors = page.locator(".diagram .error").count()
    context.close()

    assert '%%{init: {"x": 1}}%% "]' in texts[0]
    assert any("71.4 %, 655 of 917 days" in each for each in texts)
    assert (dialogs, errors) == ([], 0)
