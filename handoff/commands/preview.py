"""`preview`: the document in the browser, following the session as it is saved."""

from __future__ import annotations

import os
import sys
import threading
import webbrowser
from typing import Annotated

import typer

from handoff import api
from handoff.base.problems import UsageError
from handoff.commands import console, options
from handoff.preview.watcher import SessionWatcher


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
            help="Of this machine; else any that is free.",
        ),
    ] = 0,
    no_open: Annotated[
        bool, typer.Option("--no-open", help="Print the address only, open no browser.")
    ] = False,
    root: options.Root = None,
) -> int:
    """Show the document in the browser as its files are saved.

    Asks nothing: values are those recorded. Only this machine is served. Ctrl-C ends it.
    """
    from handoff.preview.server import Server  # slow: brings http.server

    project = api.open_project(root)
    watcher = SessionWatcher(project.root, api.session_named(project, session))
    try:
        server = Server(watcher, port)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UsageError(f"handoff: error: '--port {port}' cannot be had: {reason}") from error
    ended = threading.Event()
    threading.Thread(target=watcher.watch, args=(ended,), daemon=True).start()
    console.note(f"{watcher.revision.snapshot.session}: {server.url}, until Ctrl-C")
    if not no_open and _has_browser():
        # beside the server, which the browser asks for the page
        threading.Thread(target=webbrowser.open, args=(server.url,), daemon=True).start()
    try:
        server.serve_forever()
    except KeyboardInterrupt:  # how it is told to end: nothing is interrupted
        console.note("the preview has ended")
    finally:
        ended.set()
        server.server_close()
    return 0


def _has_browser() -> bool:
    """Whether a person sits here, with a browser that does not take the terminal."""
    if not sys.stderr.isatty():
        return False
    is_graphical = any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
    )
    return is_graphical or sys.platform in ("darwin", "win32")
