"""What `check` and `prompt` find wrong in a prompt before somebody pastes it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from sessions import AT, session, text

from handoff import check
from handoff.base.tree import Tree
from handoff.check import CheckContext
from handoff.check.scripts import scripts
from handoff.facts.recorded import Column, Fact, Facts, Provenance
from handoff.session.model import (
    Bullets,
    CodeBlock,
    Content,
    Entry,
    FileToRead,
    Prompt,
    QueryFact,
    Session,
)
from handoff.values.view import Cells, EarlierValue, FactHistory

FIXTURE = Path(__file__).parent / "fixtures/prompt/scripts.txt"
LINES = [line.split(" =>") for line in FIXTURE.read_text("utf-8").splitlines()[1:]]
AS_OF = datetime(2026, 1, 4, 15, 0, tzinfo=UTC)
FILES = {"ml/train.py": 300, "docs/long.md": 2001, "scripts/new.py": 10}
TREE = Tree(lambda path: path in FILES or path == "docs/h/s.md", lambda: FILES)


@pytest.mark.parametrize(("shell", "expected"), LINES, ids=[line[0] for line in LINES])
def test_scripts_that_a_shell_line_runs(shell: str, expected: str) -> None:
    found = scripts(shell.replace("⏎", "\n"))

    assert [f"{each.path}:{each.line}" for each in found] == expected.split()


@given(st.text(alphabet="python sh./-&;|()<>'\"\\\n$`cd#ab", max_size=60))
def test_any_shell_text_is_read(shell: str) -> None:
    assert all(each.line <= shell.count("\n") for each in scripts(shell))


# --- the rules ---------------------------------------------------------------------------


def prompt(*context: str, **parts: Any) -> Prompt:
    bullets = Bullets(tuple(text(words) for words in context), AT) if context else None
    empty = Prompt(None, bullets, None, None, (), None, None, (), AT)
    return replace(empty, **parts)


def case(of: Prompt, rendered: str = "", **changes: Any) -> CheckContext:
    whole = session(prompt=of)
    made = CheckContext(whole, {}, None, "sessions/s.facts.json", "docs/h/s.md", None, TREE)
    return replace(made, prompts={"default": rendered}, lines=FILES.get, **changes)


def found(checked: CheckContext) -> list[str]:
    return [f"{p.code} {p.level} {p.message}" for p in check.prompt_problems(checked)]


def reading(*paths: str) -> Prompt:
    return prompt(read=tuple(FileToRead(text(path), None, AT) for path in paths))


def code(lang: str, source: str) -> Prompt:
    content: Content = CodeBlock(lang, text(source), AT)
    return prompt(more=(Entry("FIRST", content, AT),))


def test_file_that_git_moved_is_found_where_it_is() -> None:
    past = FactHistory(moved={"ml/old.py": "ml/train.py"}.get)

    assert found(case(reading("ml/old.py:3"), past=past)) == [
        "P001 warning file to read 'ml/old.py' does not exist; it was moved to 'ml/train.py'"
    ]


@pytest.mark.parametrize(
    ("committed", "problems"),
    [
        (
            False,
            ["P010 note file to read 'ml/train.py' is not committed, so clones do not have it"],
        ),
        (True, []),
        (None, []),
    ],
)
def test_file_that_is_not_committed(committed: bool | None, problems: list[str]) -> None:
    past = FactHistory(committed=lambda _: committed)

    assert found(case(reading("ml/train.py"), past=past)) == problems


@pytest.mark.parametrize(
    ("path", "problems"),
    [
        ("ml/train.py:400-450", ["P004 warning file to read 'ml/train.py:400-450' "
                                 "has only 300 lines"]),
        ("ml/train.py:300", []),
        ("docs/long.md", ["P005 note file to read 'docs/long.md' has 2,001 lines; "
                          "name those that matter, for example \'docs/long.md:1-200'"]),
        ("docs/long.md:1-80", []),
    ],
)  # fmt: skip
def test_lines_of_files_to_read(path: str, problems: list[str]) -> None:
    assert found(case(reading(path))) == problems


def test_prompt_over_the_budget() -> None:
    checked = case(prompt("x"), "é" * 201, budget_tokens=100)

    assert found(checked) == [
        "P003 warning the prompt takes about 101 tokens (bytes ÷ 4), "
        "but 'prompt.budget_tokens' is 100"
    ]
    assert found(replace(checked, budget_tokens=101)) == []


@pytest.mark.parametrize(
    ("of", "places"),
    [
        (code("bash", "ls\npython ml/trian.py"), ["sessions/s.yaml:7:3"]),
        (code("sql", "python ml/trian.py"), []),
        (code("bash", "python ml/train.py"), []),
        (prompt("Run `python ml/trian.py --all` first"), ["sessions/s.yaml:7:8"]),
        (prompt("Write `ml/trian.py` anew"), []),
        (prompt("python ml/trian.py is no command here"), []),
    ],
)
def test_command_whose_script_is_missing(of: Prompt, places: list[str]) -> None:
    problems = check.prompt_problems(case(of))

    message = "command runs 'ml/trian.py', which does not exist, did you mean 'ml/train.py'?"
    assert [(p.code, p.message) for p in problems] == [("P006", message)] * len(places)
    assert [str(p.place) for p in problems] == places


def cells(done: int, at: datetime = AS_OF) -> Cells:
    how = Provenance("q/run.sql", "0", {"as_of": at}, "duckdb", None, at, None)
    fact = Fact(
        "run", (Column("done", "INT64"), Column("year", "INT64")), ((done, 2025),), how, None
    )
    question = QueryFact("run", "q/run.sql", {}, None, AT, {})
    of = session(facts=(question,))
    return Cells(of, Facts(at, {"run": fact}), {}, 60, ZoneInfo("UTC"))


def recorded(done: int) -> EarlierValue:
    before = cells(done, AS_OF.replace(day=3))
    (cell, _) = before.of(before.sources()["run"])
    return EarlierValue(cell, "session-1")


COPIED = (
    "P007 warning '{}' is the old value of 'run.done' as of 2026-01-03 15:00 UTC (session-1), "
    "which is now '800'; write '{{{{ run.done }}}}'"
)


@pytest.mark.parametrize(
    ("words", "old", "copied"),
    [
        ("514 days are done", 514, "514"),
        ("done: 1,537.", 1537, "1,537"),
        ("done (1537)", 1537, "1537"),
        ("{{ run.done }} of 514", 514, "514"),
        ("800 days are done", 514, None),
        ("12 days are done", 12, None),
        ("500 days are done", 500, None),
        ("in 2025", 2025, None),
        ("see #514", 514, None),
        ("`514`", 514, None),
        ("docs/514", 514, None),
        ("14:514", 514, None),
        ("v1.514", 514, None),
        ("2026-01-514", 514, None),
        ("514.5 points", 514, None),
        ("run_514", 514, None),
    ],
)
def test_number_that_a_fact_had_before(words: str, old: int, copied: str | None) -> None:
    past = FactHistory(old=lambda: [recorded(old)])

    problems = found(case(prompt(words), cells=cells(800), past=past))

    assert problems == ([COPIED.format(copied)] if copied else [])


def test_history_is_not_asked_without_a_number() -> None:
    def never() -> list[EarlierValue]:
        raise AssertionError

    assert (
        found(case(prompt("nothing to count"), cells=cells(1), past=FactHistory(old=never)))
        == []
    )


@pytest.mark.parametrize(
    ("line", "is_past"),
    [
        ("- ETA: 2026-01-02 18:00 UTC", True),
        ("- ETA: Jan 2, 2026", True),
        ("ETA January 2nd 2026, 18:00", True),
        ("- ETA: 2026-01-03 20:03 UTC", False),
        ("- ETA: 2026-01-02 or 2026-01-05", False),
        ("- ETA: complete since 2026-01-02 19:45 UTC", False),
        ("- BETA: 2026-01-02", False),
        ("- data until 2026-01-02", False),
        ("- ETA: 2026-13-45", False),
    ],
)
def test_eta_before_the_handoff(line: str, is_past: bool) -> None:
    message = f"'{line.removeprefix('- ')}' names a day before the handoff, 2026-01-03"

    assert found(case(prompt("x"), line)) == [f"P008 warning {message}"] * is_past


@pytest.mark.parametrize("character", ["\x1b", "\u202e", "\u2067", "\U000e0041", "\x07"])
def test_character_that_nobody_sees(character: str) -> None:
    assert found(case(prompt("x"), f"plain\n\twords {character} more")) == [
        f"P009 warning the prompt has an invisible character, U+{ord(character):04X}"
    ]


def test_prompt_of_plain_words_in_any_language_is_well() -> None:
    assert found(case(prompt("x"), "⏸️ 👩‍💻 日本語 — naïve 🟢\r\n")) == []


def test_without_a_prompt_nothing_is_looked_at() -> None:
    of: Session = session()
    made = CheckContext(of, {}, None, "f", "d", None, TREE)

    assert check.prompt_problems(made) == ()
