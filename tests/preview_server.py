"""A repository to preview, and its server."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from handoff.preview.server import Server
from handoff.preview.watcher import Watchers

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


def write_repository(root: Path) -> Path:
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
    (root / "out.md").symlink_to(root.parent / "outside.md")
    (root / "folder.md").mkdir()
    (root.parent / "outside.md").write_text("outside\n")
    return root


@contextmanager
def served(root: Path, session: str = "one") -> Iterator[Server]:
    watchers = Watchers(root, session)
    server, ended = Server(watchers, 0), threading.Event()
    for target, words in ((server.serve_forever, ()), (watchers.watch, (ended,))):
        threading.Thread(target=target, args=words, daemon=True).start()
    try:
        yield server
    finally:
        ended.set()
        server.shutdown()
        server.server_close()


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


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
