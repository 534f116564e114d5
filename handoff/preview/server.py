"""Serves the preview on this machine only: pages, documents, images; nothing is cached."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path, PurePosixPath
from urllib.parse import parse_qs, quote, unquote

from handoff.base.files import confined
from handoff.base.problems import HandoffError, Refused
from handoff.preview.html import IMAGES, code_styles
from handoff.preview.index import load_index
from handoff.preview.page import (
    ASSETS,
    FRAME_POLICY,
    IMAGE_POLICY,
    Pages,
    content_policy,
    render_asset,
)
from handoff.preview.provenance import describe_value
from handoff.preview.rows import query_rows
from handoff.preview.watcher import SessionWatcher, Watchers
from handoff.publish.signature import signature
from handoff.workspace.load import open_project

ADDRESS = "127.0.0.1"
_NAMES = (ADDRESS, "localhost")
"""Accepted in `Host`: a foreign site whose name resolves to this machine has another one."""
HEARTBEAT_SECONDS = 15.0
"""Between two comments in the event stream, which notice a closed browser."""
MAX_BYTES = 5_000_000
"""Of a document other than the session's, or of an image."""
_FIXED = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_NONE: Mapping[str, str] = {}
_SCRIPT, _STYLE, _HTML, _JSON = "text/javascript", "text/css", "text/html", "application/json"
# the frame that draws diagrams has no origin, so for it they come from elsewhere
_ANYWHERE = {"Cross-Origin-Resource-Policy": "cross-origin"}


