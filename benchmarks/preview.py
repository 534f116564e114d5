"""How soon a saved file shows in the preview: `python benchmarks/preview.py`.

From the save until the page's parts are there, over HTTP; with Playwright and Chromium also
until the browser shows them. The repository is the sample, with a document of 6,000 lines.
"""

from __future__ import annotations

import http.client
import json
import re
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from handoff.preview.server import Server
from handoff.preview.watcher import Watchers

REPOSITORY = Path(__file__).parent.parent
TIMES = 7
LINES = 6_000


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name in ("sessions", "sql", "templates"):
            shutil.copytree(REPOSITORY / name, root / name)
        shutil.copy(REPOSITORY / "handoff.yaml", root)
        write_long_session(root)
        for session, kind, file in (
            ("session-1", "YAML", "sessions/session-1.yaml"),
            ("session-1", "SQL", "sql/coverage/phase4.sql"),
            ("session-1", "template", "templates/handoff.md.j2"),
            ("long", f"YAML, {LINES:,} lines", "sessions/long.yaml"),
        ):
            measure(root, session, kind, root / file)


def write_long_session(root: Path) -> None:
    items = "".join(f"      - Line {n} with `code` and **words**\n" for n in range(LINES))
    head = "session: 9\ntitle: Long\ncreated: 2026-01-09\ngoal: Measure\n"
    (root / "sessions/long.yaml").write_text(
        f"{head}sections:\n  - title: Lines\n    content:\n{items}"
    )


def measure(root: Path, session: str, kind: str, file: Path) -> None:
    with served(root, session) as server:
        events = Events(server, session)
        seconds = [timed(lambda: save(file), events.wait) for _ in range(TIMES)]
        print(f"{kind}: {words(seconds)} until the parts are there")  # noqa: T201
        with opened_page(server.url) as page:
            if page is not None:
                seconds = [timed(lambda: save(file), shown(page)) for _ in range(TIMES)]
                print(f"{kind}: {words(seconds)} until the browser shows them")  # noqa: T201


def shown(page: Any) -> Callable[[], None]:
    """Waits for another version of the page."""
    version = "document.documentElement.dataset.version"
    before = page.evaluate(version)

    def wait() -> None:
        while page.evaluate(version) == before:
            time.sleep(0.005)
        page.evaluate("new Promise(requestAnimationFrame)")

    return wait


def save(file: Path) -> None:
    text, comment = file.read_text("utf-8"), "{# saved #}" if ".j2" in file.name else ""
    if file.suffix == ".yaml":
        title = "title: Timed" if "title: Measured" in text else "title: Measured"
        text = re.sub("(?m)^title:.*$", title, text)
    elif file.suffix == ".sql":
        text += "-- saved\n"
    file.write_text(text + comment, "utf-8")


def timed(act: Callable[[], None], wait: Callable[[], None]) -> float:
    began = time.perf_counter()
    act()
    wait()
    return time.perf_counter() - began


def words(seconds: list[float]) -> str:
    return f"{statistics.median(seconds):.2f} s (at most {max(seconds):.2f} s)"


class Events:
    """The connection of a page."""

    def __init__(self, server: Server, session: str) -> None:
        self._session = session
        self._port = server.server_address[1]
        self._connection = http.client.HTTPConnection("127.0.0.1", self._port)
        self._connection.request("GET", "/events")
        self._stream = self._connection.getresponse()
        self._version = ""
        self.wait()

    def wait(self) -> None:
        """Until there is a new version, and its parts are read."""
        while True:
            line = self._stream.readline().decode()
            if line.startswith("data: "):
                version = json.loads(line.removeprefix("data: "))[self._session]
                if version != self._version:
                    break
        parts = http.client.HTTPConnection("127.0.0.1", self._port)
        parts.request("GET", f"/sessions/{self._session}/parts")
        self._version = json.loads(parts.getresponse().read())["version"]


@contextmanager
def served(root: Path, session: str) -> Iterator[Server]:
    watchers = Watchers(root, session)
    server, ended = Server(watchers, 0), threading.Event()
    for target, given in ((server.serve_forever, ()), (watchers.watch, (ended,))):
        threading.Thread(target=target, args=given, daemon=True).start()
    try:
        yield server
    finally:
        ended.set()
        server.shutdown()
        server.server_close()


@contextmanager
def opened_page(url: str) -> Iterator[Any]:
    """The page in Chromium; `None` without it."""
    program = shutil.which("chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        program = None
    if program is None:
        yield None
        return
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(url)
        yield page
        browser.close()


if __name__ == "__main__":
    sys.exit(main())
