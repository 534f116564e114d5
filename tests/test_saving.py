"""Saving edits: what loads is written, and nothing is lost."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from handoff import api
from handoff.base import locks
from handoff.base.locks import locked
from handoff.base.problems import HandoffError, InvalidInput, WorldError
from handoff.commands.runner import run
from handoff.edit.operations import set_at
from handoff.edit.save import save
from handoff.project.project import Project
from handoff.yaml.nodes import MAX_BYTES, Map, parse_yaml

SESSION = """\
session: 1
title: Prep   # short
created: 2026-01-03
checklist:
  Docs: false
decisions:
"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "sessions").mkdir()
    (tmp_path / "sessions/session-1.yaml").write_bytes(SESSION.encode())
    (tmp_path / "handoff.yaml").write_text("engine: duckdb\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def project(root: Path) -> Project:
    return api.open_project(str(root))


def text(root: Path) -> str:
    return (root / "sessions/session-1.yaml").read_bytes().decode()


def messages(capfd: pytest.CaptureFixture[str]) -> list[str]:
    return capfd.readouterr().err.splitlines()


S = "sessions/session-1.yaml"
COMMANDS = yaml.safe_load(
    (Path(__file__).parent / "fixtures/authoring/commands.yaml").read_text("utf-8")
)


@pytest.mark.parametrize("case", COMMANDS, ids=lambda case: " ".join(case["do"]))
def test_command_edits_and_reports_the_place(
    root: Path, capfd: pytest.CaptureFixture[str], case: dict[str, Any]
) -> None:
    after = SESSION.replace(case.get("old", ""), case.get("new", ""))

    found = (run(case["do"]), messages(capfd), text(root))

    assert found == (case.get("code", 0), [case["message"]], after)


def test_earlier_errors_do_not_stop_an_edit(root: Path, project: Project) -> None:
    (root / S).write_text(SESSION + "titel: x\n")

    saved = save(project, "session-1", lambda old: set_at(old, "decisions", "y"))

    assert saved.session is None
    assert text(root) == SESSION.replace("decisions:", "decisions: y") + "titel: x\n"


def test_evidence_that_names_no_fact_is_refused(root: Path, project: Project) -> None:
    (root / S).write_text(SESSION + "  - {text: Sure, evidence: 3f9c2d1}\n")

    with pytest.raises(InvalidInput, match="unknown fact 'coverage'"):
        save(project, "session-1", lambda old: set_at(old, "decisions.0.evidence", "coverage"))


@pytest.mark.parametrize(
    "broken",
    ["a: [1\n", "", "a: &x [*x]\n", "- 1\n", "a: \xff\n", f"a: {'[' * 60}{']' * 60}\n"],
)
def test_invalid_yaml_is_not_edited(root: Path, project: Project, broken: str) -> None:
    (root / S).write_bytes(broken.encode("latin-1"))

    with pytest.raises(HandoffError) as error:
        save(project, "session-1", lambda old: set_at(old, "a", "y"))

    assert error.value.exit_code == 1
    assert (root / S).read_bytes() == broken.encode("latin-1")


def test_input_of_several_lines_becomes_a_block(root: Path) -> None:
    words = ["set", "session-1", "decisions", "-"]
    command = [sys.executable, "-c", "from handoff.commands import main; main()", *words]

    subprocess.run(command, input=b"one\r\n  two\r\n\r\n", check=True, capture_output=True)

    assert text(root) == SESSION.replace("decisions:", "decisions: |-\n  one\n    two")


def test_leftovers_of_a_killed_writer_are_removed(root: Path, project: Project) -> None:
    spare = root / "sessions/.session-1.yaml.0badcafe.tmp"
    spare.write_text("half")

    save(project, "session-1", lambda old: set_at(old, "decisions", "y"))

    assert sorted(path.name for path in spare.parent.iterdir()) == ["session-1.yaml"]


def test_a_lock_that_is_held_is_waited_for(root: Path) -> None:
    with (
        locked(root, place="x"),
        pytest.raises(WorldError, match="another handoff process has held it"),
        locked(root, place="x", seconds=0.05),
    ):
        pass

    with locked(root, place="x", seconds=0):
        pass


def test_without_locks_on_folders_there_is_one_in_the_cache(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "_folder_itself", lambda _: None)

    with (
        locked(root, place="x"),
        pytest.raises(WorldError, match="another handoff process has held it"),
        locked(root, place="x", seconds=0.05),
    ):
        pass

    assert not [path for path in root.rglob("*") if "lock" in path.name]


WRITER = """
import sys
from handoff import api
from handoff.edit.operations import set_at
from handoff.edit.save import save

project = api.open_project(sys.argv[1])
for n in range(int(sys.argv[3])):
    path = f"metrics.{sys.argv[2]} {n}"
    save(project, "session-1", lambda old: set_at(old, path, f"value {n}", new=True))
"""


def metrics(root: Path) -> list[str]:
    node = parse_yaml(text(root).encode(), S).root
    assert isinstance(node, Map)
    inner = next(pair.node for pair in node.pairs if pair.key == "metrics")
    assert isinstance(inner, Map)
    return [pair.key for pair in inner.pairs]


def writer(root: Path, name: str, count: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", WRITER, str(root), name, str(count)])


SAVES = int(os.environ.get("HANDOFF_SAVES", "300"))
"""How many an editor makes while edits are saved; `make saves` makes 1,000."""


def test_no_save_of_an_editor_is_lost(root: Path) -> None:
    path, edits = root / S, 0
    editor = threading.Thread(target=save_as_an_editor, args=(path,))
    project = api.open_project(str(root))
    editor.start()
    while editor.is_alive():
        edits += 1
        save(project, "session-1", lambda old, n=edits: set_at(old, "decisions", f"d{n}"))
    editor.join()

    assert edits > 1
    assert set(re.findall(r"# save (\d+)", text(root))) == set(map(str, range(SAVES)))


def save_as_an_editor(path: Path) -> None:
    for n in range(SAVES):
        path.write_bytes(path.read_bytes() + f"# save {n}\n".encode())
        time.sleep(0.005)


def test_waiting_for_a_lock_is_reported(
    root: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(locks, "_REPORT_SECONDS", 0.0)

    with (
        locked(root, place="x"),
        pytest.raises(WorldError),
        locked(root, place="sessions", seconds=0.05),
    ):
        pass

    assert messages(capfd) == [
        "sessions: waiting for another handoff process, at most 0 s",
    ]


def test_two_processes_setting_different_places_lose_nothing(root: Path) -> None:
    (root / S).write_text(SESSION + "metrics: {}\n")

    both = [writer(root, name, 50) for name in ("left", "right")]
    codes = [each.wait(timeout=120) for each in both]

    labels = metrics(root)
    assert codes == [0, 0]
    assert sorted(labels) == sorted(
        f"{name} {n}" for name in ("left", "right") for n in range(50)
    )


@pytest.mark.skipif(os.name == "nt", reason="no signals to kill with")
def test_a_writer_killed_at_any_time_leaves_the_old_or_the_new_file(root: Path) -> None:
    (root / S).write_text(SESSION + "metrics: {}\n")
    delays = random.Random(0)

    for n in range(int(os.environ.get("HANDOFF_TEST_KILLS", "8"))):
        process = writer(root, f"round {n}", 100_000)
        time.sleep(0.3 + delays.random() * 0.2)
        process.send_signal(signal.SIGKILL)
        process.wait()
        numbers = [int(each.split()[-1]) for each in metrics(root) if f"round {n} " in each]
        assert numbers == list(range(len(numbers)))

    assert run(["set", "session-1", "title", "Still editable"]) == 0


def test_an_edit_beyond_the_size_limit_is_refused(root: Path, project: Project) -> None:
    full = SESSION + "#" * (MAX_BYTES - len(SESSION) - 10) + "\n"
    (root / S).write_text(full)

    with pytest.raises(InvalidInput, match=r"bytes exceed the limit.*\(Y003\)"):
        save(project, "session-1", lambda old: set_at(old, "title", "much longer than before"))

    assert text(root) == full


def test_an_edit_parses_the_file_before_and_after_only(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed: list[str] = []
    parse = yaml.parse

    def counted(text: str, **options: Any) -> Any:
        parsed.append(text)
        return parse(text, **options)

    monkeypatch.setattr(yaml, "parse", counted)

    assert run(["set", "session-1", "title", "Better"]) == 0

    assert [each for each in parsed if each.startswith("session:")] == [
        SESSION,
        SESSION.replace("Prep", "Better"),
    ]
