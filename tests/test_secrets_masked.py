"""A secret at any entrance is in no output of any command, and in no file that one writes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from commands import Handoff, caller
from projects import project, write_session

from handoff.base.secrets import Allowance, allow_in_output, masked

TOKEN = "gh" + "p_" + "abcdefghijklmnopqrstuvwxyz0123456789"
PART = TOKEN[:16]
"""A message that is cut off must not show the beginning either."""
SESSION = "sessions/one.yaml"
DOCUMENT = "docs/09-handoff/2026-01-01-SESSION-1-ONE.md"

ENTRANCES: dict[str, tuple[str, str]] = {
    "key": (SESSION, f"{TOKEN}: 1\n"),
    "value": (SESSION, f"findings: {TOKEN}\n"),
    "date": (SESSION, f"started: {TOKEN}\n"),
    "long date": (SESSION, f"started: {'x' * 20} {TOKEN}\n"),
    "status": (SESSION, f"status: {TOKEN}\n"),
    "YAML that is cut off": (SESSION, f"findings: [{TOKEN}\n"),
    "duplicate key": (SESSION, f"header:\n  {TOKEN}: 1\n  {TOKEN}: 2\n"),
    "alias": (SESSION, f"findings: *{TOKEN}\n"),
    "tag": (SESSION, f"findings: !{TOKEN} x\n"),
    "fact in an expression": (SESSION, f'findings: "{{{{ {TOKEN} }}}}"\n'),
    "filter": (SESSION, f"findings: \"{{{{ 'x' | {TOKEN} }}}}\"\n"),
    "query": (SESSION, f"facts: {{u: {{sql: {TOKEN}.sql}}}}\n"),
    "template name": (SESSION, f"template: {TOKEN}\n"),
    "prompt": (SESSION, f"prompt: {{goal: use {TOKEN}}}\n"),
    "blank": (SESSION, f'findings: "[TO BE FILLED: {TOKEN}]"\n'),
    "action": (SESSION, f"actions: [{{do: {TOKEN}, owner: Ann, due: 2026-01-01}}]\n"),
    "path": (SESSION, f"relevant_files: [{{path: docs/{TOKEN}.md, why: x}}]\n"),
    "setting": ("handoff.yaml", f"{TOKEN}: 1\n"),
    "value of a setting": ("handoff.yaml", f"tables: {TOKEN}\n"),
    "comment of a query": ("sql/q.sql", f"-- {TOKEN}\nSELECT 1 AS n\n"),
    "table": ("sql/q.sql", f"SELECT n FROM `{TOKEN}`\n"),
    "query's name": (f"sql/{TOKEN}.sql", "SELECT\n"),
    "template": ("templates/handoff.md.j2", f"# One\n\n{TOKEN}\n"),
    "name in a template": ("templates/handoff.md.j2", f"{{% {TOKEN} %}}\n"),
    "facts": ("sessions/one.facts.json", json.dumps({TOKEN: 1})),
    "receipts": ("sessions/one.receipts.json", json.dumps([{TOKEN: 1}])),
    "document": (DOCUMENT, f"# One\n\n[x]({TOKEN}.md)\n"),
    "session's name": (f"sessions/{TOKEN}.yaml", "session: 2\ntitle: Two\n"),
    "session's title": ("sessions/two.yaml", f"session: 2\ntitle: {TOKEN}\n"),
}

COMMANDS = (
    "render one --frozen",
    "render one --frozen --stdout",
    "publish --check",
    "publish",
    "check",
    "check --format json",
    "check --format sarif",
    "check --format github",
    f"check {DOCUMENT}",
    "status",
    "status --json",
    "todo",
    "todo --json",
    "resume one",
    "resume one --json",
    "prompt one",
    "ready one",
    "query list",
    "set one goal fine",
    "import --into one",
    "doctor",
)


@pytest.fixture(autouse=True)
def _nothing_allowed() -> None:
    allow_in_output([])


@pytest.fixture
def handoff(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> Handoff:
    project(tmp_path, one="goal: See\n")
    monkeypatch.chdir(tmp_path)
    return caller(capfdbinary)


@pytest.mark.parametrize("entrance", ENTRANCES)
def test_no_command_shows_the_secret(handoff: Handoff, tmp_path: Path, entrance: str) -> None:
    name, text = ENTRANCES[entrance]
    file = tmp_path / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text((file.read_text() if file.exists() else "") + text)

    for command in COMMANDS:
        done = handoff(*command.split())
        assert PART not in done.out + done.err, command
        assert done.code != 4, command
    written = {path for path in tmp_path.rglob("*") if path.is_file()} - {file}
    assert [path for path in written if TOKEN in path.read_text()] == []


REFUSED = {
    "set one goal {}": "sessions/one.yaml:4: error: looks like a secret (github-token)",
    "add one findings {}": "sessions/one.yaml:6: error: looks like a secret (github-token)",
    "apply one changes.yaml": "sessions/one.yaml: error: looks like a secret (github-token)",
    "import doc.md --created 2026-01-03": "doc.md:3: error: looks like a secret",
    "import doc.md --created 2026-01-03 --stdout": "doc.md:3: error: looks like a secret",
    "import docs": "docs/2026-01-03-X.md:3: error: looks like a secret (github-token)",
    "query import q.sql": "q.sql:1: error: looks like a secret (github-token)",
    "query import q.sql --stdout": "q.sql:1: error: looks like a secret (github-token)",
}


@pytest.mark.parametrize("command", REFUSED)
def test_secret_is_not_written(handoff: Handoff, tmp_path: Path, command: str) -> None:
    (tmp_path / "docs").mkdir()
    for name in ("doc.md", "docs/2026-01-03-X.md"):
        (tmp_path / name).write_text(f"# X\n\nThe token is {TOKEN}.\n")
    (tmp_path / "changes.yaml").write_text(f"set: {{goal: {TOKEN}}}\n")
    (tmp_path / "q.sql").write_text(f"SELECT '{TOKEN}' AS n\n")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    done = handoff(*(word.format(TOKEN) for word in command.split()))

    assert (done.code, REFUSED[command] in done.err) == (1, True), done.err
    assert PART not in done.out + done.err
    after = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert {path for path in after if path.name != ".lock"} >= before.keys()
    assert [path for path in after if after[path] != before.get(path) and after[path]] == []


def test_edit_of_a_file_that_holds_a_secret_goes_on(handoff: Handoff, tmp_path: Path) -> None:
    write_session(tmp_path, "one", f"goal: See\nfindings: {TOKEN}\n")

    assert handoff("set", "one", "goal", "Look").code == 0
    assert handoff("set", "one", "findings", "none").code == 0


def test_allowed_secret_is_printed(handoff: Handoff, tmp_path: Path) -> None:
    allow = f"secrets: {{allow: [{{text: {TOKEN}, path: sessions/*, reason: made up}}]}}\n"
    (tmp_path / "handoff.yaml").write_text(f"engine: duckdb\n{allow}")
    write_session(tmp_path, "one", f"{TOKEN}: 1\n")

    assert TOKEN in handoff("check").out


def test_private_key_is_masked_to_its_end() -> None:
    begin, end = ("-----" + each + " PRIVATE KEY-----" for each in ("BEGIN", "END"))

    found = masked(f"key: {begin}\nMIIE+/=\nabc\n{end}.\n")

    assert found == "key: ***.\n"


def test_json_stays_valid() -> None:
    text = json.dumps({"text": f'use "password={TOKEN[4:]}\\" now', "n": TOKEN})

    assert TOKEN[4:] not in json.dumps(json.loads(masked(text)))


def test_allowance_holds_for_its_rule_only() -> None:
    allow_in_output([Allowance("made up", rule="private-key")])
    assert masked(TOKEN) == "***"
