"""`preview`: show the document in a browser and update it when its files change."""

from __future__ import annotations

import os
import sys
import threading
import webbrowser
from importlib.util import find_spec
from typing import Annotated

import typer

from handoff.base.problems import UsageError, missing_packages
from handoff.commands import console, options
from handoff.preview.watcher import Watchers
from handoff.workspace.load import find_session, open_project


def preview(
    session: options.SessionName,
    port: Annotated[
        int,
        typer.Option(
            "--port",
            min=0,
            max=65535,
            metavar="PORT",
            show_default=False,
            help="Port to listen on (default: a free port).",
        ),
    ] = 0,
    no_open: Annotated[
        bool, typer.Option("--no-open", help="Print the address only; do not open a browser.")
    ] = False,
    root: options.Root = None,
) -> int:
    """The page updates when a file changes. Recorded facts are used; no query runs.

    Only this machine can connect. Stop with Ctrl-C.
    """
    from handoff.preview.server import Server  # slow: brings http.server

    # slow to import, so that only a served page does
    missing = [each for each in ("nh3", "mdit_py_plugins", "pygments") if not find_spec(each)]
    if missing:
        raise missing_packages(*missing)
    project = open_project(root)
    watchers = Watchers(project.root, find_session(project, session))
    try:
        server = Server(watchers, port)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UsageError(f"cannot listen on port {port}: {reason}") from error
    ended = threading.Event()
    threading.Thread(target=watchers.watch, args=(ended,), daemon=True).start()
    console.note(f"{watchers.first.session_id}: {server.url} (stop with Ctrl-C)")
    if not no_open and _has_browser():
        # in a thread, for the browser requests the page from this process
        threading.Thread(target=webbrowser.open, args=(server.url,), daemon=True).start()
    try:
        server.serve_forever()
    except KeyboardInterrupt:  # the normal way to stop
        console.note("preview stopped")
    finally:
        ended.set()
        server.server_close()
    return 0


def _has_browser() -> bool:
    """Whether this is an interactive terminal, with a browser that does not run inside it."""
    if not sys.stderr.isatty():
        return False
    is_graphical = any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
    )
    return is_graphical or sys.platform in ("darwin", "win32")
