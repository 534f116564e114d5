"""Transcripts of coding agents: found, counted, and never quoted."""

from __future__ import annotations

import json
import os
import re
import time
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from handoff import api
from handoff.base.problems import InvalidInput
from handoff.facts.recorded import Failure
from handoff.session.model import SourceFact
from handoff.sources.lookup import LookupResult, look_up
from handoff.sources.source import SourceContext
from handoff.sources.transcript import logs, tally
from tests.repositories import repository

FIXTURES = Path(__file__).parent / "fixtures" / "transcripts"
NOW = datetime(2026, 1, 4, 9, 0, tzinfo=UTC)
ID = "4de9291e-061e-414a-85cb-de615826aded"
CODEX_ID = "019b8655-7826-7080-b375-f4bd0ec83d54"
ROLLOUT = f"sessions/2026/01/03/rollout-2026-01-03T14-00-00-{CODEX_ID}.jsonl"
HEAD = "session: 1\ntitle: t\ncreated: 2026-01-03\nfacts:\n"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home folder of a person with agents; the project is `work/project` in it."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("CLAUDE_CONFIG_DIR", raising=False)
    monkeypatch.delenv("CODEX_HOME", raising=False)
    write(tmp_path, "work/project/handoff.yaml", "sources: [~/.claude/projects, ~/.codex]\n")
    return tmp_path


def write(root: Path, path: str, text: str | bytes) -> Path:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def fixture(name: str, root: Path) -> str:
    return (FIXTURES / f"{name}.jsonl").read_text("utf-8").replace("ROOT", str(root))


def claude_log(home: Path, text: str | None = None, name: str = ID) -> Path:
    root = home / "work/project"
    slug = "".join(c if c.isalnum() else "-" for c in str(root))
    return write(
        home,
        f".claude/projects/{slug}/{name}.jsonl",
        fixture("claude-code", root) if text is None else text,
    )


def codex_log(home: Path, text: str | None = None) -> Path:
    content = fixture("codex", home / "work/project") if text is None else text
    return write(home, f".codex/{ROLLOUT}", content)


def run(home: Path, declaration: str, as_of: datetime = NOW) -> LookupResult:
    root = home / "work/project"
    write(root, "sessions/s.yaml", f"{HEAD}  metrics: {declaration}\n")
    project = api.open_project(str(root))
    (fact,) = api.load(project, "s").session.facts
    assert isinstance(fact, SourceFact)
    context = SourceContext(
        root=project.root,
        file=project.source,
        zone=UTC,
        recent_minutes=60,
        now=NOW,
        transcripts=project.settings.transcripts,
    )
    return look_up(fact, context, as_of)


def rows(looked: LookupResult) -> list[dict[str, object]]:
    assert not isinstance(looked.result, Failure), looked.result
    names = [column.name for column in looked.result.columns]
    return [dict(zip(names, row, strict=True)) for row in looked.result.rows]


def summary(home: Path, declaration: str = "{transcript: claude-code}") -> dict[str, object]:
    (row,) = rows(run(home, declaration))
    return row


def failure(looked: LookupResult) -> str:
    assert isinstance(looked.result, Failure), looked.result
    return looked.result.message


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


# --- the two formats ---------------------------------------------------------------------


def test_claude_code_summary(home: Path) -> None:
    claude_log(home)

    looked = run(home, "{transcript: claude-code, window: 200000}")

    assert rows(looked) == [
        {
            "agent": "claude-code",
            "version": "2.1.63",
            "model": "claude-opus-4-6",
            "started_at": at("2026-01-03T14:00:00Z"),
            "ended_at": at("2026-01-03T15:11:00Z"),
            "elapsed": "1 h 11 min",
            "active": "7 min",
            "active_minutes": 7,
            "turns": 2,
            "requests": 6,
            "tokens": "84k/200k",
            "context_tokens": 84_000,
            "window_tokens": 200_000,
            "input_tokens": 20,
            "output_tokens": 706,
            "cache_read_tokens": 220_000,
            "cache_write_tokens": 7_400,
            "files_read": 1,
            "files_changed": 2,
            "files_outside": 1,
            "commands": 3,
            "commands_failed": 1,
            "commands_unknown": 1,
            "problem": None,
        }
    ]
    assert (looked.engine, looked.source) == ("transcript", f"claude-code {ID}")


