"""Nothing that looks like a secret is written, recorded or printed, and no output shows it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from handoff.commands.runner import run

TOKEN = "gh" + "p_" + "abcdefghijklmnopqrstuvwxyz0123456789"
SESSION = """\
session: 1
title: One
created: 2026-01-03
goal: See
"""
ALLOW = "engine: duckdb\nsecrets: {allow: [{rule: github-token, reason: made up}]}\n"

Handoff = Callable[..., tuple[int, str, str]]


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for folder in ("sessions", "sql/q", "sql/sample", "templates"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "handoff.yaml").write_text("engine: duckdb\n")
    (tmp_path / "sessions/one.yaml").write_text(SESSION)
    (tmp_path / "sql/sample/01.sql").write_text("CREATE SCHEMA s;\n")
    (tmp_path / "sql/q/users.sql").write_text(
        "-- Who is there.\n-- returns: name STRING, token STRING\n"
        f"SELECT 'ann' AS name, CONCAT('gh', 'p_', '{TOKEN[4:]}') AS token\n"
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def handoff(repository: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> Handoff:
    def call(*words: str) -> tuple[int, str, str]:
        code = run(words)
        found = capfdbinary.readouterr()
        out, err = found.out.decode(), found.err.decode()
        assert TOKEN not in out + err
        return code, out, err

    return call


def add(file: Path, text: str) -> None:
    file.write_text(file.read_text() + text)


def documents(root: Path) -> list[str]:
    return sorted(path.name for path in root.glob("docs/**/*.md"))


LINE = (
    "sessions/one.yaml:5: error: looks like a secret (github-token): take it out and revoke "
    "it, or allow it with a reason under 'secrets: allow:' of handoff.yaml (K001)\n"
)


@pytest.mark.parametrize("words", [[], ["--stdout"], ["--frozen"], ["--frozen", "--stdout"]])
def test_secret_in_the_session_is_told_at_its_line_and_stops_render(
    handoff: Handoff, repository: Path, words: list[str]
) -> None:
    add(repository / "sessions/one.yaml", f"findings: the token is {TOKEN}\n")

    code, out, err = handoff("render", "one", *words)

    assert (code, out, err) == (1, "", LINE)
    assert documents(repository) == []
    assert not (repository / "sessions/one.facts.json").exists()


def test_secret_in_a_prompt_is_one_too(handoff: Handoff, repository: Path) -> None:
    add(repository / "sessions/one.yaml", f"prompt: {{goal: use {TOKEN}}}\n")

    assert handoff("render", "one") == (1, "", LINE)


FACT = (
    "sessions/one.facts.json:13: error: fact 'users', column 'token': looks like a secret "
    "(github-token): name the column in the fact's 'redact:', or allow it with a reason under "
    "'secrets: allow:' of handoff.yaml (K002)"
)


def test_secret_in_an_answer_is_not_recorded(handoff: Handoff, repository: Path) -> None:
    add(repository / "sessions/one.yaml", "facts: {users: {sql: q/users.sql}}\n")

    code, out, err = handoff("render", "one")

    assert (code, out, err.splitlines()[-1]) == (1, "", FACT)
    assert documents(repository) == []
    assert not (repository / "sessions/one.facts.json").exists()


def test_redacted_column_is_no_secret(handoff: Handoff, repository: Path) -> None:
    facts = "facts: {users: {sql: q/users.sql, redact: [token]}}\n"
    add(repository / "sessions/one.yaml", facts)

    assert handoff("render", "one")[0] == 0
    assert TOKEN not in (repository / "sessions/one.facts.json").read_text()


def test_secret_of_a_template_is_told_at_the_documents_line(
    handoff: Handoff, repository: Path
) -> None:
    (repository / "templates/handoff.md.j2").write_text(
        f"# One\n\nAsk with {TOKEN}\n{{{{ session.goal }}}}\n"
    )

    code, _, err = handoff("render", "one")

    place = "docs/09-handoff/2026-01-03-SESSION-1-ONE.md:3: error: looks like a secret"
    assert (code, err[: len(place)]) == (1, place)
    assert documents(repository) == []


def test_publish_goes_on_with_the_rest(handoff: Handoff, repository: Path) -> None:
    (repository / "sessions/two.yaml").write_text(
        SESSION.replace("One", "Two").replace("session: 1", "session: 2")
    )
    add(repository / "sessions/one.yaml", f"findings: the token is {TOKEN}\n")

    code, _, err = handoff("publish")

    assert (code, LINE in err) == (1, True)
    assert documents(repository) == ["2026-01-03-SESSION-2-TWO.md", "LATEST.md", "README.md"]


def test_edited_document_is_not_compared_aloud(handoff: Handoff, repository: Path) -> None:
    handoff("render", "one")
    document = repository / "docs/09-handoff/2026-01-03-SESSION-1-ONE.md"
    document.write_text("by hand\n")
    add(repository / "sessions/one.yaml", f"findings: the token is {TOKEN}\n")

    assert handoff("render", "one", "--frozen", "--overwrite") == (1, "", LINE)
    assert document.read_text() == "by hand\n"


def test_allowed_secret_is_written(handoff: Handoff, repository: Path) -> None:
    (repository / "handoff.yaml").write_text(ALLOW)
    add(repository / "sessions/one.yaml", f"findings: the token is {TOKEN}\n")

    assert handoff("render", "one")[0] == 0
    assert handoff("publish")[0] == 0
    assert "(K0" not in handoff("check")[1]


def test_check_tells_of_secrets_wherever_they_are(handoff: Handoff, repository: Path) -> None:
    add(repository / "sessions/one.yaml", "facts: {users: {sql: q/users.sql}}\n")
    (repository / "handoff.yaml").write_text(ALLOW)
    handoff("render", "one")
    (repository / "handoff.yaml").write_text("engine: duckdb\n")
    add(repository / "sql/q/users.sql", f"-- {TOKEN}\n")
    add(repository / "sessions/one.yaml", f"findings: the token is {TOKEN}\n")

    code, out, _ = handoff("check")

    told = [line.partition(" looks")[0] for line in out.splitlines() if "(K0" in line]
    assert code == 1
    assert told == [
        "sessions/one.facts.json:13: error: fact 'users', column 'token':",
        "sessions/one.yaml:6: error:",
        "sql/q/users.sql:4: error:",
    ]


@pytest.mark.parametrize("format_", ["text", "json", "github"])
def test_check_shows_no_secret_in_any_format(
    handoff: Handoff, repository: Path, format_: str
) -> None:
    add(repository / "sessions/one.yaml", f"findings: the token is {TOKEN}\n")

    assert "github-token" in handoff("check", "--format", format_)[1]


def test_unused_allowance_is_noted_over_the_whole_project(
    handoff: Handoff, repository: Path
) -> None:
    (repository / "handoff.yaml").write_text(ALLOW)
    note = "handoff.yaml:2:19: note: nothing needs this allowance (K003)\n"

    assert note in handoff("check")[1]
    assert note not in handoff("check", "one")[1]


def test_unchanged_document_is_not_scanned_again(
    handoff: Handoff, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    handoff("publish")
    scanned: list[str] = []
    monkeypatch.setattr(
        "handoff.publish.gate.scan", lambda text, path, allowances: scanned.append(path)
    )

    assert handoff("publish")[0] == 0
    assert scanned == []
