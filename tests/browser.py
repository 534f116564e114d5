"""A headless Chromium for tests, controlled by Playwright."""

from __future__ import annotations

import gzip
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
AXE = Path(__file__).parent / "fixtures/preview/axe.min.js.gz"
PICTURES = Path(os.environ.get("HANDOFF_PICTURES", "") or Path(__file__).parent / "pictures")
"""Where screenshots are kept; CI keeps them as artefacts."""


def binary() -> str:
    """The path of Chromium; skips the test if it is not installed, in CI fails it."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found:
        return found
    if os.environ.get("CI") and shutil.which("apt-get") and os.geteuid() == 0:
        pytest.fail("no Chromium: .ci/run installs it")
    pytest.skip("no Chromium: Debian's package 'chromium' brings it")


@contextmanager
def opened() -> Iterator[Any]:
    """A browser that ends with the block."""
    program = binary()
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        try:
            yield browser
        finally:
            browser.close()


def picture(page: Any, name: str) -> Path:
    """A screenshot of the window, kept under its name."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    file = PICTURES / f"{name}.png"
    page.screenshot(path=str(file))
    return file


def axe_violations(page: Any) -> list[Mapping[str, object]]:
    """What axe-core finds: the rule and the elements."""
    page.evaluate(gzip.decompress(AXE.read_bytes()).decode("utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        {"rule": each["id"], "nodes": [(n["html"], n["failureSummary"]) for n in each["nodes"]]}
        for each in found["violations"]
    ]