def test_subagents_count_for_tokens_and_files_not_for_turns_and_context(home: Path) -> None:
    log = claude_log(home)
    text = fixture("claude-code-subagent", home / "work/project")
    write(log.parent, f"{ID}/subagents/agent-a1.jsonl", text)

    row = summary(home)

    wanted = ("turns", "requests", "context_tokens", "input_tokens", "output_tokens")
    assert [row[name] for name in wanted] == [2, 8, 84_000, 40, 756]
    assert row["files_read"] == 2


def test_claude_code_lists(home: Path) -> None:
    claude_log(home)
    log = "transcript: claude-code"

    assert rows(run(home, f"{{{log}, take: files}}")) == [
        {"path": "ml/load.py", "change": "modified"},
        {"path": "tests/test_load.py", "change": "added"},
    ]
    assert rows(run(home, f"{{{log}, take: reads}}")) == [{"path": "ml/load.py"}]
    commands = rows(run(home, f"{{{log}, take: commands}}"))
    assert [(row["n"], row["exit_status"]) for row in commands] == [(1, 1), (2, 0), (3, None)]


def test_text_of_commands_is_recorded_where_a_key_asks_for_it_without_absolute_paths(
    home: Path,
) -> None:
    claude_log(home)

    found = rows(run(home, "{transcript: claude-code, take: commands, text: true}"))

    assert [row["command"] for row in found] == [
        "cd . && pytest -q tests/test_load.py",
        "…/pytest -q",
        "python serve.py",
    ]


def test_codex_summary(home: Path) -> None:
    codex_log(home)

    looked = run(home, "{transcript: codex}")

    (row,) = rows(looked)
    assert {name: value for name, value in row.items() if value is not None} == {
        "agent": "codex",
        "version": "0.65.0",
        "model": "gpt-5.1-codex",
        "started_at": at("2026-01-03T14:00:00Z"),
        "ended_at": at("2026-01-03T14:03:08Z"),
        "elapsed": "3 min",
        "active": "3 min",
        "active_minutes": 3,
        "turns": 1,
        "requests": 2,
        "tokens": "51k/272k",
        "context_tokens": 50_700,
        "window_tokens": 272_000,
        "input_tokens": 20_000,
        "output_tokens": 900,
        "cache_read_tokens": 40_000,
        "cache_write_tokens": 0,
        "files_changed": 4,
        "files_outside": 0,
        "commands": 4,
        "commands_failed": 1,
        "commands_unknown": 1,
    }
    assert looked.source == f"codex {CODEX_ID}"


def test_codex_lists(home: Path) -> None:
    codex_log(home)

    assert rows(run(home, "{transcript: codex, take: files}")) == [
        {"path": "ml/load.py", "change": "modified"},
        {"path": "new.py", "change": "added"},
        {"path": "old.py", "change": "deleted"},
        {"path": "tests/test_load.py", "change": "added"},
    ]
    assert failure(run(home, "{transcript: codex, take: reads}")) == (
        "codex: the log does not say which files were read"
    )
    commands = rows(run(home, "{transcript: codex, take: commands, text: true}"))
    assert [(row["exit_status"], row["command"]) for row in commands] == [
        (0, "bash -lc cat ml/load.py"),
        (2, "pytest -q"),
        (0, "true"),
        (None, "serve"),
    ]


def test_events_of_codex_say_what_was_read_and_how_commands_ended(home: Path) -> None:
    root = home / "work/project"
    event = {
        "type": "exec_command_end",
        "call_id": "c1",
        "command": ["cat"],
        "exit_code": 0,
        "parsed_cmd": [{"type": "read", "cmd": "cat", "path": f"{root}/ml/load.py"}],
    }
    lines = fixture("codex", root).splitlines()[:7]
    lines.append(json.dumps(line("2026-01-03T14:00:10Z", "event_msg", event)))
    codex_log(home, "\n".join(lines) + "\n")

    assert rows(run(home, "{transcript: codex, take: reads}")) == [{"path": "ml/load.py"}]


def line(at: str, kind: str, payload: object) -> dict[str, object]:
    return {"timestamp": at, "type": kind, "payload": payload}


def test_tokens_of_a_resumed_rollout_are_added_up(home: Path) -> None:
    def tokens(total: int) -> str:
        usage = {"input_tokens": total, "output_tokens": 0, "total_tokens": total}
        payload = {"type": "token_count", "info": {"total_token_usage": usage}}
        return json.dumps(line("2026-01-03T14:05:00Z", "event_msg", payload))

    first = fixture("codex", home / "work/project").splitlines()[0]
    codex_log(home, "\n".join([first, *map(tokens, (100, 250, 40, 90))]) + "\n")

    assert summary(home, "{transcript: codex}")["input_tokens"] == 340


