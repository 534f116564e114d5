"""Serves the page to this machine alone: only GET, only documents, nothing that is kept."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path, PurePosixPath
from urllib.parse import parse_qs, unquote

from handoff.base.files import confined
from handoff.base.problems import Refused
from handoff.preview import page
from handoff.preview.watcher import Revision, SessionWatcher
from handoff.publish.writer import signature

ADDRESS = "127.0.0.1"
_NAMES = (ADDRESS, "localhost")
"""Whom a request may be for: a stranger's page that has its name lead here has another."""
HEARTBEAT_SECONDS = 15.0
"""Of silence, after which a browser that is gone is noticed."""
MAX_BYTES = 5_000_000
"""Of another document."""
_FIXED = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_NONE: Mapping[str, str] = {}


class Server(ThreadingHTTPServer):
    """The preview of one session at an address of this machine."""

    daemon_threads = True

    def __init__(self, following: SessionWatcher, port: int) -> None:
        """Raises OSError where the port cannot be had; 0 is any that is free."""
        super().__init__((ADDRESS, port), _Request)
        self.following = following

    @property
    def url(self) -> str:
        return f"http://{ADDRESS}:{self.server_address[1]}/"

    def handle_error(self, request: object, client_address: object) -> None:
        """A browser that goes away in the middle of an answer is nothing to tell."""


class _Request(BaseHTTPRequestHandler):
    server_version = "handoff"
    sys_version = ""
    timeout = 30

    def do_GET(self) -> None:
        if not _is_for_here(self.headers.get_all("Host", [])):
            self.send_error(HTTPStatus.MISDIRECTED_REQUEST)
            return
        path = unquote(self.path.partition("?")[0], errors="replace")
        if path == "/":
            self._follow_page()
        elif path == "/events":
            self._events()
        else:
            self._document(path.removeprefix("/"))

    def refuse(self) -> None:
        self._send(HTTPStatus.METHOD_NOT_ALLOWED, "text/plain", "only GET\n", {"Allow": "GET"})

    do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = refuse  # noqa: N815

    def send_error(
        self, code: int, message: str | None = None, explain: str | None = None
    ) -> None:
        """A line of plain text; http.server would send a page that repeats the request."""
        status = HTTPStatus(code)
        self._send(status, "text/plain", f"{status.value} {status.phrase}\n")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nothing is told of requests."""

    def _follow_page(self) -> None:
        nonce = secrets.token_urlsafe(16)
        text = page.following(self._following.edition, nonce)
        self._page(text, nonce)

    def _document(self, path: str) -> None:
        own = self._following.edition.shown.document
        if own is not None and path == own.path:
            self._head(HTTPStatus.FOUND, "text/plain", {"Location": "/"})
            return
        text = _markdown(self._following.root, path)
        if text is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        nonce = secrets.token_urlsafe(16)
        shown = page.other(path, text, nonce, read_at=datetime.now().astimezone())
        self._page(shown, nonce)

    def _events(self) -> None:
        """Server-sent events (HTML living standard §9.2): each edition after the one seen."""
        query = parse_qs(self.path.partition("?")[2])
        seen = self.headers.get("Last-Event-ID") or query.get("seen", [""])[0]
        self._head(HTTPStatus.OK, "text/event-stream")
        self._write(": following\n\n")
        while True:
            edition = self._following.later(seen, seconds=HEARTBEAT_SECONDS)
            self._write(_event(edition) if edition else ": still there\n\n")
            seen = edition.version if edition else seen

    @property
    def _following(self) -> SessionWatcher:
        assert isinstance(self.server, Server)
        return self.server.following

    def _page(self, text: str, nonce: str) -> None:
        own = {"Content-Security-Policy": page.policy(nonce)}
        self._send(HTTPStatus.OK, "text/html", text, own)

    def _send(
        self, status: HTTPStatus, kind: str, text: str, own: Mapping[str, str] = _NONE
    ) -> None:
        self._head(status, kind, own)
        if self.command != "HEAD":
            self._write(text)

    def _head(self, status: HTTPStatus, kind: str, own: Mapping[str, str] = _NONE) -> None:
        self.send_response(status)
        content = {"Content-Type": f"{kind}; charset=utf-8"}
        for name, value in {**_FIXED, **content, **own}.items():
            self.send_header(name, value)
        self.end_headers()

    def _write(self, text: str) -> None:
        self.wfile.write(text.encode("utf-8", "replace"))
        self.wfile.flush()


def _event(edition: Revision) -> str:
    # JSON has no newline outside its strings' escapes: one line of data
    return f"id: {edition.version}\ndata: {json.dumps(page.parts(edition.shown))}\n\n"


def _is_for_here(hosts: list[str]) -> bool:
    """Whether the request names this machine; behind a tunnel the port is another."""
    return [re.sub(r":\d+\Z", "", host) for host in hosts] in ([name] for name in _NAMES)


def _markdown(root: Path, path: str) -> str | None:
    """The Markdown file at `path`; `None` where there is none that may be shown."""
    try:
        file = confined(root, path)
        # of a symlink both its name and what it leads to
        if not (_may_be_shown(path) and _may_be_shown(file.relative_to(root).as_posix())):
            return None
        if not file.is_file() or file.stat().st_size > MAX_BYTES:
            return None
        return signature(file.read_bytes()).text
    except (Refused, OSError):
        return None


def _may_be_shown(path: str) -> bool:
    """Whether it is Markdown that is not hidden."""
    return path.endswith(".md") and not any(p[0] == "." for p in PurePosixPath(path).parts)
