"""`new`: the next session's file, from what the last one left for it."""

from __future__ import annotations

import re
import shutil
from datetime import date
from pathlib import Path

import pytest
from repositories import commit, git, repository

from handoff import api
from handoff.base.problems import InvalidInput, UsageError
from handoff.commands.runner import run
from handoff.edit.new_session import begin

FIXTURES = Path(__file__).parent / "fixtures/authoring/next"
GOLDEN = Path(__file__).parent / "golden"
EXAMPLE = Path(__file__).parent.parent
DAY = date(2026, 2, 1)
FILES = {
    "handoff.yaml": "engine: duckdb\n",
    "sql/sample/01.sql": "CREATE SCHEMA d;\n",
    "sql/q/days.sql": "-- Days.\n-- returns: n INT64\nSELECT 1537 AS n\n",
}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for path, text in FILES.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    (tmp_path / "sessions").mkdir()
    shutil.copy(FIXTURES / "session-1.yaml", tmp_path / "sessions")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_next_session_holds_what_was_left_for_it(
    root: Path, capfd: pytest.CaptureFixture[str], request: pytest.FixtureRequest
) -> None:
    assert run(["render", "session-1"]) == 0
    capfd.readouterr()

    code = run(["new", "session-2", "--created", "2026-02-01"])

    written = (root / "sessions/session-2.yaml").read_text("utf-8")
    if request.config.getoption("--update"):
        (FIXTURES / "session-2.yaml").write_text(written, "utf-8")
    said = (
        "wrote sessions/session-2.yaml: 6 items, 3 decisions, after session-1; "
        "next: handoff todo session-2\n"
    )
    assert (code, capfd.readouterr().err) == (0, said)
    assert written == (FIXTURES / "session-2.yaml").read_text("utf-8")


def test_what_was_carried_twice_keeps_its_origin(root: Path) -> None:
    project = api.open_project(str(root))
    begin(project, "session-2", created=DAY, source_id="session-1")

    begin(project, "session-3", created=DAY, source_id="session-2")

    third = (root / "sessions/session-3.yaml").read_text("utf-8")
    assert "  Run it: {done: false, note: from session-2}\n" in third
    assert "  Inner box: {done: false, note: from session-1}\n" in third
    assert "  - From before (from session-0)\n" in third
    assert "blocked_by: No access to the raw tables (from session-1)" in third


def test_without_recorded_answers_live_values_stay_live(root: Path) -> None:
    begin(api.open_project(str(root)), None, created=DAY, source_id="session-1")

    text = (root / "sessions/session-2.yaml").read_text("utf-8")
    assert "  Train on {{ days.n }} days: false\n" in text
    assert "  - Keep the {{ days.n }} days (from session-1)\n" in text


def test_what_the_receiver_must_know_is_handed_on(root: Path) -> None:
    with (root / "sessions/session-1.yaml").open("a") as file:
        file.write("do_not: [Run it twice]\nactions:\n  - {do: Look, owner: Ann}  # soon\n")
    text = (root / "sessions/session-1.yaml").read_text()
    waiting = '\\1\\n    - {text: Counted, when: "{{ days.n == 1 }}"}'
    text = re.sub(r"(\n  prerequisites:)", waiting, text)
    text = re.sub(r"(\ndecisions:)", r"\1\n  - {text: Two workers, evidence: 3f9c2d1}", text)
    (root / "sessions/session-1.yaml").write_text(text)

    begin(api.open_project(str(root)), "session-2", created=DAY, source_id="session-1")

    written = (root / "sessions/session-2.yaml").read_text("utf-8")
    assert "\ndo_not:\n  - Run it twice (from session-1)" in written
    assert "\nactions:\n  - {do: Look (from session-1), owner: Ann}\n" in written
    assert "  - {text: Two workers (from session-1), evidence: 3f9c2d1}\n" in written
    assert "Counted" not in written  # 'ready' evaluates it where it is


def test_words_for_a_day_keep_their_meaning(root: Path) -> None:
    path = root / "sessions/session-1.yaml"
    actions = "  - {do: Look, due: August}\n  - {do: Call, after: Friday, due: 2026-03-01}\n"
    path.write_text(f"{path.read_text()}actions_by: owner\nactions:\n{actions}")

    begin(api.open_project(str(root)), "session-2", created=DAY, source_id="session-1")

    written = (root / "sessions/session-2.yaml").read_text("utf-8")
    assert "  - {do: Look (from session-1), due: 2026-08}\n" in written
    assert "  - {do: Call (from session-1), after: 2026-01-09, due: 2026-03-01}\n" in written
    assert "\nactions_by: owner\n" in written


