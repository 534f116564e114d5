"""`preview`: a real server and a real browser, while files change."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import browser
import pexpect
import pytest
from commands import Handoff, caller

from handoff.preview.server import Server
from handoff.preview.watcher import SessionWatcher

SESSION = """\
session: 1
title: One
created: 2026-01-03
goal: See
decisions:
facts:
  who: {sql: q/who.sql}
sections:
  - {title: Who, content: "{{ who.name }}, see [the plan](plan.md#aims)"}
prompt: {goal: Go on}
"""
OWN = "docs/09-handoff/2026-01-03-SESSION-1-ONE.md"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "repository"
    for folder in ("sessions", "sql/q", "docs/09-handoff", ".git"):
        (root / folder).mkdir(parents=True)
    (root / "handoff.yaml").write_text("engine: duckdb\n")
    (root / "sessions/one.yaml").write_text(SESSION)
    (root / "sql/q/who.sql").write_text(
        "-- Who.\n-- returns: name STRING\nSELECT 'a' AS name\n"
    )
    (root / "docs/09-handoff/plan.md").write_text("# Plan\n\n## Aims\n\n<b>x</b> [TIME]\n")
    (root / "docs/09-handoff/plan.txt").write_text("text\n")
    (root / ".git/x.md").write_text("git\n")
    (root / ".hidden.md").write_text("hidden\n")
    (root / "link.md").symlink_to(".hidden.md")
    (root / "out.md").symlink_to(tmp_path / "outside.md")
    (root / "folder.md").mkdir()
    (tmp_path / "outside.md").write_text("outside\n")
    return root


@contextmanager
def served(root: Path) -> Iterator[Server]:
    watcher = SessionWatcher(root, "one")
    server, ended = Server(watcher, 0), threading.Event()
    for target, words in ((server.serve_forever, ()), (watcher.watch, (ended,))):
        threading.Thread(target=target, args=words, daemon=True).start()
    try:
        yield server
    finally:
        ended.set()
        server.shutdown()
        server.server_close()


@pytest.fixture
def server(repository: Path) -> Iterator[Server]:
    with served(repository) as found:
        yield found


def answer(
    server: Server, path: str = "/", *, method: str = "GET", host: str | None = None
) -> tuple[int, dict[str, str], str]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=30)
    connection.putrequest(method, path, skip_host=host is not None)
    if host:
        connection.putheader("Host", host)
    connection.endheaders()
    found = connection.getresponse()
    text = found.read().decode()
    connection.close()
    return found.status, dict(found.getheaders()), text


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


# --- what is shown -------------------------------------------------------------------------


def test_page_runs_no_query_and_reports_missing_facts(server: Server, repository: Path) -> None:
    status, _, text = answer(server)

    assert status == 200
    assert "no results recorded: live values are blank" in text
    assert "fact &#x27;who&#x27; is not recorded" in text
    assert "<mark>[TO BE FILLED]</mark>, see" in text
    assert not (repository / "sessions/one.facts.json").exists()


def test_recorded_values_are_shown_and_a_changed_query_is_reported(
    repository: Path, handoff: Handoff
) -> None:
    assert handoff("render", "one", "--stdout").code == 0
    edit(repository / "sql/q/who.sql", "'a'", "'b'")

    with served(repository) as server:
        _, _, text = answer(server)

    assert "<p>a, see <a" in text
    assert "is stale: &#x27;sql/q/who.sql&#x27; changed" in text


def test_document_with_a_secret_is_not_shown(repository: Path) -> None:
    token = "gh" + "p_" + "abcdefghijklmnopqrstuvwxyz0123456789"
    edit(repository / "sessions/one.yaml", "goal: See", f"goal: See {token}")

    with served(repository) as server:
        _, _, text = answer(server)

    assert "Fix these errors to see a document." in text
    assert "sessions/one.yaml:4" in text
    assert token not in text


def test_links_of_the_document_lead_to_other_documents(server: Server) -> None:
    _, _, text = answer(server)
    (address,) = re.findall(r'<a href="([^"]*)">the plan</a>', text)

    status, _, plan = answer(server, address.partition("#")[0])

    assert (status, address) == (200, "/docs/09-handoff/plan.md#aims")
    assert '<h2 id="aims">Aims</h2>\n<p>&lt;b&gt;x&lt;/b&gt; <mark>[TIME]</mark></p>' in plan
    assert "as read at" in plan
    assert 'data-version=""' in plan


def test_own_document_is_the_preview(server: Server) -> None:
    status, headers, _ = answer(server, f"/{OWN}")

    assert (status, headers["Location"]) == (302, "/")


# --- who is served -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        *("/docs", "/docs/", "/docs/09-handoff/plan.txt", "/docs/09-handoff/none.md"),
        *("/.git/x.md", "/.GIT/x.md", "/.hidden.md", "/link.md", "/out.md", "/folder.md"),
        *("/../outside.md", "/docs/../../outside.md", "/%2e%2e/outside.md", "//etc/x.md"),
        *("/docs%00.md", "/%ff.md", "/handoff.yaml", "/sessions/one.yaml", "/page.css"),
        "/" + "x" * 300 + ".md",
    ],
)
def test_only_documents_are_served(server: Server, path: str) -> None:
    status, headers, text = answer(server, path)

    assert (status, text) == (404, "404 Not Found\n")
    assert headers["Content-Type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:9", "localhost", "localhost:9000"])
def test_this_machine_is_served(server: Server, host: str) -> None:
    assert answer(server, host=host)[0] == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example"])
@pytest.mark.parametrize("path", ["/", "/events", "/docs/09-handoff/plan.md"])
def test_other_names_for_this_machine_are_refused(server: Server, host: str, path: str) -> None:
    assert answer(server, path, host=host)[::2] == (421, "421 Misdirected Request\n")


@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_only_get_is_answered(server: Server, method: str) -> None:
    status, headers, text = answer(server, method=method)

    assert (status, headers["Allow"]) == (405, "GET")
    assert text == ("" if method == "HEAD" else "only GET\n")


def test_page_is_not_cached_and_loads_nothing_from_elsewhere(server: Server) -> None:
    _, headers, text = answer(server)
    (nonce,) = set(re.findall(r'nonce="([^"]+)"', text))
    _, again, _ = answer(server)

    assert headers["Content-Security-Policy"] == (
        f"default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    assert again["Content-Security-Policy"] != headers["Content-Security-Policy"]
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "Access-Control-Allow-Origin" not in headers


# --- what is updated -----------------------------------------------------------------------


class Events:
    """The events after the revision `seen`, by default the one of the page."""

    def __init__(self, server: Server, seen: str | None = None) -> None:
        seen = seen or re.findall(r'data-version="([^"]+)"', answer(server)[2])[0]
        port = server.server_address[1]
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self._connection.request("GET", f"/events?seen={seen}")
        self._stream = self._connection.getresponse()

    def until(self, part: str, words: str) -> dict[str, str]:
        """The first event with `words` in `part`; a half-written file may cause another one."""
        while words not in (parts := self._next())[part]:
            pass
        return parts

    def _next(self) -> dict[str, str]:
        while not (line := self._stream.readline().decode()).startswith("data: "):
            assert line, "the stream has ended"
        parts: dict[str, str] = json.loads(line.removeprefix("data: "))
        return parts


CHANGES = {
    "session": ("sessions/one.yaml", "title: One", "title: Two", "body", "Handoff: Two</h1>"),
    "settings": ("handoff.yaml", "engine", "engin", "problems", "did you mean"),
    "query": ("sql/q/who.sql", "name STRING", "who STRING", "problems", "column"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_saved_file_updates_the_page(
    server: Server, repository: Path, change: tuple[str, str, str, str, str]
) -> None:
    name, old, new, part, words = change
    events = Events(server)

    edit(repository / name, old, new)

    assert events.until(part, words)


def test_new_file_of_the_session_updates_the_page(server: Server, repository: Path) -> None:
    events = Events(server)

    template = (
        "{% extends 'package/handoff.md.j2' %}\n"
        "{% block title %}\n# {{ session.title }}\n{% endblock %}\n"
    )
    (repository / "sessions/one.md.j2").write_text(template)
    assert events.until("body", '<h1 id="one">One</h1>')

    (repository / "sessions/one.facts.json").write_text("{}")
    assert events.until("problems", "sessions/one.facts.json")


def test_error_is_shown_above_the_last_document_without_errors(
    server: Server, repository: Path
) -> None:
    events = Events(server)
    file = repository / "sessions/one.yaml"

    edit(file, "title: One", "titel: Two")
    wrong = events.until("problems", "titel")
    edit(file, "titel: Two", "title: Two")
    right = events.until("body", "Handoff: Two</h1>")

    place = "<code>sessions/one.yaml:2:1</code>: error: unknown key &#x27;titel&#x27;"
    assert place in wrong["problems"]
    assert "below is the last document without errors, of " in wrong["problems"]
    assert "Handoff: One</h1>" in wrong["body"]
    assert wrong["title"] == "⚠ one"
    assert "last document" not in right["problems"]
    assert right["title"] == "one"


def test_deleted_session_is_reported(server: Server, repository: Path) -> None:
    events = Events(server)

    (repository / "sessions/one.yaml").unlink()

    assert events.until("problems", "unknown session &#x27;one&#x27;")


def test_bug_does_not_leave_a_page_that_looks_current(
    server: Server, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = Events(server)

    monkeypatch.setattr("handoff.preview.watcher.load_session", None)
    edit(repository / "sessions/one.yaml", "title: One", "title: Two")

    told = events.until("problems", "handoff: bug: TypeError")
    assert "the last document without errors" in told["problems"]


def test_page_of_another_run_is_updated_at_once(server: Server) -> None:
    assert Events(server, "of-another-run").until("body", "Handoff: One</h1>")


# --- the command ---------------------------------------------------------------------------


@pytest.fixture
def handoff(
    repository: Path, capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> Handoff:
    monkeypatch.chdir(repository)
    return caller(capfdbinary)


CODE = """\
import signal, sys
from handoff.commands.runner import run
# background jobs of a shell ignore it, and so do the processes they start
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.exit(run(sys.argv[1:]))
"""


@contextmanager
def started(root: Path, *words: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """`handoff preview one` as a process of its own, and its port."""
    process = subprocess.Popen(
        (sys.executable, "-c", CODE, "preview", "one", *words),
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stderr is not None
    try:
        first = process.stderr.readline().decode()
        (port,) = re.findall(r"\Aone: http://127\.0\.0\.1:(\d+)/ \(stop with Ctrl-C\)\n", first)
        yield process, int(port)
    finally:
        process.kill()
        process.wait()


def test_command_serves_until_it_is_interrupted(repository: Path) -> None:
    with started(repository) as (process, port):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request("GET", "/events")
        assert connection.getresponse().status == 200

        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)

    assert (process.returncode, out, err) == (0, b"", b"preview stopped\n")


@pytest.mark.parametrize("words", [[], ["--no-open"]], ids=str)
def test_browser_is_opened_at_a_terminal(
    repository: Path, tmp_path: Path, words: list[str]
) -> None:
    stand_in, opened = tmp_path / "browser", tmp_path / "opened"
    stand_in.write_text(
        f'#!/bin/sh\necho "$1" > "{opened}.part"\nmv "{opened}.part" "{opened}"\n'
    )
    stand_in.chmod(0o755)
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(__file__).parent.parent),
        "BROWSER": f"{stand_in} %s",
    }

    terminal = pexpect.spawn(
        sys.executable,
        ["-c", CODE, "preview", "one", *words],
        cwd=str(repository),
        env=environment,
        timeout=30,
        encoding="utf-8",
    )
    terminal.expect(r"one: (http://\S+) \(stop with Ctrl-C\)")
    url = terminal.match[1]
    end = time.monotonic() + (1 if words else 30)
    while not opened.exists() and time.monotonic() < end:
        time.sleep(0.05)
    terminal.sendintr()
    terminal.expect("preview stopped")
    terminal.expect(pexpect.EOF)
    terminal.close()

    assert terminal.exitstatus == 0
    assert (opened.read_text() if opened.exists() else None) == (None if words else f"{url}\n")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["ome"], "handoff: error: unknown session 'ome', did you mean 'one'?\n"),
        (["one", "--port", "x"], "'x' is not a valid int"),
    ],
    ids=str,
)
def test_invalid_argument_is_reported(handoff: Handoff, words: list[str], says: str) -> None:
    done = handoff("preview", *words)

    assert done.code == 2
    assert says in done.err


def test_port_in_use_is_reported(handoff: Handoff, server: Server) -> None:
    port = server.server_address[1]

    done = handoff("preview", "one", "--port", str(port))

    says = f"handoff: error: cannot listen on port {port}: address already in use\n"
    assert (done.code, done.err) == (2, says)


# --- in a browser --------------------------------------------------------------------------


def is_required() -> bool:
    """Whether .ci/run should have installed a browser."""
    return bool(os.environ.get("CI") and shutil.which("apt-get") and os.geteuid() == 0)


@pytest.fixture
def tab(tmp_path: Path) -> Iterator[browser.Tab]:
    program = browser.binary()
    if program is None and is_required():
        pytest.fail("no Chromium: .ci/run installs it")
    if program is None:
        pytest.skip("no Chromium: Debian's package 'chromium' brings it")
    with browser.tab(program, tmp_path / "profile") as found:
        yield found


def test_browser_is_updated_without_a_reload(
    tab: browser.Tab, server: Server, repository: Path, tmp_path: Path
) -> None:
    file = repository / "sessions/one.yaml"
    tab.ask("Page.navigate", url=server.url)
    tab.until("document.querySelector('button.blanks')?.textContent.includes('next')")
    tab.run("window.isTheSame = true")
    before = tab.run("document.querySelectorAll('mark').length")

    edit(file, "decisions:", "decisions: We **go** on")
    tab.until("document.querySelector('main').textContent.includes('We go on')")
    assert tab.run("document.querySelectorAll('mark').length") == before - 1

    tab.run("document.querySelector('button.blanks').click()")
    assert tab.run("document.querySelectorAll('mark.at').length") == 1

    edit(file, "title: One", "titel: One")
    tab.until("document.querySelector('.errors')")
    assert tab.run("getComputedStyle(document.querySelector('main')).opacity") == "0.6"
    tab.picture(tmp_path / "error.png")
    edit(file, "titel: One", "title: Two")
    tab.until("document.querySelector('h1').textContent.includes('Two')")

    assert tab.run("document.querySelector('.errors') === null")
    assert tab.run("window.isTheSame")


def test_browser_shows_that_the_preview_has_stopped(tab: browser.Tab, repository: Path) -> None:
    with started(repository) as (_, port):
        tab.ask("Page.navigate", url=f"http://localhost:{port}/")
        tab.until("document.querySelector('main h1')")
        assert tab.run("document.querySelector('.ended').hidden")
    tab.until("!document.querySelector('.ended').hidden")

    edit(repository / "sessions/one.yaml", "title: One", "title: Two")
    with started(repository, "--port", str(port)):
        tab.until("document.querySelector('.ended').hidden", seconds=60)
        tab.until("document.querySelector('h1').textContent.includes('Two')")


def test_browser_copies_the_prompt(
    tab: browser.Tab, server: Server, repository: Path, handoff: Handoff
) -> None:
    grant = {"origin": server.url, "permissions": ["clipboardReadWrite"]}
    tab.ask("Browser.grantPermissions", **grant)
    tab.ask("Page.navigate", url=server.url)
    tab.until("document.querySelector('.prompt button')")
    tab.run("document.querySelector('.prompt button').click()")
    tab.until("document.querySelector('.prompt button').textContent === 'Copied'")

    assert tab.run("navigator.clipboard.readText()") == handoff("prompt", "one").out


HOSTILE = """\
<script>window.pwned = 1</script><img src=x onerror="window.pwned = 1">

[a](javascript:window.pwned=1) ![b](https://example.org/x.png) <svg/onload=window.pwned=1>
[^1] [c](data:text/html,<script>window.pwned=1</script>)

[^1]: <iframe src="https://example.org/"></iframe> [d](vbscript:x)

- [ ] <b onclick="window.pwned = 1">e</b>

```html
</code></pre><script>window.pwned = 1</script>
```
```"><script>window.pwned=1</script>
x
```
"""


def test_browser_runs_and_loads_nothing_from_a_hostile_document(
    tab: browser.Tab, server: Server, repository: Path
) -> None:
    (repository / "docs/09-handoff/plan.md").write_text(HOSTILE)

    tab.ask("Page.navigate", url=f"{server.url}docs/09-handoff/plan.md")
    tab.until("document.querySelector('main .footnotes')")

    assert tab.run("window.pwned === undefined")
    assert tab.run("performance.getEntriesByType('resource').length") == 0
    active = "main :is(script, img, svg, iframe, [onclick], [onerror], [href^='javascript'])"
    assert tab.run(f'document.querySelectorAll("{active}").length') == 0