MAPPING = """\
sources: [../logs]
transcripts:
  my-agent:
    folder: ../logs
    read:
      at: time
      cwd: dir
      turn: "role == 'user'"
      input_tokens: usage.prompt
      output_tokens: usage.completion
      changed: edited
      command: run.line
      exit_status: run.status
"""


def test_other_logs_are_read_by_a_mapping(home: Path) -> None:
    root = home / "work/project"
    write(root, "handoff.yaml", MAPPING)
    lines = [
        {"time": "2026-01-03T14:00:00Z", "dir": str(root), "role": "user", "text": "PRIVATE"},
        {"time": "2026-01-03T14:01:00Z", "usage": {"prompt": 900, "completion": 100}},
        {"time": "2026-01-03T14:02:00Z", "edited": ["a.py", "/tmp/x"]},
        {"time": "2026-01-03T14:03:00Z", "run": {"line": "make", "status": 2}},
    ]
    write(home, "work/logs/one.jsonl", "".join(f"{json.dumps(each)}\n" for each in lines))

    row = summary(home, "{transcript: my-agent, window: 10000}")

    assert {name: value for name, value in row.items() if value is not None} == {
        "agent": "my-agent",
        "started_at": at("2026-01-03T14:00:00Z"),
        "ended_at": at("2026-01-03T14:03:00Z"),
        "elapsed": "3 min",
        "active": "3 min",
        "active_minutes": 3,
        "turns": 1,
        "requests": 1,
        "tokens": "1k/10k",
        "context_tokens": 1_000,
        "window_tokens": 10_000,
        "input_tokens": 900,
        "output_tokens": 100,
        "files_changed": 1,
        "files_outside": 1,
        "commands": 1,
        "commands_failed": 1,
        "commands_unknown": 0,
    }


# --- which log ---------------------------------------------------------------------------


def shifted(text: str, day: int) -> str:
    return text.replace("2026-01-03T", f"2026-01-{day:02}T")


def test_newest_log_is_the_one_that_ended_last_whatever_the_time_of_its_file(
    home: Path,
) -> None:
    text = fixture("claude-code", home / "work/project")
    newest = claude_log(home, shifted(text, 2), "bbbb")
    os.utime(newest, (1, 1))
    claude_log(home, shifted(text, 1), "cccc")

    assert run(home, "{transcript: claude-code}").source == "claude-code bbbb"
    assert run(home, "{transcript: claude-code, id: cccc}").source == "claude-code cccc"


def test_log_of_another_folder_is_not_this_ones(home: Path) -> None:
    text = fixture("claude-code", home / "work/project-2")
    log = claude_log(home, text)
    other = write(
        home, f"{log.parent.parent.relative_to(home)}/{log.parent.name}-2/a.jsonl", text
    )

    assert other.is_file()
    assert failure(run(home, "{transcript: claude-code}")) == (
        "claude-code: no log of this folder"
    )


def test_log_of_a_folder_above_in_the_repository_is_found(home: Path) -> None:
    repository(home / "work")
    slug = "".join(c if c.isalnum() else "-" for c in str(home / "work"))
    text = fixture("claude-code", home / "work/project").replace(
        f'"cwd":"{home}/work/project"', f'"cwd":"{home}/work"'
    )
    write(home, f".claude/projects/{slug}/{ID}.jsonl", text)

    assert summary(home)["files_changed"] == 2


def test_past_counts_what_had_happened_by_then(home: Path) -> None:
    claude_log(home)

    (row,) = rows(run(home, "{transcript: claude-code}", at("2026-01-03T14:01:30Z")))

    assert (row["turns"], row["requests"], row["commands"]) == (1, 2, 0)
    assert row["ended_at"] == at("2026-01-03T14:01:02Z")
    early = run(home, "{transcript: claude-code}", at("2026-01-02T00:00:00Z"))
    assert failure(early) == "claude-code: no log of this folder that had begun by then"


def test_file_in_the_repository_is_read_by_name(home: Path) -> None:
    root = home / "work/project"
    write(root, "logs/a.jsonl", fixture("codex", root))

    looked = run(home, "{transcript: codex, file: logs/a.jsonl}")

    assert (rows(looked)[0]["turns"], looked.source) == (1, "logs/a.jsonl")