class Server(ThreadingHTTPServer):
    """The preview of a repository's sessions, first of all of one of them."""

    daemon_threads = True

    def __init__(self, watchers: Watchers, port: int) -> None:
        """Listen on `port`, 0 for any free one. Raises OSError."""
        super().__init__((ADDRESS, port), _Request)
        self.watchers = watchers
        self.token = secrets.token_urlsafe(16)
        self.pages = Pages(watchers.root, self.token)

    @property
    def url(self) -> str:
        return f"http://{ADDRESS}:{self.server_address[1]}/"

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore browsers that close the connection early."""


class _Request(BaseHTTPRequestHandler):
    server_version = "handoff"
    sys_version = ""
    timeout = 30
    server: Server

    def do_GET(self) -> None:
        if not _is_local(self.headers.get_all("Host", [])):
            self.send_error(HTTPStatus.MISDIRECTED_REQUEST)
            return
        path = unquote(self.path.partition("?")[0], errors="replace")
        suffix = PurePosixPath(path).suffix.lower()
        if path.startswith("/.preview/"):
            self._asset(path.removeprefix("/.preview/"))
        elif suffix == ".md":
            self._document(path.removeprefix("/"))
        elif suffix in IMAGES:
            self._image(path.removeprefix("/"), IMAGES[suffix])
        else:
            self._route(path)

    def do_POST(self) -> None:
        """Run a query on a warehouse that bills it: only for the page's own button."""
        path = unquote(self.path.partition("?")[0], errors="replace")
        if not path.startswith("/rows/"):
            self.refuse()
        elif not _is_local(self.headers.get_all("Host", [])):
            self.send_error(HTTPStatus.MISDIRECTED_REQUEST)
        elif not secrets.compare_digest(
            self.headers.get("X-Handoff-Token", "").encode(), self.server.token.encode()
        ):
            self.send_error(HTTPStatus.FORBIDDEN)
        else:
            self._rows(path.removeprefix("/rows/"), run=True)

    def refuse(self) -> None:
        self._send(HTTPStatus.METHOD_NOT_ALLOWED, "text/plain", "only GET\n", {"Allow": "GET"})

    do_HEAD = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = refuse  # noqa: N815

    def send_error(
        self, code: int, message: str | None = None, explain: str | None = None
    ) -> None:
        """Send one line of text; the page of http.server repeats the request."""
        status = HTTPStatus(code)
        self._send(status, "text/plain", f"{status.value} {status.phrase}\n")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Log no requests."""

    # --- pages -----------------------------------------------------------------------------

    def _route(self, path: str) -> None:
        if path == "/":
            self._session_page(self.server.watchers.first)
        elif path == "/events":
            self._events()
        elif path in ("/sessions", "/sessions/"):
            self._index()
        elif path.startswith("/rows/"):
            self._rows(path.removeprefix("/rows/"), run=False)
        elif match := _SESSION.fullmatch(path):
            self._session(match["session"], match["rest"] or "")
        else:
            self.send_error(HTTPStatus.NOT_FOUND)

    def _session(self, session_id: str, rest: str) -> None:
        watcher = self._watcher(session_id)
        if watcher is None:
            self.send_error(HTTPStatus.NOT_FOUND)
        elif rest == "":
            self._session_page(watcher)
        elif rest == "prompts":
            nonce = secrets.token_urlsafe(16)
            self._page(self.server.pages.session(watcher.revision, nonce, "prompts"), nonce)
        elif rest == "parts":
            self._parts(watcher)
        elif rest.startswith("values/") and rest[7:].isdecimal():
            self._value(watcher, int(rest[7:]))
        else:
            self.send_error(HTTPStatus.NOT_FOUND)

    def _session_page(self, watcher: SessionWatcher) -> None:
        nonce = secrets.token_urlsafe(16)
        self._page(self.server.pages.session(watcher.revision, nonce, "document"), nonce)

    def _index(self) -> None:
        nonce = secrets.token_urlsafe(16)
        try:
            index = load_index(open_project(str(self.server.watchers.root)))
        except HandoffError as error:
            text = f"{error.lines}\n"
            self._send(HTTPStatus.INTERNAL_SERVER_ERROR, "text/plain", text)
            return
        read_at = datetime.now().astimezone()
        self._page(self.server.pages.index(index, nonce, read_at), nonce)

    def _document(self, path: str) -> None:
        for watcher in self.server.watchers.all():
            own = watcher.revision.snapshot.document
            if own is not None and path == own.path:
                is_first = watcher is self.server.watchers.first
                address = "/" if is_first else f"/sessions/{quote(watcher.session_id)}"
                self._head(HTTPStatus.FOUND, "text/plain", {"Location": address})
                return
        content = _read(self.server.watchers.root, path)
        if content is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        nonce = secrets.token_urlsafe(16)
        read_at, text = datetime.now().astimezone(), signature(content).text
        self._page(self.server.pages.document(path, text, nonce, read_at), nonce)

    # --- parts of pages --------------------------------------------------------------------

    def _parts(self, watcher: SessionWatcher) -> None:
        revision, view = watcher.revision, self._query("view")
        parts = self.server.pages.parts(
            revision, "prompts" if view == "prompts" else "document"
        )
        project = revision.snapshot.project
        folder = f"{project.settings.queries}/" if project else ""
        used = revision.snapshot.loaded.queries if revision.snapshot.loaded else {}
        names = [each.removeprefix(folder) for each in watcher.saved]
        saved = [name for name in names if name in used]
        self._send(HTTPStatus.OK, _JSON, json.dumps({**parts, "saved": saved}))

    def _value(self, watcher: SessionWatcher, number: int) -> None:
        revision = watcher.revision
        shown = revision.snapshot
        is_known = revision.version == self._query("version") and number < len(shown.values)
        if shown.project is None or shown.loaded is None or not is_known:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        value = shown.values[number]
        found = describe_value(shown.project, shown.loaded, shown.facts, value)
        editor = self.server.pages.editor
        places = [{"place": str(each), "editor": editor(each)} for each in found.places]
        fields = {"name": found.name, "lines": found.lines, "places": places}
        self._send(HTTPStatus.OK, _JSON, json.dumps(fields))

    def _rows(self, name: str, *, run: bool) -> None:
        watcher = self._watcher(self._query("session"))
        if watcher is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        root = self.server.watchers.root
        found = query_rows(watcher.revision.snapshot, str(root), name, run=run)
        self._send(HTTPStatus.OK, _JSON, json.dumps(found))

    def _events(self) -> None:
        """Server-sent events (HTML living standard §9.2): the versions of the sessions."""
        self._head(HTTPStatus.OK, "text/event-stream")
        self._write(": watching\n\n")
        seen: dict[str, str] = {}
        while True:
            versions = self.server.watchers.wait(seen, seconds=HEARTBEAT_SECONDS)
            seen = versions or seen
            self._write(f"data: {json.dumps(seen)}\n\n" if versions else ": no change\n\n")

    # --- files -----------------------------------------------------------------------------

    def _image(self, path: str, kind: str) -> None:
        drawn = self.server.watchers.images.get(path)
        content = drawn.encode() if drawn else _read(self.server.watchers.root, path)
        if content is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        self._head(HTTPStatus.OK, kind, {"Content-Security-Policy": IMAGE_POLICY})
        self.wfile.write(content)

    def _asset(self, name: str) -> None:
        if name == "mermaid.html":
            nonce = secrets.token_urlsafe(16)
            policy = {"Content-Security-Policy": FRAME_POLICY.format(nonce=nonce)}
            self._send(HTTPStatus.OK, _HTML, render_asset(name, nonce), policy)
        elif name == "mermaid.min.js":
            headers = {**_ANYWHERE, "Content-Encoding": "gzip"}
            self._head(HTTPStatus.OK, _SCRIPT, headers)
            self.wfile.write((ASSETS / f"{name}.gz").read_bytes())
        elif name == "code.css":
            self._send(HTTPStatus.OK, _STYLE, code_styles())
        elif name in _ASSETS:
            kind, own = _ASSETS[name]
            self._send(HTTPStatus.OK, kind, (ASSETS / name).read_text("utf-8"), own)
        else:
            self.send_error(HTTPStatus.NOT_FOUND)

    # --- sending ---------------------------------------------------------------------------

    def _watcher(self, session_id: str) -> SessionWatcher | None:
        """Of a session that has a file, or that is watched although its file is gone."""
        watchers = self.server.watchers
        if session_id in watchers.versions():
            return watchers.of(session_id)
        try:
            known = open_project(str(watchers.root)).session_ids()
        except HandoffError:
            return None
        return watchers.of(session_id) if session_id in known else None

    def _query(self, name: str) -> str:
        return parse_qs(self.path.partition("?")[2]).get(name, [""])[0]

    def _page(self, text: str, nonce: str) -> None:
        own = {"Content-Security-Policy": content_policy(nonce)}
        self._send(HTTPStatus.OK, _HTML, text, own)

    def _send(
        self, status: HTTPStatus, kind: str, text: str, own: Mapping[str, str] = _NONE
    ) -> None:
        self._head(status, kind, own)
        if self.command != "HEAD":
            self._write(text)

    def _head(self, status: HTTPStatus, kind: str, own: Mapping[str, str] = _NONE) -> None:
        self.send_response(status)
        content = {"Content-Type": kind if "image/" in kind else f"{kind}; charset=utf-8"}
        for name, value in {**_FIXED, **content, **own}.items():
            self.send_header(name, value)
        self.end_headers()

    def _write(self, text: str) -> None:
        self.wfile.write(text.encode("utf-8", "replace"))
        self.wfile.flush()


_WORKER = {"Content-Security-Policy": "default-src 'none'; connect-src 'self'"}
_SESSION = re.compile(r"/sessions/(?P<session>[^/]+)(?:/(?P<rest>[a-z]+(?:/\d+)?))?/?")
_ASSETS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "page.css": (_STYLE, _NONE),
    "page.js": (_SCRIPT, _NONE),
    "worker.js": (_SCRIPT, _WORKER),
    "mermaid.js": (_SCRIPT, _ANYWHERE),
}


def _is_local(hosts: list[str]) -> bool:
    """Whether `Host` names this machine; with any port, as behind a tunnel."""
    return [re.sub(r":\d+\Z", "", host) for host in hosts] in ([name] for name in _NAMES)


def _read(root: Path, path: str) -> bytes | None:
    """The file at `path`, which is Markdown or an image; `None` if it may not be shown."""
    try:
        file = confined(root, path)
        # both the name of a symlink and its target
        if not (_is_public(path) and _is_public(file.relative_to(root).as_posix())):
            return None
        if not file.is_file() or file.stat().st_size > MAX_BYTES:
            return None
        return file.read_bytes()
    except (Refused, OSError):
        return None


def _is_public(path: str) -> bool:
    """Whether `path` is a document or an image that is not hidden."""
    parts = PurePosixPath(path)
    is_shown = parts.suffix == ".md" or parts.suffix.lower() in IMAGES
    return is_shown and not any(part[0] == "." for part in parts.parts)
