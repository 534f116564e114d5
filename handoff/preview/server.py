"""Serves the preview on this machine only: GET requests, documents, and nothing is cached."""

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
from handoff.preview.page import content_policy, document_page, page_parts, session_page
from handoff.preview.watcher import Revision, SessionWatcher
from handoff.publish.signature import signature

ADDRESS = "127.0.0.1"
_NAMES = (ADDRESS, "localhost")
"""Accepted in `Host`: a foreign site whose name resolves to this machine has another one."""
HEARTBEAT_SECONDS = 15.0
"""Between two comments in the event stream, which notice a closed browser."""
MAX_BYTES = 5_000_000
"""Of a document other than the session's."""
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
    """The preview of one session."""

    daemon_threads = True

    def __init__(self, watcher: SessionWatcher, port: int) -> None:
        """Listen on `port`, 0 for any free one. Raises OSError."""
        super().__init__((ADDRESS, port), _Request)
        self.watcher = watcher

    @property
    def url(self) -> str:
        return f"http://{ADDRESS}:{self.server_address[1]}/"

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore browsers that close the connection early."""


class _Request(BaseHTTPRequestHandler):
    server_version = "handoff"
    sys_version = ""
    timeout = 30

    def do_GET(self) -> None:
        if not _is_local(self.headers.get_all("Host", [])):
            self.send_error(HTTPStatus.MISDIRECTED_REQUEST)
            return
        path = unquote(self.path.partition("?")[0], errors="replace")
        if path == "/":
            self._session_page()
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
        """Send one line of text; the page of http.server repeats the request."""
        status = HTTPStatus(code)
        self._send(status, "text/plain", f"{status.value} {status.phrase}\n")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Log no requests."""

    def _session_page(self) -> None:
        nonce = secrets.token_urlsafe(16)
        self._page(session_page(self._watcher.revision, nonce), nonce)

    def _document(self, path: str) -> None:
        own = self._watcher.revision.snapshot.document
        if own is not None and path == own.path:
            self._head(HTTPStatus.FOUND, "text/plain", {"Location": "/"})
            return
        text = _read_markdown(self._watcher.root, path)
        if text is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        nonce = secrets.token_urlsafe(16)
        read_at = datetime.now().astimezone()
        self._page(document_page(path, text, nonce, read_at=read_at), nonce)

    def _events(self) -> None:
        """Server-sent events (HTML living standard §9.2): each revision after the one seen."""
        query = parse_qs(self.path.partition("?")[2])
        seen = self.headers.get("Last-Event-ID") or query.get("seen", [""])[0]
        self._head(HTTPStatus.OK, "text/event-stream")
        self._write(": watching\n\n")
        while True:
            revision = self._watcher.wait(seen, seconds=HEARTBEAT_SECONDS)
            self._write(_event(revision) if revision else ": no change\n\n")
            seen = revision.version if revision else seen

    @property
    def _watcher(self) -> SessionWatcher:
        assert isinstance(self.server, Server)
        return self.server.watcher

    def _page(self, text: str, nonce: str) -> None:
        own = {"Content-Security-Policy": content_policy(nonce)}
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


def _event(revision: Revision) -> str:
    data = json.dumps(page_parts(revision.snapshot))  # on one line, as events require
    return f"id: {revision.version}\ndata: {data}\n\n"


def _is_local(hosts: list[str]) -> bool:
    """Whether `Host` names this machine; with any port, as behind a tunnel."""
    return [re.sub(r":\d+\Z", "", host) for host in hosts] in ([name] for name in _NAMES)


def _read_markdown(root: Path, path: str) -> str | None:
    """The Markdown file at `path`; `None` if there is none that may be shown."""
    try:
        file = confined(root, path)
        # both the name of a symlink and its target
        if not (_is_public(path) and _is_public(file.relative_to(root).as_posix())):
            return None
        if not file.is_file() or file.stat().st_size > MAX_BYTES:
            return None
        return signature(file.read_bytes()).text
    except (Refused, OSError):
        return None


def _is_public(path: str) -> bool:
    """Whether `path` is a Markdown file that is not hidden."""
    return path.endswith(".md") and not any(p[0] == "." for p in PurePosixPath(path).parts)