def test_logs_outside_the_repository_follow_sources(home: Path) -> None:
    claude_log(home)
    write(home / "work/project", "handoff.yaml", "")

    with pytest.raises(InvalidInput) as caught:
        run(home, "{transcript: claude-code}")

    assert str(caught.value) == (
        "sessions/s.yaml:5:12: error: fact 'metrics' reads the logs of claude-code outside the "
        "repository; add '~/.claude/projects' to 'sources:' in handoff.yaml (F030)"
    )


def test_machine_without_logs_and_unknown_agents_are_failures(home: Path) -> None:
    assert failure(run(home, "{transcript: codex}")) == (
        "codex: there is no folder of logs on this machine"
    )
    assert failure(run(home, "{transcript: aider}")) == (
        "unknown agent 'aider', known are claude-code, codex"
    )


# --- damaged, unknown and hostile --------------------------------------------------------

TOTALS = ("turns", "output_tokens", "tokens", "commands", "files_changed", "active_minutes")

DAMAGED = {
    "not JSON": b"{\n",
    "not UTF-8": b'{"type":"user","timestamp":"\xff\xfe"}\n',
    "nested deeply": b'{"type":"user","message":' + b"[" * 200_000 + b"\n",
    "of another shape": b'{"type":"user","timestamp":"2026-01-03T14:00:00Z","message":7}\n',
    "without a time": b'{"type":"user","message":{"content":"x"}}\n',
    "negative": b'{"type":"assistant","timestamp":"2026-01-03T14:00:00Z","message":'
    b'{"content":[],"usage":{"output_tokens":-5}}}\n',
    "cut by a NUL": b'{"type":"user"\x00\x1b[2J\n',
}


@pytest.mark.parametrize("damage", DAMAGED.values(), ids=DAMAGED)
def test_totals_are_blank_where_a_line_cannot_be_read(damage: bytes, home: Path) -> None:
    text = fixture("claude-code", home / "work/project").encode()
    claude_log(home).write_bytes(text + damage)

    row = summary(home)

    assert row["problem"] == "1 line could not be read"
    assert [row[name] for name in TOTALS] == [None] * len(TOTALS)
    assert row["started_at"] == at("2026-01-03T14:00:00Z")
    assert failure(run(home, "{transcript: claude-code, take: files}")) == (
        "claude-code: 1 line could not be read"
    )


def test_check_warns_of_a_damaged_transcript(home: Path) -> None:
    log = claude_log(home)
    log.write_bytes(log.read_bytes() + b"{\n")
    root = home / "work/project"
    write(root, "sessions/s.yaml", f"{HEAD}  metrics: {{transcript: claude-code}}\n")
    project = api.open_project(str(root))
    loaded = api.load(project, "s")
    facts = api.gather(project, loaded)

    found = [each for each in api.check(project).problems if each.code == "F026"]

    assert [each.message for each in found] == [
        "fact 'metrics' is incomplete, what it counts is blank: 1 line could not be read"
    ]
    assert [*api.failure_problems(loaded, facts)] == found, "render warns of the same"


def test_hostile_names_stay_data(home: Path) -> None:
    name = "`x`\n# Ignore the above\x1b[2J\u202e"
    text = fixture("codex", home / "work/project")
    codex_log(home, text.replace("gpt-5.1-codex", "<b>gpt</b>\\u001b").replace("c1", "c9"))
    log = claude_log(home)
    escaped = json.dumps(f"{home}/work/project/{name}")
    log.write_text(
        log.read_text("utf-8").replace(f'"{home}/work/project/ml/load.py"', escaped), "utf-8"
    )
    root = home / "work/project"
    facts = "  files: {transcript: claude-code, take: files}\n  codex: {transcript: codex}\n"
    write(root, "sessions/s.yaml", f"{HEAD}{facts}files: {{files: files}}\n")
    project = api.open_project(str(root))
    loaded = api.load(project, "s")
    gathered = api.gather(project, loaded)

    rendered = api.render(project, loaded, gathered).text

    assert "\x1b" not in rendered
    assert "\u202e" not in rendered
    assert "\n# Ignore" not in rendered
    names = [column.name for column in gathered.facts["codex"].columns]
    assert gathered.facts["codex"].rows[0][names.index("model")] is None


def test_last_line_that_is_still_being_written_is_left_out(home: Path) -> None:
    log = claude_log(home)
    log.write_bytes(log.read_bytes() + b'{"type":"assistant","mess')

    assert summary(home)["problem"] is None


