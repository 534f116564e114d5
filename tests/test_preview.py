"""`preview`: a real server and a real browser, while files change."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pexpect
import pytest
from commands import Handoff, caller
from preview_server import CODE, SESSION, edit, served, started, write_repository

from handoff.preview.server import Server

OWN = "docs/09-handoff/2026-01-03-SESSION-1-ONE.md"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return write_repository(tmp_path / "repository")


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


# --- what is shown -------------------------------------------------------------------------


def test_page_runs_no_query_and_reports_missing_facts(server: Server, repository: Path) -> None:
    status, _, text = answer(server)

    assert status == 200
    assert "no results recorded: live values are blank" in text
    assert "fact &#39;who&#39; is not recorded" in text
    assert "<mark>[TO BE FILLED]</mark>, see" in text
    assert not (repository / "sessions/one.facts.json").exists()


def test_recorded_values_are_shown_and_a_changed_query_is_reported(
    repository: Path, handoff: Handoff
) -> None:
    assert handoff("render", "one", "--stdout").code == 0
    edit(repository / "sql/q/who.sql", "'a'", "'b'")

    with served(repository) as server:
        _, _, text = answer(server)

    assert (
        '<p dir="auto"><span class="value" tabindex="0" data-value="0">a</span>, see <a' in text
    )
    assert "is stale: &#39;sql/q/who.sql&#39; changed" in text


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
    assert (
        '<h2 dir="auto" id="aims">Aims</h2>\n<p dir="auto"><b>x</b> <mark>[TIME]</mark></p>'
        in plan
    )
    assert "as read at" in plan
    assert 'data-version=""' in plan


def test_image_of_the_repository_is_served_and_runs_nothing(
    server: Server, repository: Path
) -> None:
    (repository / "docs/a.svg").write_text("<svg><script>1</script></svg>")
    (repository / ".hidden.png").write_text("x")

    status, headers, text = answer(server, "/docs/a.svg")

    assert (status, text) == (200, "<svg><script>1</script></svg>")
    assert headers["Content-Type"] == "image/svg+xml"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Security-Policy"] == (
        "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'"
    )
    for path in ("/.hidden.png", "/docs/none.png", "/../outside.png"):
        assert answer(server, path)[0] == 404


def test_every_session_and_its_prompts_are_shown(server: Server, repository: Path) -> None:
    two = SESSION.replace("session: 1", "session: 2").replace("title: One", "title: Two")
    (repository / "sessions/two.yaml").write_text(two)

    status, _, index = answer(server, "/sessions")
    document = answer(server, "/sessions/two")[2]
    prompts = answer(server, "/sessions/two/prompts")[2]

    assert status == 200
    assert re.findall(r'<h2><a href="([^"]+)"', index) == ["/sessions/two", "/sessions/one"]
    assert re.findall("<p>(no checklist.*)</p>", index) == ["no checklist, 2 blanks; open"] * 2
    assert "Two</h1>" in document
    assert "Go on" in prompts
    assert answer(server, "/sessions/three")[0] == 404


def test_unreadable_session_is_in_the_index(server: Server, repository: Path) -> None:
    edit(repository / "sessions/one.yaml", "title:", "titel:")

    _, _, index = answer(server, "/sessions")

    assert "cannot be read, " in index
    assert "sessions/one.yaml:2:1: error: unknown key &#39;titel&#39;" in index


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
        "connect-src 'self'; img-src 'self' data:; frame-src 'self'; worker-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    assert again["Content-Security-Policy"] != headers["Content-Security-Policy"]
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "Access-Control-Allow-Origin" not in headers


# --- values and rows -----------------------------------------------------------------------


def parts_of(server: Server, path: str) -> dict[str, Any]:
    status, _, text = answer(server, path)
    assert status == 200, text
    found: dict[str, Any] = json.loads(text)
    return found


def value(server: Server, number: int) -> dict[str, Any]:
    version = parts_of(server, "/sessions/one/parts")["version"]
    return parts_of(server, f"/sessions/one/values/{number}?version={version}")


def test_value_has_its_provenance_and_what_it_was_before(
    repository: Path, handoff: Handoff
) -> None:
    handoff("render", "one", "--as-of", "2026-01-03T10:00Z")
    two = SESSION.replace("session: 1", "session: 2")
    (repository / "sessions/two.yaml").write_text(two)
    (repository / "sessions/one.facts.json").rename(repository / "sessions/two.facts.json")
    edit(repository / "sql/q/who.sql", "'a'", "'b'")
    handoff("render", "one", "--as-of", "2026-01-04T10:00Z")

    with served(repository) as server:
        found = value(server, 0)
        assert answer(server, "/sessions/one/values/0?version=old")[0] == 404
        assert answer(server, "/sessions/one/values/9")[0] == 404

    lines = [line for line in found["lines"] if line[0] != "ran at"]
    assert lines == [
        ["fact", "who"],
        ["source", "q/who.sql"],
        ["parameters", "none"],
        ["as of", "2026-01-04 10:00 UTC"],
        ["engine", "duckdb sample"],
        ["bytes billed", "none"],
        ["before", "a (as of 2026-01-03 10:00 UTC, two)"],
    ]
    assert (found["name"], [each["place"] for each in found["places"]]) == (
        "who.name",
        ["sessions/one.yaml:9:27", "sql/q/who.sql"],
    )
    editor = f"vscode://file{repository}/sessions/one.yaml:9:27"
    assert found["places"][0]["editor"] == editor


def test_rows_of_a_query_are_those_of_its_engine(server: Server, repository: Path) -> None:
    edit(repository / "sql/q/who.sql", "'a' AS", "'<b>' AS")

    found = parts_of(server, "/rows/q/who.sql?session=one")

    assert (found["engine"], found["can_run"]) == ("duckdb", False)
    (result,) = found["results"]
    assert (result["columns"], result["rows"]) == (["name"], [["<b>"]])
    assert result["words"].startswith("who: 1 row, as of ")
    assert not (repository / "sessions/one.facts.json").exists()


def test_rows_of_a_query_that_fails_are_its_error(server: Server, repository: Path) -> None:
    edit(repository / "sql/q/who.sql", "SELECT 'a' AS name", "SELECT nane FROM t.u")

    (result,) = parts_of(server, "/rows/q/who.sql?session=one")["results"]

    assert result["is_failure"]
    assert result["words"].startswith("sql/q/who.sql:3:")


def test_columns_that_are_redacted_have_no_rows(server: Server, repository: Path) -> None:
    edit(repository / "sessions/one.yaml", "who.sql}", "who.sql, redact: [secret]}")
    query = (
        "-- Who.\n-- returns: name STRING, secret STRING\nSELECT 'a' AS name, 'x' AS secret\n"
    )
    (repository / "sql/q/who.sql").write_text(query)

    (result,) = parts_of(server, "/rows/q/who.sql?session=one")["results"]

    assert (result["columns"], result["rows"]) == (["name"], [["a"]])


def test_only_the_page_itself_runs_a_query_that_is_billed(server: Server) -> None:
    path = "/rows/q/who.sql?session=one"

    assert answer(server, path, method="POST")[0] == 403
    assert answer(server, path, method="POST", host="evil.example")[0] == 421


# --- what is updated -----------------------------------------------------------------------


class Events:
    """The parts of the page after the revision `seen`, by default the one of the page."""

    def __init__(self, server: Server, seen: str | None = None) -> None:
        self._server = server
        self._seen = seen or re.findall(r'data-version="([^"]+)"', answer(server)[2])[0]
        port = server.server_address[1]
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self._connection.request("GET", "/events")
        self._stream = self._connection.getresponse()

    def until(self, part: str, words: str) -> dict[str, str]:
        """The first parts with `words` in `part`; a half-written file may cause others."""
        while words not in (parts := self._next())[part]:
            pass
        return parts

    def _next(self) -> dict[str, str]:
        while True:
            line = self._stream.readline().decode()
            assert line, "the stream has ended"
            if line.startswith("data: "):
                version = json.loads(line.removeprefix("data: "))["one"]
                if version != self._seen:
                    break
        parts: dict[str, str] = json.loads(answer(self._server, "/sessions/one/parts")[2])
        self._seen = parts["version"]
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
    assert events.until("body", '<h1 dir="auto" id="one">One</h1>')

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

    place = "<code>sessions/one.yaml:2:1</code>: error: unknown key &#39;titel&#39;"
    assert place in wrong["problems"]
    assert "below is the last document without errors, of " in wrong["problems"]
    assert "Handoff: One</h1>" in wrong["body"]
    assert wrong["title"] == "⚠ one"
    assert "last document" not in right["problems"]
    assert right["title"] == "one"


def test_deleted_session_is_reported(server: Server, repository: Path) -> None:
    events = Events(server)

    (repository / "sessions/one.yaml").unlink()

    assert events.until("problems", "unknown session &#39;one&#39;")


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
