"""A checkout with Windows line endings has the same facts, documents and prompts."""

from __future__ import annotations

from pathlib import Path

import pytest
import repositories
from commands import Handoff, caller

SESSION = """\
session: {n}
title: T{n}
created: 2026-01-0{n}
as_of: 2026-01-0{n}T16:20:00Z
template: mine
facts:
  c: {{sql: t/c.sql, key: k{since}}}
  log:
    log: run.log
    match: >-
      (?P<at>\\S+)
      day (?P<day>\\d+)
    columns: {{day: INT64}}
  state: {{json: state.json, columns: {{text: STRING}}}}
goal: |
  Two lines,
  day {{{{ log.day }}}}, {{{{ state.text }}}}.
metrics:
  N: "{{{{ c.a.n{shown} }}}}"
insights:
  findings: {{text: Loaded in one run, evidence: notes.txt:1}}
  Note: {{markdown: "one\\n\\ntwo"}}
checklist:
  Loaded:
    done: true
    evidence: {{cmd: wc -l run.log, expect: "1", saw: "1", at: 2026-01-0{n}}}
prompt:
  goal: Go on
  read: [notes.txt]
  ask: |
    First this.
    Then that.
"""
FILES = {
    "handoff.yaml": "engine: duckdb\ntimezone: UTC\n",
    "sql/t/c.sql": "-- Q.\n-- returns: k STRING, n INT64\nSELECT 'a' AS k, 1200 AS n\n",
    "templates/mine.md.j2": '{% extends "handoff.md.j2" %}\n'
    "{% block closing %}\nThe end.\n{% endblock %}\n",
    "run.log": "2026-01-01T10:00:00Z day 3\n",
    "state.json": '{\n  "at": "2026-01-01T10:00:00Z",\n  "text": "one line"\n}\n',
    "notes.txt": "first\nsecond\n",
}


@pytest.fixture
def handoff(capfdbinary: pytest.CaptureFixture[bytes]) -> Handoff:
    return caller(capfdbinary)


def test_checkout_with_windows_line_endings_is_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, handoff: Handoff
) -> None:
    root = repositories.repository(tmp_path / "unix")
    for path, content in FILES.items():
        repositories.write(root, path, content)
    repositories.commit(root, "Files")
    monkeypatch.chdir(root)
    for n in (1, 2):
        since, shown = (", since: session-1", " | since") if n == 2 else ("", "")
        text = SESSION.format(n=n, since=since, shown=shown)
        repositories.write(root, f"sessions/session-{n}.yaml", text)
        assert handoff("render", f"session-{n}").code == 0
        assert handoff("accept", f"session-{n}", "--by", "Ann", "--note", "Read").code == 0
    assert handoff("publish").code == 0
    repositories.commit(root, "Handoff")
    commands = (
        ("check", "--strict"),
        ("publish", "--check"),
        ("prompt", "session-2"),
        ("status",),
        ("todo", "session-2"),
        ("render", "session-2", "--frozen", "--stdout"),
    )
    expected = [handoff(*words) for words in commands]
    assert [each.code for each in expected] == [0] * len(expected)

    repositories.git(tmp_path, "-c", "core.autocrlf=true", "clone", "-q", str(root), "windows")
    windows = tmp_path / "windows"
    monkeypatch.chdir(windows)

    for path in (*FILES, "sessions/session-2.yaml", "sessions/session-2.facts.json"):
        assert b"\r\n" in (windows / path).read_bytes()
    assert [handoff(*words) for words in commands] == expected
    assert "1,200, unchanged since session-1" in expected[-1].out
    before = {path: path.read_bytes() for path in windows.rglob("docs/**/*.md")}
    assert handoff("render", "session-2").code == 0
    assert handoff("publish").code == 0
    assert {path: path.read_bytes() for path in windows.rglob("docs/**/*.md")} == before