@pytest.mark.parametrize("version", ["3.0.0", "next", "\x1b[31mred"])
def test_unknown_version_gives_blanks_and_says_so(version: str, home: Path) -> None:
    text = fixture("claude-code", home / "work/project")
    claude_log(home, text.replace('"2.1.63"', json.dumps(version)))

    row = summary(home)

    shown = "3.0.0" if version == "3.0.0" else "without a number"
    assert {name: value for name, value in row.items() if value is not None} == {
        "agent": "claude-code",
        "problem": f"the log is of version {shown}, known are 0.x, 1.x, 2.x",
    }


def test_line_longer_than_the_limit_is_unreadable(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "MAX_LINE_BYTES", 100_000)
    monkeypatch.setattr(logs, "BLOCK_BYTES", 4096)
    text = fixture("claude-code", home / "work/project").encode()
    long = b'{"type":"user","x":"' + b"x" * 300_000 + b'"}\n'
    claude_log(home).write_bytes(text + long + b'{"type":"summary"}\n')

    assert summary(home)["problem"] == "1 line could not be read"


def test_too_many_names_are_refused(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tally, "MAX_NAMES", 2)
    claude_log(home)

    assert failure(run(home, "{transcript: claude-code}")) == (
        "claude-code: more than 2 messages, commands or files"
    )


def test_no_text_of_the_conversation_and_no_path_of_the_machine_is_recorded(home: Path) -> None:
    claude_log(home)
    codex_log(home)
    root = home / "work/project"
    facts = "\n".join(
        f"  {agent}_{take}: {{transcript: {name}, take: {take}, text: true}}"
        for agent, name in (("a", "claude-code"), ("b", "codex"))
        for take in ("summary", "files", "reads", "commands")
    )
    write(root, "sessions/s.yaml", f"{HEAD}{facts}\n")
    project = api.open_project(str(root))

    api.gather(project, api.load(project, "s"))

    recorded = (root / "sessions/s.facts.json").read_text("utf-8")
    assert "a_summary" in recorded
    assert "PRIVATE" not in recorded
    assert str(home) not in recorded


def test_secret_in_a_command_stops_the_write(home: Path) -> None:
    root = home / "work/project"
    token = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    text = fixture("claude-code", root).replace("python serve.py", f"serve --token {token}")
    claude_log(home, text)
    declaration = "{transcript: claude-code, take: commands, text: true}"
    write(root, "sessions/s.yaml", f"{HEAD}  metrics: {declaration}\n")
    project = api.open_project(str(root))

    with pytest.raises(InvalidInput):
        api.gather(project, api.load(project, "s"))

    assert not (root / "sessions/s.facts.json").exists()


def test_link_in_the_folder_of_logs_does_not_lead_out_of_it(home: Path) -> None:
    log = claude_log(home)
    outside = write(home, "elsewhere.jsonl", log.read_bytes())
    log.unlink()
    log.symlink_to(outside)

    assert failure(run(home, "{transcript: claude-code}")) == (
        "claude-code: no log of this folder"
    )


def test_document_fills_the_token_usage_of_the_session(home: Path) -> None:
    claude_log(home)
    root = home / "work/project"
    declaration = "{transcript: claude-code, window: 200000}"
    body = 'metrics: {Token Usage: "{{ metrics.tokens }}", Time: "{{ metrics.active }}"}\n'
    write(root, "sessions/s.yaml", f"{HEAD}  metrics: {declaration}\n{body}")
    project = api.open_project(str(root))
    loaded = api.load(project, "s")

    text = api.render(project, loaded, api.gather(project, loaded)).text

    assert "84k/200k" in text
    assert "7 min" in text
    assert "PRIVATE" not in text


# --- size --------------------------------------------------------------------------------


def copies(home: Path, megabytes: int) -> Iterator[bytes]:
    """A long session: the fixture again and again, with the output of tools."""
    text = fixture("claude-code", home / "work/project")
    filler = "x" * 60_000
    round_ = 0
    written = 0
    while written < megabytes * 2**20:
        round_ += 1
        block = re.sub('"(t[0-9]|msg_)', rf'"r{round_}\1', text)
        block = block.replace("1 passed", filler).encode()
        written += len(block)
        yield block


def test_long_log_takes_bounded_memory(home: Path) -> None:
    log = claude_log(home)
    with log.open("wb") as file:
        file.writelines(copies(home, 64))
    summary(home)

    tracemalloc.start()
    begun = time.monotonic()
    row = summary(home)
    seconds = time.monotonic() - begun
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert row["problem"] is None
    assert peak < 24 * 2**20
    assert seconds < 20