def test_what_the_prompt_forbids_is_carried_on(root: Path) -> None:
    path = root / "sessions/session-1.yaml"
    text = path.read_text() + "do_not: [Run it twice]\n"
    more = "  more: {DO NOT: [Touch prod, Run it twice], NOTES: [Glance]}\n"
    path.write_text(text.replace("  ask: Begin.\n", f"  ask: Begin.\n{more}"))

    begin(api.open_project(str(root)), "session-2", created=DAY, source_id="session-1")

    written = (root / "sessions/session-2.yaml").read_text("utf-8")
    assert (
        "\ndo_not:\n  - Run it twice (from session-1)\n  - Touch prod (from session-1)"
        in written
    )
    assert "Glance" not in written


ODD = """\
    - "<<"
    - "no"
    - "1.5"
    - "- x"
    - "a: b # c"
    - "two\\nlines"
    - {sql: SELECT 1}
    - Label: value
    - Labels: [a, b]
    - [nested, list]
    - true
    - ""
    - " "
    - "? q"
    - "🟢 !tag"
"""


def test_objectives_of_every_kind_become_boxes(root: Path) -> None:
    text = f"session: spike\ntitle: T\ncreated: 2026-01-03\nnext:\n  objectives:\n{ODD}"
    (root / "sessions/session-1.yaml").write_text(text + f"    - {'x' * 2000}\n")
    project = api.open_project(str(root))

    begun = begin(project, None, created=DAY, source_id="session-1")

    checklist = api.load(project, begun.session).session.checklist
    assert checklist is not None
    assert begun.session == "session-2"
    assert [box.label.value for box in checklist.boxes] == [
        *("<<", "no", "1.5", "- x", "a: b # c", "two lines", "`SELECT 1`", "Label: value"),
        *("Labels: a; b", "nested", "list", "✅", "? q", "🟢 !tag", f"{'x' * 299}…"),
    ]


def test_a_taken_id_is_answered_with_a_free_one(root: Path) -> None:
    project = api.open_project(str(root))

    with pytest.raises(UsageError) as error:
        begin(project, "Session-1", created=DAY, source_id="session-1")

    assert error.value.lines == (
        "handoff: error: session 'Session-1' exists; use for example "
        "'2026-02-Session-1': handoff new 2026-02-Session-1"
    )


@pytest.mark.parametrize("bad", ["../x", ".hidden", "a b", ""])
def test_an_id_is_a_name_of_a_file(root: Path, bad: str) -> None:
    assert run(["new", bad, "--bare"]) == 2


def test_an_unknown_template_writes_nothing(root: Path) -> None:
    project = api.open_project(str(root))

    with pytest.raises(InvalidInput, match="no template 'bref', did you mean 'brief'"):
        begin(project, "session-2", created=DAY, source_id="session-1", template="bref")

    assert [path.name for path in (root / "sessions").iterdir()] == ["session-1.yaml"]


def test_a_template_without_places_gets_no_sections(root: Path) -> None:
    (root / "templates").mkdir()
    (root / "templates/own.md.j2").write_text("# {{ session.title }}\n")

    begun = begin(
        api.open_project(str(root)), None, created=DAY, source_id="session-1", template="own"
    )

    assert begun.left_out == ("Prerequisites", "Do not touch (from session-1)")


