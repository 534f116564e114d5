"""Kills handoff at random moments: `python tests/killing.py FOLDER TIMES SEED`.

Each command runs in a fork of this process, which has imported everything already, so that
nearly every moment is one of work. After each, every file must be one that was whole: a session
as some edit left it, facts as handoff writes them, documents that are signed, or a hand's own.
Prints how many were killed in the middle of it, by command.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from handoff.commands.runner import run
from handoff.facts import recorded
from handoff.publish import writer as publish
from handoff.session import decode
from handoff.session.model import Text

SESSION = """\
session: {n}
title: Number {n}
created: 2026-01-{n:02}
goal: "{goal}; counted {{{{ counts.n | blank }}}}"
facts:
  counts: {{json: checkpoint.json, columns: {{n: INT64}}}}
"""
OUTPUT = "docs/09-handoff"
HAND = "2026-01-05-SESSION-5-NUMBER-5.md"


def main(root: Path, times: int, seed: int) -> None:
    luck = random.Random(seed)
    _begin(root)
    seconds = {words: _timed(root, words) for words in _commands(0)}
    (root / OUTPUT / HAND).write_text("by hand\n" + (root / OUTPUT / HAND).read_text("utf-8"))
    killed: Counter[str] = Counter()
    goal = _goal(root)
    for n in range(1, times + 1):
        (root / "checkpoint.json").write_text(f'{{"n": {n}}}')
        words = luck.choice(_commands(n))
        limit = next(each for key, each in seconds.items() if key[0] == words[0])
        killed[words[0]] += _killed(root, words, luck.uniform(0, limit * 1.2))
        _hold(root, n)
        assert _goal(root) in (goal, words[-1] if words[0] == "set" else goal), n
        goal = _goal(root)
    assert run(["render", "s1", "--root", str(root)]) == 0
    assert run(["publish", "--root", str(root)]) == 1  # the one by hand
    assert not list(root.rglob("*.tmp"))
    json.dump(killed, sys.stdout)


def _begin(root: Path) -> None:
    (root / "sessions").mkdir(parents=True)
    (root / "handoff.yaml").write_text("engine: duckdb\narchive: {after_days: 3}\n")
    (root / "checkpoint.json").write_text('{"n": 0}')
    for n in range(1, 9):
        text = SESSION.format(n=n, goal="Goal 0")
        (root / f"sessions/s{n}.yaml").write_text(text)


def _commands(n: int) -> Sequence[tuple[str, ...]]:
    return (
        ("set", "s1", "goal", f"Goal {n}; counted {{{{ counts.n | blank }}}}"),
        ("render", "s1"),
        ("publish",),
    )


def _timed(root: Path, words: tuple[str, ...]) -> float:
    begun = time.perf_counter()
    assert os.waitpid(_started(root, words), 0)[1] == 0, words
    return time.perf_counter() - begun


def _killed(root: Path, words: tuple[str, ...], after: float) -> bool:
    """Whether the command was still at work when it was killed."""
    child = _started(root, words)
    time.sleep(after)
    os.kill(child, signal.SIGKILL)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def _started(root: Path, words: tuple[str, ...]) -> int:
    child = os.fork()
    if child:
        return child
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    os._exit(run([*words, "--root", str(root)]))


def _goal(root: Path) -> str:
    """As the last edit left it."""
    source = (root / "sessions/s1.yaml").read_bytes()
    session, _ = decode.load(source, "s1", "sessions/s1.yaml")
    assert isinstance(session.goal, Text)
    return session.goal.value


def _hold(root: Path, n: int) -> None:
    """Every file is one that was whole at some time."""
    for path in (root / "sessions").glob("[!.]*.yaml"):
        decode.load(path.read_bytes(), path.stem, f"sessions/{path.name}")
    for path in (root / "sessions").glob("[!.]*.facts.json"):
        assert not recorded.problems(path.read_bytes(), path.name), (n, path)
    documents = [each for each in (root / OUTPUT).rglob("[!.]*.md") if each.name != HAND]
    for path in documents:
        assert publish.signature(path.read_bytes()).intact, (n, path)
    names = {each.name for each in documents}
    expected = (f"2026-01-0{k}-SESSION-{k}-NUMBER-{k}.md" for k in (1, 2, 3, 4, 6, 7, 8))
    assert names.issuperset(expected), n
    assert (root / OUTPUT / HAND).read_text("utf-8").startswith("by hand\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