def test_without_a_session_to_carry_on_there_is_a_skeleton(
    root: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (root / "sessions/session-1.yaml").unlink()

    assert run(["new", "--created", "2026-02-01"]) == 0

    assert capfd.readouterr().err == (
        "wrote sessions/session-1.yaml: 1 item; next: handoff todo session-1\n"
    )
    assert run(["render", "session-1"]) == 0


def test_a_session_with_mistakes_is_not_carried_on(root: Path) -> None:
    (root / "sessions/session-1.yaml").write_text("session: 1\ntitel: x\n")

    assert run(["new"]) == 1


@pytest.mark.parametrize(
    "path",
    [*sorted(GOLDEN.glob("*/sessions/*.yaml")), *sorted(EXAMPLE.glob("sessions/*.yaml"))],
    ids=lambda path: f"{path.parent.parent.name}-{path.stem}",
)
def test_every_session_can_be_carried_on_and_rendered(tmp_path: Path, path: Path) -> None:
    for name in ("handoff.yaml", "sessions", "sql", "templates"):
        if (path.parent.parent / name).is_dir():
            shutil.copytree(path.parent.parent / name, tmp_path / name)
        elif (path.parent.parent / name).exists():
            shutil.copy(path.parent.parent / name, tmp_path / name)
    project = api.open_project(str(tmp_path))

    begin(project, "one-more", created=DAY, source_id=path.stem)
    loaded = api.load(project, "one-more")
    document = api.render(project, loaded, None)

    assert loaded.session.previous == (path.stem,)
    assert loaded.session.as_of is None
    assert document.text


CHAIN = """\
session: 1
title: One
created: 2026-11-30
ended: 2026-11-30T18:00:00Z
facts:
  # what was committed
  work: {git: 2026-11-01}  # since the last session
  tree: {git: HEAD, take: tree}
  d: {log: a.log, match: '(?P<done>\\d+)', columns: {done: INT64}}
  days: {sql: q/days.sql}
checklist:
  A: true
  First document rendered: false
  Loaded: {done: false, when: "{{ days.n > 5 }}"}
next:
  session: 2
  title: Two
  objectives: [Read the Session 1 handoff, Read the loader]
  prerequisites:
    - {text: Backfill done, when: "{{ d.done >= 5 }}"}
    - The handoff read
    - Session 1's hand-off document was fully read ✅
    - Key rotated
prompt: {goal: g, ask: Start.}
prompts:
  review:
    topic: Review of Session 1
    status: {Days: "{{ days.n }}"}
    goal: Find errors
    ask: Please review session 1.
    after: next
"""


def test_only_open_work_is_carried(root: Path) -> None:
    (root / "sessions/session-1.yaml").write_text(CHAIN)
    project = api.open_project(str(root))

    begin(project, "session-2", created=DAY, source_id="session-1")
    second = (root / "sessions/session-2.yaml").read_text("utf-8")
    text = second.replace("  prerequisites:\n", "  prerequisites: none\n")
    (root / "sessions/session-2.yaml").write_text(
        text.replace("  title:\n", "  title: Three\n")
    )
    begin(project, "session-3", created=DAY, source_id="session-2")
    third = (root / "sessions/session-3.yaml").read_text("utf-8")

    loaded = "{done: false, note: from session-1, when: '{{ days.n > 5 }}'}"
    assert (
        "checklist:\n  Read the loader: false\n"
        f"  # left open in session-1\n  Loaded: {loaded}\n\n"
    ) in second
    assert "      checklist:\n        Key rotated: false\n" in second
    assert (
        "  Read the loader: {done: false, note: from session-2}\n"
        f"  Loaded: {loaded}\n"
        "  Key rotated: {done: false, note: from session-2}\n\n"
    ) in third
    for words in ("Backfill", "hand-off", "handoff read", "First", "none"):
        assert words not in second + third


def test_facts_that_the_new_session_cites_are_carried(root: Path) -> None:
    (root / "sessions/session-1.yaml").write_text(CHAIN)

    begin(api.open_project(str(root)), "session-2", created=DAY, source_id="session-1")

    written = (root / "sessions/session-2.yaml").read_text("utf-8")
    assert (
        "facts:\n  # what was committed\n"
        "  work: {git: 2026-11-30T18:00:00Z}  # since the last session\n"
        "  tree: {git: HEAD, take: tree}\n"
        "  days: {sql: q/days.sql}\n\n"
    ) in written


def test_git_facts_begin_at_the_commit_of_the_last_session(root: Path) -> None:
    (root / "sessions/session-1.yaml").write_text(CHAIN)
    (root / "a.log").write_text("7\n")
    repository(root)
    commit(root, "First", day=31)
    assert run(["render", "session-1"]) == 0

    begin(api.open_project(str(root)), "session-2", created=DAY, source_id="session-1")

    head = git(root, "rev-parse", "HEAD")[:12]
    assert f"  work: {{git: {head}}}" in (root / "sessions/session-2.yaml").read_text("utf-8")


def test_prerequisites_that_facts_decide_are_left_where_they_are(root: Path) -> None:
    items = """\
    checklist:
      Backfilled: {done: false, when: "{{ d.done >= 9 }}"}
      Handoff document reviewed: false
      Key rotated: false
"""
    head, tail = CHAIN.split("    - {text: Backfill")
    tail = tail[tail.index("prompt:") :]
    (root / "sessions/session-1.yaml").write_text(head + items + tail)

    begin(api.open_project(str(root)), "session-2", created=DAY, source_id="session-1")

    written = (root / "sessions/session-2.yaml").read_text("utf-8")
    assert "      checklist:\n        Key rotated: false\n" in written
    assert "Backfilled" not in written
    assert "  d: " not in written


def test_further_prompts_are_carried_like_the_prompt(root: Path) -> None:
    (root / "sessions/session-1.yaml").write_text(CHAIN)

    begin(api.open_project(str(root)), "session-2", created=DAY, source_id="session-1")

    written = (root / "sessions/session-2.yaml").read_text("utf-8")
    assert written.endswith("""
prompts:
  review:
    topic: Review of Session 2
    status:
      Days: '{{ days.n }}'
    goal:
    read:
      - {path: '{{ document }}', note: Session 2 results}
    ask: Please review session 2.
    after: next
""")
